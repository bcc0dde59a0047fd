//! Streams that an exchange ends by itself, and candles of which one length is refused: of an exchange
//! whose every word is told by the test.

use serde_json::{Value, json};
use tungstenite::Message;

use super::silence::secs;
use super::*;
use crate::tick::Interval;

/// What an exchange says, in its words.
#[derive(Clone, Copy)]
struct Words {
    exchange: ExchangeId,
    native: &'static str,
    /// The answer to a request; whether that asks for the stream in question.
    answer: fn(&Value) -> (Value, bool),
    /// The stream has ended.
    ended: &'static str,
}

const KRAKEN: Words = Words {
    exchange: ExchangeId::Kraken,
    native: "BTC/USD",
    answer: |asked| {
        let params = &asked["params"];
        let (channel, minutes) = (&params["channel"], &params["interval"]);
        let mut told = json!({"method": asked["method"], "req_id": asked["req_id"]});
        if *minutes == json!(5) {
            told["success"] = json!(false);
            told["error"] = json!("Currency pair not supported BTC/USD");
            told["symbol"] = json!("BTC/USD");
        } else {
            told["success"] = json!(true);
            told["result"] = json!({"channel": channel, "symbol": "BTC/USD"});
            if minutes.is_u64() {
                told["result"]["interval"] = minutes.clone();
            }
        }
        (told, *channel == json!("trade"))
    },
    ended: r#"{"method":"unsubscribe","result":{"channel":"trade","symbol":"BTC/USD"},"success":true}"#,
};

const OKX: Words = Words {
    exchange: ExchangeId::Okx,
    native: "BTC-USDT",
    answer: |asked| {
        let told = json!({"id": asked["id"], "event": asked["op"], "arg": asked["args"][0], "connId": "x"});
        (told, true)
    },
    ended: r#"{"event":"unsubscribe","arg":{"channel":"trades","instId":"BTC-USDT"},"connId":"x"}"#,
};

const COINBASE: Words = Words {
    exchange: ExchangeId::Coinbase,
    native: "BTC-USD",
    answer: |_| {
        let told = json!({"type": "subscriptions", "channels": [
            {"name": "heartbeat", "product_ids": ["BTC-USD"]},
            {"name": "matches", "product_ids": ["BTC-USD"]}]});
        (told, true)
    },
    ended: r#"{"type":"subscriptions","channels":[{"name":"heartbeat","product_ids":["BTC-USD"]}]}"#,
};

struct Spoken {
    words: Words,
    accepted: Receiver<WebSocket<TcpStream>>,
    socket: Option<WebSocket<TcpStream>>,
    /// How often the stream was asked for.
    asked: usize,
    hand: Hand,
}

impl Spoken {
    fn new(words: Words, streams: &[(Channel, Option<Interval>)]) -> Self {
        let (url, accepted) = exchange_by_hand();
        let clock = Clock::manual(UnixNanos::from_millis(1_700_000_000_000));
        let of = |&(channel, interval): &(Channel, Option<Interval>)| {
            let one = subscriptions(words.exchange, &[words.native], &[channel])[0];
            Subscription { interval, ..one }
        };
        let wanted = streams.iter().map(of).collect();
        let hand = Hand::by(clock, words.exchange, wanted, url, |_| {});
        Self { words, accepted, socket: None, asked: 0, hand }
    }

    fn turn(&mut self) {
        self.hand.turn();
        if let Ok(socket) = self.accepted.try_recv() {
            self.socket = Some(socket);
        }
        let Some(socket) = &mut self.socket else { return };
        while let Ok(message) = socket.read() {
            let Message::Text(text) = message else { continue };
            let Ok(asked) = serde_json::from_str::<Value>(&text) else { continue };
            let (answer, is_it) = (self.words.answer)(&asked);
            self.asked += usize::from(is_it);
            socket.send(Message::text(answer.to_string())).unwrap();
        }
    }

    fn say(&mut self, text: &str) {
        self.socket.as_mut().unwrap().send(Message::text(text)).unwrap();
    }

    fn until(&mut self, what: &str, enough: impl Fn(&Self) -> bool) {
        let end = Instant::now() + secs(20);
        while !enough(self) {
            assert!(Instant::now() < end, "waited in vain for {what}: {}", self.told());
            self.turn();
        }
    }

    /// Everything is asked for and granted.
    fn settle(&mut self) {
        let end = Instant::now() + secs(20);
        loop {
            assert!(Instant::now() < end, "not settled: {}", self.told());
            self.turn();
            let line = self.hand.feed.lines.turn_of(0).1;
            if line.main.open().is_some_and(|open| open.subscribing.is_done()) {
                break;
            }
        }
        self.hand.clock.advance(secs(1));
        self.turn();
    }

    /// Time passes until it is so; returns how many seconds, at most a thousand.
    fn seconds_until(&mut self, what: &str, enough: impl Fn(&Self) -> bool) -> u64 {
        for seconds in 0..1_000 {
            if enough(self) {
                return seconds;
            }
            self.hand.clock.advance(secs(1));
            // The connection is there.
            self.say_alive();
            for _ in 0..3 {
                self.turn();
            }
        }
        panic!("waited in vain for {what}: {}", self.told());
    }

    fn say_alive(&mut self) {
        if let Some(socket) = &mut self.socket {
            socket.send(Message::Ping(Vec::new().into())).unwrap();
        }
    }

    fn states(&self) -> Vec<(Channel, Option<Interval>, BookState, Reason)> {
        let of = |tick: &Tick| match tick.body {
            Body::StreamState { channel, interval, state, reason } => {
                Some((channel, interval, state, reason))
            }
            _ => None,
        };
        self.hand.ticks.iter().filter_map(of).collect()
    }

    fn told(&self) -> String {
        format!("{} {:?} asked {}", self.words.exchange, self.states(), self.asked)
    }

    fn ended(&self) -> u64 {
        self.hand.handle.counters().ended_streams.value()
    }
}

#[test]
fn a_stream_that_the_exchange_ends_is_told_and_asked_for_again_ever_more_rarely() {
    for words in [KRAKEN, OKX, COINBASE] {
        let mut spoken = Spoken::new(words, &[(Channel::Trades, None)]);
        spoken.settle();
        assert_eq!(spoken.states(), [], "{}", words.exchange);
        let mut waits = Vec::new();
        let (stale, live) = (
            (Channel::Trades, None, BookState::Stale, Reason::Unavailable),
            (Channel::Trades, None, BookState::Live, Reason::None),
        );
        let mut told = Vec::new();
        for times in 1..5 {
            spoken.say(words.ended);
            told.push(stale);
            spoken.seconds_until("the state", |spoken| spoken.states() == told);
            assert_eq!(spoken.ended(), times);
            let asked = spoken.asked;
            waits.push(spoken.seconds_until("it", |spoken| spoken.asked > asked));
            told.push(live);
            spoken.seconds_until("the state", |spoken| spoken.states() == told);
        }
        let rises = waits.windows(2).all(|pair| pair[1] > pair[0]);
        assert!(rises && waits[3] >= 12, "{}: {waits:?}", words.exchange);
        assert_eq!(
            spoken.hand.handle.counters().reconnects.iter().map(|r| r.value()).sum::<u64>(),
            0
        );
    }
}

#[test]
fn what_was_left_on_request_has_not_been_ended_by_the_exchange() {
    for words in [KRAKEN, OKX, COINBASE] {
        let mut spoken = Spoken::new(words, &[(Channel::Trades, None)]);
        spoken.settle();
        let one = spoken.hand.feed.subscriptions[0];
        let line = spoken.hand.feed.lines.turn_of(0).1;
        line.main.open().unwrap().subscribing.renew(&[one]);
        spoken.hand.feed.lines.want_attention();
        // It is left, and asked for again.
        spoken.seconds_until("the requests", |spoken| spoken.asked == 3);
        spoken.settle();
        assert_eq!((spoken.ended(), spoken.states()), (0, vec![]), "{}", words.exchange);
    }
}

#[test]
fn one_length_of_candles_that_is_refused_is_told_and_hides_no_other() {
    let minutes = [Some(Interval::Minute1), Some(Interval::Minute5)];
    let streams = minutes.map(|interval| (Channel::Candles, interval));
    let mut spoken = Spoken::new(KRAKEN, &streams);
    let refused =
        (Channel::Candles, Some(Interval::Minute5), BookState::Stale, Reason::ExchangeError);
    spoken.until("the refusal", |spoken| spoken.states() == [refused]);
    let bar = |minutes: u32| {
        format!(
            r#"{{"channel":"ohlc","type":"update","timestamp":"2023-11-14T22:13:21.000000Z","data":[{{"symbol":"BTC/USD","open":1.0,"high":2.0,"low":1.0,"close":2.0,"trades":3,"volume":4.0,"vwap":1.5,"interval_begin":"2023-11-14T22:10:00.000000000Z","interval":{minutes},"timestamp":"2023-11-14T22:15:00.000000Z"}}]}}"#
        )
    };
    for _ in 0..3 {
        spoken.say(&bar(1));
        let count = spoken.hand.ticks.len();
        spoken.until("a bar", |spoken| spoken.hand.ticks.len() > count + 1);
        spoken.hand.clock.advance(secs(1));
        for _ in 0..3 {
            spoken.turn();
        }
    }
    assert_eq!(spoken.states(), [refused], "the bars of a minute say nothing of those of five");
    assert!(spoken.hand.feed.publisher.absences().has((
        InstrumentId(0),
        Channel::Candles,
        Some(Interval::Minute5)
    )));
    // It speaks after all.
    spoken.say(&bar(5));
    let live = (Channel::Candles, Some(Interval::Minute5), BookState::Live, Reason::None);
    spoken.seconds_until("its state", |spoken| spoken.states() == [refused, live]);
}

#[test]
fn what_comes_with_a_stream_and_is_not_carried_is_not_told() {
    let ticker = r#"{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":10.0,"bid_qty":1.0,"ask":11.0,"ask_qty":2.0,"last":10.5,"volume":3.0,"vwap":10.2,"low":9.0,"high":12.0,"change":0.5,"change_pct":5.0}]}"#;
    for (carried, quotes, tickers) in [
        (vec![Channel::Quotes], 1, 0),
        (vec![Channel::Ticker], 0, 3),
        (vec![Channel::Quotes, Channel::Ticker], 1, 3),
    ] {
        let streams: Vec<_> = carried.iter().map(|&channel| (channel, None)).collect();
        let mut spoken = Spoken::new(KRAKEN, &streams);
        spoken.until("a connection", |spoken| spoken.socket.is_some());
        for _ in 0..20 {
            spoken.turn();
        }
        spoken.say(ticker);
        let of = |spoken: &Spoken, of: fn(&Body) -> bool| {
            spoken.hand.ticks.iter().filter(|tick| of(&tick.body)).count()
        };
        let is_quote: fn(&Body) -> bool = |body| matches!(body, Body::Quote { .. });
        let is_ticker: fn(&Body) -> bool = |body| {
            matches!(
                body,
                Body::TickerPrices { .. } | Body::TickerChange { .. } | Body::TickerVolumes { .. }
            )
        };
        spoken.until("the prices", |spoken| of(spoken, is_quote) + of(spoken, is_ticker) > 0);
        assert_eq!(
            (of(&spoken, is_quote), of(&spoken, is_ticker)),
            (quotes, tickers),
            "{carried:?}"
        );
    }
}
