//! One client: what it may ask, send and leave unread.

use std::time::Duration;

use super::FRAME_PADDING;

/// Bytes a client session starts with: requests are some hundred bytes, and 10,000 sessions hold
/// 40 MiB. A larger request makes it grow, up to the session's own bound.
pub const SESSION_BUFFER_BYTES: usize = 4 << 10;

/// Bytes asked of the kernel in one read of a client's socket.
pub const SESSION_READ_BYTES: usize = 2 << 10;
const _: () = assert!(SESSION_BUFFER_BYTES >= SESSION_READ_BYTES + FRAME_PADDING);

/// Requests a second that a client may make in the long run; more are answered `rate_limited`, and
/// not read. One costs as many as it has KiB, begun ones included, so that 64 KiB of text, which
/// take 0.1 ms to read, cost more than a second's worth.
pub const REQUESTS_PER_SECOND: u64 = 50;

/// Requests that a client may make at once, after a pause.
pub const REQUESTS_BURST: u64 = 200;
const _: () = assert!(REQUESTS_BURST as usize > REQUEST_BYTES_MAX / REQUEST_COST_BYTES);

/// Bytes of a request that cost as much as a request.
pub const REQUEST_COST_BYTES: usize = 1 << 10;

/// Refused requests, counted in the same way, after which a client that sends no slower is closed
/// with 4029: 20 s of twice the rate, or 1 MiB at once.
pub const REQUESTS_REFUSED_MAX: u64 = 1_000;

/// Bytes that a client may send without a whole message among them: a message of the largest size
/// in fragments of 16 bytes. One that sends more sends fragments for their own sake.
pub const FRAGMENTED_BYTES_MAX: usize = REQUEST_BYTES_MAX / 16 * 24;

/// What a broadcaster hears in one turn of all clients together, in the unit of
/// [`REQUEST_COST_BYTES`]; the others' turn is the next, what they sent stays in the kernel. 64 KiB
/// of text are read in 0.1 ms. Looking at a client costs one at least, so that a thousand of whom
/// nothing came are not looked at in one turn: 64 reads of a microsecond.
pub const REQUESTS_PER_TURN_MAX: usize = 64;

/// Crumbs that a client may send a second in the long run: reads that take all there is and bring
/// no whole request, and turns spent on one that is being closed. Who has none left is read again
/// when it has, and what it sends meanwhile wakes nobody; see [`CRUMB_PRICE_MAX`]. A request that
/// comes in packets of 1,448 bytes still comes faster, 145 KB/s, than requests may.
pub const CRUMBS_PER_SECOND: u64 = 100;
const _: () = assert!(CRUMBS_PER_SECOND as usize * 1_448 > REQUESTS_PER_SECOND as usize * 1_024);

/// Crumbs that a client may send at once, after a pause: the largest request in packets.
pub const CRUMBS_BURST: u64 = 64;
const _: () = assert!(CRUMBS_BURST as usize > REQUEST_BYTES_MAX / 1_448);

/// How long a client that has no crumbs left is not read: until it has one.
pub const CRUMB_WAIT: Duration = Duration::from_millis(1_000 / CRUMBS_PER_SECOND);

/// What one costs at most. The price doubles each time that there is none left, up to this, and falls
/// with a whole request: who only trickles is read each 320 ms. A hundred of them are 312 reads of
/// 2 µs a second then, and as many wake-ups, not 10,000. Who sends 2 KiB meanwhile pays nothing for
/// them, so that no slow line gets slower.
pub const CRUMB_PRICE_MAX: u64 = 32;
const _: () = assert!(CRUMB_PRICE_MAX.is_power_of_two() && CRUMB_PRICE_MAX <= CRUMBS_BURST);

/// Bytes of one request of a client. A larger one ends the session.
pub const REQUEST_BYTES_MAX: usize = 64 << 10;

/// Symbols that one request may name.
pub const SYMBOLS_PER_REQUEST_MAX: usize = 1_000;
const _: () = assert!(SYMBOLS_PER_REQUEST_MAX * 60 < REQUEST_BYTES_MAX);

/// Longest `requestId`, as JSON; a UUID in quotes has 38 bytes.
pub const REQUEST_ID_BYTES_MAX: usize = 128;

/// Events that one answer to `history` has when the client sets no limit.
pub const HISTORY_LIMIT_DEFAULT: usize = 1_000;

/// Most events of one answer to `history`: 5,000 × 120 B = 600 KB. A higher limit counts as this
/// one; clients page by `from`.
pub const HISTORY_LIMIT_MAX: usize = 5_000;

/// Most events a second that a client can ask for by `perSecond`; more would be every event.
pub const EVENTS_PER_SECOND_MAX: u64 = 1_000;

/// Messages, and reads, of one client in one turn.
pub const MESSAGES_PER_TURN: usize = 8;

/// Characters of a client's own words that an error repeats.
pub const QUOTED_CHARS_MAX: usize = 60;

/// Bytes that the kernel takes for one client beyond what it has sent already (a socket's
/// `TCP_NOTSENT_LOWAT`): some 400 events, so that what waits can still be conflated.
pub const CLIENT_UNSENT_BYTES: u32 = 64 * 1_024;

/// Fewest bytes of a client's queue: one large book snapshot must fit.
pub const CLIENT_QUEUE_BYTES_MIN: usize = 16 << 10;

/// Most bytes of a client's queue.
pub const CLIENT_QUEUE_BYTES_MAX: usize = 1 << 30;

/// Bytes waiting for one client from which on it lags: quotes, tickers and books are then
/// conflated. Some 400 events, a tenth of a second at 4,000 events/s.
pub const OUTBOX_BYTES_SOFT: usize = 64 * 1_024;

/// Bytes of one chunk of an outbox; also about what one write takes from a lagging client's queue.
pub const OUTBOX_CHUNK_BYTES: usize = 32 * 1_024;

/// Free chunks that a broadcaster keeps: 256 × 32 KiB = 8 MiB. More are given back to the system.
pub const OUTBOX_CHUNKS_KEPT: usize = 256;

/// Bytes that one session may take from its outbox to the kernel in one turn, so that a client
/// that reads again after a pause does not make the others wait.
pub const FLUSH_BYTES_MAX: usize = 128 * 1_024;

/// How long a session that was closed waits for its client's close frame.
pub const CLOSE_WAIT: Duration = Duration::from_secs(5);

/// The same where the client was closed because it does not read: a minute, in which it may read
/// again and learn why. What waits for it was dropped, so that it holds a place and nothing else.
pub const CLOSE_WAIT_UNREAD: Duration = Duration::from_secs(60);

/// Bytes of answers and snapshots that any client may leave unread, besides its queue of events: a
/// history of 1,000 events is 150 KiB.
pub const OWED_BYTES_USUAL: usize = 256 * 1_024;

/// Clients of one broadcaster that may leave more unread at a time; the others wait for a place. An
/// address holds no more places than are free: 8 alone, 4 beside such a one, and somebody else the
/// next. The largest book makes 2 × 131,072 levels of some 40 B, 10 MiB: 160 MiB in all.
pub const OWED_LARGE_MAX: usize = 16;

/// How long such a place may be held by a client that takes less than [`OWED_TAKEN_MIN`]; it is then
/// too slow.
pub const OWED_LARGE_UNREAD_MAX: Duration = Duration::from_secs(10);

/// Bytes that a client takes within that time to keep its place: 1.6 KB a second, slower than any
/// line, so that a byte now and then does not keep it for ever.
pub const OWED_TAKEN_MIN: usize = 16 * 1_024;
const _: () = assert!(OWED_TAKEN_MIN < OWED_BYTES_USUAL);
