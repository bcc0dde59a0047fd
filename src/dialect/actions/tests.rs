//! Requests and messages of dialect 1 against the protocol's own words.

use std::num::NonZeroU32;

use arrayvec::ArrayString;
use proptest::prelude::*;
use serde_json::value::RawValue;

use super::{Actions, label, push_bare};
use crate::book::{Book, BookKind};
use crate::cache::{
    BookEvent, BookLevels, BookStatus, Event, EventBody, FeedStatus, Gap, Stamp, Stream,
};
use crate::clock::UnixNanos;
use crate::dialect::{
    Answer, Asked, BadRequest, Catalogue, Changed, Delivery, Dialect, Dialects, Door, ErrorCode,
    Incoming, Name, Naming, Offer, Past, Re, Refusal, Request, RequestId, ResumePoint, Speech,
    SubscriptionLine, Telling, Wish,
};
use crate::instrument::{Channel, ExchangeId, Instrument, InstrumentId, Symbol};
use crate::tick::{
    BookState, Candle, Decimal, FeedState, Interval, Level, MANTISSA_MAX, Quote, Reason, Side,
    Ticker, Trade, TradeId, WideDecimal,
};

const DATE: UnixNanos = UnixNanos(1_700_000_000_125_999_999);
const STAMP: Stamp = Stamp {
    exchange_time: UnixNanos(1_700_000_000_123_000_000),
    received: UnixNanos(1_700_000_000_125_123_456),
};

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text.as_bytes()).expect(text)
}

fn instrument() -> Instrument {
    Instrument {
        exchange: ExchangeId::Binance,
        symbol: Symbol::parse("BTC/USDT").expect("valid"),
        native: ArrayString::from("BTCUSDT").expect("short"),
        tick_size: Some(decimal("0.01")),
        lot_size: None,
    }
}

fn trade() -> Trade {
    Trade {
        taker: Side::Bid,
        price: decimal("65000.10"),
        size: decimal("0.015"),
        id: TradeId::Number(123),
    }
}

const LIVE: Telling = Telling::live(DATE);

fn told(body: EventBody<'_>, seq: u64, stamp: Stamp, telling: Telling) -> String {
    let mut out = Vec::new();
    let event = Event { instrument: InstrumentId(0), seq, stamp, body };
    assert!(Actions.tell(&mut out, Some(&label(&instrument())), &event, telling));
    String::from_utf8(out).expect("text")
}

fn answer(answer: Answer<'_>, request_id: Option<&RequestId>) -> String {
    let mut out = Vec::new();
    assert!(Actions.answer(&mut out, &answer, Re { request_id, date: DATE }));
    let text = String::from_utf8(out).expect("text");
    serde_json::from_str::<serde_json::Value>(&text).expect("JSON");
    text
}

/// As a client at `/` is read.
fn heard(text: &str) -> (Dialect, Asked) {
    let dialects = Dialects::at(&Door { path: "/" }).expect("clients come in there");
    dialects.read(&Incoming::text(text.as_bytes()))
}

fn asked(text: &str) -> Asked {
    let (dialect, asked) = heard(text);
    assert_eq!(dialect, Dialect::Actions, "{text}");
    asked
}

fn refusal(text: &str) -> BadRequest {
    asked(text).request.expect_err(text)
}

#[test]
fn every_request_that_the_protocol_shows_is_read_and_every_bound_is_stated() {
    let text = include_str!("../../../docs/PROTOCOL.md");
    let mut actions = std::collections::BTreeSet::new();
    for line in text.lines().filter(|line| line.starts_with("{\"action\":")) {
        let fields: serde_json::Value = serde_json::from_str(line).expect(line);
        let action = fields["action"].as_str().expect("a text").to_owned();
        match asked(line).request {
            Ok(_) => {}
            Err(BadRequest::Forbidden { .. }) if action == "publish" => {}
            Err(error) => panic!("{error}: {line}"),
        }
        actions.insert(action);
    }
    let known = "subscribe, unsubscribe, ping, subscriptions, history, instruments, publish";
    let BadRequest::UnknownAction { known: read, .. } = refusal(r#"{"action":"x"}"#) else {
        panic!("another refusal");
    };
    assert_eq!(read, known);
    assert_eq!(actions, known.split(", ").map(str::to_owned).collect());
    for line in text.lines().filter(|line| line.starts_with("{\"type\":\"command\"")) {
        let (dialect, asked) = heard(line);
        assert_eq!(dialect, Dialect::Commands, "{line}");
        assert!(asked.request.is_ok(), "{line}");
    }
    for words in
        ["1 to 1000; without it the whole book", "with N from 1 to 1000", "\"channels\":[]"]
    {
        assert!(text.contains(words), "{words}");
    }
    assert!(asked(r#"{"action":"subscribe","symbols":["A/B"],"depth":1000}"#).request.is_ok());
    assert!(asked(r#"{"action":"subscribe","symbols":["A/B"],"depth":1001}"#).request.is_err());
}

#[test]
fn a_trade_reads_as_the_protocol_writes_it() {
    let text = told(EventBody::Trade(trade()), 42, STAMP, LIVE);
    assert_eq!(
        text,
        r#"{"type":"trade","data":{"symbol":"BTC/USDT","exchange":"binance","price":65000.10,"volume":0.015,"side":"buy","tradeId":"123","timestamp":1700000000123,"exchangeTs":1700000000123000000,"receiveTs":1700000000125123456},"seq":42,"timestamp":1700000000125}"#
    );
}

#[test]
fn a_trade_without_a_date_or_side_says_so() {
    let stamp = Stamp { exchange_time: UnixNanos::NONE, ..STAMP };
    let trade = Trade { taker: Side::None, id: TradeId::Uuid(1), ..trade() };
    let telling = Telling { date: DATE, is_snapshot: true, conflated: 3 };
    assert_eq!(
        told(EventBody::Trade(trade), 42, stamp, telling),
        r#"{"type":"trade","data":{"symbol":"BTC/USDT","exchange":"binance","price":65000.10,"volume":0.015,"side":null,"tradeId":"00000000-0000-0000-0000-000000000001","timestamp":1700000000125,"receiveTs":1700000000125123456,"snapshot":true},"seq":42,"conflated":3,"timestamp":1700000000125}"#
    );
}

#[test]
fn decode_gets_neither_number_nor_our_date() {
    let (mut out, body) = (Vec::new(), EventBody::Trade(trade()));
    let event = Event { instrument: InstrumentId(0), seq: 42, stamp: STAMP, body };
    push_bare(&mut out, Some(&label(&instrument())), &event);
    assert!(out.ends_with(br#""receiveTs":1700000000125123456}}"#));
}

#[test]
fn quotes_and_tickers_state_what_is_absent_as_null() {
    let quote = Quote {
        bid: Some(decimal("65000.00")),
        bid_size: Some(decimal("1.2")),
        ask: None,
        ask_size: None,
    };
    assert_eq!(
        told(EventBody::Quote(quote), 9, STAMP, LIVE),
        r#"{"type":"quote","data":{"symbol":"BTC/USDT","exchange":"binance","bid":65000.00,"bidSize":1.2,"ask":null,"askSize":null,"timestamp":1700000000123},"seq":9,"timestamp":1700000000125}"#
    );
    let ticker = Ticker {
        last: Some(decimal("65000.10")),
        open: Some(decimal("64000.00")),
        high: Some(decimal("65500.00")),
        low: Some(decimal("63800.00")),
        bid: Some(decimal("65000.00")),
        ask: None,
        change: Some(decimal("-1000.10")),
        change_percent: Some(decimal("1.56")),
        volume: WideDecimal::parse(b"12345.6").ok(),
        quote_volume: WideDecimal::parse(b"123456789012345678901.25").ok(),
    };
    assert_eq!(
        told(EventBody::Ticker(&ticker), 3, STAMP, LIVE),
        r#"{"type":"ticker","data":{"symbol":"BTC/USDT","exchange":"binance","last":65000.10,"bid":65000.00,"ask":null,"open":64000.00,"high":65500.00,"low":63800.00,"volume":12345.6,"quoteVolume":123456789012345678901.25,"change":-1000.10,"changePercent":1.56,"timestamp":1700000000123},"seq":3,"timestamp":1700000000125}"#
    );
}

#[test]
fn a_book_is_told_whole_and_by_change() {
    let level = |side, price, size| Level { side, price: decimal(price), size: decimal(size) };
    let mut book = Book::new();
    book.apply(level(Side::Bid, "64999.90", "2"));
    book.apply(level(Side::Bid, "65000.00", "1.2"));
    book.apply(level(Side::Ask, "65000.10", "0.4"));
    let snapshot = BookEvent {
        kind: BookKind::Snapshot,
        depth: Some(1),
        conflated: 0,
        levels: BookLevels::Best(&book, 1),
    };
    assert_eq!(
        told(EventBody::Book(snapshot), 1, STAMP, LIVE),
        r#"{"type":"orderbook","data":{"symbol":"BTC/USDT","exchange":"binance","kind":"snapshot","bids":[[65000.00,1.2]],"asks":[[65000.10,0.4]],"timestamp":1700000000123},"seq":1,"timestamp":1700000000125}"#
    );
    let changes = [
        level(Side::Bid, "64999.90", "0"),
        level(Side::Ask, "7", "1"),
        level(Side::Bid, "5", "0.50"),
    ];
    let delta = BookEvent {
        kind: BookKind::Delta,
        depth: None,
        conflated: 2,
        levels: BookLevels::Listed(&changes),
    };
    assert_eq!(
        told(EventBody::Book(delta), 4, STAMP, LIVE),
        r#"{"type":"orderbook","data":{"symbol":"BTC/USDT","exchange":"binance","kind":"update","bids":[[64999.90,0],[5,0.50]],"asks":[[7,1]],"timestamp":1700000000123},"seq":4,"conflated":2,"timestamp":1700000000125}"#
    );
}

#[test]
fn a_candle_reads_as_the_protocol_writes_it() {
    let open_time = UnixNanos::from_millis(1_700_000_000_000);
    let prices = ["1", "2", "1", "2"].map(decimal);
    let bare = Candle::of(Interval::Minute1, open_time, prices);
    let candle = Candle { trades: Some(4), ..bare };
    let candle = candle.with_volume(WideDecimal::parse(b"3").expect("valid"));
    assert_eq!(
        told(EventBody::Candle(&candle), 5, STAMP, LIVE),
        r#"{"type":"candle","data":{"symbol":"BTC/USDT","exchange":"binance","interval":"1m","openTime":1700000000000,"open":1,"high":2,"low":1,"close":2,"volume":3,"trades":4,"closed":false},"seq":5,"timestamp":1700000000125}"#
    );
    // What the exchange does not state, and what was not seen whole.
    let bare = Candle { closed: true, partial: true, ..bare };
    assert_eq!(
        told(EventBody::Candle(&bare), 6, STAMP, LIVE),
        r#"{"type":"candle","data":{"symbol":"BTC/USDT","exchange":"binance","interval":"1m","openTime":1700000000000,"open":1,"high":2,"low":1,"close":2,"volume":null,"trades":null,"closed":true,"partial":true},"seq":6,"timestamp":1700000000125}"#
    );
}

#[test]
fn states_and_gaps_read_as_the_protocol_writes_them() {
    let feed = FeedStatus {
        exchange: ExchangeId::Binance,
        line: 0,
        state: FeedState::Reconnecting,
        reason: Reason::Reset,
        attempt: 2,
        since: STAMP.received,
    };
    assert_eq!(
        told(EventBody::FeedState(feed), 0, STAMP, LIVE),
        r#"{"type":"status","data":{"exchange":"binance","state":"reconnecting","attempt":2,"reason":"connection reset"},"timestamp":1700000000125}"#
    );
    let book = BookStatus {
        state: BookState::Resyncing,
        reason: Reason::Checksum,
        since: UnixNanos::from_millis(1_700_000_000_120),
    };
    assert_eq!(
        told(EventBody::BookState(book), 0, STAMP, LIVE),
        r#"{"type":"status","data":{"exchange":"binance","symbol":"BTC/USDT","channel":"orderbook","state":"resyncing","reason":"checksum","since":1700000000120},"timestamp":1700000000125}"#
    );
    let gap = Gap { stream: Stream::Trades, from_seq: 43, to_seq: 57, reason: Reason::Stall };
    assert_eq!(
        told(EventBody::Gap(gap), 0, STAMP, LIVE),
        r#"{"type":"gap","data":{"symbol":"BTC/USDT","exchange":"binance","channel":"trades","fromSeq":43,"toSeq":57,"reason":"stall"},"timestamp":1700000000125}"#
    );
}

#[test]
fn answers_read_as_the_protocol_writes_them() {
    let label = label(&instrument());
    let id = asked(r#"{"action":"ping","requestId":"9"}"#).request_id.expect("given");
    let id = Some(&id);
    let past = Event {
        instrument: InstrumentId(0),
        seq: 42,
        stamp: STAMP,
        body: EventBody::Trade(trade()),
    };
    let mut items = Vec::new();
    Actions.push_past(&mut items, &past);
    let past = Past { label: &label, stream: Stream::Trades, count: 1, complete: true };
    let re = Re { request_id: None, date: DATE };
    assert!(!Actions.answer(&mut Vec::new(), &Answer::HistoryFound(past), re));
    assert_eq!(
        answer(Answer::History(past, &items), id),
        r#"{"type":"history","data":{"symbol":"BTC/USDT","exchange":"binance","channel":"trades","events":[{"price":65000.10,"volume":0.015,"side":"buy","tradeId":"123","timestamp":1700000000123,"seq":42}],"complete":true},"requestId":"9","timestamp":1700000000125}"#
    );
    let offer = Offer {
        channels: vec![Channel::Trades, Channel::Candles],
        intervals: vec![Interval::Second1, Interval::Minute1],
        ..Offer::default()
    };
    let catalogue = Catalogue::new(&[(&instrument(), &offer)]);
    assert_eq!(
        answer(Answer::Instruments(&catalogue.messages(None)[0]), None),
        r#"{"type":"instruments","data":{"instruments":[{"symbol":"BTC/USDT","exchange":"binance","native":"BTCUSDT","tickSize":0.01,"lotSize":null,"channels":["trades","candles"],"intervals":["1s","1m"]}]},"timestamp":1700000000125}"#
    );
    let line = |stream, depth, delivery| SubscriptionLine::Stream {
        label: &label,
        stream,
        depth,
        delivery,
        seq: 42,
    };
    let lines = [
        line(Stream::Trades, None, Delivery::All),
        line(Stream::Orderbook, NonZeroU32::new(10), Delivery::PerSecond(NonZeroU32::MIN)),
        line(Stream::Candles(Interval::Hour4), None, Delivery::Latest),
    ];
    let mut items = Vec::new();
    lines.iter().for_each(|line| Actions.push_subscription(&mut items, line));
    assert_eq!(
        answer(Answer::Subscriptions { items: &items, epoch: 255 }, id),
        r#"{"type":"subscriptions","data":{"subscriptions":[{"symbol":"BTC/USDT","exchange":"binance","channel":"trades","delivery":"all","seq":42},{"symbol":"BTC/USDT","exchange":"binance","channel":"orderbook","depth":10,"delivery":{"perSecond":1},"seq":42},{"symbol":"BTC/USDT","exchange":"binance","channel":"candles","interval":"4h","delivery":"latest","seq":42}],"epoch":"00000000000000ff"},"requestId":"9","timestamp":1700000000125}"#
    );
    let changed = Changed { names: &["BTC/USDT", "*"], current: &["BTC/USDT"], epoch: 1 };
    assert_eq!(
        answer(Answer::Subscribed(changed, &[("BTC/USDT", true)]), id),
        r#"{"type":"success","message":"Successfully subscribed to 2 symbol(s)","data":{"subscribed":["BTC/USDT","*"],"currentSubscriptions":["BTC/USDT"],"epoch":"0000000000000001","recovered":{"BTC/USDT":true}},"requestId":"9","timestamp":1700000000125}"#
    );
    assert_eq!(
        answer(Answer::Unsubscribed(changed), None),
        r#"{"type":"success","message":"Successfully unsubscribed from 2 symbol(s)","data":{"unsubscribed":["BTC/USDT","*"],"currentSubscriptions":["BTC/USDT"],"epoch":"0000000000000001"},"timestamp":1700000000125}"#
    );
    let refusal = Refusal::NotSubscribed("BTC".to_owned());
    assert_eq!(
        answer(Answer::Refused(&refusal), id),
        r#"{"type":"error","code":"not_subscribed","message":"Cannot unsubscribe: \"BTC\" is not subscribed on these channels","requestId":"9","timestamp":1700000000125}"#
    );
    assert_eq!(answer(Answer::Pong, None), r#"{"type":"pong","timestamp":1700000000125}"#);
}

#[test]
fn a_subscribe_is_read_with_everything_in_it() {
    let asked = asked(
        r#"{"action":"subscribe","symbols":["BTC/USDT","binance:ETH/USD","BTC/USDT"],"channels":["trades","orderbook"],"requestId":7,"snapshot":true,"from":{"binance:ETH/USD":{"epoch":"00000000000000ff","seq":41}},"delivery":{"perSecond":5},"interval":"4h","depth":10,"unknown":[]}"#,
    );
    assert_eq!(asked.request_id.as_ref().map(RequestId::json), Some("7"));
    let Ok(Request::Subscribe(subscribe)) = asked.request else { panic!("{asked:?}") };
    let names: Vec<&str> = subscribe.names.iter().map(|name| name.text.as_str()).collect();
    assert_eq!(names, ["BTC/USDT", "binance:ETH/USD"]);
    assert!(matches!(subscribe.names[0].naming, Naming::Symbol(_)));
    assert!(matches!(subscribe.names[1].naming, Naming::Instrument(ExchangeId::Binance, _)));
    assert!(subscribe.snapshot);
    assert_eq!(subscribe.from[0].1, ResumePoint { epoch: Some(255), seq: 41 });
    let delivery = Delivery::PerSecond(NonZeroU32::new(5).expect("five"));
    let wish = |name: &Name, channel, depth| Wish {
        depth: NonZeroU32::new(depth),
        delivery,
        ..Wish::new(Dialect::Actions, name.clone(), channel)
    };
    let of = |name| [wish(name, Channel::Trades, 0), wish(name, Channel::Orderbook, 10)];
    assert_eq!(subscribe.wishes, subscribe.names.iter().flat_map(of).collect::<Vec<_>>());
}

#[test]
fn what_is_not_said_has_the_protocols_default() {
    let wishes = |channels: &str| {
        let text =
            format!(r#"{{"action":"subscribe","symbols":["*"],"requestId":null{channels}}}"#);
        let Ok(Request::Subscribe(subscribe)) = asked(&text).request else { panic!("{text}") };
        assert_eq!(subscribe.names[0].naming, Naming::All);
        assert!(!subscribe.snapshot);
        subscribe.wishes
    };
    let all = Name::parse("*").expect("a name");
    let wish = |channel| Wish::new(Dialect::Actions, all.clone(), channel);
    assert_eq!(wishes(""), [wish(Channel::Trades)]);
    let newest = Wish { delivery: Delivery::Latest, ..wish(Channel::Ticker) };
    let minute = Wish { interval: Some(Interval::Minute1), ..wish(Channel::Candles) };
    assert_eq!(wishes(r#","channels":["ticker","candles"]"#), [newest, minute]);
    // States are few and each counts; without a name they are those of all.
    let text = r#"{"action":"subscribe","channels":["status"],"delivery":"latest"}"#;
    let Ok(Request::Subscribe(subscribe)) = asked(text).request else { panic!("refused") };
    assert_eq!(subscribe.names, std::slice::from_ref(&all));
    assert_eq!(subscribe.wishes, [wish(Channel::Status)]);
}

#[test]
fn the_last_of_equal_keys_counts() {
    assert_eq!(asked(r#"{"action":"nothing","action":"ping"}"#).request, Ok(Request::Ping));
}

#[test]
fn a_symbol_may_have_a_colon_of_its_own() {
    let naming = |text: &str| Name::parse(text).expect(text).naming;
    let perpetual = Symbol::parse("BTC/USDT:USDT").expect("valid");
    assert_eq!(naming("BTC/USDT:USDT"), Naming::Symbol(perpetual));
    let on_futures = Naming::Instrument(ExchangeId::BinanceFutures, perpetual);
    assert_eq!(naming("binance-futures:BTC/USDT:USDT"), on_futures);
    assert_eq!(naming("binance:*"), Naming::Exchange(ExchangeId::Binance));
    assert_eq!(naming("btc/usdt"), Naming::Symbol(Symbol::parse("BTC/USDT").expect("valid")));
}

#[test]
fn every_bad_request_is_told_what_is_wrong() {
    use ErrorCode::{BadJson, BadRequest, Forbidden, UnknownAction, UnknownChannel, UnknownSymbol};
    let subscribe =
        |rest: &str| format!(r#"{{"action":"subscribe","symbols":["BTC/USDT"]{rest}}}"#);
    let cases = [
        ("{".to_owned(), BadJson, "line 1"),
        ("".to_owned(), BadJson, "line 1"),
        ("\u{1}".to_owned(), BadJson, "line 1"),
        ("[]".to_owned(), BadRequest, "no JSON object"),
        ("7".to_owned(), BadRequest, "no JSON object"),
        ("{}".to_owned(), BadRequest, "action is missing"),
        (r#"{"action":5}"#.to_owned(), BadRequest, "action is 5"),
        (r#"{"action":"subscribbe"}"#.to_owned(), UnknownAction, "\"subscribbe\""),
        (r#"{"action":"publish","channel":"analysis:1"}"#.to_owned(), Forbidden, "publish"),
        (r#"{"action":"subscribe"}"#.to_owned(), BadRequest, "symbols is missing"),
        (r#"{"action":"subscribe","symbols":[]}"#.to_owned(), BadRequest, "symbols is []"),
        (r#"{"action":"subscribe","symbols":"X"}"#.to_owned(), BadRequest, "symbols is \"X\""),
        (r#"{"action":"subscribe","symbols":[1]}"#.to_owned(), BadRequest, "symbols is [1]"),
        (r#"{"action":"subscribe","symbols":["A B"]}"#.to_owned(), UnknownSymbol, "\"A B\""),
        (r#"{"action":"subscribe","symbols":["BTC/"]}"#.to_owned(), UnknownSymbol, "\"BTC/\""),
        (subscribe(r#","channels":["trade"]"#), UnknownChannel, "\"trade\""),
        (subscribe(r#","channels":["news:x"]"#), UnknownChannel, "publisher"),
        (subscribe(r#","channels":[]"#), BadRequest, "channels is []"),
        (subscribe(r#","depth":0"#), BadRequest, "depth is 0"),
        (subscribe(r#","depth":1001"#), BadRequest, "depth is 1001"),
        (subscribe(r#","depth":1.5"#), BadRequest, "depth is 1.5"),
        (subscribe(r#","depth":-1"#), BadRequest, "depth is -1"),
        (subscribe(r#","interval":"2m""#), BadRequest, "interval is \"2m\""),
        (subscribe(r#","delivery":"some""#), BadRequest, "delivery is \"some\""),
        (subscribe(r#","delivery":{"perSecond":0}"#), BadRequest, "perSecond is 0"),
        (subscribe(r#","delivery":{}"#), BadRequest, "delivery is {}"),
        (subscribe(r#","snapshot":"yes""#), BadRequest, "snapshot is \"yes\""),
        (subscribe(r#","from":{"BTC/USDT":{"epoch":"1"}}"#), BadRequest, "from is {"),
        (subscribe(r#","from":{"BTC/USDT":7}"#), BadRequest, "from is 7"),
        (subscribe(r#","requestId":[]"#), BadRequest, "requestId is []"),
        (subscribe(r#","requestId":true"#), BadRequest, "requestId is true"),
        (r#"{"action":"history"}"#.to_owned(), BadRequest, "symbol is missing"),
        (
            r#"{"action":"history","symbol":"BTC/USDT","from":2,"to":1}"#.to_owned(),
            BadRequest,
            "to is 1",
        ),
        (
            r#"{"action":"history","symbol":"BTC/USDT","limit":0}"#.to_owned(),
            BadRequest,
            "limit is 0",
        ),
        (r#"{"action":"instruments","exchange":"x"}"#.to_owned(), BadRequest, "exchange is \"x\""),
    ];
    for (text, code, words) in cases {
        let error = refusal(&text);
        assert_eq!(error.code(), code, "{text}: {error}");
        assert!(error.to_string().contains(words), "{text}: {error}");
    }
}

#[test]
fn a_refused_request_keeps_its_id() {
    let asked = asked(r#"{"action":"nothing","requestId":"a\"b"}"#);
    assert!(asked.request.is_err());
    assert_eq!(asked.request_id.as_ref().map(RequestId::json), Some(r#""a\"b""#));
}

#[test]
fn what_is_too_much_is_refused() {
    let long = format!(r#"{{"action":"ping","x":"{}"}}"#, "x".repeat(70_000));
    assert!(matches!(refusal(&long), BadRequest::TooLong { .. }));
    let symbols: Vec<String> = (0..1_001).map(|index| format!("\"S{index}\"")).collect();
    let many = format!(r#"{{"action":"subscribe","symbols":[{}]}}"#, symbols.join(","));
    assert_eq!(refusal(&many).code(), ErrorCode::TooManySymbols);
    let deep = format!(r#"{{"action":"ping","x":{}{}}}"#, "[".repeat(20_000), "]".repeat(20_000));
    // Whether it is read or refused, nothing breaks.
    let _ = heard(&deep);
}

fn any_decimal() -> impl Strategy<Value = Decimal> {
    (-MANTISSA_MAX..=MANTISSA_MAX, 0..60_u32, 0..=18_u8).prop_map(|(mantissa, shift, digits)| {
        Decimal::new(mantissa >> shift, digits).expect("in range")
    })
}

proptest! {
    /// What is written is JSON, and each number stands there with exactly its digits.
    #[test]
    fn a_trade_is_read_back_digit_by_digit(
        price in any_decimal(),
        size in any_decimal(),
        id in any::<u64>(),
        seq in 1..u64::MAX,
        time in 0..i64::MAX,
    ) {
        let trade = Trade { taker: Side::Ask, price, size, id: TradeId::Number(id) };
        let stamp = Stamp { exchange_time: UnixNanos(time), ..STAMP };
        let text = told(EventBody::Trade(trade), seq, stamp, LIVE);
        type Fields<'a> = std::collections::HashMap<&'a str, &'a RawValue>;
        let message: Fields<'_> = serde_json::from_str(&text).expect("JSON");
        let data: Fields<'_> = serde_json::from_str(message["data"].get()).expect("JSON");
        prop_assert_eq!(data["price"].get(), price.to_string());
        prop_assert_eq!(data["volume"].get(), size.to_string());
        prop_assert_eq!(data["side"].get(), "\"sell\"");
        prop_assert_eq!(data["tradeId"].get(), format!("\"{id}\""));
        prop_assert_eq!(data["exchangeTs"].get(), time.to_string());
        prop_assert_eq!(data["timestamp"].get(), (time / 1_000_000).to_string());
        prop_assert_eq!(message["seq"].get(), seq.to_string());
    }

    #[test]
    fn any_text_is_answered_and_breaks_nothing(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        crate::dialect::fuzzing::request(&bytes);
    }

    /// Fields of every type in every place.
    #[test]
    fn any_fields_are_answered_and_break_nothing(
        fields in prop::collection::vec((0..14_usize, 0..16_usize), 0..8),
    ) {
        const KEYS: [&str; 14] = [
            "action", "type", "command", "params", "symbols", "channels", "requestId", "from",
            "delivery", "interval", "depth", "symbol", "limit", "to",
        ];
        const VALUES: [&str; 16] = [
            "\"subscribe\"", "\"history\"", "\"command\"", "\"follow\"", "[\"BTC/USDT\",\"*\"]",
            "[\"candles\"]", "7", "-1", "1e400", "null", "true", "{\"perSecond\":9}", "\"1m\"",
            "{\"BTC/USDT\":{\"epoch\":\"ff\",\"seq\":1}}", "\"\\ud83d\\ude00\"",
            "{\"assets\":[\"R_100\"],\"asset\":\"R_100\"}",
        ];
        let fields: Vec<String> = fields
            .into_iter()
            .map(|(key, value)| format!("\"{}\":{}", KEYS[key], VALUES[value]))
            .collect();
        crate::dialect::fuzzing::request(format!("{{{}}}", fields.join(",")).as_bytes());
    }
}
