//! Exchange, feed, broadcaster and client, and the time they live in.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use arrayvec::ArrayString;
use crossbeam::channel::{Receiver, bounded};
use tickwire::broadcast::{BroadcastCommand, BroadcastHandle, BroadcastOptions, Broadcaster};
use tickwire::cache::{CandleSource, HistoryBounds};
use tickwire::clock::{Clock, ManualClock, MonoNanos, UnixNanos};
use tickwire::dialect::Offer;
use tickwire::exchange::{ConnectionRules, Subscription, adapter, profile};
use tickwire::feed::{Feed, FeedContext, FeedHandle, FeedNotice, FeedOptions, FeedReport, RingEnd};
use tickwire::instrument::{Channel, ExchangeId, Instrument, InstrumentTable};
use tickwire::latency::recorder;
use tickwire::net::BackoffPolicy;
use tickwire::ring::{FeedRing, WhenFull, ring};
use tickwire::sim::{ByHand, Fault, Options, PastBook, TrueBar};
use tickwire::tick::Interval;

use super::Report;
use super::bent::Bent;
use super::candles::Candles;
use super::client::Client;
use super::control::Control;
use super::judge::Judge;
use super::kinds::{Kind, Trades};
use super::script::Random;

/// Waits that keep a seed short.
const QUICK: BackoffPolicy = BackoffPolicy {
    initial: Duration::from_millis(100),
    max: Duration::from_secs(2),
    factor: 2.0,
    jitter: 0.2,
    max_attempts: 0,
};

/// How often we say what keeps a connection, at least.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// Age at which the exchange ends a connection, where a seed has that, and the age that it is known
/// to allow: the margin of the long lives of exchanges, which a share of this one would not be.
const LIFETIME: Duration = Duration::from_secs(20);
const LIFETIME_KNOWN: Duration = Duration::from_secs(15);

/// A book that is shown as live may be as old as this, and no older: by then its silence must have
/// been noticed.
const LAG_MAX: Duration = Duration::from_secs(150);

/// What counts as being up to date.
const FRESH: Duration = Duration::from_secs(2);

/// Rounds at one instant; far more than anything takes.
const ROUNDS_MAX: usize = 10_000;

type Rules = Box<dyn Fn(&mut ConnectionRules) + Send>;

/// How far the exchange was at some time.
struct Mark {
    elapsed: Duration,
    /// Of each instrument: the state of its book, and its last trade.
    states: Vec<(usize, u64)>,
}

/// One seed's world.
pub(super) struct World {
    kind: &'static Kind,
    clock: Clock,
    hand: ManualClock,
    start: MonoNanos,
    exchange: ByHand,
    feed: Feed<Bent<Rules>>,
    handle: FeedHandle,
    reports: Receiver<FeedReport>,
    control: Control,
    broadcaster: Broadcaster,
    /// Keeps the broadcaster's commands open.
    _broadcast: BroadcastHandle,
    client: Client,
    judge: Judge,
    /// Of the last while, oldest first.
    marks: VecDeque<Mark>,
    trace: Vec<String>,
}

impl World {
    pub(super) fn new(kind: &'static Kind, seed: u64) -> Self {
        let mut random = Random::new(!seed);
        // Any place within a minute, to which exchanges align their limits.
        let begin = 1_767_225_600_000_000_000 + random.below(60_000_000_000) as i64;
        // Drawn apart, so that the rest of a seed stays what it was.
        let mut apart = Random::new(seed ^ 0xCA4D_1E55);
        let begin = begin + apart.below(5) as i64 * 60_000_000_000;
        let (candle_source, interval) = made_of(kind, &mut apart);
        let (clock, hand) = Clock::manual(UnixNanos(begin));
        let lifetime = random.one_of(&[None, None, Some(LIFETIME)]);
        let options = exchange_options(kind, seed, random.between(10, 60) as u32);
        let options = Options { lifetime, clock: clock.clone(), ..options };
        let exchange = ByHand::new(&options, kind.depth).expect("a simulator is made");

        let own_candles = (candle_source == CandleSource::Exchange).then_some(interval);
        let (table, subscriptions) = subscriptions(kind, own_candles);
        let symbols: Vec<String> =
            table.iter().map(|(_, one)| one.symbol.as_str().to_owned()).collect();
        let (producer, ticks) = ring(1 << 14);
        let (reports, receiver) = bounded(4_096);
        let context = FeedContext {
            clock: clock.clone(),
            recorder: recorder().0,
            rings: vec![RingEnd { ring: producer, bell: None, when_full: WhenFull::Wait }],
            reports,
        };
        let lines = random.one_of(&[1, 1, 2]);
        let feed_options = FeedOptions {
            reconnect: QUICK,
            connect_timeout: Duration::from_secs(3),
            mute_after: Duration::from_secs(5),
            lines,
            seed,
            ..FeedOptions::new(exchange.url(), subscriptions)
        };
        let bent = bent(kind, lifetime);
        let (feed, handle) = Feed::new(bent, feed_options, context).expect("a feed is made");

        let (mut broadcaster, broadcast) = Broadcaster::new(
            broadcast_options(candle_source),
            Arc::new(table),
            clock.clone(),
            recorder().0,
        )
        .expect("a broadcaster is made");
        let attach = BroadcastCommand::Attach(FeedRing { exchange: kind.exchange, ticks });
        broadcast.send(attach).expect("there is room");
        let (mut client, open) = Client::pair();
        broadcast.send(BroadcastCommand::Open(open)).expect("there is room");
        broadcaster.turn(clock.now());
        subscribe(&mut client, interval);
        let candles =
            Candles::new(kind, (candle_source, interval), symbols.len(), begin / 1_000_000);
        let control = Control::new(profile(kind.exchange), exchange.address(), clock.clone());
        Self {
            kind,
            start: clock.now(),
            clock,
            hand,
            exchange,
            feed,
            handle,
            reports: receiver,
            control,
            broadcaster,
            _broadcast: broadcast,
            client,
            judge: Judge::new(kind, symbols, candles),
            marks: VecDeque::new(),
            trace: Vec::new(),
        }
    }

    /// Time since the begin.
    pub(super) fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.clock.now().since(self.start))
    }

    /// Lets the time go on, and everybody do what there is to do then.
    pub(super) fn step(&mut self, by: Duration) -> Result<(), String> {
        self.hand.advance(by);
        self.settle()?;
        self.mark();
        let Some(mark) = self.state_before(LAG_MAX) else { return Ok(()) };
        let old = mark.states.clone();
        self.holds(&old, |judge, index, past, at, _| judge.may_show(index, past, at))
    }

    /// Lets something go wrong.
    pub(super) fn inject(&mut self, fault: Fault) {
        self.note(&format!("fault: {fault:?}"));
        self.judge.candles.note(&fault, self.date_ms());
        self.exchange.inject(fault);
    }

    /// What a fault changed for good is as it was.
    pub(super) fn forgive(&mut self) {
        self.note("no more faults");
        self.exchange.inject(Fault::SlowStart(Duration::ZERO));
        self.exchange.inject(Fault::Refuse { status: 503, count: 0 });
        self.exchange.inject(Fault::RestLate { after: Duration::ZERO, count: 0 });
    }

    /// All is right again, and the exchange misbehaves no more.
    pub(super) fn note_right(&mut self) {
        let now_ms = self.date_ms();
        self.judge.candles.note_right(now_ms);
    }

    fn date_ms(&self) -> i64 {
        self.clock.date(self.clock.now()).millis()
    }

    /// Asks for the candles that were told, and takes the answers.
    pub(super) fn ask_history(&mut self, by: Duration) -> Result<(), String> {
        for text in self.judge.ask_history() {
            self.client.say(&text);
        }
        self.step(by)
    }

    /// Lets the market stand still, or go on.
    pub(super) fn pause(&mut self, paused: bool) {
        self.exchange.pause(paused);
    }

    /// Whether all is live and up to date.
    pub(super) fn is_right(&mut self) -> Result<(), String> {
        self.is_served()?;
        let mark = self.state_before(FRESH).ok_or("too early")?;
        let states = mark.states.clone();
        self.holds(&states, Judge::has)
    }

    /// Whether everything that is carried is there.
    fn is_served(&self) -> Result<(), String> {
        match self.handle.counters().absent_subscriptions.value() {
            0 => Ok(()),
            absent => Err(format!("{absent} streams are not there")),
        }
    }

    /// Whether all is live and equal, which it can be while the market stands still.
    pub(super) fn is_equal(&mut self) -> Result<(), String> {
        self.is_served()?;
        let mark = self.marks.back().ok_or("too early")?;
        let states = mark.states.clone();
        self.holds(&states, Judge::has)?;
        self.candles(|judge, index, truth| judge.candles.is_equal(index, truth))
    }

    /// Whether every candle was told as it was.
    pub(super) fn judge_candles(&mut self) -> Result<(), String> {
        self.candles(|judge, index, truth| judge.candles.judge(index, truth))
    }

    /// Whether something holds for the candles of each instrument, and for those that really were.
    fn candles(
        &mut self,
        holds: impl Fn(&Judge, usize, &[TrueBar]) -> Result<(), String>,
    ) -> Result<(), String> {
        let seconds = self.judge.candles.interval().nanos() / 1_000_000_000;
        for (index, native) in self.kind.natives.iter().enumerate() {
            let truth = self.exchange.bars(index, seconds);
            holds(&self.judge, index, &truth).map_err(|wrong| format!("{native}: {wrong}"))?;
        }
        Ok(())
    }

    /// Whether something holds for each instrument, its past books, a state and a trade.
    fn holds(
        &mut self,
        states: &[(usize, u64)],
        holds: impl Fn(&Judge, usize, &[PastBook], usize, u64) -> Result<(), String>,
    ) -> Result<(), String> {
        for (index, (state, trade)) in states.iter().enumerate() {
            holds(&self.judge, index, self.exchange.past_books(index), *state, *trade)?;
        }
        Ok(())
    }

    /// Whether every trade was told as it was.
    pub(super) fn judge_trades(&self) -> Result<(), String> {
        let mut natives = self.kind.natives.iter().enumerate();
        let truth = self.exchange.truth();
        natives
            .try_for_each(|(index, native)| self.judge.judge_trades(index, &truth.trades(native)))
    }

    /// Whether nothing was given up for a refusal for now.
    pub(super) fn judge_refusals(&self) -> Result<(), String> {
        match self.handle.counters().refused_subscriptions.value() {
            0 => Ok(()),
            given_up => Err(format!("{given_up} streams are given up")),
        }
    }

    pub(super) fn report(&self, faults: usize) -> Report {
        let [trades, books, resyncs] = self.judge.counts();
        let virtual_seconds = self.elapsed().as_secs();
        Report { faults, trades, books, resyncs, virtual_seconds }
    }

    pub(super) fn take_trace(&mut self) -> Vec<String> {
        std::mem::take(&mut self.trace)
    }

    /// Turns everybody until nobody has anything to do at this instant.
    fn settle(&mut self) -> Result<(), String> {
        let now = self.clock.now();
        let mut idle = 0;
        for _ in 0..ROUNDS_MAX {
            let mut work = self.exchange.turn();
            self.feed.wait(Duration::ZERO);
            work += self.feed.turn(now);
            work += self.hear_feed();
            if let Some(line) = self.control.turn(now, &self.handle) {
                self.note(&line);
                work += 1;
            }
            self.broadcaster.wait(false).map_err(|error| error.to_string())?;
            work += self.broadcaster.turn(now);
            work += self.hear_gateway()?;
            idle = if work == 0 { idle + 1 } else { 0 };
            if idle == 2 {
                return Ok(());
            }
        }
        Err("somebody never rests".to_owned())
    }

    fn hear_feed(&mut self) -> usize {
        let mut count = 0;
        while let Ok(report) = self.reports.try_recv() {
            count += 1;
            match report.notice {
                FeedNotice::NeedSnapshot { instrument, native } => {
                    self.control.want(instrument, native);
                }
                FeedNotice::State { line, state, reason, detail, .. } => {
                    let (state, reason) = (state.name(), reason.name());
                    let detail = detail.unwrap_or_default();
                    self.note(&format!("feed: line {line} is {state} ({reason}) {detail}"));
                }
                FeedNotice::Spent(_) => {}
                other => self.note(&format!("feed: {other:?}")),
            }
        }
        count
    }

    fn hear_gateway(&mut self) -> Result<usize, String> {
        let Self { client, judge, exchange, trace, clock, start, .. } = self;
        let elapsed = Duration::from_nanos(clock.now().since(*start));
        client.take(|text| {
            let line = judge.take(text, |index| exchange.past_books(index))?;
            trace.extend(line.map(|line| told(elapsed, &line)));
            Ok(())
        })
    }

    /// Remembers how far the exchange is.
    fn mark(&mut self) {
        let elapsed = self.elapsed();
        let mut states = Vec::with_capacity(self.kind.natives.len());
        for (index, native) in self.kind.natives.iter().enumerate() {
            let state = self.exchange.past_books(index).len().saturating_sub(1);
            let last = self.exchange.truth().last(native);
            states.push((state, last.map_or(0, |trade| self.kind.id(&trade))));
        }
        self.marks.push_back(Mark { elapsed, states });
        while self.marks.get(1).is_some_and(|mark| mark.elapsed + LAG_MAX <= elapsed) {
            self.marks.pop_front();
        }
    }

    /// How far the exchange was that long ago.
    fn state_before(&self, ago: Duration) -> Option<&Mark> {
        let then = self.elapsed().checked_sub(ago)?;
        let after = self.marks.partition_point(|mark| mark.elapsed <= then);
        self.marks.get(after.checked_sub(1)?)
    }

    fn note(&mut self, line: &str) {
        self.trace.push(told(self.elapsed(), line));
    }
}

fn told(elapsed: Duration, line: &str) -> String {
    format!("{:8.3} {line}", elapsed.as_secs_f64())
}

/// Who makes the candles of a seed, and how long they are.
fn made_of(kind: &Kind, random: &mut Random) -> (CandleSource, Interval) {
    let built = [Interval::Second1, Interval::Minute1];
    let has_trades = !matches!(kind.trades, Trades::Prices);
    match random.below(2) {
        0 if has_trades => (CandleSource::Trades, random.one_of(&built)),
        _ if kind.own_candles.is_empty() => (CandleSource::Trades, random.one_of(&built)),
        _ => (CandleSource::Exchange, random.one_of(kind.own_candles)),
    }
}

/// Everything that a client can follow, candles of one interval.
fn subscribe(client: &mut Client, interval: Interval) {
    client.say(
        r#"{"action":"subscribe","symbols":["*"],"channels":["trades","ticker","orderbook","status"]}"#,
    );
    client.say(&format!(
        r#"{{"action":"subscribe","symbols":["*"],"channels":["candles"],"interval":"{}"}}"#,
        interval.name()
    ));
}

/// The exchange of one seed, at so many events a second.
fn exchange_options(kind: &Kind, seed: u64, rate: u32) -> Options {
    let usual = Options::new(kind.exchange);
    // Sooner than exchanges do, as seeds are short; one that never pings will not.
    let pings = usual.ping_interval != Duration::MAX;
    Options {
        symbols: kind.natives.map(str::to_owned).to_vec(),
        era: kind.era,
        rate,
        seed,
        truth_trades: 100_000,
        ping_interval: if pings { HEARTBEAT } else { Duration::MAX },
        pong_timeout: Duration::from_secs(5),
        ..usual
    }
}

/// The exchange's adapter with rules that suit short seeds.
fn bent(kind: &Kind, lifetime: Option<Duration>) -> Bent<Rules> {
    let rules: Rules = Box::new(move |rules| {
        rules.lifetime = lifetime.and(Some(LIFETIME_KNOWN));
        rules.frame_bytes_max = 1 << 20;
        rules.heartbeat = rules.heartbeat.map(|(every, text)| (every.min(HEARTBEAT), text));
    });
    Bent { exchange: adapter(kind.exchange), rules }
}

fn broadcast_options(candle_source: CandleSource) -> BroadcastOptions {
    let offer = |_| Offer { candle_source: Some(candle_source), ..Offer::everything() };
    BroadcastOptions {
        client_queue_bytes: 16 << 20,
        history: HistoryBounds { events: 512, ..Default::default() },
        offers: Arc::new(ExchangeId::ALL.map(offer)),
        ..BroadcastOptions::default()
    }
}

/// The channels of both instruments, and the exchange's candles if they are wanted.
fn subscriptions(kind: &Kind, candles: Option<Interval>) -> (InstrumentTable, Vec<Subscription>) {
    let mut table = InstrumentTable::default();
    let mut all = Vec::new();
    for native in kind.natives {
        let symbol = (profile(kind.exchange).canonical_symbol)(native).expect("a symbol");
        let exchange = kind.exchange;
        let native = ArrayString::from(native).expect("short");
        let instrument = Instrument { exchange, symbol, native, tick_size: None, lot_size: None };
        let instrument = table.add(instrument).expect("few");
        let streams = kind.channels().iter().map(|&channel| (channel, None));
        let candles = candles.map(|interval| (Channel::Candles, Some(interval)));
        all.extend(streams.chain(candles).map(|(channel, interval)| Subscription {
            instrument,
            native,
            channel,
            interval,
        }));
    }
    (table, all)
}
