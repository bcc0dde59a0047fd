//! What other threads say to a broadcaster, and the handle by which they say it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use crossbeam::channel::{Sender, TrySendError};

use super::demand::Demand;
use crate::client::Admission;
use crate::dialect::{Catalogue, Dialects, Offers};
use crate::instrument::InstrumentTable;
use crate::metrics::BroadcastCounters;
use crate::net::{Transport, WebSocket};
use crate::ring::{Bell, FeedRing};

/// A client's connection after its upgrade.
#[derive(Debug)]
pub struct OpenSocket {
    /// The connection; not registered anywhere.
    pub socket: Box<WebSocket<Transport>>,
    /// Where it comes from.
    pub peer: SocketAddr,
    /// What is spoken where it came in.
    pub dialects: Dialects,
    /// Its place among the clients.
    pub admission: Admission,
}

/// What a broadcaster can be told.
#[derive(Debug)]
pub enum BroadcastCommand {
    /// Serve this client.
    Open(OpenSocket),
    /// Drain this ring too.
    Attach(FeedRing),
    /// The instruments are these now; none of the earlier ones is missing or has another id. The
    /// catalogue is what clients are told when they ask what there is, the offers are what they can
    /// ask for.
    Instruments(Arc<InstrumentTable>, Arc<Catalogue>, Arc<Offers>),
    /// Send what is queued, close every session with 1001, and end.
    Stop,
}

/// The way to a broadcaster, for any thread of the control side.
#[derive(Clone, Debug)]
pub struct BroadcastHandle {
    pub(super) commands: Sender<BroadcastCommand>,
    pub(super) bell: Arc<Bell>,
    pub(super) counters: Arc<BroadcastCounters>,
    pub(super) demand: Arc<Demand>,
}

impl BroadcastHandle {
    /// Sends a command and wakes the thread; gives the command back when its queue is full or the
    /// thread is gone.
    ///
    /// # Errors
    /// The refused command.
    pub fn send(&self, command: BroadcastCommand) -> Result<(), Box<BroadcastCommand>> {
        self.commands.try_send(command).map_err(|refused| match refused {
            TrySendError::Full(command) | TrySendError::Disconnected(command) => Box::new(command),
        })?;
        self.bell.ring_always();
        Ok(())
    }

    /// Sends a command, waiting for room; false when the thread is gone. Not for the data plane.
    pub fn send_waiting(&self, command: BroadcastCommand) -> bool {
        let sent = self.commands.send(command).is_ok();
        self.bell.ring_always();
        sent
    }

    /// The same, waiting no longer than until then.
    pub fn send_by(&self, command: BroadcastCommand, until: Instant) -> bool {
        let sent = self.commands.send_deadline(command, until).is_ok();
        self.bell.ring_always();
        sent
    }

    /// Clients that the thread serves or was handed.
    pub fn clients(&self) -> u64 {
        self.counters.clients.value() + self.commands.len() as u64
    }

    /// What the thread counts.
    pub fn counters(&self) -> &Arc<BroadcastCounters> {
        &self.counters
    }

    /// Which books its clients want.
    pub fn demand(&self) -> &Arc<Demand> {
        &self.demand
    }

    /// What wakes the thread when it sleeps; for the producers of its rings.
    pub fn bell(&self) -> &Arc<Bell> {
        &self.bell
    }
}
