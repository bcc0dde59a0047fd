//! What each kind of frame comes to, in the shapes that Binance sends. Frames were on the wire or
//! stand in its documentation.

use super::*;
use crate::clock::UnixNanos;
use crate::exchange::testing::{GENERAL, RECOGNISED, Read, carrying, decimal, read_by};
use crate::exchange::{BookKind, Exchange, Marked, TradeMark};
use crate::instrument::InstrumentId;
use crate::tick::{Interval, Quote, Side, Ticker, Trade, TradeId};

const SYMBOLS: [&str; 9] = [
    "BNBBTC",
    "NKNUSDT",
    "BTCUSDT",
    "DOGEBNB",
    "SUSHIUSDT",
    "CTKUSDT",
    "BNBUSDT",
    "BTCUSD_PERP",
    "LUNAUSDT",
];

fn adapter(exchange: ExchangeId) -> Binance {
    carrying(Binance::new(exchange), &SYMBOLS)
}

fn spot(text: &str) -> Read {
    read_by(&mut adapter(ExchangeId::Binance), text)
}

fn futures(text: &str) -> Read {
    read_by(&mut adapter(ExchangeId::BinanceFutures), text)
}

#[test]
fn a_spot_trade_of_a_maker_who_bought_is_a_sale() {
    let read = spot(concat!(
        r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1783465157897,"s":"BTCUSDT","#,
        r#""t":6486989273,"p":"63551.02000000","q":"0.00317000","T":1783465157890,"m":true,"M":true}}"#
    ));
    assert_eq!(read.outcome, RECOGNISED);
    let trade = Trade {
        taker: Side::Ask,
        price: decimal("63551.02000000"),
        size: decimal("0.00317000"),
        id: TradeId::Number(6_486_989_273),
    };
    assert_eq!(read.trade(), trade);
    assert_eq!(read.batch.ticks[0].sequence, Some(6_486_989_273));
    assert_eq!(read.time(), UnixNanos::from_millis(1_783_465_157_890));
    assert_eq!(read.native_of(&SYMBOLS), "BTCUSDT");
}

#[test]
fn a_change_that_names_two_books_costs_both_their_trust() {
    let read = spot(concat!(
        r#"{"stream":"bnbbtc@depth@100ms","data":{"e":"depthUpdate","E":1783465157897,"#,
        r#""s":"BTCUSDT","U":1,"u":2,"b":[["1","2"]],"a":[]}}"#
    ));
    assert_eq!(read.outcome, Err(Rejected::Contradiction));
    assert_eq!(read.batch.losses.iter().map(|loss| loss.count).sum::<u32>(), 1);
    let suspects: Vec<_> = read.batch.losses.iter().filter_map(|loss| loss.instrument).collect();
    assert_eq!(suspects, [InstrumentId(0), InstrumentId(2)]);
}

#[test]
fn trades_of_every_age_and_market_are_recognised() {
    let old = spot(concat!(
        r#"{"stream":"bnbbtc@trade","data":{"e":"trade","E":1554076800945,"s":"BNBBTC","#,
        r#""t":40756030,"p":"0.00426990","q":"33.82000000","b":133829535,"a":133829504,"#,
        r#""T":1554076800940,"m":false,"M":true}}"#
    ));
    assert_eq!((old.outcome.clone(), old.trade().taker), (RECOGNISED, Side::Bid));
    let raw = spot(concat!(
        r#"{"e":"trade","E":1672515782136,"s":"BNBBTC","t":12345,"p":"0.001","q":"100","#,
        r#""T":1672515782136,"m":true,"M":true}"#
    ));
    assert_eq!((raw.outcome.clone(), raw.trade().size), (RECOGNISED, decimal("100")));
    let contract = futures(concat!(
        r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1596240000596,"T":1596240000519,"#,
        r#""s":"BTCUSDT","t":173525189,"p":"11343.67","q":"0.467","X":"MARKET","m":true}}"#
    ));
    assert_eq!(contract.outcome, RECOGNISED);
    assert_eq!(contract.time(), UnixNanos::from_millis(1_596_240_000_519));
}

#[test]
fn fills_of_the_insurance_fund_are_no_trades() {
    let frame = |order: &str| {
        format!(
            "{}{order}{}",
            r#"{"e":"trade","E":1700000000001,"T":1700000000001,"s":"BTCUSDT","t":1,"p":"1.0","q":"1","X":"#,
            r#","m":true}"#
        )
    };
    for order in [r#""INSURANCE_FUND""#, r#""ADL""#, r#""NA""#] {
        let read = futures(&frame(order));
        assert_eq!(read.outcome, Ok(Frame::Other));
        assert!(read.batch.is_empty());
        let marked = Marked::NoTrade(UnixNanos::from_millis(1_700_000_000_001));
        let heard = TradeMark { instrument: InstrumentId(2), last_id: 1, marked };
        assert_eq!(read.batch.trade_marks, [heard]);
    }
    assert_eq!(futures(&frame(r#""MARKET""#)).outcome, RECOGNISED);
    assert_eq!(futures(&frame("7")).outcome, Err(Rejected::Field));
}

#[test]
fn aggregates_of_both_markets_are_recognised() {
    let read = spot(concat!(
        r#"{"stream":"nknusdt@aggTrade","data":{"e":"aggTrade","E":1633998523963,"s":"NKNUSDT","#,
        r#""a":15683430,"p":"0.35280000","q":"58.00000000","f":19862790,"l":19862790,"#,
        r#""T":1633998523963,"m":false,"M":true}}"#
    ));
    assert_eq!(read.outcome, RECOGNISED);
    assert_eq!(read.trade().id, TradeId::Number(15_683_430));
    let read = futures(concat!(
        r#"{"stream":"ctkusdt@aggTrade","data":{"e":"aggTrade","E":1626992741575,"a":16599292,"#,
        r#""s":"CTKUSDT","p":"1.01100","q":"10","f":23961322,"l":23961322,"T":1626992741421,"#,
        r#""m":false}}"#
    ));
    assert_eq!(read.outcome, RECOGNISED);
    let current = futures(concat!(
        r#"{"e":"aggTrade","E":123456789,"a":5933014,"s":"BTCUSDT","p":"0.001","q":"100","#,
        r#""nq":"90","f":100,"l":105,"T":123456785,"m":true,"st":1}"#
    ));
    assert_eq!((current.outcome.clone(), current.trade().size), (RECOGNISED, decimal("100")));
}

#[test]
fn best_prices_are_read_with_and_without_name_and_times() {
    let read = spot(concat!(
        r#"{"stream":"nknusdt@bookTicker","data":{"u":499869768,"s":"NKNUSDT","b":"0.35210000","#,
        r#""B":"672.00000000","a":"0.35260000","A":"3199.00000000"}}"#
    ));
    assert_eq!(read.outcome, RECOGNISED);
    let quote = Quote {
        bid: Some(decimal("0.35210000")),
        bid_size: Some(decimal("672.00000000")),
        ask: Some(decimal("0.35260000")),
        ask_size: Some(decimal("3199.00000000")),
    };
    assert_eq!(read.quote(), quote);
    assert_eq!(read.batch.ticks[0].sequence, Some(499_869_768));
    assert_eq!(read.time(), UnixNanos::NONE);

    for text in [
        concat!(
            r#"{"stream":"sushiusdt@bookTicker","data":{"e":"bookTicker","u":600859600576,"#,
            r#""s":"SUSHIUSDT","b":"7.6110","B":"2","a":"7.6120","A":"297","T":1568014460891,"#,
            r#""E":1568014460893}}"#
        ),
        concat!(
            r#"{"e":"bookTicker","u":400900217,"E":1568014460893,"T":1568014460891,"#,
            r#""s":"BNBUSDT","b":"25.35190000","B":"31.21000000","a":"25.36520000","#,
            r#""A":"40.66000000","st":1,"ps":"BNBUSDT"}"#
        ),
        concat!(
            r#"{"e":"bookTicker","u":17242169,"s":"BTCUSD_PERP","ps":"BTCUSD","b":"9548.1","#,
            r#""B":"52","a":"9548.5","A":"11","T":1568014460891,"E":1568014460893}"#
        ),
    ] {
        let read = futures(text);
        assert_eq!(read.outcome, RECOGNISED, "{text}");
        assert_eq!(read.time(), UnixNanos::from_millis(1_568_014_460_891));
    }
}

#[test]
fn a_side_without_orders_has_no_quote() {
    let read = spot(r#"{"u":7,"s":"BNBBTC","b":"0.00000000","B":"0.00000000","a":"0.5","A":"1"}"#);
    assert_eq!(read.outcome, RECOGNISED);
    assert_eq!((read.quote().bid, read.quote().bid_size), (None, None));
    assert_eq!(read.quote().ask, Some(decimal("0.5")));
}

#[test]
fn a_book_delta_keeps_its_ids_and_levels() {
    let read = spot(concat!(
        r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1787650848814,"#,
        r#""s":"BTCUSDT","U":99118577105,"u":99118577108,"b":[["79831.52000000","0.00000000"],"#,
        r#"["79828.15000000","0.02497000"]],"a":[["79870.33000000","0.00000000"]]}}"#
    ));
    assert_eq!(read.outcome, RECOGNISED);
    let book = &read.batch.books[0];
    assert_eq!(book.kind, BookKind::Delta);
    assert_eq!((book.first_id, book.last_id), (Some(99_118_577_105), Some(99_118_577_108)));
    assert_eq!(book.previous_id, None);
    assert_eq!(book.exchange_time, UnixNanos::from_millis(1_787_650_848_814));
    let levels = read.batch.levels_of(book);
    assert_eq!(levels.len(), 3);
    assert_eq!((levels[1].side, levels[2].side), (Side::Bid, Side::Ask));
    assert_eq!(levels[2].price, decimal("79870.33000000"));
    assert!(levels[2].size.is_zero());
}

#[test]
fn futures_deltas_state_their_predecessor() {
    for text in [
        concat!(
            r#"{"stream":"sushiusdt@depth@0ms","data":{"e":"depthUpdate","E":1626992741037,"#,
            r#""T":1626992741024,"s":"SUSHIUSDT","U":600859599090,"u":600859600917,"pu":149,"#,
            r#""b":[],"a":[["7.6150","1563"]]}}"#
        ),
        concat!(
            r#"{"e":"depthUpdate","E":123456789,"T":1626992741024,"s":"BTCUSDT","ps":"BTCUSDT","#,
            r#""st":1,"U":157,"u":160,"pu":149,"b":[["0.0024","10"]],"a":[]}"#
        ),
    ] {
        let read = futures(text);
        assert_eq!(read.outcome, RECOGNISED, "{text}");
        let book = &read.batch.books[0];
        assert_eq!(book.previous_id, Some(149));
        assert_eq!(book.exchange_time, UnixNanos::from_millis(1_626_992_741_024));
        assert_eq!(read.batch.levels_of(book).len(), 1);
    }
    let without = r#"{"e":"depthUpdate","E":1,"T":1,"s":"BTCUSDT","U":1,"u":1,"b":[],"a":[]}"#;
    assert_eq!(futures(without).outcome, Err(Rejected::Field));
    assert_eq!(spot(without).outcome, RECOGNISED);
}

#[test]
fn partial_books_are_not_taken_for_deltas() {
    let levels = r#""b":[["1","1"]],"a":[]"#;
    let futures_frame = format!(
        "{}{levels}}}}}",
        concat!(
            r#"{"stream":"btcusdt@depth20@100ms","data":{"e":"depthUpdate","E":1,"T":1,"#,
            r#""s":"BTCUSDT","U":1,"u":2,"pu":0,"#
        )
    );
    assert_eq!(futures(&futures_frame).outcome, Ok(Frame::Other));
    let inner = r#"{"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[["0.0026","100"]]}"#;
    assert_eq!(spot(inner).outcome, Ok(Frame::Other));
    let wrapped = format!(r#"{{"stream":"btcusdt@depth5","data":{inner}}}"#);
    assert_eq!(spot(&wrapped).outcome, Ok(Frame::Other));
}

#[test]
fn a_spot_ticker_states_everything() {
    let read = spot(concat!(
        r#"{"stream":"dogebnb@ticker","data":{"e":"24hrTicker","E":1569805259092,"s":"DOGEBNB","#,
        r#""p":"-0.00000291","P":"2.068","w":"0.00014188","x":"0.00014069","c":"0.00014360","#,
        r#""Q":"51135.00000000","b":"0.00014365","B":"7080.00000000","a":"0.00014498","#,
        r#""A":"275033.00000000","o":"0.00014069","h":"0.00014550","l":"0.00013851","#,
        r#""v":"123456789012345.00000000","q":"2839.62578157","O":1569718859088,"#,
        r#""C":1569805259088,"F":-1,"L":-1,"n":514}}"#
    ));
    assert_eq!(read.outcome, GENERAL);
    let mut ticker = Ticker::default();
    let whole: Vec<_> =
        read.batch.ticks.iter().map(|tick| ticker.absorb(&tick.tick.body)).collect();
    assert_eq!(whole, [false, false, true]);
    assert_eq!(ticker.last, Some(decimal("0.00014360")));
    assert_eq!(ticker.open, Some(decimal("0.00014069")));
    assert_eq!(
        (ticker.bid, ticker.ask),
        (Some(decimal("0.00014365")), Some(decimal("0.00014498")))
    );
    assert_eq!(ticker.change, Some(decimal("-0.00000291")));
    let volume = ticker.volume.expect("stated").to_string();
    assert_eq!(volume, "123456789012345.00000000");
    assert_eq!(ticker.quote_volume.expect("stated").to_string(), "2839.62578157");
}

#[test]
fn a_futures_ticker_has_no_best_prices() {
    let text = concat!(
        r#"{"e":"24hrTicker","E":1672515782136,"s":"BTCUSDT","p":"-131.40000000","P":"-0.786","#,
        r#""w":"16628.97377498","c":"16584.60000000","Q":"0.002","o":"16716.00000000","#,
        r#""h":"16764.89000000","l":"16456.51000000","v":"122474.816","q":"2036102085.69746400","#,
        r#""O":1672429382136,"C":1672515782136,"F":2289691,"L":2432543,"n":142853,"st":1}"#
    );
    let mut ticker = Ticker::default();
    let read = futures(text);
    for tick in &read.batch.ticks {
        ticker.absorb(&tick.tick.body);
    }
    assert_eq!((ticker.bid, ticker.ask), (None, None));
    assert_eq!(ticker.last, Some(decimal("16584.60000000")));
    // The list of all tickers holds some that are not ours.
    let list = format!("[{text},{}]", text.replace("BTCUSDT", "FOO"));
    let read = futures(&list);
    assert_eq!((read.outcome.clone(), read.batch.ticks.len()), (GENERAL, 3));
    let read = futures(&list.replace("BTCUSDT", "BAR"));
    assert_eq!((read.outcome.clone(), read.batch.ticks.len()), (Ok(Frame::Other), 0));
}

#[test]
fn a_candle_says_whether_it_is_final() {
    let text = concat!(
        r#"{"stream":"nknusdt@kline_1m","data":{"e":"kline","E":1633998523963,"s":"NKNUSDT","#,
        r#""k":{"t":1633998480000,"T":1633998539999,"s":"NKNUSDT","i":"1m","f":19862761,"#,
        r#""L":19862790,"o":"0.35270000","c":"0.35280000","h":"0.35290000","l":"0.35220000","#,
        r#""v":"25877.00000000","n":30,"x":false,"q":"9116.04600000","V":"58.00000000","#,
        r#""Q":"20.46240000","B":"0"}}}"#
    );
    let candle = |text: &str| {
        let read = spot(text);
        assert_eq!(read.outcome, GENERAL, "{text}");
        read.candle()
    };
    let open = candle(text);
    assert_eq!(open.interval, Interval::Minute1);
    assert_eq!(open.open_time, UnixNanos::from_millis(1_633_998_480_000));
    assert_eq!((open.open, open.high), (decimal("0.35270000"), decimal("0.35290000")));
    assert_eq!((open.low, open.close), (decimal("0.35220000"), decimal("0.35280000")));
    assert_eq!((open.trades, open.closed), (Some(30), false));
    assert!(candle(&text.replace(r#""x":false"#, r#""x":true"#)).closed);
    // Intervals that we do not carry, and bars of another time zone.
    assert_eq!(spot(&text.replace("1m", "3m")).outcome, Ok(Frame::Other));
    assert_eq!(spot(&text.replace("1633998480000", "1633998480001")).outcome, Ok(Frame::Other));
}

#[test]
fn answers_and_notices_are_told_apart() {
    for (text, outcome) in [
        (r#"{"result":null,"id":1}"#, Ok(Frame::Ack { id: Some(1), stream: None })),
        (r#"{"result":["btcusdt@aggTrade"],"id":3}"#, Ok(Frame::Ack { id: Some(3), stream: None })),
        (r#"{"result":true,"id":"a7"}"#, Ok(Frame::Ack { id: None, stream: None })),
        (r#"{"e":"serverShutdown","E":1770123456789}"#, Ok(Frame::Shutdown)),
        (
            r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}"#,
            Ok(Frame::Shutdown),
        ),
        (r#"{"e":"avgPrice","E":1,"s":"BTCUSDT","i":"5m","w":"1","T":1}"#, Ok(Frame::Other)),
        (
            r#"{"stream":"!miniTicker@arr","data":[{"e":"24hrMiniTicker","E":1,"s":"BTCUSDT"}]}"#,
            Ok(Frame::Other),
        ),
        (r#"{"e":"forceOrder","E":1,"o":{"s":"BTCUSDT","S":"BUY"}}"#, Ok(Frame::Other)),
    ] {
        assert_eq!(spot(text).outcome, outcome, "{text}");
        assert_eq!(futures(text).outcome, outcome, "{text}");
    }
}

#[test]
fn refusals_come_in_two_forms() {
    let flat = r#"{"code":2,"msg":"Invalid request: unknown variant"}"#;
    let wrapped = r#"{"error":{"code":4,"msg":"Too many subscriptions"},"id":9}"#;
    let words = |outcome: Result<Frame, Rejected>| match outcome {
        Ok(Frame::Error { id, text, .. }) => (id, text.to_string()),
        other => panic!("{other:?}"),
    };
    assert_eq!(words(spot(flat).outcome), (None, "Invalid request: unknown variant".to_owned()));
    let refused = (Some(9), "Too many subscriptions".to_owned());
    assert_eq!(words(futures(wrapped).outcome), refused);
    let long = format!(r#"{{"code":-1,"msg":"{}"}}"#, "é".repeat(200));
    assert_eq!(words(spot(&long).outcome).1, "é".repeat(96));
}

#[test]
fn what_is_no_frame_of_binance_is_refused() {
    for text in [
        "{}",
        "[]",
        "[1]",
        "7",
        "null",
        "\"x\"",
        r#"{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD"}]}"#,
        r#"{"method":"subscribe","result":{"channel":"book"},"success":true,"id":1}"#,
        r#"{"event":"error","msg":"Invalid request","code":"60012"}"#,
        r#"{"topic":"publicTrade.BTCUSDT","data":[{"s":"BTCUSDT","p":"1"}]}"#,
        r#"{"stream":7,"data":{}}"#,
        r#"{"stream":"x","data":7}"#,
        r#"{"error":"Currency pair not supported","method":"subscribe","success":false}"#,
    ] {
        assert_eq!(spot(text).outcome, Err(Rejected::Foreign), "{text}");
    }
    for text in ["", " ", "ping", "{", r#"{"e":"trade""#, "\u{0}", r#"{"a":01}"#] {
        assert_eq!(spot(text).outcome, Err(Rejected::NotJson), "{text:?}");
    }
}

#[test]
fn a_bad_field_costs_its_frame_alone() {
    let trade = r#"{"e":"trade","E":1,"s":"BTCUSDT","t":1,"p":"1.5","q":"2","T":1,"m":true}"#;
    assert_eq!(spot(trade).outcome, RECOGNISED);
    for (from, to, reason) in [
        (r#""p":"1.5""#, r#""p":[1.5]"#, Rejected::Field),
        (r#""p":"1.5","#, "", Rejected::Field),
        (r#""t":1"#, r#""t":[1]"#, Rejected::Field),
        (r#""t":1,"#, "", Rejected::Field),
        (r#""m":true"#, r#""m":1"#, Rejected::Field),
        (r#""s":"BTCUSDT""#, r#""s":7"#, Rejected::Field),
        (r#""q":"2""#, r#""q":"""#, Rejected::Number),
        (r#""q":"2""#, r#""q":"-2""#, Rejected::Number),
        (r#""q":"2""#, r#""q":-2"#, Rejected::Number),
        (r#""T":1"#, r#""T":"-1""#, Rejected::Field),
        (r#""q":"2""#, r#""q":"two""#, Rejected::Number),
        (r#""q":"2""#, r#""q":"46116860414.00000000""#, Rejected::Digits),
    ] {
        let read = spot(&trade.replace(from, to));
        assert_eq!(read.outcome, Err(reason), "{to}");
        assert!(read.batch.is_empty());
    }
    assert_eq!(spot(&trade.replace("BTCUSDT", "FOO")).outcome, Ok(Frame::Other));
    let exponent = spot(&trade.replace("1.5", "1.5e-3"));
    assert_eq!((exponent.outcome.clone(), exponent.trade().price), (GENERAL, decimal("0.0015")));
    let depth =
        r#"{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":1,"b":[["1","1"],["1"]],"a":[]}"#;
    let read = spot(depth);
    assert_eq!((read.outcome.clone(), read.batch.levels.len()), (Err(Rejected::Field), 0));
}

#[test]
fn times_are_read_in_the_unit_that_was_asked_for() {
    let text =
        r#"{"e":"trade","E":1,"s":"BTCUSDT","t":1,"p":"1","q":"2","T":1672515782136001,"m":true}"#;
    let mut adapter = adapter(ExchangeId::Binance).with_time_unit(TimeUnit::Microsecond);
    let read = read_by(&mut adapter, text);
    assert_eq!(read.time(), UnixNanos::from_micros(1_672_515_782_136_001));
}

#[test]
fn a_time_in_another_unit_than_the_connection_s_is_refused() {
    let micros = "1672515782136001";
    let frames = [
        r#"{"e":"trade","E":TIME,"s":"BTCUSDT","t":1,"p":"1","q":"2","T":TIME,"m":true}"#,
        r#"{"e":"aggTrade","E":TIME,"s":"BTCUSDT","a":1,"p":"1","q":"2","f":1,"l":1,"T":TIME,"m":true}"#,
        r#"{"e":"depthUpdate","E":TIME,"s":"BTCUSDT","U":1,"u":1,"b":[["1","1"]],"a":[]}"#,
        r#"{"e":"bookTicker","u":1,"s":"BTCUSDT","b":"1","B":"1","a":"2","A":"1","T":TIME,"E":TIME}"#,
        r#"{"e":"kline","E":TIME,"s":"BTCUSDT","k":{"t":TIME,"i":"1m","o":"1","c":"1","h":"1","l":"1","v":"1","n":1,"x":false}}"#,
    ];
    for frame in frames {
        let read = spot(&frame.replace("TIME", micros));
        assert_eq!(read.outcome, Err(Rejected::Date), "{frame}");
        assert!(read.batch.is_empty() && read.batch.losses.len() == 1, "{frame}");
        let mut micros = adapter(ExchangeId::Binance).with_time_unit(TimeUnit::Microsecond);
        let read = read_by(&mut micros, &frame.replace("TIME", "1672515782136"));
        assert_eq!(read.outcome, Err(Rejected::Date), "{frame}");
    }
}

#[test]
fn long_sizes_are_recognised_to_18_digits() {
    let text = concat!(
        r#"{"u":7,"s":"LUNAUSDT","b":"0.00000638","B":"9999999999.12345678","#,
        r#""a":"0.00000639","A":"22000000.00000000"}"#
    );
    let read = spot(text);
    assert_eq!(read.outcome, RECOGNISED);
    assert_eq!(read.quote().bid_size, Some(decimal("9999999999.12345678")));
    assert_eq!(read.quote().ask_size, Some(decimal("22000000.00000000")));
}

#[test]
fn a_frame_names_its_symbols() {
    let symbols = |text: &str| {
        let mut found = Vec::new();
        adapter(ExchangeId::Binance).symbols_in(text.as_bytes(), &mut |symbol| {
            found.push(symbol.to_owned());
        });
        found
    };
    assert_eq!(symbols(r#"{"stream":"x@trade","data":{"e":"trade","s":"FOO"}}"#), ["FOO"]);
    assert_eq!(symbols(r#"{"u":1,"s":"BAR"}"#), ["BAR"]);
    assert_eq!(symbols(r#"{"stream":"btcusdt@depth20","data":{"bids":[]}}"#), ["BTCUSDT"]);
    assert_eq!(symbols(r#"[{"s":"A"},{"s":"B"},7]"#), ["A", "B"]);
    for nothing in ["", "7", r#"{"result":null,"id":1}"#, r#"{"stream":"!x@arr","data":[]}"#] {
        assert!(symbols(nothing).is_empty(), "{nothing}");
    }
}
