//! One odd number among those by which an exchange orders its states costs no other state.

mod common;

use std::fmt::Write;

use common::feed::{Rig, RigOptions};
use tickwire::instrument::{Channel, ExchangeId, InstrumentId};
use tickwire::sim::{CaptureEnd, Options, Playback, Simulator, Speed};
use tickwire::tick::{Body, Ticker};

/// What slips out of an exchange, or out of somebody who does not mean it well.
const ODD: [&str; 6] =
    ["0", "1", "10000000000000000", "18446744073709551615", "-1", "18446744073709551616"];

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

const KINDS: [Kind; 7] = [
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
        let folder = tempfile::tempdir().expect("a folder");
        let capture = folder.path().join("frames.txt");
        std::fs::write(&capture, self.capture(odd)).expect("it is written");
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
        let mut rig = Rig::start(RigOptions::new(self.exchange, &simulator, &natives, &channels));
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

/// The price that tells a state from the others.
fn price(body: &Body, channel: Channel) -> Option<u32> {
    let price = match *body {
        Body::Quote { .. } if channel == Channel::Quotes => body.quote()?.bid?,
        Body::TickerPrices { .. } if channel == Channel::Ticker => {
            let mut ticker = Ticker::default();
            ticker.absorb(body);
            ticker.last?
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
