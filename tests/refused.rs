//! A symbol that the exchange does not know: it is found, told and given up, and sinks no other.

mod common;

use common::feed::{Rig, RigOptions};
use tickwire::instrument::{Channel, ExchangeId, InstrumentId};
use tickwire::sim::{Options, Simulator};
use tickwire::tick::{BookState, FeedState, Reason};

const BAD: InstrumentId = InstrumentId(2);

/// The last of the three is not listed.
fn one_bad_symbol_sinks_no_other(exchange: ExchangeId, natives: [&str; 3]) {
    let mut options = Options::new(exchange);
    options.symbols = natives[..2].iter().map(|&native| native.to_owned()).collect();
    options.rate = 500;
    let simulator = Simulator::start(options).expect("a simulator is started");
    let channels = [Channel::Trades, Channel::Orderbook];
    let mut rig = Rig::start(RigOptions::new(exchange, &simulator, &natives, &channels));
    rig.wait_trades(0, 2);
    rig.wait_books(0, 2);
    rig.wait_counted("the refusals", |counters| counters.refused_subscriptions.value() == 2);
    rig.wait("the book's state", |ticks| {
        ticks.iter().any(|tick| {
            let (state, reason) = (BookState::Stale, Reason::ExchangeError);
            let body = tickwire::tick::Body::BookState { state, reason };
            tick.instrument == BAD && tick.body == body
        })
    });
    // The other books may have been asked for more than once; they are live.
    let seen = rig.ticks.len();
    rig.wait_trades(seen, 2);
    assert!(rig.feed_states().contains(&(FeedState::Connected, Reason::ExchangeError)));
    assert!(rig.trade_ids(BAD).is_empty());
    let counters = rig.handle.counters();
    assert!(counters.exchange_errors.value() >= 1);
    assert!(counters.reconnects.iter().all(|one| one.value() == 0), "on one connection");
}

#[test]
fn at_bybit_the_whole_request_is_refused_and_the_others_asked_for_again() {
    for exchange in [ExchangeId::Bybit, ExchangeId::BybitLinear] {
        one_bad_symbol_sinks_no_other(exchange, ["BTCUSDT", "ETHUSDT", "NOPEUSDT"]);
    }
}

#[test]
fn at_okx_the_error_does_not_name_its_subject() {
    one_bad_symbol_sinks_no_other(ExchangeId::Okx, ["BTC-USDT", "ETH-USDT", "NOPE-USDT"]);
}

#[test]
fn at_coinbase_neither_answers_nor_errors_say_what_they_are_about() {
    for exchange in [ExchangeId::Coinbase, ExchangeId::CoinbaseAdvanced] {
        one_bad_symbol_sinks_no_other(exchange, ["BTC-USD", "ETH-USD", "NOPE-USD"]);
    }
}

#[test]
fn at_kraken_each_symbol_is_answered_for_itself() {
    one_bad_symbol_sinks_no_other(ExchangeId::Kraken, ["BTC/USD", "ETH/USD", "NOPE/USD"]);
}
