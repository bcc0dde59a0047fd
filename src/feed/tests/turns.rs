//! What an exchange's limit of messages makes wait is told to wait, and comes back in its order.

use super::silence::{Pair, STEP, secs};
use super::*;
use crate::sim::ByHand;
use crate::tick::Interval;

const SYMBOLS: [&str; 16] = [
    "R_10",
    "R_25",
    "R_50",
    "R_75",
    "R_100",
    "1HZ10V",
    "1HZ15V",
    "1HZ25V",
    "1HZ30V",
    "1HZ50V",
    "1HZ75V",
    "1HZ90V",
    "1HZ100V",
    "BOOM500",
    "BOOM1000",
    "CRASH1000",
];

/// Of each symbol the prices and candles of six lengths: 112 streams, of which each is a call of
/// its own where 180 are allowed a minute.
fn with_many_candles() -> Pair {
    let (clock, hand) = Clock::manual(UnixNanos::from_millis(1_700_000_000_000));
    let mut options = Options::new(ExchangeId::Deriv);
    (options.rate, options.clock) = (100, clock.clone());
    options.symbols = SYMBOLS.map(str::to_owned).to_vec();
    let exchange = ByHand::new(&options, 10).unwrap();
    let prices = subscriptions(ExchangeId::Deriv, &SYMBOLS, &[Channel::Quotes]);
    let minutes = Interval::ALL.into_iter().filter(|one| *one != Interval::Second1);
    let lengths: Vec<_> = minutes.collect();
    let candles = prices.iter().flat_map(|one| {
        let of = |&interval| Subscription {
            channel: Channel::Candles,
            interval: Some(interval),
            ..*one
        };
        lengths.iter().map(of)
    });
    let wanted: Vec<_> = prices.iter().copied().chain(candles).collect();
    assert_eq!(wanted.len(), 112);
    let hand = Hand::by((clock, hand), ExchangeId::Deriv, wanted, exchange.url(), |_| {});
    Pair { exchange, hand, upgrades: Vec::new() }
}

fn waiting(pair: &Pair) -> (u64, u64, Duration) {
    let counters = pair.hand.handle.counters();
    let now = pair.hand.feed.clock.now();
    let unsettled = counters.unsettled_subscriptions.value();
    (unsettled, counters.unsent_requests.value(), counters.unsent_for(now))
}

#[test]
fn what_waits_for_its_turn_after_a_reconnect_is_told_and_counted_until_it_is_there() {
    let mut pair = with_many_candles();
    pair.pass(secs(5));
    assert_eq!(waiting(&pair), (0, 0, Duration::ZERO), "all of it has room at first");
    assert_eq!(pair.hand.states().last(), Some(&(FeedState::Connected, Reason::None)));
    assert_eq!(pair.hand.stream_states(Channel::Candles), []);

    pair.exchange.inject(Fault::Disconnect);
    pair.pass(secs(3));
    let (unsettled, unsent, wait) = waiting(&pair);
    assert!(unsettled == unsent && (40..100).contains(&unsent), "{unsettled} {unsent}");
    assert!((secs(45)..secs(60)).contains(&wait), "{wait:?}");
    let turn = (BookState::Stale, Reason::AwaitingTurn);
    let told = pair.hand.stream_states(Channel::Candles);
    assert!(!told.is_empty() && told.iter().all(|one| *one == turn), "{told:?}");
    assert_eq!(pair.hand.stream_states(Channel::Quotes), [], "prices come first");
    assert_eq!(
        pair.hand.states().last(),
        Some(&(FeedState::Connected, Reason::AwaitingTurn)),
        "it is there, and not whole"
    );

    let before = told.len();
    pair.pass(wait.saturating_sub(secs(1)));
    assert!(waiting(&pair).0 > 0, "not before it was said");
    pair.pass(secs(2));
    assert_eq!(waiting(&pair), (0, 0, Duration::ZERO), "when it was said");
    let told = pair.hand.stream_states(Channel::Candles);
    assert_eq!(told[before..], vec![(BookState::Live, Reason::None); before], "each once");
    assert_eq!(pair.hand.states().last(), Some(&(FeedState::Connected, Reason::None)));
    assert_eq!(pair.hand.handle.counters().refusals.iter().map(|one| one.value()).sum::<u64>(), 0);
}

#[test]
fn what_is_asked_at_once_is_not_told_to_wait() {
    let mut pair = with_many_candles();
    pair.hand.feed.subscriptions.truncate(22);
    let wanted = pair.hand.feed.subscriptions.clone();
    let reason = Reason::Configuration;
    pair.hand.handle.send(FeedCommand::Carry { wanted, hides_trades: false, reason }).unwrap();
    pair.pass(secs(2));
    for _ in 0..3 {
        pair.exchange.inject(Fault::Disconnect);
        pair.pass(secs(3));
    }
    assert_eq!(waiting(&pair), (0, 0, Duration::ZERO));
    let is_turn = |one: &(BookState, Reason)| one.1 == Reason::AwaitingTurn;
    assert!(!pair.hand.stream_states(Channel::Candles).iter().any(is_turn));
    assert!(!pair.hand.states().iter().any(|one| one.1 == Reason::AwaitingTurn));
}

#[test]
fn a_stream_that_is_refused_for_good_or_never_answered_keeps_nothing_waiting_for_ever() {
    for exchange in [ExchangeId::Okx, ExchangeId::Kraken, ExchangeId::Deriv] {
        let (clock, hand) = Clock::manual(UnixNanos::from_millis(1_700_000_000_000));
        let mut options = Options::new(exchange);
        let (native, other, channel) = match exchange {
            ExchangeId::Okx => ("BTC-USDT", "NOPE-USDT", Channel::Trades),
            ExchangeId::Kraken => ("BTC/USD", "NOPE/USD", Channel::Trades),
            _ => ("1HZ100V", "1HZ99V", Channel::Quotes),
        };
        (options.symbols, options.rate) = (vec![native.to_owned()], 100);
        options.clock = clock.clone();
        let simulated = ByHand::new(&options, 10).unwrap();
        let wanted = subscriptions(exchange, &[native, other], &[channel]);
        let hand = Hand::by((clock, hand), exchange, wanted, simulated.url(), |_| {});
        let mut pair = Pair { exchange: simulated, hand, upgrades: Vec::new() };
        pair.pass(STEP);
        pair.pass(secs(4));
        assert_eq!(waiting(&pair).0, 0, "{exchange:?}");
        assert_eq!(pair.hand.handle.counters().absent_subscriptions.value(), 1, "{exchange:?}");
    }
}
