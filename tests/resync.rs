//! Books whose first state comes in the stream: one that fails is left and asked for again, and no
//! other is touched.

mod common;

use std::sync::Arc;

use common::feed::{DEADLINE, Mirror, Rig, RigOptions, missed_trades};
use tickwire::instrument::{Channel, ExchangeId, InstrumentId};
use tickwire::sim::{Era, Fault, Of, Options, Simulator};
use tickwire::tick::{BookState, Reason};

const ONE: InstrumentId = InstrumentId(0);
const TWO: InstrumentId = InstrumentId(1);

/// An exchange, two of its symbols, and how many levels its books have.
struct Case {
    exchange: ExchangeId,
    natives: [&'static str; 2],
    depth: usize,
    era: Era,
}

const OKX: Case = Case {
    exchange: ExchangeId::Okx,
    natives: ["BTC-USDT", "ETH-USDT"],
    depth: 400,
    era: Era::Current,
};

const BYBIT: Case = Case {
    exchange: ExchangeId::Bybit,
    natives: ["BTCUSDT", "ETHUSDT"],
    depth: 200,
    era: Era::Current,
};

const BYBIT_LINEAR: Case = Case { exchange: ExchangeId::BybitLinear, ..BYBIT };

const COINBASE: Case = Case {
    exchange: ExchangeId::Coinbase,
    natives: ["BTC-USD", "ETH-USD"],
    depth: usize::MAX,
    era: Era::Current,
};

const COINBASE_ADVANCED: Case = Case { exchange: ExchangeId::CoinbaseAdvanced, ..COINBASE };

const KRAKEN: Case = Case {
    exchange: ExchangeId::Kraken,
    natives: ["BTC/USD", "ETH/USD"],
    depth: 10,
    era: Era::Current,
};

/// Before its checksums were retired.
const OKX_OF_2022: Case = Case { era: Era::Early, ..OKX };

impl Case {
    fn simulator(&self) -> Simulator {
        let mut options = Options::new(self.exchange);
        options.symbols = self.natives.map(str::to_owned).to_vec();
        options.rate = 500;
        options.era = self.era;
        Simulator::start(options).expect("a simulator is started")
    }

    fn rig(&self, simulator: &Simulator) -> Rig {
        let channels = [Channel::Orderbook, Channel::Trades];
        let mut rig =
            Rig::start(RigOptions::new(self.exchange, simulator, &self.natives, &channels));
        rig.wait_books(0, 2);
        rig
    }

    /// Of the first symbol.
    fn first(&self) -> Option<String> {
        Some(self.natives[0].to_owned())
    }

    /// Lets the market stand still and waits until every book is the exchange's own.
    fn assert_books(&self, rig: &mut Rig, simulator: &Simulator) {
        simulator.pause();
        for (index, native) in self.natives.iter().enumerate() {
            let best = |mut side: Vec<(String, String)>| {
                side.truncate(self.depth);
                side
            };
            rig.wait("the exchange's book", |ticks| {
                let truth = simulator.book(native).expect("it is listed");
                let mirror = Mirror::of(ticks, InstrumentId(index as u32));
                mirror.state == Some(BookState::Live)
                    && mirror.sides() == [best(truth.bids), best(truth.asks)]
            });
        }
        simulator.resume();
    }
}

/// A book that a fault makes fail is stale, resynchronised and live again; the other never stops.
fn is_repaired(case: &Case, fault: Fault, reason: Reason) {
    let simulator = case.simulator();
    let mut rig = case.rig(&simulator);
    case.assert_books(&mut rig, &simulator);
    simulator.inject(fault);
    rig.wait_counted("the failure", |counters| counters.resyncs.value() >= 1);
    rig.wait("the repair", |ticks| {
        let live = |tick: &&tickwire::tick::Tick| {
            let (state, reason) = (BookState::Live, Reason::SnapshotJoined);
            tick.instrument == ONE && tick.body == tickwire::tick::Body::BookState { state, reason }
        };
        ticks.iter().filter(live).count() == 2
    });
    case.assert_books(&mut rig, &simulator);
    let states = rig.book_states(ONE);
    let [(BookState::Live, _), stale, resyncing, live] = states[..] else { panic!("{states:?}") };
    assert_eq!(stale, (BookState::Stale, reason));
    assert_eq!(resyncing, (BookState::Resyncing, reason));
    assert_eq!(live, (BookState::Live, Reason::SnapshotJoined));
    let others = rig.book_states(TWO);
    assert_eq!(others.len(), 1, "the other book was left alone: {others:?}");
    let counters = rig.handle.counters();
    assert_eq!(counters.resubscriptions.value(), 1);
    assert!(counters.reconnects.iter().all(|one| one.value() == 0), "on the same connection");
    let seen = rig.ticks.len();
    rig.wait_trades(seen, 2);
}

#[test]
fn a_hole_in_the_numbers_of_okx_is_repaired() {
    let fault = Fault::Drop { of: Of::Depth, symbol: OKX.first(), count: 1 };
    is_repaired(&OKX, fault, Reason::SequenceGap);
}

#[test]
fn a_hole_in_the_numbers_of_bybit_is_repaired() {
    for case in [BYBIT, BYBIT_LINEAR] {
        let fault = Fault::Drop { of: Of::Depth, symbol: case.first(), count: 1 };
        is_repaired(&case, fault, Reason::SequenceGap);
    }
}

#[test]
fn a_wrong_checksum_of_kraken_is_repaired() {
    let fault = Fault::WrongChecksum { symbol: KRAKEN.first(), count: 1 };
    is_repaired(&KRAKEN, fault, Reason::Checksum);
}

#[test]
fn a_hole_at_kraken_shows_in_its_checksums() {
    // Several, as the next event may happen to put right what one has left out.
    let fault = Fault::Drop { of: Of::Depth, symbol: KRAKEN.first(), count: 3 };
    is_repaired(&KRAKEN, fault, Reason::Checksum);
}

#[test]
fn a_frame_that_cannot_be_read_costs_the_trust_in_books_that_nothing_else_proves() {
    let simulator = COINBASE.simulator();
    let mut rig = COINBASE.rig(&simulator);
    COINBASE.assert_books(&mut rig, &simulator);
    simulator.inject(Fault::Cut { of: Of::Depth, symbol: COINBASE.first(), count: 1 });
    rig.wait_counted("the failure", |counters| counters.resyncs.value() >= 1);
    let seen = rig.ticks.len();
    rig.wait("the repair", |ticks| {
        Mirror::of(ticks, ONE).state == Some(BookState::Live)
            && Mirror::of(ticks, TWO).state == Some(BookState::Live)
    });
    COINBASE.assert_books(&mut rig, &simulator);
    assert!(rig.book_states(ONE).contains(&(BookState::Stale, Reason::Refused)));
    assert!(rig.handle.counters().reconnects.iter().all(|one| one.value() == 0));
    rig.wait_trades(seen, 2);
}

#[test]
fn a_hole_in_the_numbers_of_a_connection_ends_it() {
    let simulator = COINBASE_ADVANCED.simulator();
    let mut rig = COINBASE_ADVANCED.rig(&simulator);
    COINBASE_ADVANCED.assert_books(&mut rig, &simulator);
    let fault = Fault::Drop { of: Of::Depth, symbol: COINBASE_ADVANCED.first(), count: 1 };
    simulator.inject(fault);
    rig.wait_counted("the hole", |counters| {
        counters.reconnects[Reason::SequenceGap as usize].value() == 1
    });
    let seen = rig.ticks.len();
    rig.wait_books(seen, 2);
    COINBASE_ADVANCED.assert_books(&mut rig, &simulator);
    assert!(rig.book_states(TWO).contains(&(BookState::Stale, Reason::Disconnected)));
    // Besides the hole only the trades are missing that happened before the connection was back.
    let counters = Arc::clone(rig.handle.counters());
    rig.wait("what was counted", |ticks| {
        let told = [ONE, TWO].map(|instrument| missed_trades(ticks, instrument).len() as u64);
        counters.gaps.value() == 1 + told[0] + told[1]
    });
}

#[test]
fn a_wrong_checksum_of_okx_is_repaired() {
    let fault = Fault::WrongChecksum { symbol: OKX_OF_2022.first(), count: 1 };
    is_repaired(&OKX_OF_2022, fault, Reason::Checksum);
}

#[test]
fn numbers_that_begin_anew_at_okx_are_followed() {
    let simulator = OKX.simulator();
    let mut rig = OKX.rig(&simulator);
    simulator.inject(Fault::SequenceReset { of: Of::Depth, symbol: OKX.first() });
    let seen = rig.ticks.len();
    rig.wait_trades(seen, 2);
    OKX.assert_books(&mut rig, &simulator);
    assert_eq!(rig.handle.counters().resyncs.value(), 0, "it is no hole");
}

#[test]
fn a_book_that_fails_again_and_again_is_asked_for_ever_more_rarely() {
    let simulator = OKX_OF_2022.simulator();
    let mut rig = OKX_OF_2022.rig(&simulator);
    simulator.inject(Fault::WrongChecksum { symbol: OKX_OF_2022.first(), count: u32::MAX });
    rig.wait_counted("three tries", |counters| counters.resubscriptions.value() >= 3);
    // At once, after one second, after two more.
    let counters = rig.handle.counters();
    assert!(counters.checksum_failures.value() <= 5, "{counters:?}");
    assert!(simulator.wait_for(DEADLINE, |stats| stats.websockets == 1));
    assert_eq!(rig.book_states(TWO).len(), 1, "the other book was left alone");
}
