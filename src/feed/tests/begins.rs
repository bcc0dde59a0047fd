//! What an exchange says at the begin of a stream, which may be old.

use serde_json::{Value, json};
use tungstenite::Message;

use super::silence::secs;
use super::*;
use crate::latency::Span;
use crate::tick::DatedAhead;

const NATIVES: [&str; 10] = [
    "AAA-USDT", "BBB-USDT", "CCC-USDT", "DDD-USDT", "EEE-USDT", "FFF-USDT", "GGG-USDT", "HHH-USDT",
    "III-USDT", "JJJ-USDT",
];

/// An OKX whose every word is told by the test.
struct Told {
    accepted: Receiver<WebSocket<TcpStream>>,
    socket: Option<WebSocket<TcpStream>>,
    /// Streams that were asked for on this connection.
    asked: usize,
    /// Trades that were told, and their last id of every market.
    told: usize,
    id: u64,
    hand: Hand,
}

impl Told {
    fn new() -> Self {
        let (url, accepted) = exchange_by_hand();
        let hand =
            Hand::on(ExchangeId::Okx, &NATIVES, url, |options| options.mute_after = secs(600));
        Self { accepted, socket: None, asked: 0, told: 0, id: 94, hand }
    }

    /// Both turn until it is so; what is asked for is granted.
    fn until(&mut self, what: &str, enough: impl Fn(&Self) -> bool) {
        let end = Instant::now() + secs(20);
        while !enough(self) {
            assert!(Instant::now() < end, "waited in vain for {what}: {:?}", self.hand.ticks);
            self.hand.turn();
            if let Ok(socket) = self.accepted.try_recv() {
                (self.socket, self.asked) = (Some(socket), 0);
            }
            let Some(socket) = &mut self.socket else { continue };
            let Ok(Message::Text(text)) = socket.read() else { continue };
            let Ok(asked) = serde_json::from_str::<Value>(&text) else { continue };
            for argument in asked["args"].as_array().unwrap() {
                let told = json!({"id": asked["id"], "event": "subscribe", "arg": argument});
                socket.send(Message::text(told.to_string())).unwrap();
                self.asked += 1;
            }
        }
    }

    /// A trade of every market, dated so many seconds ago by us.
    fn trade(&mut self, age: i64) {
        self.id += 1;
        let now = self.hand.feed.clock.date(self.hand.feed.clock.now());
        let time = now.0 / 1_000_000 - age * 1_000;
        for native in NATIVES {
            let text = format!(
                "{{\"arg\":{{\"channel\":\"trades\",\"instId\":\"{native}\"}},\"data\":[{{\"instId\":\
                 \"{native}\",\"tradeId\":\"{}\",\"px\":\"1\",\"sz\":\"1\",\"side\":\"buy\",\"ts\":\"{time}\",\
                 \"count\":\"1\"}}]}}",
                self.id
            );
            self.socket.as_mut().unwrap().send(Message::text(text)).unwrap();
        }
        self.told += NATIVES.len();
        let told = self.told;
        self.until("the trades", |told_now| told_now.trades().count() == told);
    }

    fn trades(&self) -> impl Iterator<Item = DatedAhead> {
        self.hand.ticks.iter().filter_map(|tick| match tick.body {
            Body::Trade { ahead, .. } => Some(ahead),
            _ => None,
        })
    }

    /// How many ages of trades were measured: up to a second, and all.
    fn ages(&mut self) -> [u64; 2] {
        for _ in 0..2 {
            self.hand.latency.collect(self.hand.feed.clock.now());
            self.hand.after(secs(2));
        }
        self.hand.latency.collect(self.hand.feed.clock.now());
        let totals = self.hand.latency.totals();
        let second = 1_000_000_000;
        [totals.count_up_to(Span::ExchangeAge, second), totals.count(Span::ExchangeAge)]
    }
}

#[test]
fn the_old_trade_that_a_stream_begins_with_says_nothing_of_now() {
    let mut told = Told::new();
    for round in 0..2 {
        told.until("all streams", |told| told.asked == NATIVES.len());
        told.trade(19);
        for _ in 0..3 {
            told.hand.after(secs(1));
            told.trade(0);
        }
        // All are of their own time, and so of the candle in which they are dated.
        assert!(told.trades().all(|ahead| ahead == DatedAhead::NO), "{round}");
        let counters = told.hand.handle.counters();
        assert_eq!(counters.dates_ahead.value(), 0);
        assert_eq!(counters.clock_ahead_ns.value(), 0);
        let live = (round + 1) * 3 * NATIVES.len() as u64;
        assert_eq!(told.ages(), [live, live]);
        // The next connection begins in the same way.
        told.socket = None;
        told.asked = 0;
        told.hand.until("the end", |hand| {
            matches!(hand.states().last(), Some((FeedState::Reconnecting, _)))
        });
        told.hand.clock.advance(secs(30));
    }
}
