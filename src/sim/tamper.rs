//! Faults of single frames, on their way from whoever speaks to the connection. They know frames by
//! marks in their text, so that every exchange's simulator has them.

use std::ops::Range;

use super::fault::{Fault, Of};
use super::lines::ConnectionId;
use super::random::Random;
use crate::instrument::ExchangeId;

/// How the frames of an exchange show which stream they are of: one of these stands in their text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks {
    depth: &'static [&'static str],
    trade: &'static [&'static str],
}

/// The marks of an exchange's frames.
pub(super) const fn marks(exchange: ExchangeId) -> Marks {
    match exchange {
        ExchangeId::Binance | ExchangeId::BinanceFutures => Marks {
            depth: &["\"e\":\"depthUpdate\""],
            trade: &["\"e\":\"trade\"", "\"e\":\"aggTrade\""],
        },
        ExchangeId::Coinbase => {
            Marks { depth: &["\"type\":\"l2update\""], trade: &["\"type\":\"match\""] }
        }
        ExchangeId::CoinbaseAdvanced => {
            Marks { depth: &["\"l2_data\""], trade: &["\"market_trades\""] }
        }
        ExchangeId::Okx => {
            Marks { depth: &["\"channel\":\"books"], trade: &["\"channel\":\"trades"] }
        }
        ExchangeId::Kraken | ExchangeId::KrakenV1 => {
            Marks { depth: &["\"channel\":\"book\""], trade: &["\"channel\":\"trade\""] }
        }
        // A tick is the nearest that it has to a trade.
        ExchangeId::Deriv => Marks { depth: &[], trade: &["\"msg_type\":\"tick\""] },
        // Not the depth of 1, which is a quote.
        ExchangeId::Bybit | ExchangeId::BybitLinear => Marks {
            depth: &[
                "\"topic\":\"orderbook.50.",
                "\"topic\":\"orderbook.200.",
                "\"topic\":\"orderbook.1000.",
            ],
            trade: &["\"topic\":\"publicTrade."],
        },
    }
}

/// What happens to a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Drop,
    Duplicate,
    Reorder,
    Corrupt,
    Cut,
    Unreadable,
    Mute,
}

/// A fault that waits for its frame.
#[derive(Debug)]
struct Armed {
    action: Action,
    of: Of,
    /// Letters and digits alone; of any instrument when absent.
    symbol: Option<String>,
    count: u32,
}

/// A stream on one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stream {
    connection: ConnectionId,
    of: Of,
    /// Which of the simulator's instruments.
    symbol: usize,
}

/// What is wrong with the frames of a simulator.
#[derive(Debug)]
pub(super) struct Tamper {
    marks: Marks,
    /// The instruments as frames spell them, and their letters and digits alone.
    symbols: Vec<(String, String)>,
    armed: Vec<Armed>,
    /// Frames that go after the next one of their stream.
    held: Vec<(Stream, Vec<u8>)>,
    muted: Vec<Stream>,
    random: Random,
}

impl Tamper {
    pub(super) fn new(marks: Marks, symbols: &[String], seed: u64) -> Self {
        let symbols =
            symbols.iter().map(|symbol| (format!("\"{symbol}\""), plain(symbol))).collect();
        let random = Random::new(seed);
        Self { marks, symbols, armed: Vec::new(), held: Vec::new(), muted: Vec::new(), random }
    }

    /// Arms a fault of frames; others are none of its business.
    pub(super) fn arm(&mut self, fault: Fault) {
        let (action, of, symbol, count) = match fault {
            Fault::Drop { of, symbol, count } => (Action::Drop, of, symbol, count),
            Fault::Duplicate { of, symbol, count } => (Action::Duplicate, of, symbol, count),
            Fault::Reorder { of, symbol, count } => (Action::Reorder, of, symbol, count),
            Fault::Corrupt { of, symbol, count } => (Action::Corrupt, of, symbol, count),
            Fault::Cut { of, symbol, count } => (Action::Cut, of, symbol, count),
            Fault::Unreadable { of, symbol, count } => (Action::Unreadable, of, symbol, count),
            Fault::Mute { of, symbol } => (Action::Mute, of, symbol, 1),
            _ => return,
        };
        let symbol = symbol.as_deref().map(plain);
        self.armed.push(Armed { action, of, symbol, count });
    }

    /// True when every frame goes as it is.
    #[inline]
    pub(super) const fn is_idle(&self) -> bool {
        self.armed.is_empty() && self.held.is_empty() && self.muted.is_empty()
    }

    /// What is sent in place of `frame`, in that order.
    pub(super) fn pass(&mut self, connection: ConnectionId, mut frame: Vec<u8>) -> Vec<Vec<u8>> {
        let Some(stream) = self.stream(connection, &frame) else { return vec![frame] };
        if self.muted.contains(&stream) {
            return Vec::new();
        }
        let late = self.held.iter().position(|(of, _)| *of == stream);
        match self.strike(stream, is_whole(&frame)) {
            Some(Action::Drop) => return Vec::new(),
            Some(Action::Mute) => {
                self.muted.push(stream);
                return Vec::new();
            }
            Some(Action::Duplicate) => return vec![frame.clone(), frame],
            Some(Action::Reorder) if late.is_none() => {
                self.held.push((stream, frame));
                return Vec::new();
            }
            Some(Action::Cut) => frame.truncate(frame.len() / 2),
            Some(Action::Corrupt) => self.corrupt(&mut frame),
            Some(Action::Unreadable) => self.spoil(&mut frame),
            Some(Action::Reorder) | None => {}
        }
        let late = late.map(|index| self.held.remove(index).1);
        std::iter::once(frame).chain(late).collect()
    }

    /// The client subscribes anew, so that muted streams speak again.
    pub(super) fn unmute(&mut self, connection: ConnectionId) {
        self.muted.retain(|stream| stream.connection != connection);
    }

    /// The connection is gone.
    pub(super) fn forget(&mut self, connection: ConnectionId) {
        self.unmute(connection);
        self.held.retain(|(stream, _)| stream.connection != connection);
    }

    /// The fault that strikes this frame, if any; it is used up. A whole book that comes behind a
    /// change to it would be an exchange that begins anew, so it is not moved.
    fn strike(&mut self, stream: Stream, is_whole: bool) -> Option<Action> {
        let own = &self.symbols[stream.symbol].1;
        let meant = |armed: &Armed| {
            armed.of == stream.of
                && armed.symbol.as_ref().is_none_or(|symbol| symbol == own)
                && !(is_whole && armed.action == Action::Reorder)
        };
        let index = self.armed.iter().position(meant)?;
        let armed = &mut self.armed[index];
        let action = armed.action;
        armed.count -= 1;
        if armed.count == 0 {
            self.armed.remove(index);
        }
        Some(action)
    }

    /// Which stream a frame is of; `None` for what no fault strikes.
    fn stream(&self, connection: ConnectionId, frame: &[u8]) -> Option<Stream> {
        let text = std::str::from_utf8(frame).ok()?;
        let has = |marks: &[&str]| marks.iter().any(|mark| text.contains(mark));
        let of = match (has(self.marks.depth), has(self.marks.trade)) {
            (true, _) => Of::Depth,
            (_, true) => Of::Trade,
            (false, false) => return None,
        };
        let symbol = self.symbols.iter().position(|(quoted, _)| text.contains(quoted))?;
        Some(Stream { connection, of, symbol })
    }

    /// Puts something that is no number in the place of one price or size.
    fn spoil(&mut self, frame: &mut Vec<u8>) {
        let text = String::from_utf8_lossy(frame).into_owned();
        let mut values: Vec<Range<usize>> = Vec::new();
        for key in VALUE_KEYS {
            let ends = text.match_indices(key).map(|(at, _)| at + key.len());
            values.extend(ends.filter_map(|from| value_at(&text, from)));
        }
        for (at, _) in text.match_indices("[\"") {
            let Some(first) = value_at(&text, at + 1) else { continue };
            values.extend(value_at(&text, first.end + 1));
            // Coinbase's begin with a side.
            if text.as_bytes()[first.start + 1].is_ascii_digit() {
                values.push(first);
            }
        }
        if values.is_empty() {
            return;
        }
        let chosen = values.swap_remove(self.random.below(values.len() as u64) as usize);
        let spoilt = SPOILT[self.random.below(SPOILT.len() as u64) as usize];
        frame.splice(chosen, spoilt.bytes());
    }

    /// Makes one digit another one.
    fn corrupt(&mut self, frame: &mut [u8]) {
        let digits = frame.iter().filter(|byte| byte.is_ascii_digit()).count() as u64;
        let (chosen, by) = (self.random.below(digits) as usize, self.random.one_to(9) as u8);
        if let Some(digit) = frame.iter_mut().filter(|byte| byte.is_ascii_digit()).nth(chosen) {
            *digit = b'0' + (*digit - b'0' + by) % 10;
        }
    }
}

/// What stands before prices and sizes, of trades and of levels that are objects; other levels are
/// lists of texts.
const VALUE_KEYS: [&str; 11] = [
    "\"p\":",
    "\"q\":",
    "\"v\":",
    "\"px\":",
    "\"sz\":",
    "\"price\":",
    "\"qty\":",
    "\"size\":",
    "\"price_level\":",
    "\"new_quantity\":",
    "\"quote\":",
];

/// What cannot be read as a number.
const SPOILT: [&str; 6] = ["\"\"", "null", "\"x\"", "\"-\"", "{}", "[]"];

/// The text or number that begins there, up to what follows it.
fn value_at(text: &str, from: usize) -> Option<Range<usize>> {
    let rest = text.get(from..)?;
    let length = rest.find([',', ']', '}'])?;
    let is_value = rest.starts_with(|c: char| c == '"' || c == '-' || c.is_ascii_digit());
    (is_value && length > 0).then(|| from..from + length)
}

/// Whether a frame holds a whole book.
fn is_whole(frame: &[u8]) -> bool {
    memchr::memmem::find(frame, b"\"snapshot\"").is_some()
}

/// Letters and digits alone, upper case: how symbols of any spelling are compared.
pub(super) fn plain(symbol: &str) -> String {
    symbol.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: ConnectionId = ConnectionId(1);
    const TWO: ConnectionId = ConnectionId(2);

    fn tamper() -> Tamper {
        let symbols = ["AB-C", "DE-F"].map(str::to_owned);
        Tamper::new(Marks { depth: &["\"book\""], trade: &["\"trade\""] }, &symbols, 1)
    }

    fn frame(kind: &str, symbol: &str, number: u32) -> Vec<u8> {
        format!("{{\"{kind}\":\"{symbol}\",\"number\":{number}}}").into_bytes()
    }

    fn pass(tamper: &mut Tamper, connection: ConnectionId, frame: &[u8]) -> Vec<String> {
        let sent = tamper.pass(connection, frame.to_vec());
        sent.into_iter().map(|frame| String::from_utf8(frame).expect("text")).collect()
    }

    fn depth(symbol: &str) -> (Of, Option<String>) {
        (Of::Depth, Some(symbol.to_owned()))
    }

    #[test]
    fn a_fault_waits_for_a_frame_of_its_stream() {
        let mut tamper = tamper();
        let (of, symbol) = depth("ab/c");
        tamper.arm(Fault::Drop { of, symbol, count: 1 });
        for other in [frame("trade", "AB-C", 1), frame("book", "DE-F", 1), b"{}".to_vec()] {
            assert_eq!(pass(&mut tamper, ONE, &other).len(), 1);
        }
        assert!(!tamper.is_idle());
        assert!(pass(&mut tamper, ONE, &frame("book", "AB-C", 1)).is_empty());
        assert!(tamper.is_idle());
    }

    #[test]
    fn frames_come_twice_or_behind_their_successor_on_the_same_connection() {
        let mut tamper = tamper();
        tamper.arm(Fault::Duplicate { of: Of::Depth, symbol: None, count: 1 });
        assert_eq!(pass(&mut tamper, ONE, &frame("book", "AB-C", 1)).len(), 2);
        tamper.arm(Fault::Reorder { of: Of::Depth, symbol: None, count: 1 });
        assert!(pass(&mut tamper, ONE, &frame("book", "AB-C", 2)).is_empty());
        assert_eq!(pass(&mut tamper, TWO, &frame("book", "AB-C", 2)).len(), 1);
        assert_eq!(pass(&mut tamper, ONE, &frame("book", "DE-F", 3)).len(), 1);
        let both = pass(&mut tamper, ONE, &frame("book", "AB-C", 4));
        assert!(both.len() == 2 && both[0].contains(":4}") && both[1].contains(":2}"));
        assert!(tamper.is_idle());
        tamper.arm(Fault::Reorder { of: Of::Depth, symbol: None, count: 1 });
        let whole = br#"{"book":"AB-C","type":"snapshot"}"#;
        assert_eq!(pass(&mut tamper, ONE, whole).len(), 1, "that would mean something else");
    }

    #[test]
    fn frames_are_cut_or_lie_by_one_digit() {
        let mut tamper = tamper();
        let sent = frame("trade", "AB-C", 7);
        tamper.arm(Fault::Cut { of: Of::Trade, symbol: None, count: 1 });
        assert_eq!(pass(&mut tamper, ONE, &sent)[0].len(), sent.len() / 2);
        tamper.arm(Fault::Corrupt { of: Of::Trade, symbol: None, count: 1 });
        let wrong = pass(&mut tamper, ONE, &sent);
        let differ = wrong[0].bytes().zip(&sent).filter(|(one, two)| one != *two).count();
        assert_eq!((differ, wrong[0].len()), (1, sent.len()));
    }

    #[test]
    fn one_value_of_a_frame_cannot_be_read_and_the_frame_is_json_still() {
        let trades = r#"{"trade":"AB-C","data":[{"p":"1.5","v":"2"},{"p":"1.6","v":"3"}]}"#;
        let levels = r#"{"trade":"AB-C","b":[["1.5","2"]],"c":[["buy","1.5","2"]],"n":7}"#;
        for (sent, values) in [(trades, 4), (levels, 3)] {
            let whole: serde_json::Value = serde_json::from_str(sent).expect("json");
            let mut seen = std::collections::BTreeSet::new();
            let mut tamper = tamper();
            for _ in 0..200 {
                tamper.arm(Fault::Unreadable { of: Of::Trade, symbol: None, count: 1 });
                let spoilt = pass(&mut tamper, ONE, sent.as_bytes()).remove(0);
                let read: serde_json::Value = serde_json::from_str(&spoilt).expect("json");
                assert_ne!(read, whole);
                assert_eq!(read["n"], whole["n"]);
                seen.insert(spoilt);
            }
            assert!(seen.len() == values * SPOILT.len(), "{seen:?}");
        }
    }

    #[test]
    fn a_mute_stream_speaks_again_when_it_is_subscribed_anew_or_elsewhere() {
        let mut tamper = tamper();
        let (of, symbol) = depth("AB-C");
        tamper.arm(Fault::Mute { of, symbol });
        for number in 0..3 {
            assert!(pass(&mut tamper, ONE, &frame("book", "AB-C", number)).is_empty());
            assert_eq!(pass(&mut tamper, TWO, &frame("book", "AB-C", number)).len(), 1);
            assert_eq!(pass(&mut tamper, ONE, &frame("trade", "AB-C", number)).len(), 1);
        }
        tamper.unmute(ONE);
        assert_eq!(pass(&mut tamper, ONE, &frame("book", "AB-C", 4)).len(), 1);
    }
}
