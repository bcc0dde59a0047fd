//! Connections on their way to be clients.

use std::time::Duration;

use super::HANDSHAKE_BYTES_MAX;

/// Connections that the acceptor takes from its listener in one turn.
pub const ACCEPTS_PER_TURN: usize = 64;

/// Connections in a handshake at a time. One more takes the place of the oldest of the address that
/// has the most, which is refused with 503: whoever keeps many open loses his own, and a client that
/// asks at once, which takes milliseconds, gets through beside them.
pub const HANDSHAKES_MAX: usize = 1_024;

/// How long a connection that was refused is read on, so that what its client still sends does not
/// take the answer along; and the most that is read at once.
pub const LINGER_MAX: Duration = Duration::from_secs(1);
/// See [`LINGER_MAX`].
pub const LINGER_BYTES_PER_TURN: usize = 64 << 10;

/// How often it is told that there are no file descriptors left.
pub const DESCRIPTORS_TOLD_EVERY: Duration = Duration::from_secs(60);

/// How often a connection wakes the acceptor before it is a client. A request of the largest size and
/// the words of TLS before it come in 20 packets of 1,448 bytes; a head that is written line by line
/// in some tens more. Whoever cuts it smaller wakes nobody any more, and is read with the deadlines:
/// those of all places are 4,096 reads a second then, and not one for each byte.
pub const HANDSHAKE_WAKE_UPS_MAX: u32 = 64;
const _: () = assert!(HANDSHAKE_WAKE_UPS_MAX as usize > 2 * HANDSHAKE_BYTES_MAX / 1_448);

/// How often handshakes are asked whether their time is over.
pub const DEADLINES_EVERY: Duration = Duration::from_millis(250);

/// How long to wait when there was no file descriptor left.
pub const DESCRIPTORS_WAIT: Duration = Duration::from_secs(1);
