//! What each kind of frame comes to, in the shapes that Bybit sends. Frames were on the wire or
//! stand in its documentation.

use super::*;
use crate::clock::UnixNanos;
use crate::exchange::testing::{
    GENERAL, RECOGNISED, Read, carrying, decimal, parse_padded, read_by, ticker_of,
};
use crate::exchange::{BookKind, NamedStream, Origin};
use crate::instrument::{Channel, InstrumentId};
use crate::tick::{Body, Candle, Decimal, Interval, Reason, Side, Ticker, TradeId};

const SYMBOLS: [&str; 6] =
    ["BTCUSDT", "BTCPERP", "LTCUSDT", "BTCUSD", "BTC-6JAN23-17500-C", "ETHUSDT"];

fn adapter(exchange: ExchangeId) -> Bybit {
    carrying(Bybit::new(exchange), &SYMBOLS)
}

fn read(text: &str) -> Read {
    read_by(&mut adapter(ExchangeId::BybitLinear), text)
}

fn said(decimal: Option<Decimal>) -> String {
    decimal.map_or_else(|| "none".to_owned(), |decimal| decimal.to_string())
}

#[test]
fn trades_of_both_classes_and_ages_are_recognised() {
    let spot = read(concat!(
        r#"{"topic":"publicTrade.BTCUSDT","ts":1680652847526,"type":"snapshot","data":[{"i":"#,
        r#""2290000000050703789","T":1680652847524,"p":"28165.38","v":"0.041732","S":"Sell","#,
        r#""s":"BTCUSDT","BT":false},{"i":"2290000000050703790","T":1680652847524,"#,
        r#""p":"28165.38","v":"0.008513","S":"Buy","s":"BTCUSDT","BT":false}]}"#
    ));
    assert_eq!(spot.outcome, RECOGNISED);
    let [first, second] = &spot.batch.ticks[..] else { panic!("two trades") };
    let trade = first.tick.body.trade().expect("a trade");
    assert_eq!((trade.taker, trade.id), (Side::Ask, TradeId::Number(2_290_000_000_050_703_789)));
    assert_eq!((trade.price, trade.size), (decimal("28165.38"), decimal("0.041732")));
    assert_eq!(first.tick.exchange_time, UnixNanos::from_millis(1_680_652_847_524));
    assert_eq!(second.tick.body.trade().expect("a trade").taker, Side::Bid);
    let next = Some(2_290_000_000_050_703_790);
    assert_eq!([first.sequence, second.sequence], [Some(2_290_000_000_050_703_789), next]);

    let contract = read(concat!(
        r#"{"topic":"publicTrade.LTCUSDT","type":"snapshot","ts":1680688979985,"data":[{"#,
        r#""T":1680688979983,"s":"LTCUSDT","S":"Buy","v":"0.4","p":"94.53","L":"ZeroMinusTick","#,
        r#""i":"4c7b6bdc-b4a3-5716-9c7b-bbe01dc7072f","BT":false}]}"#
    ));
    assert_eq!(contract.outcome, RECOGNISED);
    let trade = contract.batch.ticks[0].tick.body.trade().expect("a trade");
    assert_eq!(trade.id, TradeId::Uuid(0x4c7b_6bdc_b4a3_5716_9c7b_bbe0_1dc7_072f));
    assert_eq!((contract.native_of(&SYMBOLS), contract.batch.ticks[0].sequence), ("LTCUSDT", None));

    let current = read(concat!(
        r#"{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1786310819681,"data":[{"#,
        r#""T":1786310819680,"s":"BTCUSDT","S":"Sell","v":"0.004","p":"65114.20","L":"MinusTick","#,
        r#""i":"a9188a0a-82bc-50de-be60-03eedbe3cdd7","BT":false,"RPI":false,"seq":753843954913}]}"#
    ));
    assert_eq!(current.outcome, RECOGNISED);
    assert_eq!(current.batch.ticks[0].sequence, Some(753_843_954_913));
}

#[test]
fn trades_on_one_topic_may_be_of_several_instruments() {
    let read = read(concat!(
        r#"{"id":"publicTrade.BTC-1","topic":"publicTrade.BTC","ts":1,"data":[{"p":"18305.6","#,
        r#""v":"0.1","i":"00000000-0000-0000-0000-000000000007","T":2,"BT":false,"#,
        r#""s":"BTC-6JAN23-17500-C","S":"Buy"},{"s":"BTC-6JAN23-99999-C","p":"1","v":"1","#,
        r#""i":"8","T":2,"S":"Sell","BT":false}],"type":"snapshot"}"#
    ));
    assert_eq!((read.outcome.clone(), read.batch.ticks.len()), (GENERAL, 1));
    assert_eq!(read.native_of(&SYMBOLS), "BTC-6JAN23-17500-C");
}

#[test]
fn books_of_both_classes_are_recognised() {
    let spot = read(concat!(
        r#"{"topic":"orderbook.50.BTCUSDT","ts":1680652808065,"type":"snapshot","data":{"#,
        r#""s":"BTCUSDT","b":[["28162.57","0.07562"]],"a":[["28162.58","0.506829"]],"#,
        r#""u":59438060,"seq":4281282229}}"#
    ));
    assert_eq!(spot.outcome, RECOGNISED);
    let book = &spot.batch.books[0];
    assert_eq!(
        (book.kind, book.first_id, book.last_id),
        (BookKind::Snapshot, Some(59438060), Some(59438060))
    );
    assert_eq!((book.previous_id, book.depth), (None, 50));
    assert_eq!(book.exchange_time, UnixNanos::from_millis(1_680_652_808_065));
    assert!(spot.batch.ticks.is_empty());

    let contract = read(concat!(
        r#"{"topic":"orderbook.200.BTCPERP","type":"delta","ts":1680673821651,"data":{"#,
        r#""s":"BTCPERP","b":[["28555.20","0.677"],["28555.00","0"]],"a":[],"u":20683569,"#,
        r#""seq":10916156553},"cts":1680673821640}"#
    ));
    assert_eq!(contract.outcome, RECOGNISED);
    let book = &contract.batch.books[0];
    assert_eq!((book.kind, book.last_id), (BookKind::Delta, Some(20_683_569)));
    assert_eq!(book.exchange_time, UnixNanos::from_millis(1_680_673_821_640));
    let levels = contract.batch.levels_of(book);
    assert_eq!(levels.len(), 2);
    assert!(levels.iter().all(|level| level.side == Side::Bid));
}

#[test]
fn a_book_of_one_level_is_a_quote_too() {
    let mut adapter = adapter(ExchangeId::Bybit);
    let frame = |kind: &str, bids: &str, asks: &str, sequence: u32| {
        format!(
            concat!(
                r#"{{"topic":"orderbook.1.BTCUSDT","ts":1740000000000,"type":"{}","data":{{"#,
                r#""s":"BTCUSDT","b":[{}],"a":[{}],"u":7,"seq":{}}},"cts":1739999999990}}"#
            ),
            kind, bids, asks, sequence
        )
    };
    let orphan = read_by(&mut adapter, &frame("delta", r#"["9","1"]"#, "", 1));
    assert_eq!(
        (orphan.outcome, orphan.batch.ticks.len(), orphan.batch.orphans),
        (RECOGNISED, 0, 1)
    );
    assert_eq!(orphan.batch.books[0].depth, 1);
    let whole = frame("snapshot", r#"["9","1"]"#, r#"["10","2"]"#, 5);
    let read = read_by(&mut adapter, &whole);
    assert_eq!(read.outcome, RECOGNISED);
    let quote = read.batch.ticks[0].tick.body.quote().expect("a quote");
    assert_eq!((quote.bid, quote.ask_size), (Some(decimal("9")), Some(decimal("2"))));
    assert_eq!(
        (read.batch.ticks[0].sequence, read.batch.ticks[0].origin),
        (Some(5), Origin::Derived)
    );
    assert_eq!(read.batch.ticks[0].tick.exchange_time.millis(), 1_739_999_999_990);
    // Before 2025-03-20 there were deltas.
    let delta = frame("delta", "", r#"["10","0"],["11","3"]"#, 6);
    let quote = read_by(&mut adapter, &delta).batch.ticks[0].tick.body.quote().expect("a quote");
    assert_eq!((quote.bid, quote.ask), (Some(decimal("9")), Some(decimal("11"))));
}

#[test]
fn a_ticker_delta_completes_what_was_said_before() {
    let mut adapter = adapter(ExchangeId::BybitLinear);
    let snapshot = concat!(
        r#"{"topic":"tickers.BTCUSDT","type":"snapshot","data":{"symbol":"BTCUSDT","#,
        r#""tickDirection":"ZeroMinusTick","price24hPcnt":"0.023333","lastPrice":"28550.70","#,
        r#""prevPrice24h":"27899.70","highPrice24h":"28797.10","lowPrice24h":"27842.80","#,
        r#""turnover24h":"4273027716.4294","volume24h":"151185.5160","preOpenPrice":"","#,
        r#""bid1Price":"28550.70","bid1Size":"2.049","ask1Price":"28550.80","ask1Size":"15.328"},"#,
        r#""cs":50193544280,"ts":1680673821770}"#
    );
    let whole = read_by(&mut adapter, snapshot);
    assert_eq!((whole.outcome.clone(), whole.batch.best_carried), (GENERAL, false));
    assert_eq!(said(whole.ticker().change), "651.00");
    assert_eq!(said(whole.ticker().change_percent), "2.3333");
    assert_eq!(
        whole.ticker().volume.map(|volume| volume.to_string()).as_deref(),
        Some("151185.5160")
    );
    let delta = concat!(
        r#"{"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT","#,
        r#""price24hPcnt":"-0.5","lastPrice":"28551"},"cs":50193544281,"ts":1680673821870}"#
    );
    let changed = read_by(&mut adapter, delta);
    let expected = Ticker {
        last: Some(decimal("28551")),
        change: Some(decimal("651.30")),
        change_percent: Some(decimal("-50")),
        ..whole.ticker()
    };
    assert_eq!((changed.ticker(), changed.batch.best_carried), (expected, true));
    assert_eq!(changed.batch.ticks[0].tick.exchange_time.millis(), 1_680_673_821_870);
    // Another connection may have missed what this one was told, whatever comes first by it.
    let mut batch = Batch { connection: 1, ..Batch::new() };
    assert_eq!(parse_padded(&mut adapter, delta, b' ', &mut batch), GENERAL);
    assert_eq!((batch.ticks.len(), batch.orphans), (0, 1));
    assert_eq!(parse_padded(&mut adapter, snapshot, b' ', &mut batch), GENERAL);
    assert_eq!(ticker_of(batch.ticks.iter()), whole.ticker());
    assert_eq!(parse_padded(&mut adapter, delta, b' ', &mut batch), GENERAL);
    assert_eq!((ticker_of(batch.ticks.iter()), batch.orphans), (changed.ticker(), 0));
    // A snapshot leaves nothing of what was before.
    let fresh = snapshot.replace(r#""lastPrice":"28550.70","#, "");
    assert_eq!(read_by(&mut adapter, &fresh).ticker().last, None);
}

#[test]
fn tickers_of_spot_and_options_read_as_well() {
    let spot = read(concat!(
        r#"{"topic":"tickers.BTCUSDT","ts":1673853746003,"type":"snapshot","cs":2588407389,"#,
        r#""data":{"symbol":"BTCUSDT","lastPrice":"21109.77","highPrice24h":"21426.99","#,
        r#""lowPrice24h":"20575","prevPrice24h":"20704.93","volume24h":"6780.866843","#,
        r#""turnover24h":"141946527.22907118","price24hPcnt":"0.0196","#,
        r#""usdIndexPrice":"21120.2400136"}}"#
    ));
    assert_eq!((spot.ticker().bid, said(spot.ticker().change_percent).as_str()), (None, "1.96"));
    let option = read(concat!(
        r#"{"id":"x","topic":"tickers.BTC-6JAN23-17500-C","ts":1672917511074,"data":{"#,
        r#""symbol":"BTC-6JAN23-17500-C","bidPrice":"0","bidSize":"0","bidIv":"0","#,
        r#""askPrice":"10","askSize":"5.1","lastPrice":"10","change24h":"-0.33333334"},"#,
        r#""type":"snapshot"}"#
    ));
    let ticker = option.ticker();
    assert_eq!((ticker.bid, ticker.ask), (None, Some(decimal("10"))));
    assert_eq!(said(ticker.change_percent), "-33.333334");
    assert!(!option.batch.best_carried);
}

#[test]
fn one_frame_may_hold_two_candles() {
    let bars = read(concat!(
        r#"{"topic":"kline.5.BTCUSDT","data":[{"start":1672324800000,"end":1672325099999,"#,
        r#""interval":"5","open":"16649.5","close":"16677","high":"16677","low":"16608","#,
        r#""volume":"2.081","turnover":"34666.4005","confirm":true,"timestamp":1672325099990},"#,
        r#"{"start":1672325100000,"end":1672325399999,"interval":"5","open":"16677","#,
        r#""close":"16677","high":"16677","low":"16677","volume":"0","turnover":"0","#,
        r#""confirm":false,"timestamp":1672325100001}],"ts":1672325100002,"type":"snapshot"}"#
    ));
    assert_eq!(bars.outcome, GENERAL);
    let mut closed = Vec::new();
    for run in bars.batch.ticks.chunks(2) {
        let [Body::CandlePrices { interval, .. }, Body::CandleVolume { closed: ended, .. }] =
            [run[0].tick.body, run[1].tick.body]
        else {
            panic!("a candle is two ticks");
        };
        assert_eq!(interval, Interval::Minute5);
        closed.push(ended);
    }
    assert_eq!(closed, [true, false]);
    let candle = Candle::join(&bars.batch.ticks[0].tick.body, &bars.batch.ticks[1].tick.body);
    assert_eq!(candle.map(|candle| candle.close), Some(decimal("16677")));
    let week = r#"{"topic":"kline.W.BTCUSDT","ts":1,"data":[{"interval":"W","start":0}]}"#;
    assert_eq!(read(week).outcome, Ok(Frame::Other));
}

#[test]
fn pongs_of_every_class_are_heartbeats() {
    for pong in [
        r#"{"success":true,"ret_msg":"pong","conn_id":"0970e817","op":"ping"}"#,
        r#"{"success":true,"ret_msg":"pong","conn_id":"465772b1","req_id":"","op":"ping"}"#,
        r#"{"args":["1672916271846"],"op":"pong"}"#,
        r#"{"success":true,"ret_msg":"","conn_id":"x","op":"ping"}"#,
    ] {
        assert_eq!(read(pong).outcome, Ok(Frame::Heartbeat), "{pong}");
    }
}

#[test]
fn answers_of_every_class_are_told_apart() {
    let ack = |id| Ok(Frame::Ack { id, stream: None });
    for (text, expected) in [
        (
            r#"{"success":true,"ret_msg":"subscribe","conn_id":"x","req_id":"10","op":"subscribe"}"#,
            ack(Some(10)),
        ),
        (
            r#"{"success":true,"ret_msg":"","conn_id":"x","req_id":"sub-1","op":"subscribe"}"#,
            ack(None),
        ),
        (r#"{"success":true,"ret_msg":"subscribe","conn_id":"x","op":"subscribe"}"#, ack(None)),
        (
            concat!(
                r#"{"success":true,"conn_id":"aa01","data":{"failTopics":[],"successTopics":["#,
                r#""orderbook.100.BTC-6JAN23-18000-C"]},"type":"COMMAND_RESP"}"#
            ),
            ack(None),
        ),
    ] {
        assert_eq!(read(text).outcome, expected, "{text}");
    }
    let refused = |text: &str| match read(text).outcome {
        Ok(Frame::Error { id, stream, text, .. }) => (id, stream, text.to_string()),
        other => panic!("{other:?}"),
    };
    let btc = |channel| Some(NamedStream::of(InstrumentId(0), channel));
    // Words seen on the wire.
    for (words, said, stream) in [
        ("error:handler not found,topic:orderbook.500.BTCUSDT", None, btc(Channel::Orderbook)),
        ("error:already subscribed,topic:publicTrade.BTCUSDT", None, btc(Channel::Trades)),
        (r"args size \u003e10", Some("args size >10"), None),
        ("Invalid topic: invalid.topic.BTCUSDT", None, None),
    ] {
        let text = format!(
            r#"{{"success":false,"ret_msg":"{words}","conn_id":"x","req_id":"7","op":"subscribe"}}"#
        );
        assert_eq!(refused(&text), (Some(7), stream, said.unwrap_or(words).to_owned()));
    }
    let some_failed = concat!(
        r#"{"success":true,"conn_id":"aa01","data":{"failTopics":["tickers.BTCUSDT"],"#,
        r#""successTopics":[]},"type":"COMMAND_RESP"}"#
    );
    assert_eq!(refused(some_failed), (None, btc(Channel::Ticker), "tickers.BTCUSDT".to_owned()));
}

#[test]
fn what_carries_none_of_our_channels_is_told_apart() {
    for other in [
        r#"{"topic":"allLiquidation.BTCUSDT","type":"snapshot","ts":1,"data":[{"T":1,"s":"BTCUSDT","S":"Sell","v":"2846","p":"0.02456"}]}"#,
        r#"{"topic":"liquidation.BTCUSD","type":"snapshot","ts":1,"data":{"updatedTime":1,"symbol":"BTCUSD","side":"Sell","size":"6949","price":"0.5149"}}"#,
        r#"{"topic":"orderbook.rpi.BTCUSDT","ts":1,"type":"delta","data":{"s":"BTCUSDT","b":[["1","1","1"]],"a":[],"u":1,"seq":1}}"#,
        r#"{"topic":"orderbook.full.BTCUSDT","ts":1,"type":"delta","data":{"s":"BTCUSDT","b":[],"a":[],"u":1,"seq":1}}"#,
        r#"{"topic":"orderbook.50.SOLUSDT","type":"delta","ts":1,"data":{"s":"SOLUSDT","b":[],"a":[],"u":1,"seq":1}}"#,
        r#"{"topic":"publicTrade.SOLUSDT","type":"snapshot","ts":1,"data":[]}"#,
    ] {
        let read = read(other);
        assert_eq!(read.outcome, Ok(Frame::Other), "{other}");
        assert!(read.batch.is_empty());
    }
    let status = r#"{"topic":"system.status","ts":1751858399649,"data":[{"id":"4d95b2a0","title":"t06","state":"completed","begin":"1751596902000"}]}"#;
    assert_eq!(read(status).outcome, Ok(Frame::Status(Reason::None)));
}

#[test]
fn foreign_frames_and_bad_fields_cost_their_frame() {
    for foreign in [
        r#"{"result":null,"id":1}"#,
        r#"{"method":"subscribe","result":{"channel":"book"},"success":true,"time_in":"x"}"#,
        r#"{"event":"subscribe","arg":{"channel":"trades","instId":"BTC-USDT"}}"#,
        r#"{"topic":"/market/ticker:BTC-USDT","data":{}}"#,
        "[]",
    ] {
        assert_eq!(read(foreign).outcome, Err(Rejected::Foreign), "{foreign}");
    }
    let book = |price: &str, size: &str| {
        let read = read(&format!(
            concat!(
                r#"{{"topic":"orderbook.50.ETHUSDT","type":"delta","ts":1680652808085,"data":{{"#,
                r#""s":"ETHUSDT","b":[["{}","{}"]],"a":[],"u":1,"seq":1}}}}"#
            ),
            price, size
        ));
        assert!(read.batch.is_empty() && read.batch.levels.is_empty());
        (read.outcome, read.batch.suspect())
    };
    let eth = Some(InstrumentId(5));
    assert_eq!(book("1", "-1"), (Err(Rejected::Number), eth));
    assert_eq!(book("1234567890.1234567890", "1"), (Err(Rejected::Digits), eth));
    let no_data = r#"{"topic":"orderbook.50.ETHUSDT","type":"delta","ts":1}"#;
    assert_eq!(read(no_data).outcome, Err(Rejected::Foreign));
    assert_eq!(read("{").outcome, Err(Rejected::NotJson));
}

#[test]
fn a_change_that_names_two_books_costs_both_their_trust() {
    let lost = |own: &str| {
        let read = read(&format!(
            concat!(
                r#"{{"topic":"orderbook.50.ETHUSDT","type":"delta","ts":1680652808085,"data":{{"#,
                r#""s":"{}","b":[["1","2"]],"a":[],"u":7,"seq":1}}}}"#
            ),
            own
        ));
        assert_eq!(read.outcome, Err(Rejected::Contradiction), "{own}");
        assert_eq!(read.batch.losses.iter().map(|loss| loss.count).sum::<u32>(), 1, "{own}");
        read.batch.losses.iter().filter_map(|loss| loss.instrument).collect::<Vec<_>>()
    };
    assert_eq!(lost("BTCUSDT"), [InstrumentId(5), InstrumentId(0)]);
    assert_eq!(lost("NOBODYUSDT"), [InstrumentId(5)], "the topic is one of ours");
}

#[test]
fn keys_in_any_order_mean_the_same() {
    let recognised = concat!(
        r#"{"topic":"orderbook.50.BTCUSDT","ts":1680652808065,"type":"delta","data":{"#,
        r#""s":"BTCUSDT","b":[["1","2"]],"a":[["3","4"]],"u":5,"seq":6}}"#
    );
    let turned = concat!(
        r#"{"data":{"seq":6,"u":5,"a":[["3","4"]],"b":[["1","2"]],"s":"BTCUSDT","x":null}, "#,
        r#""type":"delta","ts":"1680652808065","topic":"orderbook.50.BTCUSDT"}"#
    );
    let (recognised, turned) = (read(recognised), read(turned));
    assert_eq!((recognised.outcome, turned.outcome), (RECOGNISED, GENERAL));
    assert_eq!(recognised.batch.levels[0].price, turned.batch.levels[0].price);
    assert_eq!(recognised.batch.books[0].last_id, turned.batch.books[0].last_id);
    assert_eq!(recognised.batch.books[0].exchange_time, turned.batch.books[0].exchange_time);
}
