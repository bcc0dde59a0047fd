//! The thread of a feed: its queues, its turns, and what it publishes.

use std::time::Duration;

use super::{CANDLE_GRACE_NS, UPSTREAM_READ_BYTES};

/// Instruments of one run, over all exchanges. Adding more is refused with an error.
pub const INSTRUMENTS_MAX: usize = 16_384;

/// Connections that carry the same, as `lines` configures.
pub const LINES_MAX: usize = 2;

/// Connections that may carry one stream at a time: each line, and the one that is to take over from it.
pub const CARRIERS_MAX: usize = 2 * LINES_MAX;

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

/// Commands that a feed takes in one turn; the rest waits for the next.
pub const FEED_COMMANDS_PER_TURN_MAX: usize = 16;

/// How long one full ring may hold a feed up. Beyond it the feed skips for that ring, counted, and
/// marks what was skipped as a gap; the exchange would soon cut us off for not answering its
/// pings (Binance: after 60 s).
pub const FEED_STALL_MAX: Duration = Duration::from_secs(10);

/// How long a replacement that is subscribed to everything runs beside the old connection at
/// least, so that streams which are about to begin on it have begun.
pub const OVERLAP_MIN: Duration = Duration::from_secs(1);

/// How long it waits at most for a book that comes in the stream, for a stream on which it is
/// always ahead of the old connection, or for the proof that it continues that one's trades.
pub const OVERLAP_MAX: Duration = Duration::from_secs(30);

/// Connections that were heard no further apart are not told apart: a candle stays open for longer.
pub const HEARD_ALIKE_MAX: Duration = Duration::from_secs(1);
const _: () = assert!(HEARD_ALIKE_MAX.as_nanos() as i64 <= CANDLE_GRACE_NS);

/// Between two looks at a replacement.
pub const OVERLAP_LOOK_EVERY: Duration = Duration::from_millis(100);

/// How often the rings carry the date.
pub const TIME_EVERY: Duration = Duration::from_secs(1);

/// A book of which no change came for so long after its subscription is asked for all the same: the
/// market is quiet. Others are asked for with their first change, which comes ten times a second.
/// Each is asked for once a connection, and the ledger of requests spaces hundreds of them.
pub const BOOK_QUIET_AFTER: Duration = Duration::from_secs(2);

/// Between two looks at a full ring by a thread that may sleep.
pub const RING_LOOK_EVERY: Duration = Duration::from_millis(1);

/// Between two tries to ask a control side that has no room for questions.
pub const QUESTION_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Between two turns of a feed; more is our own doing (the machine or the process stood still), and whoever
/// was silent meanwhile may not have been. A thread that may sleep wakes once a second.
pub const TURN_GAP_MAX: Duration = Duration::from_millis(1_500);
const _: () = assert!(TURN_GAP_MAX.as_millis() > TIME_EVERY.as_millis());

/// Longest time from the stop to the end of a feed's thread.
pub const FEED_STOP_MAX: Duration = Duration::from_secs(1);

/// Between two witnesses of an exchange's clock, once there are so many: one burst of wrong dates is
/// one witness. Of a recording, which may be played at any speed, one read brings one.
pub const WITNESSES_APART: Duration = Duration::from_secs(1);

/// Staged ticks whose memory is kept; a snapshot's is given back.
pub const STAGED_TICKS_KEPT: usize = 1_024;

/// How long a snapshot may take that was asked for, or should be on its way.
pub const SNAPSHOT_WAIT_MAX: Duration = Duration::from_secs(10);

/// A book that was asked for longer ago than this begins with the first wait again.
pub const RESYNC_FORGOTTEN_AFTER: Duration = Duration::from_secs(300);

/// Between the first two times that the stream of a book is left and asked for again; doubles with
/// each further one.
pub const RESYNC_WAIT_MIN: Duration = Duration::from_secs(1);

/// The longest time in between. An exchange that floods frames which cannot be read costs each book
/// of a connection seven tries in the first minute (after 0, 1, 3, 7, 15, 31 and 63 s) and one a minute
/// from there on: of 300 books, five a second in the long run, each of two messages in batches.
/// Where books come beside the stream the ledger of requests bounds them.
pub const RESYNC_WAIT_MAX: Duration = Duration::from_secs(60);
