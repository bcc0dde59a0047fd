//! Reading from one connection: frames in, verdicts of the parser out.
//!
//! What cannot be read is lost, and makes suspect at once each book that it may have been of. Where
//! that is one book, as the frame or the item names it, the book is made anew. Where nobody knows
//! whose it was, so is each book of the connection of which nothing is sure to show the loss: it has
//! no numbers, or a checksum of its best levels alone, or waits for its first state. Others, with
//! numbers or a checksum of the whole book, are shown as stale and stay proven: the next event proves
//! them and shows them as live, or shows the loss. One of which nothing comes within
//! [`BOOK_SUSPECT_MAX`] is made anew, too.
//!
//! [`BOOK_SUSPECT_MAX`]: crate::limits::BOOK_SUSPECT_MAX

use std::ops::ControlFlow;
use std::time::Duration;

use arrayvec::ArrayString;

use super::command::{FeedNotice, Refusal};
use super::connection::open::Open;
use super::connection::rhythm::Rhythms;
use super::connection::subscribing::{Conclusion, Said};
use super::line::{End, Line};
use super::publish::{Publisher, channel_of};
use crate::clock::{Clock, MonoNanos, UnixNanos};
use crate::exchange::{
    Batch, ConnectionPlan, Exchange, Frame, RefusalKind, Rejected, SequencedTick, StreamKey,
    Subscription, with_books,
};
use crate::instrument::{Channel, InstrumentId};
use crate::limits::{FRAMES_PER_TURN_MAX, UPSTREAM_BYTES_PER_TURN_MAX};
use crate::metrics::FeedCounters;
use crate::net::{Fill, Message, NetError};
use crate::proof::{LossShows, SequenceStep, Source};
use crate::tick::{Body, Reason, Tick};

/// What reading needs besides the connection.
pub(super) struct Reader<'a, E> {
    pub(super) exchange: &'a mut E,
    pub(super) publisher: &'a mut Publisher,
    pub(super) batch: &'a mut Batch,
    pub(super) clock: &'a Clock,
    pub(super) counters: &'a FeedCounters,
    pub(super) notices: &'a mut Vec<FeedNotice>,
    /// Which line it is.
    pub(super) index: usize,
    pub(super) outcome: Outcome,
}

/// What came of one look at a connection.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// How it ended, if it did.
    pub(super) end: Option<End>,
    /// Frames taken, of any kind, and reads that brought something.
    pub(super) work: usize,
    /// Bytes read.
    pub(super) bytes: usize,
    /// Something was said that may want an answer.
    pub(super) attention: bool,
}

/// The connection that is read.
struct Connection<'a> {
    open: &'a mut Open,
    plan: &'a ConnectionPlan,
    generation: u32,
    copy: u8,
    shutdown_notice: &'a mut bool,
    /// Bytes were read of which no message was made yet.
    is_fresh: bool,
}

/// Whether the connection is read on; otherwise how it ended, if it did.
type Step = ControlFlow<Option<End>>;

impl<E: Exchange> Reader<'_, E> {
    /// Takes frames until nothing is left, a ring is full, or the turn's bounds are reached.
    pub(super) fn read(mut self, line: &mut Line, replacement: bool) -> Outcome {
        let Line { main, replacement: beside, shutdown_notice, copy, .. } = line;
        let upstream = if replacement { beside.as_mut() } else { Some(main) };
        let Some(upstream) = upstream else { return self.outcome };
        let (generation, copy) = (upstream.generation(), *copy);
        let Some((open, plan)) = upstream.open_with_plan() else { return self.outcome };
        self.batch.connection = generation;
        let mut connection =
            Connection { open, plan, generation, copy, shutdown_notice, is_fresh: false };
        while self.outcome.work < FRAMES_PER_TURN_MAX
            && self.outcome.bytes < UPSTREAM_BYTES_PER_TURN_MAX
            && !self.publisher.is_blocked()
        {
            if let ControlFlow::Break(end) = self.next_frame(&mut connection) {
                self.outcome.end = end;
                break;
            }
        }
        self.publisher.end_read();
        self.outcome
    }

    /// Takes the next frame of any kind, or reads more.
    #[inline]
    fn next_frame(&mut self, connection: &mut Connection<'_>) -> Step {
        let open = &mut *connection.open;
        let received = open.received;
        match open.socket.next() {
            Ok(Some(Message::Text(frame) | Message::Binary(frame))) => {
                self.counters.frames.increment();
                self.counters.bytes.add(frame.bytes().len() as u64);
                let parsed = self.exchange.parse(frame, self.batch);
                self.hear_whole(connection, received);
                self.take(parsed, connection, received)
            }
            Ok(Some(Message::Ping)) => {
                open.ponged(received);
                self.outcome.attention = true;
                self.hear_whole(connection, received);
                let heard = connection.open.chatter.hear(received);
                self.keep(heard, connection)
            }
            Ok(Some(Message::Pong(payload))) => {
                if let Ok(ticket) = payload.bytes().try_into() {
                    let ticket = u64::from_be_bytes(ticket);
                    self.publisher.overlap(connection.generation, ticket, received);
                }
                self.hear_whole(connection, received);
                let heard = connection.open.chatter.hear(received);
                self.keep(heard, connection)
            }
            Ok(Some(Message::Part(bytes))) => {
                self.outcome.work += 1;
                let heard = open.chatter.hear_part(bytes, received);
                self.keep(heard, connection)
            }
            Ok(Some(Message::Close { code, reason })) => {
                Step::Break(Some(End::Closed(code, reason.into())))
            }
            Ok(None) => self.fill(connection),
            Err(error) => Step::Break(Some(End::Failed(error))),
        }
    }

    /// A whole message came: work of this turn, and a sign of life where bytes were read for it.
    #[inline]
    fn hear_whole(&mut self, connection: &mut Connection<'_>, received: MonoNanos) {
        self.outcome.work += 1;
        connection.open.chatter.hear_whole();
        if connection.is_fresh {
            connection.is_fresh = false;
            self.outcome.attention |= connection.open.pulse.hear(received);
        }
    }

    /// Keeps a connection unless it says much and brings nothing.
    fn keep(&self, heard: Result<(), NetError>, connection: &mut Connection<'_>) -> Step {
        match heard {
            Ok(()) => Step::Continue(()),
            Err(flood) => {
                self.counters.chatter_ends.increment();
                Step::Break(Some(End::Failed(connection.open.socket.give_up(flood))))
            }
        }
    }

    /// Reads what the socket has.
    fn fill(&mut self, connection: &mut Connection<'_>) -> Step {
        let open = &mut *connection.open;
        if !open.readable {
            return Step::Break(None);
        }
        self.publisher.end_read();
        // Before the next system call, not after it.
        self.publisher.ring_bells();
        match open.socket.fill() {
            Ok(Fill::Read(0)) => Step::Break(None),
            Ok(Fill::Read(bytes)) => {
                self.outcome.work += 1;
                self.outcome.bytes += bytes;
                open.received = self.clock.now();
                self.counters.newest_read.set(open.received.0);
                connection.is_fresh = true;
                self.outcome.attention |= open.pulse.hear_part(bytes, open.received);
                if let Some(stamp) = open.socket.transport_mut().take_kernel_stamp() {
                    self.publisher.record_wait_in_kernel(stamp, open.received);
                }
                let heard = open.chatter.hear_read(bytes, open.received);
                self.keep(heard, connection)
            }
            Ok(Fill::Blocked) => {
                open.readable = false;
                let part = open.socket.transport_mut().take_partial();
                if part == 0 {
                    return Step::Break(None);
                }
                let now = self.clock.now();
                self.outcome.attention |= open.pulse.hear_part(part, now);
                let heard = open.chatter.hear_read(part, now);
                match self.keep(heard, connection) {
                    Step::Continue(()) => Step::Break(None),
                    ended => ended,
                }
            }
            Err(error) => Step::Break(Some(End::Failed(error))),
        }
    }

    /// Does what a frame says.
    #[inline]
    fn take(
        &mut self,
        parsed: Result<Frame, Rejected>,
        connection: &mut Connection<'_>,
        received: MonoNanos,
    ) -> Step {
        let Connection { generation, copy, .. } = *connection;
        let source = Source { generation, copy, received, sent: self.batch.sent };
        if let Some(number) = self.batch.connection_sequence {
            match connection.open.sequence.hear(number) {
                SequenceStep::Next => {}
                SequenceStep::Repeated => {
                    self.counters.duplicates.increment();
                    return Step::Continue(());
                }
                SequenceStep::Gap { expected, found } => {
                    self.counters.gaps.increment();
                    // Its trades are true; its books lack what is missing.
                    self.batch.books.clear();
                    // And a candle that it ends may lack the end.
                    let streams = &connection.plan.subscriptions;
                    self.publisher.frame_behind_hole(self.batch, streams, source);
                    return Step::Break(Some(End::Hole { expected, found }));
                }
            }
        }
        let open = &mut *connection.open;
        if let Some(id) = self.batch.answered.filter(|&id| open.subscribing.awaits(id)) {
            self.outcome.attention = true;
            open.subscribing.accept(Some(id), None);
        }
        match parsed {
            Ok(Frame::Data { recognised }) => {
                self.data(recognised, connection, source);
                Step::Continue(())
            }
            Ok(other) => {
                if !self.batch.trade_marks.is_empty() || !self.batch.losses.is_empty() {
                    self.beside(&connection.plan.subscriptions, source);
                }
                match self.control(other, connection, received) {
                    None => Step::Continue(()),
                    end => Step::Break(end),
                }
            }
            Err(rejected) => {
                if self.batch.connection_sequence.is_none() {
                    open.sequence.skip();
                }
                self.reject(rejected, &connection.plan.subscriptions, source);
                Step::Continue(())
            }
        }
    }

    /// A frame of ticks and books.
    #[inline]
    fn data(&mut self, recognised: bool, connection: &mut Connection<'_>, source: Source) {
        let open = &mut *connection.open;
        let (counters, received) = (self.counters, source.received);
        if recognised { &counters.recognised } else { &counters.fallbacks }.increment();
        if self.batch.trade_ids_refused > 0 {
            counters.trade_ids_refused.add(self.batch.trade_ids_refused.into());
        }
        if self.batch.dates_refused > 0 {
            counters.dates_ahead.add(self.batch.dates_refused.into());
        }
        if self.batch.orphans > 0 {
            counters.unproven_deltas.add(self.batch.orphans.into());
        }
        if !open.is_served {
            open.is_served = true;
            self.outcome.attention = true;
        }
        self.outcome.attention |= open.flows(received);
        open.complaints.calm(received);
        self.hear(&mut open.rhythms, received);
        self.publisher.frame(self.batch, source);
        if !self.batch.losses.is_empty() {
            self.losses(&connection.plan.subscriptions, source);
        }
    }

    /// Notes which streams the frame is of.
    #[inline]
    fn hear(&self, rhythms: &mut Rhythms, received: MonoNanos) {
        for SequencedTick { tick, .. } in &self.batch.ticks {
            rhythms.hear(stream_of(tick), received);
        }
        for book in &self.batch.books {
            rhythms.hear((book.instrument, Channel::Orderbook, None), received);
        }
    }

    /// What a frame that is no data says of trades, which is nothing to whoever did not ask for them,
    /// and what of it could not be read.
    #[cold]
    fn beside(&mut self, subscriptions: &[Subscription], source: Source) {
        let asked = |instrument| {
            let is_trades = |one: &&Subscription| one.channel == Channel::Trades;
            subscriptions.iter().filter(is_trades).any(|one| one.instrument == instrument)
        };
        self.batch.trade_marks.retain(|mark| asked(mark.instrument));
        self.publisher.frame(self.batch, source);
        self.losses(subscriptions, source);
    }

    /// A frame that is no data. Returns how it ends the connection, if it does.
    #[cold]
    fn control(
        &mut self,
        frame: Frame,
        connection: &mut Connection<'_>,
        received: MonoNanos,
    ) -> Option<End> {
        self.outcome.attention = true;
        let open = &mut *connection.open;
        match frame {
            Frame::Ack { id, stream } => {
                open.subscribing.accept(id, stream);
                while let Some(refused) = open.subscribing.concluded(received) {
                    if refused == Conclusion::Moot {
                        continue;
                    }
                    let cost = open.refuse(refused, received, self.counters);
                    let refusal = Refusal { line: self.index as u8, ..cost };
                    self.notices.push(FeedNotice::Refused(Box::new(refusal)));
                }
            }
            Frame::Left { id, stream } => {
                let ended = open.left(id, stream, received);
                self.tell_ended(ended, open, received);
            }
            Frame::Subscribed(listed) => {
                open.subscribing.accept(None, None);
                let ended = open.subscribed(listed, received);
                self.tell_ended(ended, open, received);
            }
            Frame::Error { id, stream, kind, text } => {
                return self.error(Said { id, stream, kind }, text, connection, received);
            }
            Frame::Listing(listings) => self.notices.push(FeedNotice::Listing(listings)),
            Frame::Shutdown => *connection.shutdown_notice = true,
            Frame::Other => self.counters.other.increment(),
            Frame::Status(said) => open.said_of_itself = said,
            Frame::Data { .. } | Frame::Heartbeat => {}
        }
        None
    }

    /// The exchange refuses a request of ours, or says that something went wrong without one. Returns
    /// how that ends the connection, if it does.
    fn error(
        &mut self,
        said: Said,
        text: ArrayString<192>,
        connection: &mut Connection<'_>,
        received: MonoNanos,
    ) -> Option<End> {
        let Said { id, kind, .. } = said;
        self.counters.exchange_errors.increment();
        if let RefusalKind::Fatal { reason, wait } = kind {
            self.counters.refusals[kind.index()].increment();
            return Some(End::Refused { reason, wait, text });
        }
        let open = &mut *connection.open;
        let refused = open.blame(said, received);
        let answers_none = matches!(refused, Conclusion::Unknown | Conclusion::Moot);
        let answers_nothing = refused == Conclusion::Unknown && id.is_none();
        if !answers_nothing {
            self.counters.refusals[kind.index()].increment();
        }
        if answers_none && open.complaints.hear(received) {
            let (reason, wait) = (Reason::ExchangeError, Duration::ZERO);
            return Some(End::Refused { reason, wait, text });
        }
        if refused == Conclusion::Moot {
            return None;
        }
        // What is none of our requests was the greeting, which nobody waits for.
        if refused == Conclusion::Unknown && matches!(kind, RefusalKind::Temporary { .. }) {
            open.greet_again(&connection.plan.greeting);
        }
        if answers_nothing && is_of_its_own(kind) && !open.sequence.is_numbered() {
            self.mistrust_unnumbered(connection, received);
        }
        let is_pending = refused == Conclusion::Pending;
        let cost = connection.open.refuse(refused, received, self.counters);
        let (line, kind) = (self.index as u8, Some(kind));
        let refusal = Refusal { line, id, kind, text, is_pending, ..cost };
        self.notices.push(FeedNotice::Refused(Box::new(refusal)));
        None
    }

    /// Something went wrong at the exchange, in the middle of its streams: where nothing would show
    /// that books lack something, they may.
    #[cold]
    fn mistrust_unnumbered(&mut self, connection: &Connection<'_>, received: MonoNanos) {
        if self.publisher.books().loss_shows() != LossShows::Nowhere {
            return;
        }
        let Connection { generation, copy, .. } = *connection;
        let source = Source { generation, copy, received, sent: UnixNanos::NONE };
        let books = with_books(&connection.plan.subscriptions).collect();
        self.distrust(books, Reason::ExchangeError, source);
    }

    /// Streams that the exchange has ended by itself are not here, and are asked for again.
    fn tell_ended(
        &mut self,
        ended: impl IntoIterator<Item = Conclusion>,
        open: &mut Open,
        received: MonoNanos,
    ) {
        for refused in ended {
            let cost = open.refuse(refused, received, self.counters);
            if !cost.postponed.is_empty() {
                self.counters.ended_streams.add(cost.postponed.len() as u64);
                let text = ArrayString::from(ENDED_WORDS).unwrap_or_default();
                let refusal = Refusal { line: self.index as u8, text, ..cost };
                self.notices.push(FeedNotice::Refused(Box::new(refusal)));
            }
        }
    }

    /// Something in a frame could not be read, and costs itself alone: a book its trust, whatever
    /// else the stream may show later. What names no instrument may have been of any.
    #[cold]
    fn losses(&mut self, subscriptions: &[Subscription], source: Source) {
        for loss in &self.batch.losses {
            self.counters.lose_items(loss.rejected, loss.count.into());
            if loss.instrument.is_none() {
                let may_lack =
                    |one: &Subscription| self.publisher.brings(loss.channel, one.channel);
                let of_any: Vec<_> = subscriptions.iter().filter(|one| may_lack(one)).collect();
                self.publisher.lost_of_any(of_any, source);
            }
        }
        let of_book = self.batch.losses.iter().filter(|loss| loss.channel == Channel::Orderbook);
        let is_of_any = of_book.clone().any(|loss| loss.instrument.is_none());
        let named: Vec<InstrumentId> = of_book.filter_map(|loss| loss.instrument).collect();
        // What is known to be of two books is of no third.
        match named.is_empty() && is_of_any {
            true => self.suspect(subscriptions, source),
            false => self.distrust(named, Reason::Refused, source),
        }
    }

    /// A frame that cannot be read costs itself; where nobody knows of what it was, whatever it may
    /// have been of lacks it.
    #[cold]
    fn reject(&mut self, rejected: Rejected, subscriptions: &[Subscription], source: Source) {
        if let Some(index) = index_of(rejected) {
            self.counters.rejected[index].increment();
        }
        if !self.batch.losses.is_empty() {
            self.publisher.frame(self.batch, source);
            self.losses(subscriptions, source);
            return;
        }
        if rejected != Rejected::Foreign {
            self.publisher.lost_of_any(subscriptions, source);
        }
        self.suspect(subscriptions, source);
    }

    /// Any book of the connection may lack what could not be read.
    fn suspect(&mut self, subscriptions: &[Subscription], source: Source) {
        let books = self.publisher.books();
        let (shown, hidden): (Vec<_>, Vec<_>) =
            with_books(subscriptions).partition(|&one| books.shows_loss(one));
        self.outcome.attention |= !shown.is_empty();
        self.publisher.suspect(&shown, source.received);
        self.distrust(hidden, Reason::Refused, source);
    }

    /// These books may be wrong.
    fn distrust(&mut self, suspects: Vec<InstrumentId>, reason: Reason, source: Source) {
        if suspects.is_empty() {
            return;
        }
        self.outcome.attention = true;
        for &one in &suspects {
            self.publisher.drop_beside(one, source.generation);
        }
        let numbers = self.publisher.numbers();
        let brought =
            suspects.into_iter().filter(|&one| numbers.brings_book(one, source.generation));
        let brought: Vec<_> = brought.collect();
        self.publisher.distrust(brought.into_iter(), reason, source.received);
    }
}

/// What stands in the place of the exchange's words where it ends a stream without any.
const ENDED_WORDS: &str = "the exchange ended it, and nobody asked for that";

/// Whether an error is about what the exchange does, and not about what was said to it.
const fn is_of_its_own(kind: RefusalKind) -> bool {
    match kind {
        RefusalKind::Temporary { reason, .. } => !matches!(reason, Reason::RateLimited),
        RefusalKind::Unknown => true,
        RefusalKind::Permanent | RefusalKind::AlreadySo | RefusalKind::Fatal { .. } => false,
    }
}

/// The stream that a tick is of.
#[inline]
fn stream_of(tick: &Tick) -> StreamKey {
    let interval = match tick.body {
        Body::CandlePrices { interval, .. } | Body::CandleVolume { interval, .. } => Some(interval),
        _ => None,
    };
    (tick.instrument, channel_of(&tick.body), interval)
}

/// Which of the counters by reason it is.
fn index_of(rejected: Rejected) -> Option<usize> {
    Rejected::ALL.iter().position(|one| *one == rejected)
}
