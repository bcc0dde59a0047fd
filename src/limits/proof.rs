//! What it takes to doubt, to wait for and to give up numbers and books.

use std::time::Duration;

/// Levels of deltas that wait for one book's snapshot: 32,768 × 40 B = 1.3 MiB. Binance's busiest
/// book sends about 500 a second, so they cover a minute of waiting. Beyond, the newest delta
/// starts the chain anew and the snapshot is asked for again.
pub const HELD_LEVELS_MAX: usize = 32_768;

/// Deltas that wait for one book's snapshot; beyond, as for their levels.
pub const HELD_EVENTS_MAX: usize = 8_192;

/// The largest hole between the ids of two trades that is told with its size: a week of 7,000 trades
/// a second of one symbol. An id beyond is no neighbour of the last one, but a slip, or a numbering
/// that begins anew, and would carry the `seq` of clients to where no number follows.
pub const TRADES_MISSED_MAX: u64 = 1 << 32;

/// The furthest that two numbers of one stream lie apart which follow each other: the same, as books
/// and states are numbered no faster. One beyond says nothing of what is missing: of a state it is told
/// as it is, and moves nothing; a book is asked for anew.
pub const NUMBERS_APART_MAX: u64 = TRADES_MISSED_MAX;

/// Trades with older numbers that are kept, of one feed, until it shows whether its exchange counts
/// anew: two or three of each instrument when all of 300 do at once.
pub const DOUBTS_MAX: usize = 1 << 10;

/// Up to this `seq` a hole takes as many numbers as events are missing, beyond it one: half of the
/// numbers that JSON's readers tell apart is left to events, of which a million a second make 140
/// years.
pub const SEQ_WIDE_HOLES_UNTIL: u64 = 1 << 52;
const _: () = assert!(SEQ_WIDE_HOLES_UNTIL + TRADES_MISSED_MAX < 1 << 53);

/// How often in a connection's life a book without numbers is made anew because something is taken out
/// of it that is not there: after the third new snapshot, some four seconds (0, 1 and 2 s of waiting),
/// that is how its exchange tells changes, and no sign of a loss any more.
pub const STRAY_REMOVALS_MAX: u8 = 3;

/// How long a book whose numbers show a loss may wait for its next event to show whether a frame
/// that could not be read was of it: 2 s. Books that change at all do so within one; others are made
/// anew. As long as it waits it is shown as stale once, however many such frames come.
pub const BOOK_SUSPECT_MAX: Duration = Duration::from_secs(2);

/// Trades and book levels that a feed holds back while another connection may still fill the hole
/// before them: ten seconds of 5,000 a second, 6 MiB. Beyond, the hole is told as a gap.
pub const HELD_BACK_MAX: usize = 65_536;

/// How long they are held back: several times what two connections are known to differ by. A
/// connection that is subscribed and mute would else hold up the other for ever.
pub const HELD_BACK_FOR_MAX: Duration = Duration::from_secs(10);

/// Sets in which the last trade ids of a feed without contiguous ids are kept, and ids in each:
/// 8,192 × 8 × 16 B = 1 MiB. With 4,000 trades between the copies of two connections a set
/// holds half an id of those on average, and more than eight once in 10^10.
pub const RECENT_SETS: usize = 1 << 13;
/// See [`RECENT_SETS`].
pub const RECENT_PER_SET: usize = 8;

/// So many such events in a row show it.
pub const BOOK_STRANGE_MAX: u8 = 3;

/// So many old events in a row show it that may be repetitions, one by one.
pub const BOOK_FALLING_MAX: u8 = 8;

/// A snapshot may be ahead of its stream by so many events: some seconds of a stream that tells
/// what changed ten times a second. One that is further ahead is of other numbers.
pub const BOOK_CATCHING_UP_MAX: u8 = 32;

/// An owner of a stream without numbers that is silent for so long while another speaks has lost
/// it.
pub const OWNER_SILENT_MAX: Duration = Duration::from_secs(5);

/// After so many older numbers in a row that may be repetitions the exchange has begun to count anew
/// (a test network that was wiped, a simulator that was restarted): better a doubt than a channel
/// silent for ever.
pub const NUMBERS_OLDER_MAX: u8 = 16;

/// The same of numbers that cannot be repetitions: they lie below all that ever came, or their time
/// is later than that of the last.
pub const NUMBERS_STRANGE_MAX: u8 = 3;

/// Frames that were mixed up lie no further apart than this. What comes so late, at the same time as
/// what it should have come before, was told as missing, and is not told after all.
pub const NUMBERS_MIXED_UP_MAX: u64 = 64;

/// Longest time in which an exchange repeats its last trades to who has just subscribed. Older
/// trades that go on for longer, with nothing new among them, are an exchange that counts anew by a
/// clock that was put back.
pub const NUMBERS_REPLAY_MAX: Duration = Duration::from_secs(60);

/// A connection that is behind has caught up after so long, if nothing new comes meanwhile; one that
/// still brings older numbers then does not repeat what was published.
pub const CATCH_UP_MAX: Duration = Duration::from_secs(5);

/// A copy that comes later than this is not waited for; another event is looked at instead.
pub const COPY_WATCH_MAX: Duration = Duration::from_secs(10);
