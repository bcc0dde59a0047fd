//! Connections that fall silent, at every exchange: simulator and feed take turns on one thread and
//! share a clock that the test moves.

use super::*;
use crate::sim::{ByHand, is_simulated};

/// Between two turns.
pub(super) const STEP: Duration = Duration::from_millis(50);

pub(super) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) struct Pair {
    pub(super) exchange: ByHand,
    pub(super) hand: Hand,
    /// Times at which the exchange accepted a WebSocket.
    pub(super) upgrades: Vec<MonoNanos>,
}

/// Every exchange, with a symbol of its own and what it tells of it.
pub(super) fn every_exchange()
-> impl Iterator<Item = (ExchangeId, &'static str, &'static [Channel])> {
    ExchangeId::ALL.into_iter().filter(|&one| is_simulated(one)).map(|exchange| {
        let both: &[Channel] = &[Channel::Trades, Channel::Orderbook];
        match exchange {
            ExchangeId::Coinbase | ExchangeId::CoinbaseAdvanced => (exchange, "BTC-USD", both),
            ExchangeId::Kraken | ExchangeId::KrakenV1 => (exchange, "BTC/USD", both),
            ExchangeId::Okx => (exchange, "BTC-USDT", both),
            ExchangeId::Deriv => (exchange, "1HZ100V", &[Channel::Ticker][..]),
            ExchangeId::Binance
            | ExchangeId::BinanceFutures
            | ExchangeId::Bybit
            | ExchangeId::BybitLinear => (exchange, "BTCUSDT", both),
        }
    })
}

impl Pair {
    pub(super) fn new(
        (exchange, native, channels): (ExchangeId, &'static str, &'static [Channel]),
        options: impl FnOnce(&mut Options),
        adjust: impl FnOnce(&mut FeedOptions),
    ) -> Self {
        Self::of(exchange, &[native], channels, options, adjust)
    }

    /// With several symbols.
    pub(super) fn of(
        exchange: ExchangeId,
        natives: &[&str],
        channels: &[Channel],
        options: impl FnOnce(&mut Options),
        adjust: impl FnOnce(&mut FeedOptions),
    ) -> Self {
        let (clock, hand) = Clock::manual(UnixNanos::from_millis(1_700_000_000_000));
        let mut own = Options::new(exchange);
        own.symbols = natives.iter().map(|&native| native.to_owned()).collect();
        (own.rate, own.clock) = (100, clock.clone());
        options(&mut own);
        let exchange_by_hand = ByHand::new(&own, 10).unwrap();
        let wanted = subscriptions(exchange, natives, channels);
        let hand = Hand::by((clock, hand), exchange, wanted, exchange_by_hand.url(), adjust);
        Self { exchange: exchange_by_hand, hand, upgrades: Vec::new() }
    }

    /// Both turn until neither has anything to do now.
    pub(super) fn settle(&mut self) {
        let now = self.hand.feed.clock.now();
        let mut idle = 0;
        while idle < 3 {
            let mut work = self.exchange.turn();
            self.hand.feed.wait(Duration::ZERO);
            work += self.hand.feed.turn(now);
            let ticks = &mut self.hand.ticks;
            self.hand.consumer.drain(usize::MAX, |tick| ticks.push(*tick));
            self.hand.notices.extend(self.hand.reports.try_iter().map(|report| report.notice));
            idle = if work == 0 { idle + 1 } else { 0 };
        }
        while self.upgrades.len() < self.exchange.stats().upgrades as usize {
            self.upgrades.push(now);
        }
    }

    /// Lets time pass in small steps.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.hand.feed.clock.now().after(time);
        while self.hand.feed.clock.now() < end {
            self.hand.clock.advance(STEP);
            self.settle();
        }
    }

    /// Silences all connections, and tells how long it takes until each was asked for anew.
    fn silence(&mut self) -> Duration {
        let (count, at) = (self.upgrades.len(), self.hand.feed.clock.now());
        self.exchange.inject(Fault::Silence);
        while self.upgrades.len() < 2 * count {
            self.pass(STEP);
            assert!(self.hand.feed.clock.now() < at.after(secs(60)), "never replaced");
        }
        assert_eq!((self.lost(), self.lost_to_silence()), (count as u64, count as u64));
        Duration::from_nanos(self.upgrades[2 * count - 1].since(at))
    }

    /// Lets the next question of a quiet connection be answered that much late.
    pub(super) fn answer_late(&mut self, by: Duration) {
        let asked = self.asked().0;
        while self.asked().0 == asked {
            self.pass(STEP);
        }
        // The next follows ten seconds after the answer to this one, which came at once.
        self.pass(secs(9));
        self.exchange.inject(Fault::Stall(secs(1) + by));
        self.pass(secs(1) + by);
    }

    pub(super) fn lost(&self) -> u64 {
        self.hand.handle.counters().reconnects.iter().map(|one| one.value()).sum()
    }

    pub(super) fn lost_to_silence(&self) -> u64 {
        self.hand.handle.counters().reconnects[Reason::Silence as usize].value()
    }

    /// Questions and answers to them.
    pub(super) fn asked(&self) -> (u64, u64) {
        let counters = self.hand.handle.counters();
        (counters.silence_questions.value(), counters.silence_answers.value())
    }

    pub(super) fn book_states(&self) -> Vec<(BookState, Reason)> {
        let states = self.hand.ticks.iter().filter_map(|tick| match tick.body {
            Body::BookState { state, reason } => Some((state, reason)),
            _ => None,
        });
        states.collect()
    }

    /// Snapshots of books that were told.
    fn snapshots(&self) -> usize {
        let is_first = |tick: &&Tick| {
            tick.body.level().is_some_and(|(_, flags)| {
                flags.has(crate::tick::LevelFlags::FIRST)
                    && flags.has(crate::tick::LevelFlags::SNAPSHOT)
            })
        };
        self.hand.ticks.iter().filter(is_first).count()
    }
}

#[test]
fn a_busy_connection_that_goes_half_open_is_replaced_within_five_seconds() {
    for exchange in every_exchange() {
        for connected in [4, 6, 40] {
            let mut pair = Pair::new(exchange, |_| {}, |_| {});
            pair.pass(secs(connected));
            let count = pair.upgrades.len();
            let took = pair.silence();
            assert!((secs(3)..=secs(5)).contains(&took), "{exchange:?}: {took:?}");
            let before = pair.hand.ticks.len();
            pair.pass(secs(3));
            let is_news = |tick: &Tick| tick.instrument == InstrumentId(0);
            assert!(pair.hand.ticks[before..].iter().any(is_news), "{exchange:?} goes on");
            assert_eq!(pair.upgrades.len(), 2 * count, "{exchange:?} lives on");
        }
    }
}

#[test]
fn a_quiet_connection_that_goes_half_open_is_replaced_within_fifteen_seconds() {
    for exchange in every_exchange() {
        let mut pair = Pair::new(exchange, |options| options.paused = true, |_| {});
        pair.pass(secs(25));
        let took = pair.silence();
        assert!(took <= secs(15), "{exchange:?}: {took:?}");
    }
}

#[test]
fn a_quiet_market_on_a_living_connection_is_never_touched() {
    for exchange in every_exchange() {
        let mut pair = Pair::new(exchange, |options| options.paused = true, |_| {});
        pair.pass(secs(300));
        let (questions, answers) = pair.asked();
        assert_eq!((pair.lost(), questions), (0, answers), "{exchange:?}");
        let most = 30 * pair.upgrades.len() as u64;
        assert!(questions <= most, "{exchange:?}: one each ten seconds, not {questions} in 300");
        let doubts = pair.book_states();
        let doubts = doubts.iter().filter(|(_, reason)| *reason == Reason::Silence);
        assert_eq!(doubts.count(), 0, "{exchange:?}: answers come before anybody is told");
    }
}

#[test]
fn a_connection_that_answers_and_brings_nothing_is_not_ended_but_told_and_replaced() {
    for exchange in every_exchange() {
        let mut pair = Pair::new(exchange, |_| {}, |_| {});
        let is_busy = exchange.0 != ExchangeId::Deriv;
        // Deriv tells a price each second.
        pair.pass(secs(if is_busy { 10 } else { 25 }));
        let (count, states) = (pair.upgrades.len(), pair.book_states().len());
        let (before, at) = (pair.hand.ticks.len(), pair.hand.feed.clock.now());
        while pair.upgrades.len() < 2 * count {
            // Asking for the streams anew brings nothing either.
            pair.exchange.inject(Fault::Hush);
            pair.pass(STEP);
            assert!(pair.hand.feed.clock.now() <= at.after(secs(15)), "{exchange:?}: never");
        }
        // Those of Binance wait for an answer beside the stream, which nobody gives here.
        let is_book = pair.book_states()[..states].iter().any(|one| one.0 == BookState::Live);
        let took = Duration::from_nanos(pair.hand.feed.clock.now().since(at));
        assert!(took <= secs(if is_busy { 6 } else { 15 }), "{exchange:?}: {took:?}");
        let told = pair.book_states()[states..].to_vec();
        let stale = (BookState::Stale, Reason::Silence);
        // What is made beside may have brought its book by now.
        assert_eq!(told.first(), is_book.then_some(&stale), "{exchange:?}");
        let others: Vec<_> = told.iter().skip(1).filter(|one| one.0 != BookState::Live).collect();
        assert!(others.is_empty(), "{exchange:?}: once, and nothing else: {told:?}");
        pair.pass(secs(40));
        let (questions, answers) = pair.asked();
        assert_eq!((pair.lost(), questions), (0, answers), "{exchange:?}");
        assert_eq!(pair.upgrades.len(), 2 * count, "{exchange:?}: once");
        let is_news = |tick: &&Tick| tick.instrument == InstrumentId(0);
        assert!(pair.hand.ticks[before..].iter().filter(is_news).count() > 30, "{exchange:?}");
        if is_book {
            assert_eq!(pair.book_states().last().map(|state| state.0), Some(BookState::Live));
        }
        let states = pair.hand.states();
        let is_down = |(state, _): &(FeedState, Reason)| *state == FeedState::Reconnecting;
        assert!(!states.iter().any(is_down), "{exchange:?}: never without a connection");
    }
}

#[test]
fn a_connection_that_trickles_bytes_is_as_dead_as_a_silent_one() {
    for exchange in every_exchange() {
        for connected in [4, 40] {
            let mut pair = Pair::new(exchange, |_| {}, |_| {});
            pair.pass(secs(connected));
            let (count, at) = (pair.upgrades.len(), pair.hand.feed.clock.now());
            pair.exchange.inject(Fault::Trickle);
            while pair.upgrades.len() < 2 * count {
                pair.pass(STEP);
                let now = pair.hand.feed.clock.now();
                assert!(now <= at.after(secs(6)), "{exchange:?} after {connected} s");
            }
            assert_eq!(pair.lost_to_silence(), count as u64, "{exchange:?}");
        }
    }
}

#[test]
fn a_connection_that_fell_barren_is_replaced_by_another_before_it_ends() {
    // Where asking for a stream anew brings nothing by itself; others answer with a snapshot.
    let is_binance =
        |one: &ExchangeId| matches!(one, ExchangeId::Binance | ExchangeId::BinanceFutures);
    for exchange in every_exchange().filter(|(exchange, ..)| is_binance(exchange)) {
        let mut pair = Pair::new(exchange, |_| {}, |_| {});
        // A minute, in which the rhythms are learned.
        pair.pass(secs(90));
        let count = pair.upgrades.len();
        let at = pair.hand.feed.clock.now();
        while pair.upgrades.len() < 2 * count {
            // Asking for the streams anew brings nothing either.
            pair.exchange.inject(Fault::Hush);
            pair.pass(STEP);
            assert!(
                pair.hand.feed.clock.now() < at.after(secs(60)),
                "{exchange:?} is not replaced"
            );
        }
        pair.pass(secs(40));
        let rollovers = pair.hand.handle.counters().rollovers.value();
        assert_eq!((pair.lost(), rollovers), (0, count as u64), "{exchange:?}");
        assert_eq!(pair.upgrades.len(), 2 * count, "{exchange:?}");
        let states = pair.hand.states();
        let is_down = |(state, _): &(FeedState, Reason)| *state == FeedState::Reconnecting;
        assert!(!states.iter().any(is_down), "{exchange:?}: never without a connection");
        let before = pair.hand.ticks.len();
        pair.pass(secs(3));
        let is_news = |tick: &Tick| tick.instrument == InstrumentId(0);
        assert!(pair.hand.ticks[before..].iter().any(is_news), "{exchange:?} goes on");
    }
}

pub(super) const OKX: (ExchangeId, &str, &[Channel]) =
    (ExchangeId::Okx, "BTC-USDT", &[Channel::Trades, Channel::Orderbook]);

#[test]
fn a_book_is_called_stale_until_the_answer_comes_and_needs_no_snapshot_then() {
    let mut pair = Pair::new(OKX, |_| {}, |_| {});
    pair.pass(secs(5));
    let live = (BookState::Live, Reason::SnapshotJoined);
    assert_eq!(pair.book_states().last(), Some(&live));
    let doubted = pair.book_states().len();
    // Everything comes, but late.
    pair.exchange.inject(Fault::Stall(secs(4)));
    pair.pass(secs(3));
    assert_eq!(pair.book_states()[doubted..], [(BookState::Stale, Reason::Silence)]);
    assert_eq!(pair.hand.feed.publisher.tally()[BookState::Stale as usize], 1);
    pair.pass(secs(3));
    let states = pair.book_states();
    assert_eq!(states[doubted + 1..], [(BookState::Live, Reason::Answered)]);
    let own: Vec<_> = pair.hand.ticks.iter().filter(|tick| tick.instrument.index() == 0).collect();
    let answered = Body::BookState { state: BookState::Live, reason: Reason::Answered };
    let place = own.iter().position(|tick| tick.body == answered).unwrap();
    let stale = own[..place].iter().rposition(|tick| matches!(tick.body, Body::BookState { .. }));
    let between = &own[stale.unwrap() + 1..place];
    assert!(between.iter().all(|tick| tick.body.level().is_none()), "no change of a stale book");
    assert_eq!((pair.lost(), pair.snapshots()), (0, 1));
    assert_eq!(pair.asked(), (1, 1));
}

#[test]
fn a_quiet_book_that_was_doubted_is_called_live_by_the_answer_alone() {
    let mut pair = Pair::new(OKX, |options| options.paused = true, |_| {});
    pair.pass(secs(5));
    pair.answer_late(secs(2));
    pair.pass(secs(1));
    let states = pair.book_states();
    let last = &states[states.len() - 2..];
    assert_eq!(last, [(BookState::Stale, Reason::Silence), (BookState::Live, Reason::Answered)]);
    assert_eq!((pair.lost(), pair.snapshots()), (0, 1));
}

#[test]
fn a_book_that_another_line_brings_is_not_doubted() {
    let mut pair = Pair::new(OKX, |_| {}, |options| options.lines = 2);
    pair.pass(secs(5));
    assert_eq!(pair.upgrades.len(), 2);
    // While one is away, the other falls silent.
    pair.exchange.inject(Fault::DisconnectOne);
    pair.pass(STEP);
    pair.exchange.inject(Fault::Silence);
    pair.pass(secs(10));
    assert_eq!((pair.lost(), pair.lost_to_silence(), pair.upgrades.len()), (2, 1, 4));
    let states = pair.book_states();
    assert!(states.iter().all(|(_, reason)| *reason != Reason::Silence), "{states:?}");
    assert_eq!(states.last().map(|state| state.0), Some(BookState::Live));
}

#[test]
fn what_waited_in_the_kernel_while_we_stood_still_is_read_before_anybody_is_judged() {
    for exchange in every_exchange() {
        let mut pair = Pair::new(exchange, |_| {}, |_| {});
        pair.pass(secs(5));
        pair.exchange.inject(Fault::Stall(secs(4)));
        pair.pass(secs(3));
        let questions = pair.asked().0;
        // The machine sleeps: the exchange answered long ago when we wake, or does so now.
        pair.hand.clock.advance(secs(60));
        for _ in 0..3 {
            let now = pair.hand.feed.clock.now();
            pair.hand.feed.turn(now);
        }
        pair.settle();
        pair.pass(secs(5));
        assert_eq!(pair.lost(), 0, "{exchange:?}");
        assert!(pair.asked().0 <= questions + 1, "{exchange:?}");
    }
}

#[test]
fn no_date_passes_that_closes_candles_while_a_connection_is_half_open() {
    for exchange in every_exchange().filter(|one| one.2.contains(&Channel::Trades)) {
        let mut pair = Pair::new(exchange, |_| {}, |_| {});
        pair.pass(secs(5));
        let date = |pair: &Pair| pair.hand.feed.clock.date(pair.hand.feed.clock.now()).0;
        let dates = |pair: &Pair, from: usize| -> Vec<i64> {
            let told = pair.hand.ticks[from..].iter();
            let dates = told.filter_map(|tick| match tick.body {
                Body::Time { date } => Some(date.0),
                _ => None,
            });
            dates.collect()
        };
        let (silent_at, from) = (date(&pair), pair.hand.ticks.len());
        pair.exchange.inject(Fault::Silence);
        let unheard = |tick: &Tick| matches!(tick.body, Body::Unheard { .. });
        let place = |pair: &Pair| pair.hand.ticks[from..].iter().position(unheard);
        let until = loop {
            match place(&pair) {
                Some(until) => break until,
                None => pair.pass(STEP),
            }
        };
        let told = dates(&pair, from);
        assert!(!told.is_empty() && told.iter().all(|&one| one <= silent_at), "{exchange:?}");
        let before = pair.hand.ticks[from..][..until].iter();
        assert!(before.filter(|tick| matches!(tick.body, Body::Time { .. })).count() > 1);
        let from = pair.hand.ticks.len();
        pair.pass(secs(3));
        assert!(dates(&pair, from).iter().any(|&one| one > silent_at), "time goes on");
    }
}
