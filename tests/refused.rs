//! A symbol that the exchange does not know: it is found, told and given up, and sinks no other.

mod common;

use common::feed::{Rig, RigOptions};
use tickwire::exchange::{Exchange, Frame, RefusalKind};
use tickwire::instrument::{Channel, ExchangeId, InstrumentId};
use tickwire::sim::{Fault, Options, Simulator};
use tickwire::tick::{Body, BookState, FeedState, Reason, Tick};

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
            let body = Body::BookState { state, reason };
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

/// Whatever its words for "too much", nothing is given up, everything is there in the end, and who
/// follows a stream meanwhile is told that it is not.
fn a_refusal_for_now_gives_nothing_up(exchange: ExchangeId, natives: [&str; 2], channel: Channel) {
    let mut options = Options::new(exchange);
    options.symbols = natives.iter().map(|&native| native.to_owned()).collect();
    options.rate = 500;
    let simulator = Simulator::start(options).expect("a simulator is started");
    simulator.inject(Fault::TooMany { count: 1 });
    let channels = [channel];
    let mut rig = Rig::start(RigOptions::new(exchange, &simulator, &natives, &channels));
    let states = move |ticks: &[Tick], wanted: BookState| {
        let is_it = |tick: &&Tick| match tick.body {
            Body::StreamState { channel: of, state, reason, .. } => {
                let why = if state == BookState::Live { Reason::None } else { Reason::RateLimited };
                (of, state, reason) == (channel, wanted, why)
            }
            _ => false,
        };
        ticks.iter().filter(is_it).count()
    };
    rig.wait("the absence", |ticks| states(ticks, BookState::Stale) > 0);
    assert!(rig.feed_states().contains(&(FeedState::Connected, Reason::RateLimited)));
    rig.wait("everything to be there", |ticks| {
        states(ticks, BookState::Live) == states(ticks, BookState::Stale)
    });
    let counters = rig.handle.counters();
    assert_eq!(counters.refused_subscriptions.value(), 0, "{exchange}: nothing is given up");
    assert!(counters.postponed_subscriptions.value() > 0);
    assert!(counters.refusals[0].value() > 0, "counted as temporary");
    assert!(counters.reconnects.iter().all(|one| one.value() == 0), "on one connection");
    let seen = rig.ticks.len();
    rig.wait("events of both", |ticks| {
        (0..2).all(|id| {
            ticks[seen..].iter().any(|tick| {
                tick.instrument == InstrumentId(id)
                    && !matches!(tick.body, Body::StreamState { .. })
            })
        })
    });
}

#[test]
fn what_binance_refuses_for_now_is_there_in_the_end() {
    for exchange in [ExchangeId::Binance, ExchangeId::BinanceFutures] {
        a_refusal_for_now_gives_nothing_up(exchange, ["BTCUSDT", "ETHUSDT"], Channel::Trades);
    }
}

#[test]
fn what_bybit_and_okx_refuse_for_now_is_there_in_the_end() {
    for exchange in [ExchangeId::Bybit, ExchangeId::BybitLinear] {
        a_refusal_for_now_gives_nothing_up(exchange, ["BTCUSDT", "ETHUSDT"], Channel::Trades);
    }
    a_refusal_for_now_gives_nothing_up(ExchangeId::Okx, ["BTC-USDT", "ETH-USDT"], Channel::Trades);
}

#[test]
fn what_coinbase_refuses_for_now_is_there_in_the_end() {
    let natives = ["BTC-USD", "ETH-USD"];
    a_refusal_for_now_gives_nothing_up(ExchangeId::Coinbase, natives, Channel::Trades);
}

/// The words of the field input are those that the simulator answers with: asked again after a
/// wait, and never given up.
#[test]
fn the_field_case_of_kraken_is_a_refusal_for_now() {
    let Some(captures) = common::captures::folder() else { return };
    let path = captures.join("../field/kraken_exceeded_msg_rate.txt");
    let mut adapter = tickwire::exchange::adapter(ExchangeId::Kraken);
    for frame in common::captures::received(&path) {
        let mut bytes = frame.as_bytes().to_vec();
        bytes.resize(frame.len() + tickwire::limits::FRAME_PADDING, 0);
        let padded = tickwire::json::PaddedFrame::new(&mut bytes, frame.len());
        let read = adapter.parse(padded, &mut tickwire::exchange::Batch::new());
        let Ok(Frame::Error { id: Some(8), kind, .. }) = read else { panic!("{read:?}") };
        let is_for_now = matches!(kind, RefusalKind::Temporary { reason: Reason::RateLimited, .. });
        assert!(is_for_now, "{kind:?}");
    }
    let natives = ["BTC/USD", "ETH/USD"];
    a_refusal_for_now_gives_nothing_up(ExchangeId::Kraken, natives, Channel::Trades);
}
