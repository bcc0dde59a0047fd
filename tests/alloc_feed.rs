//! A warm feed costs no memory: socket, frame, parse, proof of the book and push allocate nothing.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::{Duration, Instant};

use common::feed::{DEADLINE, Rig, RigOptions};
use tickwire::clock::Clock;
use tickwire::instrument::{Channel, ExchangeId};
use tickwire::sim::{Options, Simulator};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

#[expect(unsafe_code, reason = "counting allocations takes a global allocator")]
// SAFETY: every call is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_warm_feed_allocates_nothing() {
    const NATIVES: [&str; 4] = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT"];
    for exchange in [ExchangeId::Binance, ExchangeId::BinanceFutures] {
        let mut options = Options::new(exchange);
        options.symbols = NATIVES.map(str::to_owned).to_vec();
        options.rate = 20_000;
        let simulator = Simulator::start(options).expect("a simulator is started");
        let channels = [Channel::Trades, Channel::Quotes, Channel::Ticker, Channel::Orderbook];
        let options = RigOptions::new(exchange, &simulator, &NATIVES, &channels);
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
        let (before, from) = (ALLOCATIONS.get(), counters.frames.value());
        while counters.frames.value() < from + 10_000 {
            turn();
            rig.skip();
        }
        let allocations = ALLOCATIONS.get() - before;
        assert_eq!(allocations, 0, "{exchange}, {} ticks", counters.ticks.value());
    }
}
