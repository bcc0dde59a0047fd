//! Reading from one connection: frames in, verdicts of the parser out.

use std::time::Duration;

use arrayvec::ArrayString;

use super::command::{FeedNotice, Refusal};
use super::gap::Source;
use super::line::{End, Line};
use super::open::Open;
use super::publish::{Publisher, channel_of};
use super::rhythm::Rhythms;
use super::sequence::SequenceStep;
use super::subscribing::{Refused, Said};
use super::{LossShows, with_books};
use crate::clock::{Clock, MonoNanos};
use crate::exchange::{
    Batch, ConnectionPlan, Exchange, Frame, Loss, RefusalKind, Rejected, SequencedTick, StreamKey,
    Subscription,
};
use crate::instrument::{Channel, InstrumentId};
use crate::limits::{FRAMES_PER_TURN_MAX, UPSTREAM_BYTES_PER_TURN_MAX};
use crate::metrics::FeedCounters;
use crate::net::{Fill, Message, NetError};
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
    /// Frames taken of this connection, of any kind, and reads that brought something.
    pub(super) work: usize,
    /// Bytes read from it.
    pub(super) bytes: usize,
    /// Something was said that may want an answer.
    pub(super) attention: bool,
}

impl<E: Exchange> Reader<'_, E> {
    /// Takes frames until nothing is left, a ring is full, or the turn's bounds are reached. Returns
    /// how the connection ended, if it did.
    pub(super) fn read(&mut self, line: &mut Line, replacement: bool) -> Option<End> {
        let Line { main, replacement: beside, shutdown_notice, copy, .. } = line;
        let upstream = if replacement { beside.as_mut()? } else { main };
        let (generation, copy) = (upstream.generation(), *copy);
        let (open, plan) = upstream.open_with_plan()?;
        // Bytes were read of which no message was made yet.
        let mut is_fresh = false;
        while self.work < FRAMES_PER_TURN_MAX
            && self.bytes < UPSTREAM_BYTES_PER_TURN_MAX
            && !self.publisher.is_blocked()
        {
            let received = open.received;
            let next = open.socket.next();
            self.work += usize::from(matches!(next, Ok(Some(_))));
            if is_fresh && !matches!(next, Ok(None | Some(Message::Part(_))) | Err(_)) {
                is_fresh = false;
                self.attention |= open.pulse.hear(received);
            }
            let frame = match next {
                Ok(Some(Message::Text(frame) | Message::Binary(frame))) => frame,
                Ok(Some(Message::Ping)) => {
                    open.ponged(received);
                    self.attention = true;
                    match open.chatter.hear(received) {
                        Ok(()) => continue,
                        Err(flood) => return Some(self.end_chatter(open, flood)),
                    }
                }
                Ok(Some(Message::Pong(payload))) => {
                    if let Ok(ticket) = payload.bytes().try_into() {
                        let ticket = u64::from_be_bytes(ticket);
                        self.publisher.overlap(generation, ticket, received);
                    }
                    match open.chatter.hear(received) {
                        Ok(()) => continue,
                        Err(flood) => return Some(self.end_chatter(open, flood)),
                    }
                }
                Ok(Some(Message::Part(bytes))) => match open.chatter.hear_part(bytes, received) {
                    Ok(()) => continue,
                    Err(flood) => return Some(self.end_chatter(open, flood)),
                },
                Ok(Some(Message::Close { code, reason })) => {
                    return Some(End::Closed(code, reason.into()));
                }
                Ok(None) if !open.readable => return None,
                Ok(None) => {
                    // Before the next system call, not after it.
                    self.publisher.ring_bells();
                    match open.socket.fill() {
                        Ok(Fill::Read(bytes @ 1..)) => {
                            self.work += 1;
                            self.bytes += bytes;
                            open.received = self.clock.now();
                            self.counters.newest_read.set(open.received.0);
                            is_fresh = true;
                            self.attention |= open.pulse.hear_part(bytes, open.received);
                            if let Some(stamp) = open.socket.transport_mut().take_kernel_stamp() {
                                self.publisher.record_wait_in_kernel(stamp, open.received);
                            }
                            continue;
                        }
                        Ok(Fill::Read(0)) => return None,
                        Ok(Fill::Blocked) => {
                            open.readable = false;
                            let part = open.socket.transport_mut().take_partial();
                            if part > 0 {
                                self.attention |= open.pulse.hear_part(part, self.clock.now());
                            }
                            return None;
                        }
                        Err(error) => return Some(End::Failed(error)),
                    }
                }
                Err(error) => return Some(End::Failed(error)),
            };
            self.counters.frames.increment();
            self.counters.bytes.add(frame.bytes().len() as u64);
            let parsed = self.exchange.parse(frame, self.batch);
            let source = Source { generation, copy, received, sent: self.batch.sent };
            if let Some(number) = self.batch.connection_sequence {
                match open.sequence.hear(number) {
                    SequenceStep::Next => {}
                    SequenceStep::Repeated => {
                        self.counters.duplicates.increment();
                        continue;
                    }
                    SequenceStep::Gap { expected, found } => {
                        self.counters.gaps.increment();
                        // Its trades are true; its books lack what is missing.
                        self.batch.books.clear();
                        // And a candle that it ends may lack the end.
                        self.publisher.unheard_candles(&plan.subscriptions);
                        self.publisher.frame(self.batch, source);
                        return Some(End::Hole { expected, found });
                    }
                }
            }
            if let Some(id) = self.batch.answered.filter(|&id| open.subscribing.awaits(id)) {
                self.attention = true;
                open.subscribing.accept(Some(id), None);
            }
            match parsed {
                Ok(Frame::Data { recognised }) => {
                    let counters = self.counters;
                    if recognised { &counters.recognised } else { &counters.fallbacks }.increment();
                    if self.batch.trade_ids_refused > 0 {
                        counters.trade_ids_refused.add(self.batch.trade_ids_refused.into());
                    }
                    if !open.is_served {
                        open.is_served = true;
                        self.attention = true;
                    }
                    self.attention |= open.flows(received);
                    open.complaints.calm(received);
                    self.hear(&mut open.rhythms, received);
                    self.publisher.frame(self.batch, source);
                    if !self.batch.losses.is_empty() {
                        self.losses(source);
                    }
                }
                Ok(other) => {
                    if !self.batch.trade_marks.is_empty() {
                        self.marks(&plan.subscriptions, source);
                    }
                    let end = self.control(other, (open, plan), shutdown_notice, received);
                    if end.is_some() {
                        return end;
                    }
                }
                Err(rejected) => {
                    if self.batch.connection_sequence.is_none() {
                        open.sequence.skip();
                    }
                    self.reject(rejected, &plan.subscriptions, source);
                }
            }
        }
        None
    }

    /// The connection says much and brings nothing.
    #[cold]
    fn end_chatter(&self, open: &mut Open, flood: NetError) -> End {
        self.counters.chatter_ends.increment();
        End::Failed(open.socket.give_up(flood))
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

    /// What a frame that is no data says of trades: nothing to whoever did not ask for them.
    #[cold]
    fn marks(&mut self, subscriptions: &[Subscription], source: Source) {
        let asked = |instrument| {
            let is_trades = |one: &&Subscription| one.channel == Channel::Trades;
            subscriptions.iter().filter(is_trades).any(|one| one.instrument == instrument)
        };
        self.batch.trade_marks.retain(|mark| asked(mark.instrument));
        self.publisher.frame(self.batch, source);
    }

    /// A frame that is no data. Returns how it ends the connection, if it does.
    #[cold]
    fn control(
        &mut self,
        frame: Frame,
        (open, plan): (&mut Open, &ConnectionPlan),
        shutdown_notice: &mut bool,
        received: MonoNanos,
    ) -> Option<End> {
        self.attention = true;
        match frame {
            Frame::Ack { id, subject } => {
                open.subscribing.accept(id, subject);
                while let Some(refused) = open.subscribing.concluded(received) {
                    if refused == Refused::Moot {
                        continue;
                    }
                    let cost = open.refuse(refused, received, self.counters);
                    let refusal = Refusal { line: self.index as u8, ..cost };
                    self.notices.push(FeedNotice::Refused(Box::new(refusal)));
                }
            }
            Frame::Left { id, subject } => {
                let ended = open.left(id, subject, received);
                self.tell_ended(ended, open, received);
            }
            Frame::Subscribed(listed) => {
                open.subscribing.accept(None, None);
                let ended = open.subscribed(listed, received);
                self.tell_ended(ended, open, received);
            }
            Frame::Error { id, subject, kind, text } => {
                self.counters.exchange_errors.increment();
                self.counters.refusals[kind.index()].increment();
                if let RefusalKind::Fatal { reason, wait } = kind {
                    return Some(End::Refused { reason, wait, text });
                }
                let refused = open.blame(Said { id, subject, kind }, received);
                let answers_none = matches!(refused, Refused::Unknown | Refused::Moot);
                if answers_none && open.complaints.hear(received) {
                    return Some(End::Refused {
                        reason: Reason::ExchangeError,
                        wait: Duration::ZERO,
                        text,
                    });
                }
                if refused == Refused::Moot {
                    return None;
                }
                // What is none of our requests was the greeting, which nobody waits for.
                if refused == Refused::Unknown && matches!(kind, RefusalKind::Temporary { .. }) {
                    open.greet_again(&plan.greeting);
                }
                let is_pending = refused == Refused::Pending;
                let cost = open.refuse(refused, received, self.counters);
                let (line, kind) = (self.index as u8, Some(kind));
                let refusal = Refusal { line, id, kind, text, is_pending, ..cost };
                self.notices.push(FeedNotice::Refused(Box::new(refusal)));
            }
            Frame::Listing(listings) => self.notices.push(FeedNotice::Listing(listings)),
            Frame::Shutdown => *shutdown_notice = true,
            Frame::Other => self.counters.other.increment(),
            Frame::Status(said) => open.said_of_itself = said,
            Frame::Data { .. } | Frame::Heartbeat => {}
        }
        None
    }

    /// Streams that the exchange has ended by itself are not here, and are asked for again.
    fn tell_ended(
        &mut self,
        ended: impl IntoIterator<Item = Refused>,
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
    /// else the stream may show later.
    #[cold]
    fn losses(&mut self, source: Source) {
        for loss in &self.batch.losses {
            self.counters.lose_items(loss.rejected, loss.count.into());
        }
        let of_book = self.batch.losses.iter().filter(|loss| loss.channel == Channel::Orderbook);
        let suspects: Vec<InstrumentId> = of_book.filter_map(|loss| loss.instrument).collect();
        self.distrust(suspects, source);
    }

    /// A frame that cannot be read costs itself. Where a lost book event leaves no trace and nobody
    /// knows whose it was, it costs the trust in all books that the connection brings.
    #[cold]
    fn reject(&mut self, rejected: Rejected, subscriptions: &[Subscription], source: Source) {
        if let Some(index) = index_of(rejected) {
            self.counters.rejected[index].increment();
        }
        if !self.batch.losses.is_empty() {
            self.publisher.frame(self.batch, source);
            self.losses(source);
        } else if rejected != Rejected::Foreign {
            self.publisher.lost_frame(subscriptions, source);
        }
        let is_of_other =
            |loss: &Loss| loss.instrument.is_some() || !matches!(loss.channel, Channel::Orderbook);
        let may_be_of_book =
            self.batch.losses.is_empty() || !self.batch.losses.iter().all(is_of_other);
        if may_be_of_book && self.publisher.books.loss_shows() == LossShows::Nowhere {
            self.distrust(with_books(subscriptions).collect(), source);
        }
    }

    /// These books may be wrong.
    fn distrust(&mut self, suspects: Vec<InstrumentId>, source: Source) {
        if suspects.is_empty() {
            return;
        }
        self.attention = true;
        for &one in &suspects {
            self.publisher.drop_beside(one, source.generation);
        }
        let numbers = &self.publisher.numbers;
        let brought =
            suspects.into_iter().filter(|&one| numbers.brings_book(one, source.generation));
        let brought: Vec<_> = brought.collect();
        self.publisher.distrust(brought.into_iter(), Reason::Refused, source.received);
    }
}

/// What stands in the place of the exchange's words where it ends a stream without any.
const ENDED_WORDS: &str = "the exchange ended it, and nobody asked for that";

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
