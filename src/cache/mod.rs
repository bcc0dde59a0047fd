//! What one broadcaster remembers: the newest of everything, the last events of every stream, the
//! books and the candles. One thread owns it, so that it needs neither lock nor atomic.
//!
//! Ticks come in the order of the rings, events go out with their numbers. Every broadcaster sees
//! the same ticks in the same order per instrument, so that a `seq` means the same in each.

mod candles;
mod event;
mod histories;
mod memory;
mod packed;
mod reading;
mod shelf;
mod statuses;
#[cfg(test)]
mod tests;

pub use candles::{CandleCounts, CandleSource};
pub use event::{
    BookEvent, BookLevels, BookStatus, Event, EventBody, FeedStatus, Gap, ListedStatus, Stamp,
    Stream,
};
pub use reading::{HistoryCursor, HistoryRange, Reading};

use candles::Candles;
use histories::Histories;
use memory::Memory;

use crate::book::Book;
use crate::clock::UnixNanos;
use crate::instrument::{Channel, ExchangeId, InstrumentId, InstrumentTable};
use crate::tick::{Body, BookState, Interval, Tick};

/// What is remembered at most of the events of a broadcaster's streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryBounds {
    /// Events of each instrument and stream; of a book, levels of changes.
    pub events: usize,
    /// Bytes of all of them together. Where they are reached, the streams that hold the most
    /// shorten their histories; see the module `histories`.
    pub bytes: usize,
}

/// How many bytes a cache takes, books apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheSize {
    /// Histories with as many events as they keep, of usual events; never more than at most.
    pub histories_expected: usize,
    /// Histories at their bound.
    pub histories_most: usize,
    /// What else is remembered of instruments.
    pub instruments: usize,
}

impl CacheSize {
    /// Of a cache with so many instruments.
    pub const fn of(bounds: HistoryBounds, instruments: usize) -> Self {
        let (expected, most) = Histories::sizes(bounds, instruments);
        let one = size_of::<Memory>() + Candles::BYTES_APART + Histories::BYTES_PER_INSTRUMENT;
        Self {
            histories_expected: expected,
            histories_most: most,
            instruments: instruments.saturating_mul(one),
        }
    }
}

impl Default for HistoryBounds {
    fn default() -> Self {
        Self { events: 10_000, bytes: 64 << 20 }
    }
}

/// What is known of one exchange's connections.
#[derive(Clone, Debug)]
struct Feed {
    /// The newest state of each line.
    lines: Vec<FeedStatus>,
    /// The exchange's date, not older than a second; [`UnixNanos::NONE`] while none is known.
    date: UnixNanos,
}

impl Default for Feed {
    fn default() -> Self {
        Self { lines: Vec::new(), date: UnixNanos::NONE }
    }
}

/// By `ExchangeId as usize`.
type CandleSources = [CandleSource; ExchangeId::ALL.len()];

/// Exchanges whose trades make candles and are not carried to clients, by `ExchangeId as usize`.
type HiddenTrades = [bool; ExchangeId::ALL.len()];

/// The memory of a broadcaster.
#[derive(Debug)]
pub struct Cache {
    histories: Histories,
    memories: Vec<Memory>,
    /// When a candle of each instrument is to be closed next. Beside the memories, so that the
    /// look at all of them once a second reads 8 bytes of each and not 4 KiB apart.
    candle_ends: Vec<i64>,
    candle_counts: CandleCounts,
    feeds: [Feed; ExchangeId::ALL.len()],
    candle_sources: CandleSources,
    hidden_trades: HiddenTrades,
}

impl Cache {
    /// An empty memory that keeps so much. Address space for all histories is reserved at once,
    /// memory is taken as they grow.
    pub fn new(bounds: HistoryBounds) -> Self {
        Self {
            histories: Histories::new(bounds),
            memories: Vec::new(),
            candle_ends: Vec::new(),
            candle_counts: CandleCounts::default(),
            feeds: Default::default(),
            candle_sources: Default::default(),
            hidden_trades: Default::default(),
        }
    }

    /// Says who makes the candles of each exchange from now on, by `ExchangeId as usize`; where
    /// nothing is said it stays as it is.
    pub fn set_candle_sources(&mut self, said: [Option<CandleSource>; ExchangeId::ALL.len()]) {
        for (source, said) in self.candle_sources.iter_mut().zip(said) {
            *source = said.unwrap_or(*source);
        }
        for memory in &mut self.memories {
            memory.set_candle_source(&self.candle_sources);
        }
    }

    /// Says of which exchanges trades are not carried to clients though candles are made of them. It
    /// counts for instruments that come from now on; of the others the feed tells when it changes,
    /// so that their numbers stay the same in every broadcaster.
    pub const fn set_hidden_trades(&mut self, hidden: HiddenTrades) {
        self.hidden_trades = hidden;
    }

    /// Makes room for instruments that were added to the table. To be called before their ticks
    /// come; ticks of unknown instruments are ignored. Of one that is carried again nothing is known
    /// until it is told: what its streams were when it was left is past.
    pub fn set_instruments(&mut self, table: &InstrumentTable) {
        for (index, memory) in self.memories.iter_mut().enumerate() {
            let hides_trades = self.hidden_trades[memory.exchange as usize];
            memory.set_carried(table.is_carried(InstrumentId(index as u32)), hides_trades);
        }
        for (id, instrument) in table.iter().skip(self.memories.len()) {
            let candle_source = self.candle_sources[instrument.exchange as usize];
            let hides_trades = self.hidden_trades[instrument.exchange as usize];
            let exchange = instrument.exchange;
            self.memories.push(Memory::new(id, exchange, candle_source, hides_trades));
            self.histories.add_instrument();
            self.candle_ends.push(i64::MAX);
        }
    }

    /// Remembers one tick from the feed of `exchange`, and tells the events that it completes.
    ///
    /// `received` is the date of `tick.received`. Allocates only while something grows: a book, a
    /// first state of a line.
    #[inline]
    pub fn apply(
        &mut self,
        exchange: ExchangeId,
        tick: &Tick,
        received: UnixNanos,
        mut told: impl FnMut(&Event<'_>),
    ) {
        let stamp = Stamp { exchange_time: tick.exchange_time, received };
        match tick.body {
            Body::FeedState { .. } | Body::Time { .. } => {
                self.apply_feed(exchange, tick, stamp, &mut told);
            }
            Body::BookState { state, reason } => {
                let Some(memory) = self.memories.get_mut(tick.instrument.index()) else { return };
                let status = BookStatus { state, reason, since: received };
                memory.shelf.set_status(status);
                if reason.is_of_leaving() && state == BookState::Stale {
                    memory.leave(&mut self.histories, Channel::Orderbook, None, &mut told);
                }
                let body = EventBody::BookState(status);
                told(&Event { instrument: tick.instrument, seq: 0, stamp, body });
            }
            Body::StreamState { channel, interval, state, reason } => {
                let Some(memory) = self.memories.get_mut(tick.instrument.index()) else { return };
                let status = BookStatus { state, reason, since: received };
                if channel == Channel::Candles && state == BookState::Stale {
                    memory.candles.fall_silent(CandleSource::Exchange, interval);
                    if reason.is_of_leaving() {
                        memory.leave(&mut self.histories, channel, interval, &mut told);
                    }
                }
                // Candles that are built from trades are there as long as those are.
                let is_built = channel == Channel::Trades && memory.candles.are_built();
                let is_shown = channel != Channel::Trades || memory.shows_trades;
                let told_of = [is_shown.then_some(channel), is_built.then_some(Channel::Candles)];
                for channel in told_of.into_iter().flatten() {
                    memory.statuses.set(channel, interval, status);
                    let body = EventBody::StreamState(channel, interval, status);
                    told(&Event { instrument: tick.instrument, seq: 0, stamp, body });
                }
            }
            _ => {
                let index = tick.instrument.index();
                let Some(memory) = self.memories.get_mut(index) else { return };
                let date = self.feeds[exchange as usize].date;
                memory.apply(&mut self.histories, &tick.body, stamp, date, &mut told);
                if matches!(tick.body, Body::Trade { .. } | Body::CandleVolume { .. }) {
                    self.candle_ends[index] = memory.candles.next_close();
                    self.candle_counts.add(memory.candles.take_counts());
                }
            }
        }
    }

    /// What concerns a whole feed.
    fn apply_feed(
        &mut self,
        exchange: ExchangeId,
        tick: &Tick,
        stamp: Stamp,
        told: &mut impl FnMut(&Event<'_>),
    ) {
        let feed = &mut self.feeds[exchange as usize];
        match tick.body {
            Body::FeedState { state, reason, line, attempt } => {
                let since = stamp.received;
                let status = FeedStatus { exchange, line, state, reason, attempt, since };
                match feed.lines.iter_mut().find(|known| known.line == line) {
                    Some(known) => *known = status,
                    None => feed.lines.push(status),
                }
                let body = EventBody::FeedState(status);
                told(&Event { instrument: InstrumentId::NONE, seq: 0, stamp, body });
            }
            // Before every end where it is unknown.
            Body::Time { date } => {
                feed.date = date;
                for (memory, end) in self.memories.iter_mut().zip(&mut self.candle_ends) {
                    if *end <= date.0 && memory.exchange == exchange {
                        memory.close_until(&mut self.histories, date.0, told);
                        *end = memory.candles.next_close();
                    }
                }
            }
            _ => {}
        }
    }

    /// The newest number of a stream; 0 before its first event.
    pub fn seq(&self, instrument: InstrumentId, stream: Stream) -> u64 {
        self.memory(instrument).map_or(0, |memory| memory.seq(stream))
    }

    /// The newest event of a stream, which gives a client the present state. Of a book it is a
    /// snapshot of full depth. `None` when nothing came yet.
    pub fn newest(&self, instrument: InstrumentId, stream: Stream) -> Option<Event<'_>> {
        self.memory(instrument)?.newest(stream)
    }

    /// The book as a snapshot event, to a depth; `None` when none came yet. Its state is apart.
    pub fn book_snapshot(
        &self,
        instrument: InstrumentId,
        depth: Option<usize>,
    ) -> Option<Event<'_>> {
        self.memory(instrument)?.shelf.snapshot(instrument, depth)
    }

    /// The book itself.
    pub fn book(&self, instrument: InstrumentId) -> Option<&Book> {
        Some(self.memory(instrument)?.shelf.book())
    }

    /// What is known of the book: resyncing until told otherwise.
    pub fn book_status(&self, instrument: InstrumentId) -> Option<BookStatus> {
        Some(self.memory(instrument)?.shelf.status())
    }

    /// What is known of another channel than the book, of candles of those of an interval; `None`
    /// while nothing was ever said of it, which is how it stays where the exchange serves it. Without
    /// an interval it is what is known of the channel as a whole.
    pub fn stream_status(
        &self,
        instrument: InstrumentId,
        channel: Channel,
        interval: Option<Interval>,
    ) -> Option<BookStatus> {
        self.memory(instrument)?.statuses.of(channel, interval)
    }

    /// How an exchange lists an instrument is something else from now on.
    pub fn set_listed(&mut self, instrument: InstrumentId, status: ListedStatus) {
        if let Some(memory) = self.memories.get_mut(instrument.index()) {
            memory.listed = Some(status);
        }
    }

    /// How its exchange lists an instrument; `None` while that was always as it should be.
    pub fn listed_status(&self, instrument: InstrumentId) -> Option<ListedStatus> {
        self.memory(instrument)?.listed
    }

    /// The newest state of each connection to an exchange.
    pub fn feed_statuses(&self, exchange: ExchangeId) -> &[FeedStatus] {
        &self.feeds[exchange as usize].lines
    }

    /// One more subscription follows the best `depth` levels: from now on each event of the book
    /// that changes them is told for that depth too. To be paired with [`Cache::close_view`].
    pub fn open_view(&mut self, instrument: InstrumentId, depth: usize) {
        if let Some(memory) = self.memories.get_mut(instrument.index()) {
            memory.shelf.open_view(depth);
        }
    }

    /// One subscription less.
    pub fn close_view(&mut self, instrument: InstrumentId, depth: usize) {
        if let Some(memory) = self.memories.get_mut(instrument.index()) {
            memory.shelf.close_view(depth);
        }
    }

    /// Whether everything of a stream after `seq` is held, so that a client can resume there.
    /// False for a number that was not reached yet.
    pub fn holds_since(&self, instrument: InstrumentId, stream: Stream, seq: u64) -> bool {
        let held = |memory: &Memory| memory.holds_since(&self.histories, stream, seq);
        self.memory(instrument).is_some_and(held)
    }

    /// Tells what is held of a stream after `seq`, oldest first.
    ///
    /// Of candles only the closed ones and the open one are held; the numbers between them were
    /// updates that they replace. Gaps come as events.
    pub fn since(
        &self,
        instrument: InstrumentId,
        stream: Stream,
        seq: u64,
        mut told: impl FnMut(&Event<'_>),
    ) {
        if let Some(memory) = self.memory(instrument) {
            memory.since(&self.histories, stream, seq, &mut told);
        }
    }

    /// Bytes of memory that histories hold, at most [`HistoryBounds::bytes`].
    pub const fn history_bytes(&self) -> usize {
        self.histories.bytes()
    }

    /// Events that gave way because all histories together had reached their bytes; those that
    /// gave way to [`HistoryBounds::events`] of their own stream are not among them.
    pub const fn history_evicted(&self) -> u64 {
        self.histories.evicted()
    }

    /// What happened to the candles of all instruments.
    pub const fn candle_counts(&self) -> CandleCounts {
        self.candle_counts
    }

    /// Levels that no book could take, over all instruments. The feed proves books within the
    /// same bounds, so this stays 0.
    pub fn levels_refused(&self) -> u64 {
        self.memories.iter().map(|memory| memory.shelf.refused()).sum()
    }

    #[inline]
    fn memory(&self, instrument: InstrumentId) -> Option<&Memory> {
        self.memories.get(instrument.index())
    }
}
