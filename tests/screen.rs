//! The screen on a real (pseudo) terminal that answers nothing: whatever ends or stops the process,
//! the terminal is afterwards what it was before.
#![cfg(target_os = "linux")]

#[path = "common/process.rs"]
#[allow(dead_code, reason = "each test binary uses its own part")]
mod process;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::pty::{Winsize, openpty};
use nix::sys::termios::{LocalFlags, Termios, tcgetattr};

/// One at a time: what another process inherits of a terminal would keep it open.
static ONE: Mutex<()> = Mutex::new(());

/// A tickwire on a terminal of its own.
struct Terminal {
    _one: MutexGuard<'static, ()>,
    child: Child,
    screen: File,
    /// Kept open, so that what the terminal is stays known when the process has ended.
    line: OwnedFd,
    seen: Vec<u8>,
    before: Termios,
}

impl Terminal {
    fn run(columns: u16, rows: u16, arguments: &[&str]) -> Self {
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pair = openpty(Some(&size), None).expect("a terminal");
        let before = tcgetattr(&pair.slave).expect("its mode");
        let own = || Stdio::from(pair.slave.try_clone().expect("a descriptor"));
        // The session is the terminal's own, so that it is in the foreground there.
        let child = process::anywhere(&mut Command::new("setsid"))
            .args(["--ctty", env!("CARGO_BIN_EXE_tickwire")])
            .args(arguments)
            .env_remove("WS_PORT")
            .env("TERM", "xterm-256color")
            .stdin(own())
            .stdout(own())
            .stderr(own())
            .spawn()
            .expect("setsid runs");
        let screen = File::from(pair.master);
        Self { _one: one, child, screen, line: pair.slave, seen: Vec::new(), before }
    }

    /// Reads until these bytes were written, after what was waited for before.
    fn until(&mut self, bytes: &str) -> String {
        let mut buffer = [0; 4_096];
        loop {
            if let Some(at) = memchr::memmem::find(&self.seen, bytes.as_bytes()) {
                let rest = self.seen.split_off(at + bytes.len());
                let before = std::mem::replace(&mut self.seen, rest);
                return String::from_utf8_lossy(&before).into_owned();
            }
            let count = self.screen.read(&mut buffer).expect("the terminal is there");
            self.seen.extend_from_slice(&buffer[..count]);
        }
    }

    fn press(&mut self, keys: &str) {
        self.screen.write_all(keys.as_bytes()).expect("pressed");
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status().expect("kill runs");
        assert!(sent.success());
    }

    /// Reads until the process ends, and sees that the terminal was given back.
    fn end(mut self) -> (ExitStatus, String) {
        let (mut screen, line) = (self.screen.try_clone().expect("a descriptor"), self.line);
        let mut text = std::mem::take(&mut self.seen);
        // Read on, so that nobody waits for room.
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4_096];
            // Fails once nobody has the other end open.
            while let Ok(count @ 1..) = screen.read(&mut buffer) {
                text.extend_from_slice(&buffer[..count]);
            }
            text
        });
        let status = self.child.wait().expect("it ends");
        assert_eq!(
            tcgetattr(line.as_fd()).expect("its mode"),
            self.before,
            "the mode is as before"
        );
        drop(line);
        let text = String::from_utf8_lossy(&reader.join().expect("read")).into_owned();
        (status, text)
    }

    fn is_raw(&self) -> bool {
        let mode = tcgetattr(self.line.as_fd()).expect("its mode");
        !mode.local_flags.intersects(LocalFlags::ICANON | LocalFlags::ECHO)
    }
}

const ENTERED: &str = "\x1b[?1049h";
const LEFT: &str = "\x1b[?1049l";
const SHOWN: &str = "\x1b[?25h";

#[test]
fn a_terminal_that_answers_nothing_is_drawn_on_and_q_ends_with_a_report_of_its_width() {
    let mut terminal = Terminal::run(80, 24, &["run"]);
    terminal.until(ENTERED);
    let drawn = terminal.until("q quit");
    assert!(!drawn.contains("\x1b[6n"), "the terminal is asked nothing");
    assert!(terminal.is_raw());
    terminal.press("q");
    let (status, text) = terminal.end();
    assert_eq!(status.code(), Some(0), "{text}");
    let (_, after) = text.split_once(LEFT).expect("the other page was left");
    assert!(after.contains(SHOWN), "{after}");
    let (_, report) = after.split_once("span  ").expect("a report");
    for line in report.lines() {
        assert!(line.trim_end().chars().count() <= 80, "{line}");
    }
}

#[test]
fn every_signal_that_ends_the_process_gives_the_terminal_back() {
    for (name, code) in [
        ("-QUIT", None),
        ("-TERM", Some(0)),
        ("-HUP", Some(0)),
        ("-INT", Some(0)),
        ("-USR1", None),
        ("-ALRM", None),
    ] {
        let mut terminal = Terminal::run(100, 30, &["run"]);
        terminal.until("q quit");
        assert!(terminal.is_raw());
        terminal.signal(name);
        let (status, text) = terminal.end();
        assert_eq!(status.code(), code, "{name}: {text}");
        let (_, after) = text.split_once(LEFT).expect("the other page was left");
        assert!(after.contains(SHOWN), "{name}");
    }
    // In raw mode the key is a byte like others.
    let mut terminal = Terminal::run(100, 30, &["run"]);
    terminal.until("q quit");
    terminal.press("\x1c");
    let (status, text) = terminal.end();
    assert_eq!(status.code(), None, "{text}");
}

#[test]
fn the_ladders_of_watch_give_the_terminal_back_too() {
    for name in ["-QUIT", "-HUP", "-TERM"] {
        let url = "ws://127.0.0.1:9";
        let arguments = ["watch", url, "BTC/USDT", "--channel", "orderbook"];
        let mut terminal = Terminal::run(80, 24, &arguments);
        terminal.until("q quit");
        terminal.signal(name);
        let (_, text) = terminal.end();
        assert!(text.contains(LEFT) && text.contains(SHOWN), "{name}: {text:?}");
    }
}

#[test]
fn a_stopped_process_leaves_the_terminal_and_comes_back_to_it() {
    let mut terminal = Terminal::run(80, 24, &["run"]);
    terminal.until("q quit");
    terminal.press("\x1a");
    terminal.until(LEFT);
    terminal.until(SHOWN);
    // The mode follows the words; the process stands still after both.
    let stat = format!("/proc/{}/stat", terminal.child.id());
    process::wait_for("it stands still", || {
        std::fs::read_to_string(&stat).expect("it is there").contains(" T ")
    });
    assert!(!terminal.is_raw());
    terminal.signal("-CONT");
    terminal.until(ENTERED);
    let drawn = terminal.until("q quit");
    assert!(drawn.contains("tickwire serves"), "everything is drawn anew: {drawn}");
    assert!(terminal.is_raw());
    terminal.press("q");
    assert_eq!(terminal.end().0.code(), Some(0));
}

#[test]
fn a_terminal_of_any_size_is_lived_with() {
    for (columns, rows) in [(u16::MAX, u16::MAX), (0, 0), (1, 1)] {
        let mut terminal = Terminal::run(columns, rows, &["run"]);
        terminal.until(ENTERED);
        terminal.press("q");
        let (status, text) = terminal.end();
        assert_eq!(status.code(), Some(0), "{columns}x{rows}: {}", text.len());
    }
}
