//! The natural rhythm of each stream of a connection, learned by listening, and who has lost it.
//!
//! A socket may live (its heartbeats come) while one of its streams is dead. Silence alone proves
//! nothing: a quiet market is silent for minutes, a busy one never for a second. So each stream is
//! judged by itself:
//!
//! ```text
//! asked ── answer ──▶ expected ── first event ──▶ flowing ── silent far beyond its rhythm ─┐
//!                        │ nothing for long                                               ▼
//!                        └──────────────────────────────────────▶ overdue (asked for again)
//! flowing ◀──────────────────────────── an event ────────────────────┘
//! ```
//!
//! What stays overdue is asked for again after twice the time, and so on: an exchange that took a
//! request and did not serve it may do so more than once.
//!
//! The path only stores when a stream last spoke. Twice a second all streams are looked at: what
//! was silent since the last look grows older, and when it speaks again, how old it had become is
//! a gap of its rhythm. The largest gap is remembered and fades, so that a stream is measured by
//! what it lately was, not by what it was on a quiet night.

use std::ops::Range;
use std::time::Duration;

use crate::clock::MonoNanos;
use crate::exchange::{NamedStream, StreamKey, Subscription};
use crate::feed::kin_channel;
use crate::instrument::Channel;
use crate::limits::{
    RHYTHM_BEHIND_MAX, RHYTHM_LISTEN_MIN, RHYTHM_LOOK_EVERY, RHYTHM_REFUSED_KNOWN_WAIT,
    RHYTHM_REFUSED_WAIT, RHYTHM_SILENCE_MIN,
};
use crate::tick::Interval;

/// Silence of so many times the largest gap is no rhythm any more, by how many gaps ended at least.
/// Where events come at random a gap of k times the largest of n has a chance of n! k! / (n + k)!,
/// which is about one in a million in each row; among many more gaps than sixteen it is far less.
const GAPS_TO_OVERDUE: [(u32, u64); 3] = [(16, 8), (8, 16), (4, 64)];

/// Looks at which a stream had spoken, over which its largest gap fades to a third: nine minutes of
/// a busy stream, a thousand gaps of a slow one. Silence fades nothing.
const FADE_LOOKS: u64 = 1_024;

/// A quiet instrument prints no trade for so many times as long as its other channels may be
/// without a first event.
const QUIET_FACTOR: u32 = 5;

/// How a stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Asked for, or about to be, and not answered; or refused for now, to be asked for again.
    Asked,
    /// Answered; its first event is to come.
    Expected { since: MonoNanos },
    /// It has spoken.
    Flowing,
    /// It is silent beyond its rhythm, or never spoke; it was asked for again, and will be when
    /// that does not help for so long.
    Overdue { since: MonoNanos, asked: MonoNanos, wait: Duration },
    /// The exchange refused it. It is asked for again all the same when that may have passed: an
    /// instrument is listed, a limit of requests is free again.
    GivenUp { since: MonoNanos },
}

/// One stream.
#[derive(Debug)]
struct Stream {
    subscription: Subscription,
    /// Where its last event is noted.
    place: usize,
    phase: Phase,
    /// When its last event was, at the last look.
    seen: MonoNanos,
    /// When it was listened to for the first time.
    first: MonoNanos,
    /// How long it had been silent at the last look.
    silent_ns: u64,
    /// The largest gap of its rhythm, faded.
    gap_ns: u64,
    /// Gaps that ended.
    gaps: u32,
    /// How long to leave it alone after the next refusal.
    refused_wait: Duration,
}

/// What a look found.
#[derive(Debug, Default)]
pub(in crate::feed) struct Found {
    /// Spoke for the first time, or again.
    pub(in crate::feed) begun: Vec<Subscription>,
    /// Answered, and nothing came of it.
    pub(in crate::feed) mute: Vec<Subscription>,
    /// Refused, long enough ago to ask once more.
    pub(in crate::feed) refused: Vec<Subscription>,
    /// Silent far beyond its rhythm.
    pub(in crate::feed) aged: Vec<Subscription>,
    /// Those of them, books aside, that had a rhythm: no quiet market explains it.
    pub(in crate::feed) broken: Vec<Subscription>,
    /// More than half of the streams whose rhythm is known are silent beyond it: it is the
    /// connection, or the whole market. A living connection is not ended for that, as nobody knows
    /// which; it is replaced by one that is subscribed before it goes.
    pub(in crate::feed) is_barren: bool,
}

/// Every stream of one connection.
#[derive(Debug)]
pub(in crate::feed) struct Rhythms {
    /// When a channel of an instrument (of candles: a length) last spoke; zero before.
    heard: Vec<MonoNanos>,
    /// In the order of their places.
    streams: Vec<Stream>,
    /// Until when nobody listened.
    excused: MonoNanos,
    looked: MonoNanos,
    mute_after: Duration,
}

impl Rhythms {
    /// Nothing was heard yet. A subscription that is answered and stays without an event for
    /// `mute_after` is found mute.
    pub(in crate::feed) fn new(
        subscriptions: &[Subscription],
        mute_after: Duration,
        now: MonoNanos,
    ) -> Self {
        let mut rhythms = Self {
            heard: Vec::new(),
            streams: Vec::new(),
            excused: MonoNanos::ZERO,
            looked: now,
            mute_after,
        };
        rhythms.change(&[], subscriptions, now);
        rhythms
    }

    /// Some streams are left, others are asked for.
    pub(in crate::feed) fn change(
        &mut self,
        left: &[Subscription],
        added: &[Subscription],
        now: MonoNanos,
    ) {
        for one in left {
            let own = self.range(place(one.stream()));
            let kept =
                self.streams[own.clone()].iter().position(|stream| stream.subscription == *one);
            kept.map(|index| self.streams.remove(own.start + index));
        }
        if self.streams.is_empty() {
            self.looked = now;
        }
        for one in left {
            if let Some(heard) = self.heard.get_mut(place(one.stream())) {
                *heard = MonoNanos::ZERO;
            }
        }
        let places = added.iter().map(|one| one.instrument.index() + 1).max().unwrap_or(0);
        let length = self.heard.len().max(places * PLACES);
        self.heard.resize(length, MonoNanos::ZERO);
        self.streams.extend(added.iter().map(|&subscription| Stream {
            subscription,
            place: place(subscription.stream()),
            phase: Phase::Asked,
            seen: MonoNanos::ZERO,
            first: MonoNanos::ZERO,
            silent_ns: 0,
            gap_ns: 0,
            gaps: 0,
            refused_wait: RHYTHM_REFUSED_WAIT,
        }));
        self.streams.sort_by_key(|stream| stream.place);
    }

    /// Where the streams of a place are.
    fn range(&self, place: usize) -> Range<usize> {
        let start = self.streams.partition_point(|stream| stream.place < place);
        let rest = &self.streams[start..];
        start..start + rest.iter().take_while(|stream| stream.place == place).count()
    }

    /// The streams of that key: one, if it is carried.
    fn own(&self, stream: StreamKey) -> &[Stream] {
        &self.streams[self.range(place(stream))]
    }

    /// A stream speaks.
    #[inline]
    pub(in crate::feed) fn hear(&mut self, stream: StreamKey, now: MonoNanos) {
        if let Some(heard) = self.heard.get_mut(place(stream)) {
            *heard = now;
        }
    }

    /// The exchange answered a request: from now on the streams' first events are expected.
    pub(in crate::feed) fn expect(&mut self, subscriptions: &[Subscription], now: MonoNanos) {
        self.each_of(subscriptions, |stream| {
            if matches!(stream.phase, Phase::Asked | Phase::GivenUp { .. }) {
                stream.phase = Phase::Expected { since: now };
            }
        });
    }

    /// The exchange refused these for now: nothing is expected of them before they are accepted.
    pub(in crate::feed) fn postpone(&mut self, subscriptions: &[Subscription]) {
        self.each_of(subscriptions, |stream| stream.phase = Phase::Asked);
    }

    /// The exchange refused these.
    pub(in crate::feed) fn give_up(&mut self, subscriptions: &[Subscription], now: MonoNanos) {
        self.each_of(subscriptions, |stream| stream.phase = Phase::GivenUp { since: now });
    }

    /// Of a stream that an answer names, what the exchange has granted. Where one stream brings two
    /// channels, it may go by the name of the other.
    pub(in crate::feed) fn granted(&self, named: NamedStream) -> Vec<Subscription> {
        let first = named.instrument.index() * PLACES;
        let start = self.streams.partition_point(|stream| stream.place < first);
        let rest = self.streams[start..].iter();
        let of_instrument = || rest.clone().take_while(|stream| stream.place < first + PLACES);
        let kin = named.channel.and_then(kin_channel);
        let kin = kin.map(|channel| NamedStream { channel: Some(channel), ..named });
        let names = [Some(named), kin].into_iter().flatten();
        let mut granted = names.map(|named| {
            of_instrument().filter(|stream| named.names(&stream.subscription)).collect::<Vec<_>>()
        });
        let own = granted.find(|own| !own.is_empty()).unwrap_or_default();
        own.into_iter().filter(|one| !one.is_asked()).map(|one| one.subscription).collect()
    }

    /// The exchange ended these: what they said until now is no sign of life any more.
    pub(in crate::feed) fn end(&mut self, subscriptions: &[Subscription]) {
        for one in subscriptions {
            let place = place(one.stream());
            let heard = self.heard[place];
            let range = self.range(place);
            self.streams[range].iter_mut().for_each(|stream| stream.seen = heard);
        }
    }

    fn each_of(&mut self, subscriptions: &[Subscription], mut change: impl FnMut(&mut Stream)) {
        for one in subscriptions {
            let own = self.range(place(one.stream()));
            let mut own = self.streams[own].iter_mut();
            own.find(|stream| stream.subscription == *one).map(&mut change);
        }
    }

    /// Nobody listened until now: silence is nobody's fault.
    pub(in crate::feed) fn excuse(&mut self, now: MonoNanos) {
        self.excused = now;
    }

    /// When to look next.
    pub(in crate::feed) fn due(&self) -> MonoNanos {
        if self.streams.is_empty() { MonoNanos::MAX } else { self.looked.after(RHYTHM_LOOK_EVERY) }
    }

    /// Whether a stream spoke within its rhythm.
    pub(in crate::feed) fn is_flowing(&self, stream: StreamKey) -> bool {
        self.own(stream).iter().any(|stream| stream.phase == Phase::Flowing)
    }

    /// Whether a stream speaks, be it since the last look.
    pub(in crate::feed) fn speaks(&self, stream: StreamKey) -> bool {
        let speaks = |stream: &Stream| {
            stream.phase == Phase::Flowing || self.heard[stream.place] != stream.seen
        };
        self.own(stream).iter().any(speaks)
    }

    /// Whether the exchange serves a stream, as far as it says: it accepted it, or it speaks.
    pub(in crate::feed) fn is_there(&self, stream: StreamKey) -> bool {
        let mut own = self.own(stream).iter();
        own.any(|stream| matches!(stream.phase, Phase::Expected { .. } | Phase::Flowing))
    }

    /// Whether the exchange has granted a stream on this connection, as far as it says.
    pub(in crate::feed) fn is_granted(&self, one: &Subscription) -> bool {
        self.stream(one).is_some_and(|stream| !stream.is_asked())
    }

    /// Whether a stream comes on this connection as it does on another, as far as both were heard:
    /// it was granted, and the other told nothing of it since that this one did not. A grant is the
    /// exchange's word, and no proof that anything comes.
    pub(in crate::feed) fn keeps_up_with(&self, other: &Self, one: &Subscription) -> bool {
        let Some(stream) = self.stream(one) else { return false };
        let (own, others) = (self.heard[stream.place], other.heard_of(one));
        match stream.phase {
            Phase::Asked | Phase::GivenUp { .. } => false,
            Phase::Expected { since } if own == MonoNanos::ZERO => others <= since,
            _ if own == MonoNanos::ZERO => others == MonoNanos::ZERO,
            Phase::Expected { since } => others <= own.after(RHYTHM_BEHIND_MAX).max(since),
            Phase::Flowing | Phase::Overdue { .. } => others <= own.after(RHYTHM_BEHIND_MAX),
        }
    }

    fn stream(&self, one: &Subscription) -> Option<&Stream> {
        self.own(one.stream()).iter().find(|stream| stream.subscription == *one)
    }

    /// When a channel of an instrument last spoke; zero if it never did.
    fn heard_of(&self, one: &Subscription) -> MonoNanos {
        self.heard.get(place(one.stream())).copied().unwrap_or(MonoNanos::ZERO)
    }

    /// Looks at every stream; does nothing before it is due.
    pub(in crate::feed) fn look(&mut self, now: MonoNanos) -> Option<Found> {
        if now < self.due() {
            return None;
        }
        let passed = Duration::from_nanos(now.since(self.looked));
        self.looked = now;
        let mut found = Found::default();
        let (mut known, mut overdue, mut latest) = (0, 0, MonoNanos::ZERO);
        for index in 0..self.streams.len() {
            let patience = self.patience(&self.streams[index].subscription);
            let stream = &mut self.streams[index];
            match stream.look(self.heard[stream.place], self.excused, patience, passed, now) {
                Look::Fine => {}
                Look::Begun => found.begun.push(stream.subscription),
                Look::Mute => found.mute.push(stream.subscription),
                Look::Refused => found.refused.push(stream.subscription),
                Look::Aged => {
                    found.aged.push(stream.subscription);
                    let is_book = stream.subscription.channel == Channel::Orderbook;
                    if !is_book && stream.is_known(now) {
                        found.broken.push(stream.subscription);
                    }
                }
            }
            if stream.is_known(now) {
                known += 1;
                if let Phase::Overdue { since, .. } = stream.phase {
                    overdue += 1;
                    latest = latest.max(since);
                }
            }
        }
        // One or two streams may be the market; asking for them once more has to help first.
        found.is_barren =
            overdue * 2 > known && (known > 2 || now >= latest.after(RHYTHM_SILENCE_MIN));
        Some(found)
    }

    /// How long the first event of a subscription may take. A quiet instrument prints no trades
    /// for long, but its quotes and its book are told at the latest when somebody else moves, and
    /// the bar that is open at once or every few seconds.
    fn patience(&self, subscription: &Subscription) -> Duration {
        match subscription.channel {
            Channel::Quotes | Channel::Orderbook | Channel::Candles => self.mute_after,
            Channel::Trades | Channel::Ticker | Channel::Status => {
                let first = subscription.instrument.index() * PLACES;
                let all = &self.heard[first..first + PLACES];
                let is_quiet = all.iter().any(|heard| *heard != MonoNanos::ZERO);
                if is_quiet { self.mute_after * QUIET_FACTOR } else { self.mute_after }
            }
        }
    }
}

/// What a look at one stream says.
enum Look {
    Fine,
    Begun,
    Mute,
    Refused,
    Aged,
}

impl Stream {
    fn look(
        &mut self,
        heard: MonoNanos,
        excused: MonoNanos,
        patience: Duration,
        passed: Duration,
        now: MonoNanos,
    ) -> Look {
        let before = std::mem::replace(&mut self.seen, heard);
        let silent_before = std::mem::replace(&mut self.silent_ns, now.since(heard.max(excused)));
        if heard != before {
            if before == MonoNanos::ZERO {
                self.first = now;
                self.refused_wait = RHYTHM_REFUSED_KNOWN_WAIT;
            } else {
                self.learn(silent_before + passed.as_nanos() as u64);
            }
            let was_flowing = std::mem::replace(&mut self.phase, Phase::Flowing) == Phase::Flowing;
            return if was_flowing { Look::Fine } else { Look::Begun };
        }
        match self.phase {
            Phase::Expected { since } if now >= since.max(excused).after(patience) => {
                self.phase = Phase::Overdue { since: now, asked: now, wait: patience * 2 };
                Look::Mute
            }
            Phase::Flowing
                if (self.is_known(now) && Some(self.silent_ns) > self.silent_max_ns())
                    || self.is_odd(excused, patience, now) =>
            {
                let wait = Duration::from_nanos(self.silent_ns) * 2;
                self.phase = Phase::Overdue { since: now, asked: now, wait };
                Look::Aged
            }
            Phase::Overdue { since, asked, wait } if now >= asked.max(excused).after(wait) => {
                let wait = wait.saturating_mul(2);
                self.phase = Phase::Overdue { since, asked: now, wait };
                if self.first == MonoNanos::ZERO { Look::Mute } else { Look::Aged }
            }
            Phase::GivenUp { since } if now >= since.max(excused).after(self.refused_wait) => {
                self.phase = Phase::GivenUp { since: now };
                self.refused_wait = self.refused_wait.saturating_mul(2);
                Look::Refused
            }
            _ => Look::Fine,
        }
    }

    /// A gap ended. One beyond the rhythm may have been an outage or the night: it stretches the
    /// rhythm, but not to all of its length at once.
    fn learn(&mut self, gap_ns: u64) {
        let was_overdue = matches!(self.phase, Phase::Overdue { .. });
        let usual = self.gap_ns.max(RHYTHM_SILENCE_MIN.as_nanos() as u64);
        let most = if was_overdue { usual.saturating_mul(2) } else { u64::MAX };
        self.gap_ns = (self.gap_ns - self.gap_ns / FADE_LOOKS).max(gap_ns.min(most));
        self.gaps = self.gaps.saturating_add(1);
    }

    fn is_known(&self, now: MonoNanos) -> bool {
        self.first != MonoNanos::ZERO
            && self.silent_max_ns().is_some()
            && now >= self.first.after(RHYTHM_LISTEN_MIN)
            && !self.is_asked()
    }

    /// The exchange has not granted it, or not any more.
    const fn is_asked(&self) -> bool {
        matches!(self.phase, Phase::Asked | Phase::GivenUp { .. })
    }

    /// Silence from which on it is overdue; `None` while it has no rhythm.
    fn silent_max_ns(&self) -> Option<u64> {
        let (_, times) = GAPS_TO_OVERDUE.iter().find(|(gaps, _)| self.gaps >= *gaps)?;
        Some(self.gap_ns.saturating_mul(*times).max(RHYTHM_SILENCE_MIN.as_nanos() as u64))
    }

    /// Whether it spoke too little for its rhythm to be sure, and has been silent for so long that
    /// asking again costs less than missing it.
    fn is_odd(&self, excused: MonoNanos, patience: Duration, now: MonoNanos) -> bool {
        let [(sure, _), (_, times), ..] = GAPS_TO_OVERDUE;
        let usual = match self.silent_max_ns() {
            Some(_) => Duration::from_nanos(self.gap_ns.saturating_mul(times)),
            None => Duration::ZERO,
        };
        let longest = usual.max(patience * QUIET_FACTOR);
        self.gaps < sure && now >= self.seen.max(excused).after(longest)
    }
}

/// Places of each instrument: of its channels, and of each length of candles.
const PLACES: usize = Channel::ALL.len() + Interval::ALL.len();

#[inline]
fn place((instrument, channel, interval): StreamKey) -> usize {
    let own = interval.map_or(channel as usize, |interval| Channel::ALL.len() + interval as usize);
    instrument.index() * PLACES + own
}

#[cfg(test)]
mod tests;
