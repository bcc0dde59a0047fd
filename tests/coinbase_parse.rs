//! Coinbase's two paths of parsing against each other, for both feeds: on recorded frames, and on
//! generated ones.

mod common;

use std::collections::BTreeSet;

use proptest::prelude::*;
use tickwire::exchange::coinbase::Coinbase;
use tickwire::exchange::coinbase_advanced::CoinbaseAdvanced;
use tickwire::exchange::{Batch, Exchange, Frame, Rejected};
use tickwire::instrument::{InstrumentId, NativeMap};
use tickwire::json::PaddedFrame;
use tickwire::limits::FRAME_PADDING;

use common::captures;

/// Products that the generated frames are of; the longest that a map holds among them.
const PRODUCTS: [&str; 4] = ["BTC-USD", "SKL-GBP", "X-Y", "ABCDEFGHIJKLMNOPQRST-USD"];

/// An adapter with both its paths.
trait TwoPaths: Exchange {
    fn general(&mut self, frame: PaddedFrame<'_>, batch: &mut Batch) -> Result<Frame, Rejected>;
}

impl TwoPaths for Coinbase {
    fn general(&mut self, frame: PaddedFrame<'_>, batch: &mut Batch) -> Result<Frame, Rejected> {
        self.parse_general(frame, batch)
    }
}

impl TwoPaths for CoinbaseAdvanced {
    fn general(&mut self, frame: PaddedFrame<'_>, batch: &mut Batch) -> Result<Frame, Rejected> {
        self.parse_general(frame, batch)
    }
}

fn knowing<E: Exchange>(mut adapter: E, products: &[impl AsRef<str>]) -> E {
    let ids = (0..).map(InstrumentId);
    adapter.set_instruments(NativeMap::new(products.iter().map(AsRef::as_ref).zip(ids)));
    adapter
}

/// What a frame came to: the outcome and everything that it put into the batch.
#[derive(Debug, PartialEq)]
struct Read {
    outcome: Result<Frame, Rejected>,
    batch: String,
}

fn read(
    text: &[u8],
    parse: impl FnOnce(PaddedFrame<'_>, &mut Batch) -> Result<Frame, Rejected>,
) -> Read {
    let mut bytes = text.to_vec();
    // Padding that looks like the rest of a frame.
    let padding =
        b"\"]],\"time\":\"2026-08-09T21:05:48.264069Z\"}]}]}\",\"side\":\"SELL\"}]}]}\"}}]]]}}}";
    bytes.extend_from_slice(&padding[..FRAME_PADDING]);
    let mut batch = Batch::new();
    let outcome = parse(PaddedFrame::new(&mut bytes, text.len()), &mut batch);
    if outcome.is_err() {
        assert!(batch.is_empty() && batch.levels.is_empty(), "a rejected frame left something");
    }
    Read { outcome, batch: format!("{batch:?}") }
}

/// Reads a frame by both paths, asserts that they agree, and tells what came out.
fn both(adapter: &mut impl TwoPaths, text: &[u8]) -> Read {
    let whole = read(text, |frame, batch| adapter.parse(frame, batch));
    let general = read(text, |frame, batch| adapter.general(frame, batch));
    let shown = String::from_utf8_lossy(text);
    assert_eq!(whole.batch, general.batch, "{shown}");
    let same = match (&whole.outcome, &general.outcome) {
        (Ok(Frame::Data { .. }), Ok(Frame::Data { .. })) => true,
        (one, other) => one == other,
    };
    assert!(same, "{:?} against {:?}: {shown}", whole.outcome, general.outcome);
    whole
}

fn products_of(adapter: &impl Exchange, frames: &[String]) -> Vec<String> {
    let mut products = BTreeSet::new();
    for frame in frames {
        adapter.symbols_in(frame.as_bytes(), &mut |product| {
            products.insert(product.to_owned());
        });
    }
    products.into_iter().collect()
}

/// Reads the recordings of `prefix`; frames that have one of `hot` are all read in place.
fn recorded<E: TwoPaths>(prefix: &str, new: fn() -> E, hot: &[&str]) {
    for path in captures::files(prefix) {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        let frames = captures::received(&path);
        let products = products_of(&new(), &frames);
        assert!(!products.is_empty(), "{name}");
        let mut adapter = knowing(new(), &products);
        let (mut count, mut recognised) = (0, 0);
        for frame in &frames {
            let outcome = both(&mut adapter, frame.as_bytes()).outcome;
            let outcome = outcome.unwrap_or_else(|error| panic!("{name}: {error}: {frame}"));
            let is_hot = hot.iter().any(|mark| frame.contains(mark));
            if let (Frame::Data { recognised: in_place }, true) = (outcome, is_hot) {
                count += 1;
                recognised += u32::from(in_place);
            }
        }
        assert!(count > 0, "{name}");
        // None is left to the general path; one in a hundred would be a reason to look.
        assert_eq!(recognised, count, "{name}: frames of hot shapes that were not read in place");
    }
}

#[test]
fn recorded_frames_read_alike_on_both_paths_and_the_hot_ones_in_place() {
    let hot = ["\"match\"", "\"last_match\"", "\"l2update\"", "\"ticker\"", "\"snapshot\""];
    recorded("coinbase-exchange", Coinbase::new, &hot);
    let hot = ["\"l2_data\"", "\"market_trades\"", "\"channel\":\"ticker\""];
    recorded("coinbase-advanced", CoinbaseAdvanced::new, &hot);
}

#[test]
fn frames_of_other_exchanges_are_foreign() {
    let mut exchange = knowing(Coinbase::new(), &PRODUCTS);
    let mut advanced = knowing(CoinbaseAdvanced::new(), &PRODUCTS);
    let check = |read: Read, frame: &str| {
        let refused = matches!(read.outcome, Err(Rejected::Foreign | Rejected::NotJson));
        assert!(refused, "{:?}: {frame}", read.outcome);
    };
    for prefix in ["binance", "bybit", "deriv", "kraken", "okx", "coinbase"] {
        for path in captures::files(prefix) {
            let name = path.file_name().expect("a file").to_string_lossy().into_owned();
            for frame in captures::received(&path) {
                if !name.starts_with("coinbase-exchange") {
                    check(both(&mut exchange, frame.as_bytes()), &frame);
                }
                if !name.starts_with("coinbase-advanced") {
                    check(both(&mut advanced, frame.as_bytes()), &frame);
                }
            }
        }
    }
}

/// A decimal as exchanges write them, and sometimes as they do not.
fn decimal() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "(0|[1-9][0-9]{0,6})\\.[0-9]{1,8}",
        4 => "(0|[1-9][0-9]{0,9})(\\.[0-9]{1,8})?",
        1 => "[1-9][0-9]{9,12}\\.[0-9]{8}",
        1 => "-?[0-9]{0,3}\\.?[0-9]{0,3}(e-?[0-9])?",
        1 => prop::sample::select(&["0", "0.0", "0.00000000", "0.-10000", ""][..])
            .prop_map(str::to_owned),
    ]
}

fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[1-9][0-9]{5,12}",
        2 => "(0|[1-9][0-9]{0,18})",
        1 => "0?[0-9]{15,21}",
        1 => "-1|1\\.0|1e3|\"7\"|null",
    ]
}

fn date() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "20[0-9]{2}-(0[1-9]|1[0-2])-[0-2][1-8]T(0[0-9]|1[0-9])(:[0-5][0-9]){2}\\.[0-9]{6}Z",
        4 => "20[0-9]{2}-(0[1-9]|1[0-2])-[0-2][1-8]T(0[0-9]|1[0-9])(:[0-5][0-9]){2}(\\.[0-9]{1,9})?Z",
        1 => prop::sample::select(&[
            "0001-01-01T00:00:00.000000Z", "1970-01-01T00:00:00Z", "2026-13-01T00:00:00Z", "",
            "2026-08-09 21:05:48Z", "2026-08-09T21:05:48.26+00:00",
        ][..]).prop_map(str::to_owned),
    ]
}

fn product() -> impl Strategy<Value = String> {
    let known = prop::sample::select(&PRODUCTS[..]).prop_map(str::to_owned);
    prop_oneof![9 => known, 1 => Just("NOT-OURS".to_owned())]
}

/// Something that a field without meaning for us may hold.
fn anything() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("true".to_owned()),
        Just("[[{\"product_id\":\"BTC-USD\"}],1.5e3]".to_owned()),
        Just("{\"type\":\"match\",\"price\":\"1\"}".to_owned()),
        Just("\"x\\\"\\u00e9\"".to_owned()),
        "-?[1-9][0-9]{0,3}(\\.[0-9]{1,3})?",
    ]
}

/// Keys and the text of their values, in the order of the wire.
type Fields = Vec<(&'static str, String)>;

fn quoted(text: impl AsRef<str>) -> String {
    format!("\"{}\"", text.as_ref())
}

fn object(fields: &Fields) -> String {
    let fields: Vec<_> = fields.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
    format!("{{{}}}", fields.join(","))
}

/// How the fields of an object are disturbed.
#[derive(Clone, Debug)]
enum Change {
    None,
    Swap(usize, usize),
    Insert(usize, &'static str, String),
    Remove(usize),
    Repeat(usize),
}

fn change() -> impl Strategy<Value = Change> {
    let key = prop::sample::select(&["x", "client_id", "type", "price", "time", "events"][..]);
    prop_oneof![
        12 => Just(Change::None),
        1 => (any::<usize>(), any::<usize>()).prop_map(|(one, other)| Change::Swap(one, other)),
        1 => (any::<usize>(), key, anything())
            .prop_map(|(at, key, value)| Change::Insert(at, key, value)),
        1 => any::<usize>().prop_map(Change::Remove),
        1 => any::<usize>().prop_map(Change::Repeat),
    ]
}

fn disturb(mut fields: Fields, change: &Change) -> Fields {
    let count = fields.len();
    match change {
        Change::Swap(one, other) => fields.swap(one % count, other % count),
        Change::Insert(at, key, value) => fields.insert(at % (count + 1), (key, value.clone())),
        Change::Remove(at) => drop(fields.remove(at % count)),
        Change::Repeat(at) => fields.push(fields[at % count].clone()),
        Change::None => {}
    }
    fields
}

/// A space in one place, or an escape, of a text.
fn blemish() -> impl Strategy<Value = Option<usize>> {
    prop_oneof![9 => Just(None), 1 => any::<usize>().prop_map(Some)]
}

fn blemished(mut text: String, blemish: Option<usize>) -> String {
    match blemish {
        Some(at) if at % 3 == 0 => text.replacen('B', "\\u0042", 1),
        Some(at) => {
            let places: Vec<_> = text.match_indices([',', ':']).map(|(at, _)| at + 1).collect();
            if !places.is_empty() {
                text.insert(places[at % places.len()], ' ');
            }
            text
        }
        None => text,
    }
}

fn pairs(with_side: bool) -> impl Strategy<Value = String> {
    let side = prop::sample::select(&["buy", "sell", "buy", "sell", "buy", "hold"][..]);
    let level = (side, decimal(), decimal()).prop_map(move |(side, price, size)| {
        if with_side {
            format!("[\"{side}\",\"{price}\",\"{size}\"]")
        } else {
            format!("[\"{price}\",\"{size}\"]")
        }
    });
    let list = prop::collection::vec(level, 0..6);
    let list = list.prop_map(|levels| format!("[{}]", levels.join(",")));
    prop_oneof![12 => list, 1 => Just("[[\"1\"]]".to_owned()), 1 => Just("{}".to_owned())]
}

/// A frame of the Exchange.
fn exchange_frame() -> impl Strategy<Value = String> {
    let parts = (
        product(),
        date(),
        prop::collection::vec(id(), 3),
        prop::collection::vec(decimal(), 9),
        (pairs(true), pairs(false), pairs(false)),
        (any::<[bool; 3]>(), 0_usize..6),
        (change(), blemish()),
    );
    parts.prop_map(|(product, date, ids, decimals, lists, (flags, shape), (change, blemish))| {
        let (product_id, time) = (("product_id", quoted(product)), ("time", quoted(date)));
        let price = |key, index: usize| (key, quoted(&decimals[index]));
        let number = |key, index: usize| (key, ids[index].clone());
        let side = ("side", quoted(if flags[0] { "buy" } else { "sell" }));
        let kind = |name: &str| ("type", quoted(name));
        let order = quoted("2a0da34e-61f7-4c36-88e5-c9dd15927b16");
        let fields = match shape {
            0 | 1 => vec![
                kind(if shape == 0 { "match" } else { "last_match" }),
                number("trade_id", 0),
                ("maker_order_id", order.clone()),
                ("taker_order_id", order),
                side,
                price("size", 0),
                price("price", 1),
                product_id,
                number("sequence", 1),
                time,
            ],
            2 => {
                let mut fields = vec![kind("l2update"), product_id, ("changes", lists.0)];
                fields.extend(flags[1].then_some(time));
                fields
            }
            3 => {
                let (asks, bids) = (("asks", lists.1), ("bids", lists.2));
                let mut fields = vec![kind("snapshot"), product_id];
                fields.extend(if flags[0] { [asks, bids] } else { [bids, asks] });
                fields.extend(flags[1].then_some(time));
                fields
            }
            4 => vec![
                kind("heartbeat"),
                number("sequence", 0),
                number("last_trade_id", 1),
                product_id,
                time,
            ],
            _ => {
                let mut fields = vec![
                    kind("ticker"),
                    number("sequence", 0),
                    product_id,
                    price("price", 0),
                    price("open_24h", 1),
                    price("volume_24h", 2),
                    price("low_24h", 3),
                    price("high_24h", 4),
                    ("volume_30d", quoted("1.5")),
                    price("best_bid", 5),
                    price("best_bid_size", 6),
                    price("best_ask", 7),
                    price("best_ask_size", 8),
                    side,
                    time,
                    number("trade_id", 1),
                    price("last_size", 0),
                ];
                if flags[1] {
                    fields.retain(|(key, _)| !key.ends_with("_size") || *key == "last_size");
                }
                fields
            }
        };
        blemished(object(&disturb(fields, &change)), blemish)
    })
}

fn book_event() -> impl Strategy<Value = Fields> {
    let level = (any::<bool>(), any::<bool>(), date(), decimal(), decimal());
    let levels = (date(), prop::collection::vec((level, change()), 0..6));
    (product(), levels).prop_map(|(product, (date, levels))| {
        let level = |((is_bid, other, own, price, size), change): &(
            (bool, bool, String, String, String),
            Change,
        )| {
            let side = if *is_bid { "bid" } else { "offer" };
            let time = if *other { &date } else { own };
            let fields = vec![
                ("side", quoted(side)),
                ("event_time", quoted(time)),
                ("price_level", quoted(price)),
                ("new_quantity", quoted(size)),
            ];
            object(&disturb(fields, change))
        };
        let levels: Vec<_> = levels.iter().map(level).collect();
        vec![("product_id", quoted(product)), ("updates", format!("[{}]", levels.join(",")))]
    })
}

fn trades_event() -> impl Strategy<Value = Fields> {
    let trade = ((product(), id(), decimal(), decimal(), date()), any::<[bool; 2]>(), change());
    let trade = trade.prop_map(|((product, id, price, size, date), [buy, wire], change)| {
        let id = if id.starts_with('"') { id } else { quoted(id) };
        let (product, id) = (("product_id", quoted(product)), ("trade_id", id));
        let (price, size) = (("price", quoted(price)), ("size", quoted(size)));
        let (time, side) =
            (("time", quoted(date)), ("side", quoted(if buy { "BUY" } else { "SELL" })));
        let fields = match wire {
            true => vec![product, id, price, size, time, side],
            false => vec![id, product, price, size, side, time],
        };
        object(&disturb(fields, &change))
    });
    prop::collection::vec(trade, 0..5)
        .prop_map(|trades| vec![("trades", format!("[{}]", trades.join(",")))])
}

fn tickers_event() -> impl Strategy<Value = Fields> {
    let ticker = (product(), prop::collection::vec(decimal(), 11), any::<bool>(), change());
    ticker.prop_map(|(product, decimals, wire, change)| {
        let price = |key, index: usize| (key, quoted(&decimals[index]));
        let mut fields = vec![
            ("type", quoted("ticker")),
            ("product_id", quoted(product)),
            price("price", 0),
            price("volume_24_h", 1),
            price("low_24_h", 2),
            price("high_24_h", 3),
            price("low_52_w", 4),
            price("high_52_w", 5),
            (
                "price_percent_chg_24_h",
                quoted(format!("{}{}", ["", "-"][usize::from(wire)], decimals[6])),
            ),
            price("best_bid", 7),
        ];
        fields.extend(match wire {
            true => [price("best_ask", 8), price("best_bid_quantity", 9)],
            false => [price("best_bid_quantity", 9), price("best_ask", 8)],
        });
        fields.push(price("best_ask_quantity", 10));
        vec![("tickers", format!("[{}]", object(&disturb(fields, &change))))]
    })
}

/// A frame of Advanced Trade.
fn advanced_frame() -> impl Strategy<Value = String> {
    let event = prop_oneof![
        book_event().prop_map(|fields| ("l2_data", fields)),
        trades_event().prop_map(|fields| ("market_trades", fields)),
        tickers_event().prop_map(|fields| ("ticker", fields)),
    ];
    let envelope = (date(), id(), any::<[bool; 3]>(), change(), change(), blemish());
    (event, envelope).prop_map(
        |((channel, mut event), (date, number, flags, one, other, blemish))| {
            let kind = if flags[0] { "snapshot" } else { "update" };
            event.insert(0, ("type", quoted(kind)));
            let event = object(&disturb(event, &one));
            let events = if flags[1] { format!("[{event}]") } else { format!("[{event},{event}]") };
            let mut fields = vec![
                ("channel", quoted(channel)),
                ("client_id", quoted("")),
                ("timestamp", quoted(date)),
                ("sequence_num", number),
                ("events", events),
            ];
            if flags[2] {
                fields.remove(1);
            }
            blemished(object(&disturb(fields, &other)), blemish)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn generated_frames_read_alike_on_both_paths(
        exchange in exchange_frame(),
        advanced in advanced_frame(),
    ) {
        both(&mut knowing(Coinbase::new(), &PRODUCTS), exchange.as_bytes());
        both(&mut knowing(CoinbaseAdvanced::new(), &PRODUCTS), advanced.as_bytes());
    }

    #[test]
    fn damaged_frames_read_alike_on_both_paths(
        text in prop_oneof![exchange_frame(), advanced_frame()],
        flips in prop::collection::vec((any::<usize>(), any::<u8>()), 0..3),
        length in any::<usize>(),
    ) {
        let mut bytes = text.into_bytes();
        for (at, byte) in flips {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        let cut = length % (bytes.len() + 1);
        let mut exchange = knowing(Coinbase::new(), &PRODUCTS);
        let mut advanced = knowing(CoinbaseAdvanced::new(), &PRODUCTS);
        for text in [&bytes[..], &bytes[..cut]] {
            both(&mut exchange, text);
            both(&mut advanced, text);
            exchange.symbols_in(text, &mut |_| ());
            advanced.symbols_in(text, &mut |_| ());
        }
    }
}
