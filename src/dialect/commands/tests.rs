//! Commands and their answers against the protocol's own words.

use super::{Commands, label};
use crate::cache::{Event, EventBody, Gap, Stamp, Stream};
use crate::clock::UnixNanos;
use crate::dialect::{
    Answer, Asked, Changed, ErrorCode, Incoming, MakeUp, Past, Re, Refusal, Request, RequestId,
    Speech, Telling,
};
use crate::instrument::{Channel, ExchangeId, InstrumentId};
use crate::tick::{
    Candle, Decimal, Interval, Quote, Reason, Side, Ticker, Trade, TradeId, WideDecimal,
};

const STAMP: Stamp = Stamp {
    exchange_time: UnixNanos(1_700_000_000_123_000_000),
    received: UnixNanos(1_700_000_000_125_123_456),
};

fn asked(text: &str) -> Asked {
    Commands.read(&Incoming::text(text.as_bytes())).expect(text)
}

fn id() -> RequestId {
    let text = r#"{"type":"command","command":"ping","requestId":"uuid"}"#;
    asked(text).request_id.expect("given")
}

fn event(body: EventBody<'_>) -> Event<'_> {
    Event { instrument: InstrumentId(0), seq: 1, stamp: STAMP, body }
}

fn trade() -> EventBody<'static> {
    EventBody::Trade(Trade {
        taker: Side::Bid,
        price: Decimal::parse(b"1234.56").expect("valid"),
        size: Decimal::ZERO,
        id: TradeId::Number(1),
    })
}

fn candle(closed: bool) -> Candle {
    let price = |digit| Decimal::new(digit, 0).expect("small");
    let open_time = UnixNanos::from_millis(1_700_000_000_000);
    let candle = Candle::of(Interval::Minute1, open_time, [1, 2, 1, 2].map(price));
    let volume = WideDecimal::parse(b"3").expect("valid");
    Candle { trades: Some(1), closed, ..candle.with_volume(volume) }
}

fn written(write: impl FnOnce(&mut Vec<u8>) -> bool) -> String {
    let mut out = Vec::new();
    assert!(write(&mut out));
    let text = String::from_utf8(out).expect("text");
    serde_json::from_str::<serde_json::Value>(&text).expect("JSON");
    text
}

fn told(body: EventBody<'_>) -> String {
    let asset = label("R_100", ExchangeId::Deriv);
    written(|out| Commands.tell(out, Some(&asset), &event(body), Telling::live(STAMP.received)))
}

#[test]
fn events_read_as_the_protocol_writes_them() {
    assert_eq!(
        told(trade()),
        r#"{"type":"tick","data":{"asset":"R_100","price":1234.56,"timestamp":1700000000123}}"#
    );
    let last = Decimal::parse(b"218.0926").ok();
    assert_eq!(
        told(EventBody::Ticker(&Ticker { last, ..Ticker::default() })),
        r#"{"type":"tick","data":{"asset":"R_100","price":218.0926,"timestamp":1700000000123}}"#
    );
    assert_eq!(
        told(EventBody::Candle(&candle(false))),
        r#"{"type":"candle_update","data":{"asset":"R_100","interval":"1m","openTime":1700000000000,"open":1,"high":2,"low":1,"close":2,"volume":3}}"#
    );
    assert!(told(EventBody::Candle(&candle(true))).starts_with(r#"{"type":"candle_closed","#));
    let gap = Gap { stream: Stream::Trades, from_seq: 2, to_seq: 3, reason: Reason::Stall };
    assert_eq!(
        told(EventBody::Gap(gap)),
        r#"{"type":"gap","data":{"asset":"R_100","channel":"trades","fromSeq":2,"toSeq":3,"reason":"stall"}}"#
    );
}

#[test]
fn what_has_no_form_here_leaves_no_trace() {
    let quote = Quote { bid: None, bid_size: None, ask: None, ask_size: None };
    let mut out = Vec::new();
    let (asset, live) = (label("R_100", ExchangeId::Deriv), Telling::live(STAMP.received));
    for body in [EventBody::Quote(quote), EventBody::Ticker(&Ticker::default())] {
        assert!(!Commands.tell(&mut out, Some(&asset), &event(body), live));
    }
    assert!(out.is_empty());
}

#[test]
fn responses_read_as_the_protocol_writes_them() {
    let id = id();
    let re = Re { request_id: Some(&id), date: STAMP.received };
    let answer = |answer: Answer<'_>| written(|out| Commands.answer(out, &answer, re));
    let changed = Changed { names: &["R_100"], current: &["R_100", "BTC/USDT"], epoch: 1 };
    let following = r#"{"type":"response","requestId":"uuid","success":true,"data":{"following":["R_100","BTC/USDT"]}}"#;
    assert_eq!(answer(Answer::Subscribed(changed, &[])), following);
    assert_eq!(answer(Answer::Unsubscribed(changed)), following);
    assert_eq!(
        answer(Answer::Refused(&Refusal::TooManySymbols { max: 2 })),
        r#"{"type":"response","requestId":"uuid","success":false,"error":{"code":"too_many_symbols","message":"Cannot subscribe: would exceed maximum of 2 symbols"}}"#
    );
    let asset = label("R_100", ExchangeId::Deriv);
    let mut items = Vec::new();
    Commands.push_past(&mut items, &event(trade()));
    let past = Past { label: &asset, stream: Stream::Trades, count: 1, complete: false };
    assert_eq!(
        answer(Answer::HistoryFound(past)),
        r#"{"type":"response","requestId":"uuid","success":true,"data":{"asset":"R_100","count":1,"complete":false}}"#
    );
    assert_eq!(
        answer(Answer::History(past, &items)),
        r#"{"type":"historical_data","requestId":"uuid","data":{"asset":"R_100","ticks":[{"price":1234.56,"timestamp":1700000000123}]}}"#
    );
    let mut items = Vec::new();
    Commands.push_past(&mut items, &event(trade_gap()));
    Commands.push_past(&mut items, &event(EventBody::Candle(&candle(true))));
    let past = Past { stream: Stream::Candles(Interval::Minute1), ..past };
    assert_eq!(
        answer(Answer::History(past, &items)),
        r#"{"type":"historical_data","requestId":"uuid","data":{"asset":"R_100","interval":"1m","candles":[{"openTime":1700000000000,"open":1,"high":2,"low":1,"close":2,"volume":3}]}}"#
    );
    assert_eq!(
        answer(Answer::Pong),
        r#"{"type":"response","requestId":"uuid","success":true,"data":{"pong":true,"timestamp":1700000000125}}"#
    );
}

fn trade_gap() -> EventBody<'static> {
    let stream = Stream::Trades;
    EventBody::Gap(Gap { stream, from_seq: 1, to_seq: 1, reason: Reason::Stall })
}

#[test]
fn commands_are_read_with_their_parameters() {
    let text = r#"{"type":"command","command":"follow","params":{"assets":["R_100","BTC/USDT"],"interval":"5m"},"requestId":"uuid"}"#;
    let Ok(Request::Subscribe(subscribe)) = asked(text).request else { panic!("refused") };
    assert_eq!(subscribe.names.len(), 2);
    let wished: Vec<_> =
        subscribe.wishes.iter().map(|wish| (wish.channel, wish.interval)).collect();
    let (trades, ticker) = ((Channel::Trades, None), (Channel::Ticker, None));
    let candles = (Channel::Candles, Some(Interval::Minute5));
    assert_eq!(wished, [trades, trades, ticker, ticker, candles, candles]);
    let tickers = subscribe.wishes.iter().filter(|wish| wish.in_place_of.is_some());
    assert!(tickers.clone().all(|wish| wish.channel == Channel::Ticker) && tickers.count() == 2);
    assert_eq!(subscribe.wishes[0].make_up, MakeUp::Rest, "candles make up for ticks");

    let text = r#"{"command":"history","params":{"asset":"R_100","from":1,"to":2,"limit":9999},"requestId":1,"type":"command"}"#;
    let Ok(Request::History(history)) = asked(text).request else { panic!("refused") };
    assert_eq!(history.name.text, "R_100");
    assert_eq!((history.channel, history.or_else), (Channel::Trades, Some(Channel::Ticker)));
    let range = history.range;
    assert_eq!((range.from, range.to, range.limit), (Some(1), Some(2), 5_000));
    let text = r#"{"type":"command","command":"instruments","requestId":"x"}"#;
    assert_eq!(asked(text).request, Ok(Request::Instruments { exchange: None }));
}

#[test]
fn a_bad_command_is_told_what_is_wrong() {
    for (text, code, words) in [
        (r#"{"type":"command","command":"ping"}"#, ErrorCode::BadRequest, "requestId is missing"),
        (r#"{"type":"command","requestId":1}"#, ErrorCode::BadRequest, "command is missing"),
        (
            r#"{"type":"command","command":"fly","requestId":1}"#,
            ErrorCode::UnknownAction,
            "\"fly\"",
        ),
        (
            r#"{"type":"command","command":"follow","requestId":1}"#,
            ErrorCode::BadRequest,
            "assets is missing",
        ),
        (
            r#"{"type":"command","command":"follow","params":[],"requestId":1}"#,
            ErrorCode::BadRequest,
            "params is []",
        ),
        (
            r#"{"type":"command","command":"trade","requestId":1}"#,
            ErrorCode::Forbidden,
            "no trading",
        ),
        (
            r#"{"type":"command","command":"balance","requestId":1}"#,
            ErrorCode::Forbidden,
            "no trading",
        ),
    ] {
        let error = asked(text).request.expect_err(text);
        assert_eq!(error.code(), code, "{text}");
        assert!(error.to_string().contains(words), "{text}: {error}");
    }
}
