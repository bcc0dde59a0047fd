//! Two connections that carry the same: whichever is lost, the client's trades are the exchange's.

mod common;

use std::collections::HashSet;
use std::time::Duration;

use common::feed::{DEADLINE, Mirror, Rig, RigOptions, missed_trades, trade_ids};
use common::market::{self, EVERYTHING};
use tickwire::instrument::{Channel, ExchangeId, InstrumentId};
use tickwire::sim::{Fault, Of, Simulator};
use tickwire::tick::{Body, BookState, FeedState, Tick};

const NATIVES: [&str; 3] = ["BTCUSDT", "ETHUSDT", "SOLUSDT"];

fn simulator(exchange: ExchangeId) -> Simulator {
    market::simulator(exchange, &NATIVES, 2_000, |_| {})
}

fn options<'a>(
    exchange: ExchangeId,
    simulator: &Simulator,
    channels: &'a [Channel],
) -> RigOptions<'a> {
    RigOptions {
        adjust: |options| options.lines = 2,
        ..RigOptions::new(exchange, simulator, &NATIVES, channels)
    }
}

/// The market stands still; everything that it printed has come, once and in order.
fn assert_all_trades(rig: &mut Rig, simulator: &Simulator) {
    simulator.pause();
    let truth: Vec<Vec<u64>> = NATIVES
        .iter()
        .map(|native| simulator.truth().trades(native).iter().map(|trade| trade.id).collect())
        .collect();
    rig.wait("the last trade of each", |ticks| {
        (0..NATIVES.len())
            .all(|id| trade_ids(ticks, InstrumentId(id as u32)).last() >= truth[id].last())
    });
    for (id, truth) in truth.iter().enumerate() {
        let instrument = InstrumentId(id as u32);
        let ids = rig.trade_ids(instrument);
        let first = truth.iter().position(|id| *id == ids[0]).expect("a trade of the market");
        let printed = &truth[first..];
        assert_eq!(ids[..printed.len()], *printed, "every trade once and in order");
        assert_eq!(missed_trades(&rig.ticks, instrument), []);
    }
}

#[test]
fn one_of_two_lines_may_be_lost_again_and_again() {
    for exchange in [ExchangeId::BinanceFutures, ExchangeId::Binance] {
        let simulator = simulator(exchange);
        let mut rig = Rig::start(options(exchange, &simulator, &EVERYTHING));
        rig.wait_trades(0, 3);
        rig.wait_books(0, 3);
        assert!(simulator.wait_for(DEADLINE, |stats| stats.streams >= 24), "both lines");
        let (websockets, streams) = (simulator.stats().websockets, simulator.stats().streams);
        for loss in 1..=6 {
            let upgrades = simulator.stats().upgrades;
            simulator.inject(Fault::DisconnectOne);
            rig.wait_counted("the loss", |counters| {
                counters.lines.iter().map(|line| line.losses.value()).sum::<u64>() == loss
            });
            assert!(simulator.wait_for(DEADLINE, |stats| {
                stats.upgrades > upgrades
                    && (stats.websockets, stats.streams) == (websockets, streams)
            }));
            let seen = rig.ticks.len();
            rig.wait_trades(seen, 3);
        }
        if exchange == ExchangeId::Binance {
            assert_all_trades(&mut rig, &simulator);
        }
        rig.stop();
        for id in 0..3 {
            // Futures print aggregates, with ids of their own.
            let ids = rig.trade_ids(InstrumentId(id));
            assert!(ids.windows(2).all(|pair| pair[1] == pair[0] + 1), "no hole, nothing twice");
            let states = rig.book_states(InstrumentId(id));
            let live = states.iter().filter(|state| state.0 == BookState::Live).count();
            assert_eq!(live, 1, "the book never stopped: {states:?}");
        }
        let states = rig.feed_states();
        let lost = states.iter().any(|state| state.0 == FeedState::Reconnecting);
        assert!(!lost, "the feed was never without a line: {states:?}");
    }
}

/// Exchanges with trades and books, and how they spell what they trade.
const OTHERS: [(ExchangeId, [&str; 3]); 6] = [
    (ExchangeId::Okx, ["BTC-USDT", "ETH-USDT", "SOL-USDT"]),
    (ExchangeId::Bybit, ["BTCUSDT", "ETHUSDT", "SOLUSDT"]),
    (ExchangeId::BybitLinear, ["BTCUSDT", "ETHUSDT", "SOLUSDT"]),
    (ExchangeId::Coinbase, ["BTC-USD", "ETH-USD", "SOL-USD"]),
    (ExchangeId::CoinbaseAdvanced, ["BTC-USD", "ETH-USD", "SOL-USD"]),
    (ExchangeId::Kraken, ["BTC/USD", "ETH/USD", "SOL/USD"]),
];

const TRADES_AND_BOOKS: [Channel; 2] = [Channel::Trades, Channel::Orderbook];

/// Trades a second of theirs: below what one batch of Coinbase Advanced Trade holds.
const OTHERS_RATE: u32 = 300;

/// The market stands still: the books are its books, every trade came once, none was missed.
fn assert_whole(rig: &mut Rig, simulator: &Simulator, exchange: ExchangeId, natives: &[&str]) {
    simulator.pause();
    rig.wait("the books of the exchange", |ticks| {
        natives.iter().enumerate().all(|(id, native)| {
            let book = simulator.book(native).expect("a book");
            let mirror = Mirror::of(ticks, InstrumentId(id as u32));
            let [bids, asks] = mirror.sides();
            let is_it = |own: &[(String, String)], whole: &[(String, String)]| {
                // Where the exchange sends the best levels alone.
                !own.is_empty() && whole.starts_with(own)
            };
            mirror.state == Some(BookState::Live)
                && is_it(&bids, &book.bids)
                && is_it(&asks, &book.asks)
        })
    });
    rig.stop();
    for id in 0..natives.len() as u32 {
        let instrument = InstrumentId(id);
        let ids = rig.trade_ids(instrument);
        assert!(ids.is_sorted_by(|one, two| one < two), "{exchange}: in order, each once");
        let own = rig.ticks.iter().filter(|tick| tick.instrument == instrument);
        let names: Vec<_> = own.filter_map(|tick| Some(tick.body.trade()?.id)).collect();
        let once: HashSet<_> = names.iter().collect();
        assert_eq!(once.len(), names.len(), "{exchange}: each once");
        assert_eq!(missed_trades(&rig.ticks, instrument), [], "{exchange}");
    }
    assert_eq!(rig.handle.counters().gaps.value(), 0, "{exchange}");
}

#[test]
fn every_exchange_survives_the_loss_of_a_line() {
    for (exchange, natives) in OTHERS {
        let simulator = market::simulator(exchange, &natives, OTHERS_RATE, |_| {});
        let mut rig = Rig::start(RigOptions {
            adjust: |options| options.lines = 2,
            ..RigOptions::new(exchange, &simulator, &natives, &TRADES_AND_BOOKS)
        });
        rig.wait_trades(0, 3);
        rig.wait_books(0, 3);
        rig.wait_counted("both lines", |counters| counters.has_raced());
        let websockets = 2 * (simulator.stats().websockets / 2).max(1);
        for loss in 1..=4 {
            assert!(
                simulator.wait_for(DEADLINE, |stats| stats.websockets == websockets),
                "{exchange}: both lines"
            );
            let (seen, copies) = (rig.ticks.len(), copies(&rig));
            rig.wait_trades(seen, 3);
            rig.wait_counted("both lines at work", |counters| {
                counters
                    .lines
                    .iter()
                    .zip(copies)
                    .all(|(line, before)| line.wins.value() + line.copies.value() > before + 20)
            });
            simulator.inject(Fault::DisconnectOne);
            rig.wait_counted("the loss", |counters| {
                counters.lines.iter().map(|line| line.losses.value()).sum::<u64>() == loss
            });
            let seen = rig.ticks.len();
            rig.wait_trades(seen, 3);
        }
        assert_whole(&mut rig, &simulator, exchange, &natives);
    }
}

/// Events that each line brought so far.
fn copies(rig: &Rig) -> [u64; 2] {
    let lines = &rig.handle.counters().lines;
    [0, 1].map(|line| lines[line].wins.value() + lines[line].copies.value())
}

#[test]
fn every_exchange_is_rolled_over_without_a_hole() {
    for (exchange, natives) in OTHERS {
        let simulator = market::simulator(exchange, &natives, OTHERS_RATE, |_| {});
        let mut rig = Rig::start(RigOptions {
            rules: |rules| rules.lifetime = Some(Duration::from_millis(500)),
            ..RigOptions::new(exchange, &simulator, &natives, &TRADES_AND_BOOKS)
        });
        rig.wait_trades(0, 3);
        rig.wait_books(0, 3);
        rig.wait_counted("replacements", |counters| counters.rollovers.value() >= 2);
        assert_whole(&mut rig, &simulator, exchange, &natives);
        for id in 0..3 {
            let states = rig.book_states(InstrumentId(id));
            let never_stopped = states.iter().all(|state| state.0 != BookState::Stale);
            assert!(never_stopped, "{exchange}: {states:?}");
        }
    }
}

/// What is granted need not come: the old connection stays until all that it brings comes on the new.
#[test]
fn a_replacement_that_brings_nothing_does_not_take_over() {
    for (exchange, natives) in OTHERS {
        let simulator = market::simulator(exchange, &natives, OTHERS_RATE, |_| {});
        let mut rig = Rig::start(RigOptions {
            rules: |rules| rules.lifetime = Some(Duration::from_millis(500)),
            adjust: |options| options.mute_after = Duration::from_secs(2),
            ..RigOptions::new(exchange, &simulator, &natives, &TRADES_AND_BOOKS)
        });
        rig.wait_trades(0, 3);
        rig.wait_books(0, 3);
        simulator.inject(Fault::AckMute { count: 2 });
        rig.wait_counted("a mute one", |counters| counters.mute_subscriptions.value() > 0);
        let before = rig.handle.counters().rollovers.value();
        rig.wait_counted("a replacement", |counters| counters.rollovers.value() > before);
        assert_whole(&mut rig, &simulator, exchange, &natives);
    }
}

/// Nothing is shared where nothing is traded: that the old connection answers is the proof that it
/// had all before the new one.
#[test]
fn trades_without_numbers_are_rolled_over_in_a_quiet_market() {
    for (exchange, natives) in OTHERS.into_iter().filter(|(exchange, _)| is_bybit(*exchange)) {
        let simulator = market::simulator(exchange, &natives, OTHERS_RATE, |_| {});
        let mut rig = Rig::start(RigOptions {
            rules: |rules| rules.lifetime = Some(Duration::from_millis(500)),
            ..RigOptions::new(exchange, &simulator, &natives, &TRADES_AND_BOOKS)
        });
        rig.wait_trades(0, 3);
        rig.wait_books(0, 3);
        simulator.pause();
        let before = rig.handle.counters().rollovers.value();
        rig.wait_counted("replacements", |counters| counters.rollovers.value() > before + 2);
        simulator.resume();
        let seen = rig.ticks.len();
        rig.wait_trades(seen, 3);
        assert_whole(&mut rig, &simulator, exchange, &natives);
    }
}

fn is_bybit(exchange: ExchangeId) -> bool {
    matches!(exchange, ExchangeId::Bybit | ExchangeId::BybitLinear)
}

#[test]
fn what_one_line_loses_the_other_brings() {
    let simulator = simulator(ExchangeId::Binance);
    let mut rig = Rig::start(options(ExchangeId::Binance, &simulator, &EVERYTHING));
    assert!(simulator.wait_for(DEADLINE, |stats| stats.streams == 24), "both lines");
    rig.wait_trades(0, 3);
    rig.wait_books(0, 3);
    simulator.inject(Fault::Drop { of: Of::Depth, symbol: None, count: 1 });
    for skipped in 1..=3 {
        // One at a time: two in a row might be one event, on both lines.
        simulator.inject(Fault::Drop { of: Of::Trade, symbol: None, count: 1 });
        rig.wait_counted("what one line skipped", |counters| {
            counters.lines.iter().map(|line| line.missed.value()).sum::<u64>() == skipped
        });
    }
    let seen = rig.ticks.len();
    rig.wait("more of all books", |ticks| {
        let levels = |id| {
            move |tick: &&Tick| {
                tick.instrument == InstrumentId(id) && matches!(tick.body, Body::Level { .. })
            }
        };
        (0..3).all(|id| ticks[seen..].iter().filter(levels(id)).count() > 500)
    });
    assert_all_trades(&mut rig, &simulator);
    rig.wait("the books of the exchange", |ticks| {
        NATIVES.iter().enumerate().all(|(id, native)| {
            let book = simulator.book(native).expect("a book");
            let mirror = Mirror::of(ticks, InstrumentId(id as u32));
            mirror.sides() == [book.bids, book.asks]
        })
    });
    rig.stop();
    let counters = rig.handle.counters();
    assert_eq!((counters.gaps.value(), counters.held_back_too_long.value()), (0, 0));
    assert!(counters.lines.iter().all(|line| line.wins.value() + line.copies.value() > 0));
    let skewed: u64 = counters.lines.iter().map(|line| line.skew.count()).sum();
    assert!(skewed > 0, "how much later the copies came was measured");
}

#[test]
fn both_lines_are_replaced_before_the_exchange_ends_them() {
    let simulator = simulator(ExchangeId::Binance);
    let mut rig = Rig::start(RigOptions {
        rules: |rules| rules.lifetime = Some(Duration::from_millis(700)),
        ..options(ExchangeId::Binance, &simulator, &EVERYTHING)
    });
    rig.wait_books(0, 3);
    rig.wait_counted("replacements", |counters| counters.rollovers.value() >= 6);
    assert_all_trades(&mut rig, &simulator);
    rig.stop();
    for id in 0..3 {
        let states = rig.book_states(InstrumentId(id));
        let live = states.iter().filter(|state| state.0 == BookState::Live).count();
        assert_eq!(live, 1, "the book never stopped: {states:?}");
    }
    let lost: u64 = rig.handle.counters().reconnects.iter().map(|one| one.value()).sum();
    assert_eq!(lost, 0);
}
