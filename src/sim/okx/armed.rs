//! Faults of subscriptions, requests and books, from the time they were asked for until they
//! strike.

use crate::sim::fault::Fault;
use crate::sim::tamper::plain;

/// Faults that wait for what they strike.
#[derive(Debug, Default)]
pub(super) struct Armed {
    pub(super) ack_mute: u32,
    /// Status and how many.
    pub(super) rest_refuse: Vec<(u16, u32)>,
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
            Fault::RestRefuse { status, count } => self.rest_refuse.push((status, count)),
            Fault::SequenceReset { symbol } => self.resets.push(book(symbol, 1)),
            Fault::WrongChecksum { symbol, count } => {
                self.wrong_checksums.push(book(symbol, count));
            }
            // The rest concerns connections and frames; the server keeps those to itself. Books
            // do not come by request here, so none is stale.
            _ => {}
        }
    }

    /// Whether the numbering of this book begins anew now.
    pub(super) fn strikes_sequence(&mut self, native: &str) -> bool {
        strike(&mut self.resets, native)
    }

    /// Whether the checksum of this book's next event is wrong.
    pub(super) fn strikes_checksum(&mut self, native: &str) -> bool {
        strike(&mut self.wrong_checksums, native)
    }
}

/// Uses up the first fault that is meant for the book.
fn strike(faults: &mut Vec<Book>, native: &str) -> bool {
    if faults.is_empty() {
        return false;
    }
    let native = plain(native);
    let meant = |book: &Book| book.symbol.as_ref().is_none_or(|symbol| *symbol == native);
    let Some(index) = faults.iter().position(meant) else { return false };
    faults[index].count -= 1;
    if faults[index].count == 0 {
        faults.remove(index);
    }
    true
}
