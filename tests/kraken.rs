//! A feed against a simulated Kraken: books of ten levels proven by their checksums, answers for
//! each symbol, quotes out of tickers, the list of instruments in the stream.

mod common;

use std::collections::BTreeSet;

use common::feed::{DEADLINE, Mirror, QUICK, Rig, RigOptions};
use common::market::{
    self, EVERYTHING, assert_a_bad_symbol_costs_itself_alone, number, take_candles,
};
use tickwire::instrument::{Channel, ExchangeId, InstrumentId};
use tickwire::sim::{Fault, Options, Simulator};
use tickwire::tick::{Body, BookState, Interval};

const NATIVES: [&str; 2] = ["BTC/USD", "ETH/BTC"];

/// Levels that are subscribed to.
const DEPTH: usize = 10;

fn simulator(adjust: impl FnOnce(&mut Options)) -> Simulator {
    market::simulator(ExchangeId::Kraken, &NATIVES, 1_000, adjust)
}

#[test]
fn trades_quotes_tickers_and_books_are_those_of_the_exchange() {
    let simulator = simulator(|_| {});
    let mut rig =
        Rig::start(RigOptions::new(ExchangeId::Kraken, &simulator, &NATIVES, &EVERYTHING));
    rig.wait_books(0, 2);
    rig.wait_for_more_than([2_000, 500, 500]);
    simulator.pause();
    rig.wait("the true books and best prices", |ticks| {
        (0..).zip(NATIVES).all(|(id, native)| {
            let truth = simulator.book(native).expect("it is listed");
            let cut = |mut side: Vec<(String, String)>| {
                side.truncate(DEPTH);
                side
            };
            let (bids, asks) = (cut(truth.bids), cut(truth.asks));
            let own = ticks.iter().filter(|tick| tick.instrument == InstrumentId(id));
            let quote = own.filter_map(|tick| tick.body.quote()).next_back();
            let best =
                quote.and_then(|quote| Some((quote.bid?.to_string(), quote.ask?.to_string())));
            let mirror = Mirror::of(ticks, InstrumentId(id));
            mirror.state == Some(BookState::Live)
                && best == Some((bids[0].0.clone(), asks[0].0.clone()))
                && mirror.sides() == [bids, asks]
        })
    });
    rig.stop();
    rig.assert_printed(&simulator, &NATIVES, number);
    let counters = rig.handle.counters();
    assert_eq!(counters.checksum_failures.value(), 0);
    assert_eq!(counters.resubscriptions.value(), 0, "every subscription was answered");
    assert!(counters.rejected.iter().all(|one| one.value() == 0));
}

#[test]
fn quotes_alone_and_tickers_alone_are_the_same_stream() {
    for channel in [Channel::Quotes, Channel::Ticker] {
        let simulator = simulator(|_| {});
        let mut rig =
            Rig::start(RigOptions::new(ExchangeId::Kraken, &simulator, &NATIVES, &[channel]));
        rig.wait("both instruments' data", |ticks| {
            let told: BTreeSet<InstrumentId> = ticks
                .iter()
                .filter(|tick| match channel {
                    Channel::Quotes => tick.body.quote().is_some(),
                    _ => matches!(tick.body, Body::TickerVolumes { .. }),
                })
                .map(|tick| tick.instrument)
                .collect();
            told.len() == 2
        });
        assert!(simulator.wait_for(DEADLINE, |stats| stats.streams == 2), "one stream each");
    }
}

#[test]
fn a_symbol_that_does_not_exist_costs_itself_alone() {
    let simulator = simulator(|_| {});
    let natives = ["BTC/USD", "XBT/USD", "ETH/BTC"];
    let channels = [Channel::Trades, Channel::Quotes, Channel::Orderbook];
    let exchange = ExchangeId::Kraken;
    assert_a_bad_symbol_costs_itself_alone(exchange, &simulator, &natives, &channels);
}

#[test]
fn what_was_missed_while_disconnected_is_filled_from_past_trades() {
    // Slow enough that no hole is longer than what the exchange tells of the past.
    let simulator = simulator(|options| options.rate = 100);
    let mut options = RigOptions::new(ExchangeId::Kraken, &simulator, &NATIVES, &[Channel::Trades]);
    options.adjust = |options| options.reconnect = QUICK;
    let mut rig = Rig::start(options);
    rig.wait_trades(0, 2);
    for round in 1..=3 {
        simulator.inject(Fault::Disconnect);
        rig.wait_counted("the new connection", |counters| {
            counters.reconnects.iter().map(|one| one.value()).sum::<u64>() >= round
        });
        let seen = rig.ticks.len();
        rig.wait_trades(seen, 2);
    }
    rig.stop();
    for id in [0, 1].map(InstrumentId) {
        let ids = rig.trade_ids(id);
        let whole: BTreeSet<u64> = (ids[0]..=*ids.last().expect("trades")).collect();
        assert_eq!(ids.iter().copied().collect::<BTreeSet<u64>>(), whole, "none is missing");
        assert_eq!(ids.len(), whole.len(), "and none came twice");
    }
}

#[test]
fn candles_of_the_exchange_come_with_every_trade() {
    let simulator = simulator(|_| {});
    let mut options = RigOptions::new(
        ExchangeId::Kraken,
        &simulator,
        &NATIVES,
        &[Channel::Trades, Channel::Candles],
    );
    options.adjust = |options| take_candles(options, Interval::Hour4);
    let mut rig = Rig::start(options);
    rig.wait("candles of both", |ticks| {
        [0, 1].map(InstrumentId).iter().all(|id| {
            ticks.iter().any(|tick| {
                let hours = Interval::Hour4;
                tick.instrument == *id
                    && matches!(tick.body, Body::CandleVolume { interval, .. } if interval == hours)
            })
        })
    });
    assert_eq!(rig.handle.counters().exchange_errors.value(), 0);
}
