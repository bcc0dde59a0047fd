//! Everything that is remembered of one instrument.

use super::CandleSources;
use super::candles::{CandleSource, Candles, Happened};
use super::event::{
    BookEvent, BookLevels, BookStatus, Event, EventBody, Gap, ListedStatus, Stamp, Stream,
};
use super::histories::Histories;
use super::packed::Record;
use super::shelf::BookShelf;
use super::statuses::Statuses;
use crate::book::BookKind;
use crate::clock::UnixNanos;
use crate::instrument::{Channel, ExchangeId, InstrumentId};
use crate::limits::{SEQ_WIDE_HOLES_UNTIL, TRADES_MISSED_MAX};
use crate::tick::{
    Body, BookState, Candle, DatedAhead, Interval, Level, LevelFlags, Reason, Ticker,
};

/// One numbered stream of events that each stand in one record, or in three for tickers. What it
/// remembers stands in the histories.
#[derive(Clone, Copy, Debug)]
struct Log {
    instrument: InstrumentId,
    stream: Stream,
    seq: u64,
}

impl Log {
    /// Numbers the next event.
    #[inline]
    fn next(&mut self, histories: &mut Histories, stamp: Stamp, bodies: &[Body]) -> Record {
        self.seq += 1;
        let mut record = Record { seq: self.seq, stamp, body: Body::Time { date: stamp.received } };
        for &body in bodies {
            record.body = body;
            histories.push(self.instrument, self.stream, &record);
        }
        record
    }

    /// Numbers `missed` events as missing, and remembers the hole.
    fn miss(
        &mut self,
        histories: &mut Histories,
        missed: u64,
        reason: Reason,
        stamp: Stamp,
    ) -> Gap {
        let from_seq = self.seq + 1;
        self.seq = number_after(self.seq, missed);
        let (stream, to_seq) = (self.stream, self.seq);
        let missed = to_seq - from_seq + 1;
        let body = Body::Gap { channel: stream.channel(), reason, missed };
        histories.push(self.instrument, stream, &Record { seq: to_seq, stamp, body });
        Gap { stream, from_seq, to_seq, reason }
    }
}

/// The number with which a hole of so many events ends. Numbers are ours: whatever an exchange
/// counts, they stay far below 2^53, up to where JSON's readers tell them apart. A hole that no
/// market makes is of unknown size, and one number wide.
pub(super) const fn number_after(seq: u64, missed: u64) -> u64 {
    let is_known = missed <= TRADES_MISSED_MAX && seq < SEQ_WIDE_HOLES_UNTIL;
    seq + if is_known { missed } else { 1 }
}

/// The memory of one instrument. Its streams are numbered apart.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    pub(super) instrument: InstrumentId,
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
    /// States of the other channels, as far as any was told.
    pub(super) statuses: Statuses,
    /// Its streams are asked for at present.
    is_carried: bool,
    /// Its trades are carried to clients; else they make candles alone, and are not numbered.
    pub(super) shows_trades: bool,
    /// How its exchange lists it, where that was ever worth a word.
    pub(super) listed: Option<ListedStatus>,
}

impl Memory {
    pub(super) fn new(
        instrument: InstrumentId,
        exchange: ExchangeId,
        candle_source: CandleSource,
        hides_trades: bool,
    ) -> Self {
        let log = |stream| Log { instrument, stream, seq: 0 };
        Self {
            instrument,
            exchange,
            trades: log(Stream::Trades),
            trade: None,
            quotes: log(Stream::Quotes),
            quote: None,
            tickers: log(Stream::Ticker),
            ticker: Ticker::default(),
            ticker_stamp: None,
            ticker_forming: Ticker::default(),
            ticker_bodies: Ticker::default().bodies(),
            candle_prices: None,
            candles: Candles::new(candle_source),
            shelf: BookShelf::new(),
            statuses: Statuses::default(),
            is_carried: true,
            shows_trades: !hides_trades,
            listed: None,
        }
    }

    /// Says whether it is carried. States of its streams from before it was left are forgotten when
    /// it is carried again.
    pub(super) fn set_carried(&mut self, is_carried: bool, hides_trades: bool) {
        if is_carried && !self.is_carried {
            self.shows_trades = !hides_trades;
            self.statuses = Statuses::default();
            self.shelf.set_status(BookStatus::UNKNOWN);
        }
        self.is_carried = is_carried;
    }

    /// Says who makes the candles from now on, by exchange.
    pub(super) fn set_candle_source(&mut self, sources: &CandleSources) {
        self.candles.set_source(sources[self.exchange as usize]);
    }

    /// Remembers one tick of this instrument and tells the events that it completes. States of
    /// the book and of the feed are not among them. `date` is the exchange's, where it is known.
    #[inline]
    pub(super) fn apply(
        &mut self,
        histories: &mut Histories,
        body: &Body,
        stamp: Stamp,
        date: UnixNanos,
        told: &mut impl FnMut(&Event<'_>),
    ) {
        match *body {
            Body::Trade { ahead, .. } => {
                let time = ahead.time_for_candles(stamp.time());
                let happened = time.map(|time| match ahead {
                    DatedAhead::NO => Happened::At(time.0),
                    _ => Happened::By(time.0),
                });
                self.trade(histories, body, stamp, (happened, date), told);
            }
            Body::Quote { .. } => {
                let record = self.quotes.next(histories, stamp, &[*body]);
                self.quote = Some(record);
                tell_record(self.instrument, Stream::Quotes, &record, told);
            }
            Body::Level { .. } => {
                if let Some(level) = body.level() {
                    self.shelf.level(self.instrument, histories, stamp, level, told);
                }
            }
            Body::TickerPrices { .. } | Body::TickerChange { .. } | Body::TickerVolumes { .. } => {
                self.ticker(histories, body, stamp, told);
            }
            Body::CandlePrices { .. } => self.candle_prices = Some(*body),
            Body::CandleVolume { .. } => {
                let prices = self.candle_prices.take();
                let candle = prices.and_then(|prices| Candle::join(&prices, body));
                if let Some(candle) = candle {
                    let told = &mut remembered_candles(self.instrument, histories, told);
                    self.candles.take(&candle, stamp, date, told);
                }
            }
            Body::Gap { channel, reason, missed } => {
                self.miss(histories, (channel, missed.max(1), reason), stamp, told);
            }
            Body::Unheard { channel: Channel::Trades } => {
                self.candles.fall_silent(CandleSource::Trades, None);
            }
            Body::Unheard { channel: Channel::Candles } => {
                self.candles.fall_silent(CandleSource::Exchange, None);
            }
            Body::TradesShown { shown } => self.show_trades(histories, shown, stamp, told),
            Body::Unheard { .. }
            | Body::BookState { .. }
            | Body::StreamState { .. }
            | Body::FeedState { .. }
            | Body::Time { .. } => {}
        }
    }

    fn trade(
        &mut self,
        histories: &mut Histories,
        body: &Body,
        stamp: Stamp,
        (happened, date): (Option<Happened>, UnixNanos),
        told: &mut impl FnMut(&Event<'_>),
    ) {
        let Some(trade) = body.trade() else { return };
        // Binance's futures tell trades that never were a market's with a price of 0 (`X` is `NA`).
        let is_nothing = trade.price.mantissa() == 0 || trade.size.mantissa() == 0;
        if self.shows_trades {
            let record = self.trades.next(histories, stamp, &[*body]);
            self.trade = Some(record);
            let body = EventBody::Trade(trade);
            told(&Event { instrument: self.instrument, seq: record.seq, stamp, body });
        }
        if is_nothing {
            return;
        }
        let Some(happened) = happened else {
            // Nobody knows to which candle it belongs.
            return self.candles.lose(CandleSource::Trades);
        };
        let told = &mut remembered_candles(self.instrument, histories, told);
        self.candles.trade(&trade, (happened, date), stamp, told);
    }

    /// Trades of which candles are made all along are carried to clients from now on, or are not any
    /// more: those who follow them are told as of any other channel.
    #[cold]
    fn show_trades(
        &mut self,
        histories: &mut Histories,
        shown: bool,
        stamp: Stamp,
        told: &mut impl FnMut(&Event<'_>),
    ) {
        if shown == self.shows_trades {
            return;
        }
        self.shows_trades = shown;
        let instrument = self.instrument;
        let since = stamp.received;
        let (state, reason) = match self.statuses.of(Channel::Candles, None) {
            _ if !shown => (BookState::Stale, Reason::Configuration),
            // Candles that are made of them were there as long as they were.
            Some(candles) if self.candles.are_built() => (candles.state, candles.reason),
            Some(_) | None => (BookState::Live, Reason::None),
        };
        if !shown {
            self.trade = None;
            let gap = self.trades.miss(histories, 1, reason, stamp);
            told(&Event { instrument, seq: gap.to_seq, stamp, body: EventBody::Gap(gap) });
        }
        let status = BookStatus { state, reason, since };
        self.statuses.set(Channel::Trades, None, status);
        let body = EventBody::StreamState(Channel::Trades, None, status);
        told(&Event { instrument, seq: 0, stamp, body });
    }

    fn ticker(
        &mut self,
        histories: &mut Histories,
        body: &Body,
        stamp: Stamp,
        told: &mut impl FnMut(&Event<'_>),
    ) {
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
        let record = self.tickers.next(histories, stamp, &self.ticker_bodies);
        self.ticker_stamp = Some((record.seq, stamp));
        let body = EventBody::Ticker(&self.ticker);
        told(&Event { instrument: self.instrument, seq: record.seq, stamp, body });
    }

    fn miss(
        &mut self,
        histories: &mut Histories,
        (channel, missed, reason): (Channel, u64, Reason),
        stamp: Stamp,
        told: &mut impl FnMut(&Event<'_>),
    ) {
        let instrument = self.instrument;
        let is_left = reason.is_of_leaving();
        if is_left {
            self.leave(histories, channel, None, told);
        }
        let mut tell = |gap: Gap| {
            told(&Event { instrument, seq: gap.to_seq, stamp, body: EventBody::Gap(gap) });
        };
        match channel {
            Channel::Trades => {
                if self.shows_trades {
                    tell(self.trades.miss(histories, missed, reason, stamp));
                }
                self.candles.lose(CandleSource::Trades);
                // With what they are made of they are carried no more.
                if is_left && self.candles.are_built() {
                    self.miss(histories, (Channel::Candles, 1, reason), stamp, told);
                }
            }
            Channel::Quotes => tell(self.quotes.miss(histories, missed, reason, stamp)),
            Channel::Ticker => tell(self.tickers.miss(histories, missed, reason, stamp)),
            // A book without its changes is worth nothing: what is missing ends its history.
            Channel::Orderbook => {
                let gap = self.shelf.miss(missed, reason);
                histories.forget(instrument, gap.stream, gap.to_seq);
                tell(gap);
            }
            Channel::Candles => self.candles.miss(missed, |interval, from_seq, to_seq| {
                let stream = Stream::Candles(interval);
                let missed = to_seq - from_seq + 1;
                let body = Body::Gap { channel, reason, missed };
                histories.push(instrument, stream, &Record { seq: to_seq, stamp, body });
                tell(Gap { stream, from_seq, to_seq, reason });
            }),
            Channel::Status => {}
        }
    }

    /// A channel, or candles of one length, are not carried any more: what was told last is no
    /// present state, and candles that are open end.
    #[cold]
    pub(super) fn leave(
        &mut self,
        histories: &mut Histories,
        channel: Channel,
        interval: Option<Interval>,
        told: &mut impl FnMut(&Event<'_>),
    ) {
        let source = match channel {
            Channel::Trades => {
                self.trade = None;
                CandleSource::Trades
            }
            Channel::Candles => CandleSource::Exchange,
            Channel::Quotes => return self.quote = None,
            Channel::Ticker => return self.ticker_stamp = None,
            Channel::Orderbook => return self.shelf.leave(),
            Channel::Status => return,
        };
        let told = &mut remembered_candles(self.instrument, histories, told);
        self.candles.leave(source, interval, told);
    }

    /// Closes the candles that are to be closed at that date of the exchange, in nanoseconds since
    /// the epoch.
    pub(super) fn close_until(
        &mut self,
        histories: &mut Histories,
        date: i64,
        told: &mut impl FnMut(&Event<'_>),
    ) {
        let told = &mut remembered_candles(self.instrument, histories, told);
        self.candles.close_until(date, told);
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

    /// Whether everything of a stream with a number above `seq` is held.
    pub(super) fn holds_since(&self, histories: &Histories, stream: Stream, seq: u64) -> bool {
        seq <= self.seq(stream) && histories.holds_since(self.instrument, stream, seq)
    }

    /// Tells the events of a stream with a number above `seq` that are held, oldest first; of
    /// candles those that are closed, and the open one in its newest state.
    pub(super) fn since(
        &self,
        histories: &Histories,
        stream: Stream,
        seq: u64,
        told: &mut impl FnMut(&Event<'_>),
    ) {
        let instrument = self.instrument;
        let tell = |after: u64, until: u64, told: &mut _| {
            let records = histories.since(instrument, stream, after);
            tell_records((instrument, stream), records.take_while(|one| one.seq < until), told);
        };
        let open = stream.interval().and_then(|interval| self.candles.open(interval));
        let Some((open_seq, stamp, candle)) = open.filter(|&(open_seq, ..)| open_seq > seq) else {
            return tell(seq, u64::MAX, told);
        };
        tell(seq, open_seq, told);
        let body = EventBody::Candle(candle);
        told(&Event { instrument, seq: open_seq, stamp, body });
        // Corrections of those before it.
        tell(open_seq, u64::MAX, told);
    }
}

impl Memory {
    /// Tells the events of a stream, candles apart, with a number above `after` and not above
    /// `until`, oldest first, from about so many records: an event is told whole. Returns the
    /// number read last; `None` when nothing was left to read.
    pub(super) fn since_some(
        &self,
        histories: &Histories,
        stream: Stream,
        (after, until, most): (u64, u64, usize),
        told: &mut impl FnMut(&Event<'_>),
    ) -> Option<u64> {
        let (mut last, mut count) = (None, 0);
        let records = histories.since(self.instrument, stream, after).take_while(|record| {
            let goes_on = record.seq <= until && (count < most || last == Some(record.seq));
            if goes_on {
                (last, count) = (Some(record.seq), count + 1);
            }
            goes_on
        });
        tell_records((self.instrument, stream), records, told);
        last
    }
}

/// Makes events of candles, and remembers those that are closed.
#[inline]
fn remembered_candles(
    instrument: InstrumentId,
    histories: &mut Histories,
    told: &mut impl FnMut(&Event<'_>),
) -> impl FnMut(u64, Stamp, &Candle) {
    move |seq, stamp, candle| {
        if candle.closed {
            let stream = Stream::Candles(candle.interval);
            for body in candle.bodies() {
                histories.push(instrument, stream, &Record { seq, stamp, body });
            }
        }
        told(&Event { instrument, seq, stamp, body: EventBody::Candle(candle) });
    }
}

/// Tells an event that is one record.
#[inline]
fn tell_record(
    instrument: InstrumentId,
    stream: Stream,
    record: &Record,
    told: &mut impl FnMut(&Event<'_>),
) {
    let seq = record.seq;
    let body = match record.body {
        Body::Trade { .. } => record.body.trade().map(EventBody::Trade),
        Body::Quote { .. } => record.body.quote().map(EventBody::Quote),
        Body::Gap { reason, missed, .. } => {
            let from_seq = seq - missed.min(seq) + 1;
            Some(EventBody::Gap(Gap { stream, from_seq, to_seq: seq, reason }))
        }
        _ => None,
    };
    if let Some(body) = body {
        told(&Event { instrument, seq, stamp: record.stamp, body });
    }
}

/// Puts records together to the events that they were, and tells them.
fn tell_records(
    (instrument, stream): (InstrumentId, Stream),
    records: impl Iterator<Item = Record>,
    told: &mut impl FnMut(&Event<'_>),
) {
    let mut ticker = Ticker::default();
    let mut prices = None;
    let mut candle;
    let mut levels: Vec<Level> = Vec::new();
    let mut records = records.peekable();
    while let Some(record) = records.next() {
        let (seq, stamp) = (record.seq, record.stamp);
        let body = match record.body {
            Body::Level { .. } => {
                let level = record.body.level();
                levels.extend(
                    level
                        .filter(|(_, flags)| !flags.has(LevelFlags::EMPTY))
                        .map(|(level, _)| level),
                );
                if records.peek().is_some_and(|next| next.seq == seq) {
                    continue;
                }
                let levels = BookLevels::Listed(&levels);
                let kind = BookKind::Delta;
                EventBody::Book(BookEvent { kind, depth: None, conflated: 0, levels })
            }
            Body::CandlePrices { .. } => {
                prices = Some(record.body);
                continue;
            }
            Body::CandleVolume { .. } => {
                let prices = prices.take();
                candle = prices.and_then(|prices| Candle::join(&prices, &record.body));
                let Some(candle) = &candle else { continue };
                EventBody::Candle(candle)
            }
            _ if ticker.absorb(&record.body) => EventBody::Ticker(&ticker),
            _ => {
                tell_record(instrument, stream, &record, told);
                continue;
            }
        };
        told(&Event { instrument, seq, stamp, body });
        levels.clear();
    }
}
