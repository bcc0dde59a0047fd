//! A feed against a simulated Bybit: quotes from books of one level, books repaired inside the
//! stream, requests refused as a whole, heartbeats in JSON, trades by UUID.

mod common;

use std::time::Duration;

use common::feed::{DEADLINE, Mirror, Rig, RigOptions};
use common::market::{self, EVERYTHING, assert_a_bad_symbol_costs_itself_alone};
use tickwire::instrument::{Channel, ExchangeId, InstrumentId};
use tickwire::sim::{Fault, Of, Options, Simulator};
use tickwire::tick::{Body, BookState, Reason, Ticker, Trade, TradeId};

const NATIVES: [&str; 2] = ["BTCUSDT", "ETHUSDT"];

fn simulator(exchange: ExchangeId, adjust: impl FnOnce(&mut Options)) -> Simulator {
    market::simulator(exchange, &NATIVES, 1_000, adjust)
}

/// The number of a trade; a contract's is the end of its UUID.
fn number(trade: &Trade) -> u64 {
    match trade.id {
        TradeId::Number(id) => id,
        TradeId::Uuid(id) => id as u64 & 0xFFFF_FFFF_FFFF,
        TradeId::None | TradeId::Spelled(_) => panic!("no id of the simulator's: {:?}", trade.id),
    }
}

/// Streams everything and compares it with what the exchange did.
fn follow(exchange: ExchangeId) {
    let simulator = simulator(exchange, |_| {});
    let mut rig = Rig::start(RigOptions::new(exchange, &simulator, &NATIVES, &EVERYTHING));
    rig.wait_books(0, 2);
    rig.wait_for_more_than([2_000, 200, 20]);
    simulator.pause();
    rig.wait("the true books and their touch", |ticks| {
        (0..).zip(NATIVES).all(|(id, native)| {
            let truth = simulator.book(native).expect("it is listed");
            let instrument = InstrumentId(id);
            let mirror = Mirror::of(ticks, instrument);
            let own = ticks.iter().rev().filter(|tick| tick.instrument == instrument);
            let quote = own.filter_map(|tick| tick.body.quote()).next().expect("quotes came");
            let bid = quote.bid.zip(quote.bid_size).map(|(p, s)| (p.to_string(), s.to_string()));
            let ask = quote.ask.zip(quote.ask_size).map(|(p, s)| (p.to_string(), s.to_string()));
            mirror.state == Some(BookState::Live)
                && (bid.as_ref(), ask.as_ref()) == (truth.bids.first(), truth.asks.first())
                && mirror.sides() == [truth.bids, truth.asks]
        })
    });
    rig.stop();
    rig.assert_printed(&simulator, &NATIVES, number);
    for instrument in [0, 1].map(InstrumentId) {
        let own = rig.ticks.iter().filter(|tick| tick.instrument == instrument);
        // Contracts' tickers are whole, though they were told in parts.
        let mut ticker = Ticker::default();
        for tick in own {
            if ticker.absorb(&tick.body) {
                let has_best = ticker.bid.is_some() && ticker.ask.is_some();
                assert_eq!(has_best, exchange == ExchangeId::BybitLinear);
                assert!(ticker.last.is_some() && ticker.open.is_some() && ticker.volume.is_some());
            }
        }
    }
    // Books came in the stream; nobody asked for more beside it than the list of instruments.
    assert!(simulator.stats().requests <= 1);
}

#[test]
fn spot_is_told_as_the_exchange_tells_it() {
    follow(ExchangeId::Bybit);
}

#[test]
fn contracts_are_told_as_the_exchange_tells_them() {
    follow(ExchangeId::BybitLinear);
}

#[test]
fn a_missing_delta_is_repaired_inside_the_stream_without_a_new_connection() {
    let simulator = simulator(ExchangeId::BybitLinear, |_| {});
    let channels = [Channel::Orderbook];
    let exchange = ExchangeId::BybitLinear;
    let mut rig = Rig::start(RigOptions::new(exchange, &simulator, &NATIVES, &channels));
    rig.wait_books(0, 2);
    let symbol = Some("BTCUSDT".to_owned());
    simulator.inject(Fault::Drop { of: Of::Depth, symbol, count: 1 });
    rig.wait("the gap and its repair", |ticks| {
        let mut states = ticks.iter().filter_map(|tick| match tick.body {
            Body::BookState { state, reason } if tick.instrument == InstrumentId(0) => {
                Some((state, reason))
            }
            _ => None,
        });
        states.any(|(_, reason)| reason == Reason::SequenceGap)
            && states.any(|(state, _)| state == BookState::Live)
    });
    let states = rig.book_states(InstrumentId(1));
    assert!(states.iter().all(|(_, reason)| *reason != Reason::SequenceGap), "{states:?}");
    let counters = rig.handle.counters();
    assert!(counters.reconnects.iter().all(|one| one.value() == 0));
    assert_eq!(simulator.stats().websockets, 1);
    assert!(simulator.stats().requests <= 1, "the list of instruments alone");
}

#[test]
fn a_symbol_that_does_not_exist_costs_itself_alone() {
    for exchange in [ExchangeId::Bybit, ExchangeId::BybitLinear] {
        let simulator = simulator(exchange, |_| {});
        let natives = ["BTCUSDT", "NOTTHEREUSDT", "ETHUSDT"];
        let channels = [Channel::Trades, Channel::Orderbook];
        assert_a_bad_symbol_costs_itself_alone(exchange, &simulator, &natives, &channels);
    }
}

#[test]
fn many_topics_are_asked_for_ten_at_a_time() {
    let natives: Vec<String> = (0..25).map(|index| format!("S{index:02}USDT")).collect();
    let simulator = simulator(ExchangeId::Bybit, |options| options.symbols = natives.clone());
    let refs: Vec<&str> = natives.iter().map(String::as_str).collect();
    let rig = Rig::start(RigOptions::new(ExchangeId::Bybit, &simulator, &refs, &EVERYTHING));
    assert!(simulator.wait_for(DEADLINE, |stats| stats.streams == 100));
    assert_eq!(simulator.stats().commands, 10);
    assert_eq!(rig.handle.counters().exchange_errors.value(), 0);
}

#[test]
fn a_quiet_connection_is_kept_by_heartbeats_in_json() {
    for exchange in [ExchangeId::Bybit, ExchangeId::BybitLinear] {
        let simulator = simulator(exchange, |options| {
            options.paused = true;
            options.messages_per_second = 0;
        });
        let mut options = RigOptions::new(exchange, &simulator, &NATIVES, &[Channel::Trades]);
        options.rules = |rules| {
            rules.heartbeat = rules.heartbeat.map(|(_, text)| (Duration::from_millis(20), text));
            rules.messages_max = 1_000_000;
        };
        Rig::start(options).assert_kept_by_heartbeats(&simulator);
    }
}
