//! Numbers of 1 to 25 digits in every kind of item of every exchange, on both paths of parsing: what
//! 18 digits hold comes out as it was written, anything longer costs its item, which is noted, and is
//! never rounded. Coinbase's change in percent is computed there to any number of digits, and is `null`
//! where it does not fit; so it is not among them.

mod common;

use proptest::prelude::*;
use tickwire::exchange::binance::Binance;
use tickwire::exchange::bybit::Bybit;
use tickwire::exchange::coinbase::Coinbase;
use tickwire::exchange::coinbase_advanced::CoinbaseAdvanced;
use tickwire::exchange::deriv::Deriv;
use tickwire::exchange::kraken::Kraken;
use tickwire::exchange::okx::Okx;
use tickwire::exchange::{Batch, Exchange, Frame, Rejected};
use tickwire::instrument::{ExchangeId, InstrumentId, NativeMap};
use tickwire::json::PaddedFrame;
use tickwire::limits::FRAME_PADDING;
use tickwire::tick::{Body, Candle, DIGITS_MAX, Ticker};

use common::parse::General;

/// What a frame came to on one path.
#[derive(Debug, PartialEq)]
struct Read {
    is_data: bool,
    recognised: bool,
    /// Every number of every item, in their order; `-` where none is stated.
    numbers: Vec<String>,
    lost: Vec<Rejected>,
}

/// Reads one text by both paths of fresh adapters.
type Reader = Box<dyn Fn(&str) -> [Read; 2]>;

/// A kind of item: a frame with `#` where its numbers stand.
struct Kind {
    name: &'static str,
    reader: Reader,
    frame: &'static str,
    /// Read in place when its numbers are usual.
    is_hot: bool,
}

fn reader<E: Exchange + 'static>(
    new: impl Fn() -> E + 'static,
    general: General<E>,
    native: &'static str,
) -> Reader {
    Box::new(move |text| {
        let made = || {
            let mut adapter = new();
            adapter.set_instruments(NativeMap::new([(native, InstrumentId(0))]));
            adapter
        };
        let whole = read(text, |frame, batch| made().parse(frame, batch));
        let general = read(text, |frame, batch| general(&mut made(), frame, batch));
        [whole, general]
    })
}

fn read(
    text: &str,
    parse: impl FnOnce(PaddedFrame<'_>, &mut Batch) -> Result<Frame, Rejected>,
) -> Read {
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(text.len() + FRAME_PADDING, b' ');
    let mut batch = Batch::new();
    let outcome = parse(PaddedFrame::new(&mut bytes, text.len()), &mut batch);
    let mut lost: Vec<_> = batch.losses.iter().map(|loss| loss.rejected).collect();
    if lost.is_empty() {
        // Where all of a frame is lost the frame is refused for what its items are.
        lost.extend(outcome.as_ref().err());
    }
    let recognised = matches!(outcome, Ok(Frame::Data { recognised: true }));
    let is_data = matches!(outcome, Ok(Frame::Data { .. }));
    Read { is_data, recognised, numbers: numbers(&batch), lost }
}

fn numbers(batch: &Batch) -> Vec<String> {
    fn shown(number: Option<impl ToString>) -> String {
        number.map_or_else(|| "-".to_owned(), |number| number.to_string())
    }
    let mut numbers = Vec::new();
    let (mut ticker, mut prices) = (Ticker::default(), None);
    for tick in &batch.ticks {
        let body = tick.tick.body;
        if let Some(trade) = body.trade() {
            numbers.extend([trade.price, trade.size].map(|one| one.to_string()));
        } else if let Some(quote) = body.quote() {
            let all = [quote.bid, quote.bid_size, quote.ask, quote.ask_size];
            numbers.extend(all.map(shown));
        } else if let Body::CandlePrices { .. } = body {
            prices = Some(body);
        } else if let Body::CandleVolume { .. } = body {
            let prices = prices.take().expect("its prices");
            let candle = Candle::join(&prices, &body).expect("a candle");
            let all = [candle.open, candle.high, candle.low, candle.close];
            numbers.extend(all.map(|one| one.to_string()));
            numbers.push(candle.volume.to_string());
        } else if ticker.absorb(&body) {
            let Ticker { last, open, high, low, bid, ask, change, change_percent, .. } = ticker;
            let all = [last, open, high, low, bid, ask, change, change_percent];
            numbers.extend(all.map(shown));
            numbers.extend([ticker.volume, ticker.quote_volume].map(shown));
        }
    }
    for book in &batch.books {
        for level in batch.levels_of(book) {
            numbers.extend([level.price, level.size].map(|one| one.to_string()));
        }
    }
    numbers
}

fn of(
    name: &'static str,
    reader: impl Fn() -> Reader,
    frames: &[(bool, &'static str)],
    kinds: &mut Vec<Kind>,
) {
    let made = |&(is_hot, frame)| Kind { name, reader: reader(), frame, is_hot };
    kinds.extend(frames.iter().map(made));
}

fn kinds() -> Vec<Kind> {
    let mut kinds = Vec::new();
    of_binance(&mut kinds);
    of_bybit(&mut kinds);
    of_coinbase(&mut kinds);
    of_deriv(&mut kinds);
    of_kraken(&mut kinds);
    of_okx(&mut kinds);
    kinds
}

fn of_binance(kinds: &mut Vec<Kind>) {
    let at = |exchange| {
        move || reader(move || Binance::new(exchange), Binance::parse_general, "BTCUSDT")
    };
    let spot = [
        (
            true,
            r##"{"stream":"btcusdt@trade","data":{"e":"trade","E":1783465157897,"s":"BTCUSDT","t":12345,"p":"#","q":"#","T":1783465157896,"m":true,"M":true}}"##,
        ),
        (
            true,
            r##"{"stream":"btcusdt@bookTicker","data":{"u":499869768,"s":"BTCUSDT","b":"#","B":"#","a":"#","A":"#"}}"##,
        ),
        (
            true,
            r##"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1783465157897,"s":"BTCUSDT","U":157,"u":160,"b":[["#","#"],["#","1.5"]],"a":[["#","#"]]}}"##,
        ),
        (
            false,
            r##"{"stream":"btcusdt@ticker","data":{"e":"24hrTicker","E":1569805259092,"s":"BTCUSDT","p":"#","P":"#","w":"1.5","x":"1.5","c":"#","Q":"1.5","b":"#","B":"#","a":"#","A":"#","o":"#","h":"#","l":"#","v":"#","q":"#","O":1569718859088,"C":1569805259088,"F":-1,"L":-1,"n":514}}"##,
        ),
        (
            false,
            r##"{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1633998523963,"s":"BTCUSDT","k":{"t":1633998480000,"T":1633998539999,"s":"BTCUSDT","i":"1m","f":1,"L":2,"o":"#","c":"#","h":"#","l":"#","v":"#","n":30,"x":false,"q":"1.5","V":"1.5","Q":"1.5","B":"0"}}}"##,
        ),
    ];
    of("binance", at(ExchangeId::Binance), &spot, kinds);
    let futures = [
        (
            true,
            r##"{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1626992741575,"a":16599292,"s":"BTCUSDT","p":"#","q":"#","nq":"1.5","f":1,"l":2,"T":1626992741427,"m":false,"st":1}}"##,
        ),
        (
            true,
            r##"{"stream":"btcusdt@depth","data":{"e":"depthUpdate","E":1626992741037,"T":1626992741024,"s":"BTCUSDT","U":1,"u":2,"pu":0,"b":[["#","#"]],"a":[["#","#"]]}}"##,
        ),
    ];
    of("binance-futures", at(ExchangeId::BinanceFutures), &futures, kinds);
}

fn of_bybit(kinds: &mut Vec<Kind>) {
    let made = || reader(|| Bybit::new(ExchangeId::BybitLinear), Bybit::parse_general, "BTCUSDT");
    let frames = [
        (
            true,
            r##"{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1767225600130,"data":[{"T":1767225600123,"s":"BTCUSDT","S":"Buy","v":"#","p":"#","L":"PlusTick","i":"2a0da34e-61f7-4c36-88e5-c9dd15927b16","BT":false}]}"##,
        ),
        (
            true,
            r##"{"topic":"orderbook.50.BTCUSDT","type":"snapshot","ts":1672304484978,"data":{"s":"BTCUSDT","b":[["#","#"]],"a":[["#","#"],["#","1.5"]],"u":18521288,"seq":7961638724},"cts":1672304484976}"##,
        ),
        (
            true,
            r##"{"topic":"orderbook.1.BTCUSDT","type":"snapshot","ts":1672304484978,"data":{"s":"BTCUSDT","b":[["#","#"]],"a":[["#","#"]],"u":18521288,"seq":7961638724},"cts":1672304484976}"##,
        ),
        (
            false,
            r##"{"topic":"tickers.BTCUSDT","type":"snapshot","data":{"symbol":"BTCUSDT","tickDirection":"ZeroMinusTick","price24hPcnt":"0.023333","lastPrice":"#","prevPrice24h":"#","highPrice24h":"#","lowPrice24h":"#","turnover24h":"#","volume24h":"#","bid1Price":"#","bid1Size":"1.5","ask1Price":"#","ask1Size":"1.5"},"cs":50193544280,"ts":1680673821770}"##,
        ),
        (
            false,
            r##"{"topic":"kline.1.BTCUSDT","data":[{"start":1672324800000,"end":1672324859999,"interval":"1","open":"#","close":"#","high":"#","low":"#","volume":"#","turnover":"1.5","confirm":true,"timestamp":1672324860000}],"ts":1672324860002,"type":"snapshot"}"##,
        ),
    ];
    of("bybit-linear", made, &frames, kinds);
}

fn of_coinbase(kinds: &mut Vec<Kind>) {
    let made = || reader(Coinbase::new, Coinbase::parse_general, "BTC-USD");
    let frames = [
        (
            true,
            r##"{"type":"match","trade_id":86326522,"maker_order_id":"2a0da34e-61f7-4c36-88e5-c9dd15927b16","taker_order_id":"2a0da34e-61f7-4c36-88e5-c9dd15927b16","side":"buy","size":"#","price":"#","product_id":"BTC-USD","sequence":50,"time":"2026-08-09T21:05:48.264069Z"}"##,
        ),
        (
            true,
            r##"{"type":"l2update","product_id":"BTC-USD","changes":[["buy","#","#"],["sell","#","#"]],"time":"2026-08-09T21:05:48.264069Z"}"##,
        ),
        (
            true,
            r##"{"type":"snapshot","product_id":"BTC-USD","asks":[["#","#"]],"bids":[["#","#"]],"time":"2026-08-09T21:05:48.264069Z"}"##,
        ),
        (
            true,
            r##"{"type":"ticker","sequence":5,"product_id":"BTC-USD","price":"#","open_24h":"#","volume_24h":"#","low_24h":"#","high_24h":"#","volume_30d":"1.5","best_bid":"#","best_bid_size":"#","best_ask":"#","best_ask_size":"#","side":"buy","time":"2026-08-09T21:05:48.264069Z","trade_id":7,"last_size":"1.5"}"##,
        ),
    ];
    of("coinbase", made, &frames, kinds);
    let made = || reader(CoinbaseAdvanced::new, CoinbaseAdvanced::parse_general, "BTC-USD");
    let frames = [
        (
            true,
            r##"{"channel":"market_trades","client_id":"","timestamp":"2026-01-01T00:00:00.2Z","sequence_num":7,"events":[{"type":"update","trades":[{"product_id":"BTC-USD","trade_id":"5","price":"#","size":"#","time":"2026-01-01T00:00:00.123456Z","side":"BUY"}]}]}"##,
        ),
        (
            false,
            r##"{"channel":"l2_data","client_id":"","timestamp":"2026-01-01T00:00:00.2Z","sequence_num":7,"events":[{"type":"update","product_id":"BTC-USD","updates":[{"side":"bid","event_time":"2026-01-01T00:00:00.123456Z","price_level":"#","new_quantity":"#"},{"side":"offer","event_time":"2026-01-01T00:00:00.123456Z","price_level":"#","new_quantity":"#"}]}]}"##,
        ),
        (
            false,
            r##"{"channel":"ticker","client_id":"","timestamp":"2026-01-01T00:00:00.2Z","sequence_num":7,"events":[{"type":"update","tickers":[{"type":"ticker","product_id":"BTC-USD","price":"#","volume_24_h":"#","low_24_h":"#","high_24_h":"#","low_52_w":"1","high_52_w":"3","price_percent_chg_24_h":"1.5","best_bid":"#","best_bid_quantity":"#","best_ask":"#","best_ask_quantity":"#"}]}]}"##,
        ),
        (
            false,
            r##"{"channel":"candles","client_id":"","timestamp":"2026-01-01T00:00:00.2Z","sequence_num":7,"events":[{"type":"update","candles":[{"start":"1767225600","high":"#","low":"#","open":"#","close":"#","volume":"#","product_id":"BTC-USD"}]}]}"##,
        ),
    ];
    of("coinbase-advanced", made, &frames, kinds);
}

fn of_deriv(kinds: &mut Vec<Kind>) {
    let made = || reader(Deriv::default, Deriv::parse_general, "R_50");
    let frames = [
        (
            true,
            r##"{"echo_req":{"ticks":"R_50"},"msg_type":"tick","subscription":{"id":"2a0da34e-61f7-4c36-88e5-c9dd15927b16"},"tick":{"ask":#,"bid":#,"epoch":1587547610,"id":"2a0da34e-61f7-4c36-88e5-c9dd15927b16","pip_size":4,"quote":#,"symbol":"R_50"}}"##,
        ),
        (
            false,
            r##"{"echo_req":{"adjust_start_time":1,"count":60,"end":"latest","granularity":60,"req_id":8,"start":1,"style":"candles","subscribe":1,"ticks_history":"R_50"},"msg_type":"ohlc","ohlc":{"close":"#","epoch":1587547625,"granularity":60,"high":"#","id":"2a0da34e-61f7-4c36-88e5-c9dd15927b16","low":"#","open":"#","open_time":1587547620,"pip_size":2,"symbol":"R_50"},"req_id":8,"subscription":{"id":"2a0da34e-61f7-4c36-88e5-c9dd15927b16"}}"##,
        ),
        (
            false,
            r##"{"candles":[{"close":#,"epoch":1746777480,"high":#,"low":#,"open":#}],"echo_req":{"count":1,"end":"latest","granularity":60,"req_id":3,"style":"candles","subscribe":1,"ticks_history":"R_50"},"msg_type":"candles","pip_size":2,"req_id":3}"##,
        ),
    ];
    of("deriv", made, &frames, kinds);
}

fn of_kraken(kinds: &mut Vec<Kind>) {
    let made = || reader(|| Kraken::new(ExchangeId::Kraken), Kraken::parse_general, "BTC/USD");
    let frames = [
        (
            true,
            r##"{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell","price":#,"qty":#,"ord_type":"market","trade_id":4665906,"timestamp":"2023-09-25T07:49:37.708706Z"}]}"##,
        ),
        (
            true,
            r##"{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[{"price":#,"qty":#}],"asks":[{"price":#,"qty":#}],"checksum":7,"timestamp":"2026-01-01T00:00:00.123456Z"}]}"##,
        ),
        (
            true,
            r##"{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":#,"bid_qty":#,"ask":#,"ask_qty":#,"last":#,"volume":#,"vwap":1.5,"low":#,"high":#,"change":#,"change_pct":#}]}"##,
        ),
        (
            false,
            r##"{"channel":"ohlc","type":"update","timestamp":"2026-01-01T00:00:59.1Z","data":[{"symbol":"BTC/USD","open":#,"high":#,"low":#,"close":#,"trades":4,"volume":#,"vwap":1.75,"interval_begin":"2026-01-01T00:00:00.000000000Z","interval":1,"timestamp":"2026-01-01T00:01:00.000000Z"}]}"##,
        ),
    ];
    of("kraken", made, &frames, kinds);
    let made = || reader(|| Kraken::new(ExchangeId::KrakenV1), Kraken::parse_general, "XBT/USD");
    let frames = [
        (false, r##"[993,[["#","#","1618678145.715785","b","m",""]],"trade","XBT/USD"]"##),
        (
            false,
            r##"[1920,{"a":[["#","#","1618678145.920470"]]},{"b":[["#","#","1618678145.920708"]],"c":"4105471083"},"book-10","XBT/USD"]"##,
        ),
        (false, r##"[325,["#","#","1633053779.916349","#","#"],"spread","XBT/USD"]"##),
        (
            false,
            r##"[42,["1542057314.748456","1542057360.000000","#","#","#","#","1.5","#",2],"ohlc-1","XBT/USD"]"##,
        ),
    ];
    of("kraken-v1", made, &frames, kinds);
}

fn of_okx(kinds: &mut Vec<Kind>) {
    let made = || reader(Okx::new, Okx::parse_general, "BTC-USDT");
    let frames = [
        (
            true,
            r##"{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"130639474","px":"#","sz":"#","side":"sell","ts":"1767225600123","count":"1"}]}"##,
        ),
        (
            true,
            r##"{"arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"data":[{"asks":[["#","#","0","2"]],"bids":[["#","#","0","2"]],"ts":"1670324386802","seqId":363996337}]}"##,
        ),
        (
            true,
            r##"{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[["#","#","0","2"]],"bids":[["#","#","0","2"]],"ts":"1670324386802","checksum":7,"prevSeqId":1,"seqId":2}]}"##,
        ),
        (
            false,
            r##"{"arg":{"channel":"tickers","instId":"BTC-USDT"},"data":[{"instType":"SPOT","instId":"BTC-USDT","last":"#","lastSz":"1","askPx":"#","askSz":"3","bidPx":"#","bidSz":"4","open24h":"#","high24h":"#","low24h":"#","sodUtc0":"1.5","sodUtc8":"1.5","volCcy24h":"#","vol24h":"#","ts":"1652459223003"}]}"##,
        ),
        (
            false,
            r##"{"arg":{"channel":"candle1m","instId":"BTC-USDT"},"data":[["1767225600000","#","#","#","#","#","4","5","1"]]}"##,
        ),
    ];
    of("okx", made, &frames, kinds);
}

/// The frame with this number in one of its places, and a usual one in the others.
fn filled(frame: &str, place: usize, number: &str) -> String {
    let mut pieces = frame.split('#');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for (index, piece) in pieces.enumerate() {
        let usual = format!("{}.25", 100 + index);
        text += if index == place { number } else { &usual };
        text += piece;
    }
    text
}

/// A number of so many digits, its point before the first or behind any of them. Zeros behind the
/// point and before the first digit are none of its own, and need room all the same.
#[derive(Clone, Debug)]
struct Number {
    text: String,
    /// It fits 18 digits, and 18 behind the point.
    fits: bool,
}

fn number() -> impl Strategy<Value = Number> {
    let parts = ("[1-9][0-9]{24}", 1_usize..=25, 0_usize..=25, 0_usize..=20);
    parts.prop_map(|(digits, length, whole, zeros)| {
        let (digits, max) = (&digits[..length], usize::from(DIGITS_MAX));
        let whole = whole.min(length);
        let (text, behind) = match (&digits[..whole], &digits[whole..]) {
            ("", fraction) => (format!("0.{}{fraction}", "0".repeat(zeros)), zeros + length),
            (whole, "") => (whole.to_owned(), 0),
            (before, fraction) => (format!("{before}.{fraction}"), length - whole),
        };
        Number { text, fits: length <= max && behind <= max }
    })
}

/// Reads a number in one place of a kind, by both paths. False when that place is of no interest.
fn check(kind: &Kind, place: usize, number: &Number) -> bool {
    let Kind { name, reader, frame, .. } = kind;
    let usual = ["31.4159", "27.1828"].map(|usual| reader(&filled(frame, place, usual)));
    let text = filled(frame, place, &number.text);
    let told = reader(&text);
    assert_eq!(told[0].numbers, told[1].numbers, "{name}: the paths differ: {text}");
    assert_eq!(told[0].lost, told[1].lost, "{name}: the paths differ: {text}");
    let [[one, _], [other, _]] = &usual;
    assert_eq!(one.numbers.len(), other.numbers.len(), "{name}: {text}");
    let both = || one.numbers.iter().zip(&other.numbers);
    if one.numbers == other.numbers {
        // Nobody reads it.
        return false;
    }
    assert!(both().any(|(one, two)| one == "31.4159" && two == "27.1828"), "{name}: {text}");
    for read in told {
        let is_lost = !read.lost.is_empty();
        assert!(!(number.fits && is_lost), "{name}: {:?} of {text}", read.lost);
        if is_lost {
            assert_eq!(read.lost, [Rejected::Digits], "{name}: {text}");
            let is_known = |number: &String| both().any(|(one, two)| one == two && one == number);
            assert!(read.numbers.iter().all(is_known), "{name}: {:?} of {text}", read.numbers);
            continue;
        }
        assert!(read.is_data, "{name}: neither told nor lost: {text}");
        assert_eq!(read.numbers.len(), one.numbers.len(), "{name}: {text}");
        for (number_told, (one, two)) in read.numbers.iter().zip(both()) {
            if one == "31.4159" && two == "27.1828" {
                assert_eq!(*number_told, number.text, "{name}: {text}");
            } else if one == two {
                assert_eq!(number_told, one, "{name}: {text}");
            }
        }
    }
    true
}

#[test]
fn usual_numbers_of_the_frequent_kinds_are_read_in_place() {
    for Kind { name, reader, frame, is_hot } in kinds() {
        let text = filled(frame, usize::MAX, "");
        let [whole, general] = reader(&text);
        assert!(whole.is_data && general.is_data, "{name}: {whole:?} of {text}");
        assert!(!is_hot || whole.recognised, "{name}: {text}");
        assert!(!general.recognised, "{name}: {text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_number_is_told_as_it_was_written_or_noted_as_lost(number in number()) {
        for kind in kinds() {
            let places = 0..kind.frame.matches('#').count();
            let read = places.filter(|&place| check(&kind, place, &number)).count();
            prop_assert!(read >= 2, "{}: {read} places are read: {}", kind.name, kind.frame);
        }
    }
}

#[test]
fn every_count_of_digits_is_told_or_lost() {
    for length in 1..=25 {
        let digits = &"1234567890123456789012345"[..length];
        let fits = length <= usize::from(DIGITS_MAX);
        let mut numbers = vec![digits.to_owned(), format!("0.{digits}")];
        numbers
            .extend((1..length).map(|point| format!("{}.{}", &digits[..point], &digits[point..])));
        for kind in kinds() {
            for text in &numbers {
                let number = Number { text: text.clone(), fits };
                assert!(check(&kind, 0, &number), "{}: {}", kind.name, kind.frame);
            }
        }
    }
}
