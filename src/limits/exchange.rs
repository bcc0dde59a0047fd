//! What adapters take of a frame and of an answer, and what of an exchange's waits is believed.

use std::time::Duration;

use super::INSTRUMENTS_MAX;

/// Ticks of one frame whose memory is kept; a frame of more is legal, its memory is given back.
pub const BATCH_TICKS_KEPT: usize = 1_024;

/// Levels of one frame whose memory is kept: 8,192 × 40 B = 320 KiB per connection.
pub const BATCH_LEVELS_KEPT: usize = 8_192;

/// Levels that one frame may hold. The largest frame known holds 46,000; a frame of more is
/// rejected, counted, and its book resynchronised.
pub const FRAME_LEVELS_MAX: usize = 262_144;

/// Parts of one exchange's list of instruments: its classes, the families of its options, and pages
/// of 1,000 entries. The largest list has 3,000 entries, the most families are some dozens.
pub const LIST_PARTS_MAX: usize = 100;

/// Instruments of one exchange's list. The largest list known has 3,000 entries; one of ten times as
/// many is no list of an exchange's, and is given up.
pub const LIST_ENTRIES_MAX: usize = 30_000;

/// Bytes of all parts of one exchange's list together: ten times the largest known, which has 15 MB.
pub const LIST_BYTES_MAX: usize = 150 << 20;

/// How often an exchange is asked what it trades: what is listed newly comes alive within an hour, for
/// a weight of 20 of 6,000 a minute where that is dearest (Binance).
pub const LIST_EVERY: Duration = Duration::from_secs(3_600);

/// Requests for books that wait for an exchange's ledger: every instrument once fits.
pub const REQUEST_QUEUE_CAPACITY: usize = INSTRUMENTS_MAX;

/// Largest body of an answer beside the stream. The list of all instruments of an exchange is the
/// largest known: 15 MB.
pub const REST_BODY_BYTES_MAX: u64 = 64 << 20;

/// Longest wait that a refused upgrade is believed. Exchanges ban for up to three days; an hour
/// costs 72 attempts over those, and what a server writes by mistake silences nobody for good.
pub const REFUSED_FOR_MAX: Duration = Duration::from_secs(3_600);

/// Longest wait before a stream that was refused for now is asked for again, unless the exchange
/// itself names a longer one. A thousand streams of one symbol each are 200 requests a minute then,
/// and as they come back together, ten in messages of a hundred; five minutes is also what a
/// market that opened, or an exchange that recovered, is noticed late by at the most.
pub const REFUSED_WAIT_MAX: Duration = Duration::from_secs(300);

/// A request that takes longer has failed.
pub const REST_REQUEST_MAX: Duration = Duration::from_secs(10);

/// A connection is not used again after so long. Books are asked for when something went wrong, and
/// what made the stream's connection fall silent may have done so to this one; a request on it would
/// only fail after all of [`REST_REQUEST_MAX`].
pub const REST_IDLE_MAX: Duration = Duration::from_secs(3);

/// Least time between two requests for one book, which doubles as long as it is asked for again and
/// again: a book that does not join, or fails by what comes next, is not worth more.
pub const SNAPSHOTS_APART: Duration = Duration::from_secs(1);

/// What it doubles to.
pub const SNAPSHOTS_APART_MAX: Duration = Duration::from_secs(60);

/// A book that was not asked for anew during so long on top of that was live meanwhile: its next
/// failure is another matter.
pub const SNAPSHOT_LIVE_MIN: Duration = Duration::from_secs(10);

/// Longest ban of Binance that is believed: one lasts up to 3 days.
pub const BINANCE_BAN_MAX: Duration = Duration::from_secs(3 * 24 * 3_600);

/// Largest frame of Binance. Diffs of the captures stay below 8 KiB; after a pause one can touch both sides of
/// a 5,000-level book, which is 400 KiB. The bound is far above, as the memory is only taken when
/// such a frame comes.
pub const BINANCE_FRAME_BYTES_MAX: usize = 8 << 20;

/// Names in one message to Binance. A message is one unit of the 5 (10) per second however many it carries;
/// 200 were accepted in one (measured 2026-10), 1,024 would make a message of 30 KiB.
pub const BINANCE_NAMES_PER_MESSAGE_MAX: usize = 200;

/// Largest frame of Bybit. The recorded snapshots of 200 levels have 9 KiB, one of 1,000 would have 50 KiB;
/// 1,024 trades, the most in one frame, have 200 KiB.
pub const BYBIT_FRAME_BYTES_MAX: usize = 2 << 20;

/// Ids of trades in one frame of Coinbase that lie further apart do not count the same.
pub const COINBASE_IDS_IN_FRAME_MAX: u64 = 1 << 10;

/// Streams on one connection to Deriv. No bound is stated; at 180 calls a minute these take five minutes.
pub const DERIV_STREAMS_MAX: usize = 1_000;

/// Largest frame of Kraken: the list of instruments is some hundred KiB, a book of 1,000 levels 90 KiB. The
/// bound is far above, as the memory is only taken when such a frame comes.
pub const KRAKEN_FRAME_BYTES_MAX: usize = 8 << 20;

/// Wait beside the stream after a failure of an exchange's own (5xx) or of the request (4xx).
pub const REST_RETRY_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// Longest wait that is believed of anything but a ban, whoever states it: a number that no server
/// means must not end what we ask for.
pub const REST_RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);
