//! The thread of a feed, its connections, and how long each of them is waited for.

use std::time::Duration;

use super::UPSTREAM_READ_BYTES;

/// Instruments of one run, over all exchanges. Adding more is refused with an error.
pub const INSTRUMENTS_MAX: usize = 16_384;

/// Connections that carry the same, as `lines` configures.
pub const LINES_MAX: usize = 2;

/// Ticks a feed may be ahead of a broadcaster: 65,536 × 64 B = 4 MiB per feed and broadcaster.
/// A full ring is no loss: the feed stops reading and TCP pushes back.
pub const RING_TICKS_CAPACITY: usize = 1 << 16;
const _: () = assert!(RING_TICKS_CAPACITY.is_power_of_two());

/// Connections of one feed, which are numbered in a byte. More are refused with an error.
pub const FEED_CONNECTIONS_MAX: usize = u8::MAX as usize;

/// Commands that wait for a feed: mostly snapshots, one per book at worst. Senders wait for room.
pub const FEED_COMMANDS_CAPACITY: usize = 256;

/// Reports that wait for the control side, from all feeds. Questions that find it full are asked
/// again later, and the last state of a line waits for room; words for the log get three quarters
/// of it, and what is beyond that is dropped and counted.
pub const FEED_REPORTS_CAPACITY: usize = 4_096;

/// Frames that a feed takes from one connection in one turn, whatever they are: messages, parts of
/// one, pings. The rest waits for the next, after the other connections, commands and timers had
/// their share. 1,024 frames at 100 ns are 0.1 ms.
pub const FRAMES_PER_TURN_MAX: usize = 1_024;

/// Bytes that a feed reads from one connection in one turn, but for the read that crosses the bound:
/// eight reads, which a parser takes a millisecond for.
pub const UPSTREAM_BYTES_PER_TURN_MAX: usize = 8 * UPSTREAM_READ_BYTES;

/// Connections' worth of frames, or of bytes, that a feed takes in one turn from all of them: when a
/// hundred lines are busy the next turn goes on with the next line.
pub const BUSY_LINES_PER_TURN: usize = 4;

/// Frames that bring nothing (pings, pongs, crumbs of messages) that one connection to an exchange
/// may bring within a second. Exchanges send one in seconds; more than this ends the connection.
pub const CHATTER_FRAMES_MAX: u32 = 1_000;

/// Commands that a feed takes in one turn; the rest waits for the next.
pub const FEED_COMMANDS_PER_TURN_MAX: usize = 16;

/// How long one full ring may hold a feed up. Beyond it the feed skips for that ring, counted, and
/// marks what was skipped as a gap; the exchange would soon cut us off for not answering its
/// pings (Binance: after 60 s).
pub const FEED_STALL_MAX: Duration = Duration::from_secs(10);

/// Error frames that belong to none of our requests, since the connection last brought data or within a
/// second: exchanges send one and mean it. More of them are a connection that fails.
pub const ERROR_FRAMES_MAX: u32 = 100;

/// Between the first two times that the stream of a book is left and asked for again; doubles with
/// each further one.
pub const RESYNC_WAIT_MIN: Duration = Duration::from_secs(1);

/// The longest time in between. An exchange that floods frames which cannot be read costs each book
/// of a connection seven tries in the first minute (after 0, 1, 3, 7, 15, 31 and 63 s) and one a minute
/// from there on: of 300 books, five a second in the long run, each of two messages in batches.
/// Where books come beside the stream the ledger of requests bounds them.
pub const RESYNC_WAIT_MAX: Duration = Duration::from_secs(60);
