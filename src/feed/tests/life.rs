//! How connections come and go, as clients are told of it.

use super::silence::{OKX, Pair, STEP, every_exchange, secs};
use super::*;
use crate::tick::BookState;

#[test]
fn what_delivered_is_asked_for_again_soon_however_often_it_is_lost() {
    for exchange in every_exchange() {
        let mut pair = Pair::new(exchange, |_| {}, |_| {});
        pair.pass(secs(5));
        let count = pair.upgrades.len();
        for round in 1..=20 {
            pair.exchange.inject(Fault::Disconnect);
            pair.pass(secs(1));
            assert_eq!(pair.upgrades.len(), count * (round + 1), "{exchange:?}, loss {round}");
            pair.pass(secs(4));
        }
    }
}

#[test]
fn what_is_cut_off_at_once_is_asked_for_ever_more_rarely() {
    let mut pair = Pair::new(OKX, |_| {}, |_| {});
    for _ in 0..1_000 {
        pair.pass(STEP);
        pair.exchange.inject(Fault::Disconnect);
    }
    assert!((4..=9).contains(&pair.upgrades.len()), "{} in 50 s", pair.upgrades.len());
}

#[test]
fn the_loss_of_a_connection_is_told_once_of_each_book() {
    for exchange in every_exchange().filter(|(_, _, channels)| channels.len() > 1) {
        let mut pair = Pair::new(exchange, |_| {}, |_| {});
        pair.pass(secs(5));
        let before = pair.book_states().len();
        pair.exchange.inject(Fault::Disconnect);
        pair.pass(secs(5));
        let told = pair.book_states()[before..].to_vec();
        assert_eq!(told[0], (BookState::Stale, Reason::Disconnected), "{exchange:?}");
        assert!(told[1..].iter().all(|(state, _)| *state != BookState::Stale), "{told:?}");
        assert!(told.windows(2).all(|two| two[0].0 != two[1].0), "{exchange:?}: {told:?}");
    }
}

#[test]
fn slow_answers_do_not_make_a_book_stale_and_live_by_turns() {
    let mut pair = Pair::new(OKX, |options| options.paused = true, |_| {});
    pair.pass(secs(5));
    let before = pair.book_states().len();
    for _ in 0..20 {
        pair.answer_late(Duration::from_millis(2_600));
    }
    pair.pass(secs(3));
    let told = pair.book_states()[before..].to_vec();
    let once = [(BookState::Stale, Reason::Silence), (BookState::Live, Reason::Answered)];
    assert_eq!(told, once, "until it is known how long answers take");
    assert_eq!(pair.lost(), 0);
}

#[test]
fn the_loss_of_one_of_two_lines_is_no_matter_of_those_who_listen() {
    let mut pair = Pair::new(OKX, |_| {}, |options| options.lines = 2);
    pair.pass(secs(5));
    let connected =
        [(FeedState::Connecting, Reason::Requested), (FeedState::Connected, Reason::None)];
    assert_eq!(pair.hand.states(), connected);
    pair.exchange.inject(Fault::DisconnectOne);
    pair.pass(secs(5));
    assert_eq!(pair.hand.states(), connected, "the other goes on");
    let lost = |notice: &&FeedNotice| {
        matches!(notice, FeedNotice::State { state: FeedState::Reconnecting, .. })
    };
    assert_eq!(pair.hand.notices.iter().filter(lost).count(), 1, "the operator is told");
    pair.exchange.inject(Fault::Disconnect);
    pair.pass(secs(5));
    let states = pair.hand.states();
    let down = (FeedState::Reconnecting, Reason::Eof);
    assert_eq!(states[2..], [down, (FeedState::Connected, Reason::None)], "both, told once");
}

#[test]
fn a_feed_without_anything_to_carry_says_so_and_comes_alive_again() {
    let mut pair = Pair::new(OKX, |_| {}, |_| {});
    pair.pass(secs(3));
    let wanted = pair.hand.feed.subscriptions.clone();
    let carry = |wanted: &[Subscription]| FeedCommand::Carry {
        wanted: wanted.to_vec(),
        reason: Reason::UnknownSymbol,
    };
    pair.hand.handle.send(carry(&[])).unwrap();
    pair.pass(secs(3));
    let last = pair.hand.states().last().copied();
    assert_eq!(last, Some((FeedState::Disconnected, Reason::UnknownSymbol)));
    pair.pass(secs(60));
    assert_eq!(pair.exchange.stats().websockets, 0);
    assert_eq!(pair.hand.states().last().copied(), last, "that is all there is to say");
    pair.hand.handle.send(carry(&wanted)).unwrap();
    pair.pass(secs(3));
    let last = pair.hand.states().last().copied();
    assert_eq!(last, Some((FeedState::Connected, Reason::None)));
    assert_eq!(pair.book_states().last().map(|state| state.0), Some(BookState::Live));
}
