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
fn a_hole_in_the_numbers_of_a_good_connection_costs_no_wait() {
    let one = every_exchange().find(|one| one.0 == ExchangeId::CoinbaseAdvanced);
    let mut pair = Pair::new(one.expect("it is simulated"), |_| {}, |_| {});
    for round in 1..=5 {
        pair.pass(secs(10));
        make_hole(&mut pair);
        assert_eq!(pair.lost(), round);
        pair.pass(Duration::from_millis(100));
        assert_eq!(pair.upgrades.len() as u64, 1 + round);
        let live = (BookState::Live, Reason::SnapshotJoined);
        assert_eq!(pair.book_states().last(), Some(&live), "again at once");
    }
}

#[test]
fn holes_in_every_connection_make_them_rare_though_each_served_for_seconds() {
    let one = every_exchange().find(|one| one.0 == ExchangeId::CoinbaseAdvanced);
    // However short the configured waits are.
    let quick = |options: &mut FeedOptions| options.reconnect.max = secs(1);
    let mut pair = Pair::new(one.expect("it is simulated"), |_| {}, quick);
    let until = pair.hand.feed.clock.now().after(secs(300));
    while pair.hand.feed.clock.now() < until {
        let count = pair.upgrades.len();
        pair.pass(secs(4));
        make_hole(&mut pair);
        while pair.upgrades.len() == count && pair.hand.feed.clock.now() < until {
            pair.pass(STEP);
        }
    }
    assert!((9..=12).contains(&pair.upgrades.len()), "{} in 300 s", pair.upgrades.len());
}

/// Loses a number of the connection that is there.
fn make_hole(pair: &mut Pair) {
    let before = pair.lost();
    pair.exchange.inject(Fault::Drop { of: Of::Trade, symbol: None, count: 1 });
    // Trades come together four times a second.
    while pair.lost() == before {
        pair.pass(STEP);
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
        hides_trades: false,
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

/// When attempts were refused with this status, and how the feed was told to be meanwhile.
fn refused(exchange: ExchangeId, status: u16, time: Duration) -> (Vec<u64>, (FeedState, Reason)) {
    let exchange = every_exchange().find(|one| one.0 == exchange).expect("it is simulated");
    let mut pair = Pair::new(exchange, |_| {}, |_| {});
    pair.exchange.inject(Fault::Refuse { status, count: 1_000 });
    let (start, mut times) = (pair.hand.feed.clock.now(), Vec::new());
    while pair.hand.feed.clock.now() < start.after(time) {
        pair.hand.clock.advance(secs(1));
        pair.settle();
        while times.len() < pair.exchange.stats().upgrades_refused as usize {
            times.push(pair.hand.feed.clock.now().since(start) / 1_000_000_000);
        }
    }
    (times, *pair.hand.states().last().expect("it was told"))
}

#[test]
fn a_refused_upgrade_is_judged_by_the_exchanges_own_table() {
    let limited = |state| (state, Reason::RateLimited);
    let (coming_back, error) = (FeedState::Reconnecting, FeedState::Error);
    for (exchange, status, least, told) in [
        (ExchangeId::Binance, 429, 60, limited(coming_back)),
        (ExchangeId::Binance, 403, 60, limited(coming_back)),
        (ExchangeId::Binance, 418, 120, limited(coming_back)),
        (ExchangeId::Binance, 451, 3_600, (error, Reason::Handshake)),
        (ExchangeId::Kraken, 429, 600, limited(error)),
        (ExchangeId::Kraken, 403, 600, (error, Reason::Handshake)),
        (ExchangeId::Bybit, 403, 600, limited(error)),
        (ExchangeId::Okx, 429, 2, limited(coming_back)),
    ] {
        let (times, last) = refused(exchange, status, secs(3 * least / 2 + 1));
        assert!(times.len() >= 2, "{exchange} {status}: {times:?}");
        assert!(times[1] - times[0] >= least - 1, "{exchange} {status}: {times:?}");
        assert_eq!(last, told, "{exchange} {status}");
    }
    // At fault itself: by the growing waits alone.
    let (times, last) = refused(ExchangeId::Binance, 503, secs(9));
    assert_eq!((times.len(), last), (5, (coming_back, Reason::Handshake)), "{times:?}");
}

#[test]
fn a_close_frame_says_when_to_come_back() {
    for (exchange, code, least, told) in [
        (ExchangeId::Binance, 1_008, 5, Reason::RateLimited),
        (ExchangeId::Kraken, 1_013, 5, Reason::Unavailable),
        (ExchangeId::Okx, 4_008, 60, Reason::RateLimited),
        (ExchangeId::Okx, 4_004, 0, Reason::Close),
        (ExchangeId::Bybit, 1_001, 0, Reason::Close),
    ] {
        let one = every_exchange().find(|one| one.0 == exchange).expect("it is simulated");
        let mut pair = Pair::new(one, |_| {}, |_| {});
        pair.pass(secs(5));
        let (count, at) = (pair.upgrades.len(), pair.hand.feed.clock.now());
        pair.exchange.inject(Fault::Close(code));
        pair.pass(STEP);
        assert_eq!(pair.hand.states().last(), Some(&(FeedState::Reconnecting, told)), "{code}");
        pair.pass(secs(least + 1));
        let back = pair.upgrades.get(count).map(|one| one.since(at) / 1_000_000_000);
        assert!(back.is_some_and(|back| back >= least), "{exchange} {code}: {back:?}");
    }
}
