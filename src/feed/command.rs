//! What the control side says to a feed, and what a feed asks and tells.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrayvec::{ArrayString, ArrayVec};
use crossbeam::channel::{Sender, TrySendError};
use mio::Waker;

use crate::exchange::{BookSnapshot, Listings, RefusalKind, Subscription};
use crate::instrument::{Channel, ExchangeId, InstrumentId, SYMBOL_BYTES_MAX};
use crate::limits::ADDRESSES_MAX;
use crate::metrics::FeedCounters;
use crate::tick::{FeedState, Reason};

/// Where a host was found; the first ones, when there are more.
pub type Addresses = ArrayVec<SocketAddr, ADDRESSES_MAX>;

/// What a feed can be told.
#[derive(Debug)]
pub enum FeedCommand {
    /// The answer to [`FeedNotice::Resolve`]; empty when the host was not found.
    Resolved {
        /// Of the question.
        ticket: u64,
        /// Where the host is.
        addresses: Addresses,
    },
    /// The answer to [`FeedNotice::NeedSnapshot`]. There is always one in the end: requests that
    /// fail are repeated on the control side, under the exchange's limits; see
    /// [`FeedCommand::NoSnapshot`].
    Snapshot {
        /// Whose book.
        instrument: InstrumentId,
        /// The book.
        snapshot: BookSnapshot,
    },
    /// It could not be had, for now: what a book is told to wait for.
    NoSnapshot {
        /// Whose book.
        instrument: InstrumentId,
        /// Why.
        reason: Reason,
    },
    /// Carry these streams from now on and no others. Instruments that were not among them before
    /// have larger ids than those that were, or the ids that they had once; one that is spelled
    /// otherwise than before is asked for under its new name.
    Carry {
        /// The streams.
        wanted: Vec<Subscription>,
        /// Trades among them make candles alone, and are not carried to clients.
        hides_trades: bool,
        /// Why what is not among them is carried no more.
        reason: Reason,
    },
    /// Close the connections and end the thread.
    Stop,
}

/// What a feed asks of the control side, or tells it.
#[derive(Debug)]
pub struct FeedReport {
    /// Whose feed.
    pub exchange: ExchangeId,
    /// What it says.
    pub notice: FeedNotice,
}

/// The content of a [`FeedReport`]. Questions are asked again when they were not heard; what is
/// only told may be lost when the control side is late, and is then counted.
#[derive(Debug)]
pub enum FeedNotice {
    /// Where is that host? Answered by [`FeedCommand::Resolved`].
    Resolve {
        /// To be given back.
        ticket: u64,
        /// Its name.
        host: Arc<str>,
        /// Its port.
        port: u16,
    },
    /// What stands in that book? Answered by [`FeedCommand::Snapshot`].
    NeedSnapshot {
        /// Whose book.
        instrument: InstrumentId,
        /// As the exchange spells it.
        native: ArrayString<SYMBOL_BYTES_MAX>,
    },
    /// A snapshot that was used: its memory is given back where it may be freed.
    Spent(BookSnapshot),
    /// A connection changed its state.
    State {
        /// Which.
        line: u8,
        /// To what.
        state: FeedState,
        /// Why.
        reason: Reason,
        /// How often it was tried without lasting success.
        attempt: u32,
        /// The error behind it, where there is one.
        detail: Option<Box<str>>,
    },
    /// The exchange refused a request of ours.
    Refused(Box<Refusal>),
    /// What the exchange trades, as it tells in its stream.
    Listing(Listings),
    /// Our request got no answer in time.
    Unanswered {
        /// On which connection.
        line: u8,
        /// The number of our request.
        id: u64,
    },
    /// A stream fell silent far beyond its own rhythm, and was asked for once more.
    Aged {
        /// Of what.
        instrument: InstrumentId,
        /// Which channel.
        channel: Channel,
    },
    /// A connection answers and brings nothing any more; another one is made beside it.
    Barren {
        /// Which.
        line: u8,
        /// Since when.
        silent: Duration,
    },
    /// A subscription was taken and nothing came of it.
    Mute {
        /// Of what.
        instrument: InstrumentId,
        /// Which channel.
        channel: Channel,
    },
}

impl FeedNotice {
    /// It is only for the log, and may come by the thousand.
    pub(super) const fn is_word(&self) -> bool {
        match self {
            Self::Refused(_)
            | Self::Unanswered { .. }
            | Self::Aged { .. }
            | Self::Barren { .. }
            | Self::Mute { .. } => true,
            Self::Resolve { .. }
            | Self::NeedSnapshot { .. }
            | Self::Spent(_)
            | Self::State { .. }
            | Self::Listing(_) => false,
        }
    }

    /// Of which line it tells the state, if it does.
    pub(super) const fn line_of_state(&self) -> Option<u8> {
        match self {
            Self::State { line, .. } => Some(*line),
            _ => None,
        }
    }
}

/// What the exchange refused, and what became of it.
#[derive(Debug, Default)]
pub struct Refusal {
    /// On which connection.
    pub line: u8,
    /// The number of our request, where the exchange says it.
    pub id: Option<u64>,
    /// What it is worth; `None` where it is concluded from answers, or from none at all.
    pub kind: Option<RefusalKind>,
    /// The exchange's words.
    pub text: ArrayString<192>,
    /// Of what it is will be known from later answers, and told then.
    pub is_pending: bool,
    /// What is given up because of it: it is asked for again only very rarely.
    pub given_up: Vec<Subscription>,
    /// What is asked for again after a wait.
    pub postponed: Vec<Subscription>,
    /// That wait.
    pub wait: Duration,
}

/// The way to a feed, for any thread of the control side.
#[derive(Clone, Debug)]
pub struct FeedHandle {
    pub(super) exchange: ExchangeId,
    pub(super) commands: Sender<FeedCommand>,
    pub(super) waker: Arc<Waker>,
    pub(super) counters: Arc<FeedCounters>,
    pub(super) copies: usize,
}

impl FeedHandle {
    /// Sends a command and wakes the thread; gives the command back when its queue is full or the
    /// thread is gone.
    ///
    /// # Errors
    /// The refused command.
    pub fn send(&self, command: FeedCommand) -> Result<(), Box<FeedCommand>> {
        self.commands.try_send(command).map_err(|refused| match refused {
            TrySendError::Full(command) | TrySendError::Disconnected(command) => Box::new(command),
        })?;
        // A waker that fails leaves the thread to find the command in its next turn.
        let _ = self.waker.wake();
        Ok(())
    }

    /// Sends a command, waiting for room; false when the thread is gone. Not for the data plane.
    pub fn send_waiting(&self, command: FeedCommand) -> bool {
        let sent = self.commands.send(command).is_ok();
        let _ = self.waker.wake();
        sent
    }

    /// The same, waiting no longer than until then.
    pub fn send_by(&self, command: FeedCommand, until: Instant) -> bool {
        let sent = self.commands.send_deadline(command, until).is_ok();
        let _ = self.waker.wake();
        sent
    }

    /// Whose feed it is.
    pub fn exchange(&self) -> ExchangeId {
        self.exchange
    }

    /// How many connections carry the same: lines whose numbers follow each other.
    pub const fn copies(&self) -> usize {
        self.copies
    }

    /// What the thread counts.
    pub fn counters(&self) -> &Arc<FeedCounters> {
        &self.counters
    }
}
