//! `tickwire decode`: a recorded capture as normalised events, one JSON a line, or its totals.
//!
//! Frames go through the adapter's parser and the feed's [`Books`], as they would in a feed; only
//! the socket and the clock are missing. Instruments are learned from the frames. A recorded
//! answer to a snapshot request is handed over as soon as the stream has reached it, since a
//! capture does not tell when it arrived.

mod lines;
mod rest;
mod summary;

pub use summary::{BookEnd, BookTotals, Checksums, Counts, Sum, Summary, TradeTotals};

use std::collections::HashSet;
use std::io::{self, BufRead, Write};
use std::path::PathBuf;

use arrayvec::ArrayString;
use tracing::warn;

use crate::book::Resting;
use crate::capture::{CaptureError, CaptureLine, CaptureReader, Direction};
use crate::clock::{MonoNanos, UnixNanos};
use crate::exchange::{
    Batch, BookKind, BookUpdate, Exchange, Frame, Loss, Origin, Profile, Rejected, RestError,
    SequencedTick, adapter, profile,
};
use crate::instrument::{
    Channel, ExchangeId, Instrument, InstrumentId, InstrumentTable, NativeMap,
};
use crate::json::PaddedFrame;
use crate::limits::FRAME_PADDING;
use crate::proof::{
    Applied, Books, ConnectionSequence, Joined, RecordedState, RecordedTrades, SequenceStep,
};
use crate::tick::{Body, BookState, Reason, Tick, Ticker};
use lines::{Note, TextLines};
use rest::{RestBodies, RestBody};

/// What to decode.
#[derive(Clone, Debug)]
pub struct DecodeOptions {
    /// Whose frames they are.
    pub exchange: ExchangeId,
    /// Files of recorded answers to snapshot requests.
    pub rest: Vec<PathBuf>,
    /// Print the totals instead of the events.
    pub summary: bool,
}

/// Why a capture cannot be decoded. A bad frame or line is none of these: it is told in the output.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The capture cannot be read on.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// The output cannot be written.
    #[error("the output cannot be written: {0}")]
    Output(#[from] io::Error),
    /// A file of `--rest` cannot be read.
    #[error("--rest {path}: {source}", path = path.display())]
    RestFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// `--rest` was given for an exchange whose books come in the stream.
    #[error("--rest: the books of {exchange} come in its stream; leave --rest out")]
    RestUnused {
        /// Which one.
        exchange: ExchangeId,
    },
    /// A file of `--rest` is no answer to a snapshot request.
    #[error("--rest {path}: {source}", path = path.display())]
    RestBody {
        /// The file.
        path: PathBuf,
        /// Why.
        source: RestError,
    },
}

/// Decodes a capture from `input` to `output`, and returns its totals. When the reader of the
/// output goes away (`| head`), decoding ends there, without an error.
///
/// # Errors
/// See [`DecodeError`].
pub fn run(
    options: &DecodeOptions,
    input: impl BufRead,
    output: impl Write,
) -> Result<Summary, DecodeError> {
    match decode(options, input, output) {
        Err(DecodeError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            Ok(Summary::default())
        }
        other => other,
    }
}

fn decode(
    options: &DecodeOptions,
    input: impl BufRead,
    mut output: impl Write,
) -> Result<Summary, DecodeError> {
    let mut decoder = Decoder::new(options)?;
    let mut reader = CaptureReader::new(input);
    let mut lines = TextLines::default();
    loop {
        match reader.read() {
            Ok(None) => break,
            Ok(Some(line)) if line.direction == Direction::Sent => {}
            Ok(Some(line)) => decoder.line(&line, &mut lines),
            Err(CaptureError::Malformed { line }) => {
                decoder.summary.counts.unknown += 1;
                lines.note(line, Note::Rejected("not a capture line"));
            }
            Err(error) => return Err(error.into()),
        }
        lines.flush(|text| if options.summary { Ok(()) } else { output.write_all(text) })?;
    }
    let summary = decoder.finish();
    if options.summary {
        serde_json::to_writer(&mut output, &summary).map_err(io::Error::from)?;
        output.write_all(b"\n")?;
    }
    output.flush()?;
    Ok(summary)
}

/// A capture on its way.
struct Decoder {
    exchange: Box<dyn Exchange>,
    profile: &'static Profile,
    table: InstrumentTable,
    /// Spellings seen, with their instruments.
    natives: Vec<(String, InstrumentId)>,
    /// Spellings seen, those that are no symbol included.
    seen: HashSet<String>,
    frame: Vec<u8>,
    batch: Batch,
    books: Books,
    /// Books of one level: quotes beside a whole book, as in a feed, and books where there is none.
    tops: Books,
    trades: RecordedTrades,
    rest: RestBodies,
    ticks: Vec<Tick>,
    sequence: ConnectionSequence,
    /// Changes of tickers and best prices that came before the whole of them.
    orphans: u64,
    summary: Summary,
}

impl Decoder {
    fn new(options: &DecodeOptions) -> Result<Self, DecodeError> {
        let profile = profile(options.exchange);
        Ok(Self {
            exchange: adapter(options.exchange),
            profile,
            table: InstrumentTable::default(),
            natives: Vec::new(),
            seen: HashSet::new(),
            frame: Vec::new(),
            batch: Batch::new(),
            books: Books::new(profile.book),
            tops: Books::new(profile.book),
            trades: RecordedTrades::new(profile),
            rest: RestBodies::read(profile, &options.rest)?,
            ticks: Vec::new(),
            sequence: ConnectionSequence::default(),
            orphans: 0,
            summary: Summary::default(),
        })
    }

    /// One received frame.
    fn line(&mut self, line: &CaptureLine<'_>, lines: &mut TextLines) {
        self.learn(line.frame, lines);
        self.frame.clear();
        self.frame.extend_from_slice(line.frame);
        self.frame.resize(line.frame.len() + FRAME_PADDING, 0);
        let frame = PaddedFrame::new(&mut self.frame, line.frame.len());
        let parsed = self.exchange.parse(frame, &mut self.batch);
        // Examples out of documentations state no time, and none follows another.
        let number = self.batch.connection_sequence.filter(|_| line.at.is_some());
        let step = number.map(|number| self.sequence.hear_recorded(number));
        if step.is_none() && parsed.is_err() {
            self.sequence.skip();
        }
        match step {
            Some(SequenceStep::Repeated) => {
                self.summary.counts.repeated += 1;
                return lines.repeated(line.number, None, None);
            }
            Some(SequenceStep::Gap { expected, found }) => {
                self.hole(line, found.saturating_sub(expected), lines);
            }
            Some(SequenceStep::Next) | None => {}
        }
        self.marks(line, lines);
        let counts = &mut self.summary.counts;
        let note = match parsed {
            Ok(Frame::Data { .. }) => return self.data(line, lines),
            Ok(Frame::Ack { .. } | Frame::Left { .. } | Frame::Subscribed(_)) => {
                counts.acks += 1;
                Note::Control("ack")
            }
            Ok(Frame::Heartbeat) => {
                counts.heartbeats += 1;
                Note::Control("heartbeat")
            }
            Ok(Frame::Status(_) | Frame::Shutdown) => {
                counts.status += 1;
                Note::Control("status")
            }
            Ok(Frame::Error { .. }) => {
                counts.errors += 1;
                Note::Control("error")
            }
            Ok(Frame::Listing(_) | Frame::Other) => {
                counts.other += 1;
                Note::Other
            }
            Err(rejected) => {
                counts.unknown += 1;
                if !self.batch.losses.is_empty() {
                    return self.losses(line, lines);
                }
                Note::Rejected(rejected.name())
            }
        };
        lines.note(line.number, note);
    }

    /// Frames before this one are missing: no book is what it was, unless the frame has it whole.
    fn hole(&mut self, line: &CaptureLine<'_>, missed: u64, lines: &mut TextLines) {
        self.summary.seq_gaps += 1;
        lines.gap(line.number, None, None, missed);
        for (id, _) in self.table.iter() {
            self.books.distrust(id, Reason::SequenceGap, &mut self.ticks);
        }
        self.tell(line, lines);
        self.batch.books.retain(|update| update.kind == BookKind::Snapshot);
    }

    /// What a frame says of the ids of trades beside them.
    fn marks(&mut self, line: &CaptureLine<'_>, lines: &mut TextLines) {
        for &mark in &self.batch.trade_marks {
            self.trades.mark(mark, moment(line), &mut self.ticks);
        }
        self.tell(line, lines);
    }

    /// Prints what waits to be told.
    fn tell(&mut self, line: &CaptureLine<'_>, lines: &mut TextLines) {
        // A capture without times says 0, and so do its events.
        let at = line.at.or(UnixNanos(0));
        for tick in self.ticks.drain(..) {
            match tick.body {
                Body::Gap { channel, missed, .. } => {
                    let native = native(&self.table, Some(tick.instrument));
                    lines.gap(line.number, Some(channel), native, missed);
                }
                _ => lines.tick(at, &tick),
            }
        }
    }

    /// What could not be read of a frame. A book of which an event is lost is none any more.
    fn losses(&mut self, line: &CaptureLine<'_>, lines: &mut TextLines) {
        for loss in &self.batch.losses {
            self.summary.counts.rejected_items += u64::from(loss.count);
            lines.loss(line.number, loss, native(&self.table, loss.instrument));
            if let (Some(instrument), Channel::Orderbook) = (loss.instrument, loss.channel) {
                self.books.distrust(instrument, Reason::Refused, &mut self.ticks);
            }
        }
        self.tell(line, lines);
    }

    /// Makes instruments of the symbols in a frame that were not seen before.
    fn learn(&mut self, frame: &[u8], lines: &mut TextLines) {
        let mut found: Vec<String> = Vec::new();
        let seen = &mut self.seen;
        self.exchange.symbols_in(frame, &mut |native| {
            if !seen.contains(native) {
                seen.insert(native.to_owned());
                found.push(native.to_owned());
            }
        });
        if found.is_empty() {
            return;
        }
        for native in found {
            if let Some(instrument) = self.instrument(&native) {
                match self.table.add(instrument) {
                    Ok(id) => {
                        lines.add(id, &instrument);
                        self.trades.cover(id.index() + 1);
                        self.natives.push((native, id));
                    }
                    Err(error) => warn!(native, %error, "the symbol is left out"),
                }
            }
        }
        let entries = self.natives.iter().map(|(native, id)| (native.as_str(), *id));
        self.exchange.set_instruments(NativeMap::new(entries));
    }

    fn instrument(&self, native: &str) -> Option<Instrument> {
        Some(Instrument {
            exchange: self.profile.exchange,
            symbol: (self.profile.canonical_symbol)(native)?,
            native: ArrayString::from(native).ok()?,
            tick_size: None,
            lot_size: None,
        })
    }

    /// A frame that put something into the batch.
    fn data(&mut self, line: &CaptureLine<'_>, lines: &mut TextLines) {
        self.orphans += u64::from(self.batch.orphans);
        self.events(line, lines);
        let length = self.batch.ticks.len();
        for index in 0..length {
            // Totals have a first and a last price, in the order of the wire.
            let index = if self.batch.newest_first { length - 1 - index } else { index };
            let SequencedTick { origin, tick, .. } = self.batch.ticks[index];
            match origin {
                Origin::Live => self.count(&tick),
                // Before the subscription: no event of the stream.
                Origin::Past => self.summary.counts.trades_snapshot += 1,
                // What it says stands in an event beside it.
                Origin::Derived => {}
            }
        }
        let updates = std::mem::take(&mut self.batch.books);
        for update in &updates {
            self.book(update);
            self.tell(line, lines);
        }
        self.batch.books = updates;
        if !self.batch.losses.is_empty() {
            self.losses(line, lines);
        }
    }

    /// Prints what stands in the batch outside of books, and takes out what is not told.
    fn events(&mut self, line: &CaptureLine<'_>, lines: &mut TextLines) {
        // Examples out of documentations state no time, are no market's, and none follows another.
        let is_session = line.at.is_some();
        let mut index = 0;
        while let Some(&sequenced) = self.batch.ticks.get(index) {
            let SequencedTick { origin, tick, .. } = sequenced;
            let name = native(&self.table, Some(tick.instrument));
            match tick.body {
                Body::Trade { .. } if is_session => {
                    let is_told = self.trades.trade(&sequenced, moment(line), &mut self.ticks);
                    self.tell(line, lines);
                    if !is_told && origin == Origin::Live {
                        let name = native(&self.table, Some(tick.instrument));
                        self.summary.counts.repeated += 1;
                        lines.repeated(line.number, Some(Channel::Trades), name);
                        self.batch.ticks.remove(index);
                        continue;
                    }
                }
                Body::CandlePrices { .. }
                    if is_session && !self.batch.is_possible_candle(index) =>
                {
                    let (instrument, channel) = (Some(tick.instrument), Channel::Candles);
                    let rejected = Rejected::Impossible;
                    let loss = Loss { rejected, instrument, channel, behind: index, count: 1 };
                    lines.loss(line.number, &loss, name);
                    self.summary.counts.rejected_items += 1;
                    self.batch.ticks.drain(index..index + 2);
                    continue;
                }
                Body::Quote { .. } | Body::TickerPrices { .. }
                    if is_session
                        && origin == Origin::Live
                        && !self.state(line, &sequenced, lines) =>
                {
                    let length = if matches!(tick.body, Body::Quote { .. }) { 1 } else { 3 };
                    self.batch.ticks.drain(index..index + length);
                    continue;
                }
                _ if origin == Origin::Live || self.is_top(&tick) => {
                    lines.tick(line.at.or(UnixNanos(0)), &tick);
                }
                // What it says stands in an event beside it.
                _ => {}
            }
            index += 1;
        }
    }

    /// Judges a quote or a ticker as a feed would; false when it is not told, which is.
    fn state(
        &mut self,
        line: &CaptureLine<'_>,
        state: &SequencedTick,
        lines: &mut TextLines,
    ) -> bool {
        let channel = match state.tick.body {
            Body::Quote { .. } => Channel::Quotes,
            _ => Channel::Ticker,
        };
        let name = native(&self.table, Some(state.tick.instrument));
        match self.trades.state(state, moment(line)) {
            RecordedState::Told => true,
            RecordedState::Anew => {
                lines.gap(line.number, Some(channel), name, 0);
                true
            }
            RecordedState::Repeated => {
                self.summary.counts.repeated += 1;
                lines.repeated(line.number, Some(channel), name);
                false
            }
        }
    }

    /// Whether it is the quote that a book of one level is told as, beside the whole one.
    fn is_top(&self, tick: &Tick) -> bool {
        let is_of = |book: &BookUpdate| book.depth == 1 && book.instrument == tick.instrument;
        matches!(tick.body, Body::Quote { .. })
            && self.books.state(tick.instrument).is_some()
            && self.batch.books.iter().any(is_of)
    }

    /// Counts what a tick outside of books says.
    fn count(&mut self, tick: &Tick) {
        let counts = &mut self.summary.counts;
        if let Some(trade) = tick.body.trade() {
            counts.trades += 1;
            let native = self.table.instrument(tick.instrument).map(|entry| entry.native);
            let native = native.unwrap_or_default();
            if !self.summary.trades.contains_key(native.as_str()) {
                let totals = TradeTotals::new(trade.price);
                self.summary.trades.insert(native.to_string(), totals);
            }
            if let Some(totals) = self.summary.trades.get_mut(native.as_str()) {
                totals.add(&trade);
            }
        }
        match &tick.body {
            Body::Quote { .. } => counts.bbo += 1,
            Body::TickerVolumes { .. } => counts.tickers += 1,
            body @ Body::TickerChange { .. } => {
                let mut ticker = Ticker::default();
                ticker.absorb(body);
                let states_best = ticker.bid.or(ticker.ask).is_some() && !self.batch.best_carried;
                counts.tickers_with_bbo += u64::from(states_best);
            }
            Body::CandleVolume { closed, .. } => {
                counts.candles += 1;
                counts.candles_closed += u64::from(*closed);
            }
            _ => {}
        }
    }

    /// A book event: counted, judged, and joined with a recorded snapshot where one fits.
    fn book(&mut self, update: &BookUpdate) {
        let Some(instrument) = self.table.instrument(update.instrument) else { return };
        let native = instrument.native;
        let levels = self.batch.levels_of(update);
        let counts = &mut self.summary.counts;
        match update.kind {
            BookKind::Snapshot => {
                counts.book_snapshot_msgs += 1;
                counts.book_snapshot_levels += levels.len() as u64;
            }
            BookKind::Delta => {
                counts.book_delta_msgs += 1;
                counts.book_delta_levels += levels.len() as u64;
                counts.book_delta_removals +=
                    levels.iter().filter(|level| level.size.is_zero()).count() as u64;
            }
        }
        if !self.summary.books.contains_key(native.as_str()) {
            self.summary.books.insert(native.to_string(), BookTotals::default());
        }
        if let Some(totals) = self.summary.books.get_mut(native.as_str()) {
            totals.diff_events += u64::from(update.kind == BookKind::Delta);
            if totals.first_id.is_none() {
                totals.first_id = update.first_id.map(|id| id.to_string());
            }
            totals.last_id = update.last_id.map(|id| id.to_string());
        }
        if update.depth == 1 {
            let applied = self.tops.apply(update, levels, &mut self.ticks);
            let is_counted = self.batch.orphans > 0;
            self.orphans += u64::from(applied == Applied::Unproven && !is_counted);
            if self.books.state(update.instrument).is_some() {
                // It was told as a quote.
                self.ticks.clear();
            }
            return;
        }
        self.books.apply(update, levels, &mut self.ticks);
        while let Some(needed) = self.books.next_needed() {
            if let Some(instrument) = self.table.instrument(needed.instrument) {
                self.rest.ask(&instrument.native);
            }
        }
        self.join(update, &native);
    }

    /// Hands over the snapshots that the stream has reached, until one joins.
    fn join(&mut self, update: &BookUpdate, native: &str) {
        let reached = |body: &RestBody| Some(body.snapshot.last_update_id) <= update.last_id;
        while !self.books.is_proven(update.instrument)
            && self.rest.of(native).is_some_and(reached)
            && let Some(body) = self.rest.take(native)
        {
            let joined = self.books.snapshot(update.instrument, &body.snapshot, &mut self.ticks);
            if joined != Joined::Live {
                warn!(file = body.file, ?joined, "the recorded snapshot does not fit");
            }
            if let Some(totals) = self.summary.books.get_mut(native) {
                totals.rest = Some(body.file);
                totals.rest_last_update_id = Some(body.snapshot.last_update_id.to_string());
                totals.rest_levels = Some(body.snapshot.levels.len());
            }
        }
    }

    /// Says which books had nothing to begin with, or to go on with.
    fn tell_missing_bodies(&self) {
        if self.profile.snapshot.is_none() {
            return;
        }
        for (id, instrument) in self.table.iter() {
            let native = instrument.native.as_str();
            let waits = self.books.state(id).is_some() && !self.books.is_proven(id);
            if waits && self.rest.of(native).is_none() {
                let pattern = format!("<capture>-{native}.rest.json");
                warn!(
                    symbol = native,
                    "the order book waits for an answer to a snapshot request and none is left: \
                     give one with --rest, a file named {pattern}",
                );
            }
        }
    }

    /// Says how much of the capture stands in no event, and why.
    fn tell_left_out(&self) {
        let other = self.summary.counts.other;
        if other > 0 {
            let why = "frames of channels, depths or instruments that are not carried are left out";
            warn!(frames = other, "{why}");
        }
        let unproven = |(id, _)| self.books.counts(id).unproven;
        let unproven = self.table.iter().map(unproven).sum::<u64>() + self.orphans;
        if unproven > 0 {
            let why = "changes of books or tickers that no snapshot came before are left out";
            warn!(changes = unproven, "{why}");
        }
    }

    /// The totals, when all is read.
    fn finish(mut self) -> Summary {
        self.tell_missing_bodies();
        self.tell_left_out();
        for file in self.rest.left_over() {
            warn!(file, "no book asked for this recorded snapshot, or the stream ended before it");
        }
        for (id, instrument) in self.table.iter() {
            let Some(totals) = self.summary.books.get_mut(instrument.native.as_str()) else {
                continue;
            };
            let is_top = self.books.state(id).is_none();
            let books = if is_top { &self.tops } else { &self.books };
            let counts = books.counts(id);
            totals.chain_gaps = counts.gaps;
            totals.synced = books.state(id) == Some(BookState::Live);
            self.summary.seq_gaps += counts.gaps;
            self.summary.checksums.ok += counts.checksums_ok;
            self.summary.checksums.bad += counts.checksums_bad;
            self.summary.checksums.zero += counts.checksums_zero;
            totals.end = (counts.joins > 0).then(|| book_end(books, id));
        }
        self.summary.trade_gaps = self.trades.gaps();
        self.summary
    }
}

/// The exchange's name of an instrument.
fn native(table: &InstrumentTable, id: Option<InstrumentId>) -> Option<&str> {
    id.and_then(|id| table.instrument(id)).map(|instrument| instrument.native.as_str())
}

/// When a line was recorded.
fn moment(line: &CaptureLine<'_>) -> MonoNanos {
    MonoNanos(line.at.0.max(0).cast_unsigned())
}

/// How a book that was joined once ended.
fn book_end(books: &Books, id: InstrumentId) -> BookEnd {
    let counts = books.counts(id);
    let live = books.state(id) == Some(BookState::Live);
    let text = |best: Resting| [best.price.to_string(), best.size.to_string()];
    let book = books.book(id).filter(|_| live);
    BookEnd {
        state: if live { BookState::Live.name() } else { BookState::Stale.name() },
        stale_events: counts.old,
        messages_applied: counts.applied,
        gaps: counts.gaps,
        last_seq: books.last_id(id).map(|id| id.to_string()),
        best_bid: book.and_then(|book| book.best_bid()).map(text),
        best_ask: book.and_then(|book| book.best_ask()).map(text),
        bid_levels: book.map_or(0, |book| book.bids().len()),
        ask_levels: book.map_or(0, |book| book.asks().len()),
    }
}
