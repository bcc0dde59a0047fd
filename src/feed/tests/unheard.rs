//! Streams that are asked for and do not come: who follows them is told, until they do.

use std::thread::JoinHandle;

use super::silence::{Pair, secs};
use super::*;
use crate::feed::connection::open::Sign;

const ALL: [Channel; 4] = [Channel::Trades, Channel::Quotes, Channel::Ticker, Channel::Orderbook];

/// A Kraken that is there, and answers no request to subscribe before so many were made.
fn taciturn(requests: usize) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let mut socket = tungstenite::accept(listener.accept().unwrap().0).unwrap();
        let mut asked = 0;
        while let Ok(message) = socket.read() {
            let Ok(text) = message.to_text() else { continue };
            let Ok(said) = serde_json::from_str::<serde_json::Value>(text) else { continue };
            let (id, params) = (&said["req_id"], &said["params"]);
            let mut result = params.clone();
            result["symbol"] = params["symbol"][0].clone();
            asked += usize::from(said["method"] == "subscribe" && params["symbol"].is_array());
            let answer = match said["method"].as_str() {
                Some("ping") => serde_json::json!({"method": "pong", "req_id": id}),
                Some("subscribe") if asked > requests => serde_json::json!({
                    "method": "subscribe", "req_id": id, "success": true, "result": result
                }),
                _ => continue,
            };
            if socket.send(tungstenite::Message::text(answer.to_string())).is_err() {
                return;
            }
        }
    });
    (url, thread)
}

impl Hand {
    /// Streams that are not there.
    fn absent(&self) -> u64 {
        self.handle.counters().absent_subscriptions.value()
    }

    /// Time passes by seconds, in which the exchange answers what is to show whether it lives.
    fn pass_answered(&mut self, enough: impl Fn(&Self) -> bool) {
        for _ in 0..200 {
            if enough(self) {
                return;
            }
            self.after(secs(1));
            self.until("an answer", |hand| {
                let counters = hand.handle.counters();
                counters.silence_questions.value() == counters.silence_answers.value()
            });
        }
        panic!("it never came: {:?}", self.ticks);
    }
}

#[test]
fn what_is_not_answered_is_told_as_not_there_until_it_is() {
    let (url, exchange) = taciturn(8);
    let clock = Clock::manual(UnixNanos::from_millis(1_700_000_000_000));
    let wanted = subscriptions(ExchangeId::Kraken, &["BTC/USD"], &ALL);
    let mut hand = Hand::by(clock, ExchangeId::Kraken, wanted, url, |_| {});
    hand.until("a connection", |hand| !hand.states().is_empty());
    let books = |hand: &Hand, state| hand.feed.publisher.tally()[state as usize];
    assert_eq!(books(&hand, BookState::Resyncing), 1, "it is waited for");
    let stale = (BookState::Stale, Reason::Unavailable);
    hand.pass_answered(|hand| hand.handle.counters().absent_subscriptions.value() == 4);
    for channel in [Channel::Trades, Channel::Quotes, Channel::Ticker] {
        assert_eq!(hand.stream_states(channel), [stale], "{channel:?}");
    }
    assert_eq!(books(&hand, BookState::Stale), 1);
    assert_eq!(hand.states().last(), Some(&(FeedState::Connected, Reason::Unavailable)));
    hand.pass_answered(|hand| hand.handle.counters().absent_subscriptions.value() == 0);
    for channel in [Channel::Trades, Channel::Quotes, Channel::Ticker] {
        let live = (BookState::Live, Reason::None);
        assert_eq!(hand.stream_states(channel), [stale, live], "{channel:?}");
    }
    drop(hand);
    exchange.join().unwrap();
}

#[test]
fn what_is_granted_and_does_not_tell_itself_is_stale_until_it_speaks() {
    let kraken = (ExchangeId::Kraken, "BTC/USD", &ALL[..]);
    let mut pair = Pair::new(kraken, |_| {}, |options| options.mute_after = secs(4));
    pair.exchange.inject(Fault::AckMute { count: 3 });
    pair.pass(secs(3));
    assert_eq!(pair.hand.handle.counters().absent_subscriptions.value(), 0);
    pair.pass(secs(7));
    let (stale, live) = ((BookState::Stale, Reason::Mute), (BookState::Live, Reason::None));
    assert_eq!(pair.hand.stream_states(Channel::Trades), [], "a market may be quiet");
    for channel in [Channel::Quotes, Channel::Ticker] {
        assert_eq!(pair.hand.stream_states(channel), [stale, live], "{channel:?}");
    }
    let joined = (BookState::Live, Reason::SnapshotJoined);
    let awaited = (BookState::Resyncing, Reason::AwaitingSnapshot);
    assert_eq!(pair.book_states()[..3], [awaited, stale, joined]);
    assert_eq!(pair.hand.handle.counters().absent_subscriptions.value(), 0);
}

#[test]
fn candles_that_are_granted_and_never_come_are_stale_until_they_do() {
    const WITH_TRADES: &[Channel] = &[Channel::Trades, Channel::Candles];
    for (exchange, native) in [(ExchangeId::Kraken, "BTC/USD"), (ExchangeId::Okx, "BTC-USDT")] {
        let mute = |options: &mut FeedOptions| options.mute_after = secs(4);
        let mut pair = Pair::new((exchange, native, WITH_TRADES), |_| {}, mute);
        pair.exchange.inject(Fault::AckMute { count: 2 });
        pair.pass(secs(3));
        assert_eq!(pair.hand.stream_states(Channel::Candles), [], "{exchange:?}");
        pair.pass(secs(17));
        let (stale, live) = ((BookState::Stale, Reason::Mute), (BookState::Live, Reason::None));
        assert_eq!(pair.hand.stream_states(Channel::Candles), [stale, live], "{exchange:?}");
    }
}

/// A Deriv that serves each stream with three prices, and then says of it what `ends` says, or
/// nothing; from the second time on it serves it for good. Tells of what it was asked.
fn deriv_that_ends(ends: fn(&str) -> Option<String>) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let (asked, told) = unbounded();
    std::thread::spawn(move || {
        let mut socket = tungstenite::accept(listener.accept().unwrap().0).unwrap();
        let mut count = 0;
        while let Ok(message) = socket.read() {
            let Ok(text) = message.to_text() else { continue };
            let Ok(said) = serde_json::from_str::<serde_json::Value>(text) else { continue };
            let id = &said["req_id"];
            let mut say = |text: String| socket.send(tungstenite::Message::text(text)).unwrap();
            let Some(native) = said["ticks"].as_str() else {
                if said["ping"] == 1 {
                    say(format!("{{\"msg_type\":\"ping\",\"ping\":\"pong\",\"req_id\":{id}}}"));
                }
                continue;
            };
            count += 1;
            if asked.send(native.to_owned()).is_err() {
                return;
            }
            let head = format!("\"echo_req\":{text},\"req_id\":{id},\"msg_type\":\"tick\"");
            let name = "f55858b0-82ac-aac8-7e8b-3d4a4ee1d6f1";
            for epoch in 1_700_000_000..1_700_000_003 {
                say(format!(
                    "{{{head},\"subscription\":{{\"id\":\"{name}\"}},\"tick\":{{\"ask\":2.5,\"bid\":2.4,\
                     \"epoch\":{epoch},\"id\":\"{name}\",\"pip_size\":2,\"quote\":2.45,\
                     \"symbol\":\"{native}\"}}}}"
                ));
            }
            if let Some(end) = ends(&head).filter(|_| count == 1) {
                say(end);
            }
        }
    });
    (url, told)
}

/// An error with that beside it.
fn ended(head: &str, code: &str) -> Option<String> {
    Some(format!("{{{head},\"error\":{{\"code\":\"{code}\",\"message\":\"x\"}}}}"))
}

/// The name of its stream, where no request is repeated.
const NAMED_STREAM: &str =
    r#""msg_type":"tick","subscription":{"id":"f55858b0-82ac-aac8-7e8b-3d4a4ee1d6f1"}"#;

#[test]
fn a_stream_that_the_exchange_ends_by_an_error_is_stale_at_once_and_asked_for_again() {
    type End = fn(&str) -> Option<String>;
    let ends: [(End, Reason); 4] = [
        (|head| ended(head, "MarketIsClosed"), Reason::Unavailable),
        (|head| ended(head, "StreamingNotAllowed"), Reason::Unavailable),
        (|head| ended(head, "SomethingNew"), Reason::ExchangeError),
        (|_| ended(NAMED_STREAM, "MarketIsClosed"), Reason::Unavailable),
    ];
    for (end, reason) in ends {
        for channels in [&[Channel::Quotes, Channel::Ticker][..], &[Channel::Ticker]] {
            let (url, asked) = deriv_that_ends(end);
            let clock = Clock::manual(UnixNanos::from_millis(1_700_000_000_000));
            let wanted = subscriptions(ExchangeId::Deriv, &["R_100"], channels);
            let mut hand = Hand::by(clock, ExchangeId::Deriv, wanted, url, |_| {});
            hand.until("an end", |hand| hand.absent() == channels.len() as u64);
            let (stale, live) = ((BookState::Stale, reason), (BookState::Live, Reason::None));
            for &channel in channels {
                assert_eq!(hand.stream_states(channel), [stale], "{channel:?}");
            }
            hand.pass_answered(|hand| hand.absent() == 0);
            for &channel in channels {
                assert_eq!(hand.stream_states(channel), [stale, live], "{channel:?}");
            }
            assert_eq!(asked.try_iter().count(), 2);
        }
    }
}

#[test]
fn a_stream_that_ends_without_a_word_before_it_has_a_rhythm_is_told_and_asked_for_again() {
    let (url, asked) = deriv_that_ends(|_| None);
    let clock = Clock::manual(UnixNanos::from_millis(1_700_000_000_000));
    let wanted = subscriptions(ExchangeId::Deriv, &["R_100"], &[Channel::Quotes]);
    let adjust = |options: &mut FeedOptions| options.mute_after = secs(4);
    let mut hand = Hand::by(clock, ExchangeId::Deriv, wanted, url, adjust);
    let quotes = |hand: &Hand| hand.ticks.iter().any(|one| matches!(one.body, Body::Quote { .. }));
    hand.until("a price", quotes);
    hand.pass_answered(|hand| hand.absent() == 1);
    hand.pass_answered(|hand| hand.absent() == 0);
    let (stale, live) = ((BookState::Stale, Reason::Aged), (BookState::Live, Reason::None));
    assert_eq!(hand.stream_states(Channel::Quotes), [stale, live]);
    assert_eq!(asked.try_iter().count(), 2);
}

#[test]
fn lost_trades_cost_a_book_its_trust_where_nothing_else_shows_a_loss() {
    let coinbase = (ExchangeId::Coinbase, "BTC-USD", &[Channel::Trades, Channel::Orderbook][..]);
    let mut pair = Pair::new(coinbase, |_| {}, |_| {});
    pair.pass(secs(2));
    let joined = (BookState::Live, Reason::SnapshotJoined);
    assert_eq!(pair.book_states().last(), Some(&joined));
    let before = pair.book_states().len();
    // The first whole book of a run has a level that cannot be read.
    let asked = pair.hand.handle.counters().resubscriptions.value();
    assert_eq!(asked, 1);
    pair.exchange.inject(Fault::Drop { of: Of::Trade, symbol: None, count: 1 });
    pair.pass(secs(3));
    let doubted = [
        (BookState::Stale, Reason::SequenceGap),
        (BookState::Resyncing, Reason::SequenceGap),
        joined,
    ];
    assert_eq!(pair.book_states()[before..], doubted);
    assert_eq!(pair.hand.handle.counters().resubscriptions.value(), asked + 1);
}

#[test]
fn a_silent_stream_is_live_by_its_word_and_not_by_an_answer_and_its_hole_is_told() {
    let (clock, url) = (Clock::manual(UnixNanos::from_millis(0)), NAMED.to_owned());
    let wanted = subscriptions(ExchangeId::Binance, &["BTCUSDT"], &[Channel::Quotes]);
    let mut hand = Hand::by(clock, ExchangeId::Binance, wanted.clone(), url, |_| {});
    let now = hand.feed.clock.now();
    let publisher = &mut hand.feed.publisher;
    publisher.absent(&wanted[0], Reason::Aged, now);
    assert!(!publisher.present(Sign { stream: wanted[0], speaks: false }, now));
    assert!(publisher.present(Sign { stream: wanted[0], speaks: true }, now));
    hand.turn();
    let told: Vec<Body> = hand.ticks.iter().map(|tick| tick.body).collect();
    let channel = Channel::Quotes;
    let state = |state, reason| Body::StreamState { channel, interval: None, state, reason };
    let all = [
        state(BookState::Stale, Reason::Aged),
        Body::Gap { channel, reason: Reason::Mute, missed: 0 },
        state(BookState::Live, Reason::None),
    ];
    assert_eq!(told[..3], all);
}

#[test]
fn a_stream_that_is_not_carried_any_more_is_called_live_when_it_is_there_again() {
    let (clock, url) = (Clock::manual(UnixNanos::from_millis(0)), NAMED.to_owned());
    let wanted = subscriptions(ExchangeId::Binance, &["BTCUSDT"], &[Channel::Quotes]);
    let mut hand = Hand::by(clock, ExchangeId::Binance, wanted.clone(), url, |_| {});
    let now = hand.feed.clock.now();
    hand.feed.publisher.absent(&wanted[0], Reason::ExchangeError, now);
    hand.feed.publisher.withdraw(&wanted, Reason::Configuration, now);
    assert_eq!(hand.handle.counters().absent_subscriptions.value(), 0);
    hand.turn();
    let stale = |reason| (BookState::Stale, reason);
    let gone = [stale(Reason::ExchangeError), stale(Reason::Configuration)];
    assert_eq!(hand.stream_states(Channel::Quotes), gone, "nothing comes of it");
    hand.feed.publisher.cover(1, &wanted);
    hand.feed.publisher.present(Sign { stream: wanted[0], speaks: false }, now);
    hand.turn();
    let live = (BookState::Live, Reason::None);
    assert_eq!(hand.stream_states(Channel::Quotes).last(), Some(&live));
    let missed = 0;
    let gap = Body::Gap { channel: Channel::Quotes, reason: Reason::Configuration, missed };
    assert!(hand.ticks.iter().any(|tick| tick.body == gap));
}
