//! Faults of subscriptions and requests, from the time they were asked for until they strike.

use crate::sim::fault::Fault;

/// Faults that wait for what they strike.
#[derive(Debug, Default)]
pub(super) struct Armed {
    pub(super) ack_mute: u32,
    /// Status and how many.
    pub(super) rest_refuse: Vec<(u16, u32)>,
    pub(super) rest_stale: u32,
}

impl Armed {
    pub(super) fn add(&mut self, fault: Fault) {
        match fault {
            Fault::AckMute { count } => self.ack_mute += count,
            Fault::RestRefuse { status, count } => self.rest_refuse.push((status, count)),
            Fault::RestStale { count } => self.rest_stale += count,
            // The rest concerns connections and frames; the server keeps those to itself.
            _ => {}
        }
    }
}
