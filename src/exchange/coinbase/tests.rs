//! What each kind of frame comes to, in the shapes that the Exchange sends. Frames were on the wire
//! (2021 and 2022) or stand in its documentation.

use super::*;
use crate::clock::UnixNanos;
use crate::exchange::testing::{GENERAL, RECOGNISED, Read, carrying, decimal, read_by};
use crate::exchange::{BookKind, Exchange, Marked, NamedStream, Origin, TradeMark};
use crate::instrument::{Channel, InstrumentId};
use crate::tick::{Reason, Side, Ticker, TradeId, WideDecimal};

const PRODUCTS: [&str; 4] = ["BTC-USD", "SKL-BTC", "BAND-GBP", "BTC-EUR"];

fn read(text: &str) -> Read {
    read_by(&mut carrying(Coinbase::new(), &PRODUCTS), text)
}

const MATCH: &str = concat!(
    r#"{"type":"match","trade_id":280232,"maker_order_id":"2a0da34e-61f7-4c36-88e5-c9dd15927b16","#,
    r#""taker_order_id":"3c82abaa-c01e-4608-be59-6a1e69742891","side":"sell","size":"985","#,
    r#""price":"0.00001305","product_id":"SKL-BTC","sequence":177100030,"#,
    r#""time":"2021-04-17T16:43:37.089723Z"}"#
);

#[test]
fn a_resting_offer_that_was_bought_is_a_purchase() {
    let read = read(MATCH);
    assert_eq!(read.outcome, RECOGNISED);
    let trade = read.trade();
    assert_eq!((trade.taker, trade.id), (Side::Bid, TradeId::Number(280_232)));
    assert_eq!((trade.price, trade.size), (decimal("0.00001305"), decimal("985")));
    let tick = &read.batch.ticks[0];
    assert_eq!((tick.sequence, tick.origin), (Some(280_232), Origin::Live));
    assert_eq!(tick.tick.exchange_time, UnixNanos(1_618_677_817_089_723_000));
    assert_eq!(tick.tick.instrument, InstrumentId(1));
    let sold = self::read(&MATCH.replace("\"sell\"", "\"buy\""));
    assert_eq!(sold.trade().taker, Side::Ask);
}

#[test]
fn the_last_match_was_before_the_subscription() {
    let read = read(&MATCH.replace("\"match\"", "\"last_match\""));
    assert_eq!((&read.outcome, read.batch.ticks[0].origin), (&RECOGNISED, Origin::Past));
}

#[test]
fn changes_of_both_sides_are_one_event() {
    let text = concat!(
        r#"{"type":"l2update","product_id":"BTC-EUR","changes":[["buy","9202.70","0.58667860"],"#,
        r#"["sell","9222.39","0.00000000"]],"time":"0001-01-01T00:00:00.000000Z"}"#
    );
    let read = read(text);
    assert_eq!(read.outcome, RECOGNISED);
    let book = &read.batch.books[0];
    assert_eq!((book.kind, book.first_id, book.last_id), (BookKind::Delta, None, None));
    assert_eq!((book.instrument, book.exchange_time), (InstrumentId(3), UnixNanos::NONE));
    let levels = read.batch.levels_of(book);
    assert_eq!((levels[0].side, levels[1].side), (Side::Bid, Side::Ask));
    assert_eq!(levels[0].price, decimal("9202.70"));
    assert!(levels[1].size.is_zero());
    let empty = r#"{"type":"l2update","product_id":"BTC-EUR","changes":[]}"#;
    assert_eq!(self::read(empty).outcome, RECOGNISED);
}

#[test]
fn a_snapshot_replaces_the_book_whichever_side_comes_first() {
    let asks_first = concat!(
        r#"{"type":"snapshot","product_id":"BAND-GBP","asks":[["14.8024","12.77"]],"#,
        r#""bids":[["14.7693","27.51"],["14.7","1"]]}"#
    );
    let bids_first = concat!(
        r#"{"type":"snapshot","product_id":"BAND-GBP","bids":[["14.7693","27.51"],["14.7","1"]],"#,
        r#""asks":[["14.8024","12.77"]],"time":"2026-10-01T00:00:00.000001Z"}"#
    );
    for text in [asks_first, bids_first] {
        let read = read(text);
        assert_eq!(read.outcome, RECOGNISED, "{text}");
        let book = &read.batch.books[0];
        assert_eq!(book.kind, BookKind::Snapshot);
        let levels = read.batch.levels_of(book);
        assert_eq!(levels.iter().filter(|level| level.side == Side::Bid).count(), 2);
        assert_eq!(levels.len(), 3);
    }
    let half = r#"{"type":"snapshot","product_id":"BAND-GBP","asks":[]}"#;
    assert_eq!(read(half).outcome, Err(Rejected::Field));
    assert_eq!(read(half).batch.suspect(), Some(InstrumentId(2)));
}

#[test]
fn a_whole_book_of_which_a_level_cannot_be_read_is_none() {
    let text = concat!(
        r#"{"type":"snapshot","product_id":"BAND-GBP","bids":[["14.7693","3"],["14.7","1"]],"#,
        r#""asks":[["15","2"]]}"#
    );
    assert_eq!(read(text).batch.levels.len(), 3);
    let spoilings = [
        ("[7]", Rejected::Field),
        ("null", Rejected::Field),
        ("\"\"", Rejected::Number),
        ("\"0.-\"", Rejected::Number),
        ("\"0.-10000\"", Rejected::Number),
        ("\"1234567890123456789012\"", Rejected::Digits),
        ("\"-12.77\"", Rejected::Number),
    ];
    for level in ["\"14.7693\"", "\"3\"", "\"15\"", "\"2\""] {
        // A price may be below zero, a size not.
        let is_price = level.contains("14") || level.contains("15");
        let count = spoilings.len() - usize::from(is_price);
        for (spoilt, rejected) in spoilings.into_iter().take(count) {
            let broken = read(&text.replace(level, spoilt));
            assert_eq!(broken.outcome, Err(rejected), "{level} {spoilt}");
            assert_eq!(broken.batch.suspect(), Some(InstrumentId(2)));
            assert!(broken.batch.is_empty() && broken.batch.levels.is_empty());
        }
    }
}

#[test]
fn a_ticker_brings_the_best_prices_with_sizes_since_2022() {
    let old = concat!(
        r#"{"type":"ticker","sequence":333938798,"product_id":"BAND-GBP","price":"14.7775","#,
        r#""open_24h":"14.6647","volume_24h":"94381.28000000","low_24h":"14.3691","#,
        r#""high_24h":"16.55","volume_30d":"2295579.57000000","best_bid":"14.7550","#,
        r#""best_ask":"14.8060","side":"buy","time":"2021-04-17T16:43:30.244075Z","#,
        r#""trade_id":881613,"last_size":"0.04"}"#
    );
    let read = read(old);
    assert_eq!(read.outcome, RECOGNISED);
    let (ticker, quote) = read.ticker_and_quote();
    assert_eq!((ticker.last, ticker.open), (Some(decimal("14.7775")), Some(decimal("14.6647"))));
    assert_eq!((ticker.low, ticker.high), (Some(decimal("14.3691")), Some(decimal("16.55"))));
    assert_eq!(ticker.volume.map(|volume| volume.to_string()).as_deref(), Some("94381.28000000"));
    assert_eq!((quote.bid, quote.bid_size), (Some(decimal("14.7550")), None));
    assert!(read.batch.ticks.iter().all(|tick| tick.sequence == Some(333_938_798)));

    let new = concat!(
        r#"{"type":"ticker","sequence":50978628538,"product_id":"BTC-USD","price":"17165.16","#,
        r#""open_24h":"16437.94","volume_24h":"42492.05081975","low_24h":"16423.37","#,
        r#""high_24h":"17259.37","volume_30d":"1093827.95195495","best_bid":"17165.15","#,
        r#""best_bid_size":"0.61540890","best_ask":"17167.76","best_ask_size":"0.18528568","#,
        r#""side":"sell","time":"2022-12-01T00:00:00.122581Z","trade_id":463751434,"#,
        r#""last_size":"0.05"}"#
    );
    let read = self::read(new);
    assert_eq!(read.outcome, RECOGNISED);
    let (_, quote) = read.ticker_and_quote();
    assert_eq!(quote.bid_size, Some(decimal("0.61540890")));
    assert_eq!(
        (quote.ask, quote.ask_size),
        (Some(decimal("17167.76")), Some(decimal("0.18528568")))
    );
    // Nobody bids; a field that is empty.
    let lone = new.replace("\"17165.15\"", "\"0\"").replace("\"16437.94\"", "\"\"");
    let (ticker, quote) = self::read(&lone).ticker_and_quote();
    assert_eq!((quote.bid, quote.bid_size, ticker.open), (None, None, None));
}

#[test]
fn a_ticker_of_a_product_without_trades_is_told_without_prices() {
    for price in ["null", r#""0""#, r#""0.00""#, r#""""#] {
        let text = format!(
            r#"{{"type":"ticker","product_id":"BTC-EUR","price":{price},"open_24h":"0","volume_24h":"0","low_24h":null,"high_24h":null,"best_bid":null,"best_bid_size":null,"best_ask":null,"best_ask_size":null}}"#
        );
        let read = read(&text);
        assert_eq!(read.outcome, GENERAL, "{text}");
        assert!(read.batch.losses.is_empty(), "{text}");
        assert_eq!(read.batch.ticks.len(), 3, "a ticker, and no quote");
        let mut ticker = Ticker::default();
        read.batch.ticks.iter().for_each(|one| _ = ticker.absorb(&one.tick.body));
        assert_eq!((ticker.last, ticker.open, ticker.bid), (None, None, None), "{text}");
        assert_eq!(ticker.volume, Some(WideDecimal::ZERO));
    }
}

#[test]
fn a_heartbeat_tells_the_last_trade() {
    let text = concat!(
        r#"{"type":"heartbeat","sequence":90,"last_trade_id":20,"product_id":"BTC-USD","#,
        r#""time":"2014-11-07T08:19:28.464459Z"}"#
    );
    let read = read(text);
    assert_eq!(read.outcome, Ok(Frame::Heartbeat));
    let (instrument, marked) = (InstrumentId(0), Marked::Last);
    assert_eq!(read.batch.trade_marks, [TradeMark { instrument, last_id: 20, marked }]);
    for without in [text.replace("BTC-USD", "FOO-USD"), text.replace(":20", ":0")] {
        let read = self::read(&without);
        assert_eq!((read.outcome, read.batch.trade_marks.len()), (Ok(Frame::Heartbeat), 0));
    }
}

#[test]
fn answers_refusals_and_the_rest_are_told_apart() {
    let ack = r#"{"type":"subscriptions","channels":[{"name":"ticker","product_ids":["NU-GBP"],"account_ids":null}]}"#;
    assert_eq!(read(ack).outcome, Ok(Frame::Subscribed(Box::default())), "none of ours");
    let ours = ack.replace("NU-GBP", "BAND-GBP");
    let ticker = NamedStream::of(InstrumentId(2), Channel::Ticker);
    assert_eq!(read(&ours).outcome, Ok(Frame::Subscribed([ticker].into())));
    let status = r#"{"type":"status","products":[{"id":"BTC-USD"}],"currencies":[{"id":"USD"}]}"#;
    assert_eq!(read(status).outcome, Ok(Frame::Status(Reason::None)));
    let done = r#"{"type":"done","product_id":"BTC-USD","order_id":"x","reason":"filled"}"#;
    assert_eq!(read(done).outcome, Ok(Frame::Other));
    assert_eq!(read(&MATCH.replace("SKL-BTC", "FOO-BTC")).outcome, Ok(Frame::Other));
    for (text, words) in [
        (
            r#"{"type":"error","message":"Failed to subscribe","reason":"BTC-XXX is not valid"}"#,
            "Failed to subscribe: BTC-XXX is not valid",
        ),
        (r#"{"type":"error","message":"Malformed JSON"}"#, "Malformed JSON"),
    ] {
        let Ok(Frame::Error { id: None, stream: None, text, .. }) = read(text).outcome else {
            panic!("{text}");
        };
        assert_eq!(text.as_str(), words);
    }
    let named = r#"{"type":"error","message":"Failed to subscribe","reason":"BAND-GBP is not a valid product"}"#;
    let Ok(Frame::Error { stream, .. }) = read(named).outcome else { panic!("{named}") };
    assert_eq!(stream, Some(NamedStream::any_of(InstrumentId(2))), "of whatever channel");
}

#[test]
fn what_is_no_frame_of_the_exchange_is_refused() {
    for text in [
        "{}",
        "[]",
        "7",
        r#"{"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD"}]}"#,
        r#"{"topic":"orderbook.1.BTCUSDT","type":"snapshot","ts":1,"data":{}}"#,
        r#"{"channel":"l2_data","timestamp":"x","sequence_num":1,"events":[]}"#,
        r#"{"e":"trade","E":1,"s":"BTCUSDT"}"#,
        r#"{"type":"subscriptions"}"#,
        r#"{"type":"status"}"#,
        r#"{"type":7,"product_id":"BTC-USD"}"#,
    ] {
        assert_eq!(read(text).outcome, Err(Rejected::Foreign), "{text}");
    }
    // What is new there, and of no product, is no loss of a stream's.
    for text in [r#"{"type":"announcement"}"#, r#"{"type":"news","time":"2026-01-01T00:00:00Z"}"#] {
        assert_eq!(read(text).outcome, Ok(Frame::Other), "{text}");
    }
    for text in [r#"{"type":"match","trade_id":7}"#, r#"{"type":"l2update","product_id":7}"#] {
        assert_eq!(read(text).outcome, Err(Rejected::Foreign), "{text}");
    }
    for text in ["", "ping", "{", r#"{"type":"match""#] {
        assert_eq!(read(text).outcome, Err(Rejected::NotJson), "{text}");
    }
}

#[test]
fn a_bad_field_costs_its_frame_alone() {
    for (from, to, reason) in [
        (r#""price":"0.00001305""#, r#""price":true"#, Rejected::Field),
        (r#""price":"0.00001305","#, "", Rejected::Field),
        (r#""side":"sell""#, r#""side":"left""#, Rejected::Field),
        (r#""trade_id":280232,"#, "", Rejected::Field),
        (r#""trade_id":280232"#, r#""trade_id":{}"#, Rejected::Field),
        ("2021-04-17T", "2021-04-17 ", Rejected::Field),
        (r#""size":"985""#, r#""size":"-985""#, Rejected::Number),
        (r#""size":"985""#, r#""size":"98a""#, Rejected::Number),
        (r#""size":"985""#, r#""size":"9850000000000000000""#, Rejected::Digits),
    ] {
        let read = read(&MATCH.replace(from, to));
        assert_eq!(read.outcome, Err(reason), "{to}");
        assert!(read.batch.is_empty());
    }
    // Not as the exchange writes it, but the same.
    for (from, to) in [
        (r#""trade_id":280232"#, r#""trade_id":"280232""#),
        (r#""type":"match","#, r#""type": "match","#),
        (r#""size":"985""#, r#""extra":[{"type":"x"}],"size":"985""#),
        ("985", "98.5e1"),
        ("SKL-BTC", "SKL\\u002dBTC"),
    ] {
        assert_eq!(read(&MATCH.replace(from, to)).outcome, GENERAL, "{to}");
    }
}

#[test]
fn a_frame_names_its_product() {
    let symbols = |text: &str| {
        let mut found = Vec::new();
        Coinbase::new().symbols_in(text.as_bytes(), &mut |symbol| found.push(symbol.to_owned()));
        found
    };
    assert_eq!(symbols(MATCH), ["SKL-BTC"]);
    assert!(symbols(r#"{"type":"subscriptions","channels":[]}"#).is_empty());
    assert!(symbols("{").is_empty());
}
