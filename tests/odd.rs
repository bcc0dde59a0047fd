//! One odd number among those by which an exchange orders its states costs no other state.

mod common;

use std::fmt::Write;

use common::feed::{Rig, RigOptions};
use tickwire::exchange::Subscription;
use tickwire::feed::FeedOptions;
use tickwire::instrument::{Channel, ExchangeId, InstrumentId};
use tickwire::sim::{CaptureEnd, Options, Playback, Simulator, Speed};
use tickwire::tick::{Body, Interval, Ticker};

/// What slips out of an exchange, or out of somebody who does not mean it well.
const ODD: [&str; 6] =
    ["0", "1", "10000000000000000", "18446744073709551615", "-1", "18446744073709551616"];

/// What stands where a price, a volume, a length, a count or a time should: as text, and bare.
const ODD_VALUES: [&str; 14] = [
    "0",
    "-1",
    "-0",
    "9007199254740992",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "10000000000000000",
    "1e308",
    "1E3",
    "-1e-400",
    "0000012",
    "",
    "null",
];

/// The states of an exchange that have numbers, and how it writes the `n`th of them.
struct Kind {
    exchange: ExchangeId,
    native: &'static str,
    channel: Channel,
    /// From one number to the next: 1 where they count the frames of a connection.
    step: u64,
    frame: fn(u32, &str) -> String,
}

const MILLIS: u64 = 1_790_000_000_000;

const KINDS: [Kind; 9] = [
    Kind { channel: Channel::Quotes, ..DERIV_TICK },
    DERIV_TICK,
    Kind {
        exchange: ExchangeId::Binance,
        native: "AAAUSDT",
        channel: Channel::Quotes,
        step: 100,
        frame: |n, id| {
            format!(
                r#"{{"stream":"aaausdt@bookTicker","data":{{"u":{id},"s":"AAAUSDT","b":"{n}","B":"1","a":"900","A":"1"}}}}"#
            )
        },
    },
    Kind {
        exchange: ExchangeId::BinanceFutures,
        native: "AAAUSDT",
        channel: Channel::Quotes,
        step: 100,
        frame: |n, id| {
            let millis = MILLIS + u64::from(n);
            format!(
                r#"{{"stream":"aaausdt@bookTicker","data":{{"e":"bookTicker","u":{id},"s":"AAAUSDT","b":"{n}","B":"1","a":"900","A":"1","T":{millis},"E":{millis}}}}}"#
            )
        },
    },
    Kind {
        exchange: ExchangeId::Bybit,
        native: "AAAUSDT",
        channel: Channel::Quotes,
        step: 100,
        frame: |n, id| {
            let millis = MILLIS + u64::from(n);
            format!(
                r#"{{"topic":"orderbook.1.AAAUSDT","ts":{millis},"type":"snapshot","data":{{"s":"AAAUSDT","b":[["{n}","1"]],"a":[["900","1"]],"u":{id},"seq":{id}}},"cts":{millis}}}"#
            )
        },
    },
    Kind {
        exchange: ExchangeId::BybitLinear,
        native: "AAAUSDT",
        channel: Channel::Quotes,
        step: 100,
        frame: |n, id| {
            let millis = MILLIS + u64::from(n);
            format!(
                r#"{{"topic":"orderbook.1.AAAUSDT","type":"snapshot","ts":{millis},"data":{{"s":"AAAUSDT","b":[["{n}","1"]],"a":[["900","1"]],"u":{id},"seq":{id}}},"cts":{millis}}}"#
            )
        },
    },
    Kind {
        exchange: ExchangeId::Okx,
        native: "AAA-USDT",
        channel: Channel::Quotes,
        step: 100,
        frame: |n, id| {
            let millis = MILLIS + u64::from(n);
            format!(
                r#"{{"arg":{{"channel":"bbo-tbt","instId":"AAA-USDT"}},"data":[{{"asks":[["900","1","0","1"]],"bids":[["{n}","1","0","1"]],"ts":"{millis}","seqId":{id}}}]}}"#
            )
        },
    },
    Kind {
        exchange: ExchangeId::Coinbase,
        native: "AAA-USDT",
        channel: Channel::Ticker,
        step: 100,
        frame: |n, id| {
            format!(
                r#"{{"type":"ticker","sequence":{id},"product_id":"AAA-USDT","price":"{n}","open_24h":"1","volume_24h":"1","low_24h":"1","high_24h":"900","volume_30d":"1","best_bid":"1","best_bid_size":"1","best_ask":"900","best_ask_size":"1","side":"buy","time":"2026-09-21T13:13:20.{n:03}000Z","trade_id":7,"last_size":"1"}}"#
            )
        },
    },
    Kind {
        exchange: ExchangeId::CoinbaseAdvanced,
        native: "AAA-USDT",
        channel: Channel::Ticker,
        step: 1,
        frame: |n, id| {
            format!(
                r#"{{"channel":"ticker","client_id":"","timestamp":"2026-09-21T13:13:20.{n:03}000Z","sequence_num":{id},"events":[{{"type":"update","tickers":[{{"type":"ticker","product_id":"AAA-USDT","price":"{n}","volume_24_h":"1","low_24_h":"1","high_24_h":"900","low_52_w":"1","high_52_w":"900","price_percent_chg_24_h":"1","best_bid":"1","best_bid_quantity":"1","best_ask":"900","best_ask_quantity":"1"}}]}}]}}"#
            )
        },
    },
];

/// Its time is its number.
const DERIV_TICK: Kind = Kind {
    exchange: ExchangeId::Deriv,
    native: "R_100",
    channel: Channel::Ticker,
    step: 1,
    frame: |n, id| {
        format!(
            r#"{{"echo_req":{{"subscribe":1,"ticks":"R_100"}},"msg_type":"tick","subscription":{{"id":"aca805dc-6437-b53e-4a4d-6c4830781afd"}},"tick":{{"ask":9000.5,"bid":{n},"epoch":{id},"id":"aca805dc-6437-b53e-4a4d-6c4830781afd","pip_size":2,"quote":{n},"symbol":"R_100"}}}}"#
        )
    },
};

/// How many states there are, the last of them marked by its price.
const COUNT: u32 = 40;
const LAST: u32 = 777;
/// Which one has the odd number.
const AT: u32 = 20;

impl Kind {
    /// The number of the `n`th state.
    fn number(&self, n: u32) -> u64 {
        5_000_000 + u64::from(n) * self.step
    }

    fn capture(&self, odd: &str) -> String {
        let mut text = String::new();
        for n in 1..=COUNT {
            let own = self.number(n).to_string();
            let id = if n == AT { odd } else { &own };
            let frame = (self.frame)(if n == COUNT { LAST } else { n }, id);
            let at = (MILLIS + u64::from(n)) * 1_000_000;
            writeln!(text, "{at} {frame}").expect("memory is written");
        }
        text
    }

    /// The prices that tell the states apart, as they are told.
    fn told(&self, odd: &str) -> Vec<u32> {
        self.told_of(odd, self.capture(odd))
    }

    fn told_of(&self, odd: &str, frames: String) -> Vec<u32> {
        let folder = tempfile::tempdir().expect("a folder");
        let capture = folder.path().join("frames.txt");
        std::fs::write(&capture, frames).expect("it is written");
        let playback = Playback {
            capture,
            rest: Vec::new(),
            speed: Speed::Max,
            end: CaptureEnd::Hold,
            everything: true,
        };
        let options = Options { playback: Some(playback), ..Options::new(self.exchange) };
        let simulator = Simulator::start(options).expect("it starts");
        let natives = [self.native];
        let channels = [self.channel];
        // Coinbase has candles of five minutes alone.
        let adjust: fn(&mut FeedOptions) = match self.exchange {
            ExchangeId::CoinbaseAdvanced => |options| set_interval(options, Interval::Minute5),
            _ => |options| set_interval(options, Interval::Minute1),
        };
        let options = RigOptions::new(self.exchange, &simulator, &natives, &channels);
        let mut rig = Rig::start(RigOptions { adjust, ..options });
        let mut told = Vec::new();
        rig.wait(&format!("the last state of {} {odd}", self.exchange), |ticks| {
            let own = ticks.iter().filter(|tick| tick.instrument == InstrumentId(0));
            told = own.filter_map(|tick| price(&tick.body, self.channel)).collect();
            told.last() == Some(&LAST)
        });
        let reconnects: u64 = rig.handle.counters().reconnects.iter().map(|one| one.value()).sum();
        assert_eq!(reconnects, 0, "{} {odd}: the connection is not to blame", self.exchange);
        rig.stop();
        simulator.stop();
        told
    }
}

/// Says of which length candles are to be.
fn set_interval(options: &mut FeedOptions, interval: Interval) {
    let candles = |one: &&mut Subscription| one.channel == Channel::Candles;
    for one in options.subscriptions.iter_mut().filter(candles) {
        one.interval = Some(interval);
    }
}

/// The price that tells a state from the others.
fn price(body: &Body, channel: Channel) -> Option<u32> {
    let price = match *body {
        Body::Trade { .. } if channel == Channel::Trades => body.trade()?.price,
        Body::Quote { .. } if channel == Channel::Quotes => body.quote()?.bid?,
        Body::TickerPrices { .. } if channel == Channel::Ticker => {
            let mut ticker = Ticker::default();
            ticker.absorb(body);
            ticker.last?
        }
        Body::CandlePrices { digits, mantissas, .. } if channel == Channel::Candles => {
            return (digits[3] == 0).then(|| u32::try_from(mantissas[3]).ok())?;
        }
        _ => return None,
    };
    price.to_string().parse().ok()
}

#[test]
fn every_other_state_is_told_where_quotes_or_tickers_have_numbers() {
    for kind in KINDS {
        for odd in ODD {
            let mut told = kind.told(odd);
            // What the number itself costs is its own state at most.
            told.retain(|&price| price != AT);
            let own = (1..COUNT).filter(|&n| n != AT).chain([LAST]);
            let right: Vec<u32> = own.collect();
            assert_eq!(told, right, "{} {odd}", kind.exchange);
        }
    }
}

#[test]
fn a_quote_without_a_date_is_not_told_as_the_present_one_where_its_number_does_not_follow() {
    for kind in KINDS.into_iter().filter(|kind| kind.exchange == ExchangeId::Binance) {
        for odd in ["1", "4995000", "10000000000000000"] {
            let told = kind.told(odd);
            let right: Vec<u32> = (1..COUNT).filter(|&n| n != AT).chain([LAST]).collect();
            assert_eq!(told, right, "{odd}");
        }
    }
}

/// What has values besides, by kind of state.
const MORE: [Kind; 12] = [
    Kind {
        exchange: ExchangeId::Binance,
        native: "AAAUSDT",
        channel: Channel::Trades,
        step: 1,
        frame: |n, id| {
            let millis = MILLIS + u64::from(n);
            format!(
                r#"{{"stream":"aaausdt@trade","data":{{"e":"trade","E":{millis},"s":"AAAUSDT","t":{id},"p":"{n}","q":"5.5","T":{millis},"m":true,"M":true}}}}"#
            )
        },
    },
    Kind {
        exchange: ExchangeId::Binance,
        native: "AAAUSDT",
        channel: Channel::Ticker,
        step: 1,
        frame: |n, _| {
            let millis = MILLIS + u64::from(n);
            format!(
                r#"{{"stream":"aaausdt@ticker","data":{{"e":"24hrTicker","E":{millis},"s":"AAAUSDT","p":"1","P":"2.5","w":"5","x":"6","c":"{n}","Q":"5","b":"7","B":"8","a":"9000","A":"5","o":"6","h":"9000","l":"1","v":"5.5","q":"6.5","O":5,"C":{millis},"F":5,"L":6,"n":2}}}}"#
            )
        },
    },
    Kind {
        exchange: ExchangeId::BinanceFutures,
        native: "AAAUSDT",
        channel: Channel::Trades,
        step: 1,
        frame: |n, id| {
            let millis = MILLIS + u64::from(n);
            format!(
                r#"{{"stream":"aaausdt@aggTrade","data":{{"e":"aggTrade","E":{millis},"a":{id},"s":"AAAUSDT","p":"{n}","q":"5.5","f":5,"l":6,"T":{millis},"m":true}}}}"#
            )
        },
    },
    Kind { exchange: ExchangeId::Bybit, ..BYBIT_TICKER },
    Kind { exchange: ExchangeId::BybitLinear, ..BYBIT_TICKER },
    Kind { exchange: ExchangeId::Bybit, ..BYBIT_TRADE },
    Kind { exchange: ExchangeId::BybitLinear, ..BYBIT_TRADE },
    Kind {
        exchange: ExchangeId::Okx,
        native: "AAA-USDT",
        channel: Channel::Trades,
        step: 1,
        frame: |n, id| {
            let millis = MILLIS + u64::from(n);
            format!(
                r#"{{"arg":{{"channel":"trades","instId":"AAA-USDT"}},"data":[{{"instId":"AAA-USDT","tradeId":"{id}","px":"{n}","sz":"5.5","side":"buy","ts":"{millis}","count":"5","seqId":{id}}}]}}"#
            )
        },
    },
    Kind {
        exchange: ExchangeId::Okx,
        native: "AAA-USDT",
        channel: Channel::Ticker,
        step: 1,
        frame: |n, _| {
            let millis = MILLIS + u64::from(n);
            format!(
                r#"{{"arg":{{"channel":"tickers","instId":"AAA-USDT"}},"data":[{{"instType":"SPOT","instId":"AAA-USDT","last":"{n}","lastSz":"5","askPx":"9000","askSz":"5","bidPx":"6","bidSz":"7","open24h":"6","high24h":"9000","low24h":"1","sodUtc0":"5","sodUtc8":"6","volCcy24h":"5.5","vol24h":"6.5","ts":"{millis}"}}]}}"#
            )
        },
    },
    Kind {
        exchange: ExchangeId::Coinbase,
        native: "AAA-USDT",
        channel: Channel::Trades,
        step: 1,
        frame: |n, id| {
            format!(
                r#"{{"type":"match","trade_id":{id},"maker_order_id":"2a0da34e-61f7-4c36-88e5-c9dd15927b16","taker_order_id":"3c82abaa-c01e-4608-be59-6a1e69742891","side":"sell","size":"5.5","price":"{n}","product_id":"AAA-USDT","sequence":{id},"time":"2026-09-21T13:13:2{}.{:03}000Z"}}"#,
                n / 1_000,
                n % 1_000
            )
        },
    },
    Kind {
        exchange: ExchangeId::Kraken,
        native: "AAA/USD",
        channel: Channel::Trades,
        step: 1,
        frame: |n, id| {
            format!(
                r#"{{"channel":"trade","type":"update","data":[{{"symbol":"AAA/USD","side":"buy","price":{n},"qty":5.5,"ord_type":"limit","trade_id":{id},"timestamp":"2026-09-21T13:13:2{}.{:03}000Z"}}]}}"#,
                n / 1_000,
                n % 1_000
            )
        },
    },
    Kind {
        exchange: ExchangeId::Kraken,
        native: "AAA/USD",
        channel: Channel::Ticker,
        step: 1,
        frame: |n, _| {
            format!(
                r#"{{"channel":"ticker","type":"update","data":[{{"symbol":"AAA/USD","bid":6.5,"bid_qty":7.5,"ask":9000.5,"ask_qty":5.5,"last":{n},"volume":5.25,"vwap":6.5,"low":1.5,"high":9000.5,"change":0.5,"change_pct":0.25}}]}}"#
            )
        },
    },
];

/// When the candles of these tests begin, in milliseconds; the same minute for all but Coinbase's.
const OPEN: u64 = 1_789_999_980_000;

/// States of one candle, told apart by what it closes at so far.
const CANDLES: [Kind; 8] = [
    Kind { exchange: ExchangeId::Binance, ..BINANCE_CANDLE },
    Kind { exchange: ExchangeId::BinanceFutures, ..BINANCE_CANDLE },
    Kind { exchange: ExchangeId::Bybit, ..BYBIT_CANDLE },
    Kind { exchange: ExchangeId::BybitLinear, ..BYBIT_CANDLE },
    Kind {
        exchange: ExchangeId::Okx,
        native: "AAA-USDT",
        channel: Channel::Candles,
        step: 1,
        frame: |n, _| {
            format!(
                r#"{{"arg":{{"channel":"candle1m","instId":"AAA-USDT"}},"data":[["{OPEN}","6","9000","1","{n}","5.5","6.5","7.5","0"]]}}"#
            )
        },
    },
    Kind {
        exchange: ExchangeId::Kraken,
        native: "AAA/USD",
        channel: Channel::Candles,
        step: 1,
        frame: |n, _| {
            format!(
                r#"{{"channel":"ohlc","type":"update","timestamp":"2026-09-21T13:13:20.5Z","data":[{{"symbol":"AAA/USD","open":6.5,"high":9000.5,"low":1.5,"close":{n},"trades":13,"volume":5.5,"vwap":6.5,"interval_begin":"2026-09-21T13:13:00.000000000Z","interval":1,"timestamp":"2026-09-21T13:14:00.000000Z"}}]}}"#
            )
        },
    },
    Kind {
        exchange: ExchangeId::CoinbaseAdvanced,
        native: "AAA-USDT",
        channel: Channel::Candles,
        step: 1,
        frame: |n, id| {
            format!(
                r#"{{"channel":"candles","client_id":"","timestamp":"2026-09-21T13:13:20.5Z","sequence_num":{id},"events":[{{"type":"update","candles":[{{"start":"1789999800","high":"9000","low":"1","open":"6","close":"{n}","volume":"5.5","product_id":"AAA-USDT"}}]}}]}}"#
            )
        },
    },
    Kind {
        exchange: ExchangeId::Deriv,
        native: "R_100",
        channel: Channel::Candles,
        step: 1,
        frame: |n, _| {
            let epoch = MILLIS / 1_000;
            let open = OPEN / 1_000;
            format!(
                r#"{{"echo_req":{{"adjust_start_time":1,"count":60,"end":"latest","granularity":60,"req_id":8,"start":1,"style":"candles","subscribe":1,"ticks_history":"R_100"}},"msg_type":"ohlc","ohlc":{{"close":"{n}","epoch":{epoch},"granularity":60,"high":"9000.5","id":"aca805dc-6437-b53e-4a4d-6c4830781afd","low":"1.5","open":"6.5","open_time":{open},"pip_size":2,"symbol":"R_100"}},"req_id":8,"subscription":{{"id":"aca805dc-6437-b53e-4a4d-6c4830781afd"}}}}"#
            )
        },
    },
];

const BINANCE_CANDLE: Kind = Kind {
    exchange: ExchangeId::Binance,
    native: "AAAUSDT",
    channel: Channel::Candles,
    step: 1,
    frame: |n, _| {
        let (millis, end) = (MILLIS + u64::from(n), OPEN + 59_999);
        format!(
            r#"{{"stream":"aaausdt@kline_1m","data":{{"e":"kline","E":{millis},"s":"AAAUSDT","k":{{"t":{OPEN},"T":{end},"s":"AAAUSDT","i":"1m","f":5,"L":9,"o":"6","c":"{n}","h":"9000","l":"1","v":"5.5","n":5,"x":false,"q":"6.5","V":"7.5","Q":"8.5","B":"0"}}}}}}"#
        )
    },
};

const BYBIT_CANDLE: Kind = Kind {
    exchange: ExchangeId::Bybit,
    native: "AAAUSDT",
    channel: Channel::Candles,
    step: 1,
    frame: |n, _| {
        let (millis, end) = (MILLIS + u64::from(n), OPEN + 59_999);
        format!(
            r#"{{"topic":"kline.1.AAAUSDT","data":[{{"start":{OPEN},"end":{end},"interval":"1","open":"6","close":"{n}","high":"9000","low":"1","volume":"5.5","turnover":"6.5","confirm":false,"timestamp":{millis}}}],"ts":{millis},"type":"snapshot"}}"#
        )
    },
};

const BYBIT_TICKER: Kind = Kind {
    exchange: ExchangeId::Bybit,
    native: "AAAUSDT",
    channel: Channel::Ticker,
    step: 1,
    frame: |n, id| {
        let millis = MILLIS + u64::from(n);
        format!(
            r#"{{"topic":"tickers.AAAUSDT","ts":{millis},"type":"snapshot","cs":{id},"data":{{"symbol":"AAAUSDT","lastPrice":"{n}","highPrice24h":"9000","lowPrice24h":"1","prevPrice24h":"6","volume24h":"5.5","turnover24h":"6.5","price24hPcnt":"0.5","usdIndexPrice":""}}}}"#
        )
    },
};

const BYBIT_TRADE: Kind = Kind {
    exchange: ExchangeId::Bybit,
    native: "AAAUSDT",
    channel: Channel::Trades,
    step: 1,
    frame: |n, id| {
        let millis = MILLIS + u64::from(n);
        format!(
            r#"{{"topic":"publicTrade.AAAUSDT","type":"snapshot","ts":{millis},"data":[{{"T":{millis},"s":"AAAUSDT","S":"Buy","v":"5.5","p":"{n}","L":"PlusTick","i":"{id}","BT":false,"seq":{id}}}]}}"#
        )
    },
};

/// Where the values of a frame are: texts without their quotes, numbers and words.
fn values(frame: &str) -> Vec<std::ops::Range<usize>> {
    let (bytes, mut found, mut at) = (frame.as_bytes(), Vec::new(), 0);
    while at < bytes.len() {
        let begin = at;
        at += 1;
        if bytes[begin] == b'"' {
            at += frame[at..].find('"').expect("a text ends");
            if bytes.get(at + 1) != Some(&b':') {
                found.push(begin + 1..at);
            }
            at += 1;
        } else if bytes[begin].is_ascii_alphanumeric() {
            let rest = |byte: &u8| !matches!(byte, b',' | b'}' | b']');
            at += bytes[at..].iter().take_while(|byte| rest(byte)).count();
            found.push(begin..at);
        }
    }
    found
}

/// The first price; below it are no odd values.
const FIRST: u32 = 2_000;
/// From one state with an odd value to the next.
const APART: u32 = 4;

#[test]
fn every_other_state_is_told_whatever_stands_where_a_value_should() {
    let ends = FIRST + APART * ODD_VALUES.len() as u32;
    let is_odd = |n: u32| n > FIRST && n < ends && (n - FIRST) % APART == APART / 2;
    let right: Vec<u32> = (FIRST..ends).filter(|&n| !is_odd(n)).chain([LAST]).collect();
    for kind in KINDS.into_iter().chain(MORE).chain(CANDLES) {
        let places = values(&(kind.frame)(FIRST, &kind.number(FIRST).to_string())).len();
        for place in 0..places {
            let (mut text, mut name, mut is_symbol) = (String::new(), String::new(), false);
            for n in FIRST..=ends {
                let own = kind.number(n).to_string();
                let mut frame = (kind.frame)(if n == ends { LAST } else { n }, &own);
                let value = values(&frame)[place].clone();
                name = frame[..value.start].to_owned();
                is_symbol |= frame[value.clone()] == *kind.native;
                if is_odd(n) {
                    frame.replace_range(value, ODD_VALUES[((n - FIRST) / APART) as usize]);
                }
                let at = (MILLIS + u64::from(n)) * 1_000_000;
                writeln!(text, "{at} {frame}").expect("memory is written");
            }
            // A frame whose number in the connection is missing is missing itself, and a symbol that is
            // none of ours is nobody's loss.
            if name.ends_with("\"sequence_num\":") || is_symbol {
                continue;
            }
            let mut told = kind.told_of(&name, text);
            told.retain(|price| right.contains(price));
            assert_eq!(told, right, "{} {:?} behind {name}", kind.exchange, kind.channel);
        }
    }
}
