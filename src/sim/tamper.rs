//! Faults of single frames, on their way from whoever speaks to the connection. They know frames by
//! marks in their text, so that every exchange's simulator has them.

use std::ops::Range;
use std::time::Duration;

use super::fault::{Fault, Of};
use super::random::Random;
use super::shift::shift;
use super::wires::ConnectionId;
use crate::instrument::ExchangeId;

/// How the frames of an exchange show which stream they are of: one of these stands in their text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks {
    depth: &'static [&'static str],
    trade: &'static [&'static str],
    candle: &'static [&'static str],
    ends: Ends,
}

/// How candles show that they are over.
#[derive(Clone, Copy, Debug)]
enum Ends {
    /// By this.
    Said(&'static str),
    /// By the next one, which begins at another time; that stands behind this.
    Begun(&'static str),
}

/// The marks of an exchange's frames.
pub(super) const fn marks(exchange: ExchangeId) -> Marks {
    match exchange {
        ExchangeId::Binance | ExchangeId::BinanceFutures => Marks {
            depth: &["\"e\":\"depthUpdate\""],
            trade: &["\"e\":\"trade\"", "\"e\":\"aggTrade\""],
            candle: &["\"e\":\"kline\""],
            ends: Ends::Said("\"x\":true"),
        },
        // It has no candles.
        ExchangeId::Coinbase => Marks {
            depth: &["\"type\":\"l2update\""],
            trade: &["\"type\":\"match\""],
            candle: &[],
            ends: Ends::Said(""),
        },
        ExchangeId::CoinbaseAdvanced => Marks {
            depth: &["\"l2_data\""],
            trade: &["\"market_trades\""],
            candle: &["\"channel\":\"candles\""],
            ends: Ends::Begun("\"start\":"),
        },
        ExchangeId::Okx => Marks {
            depth: &["\"channel\":\"books"],
            trade: &["\"channel\":\"trades"],
            candle: &["\"channel\":\"candle"],
            ends: Ends::Said(",\"1\"]"),
        },
        ExchangeId::Kraken | ExchangeId::KrakenV1 => Marks {
            depth: &["\"channel\":\"book\""],
            trade: &["\"channel\":\"trade\""],
            candle: &["\"channel\":\"ohlc\""],
            ends: Ends::Begun("\"interval_begin\":"),
        },
        // A tick is the nearest that it has to a trade.
        ExchangeId::Deriv => Marks {
            depth: &[],
            trade: &["\"msg_type\":\"tick\""],
            candle: &["\"msg_type\":\"ohlc\""],
            ends: Ends::Begun("\"open_time\":"),
        },
        // Not the depth of 1, which is a quote.
        ExchangeId::Bybit | ExchangeId::BybitLinear => Marks {
            depth: &[
                "\"topic\":\"orderbook.50.",
                "\"topic\":\"orderbook.200.",
                "\"topic\":\"orderbook.1000.",
            ],
            trade: &["\"topic\":\"publicTrade."],
            candle: &["\"topic\":\"kline."],
            ends: Ends::Said("\"confirm\":true"),
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
    Ahead(Duration),
    Supersede,
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
    /// The instruments as frames spell them, up to the quote that ends them, and their letters and
    /// digits alone.
    symbols: Vec<(String, String)>,
    armed: Vec<Armed>,
    /// Frames that go after the next one of their stream.
    held: Vec<(Stream, Vec<u8>)>,
    muted: Vec<Stream>,
    /// Candles of which no more is sent, by when they began.
    superseded: Vec<(Stream, Vec<u8>)>,
    random: Random,
}

impl Tamper {
    pub(super) fn new(marks: Marks, symbols: &[String], seed: u64) -> Self {
        let symbols = symbols.iter().map(|symbol| (format!("{symbol}\""), plain(symbol))).collect();
        Self {
            marks,
            symbols,
            armed: Vec::new(),
            held: Vec::new(),
            muted: Vec::new(),
            superseded: Vec::new(),
            random: Random::new(seed),
        }
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
            Fault::TimesAhead { by, of, symbol, count } => (Action::Ahead(by), of, symbol, count),
            Fault::Superseded { symbol, count } => (Action::Supersede, Of::Candle, symbol, count),
            Fault::Mute { of, symbol } => (Action::Mute, of, symbol, 1),
            _ => return,
        };
        let symbol = symbol.as_deref().map(plain);
        self.armed.push(Armed { action, of, symbol, count });
    }

    /// True when every frame goes as it is.
    #[inline]
    pub(super) const fn is_idle(&self) -> bool {
        self.armed.is_empty()
            && self.held.is_empty()
            && self.muted.is_empty()
            && self.superseded.is_empty()
    }

    /// What is sent in place of `frame`, in that order.
    pub(super) fn pass(&mut self, connection: ConnectionId, mut frame: Vec<u8>) -> Vec<Vec<u8>> {
        let Some(stream) = self.stream(connection, &frame) else { return vec![frame] };
        if self.muted.contains(&stream) {
            return Vec::new();
        }
        if self.is_superseded(stream, &frame) {
            return Vec::new();
        }
        let late = self.held.iter().position(|(of, _)| *of == stream);
        match self.strike(stream, &frame) {
            Some(Action::Drop) => return Vec::new(),
            Some(Action::Mute) => {
                self.muted.push(stream);
                return Vec::new();
            }
            Some(Action::Supersede) => {
                if let Some(begun) = self.begun(&frame) {
                    self.superseded.push((stream, begun.to_vec()));
                }
                return Vec::new();
            }
            Some(Action::Ahead(by)) => frame = shift(&frame, by),
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
        self.superseded.retain(|(stream, _)| stream.connection != connection);
        self.held.retain(|(stream, _)| stream.connection != connection);
    }

    /// The fault that strikes this frame, if any; it is used up. A whole book that comes behind a
    /// change to it would be an exchange that begins anew, so it is not moved; and only an end can be
    /// withheld.
    fn strike(&mut self, stream: Stream, frame: &[u8]) -> Option<Action> {
        let own = &self.symbols[stream.symbol].1;
        let ends = match self.marks.ends {
            Ends::Said(mark) => has(frame, mark),
            Ends::Begun(_) => !is_whole(frame),
        };
        let meant = |armed: &Armed| {
            armed.of == stream.of
                && armed.symbol.as_ref().is_none_or(|symbol| symbol == own)
                && match armed.action {
                    Action::Reorder => !is_whole(frame),
                    Action::Supersede => ends,
                    _ => true,
                }
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
        let Marks { depth, trade, candle, .. } = self.marks;
        let streams = [(Of::Depth, depth), (Of::Trade, trade), (Of::Candle, candle)];
        let is_of = |marks: &[&str]| marks.iter().any(|mark| text.contains(mark));
        let (of, _) = streams.into_iter().find(|(_, marks)| is_of(marks))?;
        let symbol = self.symbols.iter().position(|(ended, _)| {
            // As a value, or as the end of a topic.
            let mut places = text.match_indices(ended.as_str());
            places.any(|(at, _)| text[..at].ends_with(['"', '.']))
        })?;
        Some(Stream { connection, of, symbol })
    }

    /// Whether a frame is of a candle of which no more is sent; the next one ends that.
    fn is_superseded(&mut self, stream: Stream, frame: &[u8]) -> bool {
        let Some(index) = self.superseded.iter().position(|(of, _)| *of == stream) else {
            return false;
        };
        let is_same = self.begun(frame) == Some(&self.superseded[index].1);
        if !is_same {
            self.superseded.remove(index);
        }
        is_same
    }

    /// When the last candle of a frame began, as it is written, where only that tells its end.
    fn begun<'f>(&self, frame: &'f [u8]) -> Option<&'f [u8]> {
        let Ends::Begun(mark) = self.marks.ends else { return None };
        let from = memchr::memmem::rfind(frame, mark.as_bytes())? + mark.len();
        let length = frame[from..].iter().position(|byte| matches!(byte, b',' | b'}'))?;
        Some(&frame[from..from + length])
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

/// Whether a frame holds a whole book, or candles from before.
fn is_whole(frame: &[u8]) -> bool {
    has(frame, "\"snapshot\"")
}

fn has(frame: &[u8], text: &str) -> bool {
    memchr::memmem::find(frame, text.as_bytes()).is_some()
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
        let marks = Marks {
            depth: &["\"book\""],
            trade: &["\"trade\""],
            candle: &["\"bar\""],
            ends: Ends::Begun("\"number\":"),
        };
        Tamper::new(marks, &symbols, 1)
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

    #[test]
    fn how_a_candle_ends_is_not_sent() {
        let mut tamper = tamper();
        tamper.arm(Fault::Superseded { symbol: None, count: 1 });
        let sent: Vec<usize> = [1, 1, 2, 2]
            .map(|begun| pass(&mut tamper, ONE, &frame("bar", "AB-C", begun)).len())
            .to_vec();
        assert_eq!(sent, [0, 0, 1, 1]);
        assert!(tamper.is_idle());
        tamper.marks.ends = Ends::Said(":7}");
        tamper.arm(Fault::Superseded { symbol: None, count: 1 });
        let sent =
            [6, 7, 7, 8].map(|mark| pass(&mut tamper, ONE, &frame("bar", "AB-C", mark)).len());
        assert_eq!(sent, [1, 0, 1, 1]);
    }

    #[test]
    fn a_topic_names_its_instrument_too() {
        let mut tamper = tamper();
        tamper.arm(Fault::Drop { of: Of::Candle, symbol: Some("DEF".to_owned()), count: 1 });
        let topic = |symbol: &str| format!(r#"{{"bar":"1.{symbol}","n":1}}"#).into_bytes();
        assert_eq!(pass(&mut tamper, ONE, &topic("XDE-F")).len(), 1);
        assert!(pass(&mut tamper, ONE, &topic("DE-F")).is_empty());
    }

    #[test]
    fn the_times_of_a_frame_lie_ahead() {
        let mut tamper = tamper();
        let sent = br#"{"trade":"AB-C","T":1767225600123}"#;
        let (by, of) = (Duration::from_secs(3_600), Of::Trade);
        tamper.arm(Fault::TimesAhead { by, of, symbol: None, count: 1 });
        assert_eq!(pass(&mut tamper, ONE, sent), [r#"{"trade":"AB-C","T":1767229200123}"#]);
        assert_eq!(pass(&mut tamper, ONE, sent)[0].as_bytes(), sent);
    }
}
