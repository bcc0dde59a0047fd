//! The feed's turns by hand: the time is the test's, only the sockets are real.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, unbounded};
use tungstenite::WebSocket;

use super::*;
use crate::clock::{ManualClock, UnixNanos};
use crate::exchange::{Listings, adapter, profile};
use crate::instrument::ExchangeId;
use crate::latency::{Collector, recorder};
use crate::net::BackoffPolicy;
use crate::ring::{Consumer, WhenFull, ring};
use crate::sim::{Fault, Of, Options, Simulator};
use crate::tick::{BookState, Interval, Tick};

mod absences;
mod begins;
mod ended;
mod flood;
mod life;
mod reports;
mod silence;
mod told;
mod turns;
mod unheard;
mod unread;

type AnyFeed = Feed<Box<dyn Exchange>>;

/// A feed whose turns the test takes.
struct Hand {
    feed: AnyFeed,
    handle: FeedHandle,
    clock: ManualClock,
    reports: Receiver<FeedReport>,
    latency: Collector,
    consumer: Consumer,
    ticks: Vec<Tick>,
    notices: Vec<FeedNotice>,
}

impl Hand {
    fn new(url: String, adjust: impl FnOnce(&mut FeedOptions)) -> Self {
        Self::of(&["BTCUSDT"], url, adjust)
    }

    /// With the trades of these, numbered in their order.
    fn of(natives: &[&str], url: String, adjust: impl FnOnce(&mut FeedOptions)) -> Self {
        Self::on(ExchangeId::Binance, natives, url, adjust)
    }

    /// The same on another exchange.
    fn on(
        exchange: ExchangeId,
        natives: &[&str],
        url: String,
        adjust: impl FnOnce(&mut FeedOptions),
    ) -> Self {
        let clock = Clock::manual(UnixNanos::from_millis(1_700_000_000_000));
        Self::by(clock, exchange, subscriptions(exchange, natives, &[Channel::Trades]), url, adjust)
    }

    /// By a clock that others may share.
    fn by(
        (clock, hand): (Clock, ManualClock),
        exchange: ExchangeId,
        subscriptions: Vec<Subscription>,
        url: String,
        adjust: impl FnOnce(&mut FeedOptions),
    ) -> Self {
        let mut options = FeedOptions::new(url, subscriptions);
        options.reconnect = BackoffPolicy { jitter: 0.0, ..BackoffPolicy::default() };
        adjust(&mut options);
        let (ring, consumer) = ring(1 << 12);
        let (reports, receiver) = bounded(64);
        let rings = vec![RingEnd { ring, bell: None, when_full: WhenFull::Wait }];
        let (recorder, latency) = recorder();
        let context = FeedContext { clock, recorder, rings, reports };
        let (feed, handle) = Feed::new(adapter(exchange), options, context).unwrap();
        Self {
            feed,
            handle,
            clock: hand,
            reports: receiver,
            latency,
            consumer,
            ticks: Vec::new(),
            notices: Vec::new(),
        }
    }

    /// One turn, after a short look at the sockets.
    fn turn(&mut self) {
        self.feed.wait(Duration::from_millis(5));
        let now = self.feed.clock.now();
        self.feed.turn(now);
        let ticks = &mut self.ticks;
        self.consumer.drain(usize::MAX, |tick| ticks.push(*tick));
        self.notices.extend(self.reports.try_iter().map(|report| report.notice));
    }

    /// Turns, while the feed's time stands still, until the sockets have brought something about.
    fn until(&mut self, what: &str, enough: impl Fn(&Self) -> bool) {
        let end = Instant::now() + Duration::from_secs(20);
        while !enough(self) {
            assert!(Instant::now() < end, "waited in vain for {what}: {:?}", self.notices);
            self.turn();
        }
    }

    fn after(&mut self, by: Duration) {
        self.clock.advance(by);
        self.turn();
    }

    fn failed(&self, reason: Reason) -> u64 {
        self.handle.counters().failed_attempts[reason as usize].value()
    }

    fn states(&self) -> Vec<(FeedState, Reason)> {
        let states = self.ticks.iter().filter_map(|tick| match tick.body {
            Body::FeedState { state, reason, .. } => Some((state, reason)),
            _ => None,
        });
        states.collect()
    }

    /// What was told of a channel's streams.
    fn stream_states(&self, channel: Channel) -> Vec<(BookState, Reason)> {
        let states = self.ticks.iter().filter_map(|tick| match tick.body {
            Body::StreamState { channel: of, state, reason, .. } if of == channel => {
                Some((state, reason))
            }
            _ => None,
        });
        states.collect()
    }

    /// The ticket of the last question for the host.
    fn question(&self) -> Option<u64> {
        self.notices.iter().rev().find_map(|notice| match notice {
            FeedNotice::Resolve { ticket, host, port: 9_443 } if &**host == "exchange.test" => {
                Some(*ticket)
            }
            _ => None,
        })
    }

    fn answer(&self, ticket: u64, addresses: &[SocketAddr]) {
        let addresses = addresses.iter().copied().collect();
        self.handle.send(FeedCommand::Resolved { ticket, addresses }).unwrap();
    }
}

/// Of each symbol each channel, candles of a minute; instruments are numbered in that order.
fn subscriptions(
    exchange: ExchangeId,
    natives: &[&str],
    channels: &[Channel],
) -> Vec<Subscription> {
    let of = |(index, native): (usize, &&str)| {
        assert!((profile(exchange).canonical_symbol)(native).is_some());
        let native = ArrayString::from(native).unwrap();
        let instrument = InstrumentId(index as u32);
        let one = move |&channel| {
            let interval = (channel == Channel::Candles).then_some(Interval::Minute1);
            Subscription { instrument, native, channel, interval }
        };
        channels.iter().map(one)
    };
    natives.iter().enumerate().flat_map(of).collect()
}

/// The address of an exchange whose every word is told by the test, and each connection to it after its
/// upgrade; none of them blocks.
fn exchange_by_hand() -> (String, Receiver<WebSocket<TcpStream>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let (sender, accepted) = unbounded();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let socket = tungstenite::accept(stream.unwrap()).unwrap();
            socket.get_ref().set_nonblocking(true).unwrap();
            if sender.send(socket).is_err() {
                return;
            }
        }
    });
    (url, accepted)
}

/// An address where nobody listens.
fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

const NAMED: &str = "ws://exchange.test:9443";

#[test]
fn a_name_is_resolved_elsewhere_and_the_next_address_is_tried() {
    let simulator = Simulator::start(Options::new(ExchangeId::Binance)).unwrap();
    let mut hand = Hand::new(NAMED.to_owned(), |_| {});
    hand.turn();
    let ticket = hand.question().expect("it asks");
    assert_eq!(hand.states(), [(FeedState::Connecting, Reason::Requested)]);
    hand.answer(ticket + 7, &[nobody()]);
    hand.answer(ticket, &[nobody(), simulator.address()]);
    hand.until("a trade", |hand| hand.ticks.iter().any(|tick| tick.body.trade().is_some()));
    assert_eq!(hand.states()[1..], [(FeedState::Connected, Reason::None)]);
    assert!(Reason::ALL.iter().all(|&reason| hand.failed(reason) == 0));
}

#[test]
fn a_name_that_is_not_found_is_asked_for_again_and_late_answers_are_dropped() {
    let mut hand = Hand::new(NAMED.to_owned(), |_| {});
    hand.turn();
    let first = hand.question().expect("it asks");
    hand.after(Duration::from_secs(10));
    assert_eq!(hand.failed(Reason::Dns), 1);
    hand.answer(first, &[nobody()]);
    hand.turn();
    assert_eq!(hand.question(), Some(first), "the backoff is kept");
    hand.after(Duration::from_millis(500));
    let second = hand.question().expect("it asks again");
    assert_ne!(first, second);
    hand.answer(second, &[]);
    hand.turn();
    assert_eq!(hand.failed(Reason::Dns), 2);
    assert_eq!(hand.states().last(), Some(&(FeedState::Reconnecting, Reason::Dns)));
}

#[test]
fn waits_grow_between_attempts_and_the_last_one_is_an_error_that_goes_on_probing() {
    let mut hand = Hand::new(format!("ws://{}", nobody()), |options| {
        options.reconnect.max_attempts = 3;
    });
    for (attempt, wait) in [500, 1_000, 2_000].into_iter().enumerate() {
        hand.until("the refusal", |hand| hand.failed(Reason::ConnectRefused) > attempt as u64);
        hand.after(Duration::from_millis(wait - 1));
        assert_eq!(hand.failed(Reason::ConnectRefused), attempt as u64 + 1, "not before its time");
        hand.clock.advance(Duration::from_millis(1));
    }
    hand.until("the error", |hand| {
        hand.states().last() == Some(&(FeedState::Error, Reason::ConnectRefused))
    });
    hand.after(Duration::from_secs(59));
    assert_eq!(hand.failed(Reason::ConnectRefused), 4);
    hand.clock.advance(Duration::from_secs(1));
    hand.until("the probe", |hand| hand.failed(Reason::ConnectRefused) == 5);
    let told = hand.notices.iter().any(|notice| {
        matches!(notice, FeedNotice::State { state: FeedState::Error, detail: Some(text), .. }
            if text.contains("127.0.0.1"))
    });
    assert!(told, "the error names the address: {:?}", hand.notices);
}

#[test]
fn an_exchange_that_accepts_and_says_nothing_costs_the_connect_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let mut hand = Hand::new(url, |_| {});
    hand.turn();
    let (mut peer, _) = listener.accept().unwrap();
    let mut request = [0; 14];
    hand.turn();
    peer.read_exact(&mut request).unwrap();
    assert_eq!(&request, b"GET /stream HT");
    hand.after(Duration::from_secs(9));
    assert_eq!(hand.failed(Reason::ConnectTimeout), 0);
    hand.after(Duration::from_secs(1));
    assert_eq!(hand.failed(Reason::ConnectTimeout), 1);
}

#[test]
fn the_rings_carry_the_date_once_a_second() {
    let mut hand = Hand::new(NAMED.to_owned(), |_| {});
    let mut dates = Vec::new();
    for _ in 0..30 {
        hand.after(Duration::from_millis(100));
    }
    dates.extend(hand.ticks.iter().filter_map(|tick| match tick.body {
        Body::Time { date } => Some((date.millis() - 1_700_000_000_000, tick.received)),
        _ => None,
    }));
    assert_eq!(dates.iter().map(|date| date.0).collect::<Vec<_>>(), [100, 1_100, 2_100]);
    assert!(dates.iter().all(|date| date.1 != MonoNanos::ZERO));
}

#[test]
fn a_stopped_feed_says_so_and_closes_its_connection() {
    let simulator = Simulator::start(Options::new(ExchangeId::Binance)).unwrap();
    let mut hand = Hand::new(simulator.url(), |_| {});
    hand.until("a trade", |hand| hand.ticks.iter().any(|tick| tick.body.trade().is_some()));
    hand.handle.send(FeedCommand::Stop).unwrap();
    hand.turn();
    assert!(hand.feed.is_stopped());
    assert_eq!(hand.states().last(), Some(&(FeedState::Terminated, Reason::Requested)));
    assert!(simulator.wait_for(Duration::from_secs(20), |stats| stats.websockets == 0));
}

#[test]
fn a_thousand_of_a_thousand_drops_are_reconnected_and_subscribed_anew() {
    let simulator = Simulator::start(Options::new(ExchangeId::Binance)).unwrap();
    let mut hand = Hand::new(simulator.url(), |options| options.lines = 2);
    hand.until("both lines", |_| simulator.stats().streams == 2);
    for round in 1..=500 {
        simulator.inject(Fault::Disconnect);
        hand.until("both losses", |hand| {
            let lines = &hand.handle.counters().lines;
            lines.iter().all(|line| line.losses.value() == round)
        });
        hand.clock.advance(Duration::from_secs(40));
        hand.until("both lines again", |_| {
            let stats = simulator.stats();
            stats.upgrades == 2 * (round + 1) && stats.streams == 2
        });
    }
    assert!(Reason::ALL.iter().all(|&reason| hand.failed(reason) == 0));
    assert_eq!(hand.handle.counters().circuit_trips.value(), 0);
}

#[test]
fn an_exchange_that_keeps_refusing_is_probed_by_one_connection_at_a_time() {
    let simulator = Simulator::start(Options::new(ExchangeId::Binance)).unwrap();
    simulator.inject(Fault::Refuse { status: 503, count: 1_000 });
    let mut hand = Hand::new(simulator.url(), |options| options.lines = 2);
    let trips = |hand: &Hand| hand.handle.counters().circuit_trips.value();
    for failures in 1..=10 {
        hand.until("two refusals", |hand| hand.failed(Reason::Handshake) == 2 * failures);
        hand.clock.advance(Duration::from_secs(30));
    }
    assert_eq!(trips(&hand), 1);
    hand.after(Duration::from_secs(0));
    let coming_back = (FeedState::Reconnecting, Reason::Handshake);
    assert_eq!(hand.states().last(), Some(&coming_back), "no bound of attempts is used up");
    for probes in 1..=3 {
        hand.after(Duration::from_secs(29));
        assert_eq!(hand.failed(Reason::Handshake), 19 + probes, "30 s and 29 s are no minute");
        hand.clock.advance(Duration::from_secs(1));
        hand.until("the probe", |hand| hand.failed(Reason::Handshake) == 20 + probes);
        hand.after(Duration::from_secs(30));
    }
    assert_eq!(hand.states().last(), Some(&coming_back));
    simulator.inject(Fault::Refuse { status: 503, count: 0 });
    hand.clock.advance(Duration::from_secs(30));
    hand.until("both lines", |_| simulator.stats().streams == 2);
    let counters = hand.handle.counters();
    assert_eq!((counters.circuit_open.value(), counters.circuit_probes.value()), (0, 4));
    assert_eq!(hand.states().last(), Some(&(FeedState::Connected, Reason::None)));
}

#[test]
fn certificates_that_cannot_be_read_are_refused_at_the_start() {
    let (clock, _) = Clock::manual(UnixNanos(0));
    let reports = bounded(1).0;
    let context = FeedContext { clock, recorder: recorder().0, rings: Vec::new(), reports };
    let mut options = FeedOptions::new("wss://127.0.0.1:1", Vec::new());
    options.tls_ca_file = Some("/nowhere/ca.pem".into());
    let error = Feed::new(adapter(ExchangeId::Binance), options, context).err();
    let text = error.expect("refused").to_string();
    assert!(text.contains("tls_ca_file") && text.contains("/nowhere/ca.pem"), "{text}");
}

impl Hand {
    fn trades_of(&self, instrument: u32) -> usize {
        let own = self.ticks.iter().filter(|tick| tick.instrument == InstrumentId(instrument));
        own.filter(|tick| tick.body.trade().is_some()).count()
    }

    /// So many half seconds, in each of which every one of these instruments trades.
    fn live(&mut self, half_seconds: u32, instruments: std::ops::Range<u32>) {
        for _ in 0..half_seconds {
            let seen: Vec<_> = instruments.clone().map(|one| (one, self.trades_of(one))).collect();
            self.until("trades of all", |hand| {
                seen.iter().all(|&(one, count)| hand.trades_of(one) > count)
            });
            self.clock.advance(Duration::from_millis(500));
        }
    }
}

#[test]
fn a_stream_that_dies_alone_is_found_by_its_rhythm_and_brought_back() {
    let mut options = Options::new(ExchangeId::Binance);
    options.rate = 5_000;
    let natives = ["ETHUSDT", "BTCUSDT", "BNBUSDT"];
    options.symbols = natives.map(str::to_owned).to_vec();
    let simulator = Simulator::start(options).unwrap();
    let mut hand = Hand::of(&natives, simulator.url(), |_| {});
    // A minute, in which the rhythms are learned.
    hand.live(130, 0..3);
    let counters = Arc::clone(hand.handle.counters());
    assert_eq!((counters.aged_streams.value(), counters.mute_subscriptions.value()), (0, 0));
    simulator.inject(Fault::Mute { of: Of::Trade, symbol: Some(natives[0].to_owned()) });
    let mut silent = 0;
    while counters.aged_streams.value() == 0 {
        hand.live(1, 1..3);
        silent += 1;
        assert!(silent < 60, "silent for {silent} half seconds");
    }
    assert!(silent >= 30, "busy as it was, it is given 15 s: {silent}");
    let told = hand.notices.iter().any(|notice| {
        let (one, channel) = (InstrumentId(0), Channel::Trades);
        matches!(notice, FeedNotice::Aged { instrument, channel: of } if (*instrument, *of) == (one, channel))
    });
    assert!(told, "{:?}", hand.notices);
    hand.live(4, 0..3);
    assert_eq!(
        hand.stream_states(Channel::Trades),
        [(BookState::Stale, Reason::Aged), (BookState::Live, Reason::None)]
    );
    assert_eq!((counters.aged_streams.value(), counters.resubscriptions.value()), (1, 1));
    assert!(counters.reconnects.iter().all(|one| one.value() == 0), "the others never stopped");
}

#[test]
fn a_stream_without_numbers_that_was_mute_is_told_to_have_a_hole() {
    let mut options = Options::new(ExchangeId::BybitLinear);
    options.rate = 3_000;
    let natives = ["ETHUSDT", "BTCUSDT", "SOLUSDT"];
    options.symbols = natives.map(str::to_owned).to_vec();
    let simulator = Simulator::start(options).unwrap();
    let mut hand = Hand::on(ExchangeId::BybitLinear, &natives, simulator.url(), |_| {});
    hand.live(130, 0..3);
    let counters = Arc::clone(hand.handle.counters());
    simulator.inject(Fault::Mute { of: Of::Trade, symbol: Some(natives[0].to_owned()) });
    while counters.aged_streams.value() == 0 {
        hand.live(1, 1..3);
    }
    hand.live(4, 0..3);
    let own = hand.ticks.iter().filter(|tick| tick.instrument == InstrumentId(0));
    let own: Vec<_> = own.filter(|tick| !matches!(tick.body, Body::StreamState { .. })).collect();
    let is_gap = |tick: &Tick| matches!(tick.body, Body::Gap { reason: Reason::Mute, .. });
    let after =
        own.windows(2).position(|pair| pair[1].received.since(pair[0].received) > 10_000_000_000);
    let gap = own.iter().position(|tick| is_gap(tick));
    assert!(gap.is_some(), "a hole is told");
    assert_eq!(gap, after.map(|after| after + 1), "before the first trade after the silence");
    assert_eq!(counters.gaps.value(), 1, "and nowhere else");
}

#[test]
fn an_extension_that_nobody_offered_fails_the_upgrade() {
    use tungstenite::handshake::server::{Request, Response};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        let socket = listener.accept().unwrap().0;
        #[expect(clippy::result_large_err, reason = "the library has it so")]
        let extend = |_: &Request, mut response: Response| {
            let value = "permessage-deflate".parse().unwrap();
            response.headers_mut().insert("sec-websocket-extensions", value);
            Ok(response)
        };
        tungstenite::accept_hdr(socket, extend).map(drop).is_ok()
    });
    let mut hand = Hand::new(url, |_| {});
    hand.until("the refusal", |hand| hand.failed(Reason::Handshake) == 1);
    assert!(answering.join().unwrap());
}
