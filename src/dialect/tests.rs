//! Every event of every channel, in both dialects, against a writer that knows nothing but `format!`.

use proptest::prelude::*;

use super::{Dialect, Label, Telling};
use crate::book::{Book, BookKind};
use crate::cache::{BookEvent, BookLevels, Event, EventBody, Stamp};
use crate::clock::UnixNanos;
use crate::instrument::InstrumentId;
use crate::tick::{
    Candle, Decimal, Interval, Level, MANTISSA_MAX, Quote, Side, Ticker, Trade, TradeId,
    WideDecimal,
};

fn decimals() -> impl Strategy<Value = Decimal> {
    let usual = (0..100_000_000_i64, 0..=8_u8);
    let any = (-MANTISSA_MAX..=MANTISSA_MAX, 0..60_u32, 0..=18_u8)
        .prop_map(|(mantissa, shift, digits)| (mantissa >> shift, digits));
    let edges = (prop::sample::select(vec![0, 1, -1, MANTISSA_MAX, -MANTISSA_MAX]), 0..=18_u8);
    prop_oneof![3 => usual, 3 => any, 1 => edges]
        .prop_map(|(mantissa, digits)| Decimal::new(mantissa, digits).expect("in range"))
}

fn wides() -> impl Strategy<Value = WideDecimal> {
    let bound = 10_i128.pow(38) - 1;
    (-bound..=bound, 0..126_u32, 0..=18_u8).prop_map(|(mantissa, shift, digits)| {
        WideDecimal::new(mantissa >> shift, digits).expect("in range")
    })
}

/// Mostly of our days.
fn dates() -> impl Strategy<Value = UnixNanos> {
    let edges = vec![0, -1, i64::MIN + 1, i64::MAX, 10_i64.pow(18) - 1, 10_i64.pow(18)];
    let any = prop_oneof![
        6 => 1_500_000_000_000_000_000..2_000_000_000_000_000_000_i64,
        1 => any::<i64>(),
        1 => prop::sample::select(edges),
    ];
    any.prop_map(UnixNanos)
}

fn stamps() -> impl Strategy<Value = Stamp> {
    let exchange = prop_oneof![3 => dates(), 1 => Just(UnixNanos::NONE)];
    (exchange, dates()).prop_map(|(exchange_time, received)| Stamp { exchange_time, received })
}

fn tellings() -> impl Strategy<Value = Telling> {
    let conflated = prop_oneof![2 => Just(0), 1 => 0..u64::MAX >> 1];
    (dates(), any::<bool>(), conflated).prop_map(|(date, is_snapshot, conflated)| Telling {
        date,
        is_snapshot,
        conflated,
    })
}

fn numbers() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0..64_u32).prop_map(|(number, shift)| number >> shift)
}

fn ids() -> impl Strategy<Value = TradeId> {
    let spelled = prop::sample::select(vec!["018", "A-b_9", "\u{1}\u{2}\"\\\u{1f}\u{3}\u{4}\u{5}"]);
    prop_oneof![
        3 => numbers().prop_map(TradeId::Number),
        2 => any::<u128>().prop_map(TradeId::Uuid),
        1 => prop_oneof![
            spelled.prop_map(str::to_owned),
            // The longest of each alphabet, and what needs the most escapes.
            Just("9".repeat(38)), Just("F".repeat(32)), Just("\u{1}".repeat(16)),
        ].prop_map(|text| TradeId::parse(&text).expect("short enough")),
        1 => Just(TradeId::None),
    ]
}

fn sides() -> impl Strategy<Value = Side> {
    prop::sample::select(vec![Side::Bid, Side::Ask, Side::None])
}

fn levels() -> impl Strategy<Value = Vec<Level>> {
    let level = (prop::sample::select(vec![Side::Bid, Side::Ask]), decimals(), decimals())
        .prop_map(|(side, price, size)| Level { side, price, size });
    prop::collection::vec(level, 0..40)
}

/// What an [`EventBody`] is made of.
#[derive(Clone, Debug)]
enum Content {
    Trade(Trade),
    Quote(Quote),
    Ticker(Ticker),
    Update(Vec<Level>, bool, u64),
    Best(Vec<Level>, usize),
    Candle(Candle),
}

fn some_decimal() -> impl Strategy<Value = Option<Decimal>> {
    prop::option::of(decimals())
}

fn contents() -> impl Strategy<Value = Content> {
    let trade = (sides(), decimals(), decimals(), ids())
        .prop_map(|(taker, price, size, id)| Content::Trade(Trade { taker, price, size, id }));
    let quote = prop::array::uniform4(some_decimal()).prop_map(|[bid, bid_size, ask, ask_size]| {
        Content::Quote(Quote { bid, bid_size, ask, ask_size })
    });
    let ticker =
        (prop::array::uniform8(some_decimal()), prop::array::uniform2(prop::option::of(wides())))
            .prop_map(|([last, open, high, low, bid, ask, change, change_percent], volumes)| {
                let [volume, quote_volume] = volumes;
                Content::Ticker(Ticker {
                    last,
                    open,
                    high,
                    low,
                    bid,
                    ask,
                    change,
                    change_percent,
                    volume,
                    quote_volume,
                })
            });
    let conflated = prop_oneof![Just(0), 0..u64::MAX >> 1];
    let update = (levels(), any::<bool>(), conflated)
        .prop_map(|(levels, whole, conflated)| Content::Update(levels, whole, conflated));
    let best = (levels(), 0..30_usize).prop_map(|(levels, depth)| Content::Best(levels, depth));
    let intervals = prop::sample::select(Interval::ALL.to_vec());
    let candle = (
        (intervals, dates(), prop::array::uniform4(decimals())),
        (prop::option::of(wides()), prop::option::of(numbers()), any::<[bool; 2]>()),
    )
        .prop_map(|((interval, open_time, prices), (volume, trades, [closed, partial]))| {
            let candle = Candle::of(interval, open_time, prices);
            let candle = volume.map_or(candle, |volume| candle.with_volume(volume));
            Content::Candle(Candle { trades, closed, partial, ..candle })
        });
    prop_oneof![trade, quote, ticker, update, best, candle]
}

/// Calls `each` with the body.
fn with_body<R>(content: &Content, each: impl FnOnce(EventBody<'_>) -> R) -> R {
    let mut book = Book::new();
    match content {
        Content::Trade(trade) => each(EventBody::Trade(*trade)),
        Content::Quote(quote) => each(EventBody::Quote(*quote)),
        Content::Ticker(ticker) => each(EventBody::Ticker(ticker)),
        Content::Candle(candle) => each(EventBody::Candle(candle)),
        Content::Update(levels, whole, conflated) => each(EventBody::Book(BookEvent {
            kind: if *whole { BookKind::Snapshot } else { BookKind::Delta },
            depth: None,
            conflated: *conflated,
            levels: BookLevels::Listed(levels),
        })),
        Content::Best(levels, depth) => {
            for level in levels {
                book.apply(*level);
            }
            let levels = BookLevels::Best(&book, *depth);
            let kind = BookKind::Snapshot;
            each(EventBody::Book(BookEvent { kind, depth: Some(*depth), conflated: 0, levels }))
        }
    }
}

fn or_null<T: std::fmt::Display>(value: Option<T>) -> String {
    value.map_or("null".to_owned(), |value| value.to_string())
}

/// The levels of one side as text.
fn side(body: &EventBody<'_>, side: Side) -> String {
    let EventBody::Book(event) = body else { return String::new() };
    let levels: Vec<_> = match event.levels {
        BookLevels::Listed(levels) => {
            let levels = levels.iter().filter(|level| level.side == side);
            levels.map(|level| (level.price, level.size)).collect()
        }
        BookLevels::Best(book, depth) => {
            let all: Vec<_> = match side {
                Side::Bid => book.bids().map(|level| (level.price, level.size)).collect(),
                _ => book.asks().map(|level| (level.price, level.size)).collect(),
            };
            all.into_iter().take(depth).collect()
        }
    };
    let levels: Vec<_> =
        levels.into_iter().map(|(price, size)| format!("[{price},{size}]")).collect();
    levels.join(",")
}

fn id(id: TradeId) -> String {
    match id {
        TradeId::None => "null".to_owned(),
        TradeId::Number(number) => format!("\"{number}\""),
        TradeId::Uuid(uuid) => {
            let hex = format!("{uuid:032x}");
            let groups = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
            format!("\"{}\"", groups.join("-"))
        }
        TradeId::Spelled(spelled) => {
            // The library writes some escapes shorter.
            let text = serde_json::to_string(&*spelled.text()).expect("a text");
            text.replace("\\b", "\\u0008").replace("\\t", "\\u0009")
        }
    }
}

fn prices_of(candle: &Candle) -> String {
    let Candle { open, high, low, close, .. } = candle;
    let opened = candle.open_time.0.div_euclid(1_000_000);
    let volume = or_null(candle.states_volume.then_some(candle.volume));
    format!(
        r#""openTime":{opened},"open":{open},"high":{high},"low":{low},"close":{close},"volume":{volume}"#
    )
}

/// Kind and fields by the words of dialect 1, with the dates of the event.
fn fields_of_actions(body: &EventBody<'_>, stamp: Stamp, is_past: bool) -> (&'static str, String) {
    let time = stamp.time().0.div_euclid(1_000_000);
    match body {
        EventBody::Trade(Trade { taker, price, size, id: trade }) => {
            let side = match taker {
                Side::Bid => "\"buy\"",
                Side::Ask => "\"sell\"",
                Side::None => "null",
            };
            let mut text = format!(
                r#""price":{price},"volume":{size},"side":{side},"tradeId":{},"timestamp":{time}"#,
                id(*trade)
            );
            if !is_past && stamp.exchange_time.is_some() {
                text += &format!(r#","exchangeTs":{}"#, stamp.exchange_time.0);
            }
            if !is_past {
                text += &format!(r#","receiveTs":{}"#, stamp.received.0);
            }
            ("trade", text)
        }
        EventBody::Quote(quote) => {
            let [bid, bid_size, ask, ask_size] =
                [quote.bid, quote.bid_size, quote.ask, quote.ask_size].map(or_null);
            let text = format!(
                r#""bid":{bid},"bidSize":{bid_size},"ask":{ask},"askSize":{ask_size},"timestamp":{time}"#
            );
            ("quote", text)
        }
        EventBody::Ticker(ticker) => {
            let [last, bid, ask, open] =
                [ticker.last, ticker.bid, ticker.ask, ticker.open].map(or_null);
            let [high, low] = [ticker.high, ticker.low].map(or_null);
            let [change, percent] = [ticker.change, ticker.change_percent].map(or_null);
            let [volume, quote_volume] = [ticker.volume, ticker.quote_volume].map(or_null);
            let text = format!(
                r#""last":{last},"bid":{bid},"ask":{ask},"open":{open},"high":{high},"low":{low},"volume":{volume},"quoteVolume":{quote_volume},"change":{change},"changePercent":{percent},"timestamp":{time}"#
            );
            ("ticker", text)
        }
        EventBody::Book(book) => {
            let kind = match book.kind {
                BookKind::Snapshot => "snapshot",
                BookKind::Delta => "update",
            };
            let (bids, asks) = (side(body, Side::Bid), side(body, Side::Ask));
            let text =
                format!(r#""kind":"{kind}","bids":[{bids}],"asks":[{asks}],"timestamp":{time}"#);
            ("orderbook", text)
        }
        EventBody::Candle(candle) => {
            let (interval, prices) = (candle.interval.name(), prices_of(candle));
            let (trades, closed) = (or_null(candle.trades), candle.closed);
            let partial = if candle.partial { r#","partial":true"# } else { "" };
            let text = format!(
                r#""interval":"{interval}",{prices},"trades":{trades},"closed":{closed}{partial}"#
            );
            ("candle", text)
        }
        _ => unreachable!("states have tests of their own"),
    }
}

/// An event by the words of dialect 1.
fn by_actions(event: &Event<'_>, names: &str, telling: Telling) -> String {
    let (kind, fields) = fields_of_actions(&event.body, event.stamp, false);
    let by_view = match event.body {
        EventBody::Book(book) => book.conflated,
        _ => 0,
    };
    let snapshot = if telling.is_snapshot { r#","snapshot":true"# } else { "" };
    let seq = if event.seq > 0 { format!(r#","seq":{}"#, event.seq) } else { String::new() };
    let conflated = match telling.conflated + by_view {
        0 => String::new(),
        conflated => format!(r#","conflated":{conflated}"#),
    };
    let date = telling.date.0.div_euclid(1_000_000);
    format!(
        r#"{{"type":"{kind}","data":{{{names}{fields}{snapshot}}}{seq}{conflated},"timestamp":{date}}}"#
    )
}

/// Type and fields by the words of dialect 2, if it has any.
fn fields_of_commands(event: &Event<'_>) -> Option<(&'static str, String)> {
    let time = event.stamp.time().0.div_euclid(1_000_000);
    match event.body {
        EventBody::Trade(Trade { price, .. })
        | EventBody::Ticker(&Ticker { last: Some(price), .. }) => {
            Some(("tick", format!(r#""price":{price},"timestamp":{time}"#)))
        }
        EventBody::Candle(candle) => {
            let partial = if candle.partial { r#","partial":true"# } else { "" };
            let kind = if candle.closed { "candle_closed" } else { "candle_update" };
            Some((kind, prices_of(candle) + partial))
        }
        _ => None,
    }
}

/// An event by the words of dialect 2.
fn by_commands(event: &Event<'_>, asset: &str) -> Option<String> {
    let (kind, mut fields) = fields_of_commands(event)?;
    if let EventBody::Candle(candle) = event.body {
        fields = format!(r#""interval":"{}",{fields}"#, candle.interval.name());
    }
    Some(format!(r#"{{"type":"{kind}","data":{{{asset}{fields}}}}}"#))
}

/// What a dialect appends to what is there already.
fn appended(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = b"before".to_vec();
    write(&mut out);
    let text = String::from_utf8(out).expect("text");
    text.strip_prefix("before").expect("what was there stays").to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_event_is_told_as_its_twin_tells_it(
        content in contents(),
        stamp in stamps(),
        telling in tellings(),
        seq in numbers(),
        names in "[ -~]{0,80}",
    ) {
        let label = Label::new(names.as_bytes(), b"\"exchange\":\"x\",");
        let whole = format!(r#"{names}"exchange":"x","#);
        with_body(&content, |body| {
            let event = Event { instrument: InstrumentId(0), seq, stamp, body };
            let tell = |dialect: Dialect| {
                appended(|out| {
                    dialect.speech().tell(out, Some(&label), &event, telling);
                })
            };
            assert_eq!(tell(Dialect::Actions), by_actions(&event, &whole, telling));
            let by_commands = by_commands(&event, &names).unwrap_or_default();
            assert_eq!(tell(Dialect::Commands), by_commands);
        });
    }

    #[test]
    fn every_event_of_a_history_is_told_as_its_twin_tells_it(
        content in contents(),
        stamp in stamps(),
        seq in numbers(),
    ) {
        with_body(&content, |body| {
            let event = Event { instrument: InstrumentId(0), seq, stamp, body };
            let past = |dialect: Dialect| {
                let mut items = Vec::new();
                for _ in 0..2 {
                    dialect.speech().push_past(&mut items, &event);
                }
                String::from_utf8(items).expect("text")
            };
            let (_, fields) = fields_of_actions(&body, stamp, true);
            let item = format!(r#"{{{fields},"seq":{seq}}}"#);
            assert_eq!(past(Dialect::Actions), format!("{item},{item}"));
            let item = fields_of_commands(&event).map(|(_, fields)| format!("{{{fields}}}"));
            let twice = item.map_or(String::new(), |item| format!("{item},{item}"));
            assert_eq!(past(Dialect::Commands), twice);
        });
    }
}

/// The longest of everything at once: rooms are made for it.
#[test]
fn the_widest_event_of_each_kind_has_room() {
    let widest = Decimal::new(-MANTISSA_MAX, 18).expect("in range");
    let wide = WideDecimal::new(-(10_i128.pow(38) - 1), 18).expect("in range");
    let (some, date) = (Some(widest), UnixNanos(i64::MIN + 1));
    let id = TradeId::parse(&"\u{1}".repeat(16)).expect("short enough");
    let candle = Candle::of(Interval::Minute15, date, [widest; 4]).with_volume(wide);
    let ticker = Ticker {
        last: some,
        open: some,
        high: some,
        low: some,
        bid: some,
        ask: some,
        change: some,
        change_percent: some,
        volume: Some(wide),
        quote_volume: Some(wide),
    };
    let level = Level { side: Side::Ask, price: widest, size: widest };
    let contents = [
        Content::Trade(Trade { taker: Side::Ask, price: widest, size: widest, id }),
        Content::Quote(Quote { bid: some, bid_size: some, ask: some, ask_size: some }),
        Content::Ticker(ticker),
        Content::Update(vec![level; 100], true, u64::MAX >> 1),
        Content::Candle(Candle { trades: Some(u64::MAX), partial: true, ..candle }),
    ];
    let stamp = Stamp { exchange_time: date, received: date };
    let telling = Telling { date, is_snapshot: true, conflated: u64::MAX >> 1 };
    let label = Label::new(b"", b"");
    for content in contents {
        with_body(&content, |body| {
            let event = Event { instrument: InstrumentId(0), seq: u64::MAX, stamp, body };
            let told = appended(|out| {
                Dialect::Actions.speech().tell(out, Some(&label), &event, telling);
            });
            assert_eq!(told, by_actions(&event, "", telling));
            let told = appended(|out| {
                Dialect::Commands.speech().tell(out, Some(&label), &event, telling);
            });
            assert_eq!(told, by_commands(&event, "").unwrap_or_default());
        });
    }
}
