//! Coinbase's two paths of parsing against each other, for both feeds: on recorded frames, and on
//! generated ones.

mod common;

use proptest::prelude::*;
use tickwire::exchange::coinbase::Coinbase;
use tickwire::exchange::coinbase_advanced::CoinbaseAdvanced;

use common::parse::{self, Both, edited, object};

/// Products that the generated frames are of; the longest that a map holds among them.
const PRODUCTS: [&str; 4] = ["BTC-USD", "SKL-GBP", "X-Y", "ABCDEFGHIJKLMNOPQRST-USD"];

/// Padding that looks like the rest of a frame.
const PADDING: &[u8] =
    br#""]],"time":"2026-08-09T21:05:48.264069Z"}]}]}","side":"SELL"}]}]}"}}]]]}}}"#;

fn exchange(products: &[impl AsRef<str>]) -> Both<Coinbase> {
    Both::new(Coinbase::new, Coinbase::parse_general, products, PADDING)
}

fn advanced(products: &[impl AsRef<str>]) -> Both<CoinbaseAdvanced> {
    Both::new(CoinbaseAdvanced::new, CoinbaseAdvanced::parse_general, products, PADDING)
}

#[test]
fn recorded_frames_read_alike_on_both_paths_and_the_hot_ones_in_place() {
    let has_one = |frame: &str, marks: &[&str]| marks.iter().any(|mark| frame.contains(mark));
    let hot = ["\"match\"", "\"last_match\"", "\"l2update\"", "\"ticker\"", "\"snapshot\""];
    let is_hot = |frame: &str| has_one(frame, &hot);
    parse::recorded("coinbase-exchange", |_, products| exchange(products), is_hot);
    let hot = ["\"l2_data\"", "\"market_trades\"", "\"channel\":\"ticker\""];
    let is_hot = |frame: &str| has_one(frame, &hot);
    parse::recorded("coinbase-advanced", |_, products| advanced(products), is_hot);
}

#[test]
fn frames_of_other_exchanges_are_foreign() {
    parse::foreign("coinbase-exchange", || exchange(&PRODUCTS));
    parse::foreign("coinbase-advanced", || advanced(&PRODUCTS));
}

/// A decimal as exchanges write them, and sometimes as they do not.
fn decimal() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "(0|[1-9][0-9]{0,6})\\.[0-9]{1,8}",
        4 => "(0|[1-9][0-9]{0,9})(\\.[0-9]{1,8})?",
        2 => parse::decimal_odd(),
        1 => prop::sample::select(&["0", "0.0", "0.00000000", "0.-10000", ""][..])
            .prop_map(str::to_owned),
    ]
}

fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[1-9][0-9]{5,12}",
        2 => "(0|[1-9][0-9]{0,18})",
        2 => parse::id_odd(),
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

/// The keys are all known before.
type Fields = parse::Fields<&'static str>;
type Edit = parse::Edit<&'static str>;

fn quoted(text: impl AsRef<str>) -> String {
    format!("\"{}\"", text.as_ref())
}

/// How the fields of an object are disturbed, one time in four.
fn change() -> impl Strategy<Value = Option<Edit>> {
    let texts = ["[[{\"product_id\":\"BTC-USD\"}],1.5e3]", "{\"type\":\"match\",\"price\":\"1\"}"];
    let key = prop::sample::select(&["x", "client_id", "type", "price", "time", "events"][..]);
    prop::option::weighted(0.25, parse::edit(key, parse::anything(texts)))
}

/// A space in one place, or an escape, of a text.
fn blemish() -> impl Strategy<Value = Option<usize>> {
    prop_oneof![9 => Just(None), 1 => any::<usize>().prop_map(Some)]
}

fn blemished(text: String, blemish: Option<usize>) -> String {
    match blemish {
        Some(at) if at % 3 == 0 => text.replacen('B', "\\u0042", 1),
        Some(at) => parse::spaced(text, at),
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
    let list = parse::list(level, 6);
    prop_oneof![12 => list, 1 => Just("[[\"1\"]]".to_owned()), 1 => Just("{}".to_owned())]
}

/// The frames of the Exchange, as [`parse::fields`] reads them.
const SHAPES: [&str; 6] = [
    "type=match trade_id#0 maker_order_id=2a0da34e-61f7-4c36-88e5-c9dd15927b16 \
     taker_order_id=2a0da34e-61f7-4c36-88e5-c9dd15927b16 side size$0 price$1 product_id \
     sequence#1 time",
    "type=last_match trade_id#0 maker_order_id=2a0da34e-61f7-4c36-88e5-c9dd15927b16 \
     taker_order_id=2a0da34e-61f7-4c36-88e5-c9dd15927b16 side size$0 price$1 product_id \
     sequence#1 time",
    "type=l2update product_id changes[0 time",
    "type=snapshot product_id asks[1 bids[2 time",
    "type=heartbeat sequence#0 last_trade_id#1 product_id time",
    "type=ticker sequence#0 product_id price$0 open_24h$1 volume_24h$2 low_24h$3 high_24h$4 \
     volume_30d=1.5 best_bid$5 best_bid_size$6 best_ask$7 best_ask_size$8 side time trade_id#1 \
     last_size$0",
];

/// A frame of the Exchange.
fn exchange_frame() -> impl Strategy<Value = String> {
    let lists = (pairs(true), pairs(false), pairs(false));
    let lists = lists.prop_map(|(changes, asks, bids)| vec![changes, asks, bids]);
    let parts = (
        (product(), date()),
        parse::drawn(id(), 2, decimal(), 9, lists),
        (any::<[bool; 2]>(), 0..SHAPES.len()),
        (change(), blemish()),
    );
    parts.prop_map(|((product, date), drawn, ([one, two], shape), (change, blemish))| {
        let named = |key: &str| match key {
            "product_id" => quoted(&product),
            "time" => quoted(&date),
            "side" => quoted(if one { "buy" } else { "sell" }),
            key => panic!("{key} has no value"),
        };
        let mut fields: Fields = parse::fields(SHAPES[shape], &drawn, named);
        // Older frames lack a date or sizes, and which side comes first has no rule.
        match fields[0].1.as_str() {
            "\"l2update\"" | "\"snapshot\"" if !two => fields.retain(|(key, _)| *key != "time"),
            "\"ticker\"" if two => {
                fields.retain(|(key, _)| !key.starts_with("best_") || !key.ends_with("_size"))
            }
            _ => {}
        }
        if shape == 3 && !one {
            fields.swap(2, 3);
        }
        blemished(object(&edited(fields, &change)), blemish)
    })
}

fn book_event() -> impl Strategy<Value = Fields> {
    let level = (any::<bool>(), any::<bool>(), date(), decimal(), decimal());
    let levels = (date(), prop::collection::vec((level, change()), 0..6));
    (product(), levels).prop_map(|(product, (date, levels))| {
        let level = |((is_bid, other, own, price, size), change): &(
            (bool, bool, String, String, String),
            Option<Edit>,
        )| {
            let side = if *is_bid { "bid" } else { "offer" };
            let time = if *other { &date } else { own };
            let fields = vec![
                ("side", quoted(side)),
                ("event_time", quoted(time)),
                ("price_level", quoted(price)),
                ("new_quantity", quoted(size)),
            ];
            object(&edited(fields, change))
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
        object(&edited(fields, &change))
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
        vec![("tickers", format!("[{}]", object(&edited(fields, &change))))]
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
            let event = object(&edited(event, &one));
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
            blemished(object(&edited(fields, &other)), blemish)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn generated_frames_read_alike_on_both_paths(
        of_exchange in exchange_frame(),
        of_advanced in advanced_frame(),
    ) {
        exchange(&PRODUCTS).read(of_exchange.as_bytes());
        advanced(&PRODUCTS).read(of_advanced.as_bytes());
    }

    #[test]
    fn damaged_frames_read_alike_on_both_paths(
        texts in parse::damaged(prop_oneof![exchange_frame(), advanced_frame()]),
    ) {
        exchange(&PRODUCTS).read_damaged(&texts);
        advanced(&PRODUCTS).read_damaged(&texts);
    }
}
