//! When an exchange keeps refusing: no more attempts of every connection, but one probe at a time.
//!
//! ```text
//! closed ── every connection failed many times, none was served in between ──▶ open
//!    ▲                                                                        │ one probe, then
//!    └────────────────── a connection gets data ◀─────────────────────────────┘ wait, jittered
//! ```

use std::time::Duration;

use crate::clock::MonoNanos;
use crate::limits::PROBE_LOOK_EVERY;
use crate::net::{Backoff, BackoffPolicy};
use crate::tick::Reason;

/// Failures in a row, for each connection, that open the circuit: with usual waits two minutes.
const FAILURES_PER_CONNECTION: u32 = 10;

/// The circuit of one feed.
#[derive(Debug)]
pub(in crate::feed) struct Circuit {
    /// Failures in a row, of all connections.
    failures: u32,
    /// As many open it.
    failures_max: u32,
    open: Option<Probing>,
    waits: Backoff,
    /// Why the last attempt failed.
    reason: Reason,
}

#[derive(Clone, Copy, Debug)]
struct Probing {
    /// When the next probe may be made.
    at: MonoNanos,
    /// The connection that is being tried.
    prober: Option<u32>,
}

impl Circuit {
    /// A closed one. Its probes are twice as far apart as the longest wait of one connection.
    pub(in crate::feed) fn new(reconnect: BackoffPolicy, connections: usize, seed: u64) -> Self {
        let between = 2 * reconnect.max;
        let policy = BackoffPolicy {
            initial: between,
            max: between,
            factor: 1.0,
            max_attempts: 0,
            ..reconnect
        };
        let mut circuit = Self {
            failures: 0,
            failures_max: 0,
            open: None,
            waits: Backoff::new(policy, seed),
            reason: Reason::None,
        };
        circuit.set_connections(connections);
        circuit
    }

    /// The feed has so many connections now.
    pub(in crate::feed) fn set_connections(&mut self, connections: usize) {
        self.failures_max = FAILURES_PER_CONNECTION * connections.max(1) as u32;
    }

    /// True while the exchange is only probed.
    pub(in crate::feed) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Why the last attempt failed.
    pub(in crate::feed) fn reason(&self) -> Reason {
        self.reason
    }

    /// The wait between two probes.
    pub(in crate::feed) fn probe_wait(&mut self) -> Duration {
        self.waits.next_wait().unwrap_or(PROBE_LOOK_EVERY)
    }

    /// Whether an attempt may be made now.
    ///
    /// # Errors
    /// When to ask again.
    pub(in crate::feed) fn permit(&self, now: MonoNanos) -> Result<(), MonoNanos> {
        match self.open {
            Some(Probing { prober: Some(_), .. }) => Err(now.after(PROBE_LOOK_EVERY)),
            Some(Probing { at, prober: None }) if now < at => Err(at),
            Some(_) | None => Ok(()),
        }
    }

    /// An attempt begins; true when it is a probe.
    pub(in crate::feed) fn begin(&mut self, generation: u32) -> bool {
        let Some(probing) = &mut self.open else { return false };
        probing.prober = Some(generation);
        true
    }

    /// A connection failed, or ended before it got any data. True when that opens the circuit.
    pub(in crate::feed) fn fail(
        &mut self,
        generation: u32,
        reason: Reason,
        now: MonoNanos,
    ) -> bool {
        self.failures = self.failures.saturating_add(1);
        self.reason = reason;
        let opens = self.open.is_none() && self.failures >= self.failures_max;
        let was_probe = self.open.is_some_and(|probing| probing.prober == Some(generation));
        if opens || was_probe {
            self.open = Some(Probing { at: now.after(self.probe_wait()), prober: None });
        }
        opens
    }

    /// A connection gets data. True when that closes the circuit.
    pub(in crate::feed) fn serve(&mut self) -> bool {
        self.failures = 0;
        self.open.take().is_some()
    }

    /// A connection was given up for another reason than failing.
    pub(in crate::feed) fn forget(&mut self, generation: u32) {
        if let Some(probing) = &mut self.open
            && probing.prober == Some(generation)
        {
            probing.prober = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: BackoffPolicy = BackoffPolicy {
        initial: Duration::from_millis(500),
        max: Duration::from_secs(30),
        factor: 2.0,
        jitter: 0.0,
        max_attempts: 0,
    };

    fn at(seconds: u64) -> MonoNanos {
        MonoNanos(1 + seconds * 1_000_000_000)
    }

    #[test]
    fn many_failures_in_a_row_open_it_and_one_probe_at_a_time_is_made() {
        let mut circuit = Circuit::new(PLAIN, 2, 1);
        for generation in 1..20 {
            assert!(circuit.permit(at(0)).is_ok());
            assert!(!circuit.begin(generation));
            assert!(!circuit.fail(generation, Reason::Handshake, at(0)));
        }
        assert!(circuit.fail(20, Reason::Handshake, at(0)), "20 of 2 connections");
        assert_eq!(circuit.permit(at(59)), Err(at(60)));
        assert!(circuit.permit(at(60)).is_ok());
        assert!(circuit.begin(21));
        assert_eq!(circuit.permit(at(61)), Err(at(62)), "one at a time");
        assert!(!circuit.fail(21, Reason::Close, at(70)));
        assert_eq!((circuit.permit(at(71)), circuit.reason()), (Err(at(130)), Reason::Close));
        assert!(circuit.begin(22) && circuit.serve());
        assert!(circuit.permit(at(131)).is_ok() && !circuit.is_open());
    }

    #[test]
    fn data_in_between_keeps_it_closed() {
        let mut circuit = Circuit::new(PLAIN, 1, 1);
        for generation in 1..1_000 {
            assert!(!circuit.fail(generation, Reason::Reset, at(0)));
            if generation % 9 == 0 {
                assert!(!circuit.serve());
            }
        }
    }

    #[test]
    fn a_probe_that_is_given_up_leaves_the_next_one_to_others() {
        let mut circuit = Circuit::new(PLAIN, 1, 1);
        while !circuit.fail(1, Reason::Dns, at(0)) {}
        circuit.begin(2);
        circuit.forget(2);
        assert!(circuit.permit(at(60)).is_ok());
    }
}
