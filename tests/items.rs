//! One value that cannot be read costs its item at most, whatever the value and the exchange.
//!
//! Frames of several items are read as they are, without one of them, and with one value of that one
//! spoilt in every way. Whatever comes of the spoilt item, the others come out as without it, and
//! where nothing comes of it, it is counted. An item is a trade, a ticker, a candle, or an event of
//! one book with all of its levels, as nobody knows what a book is without one of them.
//!
//! Binance's frames, Coinbase Exchange's and Deriv's have one item each, and no others to lose. What
//! belongs to a frame as a whole, its channel, its type, its number, its own time, stands outside of
//! its items. A symbol that is none of ours is no loss of ours.

use serde_json::{Value, json};
use tickwire::clock::UnixNanos;
use tickwire::exchange::{Batch, Frame, Rejected, adapter};
use tickwire::instrument::{Channel, ExchangeId, InstrumentId, NativeMap};
use tickwire::json::PaddedFrame;
use tickwire::limits::FRAME_PADDING;
use tickwire::tick::Candle;

/// A kind of frame.
struct Kind {
    exchange: ExchangeId,
    frame: Value,
    /// Where its items are.
    items: &'static str,
    /// What names the instrument of an item.
    symbol: &'static str,
}

/// What is traded, as each exchange spells it.
const NATIVES: [&str; 6] = ["BTCUSDT", "BTC-USDT", "BTC/USD", "ETH/USD", "BTC-USD", "ETH-USD"];

/// Everything that a frame came to.
struct Read {
    outcome: Result<Frame, Rejected>,
    /// Ticks, then books with their levels, as they print.
    told: Vec<String>,
    lost: u32,
}

fn kind(exchange: ExchangeId, symbol: &'static str, items: &'static str, frame: Value) -> Kind {
    Kind { exchange, frame, items, symbol }
}

fn kinds() -> Vec<Kind> {
    let mut kinds = of_bybit(ExchangeId::Bybit);
    kinds.extend(of_bybit(ExchangeId::BybitLinear));
    kinds.extend(of_okx());
    kinds.extend(of_kraken());
    kinds.extend(of_coinbase_advanced());
    kinds
}

fn of_bybit(exchange: ExchangeId) -> Vec<Kind> {
    let trade = |id: &str, price: &str| {
        json!({"T": 1_767_225_600_123_u64, "s": "BTCUSDT", "S": "Buy", "v": "0.5", "p": price,
            "L": "PlusTick", "i": id, "BT": false})
    };
    let bar = |start: u64, confirm: bool| {
        json!({"start": start, "end": start + 59_999, "interval": "1", "open": "1.5", "close": "2",
            "high": "2.5", "low": "1", "volume": "3.25", "turnover": "5", "confirm": confirm,
            "timestamp": start + 60_000})
    };
    vec![
        kind(
            exchange,
            "s",
            "/data",
            json!({"topic": "publicTrade.BTCUSDT", "type": "snapshot",
            "ts": 1_767_225_600_130_u64, "data": [trade("2290000000000000001", "1.5"),
            trade("2290000000000000002", "1.6"), trade("2290000000000000003", "1.7")]}),
        ),
        kind(
            exchange,
            "",
            "/data",
            json!({"topic": "kline.1.BTCUSDT", "type": "snapshot",
            "ts": 1_767_225_660_100_u64,
            "data": [bar(1_767_225_600_000, true), bar(1_767_225_660_000, false)]}),
        ),
    ]
}

fn of_okx() -> Vec<Kind> {
    let trade = |id: &str, price: &str| {
        json!({"instId": "BTC-USDT", "tradeId": id, "px": price, "sz": "0.25", "side": "sell",
            "ts": "1767225600123", "count": "1"})
    };
    let bar = |start: &str, end: &str| json!([start, "1.5", "2.5", "1", "2", "3", "4", "5", end]);
    let arg = |channel: &str| json!({"channel": channel, "instId": "BTC-USDT"});
    vec![
        kind(
            ExchangeId::Okx,
            "instId",
            "/data",
            json!({"arg": arg("trades"),
            "data": [trade("130639474", "1.5"), trade("130639475", "1.6")]}),
        ),
        kind(
            ExchangeId::Okx,
            "",
            "/data",
            json!({"arg": arg("candle1m"),
            "data": [bar("1767225600000", "1"), bar("1767225660000", "0")]}),
        ),
    ]
}

fn of_kraken() -> Vec<Kind> {
    let trade = |symbol: &str, id: u64| {
        json!({"symbol": symbol, "side": "buy", "price": 1.5, "qty": 0.25, "ord_type": "limit",
            "trade_id": id, "timestamp": "2026-01-01T00:00:00.123456Z"})
    };
    let ticker = |symbol: &str| {
        json!({"symbol": symbol, "bid": 1.5, "bid_qty": 2.5, "ask": 1.75, "ask_qty": 3.5,
            "last": 1.625, "volume": 12.5, "vwap": 1.5, "low": 1.25, "high": 2.25, "change": 0.25,
            "change_pct": 1.5})
    };
    let bar = |symbol: &str| {
        json!({"symbol": symbol, "open": 1.5, "high": 2.5, "low": 1.25, "close": 2.25, "trades": 4,
            "volume": 3.5, "vwap": 1.75, "interval_begin": "2026-01-01T00:00:00.000000000Z",
            "interval": 1, "timestamp": "2026-01-01T00:01:00.000000Z"})
    };
    let book = |symbol: &str| {
        json!({"symbol": symbol, "bids": [{"price": 1.5, "qty": 2.5}],
            "asks": [{"price": 1.75, "qty": 3.5}, {"price": 2.5, "qty": 0}], "checksum": 7,
            "timestamp": "2026-01-01T00:00:00.123456Z"})
    };
    let frame = |channel: &str, items: Value| {
        let frame = json!({"channel": channel, "type": "update", "data": items});
        kind(ExchangeId::Kraken, "symbol", "/data", frame)
    };
    let both = ["BTC/USD", "ETH/USD"];
    vec![
        frame("trade", json!([trade(both[0], 5), trade(both[0], 6), trade(both[1], 9)])),
        frame("ticker", json!(both.map(ticker))),
        frame("ohlc", json!(both.map(bar))),
        frame("book", json!(both.map(book))),
    ]
}

fn of_coinbase_advanced() -> Vec<Kind> {
    let trade = |product: &str, id: &str| {
        json!({"product_id": product, "trade_id": id, "price": "1.5", "size": "0.25",
            "time": "2026-01-01T00:00:00.123456Z", "side": "BUY"})
    };
    let ticker = |product: &str| {
        json!({"type": "ticker", "product_id": product, "price": "1.5", "volume_24_h": "12.5",
            "low_24_h": "1.25", "high_24_h": "2.25", "low_52_w": "1", "high_52_w": "3",
            "price_percent_chg_24_h": "1.5", "best_bid": "1.4", "best_bid_quantity": "2",
            "best_ask": "1.6", "best_ask_quantity": "3"})
    };
    let bar = |start: &str, product: &str| {
        json!({"start": start, "high": "2.5", "low": "1.25", "open": "1.5", "close": "2.25",
            "volume": "3.5", "product_id": product})
    };
    let level = |side: &str, price: &str| {
        json!({"side": side, "event_time": "2026-01-01T00:00:00.123456Z", "price_level": price,
            "new_quantity": "0.25"})
    };
    let book = |product: &str| {
        json!({"type": "update", "product_id": product,
            "updates": [level("bid", "1.5"), level("offer", "1.75")]})
    };
    let frame = |channel: &str, items, events: Value| {
        let frame = json!({"channel": channel, "client_id": "",
            "timestamp": "2026-01-01T00:00:00.2Z", "sequence_num": 7, "events": events});
        kind(ExchangeId::CoinbaseAdvanced, "product_id", items, frame)
    };
    let both = ["BTC-USD", "ETH-USD"];
    let trades = json!([trade(both[0], "5"), trade(both[0], "6"), trade(both[1], "9")]);
    let bars = json!([bar("1767225600", both[0]), bar("1767225900", both[1])]);
    vec![
        frame("market_trades", "/events/0/trades", json!([{"type": "update", "trades": trades}])),
        frame(
            "ticker",
            "/events/0/tickers",
            json!([{"type": "update", "tickers": both.map(ticker)}]),
        ),
        frame("candles", "/events/0/candles", json!([{"type": "update", "candles": bars}])),
        frame("l2_data", "/events", json!(both.map(book))),
    ]
}

/// Values that are no number, no text, no name, or none that fits.
fn spoilings() -> Vec<Option<Value>> {
    let texts =
        ["", " ", "x", "NaN", "-", "-1", "1e999", "0.-10000", "123456789012345678901234567890"];
    let others =
        [Value::Null, json!(true), json!(-1), json!(1e300), json!({}), json!([]), json!([[]])];
    let values = texts.into_iter().map(|text| json!(text)).chain(others);
    values.map(Some).chain([None]).collect()
}

/// Where every value inside of an item is, its lists and objects too.
fn places(item: &Value, at: &str, found: &mut Vec<String>) {
    let inner: Vec<(String, &Value)> = match item {
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(list) => {
            list.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect()
        }
        _ => return,
    };
    for (key, value) in inner {
        let place = format!("{at}/{}", key.replace('/', "~1"));
        places(value, &place, found);
        found.push(place);
    }
}

/// Puts a value there, or takes what is there out; of a list that would move the others, so that
/// nothing is taken out of one.
fn spoil(item: &mut Value, place: &str, with: Option<Value>) {
    let (parent, key) = place.rsplit_once('/').expect("a place inside");
    match with {
        Some(value) => *item.pointer_mut(place).expect("it is there") = value,
        None => {
            if let Some(Value::Object(fields)) = item.pointer_mut(parent) {
                fields.remove(key);
            }
        }
    }
}

/// Reads a frame by an adapter that knows the symbols of every exchange.
fn parse(exchange: ExchangeId, text: &[u8]) -> (Result<Frame, Rejected>, Batch) {
    let mut bytes = text.to_vec();
    bytes.resize(text.len() + FRAME_PADDING, 0);
    let mut adapter = adapter(exchange);
    let mut natives: Vec<String> = Vec::new();
    for native in NATIVES {
        natives.push(native.to_owned());
    }
    let ids = (0..).map(InstrumentId);
    adapter.set_instruments(NativeMap::new(natives.iter().map(String::as_str).zip(ids)));
    let mut batch = Batch::new();
    let outcome = adapter.parse(PaddedFrame::new(&mut bytes, text.len()), &mut batch);
    (outcome, batch)
}

fn read(exchange: ExchangeId, frame: &Value) -> Read {
    let (outcome, batch) = parse(exchange, frame.to_string().as_bytes());
    let ticks = batch.ticks.iter().map(|tick| told_apart(&format!("{tick:?}")));
    let books = batch.books.iter().map(|book| {
        let levels = batch.levels_of(book);
        format!("{:?} {levels:?}", tickwire::exchange::BookUpdate { levels: 0..0, ..book.clone() })
    });
    let lost = batch.losses.iter().map(|loss| loss.count).sum();
    Read { outcome, told: ticks.chain(books).collect(), lost }
}

/// What is told, without what says whether another candle of the frame begins later.
fn told_apart(tick: &str) -> String {
    match tick.split_once("flags: ") {
        Some((before, after)) => {
            format!("{before}{}", after.split_once(')').map_or(after, |(_, rest)| rest))
        }
        None => tick.to_owned(),
    }
}

/// Whether all of `few` stands in `all`, in that order.
fn holds(all: &[String], few: &[String]) -> bool {
    let mut all = all.iter();
    few.iter().all(|one| all.any(|other| other == one))
}

#[test]
fn a_value_that_cannot_be_read_costs_its_item_at_most() {
    for Kind { exchange, frame, items, symbol } in kinds() {
        let whole = read(exchange, &frame);
        assert!(matches!(whole.outcome, Ok(Frame::Data { .. })), "{exchange}: {frame}");
        assert_eq!(whole.lost, 0, "{exchange}: {frame}");
        let count = frame.pointer(items).and_then(Value::as_array).expect("a list").len();
        for index in 0..count {
            let item = frame.pointer(items).expect("a list")[index].clone();
            let with = |item: Option<Value>| {
                let mut frame = frame.clone();
                let list = frame.pointer_mut(items).and_then(Value::as_array_mut).expect("a list");
                match item {
                    Some(item) => list[index] = item,
                    None => drop(list.remove(index)),
                }
                frame
            };
            let without = read(exchange, &with(None));
            assert!(without.told.len() < whole.told.len(), "{exchange}: the item says something");
            let mut found = Vec::new();
            places(&item, "", &mut found);
            let spoilt = found.iter().flat_map(|place| {
                spoilings().into_iter().map(|value| {
                    let mut item = item.clone();
                    spoil(&mut item, place, value);
                    (place.rsplit_once('/').map(|(_, key)| key) == Some(symbol), item)
                })
            });
            let replaced = spoilings().into_iter().flatten().map(|value| (false, value));
            for (is_symbol, item) in spoilt.chain(replaced) {
                let frame = with(Some(item));
                let read = read(exchange, &frame);
                let text = format!("{exchange}: {frame}");
                assert!(
                    matches!(read.outcome, Ok(Frame::Data { .. })),
                    "{:?} {text}",
                    read.outcome
                );
                assert!(holds(&read.told, &without.told), "{:#?} {text}", read.told);
                let says_nothing = read.told.len() == without.told.len();
                assert!(!says_nothing || is_symbol || read.lost > 0, "it is not counted: {text}");
                assert!(read.lost <= 1, "{} are lost: {text}", read.lost);
            }
        }
    }
}

/// Every way in which a date comes in, each with `DATE` for it.
const DATED: &[(ExchangeId, Unit, &str)] = &[
    (
        ExchangeId::Binance,
        Unit::Millis,
        r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":DATE,"s":"BTCUSDT","t":7,"p":"1","q":"2","T":DATE,"m":true,"M":true}}"#,
    ),
    (
        ExchangeId::Binance,
        Unit::Millis,
        r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":DATE,"s":"BTCUSDT","U":1,"u":2,"b":[["1","2"]],"a":[]}}"#,
    ),
    (
        ExchangeId::BinanceFutures,
        Unit::Millis,
        r#"{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":1,"s":"BTCUSDT","b":"1","B":"1","a":"2","A":"1","T":DATE,"E":DATE}}"#,
    ),
    (
        ExchangeId::Bybit,
        Unit::Millis,
        r#"{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":DATE,"data":[{"T":DATE,"s":"BTCUSDT","S":"Buy","v":"0.5","p":"1.5","L":"PlusTick","i":"2290000000000000001","BT":false}]}"#,
    ),
    (
        ExchangeId::BybitLinear,
        Unit::Millis,
        r#"{"topic":"orderbook.200.BTCUSDT","ts":DATE,"type":"snapshot","data":{"s":"BTCUSDT","b":[["1","2"]],"a":[],"u":1,"seq":2},"cts":DATE}"#,
    ),
    (
        ExchangeId::Okx,
        Unit::Millis,
        r#"{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"130639474","px":"1.5","sz":"0.25","side":"sell","ts":"DATE","count":"1"}]}"#,
    ),
    (
        ExchangeId::Okx,
        Unit::Millis,
        r#"{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"snapshot","data":[{"asks":[["2","1","0","1"]],"bids":[],"ts":"DATE","checksum":0,"seqId":2,"prevSeqId":-1}]}"#,
    ),
    (
        ExchangeId::Kraken,
        Unit::Text,
        r#"{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":1.5,"qty":0.25,"ord_type":"limit","trade_id":5,"timestamp":"DATE"}]}"#,
    ),
    (
        ExchangeId::Kraken,
        Unit::Text,
        r#"{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[{"price":1.5,"qty":2.5}],"asks":[],"checksum":7,"timestamp":"DATE"}]}"#,
    ),
    (
        ExchangeId::KrakenV1,
        Unit::SecondsText,
        r#"[0,[["5541.20000","0.15850568","DATE","s","l",""]],"trade","BTC/USD"]"#,
    ),
    (
        ExchangeId::KrakenV1,
        Unit::SecondsText,
        r#"[0,["5698.40000","5700.00000","DATE","1.01234567","0.98765432"],"spread","BTC/USD"]"#,
    ),
    (
        ExchangeId::Coinbase,
        Unit::Text,
        r#"{"type":"match","trade_id":10,"maker_order_id":"ac928c66-ca53-498f-9c13-a110027a60e8","taker_order_id":"132fb6ae-456b-4654-b4e0-d681ac05cea1","side":"sell","size":"5.23512","price":"400.23","product_id":"BTC-USD","sequence":50,"time":"DATE"}"#,
    ),
    (
        ExchangeId::Coinbase,
        Unit::Text,
        r#"{"type":"l2update","product_id":"BTC-USD","changes":[["buy","1","2"]],"time":"DATE"}"#,
    ),
    (
        ExchangeId::CoinbaseAdvanced,
        Unit::Text,
        r#"{"channel":"market_trades","client_id":"","timestamp":"DATE","sequence_num":7,"events":[{"type":"update","trades":[{"product_id":"BTC-USD","trade_id":"5","price":"1.5","size":"0.25","time":"DATE","side":"BUY"}]}]}"#,
    ),
    (
        ExchangeId::CoinbaseAdvanced,
        Unit::Text,
        r#"{"channel":"l2_data","client_id":"","timestamp":"DATE","sequence_num":7,"events":[{"type":"update","product_id":"BTC-USD","updates":[{"side":"bid","event_time":"DATE","price_level":"1.5","new_quantity":"0.25"}]}]}"#,
    ),
    (
        ExchangeId::Deriv,
        Unit::Seconds,
        r#"{"echo_req":{"ticks":"BTCUSDT"},"msg_type":"tick","subscription":{"id":"b4d42748-0744-c46b-f59b-cb7dd936bafa"},"tick":{"ask":2.1,"bid":2,"epoch":DATE,"id":"b4d42748-0744-c46b-f59b-cb7dd936bafa","pip_size":2,"quote":2.05,"symbol":"BTCUSDT"}}"#,
    ),
];

/// The same of candles, with `DATE` for where they begin, or end.
const BARS: &[(ExchangeId, Unit, &str)] = &[
    (
        ExchangeId::Binance,
        Unit::Millis,
        r#"{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1767225600123,"s":"BTCUSDT","k":{"t":DATE,"T":1767225659999,"s":"BTCUSDT","i":"1m","o":"1","c":"1","h":"1","l":"1","v":"1","n":1,"x":false}}}"#,
    ),
    (
        ExchangeId::Bybit,
        Unit::Millis,
        r#"{"topic":"kline.1.BTCUSDT","type":"snapshot","ts":1767225660100,"data":[{"start":DATE,"end":1767225659999,"interval":"1","open":"1.5","close":"2","high":"2.5","low":"1","volume":"3.25","turnover":"5","confirm":false,"timestamp":1767225600123}]}"#,
    ),
    (
        ExchangeId::Okx,
        Unit::Millis,
        r#"{"arg":{"channel":"candle1m","instId":"BTC-USDT"},"data":[["DATE","1.5","2.5","1","2","3","4","5","0"]]}"#,
    ),
    (
        ExchangeId::Kraken,
        Unit::Text,
        r#"{"channel":"ohlc","type":"update","timestamp":"2026-01-01T00:00:01.000000Z","data":[{"symbol":"BTC/USD","open":1.5,"high":2.5,"low":1.25,"close":2.25,"trades":4,"volume":3.5,"vwap":1.75,"interval_begin":"DATE","interval":1,"timestamp":"2026-01-01T00:01:00.000000Z"}]}"#,
    ),
    (
        ExchangeId::KrakenV1,
        Unit::SecondsText,
        r#"[42,["1767225600.748456","DATE","3586.7","3586.8","3586.6","3586.65","3586.68","0.03",2],"ohlc-1","BTC/USD"]"#,
    ),
    (
        ExchangeId::CoinbaseAdvanced,
        Unit::Seconds,
        r#"{"channel":"candles","client_id":"","timestamp":"2026-01-01T00:00:00.2Z","sequence_num":7,"events":[{"type":"update","candles":[{"start":"DATE","high":"2.5","low":"1.25","open":"1.5","close":"2.25","volume":"3.5","product_id":"BTC-USD"}]}]}"#,
    ),
    (
        ExchangeId::Deriv,
        Unit::Seconds,
        r#"{"msg_type":"ohlc","ohlc":{"close":"1.5","epoch":1767225601,"granularity":60,"high":"2","id":"b4d42748-0744-c46b-f59b-cb7dd936bafa","low":"1","open":"1","open_time":DATE,"pip_size":2,"symbol":"BTCUSDT"},"req_id":8,"subscription":{"id":"b4d42748-0744-c46b-f59b-cb7dd936bafa"}}"#,
    ),
];

/// How a date is written.
#[derive(Clone, Copy)]
enum Unit {
    Millis,
    Seconds,
    /// With a fraction, in a string.
    SecondsText,
    Text,
}

impl Unit {
    /// One of our days, at the begin of five minutes.
    const fn good(self) -> &'static str {
        match self {
            Self::Millis => "1767225600000",
            Self::Seconds => "1767225600",
            Self::SecondsText => "1767225600.000000",
            Self::Text => "2026-01-01T00:00:00.000000Z",
        }
    }

    /// The begin of the first day that is believed.
    const fn first(self) -> &'static str {
        match self {
            Self::Millis => "1230940800000",
            Self::Seconds => "1230940800",
            Self::SecondsText => "1230940800.000000",
            Self::Text => "2009-01-03T00:00:00.000000Z",
        }
    }

    /// Dates at which nothing can have happened: zero, another unit, the last moment before.
    const fn slips(self) -> [&'static str; 4] {
        match self {
            Self::Millis => ["0", "1", "1767225600", "1230940799999"],
            Self::Seconds => ["0", "60", "1767225", "1230940799"],
            Self::SecondsText => ["0.000001", "60.000000", "1767225.600000", "1230940799.999999"],
            Self::Text => [
                "1970-01-01T00:00:00.000001Z",
                "1970-01-21T10:53:45.600Z",
                "2008-12-31T00:00:00Z",
                "2009-01-02T23:59:59.999999Z",
            ],
        }
    }
}

impl Unit {
    /// The same of a bar that begins where one may.
    const fn begins_before(self) -> [&'static str; 2] {
        match self {
            Self::Millis => ["0", "1230854400000"],
            Self::Seconds => ["0", "1230854400"],
            Self::SecondsText => ["60.000000", "1230940800.000000"],
            Self::Text => ["1970-01-01T00:00:00Z", "2009-01-02T00:00:00Z"],
        }
    }
}

/// The dates of all that a frame holds, and how many were left out.
fn dates(exchange: ExchangeId, frame: &str) -> (Vec<UnixNanos>, u32) {
    let (outcome, batch) = parse(exchange, frame.as_bytes());
    assert!(matches!(outcome, Ok(Frame::Data { .. })), "{exchange}: {frame}: {outcome:?}");
    assert!(batch.losses.is_empty(), "{exchange}: {frame}");
    let ticks = batch.ticks.iter().map(|one| one.tick.exchange_time);
    let all = ticks.chain(batch.books.iter().map(|book| book.exchange_time));
    (all.chain([batch.sent]).collect(), batch.dates_refused)
}

#[test]
fn a_date_from_before_any_exchange_costs_the_date_and_not_the_event() {
    for &(exchange, unit, frame) in DATED {
        for good in [unit.good(), unit.first()] {
            let (found, refused) = dates(exchange, &frame.replace("DATE", good));
            let is_dated = found.iter().any(|date| date.is_some());
            assert!(is_dated && refused == 0, "{exchange}: {frame}: {good}");
        }
        for slip in unit.slips() {
            let (found, refused) = dates(exchange, &frame.replace("DATE", slip));
            assert_eq!(refused, 1, "{exchange}: {frame}: {slip}");
            assert!(found.iter().all(|date| !date.is_some()), "{exchange}: {frame}: {slip}");
        }
    }
}

#[test]
fn a_volume_that_is_left_open_costs_no_candle() {
    let volumes = [
        (ExchangeId::Binance, r#""v":"1""#, "\"v\":VALUE"),
        (ExchangeId::Bybit, r#""volume":"3.25""#, "\"volume\":VALUE"),
        (ExchangeId::Okx, r#""2","3","4","5""#, r#""2",VALUE,"4","5""#),
        (ExchangeId::Kraken, r#""volume":3.5"#, "\"volume\":VALUE"),
        (ExchangeId::KrakenV1, r#""0.03""#, "VALUE"),
        (ExchangeId::CoinbaseAdvanced, r#""volume":"3.5""#, "\"volume\":VALUE"),
    ];
    for (of, written, open) in volumes {
        let bar = BARS.iter().find(|(exchange, ..)| *exchange == of);
        let &(exchange, unit, frame) = bar.expect("it has bars");
        for value in ["\"\"", "null"] {
            let text = frame.replace("DATE", unit.good()).replace(written, open);
            let (outcome, batch) = parse(exchange, text.replace("VALUE", value).as_bytes());
            assert!(matches!(outcome, Ok(Frame::Data { .. })), "{exchange}: {text}: {outcome:?}");
            let [prices, volume] = &batch.ticks[..] else { panic!("{exchange}: {text}") };
            let bar = Candle::join(&prices.tick.body, &volume.tick.body).expect("a candle");
            assert!(!bar.states_volume && batch.losses.is_empty(), "{exchange}: {text}");
        }
    }
}

#[test]
fn a_candle_that_begins_before_any_exchange_is_none() {
    for &(exchange, unit, frame) in BARS {
        let is_possible = |date: &str| {
            let (outcome, batch) = parse(exchange, frame.replace("DATE", date).as_bytes());
            assert!(matches!(outcome, Ok(Frame::Data { .. })), "{exchange}: {frame}: {outcome:?}");
            batch.is_possible_candle(0)
        };
        assert!(is_possible(unit.good()), "{exchange}: {frame}");
        for slip in unit.begins_before() {
            assert!(!is_possible(slip), "{exchange}: {frame}: {slip}");
        }
    }
}

#[test]
fn an_item_that_names_another_symbol_than_its_frame_is_nobodys() {
    let frames = [
        (
            ExchangeId::Binance,
            json!({"stream": "ethusdt@trade", "data": {"e": "trade", "E": 1_767_225_600_123_u64,
                "s": "BTCUSDT", "t": 7, "p": "1.5", "q": "2", "T": 1_767_225_600_123_u64,
                "m": true, "M": true}}),
        ),
        (
            ExchangeId::BinanceFutures,
            json!({"stream": "ethusdt@depth@100ms", "data": {"e": "depthUpdate",
                "E": 1_767_225_600_123_u64, "T": 1_767_225_600_123_u64, "s": "BTCUSDT", "U": 1,
                "u": 2, "pu": 0, "b": [["1", "2"]], "a": []}}),
        ),
        (
            ExchangeId::Binance,
            json!({"stream": "ethusdt@bookTicker", "data": {"u": 4, "s": "BTCUSDT", "b": "1",
                "B": "2", "a": "3", "A": "4"}}),
        ),
        (
            ExchangeId::Bybit,
            json!({"topic": "tickers.ETHUSDT", "type": "snapshot", "ts": 1_767_225_600_123_u64,
                "data": {"symbol": "BTCUSDT", "lastPrice": "1"}}),
        ),
        (
            ExchangeId::BybitLinear,
            json!({"topic": "orderbook.50.ETHUSDT", "type": "snapshot",
                "ts": 1_767_225_600_123_u64,
                "data": {"s": "BTCUSDT", "b": [["1", "2"]], "a": [], "u": 1, "seq": 2}}),
        ),
        (
            ExchangeId::Okx,
            json!({"arg": {"channel": "trades", "instId": "BTC-USDT"}, "data": [
                {"instId": "ETH-USDT", "tradeId": "1", "px": "1", "sz": "2", "side": "sell",
                    "ts": "1767225600123", "count": "1"}]}),
        ),
        (
            ExchangeId::Okx,
            json!({"arg": {"channel": "tickers", "instId": "BTC-USDT"}, "data": [
                {"instType": "SPOT", "instId": "ETH-USDT", "last": "1", "ts": "1767225600123"}]}),
        ),
    ];
    for (exchange, frame) in frames {
        let Read { outcome, told, lost } = read(exchange, &frame);
        assert_eq!((outcome, lost), (Err(Rejected::Contradiction), 1), "{exchange}: {frame}");
        assert!(told.is_empty(), "{exchange}: {frame}");
    }
    // Of several items the others stay; those of a coin's topic each name their own.
    let trade = |symbol: &str, id: &str| {
        json!({"T": 1_767_225_600_123_u64, "s": symbol, "S": "Buy", "v": "0.5", "p": "2",
            "L": "PlusTick", "i": id, "BT": false})
    };
    let frame = |topic: &str| {
        let data = [trade("BTCUSDT", "1"), trade("ETHUSDT", "2"), trade("BTCUSDT", "3")];
        json!({"topic": topic, "type": "snapshot", "ts": 1_767_225_600_130_u64, "data": data})
    };
    let of_one = read(ExchangeId::BybitLinear, &frame("publicTrade.BTCUSDT"));
    assert_eq!((of_one.told.len(), of_one.lost), (2, 1));
    let of_coin = read(ExchangeId::BybitLinear, &frame("publicTrade.BTC"));
    assert_eq!((of_coin.told.len(), of_coin.lost), (2, 0));
}

/// Frames, each with what ends the name of its stream, and that stream.
const NAMED: &[(ExchangeId, &str, &str, &str, Channel)] = &[
    (
        ExchangeId::Binance,
        r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1767225600123,"s":"BTCUSDT","U":1,"u":2,"b":[["1","2"]],"a":[]}}"#,
        "100ms\"",
        "BTCUSDT",
        Channel::Orderbook,
    ),
    (
        ExchangeId::BinanceFutures,
        r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1767225600123,"T":1767225600123,"s":"BTCUSDT","t":7,"p":"1","q":"2","X":"MARKET","m":true}}"#,
        "trade\"",
        "BTCUSDT",
        Channel::Trades,
    ),
    (
        ExchangeId::BybitLinear,
        r#"{"topic":"orderbook.200.BTCUSDT","ts":1767225600123,"type":"snapshot","data":{"s":"BTCUSDT","b":[["1","2"]],"a":[],"u":1,"seq":2},"cts":1767225600120}"#,
        "BTCUSDT\"",
        "BTCUSDT",
        Channel::Orderbook,
    ),
    (
        ExchangeId::Okx,
        r#"{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[["2","1","0","1"]],"bids":[],"ts":"1767225600123","checksum":0,"seqId":2,"prevSeqId":1}]}"#,
        "BTC-USDT\"",
        "BTC-USDT",
        Channel::Orderbook,
    ),
    (
        ExchangeId::Kraken,
        r#"{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[{"price":1.5,"qty":2.5}],"asks":[],"checksum":7,"timestamp":"2026-01-01T00:00:00.123456Z"}]}"#,
        "BTC/USD\"",
        "BTC/USD",
        Channel::Orderbook,
    ),
    (
        ExchangeId::Coinbase,
        r#"{"type":"l2update","product_id":"BTC-USD","changes":[["buy","1","2"]],"time":"2026-01-01T00:00:00.123456Z"}"#,
        "BTC-USD\"",
        "BTC-USD",
        Channel::Orderbook,
    ),
    (
        ExchangeId::CoinbaseAdvanced,
        r#"{"channel":"l2_data","client_id":"","timestamp":"2026-01-01T00:00:00.2Z","sequence_num":7,"events":[{"type":"update","product_id":"BTC-USD","updates":[]}]}"#,
        "BTC-USD\"",
        "BTC-USD",
        Channel::Orderbook,
    ),
];

#[test]
fn a_frame_that_cannot_be_read_is_of_the_stream_that_it_names() {
    for &(exchange, text, end, native, channel) in NAMED {
        let whole = parse(exchange, text.as_bytes());
        assert!(whole.0.is_ok() && whole.1.losses.is_empty(), "{exchange}: {text}");
        let named = text.find(end).expect("it names its stream") + end.len();
        let place = NATIVES.iter().position(|one| *one == native).expect("it is known");
        let own = (Some(InstrumentId(place as u32)), channel);
        for length in 1..text.len() {
            for tail in [&b""[..], b"\xff"] {
                let cut = [&text.as_bytes()[..length], tail].concat();
                let (outcome, batch) = parse(exchange, &cut);
                let lost: Vec<_> =
                    batch.losses.iter().map(|loss| (loss.instrument, loss.channel)).collect();
                let told = String::from_utf8_lossy(&cut).into_owned();
                assert_eq!(outcome, Err(Rejected::NotJson), "{exchange}: {told}");
                // Of a frame that names its channel alone it may be anybody's.
                let expected = match length < named {
                    true if lost.is_empty() => vec![],
                    true => vec![(None, channel)],
                    false => vec![own],
                };
                assert_eq!(lost, expected, "{exchange}: {told}");
            }
        }
    }
}

#[test]
fn what_a_stream_of_ours_brings_is_its_own_or_lost() {
    for inner in [
        "null",
        "5",
        "{}",
        r#"{"e":5}"#,
        r#"{"e":"depthUpdat","s":"BTCUSDT"}"#,
        r#"{"e":"depthUpdate","s":7,"U":1,"u":2}"#,
        r#"{"e":"trade","s":"BTCUSDT"}"#,
    ] {
        let text = format!(r#"{{"stream":"btcusdt@depth@100ms","data":{inner}}}"#);
        let (outcome, batch) = parse(ExchangeId::Binance, text.as_bytes());
        let lost: Vec<_> =
            batch.losses.iter().map(|loss| (loss.instrument, loss.channel)).collect();
        assert!(outcome.is_err(), "{text}");
        assert_eq!(lost, [(Some(InstrumentId(0)), Channel::Orderbook)], "{text}");
    }
}
