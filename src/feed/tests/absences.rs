//! What a feed says of itself follows from what its streams lack, at every moment.

use super::silence::{OKX, Pair, STEP, secs};
use super::*;
use crate::sim::ByHand;

const BOTH: [Channel; 2] = [Channel::Trades, Channel::Orderbook];

/// A feed of which the exchange knows the first symbol alone.
fn with_a_symbol_that_is_not_there() -> Pair {
    let (clock, hand) = Clock::manual(UnixNanos::from_millis(1_700_000_000_000));
    let mut options = Options::new(ExchangeId::Okx);
    (options.symbols, options.rate) = (vec!["BTC-USDT".to_owned()], 100);
    options.clock = clock.clone();
    let exchange = ByHand::new(&options, 10).unwrap();
    let wanted = subscriptions(ExchangeId::Okx, &["BTC-USDT", "NOPE-USDT"], &BOTH);
    let hand = Hand::by((clock, hand), ExchangeId::Okx, wanted, exchange.url(), |_| {});
    Pair { exchange, hand, upgrades: Vec::new() }
}

#[test]
fn a_feed_says_that_it_is_not_whole_as_long_as_that_is_so() {
    let mut pair = with_a_symbol_that_is_not_there();
    let lacking = (FeedState::Connected, Reason::ExchangeError);
    pair.pass(secs(5));
    assert_eq!(pair.hand.states().last(), Some(&lacking));
    let tally = |pair: &Pair| pair.hand.feed.publisher.tally();
    assert_eq!(tally(&pair), [1, 0, 1], "live, resyncing, stale");

    let before = pair.hand.states().len();
    pair.exchange.inject(Fault::Disconnect);
    pair.pass(secs(5));
    let down = (FeedState::Reconnecting, Reason::Eof);
    assert_eq!(pair.hand.states()[before..], [down, lacking], "as it was before");

    let mut wanted = pair.hand.feed.subscriptions.clone();
    wanted.retain(|one| one.instrument == InstrumentId(0));
    let reason = Reason::UnknownSymbol;
    pair.hand.handle.send(FeedCommand::Carry { wanted, hides_trades: false, reason }).unwrap();
    pair.pass(STEP);
    assert_eq!(pair.hand.states().last(), Some(&(FeedState::Connected, Reason::None)));
    assert_eq!(tally(&pair), [1, 0, 0], "what is not carried is no book");
    assert_eq!(pair.hand.handle.counters().absent_subscriptions.value(), 0);
    let told = pair.hand.stream_states(Channel::Trades);
    assert_eq!(told.last(), Some(&(BookState::Stale, reason)), "and never live");
}

#[test]
fn what_an_exchange_says_of_itself_is_the_reason_of_its_feed() {
    let kraken = (ExchangeId::Kraken, "BTC/USD", &BOTH[..]);
    let mut pair = Pair::new(kraken, |_| {}, |_| {});
    pair.pass(secs(3));
    let before = pair.hand.states().len();
    pair.exchange.inject(Fault::Shutdown { after: secs(3) });
    pair.pass(secs(1));
    let maintained = (FeedState::Connected, Reason::Maintenance);
    assert_eq!(pair.hand.states()[before..], [maintained]);
    pair.pass(secs(20));
    let last = pair.hand.states().last().copied();
    assert_eq!(last, Some((FeedState::Connected, Reason::None)), "and that it is well again");

    let binance = (ExchangeId::Binance, "BTCUSDT", &BOTH[..]);
    let mut pair = Pair::new(binance, |_| {}, |_| {});
    pair.pass(secs(3));
    let before = pair.hand.states().len();
    pair.exchange.inject(Fault::Shutdown { after: secs(30) });
    pair.pass(secs(20));
    let told = &pair.hand.states()[before..];
    let announced = (FeedState::Connected, Reason::Shutdown);
    let well = (FeedState::Connected, Reason::None);
    assert_eq!(told, [announced, well], "until the replacement has taken over");
}

#[test]
fn only_the_lines_that_lack_a_stream_say_so() {
    let futures = (ExchangeId::BinanceFutures, "BTCUSDT", &BOTH[..]);
    let mut pair = Pair::new(futures, |_| {}, |_| {});
    pair.pass(secs(3));
    assert_eq!(pair.upgrades.len(), 2, "trades and books come apart there");
    let books =
        pair.hand.feed.lines.groups().iter().position(|plan| {
            plan.subscriptions.iter().any(|one| one.channel == Channel::Orderbook)
        });
    let books = books.expect("a line of books") as u8;
    let told = |pair: &Pair, of: u8| {
        let mut states = pair.hand.ticks.iter().filter_map(|tick| match tick.body {
            Body::FeedState { state, reason, line, .. } if line == of => Some((state, reason)),
            _ => None,
        });
        states.next_back()
    };
    let whole = Some((FeedState::Connected, Reason::None));
    assert_eq!((told(&pair, 0), told(&pair, 1)), (whole, whole));
    let now = pair.hand.feed.clock.now();
    let book = *pair.hand.feed.subscriptions.iter().find(|one| one.channel == BOTH[1]).unwrap();
    pair.hand.feed.publisher.absent(&book, Reason::Unavailable, now);
    pair.hand.feed.states_changed = true;
    pair.settle();
    assert_eq!(told(&pair, books), Some((FeedState::Connected, Reason::Unavailable)));
    assert_eq!(told(&pair, 1 - books), whole);
    pair.hand.feed.publisher.present(Sign { stream: book, speaks: true }, now);
    pair.hand.feed.states_changed = true;
    pair.settle();
    assert_eq!(told(&pair, books), whole);
}

#[test]
fn the_gravest_of_several_reasons_is_told() {
    let mut pair = Pair::new(OKX, |_| {}, |_| {});
    pair.pass(secs(3));
    let now = pair.hand.feed.clock.now();
    let streams = pair.hand.feed.subscriptions.clone();
    let reasons = [(Reason::Mute, Reason::Mute), (Reason::RateLimited, Reason::RateLimited)];
    for (stream, (reason, told)) in streams.iter().zip(reasons) {
        pair.hand.feed.publisher.absent(stream, reason, now);
        pair.hand.feed.states_changed = true;
        pair.settle();
        assert_eq!(pair.hand.states().last(), Some(&(FeedState::Connected, told)));
    }
    let sign = Sign { stream: streams[1], speaks: true };
    pair.hand.feed.publisher.present(sign, now);
    pair.hand.feed.states_changed = true;
    pair.settle();
    assert_eq!(pair.hand.states().last(), Some(&(FeedState::Connected, Reason::Mute)));
}

#[test]
fn a_ring_that_missed_states_is_told_all_of_them() {
    let mut pair = Pair::new(OKX, |_| {}, |options| options.stall_max = secs(1));
    pair.pass(secs(3));
    let trades = pair.hand.feed.subscriptions[0];
    assert_eq!(trades.channel, Channel::Trades);
    let feed = &mut pair.hand.feed;
    let now = feed.clock.now();
    // Nobody takes anything until the feed has given up waiting.
    while !feed.publisher.is_behind() {
        feed.publisher.tell(Body::Time { date: UnixNanos(1) }, now);
    }
    pair.hand.clock.advance(secs(2));
    let now = feed.clock.now();
    feed.publisher.go_on();
    assert!(!feed.publisher.is_blocked(), "it skips");
    feed.publisher.absent(&trades, Reason::RateLimited, now);
    feed.states_changed = true;
    feed.turn(now);
    let told = |pair: &Pair| {
        let states = (pair.hand.states().last().copied(), pair.book_states().last().copied());
        (states, pair.hand.stream_states(Channel::Trades).last().copied())
    };
    pair.hand.ticks.clear();
    pair.settle();
    let state = Some((FeedState::Connected, Reason::RateLimited));
    let book = Some((BookState::Live, Reason::SnapshotJoined));
    let stream = Some((BookState::Stale, Reason::RateLimited));
    assert_eq!(told(&pair), ((state, book), stream));
}

#[cfg(debug_assertions)]
#[test]
fn what_may_be_as_much_as_a_frame_is_not_published_while_a_ring_is_full() {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use crate::proof::Source;

    let mut pair = Pair::new(OKX, |_| {}, |_| {});
    pair.pass(secs(3));
    let feed = &mut pair.hand.feed;
    let now = feed.clock.now();
    while !feed.publisher.is_blocked() {
        feed.publisher.tell(Body::Time { date: UnixNanos(1) }, now);
    }
    let source = Source { generation: 1, copy: 0, received: now, sent: UnixNanos::NONE };
    let batch = Batch::new();
    let mut panics = |call: &dyn Fn(&mut Publisher)| {
        catch_unwind(AssertUnwindSafe(|| call(&mut feed.publisher))).is_err()
    };
    assert!(panics(&|publisher| publisher.frame(&batch, source)));
    assert!(panics(&|publisher| publisher.frame_behind_hole(&batch, &[], source)));
    assert!(panics(&|publisher| publisher.overlap(1, 0, now)));
    assert!(panics(&|publisher| publisher.expire(now)));
    assert!(!panics(&|publisher| publisher.lost_of_any([], source)), "it may be of a frame before");
}
