//! Plays recorded frames to whoever subscribed, at their spacing or faster.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::Path;
use std::time::Duration;

use super::options::{CaptureEnd, Playback, Speed};
use super::speaker::Due;
use super::wires::{ConnectionId, Wires};
use crate::capture::{CaptureError, CaptureReader, Direction};
use crate::clock::MonoNanos;
use crate::limits::{SIM_FRAMES_PER_TURN_MAX, SIM_QUIET_BEFORE};

/// One recorded frame.
#[derive(Clone, Debug)]
pub(super) struct Recorded {
    /// From the first frame of the recording, in nanoseconds.
    offset_ns: u64,
    /// The stream that it belongs to, as its exchange's speaker keys them; `None` goes to all.
    pub(super) key: Option<String>,
    pub(super) text: String,
}

/// A recording with its order books by REST.
#[derive(Clone, Debug)]
pub(super) struct Recording {
    pub(super) frames: Vec<Recorded>,
    /// Bodies by symbol, in the order in which they are asked for; the last one stays.
    pub(super) books: HashMap<String, VecDeque<String>>,
    pub(super) speed: Speed,
    pub(super) end: CaptureEnd,
    pub(super) everything: bool,
}

impl Recorded {
    /// Whether a client of these streams gets it.
    pub(super) fn is_for(&self, recording: &Recording, keys: &HashSet<String>) -> bool {
        recording.everything || self.key.as_ref().is_none_or(|key| keys.contains(key))
    }
}

impl Recording {
    /// Reads the files; `key` names the stream of a frame.
    ///
    /// # Errors
    /// When one cannot be read or is no capture.
    pub(super) fn load(
        playback: &Playback,
        key: impl Fn(&str) -> Option<String>,
    ) -> io::Result<Self> {
        let mut frames = Vec::new();
        let file = File::open(&playback.capture).map_err(|error| of(&playback.capture, error))?;
        let mut reader = CaptureReader::new(BufReader::new(file));
        let (mut first_ns, mut last_ns) = (None, 0);
        while let Some(line) = reader.read().map_err(|error| match error {
            CaptureError::Io(error) => of(&playback.capture, error),
            other => of(&playback.capture, io::Error::other(other)),
        })? {
            if line.direction == Direction::Sent {
                continue;
            }
            if line.at.is_some() {
                let first = *first_ns.get_or_insert(line.at.0);
                // Recorders' clocks step back at times; order is what was seen.
                last_ns = last_ns.max(line.at.0.saturating_sub(first).unsigned_abs());
            }
            let text = String::from_utf8_lossy(line.frame).into_owned();
            frames.push(Recorded { offset_ns: last_ns, key: key(&text), text });
        }
        let mut books: HashMap<String, VecDeque<String>> = HashMap::new();
        for path in &playback.rest {
            let body = fs::read_to_string(path).map_err(|error| of(path, error))?;
            books.entry(symbol_of(path)?).or_default().push_back(body);
        }
        let &Playback { speed, end, everything, .. } = playback;
        Ok(Self { frames, books, speed, end, everything })
    }

    /// The next answer to who asks for the order book of a symbol; `None` where there is none.
    pub(super) fn book(&mut self, symbol: &str) -> Option<String> {
        let bodies = self.books.get_mut(symbol)?;
        if bodies.len() > 1 { bodies.pop_front() } else { bodies.front().cloned() }
    }

    /// The instruments that it is about, in frames and in books by REST, in order, each
    /// once; `symbol` is the one that a key names.
    pub(super) fn symbols(&self, symbol: impl Fn(&str) -> Option<String>) -> Vec<String> {
        let keys = self.frames.iter().filter_map(|frame| frame.key.as_deref());
        let mut symbols: Vec<String> = keys.filter_map(symbol).collect();
        symbols.extend(self.books.keys().cloned());
        symbols.sort();
        symbols.dedup();
        symbols
    }

    /// Plays to every client that wants anything: `playing` is how far one has come, and `tell`
    /// hands it a frame. Returns when the next one is due.
    pub(super) fn play<'a, S: 'a>(
        &self,
        now: MonoNanos,
        callers: impl Iterator<Item = (&'a ConnectionId, &'a mut S)>,
        wires: &mut Wires,
        playing: impl Fn(&mut S) -> &mut Option<Playing>,
        mut tell: impl FnMut(ConnectionId, &mut S, &Recorded, &mut Wires),
    ) -> Due {
        let mut next = MonoNanos::MAX;
        for (&id, caller) in callers {
            let Some(mut place) = *playing(caller) else { continue };
            let at =
                place.play(self, now, (id, wires), |frame, wires| tell(id, caller, frame, wires));
            *playing(caller) = Some(place);
            next = next.min(at);
        }
        Due { exact: MonoNanos::MAX, loose: next }
    }
}

fn of(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// `…-BTCUSDT.rest.json` is the book of `BTCUSDT`.
fn symbol_of(path: &Path) -> io::Result<String> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
    let symbol = name.strip_suffix(".rest.json").and_then(|stem| stem.rsplit('-').next());
    let symbol = symbol.filter(|symbol| !symbol.is_empty()).map(str::to_owned);
    symbol.ok_or_else(|| of(path, io::Error::other("name it <anything>-<SYMBOL>.rest.json")))
}

/// How far one client has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Playing {
    next: usize,
    start: MonoNanos,
}

/// What a client gets next.
#[derive(Debug)]
enum Next<'a> {
    /// This frame, now.
    Frame(&'a Recorded),
    /// Nothing before.
    At(MonoNanos),
    /// Nothing more.
    End,
}

impl Playing {
    /// For a client that has just subscribed to something.
    pub(super) fn new(now: MonoNanos) -> Self {
        Self { next: 0, start: now.after(SIM_QUIET_BEFORE) }
    }

    /// The client subscribed again: if nothing was played yet, wait anew.
    pub(super) fn postpone(&mut self, now: MonoNanos) {
        if self.next == 0 {
            self.start = now.after(SIM_QUIET_BEFORE);
        }
    }

    /// Hands every frame that is due to `tell`, as long as the client's socket takes more. Returns
    /// when the next one is due; `MAX` when there is none, or when the socket will tell.
    fn play(
        &mut self,
        recording: &Recording,
        now: MonoNanos,
        (id, wires): (ConnectionId, &mut Wires),
        mut tell: impl FnMut(&Recorded, &mut Wires),
    ) -> MonoNanos {
        for _ in 0..SIM_FRAMES_PER_TURN_MAX {
            if !wires.has_room(id) {
                return MonoNanos::MAX;
            }
            match self.next(recording, now) {
                Next::Frame(frame) => tell(frame, wires),
                Next::At(at) => return at,
                Next::End => {
                    if recording.end == CaptureEnd::Close {
                        wires.close(id, 1000, "");
                    }
                    return MonoNanos::MAX;
                }
            }
        }
        now
    }

    /// The next frame that is due.
    fn next<'a>(&mut self, recording: &'a Recording, now: MonoNanos) -> Next<'a> {
        let Some(frame) = recording.frames.get(self.next) else { return Next::End };
        let wait_ns = match recording.speed {
            Speed::Max => 0,
            Speed::Percent(percent) => {
                u128::from(frame.offset_ns) * 100 / u128::from(percent.max(1))
            }
        };
        let at = self.start.after(Duration::from_nanos(u64::try_from(wait_ns).unwrap_or(u64::MAX)));
        if at > now {
            return Next::At(at);
        }
        self.next += 1;
        Next::Frame(frame)
    }
}
