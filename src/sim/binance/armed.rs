//! Faults of streams and requests, from the time they were asked for until they strike.

use super::schedule::Batch;
use crate::clock::UnixNanos;
use crate::sim::fault::{Fault, Of};
use crate::sim::market::Print;

/// Faults that wait for their event.
#[derive(Debug, Default)]
pub(super) struct Armed {
    pub(super) ack_mute: u32,
    /// Status and how many.
    pub(super) rest_refuse: Vec<(u16, u32)>,
    pub(super) rest_stale: u32,
    events: Vec<ArmedEvent>,
    /// An event that is held back until the next of its stream has gone.
    pub(super) held: Option<Held>,
}

/// A fault of a stream's next events.
#[derive(Clone, Debug)]
struct ArmedEvent {
    action: Action,
    of: Of,
    symbol: Option<String>,
    count: u32,
}

/// What happens to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Drop,
    Duplicate,
    Reorder,
}

/// What is held back.
#[derive(Clone, Debug)]
pub(super) enum Held {
    Trade { instrument: usize, print: Print, at: UnixNanos },
    Depth { instrument: usize, speed: usize, batch: Batch, at: UnixNanos },
}

impl Armed {
    pub(super) fn add(&mut self, fault: Fault) {
        let (action, of, symbol, count) = match fault {
            Fault::AckMute { count } => {
                self.ack_mute += count;
                return;
            }
            Fault::RestRefuse { status, count } => return self.rest_refuse.push((status, count)),
            Fault::RestStale { count } => {
                self.rest_stale += count;
                return;
            }
            Fault::Drop { of, symbol, count } => (Action::Drop, of, symbol, count),
            Fault::Duplicate { of, symbol, count } => (Action::Duplicate, of, symbol, count),
            Fault::Reorder { of, symbol, count } => (Action::Reorder, of, symbol, count),
            // The rest concerns connections; the server keeps those to itself.
            _ => return,
        };
        self.events.push(ArmedEvent { action, of, symbol, count });
    }

    /// The fault that strikes this event, if any; it is used up.
    pub(super) fn strike(&mut self, of: Of, symbol: &str) -> Option<Action> {
        let meant = |event: &ArmedEvent| {
            event.of == of && event.symbol.as_deref().is_none_or(|meant| meant == symbol)
        };
        let index = self.events.iter().position(meant)?;
        let event = &mut self.events[index];
        let action = event.action;
        event.count -= 1;
        if event.count == 0 {
            self.events.remove(index);
        }
        Some(action)
    }
}
