//! A feed thread and its supervisor, as in the gateway, with a test at the end of the ring.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arrayvec::ArrayString;
use crossbeam::channel::bounded;
use mio::{Events, Poll, Token, Waker};
use tickwire::book::Book;
use tickwire::clock::Clock;
use tickwire::control::{ListSource, SupervisedFeed, Supervision, Supervisor};
use tickwire::exchange::{ConnectionRules, Exchange, Subscription, adapter, profile};
use tickwire::feed::{Feed, FeedCommand, FeedContext, FeedHandle, FeedOptions, RingEnd};
use tickwire::instrument::{Channel, ExchangeId, Instrument, InstrumentId, InstrumentTable};
use tickwire::latency::{Budget, recorder};
use tickwire::limits::LIST_EVERY;
use tickwire::metrics::{FeedCounters, Observatory};
use tickwire::net::BackoffPolicy;
use tickwire::ring::{Consumer, Doorbell, WhenFull, ring};
use tickwire::sim::Simulator;
use tickwire::tick::{Body, BookState, FeedState, Level, LevelFlags, Reason, Tick, TradeId};

use super::bent::Bent;
/// Nothing that a test waits for takes longer.
pub(crate) use super::patience::PATIENCE as DEADLINE;

/// Waits that keep a test short.
pub(crate) const QUICK: BackoffPolicy = BackoffPolicy {
    initial: Duration::from_millis(20),
    max: Duration::from_millis(200),
    factor: 2.0,
    jitter: 0.2,
    max_attempts: 0,
};

/// A feed at work, and everything that came out of it so far.
pub(crate) struct Rig {
    pub(crate) ticks: Vec<Tick>,
    pub(crate) handle: FeedHandle,
    consumer: Consumer,
    bell: Arc<Doorbell<Arc<Waker>>>,
    poll: Poll,
    events: Events,
    supervisor: Option<Supervisor>,
    thread: Option<JoinHandle<()>>,
}

/// How a rig is to be.
pub(crate) struct RigOptions<'a> {
    pub(crate) exchange: ExchangeId,
    pub(crate) url: String,
    pub(crate) rest_url: String,
    pub(crate) natives: &'a [&'a str],
    pub(crate) channels: &'a [Channel],
    pub(crate) ring_ticks: usize,
    pub(crate) tls_ca_file: Option<PathBuf>,
    /// Changes the feed's options.
    pub(crate) adjust: fn(&mut FeedOptions),
    /// Changes what the exchange is said to allow.
    pub(crate) rules: fn(&mut ConnectionRules),
}

impl<'a> RigOptions<'a> {
    pub(crate) fn new(
        exchange: ExchangeId,
        simulator: &Simulator,
        natives: &'a [&'a str],
        channels: &'a [Channel],
    ) -> Self {
        Self {
            exchange,
            url: simulator.url(),
            rest_url: simulator.rest_url(),
            natives,
            channels,
            ring_ticks: 1 << 16,
            tls_ca_file: None,
            adjust: |_| {},
            rules: |_| {},
        }
    }
}

/// One subscription for each symbol and channel; instruments are numbered in that order.
pub(crate) fn subscriptions(
    exchange: ExchangeId,
    natives: &[&str],
    channels: &[Channel],
) -> (InstrumentTable, Vec<Subscription>) {
    let mut table = InstrumentTable::default();
    let mut all = Vec::new();
    for native in natives {
        let symbol = (profile(exchange).canonical_symbol)(native).expect("a symbol");
        let native = ArrayString::from(native).expect("short");
        let instrument = Instrument { exchange, symbol, native, tick_size: None, lot_size: None };
        let instrument = table.add(instrument).expect("few");
        all.extend(channels.iter().map(|&channel| Subscription {
            instrument,
            native,
            channel,
            interval: None,
        }));
    }
    (table, all)
}

impl Rig {
    /// The feed on a thread of its own.
    pub(crate) fn start(options: RigOptions<'_>) -> Self {
        let (feed, mut rig) = Self::by_hand(options);
        rig.thread = Some(std::thread::spawn(move || feed.run()));
        rig
    }

    /// The feed for the test's own thread to turn.
    pub(crate) fn by_hand(options: RigOptions<'_>) -> (Feed<impl Exchange>, Self) {
        let RigOptions { exchange, rest_url, ring_ticks, tls_ca_file, .. } = options;
        let (table, subscriptions) = subscriptions(exchange, options.natives, options.channels);
        let url = options.url.clone();
        let mut feed_options = FeedOptions::new(options.url, subscriptions);
        feed_options.reconnect = QUICK;
        feed_options.tls_ca_file.clone_from(&tls_ca_file);
        (options.adjust)(&mut feed_options);
        let clock = Clock::real();
        let poll = Poll::new().expect("a poll");
        let waker = Waker::new(poll.registry(), Token(0)).expect("a waker");
        let bell = Arc::new(Doorbell::new(Arc::new(waker)));
        let (producer, consumer) = ring(ring_ticks);
        let (reports, receiver) = bounded(4_096);
        let (recorder, _collector) = recorder();
        let context = FeedContext {
            clock: clock.clone(),
            recorder,
            rings: vec![RingEnd {
                ring: producer,
                bell: Some(Arc::clone(&bell)),
                when_full: WhenFull::Wait,
            }],
            reports,
        };
        let bent = Bent { exchange: adapter(exchange), rules: options.rules };
        let (feed, handle) = Feed::new(bent, feed_options, context).expect("a feed is made");
        let budget = Budget::default();
        let observatory = Observatory::new(clock, "test", serde_json::Value::Null, budget);
        let supervision = Supervision {
            reports: receiver,
            feeds: vec![SupervisedFeed {
                feed: handle.clone(),
                source: ListSource { exchange, url, rest_url, tls_ca_file },
                list_is_own: true,
                // The test says what is carried, and nobody else.
                streams: Vec::new(),
                hides_trades: false,
            }],
            broadcasters: Vec::new(),
            table: Arc::new(table),
            offers: Arc::default(),
            observatory,
            list_every: LIST_EVERY,
        };
        let supervisor = Supervisor::start(supervision).expect("a supervisor is started");
        let rig = Self {
            ticks: Vec::new(),
            handle,
            consumer,
            bell,
            poll,
            events: Events::with_capacity(4),
            supervisor: Some(supervisor),
            thread: None,
        };
        (feed, rig)
    }

    /// Drops what waits in the ring; returns how many ticks it was.
    pub(crate) fn skip(&mut self) -> usize {
        self.consumer.drain(usize::MAX, |_| {})
    }

    /// Drops what waits in the ring; returns how many books it says went live.
    pub(crate) fn skip_counting_live(&mut self) -> usize {
        let mut live = 0;
        self.consumer.drain(usize::MAX, |tick| {
            live +=
                usize::from(matches!(tick.body, Body::BookState { state: BookState::Live, .. }));
        });
        live
    }

    /// Takes ticks until all of them together satisfy `enough`.
    pub(crate) fn wait(&mut self, what: &str, mut enough: impl FnMut(&[Tick]) -> bool) {
        let end = Instant::now() + DEADLINE;
        loop {
            let ticks = &mut self.ticks;
            self.consumer.drain(usize::MAX, |tick| ticks.push(*tick));
            if enough(ticks) {
                return;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let counters = self.handle.counters();
                panic!("waited in vain for {what}; last: {:?}; {counters:?}", tail(ticks));
            }
            let consumer = &self.consumer;
            if self.bell.lie_down(|| consumer.waiting() > 0) {
                // A limit far below the deadline: what is waited for may also be a counter.
                let timeout = left.min(Duration::from_millis(50));
                self.poll.poll(&mut self.events, Some(timeout)).expect("a poll");
                self.bell.wake_up();
            }
        }
    }

    /// Waits until a counter of the feed satisfies `enough`.
    pub(crate) fn wait_counted(&mut self, what: &str, enough: impl Fn(&FeedCounters) -> bool) {
        let counters = Arc::clone(self.handle.counters());
        self.wait(what, |_| enough(&counters));
    }

    /// Waits until the feed is connected again or for the first time, and at least one trade of
    /// each of the first `instruments` came after the first `seen` ticks.
    pub(crate) fn wait_trades(&mut self, seen: usize, instruments: u32) {
        self.wait("trades of every instrument", |ticks| {
            (0..instruments).all(|id| {
                ticks[seen.min(ticks.len())..]
                    .iter()
                    .any(|tick| tick.instrument == InstrumentId(id) && tick.body.trade().is_some())
            })
        });
    }

    /// Waits until the books of the first `instruments` are live after the first `seen` ticks.
    pub(crate) fn wait_books(&mut self, seen: usize, instruments: u32) {
        self.wait("every book", |ticks| {
            (0..instruments).all(|id| {
                let own = ticks[seen..].iter().filter(|tick| tick.instrument == InstrumentId(id));
                let mut states = own.filter_map(|tick| match tick.body {
                    Body::BookState { state, .. } => Some(state),
                    _ => None,
                });
                states.next_back() == Some(BookState::Live)
            })
        });
    }

    /// Stops the feed and takes what is left.
    pub(crate) fn stop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.handle.send(FeedCommand::Stop).expect("the feed lives");
            self.wait("the end of the feed", |ticks| {
                ticks.iter().any(|tick| {
                    matches!(tick.body, Body::FeedState { state: FeedState::Terminated, .. })
                })
            });
            thread.join().expect("the feed did not panic");
        }
        if let Some(supervisor) = self.supervisor.take() {
            supervisor.stop(Instant::now() + DEADLINE);
        }
    }

    /// Ids of the trades of an instrument, in the order in which they came.
    pub(crate) fn trade_ids(&self, instrument: InstrumentId) -> Vec<u64> {
        trade_ids(&self.ticks, instrument)
    }

    /// States of the feed, in the order in which they came.
    pub(crate) fn feed_states(&self) -> Vec<(FeedState, Reason)> {
        let states = self.ticks.iter().filter_map(|tick| match tick.body {
            Body::FeedState { state, reason, .. } => Some((state, reason)),
            _ => None,
        });
        states.collect()
    }

    /// States of a book, in the order in which they came.
    pub(crate) fn book_states(&self, instrument: InstrumentId) -> Vec<(BookState, Reason)> {
        let own = self.ticks.iter().filter(|tick| tick.instrument == instrument);
        let states = own.filter_map(|tick| match tick.body {
            Body::BookState { state, reason } => Some((state, reason)),
            _ => None,
        });
        states.collect()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.stop();
        }
    }
}

fn tail(ticks: &[Tick]) -> &[Tick] {
    &ticks[ticks.len().saturating_sub(12)..]
}

/// Ids of the trades of an instrument, in the order in which they came.
pub(crate) fn trade_ids(ticks: &[Tick], instrument: InstrumentId) -> Vec<u64> {
    let own = ticks.iter().filter(|tick| tick.instrument == instrument);
    let ids = own.filter_map(|tick| match tick.body.trade()?.id {
        TradeId::Number(id) => Some(id),
        TradeId::None | TradeId::Uuid(_) | TradeId::Spelled(_) => None,
    });
    ids.collect()
}

/// Trades that gaps of an instrument tell as missed.
pub(crate) fn missed_trades(ticks: &[Tick], instrument: InstrumentId) -> Vec<(Reason, u64)> {
    let own = ticks.iter().filter(|tick| tick.instrument == instrument);
    let gaps = own.filter_map(|tick| match tick.body {
        Body::Gap { channel: Channel::Trades, reason, missed } => Some((reason, missed)),
        _ => None,
    });
    gaps.collect()
}

/// What a broadcaster would make of the ticks of one book: its levels, last update id and state.
#[derive(Default)]
pub(crate) struct Mirror {
    pub(crate) book: Book,
    pub(crate) update_id: u64,
    pub(crate) state: Option<BookState>,
    snapshot: bool,
    open: bool,
    /// A snapshot came; the deltas that waited for it follow, then the state.
    joining: bool,
}

impl Mirror {
    /// Reads every tick of the instrument, and asserts that runs are whole.
    pub(crate) fn of(ticks: &[Tick], instrument: InstrumentId) -> Self {
        let mut mirror = Self::default();
        for tick in ticks.iter().filter(|tick| tick.instrument == instrument) {
            match tick.body {
                Body::Level { update_id, .. } => mirror.level(tick, update_id.unwrap_or_default()),
                Body::BookState { state, .. } => {
                    assert!(!mirror.open, "a state in the middle of a run");
                    mirror.state = Some(state);
                    mirror.joining = false;
                }
                _ => {}
            }
        }
        mirror
    }

    fn level(&mut self, tick: &Tick, update_id: u64) {
        let (level, flags): (Level, LevelFlags) = tick.body.level().expect("a level");
        assert_eq!(flags.has(LevelFlags::FIRST), !self.open, "runs follow each other");
        self.open = true;
        if flags.has(LevelFlags::FIRST) {
            self.snapshot = flags.has(LevelFlags::SNAPSHOT);
            if self.snapshot {
                self.joining = true;
                self.book.begin();
            } else {
                let proven = self.state == Some(BookState::Live) || self.joining;
                assert!(proven, "a delta of an unproven book");
            }
        }
        if !flags.has(LevelFlags::EMPTY) {
            if self.snapshot {
                self.book.stage(level)
            } else {
                self.book.apply(level)
            };
        }
        if flags.has(LevelFlags::LAST) {
            self.open = false;
            self.update_id = update_id;
            if self.snapshot {
                self.book.commit();
            }
        }
    }

    /// Both sides, best first, as they were written on the wire.
    pub(crate) fn sides(&self) -> [Vec<(String, String)>; 2] {
        let text = |resting: tickwire::book::Resting| {
            (resting.price.to_string(), resting.size.to_string())
        };
        [self.book.bids().map(text).collect(), self.book.asks().map(text).collect()]
    }
}
