//! What each kind of frame comes to, in the shapes that Advanced Trade sends. Frames were on the
//! wire (2026-08), shortened, or stand in its documentation.

use super::*;
use crate::clock::UnixNanos;
use crate::exchange::testing::{GENERAL, RECOGNISED, Read, carrying, decimal, read_by};
use crate::exchange::{BookKind, Exchange, NamedStream, Origin};
use crate::instrument::{Channel, InstrumentId};
use crate::tick::{Interval, Reason, Side, TradeId};

const PRODUCTS: [&str; 2] = ["BTC-USD", "ETH-USD"];

fn read(text: &str) -> Read {
    read_by(&mut carrying(CoinbaseAdvanced::new(), &PRODUCTS), text)
}

fn frame(channel: &str, events: &str) -> String {
    format!(
        "{{\"channel\":\"{channel}\",\"timestamp\":\"2026-08-09T21:05:48.506659391Z\",\
         \"sequence_num\":15,\"events\":[{events}]}}"
    )
}

const LEVELS: &str = concat!(
    r#"{"type":"update","product_id":"BTC-USD","updates":[{"side":"bid","#,
    r#""event_time":"2026-08-09T21:05:48.264069Z","price_level":"65106.54","#,
    r#""new_quantity":"0.15361938"},{"side":"offer","event_time":"2026-08-09T21:05:48.264069Z","#,
    r#""price_level":"65155.5","new_quantity":"0"}]}"#
);

#[test]
fn updates_of_a_book_have_the_number_of_their_frame() {
    let read = read(&frame("l2_data", LEVELS));
    assert_eq!(read.outcome, RECOGNISED);
    assert_eq!(read.batch.connection_sequence, Some(15));
    let book = &read.batch.books[0];
    assert_eq!((book.kind, book.first_id, book.last_id), (BookKind::Delta, Some(15), Some(15)));
    assert_eq!(book.exchange_time, UnixNanos(1_786_309_548_264_069_000));
    let levels = read.batch.levels_of(book);
    assert_eq!((levels[0].side, levels[1].side), (Side::Bid, Side::Ask));
    assert_eq!(levels[1].price, decimal("65155.5"));
    assert!(levels[1].size.is_zero());
}

#[test]
fn the_newest_time_of_the_levels_counts_and_the_frames_own_where_they_have_none() {
    let newer = LEVELS.replacen("48.264069Z", "48.3Z", 1);
    let read = read(&frame("l2_data", &newer));
    assert_eq!(read.outcome, RECOGNISED);
    assert_eq!(read.batch.books[0].exchange_time, UnixNanos(1_786_309_548_300_000_000));
    let snapshot = LEVELS
        .replace("2026-08-09T21:05:48.264069Z", "1970-01-01T00:00:00Z")
        .replace("\"update\"", "\"snapshot\"");
    let read = self::read(&frame("l2_data", &snapshot));
    assert_eq!((&read.outcome, read.batch.books[0].kind), (&RECOGNISED, BookKind::Snapshot));
    assert_eq!(read.batch.books[0].exchange_time, UnixNanos(1_786_309_548_506_659_391));
}

#[test]
fn a_book_event_of_which_a_level_cannot_be_read_is_none() {
    for spoilt in ["", "x", "-1", "0.-10000"] {
        let text = frame("l2_data", &LEVELS.replace("0.15361938", spoilt));
        for text in [text.replace("\"update\"", "\"snapshot\""), text] {
            let broken = read(&text);
            assert_eq!(broken.outcome, Err(Rejected::Number), "{spoilt}");
            assert_eq!(broken.batch.suspect(), Some(InstrumentId(0)));
            assert!(broken.batch.is_empty() && broken.batch.levels.is_empty());
        }
    }
    let broken = read(&frame("l2_data", &LEVELS.replace("\"offer\"", "\"ask\"")));
    assert_eq!(broken.outcome, Err(Rejected::Field));
    assert_eq!(broken.batch.suspect(), Some(InstrumentId(0)));
    assert!(broken.batch.is_empty() && broken.batch.levels.is_empty());
}

fn trade(id: u64, product: &str, side: &str) -> String {
    format!(
        "{{\"product_id\":\"{product}\",\"trade_id\":\"{id}\",\"price\":\"65083.67\",\
         \"size\":\"0.002186\",\"time\":\"2026-08-09T21:05:42.514318Z\",\"side\":\"{side}\"}}"
    )
}

fn trades(kind: &str, list: &[String]) -> Read {
    let event = format!("{{\"type\":\"{kind}\",\"trades\":[{}]}}", list.join(","));
    read(&frame("market_trades", &event))
}

#[test]
fn trades_are_put_into_the_order_of_their_ids() {
    let newest_first = [trade(9, "BTC-USD", "SELL"), trade(8, "BTC-USD", "BUY")];
    let read = trades("update", &newest_first);
    assert_eq!((&read.outcome, read.batch.newest_first), (&RECOGNISED, true));
    let ids: Vec<u64> = read.batch.ticks.iter().filter_map(|tick| tick.sequence).collect();
    assert_eq!(ids, [8, 9]);
    let first = read.batch.ticks[0].tick.body.trade().expect("a trade");
    // The maker bought, so the taker sold.
    assert_eq!((first.taker, first.id), (Side::Ask, TradeId::Number(8)));
    assert_eq!(read.batch.ticks[0].origin, Origin::Live);

    let oldest_first = [trade(8, "BTC-USD", "BUY"), trade(9, "BTC-USD", "SELL")];
    let read = trades("snapshot", &oldest_first);
    assert!(!read.batch.newest_first);
    let past: Vec<_> = read.batch.ticks.iter().map(|tick| (tick.sequence, tick.origin)).collect();
    assert_eq!(past, [(Some(8), Origin::Past), (Some(9), Origin::Past)]);

    let mixed = [
        trade(7, "ETH-USD", "BUY"),
        trade(9, "BTC-USD", "SELL"),
        trade(6, "ETH-USD", "BUY"),
        trade(8, "BTC-USD", "BUY"),
    ];
    let ids: Vec<u64> =
        trades("update", &mixed).batch.ticks.iter().filter_map(|tick| tick.sequence).collect();
    assert_eq!(ids, [8, 6, 9, 7]);
    assert_eq!(trades("update", &[trade(7, "FOO-USD", "BUY")]).outcome, Ok(Frame::Other));
    let partly = [trade(7, "FOO-USD", "BUY"), trade(6, "BTC-USD", "BUY")];
    assert_eq!(trades("update", &partly).outcome, GENERAL);
}

#[test]
fn trades_as_documented_are_read_too() {
    let text = concat!(
        r#"{"channel":"market_trades","client_id":"","timestamp":"2026-04-07T14:30:02.789012Z","#,
        r#""sequence_num":5,"events":[{"type":"update","trades":[{"trade_id":"995098700","#,
        r#""product_id":"BTC-USD","price":"68900.50","size":"0.00150000","side":"BUY","#,
        r#""time":"2026-04-07T14:30:02.789012Z"}]}]}"#
    );
    let read = read(text);
    assert_eq!((&read.outcome, read.batch.connection_sequence), (&RECOGNISED, Some(5)));
    assert_eq!(read.batch.ticks[0].sequence, Some(995_098_700));
}

#[test]
fn a_ticker_brings_the_best_prices() {
    let wire = concat!(
        r#"{"type":"update","tickers":[{"type":"ticker","product_id":"ETH-USD","price":"1919.41","#,
        r#""volume_24_h":"19975.95927439","low_24_h":"1911.04","high_24_h":"1925","#,
        r#""low_52_w":"1505","high_52_w":"4955.9","price_percent_chg_24_h":"-0.02501394006035","#,
        r#""best_bid":"1919.42","best_ask":"1919.49","best_bid_quantity":"1.512673","#,
        r#""best_ask_quantity":"0.07814824"}]}"#
    );
    let documented = wire
        .replace(r#","best_bid_quantity":"1.512673""#, "")
        .replace(r#""best_ask":"#, r#""best_bid_quantity":"1.512673","best_ask":"#);
    for text in [wire, &documented] {
        let read = read(&frame("ticker", text));
        assert_eq!(read.outcome, RECOGNISED, "{text}");
        let (ticker, quote) = read.ticker_and_quote();
        assert_eq!((ticker.last, ticker.high), (Some(decimal("1919.41")), Some(decimal("1925"))));
        assert_eq!(ticker.change_percent, Some(decimal("-0.02501394006035")));
        // The frame's number is its connection's alone.
        assert_eq!(read.batch.ticks[3].sequence, None);
        assert_eq!((quote.bid, quote.bid_size), (ticker.bid, Some(decimal("1.512673"))));
        assert_eq!(quote.ask_size, Some(decimal("0.07814824")));
    }
    // More digits than fit: the one field that is left out.
    let long = wire.replace("-0.02501394006035", "0.12345678901234567890");
    assert_eq!(read(&frame("ticker", &long)).outcome, GENERAL);
    // `ticker_batch` has no best prices, so there is no quote.
    let batch: String = wire.split(r#","best_bid""#).next().expect("a part").to_owned() + "}]}";
    let read = read(&frame("ticker_batch", &batch));
    assert_eq!((read.outcome, read.batch.ticks.len()), (GENERAL, 3));
}

#[test]
fn a_ticker_of_a_product_without_trades_is_told_without_prices() {
    for price in ["null", r#""0""#, r#""""#] {
        let events = format!(
            r#"{{"type":"update","tickers":[{{"type":"ticker","product_id":"BTC-USD","price":{price},"volume_24_h":"0","best_bid":null,"best_ask":null}}]}}"#
        );
        let read = read(&frame("ticker", &events));
        assert_eq!(read.outcome, GENERAL, "{events}");
        assert!(read.batch.losses.is_empty(), "{events}");
        assert_eq!(read.batch.ticks.len(), 3, "a ticker, and no quote");
    }
}

#[test]
fn candles_are_of_five_minutes() {
    let event = concat!(
        r#"{"type":"update","candles":[{"start":"1786309500","high":"1919.6","low":"1919.27","#,
        r#""open":"1919.58","close":"1919.41","volume":"36.36630914","product_id":"ETH-USD"}]}"#
    );
    let read = read(&frame("candles", event));
    assert_eq!(read.outcome, GENERAL);
    let candle = read.candle();
    assert_eq!(candle.interval, Interval::Minute5);
    assert_eq!(candle.open_time, UnixNanos::from_millis(1_786_309_500_000));
    assert_eq!((candle.open, candle.close), (decimal("1919.58"), decimal("1919.41")));
    assert!(!candle.closed);
}

#[test]
fn control_frames_are_numbered_too() {
    let beat = concat!(
        r#"{"current_time":"2026-08-09 21:05:48.854840045 +0000 UTC m=+41691.260485341","#,
        r#""heartbeat_counter":41691}"#
    );
    let accepted = r#"{"subscriptions":{"heartbeats":["heartbeats"],"ticker":["BTC-USD"]}}"#;
    let ticker = NamedStream::of(InstrumentId(0), Channel::Ticker);
    for (channel, event, outcome) in [
        ("heartbeats", beat, Ok(Frame::Heartbeat)),
        ("subscriptions", accepted, Ok(Frame::Subscribed([ticker].into()))),
        ("subscriptions", r#"{"subscriptions":{}}"#, Ok(Frame::Subscribed(Box::default()))),
        ("status", r#"{"type":"snapshot","products":[]}"#, Ok(Frame::Status(Reason::None))),
        ("user", "{}", Ok(Frame::Other)),
        ("l2_data", &LEVELS.replace("BTC-USD", "FOO-USD"), Ok(Frame::Other)),
    ] {
        let read = read(&frame(channel, event));
        assert_eq!(read.outcome, outcome, "{channel}");
        assert_eq!(read.batch.connection_sequence, Some(15));
    }
    let refused = r#"{"type":"error","message":"authentication failure"}"#;
    assert!(matches!(read(refused).outcome, Ok(Frame::Error { id: None, .. })));
}

#[test]
fn several_events_make_one_frame() {
    let both = format!("{LEVELS},{}", LEVELS.replace("BTC-USD", "ETH-USD"));
    let read = read(&frame("l2_data", &both));
    assert_eq!((read.outcome, read.batch.books.len()), (GENERAL, 2));
    assert_eq!(read.batch.books[1].levels, 2..4);
}

#[test]
fn what_is_no_frame_of_advanced_trade_is_refused() {
    for text in [
        "{}",
        "[]",
        r#"{"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD"}]}"#,
        r#"{"channel":"heartbeat"}"#,
        r#"{"channel":"x","sequence_num":"-1","events":[]}"#,
        r#"{"channel":"x","sequence_num":1}"#,
        r#"{"type":"ticker","sequence":1,"product_id":"BTC-USD","price":"1"}"#,
    ] {
        assert_eq!(read(text).outcome, Err(Rejected::Foreign), "{text}");
    }
    assert_eq!(read("{").outcome, Err(Rejected::NotJson));
    let no_time = frame("ticker", "{}").replace("2026-08-09T", "");
    assert_eq!(read(&no_time).outcome, Err(Rejected::Field));
}

#[test]
fn a_frame_names_its_products() {
    let mut found = Vec::new();
    let text = frame(
        "market_trades",
        &format!("{{\"type\":\"update\",\"trades\":[{}]}},{LEVELS}", trade(1, "ETH-USD", "BUY")),
    );
    CoinbaseAdvanced::new()
        .symbols_in(text.as_bytes(), &mut |symbol| found.push(symbol.to_owned()));
    assert_eq!(found, ["ETH-USD", "BTC-USD"]);
}
