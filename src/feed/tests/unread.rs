//! What cannot be read: frames of which nobody knows whether they were of a book, frames that name
//! their stream, and items that do not name theirs.

use tungstenite::Message;

use super::silence::{Pair, STEP, every_exchange, secs};
use super::*;
use crate::exchange::Continuity;
use crate::tick::{Decimal, Level, Side};

/// Two books of one exchange, each whole; where they come beside the stream the test brings them.
struct Books {
    exchange: ExchangeId,
    natives: [String; 2],
    pair: Pair,
    /// Notices that were looked at.
    heard: usize,
}

impl Books {
    fn new(exchange: ExchangeId, native: &str) -> Self {
        let natives = [native.to_owned(), native.replace("BTC", "ETH")];
        let names = natives.each_ref().map(String::as_str);
        let pair = Pair::of(exchange, &names, &[Channel::Orderbook], |_| {}, |_| {});
        let mut books = Self { exchange, natives, pair, heard: 0 };
        books.pass(secs(5));
        for index in 0..2 {
            let last = books.states(index).last().map(|(state, _)| *state);
            assert_eq!(last, Some(BookState::Live), "{exchange}: the begin");
        }
        books
    }

    fn pass(&mut self, time: Duration) {
        let end = self.pair.hand.feed.clock.now().after(time);
        while self.pair.hand.feed.clock.now() < end {
            self.pair.pass(STEP);
            self.answer();
        }
    }

    /// Gives the books that were asked for beside the stream.
    fn answer(&mut self) {
        let new = self.pair.hand.notices[self.heard..].iter();
        let asked: Vec<_> = new
            .filter_map(|notice| match notice {
                FeedNotice::NeedSnapshot { instrument, native } => Some((*instrument, *native)),
                _ => None,
            })
            .collect();
        self.heard = self.pair.hand.notices.len();
        for (instrument, native) in asked {
            let book = self.pair.exchange.book(&native).unwrap();
            let snapshot = BookSnapshot { last_update_id: book.update_id, levels: levels(&book) };
            self.pair.hand.handle.send(FeedCommand::Snapshot { instrument, snapshot }).unwrap();
        }
    }

    /// What was told of a book.
    fn states(&self, index: usize) -> Vec<(BookState, Reason)> {
        let own = self.pair.hand.ticks.iter().filter(|tick| tick.instrument.index() == index);
        let states = own.filter_map(|tick| match tick.body {
            Body::BookState { state, reason } => Some((state, reason)),
            _ => None,
        });
        states.collect()
    }

    /// What is told of both books from now on, while the exchange says this.
    fn told_after(&mut self, fault: Fault, lasts: Duration) -> [Vec<(BookState, Reason)>; 2] {
        let before = [0, 1].map(|index| self.states(index).len());
        self.pair.exchange.inject(fault);
        self.pass(lasts);
        [0, 1].map(|index| self.states(index).split_off(before[index]))
    }

    /// Both books are the exchange's.
    fn assert_right(&mut self) {
        self.pair.exchange.pause(true);
        self.pass(secs(3));
        for (index, native) in self.natives.iter().enumerate() {
            let books = self.pair.hand.feed.publisher.books();
            let instrument = InstrumentId(index as u32);
            assert_eq!(books.state(instrument), Some(BookState::Live), "{}", self.exchange);
            let own = books.book(instrument).unwrap();
            let theirs = levels(&self.pair.exchange.book(native).unwrap());
            let is_there = |level: &Level| own.levels().any(|one| one == *level);
            let best = theirs.iter().filter(|level| level.side == Side::Bid).take(10);
            assert!(best.clone().count() > 0 && best.clone().all(is_there), "{}", self.exchange);
        }
        assert_eq!(self.pair.lost(), 0, "{}: no connection is to blame", self.exchange);
    }
}

fn levels(book: &crate::sim::TrueBook) -> Vec<Level> {
    let number = |text: &str| Decimal::parse(text.as_bytes()).unwrap();
    let side = |side: Side, levels: &[(String, String)]| -> Vec<Level> {
        let level = |(price, size): &(String, String)| Level {
            side,
            price: number(price),
            size: number(size),
        };
        levels.iter().map(level).collect()
    };
    [side(Side::Bid, &book.bids), side(Side::Ask, &book.asks)].concat()
}

fn each_with_books() -> impl Iterator<Item = Books> {
    let have_books = |(_, _, channels): &(_, _, &[Channel])| channels.contains(&Channel::Orderbook);
    every_exchange().filter(have_books).map(|(exchange, native, _)| Books::new(exchange, native))
}

/// Numbers, or a checksum over the whole of its books.
fn shows_loss(exchange: ExchangeId) -> bool {
    let rules = profile(exchange).book;
    rules.continuity != Continuity::None || rules.checksum.is_some()
}

const STALE: (BookState, Reason) = (BookState::Stale, Reason::Refused);
const ANEW: (BookState, Reason) = (BookState::Resyncing, Reason::Refused);
const JOINED: (BookState, Reason) = (BookState::Live, Reason::SnapshotJoined);

#[test]
fn a_frame_that_cannot_be_read_makes_each_book_suspect_at_once() {
    for mut books in each_with_books() {
        let exchange = books.exchange;
        for fault in [Fault::Garbage, Fault::Binary] {
            for told in books.told_after(fault, secs(10)) {
                let answered = (BookState::Live, Reason::Answered);
                match shows_loss(exchange) {
                    // Its next event shows that nothing is missing.
                    true => assert_eq!(told, [STALE, answered], "{exchange}"),
                    false => assert_eq!(told, [STALE, ANEW, JOINED], "{exchange}"),
                }
            }
        }
        books.assert_right();
    }
}

#[test]
fn a_suspect_book_of_which_nothing_comes_is_made_anew() {
    for mut books in each_with_books() {
        let exchange = books.exchange;
        books.pair.exchange.pause(true);
        books.pass(secs(1));
        for told in books.told_after(Fault::Garbage, secs(8)) {
            let anew = told.starts_with(&[STALE, ANEW, JOINED]);
            assert!(anew, "{exchange}: nothing clears it: {told:?}");
        }
        books.pair.exchange.pause(false);
        books.pass(secs(3));
        books.assert_right();
    }
}

#[test]
fn a_frame_that_names_its_stream_costs_that_book_alone() {
    for mut books in each_with_books() {
        let exchange = books.exchange;
        if exchange == ExchangeId::CoinbaseAdvanced {
            // Half of a frame ends before its product does.
            continue;
        }
        let (of, symbol) = (Of::Depth, Some(books.natives[0].clone()));
        let [own, other] = books.told_after(Fault::Cut { of, symbol, count: 1 }, secs(10));
        assert_eq!(own, [STALE, ANEW, JOINED], "{exchange}");
        assert_eq!(other, [], "{exchange}: the other book is left alone");
        books.assert_right();
    }
}

#[test]
fn what_cannot_be_read_again_and_again_is_no_storm_of_requests() {
    for mut books in each_with_books().filter(|books| !shows_loss(books.exchange)) {
        let exchange = books.exchange;
        for _ in 0..54 {
            let live = [0, 1].map(|index| books.states(index).last() == Some(&JOINED));
            let told = books.told_after(Fault::Garbage, secs(11));
            for (told, live) in told.iter().zip(live) {
                assert!(!live || told.starts_with(&[STALE, ANEW]), "{exchange}: {told:?}");
            }
        }
        let asked = books.pair.hand.handle.counters().resubscriptions.value();
        assert!(asked <= 2 * (7 + 10), "{exchange}: {asked} in ten minutes, of two books");
        books.pass(secs(61));
        books.assert_right();
    }
}

#[test]
fn an_error_that_answers_nothing_is_no_refusal_and_costs_no_book_that_would_show_a_loss() {
    for mut books in each_with_books() {
        let exchange = books.exchange;
        let counted = |books: &Books| {
            let counters = books.pair.hand.handle.counters();
            let refusals: u64 = counters.refusals.iter().map(|one| one.value()).sum();
            (counters.exchange_errors.value(), refusals)
        };
        let before = counted(&books);
        // What was said to it is what it complains of.
        let told = books.told_after(Fault::Errors(1), secs(5));
        assert_eq!(told, [[], []], "{exchange}");
        let connections = books.pair.upgrades.len() as u64;
        assert_eq!(counted(&books), (before.0 + connections, before.1), "{exchange}");
        books.assert_right();
    }
}

/// What is told of trades that may be missing.
#[derive(Debug, PartialEq)]
enum Missing {
    Trades(u64, Reason),
    /// Nobody knows; candles of now are not whole.
    Unknown,
}

/// What is told of missing trades from now on, while the exchange says this.
fn missing_after(pair: &mut Pair, fault: Fault, lasts: Duration) -> Vec<Missing> {
    let before = pair.hand.ticks.len();
    pair.exchange.inject(fault);
    pair.pass(lasts);
    let told = pair.hand.ticks[before..].iter().filter_map(|tick| match tick.body {
        Body::Gap { channel: Channel::Trades, missed, reason } => {
            Some(Missing::Trades(missed, reason))
        }
        Body::Unheard { channel: Channel::Trades } => Some(Missing::Unknown),
        _ => None,
    });
    told.collect()
}

/// What is told at once of something that cannot be read: of so many trades, or of what may have been
/// one.
fn at_once(exchange: ExchangeId, trades: u64) -> Missing {
    match profile(exchange).connection.trade_ids_contiguous {
        true => Missing::Unknown,
        false => Missing::Trades(trades, Reason::Refused),
    }
}

#[test]
fn a_trade_that_cannot_be_read_is_doubted_at_once_and_counted_by_the_next() {
    let have_trades = |(_, _, channels): &(_, _, &[Channel])| channels.contains(&Channel::Trades);
    for (exchange, native, _) in every_exchange().filter(have_trades) {
        let mut pair = Pair::new((exchange, native, &[Channel::Trades]), |_| {}, |_| {});
        pair.pass(secs(5));
        let cut = Fault::Cut { of: Of::Trade, symbol: None, count: 1 };
        let told = missing_after(&mut pair, cut, secs(5));
        match at_once(exchange, 1) {
            Missing::Unknown => {
                // A frame may hold several.
                let is_told = matches!(
                    told[..],
                    [Missing::Unknown, Missing::Trades(1.., Reason::SequenceGap)]
                );
                assert!(is_told, "{exchange}: {told:?}");
            }
            gap => assert_eq!(told, [gap], "{exchange}"),
        }
        // It was no trade, which the next one shows where its number follows.
        let told = missing_after(&mut pair, Fault::Garbage, secs(5));
        assert_eq!(told, [at_once(exchange, 0)], "{exchange}");
        // Of a market that says nothing more.
        pair.exchange.pause(true);
        pair.pass(secs(1));
        let told = missing_after(&mut pair, Fault::Garbage, secs(3));
        assert_eq!(told, [at_once(exchange, 0)], "{exchange}");
        assert_eq!(pair.lost(), 0, "{exchange}: no connection is to blame");
    }
}

/// A Coinbase Exchange by hand with a live book, and its connection.
fn coinbase_by_hand() -> (Hand, WebSocket<TcpStream>) {
    let (url, accepted) = exchange_by_hand();
    let clock = Clock::manual(UnixNanos::from_millis(1_700_000_000_000));
    let exchange = ExchangeId::Coinbase;
    let wanted = subscriptions(exchange, &["BTC-USD"], &[Channel::Orderbook]);
    let mut hand = Hand::by(clock, exchange, wanted, url, |_| {});
    hand.until("a connection", |_| !accepted.is_empty());
    let mut socket = accepted.recv().unwrap();
    let products = r#""product_ids":["BTC-USD"]"#;
    let granted = format!(
        r#"{{"type":"subscriptions","channels":[{{"name":"level2_50",{products}}},{{"name":"heartbeat",{products}}}]}}"#
    );
    let end = Instant::now() + secs(20);
    while hand.handle.counters().frames.value() == 0 {
        assert!(Instant::now() < end, "nothing is asked for");
        if socket.read().is_ok() {
            socket.send(Message::text(granted.as_str())).unwrap();
        }
        hand.turn();
    }
    let book =
        r#"{"type":"snapshot","product_id":"BTC-USD","asks":[["12","1"]],"bids":[["10","1"]]}"#;
    socket.send(Message::text(book)).unwrap();
    hand.until("a live book", |hand| book_states(hand).last() == Some(&JOINED));
    (hand, socket)
}

fn book_states(hand: &Hand) -> Vec<(BookState, Reason)> {
    let states = hand.ticks.iter().filter_map(|tick| match tick.body {
        Body::BookState { state, reason } => Some((state, reason)),
        _ => None,
    });
    states.collect()
}

#[test]
fn a_book_without_numbers_may_lack_something_when_its_exchange_is_at_fault() {
    for words in ["Internal server error", "of words that nobody knows"] {
        let (mut hand, mut socket) = coinbase_by_hand();
        let asked = hand.handle.counters().resubscriptions.value();
        let text = format!(r#"{{"type":"error","message":"{words}"}}"#);
        socket.send(Message::text(text)).unwrap();
        hand.until("the error", |hand| hand.handle.counters().exchange_errors.value() == 1);
        let anew = [BookState::Stale, BookState::Resyncing].map(|it| (it, Reason::ExchangeError));
        assert!(book_states(&hand).ends_with(&anew), "{words}: {:?}", book_states(&hand));
        assert_eq!(hand.handle.counters().resubscriptions.value(), asked + 1, "{words}");
    }
}

#[test]
fn a_connection_that_the_exchange_says_it_ends_is_left_at_once() {
    let (mut hand, mut socket) = coinbase_by_hand();
    let text = r#"{"type":"error","message":"ErrSlowConsume"}"#;
    socket.send(Message::text(text)).unwrap();
    hand.until("the end", |hand| {
        hand.states().last() == Some(&(FeedState::Reconnecting, Reason::ExchangeError))
    });
    let stale = (BookState::Stale, Reason::Disconnected);
    assert_eq!(book_states(&hand).last(), Some(&stale));
}

#[test]
fn an_item_that_does_not_name_its_instrument_is_told_to_whoever_may_lack_it() {
    let (url, accepted) = exchange_by_hand();
    let clock = Clock::manual(UnixNanos::from_millis(1_700_000_000_000));
    let exchange = ExchangeId::CoinbaseAdvanced;
    let wanted = subscriptions(exchange, &["BTC-USD", "ETH-USD"], &[Channel::Ticker]);
    let mut hand = Hand::by(clock, exchange, wanted, url, |_| {});
    hand.until("a connection", |_| !accepted.is_empty());
    let mut socket = accepted.recv().unwrap();
    let nameless = r#"{"channel":"ticker","client_id":"","timestamp":"2023-11-14T22:13:20Z","#
        .to_owned()
        + r#""sequence_num":0,"events":[{"type":"update","tickers":[{"price":"1.5"}]}]}"#;
    socket.send(Message::text(nameless)).unwrap();
    hand.until("what is told of it", |hand| hand.handle.counters().frames.value() == 1);
    let gaps = hand.ticks.iter().filter_map(|tick| match tick.body {
        Body::Gap { channel: Channel::Ticker, reason: Reason::Refused, .. } => {
            Some(tick.instrument.0)
        }
        _ => None,
    });
    assert_eq!(gaps.collect::<Vec<_>>(), [0, 1]);
}
