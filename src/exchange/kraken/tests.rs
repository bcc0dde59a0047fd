//! What each kind of frame comes to, in the shapes that Kraken sends. Frames were on the wire or
//! stand in its documentation.

use super::*;
use crate::clock::UnixNanos;
use crate::exchange::general::cut;
use crate::exchange::refusal::too_much;
use crate::exchange::testing::{GENERAL, RECOGNISED, Read, carrying, decimal, parse_padded};
use crate::exchange::{BookKind, DEPTH_FULL, Exchange, Listings, NamedStream, Origin, RefusalKind};
use crate::instrument::{Channel, InstrumentId};
use crate::tick::{Decimal, Interval, Quote, Reason, Side, Trade, TradeId};

const SYMBOLS: [&str; 6] = ["BTC/USD", "ETH/BTC", "MATIC/USD", "ALGO/USD", "MINA/GBP", "AAPLx/USD"];
const V1_SYMBOLS: [&str; 5] = ["XBT/USD", "XMR/USD", "SC/EUR", "ADA/XBT", "WAVES/EUR"];

/// An adapter and what its last frame came to.
struct Reader {
    adapter: Kraken,
    last: Read,
}

impl Reader {
    fn of(exchange: ExchangeId, symbols: &[&'static str]) -> Self {
        let last = Read { outcome: Ok(Frame::Other), batch: Batch::new() };
        Self { adapter: carrying(Kraken::new(exchange), symbols), last }
    }

    fn v2() -> Self {
        Self::of(ExchangeId::Kraken, &SYMBOLS)
    }

    fn v1() -> Self {
        Self::of(ExchangeId::KrakenV1, &V1_SYMBOLS)
    }

    /// Reads a frame into the batch that the last one used.
    fn read(&mut self, text: &str) -> Result<Frame, Rejected> {
        let outcome = parse_padded(&mut self.adapter, text, b'"', &mut self.last.batch);
        self.last.outcome = outcome.clone();
        outcome
    }

    fn trades(&self) -> Vec<(Option<u64>, Origin, Trade)> {
        let ticks = self.last.batch.ticks.iter();
        ticks.map(|it| (it.sequence, it.origin, it.tick.body.trade().expect("a trade"))).collect()
    }
}

fn id_of(symbol: &str) -> InstrumentId {
    let index = SYMBOLS.iter().chain(&V1_SYMBOLS).position(|known| *known == symbol);
    InstrumentId((index.expect("known") % SYMBOLS.len()) as u32)
}

const SNAPSHOT: &str = r#"{"channel":"book","type":"snapshot","data":[{"symbol":"ETH/BTC","bids":[{"price":0.031348,"qty":0.03740000},{"price":0.031340,"qty":12.96065840}],"asks":[{"price":0.031357,"qty":0.03740000}],"checksum":3619791617,"timestamp":"2026-08-26T15:16:16.637831Z"}]}"#;
const UPDATE: &str = r#"{"channel":"book","type":"update","data":[{"symbol":"ETH/BTC","bids":[{"price":0.031347,"qty":0.00000000},{"price":0.031329,"qty":19.07893401}],"asks":[],"checksum":2505869009,"timestamp":"2026-08-26T15:16:16.730423Z"}]}"#;
const ACK: &str = r#"{"method":"subscribe","result":{"channel":"book","depth":100,"snapshot":true,"symbol":"ETH/BTC"},"success":true,"time_in":"2026-08-26T15:16:16.576099Z","time_out":"2026-08-26T15:16:16.576140Z","req_id":11}"#;

#[test]
fn books_keep_their_digits_and_checksum() {
    let mut reader = Reader::v2();
    assert_eq!(reader.read(SNAPSHOT), RECOGNISED);
    let (book, levels) = reader.last.book();
    assert_eq!((book.instrument, book.kind), (id_of("ETH/BTC"), BookKind::Snapshot));
    assert_eq!((book.checksum, book.depth), (Some(3_619_791_617), 10));
    assert_eq!((book.first_id, book.last_id, book.previous_id), (None, None, None));
    assert_eq!(book.exchange_time, UnixNanos(1_787_757_376_637_831_000));
    let written: Vec<String> =
        levels.iter().map(|level| format!("{}/{}", level.price, level.size)).collect();
    assert_eq!(written, ["0.031348/0.03740000", "0.031340/12.96065840", "0.031357/0.03740000"]);
    let sides: Vec<Side> = levels.iter().map(|level| level.side).collect();
    assert_eq!(sides, [Side::Bid, Side::Bid, Side::Ask]);

    assert_eq!(reader.read(UPDATE), RECOGNISED);
    let (book, levels) = reader.last.book();
    assert_eq!((book.kind, book.checksum), (BookKind::Delta, Some(2_505_869_009)));
    assert!(levels[0].size.is_zero());
    assert_eq!(levels[0].size.to_string(), "0.00000000");
}

#[test]
fn any_order_of_keys_and_any_number_of_books_in_a_frame_is_read() {
    let mut reader = Reader::v2();
    let text = r#" {"data": [
        {"timestamp":"2026-08-26T15:16:16.730423Z","checksum":7,"asks":[{"qty":1.50,"price":2.0}],
         "symbol":"BTC/USD","bids":[],"new":{"asks":[]}},
        {"symbol":"NOT/OURS","bids":[{"price":1,"qty":1}],"asks":[]},
        {"symbol":"ETH/BTC","bids":[{"price":1e-08,"qty":5E2}],"checksum":8,"asks":[]}],
        "type":"update","channel":"book"} "#;
    assert_eq!(reader.read(text), GENERAL);
    let (one, two) = (&reader.last.batch.books[0], &reader.last.batch.books[1]);
    assert_eq!((one.instrument, one.checksum), (id_of("BTC/USD"), Some(7)));
    assert_eq!(reader.last.batch.levels_of(one)[0].size.to_string(), "1.50");
    assert_eq!((two.instrument, two.checksum), (id_of("ETH/BTC"), Some(8)));
    assert_eq!(two.exchange_time, UnixNanos::NONE);
    let level = reader.last.batch.levels_of(two)[0];
    assert_eq!((level.price, level.size), (decimal("0.00000001"), decimal("500")));
    let others = text.replace("BTC/USD", "X/Y").replace("ETH/BTC", "Y/X");
    assert_eq!(reader.read(&others), Ok(Frame::Other));
}

#[test]
fn a_books_depth_is_what_the_exchange_says_else_what_the_snapshot_needs() {
    let mut reader = Reader::v2();
    assert_eq!(reader.read(UPDATE), RECOGNISED);
    assert_eq!(reader.last.book().0.depth, DEPTH_FULL);
    assert_eq!(reader.read(SNAPSHOT), RECOGNISED);
    assert_eq!(reader.read(UPDATE), RECOGNISED);
    assert_eq!(reader.last.book().0.depth, 10);
    let stream = NamedStream::of(id_of("ETH/BTC"), Channel::Orderbook);
    let ack = Ok(Frame::Ack { id: Some(11), stream: Some(stream) });
    assert_eq!(reader.read(ACK), ack);
    assert_eq!(reader.read(UPDATE), RECOGNISED);
    assert_eq!(reader.last.book().0.depth, 100);
    // Of another book it says nothing, and leaving it takes nothing back.
    assert_eq!(reader.read(&SNAPSHOT.replace("ETH/BTC", "BTC/USD")), RECOGNISED);
    assert_eq!(reader.last.book().0.depth, 10);
    let left = Ok(Frame::Left { id: Some(11), stream: Some(stream) });
    assert_eq!(reader.read(&ACK.replace("\"subscribe", "\"unsubscribe")), left);
    assert_eq!(reader.read(SNAPSHOT), RECOGNISED);
    assert_eq!(reader.last.book().0.depth, 100);
    // What was learned cannot be when the snapshot is longer.
    let level = r#"{"price":0.031340,"qty":12.96065840}"#;
    let longer = SNAPSHOT.replace("ETH/BTC", "BTC/USD").replace(level, &[level; 26].join(","));
    assert_eq!(reader.read(&longer), RECOGNISED);
    assert_eq!(reader.last.book().0.depth, 100);
    // What was said counts all the same: the rest is cut off, and the checksum has the last word.
    let said = ACK.replace("ETH/BTC", "BTC/USD").replace("100", "10");
    assert!(matches!(reader.read(&said), Ok(Frame::Ack { .. })));
    assert_eq!(reader.read(&longer), RECOGNISED);
    assert_eq!(reader.last.book().0.depth, 10);
}

#[test]
fn a_bad_book_frame_costs_itself_and_names_its_book() {
    let mut reader = Reader::v2();
    for (from, to, reason) in [
        ("19.07893401", "1234567890123456789", Rejected::Digits),
        ("19.07893401", "[19.07893401]", Rejected::Field),
        ("19.07893401", "-1.0", Rejected::Number),
        ("19.07893401", "\"\"", Rejected::Number),
        ("\"qty\":19", "\"x\":19", Rejected::Field),
        ("2505869009", "4294967296", Rejected::Field),
        ("2026-08-26T", "2026-08-26 ", Rejected::Field),
        ("\"asks\":[]", "\"asks\":{}", Rejected::Field),
    ] {
        assert_eq!(reader.read(&UPDATE.replace(from, to)), Err(reason), "{to}");
        assert!(reader.last.batch.is_empty() && reader.last.batch.levels.is_empty());
        assert_eq!(reader.last.batch.suspect(), Some(id_of("ETH/BTC")), "{to}");
    }
    let neither = UPDATE.replace("bids", "b").replace("asks", "a");
    assert_eq!(reader.read(&neither), Err(Rejected::Field));
    assert_eq!(reader.read(&UPDATE[..90]), Err(Rejected::NotJson));
    assert_eq!(reader.last.batch.suspect(), Some(id_of("ETH/BTC")), "what is left names it");
    assert_eq!(reader.read(&UPDATE[..30]), Err(Rejected::NotJson));
    assert_eq!(reader.last.batch.suspect(), None);
    assert_eq!(reader.read(UPDATE), RECOGNISED);
    assert_eq!(reader.last.batch.suspect(), None);
}

#[test]
fn trades_name_the_takers_side_and_several_come_in_one_frame() {
    let mut reader = Reader::v2();
    let text = r#"{"channel":"trade","type":"update","data":[{"symbol":"MATIC/USD","side":"sell","price":0.5117,"qty":40.0,"ord_type":"market","trade_id":4665906,"timestamp":"2023-09-25T07:49:37.708706Z"},{"symbol":"MATIC/USD","side":"buy","price":0.5118,"qty":1.00000000,"trade_id":4665907,"timestamp":"2023-09-25T07:49:37.708706Z"}]}"#;
    assert_eq!(reader.read(text), RECOGNISED);
    let sale = Trade {
        taker: Side::Ask,
        price: decimal("0.5117"),
        size: decimal("40.0"),
        id: TradeId::Number(4_665_906),
    };
    let purchase = Trade {
        taker: Side::Bid,
        price: decimal("0.5118"),
        size: decimal("1.00000000"),
        id: TradeId::Number(4_665_907),
    };
    let live = Origin::Live;
    assert_eq!(reader.trades(), [(Some(4_665_906), live, sale), (Some(4_665_907), live, purchase)]);
    assert_eq!(reader.last.batch.ticks[0].tick.exchange_time, UnixNanos(1_695_628_177_708_706_000));
    for bad in [text.replace("\"buy\"", "\"b\""), text.replace("4665907", "[4665907]")] {
        assert_eq!(reader.read(&bad), GENERAL, "the other trade is told");
        assert_eq!(reader.trades(), [(Some(4_665_906), live, sale)]);
        let loss = reader.last.batch.losses[0];
        assert_eq!((loss.rejected, loss.behind, loss.count), (Rejected::Field, 1, 1));
    }
}

#[test]
fn past_trades_come_oldest_first() {
    let trade = |id: u64| {
        format!(
            r#"{{"symbol":"BTC/USD","side":"buy","price":1.0,"qty":1.0,"ord_type":"limit","trade_id":{id},"timestamp":"2026-07-07T23:00:03.977459Z"}}"#
        )
    };
    for ids in [[7, 8, 9], [9, 8, 7]] {
        let items = ids.map(trade).join(",");
        let text = format!(r#"{{"channel":"trade","type":"snapshot","data":[{items}]}}"#);
        let mut reader = Reader::v2();
        assert_eq!(reader.read(&text), GENERAL);
        let found: Vec<_> = reader.trades().iter().map(|it| (it.0, it.1)).collect();
        assert_eq!(found, [7, 8, 9].map(|id| (Some(id), Origin::Past)));
    }
}

#[test]
fn a_ticker_tells_the_best_prices_too() {
    let mut reader = Reader::v2();
    let text = r#"{"channel":"ticker","type":"update","data":[{"symbol":"ALGO/USD","bid":0.10025,"bid_qty":740.0,"ask":0.10036,"ask_qty":1361.44813783,"last":0.10035,"volume":997038.98383185,"vwap":0.10148,"low":0.09979,"high":0.10285,"change":-0.00017,"change_pct":-0.17}]}"#;
    for (text, outcome) in [
        (text.to_owned(), RECOGNISED),
        (text.replace("update", "snapshot"), GENERAL),
        (text.replace(":0.10148", ": 0.10148"), GENERAL),
    ] {
        assert_eq!(reader.read(&text), outcome);
        let (ticker, quote) = reader.last.ticker_and_quote();
        assert_eq!((ticker.last, ticker.open), (Some(decimal("0.10035")), None));
        assert_eq!((ticker.low, ticker.high), (Some(decimal("0.09979")), Some(decimal("0.10285"))));
        assert_eq!(ticker.change, Some(decimal("-0.00017")));
        assert_eq!(ticker.change_percent, Some(decimal("-0.17")));
        assert_eq!(ticker.volume.expect("stated").to_string(), "997038.98383185");
        assert_eq!((ticker.bid, ticker.ask), (quote.bid, quote.ask));
        assert_eq!((quote.bid, quote.bid_size), (Some(decimal("0.10025")), Some(decimal("740.0"))));
        assert_eq!(quote.ask_size, Some(decimal("1361.44813783")));
    }
    let huge = text.replace("997038.98383185", "1127313210123.00855204");
    assert_eq!(reader.read(&huge), GENERAL);
    assert_eq!(
        reader.last.ticker_and_quote().0.volume.expect("wide").to_string(),
        "1127313210123.00855204"
    );
}

#[test]
fn a_market_without_orders_has_no_quote() {
    let mut reader = Reader::v2();
    let text = r#"{"channel":"ticker","type":"snapshot","data":[{"symbol":"AAPLx/USD","bid":0,"bid_qty":0.00000000,"ask":0,"ask_qty":0,"last":0,"volume":0,"vwap":0,"low":0,"high":0,"change":0,"change_pct":0,"timestamp":"1970-01-01T00:00:00.000000Z"}]}"#;
    assert_eq!(reader.read(text), GENERAL);
    let (ticker, quote) = reader.last.ticker_and_quote();
    assert_eq!((ticker.bid, ticker.ask), (None, None));
    assert_eq!(quote, Quote { bid: None, bid_size: None, ask: None, ask_size: None });
    assert_eq!(reader.last.batch.ticks[0].tick.exchange_time, UnixNanos::NONE);
}

#[test]
fn candles_of_the_lengths_that_we_carry_are_read() {
    let mut reader = Reader::v2();
    let text = r#"{"channel":"ohlc","type":"update","timestamp":"2023-10-04T16:26:01.806315597Z","data":[{"symbol":"ALGO/USD","open":0.09875,"high":0.0988,"low":0.09874,"close":0.09876,"trades":13,"volume":16255.46368,"vwap":0.09879,"interval_begin":"2023-10-04T15:30:00.000000000Z","interval":5,"timestamp":"2023-10-04T15:35:00.000000Z"}]}"#;
    assert_eq!(reader.read(text), GENERAL);
    let candle = reader.last.candle();
    assert_eq!((candle.interval, candle.closed), (Interval::Minute5, false));
    assert_eq!(candle.open_time, UnixNanos(1_696_433_400_000_000_000));
    assert_eq!((candle.open, candle.high), (decimal("0.09875"), decimal("0.0988")));
    assert_eq!((candle.low, candle.close), (decimal("0.09874"), decimal("0.09876")));
    assert_eq!((candle.trades, candle.volume.to_string().as_str()), (Some(13), "16255.46368"));
    let time = reader.last.batch.ticks[0].tick.exchange_time;
    assert_eq!(time, UnixNanos(1_696_436_761_806_315_597));
    for minutes in ["30", "10080", "21600", "0"] {
        let other = text.replace("\"interval\":5", &format!("\"interval\":{minutes}"));
        assert_eq!(reader.read(&other), Ok(Frame::Other), "{minutes}");
    }
    let misplaced = text.replace("15:30:00", "15:31:00");
    assert_eq!(reader.read(&misplaced), GENERAL);
    assert!(!reader.last.candle().is_possible());
}

#[test]
fn refusals_name_their_stream_by_symbol_and_number() {
    let mut reader = Reader::v2();
    let text = r#"{"error":"Currency pair not supported ETH/BTC","method":"subscribe","success":false,"symbol":"ETH/BTC","time_in":"x","time_out":"x","req_id":26}"#;
    let error = |id, stream, words: &str| {
        let kind = RefusalKind::Permanent;
        Ok(Frame::Error { id, stream, kind, text: cut(&[words]) })
    };
    let words = "Currency pair not supported ETH/BTC";
    let stream = NamedStream::of(id_of("ETH/BTC"), Channel::Ticker);
    assert_eq!(reader.read(text), error(Some(26), Some(stream), words));
    assert_eq!(reader.read(&text.replace(",\"req_id\":26", "")), error(None, None, words));
    let depth = r#"{"error":"Subscription depth not supported","method":"subscribe","success":false,"time_in":"x","time_out":"x"}"#;
    assert_eq!(reader.read(depth), error(None, None, "Subscription depth not supported"));
    let nonsense = r#"{"error":"Malformed request","success":false}"#;
    assert_eq!(reader.read(nonsense), error(None, None, "Malformed request"));
}

#[test]
fn what_is_no_data_is_told_apart() {
    let ack = |id, stream| Ok(Frame::Ack { id, stream });
    let ticker = NamedStream::of(id_of("BTC/USD"), Channel::Ticker);
    for (text, outcome) in [
        (r#"{"channel":"heartbeat"}"#, Ok(Frame::Heartbeat)),
        (r#"{ "channel" : "heartbeat" }"#, Ok(Frame::Heartbeat)),
        (r#"{"method":"pong","req_id":101,"time_in":"x","time_out":"x"}"#, Ok(Frame::Heartbeat)),
        (
            r#"{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online","api_version":"v2","connection_id":15113583034416118705}]}"#,
            Ok(Frame::Status(Reason::None)),
        ),
        (
            r#"{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"cancel_only","api_version":"v2","connection_id":15113583034416118705}]}"#,
            Ok(Frame::Status(Reason::CancelOnly)),
        ),
        (
            r#"{"method":"subscribe","req_id":26,"result":{"channel":"ticker","event_trigger":"bbo","snapshot":true,"symbol":"BTC/USD","warnings":["x"]},"success":true}"#,
            ack(Some(26), Some(ticker)),
        ),
        (
            r#"{"method":"subscribe","result":{"channel":"instrument","snapshot":true,"warnings":["tick_size is deprecated, use price_increment"]},"success":true,"req_id":1}"#,
            ack(Some(1), None),
        ),
        (r#"{"method":"add_order","success":true,"result":{}}"#, Ok(Frame::Other)),
        (r#"{"channel":"level3","type":"update","data":[]}"#, Ok(Frame::Other)),
        (r#"{"channel":"book","type":"update","data":[]}"#, Ok(Frame::Other)),
        // Other exchanges' frames.
        (r#"{"channel":"ticker","client_id":"","events":[]}"#, Err(Rejected::Foreign)),
        (r#"{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}"#, Err(Rejected::Foreign)),
        (r#"{"arg":{"channel":"books"},"data":[]}"#, Err(Rejected::Foreign)),
        (r#"{"event":"heartbeat"}"#, Err(Rejected::Foreign)),
        (r#"[993,[],"trade","XMR/USD"]"#, Err(Rejected::Foreign)),
        ("1", Err(Rejected::Foreign)),
        ("pong", Err(Rejected::NotJson)),
    ] {
        let mut reader = Reader::v2();
        assert_eq!(reader.read(text), outcome, "{text}");
        assert!(reader.last.batch.is_empty());
    }
}

#[test]
fn the_list_of_instruments_is_read_with_its_exponents() {
    let text = r#"{"channel":"instrument","type":"snapshot","data":{"assets":[{"id":"USD","status":"enabled","precision":4}],"pairs":[
        {"symbol":"BTC/USD","base":"BTC","quote":"USD","status":"online","qty_precision":8,"qty_increment":1e-08,"price_precision":1,"cost_precision":5,"cost_min":0.5,"tick_size":0.1,"price_increment":0.1,"qty_min":5e-05},
        {"symbol":"AAPLx/USD","status":"cancel_only","qty_precision":8,"price_precision":2,"tick_size":0.05},
        {"symbol":"","status":"online"},
        {"status":"online"}]}}"#;
    let mut reader = Reader::v2();
    let Ok(Frame::Listing(Listings { entries: listings, whole: true })) = reader.read(text) else {
        panic!("the list")
    };
    assert_eq!(listings.len(), 2);
    let told: Vec<_> = listings
        .iter()
        .map(|listing| {
            let it = listing.instrument;
            let step = |step: Option<Decimal>| step.expect("stated").to_string();
            (it.symbol.to_string(), it.native, step(it.tick_size), step(it.lot_size))
        })
        .collect();
    assert_eq!((told[0].0.as_str(), told[0].1.as_str()), ("BTC/USD", "BTC/USD"));
    assert_eq!((told[0].2.as_str(), told[0].3.as_str()), ("0.1", "0.00000001"));
    assert_eq!((told[1].0.as_str(), told[1].1.as_str()), ("AAPLX/USD", "AAPLx/USD"));
    assert_eq!((told[1].2.as_str(), told[1].3.as_str()), ("0.05", "0.00000001"));
    assert_eq!([listings[0].trading, listings[1].trading], [true, false]);
    let empty = r#"{"channel":"instrument","type":"update","data":{"assets":[],"pairs":[]}}"#;
    assert_eq!(reader.read(empty), Ok(Frame::Other));
}

#[test]
fn a_book_event_without_its_checksum_is_refused() {
    for text in [SNAPSHOT, UPDATE] {
        let at = text.find(r#""checksum":"#).expect("it has one");
        let end = at + text[at..].find(',').expect("more follows") + 1;
        let mut reader = Reader::v2();
        let without = format!("{}{}", &text[..at], &text[end..]);
        assert_eq!(reader.read(&without), Err(Rejected::Field), "{without}");
        assert_eq!(reader.last.batch.suspect(), Some(id_of("ETH/BTC")));
    }
    let mut reader = Reader::v1();
    let text = r#"[1920,{"a":[["0.042990","1.00000000","1618678145.920470"]]},"book-10","SC/EUR"]"#;
    assert_eq!(reader.read(text), Err(Rejected::Field));
    assert_eq!(reader.last.batch.suspect(), Some(InstrumentId(2)));
}

#[test]
fn version_ones_books_have_one_payload_or_two() {
    let mut reader = Reader::v1();
    let text = r#"[1360,{"as":[["0.000022900","13355.87450757","1618678123.481570"]],"bs":[["0.000022890","31.75709827","1618678097.847309"]]},"book-1000","ADA/XBT"]"#;
    assert_eq!(reader.read(text), GENERAL);
    let (book, levels) = reader.last.book();
    assert_eq!((book.kind, book.checksum, book.depth), (BookKind::Snapshot, None, 1_000));
    assert_eq!(book.exchange_time, UnixNanos(1_618_678_123_481_570_000));
    assert_eq!(levels.len(), 2);

    let text = r#"[1920,{"a":[["0.042990","364630.28272081","1618678145.920470"]]},{"b":[["0.042990","0.00000000","1618678145.920708","r"]],"c":"4105471083"},"book-10","SC/EUR"]"#;
    assert_eq!(reader.read(text), GENERAL);
    let (book, levels) = reader.last.book();
    assert_eq!((book.kind, book.checksum), (BookKind::Delta, Some(4_105_471_083)));
    assert_eq!((book.depth, book.instrument), (10, InstrumentId(2)));
    assert_eq!([levels[0].side, levels[1].side], [Side::Ask, Side::Bid]);
    assert_eq!(levels[1].size.to_string(), "0.00000000");

    let bad = text.replace("364630.28272081", "x");
    assert_eq!(reader.read(&bad), Err(Rejected::Number));
    assert_eq!(reader.last.batch.suspect(), Some(InstrumentId(2)));
    assert_eq!(reader.read(&text.replace("book-10", "book-x")), Err(Rejected::Field));
}

#[test]
fn version_ones_trades_and_prices_are_read() {
    let mut reader = Reader::v1();
    let text = r#"[993,[["354.55000000","1.25690315","1618678145.715785","b","m",""],["354.1","2","1618678145.715786","s","l",""]],"trade","XMR/USD"]"#;
    assert_eq!(reader.read(text), GENERAL);
    let trades = reader.trades();
    assert_eq!((trades[0].2.taker, trades[1].2.taker), (Side::Bid, Side::Ask));
    assert_eq!((trades[0].0, trades[0].2.price), (None, decimal("354.55000000")));
    assert_eq!(reader.last.batch.ticks[0].tick.exchange_time, UnixNanos(1_618_678_145_715_785_000));

    let text = r#"[1668,{"a":["13.253900",35,"35.72892241"],"b":["13.232900",185,"185.18432037"],"c":["13.253900","3.71672000"],"v":["26560.85364463","72035.05488104"],"p":["13.529003","13.734728"],"t":[640,1353],"l":["13.021800","13.021700"],"h":["13.942000","14.211200"],"o":["13.804000","13.428300"]},"ticker","WAVES/EUR"]"#;
    assert_eq!(reader.read(text), GENERAL);
    let (ticker, quote) = reader.last.ticker_and_quote();
    assert_eq!(ticker.volume.expect("stated").to_string(), "72035.05488104");
    assert_eq!(
        (ticker.open, ticker.high),
        (Some(decimal("13.428300")), Some(decimal("14.211200")))
    );
    assert_eq!((ticker.last, ticker.low), (Some(decimal("13.253900")), Some(decimal("13.021700"))));
    assert_eq!(quote.bid_size, Some(decimal("185.18432037")));

    let text = r#"[325,["43770.20000","43770.30000","1633053779.916349","0.00917717","0.31670440"],"spread","XBT/USD"]"#;
    assert_eq!(reader.read(text), GENERAL);
    let quote = reader.last.batch.ticks[0];
    assert_eq!(quote.origin, Origin::Live);
    let quote = quote.tick.body.quote().expect("a quote");
    assert_eq!(
        (quote.ask, quote.ask_size),
        (Some(decimal("43770.30000")), Some(decimal("0.31670440")))
    );

    let text = r#"[42,["1542057314.748456","1542057360.000000","3586.70000","3586.80000","3586.60000","3586.65000","3586.68894","0.03373000",2],"ohlc-1","XBT/USD"]"#;
    assert_eq!(reader.read(text), GENERAL);
    let candle = reader.last.candle();
    assert_eq!((candle.interval, candle.trades), (Interval::Minute1, Some(2)));
    assert_eq!(candle.open_time, UnixNanos(1_542_057_300_000_000_000));
    assert_eq!((candle.high, candle.close), (decimal("3586.80000"), decimal("3586.65000")));
    assert_eq!(reader.read(&text.replace("ohlc-1", "ohlc-30")), Ok(Frame::Other));
}

#[test]
fn version_ones_events_are_told_apart() {
    let stream = NamedStream::of(InstrumentId(4), Channel::Orderbook);
    for (text, outcome) in [
        (r#"{"event":"heartbeat"}"#, Ok(Frame::Heartbeat)),
        (r#"{"event":"pong","reqid":42}"#, Ok(Frame::Heartbeat)),
        (
            r#"{"connectionID":17843232920108168701,"event":"systemStatus","status":"online","version":"1.8.3"}"#,
            Ok(Frame::Status(Reason::None)),
        ),
        (
            r#"{"connectionID":17843232920108168701,"event":"systemStatus","status":"post_only","version":"1.8.3"}"#,
            Ok(Frame::Status(Reason::PostOnly)),
        ),
        (
            r#"{"channelID":1664,"channelName":"book-1000","event":"subscriptionStatus","pair":"WAVES/EUR","status":"subscribed","subscription":{"depth":1000,"name":"book"}}"#,
            Ok(Frame::Ack { id: None, stream: Some(stream) }),
        ),
        (
            r#"{"errorMessage":"Currency pair not supported X/Y","event":"subscriptionStatus","pair":"X/Y","reqid":7,"status":"error","subscription":{"name":"ticker"}}"#,
            Ok(Frame::Error {
                id: Some(7),
                stream: None,
                kind: RefusalKind::Permanent,
                text: cut(&["Currency pair not supported X/Y"]),
            }),
        ),
        (
            r#"{"event":"error","errorMessage":"Exceeded msg rate"}"#,
            Ok(Frame::Error {
                id: None,
                stream: None,
                kind: too_much(2),
                text: cut(&["Exceeded msg rate"]),
            }),
        ),
        (r#"[1,[],"trade","NOT/OURS"]"#, Ok(Frame::Other)),
        (r#"[1,{},"unheard","XBT/USD"]"#, Ok(Frame::Other)),
        (r#"[{"e":"24hrTicker"},{"e":"24hrTicker"}]"#, Err(Rejected::Foreign)),
        (r#"["a","b","trade","XBT/USD"]"#, Err(Rejected::Foreign)),
        (r#"[1,2,3,4,"trade","XBT/USD"]"#, Err(Rejected::Foreign)),
        (r#"{"channel":"heartbeat"}"#, Err(Rejected::Foreign)),
        (r#"{"event":"subscribe","arg":{}}"#, Err(Rejected::Foreign)),
    ] {
        let mut reader = Reader::v1();
        assert_eq!(reader.read(text), outcome, "{text}");
        assert!(reader.last.batch.is_empty());
    }
}

#[test]
fn a_frame_names_its_symbols() {
    let named = |exchange, text: &str| {
        let mut named = Vec::new();
        Kraken::new(exchange).symbols_in(text.as_bytes(), &mut |it| named.push(it.to_owned()));
        named
    };
    assert_eq!(named(ExchangeId::Kraken, UPDATE), ["ETH/BTC"]);
    assert_eq!(named(ExchangeId::Kraken, ACK), ["ETH/BTC"]);
    let listing = r#"{"channel":"instrument","data":{"pairs":[{"symbol":"BTC/USD"}]}}"#;
    assert!(named(ExchangeId::Kraken, listing).is_empty());
    let spread = r#"[325,["1","2","3","4","5"],"spread","XBT/USD"]"#;
    assert_eq!(named(ExchangeId::KrakenV1, spread), ["XBT/USD"]);
    let ack = r#"{"event":"subscriptionStatus","pair":"ADA/XBT"}"#;
    assert_eq!(named(ExchangeId::KrakenV1, ack), ["ADA/XBT"]);
    assert!(named(ExchangeId::KrakenV1, "[1,[2],3,\"x\"]").is_empty());
}
