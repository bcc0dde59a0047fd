//! What cannot be read is told on every carried channel that it may have been of.

mod common;

use std::fmt::Write;

use common::feed::{Rig, RigOptions};
use tickwire::instrument::{Channel, ExchangeId};
use tickwire::sim::{CaptureEnd, Options, Playback, Simulator, Speed};
use tickwire::tick::{Body, Interval, Reason, Ticker};

/// An exchange, and how it writes the `n`th ticker with that best bid.
struct Kind {
    exchange: ExchangeId,
    native: &'static str,
    /// What it has besides books.
    channels: &'static [Channel],
    ticker: fn(u32, &str) -> String,
}

const ALL: &[Channel] = &[Channel::Trades, Channel::Quotes, Channel::Ticker, Channel::Candles];
const NO_CANDLES: &[Channel] = &[Channel::Trades, Channel::Quotes, Channel::Ticker];
const NO_TRADES: &[Channel] = &[Channel::Quotes, Channel::Ticker, Channel::Candles];

/// Those whose quotes stand in tickers come first.
const KINDS: [Kind; 8] = [
    Kind {
        exchange: ExchangeId::Kraken,
        native: "AAA/USD",
        channels: ALL,
        ticker: |n, bid| {
            format!(
                r#"{{"channel":"ticker","type":"update","data":[{{"symbol":"AAA/USD","bid":{bid},"bid_qty":7.5,"ask":9000.5,"ask_qty":5.5,"last":{n},"volume":5.25,"vwap":6.5,"low":1.5,"high":9000.5,"change":0.5,"change_pct":0.25}}]}}"#
            )
        },
    },
    Kind {
        exchange: ExchangeId::Coinbase,
        native: "AAA-USDT",
        channels: NO_CANDLES,
        ticker: |n, bid| {
            format!(
                r#"{{"type":"ticker","sequence":{n},"product_id":"AAA-USDT","price":"{n}","open_24h":"1","volume_24h":"1","low_24h":"1","high_24h":"900","volume_30d":"1","best_bid":{bid},"best_bid_size":"1","best_ask":"9000","best_ask_size":"1","side":"buy","time":"2026-09-21T13:13:20.{n:03}000Z","trade_id":7,"last_size":"1"}}"#
            )
        },
    },
    Kind {
        exchange: ExchangeId::CoinbaseAdvanced,
        native: "AAA-USDT",
        channels: ALL,
        ticker: |n, bid| {
            format!(
                r#"{{"channel":"ticker","client_id":"","timestamp":"2026-09-21T13:13:20.{n:03}000Z","sequence_num":0,"events":[{{"type":"update","tickers":[{{"type":"ticker","product_id":"AAA-USDT","price":"{n}","volume_24_h":"1","low_24_h":"1","high_24_h":"900","low_52_w":"1","high_52_w":"900","price_percent_chg_24_h":"1","best_bid":{bid},"best_bid_quantity":"1","best_ask":"9000","best_ask_quantity":"1"}}]}}]}}"#
            )
        },
    },
    Kind {
        exchange: ExchangeId::Deriv,
        native: "R_100",
        channels: NO_TRADES,
        ticker: |n, bid| {
            format!(
                r#"{{"echo_req":{{"subscribe":1,"ticks":"R_100"}},"msg_type":"tick","subscription":{{"id":"aca805dc-6437-b53e-4a4d-6c4830781afd"}},"tick":{{"ask":9000.5,"bid":{bid},"epoch":{},"id":"aca805dc-6437-b53e-4a4d-6c4830781afd","pip_size":2,"quote":{n},"symbol":"R_100"}}}}"#,
                1_790_000_000 + n
            )
        },
    },
    Kind {
        exchange: ExchangeId::Binance,
        native: "AAAUSDT",
        channels: ALL,
        ticker: |n, bid| {
            format!(
                r#"{{"stream":"aaausdt@ticker","data":{{"e":"24hrTicker","E":1790000000{n:03},"s":"AAAUSDT","p":"1","P":"2.5","w":"5","x":"6","c":"{n}","Q":"5","b":{bid},"B":"8","a":"9000","A":"5","o":"6","h":"9000","l":"1","v":"5.5","q":"6.5","O":5,"C":1790000000{n:03},"F":5,"L":6,"n":2}}}}"#
            )
        },
    },
    Kind { exchange: ExchangeId::Bybit, native: "AAAUSDT", channels: ALL, ticker: of_bybit },
    Kind { exchange: ExchangeId::BybitLinear, native: "AAAUSDT", channels: ALL, ticker: of_bybit },
    Kind {
        exchange: ExchangeId::Okx,
        native: "AAA-USDT",
        // Its candles come by a connection of their own.
        channels: NO_CANDLES,
        ticker: |n, bid| {
            format!(
                r#"{{"arg":{{"channel":"tickers","instId":"AAA-USDT"}},"data":[{{"instType":"SPOT","instId":"AAA-USDT","last":"{n}","lastSz":"5","askPx":"9000","askSz":"5","bidPx":{bid},"bidSz":"7","open24h":"6","high24h":"9000","low24h":"1","sodUtc0":"5","sodUtc8":"6","volCcy24h":"5.5","vol24h":"6.5","ts":"1790000000{n:03}"}}]}}"#
            )
        },
    },
];

fn of_bybit(n: u32, bid: &str) -> String {
    format!(
        r#"{{"topic":"tickers.AAAUSDT","ts":1790000000{n:03},"type":"snapshot","cs":{n},"data":{{"symbol":"AAAUSDT","lastPrice":"{n}","highPrice24h":"9000","lowPrice24h":"1","prevPrice24h":"6","volume24h":"5.5","turnover24h":"6.5","price24hPcnt":"0.5","usdIndexPrice":"","bid1Price":{bid}}}}}"#
    )
}

/// The price that the last ticker is known by.
const LAST: u32 = 777;

impl Kind {
    fn good(&self, n: u32) -> String {
        let bid = n.to_string();
        match self.exchange {
            ExchangeId::Kraken | ExchangeId::Deriv => (self.ticker)(n, &bid),
            _ => (self.ticker)(n, &format!("\"{bid}\"")),
        }
    }

    /// Channels on which a client is told that something may be missing, while the exchange says
    /// this between two tickers.
    fn gaps(&self, channels: &[Channel], frames: &[String]) -> Vec<Channel> {
        let mut text = String::new();
        let ends = [self.good(1), self.good(LAST)];
        for (index, frame) in ends[..1].iter().chain(frames).chain(&ends[1..]).enumerate() {
            let number = format!("\"sequence_num\":{}", 5_000_000 + index);
            let frame = frame.replace("\"sequence_num\":0", &number);
            writeln!(text, "1790000000000000000 {frame}").expect("memory is written");
        }
        let folder = tempfile::tempdir().expect("a folder");
        let capture = folder.path().join("frames.txt");
        std::fs::write(&capture, text).expect("it is written");
        let (speed, end) = (Speed::Max, CaptureEnd::Hold);
        let playback = Playback { capture, rest: Vec::new(), speed, end, everything: true };
        let options = Options { playback: Some(playback), ..Options::new(self.exchange) };
        let simulator = Simulator::start(options).expect("it starts");
        let natives = [self.native];
        let mut options = RigOptions::new(self.exchange, &simulator, &natives, channels);
        options.adjust = |options| {
            for one in &mut options.subscriptions {
                one.interval = (one.channel == Channel::Candles).then_some(Interval::Minute5);
            }
        };
        let mut rig = Rig::start(options);
        let name = format!("the end of {} {channels:?} {frames:?}", self.exchange);
        rig.wait(&name, |ticks| ticks.iter().any(|tick| is_last(&tick.body)));
        let told = rig.ticks.iter().filter_map(|tick| match tick.body {
            Body::Gap { channel, reason: Reason::Refused, .. } => Some(channel),
            _ => None,
        });
        let mut told: Vec<Channel> = told.collect();
        rig.stop();
        simulator.stop();
        told.sort_unstable_by_key(|&channel| channel as u8);
        told
    }
}

fn is_last(body: &Body) -> bool {
    let price = match body {
        Body::Quote { .. } => body.quote().and_then(|quote| quote.bid),
        Body::TickerPrices { .. } => {
            let mut ticker = Ticker::default();
            ticker.absorb(body);
            ticker.last
        }
        _ => None,
    };
    price.is_some_and(|price| price.to_string() == LAST.to_string())
}

#[test]
fn a_ticker_that_cannot_be_read_takes_the_quote_in_it_along_and_both_are_told() {
    let (quotes, ticker) = (Channel::Quotes, Channel::Ticker);
    for kind in &KINDS[..4] {
        for bid in ["1234567890123456789.5", "\"1234567890123456789.5\"", "\"x\""] {
            let frame = [(kind.ticker)(5, bid)];
            let both = kind.gaps(&[quotes, ticker], &frame);
            assert_eq!(both, [quotes, ticker], "{} {bid}", kind.exchange);
            let one = kind.gaps(&[quotes], &frame);
            assert_eq!(one, [quotes], "{} {bid}: nobody asked for the ticker", kind.exchange);
        }
    }
}

/// Where trade ids are consecutive the next trade shows what is missing, and no gap is told at once.
fn shows_trades(exchange: ExchangeId) -> bool {
    !matches!(exchange, ExchangeId::Bybit | ExchangeId::BybitLinear)
}

#[test]
fn a_frame_of_nobody_knows_what_is_told_once_to_every_stream_until_that_speaks_again() {
    for kind in KINDS {
        let exchange = kind.exchange;
        let garbage = ["not json at all", "{", "\"x"].map(str::to_owned);
        let told =
            kind.channels.iter().filter(|&&one| one != Channel::Trades || !shows_trades(exchange));
        let mut once: Vec<Channel> = told.copied().collect();
        once.sort_unstable_by_key(|&channel| channel as u8);
        assert_eq!(kind.gaps(kind.channels, &garbage), once, "{exchange}: once");
        let again = [garbage[0].clone(), kind.good(2), garbage[0].clone()];
        let spoke = |channel: &Channel| match channel {
            Channel::Quotes => exchange_has_quotes_in_ticker(exchange),
            channel => *channel == Channel::Ticker,
        };
        let twice = once.iter().flat_map(|one| vec![*one; 1 + usize::from(spoke(one))]);
        let twice: Vec<Channel> = twice.collect();
        assert_eq!(kind.gaps(kind.channels, &again), twice, "{exchange}: who spoke again");
    }
}

fn exchange_has_quotes_in_ticker(exchange: ExchangeId) -> bool {
    KINDS[..4].iter().any(|kind| kind.exchange == exchange)
}

#[test]
fn a_frame_that_names_its_channel_is_told_on_that_alone() {
    use Channel::{Candles, Quotes, Ticker};
    let of = |exchange| move |kind: &&Kind| kind.exchange == exchange;
    for (exchange, frame, told) in [
        (ExchangeId::Kraken, r#"{"channel":"ohlc","type":"update","data":[{}]}"#, &[Candles][..]),
        (ExchangeId::Kraken, r#"{"channel":"ohlc","type":"update","data":null}"#, &[Candles]),
        (ExchangeId::Kraken, r#"{"channel":"ticker","type":"upda"#, &[Quotes, Ticker]),
        (ExchangeId::Kraken, r#"{"channel":"trade","type":"upda"#, &[]),
        (ExchangeId::Coinbase, r#"{"type":"ticker"}"#, &[Quotes, Ticker]),
        (ExchangeId::Coinbase, r#"{"type":"ticker","seq"#, &[Quotes, Ticker]),
        (ExchangeId::CoinbaseAdvanced, r#"{"channel":"candles","cli"#, &[Candles]),
        (
            ExchangeId::Deriv,
            r#"{"echo_req":{"ticks":"R_100"},"msg_type":"tick","tick":null}"#,
            &[Quotes, Ticker],
        ),
        (
            ExchangeId::Deriv,
            r#"{"echo_req":{"ticks":"R_100"},"msg_type":"tick","tick":{"quote":1}}"#,
            &[Quotes, Ticker],
        ),
        (ExchangeId::Deriv, r#"{"echo_req":{"ticks_history":"R_100","granu"#, &[Candles]),
        (ExchangeId::Binance, r#"{"stream":"aaausdt@bookTicker","data":null}"#, &[Quotes]),
        (ExchangeId::Binance, r#"{"stream":"aaausdt@kline_1m","data":null}"#, &[Candles]),
        (ExchangeId::Bybit, r#"{"topic":"tickers.AAAUSDT","ts":1"#, &[Ticker]),
        (ExchangeId::Bybit, r#"{"topic":"kline.1.AAAUSDT","ts":1"#, &[Candles]),
        (ExchangeId::Okx, r#"{"arg":{"channel":"tickers"},"data":[{"last":"1"}]}"#, &[Ticker]),
        (
            ExchangeId::Okx,
            r#"{"arg":{"channel":"bbo-tbt","instId":"AAA-USDT"},"data":[nu"#,
            &[Quotes],
        ),
    ] {
        let kind = KINDS.iter().find(of(exchange)).expect("one of them");
        assert_eq!(kind.gaps(kind.channels, &[frame.to_owned()]), told, "{exchange} {frame}");
    }
}
