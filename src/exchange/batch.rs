//! What one frame held, between the parser that read it and the feed that publishes it.

use std::ops::Range;

use crate::book::BookKind;
use crate::clock::UnixNanos;
use crate::exchange::Rejected;
use crate::instrument::{Channel, InstrumentId};
use crate::limits::{BATCH_LEVELS_KEPT, BATCH_TICKS_KEPT, EXCHANGES_SINCE_NS};
use crate::tick::{Body, Candle, Level, Tick, Ticker, Trade};

/// Levels of a side that are kept when nothing is cut off.
pub const DEPTH_FULL: u32 = u32::MAX;

/// Where a tick comes from.
#[repr(u8)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// It happens now.
    #[default]
    Live,
    /// It happened before the subscription and is sent with it. A batch holds the oldest first.
    Past,
    /// It repeats what another tick of the frame says: a best bid and ask that stand in a ticker.
    Derived,
}

/// A tick with the number that the exchange gave to what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequencedTick {
    /// The exchange's number of a trade (its id) or quote (its book's update id), if it has one.
    /// Of a trade that stands for several, the last one's.
    pub sequence: Option<u64>,
    /// Of a trade that stands for several, the first one's number; else the same as `sequence`.
    pub first: Option<u64>,
    /// Where it comes from.
    pub origin: Origin,
    /// The tick, not yet stamped.
    pub tick: Tick,
}

/// One book event of one instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookUpdate {
    /// Whose book.
    pub instrument: InstrumentId,
    /// Whole or change.
    pub kind: BookKind,
    /// When the exchange says that it happened.
    pub exchange_time: UnixNanos,
    /// Number of the first update in it, where the exchange states numbers.
    pub first_id: Option<u64>,
    /// Number of the last update in it, likewise.
    pub last_id: Option<u64>,
    /// Number of the last update of the event before, where the exchange states it.
    pub previous_id: Option<u64>,
    /// The exchange's checksum of the book after it, as bits; its meaning is its exchange's
    /// [`super::ChecksumRule`].
    pub checksum: Option<u32>,
    /// Digits after the point that the checksum is over, of prices and of sizes, however an event
    /// writes them; `None` where that is not known, or they are always written whole.
    pub precision: Option<[u8; 2]>,
    /// Levels of each side that the book keeps after it, where the exchange does not tell what
    /// falls out; [`DEPTH_FULL`] otherwise. A book of one level is told beside the whole one: a
    /// feed takes it as the quote that stands in the batch too, readers of recordings as a book.
    pub depth: u32,
    /// Its levels in [`Batch::levels`].
    pub levels: Range<u32>,
}

/// What the exchange says of its trades' ids, apart from the trades themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradeMark {
    /// Whose.
    pub instrument: InstrumentId,
    /// The id.
    pub last_id: u64,
    /// What is said of it.
    pub marked: Marked,
}

/// What a [`TradeMark`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marked {
    /// It is the last trade's.
    Last,
    /// Something has it that is no trade of the book, and happened then: no trade is missing there.
    NoTrade(UnixNanos),
}

/// Items of a frame that could not be read: they are lost, and nothing else of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Why.
    pub rejected: Rejected,
    /// Whose they were, where that could be read.
    pub instrument: Option<InstrumentId>,
    /// Of which stream.
    pub channel: Channel,
    /// So many ticks of the batch stood before them in the frame.
    pub behind: usize,
    /// How many.
    pub count: u32,
}

/// Everything that one frame held. Reused from frame to frame, so that nothing is allocated once
/// it has grown to the usual size; the rare huge frame's memory is given back by [`Batch::clear`].
#[derive(Debug)]
pub struct Batch {
    /// The connection that its frames come by, which whoever reads several sets before each: what a
    /// change is of was told by the same. Not forgotten with the frame.
    pub connection: u32,
    /// Trades, quotes, and the runs of ticks that make tickers and candles.
    pub ticks: Vec<SequencedTick>,
    /// Book events.
    pub books: Vec<BookUpdate>,
    /// Levels of all `books`.
    pub levels: Vec<Level>,
    /// What is said of the ids of trades beside them.
    pub trade_marks: Vec<TradeMark>,
    /// The frame is also the answer to our request of this id.
    pub answered: Option<u64>,
    /// When the exchange says that it sent the frame, where it says so besides the dates of events.
    pub sent: UnixNanos,
    /// The frame lists all bars that the exchange has up to now.
    pub lists_bars: bool,
    /// The frame's number on its connection, where every frame has one.
    pub connection_sequence: Option<u64>,
    /// The best bid and ask of the frame's ticker were stated by an earlier frame (Bybit's deltas
    /// say only what changed).
    pub best_carried: bool,
    /// Changes of tickers and best prices that are left out, as their connection did not tell the
    /// whole before.
    pub orphans: u32,
    /// Its trades stand in it newest first. The batch holds the oldest first all the same.
    pub newest_first: bool,
    /// Trades that are told without their id, as no tick holds it.
    pub trade_ids_refused: u32,
    /// Events that are told without their date, as nothing can have happened then.
    pub dates_refused: u32,
    /// What of it could not be read.
    pub losses: Vec<Loss>,
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

impl Batch {
    /// An empty batch with room for usual frames.
    pub fn new() -> Self {
        Self {
            connection: 0,
            ticks: Vec::with_capacity(BATCH_TICKS_KEPT),
            books: Vec::with_capacity(64),
            levels: Vec::with_capacity(BATCH_LEVELS_KEPT),
            trade_marks: Vec::with_capacity(4),
            answered: None,
            sent: UnixNanos::NONE,
            lists_bars: false,
            connection_sequence: None,
            best_carried: false,
            orphans: 0,
            newest_first: false,
            trade_ids_refused: 0,
            dates_refused: 0,
            losses: Vec::new(),
        }
    }

    /// Forgets the frame, and gives back what only a huge one needed.
    #[inline]
    pub fn clear(&mut self) {
        self.ticks.clear();
        self.books.clear();
        self.levels.clear();
        self.trade_marks.clear();
        (self.answered, self.connection_sequence) = (None, None);
        (self.sent, self.lists_bars) = (UnixNanos::NONE, false);
        self.losses.clear();
        self.best_carried = false;
        self.orphans = 0;
        self.newest_first = false;
        self.trade_ids_refused = 0;
        self.dates_refused = 0;
        if self.levels.capacity() > 4 * BATCH_LEVELS_KEPT
            || self.ticks.capacity() > 4 * BATCH_TICKS_KEPT
        {
            self.shrink();
        }
    }

    #[cold]
    fn shrink(&mut self) {
        self.ticks.shrink_to(BATCH_TICKS_KEPT);
        self.levels.shrink_to(BATCH_LEVELS_KEPT);
    }

    /// True when the frame held neither tick nor book.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.ticks.is_empty() && self.books.is_empty()
    }

    /// Reads one item of a frame: where it cannot be read, nothing stays of it but that it was
    /// lost, and what `read` would have said is `None`.
    pub fn attempt<T>(
        &mut self,
        instrument: impl Into<Option<InstrumentId>>,
        channel: Channel,
        read: impl FnOnce(&mut Self) -> Result<T, Rejected>,
    ) -> Option<T> {
        let (ticks, books) = (self.ticks.len(), self.books.len());
        let levels = self.levels.len();
        let refused = self.trade_ids_refused;
        match read(self) {
            Ok(read) => Some(read),
            Err(rejected) => {
                self.ticks.truncate(ticks);
                self.books.truncate(books);
                self.levels.truncate(levels);
                self.trade_ids_refused = refused;
                self.lose(instrument.into(), channel, rejected);
                None
            }
        }
    }

    /// Leaves out the dates at which nothing can have happened: what the exchange wrote for one is a
    /// slip of its own, and its event is as true as one without a date.
    #[inline]
    pub(super) fn refuse_dates(&mut self) {
        for SequencedTick { origin, tick, .. } in &mut self.ticks {
            if is_slip(tick.exchange_time) {
                tick.exchange_time = UnixNanos::NONE;
                // An event of several ticks counts once, and so does what one says of another.
                self.dates_refused += u32::from(*origin != Origin::Derived && begins(&tick.body));
            }
        }
        for book in &mut self.books {
            if is_slip(book.exchange_time) {
                book.exchange_time = UnixNanos::NONE;
                // One of a single level stands among the ticks, too.
                self.dates_refused += u32::from(book.depth > 1);
            }
        }
        for mark in &mut self.trade_marks {
            if let Marked::NoTrade(time) = &mut mark.marked
                && is_slip(*time)
            {
                *time = UnixNanos::NONE;
                self.dates_refused += 1;
            }
        }
        if is_slip(self.sent) {
            self.sent = UnixNanos::NONE;
        }
    }

    /// Notes that an item is lost.
    #[cold]
    pub fn lose(&mut self, instrument: Option<InstrumentId>, channel: Channel, rejected: Rejected) {
        let loss = Loss { rejected, instrument, channel, behind: self.ticks.len(), count: 1 };
        match self.losses.last_mut() {
            Some(last) if Loss { count: 1, ..*last } == loss => last.count += 1,
            _ => self.losses.push(loss),
        }
    }

    /// Notes that an item which was counted as lost may have been of this instrument as well.
    #[cold]
    pub fn lose_too(&mut self, instrument: InstrumentId, channel: Channel, rejected: Rejected) {
        let (instrument, behind) = (Some(instrument), self.ticks.len());
        self.losses.push(Loss { rejected, instrument, channel, behind, count: 0 });
    }

    /// The book that something lost would have changed.
    pub fn suspect(&self) -> Option<InstrumentId> {
        let of_book = |loss: &&Loss| loss.channel == Channel::Orderbook;
        self.losses.iter().find(of_book)?.instrument
    }

    /// Adds one tick.
    #[inline]
    pub fn push(&mut self, sequence: impl Into<Option<u64>>, tick: Tick) {
        self.push_of(sequence.into(), Origin::Live, tick);
    }

    /// Adds a trade that stands for those from `first` to `last`.
    #[inline]
    pub fn push_range(&mut self, first: u64, last: u64, tick: Tick) {
        let (first, sequence, origin) = (Some(first), Some(last), Origin::Live);
        self.ticks.push(SequencedTick { sequence, first, origin, tick });
    }

    /// Adds a trade from before the subscription.
    #[inline]
    pub fn push_past(&mut self, sequence: impl Into<Option<u64>>, tick: Tick) {
        self.push_of(sequence.into(), Origin::Past, tick);
    }

    /// Adds what another tick of the frame says too.
    #[inline]
    pub fn push_derived(&mut self, sequence: impl Into<Option<u64>>, tick: Tick) {
        self.push_of(sequence.into(), Origin::Derived, tick);
    }

    #[inline(always)]
    fn push_of(&mut self, sequence: Option<u64>, origin: Origin, tick: Tick) {
        self.ticks.push(SequencedTick { sequence, first: sequence, origin, tick });
    }

    /// Adds the run of ticks that the ticker of a market is.
    #[inline(always)]
    pub fn push_ticker(
        &mut self,
        sequence: impl Into<Option<u64>>,
        instrument: InstrumentId,
        exchange_time: UnixNanos,
        ticker: Ticker,
    ) {
        self.push_index(sequence, instrument, exchange_time, ticker.of_market().with_change());
    }

    /// The same of what is no market: an index may stand at 0.
    #[inline(always)]
    pub fn push_index(
        &mut self,
        sequence: impl Into<Option<u64>>,
        instrument: InstrumentId,
        exchange_time: UnixNanos,
        ticker: Ticker,
    ) {
        let sequence = sequence.into();
        let [prices, change, volumes] = ticker.bodies();
        // One by one, so that each is built where it stays.
        self.push(sequence, Tick::new(instrument, exchange_time, prices));
        self.push(sequence, Tick::new(instrument, exchange_time, change));
        self.push(sequence, Tick::new(instrument, exchange_time, volumes));
    }

    /// Adds the pair of ticks that a candle is, before those of the same kind that open later: one
    /// frame may hold the end of a candle behind the begin of the next, which would close it.
    #[inline(always)]
    pub fn push_candle(
        &mut self,
        sequence: impl Into<Option<u64>>,
        instrument: InstrumentId,
        exchange_time: UnixNanos,
        candle: &Candle,
    ) {
        let sequence = sequence.into();
        let place = self.ticks.len();
        let [prices, volume] = Candle { listed: self.lists_bars, ..*candle }.bodies();
        self.push(sequence, Tick::new(instrument, exchange_time, prices));
        self.push(sequence, Tick::new(instrument, exchange_time, volume));
        if place > 0 {
            self.sort_in(place, instrument, candle);
        }
    }

    /// Moves the candle at `place`, the last of the frame so far, to where it belongs among those
    /// of its kind, and says of it and of the one behind it that each has one before.
    fn sort_in(&mut self, mut place: usize, instrument: InstrumentId, candle: &Candle) {
        let (last, mut has_later, mut is_behind) = (place, false, false);
        for index in (0..last).rev() {
            let Tick { instrument: of, body, .. } = self.ticks[index].tick;
            let Body::CandleVolume { interval, open_time, .. } = body else { continue };
            if of != instrument || interval != candle.interval {
                continue;
            }
            is_behind = open_time <= candle.open_time;
            if is_behind {
                break;
            }
            // Behind its prices.
            (place, has_later) = (index - 1, true);
        }
        self.ticks[place..].rotate_right(2);
        if is_behind {
            self.set_behind(place);
        }
        if has_later {
            self.set_behind(place + 2);
        }
    }

    /// Says of the candle at `place` that the one before it stands in the same frame.
    fn set_behind(&mut self, place: usize) {
        if let Some(SequencedTick { tick, .. }) = self.ticks.get_mut(place + 1)
            && let Body::CandleVolume { flags, .. } = &mut tick.body
        {
            *flags = flags.behind();
        }
    }

    /// Whether a market can have made the candle of which the first tick stands at `index`. One that
    /// it cannot is no truth of the exchange's.
    #[inline]
    pub fn is_possible_candle(&self, index: usize) -> bool {
        let [prices, volume, ..] = &self.ticks[index..] else { return false };
        Candle::join(&prices.tick.body, &volume.tick.body).is_some_and(|bar| bar.is_possible())
    }

    /// The levels of one of its book events.
    #[inline]
    pub fn levels_of(&self, book: &BookUpdate) -> &[Level] {
        &self.levels[book.levels.start as usize..book.levels.end as usize]
    }
}

/// Whether it is a date, and one at which nothing can have happened.
#[inline(always)]
const fn is_slip(time: UnixNanos) -> bool {
    time.is_some() && time.0 < EXCHANGES_SINCE_NS
}

/// Whether an event begins with this tick.
const fn begins(body: &Body) -> bool {
    !matches!(
        body,
        Body::TickerChange { .. } | Body::TickerVolumes { .. } | Body::CandleVolume { .. }
    )
}

/// A trade as a tick.
///
/// # Errors
/// [`Rejected::Impossible`] of one that no market makes.
#[inline(always)]
pub(super) fn trade_tick(
    instrument: InstrumentId,
    exchange_time: UnixNanos,
    trade: Trade,
) -> Result<Tick, Rejected> {
    if !trade.is_possible() {
        return Err(Rejected::Impossible);
    }
    Ok(Tick::new(instrument, exchange_time, trade.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tick::{Decimal, Interval};

    const MINUTE: i64 = 60_000_000_000;

    /// Frames of bars, each of an instrument and a minute, as they are handed over: with whether
    /// one before it stands in the frame.
    fn sorted(frame: &[(u32, i64)]) -> Vec<(u32, i64, bool)> {
        let mut batch = Batch::new();
        for &(instrument, minute) in frame {
            let open_time = UnixNanos(minute * MINUTE);
            let bar = Candle::of(Interval::Minute1, open_time, [Decimal::ZERO; 4]);
            batch.push_candle(None, InstrumentId(instrument), UnixNanos::NONE, &bar);
        }
        let (pairs, rest) = batch.ticks.as_chunks::<2>();
        assert!(rest.is_empty());
        let bars = pairs.iter().map(|[prices, volume]| {
            let bar = Candle::join(&prices.tick.body, &volume.tick.body).expect("a pair");
            (prices.tick.instrument.0, bar.open_time.0 / MINUTE, bar.behind)
        });
        bars.collect()
    }

    #[test]
    fn bars_of_one_frame_are_handed_over_oldest_first_in_whatever_order_they_stand() {
        let right = [(7, 1, false), (7, 2, true), (7, 3, true), (7, 4, true)];
        for frame in [[1, 2, 3, 4], [4, 3, 2, 1], [3, 1, 4, 2], [2, 4, 1, 3], [4, 1, 2, 3]] {
            assert_eq!(sorted(&frame.map(|minute| (7, minute))), right, "{frame:?}");
        }
    }

    #[test]
    fn bars_of_others_between_them_do_not_matter() {
        let told = sorted(&[(7, 3), (8, 5), (7, 2), (8, 6), (9, 1), (7, 1), (8, 4)]);
        for (instrument, right) in [(7, vec![1, 2, 3]), (8, vec![4, 5, 6]), (9, vec![1])] {
            let of_it = told.iter().filter(|(one, ..)| *one == instrument);
            let minutes: Vec<i64> = of_it.clone().map(|(_, minute, _)| *minute).collect();
            assert_eq!(minutes, right);
            let behind: Vec<bool> = of_it.map(|(.., behind)| *behind).collect();
            assert!(!behind[0] && behind[1..].iter().all(|&behind| behind));
        }
        assert_eq!(sorted(&[(7, 2), (7, 2)]).len(), 2, "the same twice keeps its order");
    }
}
