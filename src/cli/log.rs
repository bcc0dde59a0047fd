//! Logs: lines on standard error, filtered by `TICKWIRE_LOG` (`info` where it is not set), and of each
//! place of the program no more than `throttle.rs` lets pass.
//!
//! A command that somebody waits for writes them itself. What serves has them written by a thread of
//! their own ([`detach`]), since a reader that stalls must not hold it up.
//!
//! The last of them are kept for the screen. While it covers the terminal, lines that would be
//! written across it are only kept; when it is gone, the newest of those are written after all.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use super::outlet::Outlet;
use super::throttle::Throttle;
use tickwire::clock::UnixNanos;
use tickwire::limits::{LOG_LINE_BYTES_KEPT, LOG_LINES_KEPT, OUTPUT_DRAIN_MAX};
use tickwire::metrics::log_line_dropped;
use tickwire::printable::{Printable, is_odd, printable_lines};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer};

/// What is logged.
const VARIABLE: &str = "TICKWIRE_LOG";

/// Lines written after all when the screen is gone.
const LINES_REPEATED: usize = 10;

/// A screen covers the terminal that standard error is.
static COVERED: AtomicBool = AtomicBool::new(false);

/// Writes to standard error, once somebody serves.
static OUTLET: OnceLock<Arc<Outlet>> = OnceLock::new();

static KEPT: Mutex<VecDeque<Line>> = Mutex::new(VecDeque::new());

/// One line in memory.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) time: UnixNanos,
    pub(super) level: Level,
    /// Without control characters.
    pub(super) text: String,
    /// It was not written to standard error.
    pub(super) withheld: bool,
}

/// Starts logging, once.
pub(crate) fn start() {
    let is_colored = io::stderr().is_terminal();
    let wish = std::env::var_os(VARIABLE).unwrap_or_default();
    let wish = wish.to_string_lossy();
    let filter = filter(&wish);
    let understood = filter.is_some();
    let written = tracing_subscriber::fmt::layer()
        .with_target(false)
        .with_writer(move || StandardError { is_colored })
        .with_ansi(is_colored)
        .log_internal_errors(false);
    tracing_subscriber::registry()
        .with(filter.unwrap_or_else(usual))
        .with(Throttle::default())
        .with(written)
        .with(Keeper)
        .init();
    if !understood {
        tracing::warn!(
            "environment variable {VARIABLE} = \"{}\": is not understood, so it is info; write off, \
             error, warn, info, debug or trace, or those of parts, like \
             warn,tickwire::feed=debug",
            Printable(&wish)
        );
    }
}

/// From now on nobody waits for standard error, not even who panics. Where the system has no thread
/// for it, everything stays as it was.
pub(super) fn detach() {
    match Outlet::start("log", write_now) {
        Ok(outlet) => drop(OUTLET.set(outlet)),
        Err(error) => return tracing::warn!(%error, "the log has no thread of its own"),
    }
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let (name, trace) = (thread.name().unwrap_or("unnamed"), Backtrace::capture());
        let trace = match trace.status() {
            BacktraceStatus::Captured => format!("\n{trace}"),
            _ => String::new(),
        };
        write_soon(printable_lines(&format!("thread '{name}' {panic}{trace}\n")));
    }));
}

/// Writes lines to standard error, or has them written; one that it does not take is dropped and
/// counted.
pub(super) fn write_soon(lines: String) {
    let Some(outlet) = OUTLET.get() else { return write_now(&lines) };
    if !outlet.push(lines) {
        log_line_dropped();
    }
}

fn write_now(lines: &str) {
    if io::stderr().lock().write_all(lines.as_bytes()).is_err() {
        log_line_dropped();
    }
}

/// Waits until everything was written, for a bounded time.
pub(crate) fn drain() {
    if let Some(outlet) = OUTLET.get() {
        outlet.drain(Instant::now() + OUTPUT_DRAIN_MAX);
    }
}

fn usual() -> EnvFilter {
    EnvFilter::new("info")
}

/// What a wish amounts to; `None` when it is none. The filter would take any word for the name of a
/// part of the program, and then be silent about all others.
fn filter(wish: &str) -> Option<EnvFilter> {
    if wish.trim().is_empty() {
        return Some(usual());
    }
    let is_part = |word: &str| word == "tickwire" || word.starts_with("tickwire::");
    let is_plain = |word: &str| word.parse::<LevelFilter>().is_ok() || is_part(word);
    let is_known = |word: &str| word.contains('=') || word.starts_with('[') || is_plain(word);
    let known = wish.split(',').map(str::trim).all(is_known);
    EnvFilter::try_new(wish).ok().filter(|_| known)
}

fn kept() -> MutexGuard<'static, VecDeque<Line>> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many lines are kept.
pub(super) fn count() -> usize {
    kept().len()
}

/// The last `count` lines before the newest `after`, oldest first.
pub(super) fn last(count: usize, after: usize) -> Vec<Line> {
    let kept = kept();
    let end = kept.len().saturating_sub(after);
    kept.range(end.saturating_sub(count)..end).cloned().collect()
}

/// From now on a screen covers the terminal.
pub(super) fn cover() {
    // Relaxed: a lone flag; a line on the border may be seen in both places.
    COVERED.store(io::stderr().is_terminal(), Ordering::Relaxed);
}

/// The screen is gone: what it showed last would be gone with it.
pub(super) fn uncover() {
    if !COVERED.swap(false, Ordering::Relaxed) {
        return;
    }
    for line in withheld() {
        write_soon(line);
    }
    // Who is about to stop or to end would leave them behind.
    drain();
}

/// The newest of the lines that were only kept. The next time only what came since then counts.
fn withheld() -> Vec<String> {
    let mut kept = kept();
    let withheld: Vec<&mut Line> = kept.iter_mut().filter(|line| line.withheld).collect();
    let earlier = withheld.len().saturating_sub(LINES_REPEATED);
    let mut lines = Vec::with_capacity(LINES_REPEATED);
    for (index, line) in withheld.into_iter().enumerate() {
        line.withheld = false;
        if index >= earlier {
            let (time, level) = (OfDay(line.time), line.level);
            lines.push(format!("{time} {level:>5} {}\n", line.text));
        }
    }
    lines
}

/// Standard error, which may be closed, full or gone: a line that it does not take is dropped and
/// counted, and nobody fails for it.
#[derive(Clone, Copy)]
struct StandardError {
    /// Colors are ours, and stay.
    is_colored: bool,
}

impl StandardError {
    /// One line, whatever others wrote into it.
    fn printable(self, line: &str) -> String {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        let mut text = String::with_capacity(line.len() + 1);
        let mut pieces = line.split('\x1b');
        // Writing into a String does not fail, here and below.
        let _ = write!(text, "{}", Printable(pieces.next().unwrap_or_default()));
        for piece in pieces {
            let color = piece.strip_prefix('[').and_then(|rest| rest.split_once('m'));
            let color =
                color.filter(|(digits, _)| digits.bytes().all(|byte| byte.is_ascii_digit()));
            let _ = match color {
                Some((digits, rest)) if self.is_colored => {
                    write!(text, "\x1b[{digits}m{}", Printable(rest))
                }
                _ => write!(text, "\\u{{1b}}{}", Printable(piece)),
            };
        }
        text.push_str(end);
        text
    }
}

impl Write for StandardError {
    /// Takes a whole line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // Relaxed: as in `cover`.
        if COVERED.load(Ordering::Relaxed) {
            return Ok(line.len());
        }
        write_soon(self.printable(&String::from_utf8_lossy(line)));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps lines in memory.
pub(super) struct Keeper;

impl<S: Subscriber> Layer<S> for Keeper {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut parts = LineParts::default();
        event.record(&mut parts);
        let line = Line {
            time: UnixNanos::system(),
            level: *event.metadata().level(),
            text: parts.text(),
            withheld: COVERED.load(Ordering::Relaxed),
        };
        let mut kept = kept();
        if kept.len() == LOG_LINES_KEPT {
            kept.pop_front();
        }
        kept.push_back(line);
    }
}

/// The parts of a line: whom it is about, what it says, and the rest.
#[derive(Default)]
struct LineParts {
    exchange: String,
    message: String,
    rest: String,
}

impl LineParts {
    fn text(&self) -> String {
        let mark = if self.exchange.is_empty() { "" } else { ": " };
        let whole = format!("{}{mark}{}{}", self.exchange, self.message, self.rest);
        neutral(&whole)
    }
}

impl Visit for LineParts {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing into a String does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            "exchange" => write!(self.exchange, "{value:?}"),
            name => write!(self.rest, "  {name}={value:?}"),
        };
    }
}

/// The text up to its bound, with a `·` for every character that could move a cursor, change a
/// color or turn the direction of writing: exchanges and clients write parts of it.
pub(super) fn neutral(text: &str) -> String {
    let end = text.floor_char_boundary(LOG_LINE_BYTES_KEPT);
    text[..end].chars().map(|c| if is_odd(c) { '·' } else { c }).collect()
}

/// Time of day, UTC.
pub(super) struct OfDay(pub(super) UnixNanos);

impl fmt::Display for OfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.0.div_euclid(1_000_000_000).rem_euclid(86_400);
        write!(f, "{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_that_is_no_level_is_none() {
        for wish in ["", " ", "info", "DEBUG", "off", "warn,tickwire::feed=debug", "tickwire=trace"]
        {
            assert!(filter(wish).is_some(), "{wish}");
        }
        for wish in ["nonsense", "inof", "info,debgu", "tickwire=loud", "5x", "\u{fffd}"] {
            assert!(filter(wish).is_none(), "{wish}");
        }
    }

    #[test]
    fn a_line_cannot_move_the_cursor_and_has_a_bound() {
        assert_eq!(neutral("a\x1b[2Jb\r\nc\u{202e}d é 漢"), "a·[2Jb··c·d é 漢");
        assert!(neutral(&"漢".repeat(LOG_LINE_BYTES_KEPT)).len() <= LOG_LINE_BYTES_KEPT);
    }

    #[test]
    fn a_written_line_is_one_line_in_our_colors_alone() {
        let line = "\x1b[32m INFO\x1b[0m a\x1b[2Jb\nc\x1b]0;t\x07\n";
        let colored = StandardError { is_colored: true }.printable(line);
        assert_eq!(colored, "\x1b[32m INFO\x1b[0m a\\u{1b}[2Jb\\nc\\u{1b}]0;t\\u{7}\n");
        let plain = StandardError { is_colored: false }.printable("a\x1b[31mb\n");
        assert_eq!(plain, "a\\u{1b}[31mb\n");
    }

    #[test]
    fn a_kept_line_says_whom_it_is_about_first() {
        let subscriber = tracing_subscriber::registry().with(Keeper);
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(exchange = "kept-alone", line = 1, detail = "x\ny", "reset");
        });
        let kept = kept();
        let line = kept.iter().find(|line| line.text.starts_with("kept-alone")).unwrap();
        assert_eq!(line.text, "kept-alone: reset  line=1  detail=x·y");
        assert_eq!(line.level, Level::WARN);
    }
}
