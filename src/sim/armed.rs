//! Faults of subscriptions, requests and books, from the time they were asked for until they
//! strike.

use super::fault::Fault;
use super::tamper::plain;

/// Faults that wait for what they strike. An exchange that does not have what one would strike
/// never asks whether it does.
#[derive(Debug, Default)]
pub(super) struct Armed {
    /// Subscriptions that are acknowledged and stay without data.
    ack_mute: u32,
    /// Subscriptions that are refused for now.
    too_many: u32,
    /// Status and how many.
    rest_refuse: Vec<(u16, u32)>,
    rest_stale: u32,
    resets: Vec<Book>,
    wrong_checksums: Vec<Book>,
}

/// A fault of the next events of a book.
#[derive(Debug)]
struct Book {
    /// Letters and digits alone; of any instrument when absent.
    symbol: Option<String>,
    count: u32,
}

impl Armed {
    pub(super) fn add(&mut self, fault: Fault) {
        let book =
            |symbol: Option<String>, count| Book { symbol: symbol.as_deref().map(plain), count };
        match fault {
            Fault::AckMute { count } => self.ack_mute += count,
            Fault::TooMany { count } => self.too_many += count,
            Fault::RestRefuse { status, count } => self.rest_refuse.push((status, count)),
            Fault::RestStale { count } => self.rest_stale += count,
            Fault::SequenceReset { symbol, .. } => self.resets.push(book(symbol, 1)),
            Fault::WrongChecksum { symbol, count } => {
                self.wrong_checksums.push(book(symbol, count));
            }
            // The rest concerns connections and frames; the server keeps those to itself.
            _ => {}
        }
    }

    /// Whether this subscription stays without data.
    pub(super) const fn strikes_subscription(&mut self) -> bool {
        let strikes = self.ack_mute > 0;
        self.ack_mute = self.ack_mute.saturating_sub(1);
        strikes
    }

    /// Whether this request to subscribe is one too many.
    pub(super) const fn strikes_too_many(&mut self) -> bool {
        let strikes = self.too_many > 0;
        self.too_many = self.too_many.saturating_sub(1);
        strikes
    }

    /// The status with which this request is refused, if it is.
    pub(super) fn strikes_request(&mut self) -> Option<u16> {
        let (status, count) = self.rest_refuse.first_mut()?;
        let status = *status;
        *count -= 1;
        if *count == 0 {
            self.rest_refuse.remove(0);
        }
        Some(status)
    }

    /// Whether this book is answered as it was long ago.
    pub(super) const fn strikes_snapshot(&mut self) -> bool {
        let strikes = self.rest_stale > 0;
        self.rest_stale = self.rest_stale.saturating_sub(1);
        strikes
    }

    /// Whether the numbering of this book begins anew now.
    pub(super) fn strikes_sequence(&mut self, symbol: &str) -> bool {
        strike(&mut self.resets, symbol)
    }

    /// Whether the checksum of this book's next event is wrong.
    pub(super) fn strikes_checksum(&mut self, symbol: &str) -> bool {
        strike(&mut self.wrong_checksums, symbol)
    }
}

/// Uses up the first fault that is meant for the book.
fn strike(faults: &mut Vec<Book>, symbol: &str) -> bool {
    if faults.is_empty() {
        return false;
    }
    let symbol = plain(symbol);
    let meant = |book: &Book| book.symbol.as_ref().is_none_or(|meant| *meant == symbol);
    let Some(index) = faults.iter().position(meant) else { return false };
    faults[index].count -= 1;
    if faults[index].count == 0 {
        faults.remove(index);
    }
    true
}
