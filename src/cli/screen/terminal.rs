//! The terminal while a screen covers it, and as it was before.
//!
//! A screen is drawn on the terminal's other page, in raw mode. Whatever ends or stops the process
//! gives the terminal back first: the end of [`Surface`], a panic of any thread, any signal that
//! can be caught. Nothing is ever asked of the terminal, since not every one answers.

use std::io::{self, IsTerminal, Stdout, Write};
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};

use crossbeam::channel::{Receiver, bounded};
use ratatui::backend::{Backend as _, ClearType, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use signal_hook::consts::{
    SIGALRM, SIGCONT, SIGINT, SIGPROF, SIGQUIT, SIGTSTP, SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU,
};
use signal_hook::iterator::Signals;
use signal_hook::low_level::{emulate_default_handler, raise};
use tickwire::limits::{
    KEYS_CAPACITY, KEYS_LOOK_EVERY, SCREEN_COLUMNS_MAX, SCREEN_ROWS_MAX, TERMINAL_BACK_MAX,
};

use crate::cli::log;

/// A screen exists; it covers the terminal unless the process was stopped meanwhile.
static WANTED: AtomicBool = AtomicBool::new(false);

/// A screen covers the terminal. Changes while standard output is locked, so that nothing is drawn
/// on a terminal that was given back.
static COVERED: AtomicBool = AtomicBool::new(false);

/// Others may have written to the terminal, or changed its mode.
static IS_SPOILT: AtomicBool = AtomicBool::new(false);

/// Panics and signals give the terminal back.
static GUARDED: Once = Once::new();

/// Signals that would end the process at once, and are not waited for elsewhere.
const DEADLY: [i32; 7] = [SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU];

/// What a terminal without a size is taken for.
const USUAL: (u16, u16) = (80, 24);

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
    /// As last drawn; none when all is to be drawn anew.
    size: Option<Rect>,
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
        let mut guarded = Ok(());
        GUARDED.call_once(|| guarded = guard());
        guarded?;
        WANTED.store(true, Ordering::SeqCst);
        let options = TerminalOptions { viewport: Viewport::Fixed(Rect::ZERO) };
        let made = cover()
            .and_then(|()| Terminal::with_options(CrosstermBackend::new(io::stdout()), options));
        let terminal = ManuallyDrop::new(made.inspect_err(|_| restore())?);
        let ended = Arc::new(AtomicBool::new(false));
        Ok(Self { terminal, keys: read_keys(&ended), ended, size: None })
    }

    /// What was pressed.
    pub(in crate::cli) const fn keys(&self) -> &Receiver<Key> {
        &self.keys
    }

    /// Draws what changed since the last time; nothing while the terminal is another process's.
    ///
    /// # Errors
    /// When the terminal is gone, or was given back for good.
    pub(in crate::cli) fn draw(&mut self, paint: impl FnOnce(&mut Buffer)) -> io::Result<()> {
        // Whoever gives the terminal back waits for the end of this.
        let _whole = io::stdout().lock();
        if !WANTED.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if !is_in_foreground() {
            return Ok(());
        }
        if IS_SPOILT.swap(false, Ordering::SeqCst) || !COVERED.load(Ordering::SeqCst) {
            // The mode too may be another's by now.
            uncover();
            cover()?;
            self.size = None;
        }
        let size = bounded_size(self.terminal.size()?.into());
        if self.size != Some(size) {
            self.terminal.backend_mut().clear_region(ClearType::All)?;
            self.terminal.resize(size)?;
            self.size = Some(size);
        }
        self.terminal.draw(|frame| paint(frame.buffer_mut()))?;
        Ok(())
    }
}

/// The part of a terminal that is drawn on.
fn bounded_size((columns, rows): (u16, u16)) -> Rect {
    let (columns, rows) = if columns == 0 || rows == 0 { USUAL } else { (columns, rows) };
    Rect::new(0, 0, columns.min(SCREEN_COLUMNS_MAX), rows.min(SCREEN_ROWS_MAX))
}

impl Drop for Surface {
    fn drop(&mut self) {
        // Relaxed: a lone flag.
        self.ended.store(true, Ordering::Relaxed);
        restore();
    }
}

/// Gives the terminal back for good, if a screen covers it. Any thread may ask, any number of times.
pub(in crate::cli) fn restore() {
    WANTED.store(false, Ordering::SeqCst);
    uncover();
}

/// The same for a process that ends now: a terminal that takes nothing does not keep it.
pub(in crate::cli) fn restore_at_end() {
    let (done, wait) = bounded(1);
    let work = move || {
        restore();
        // Full or closed: nobody waits any more.
        let _ = done.try_send(());
    };
    if std::thread::Builder::new().name("restore".to_owned()).spawn(work).is_ok() {
        let _ = wait.recv_timeout(TERMINAL_BACK_MAX);
    }
}

fn cover() -> io::Result<()> {
    let mut out = io::stdout().lock();
    // First, so that whatever comes between gives the mode back too.
    COVERED.store(true, Ordering::SeqCst);
    log::cover();
    enable_raw_mode()?;
    execute!(out, EnterAlternateScreen)
}

fn uncover() {
    let mut out = io::stdout().lock();
    if !COVERED.swap(false, Ordering::SeqCst) {
        return;
    }
    // A terminal that is gone needs nothing back.
    let _ = execute!(out, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
    let _ = out.flush();
    log::uncover();
}

/// From now on panics and signals give the terminal back.
fn guard() -> io::Result<()> {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        restore();
        before(panic);
    }));
    let mut signals = Signals::new(DEADLY.into_iter().chain([SIGTSTP, SIGCONT]))?;
    let work = move || {
        for signal in signals.forever() {
            // Held over a stop, so that nothing is drawn between the terminal's return and it.
            let mut whole = None;
            match signal {
                SIGCONT => {
                    IS_SPOILT.store(true, Ordering::SeqCst);
                    continue;
                }
                SIGTSTP => {
                    whole = Some(io::stdout().lock());
                    uncover();
                }
                _ => restore_at_end(),
            }
            let done = emulate_default_handler(signal);
            drop(whole);
            if done.is_err() {
                tracing::warn!(signal, "the system does not let this signal do what it does");
            }
        }
    };
    std::thread::Builder::new().name("guard".to_owned()).spawn(work).map(drop)
}

/// Reads keys on a thread of its own. In raw mode Ctrl-C is a key too, and Ctrl-Z and Ctrl-\: they
/// do what they always do.
fn read_keys(ended: &Arc<AtomicBool>) -> Receiver<Key> {
    let (sender, receiver) = bounded(KEYS_CAPACITY);
    let ended = Arc::clone(ended);
    let read = move || -> io::Result<()> {
        // A terminal that was closed is none any more, and would be looked at without an end.
        while !ended.load(Ordering::Relaxed) && io::stdout().is_terminal() {
            if !COVERED.load(Ordering::SeqCst) || !is_in_foreground() {
                // They are meant for another, and reading them would stop us.
                std::thread::sleep(KEYS_LOOK_EVERY);
                continue;
            }
            if !event::poll(KEYS_LOOK_EVERY)? {
                continue;
            }
            match event::read()? {
                Event::Key(key) => {
                    if let Some(signal) = signal_of(key) {
                        raise(signal)?;
                    } else if let Some(key) = key_of(key) {
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

/// The signal that a key stands for.
fn signal_of(key: KeyEvent) -> Option<i32> {
    let with_control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        _ if key.kind != KeyEventKind::Press => None,
        KeyCode::Char('c') if with_control => Some(SIGINT),
        KeyCode::Char('z') if with_control => Some(SIGTSTP),
        // The byte of Ctrl-\ is read as that of Ctrl-4, which is the same.
        KeyCode::Char('4' | '\\') if with_control => Some(SIGQUIT),
        KeyCode::Char('q' | 'Q') if !with_control => Some(SIGINT),
        _ => None,
    }
}

fn key_of(key: KeyEvent) -> Option<Key> {
    let other = KeyModifiers::CONTROL | KeyModifiers::ALT;
    if key.kind == KeyEventKind::Release || key.modifiers.intersects(other) {
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
