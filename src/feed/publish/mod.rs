//! From a parsed frame to ticks in the rings: order, proof, stamps.

pub(super) mod absences;
pub(super) mod dates;
mod losses;
pub(super) mod rings;
mod stamps;
mod trades_shown;

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use self::absences::Absences;
use self::dates::{Belief, Dates};
use self::rings::Rings;
use self::stamps::Stamps;
use super::line::BooksInDoubt;
use crate::clock::{Clock, MonoNanos, UnixNanos};
use crate::exchange::{
    Batch, Begins, BookKind, BookSnapshot, BookUpdate, DateRules, Dated, Loss, Origin, Rejected,
    SequencedTick, StreamKey, Subscription, with_books,
};
use crate::instrument::{Channel, InstrumentId};
use crate::latency::{Recorder, Span};
use crate::limits::BOOK_SUSPECT_MAX;
use crate::metrics::FeedCounters;
use crate::proof::{Applied, Books, Joined, Left, LossShows, Needed, Numbers, Source, Verdict};
use crate::tick::{Body, BookState, Candle, DatedAhead, Level, Reason, Tick};

/// Everything between the parser and the rings.
#[derive(Debug)]
pub(super) struct Publisher {
    books: Books,
    numbers: Numbers,
    rings: Rings,
    dates: Dates,
    date_rules: DateRules,
    /// Quotes stand in tickers; see [`crate::exchange::ConnectionRules::quotes_in_ticker`].
    quotes_in_ticker: bool,
    /// What is believed of the dates of the frame at hand.
    belief: Belief,
    clock: Clock,
    recorder: Recorder,
    counters: Arc<FeedCounters>,
    stamps: Stamps,
    /// What is to be told anew to a ring that had lapsed: books, and states of other streams.
    retell: VecDeque<StreamKey>,
    /// Whose book is carried.
    instruments: Vec<InstrumentId>,
    /// Books of which something may be lost that could not be read, and until when their next event
    /// may show it.
    suspects: VecDeque<(MonoNanos, InstrumentId)>,
    /// Streams that were told to lack something, maybe, and have not spoken since.
    doubted: HashSet<(InstrumentId, Channel)>,
    /// What was told of streams that are not there.
    absences: Absences,
    /// Whose trades are carried, and whether to clients; `None` as long as that was always so.
    shown_trades: Option<(bool, Vec<InstrumentId>)>,
    /// A ring that had lapsed takes ticks again: the state of the feed must be told anew.
    rejoined: bool,
}

impl Publisher {
    /// One that carries nothing yet; see [`Publisher::cover`].
    pub(super) fn new(
        books: Books,
        numbers: Numbers,
        (date_rules, quotes_in_ticker): (DateRules, bool),
        rings: Rings,
        (clock, recorder): (Clock, Recorder),
        counters: Arc<FeedCounters>,
    ) -> Self {
        Self {
            books,
            numbers,
            rings,
            dates: Dates::new(),
            date_rules,
            quotes_in_ticker,
            belief: Belief::ALL,
            clock,
            recorder,
            counters,
            stamps: Stamps::new(),
            retell: VecDeque::new(),
            instruments: Vec::new(),
            suspects: VecDeque::new(),
            doubted: HashSet::new(),
            absences: Absences::default(),
            shown_trades: None,
            rejoined: false,
        }
    }

    /// The books, as far as they are proven.
    pub(super) const fn books(&self) -> &Books {
        &self.books
    }

    /// What the exchange's numbers have shown.
    pub(super) const fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// The same, for who decides by them which connection takes over.
    pub(super) const fn numbers_mut(&mut self) -> &mut Numbers {
        &mut self.numbers
    }

    /// Ticks in the fullest ring that is waited for.
    pub(super) fn ring_occupancy(&self) -> usize {
        self.rings.occupancy()
    }

    /// Whether a ring that had lapsed has begun to take ticks again since this was last asked.
    pub(super) fn take_rejoined(&mut self) -> bool {
        std::mem::take(&mut self.rejoined)
    }

    /// True while a ring is full, or has yet to be told the books: no frame may be read.
    #[inline]
    pub(super) fn is_blocked(&self) -> bool {
        self.rings.is_blocked() || !self.retell.is_empty()
    }

    /// True while something waits for room in a ring.
    pub(super) fn is_behind(&self) -> bool {
        self.is_blocked() || self.rings.is_behind()
    }

    /// Records how long the newest bytes of a read lay in the kernel. A stamp from after the read
    /// (the system's clock was set in between) counts as no wait.
    pub(super) fn record_wait_in_kernel(&mut self, stamp: UnixNanos, received: MonoNanos) {
        let waited = self.clock.date(received).0.saturating_sub(stamp.0);
        self.recorder.record(Span::KernelRead, waited.max(0).cast_unsigned());
    }

    /// Publishes what a frame held. Must not be called while blocked.
    #[inline]
    pub(super) fn frame(&mut self, batch: &Batch, source: Source) {
        debug_assert!(!self.is_blocked(), "a frame is read only where a ring takes it");
        self.stage_and_push(batch, source);
    }

    /// Publishes what a frame held that came behind a hole in its connection's numbers: candles of
    /// these streams may lack what was in the hole. Must not be called while blocked.
    #[cold]
    pub(super) fn frame_behind_hole(
        &mut self,
        batch: &Batch,
        streams: &[Subscription],
        source: Source,
    ) {
        debug_assert!(!self.is_blocked(), "a frame is read only where a ring takes it");
        for one in streams.iter().filter(|one| one.channel == Channel::Candles) {
            self.unheard(one.instrument);
        }
        self.stage_and_push(batch, source);
    }

    #[inline]
    fn stage_and_push(&mut self, batch: &Batch, source: Source) {
        let received = source.received;
        self.stamps.parse(received, &self.clock);
        let ours = self.clock.date(received);
        self.belief = self.dates.belief(ours, batch.sent);
        self.numbers.believed_until = self.belief.comparable_until();
        if let Some(first) = batch.ticks.first() {
            self.date_frame(first, batch, (ours, source));
        }
        let mut index = 0;
        if !batch.losses.is_empty() {
            index = self.events_and_losses(batch, source);
        }
        while index < batch.ticks.len() {
            index += self.event(batch, index, source);
        }
        // A book of one level is a quote, and stands among the ticks as one.
        for update in batch.books.iter().filter(|update| update.depth > 1) {
            self.book(batch, update, source);
        }
        for mark in &batch.trade_marks {
            self.numbers.mark(*mark, source, self.rings.staged());
        }
        if self.books.loss_shows() == LossShows::Nowhere {
            self.doubt_books_with_lost_trades();
        }
        for tick in self.rings.staged() {
            // What was held back has the time of its own frame.
            if tick.received == MonoNanos::ZERO {
                tick.received = received;
            }
        }
        if !self.rings.staged().is_empty() {
            let now = self.stamps.push_frame(&self.clock);
            self.push_at(now);
        }
    }

    /// Where nothing else shows the loss of a book event, lost trades are the sign of one.
    fn doubt_books_with_lost_trades(&mut self) {
        let lost = |tick: &Tick| match tick.body {
            Body::Gap { channel: Channel::Trades, reason: Reason::SequenceGap, .. } => {
                Some(tick.instrument)
            }
            _ => None,
        };
        let mut next = 0;
        while let Some(tick) = self.rings.staged().get(next) {
            next += 1;
            let Some(instrument) = lost(tick) else { continue };
            if self.books.distrust(instrument, Reason::SequenceGap, self.rings.staged()) {
                self.counters.resyncs.increment();
            }
        }
    }

    /// Stages the events of a frame in which something could not be read, as far as the last such
    /// thing, and tells of the losses in their places; returns where it ends.
    #[cold]
    fn events_and_losses(&mut self, batch: &Batch, source: Source) -> usize {
        let mut index = 0;
        for loss in &batch.losses {
            while index < loss.behind.min(batch.ticks.len()) {
                index += self.event(batch, index, source);
            }
            let Loss { instrument: Some(instrument), channel, count, .. } = *loss else { continue };
            self.tell_loss(instrument, channel, count.into(), source);
        }
        index
    }

    /// What a candle of the exchange said last is lost: the next that is said of it holds that too,
    /// and if it is closed before, it was not seen whole.
    #[cold]
    fn unheard(&mut self, instrument: InstrumentId) {
        let body = Body::Unheard { channel: Channel::Candles };
        self.rings.staged().push(Tick::new(instrument, UnixNanos::NONE, body));
    }

    /// What a frame's dates say of the exchange's clock, and how old it is. All of its events are of
    /// one kind, so the first one's date stands for them.
    #[inline]
    fn date_frame(
        &mut self,
        first: &SequencedTick,
        batch: &Batch,
        (ours, source): (UnixNanos, Source),
    ) {
        let (date, received) = (first.tick.exchange_time, source.received);
        if date.is_some() && first.origin == Origin::Live {
            let (channel, instrument) = (channel_of(&first.tick.body), first.tick.instrument);
            let dated = self.date_rules.of(channel);
            // What a stream begins with may be old, and says nothing of now.
            if self.date_rules.begins == Begins::Last
                && self.numbers.begins(instrument, channel, source.generation)
            {
                return;
            }
            if dated == Dated::Moment {
                self.recorder.record_age(date, received, &self.clock);
            }
            if dated != Dated::Otherwise {
                // The frame's own date is a better witness than that of what it tells of.
                self.dates.hear(batch.sent.or(date), ours, received);
            }
        } else if matches!(first.tick.body, Body::CandlePrices { .. })
            && let [.., prices, volume] = &batch.ticks[..]
            && let Some(bar) = Candle::join(&prices.tick.body, &volume.tick.body)
        {
            self.dates.hear_bar(&bar, ours, received);
        }
    }

    /// The exchange's date; `NONE` where it does not run with ours.
    pub(super) fn exchange_date(&self, now: MonoNanos) -> UnixNanos {
        self.counters.clock_ahead_ns.set(self.dates.ahead_ns().cast_unsigned());
        self.dates.date(self.clock.date(now))
    }

    /// Stages the event that begins at `index`; returns of how many ticks it is.
    #[inline]
    fn event(&mut self, batch: &Batch, index: usize, source: Source) -> usize {
        let sequenced = &batch.ticks[index];
        let tick = &sequenced.tick;
        if self.numbers.is_withdrawn(tick.instrument, channel_of(&tick.body)) {
            return run_length(&tick.body);
        }
        let is_trade = matches!(tick.body, Body::Trade { .. });
        // What has no date is of when it came, and our clock may be ahead of the exchange's.
        let ahead = self.belief.ahead(tick.exchange_time.or(self.clock.date(source.received)));
        let is_ahead = match is_trade {
            true => ahead != DatedAhead::NO,
            false => tick.exchange_time.0 > self.belief.until,
        };
        if is_ahead {
            self.counters.dates_ahead.increment();
        } else {
            self.dates.believe(tick.exchange_time);
        }
        let (length, verdict) = match tick.body {
            Body::Trade { .. } => {
                let marked = is_ahead.then(|| dated_ahead(sequenced, ahead));
                let sequenced = marked.as_ref().unwrap_or(sequenced);
                let verdict = self.numbers.trade(sequenced, source, self.rings.staged());
                match verdict {
                    Verdict::Older => self.counters.duplicates.increment(),
                    _ => self.spoke(tick.instrument, Channel::Trades),
                }
                return 1;
            }
            Body::Quote { .. } => {
                let verdict = self.numbers.quote(sequenced, source);
                let is_crossed = || tick.body.quote().is_some_and(|quote| quote.is_crossed());
                if verdict != Verdict::Older && is_crossed() {
                    self.counters.crossed_quotes.increment();
                }
                (1, verdict)
            }
            Body::TickerPrices { .. } => (3, self.numbers.ticker(sequenced, source)),
            Body::CandlePrices { .. } if !batch.is_possible_candle(index) => {
                self.counters.lose_items(Rejected::Impossible, 1);
                self.tell_loss(tick.instrument, Channel::Candles, 1, source);
                return 2;
            }
            Body::CandlePrices { .. } if self.is_bar_ahead(batch, index) => {
                self.counters.dates_ahead.add(u64::from(!is_ahead));
                self.unheard(tick.instrument);
                return 2;
            }
            Body::CandlePrices { .. } => (2, self.candle(tick.instrument, source)),
            _ => (1, Verdict::Next),
        };
        if verdict == Verdict::Older {
            self.counters.duplicates.increment();
            return length;
        }
        self.spoke(tick.instrument, channel_of(&tick.body));
        if verdict == Verdict::Anew {
            let (channel, reason) = (channel_of(&tick.body), Reason::SequenceGap);
            let gap = Body::Gap { channel, reason, missed: 0 };
            self.rings.staged().push(Tick::new(tick.instrument, UnixNanos::NONE, gap));
        }
        let end = (index + length).min(batch.ticks.len());
        let staged = self.rings.staged();
        staged.extend(batch.ticks[index..end].iter().map(|sequenced| sequenced.tick));
        length
    }

    /// Whether a bar opens later than is believed. Told as it is, it would close the present one.
    #[inline]
    fn is_bar_ahead(&mut self, batch: &Batch, index: usize) -> bool {
        let volume = batch.ticks.get(index + 1).map(|one| one.tick.body);
        let Some(Body::CandleVolume { open_time, .. }) = volume else { return false };
        if open_time.0 > self.belief.bars_until {
            return true;
        }
        self.dates.believe(open_time);
        false
    }

    #[inline]
    fn candle(&mut self, instrument: InstrumentId, source: Source) -> Verdict {
        match self.numbers.candle(instrument, source) {
            Verdict::Anew => {
                self.unheard(instrument);
                Verdict::Next
            }
            verdict => verdict,
        }
    }

    #[inline]
    fn book(&mut self, batch: &Batch, update: &BookUpdate, source: Source) {
        let instrument = update.instrument;
        if self.numbers.is_withdrawn(instrument, Channel::Orderbook) {
            return;
        }
        let levels = batch.levels_of(update);
        let proven = self.books.is_proven(instrument);
        let verdict = self.numbers.book(update, levels, proven, source);
        if update.kind == BookKind::Snapshot && !self.numbers.keeps_beside(instrument) {
            self.books.drop_beside(instrument);
        }
        match verdict {
            Verdict::Next => self.apply(update, levels),
            Verdict::Spliced { previous } => {
                self.apply(&BookUpdate { previous_id: Some(previous), ..update.clone() }, levels);
            }
            Verdict::Anew => self.apply_anew(update, levels),
            Verdict::Beside => {
                self.keep_beside(update, levels, source);
                return;
            }
            Verdict::Level => {
                if self.keep_beside(update, levels, source)
                    && self.books.is_alike_beside(instrument)
                {
                    self.succeed(instrument);
                }
                return;
            }
            Verdict::CaughtUp => {
                if self.keep_beside(update, levels, source) {
                    self.succeed(instrument);
                }
                return;
            }
            Verdict::Doubtful => self.weigh(update, levels),
            Verdict::Older => return self.counters.duplicates.increment(),
            Verdict::Ahead => return,
        }
        if self.numbers.holds_books() {
            self.release_book(instrument);
        }
    }

    /// An event of a connection that is behind; false when it is not kept.
    #[cold]
    fn keep_beside(&mut self, update: &BookUpdate, levels: &[Level], source: Source) -> bool {
        let is_kept = self.books.keep_beside(update, levels);
        if !is_kept {
            self.counters.unproven_deltas.increment();
            self.numbers.drop_beside(update.instrument, source.generation);
        }
        is_kept
    }

    /// The connection that was behind has caught up: its book takes over.
    #[cold]
    fn succeed(&mut self, instrument: InstrumentId) {
        if self.books.take_over(instrument, None, self.rings.staged()) {
            self.numbers.hand_over(instrument);
        }
    }

    /// What this connection brings of a book is not to take over, as something of it is lost.
    #[cold]
    pub(super) fn drop_beside(&mut self, instrument: InstrumentId, generation: u32) {
        if self.numbers.drop_beside(instrument, generation) {
            self.books.drop_beside(instrument);
        }
    }

    /// Book events that waited for what was just published.
    #[cold]
    fn release_book(&mut self, instrument: InstrumentId) {
        loop {
            let proven = self.books.is_proven(instrument);
            let Some(held) = self.numbers.next_book(instrument, proven) else { return };
            self.apply(&held.update, &held.levels);
        }
    }

    #[inline]
    fn apply(&mut self, update: &BookUpdate, levels: &[Level]) {
        let applied = self.books.apply(update, levels, self.rings.staged());
        self.count(applied);
    }

    #[cold]
    fn apply_anew(&mut self, update: &BookUpdate, levels: &[Level]) {
        let applied = self.books.apply_anew(update, levels, self.rings.staged());
        self.count(applied);
    }

    #[cold]
    fn weigh(&mut self, update: &BookUpdate, levels: &[Level]) {
        let applied = self.books.weigh(update, levels, self.rings.staged());
        self.count(applied);
    }

    #[inline]
    fn count(&self, applied: Applied) {
        match applied {
            Applied::Published | Applied::Held => {}
            Applied::Old => self.counters.duplicates.increment(),
            Applied::Gap => {
                self.counters.gaps.increment();
                self.counters.resyncs.increment();
            }
            Applied::Unproven => self.counters.unproven_deltas.increment(),
            Applied::Checksum => {
                self.counters.checksum_failures.increment();
                self.counters.resyncs.increment();
            }
            Applied::HeldOverflow | Applied::Crossed | Applied::TooLarge => {
                self.counters.resyncs.increment();
            }
        }
    }

    /// A connection is gone: what waited for it is published. A book that another connection's is
    /// kept beside of goes on with that; those that it alone could continue are not proven any more.
    /// Streams that are `left` without a connection that is known to bring them are told so, once
    /// and not as a repair that begins.
    pub(super) fn leave(&mut self, generation: u32, left: &[Subscription], now: MonoNanos) {
        let Left { mut orphans, heirs, strays } =
            self.numbers.leave(generation, self.rings.staged());
        self.release_books();
        strays.into_iter().for_each(|stray| self.books.drop_beside(stray));
        for heir in heirs {
            let lost = Some(Reason::Disconnected);
            self.counters.resyncs.increment();
            if !self.books.take_over(heir, lost, self.rings.staged()) {
                orphans.push(heir);
            }
        }
        let left_books: HashSet<InstrumentId> = with_books(left).collect();
        orphans.retain(|orphan| !left_books.contains(orphan));
        self.distrust(orphans.into_iter(), Reason::Disconnected, now);
        self.disconnected(with_books(left), now);
        self.fall_silent(left, now);
    }

    /// A connection answered the ping of this ticket: what it carries needs no trade to be taken
    /// over by the one that was asked for. Must not be called while blocked.
    pub(super) fn overlap(&mut self, generation: u32, ticket: u64, now: MonoNanos) {
        debug_assert!(!self.is_blocked(), "what it releases may be as much as a frame");
        self.numbers.overlap(generation, ticket, self.rings.staged());
        self.stamp_and_push(now);
    }

    /// Carries these streams, of instruments with ids below `count`, from now on.
    pub(super) fn cover(&mut self, count: usize, carried: &[Subscription]) {
        self.numbers.cover(count, carried);
        self.instruments.clear();
        self.instruments.extend(with_books(carried));
        self.books.expect(&self.instruments);
    }

    /// How many of the books that are carried are in each state, by `BookState as usize`; those
    /// before their first event are resyncing.
    pub(super) fn tally(&self) -> [u64; BookState::ALL.len()] {
        let mut tally = [0; BookState::ALL.len()];
        for &instrument in &self.instruments {
            tally[self.books.state(instrument).unwrap_or(BookState::Resyncing) as usize] += 1;
        }
        tally
    }

    /// Streams that are asked for under another name: what came under the old one, if anything did,
    /// was of another instrument, and proves nothing of what comes now.
    pub(super) fn respell(&mut self, streams: &[Subscription], now: MonoNanos) {
        for one in streams {
            self.numbers.forget(one.instrument, one.channel);
        }
        for instrument in with_books(streams) {
            if self.books.respelled(instrument, self.rings.staged()) {
                self.counters.resyncs.increment();
            }
        }
        self.stamp_and_push(now);
    }

    /// Gives up waiting for other connections where it has taken too long. Must not be called while
    /// blocked.
    pub(super) fn expire(&mut self, now: MonoNanos) {
        debug_assert!(!self.is_blocked(), "what it releases may be as much as a frame");
        if now >= self.numbers.due() {
            self.numbers.expire(now, self.rings.staged());
            self.release_books();
            self.stamp_and_push(now);
        }
    }

    fn release_books(&mut self) {
        for instrument in self.numbers.held_books() {
            self.release_book(instrument);
        }
    }

    /// The next book that has to be asked for; see [`Books::next_needed`].
    pub(super) fn next_needed(&mut self) -> Option<Needed> {
        self.books.next_needed()
    }

    /// The request for a book's snapshot could not be made: it is needed as before.
    pub(super) fn request_failed(&mut self, instrument: InstrumentId) {
        self.books.request_failed(instrument);
    }

    /// Nothing came of a book since it was accepted: it is asked for if it still has no state.
    pub(super) fn ask_quiet(&mut self, instrument: InstrumentId) {
        self.books.ask_quiet(instrument);
    }

    /// The subscription of a book was accepted. One that is told as not there for its silence waits
    /// until it speaks.
    pub(super) fn accepted_book(&mut self, instrument: InstrumentId, now: MonoNanos) {
        if self.absences.has((instrument, Channel::Orderbook, None)) {
            return;
        }
        self.books.accepted(instrument, self.rings.staged());
        self.stamp_and_push(now);
    }

    /// Joins a snapshot; must not be called while blocked.
    pub(super) fn snapshot(
        &mut self,
        instrument: InstrumentId,
        snapshot: &BookSnapshot,
        now: MonoNanos,
    ) -> Joined {
        debug_assert!(!self.is_blocked(), "a book may be as much as many frames");
        let joined = self.books.snapshot(instrument, snapshot, self.rings.staged());
        self.stamp_and_push(now);
        joined
    }

    /// A snapshot could not be had for now; allowed while blocked, as it is rare and small.
    pub(super) fn no_snapshot(&mut self, instrument: InstrumentId, reason: Reason, now: MonoNanos) {
        self.books.tell_why(instrument, reason, self.rings.staged());
        self.stamp_and_push(now);
    }

    /// The connection of these books was lost.
    fn disconnected(&mut self, instruments: impl Iterator<Item = InstrumentId>, now: MonoNanos) {
        for instrument in instruments {
            self.counters.resyncs.increment();
            self.books.disconnected(instrument, self.rings.staged());
        }
        self.stamp_and_push(now);
    }

    /// Nobody brings these streams for a while.
    fn fall_silent(&mut self, streams: &[Subscription], now: MonoNanos) {
        let staged = self.rings.staged();
        for one in streams {
            if matches!(one.channel, Channel::Trades | Channel::Candles) {
                let body = Body::Unheard { channel: one.channel };
                staged.push(Tick::new(one.instrument, UnixNanos::NONE, body));
            }
        }
        self.stamp_and_push(now);
    }

    /// These books may be wrong or old, for a reason that no event of theirs tells.
    pub(super) fn distrust(
        &mut self,
        instruments: impl Iterator<Item = InstrumentId>,
        reason: Reason,
        now: MonoNanos,
    ) {
        for instrument in instruments {
            if self.books.distrust(instrument, reason, self.rings.staged()) {
                self.counters.resyncs.increment();
            }
        }
        self.stamp_and_push(now);
    }

    /// Something could not be read that may have been of any of these books, whose next event will
    /// show it.
    #[cold]
    pub(super) fn suspect(&mut self, instruments: &[InstrumentId], now: MonoNanos) {
        let due = now.after(BOOK_SUSPECT_MAX);
        for &instrument in instruments {
            if self.books.suspect(instrument, self.rings.staged()) {
                // One that was suspect before, and proven since, has its time anew.
                self.suspects.retain(|&(_, one)| one != instrument);
                self.suspects.push_back((due, instrument));
            }
        }
        self.stamp_and_push(now);
    }

    /// When the first suspect book has had its time.
    pub(super) fn suspects_due(&self) -> MonoNanos {
        self.suspects.front().map_or(MonoNanos::MAX, |(due, _)| *due)
    }

    /// Makes anew the suspect books that have had their time and of which nothing came.
    pub(super) fn judge_suspects(&mut self, now: MonoNanos) {
        while let Some((_, instrument)) = self.suspects.pop_front_if(|(due, _)| *due <= now) {
            if self.books.is_suspect(instrument) {
                self.distrust(std::iter::once(instrument), Reason::Refused, now);
            }
        }
    }

    /// Some books may be old, as nobody knows whether their connections live; others may not any
    /// more. Nothing is lost yet, so that none of them needs a snapshot.
    pub(super) fn doubt(&mut self, books: &BooksInDoubt, now: MonoNanos) {
        for &instrument in &books.doubted {
            self.books.doubt(instrument, self.rings.staged());
        }
        for &instrument in &books.vouched {
            self.books.vouch(instrument, self.rings.staged());
        }
        self.stamp_and_push(now);
    }

    /// Says something about the whole feed; allowed while blocked, as it is rare and small.
    pub(super) fn tell(&mut self, body: Body, now: MonoNanos) {
        self.rings.staged().push(Tick::new(InstrumentId::NONE, UnixNanos::NONE, body));
        self.stamp_and_push(now);
    }

    /// Stamps what no frame brought, then pushes.
    pub(super) fn stamp_and_push(&mut self, now: MonoNanos) {
        for tick in self.rings.staged() {
            if tick.received == MonoNanos::ZERO {
                tick.received = now;
            }
        }
        self.push();
    }

    /// What waits for the rings goes on; returns whether anybody waits for it. Who has lapsed is
    /// looked at again a little later.
    #[inline]
    pub(super) fn go_on(&mut self) -> bool {
        let blocked = self.is_blocked();
        if self.is_behind() {
            self.push();
            self.recover_sinks();
            while !self.rings.is_blocked()
                && let Some(stream) = self.retell.pop_front()
            {
                match stream {
                    (instrument, Channel::Orderbook, _) => self.retell_book(instrument),
                    _ => self.retell_stream(stream),
                }
            }
        }
        blocked
    }

    /// Goes on with what sinks that had lapsed are told anew, over their own rings.
    fn recover_sinks(&mut self) {
        if !self.rings.owes_books() {
            return;
        }
        let books = &mut self.books;
        self.rings.recover(self.clock.now(), |book, ticks| {
            books.publish(book, ticks);
            if let Some((state, reason)) = books.status(book) {
                let body = Body::BookState { state, reason };
                ticks.push(Tick::new(book, UnixNanos::NONE, body));
            }
        });
    }

    fn push(&mut self) {
        let now = self.stamps.push_other(&self.clock);
        self.push_at(now);
    }

    #[inline]
    fn push_at(&mut self, now: MonoNanos) {
        let pushed = self.rings.push(now, &self.counters);
        if pushed.rejoined {
            self.rejoin();
        }
        if pushed.done {
            self.stamps.pushed(&mut self.recorder);
        }
    }

    /// The end of a read's frames, or of the time that is given to them in this turn.
    #[inline]
    pub(super) fn end_read(&mut self) {
        self.stamps.end(&self.clock, &mut self.recorder);
    }

    #[cold]
    fn rejoin(&mut self) {
        self.rejoined = true;
        self.retell.clear();
        let trades = self.shown_trades.iter().flat_map(|(_, traded)| traded);
        self.retell.extend(trades.map(|&instrument| (instrument, Channel::Trades, None)));
        self.retell.extend(self.absences.told());
        self.retell.extend(self.books.shown().map(|book| (book, Channel::Orderbook, None)));
    }

    /// Publishes a book whole for the ring that missed some of it, before anything else of it. The
    /// others get it too, and it changes nothing for them.
    #[cold]
    fn retell_book(&mut self, instrument: InstrumentId) {
        let Some((state, reason)) = self.books.status(instrument) else { return };
        self.books.publish(instrument, self.rings.staged());
        let body = Body::BookState { state, reason };
        self.rings.staged().push(Tick::new(instrument, UnixNanos::NONE, body));
        let now = self.clock.now();
        self.stamp_and_push(now);
    }

    /// Wakes the consumers that sleep and have something to take.
    #[inline]
    pub(super) fn ring_bells(&mut self) {
        self.rings.ring_bells();
    }

    /// The end of a turn: consumers that sleep are woken, histograms handed over.
    #[inline]
    pub(super) fn end_turn(&mut self, now: MonoNanos) {
        self.rings.ring_bells();
        self.recorder.hand_over(now);
    }

    /// The end of the thread.
    pub(super) fn finish(self) {
        self.recorder.finish();
    }
}

/// A trade that is dated ahead, with how far.
#[cold]
fn dated_ahead(trade: &SequencedTick, by: DatedAhead) -> SequencedTick {
    let mut trade = *trade;
    if let Body::Trade { ahead, .. } = &mut trade.tick.body {
        *ahead = by;
    }
    trade
}

/// The channel of what a parser makes.
#[inline]
pub(super) fn channel_of(body: &Body) -> Channel {
    match body {
        Body::Trade { .. } | Body::TradesShown { .. } => Channel::Trades,
        Body::Quote { .. } => Channel::Quotes,
        Body::Level { .. } => Channel::Orderbook,
        Body::TickerPrices { .. } | Body::TickerChange { .. } | Body::TickerVolumes { .. } => {
            Channel::Ticker
        }
        Body::CandlePrices { .. } | Body::CandleVolume { .. } => Channel::Candles,
        Body::Gap { channel, .. }
        | Body::StreamState { channel, .. }
        | Body::Unheard { channel } => *channel,
        Body::BookState { .. } | Body::FeedState { .. } | Body::Time { .. } => Channel::Status,
    }
}

/// Of how many ticks the event is that begins with this one.
const fn run_length(body: &Body) -> usize {
    match body {
        Body::TickerPrices { .. } => 3,
        Body::CandlePrices { .. } => 2,
        _ => 1,
    }
}
