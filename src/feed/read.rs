//! Reading from one connection: frames in, verdicts of the parser out.

use super::command::FeedNotice;
use super::gap::Source;
use super::line::{End, Line};
use super::publish::Publisher;
use super::subscribing::{Refused, Subscribing};
use crate::clock::Clock;
use crate::exchange::{Batch, Exchange, Frame, Rejected};
use crate::limits::FRAMES_PER_TURN_MAX;
use crate::metrics::FeedCounters;
use crate::net::{Fill, Message};

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
    /// Frames taken.
    pub(super) frames: usize,
    /// Something was said that may want an answer.
    pub(super) attention: bool,
}

impl<E: Exchange> Reader<'_, E> {
    /// Takes frames until nothing is left, a ring is full, or the turn's bound is reached. Returns
    /// how the connection ended, if it did.
    pub(super) fn read(&mut self, line: &mut Line, replacement: bool) -> Option<End> {
        let Line { main, replacement: beside, shutdown_notice, copy, .. } = line;
        let upstream = if replacement { beside.as_mut()? } else { main };
        let (generation, copy) = (upstream.generation(), *copy);
        let open = upstream.open()?;
        while self.frames < FRAMES_PER_TURN_MAX && !self.publisher.is_blocked() {
            let received = open.received;
            let frame = match open.socket.next() {
                Ok(Some(Message::Text(frame) | Message::Binary(frame))) => frame,
                Ok(Some(Message::Ping)) => {
                    open.heard = received;
                    open.ponged(received);
                    self.attention = true;
                    continue;
                }
                Ok(Some(Message::Pong)) => {
                    open.heard = received;
                    continue;
                }
                Ok(Some(Message::Close { code, reason })) => {
                    return Some(End::Closed(code, reason.into()));
                }
                Ok(None) if !open.readable => return None,
                Ok(None) => {
                    // Before the next system call, not after it.
                    self.publisher.ring_bells();
                    match open.socket.fill() {
                        Ok(Fill::Read(1..)) => {
                            open.received = self.clock.now();
                            self.counters.newest_read.set(open.received.0);
                            if let Some(stamp) = open.socket.transport_mut().take_kernel_stamp() {
                                self.publisher.record_wait_in_kernel(stamp, open.received);
                            }
                            continue;
                        }
                        Ok(Fill::Read(0)) => return None,
                        Ok(Fill::Blocked) => {
                            open.readable = false;
                            return None;
                        }
                        Err(error) => return Some(End::Failed(error)),
                    }
                }
                Err(error) => return Some(End::Failed(error)),
            };
            open.heard = received;
            self.frames += 1;
            self.counters.frames.increment();
            self.counters.bytes.add(frame.bytes().len() as u64);
            match self.exchange.parse(frame, self.batch) {
                Ok(Frame::Data { recognised }) => {
                    let counters = self.counters;
                    if recognised { &counters.recognised } else { &counters.fallbacks }.increment();
                    if self.batch.levels_refused > 0 {
                        counters.levels_refused.add(self.batch.levels_refused.into());
                    }
                    if !open.is_served {
                        open.is_served = true;
                        self.attention = true;
                    }
                    let source = Source { generation, copy, received };
                    self.publisher.frame(self.batch, source);
                }
                Ok(other) => self.control(other, &mut open.subscribing, shutdown_notice),
                Err(rejected) => self.reject(rejected),
            }
        }
        None
    }

    /// A frame that is no data.
    #[cold]
    fn control(&mut self, frame: Frame, subscribing: &mut Subscribing, shutdown_notice: &mut bool) {
        self.attention = true;
        match frame {
            Frame::Ack { id, .. } => subscribing.accept(id),
            Frame::Error { id, text, .. } => {
                self.counters.exchange_errors.increment();
                self.notices.push(FeedNotice::Refused { line: self.index as u8, id, text });
                match subscribing.refuse(id) {
                    Refused::GivenUp(_) => self.counters.refused_subscriptions.increment(),
                    Refused::Halved | Refused::Unknown => {}
                }
            }
            Frame::Listing(listings) => self.notices.push(FeedNotice::Listing(listings)),
            Frame::Shutdown => *shutdown_notice = true,
            Frame::Other => self.counters.other.increment(),
            Frame::Data { .. } | Frame::Heartbeat | Frame::Status => {}
        }
    }

    #[cold]
    fn reject(&mut self, rejected: Rejected) {
        if let Some(index) = Rejected::ALL.iter().position(|one| *one == rejected) {
            self.counters.rejected[index].increment();
        }
    }
}
