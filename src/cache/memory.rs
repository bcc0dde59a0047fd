//! Everything that is remembered of one instrument.

use super::candles::{CandleSource, Candles};
use super::event::{BookEvent, BookLevels, Event, EventBody, Gap, Stamp, Stream};
use super::history::{History, Record};
use super::shelf::BookShelf;
use crate::book::BookKind;
use crate::instrument::{Channel, ExchangeId, InstrumentId};
use crate::tick::{Body, Candle, Interval, Level, LevelFlags, Reason, Ticker};

/// One numbered stream of events that each stand in one record, or in three for tickers.
#[derive(Clone, Debug)]
struct Log {
    seq: u64,
    history: History<Record>,
}

impl Log {
    const fn new(capacity: usize) -> Self {
        Self { seq: 0, history: History::new(capacity) }
    }

    /// Numbers the next event.
    #[inline]
    fn next(&mut self, stamp: Stamp, bodies: &[Body]) -> Record {
        self.seq += 1;
        let mut record = Record { seq: self.seq, stamp, body: Body::Time { date: stamp.received } };
        for &body in bodies {
            record.body = body;
            self.history.push(record);
        }
        record
    }

    /// Numbers `missed` events as missing, and remembers the hole.
    fn miss(&mut self, stream: Stream, missed: u64, reason: Reason, stamp: Stamp) -> Gap {
        let from_seq = self.seq + 1;
        self.seq = self.seq.saturating_add(missed);
        let body = Body::Gap { channel: stream.channel(), reason, missed };
        self.history.push(Record { seq: self.seq, stamp, body });
        Gap { stream, from_seq, to_seq: self.seq, reason }
    }
}

/// The memory of one instrument. Its streams are numbered apart.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    instrument: InstrumentId,
    pub(super) exchange: ExchangeId,
    trades: Log,
    trade: Option<Record>,
    quotes: Log,
    quote: Option<Record>,
    tickers: Log,
    ticker: Ticker,
    ticker_stamp: Option<(u64, Stamp)>,
    /// A ticker whose last tick did not come yet, with the ticks as they came.
    ticker_forming: Ticker,
    ticker_bodies: [Body; 3],
    candle_prices: Option<Body>,
    pub(super) candles: Candles,
    pub(super) shelf: BookShelf,
}

impl Memory {
    pub(super) fn new(
        instrument: InstrumentId,
        exchange: ExchangeId,
        (history_events, candle_source): (usize, CandleSource),
    ) -> Self {
        Self {
            instrument,
            exchange,
            trades: Log::new(history_events),
            trade: None,
            quotes: Log::new(history_events),
            quote: None,
            // A ticker takes three records.
            tickers: Log::new(history_events.saturating_mul(3)),
            ticker: Ticker::default(),
            ticker_stamp: None,
            ticker_forming: Ticker::default(),
            ticker_bodies: Ticker::default().bodies(),
            candle_prices: None,
            candles: Candles::new(history_events, candle_source),
            shelf: BookShelf::new(history_events),
        }
    }

    /// Remembers one tick of this instrument and tells the events that it completes. States of
    /// the book and of the feed are not among them.
    #[inline]
    pub(super) fn apply(&mut self, body: &Body, stamp: Stamp, told: &mut impl FnMut(&Event<'_>)) {
        match *body {
            Body::Trade { .. } => self.trade(body, stamp, told),
            Body::Quote { .. } => {
                let record = self.quotes.next(stamp, &[*body]);
                self.quote = Some(record);
                tell_record(self.instrument, &record, told);
            }
            Body::Level { .. } => {
                if let Some(level) = body.level() {
                    self.shelf.level(self.instrument, stamp, level, told);
                }
            }
            Body::TickerPrices { .. } | Body::TickerChange { .. } | Body::TickerVolumes { .. } => {
                self.ticker(body, stamp, told);
            }
            Body::CandlePrices { .. } => self.candle_prices = Some(*body),
            Body::CandleVolume { .. } => {
                let prices = self.candle_prices.take();
                let candle = prices.and_then(|prices| Candle::join(&prices, body));
                if let Some(candle) = candle {
                    self.candles.take(&candle, stamp, &mut told_candles(self.instrument, told));
                }
            }
            Body::Gap { channel, reason, missed } => {
                self.miss(channel, missed.max(1), reason, stamp, told);
            }
            Body::BookState { .. } | Body::FeedState { .. } | Body::Time { .. } => {}
        }
    }

    fn trade(&mut self, body: &Body, stamp: Stamp, told: &mut impl FnMut(&Event<'_>)) {
        let record = self.trades.next(stamp, &[*body]);
        self.trade = Some(record);
        let Some(trade) = body.trade() else { return };
        let body = EventBody::Trade(trade);
        told(&Event { instrument: self.instrument, seq: record.seq, stamp, body });
        self.candles.trade(&trade, stamp, &mut told_candles(self.instrument, told));
    }

    fn ticker(&mut self, body: &Body, stamp: Stamp, told: &mut impl FnMut(&Event<'_>)) {
        let place = match body {
            Body::TickerPrices { .. } => 0,
            Body::TickerChange { .. } => 1,
            _ => 2,
        };
        self.ticker_bodies[place] = *body;
        if !self.ticker_forming.absorb(body) {
            return;
        }
        self.ticker = self.ticker_forming;
        let record = self.tickers.next(stamp, &self.ticker_bodies);
        self.ticker_stamp = Some((record.seq, stamp));
        let body = EventBody::Ticker(&self.ticker);
        told(&Event { instrument: self.instrument, seq: record.seq, stamp, body });
    }

    fn miss(
        &mut self,
        channel: Channel,
        missed: u64,
        reason: Reason,
        stamp: Stamp,
        told: &mut impl FnMut(&Event<'_>),
    ) {
        let instrument = self.instrument;
        let mut tell = |gap: Gap| {
            told(&Event { instrument, seq: gap.to_seq, stamp, body: EventBody::Gap(gap) });
        };
        match channel {
            Channel::Trades => tell(self.trades.miss(Stream::Trades, missed, reason, stamp)),
            Channel::Quotes => tell(self.quotes.miss(Stream::Quotes, missed, reason, stamp)),
            Channel::Ticker => tell(self.tickers.miss(Stream::Ticker, missed, reason, stamp)),
            Channel::Orderbook => tell(self.shelf.miss(missed, reason)),
            Channel::Candles => self.candles.miss(missed, |interval, from_seq, to_seq| {
                tell(Gap { stream: Stream::Candles(interval), from_seq, to_seq, reason });
            }),
            Channel::Status => {}
        }
    }

    /// Closes the candles that ended at `until` or before, in nanoseconds since the epoch.
    pub(super) fn close_until(&mut self, until: i64, told: &mut impl FnMut(&Event<'_>)) {
        self.candles.close_until(until, &mut told_candles(self.instrument, told));
    }

    pub(super) fn seq(&self, stream: Stream) -> u64 {
        match stream {
            Stream::Trades => self.trades.seq,
            Stream::Quotes => self.quotes.seq,
            Stream::Ticker => self.tickers.seq,
            Stream::Orderbook => self.shelf.seq(),
            Stream::Candles(interval) => self.candles.seq(interval),
        }
    }

    /// The newest event of a stream: what a client that has nothing needs to have the present
    /// state. Of the book it is the whole.
    pub(super) fn newest(&self, stream: Stream) -> Option<Event<'_>> {
        let instrument = self.instrument;
        let (seq, stamp, body) = match stream {
            Stream::Trades => {
                let record = self.trade.as_ref()?;
                (record.seq, record.stamp, EventBody::Trade(record.body.trade()?))
            }
            Stream::Quotes => {
                let record = self.quote.as_ref()?;
                (record.seq, record.stamp, EventBody::Quote(record.body.quote()?))
            }
            Stream::Ticker => {
                let (seq, stamp) = self.ticker_stamp?;
                (seq, stamp, EventBody::Ticker(&self.ticker))
            }
            Stream::Orderbook => return self.shelf.snapshot(instrument, None),
            Stream::Candles(interval) => {
                let (seq, stamp, candle) = self.candles.newest(interval)?;
                (seq, stamp, EventBody::Candle(candle))
            }
        };
        Some(Event { instrument, seq, stamp, body })
    }

    pub(super) fn holds_since(&self, stream: Stream, seq: u64) -> bool {
        match self.records(stream) {
            Ok(history) => seq <= self.seq(stream) && history.holds_since(seq),
            Err(interval) => self.candles.holds_since(interval, seq),
        }
    }

    pub(super) fn holds_all(&self, stream: Stream) -> bool {
        match self.records(stream) {
            Ok(history) => history.holds_all(),
            Err(interval) => self.candles.holds_all(interval),
        }
    }

    /// Tells the events of a stream with a number above `seq` that are held, oldest first.
    pub(super) fn since(&self, stream: Stream, seq: u64, told: &mut impl FnMut(&Event<'_>)) {
        match self.records(stream) {
            Ok(history) => tell_records(self.instrument, history.since(seq), told),
            Err(interval) => {
                let mut tell = told_candles(self.instrument, told);
                self.candles.since(interval, seq).for_each(|(seq, stamp, candle)| {
                    tell(seq, stamp, candle);
                });
            }
        }
    }

    /// The history of a stream that is made of records, or the interval of one that is not.
    fn records(&self, stream: Stream) -> Result<&History<Record>, Interval> {
        match stream {
            Stream::Trades => Ok(&self.trades.history),
            Stream::Quotes => Ok(&self.quotes.history),
            Stream::Ticker => Ok(&self.tickers.history),
            Stream::Orderbook => Ok(self.shelf.history()),
            Stream::Candles(interval) => Err(interval),
        }
    }
}

/// Makes events of candles.
#[inline]
fn told_candles(
    instrument: InstrumentId,
    told: &mut impl FnMut(&Event<'_>),
) -> impl FnMut(u64, Stamp, &Candle) {
    move |seq, stamp, candle| {
        told(&Event { instrument, seq, stamp, body: EventBody::Candle(candle) });
    }
}

/// Tells an event that is one record.
#[inline]
fn tell_record(instrument: InstrumentId, record: &Record, told: &mut impl FnMut(&Event<'_>)) {
    let seq = record.seq;
    let body = match record.body {
        Body::Trade { .. } => record.body.trade().map(EventBody::Trade),
        Body::Quote { .. } => record.body.quote().map(EventBody::Quote),
        Body::Gap { channel, reason, missed } => {
            // Candles and books keep no gaps in their histories, so the interval has no meaning.
            Stream::of(channel, Interval::Second1).map(|stream| {
                let from_seq = seq - missed.min(seq) + 1;
                EventBody::Gap(Gap { stream, from_seq, to_seq: seq, reason })
            })
        }
        _ => None,
    };
    if let Some(body) = body {
        told(&Event { instrument, seq, stamp: record.stamp, body });
    }
}

/// Puts records together to the events that they were, and tells them.
fn tell_records<'a>(
    instrument: InstrumentId,
    records: impl Iterator<Item = &'a Record>,
    told: &mut impl FnMut(&Event<'_>),
) {
    let mut ticker = Ticker::default();
    let mut levels: Vec<Level> = Vec::new();
    let mut records = records.peekable();
    while let Some(record) = records.next() {
        let (seq, stamp) = (record.seq, record.stamp);
        let body = match record.body.level() {
            Some((level, flags)) => {
                if !flags.has(LevelFlags::EMPTY) {
                    levels.push(level);
                }
                if records.peek().is_some_and(|next| next.seq == seq) {
                    continue;
                }
                let levels = BookLevels::Listed(&levels);
                let kind = BookKind::Delta;
                EventBody::Book(BookEvent { kind, depth: None, conflated: 0, levels })
            }
            None if ticker.absorb(&record.body) => EventBody::Ticker(&ticker),
            None => {
                tell_record(instrument, record, told);
                continue;
            }
        };
        told(&Event { instrument, seq, stamp, body });
        levels.clear();
    }
}
