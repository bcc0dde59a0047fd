//! A feed against a simulated OKX: trades that stand for several ids, answers for each stream,
//! candles on a connection of their own, heartbeats in plain text.

mod common;

use std::time::Duration;

use common::feed::{Mirror, Rig, RigOptions};
use common::market::{
    self, EVERYTHING, assert_a_bad_symbol_costs_itself_alone, number, take_candles,
};
use tickwire::instrument::{Channel, ExchangeId, InstrumentId};
use tickwire::sim::{Options, Simulator};
use tickwire::tick::{Body, BookState, Interval};

const NATIVES: [&str; 2] = ["BTC-USDT", "BTC-USDT-SWAP"];

fn simulator(adjust: impl FnOnce(&mut Options)) -> Simulator {
    market::simulator(ExchangeId::Okx, &NATIVES, 1_000, adjust)
}

#[test]
fn trades_quotes_tickers_and_books_are_those_of_the_exchange() {
    let simulator = simulator(|_| {});
    let mut rig = Rig::start(RigOptions::new(ExchangeId::Okx, &simulator, &NATIVES, &EVERYTHING));
    rig.wait_books(0, 2);
    rig.wait_for_more_than([2_000, 500, 20]);
    simulator.pause();
    rig.wait("the true books", |ticks| {
        (0..).zip(NATIVES).all(|(id, native)| {
            let truth = simulator.book(native).expect("it is listed");
            let mirror = Mirror::of(ticks, InstrumentId(id));
            mirror.state == Some(BookState::Live) && mirror.sides() == [truth.bids, truth.asks]
        })
    });
    rig.stop();
    // An aggregate takes the number of its last match; those before it are not missing.
    rig.assert_printed(&simulator, &NATIVES, number);
    for native in NATIVES {
        let truth = simulator.truth().trades(native);
        let skipped = |pair: &[tickwire::sim::TrueTrade]| pair[1].id > pair[0].id + 1;
        assert!(truth.windows(2).any(skipped), "some orders met two makers");
    }
}

#[test]
fn a_symbol_that_does_not_exist_costs_itself_alone() {
    let simulator = simulator(|_| {});
    let natives = ["BTC-USDT", "NOT-THERE", "BTC-USDT-SWAP"];
    let channels = [Channel::Trades, Channel::Orderbook];
    assert_a_bad_symbol_costs_itself_alone(ExchangeId::Okx, &simulator, &natives, &channels);
}

#[test]
fn candles_of_the_exchange_come_over_the_other_service() {
    let simulator = simulator(|_| {});
    let mut options = RigOptions::new(
        ExchangeId::Okx,
        &simulator,
        &NATIVES,
        &[Channel::Trades, Channel::Candles],
    );
    options.adjust = |options| take_candles(options, Interval::Minute1);
    let mut rig = Rig::start(options);
    rig.wait("candles of both", |ticks| {
        (0..2).all(|id| {
            ticks.iter().any(|tick| {
                tick.instrument == InstrumentId(id)
                    && matches!(
                        tick.body,
                        Body::CandleVolume { interval: Interval::Minute1, trades: u64::MAX, .. }
                    )
            })
        })
    });
    assert_eq!(simulator.stats().websockets, 2);
    assert_eq!(rig.handle.counters().exchange_errors.value(), 0);
}

#[test]
fn a_quiet_connection_is_kept_by_heartbeats_in_plain_text() {
    let simulator = simulator(|options| options.paused = true);
    let mut options = RigOptions::new(ExchangeId::Okx, &simulator, &NATIVES, &[Channel::Trades]);
    options.rules = |rules| {
        rules.heartbeat = Some((Duration::from_millis(20), "ping"));
        rules.messages_max = 1_000_000;
    };
    Rig::start(options).assert_kept_by_heartbeats(&simulator);
}
