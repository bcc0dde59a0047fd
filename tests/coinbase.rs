//! A feed against both simulated feeds of Coinbase: books without numbers, trades counted by
//! heartbeats, frames numbered by connection.

mod common;

use common::feed::{DEADLINE, Mirror, Rig, RigOptions, missed_trades};
use common::market::{self, EVERYTHING};
use tickwire::instrument::{ExchangeId, InstrumentId};
use tickwire::sim::{Fault, Of, Options, Simulator};
use tickwire::tick::{BookState, Reason};

const NATIVES: [&str; 3] = ["BTC-USD", "ETH-USD", "SOL-USD"];
const BOTH: [ExchangeId; 2] = [ExchangeId::Coinbase, ExchangeId::CoinbaseAdvanced];

fn simulator(exchange: ExchangeId, adjust: impl FnOnce(&mut Options)) -> Simulator {
    market::simulator(exchange, &NATIVES, 500, adjust)
}

fn rig(exchange: ExchangeId, simulator: &Simulator, natives: &[&str]) -> Rig {
    Rig::start(RigOptions::new(exchange, simulator, natives, &EVERYTHING))
}

/// Lets the market stand still and waits until the book of `native` is as it is there.
fn assert_book_is_true(rig: &mut Rig, simulator: &Simulator, id: u32, native: &str) {
    simulator.pause();
    let truth = || simulator.book(native).expect("it is listed");
    rig.wait("the true book", |ticks| {
        let truth = truth();
        let mirror = Mirror::of(ticks, InstrumentId(id));
        mirror.state == Some(BookState::Live)
            && truth.update_id == truth.sent_update_id
            && mirror.sides() == [truth.bids, truth.asks]
    });
    simulator.resume();
}

#[test]
fn books_quotes_and_trades_are_those_of_the_exchange() {
    for exchange in BOTH {
        let simulator = simulator(exchange, |_| {});
        let mut rig = rig(exchange, &simulator, &NATIVES);
        rig.wait_books(0, 3);
        rig.wait_trades(0, 3);
        rig.wait("quotes out of tickers", |ticks| {
            ticks.iter().filter(|tick| tick.body.quote().is_some()).count() > 20
        });
        assert_book_is_true(&mut rig, &simulator, 0, NATIVES[0]);
        rig.stop();
        for (id, native) in (0..).zip(NATIVES) {
            let instrument = InstrumentId(id);
            rig.assert_accounted(instrument);
            let truth = simulator.truth().trades(native);
            let own = rig.ticks.iter().filter(|tick| tick.instrument == instrument);
            for trade in own.filter_map(|tick| tick.body.trade()) {
                let tickwire::tick::TradeId::Number(number) = trade.id else { panic!("a number") };
                let printed = truth.iter().find(|one| one.id == number).expect("it was printed");
                let taker = match printed.taker {
                    tickwire::sim::BookSide::Bid => tickwire::tick::Side::Bid,
                    tickwire::sim::BookSide::Ask => tickwire::tick::Side::Ask,
                };
                assert_eq!(trade.taker, taker, "{exchange} {number}");
                assert_eq!(trade.price.to_string(), printed.price);
                assert_eq!(trade.size.to_string(), printed.size);
            }
            assert!(missed_trades(&rig.ticks, instrument).is_empty());
        }
    }
}

#[test]
fn a_bad_product_sinks_no_other() {
    for exchange in BOTH {
        let simulator = simulator(exchange, |_| {});
        let mut rig = rig(exchange, &simulator, &["BTC-USD", "FOO-BAR", "ETH-USD"]);
        rig.wait("both good books", |ticks| {
            [0, 2]
                .iter()
                .all(|&id| Mirror::of(ticks, InstrumentId(id)).state == Some(BookState::Live))
        });
        rig.wait("trades of both", |ticks| {
            [0, 2].iter().all(|&id| {
                let own = |tick: &&tickwire::tick::Tick| tick.instrument == InstrumentId(id);
                ticks.iter().filter(own).any(|tick| tick.body.trade().is_some())
            })
        });
        rig.wait_counted("the bad one is given up", |counters| {
            counters.refused_subscriptions.value() >= 3
        });
    }
}

#[test]
fn a_lost_match_is_told_by_the_heartbeat() {
    let simulator = simulator(ExchangeId::Coinbase, |_| {});
    let mut rig = rig(ExchangeId::Coinbase, &simulator, &NATIVES);
    rig.wait_trades(0, 3);
    // The market stands still behind the lost match, so that no later one can tell.
    simulator.inject(Fault::Drop {
        of: Of::Trade,
        symbol: Some("SOL-USD".to_owned()),
        count: u32::MAX,
    });
    assert!(simulator.wait_for(DEADLINE, |stats| stats.faults > 0), "it is armed");
    let printed = || simulator.truth().last("SOL-USD").map(|trade| trade.id);
    let before = printed();
    assert!(simulator.wait_for(DEADLINE, |_| printed() > before), "a trade is lost");
    simulator.pause();
    rig.wait("the gap", |ticks| !missed_trades(ticks, InstrumentId(2)).is_empty());
    assert_eq!(missed_trades(&rig.ticks, InstrumentId(2))[0].0, Reason::SequenceGap);
}

#[test]
fn a_missing_frame_of_advanced_trade_costs_the_connection_and_is_repaired() {
    let exchange = ExchangeId::CoinbaseAdvanced;
    let simulator = simulator(exchange, |_| {});
    let mut rig = rig(exchange, &simulator, &NATIVES);
    rig.wait_books(0, 3);
    simulator.inject(Fault::Drop { of: Of::Depth, symbol: None, count: 1 });
    rig.wait_counted("the hole", |counters| counters.gaps.value() > 0);
    rig.wait_loss();
    let seen = rig.ticks.len();
    rig.wait_books(seen, 3);
    assert_book_is_true(&mut rig, &simulator, 1, NATIVES[1]);
    assert!(simulator.wait_for(DEADLINE, |stats| stats.upgrades >= 2));
}

#[test]
fn a_cut_frame_makes_books_resync_on_the_living_connection() {
    let exchange = ExchangeId::Coinbase;
    let simulator = simulator(exchange, |_| {});
    let mut rig = rig(exchange, &simulator, &NATIVES);
    rig.wait_books(0, 3);
    let seen = rig.ticks.len();
    simulator.inject(Fault::Cut { of: Of::Depth, symbol: None, count: 1 });
    rig.wait("a distrusted book", |ticks| {
        ticks[seen..].iter().any(|tick| {
            matches!(tick.body, tickwire::tick::Body::BookState { state: BookState::Stale, .. })
        })
    });
    rig.wait("every book is live again", |ticks| {
        (0..3).all(|id| Mirror::of(ticks, InstrumentId(id)).state == Some(BookState::Live))
    });
    assert_book_is_true(&mut rig, &simulator, 2, NATIVES[2]);
    assert_eq!(simulator.stats().upgrades, 1);
}
