//! A warm feed costs no memory: socket, frame, parse, proof of the book and push allocate nothing.

mod common;
#[path = "common/counting.rs"]
mod counting;

use std::time::{Duration, Instant};

use common::feed::{DEADLINE, Rig, RigOptions};
use counting::allocations;
use tickwire::clock::Clock;
use tickwire::feed::FeedOptions;
use tickwire::instrument::{Channel, ExchangeId};
use tickwire::sim::{Options, Simulator};

#[test]
fn a_warm_feed_allocates_nothing() {
    const NATIVES: [&str; 4] = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT"];
    let one: fn(&mut FeedOptions) = |_| {};
    let two: fn(&mut FeedOptions) = |options| options.lines = 2;
    for (exchange, adjust) in
        [(ExchangeId::Binance, one), (ExchangeId::BinanceFutures, one), (ExchangeId::Binance, two)]
    {
        let mut options = Options::new(exchange);
        options.symbols = NATIVES.map(str::to_owned).to_vec();
        options.rate = 20_000;
        let simulator = Simulator::start(options).expect("a simulator is started");
        let channels = [Channel::Trades, Channel::Quotes, Channel::Ticker, Channel::Orderbook];
        let options =
            RigOptions { adjust, ..RigOptions::new(exchange, &simulator, &NATIVES, &channels) };
        let (mut feed, mut rig) = Rig::by_hand(options);
        let clock = Clock::real();
        let end = Instant::now() + DEADLINE;
        let counters = std::sync::Arc::clone(rig.handle.counters());
        let mut turn = || {
            assert!(Instant::now() < end, "waited in vain: {counters:?}");
            feed.wait(Duration::from_millis(5));
            feed.turn(clock.now());
        };
        let mut live = 0;
        while live < NATIVES.len() {
            turn();
            live += rig.skip_counting_live();
        }
        // Each buffer has to meet its largest frame, each side of a book its usual length.
        let warm = counters.frames.value() + 20_000;
        while counters.frames.value() < warm {
            turn();
            rig.skip();
        }
        // A book that grows beyond its longest yet takes memory, ever more rarely: what is asked
        // for all the time shows in each of these stretches.
        let mut allocations = || {
            let (before, from) = (allocations(), counters.frames.value());
            while counters.frames.value() < from + 20_000 {
                turn();
                rig.skip();
            }
            allocations() - before
        };
        let allocations = (0..3).map(|_| allocations()).min().unwrap_or(u64::MAX);
        assert_eq!(allocations, 0, "{exchange}, {} ticks", counters.ticks.value());
    }
}
