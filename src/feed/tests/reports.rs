//! What the control side hears when it has little room.

use super::*;

fn state(line: u8, state: FeedState) -> FeedNotice {
    FeedNotice::State { line, state, reason: Reason::None, attempt: 0, detail: None }
}

fn word() -> FeedNotice {
    FeedNotice::Refused(Box::default())
}

/// A feed without a connection, and the notices that it has for the control side.
fn feed_with(notices: impl IntoIterator<Item = FeedNotice>) -> Hand {
    let mut hand = Hand::new("ws://127.0.0.1:9".to_owned(), |_| {});
    hand.feed.notices.extend(notices);
    hand
}

fn heard(hand: &mut Hand) -> Vec<FeedNotice> {
    hand.feed.ask(MonoNanos(1));
    hand.reports.try_iter().map(|report| report.notice).collect()
}

fn states(notices: &[FeedNotice]) -> Vec<(u8, FeedState)> {
    let states = notices.iter().filter_map(|notice| match notice {
        FeedNotice::State { line, state, .. } => Some((*line, *state)),
        _ => None,
    });
    states.collect()
}

#[test]
fn a_flood_of_refusals_leaves_room_for_a_state() {
    let flood = (0..1_000).map(|_| word());
    let mut hand = feed_with(flood.chain([state(0, FeedState::Reconnecting)]));
    let notices = heard(&mut hand);
    assert_eq!(states(&notices), [(0, FeedState::Reconnecting)]);
    assert_eq!(notices.len(), 48 + 1, "three quarters are words");
    assert_eq!(hand.handle.counters().reports_dropped.value(), 1_000 - 48);
}

#[test]
fn a_state_without_room_is_told_as_soon_as_there_is_some() {
    let states_told = [
        state(0, FeedState::Connected),
        state(1, FeedState::Connecting),
        state(0, FeedState::Reconnecting),
    ];
    let full = (0..64).map(|_| FeedNotice::Listing(Listings::default()));
    let mut hand = feed_with(full.chain(states_told));
    assert!(states(&heard(&mut hand)).is_empty(), "there is no room");
    let later = heard(&mut hand);
    let expected = [(0, FeedState::Reconnecting), (1, FeedState::Connecting)];
    assert_eq!(states(&later), expected, "the last of each line");
    assert!(heard(&mut hand).is_empty(), "once");
}
