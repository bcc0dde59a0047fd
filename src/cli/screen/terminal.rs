//! The terminal while a screen covers it, and as it was before.
//!
//! A screen is drawn on the terminal's other page, in raw mode. Whatever ends the process gives the
//! terminal back first: the end of [`Surface`], a panic of any thread, a second signal.

use std::io::{self, IsTerminal, Stdout, Write};
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use crossbeam::channel::{Receiver, bounded};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use signal_hook::consts::SIGINT;

use crate::cli::log;

/// How often the reader of keys looks whether it is to end.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Keys that wait; a person is slower than what takes them.
const KEYS_CAPACITY: usize = 64;

/// A screen covers the terminal.
static COVERED: AtomicBool = AtomicBool::new(false);

/// A panic gives the terminal back before it is told.
static PANICS_TOLD: Once = Once::new();

/// What a person pressed, or did to the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Key {
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
    Tab,
    Number(u8),
    Help,
    Escape,
    /// The size changed.
    Resized,
}

/// A terminal that a screen covers.
pub(in crate::cli) struct Surface {
    /// Never dropped: it would show the cursor, and panic when neither output is there any more.
    /// [`restore`] does what it would do.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<Stdout>>>,
    keys: Receiver<Key>,
    ended: Arc<AtomicBool>,
}

/// Whether standard output is a terminal that can be drawn on, by us: who is in the background
/// would be stopped for it.
pub(in crate::cli) fn is_suitable() -> bool {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    io::stdout().is_terminal() && !is_dumb && is_in_foreground()
}

#[cfg(target_os = "linux")]
fn is_in_foreground() -> bool {
    nix::unistd::tcgetpgrp(io::stdout()).is_ok_and(|group| group == nix::unistd::getpgrp())
}

#[cfg(not(target_os = "linux"))]
const fn is_in_foreground() -> bool {
    true
}

impl Surface {
    /// Covers the terminal.
    ///
    /// # Errors
    /// When the terminal is none, or refuses; it is as before then.
    pub(in crate::cli) fn enter() -> io::Result<Self> {
        PANICS_TOLD.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                restore();
                before(panic);
            }));
        });
        enable_raw_mode()?;
        COVERED.store(true, Ordering::SeqCst);
        log::cover();
        let made = execute!(io::stdout(), EnterAlternateScreen)
            .and_then(|()| Terminal::new(CrosstermBackend::new(io::stdout())))
            .and_then(|mut terminal| terminal.clear().map(|()| terminal));
        let terminal = ManuallyDrop::new(made.inspect_err(|_| restore())?);
        let ended = Arc::new(AtomicBool::new(false));
        Ok(Self { terminal, keys: read_keys(&ended), ended })
    }

    /// What was pressed.
    pub(in crate::cli) const fn keys(&self) -> &Receiver<Key> {
        &self.keys
    }

    /// Draws what changed since the last time.
    ///
    /// # Errors
    /// When the terminal is gone, or was given back because of a panic.
    pub(in crate::cli) fn draw(&mut self, paint: impl FnOnce(&mut Buffer)) -> io::Result<()> {
        if !COVERED.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.terminal.draw(|frame| paint(frame.buffer_mut()))?;
        Ok(())
    }
}

impl Drop for Surface {
    fn drop(&mut self) {
        // Relaxed: a lone flag.
        self.ended.store(true, Ordering::Relaxed);
        restore();
    }
}

/// Gives the terminal back, if a screen covers it. Any thread may ask, any number of times.
pub(in crate::cli) fn restore() {
    if !COVERED.swap(false, Ordering::SeqCst) {
        return;
    }
    // A terminal that is gone needs nothing back.
    let _ = execute!(io::stdout(), LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
    let _ = io::stdout().flush();
    log::uncover();
}

/// Reads keys on a thread of its own. In raw mode Ctrl-C is a key too: it does what it always does.
fn read_keys(ended: &Arc<AtomicBool>) -> Receiver<Key> {
    let (sender, receiver) = bounded(KEYS_CAPACITY);
    let ended = Arc::clone(ended);
    let read = move || -> io::Result<()> {
        // A terminal that was closed is none any more, and would be looked at without an end.
        while !ended.load(Ordering::Relaxed) && io::stdout().is_terminal() {
            if !event::poll(LOOK_EVERY)? {
                continue;
            }
            match event::read()? {
                Event::Key(key) if is_stop(key) => signal_hook::low_level::raise(SIGINT)?,
                Event::Key(key) => {
                    if let Some(key) = key_of(key) {
                        // Full: so many presses nobody counts.
                        let _ = sender.try_send(key);
                    }
                }
                Event::Resize(..) => drop(sender.try_send(Key::Resized)),
                _ => {}
            }
        }
        Ok(())
    };
    // Without keys the screen shows the same, and signals still stop it.
    let work = move || drop(read());
    let _ = std::thread::Builder::new().name("keys".to_owned()).spawn(work);
    receiver
}

fn is_stop(key: KeyEvent) -> bool {
    let with_control = key.modifiers.contains(KeyModifiers::CONTROL);
    key.kind == KeyEventKind::Press
        && match key.code {
            KeyCode::Char('c') => with_control,
            KeyCode::Char('q' | 'Q') => !with_control,
            _ => false,
        }
}

fn key_of(key: KeyEvent) -> Option<Key> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    Some(match key.code {
        KeyCode::Up | KeyCode::Char('k') => Key::Up,
        KeyCode::Down | KeyCode::Char('j') => Key::Down,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown | KeyCode::Char(' ') => Key::PageDown,
        KeyCode::Home | KeyCode::Char('g') => Key::Home,
        KeyCode::End | KeyCode::Char('G') => Key::End,
        KeyCode::Tab => Key::Tab,
        KeyCode::Char('?' | 'h') => Key::Help,
        KeyCode::Esc => Key::Escape,
        KeyCode::Char(digit @ '1'..='9') => Key::Number(digit as u8 - b'0'),
        _ => return None,
    })
}
