//! Bytes, buffers and sockets, whoever is at the other end.

use std::time::Duration;

/// Bytes readable after every frame handed to a parser: one simd-json block of 64, so that vector
/// loads never leave the buffer.
pub const FRAME_PADDING: usize = 64;

/// Longest frame after which the general parser keeps its memory: 256 KiB of text make a tape of at
/// most 3 MiB. A longer frame is read as well; its memory is given back at once.
pub const JSON_BYTES_KEPT: usize = 256 << 10;

/// Bytes a connection to an exchange starts with and returns to: holds four full reads, so that
/// what is left of a frame is moved at most every third read. A larger frame makes it grow.
pub const UPSTREAM_BUFFER_BYTES: usize = 256 << 10;

/// Bytes asked of the kernel in one read of an exchange's socket; more stays there for the next
/// turn, so that one busy connection cannot keep a thread from the others.
pub const UPSTREAM_READ_BYTES: usize = 64 << 10;
const _: () = assert!(UPSTREAM_BUFFER_BYTES >= 2 * UPSTREAM_READ_BYTES + FRAME_PADDING);

/// How long the kernel waits for an exchange to acknowledge what we sent before it gives the
/// connection up: as long as a busy connection may be silent. It sends again after 0.2, 0.6, 1.4 and
/// 3 s, so that five copies have to be lost.
pub const UPSTREAM_UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(6);

/// Reads of an exchange's socket of which one is made with the kernel's receive time: it costs
/// half a microsecond more than the others.
pub const READS_PER_KERNEL_STAMP: u32 = 8;

/// Frames of one read of which one has stamps of its own: two looks at the clock and three records in
/// histograms take as long as half of a frame's way, and 16 frames take some microseconds.
pub const FRAMES_PER_STAMP: u32 = 16;

/// Reads after which a receive buffer that grew for a huge frame, and was not needed again since,
/// is given back.
pub const LARGE_BUFFER_READS_KEPT: u32 = 256;

/// Bytes of one frame, or of one message put together of fragments, where an exchange states no
/// bound of its own: the largest seen is 8 MB. A larger one ends the connection.
pub const FRAME_BYTES_MAX: usize = 16 << 20;

/// Bytes of a request or response head of a handshake. A longer one ends the connection.
pub const HANDSHAKE_BYTES_MAX: usize = 16 << 10;

/// Bytes of unsent replies to pings, about 500 of them; a peer that sends more pings without
/// reading what they are answered ends its connection.
pub const CONTROL_OUTBOX_BYTES_MAX: usize = 64 << 10;

/// After so much silence the kernel asks the peer whether it lives. A second line of defence: the
/// heartbeats of exchanges and sessions are faster.
pub const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);

/// How often it asks again.
pub const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);

/// Plaintext that a TLS connection takes before the kernel took its ciphertext.
pub const TLS_SEND_BYTES_MAX: usize = 256 << 10;

/// Bytes of a refusal's body that are kept for the log.
pub const REFUSAL_BYTES_KEPT: usize = 256;

/// Addresses of one host that a feed tries, one after the other.
pub const ADDRESSES_MAX: usize = 4;

/// Names that wait to be resolved; more are answered as unknown, and asked again by backoff.
pub const RESOLVE_QUEUE_CAPACITY: usize = 64;

/// Threads that resolve: one that hangs leaves the other.
pub const RESOLVE_THREADS: usize = 2;
