//! What is remembered of instruments: books, histories, candles; and which dates are believed.

/// Levels of one side of a book: 131,072 × 32 B = 4 MiB. The largest seen has 46,000 on both sides
/// together (Coinbase). A level beyond is refused and the book is called not whole.
pub const BOOK_LEVELS_MAX: usize = 1 << 17;

/// Levels of a side that stand in one list, the best: 512 × 32 B = 16 KiB, the most that one change
/// moves. Nearly all changes are among the best hundred, and move a few of them.
pub const BOOK_NEAR_LEVELS: usize = 512;

/// Levels of one run of those behind: 64 × 32 B = 2 KiB. A side of [`BOOK_LEVELS_MAX`] has some 3,000
/// runs; longer ones cost more to move, more of them more to search (`cargo bench --bench cache`).
pub const BOOK_RUN_LEVELS: usize = 64;
const _: () = assert!(BOOK_RUN_LEVELS * 4 <= BOOK_NEAR_LEVELS);

/// Staged levels whose memory a book keeps after a snapshot: 1,024 × 40 B. A larger snapshot is
/// legal, its staging memory is given back.
pub const BOOK_STAGING_KEPT: usize = 1_024;

/// Events of one instrument and channel that can be kept: 1,048,576 of some 16 bytes each.
pub const HISTORY_EVENTS_MAX: usize = 1 << 20;

/// Bytes of the chunks that histories are made of: some 60 trades or 120 levels of a book, so that
/// a stream with a few events takes little more than they need.
pub const HISTORY_CHUNK_BYTES: usize = 1 << 10;

/// Fewest bytes of all histories together, of each broadcaster: a thousand chunks.
pub const HISTORY_BYTES_MIN: usize = 1 << 20;

/// Most bytes of all histories together. Address space for them is reserved at start.
pub const HISTORY_BYTES_MAX: usize = 64 << 30;

/// How long after its end, by the exchange's time, a candle without a later trade stays open for
/// trades that are still on their way: 1 s. Later ones are counted and left out.
pub const CANDLE_GRACE_NS: i64 = 1_000_000_000;

/// The same for a candle that the exchange makes: 3 s, as the last state of one comes up to two
/// seconds after its end (Binance sends each two seconds, Coinbase each second).
pub const EXCHANGE_CANDLE_GRACE_NS: i64 = 3_000_000_000;

/// How many bars back an exchange may correct one of its own, or bring one that was missing: 64, an
/// hour of minutes. (64 + the newest) × 8 B × 7 intervals = 3.6 KiB per instrument whose bars are its exchange's.
/// What is further back is counted and left out.
pub const CORRECTABLE_BARS: usize = 64;

/// A candle that opens further ahead of its exchange's clock is of a clock that was wrong, when what
/// comes is of now: 10 s, more than our idea of that clock can be wrong by the way of a frame.
pub const CANDLE_AHEAD_NS_MAX: i64 = 10_000_000_000;
const _: () = assert!(CANDLE_AHEAD_NS_MAX < DATE_AHEAD_NS_MAX);

/// The same where that clock is not known, as of a recording: when so many trades in a row are of a
/// time so far before the newest candle. Fewer, or nearer ones, may be copies that came late.
pub const CANDLES_OLDER_MAX: u8 = 16;

/// How far ahead of its exchange's clock the date of an event is believed: 90 s, far more than the
/// parts of an exchange are known to differ by. What is dated beyond is told as it is and counted,
/// but makes no candle: nobody knows to which it belongs.
pub const DATE_AHEAD_NS_MAX: i64 = 90_000_000_000;

/// A trade dated further ahead of when its frame was sent, or of its exchange's clock where frames
/// do not say that, is of now all the same: 3 s, more than dates of one event differ by. Its own
/// date would close the candles of now before they are over.
pub const TRADE_AHEAD_NS_MAX: i64 = 3_000_000_000;
const _: () = assert!(TRADE_AHEAD_NS_MAX < CANDLE_AHEAD_NS_MAX);

/// The same in a recording, ahead of the newest date believed: 30 min. It may be played faster than
/// it was made, so that its quiet times are skipped.
pub const RECORDED_AHEAD_NS_MAX: i64 = 1_800_000_000_000;
const _: () = assert!(RECORDED_AHEAD_NS_MAX > DATE_AHEAD_NS_MAX);

/// Closed candles kept per instrument and interval, unless the history is shorter still: 5,000 ×
/// 35 B × 7 intervals = 1.2 MB per instrument when all are full (of days: after 13 years).
pub const CANDLES_KEPT_MAX: usize = 5_000;

/// What is dated before this is not believed: no exchange of coins is older than the first coin, which
/// was made on 2009-01-03, a 14,247th day × 86,400 s × 1e9. Zero, and seconds where milliseconds are
/// meant (January 1970), lie decades before it. It is the begin of a day, so that no bar of any length
/// lies on both sides.
pub const EXCHANGES_SINCE_NS: i64 = 14_247 * 86_400 * 1_000_000_000;

/// How far an exchange's dates may lie behind ours for its candles to be closed as time goes on. A
/// replayed recording lies years behind; there only later events close candles.
pub const EXCHANGE_LAG_NS_MAX: i64 = 60_000_000_000;

/// Deepest view of a book that a client can ask for; deeper asks for the whole book. A view holds
/// 2 × 1,000 × 32 B = 64 KB and costs a merge of that length per event inside it.
pub const VIEW_DEPTH_MAX: usize = 1_000;
