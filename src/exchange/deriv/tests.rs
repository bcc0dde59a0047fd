use super::*;
use crate::exchange::refusal::unavailable;
use crate::exchange::testing::{RECOGNISED, Read, decimal, parse_padded, ticker_of};
use crate::exchange::{Exchange, Listing, Listings, NamedStream, Origin};
use crate::instrument::{Channel, InstrumentId};
use crate::tick::{Quote, Reason, Ticker};

const ID: &str = "b4d42748-0744-c46b-f59b-cb7dd936bafa";
const R_50: InstrumentId = InstrumentId(0);
const EUR_USD: InstrumentId = InstrumentId(1);

/// The ticker that a tick made.
fn ticker(read: &Read) -> Ticker {
    ticker_of(read.batch.ticks.iter().filter(|tick| tick.origin == Origin::Live))
}

/// The quote that was derived from it, if it had any prices.
fn quote(read: &Read) -> Option<Quote> {
    let derived = read.batch.ticks.iter().filter(|tick| tick.origin == Origin::Derived);
    match derived.collect::<Vec<_>>()[..] {
        [] => None,
        [quote] => quote.tick.body.quote(),
        ref several => panic!("{several:?}"),
    }
}

fn adapter() -> Deriv {
    let mut adapter = Deriv::default();
    adapter.set_instruments(NativeMap::new([("R_50", R_50), ("frxEURUSD", EUR_USD)]));
    adapter
}

/// Numbers are bare here, so a digit behind the frame is what could mislead.
fn read_with(adapter: &mut Deriv, text: &str) -> Read {
    let mut batch = Batch::new();
    let outcome = parse_padded(adapter, text, b'1', &mut batch);
    Read { outcome, batch }
}

fn read(text: &str) -> Read {
    read_with(&mut adapter(), text)
}

fn tick(echo: &str, fields: &str) -> String {
    format!(
        r#"{{{echo}"msg_type":"tick","subscription":{{"id":"{ID}"}},"tick":{{{fields}"symbol":"R_50"}}}}"#
    )
}

fn bar(close: &str, epoch: u64, open_time: u64) -> String {
    format!(
        concat!(
            r#"{{"echo_req":{{"adjust_start_time":1,"count":60,"end":"latest","granularity":60,"#,
            r#""req_id":8,"start":1,"style":"candles","subscribe":1,"ticks_history":"R_50"}},"#,
            r#""msg_type":"ohlc","ohlc":{{"close":"{}","epoch":{},"granularity":60,"#,
            r#""high":"1562.84","id":"{}","low":"1558.50","open":"1562.80","open_time":{},"#,
            r#""pip_size":2,"symbol":"R_50"}},"req_id":8,"subscription":{{"id":"{}"}}}}"#
        ),
        close, epoch, ID, open_time, ID
    )
}

#[test]
fn a_tick_is_a_ticker_and_a_quote_without_sizes() {
    let text = format!(
        concat!(
            r#"{{"echo_req":{{"ticks":"R_50"}},"msg_type":"tick","subscription":{{"id":"{}"}},"#,
            r#""tick":{{"ask":218.1026,"bid":218.08,"epoch":1587547610,"id":"{}","pip_size":4,"#,
            r#""quote":218.0926,"symbol":"R_50"}}}}"#
        ),
        ID, ID
    );
    let read = read(&text);
    assert_eq!(read.outcome, RECOGNISED);
    let (bid, ask) = (Some(decimal("218.08")), Some(decimal("218.1026")));
    let last = Some(decimal("218.0926"));
    assert_eq!(ticker(&read), Ticker { last, bid, ask, ..Ticker::default() });
    assert_eq!(quote(&read), Some(Quote { bid, bid_size: None, ask, ask_size: None }));
    for tick in &read.batch.ticks {
        assert_eq!((tick.sequence, tick.tick.instrument), (Some(1_587_547_610), R_50));
        assert_eq!(tick.tick.exchange_time.millis(), 1_587_547_610_000);
    }
    assert_eq!(read.batch.answered, None);
}

#[test]
fn the_first_tick_answers_the_request() {
    let echo = r#""echo_req":{"req_id":7,"subscribe":1,"ticks":"R_50"},"#;
    let text = tick(echo, r#""ask":2,"bid":1,"epoch":1587547610,"pip_size":0,"quote":1.5,"#);
    let text = text.replace(r#""tick","subscription""#, r#""tick","req_id":7,"subscription""#);
    let first = read(&text);
    assert_eq!(first.outcome, RECOGNISED, "{text}");
    assert_eq!(first.batch.answered, Some(7));
    // In another order too, and of an instrument that is not ours.
    let other = text.replace("\"R_50\"}", "\"R_75\"}").replace(",\"req_id\":7", "");
    let other = format!("{},\"req_id\":9}}", other.strip_suffix('}').expect("an object"));
    let other = read(&other);
    assert_eq!((other.outcome, other.batch.answered), (Ok(Frame::Other), Some(9)));
}

#[test]
fn a_tick_may_lack_everything_but_its_price_and_time() {
    let bare = read(&tick("", r#""epoch":1587547610,"quote":218,"#));
    assert_eq!(bare.outcome, RECOGNISED);
    assert_eq!(ticker(&bare).last, Some(decimal("218")));
    assert_eq!(quote(&bare), None);
    let one_side = read(&tick("", r#""bid":217.5,"epoch":1587547610,"quote":218,"#));
    let quote = quote(&one_side).expect("one side is stated");
    assert_eq!((quote.bid, quote.ask), (Some(decimal("217.5")), None));
    for (sides, last) in [(r#""bid":null,"ask":null,"#, None), (r#""bid":-1,"#, Some("0"))] {
        let nothing = read(&tick("", &format!(r#"{sides}"epoch":1587547610,"quote":0,"#)));
        assert_eq!(ticker(&nothing).last, last.map(decimal), "{sides}");
    }
    for missing in [r#""epoch":1587547610,"#, r#""quote":218,"#, r#""epoch":"x","quote":218,"#] {
        assert_eq!(read(&tick("", missing)).outcome, Err(Rejected::Field), "{missing}");
    }
}

#[test]
fn prices_are_read_in_every_form_of_a_number() {
    for (written, outcome) in [
        ("2.5e-3", Ok("0.0025")),
        ("\"1558.50\"", Ok("1558.50")),
        ("-37.63", Ok("-37.63")),
        ("1234567890123456789", Err(Rejected::Digits)),
        ("\"1,5\"", Err(Rejected::Number)),
        ("[1]", Err(Rejected::Field)),
        ("null", Err(Rejected::Field)),
    ] {
        let read = read(&tick("", &format!(r#""epoch":1587547610,"quote":{written},"#)));
        assert_ne!(read.outcome, RECOGNISED);
        match outcome {
            Ok(price) => assert_eq!(ticker(&read).last, Some(decimal(price)), "{written}"),
            Err(rejected) => assert_eq!(read.outcome, Err(rejected), "{written}"),
        }
    }
}

#[test]
fn a_bar_is_told_as_it_is_and_never_called_final() {
    let mut adapter = adapter();
    let first = read_with(&mut adapter, &bar("1558.59", 1_746_777_986, 1_746_777_960));
    assert_eq!(first.outcome, RECOGNISED);
    assert_eq!(first.batch.answered, Some(8));
    let candle = first.candles()[0];
    assert_eq!(candle.close, decimal("1558.59"));
    assert_eq!((candle.high, candle.low), (decimal("1562.84"), decimal("1558.50")));
    assert_eq!((candle.open, candle.closed), (decimal("1562.80"), false));
    assert_eq!(candle.open_time.millis(), 1_746_777_960_000);

    let second = read_with(&mut adapter, &bar("1559.10", 1_746_778_020, 1_746_778_020));
    let [begun] = second.candles()[..] else { panic!("{:?}", second.candles()) };
    assert_eq!((begun.close, begun.closed), (decimal("1559.10"), false));
    // Neither volume nor trades are stated, nor when a bar is final.
    let stated = (candle.states_volume, candle.trades, candle.says_final);
    assert_eq!(stated, (false, None, false));
}

#[test]
fn bars_of_lengths_that_we_do_not_have_are_left_out() {
    let two_minutes = bar("1", 1_746_777_986, 1_746_777_960)
        .replace(r#""granularity":60,"high""#, r#""granularity":120,"high""#);
    assert_eq!(read(&two_minutes).outcome, Ok(Frame::Other));
    // A minute that begins at half a minute is none.
    let misplaced = bar("1", 1_746_777_986, 1_746_777_961);
    assert!(!read(&misplaced).candle().is_possible());
}

#[test]
fn an_answer_with_past_bars_closes_what_an_outage_left_open() {
    let past = |request: &str| {
        format!(
            concat!(
                r#"{{"candles":[{{"close":1567.23,"epoch":1746777480,"high":1568.28,"#,
                r#""low":1566.54,"open":1566.8}},{{"close":1568,"epoch":1746777540,"#,
                r#""high":1569,"low":1566,"open":1567}}],{}"msg_type":"candles","pip_size":2,"#,
                r#""req_id":3}}"#
            ),
            request
        )
    };
    let request = r#""echo_req":{"count":2,"granularity":60,"ticks_history":"R_50"},"#;
    let mut adapter = adapter();
    read_with(&mut adapter, &bar("1.5", 1_746_777_481, 1_746_777_480));
    let read = read_with(&mut adapter, &past(request));
    assert_eq!(read.outcome, Ok(Frame::Data { recognised: false }));
    assert_eq!(read.batch.answered, Some(3));
    let candles = read.candles();
    let told: Vec<_> = candles.iter().map(|bar| (bar.close, bar.closed)).collect();
    assert_eq!(told, [(decimal("1567.23"), true), (decimal("1568"), false)]);
    // When they began is no time of an event.
    assert!(read.batch.ticks.iter().all(|one| !one.tick.exchange_time.is_some()));
    // Who asked is not told, so it answers and says nothing.
    let nameless = read_with(&mut adapter, &past(""));
    assert_eq!((nameless.outcome, nameless.batch.answered), (Ok(Frame::Other), Some(3)));
}

#[test]
fn frames_without_prices_are_told_apart() {
    for (text, outcome) in [
        (r#"{"echo_req":{"ping":1},"ping":"pong","msg_type":"ping"}"#, Frame::Heartbeat),
        (r#"{"echo_req":{"time":1},"msg_type":"time","time":1587544006}"#, Frame::Heartbeat),
        (r#"{"echo_req":{"forget":"x"},"forget":1,"msg_type":"forget"}"#, Frame::Other),
        (r#"{"forget_all":["x"],"msg_type":"forget_all"}"#, Frame::Other),
        (r#"{"history":{"prices":[1.5],"times":[1]},"msg_type":"history"}"#, Frame::Other),
        (
            r#"{"msg_type":"website_status","website_status":{"site_status":"up"}}"#,
            Frame::Status(Reason::None),
        ),
        (
            r#"{"msg_type":"website_status","website_status":{"site_status":"down"}}"#,
            Frame::Status(Reason::Maintenance),
        ),
        (
            r#"{"msg_type":"website_status","website_status":{"site_status":"updating"}}"#,
            Frame::Shutdown,
        ),
    ] {
        assert_eq!(read(text).outcome, Ok(outcome), "{text}");
    }
    for text in [r#"{"e":"trade"}"#, "[]", "3", r#"{"msg_type":1}"#] {
        assert_eq!(read(text).outcome, Err(Rejected::Foreign), "{text}");
    }
    assert_eq!(read("pong").outcome, Err(Rejected::NotJson));
    assert_eq!(read(r#"{"msg_type":"tick"}"#).outcome, Err(Rejected::Field));
}

#[test]
fn a_refusal_names_its_request_and_its_stream() {
    let text = concat!(
        r#"{"echo_req":{"req_id":4,"subscribe":1,"ticks":"frxEURUSD"},"error":{"code":"#,
        r#""MarketIsClosed","message":"This market is presently closed."},"msg_type":"tick","#,
        r#""req_id":4}"#
    );
    let read = read(text);
    let Ok(Frame::Error { id, stream, kind, text }) = read.outcome else { panic!("{text}") };
    assert_eq!(id, Some(4));
    // Markets open again.
    assert_eq!(kind, unavailable(60));
    assert_eq!(stream, Some(NamedStream::of(EUR_USD, Channel::Quotes)));
    assert_eq!(text.as_str(), "MarketIsClosed: This market is presently closed.");
}

#[test]
fn a_stream_that_is_there_already_was_not_refused() {
    let text = concat!(
        r#"{"echo_req":{"req_id":4,"subscribe":1,"ticks":"frxEURUSD"},"error":{"code":"#,
        r#""AlreadySubscribed","message":"You are already subscribed to frxEURUSD."},"#,
        r#""msg_type":"tick","req_id":4}"#
    );
    let stream = Some(NamedStream::of(EUR_USD, Channel::Quotes));
    assert_eq!(read(text).outcome, Ok(Frame::Ack { id: Some(4), stream }));
}

#[test]
fn the_list_of_instruments_is_read_in_both_spellings() {
    let text = concat!(
        r#"{"active_symbols":[{"symbol":"frxEURUSD","pip":1e-05,"exchange_is_open":0,"#,
        r#""is_trading_suspended":0,"spot":null},{"underlying_symbol":"R_50","pip_size":0.0001,"#,
        r#""exchange_is_open":1},{"symbol":5}],"msg_type":"active_symbols"}"#
    );
    let Ok(Frame::Listing(Listings { entries: list, whole: true })) = read(text).outcome else {
        panic!("{text}")
    };
    let told = |listing: &Listing| {
        let of = &listing.instrument;
        (of.symbol.to_string(), of.native.to_string(), of.tick_size, listing.trading)
    };
    let told: Vec<_> = list.iter().map(told).collect();
    let (small, large) = (Some(decimal("0.00001")), Some(decimal("0.0001")));
    assert_eq!(
        told,
        [
            ("EUR/USD".to_owned(), "frxEURUSD".to_owned(), small, false),
            ("R_50".to_owned(), "R_50".to_owned(), large, true),
        ]
    );
}

#[test]
fn streams_are_remembered_by_name_for_their_end() {
    let mut adapter = adapter();
    read_with(&mut adapter, &tick("", r#""epoch":1587547610,"quote":218,"#));
    let native = arrayvec::ArrayString::from("R_50").expect("short");
    let channel = Channel::Quotes;
    let quotes = Subscription { instrument: R_50, native, channel, interval: None };
    let requests = adapter.unsubscribe(&[quotes], &mut 5);
    assert_eq!(requests[0].text, format!(r#"{{"forget":"{ID}","req_id":5}}"#));
}

#[test]
fn the_address_tells_the_dialect() {
    let native = arrayvec::ArrayString::from("R_50").expect("short");
    let channel = Channel::Quotes;
    let wanted = [Subscription { instrument: R_50, native, channel, interval: None }];
    for (url, dialect, path) in [
        ("wss://ws.derivws.com", Dialect::Legacy, "/websockets/v3?app_id=1089"),
        ("wss://ws.binaryws.com/websockets/v3?app_id=7&l=EN", Dialect::Legacy, ""),
        ("wss://api.derivws.com", Dialect::Options, "/trading/v1/options/ws/public"),
        ("wss://api.derivws.com/trading/v1/options/ws/demo?otp=x", Dialect::Options, ""),
        ("ws://127.0.0.1:9000", Dialect::Legacy, "/websockets/v3?app_id=1089"),
    ] {
        let mut adapter = Deriv::at(url);
        let plan = adapter.plan(&wanted).remove(0);
        assert_eq!((adapter.protocol_mut().dialect, plan.path.as_str()), (dialect, path), "{url}");
        let legacy = plan.greeting.iter().any(|message| message.contains("website_status"));
        assert_eq!(legacy, dialect == Dialect::Legacy);
    }
}
