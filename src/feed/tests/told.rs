//! Books without numbers, of an exchange whose every word is told by the test: a connection that is to
//! take over and is behind the one it replaces, and books that cannot be read.

use tungstenite::Message;

use super::silence::secs;
use super::*;
use crate::book::Book;
use crate::tick::LevelFlags;

/// A Coinbase Advanced Trade whose every word is told by the test, on each connection for itself.
struct Told {
    accepted: Receiver<WebSocket<TcpStream>>,
    /// With the number of its next frame, and how often the book was asked for.
    sockets: Vec<(WebSocket<TcpStream>, u64, u32)>,
    hand: Hand,
}

impl Told {
    fn new() -> Self {
        let (url, accepted) = exchange_by_hand();
        let clock = Clock::manual(UnixNanos::from_millis(1_700_000_000_000));
        let exchange = ExchangeId::CoinbaseAdvanced;
        let wanted = subscriptions(exchange, &["BTC-USD"], &[Channel::Orderbook]);
        let hand = Hand::by(clock, exchange, wanted, url, |options| options.mute_after = secs(600));
        Self { accepted, sockets: Vec::new(), hand }
    }

    /// Both turn until it is so.
    fn until(&mut self, what: &str, enough: impl Fn(&Self) -> bool) {
        let end = Instant::now() + secs(20);
        while !enough(self) {
            assert!(Instant::now() < end, "waited in vain for {what}: {:?}", self.hand.ticks);
            self.turn();
        }
    }

    /// Both turn; what is asked for is granted.
    fn turn(&mut self) {
        self.hand.turn();
        self.sockets.extend(self.accepted.try_iter().map(|socket| (socket, 0, 0)));
        for index in 0..self.sockets.len() {
            let Ok(Message::Text(text)) = self.sockets[index].0.read() else { continue };
            let is_book = text.contains("level2");
            self.sockets[index].2 += u32::from(is_book && text.contains("\"subscribe\""));
            let books = if is_book { ",\"level2\":[\"BTC-USD\"]" } else { "" };
            let granted = format!("{{\"subscriptions\":{{\"heartbeats\":[]{books}}}}}");
            self.say(index, "subscriptions", 0, &granted);
        }
    }

    /// A connection is there and has asked for the book.
    fn opened(&mut self, index: usize) {
        self.until("a request for the book", |told| {
            told.sockets.get(index).is_some_and(|(_, _, asked)| *asked > 0)
        });
    }

    /// Says something that is dated so many milliseconds after the start.
    fn say(&mut self, index: usize, channel: &str, at: u64, event: &str) {
        let (socket, number, _) = &mut self.sockets[index];
        let time = date(at);
        let text = format!(
            "{{\"channel\":\"{channel}\",\"client_id\":\"\",\"timestamp\":\"{time}\",\
             \"sequence_num\":{number},\"events\":[{event}]}}"
        );
        *number += 1;
        socket.send(Message::text(text)).unwrap();
    }

    /// One of these bids, whole or as a change; the ask stays.
    fn bid(&mut self, index: usize, kind: &str, at: u64, price: u64) {
        // Of what stands in a whole book the exchange does not say when it came.
        let time = if kind == "snapshot" { "1970-01-01T00:00:00Z".into() } else { date(at) };
        let level = |side: &str, price: u64, size: u64| {
            format!(
                "{{\"side\":\"{side}\",\"event_time\":\"{time}\",\
                 \"price_level\":\"{price}\",\"new_quantity\":\"{size}\"}}"
            )
        };
        let ask = if kind == "snapshot" { level("offer", 500, 1) + "," } else { String::new() };
        let updates = ask + &level("bid", price, 1);
        let event =
            format!("{{\"type\":\"{kind}\",\"product_id\":\"BTC-USD\",\"updates\":[{updates}]}}");
        self.say(index, "l2_data", at, &event);
    }

    fn frames(&self) -> u64 {
        self.hand.handle.counters().frames.value()
    }

    /// All that was said is read.
    fn read(&mut self) {
        let said: u64 = self.sockets.iter().map(|(_, number, _)| number).sum();
        self.until("what was said", |told| told.frames() == said);
    }

    /// A live book with the bids 1 to 9 by the first connection, and a second one beside it, whose
    /// book is two seconds behind: it has 1 to 3.
    fn replaced() -> Self {
        let mut told = Self::new();
        told.opened(0);
        told.bid(0, "snapshot", 0, 1);
        for price in 2..10 {
            told.bid(0, "update", price * 500, price);
        }
        told.read();
        assert_eq!(told.bids(), (1..10).rev().collect::<Vec<u64>>());
        told.hand.feed.lines.turn_of(0).1.shutdown_notice = true;
        told.hand.feed.lines.want_attention();
        told.opened(1);
        told.bid(1, "snapshot", 1_000, 1);
        told.bid(1, "update", 1_500, 2);
        told.bid(1, "update", 2_000, 3);
        told.read();
        told
    }

    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds * 10 {
            self.hand.after(Duration::from_millis(100));
        }
    }

    fn rollovers(&self) -> u64 {
        self.hand.handle.counters().rollovers.value()
    }

    /// What a client has of the book.
    fn bids(&self) -> Vec<u64> {
        let mut book = Book::new();
        for tick in &self.hand.ticks {
            let Some((level, flags)) = tick.body.level() else { continue };
            if flags.has(LevelFlags::SNAPSHOT) && flags.has(LevelFlags::FIRST) {
                book.clear();
            }
            book.apply(level);
        }
        book.bids().map(|bid| bid.price.mantissa().cast_unsigned()).collect()
    }

    fn states(&self) -> Vec<(BookState, Reason)> {
        let states = self.hand.ticks.iter().filter_map(|tick| match tick.body {
            Body::BookState { state, reason } => Some((state, reason)),
            _ => None,
        });
        states.skip_while(|(state, _)| *state != BookState::Live).collect()
    }
}

/// So many milliseconds after the start.
fn date(at: u64) -> String {
    format!("2023-11-14T22:13:{:02}.{:03}Z", 20 + at / 1_000, at % 1_000)
}

const JOINED: (BookState, Reason) = (BookState::Live, Reason::SnapshotJoined);

#[test]
fn a_replacement_that_is_behind_takes_over_when_it_has_caught_up() {
    let mut told = Told::replaced();
    told.pass(3);
    assert_eq!(told.rollovers(), 0, "it waits");
    told.bid(0, "update", 5_000, 10);
    for price in 4..10 {
        told.bid(1, "update", price * 500, price);
        told.read();
        assert_eq!(told.bids()[0], 10, "at {price}");
    }
    told.bid(1, "update", 5_000, 10);
    told.bid(0, "update", 5_500, 11);
    told.bid(1, "update", 5_500, 11);
    told.read();
    told.until("the rollover", |told| {
        told.hand.clock.advance(Duration::from_millis(100));
        told.rollovers() == 1
    });
    told.bid(1, "update", 6_000, 12);
    told.until("what comes then", |told| told.bids()[0] == 12);
    assert_eq!(told.bids(), (1..13).rev().collect::<Vec<u64>>());
    assert_eq!(told.states(), [JOINED], "never stale, and never asked for anew");
    assert_eq!(told.hand.handle.counters().resubscriptions.value(), 0);
}

/// What makes a frame late on its way makes its date late as well: a connection that is behind dates
/// what it tells as late as one that is not.
#[test]
fn one_that_is_behind_takes_no_book_back_however_late_it_dates_its_frames() {
    let mut told = Told::replaced();
    told.pass(3);
    let level = |price: u64, at: u64| {
        format!(
            "{{\"type\":\"update\",\"product_id\":\"BTC-USD\",\"updates\":[{{\"side\":\"bid\",\
             \"event_time\":\"{}\",\"price_level\":\"{price}\",\"new_quantity\":\"1\"}}]}}",
            date(at)
        )
    };
    told.bid(0, "update", 5_000, 10);
    for price in 4..10 {
        told.say(1, "l2_data", 5_500, &level(price, price * 500));
        told.read();
        assert_eq!(told.bids(), (1..11).rev().collect::<Vec<u64>>(), "at {price}");
    }
    // Two changes of one moment, and the one that was behind has told the first.
    told.say(0, "l2_data", 5_600, &level(11, 5_600));
    told.say(0, "l2_data", 5_600, &level(12, 5_600));
    told.read();
    told.say(1, "l2_data", 5_600, &level(10, 5_000));
    told.say(1, "l2_data", 5_600, &level(11, 5_600));
    told.read();
    assert_eq!(told.bids()[0], 12);
    told.say(1, "l2_data", 5_600, &level(12, 5_600));
    told.say(1, "l2_data", 5_700, &level(13, 5_700));
    told.until("what comes then", |told| told.bids()[0] == 13);
    assert_eq!(told.bids(), (1..14).rev().collect::<Vec<u64>>());
    assert_eq!(told.states(), [JOINED], "never stale");
}

#[test]
fn one_whose_predecessor_ends_goes_on_with_what_it_has_and_says_so() {
    let mut told = Told::replaced();
    told.sockets[0].0.get_ref().shutdown(std::net::Shutdown::Both).unwrap();
    told.until("the other's book", |told| told.states().len() > 1);
    assert_eq!(told.bids(), [3, 2, 1]);
    for price in 4..13 {
        told.bid(1, "update", price * 500, price);
    }
    told.until("what it brings", |told| told.bids()[0] == 12);
    assert_eq!(told.bids(), (1..13).rev().collect::<Vec<u64>>());
    assert_eq!(told.states(), [JOINED, (BookState::Stale, Reason::Disconnected), JOINED]);
    assert_eq!(told.hand.handle.counters().resubscriptions.value(), 0);
}

#[test]
fn one_that_loses_something_meanwhile_does_not_take_over_with_it() {
    let mut told = Told::replaced();
    told.pass(3);
    told.say(1, "l2_data", 2_500, r#"{"type":"update","product_id":"BTC-USD","updates":[{"side":"bid","event_time":"2023-11-14T22:13:20Z","price_level":"4","new_quantity":"?"}]}"#);
    for price in 5..11 {
        told.bid(1, "update", price * 500, price);
    }
    told.read();
    assert_eq!(told.bids(), (1..10).rev().collect::<Vec<u64>>());
    told.bid(1, "snapshot", 5_000, 7);
    told.bid(1, "update", 5_100, 8);
    told.until("its book", |told| told.bids() == [8, 7]);
    assert_eq!(told.states(), [JOINED]);
}

const UNREADABLE: &str = r#"{"type":"snapshot","product_id":"BTC-USD","updates":[{"side":"bid",
"event_time":"2023-11-14T22:13:20Z","price_level":"1","new_quantity":"1234567890123456789"}]}"#;

#[test]
fn a_book_that_can_never_be_read_says_so_and_is_asked_for_ever_more_rarely() {
    let mut told = Told::new();
    told.opened(0);
    let mut times: Vec<u64> = Vec::new();
    for tenth in 0..2_400_u64 {
        // The date of a frame is no matter here.
        if told.sockets[0].2 as usize > times.len() {
            told.say(0, "l2_data", 0, UNREADABLE);
            times.push(tenth / 10);
        }
        if tenth % 10 == 0 {
            told.say(0, "heartbeats", 0, "{}");
        }
        told.read();
        told.hand.clock.advance(Duration::from_millis(100));
        told.turn();
    }
    let waits: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(waits.is_sorted() && waits[0] <= 1 && waits.last() >= Some(&60), "{waits:?}");
    let states = told.hand.ticks.iter().filter_map(|tick| match tick.body {
        Body::BookState { state, reason } => Some((state, reason)),
        _ => None,
    });
    let waits = |reason| (BookState::Resyncing, reason);
    let expected = [waits(Reason::AwaitingSnapshot), waits(Reason::Refused)];
    assert_eq!(states.collect::<Vec<_>>(), expected);
    let counters = told.hand.handle.counters();
    let lost: u64 = counters.rejected_items.iter().map(|one| one.value()).sum();
    assert_eq!(lost, times.len() as u64);
}
