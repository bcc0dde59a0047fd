//! Faults of subscriptions and books, from the time they were asked for until they strike.

use crate::sim::fault::Fault;
use crate::sim::tamper::plain;

/// Faults that wait for what they strike.
#[derive(Debug, Default)]
pub(super) struct Armed {
    /// Subscriptions that are acknowledged and stay without data.
    ack_mute: u32,
    /// Letters and digits of the symbol (any when absent), and how many events.
    wrong_checksums: Vec<(Option<String>, u32)>,
}

impl Armed {
    pub(super) fn add(&mut self, fault: Fault) {
        match fault {
            Fault::AckMute { count } => self.ack_mute += count,
            Fault::WrongChecksum { symbol, count } => {
                self.wrong_checksums.push((symbol.as_deref().map(plain), count));
            }
            // The rest concerns connections and frames, which the server keeps to itself, and
            // requests and numbers, which books here do without.
            _ => {}
        }
    }

    /// Whether this subscription stays without data.
    pub(super) fn strikes_subscription(&mut self) -> bool {
        let strikes = self.ack_mute > 0;
        self.ack_mute = self.ack_mute.saturating_sub(1);
        strikes
    }

    /// Whether the checksum of this book's next event is wrong.
    pub(super) fn strikes_checksum(&mut self, symbol: &str) -> bool {
        if self.wrong_checksums.is_empty() {
            return false;
        }
        let symbol = plain(symbol);
        let meant = |(of, _): &(Option<String>, u32)| of.as_ref().is_none_or(|of| *of == symbol);
        let Some(index) = self.wrong_checksums.iter().position(meant) else { return false };
        self.wrong_checksums[index].1 -= 1;
        if self.wrong_checksums[index].1 == 0 {
            self.wrong_checksums.remove(index);
        }
        true
    }
}
