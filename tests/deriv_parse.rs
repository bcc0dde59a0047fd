//! Deriv's two paths of parsing against each other: on recorded frames, and on generated ones.

mod common;

use proptest::prelude::*;
use tickwire::exchange::Rejected;
use tickwire::exchange::deriv::Deriv;

use common::parse::{self, Both, Fields, object};

/// Symbols that the generated frames are of.
const SYMBOLS: [&str; 5] = ["R_100", "1HZ100V", "frxEURUSD", "cryBTCUSD", "X"];

const IDS: [&str; 2] =
    ["b4d42748-0744-c46b-f59b-cb7dd936bafa", "f55858b0-82ac-aac8-7bd2-af8ca5295d97"];

/// Padding that looks like the rest of a frame.
const PADDING: &[u8] = br#"","symbol":"R_100"}}1234567890,"quote":1}}"}}}}""}}]]]],,,,00000000000"#;

fn both(symbols: &[impl AsRef<str>]) -> Both<Deriv> {
    Both::new(Deriv::default, Deriv::parse_general, symbols, PADDING)
}

#[test]
fn recorded_frames_read_alike_on_both_paths_and_the_hot_ones_in_place() {
    parse::recorded("deriv-", |_, symbols| both(symbols), |_| true);
}

#[test]
fn frames_of_other_exchanges_are_foreign() {
    parse::foreign("deriv", || both(&SYMBOLS));
}

/// A bare number as Deriv writes them, and sometimes as it does not.
fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        10 => "(0|[1-9][0-9]{0,5})(\\.[0-9]{0,7}[1-9])?",
        2 => "[1-9][0-9]{9,12}\\.[0-9]{4,8}",
        1 => "-?[0-9]{0,3}\\.?[0-9]{0,3}(e-?[0-9])?",
        1 => "\"[0-9]{1,3}\\.[0-9]{2}\"|null|true",
    ]
}

fn text_number() -> impl Strategy<Value = String> {
    prop_oneof![
        10 => "\"(0|[1-9][0-9]{0,5})\\.[0-9]{2,5}\"",
        1 => "\"-?[0-9]{0,3}\\.?[0-9]{0,3}(e-?[0-9])?\"",
        1 => number(),
    ]
}

fn epoch() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => (29_000_000_u64..29_000_004).prop_map(|minute| (minute * 60).to_string()),
        4 => "17[0-9]{8}",
        1 => "0?[0-9]{1,20}|-1|1e9|\"5\"",
    ]
}

/// What the fields of a frame are filled from.
#[derive(Debug)]
struct Drawn {
    symbol: String,
    numbers: Vec<String>,
    texts: Vec<String>,
    one: String,
    two: String,
    granularity: &'static str,
    id: &'static str,
    request: Option<String>,
}

fn field(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

impl Drawn {
    /// The request as it is told back, its fields sorted.
    fn asked(&self, fields: &[(&str, &str)]) -> String {
        let mut fields: Fields = fields.iter().map(|(key, value)| field(key, value)).collect();
        fields.extend(self.request.iter().map(|id| field("req_id", id)));
        fields.sort();
        object(&fields)
    }

    /// The fields of a frame's root, but for what it carries.
    fn root(&self, echo: Option<String>, kind: &str) -> Fields {
        let mut root: Fields = echo.iter().map(|echo| field("echo_req", echo)).collect();
        root.push(field("msg_type", &quoted(kind)));
        root.extend(self.request.iter().map(|id| field("req_id", id)));
        root.push(field("subscription", &format!("{{\"id\":\"{}\"}}", self.id)));
        root
    }

    fn tick(&self, has: [bool; 5]) -> (Fields, &'static str, Fields) {
        let mut tick = Vec::new();
        if has[0] {
            tick.extend([field("ask", &self.numbers[0]), field("bid", &self.numbers[1])]);
        }
        tick.push(field("epoch", &self.one));
        if has[1] {
            tick.push(field("id", &quoted(self.id)));
        }
        if has[2] {
            tick.push(field("pip_size", "4"));
        }
        tick.extend([field("quote", &self.numbers[2]), field("symbol", &self.symbol)]);
        let ticks = if has[3] { self.symbol.clone() } else { format!("[{},\"X\"]", self.symbol) };
        let echo = has[4].then(|| self.asked(&[("subscribe", "1"), ("ticks", &ticks)]));
        (self.root(echo, "tick"), "tick", tick)
    }

    fn bar(&self) -> (Fields, &'static str, Fields) {
        let bar = vec![
            field("close", &self.texts[0]),
            field("epoch", &self.one),
            field("granularity", self.granularity),
            field("high", &self.texts[1]),
            field("id", &quoted(self.id)),
            field("low", &self.texts[2]),
            field("open", &self.texts[3]),
            field("open_time", &self.two),
            field("pip_size", "2"),
            field("symbol", &self.symbol),
        ];
        let echo = self.asked(&[
            ("count", "60"),
            ("end", "\"latest\""),
            ("granularity", self.granularity),
            ("style", "\"candles\""),
            ("subscribe", "1"),
            ("ticks_history", &self.symbol),
        ]);
        (self.root(Some(echo), "ohlc"), "ohlc", bar)
    }
}

/// One frame: the fields of its root and those of what it carries, in the order of the wire.
fn frame() -> impl Strategy<Value = (Fields, &'static str, Fields)> {
    let symbol = prop_oneof![9 => prop::sample::select(&SYMBOLS[..]), 1 => Just("NOTOURS")];
    let granularity = prop_oneof![8 => Just("60"), 1 => Just("120"), 1 => Just("86400")];
    let parts = (
        symbol,
        prop::collection::vec(number(), 3),
        prop::collection::vec(text_number(), 4),
        (epoch(), epoch(), granularity),
        prop::sample::select(&IDS[..]),
        any::<(bool, [bool; 5])>(),
        prop::option::weighted(0.5, 0_u32..40),
    );
    parts.prop_map(|(symbol, numbers, texts, dates, id, (is_tick, has), request)| {
        let (one, two, granularity) = dates;
        let request = request.map(|id| id.to_string());
        let symbol = quoted(symbol);
        let drawn = Drawn { symbol, numbers, texts, one, two, granularity, id, request };
        if is_tick { drawn.tick(has) } else { drawn.bar() }
    })
}

/// The frame with what it carries in its place among the keys of the root.
fn whole((mut root, key, inner): (Fields, &str, Fields), sorted: bool) -> String {
    root.push((key.to_owned(), object(&inner)));
    if sorted {
        root.sort();
    }
    object(&root)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn generated_frames_read_alike(frames in prop::collection::vec(frame(), 1..8)) {
        let mut both = both(&SYMBOLS);
        for frame in frames {
            both.read(whole(frame, true).as_bytes());
        }
    }

    #[test]
    fn order_and_unknown_keys_make_no_difference(
        frame in frame(),
        extra in parse::anything(["[[{\"symbol\":\"R_100\"}],1.5e3]", "{\"quote\":1,\"id\":7}"]),
        turn in 0_usize..9,
    ) {
        let usual = both(&SYMBOLS).read(whole(frame.clone(), true).as_bytes());
        let (mut root, key, mut inner) = frame;
        let (by_root, by_inner) = (turn % root.len(), turn % inner.len());
        root.rotate_left(by_root);
        inner.rotate_left(by_inner);
        inner.push(("new".to_owned(), extra));
        let other = both(&SYMBOLS).read(whole((root, key, inner), false).as_bytes());
        prop_assert_eq!(usual.outcome.is_ok(), other.outcome.is_ok());
        // What is no JSON names its stream by any text that looks like a name, and none where two differ.
        if !matches!(usual.outcome, Err(Rejected::NotJson)) {
            prop_assert_eq!(usual.batch, other.batch);
        }
    }

    #[test]
    fn damaged_frames_read_alike(
        texts in parse::damaged(frame().prop_map(|frame| whole(frame, true))),
    ) {
        both(&SYMBOLS).read_damaged(&texts);
    }
}
