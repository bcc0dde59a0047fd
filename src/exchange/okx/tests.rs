//! What each kind of frame comes to, in the shapes that OKX sends. Frames were on the wire or stand
//! in its documentation.

use super::*;
use crate::clock::UnixNanos;
use crate::exchange::testing::{GENERAL, RECOGNISED, Read, carrying, decimal, read_by};
use crate::exchange::{BookKind, Listings, NamedStream, Origin};
use crate::instrument::Channel;
use crate::tick::{Interval, Quote, Reason, Side, Ticker, Trade, TradeId};

const SYMBOLS: [&str; 7] = [
    "BTC-USDT",
    "UNI-USD-SWAP",
    "BTC-USD-220527",
    "BCH-USDT-SWAP",
    "BTC-USD",
    "BTC-USD_UM_XPERP-310404",
    "WNCG-USDT-SWAP",
];

fn adapter() -> Okx {
    carrying(Okx::new(), &SYMBOLS)
}

fn read(text: &str) -> Read {
    read_by(&mut adapter(), text)
}

fn stream(native: &str, channel: Channel) -> Option<NamedStream> {
    let index = SYMBOLS.iter().position(|symbol| *symbol == native).expect("one of them");
    // All candles of these tests are of a minute.
    let interval = (channel == Channel::Candles).then_some(Interval::Minute1);
    Some(NamedStream { interval, ..NamedStream::of(InstrumentId(index as u32), channel) })
}

#[test]
fn an_empty_list_is_no_loss_and_a_checksum_of_null_is_none() {
    for channel in ["tickers", "bbo-tbt", "trades", "books", "candle1m"] {
        for more in ["", r#""action":"update","#] {
            let text = format!(
                r#"{{"arg":{{"channel":"{channel}","instId":"BTC-USDT"}},{more}"data":[]}}"#
            );
            let read = read(&text);
            assert_eq!(read.outcome, Ok(Frame::Other), "{text}");
            assert!(read.batch.losses.is_empty(), "{text}");
        }
    }
    let book = |checksum: &str| {
        let text = format!(
            r#"{{"arg":{{"channel":"books","instId":"BTC-USDT"}},"action":"update","data":[{{"asks":[["11","1","0","1"]],"bids":[],"ts":"1790000000000",{checksum}"prevSeqId":6,"seqId":7}}]}}"#
        );
        read(&text).batch.books
    };
    let absent = book("");
    assert_eq!(absent.len(), 1);
    assert_eq!(book(r#""checksum":null,"#), absent);
}

#[test]
fn a_trade_says_what_the_taker_did() {
    let read = read(concat!(
        r#"{"arg":{"channel":"trades","instId":"UNI-USD-SWAP"},"data":[{"#,
        r#""instId":"UNI-USD-SWAP","tradeId":"12883020","px":"5.123","sz":"100","side":"sell","#,
        r#""ts":"1652459215150"}]}"#
    ));
    assert_eq!(read.outcome, RECOGNISED);
    let trade = Trade {
        taker: Side::Ask,
        price: decimal("5.123"),
        size: decimal("100"),
        id: TradeId::Number(12_883_020),
    };
    assert_eq!(read.trade(), trade);
    assert_eq!(read.native_of(&SYMBOLS), "UNI-USD-SWAP");
    let entry = read.batch.ticks[0];
    assert_eq!((entry.first, entry.sequence), (Some(12_883_020), Some(12_883_020)));
    assert_eq!(entry.origin, Origin::Live);
    assert_eq!(entry.tick.exchange_time, UnixNanos::from_millis(1_652_459_215_150));
}

#[test]
fn an_aggregate_stands_for_all_its_ids() {
    let item = concat!(
        r#"{"instId":"BTC-USDT","tradeId":"130639474","px":"42219.9","sz":"0.12060306","#,
        r#""side":"buy","ts":"1630048897897","count":"3","source":"0","seqId":1234}"#
    );
    let frame = |items: &str| {
        format!(r#"{{"arg":{{"channel":"trades","instId":"BTC-USDT"}},"data":[{items}]}}"#)
    };
    let one = read(&frame(item));
    assert_eq!((one.outcome.clone(), one.trade().taker), (RECOGNISED, Side::Bid));
    let entry = one.batch.ticks[0];
    assert_eq!((entry.first, entry.sequence), (Some(130_639_472), Some(130_639_474)));
    let two = read(&frame(&format!("{item},{}", item.replace("130639474", "130639477"))));
    assert_eq!(two.outcome, RECOGNISED);
    let ids: Vec<_> =
        two.batch.ticks.iter().filter_map(|entry| entry.first.zip(entry.sequence)).collect();
    assert_eq!(ids, [(130_639_472, 130_639_474), (130_639_475, 130_639_477)]);
    let each = read(&frame(item).replace("trades", "trades-all").replace(r#","count":"3""#, ""));
    assert_eq!(each.outcome, RECOGNISED);
    assert_eq!(each.batch.ticks[0].first, Some(130_639_474));
}

#[test]
fn a_trade_that_is_none_is_refused() {
    let frame = concat!(
        r#"{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","#,
        r#""tradeId":"1","px":"2","sz":"3","side":"buy","ts":"1630048897897","count":"1"}]}"#
    );
    for (from, to, why) in [
        ("\"buy\"", "\"hold\"", Rejected::Field),
        ("\"px\":\"2\"", "\"px\":\"\"", Rejected::Number),
        ("\"px\":\"2\"", "\"px\":null", Rejected::Field),
        ("\"sz\":\"3\"", "\"sz\":\"-3\"", Rejected::Number),
        ("\"sz\":\"3\"", "\"sz\":\"1234567890123456789\"", Rejected::Digits),
        ("\"tradeId\":\"1\",", "", Rejected::Field),
        ("\"count\":\"1\"", "\"count\":\"one\"", Rejected::Field),
        ("\"ts\":\"1630048897897\",", "", Rejected::Field),
        ("\"data\"", "\"date\"", Rejected::Field),
    ] {
        let read = read(&frame.replace(from, to));
        assert_eq!(read.outcome, Err(why), "{to}");
        assert!(read.batch.is_empty() && read.batch.suspect().is_none());
    }
    assert_eq!(read(&frame.replace("BTC-USDT", "FOO-USDT")).outcome, Ok(Frame::Other));
}

#[test]
fn best_prices_carry_the_books_number() {
    let text = concat!(
        r#"{"arg":{"channel":"bbo-tbt","instId":"BCH-USDT-SWAP"},"data":[{"asks":[["111.06","#,
        r#""55154","0","2"]],"bids":[["111.05","57745","0","2"]],"ts":"1670324386802","#,
        r#""seqId":363996337}]}"#
    );
    let whole = read(text);
    assert_eq!(whole.outcome, RECOGNISED);
    let quote = Quote {
        bid: Some(decimal("111.05")),
        bid_size: Some(decimal("57745")),
        ask: Some(decimal("111.06")),
        ask_size: Some(decimal("55154")),
    };
    assert_eq!(whole.quote(), quote);
    assert_eq!(whole.batch.ticks[0].sequence, Some(363_996_337));
    let early = read(&text.replace(r#","seqId":363996337"#, ""));
    assert_eq!((early.outcome.clone(), early.batch.ticks[0].sequence), (RECOGNISED, None));
    let one_sided = read(&text.replace(r#"[["111.05","57745","0","2"]]"#, "[]"));
    assert_eq!((one_sided.outcome.clone(), one_sided.quote().bid), (RECOGNISED, None));
    assert_eq!(one_sided.quote().ask, Some(decimal("111.06")));
    let other_order = read(&text.replace(r#""asks""#, r#""x":1,"asks""#));
    assert_eq!((other_order.outcome.clone(), other_order.quote()), (GENERAL, quote));
}

/// A book frame, `ids` standing where the exchange puts its numbers.
fn book_frame(action: &str, ids: &str) -> String {
    format!(
        "{}{action}{}{ids}}}]}}",
        r#"{"arg":{"channel":"books","instId":"BTC-USDT"},"action":""#,
        concat!(
            r#"","data":[{"asks":[["8476.98","415","0","13"],["8477","0","0","0"]],"#,
            r#""bids":[["8475.55","0","0","0"]],"ts":"1597026383185""#
        )
    )
}

#[test]
fn a_book_keeps_its_numbers_and_levels() {
    let snapshot = read(&book_frame("snapshot", r#","checksum":0,"prevSeqId":-1,"seqId":123456"#));
    assert_eq!(snapshot.outcome, RECOGNISED);
    let (book, levels) = snapshot.book();
    assert_eq!(
        (book.kind, book.last_id, book.previous_id),
        (BookKind::Snapshot, Some(123_456), None)
    );
    assert_eq!(book.checksum, Some(0));
    assert_eq!(book.exchange_time, UnixNanos::from_millis(1_597_026_383_185));
    let told: Vec<_> = levels.iter().map(|level| (level.side, level.price.to_string())).collect();
    let level = |side, price: &str| (side, price.to_owned());
    assert_eq!(
        told,
        [level(Side::Ask, "8476.98"), level(Side::Ask, "8477"), level(Side::Bid, "8475.55")]
    );

    for ids in [
        r#","checksum":-855196043,"prevSeqId":123456,"seqId":123457"#,
        r#","checksum":-855196043,"seqId":123457,"prevSeqId":123456"#,
    ] {
        let update = read(&book_frame("update", ids));
        assert_eq!(update.outcome, RECOGNISED, "{ids}");
        let (book, levels) = update.book();
        assert_eq!((book.kind, book.last_id), (BookKind::Delta, Some(123_457)));
        assert_eq!(book.previous_id, Some(123_456));
        assert_eq!(book.checksum, Some((-855_196_043_i32).cast_unsigned()));
        assert!(levels[2].size.is_zero());
    }
}

#[test]
fn books_of_2022_have_a_checksum_and_no_numbers() {
    let read = read(concat!(
        r#"{"arg":{"channel":"books","instId":"UNI-USD-SWAP"},"action":"update","data":[{"asks":[],"#,
        r#""bids":[["5.142","97","0","2"],["5.14","350","0","3"]],"ts":"1652459226125","#,
        r#""checksum":1975754545}]}"#
    ));
    assert_eq!(read.outcome, RECOGNISED);
    let (book, _) = read.book();
    assert_eq!((book.first_id, book.last_id, book.previous_id), (None, None, None));
    assert_eq!(book.checksum, Some(1_975_754_545));
}

#[test]
fn what_says_that_nothing_changed_is_an_event_without_levels() {
    let read = read(concat!(
        r#"{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[],"#,
        r#""bids":[],"ts":"1597026383185","checksum":0,"prevSeqId":15,"seqId":15}]}"#
    ));
    assert_eq!(read.outcome, RECOGNISED);
    assert_eq!((read.book().0.last_id, read.book().0.previous_id), (Some(15), Some(15)));
    assert!(read.batch.levels.is_empty());
}

#[test]
fn a_refused_book_frame_says_whose_book_it_was() {
    for (from, to, why) in [
        ("8477\"", "84x77\"", Rejected::Number),
        ("update", "replace", Rejected::Field),
        ("\"asks\"", "\"ask\"", Rejected::Field),
        ("\"checksum\":0", "\"checksum\":99999999999", Rejected::Field),
        ("\"checksum\":0", "\"checksum\":\"0\"", Rejected::Field),
        ("\"seqId\":123457", "\"seqId\":-4", Rejected::Field),
    ] {
        let ids = r#","checksum":0,"prevSeqId":123456,"seqId":123457"#;
        let read = read(&book_frame("update", ids).replace(from, to));
        assert_eq!(read.outcome, Err(why), "{to}");
        assert_eq!(read.batch.suspect(), Some(InstrumentId(0)));
        assert!(read.batch.is_empty() && read.batch.levels.is_empty());
    }
}

#[test]
fn a_book_event_that_nothing_proves_is_refused() {
    for (action, ids) in [
        ("update", ""),
        ("update", r#","checksum":0"#),
        ("update", r#","checksum":0,"seqId":123457"#),
        ("update", r#","checksum":0,"prevSeqId":123456"#),
        ("update", r#","checksum":0,"prevSeqId":-1,"seqId":123457"#),
        ("update", r#","checksum":-855196043,"seqId":123457"#),
        ("update", r#","checksum":-855196043,"prevSeqId":123456"#),
        ("snapshot", ""),
        ("snapshot", r#","checksum":0"#),
        ("snapshot", r#","checksum":0,"prevSeqId":-1"#),
    ] {
        let read = read(&book_frame(action, ids));
        assert_eq!(read.outcome, Err(Rejected::Field), "{action} {ids}");
        assert_eq!(read.batch.suspect(), Some(InstrumentId(0)));
    }
    for (action, ids) in [
        ("update", r#","prevSeqId":123456,"seqId":123457"#),
        ("update", r#","checksum":-855196043"#),
        ("snapshot", r#","seqId":123457"#),
        ("snapshot", r#","checksum":-855196043"#),
    ] {
        assert_eq!(read(&book_frame(action, ids)).outcome, RECOGNISED, "{action} {ids}");
    }
}

#[test]
fn only_one_channel_makes_a_book() {
    let mut adapter = adapter();
    let best = concat!(
        r#"{"arg":{"channel":"books5","instId":"BTC-USDT"},"data":[{"asks":[["2","1","0","1"]],"#,
        r#""bids":[["1","1","0","1"]],"instId":"BTC-USDT","ts":"1670324386802","seqId":7}]}"#
    );
    let first = read_by(&mut adapter, best);
    assert_eq!((first.outcome.clone(), first.book().0.kind), (GENERAL, BookKind::Snapshot));
    assert_eq!((first.book().0.last_id, first.batch.levels.len()), (Some(7), 2));
    let ids = r#","checksum":0,"prevSeqId":-1,"seqId":8"#;
    let books = book_frame("snapshot", ids);
    assert_eq!(read_by(&mut adapter, &books).outcome, RECOGNISED);
    // From now on the deeper book is the book.
    assert_eq!(read_by(&mut adapter, best).outcome, Ok(Frame::Other));
    let fast = books.replace("\"books\"", "\"books-l2-tbt\"");
    assert_eq!(read_by(&mut adapter, &fast).outcome, Ok(Frame::Other));
    assert_eq!(read_by(&mut adapter, &books).outcome, RECOGNISED);
    let elsewhere = fast.replace("BTC-USDT", "BTC-USD");
    assert_eq!(read_by(&mut adapter, &elsewhere).outcome, GENERAL);
}

#[test]
fn a_ticker_counts_coins_on_spot_and_for_contracts() {
    let text = concat!(
        r#"{"arg":{"channel":"tickers","instId":"BTC-USD-220527"},"data":[{"instType":"FUTURES","#,
        r#""instId":"BTC-USD-220527","last":"30218.8","lastSz":"1","askPx":"30220.1","askSz":"3","#,
        r#""bidPx":"30210.4","bidSz":"4","open24h":"29571.4","high24h":"31003.3","#,
        r#""low24h":"27930.8","sodUtc0":"28935.3","sodUtc8":"30320.5","volCcy24h":"2620.289","#,
        r#""vol24h":"779573","ts":"1652459223003"}]}"#
    );
    let contract = read(text);
    assert_eq!(contract.outcome, GENERAL);
    let ticker = contract.ticker();
    assert_eq!(ticker.last, Some(decimal("30218.8")));
    assert_eq!((ticker.open, ticker.high), (Some(decimal("29571.4")), Some(decimal("31003.3"))));
    assert_eq!((ticker.bid, ticker.ask), (Some(decimal("30210.4")), Some(decimal("30220.1"))));
    assert_eq!(ticker.volume.expect("stated").to_string(), "2620.289");
    assert_eq!((ticker.quote_volume, ticker.change), (None, Some(decimal("647.4"))));

    let spot = read(&text.replace("BTC-USD-220527", "BTC-USDT").replace("FUTURES", "SPOT"));
    let ticker = spot.ticker();
    assert_eq!(ticker.volume.expect("stated").to_string(), "779573");
    assert_eq!(ticker.quote_volume.expect("stated").to_string(), "2620.289");
    // The name tells as well.
    let unclassed = read(&text.replace(r#""instType":"FUTURES","#, ""));
    assert_eq!(unclassed.ticker().quote_volume, None);
}

#[test]
fn what_a_ticker_leaves_empty_is_not_available() {
    let text = concat!(
        r#"{"arg":{"channel":"tickers","instId":"WNCG-USDT-SWAP"},"data":[{"instType":"SWAP","#,
        r#""instId":"WNCG-USDT-SWAP","last":"","lastSz":"0","askPx":"","askSz":"","bidPx":"","#,
        r#""bidSz":"","open24h":"","high24h":"","low24h":"","sodUtc0":"","sodUtc8":"","#,
        r#""volCcy24h":"","vol24h":"","ts":"1640131204676"}]}"#
    );
    assert_eq!(read(text).outcome, GENERAL);
    assert_eq!(read(text).ticker(), Ticker::default());
    let broken = read(&text.replace(r#""last":"""#, r#""last":"x""#));
    assert_eq!(broken.outcome, Err(Rejected::Number));
}

#[test]
fn a_candle_says_whether_it_is_final() {
    let text = concat!(
        r#"{"arg":{"channel":"candle1m","instId":"BTC-USDT"},"data":[["1597026360000","8533.02","#,
        r#""8553.74","8527.17","8548.26","45247","529.5858061","5529.5858061","0"]]}"#
    );
    let open = read(text);
    assert_eq!(open.outcome, GENERAL);
    let candle = open.candle();
    assert_eq!(candle.interval, Interval::Minute1);
    assert_eq!(candle.open_time, UnixNanos::from_millis(1_597_026_360_000));
    assert_eq!((candle.open, candle.high), (decimal("8533.02"), decimal("8553.74")));
    assert_eq!((candle.low, candle.close), (decimal("8527.17"), decimal("8548.26")));
    assert_eq!((candle.volume.to_string().as_str(), candle.trades), ("45247", None));
    assert!(!candle.closed);
    let closed = read(&text.replace(r#""0"]]"#, r#""1"]]"#));
    assert!(closed.candle().closed);
    let early = read(&text.replace(r#","5529.5858061","0"]]"#, "]]"));
    assert!(!early.candle().closed);
    for (name, interval) in [
        ("candle1s", Interval::Second1),
        ("candle1H", Interval::Hour1),
        ("candle4H", Interval::Hour4),
        ("candle1D", Interval::Day1),
        ("candle1Dutc", Interval::Day1),
    ] {
        let day = text.replace("1597026360000", "1597017600000");
        assert_eq!(read(&day.replace("candle1m", name)).candle().interval, interval);
    }
    // A day of Hong Kong opens at none of ours.
    let day = text.replace("1597026360000", "1596988800000").replace("candle1m", "candle1D");
    assert!(!read(&day).candle().is_possible());
    assert_eq!(read(&text.replace("candle1m", "candle3m")).outcome, Ok(Frame::Other));
    let short = text.replace(r#","45247","529.5858061","5529.5858061","0"]]"#, "]]");
    assert_eq!(read(&short).outcome, Err(Rejected::Field));
}

#[test]
fn answers_name_their_stream() {
    let ack = |text: &str, id, stream| {
        assert_eq!(read(text).outcome, Ok(Frame::Ack { id, stream }), "{text}");
    };
    ack(
        concat!(
            r#"{"id":"1512","event":"subscribe","arg":{"channel":"tickers","#,
            r#""instId":"BTC-USDT"},"connId":"a4d3ae55"}"#
        ),
        Some(1_512),
        stream("BTC-USDT", Channel::Ticker),
    );
    for (name, channel) in [
        ("books", Channel::Orderbook),
        ("bbo-tbt", Channel::Quotes),
        ("trades", Channel::Trades),
        ("candle1m", Channel::Candles),
    ] {
        let text = format!(
            r#"{{"event":"subscribe","arg":{{"channel":"{name}","instId":"UNI-USD-SWAP"}}}}"#
        );
        ack(&text, None, stream("UNI-USD-SWAP", channel));
    }
    let unknown = r#"{"event":"subscribe","arg":{"channel":"instruments","instType":"SWAP"}}"#;
    ack(unknown, None, None);
    let ended = r#"{"id":"7","event":"unsubscribe","arg":{"channel":"books","instId":"BTC-USDT"}}"#;
    let book = stream("BTC-USDT", Channel::Orderbook);
    assert_eq!(read(ended).outcome, Ok(Frame::Left { id: Some(7), stream: book }));
}

#[test]
fn refusals_name_their_stream_where_their_words_do() {
    let error = |text: &str, wanted_id, wanted_stream, start: &str| {
        let Ok(Frame::Error { id, stream, text: told, .. }) = read(text).outcome else {
            panic!("{text}")
        };
        assert_eq!((id, stream), (wanted_id, wanted_stream), "{text}");
        assert!(told.starts_with(start), "{told}");
    };
    error(
        concat!(
            r#"{"id":"1512","event":"error","code":"60012","msg":"Invalid request: "#,
            r#"{\"op\": \"subscribe\", \"argss\":[{ \"channel\" : \"tickers\"}]}","#,
            r#""connId":"a4d3ae55"}"#
        ),
        Some(1_512),
        None,
        "60012: Invalid request: {\"op\"",
    );
    for words in [
        "Wrong URL or channel:candle1m,instId:BTC-USDT doesn't exist. Please use the correct URL, \
         channel and parameters referring to API document.",
        "Subscribe failed, wrong URL or channel:candle1m, instId:BTC-USDT doesn't exist.",
        "channel:candle1m,instId:BTC-USDT doesn't exist",
    ] {
        let text = format!(r#"{{"event":"error","msg":"{words}","code":"60018","connId":"2b"}}"#);
        error(&text, None, stream("BTC-USDT", Channel::Candles), "60018: ");
        error(&text.replace("BTC-USDT", "FOO-USDT"), None, None, "60018: ");
    }
    let migrated = r#"{"event":"error","msg":"This channel has been migrated","code":"64001"}"#;
    error(migrated, None, None, "64001: This");
}

#[test]
fn what_the_exchange_says_about_itself_is_told_apart() {
    for (text, outcome) in [
        ("pong", Ok(Frame::Heartbeat)),
        ("ping", Err(Rejected::NotJson)),
        (
            concat!(
                r#"{"event":"notice","code":"64008","msg":"The connection will soon be closed "#,
                r#"for a service upgrade. Please reconnect.","connId":"a4d3ae55"}"#
            ),
            Ok(Frame::Shutdown),
        ),
        (r#"{"event":"notice","code":"64009","msg":"x"}"#, Ok(Frame::Status(Reason::None))),
        (
            r#"{"event":"channel-conn-count","channel":"orders","connCount":"2","connId":"a"}"#,
            Ok(Frame::Other),
        ),
        (
            concat!(
                r#"{"arg":{"channel":"mark-price","instId":"BTC-USDT"},"data":[{"instId":"#,
                r#""BTC-USDT","instType":"FUTURES","markPx":"36.232","ts":"1640131204676"}]}"#
            ),
            Ok(Frame::Other),
        ),
        (r#"{"event":"subscribe","pair":["XBT/USD"]}"#, Err(Rejected::Foreign)),
        (r#"{"event":"error","code":10300,"msg":"x"}"#, Err(Rejected::Foreign)),
        (r#"{"event":"heartbeat"}"#, Err(Rejected::Foreign)),
        (r#"{"channel":"trades","data":[]}"#, Err(Rejected::Foreign)),
        (r#"{"arg":"x"}"#, Err(Rejected::Foreign)),
        ("[1]", Err(Rejected::Foreign)),
    ] {
        assert_eq!(read(text).outcome, outcome, "{text}");
    }
}

#[test]
fn a_list_of_instruments_is_read_in_the_stream_too() {
    let text = concat!(
        r#"{"arg":{"channel":"instruments","instType":"SWAP"},"data":[{"alias":"","baseCcy":"","#,
        r#""ctVal":"0.01","instId":"BTC-USDT-SWAP","lotSz":"1","settleCcy":"USDT","state":"live","#,
        r#""tickSz":"0.1"},{"instId":"A B"}]}"#
    );
    let Ok(Frame::Listing(Listings { entries: listings, whole: false })) = read(text).outcome
    else {
        panic!("a part of the list")
    };
    assert_eq!(listings.len(), 1);
    assert_eq!(listings[0].instrument.symbol.as_str(), "BTC/USDT:USDT");
    assert!(listings[0].trading);
    assert_eq!(read(&text.replace("data", "date")).outcome, Err(Rejected::Field));
}

#[test]
fn spacing_order_and_escapes_cost_only_the_recogniser() {
    let ids = r#","checksum":-5,"prevSeqId":1,"seqId":2"#;
    let text = book_frame("update", ids);
    let plain = read(&text);
    for changed in [
        text.replace("\"action\":\"update\",", "").replacen('{', r#"{"action":"update","#, 1),
        text.replace(':', ": "),
        text.replace("BTC-USDT", r"\u0042TC-USDT"),
        text.replace(r#""ts""#, r#""new":{"ts":[1]},"ts""#),
    ] {
        let read = read(&changed);
        assert_eq!(read.outcome, GENERAL, "{changed}");
        assert_eq!(read.batch.books, plain.batch.books);
        assert_eq!(read.batch.levels, plain.batch.levels);
    }
    assert_eq!(plain.outcome, RECOGNISED);
}
