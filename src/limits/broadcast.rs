//! The thread of a broadcaster: what one turn does, over all clients.

use std::time::Duration;

use super::FLUSH_BYTES_MAX;

/// Broadcaster threads; each gets a ring of its own from each feed.
pub const BROADCASTERS_MAX: usize = 64;

/// Commands that wait for a broadcaster; a full queue refuses, and the acceptor answers 503.
pub const BROADCAST_COMMANDS_CAPACITY: usize = 1_024;

/// Ticks that a broadcaster takes from one ring before it looks at the next.
pub const TICKS_PER_DRAIN: usize = 64;

/// Ticks that a broadcaster takes from its rings in one turn; the rest waits for the next, after
/// clients were heard. 4,096 ticks encode in about half a millisecond.
pub const TICKS_PER_TURN_MAX: usize = 4_096;

/// Bytes of a turn's encoded frames whose memory is kept.
pub const ARENA_BYTES_KEPT: usize = 2 * 1_024 * 1_024;

/// Encoded bytes at which a broadcaster writes before it takes more ticks.
pub const ARENA_FLUSH_BYTES: usize = 64 * 1_024;

/// Microseconds that events may wait for more of them: 10 ms, of which a person sees nothing. It is no
/// bound of memory, as [`ARENA_FLUSH_BYTES`] end each wait.
pub const FLUSH_DELAY_US_MAX: usize = 10_000;

/// Sessions that are written to before the rings are looked at again: 256 writes of some 5 µs are
/// 1.3 ms, in which a feed of 400,000 ticks a second fills 1/128 of its ring.
pub const SESSIONS_PER_SLICE: usize = 256;

/// Encoded bytes from which on nobody waits for a slice: everyone is written to, so that the bytes can
/// be forgotten. No session holds more than a write takes.
pub const ARENA_SLICED_BYTES_MAX: usize = 2 * ARENA_FLUSH_BYTES;
const _: () = assert!(ARENA_SLICED_BYTES_MAX <= FLUSH_BYTES_MAX);

/// Ticks between two writes whose way is measured to its end. 64 of each ring or 64 KiB of events
/// come first.
pub const TICKS_STAMPED_PER_FLUSH: usize = 4_096;

/// The same of all sessions together, of what waited for them; what this turn made goes out besides.
/// The kernel copies 128 KiB in some 40 µs. Whose turn did not come is the first in the next one.
pub const FLUSH_BYTES_PER_TURN: usize = 128 * 1_024;
const _: () = assert!(FLUSH_BYTES_PER_TURN >= FLUSH_BYTES_MAX);

/// How often heartbeats are looked at.
pub const SWEEP_EVERY: Duration = Duration::from_millis(100);

/// Sessions whose heartbeat is looked at in one turn.
pub const SESSIONS_SWEPT_PER_TURN: u32 = 256;

/// Bytes encoded for one session in one turn of what it is owed (snapshots, resumed events).
pub const CATCH_UP_BYTES_MAX: usize = 64 * 1_024;

/// Events of a stream replayed to one session at once, when it resumes.
pub const REPLAY_EVENTS_MAX: usize = 512;

/// Bytes that a broadcaster encodes in one turn of what clients asked for, over all of them; the
/// others' turn is the next. Some 1,000 events, 0.05 ms; one book is told at once, however large.
pub const ANSWER_BYTES_PER_TURN_MAX: usize = 128 * 1_024;

/// Records of a history that are read at once for one client: 512 of some 20 ns, and where they are
/// told of some 150 B, 64 KiB.
pub const HISTORY_RECORDS_PER_PIECE: usize = 512;

/// What a piece of an answer counts as at least, so that pieces without bytes end a turn too.
pub const ANSWER_PIECE_BYTES_MIN: usize = 8 * 1_024;

/// Lines of the answer to `subscriptions` that are written at once.
pub const SUBSCRIPTION_LINES_PER_PIECE: usize = 512;

/// Subscriptions that are granted in one turn, to all clients together: 1,000 of some 200 ns.
pub const GRANTS_PER_TURN: usize = 1_000;

/// Subscriptions that end in one turn, of clients that unsubscribe and of those that are gone: 1,000
/// of some 100 ns.
pub const ENDS_PER_TURN: usize = 1_000;

/// Times that a name is compared with a subscription in one turn, of a client that unsubscribes:
/// 10,000 of some 5 ns.
pub const REVOKE_LOOKS_PER_PIECE: usize = 10_000;

/// Instruments in one message of an answer; the rest follows in further messages.
pub const INSTRUMENTS_PER_MESSAGE: usize = 1_000;
