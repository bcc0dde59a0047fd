//! Holes in what the exchange sends: found by its own numbers, told in band, and repaired.

mod common;

use std::time::Duration;

use common::feed::{DEADLINE, Mirror, Rig, RigOptions, missed_trades};
use common::market;
use tickwire::instrument::{Channel, ExchangeId, InstrumentId};
use tickwire::sim::{Fault, Of, Options, Simulator};
use tickwire::tick::{BookState, Reason};

const ONE: InstrumentId = InstrumentId(0);
const TWO: InstrumentId = InstrumentId(1);
const NATIVES: [&str; 2] = ["BTCUSDT", "ETHUSDT"];

fn simulator(exchange: ExchangeId, adjust: impl FnOnce(&mut Options)) -> Simulator {
    market::simulator(exchange, &NATIVES, 500, adjust)
}

fn of_one(of: Of, count: u32) -> (Of, Option<String>, u32) {
    (of, Some(NATIVES[0].to_owned()), count)
}

/// Lets the market stand still and compares every book with the exchange's own.
fn assert_books(rig: &mut Rig, simulator: &Simulator) {
    simulator.pause();
    for (index, native) in NATIVES.iter().enumerate() {
        let instrument = InstrumentId(index as u32);
        let mut truth = simulator.book(native).expect("it is listed");
        rig.wait("the last delta", |ticks| {
            truth = simulator.book(native).expect("it is listed");
            let mirror = Mirror::of(ticks, instrument);
            truth.update_id == truth.sent_update_id && mirror.update_id == truth.update_id
        });
        let mirror = Mirror::of(&rig.ticks, instrument);
        assert_eq!(mirror.state, Some(BookState::Live));
        assert_eq!(mirror.sides(), [truth.bids, truth.asks], "{native}");
    }
    simulator.resume();
}

fn a_hole_in_a_book_is_repaired(exchange: ExchangeId) {
    let simulator = simulator(exchange, |_| {});
    let mut rig =
        Rig::start(RigOptions::new(exchange, &simulator, &NATIVES, &[Channel::Orderbook]));
    rig.wait_books(0, 2);
    assert_books(&mut rig, &simulator);
    let seen = rig.ticks.len();
    let (of, symbol, count) = of_one(Of::Depth, 1);
    simulator.inject(Fault::Drop { of, symbol, count });
    rig.wait_counted("the hole", |counters| counters.gaps.value() == 1);
    rig.wait("the repair", |ticks| {
        let states = ticks[seen..].iter().filter(|tick| tick.instrument == ONE);
        states.into_iter().any(|tick| {
            let state = BookState::Live;
            tick.body == tickwire::tick::Body::BookState { state, reason: Reason::SnapshotJoined }
        })
    });
    assert_books(&mut rig, &simulator);
    let states = rig.book_states(ONE);
    let [.., stale, resyncing, live] = states[..] else { panic!("{states:?}") };
    assert_eq!(stale, (BookState::Stale, Reason::SequenceGap));
    assert_eq!(resyncing, (BookState::Resyncing, Reason::SequenceGap));
    assert_eq!(live, (BookState::Live, Reason::SnapshotJoined));
    let others = rig.book_states(TWO);
    assert_eq!(others.len(), 2, "the other book was left alone: {others:?}");
}

#[test]
fn a_hole_in_a_spot_book_is_repaired() {
    a_hole_in_a_book_is_repaired(ExchangeId::Binance);
}

#[test]
fn a_hole_in_a_futures_book_is_repaired() {
    a_hole_in_a_book_is_repaired(ExchangeId::BinanceFutures);
}

#[test]
fn repeated_and_reordered_deltas_leave_the_right_book() {
    let exchange = ExchangeId::Binance;
    let simulator = simulator(exchange, |_| {});
    let mut rig =
        Rig::start(RigOptions::new(exchange, &simulator, &NATIVES, &[Channel::Orderbook]));
    rig.wait_books(0, 2);
    let (of, symbol, count) = of_one(Of::Depth, 2);
    simulator.inject(Fault::Duplicate { of, symbol: symbol.clone(), count });
    rig.wait_counted("the copies", |counters| counters.duplicates.value() >= 2);
    assert_eq!(rig.handle.counters().resyncs.value(), 0, "a copy is no hole");
    let seen = rig.ticks.len();
    simulator.inject(Fault::Reorder { of, symbol, count: 1 });
    rig.wait_counted("the resync", |counters| counters.resyncs.value() >= 1);
    rig.wait_books(seen, 1);
    assert_books(&mut rig, &simulator);
}

#[test]
fn missing_trades_are_told_with_their_number_and_copies_are_dropped() {
    let exchange = ExchangeId::Binance;
    let simulator = simulator(exchange, |_| {});
    let mut rig = Rig::start(RigOptions::new(exchange, &simulator, &NATIVES, &[Channel::Trades]));
    rig.wait_trades(0, 2);
    let (of, symbol, count) = of_one(Of::Trade, 3);
    simulator.inject(Fault::Drop { of, symbol: symbol.clone(), count });
    rig.wait("the gaps", |ticks| {
        missed_trades(ticks, ONE).iter().map(|(_, missed)| missed).sum::<u64>() == 3
    });
    simulator.inject(Fault::Duplicate { of, symbol, count: 2 });
    rig.wait_counted("the copies", |counters| counters.duplicates.value() >= 2);
    let seen = rig.ticks.len();
    rig.wait_trades(seen, 2);
    rig.stop();
    let gaps = missed_trades(&rig.ticks, ONE);
    assert!(gaps.iter().all(|(reason, _)| *reason == Reason::SequenceGap), "{gaps:?}");
    let ids = rig.trade_ids(ONE);
    assert!(ids.is_sorted_by(|one, two| one < two), "in order, each once");
    assert_eq!(ids.windows(2).map(|pair| pair[1] - pair[0] - 1).sum::<u64>(), 3);
    assert_eq!(missed_trades(&rig.ticks, TWO), [], "the other instrument was left alone");
}

#[test]
fn a_snapshot_that_is_too_old_or_refused_is_asked_for_again() {
    let exchange = ExchangeId::Binance;
    let simulator = simulator(exchange, |_| {});
    simulator.inject(Fault::RestStale { count: 2 });
    let mut rig =
        Rig::start(RigOptions::new(exchange, &simulator, &NATIVES, &[Channel::Orderbook]));
    rig.wait_books(0, 2);
    assert_books(&mut rig, &simulator);
    assert!(simulator.stats().requests >= 4);
}

#[test]
fn a_snapshot_is_larger_than_the_ring_and_passes_it_whole() {
    let exchange = ExchangeId::Binance;
    let simulator = simulator(exchange, |_| {});
    let mut rig = Rig::start(RigOptions {
        ring_ticks: 16,
        ..RigOptions::new(exchange, &simulator, &NATIVES, &[Channel::Orderbook, Channel::Trades])
    });
    rig.wait_books(0, 2);
    assert_books(&mut rig, &simulator);
    let levels: usize = Mirror::of(&rig.ticks, ONE).sides().iter().map(Vec::len).sum();
    assert!(levels > 16, "{levels} levels");
    assert_eq!(rig.handle.counters().skipped.value(), 0);
}

#[test]
fn a_late_snapshot_is_joined_with_what_was_held_meanwhile() {
    let exchange = ExchangeId::BinanceFutures;
    let simulator = simulator(exchange, |options| {
        options.snapshot_lag = Duration::from_millis(400);
    });
    let mut rig =
        Rig::start(RigOptions::new(exchange, &simulator, &NATIVES, &[Channel::Orderbook]));
    rig.wait_books(0, 2);
    assert_books(&mut rig, &simulator);
    assert!(simulator.wait_for(DEADLINE, |stats| stats.requests >= 2));
}

#[test]
fn a_stall_beyond_the_bound_is_told_and_the_books_are_told_anew() {
    let exchange = ExchangeId::Binance;
    let simulator = simulator(exchange, |options| options.rate = 2_000);
    let mut rig = Rig::start(RigOptions {
        ring_ticks: 512,
        adjust: |options| options.stall_max = Duration::from_millis(100),
        ..RigOptions::new(exchange, &simulator, &NATIVES, &[Channel::Orderbook, Channel::Trades])
    });
    rig.wait_books(0, 2);
    // Nobody takes anything until the feed has given up waiting and skipped a good deal.
    let counters = std::sync::Arc::clone(rig.handle.counters());
    assert!(simulator.wait_for(DEADLINE, |_| counters.skipped.value() > 1_000));
    let seen = rig.ticks.len();
    rig.wait_books(seen, 2);
    assert_books(&mut rig, &simulator);
    let seen = rig.ticks.len();
    rig.wait_trades(seen, 2);
    rig.stop();
    for instrument in [ONE, TWO] {
        let gaps = missed_trades(&rig.ticks, instrument);
        assert!(gaps.iter().all(|(reason, _)| *reason == Reason::Stall), "{gaps:?}");
        let ids = rig.trade_ids(instrument);
        assert!(ids.is_sorted_by(|one, two| one < two), "in order, each once");
        let holes: u64 = ids.windows(2).map(|pair| pair[1] - pair[0] - 1).sum();
        assert_eq!(holes, gaps.iter().map(|(_, missed)| missed).sum::<u64>());
        assert!(holes > 0);
        let states = rig.book_states(instrument);
        assert!(states.contains(&(BookState::Stale, Reason::Stall)), "{states:?}");
    }
}

/// Nobody trades: the first state of a book, and that after a reconnect, wait for no change.
fn a_book_of_a_quiet_market_is_whole(exchange: ExchangeId) {
    let simulator = simulator(exchange, |_| {});
    simulator.pause();
    let mut rig =
        Rig::start(RigOptions::new(exchange, &simulator, &NATIVES, &[Channel::Orderbook]));
    rig.wait_books(0, 2);
    simulator.inject(Fault::Disconnect);
    rig.wait("the loss", |ticks| Mirror::of(ticks, TWO).state == Some(BookState::Stale));
    let seen = rig.ticks.len();
    rig.wait_books(seen, 2);
    simulator.resume();
    assert_books(&mut rig, &simulator);
    assert_eq!(rig.handle.counters().gaps.value(), 0, "{exchange}");
}

#[test]
fn books_of_a_quiet_market_are_whole() {
    a_book_of_a_quiet_market_is_whole(ExchangeId::Binance);
    a_book_of_a_quiet_market_is_whole(ExchangeId::BinanceFutures);
}
