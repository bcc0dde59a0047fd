//! What the sockets' side asks of an exchange's protocol.

use super::fault::Fault;
use super::http::{Response, Target};
use super::market::Market;
use super::truth::{TrueBar, TrueBook, Truth};
use super::wires::{ConnectionId, Wires};
use crate::clock::MonoNanos;

/// When a speaker wants its next turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// Not later than this, to the microsecond: trades, from which latency is measured.
    pub(super) exact: MonoNanos,
    /// About this time, to the millisecond: all else.
    pub(super) loose: MonoNanos,
}

/// A simulated exchange as the server drives it: [`super::exchange::Exchange`] of whichever was
/// asked for. It sees no socket.
pub(super) trait Speaker: Send {
    /// Whether a WebSocket may be opened at `target`; if so, the connection is taken in.
    fn upgrade(&mut self, id: ConnectionId, target: &Target) -> Result<(), Response>;

    /// The WebSocket is open and can be written to.
    fn opened(&mut self, id: ConnectionId, now: MonoNanos, wires: &mut Wires);

    /// A message of text came.
    fn message(&mut self, id: ConnectionId, text: &str, now: MonoNanos, wires: &mut Wires);

    /// The connection ended.
    fn closed(&mut self, id: ConnectionId);

    /// Answers a request.
    fn request(&mut self, target: &Target, now: MonoNanos) -> Response;

    /// Does what is due at `now`, at most a bounded number of events, and says when to come back.
    fn advance(&mut self, now: MonoNanos, wires: &mut Wires) -> Due;

    /// Arms a fault of streams or requests.
    fn arm(&mut self, fault: Fault);

    /// Tells every client that the connection will end soon.
    fn announce_shutdown(&mut self, now: MonoNanos, wires: &mut Wires);

    /// Lets the market stand still or go on.
    fn pause(&mut self, paused: bool, now: MonoNanos);

    /// Leaves out what was planned before `now`: the time until then did not pass here.
    fn skip_to(&mut self, now: MonoNanos);

    /// Streams that are subscribed and carry data.
    fn streams(&self) -> usize;

    /// The book of `symbol`.
    fn book(&self, symbol: &str) -> Option<TrueBook>;

    /// The market behind it; `None` where there is none with books.
    fn market(&mut self) -> Option<&mut Market>;

    /// The record of what is printed.
    fn truth(&self) -> Truth;

    /// The candles of an instrument in an interval of so many seconds, oldest first, up to the one
    /// that is open at `now_ms`.
    fn bars(&mut self, instrument: usize, seconds: i64, now_ms: i64) -> Vec<TrueBar>;
}
