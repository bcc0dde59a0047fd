//! Every bound of the program in one place, with its arithmetic in words.
//!
//! Reaching a bound is a defined, counted behaviour; the item's text says which.

use std::time::Duration;

/// Instruments of one run, over all exchanges. Adding more is refused with an error.
pub const INSTRUMENTS_MAX: usize = 16_384;

/// Ticks a feed may be ahead of a broadcaster: 65,536 × 64 B = 4 MiB per feed and broadcaster.
/// A full ring is no loss: the feed stops reading and TCP pushes back.
pub const RING_TICKS_CAPACITY: usize = 1 << 16;
const _: () = assert!(RING_TICKS_CAPACITY.is_power_of_two());

/// Bytes readable after every frame handed to a parser: one simd-json block of 64, so that vector
/// loads never leave the buffer.
pub const FRAME_PADDING: usize = 64;

/// Ticks of one frame whose memory is kept; a frame of more is legal, its memory is given back.
pub const BATCH_TICKS_KEPT: usize = 1_024;

/// Levels of one frame whose memory is kept: 8,192 × 40 B = 320 KiB per connection.
pub const BATCH_LEVELS_KEPT: usize = 8_192;

/// The longest latency told apart: 60 s. Longer ones count as this.
pub const LATENCY_NS_MAX: u64 = 60_000_000_000;

/// Sets of histograms of one thread, 360 KiB each: one fills while two may wait for the control
/// thread. When that is late the one that fills goes on filling; nothing is lost.
pub const LATENCY_SETS: usize = 3;

/// Slots of ten seconds in the sliding window over latencies: one minute.
pub const LATENCY_WINDOW_SLOTS: usize = 6;

/// Commands that wait for a broadcaster; a full queue refuses, and the acceptor answers 503.
pub const BROADCAST_COMMANDS_CAPACITY: usize = 1_024;

/// Samples, a second apart, between which a rate is taken.
pub const RATE_SAMPLES: usize = 11;

/// Addresses of one host that a feed tries, one after the other.
pub const ADDRESSES_MAX: usize = 4;

/// Connections of one feed, which are numbered in a byte. More are refused with an error.
pub const FEED_CONNECTIONS_MAX: usize = u8::MAX as usize;

/// Commands that wait for a feed: mostly snapshots, one per book at worst. Senders wait for room.
pub const FEED_COMMANDS_CAPACITY: usize = 256;

/// Reports that wait for the control side, from all feeds. Questions that find it full are asked
/// again later, and the last state of a line waits for room; words for the log get three quarters
/// of it, and what is beyond that is dropped and counted.
pub const FEED_REPORTS_CAPACITY: usize = 4_096;
/// Bytes of one chunk of an outbox; also about what one write takes from a lagging client's queue.
pub const OUTBOX_CHUNK_BYTES: usize = 32 * 1_024;

/// Free chunks that a broadcaster keeps: 256 × 32 KiB = 8 MiB. More are given back to the system.
pub const OUTBOX_CHUNKS_KEPT: usize = 256;

/// Bytes of a turn's encoded frames whose memory is kept.
pub const ARENA_BYTES_KEPT: usize = 2 * 1_024 * 1_024;

/// Bytes that one session may take from its outbox to the kernel in one turn, so that a client
/// that reads again after a pause does not make the others wait.
pub const FLUSH_BYTES_MAX: usize = 128 * 1_024;

/// The same of all sessions together, of what waited for them; what this turn made goes out besides.
/// The kernel copies 128 KiB in some 40 µs. Whose turn did not come is the first in the next one.
pub const FLUSH_BYTES_PER_TURN: usize = 128 * 1_024;
const _: () = assert!(FLUSH_BYTES_PER_TURN >= FLUSH_BYTES_MAX);

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
/// Longest frame after which the general parser keeps its memory: 256 KiB of text make a tape of at
/// most 3 MiB. A longer frame is read as well; its memory is given back at once.
pub const JSON_BYTES_KEPT: usize = 256 << 10;

/// Levels that one frame may hold. The largest frame known holds 46,000; a frame of more is
/// rejected, counted, and its book resynchronised.
pub const FRAME_LEVELS_MAX: usize = 262_144;
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

/// Bytes a client session starts with: requests are some hundred bytes, and 10,000 sessions hold
/// 40 MiB. A larger request makes it grow, up to the session's own bound.
pub const SESSION_BUFFER_BYTES: usize = 4 << 10;

/// Parts of one exchange's list of instruments: its classes, the families of its options, and pages
/// of 1,000 entries. The largest list has 3,000 entries, the most families are some dozens.
pub const LIST_PARTS_MAX: usize = 100;

/// How often an exchange is asked what it trades: what is listed newly comes alive within an hour, for
/// a weight of 20 of 6,000 a minute where that is dearest (Binance).
pub const LIST_EVERY: Duration = Duration::from_secs(3_600);

/// Bytes asked of the kernel in one read of a client's socket.
pub const SESSION_READ_BYTES: usize = 2 << 10;
const _: () = assert!(SESSION_BUFFER_BYTES >= SESSION_READ_BYTES + FRAME_PADDING);

/// Reads after which a receive buffer that grew for a huge frame, and was not needed again since,
/// is given back.
pub const LARGE_BUFFER_READS_KEPT: u32 = 256;

/// Bytes of one frame, or of one message put together of fragments, where an exchange states no
/// bound of its own: the largest seen is 8 MB. A larger one ends the connection.
pub const FRAME_BYTES_MAX: usize = 16 << 20;

/// Bytes of one request of a client. A larger one ends the session.
pub const REQUEST_BYTES_MAX: usize = 64 << 10;

/// Bytes of a request or response head of a handshake. A longer one ends the connection.
pub const HANDSHAKE_BYTES_MAX: usize = 16 << 10;

/// Bytes of unsent replies to pings, about 500 of them; a peer that sends more pings without
/// reading what they are answered ends its connection.
pub const CONTROL_OUTBOX_BYTES_MAX: usize = 64 << 10;
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

/// Levels of deltas that wait for one book's snapshot: 32,768 × 40 B = 1.3 MiB. Binance's busiest
/// book sends about 500 a second, so they cover a minute of waiting. Beyond, the newest delta
/// starts the chain anew and the snapshot is asked for again.
pub const HELD_LEVELS_MAX: usize = 32_768;

/// Deltas that wait for one book's snapshot; beyond, as for their levels.
pub const HELD_EVENTS_MAX: usize = 8_192;

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

/// Connections to the admin port at a time; one more ends the oldest of the address that has the
/// most. A browser opens six, a scraper one.
pub const ADMIN_CONNECTIONS_MAX: usize = 64;

/// How long a connection to the admin port may go on without being answered something.
pub const ADMIN_WAIT_MAX: Duration = Duration::from_secs(10);

/// How often it is told that there are no file descriptors left.
pub const DESCRIPTORS_TOLD_EVERY: Duration = Duration::from_secs(60);

/// Bytes that the kernel takes for one client beyond what it has sent already (a socket's
/// `TCP_NOTSENT_LOWAT`): some 400 events, so that what waits can still be conflated.
pub const CLIENT_UNSENT_BYTES: u32 = 64 * 1_024;
/// Events of one instrument and channel that can be kept: 1,048,576 of some 16 bytes each.
pub const HISTORY_EVENTS_MAX: usize = 1 << 20;

/// Bytes of the chunks that histories are made of: some 60 trades or 120 levels of a book, so that
/// a stream with a few events takes little more than they need.
pub const HISTORY_CHUNK_BYTES: usize = 1 << 10;

/// Fewest bytes of all histories together, of each broadcaster: a thousand chunks.
pub const HISTORY_BYTES_MIN: usize = 1 << 20;

/// Most bytes of all histories together. Address space for them is reserved at start.
pub const HISTORY_BYTES_MAX: usize = 64 << 30;

/// Broadcaster threads; each gets a ring of its own from each feed.
pub const BROADCASTERS_MAX: usize = 64;

/// Fewest bytes of a client's queue: one large book snapshot must fit.
pub const CLIENT_QUEUE_BYTES_MIN: usize = 16 << 10;

/// Most bytes of a client's queue.
pub const CLIENT_QUEUE_BYTES_MAX: usize = 1 << 30;
/// How long after its end, by the exchange's time, a candle without a later trade stays open for
/// trades that are still on their way: 1 s. Later ones are counted and left out.
pub const CANDLE_GRACE_NS: i64 = 1_000_000_000;

/// The same for a candle that the exchange makes: 3 s, as the last state of one comes up to two
/// seconds after its end (Binance sends each two seconds, Coinbase each second).
pub const EXCHANGE_CANDLE_GRACE_NS: i64 = 3_000_000_000;

/// How many bars back an exchange may correct one of its own, or bring one that was missing: 64, an
/// hour of minutes. 64 × 8 B × 7 intervals = 3.5 KiB per instrument whose bars are its exchange's.
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

/// How far an exchange's dates may lie behind ours for its candles to be closed as time goes on. A
/// replayed recording lies years behind; there only later events close candles.
pub const EXCHANGE_LAG_NS_MAX: i64 = 60_000_000_000;

/// Deepest view of a book that a client can ask for; deeper asks for the whole book. A view holds
/// 2 × 1,000 × 32 B = 64 KB and costs a merge of that length per event inside it.
pub const VIEW_DEPTH_MAX: usize = 1_000;

/// Names that wait to be resolved; more are answered as unknown, and asked again by backoff.
pub const RESOLVE_QUEUE_CAPACITY: usize = 64;

/// Threads that resolve: one that hangs leaves the other.
pub const RESOLVE_THREADS: usize = 2;

/// Requests for books that wait for an exchange's ledger: every instrument once fits.
pub const REQUEST_QUEUE_CAPACITY: usize = INSTRUMENTS_MAX;

/// Largest body of an answer beside the stream. The list of all instruments of an exchange is the
/// largest known: 15 MB.
pub const REST_BODY_BYTES_MAX: u64 = 64 << 20;
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
/// Samples that the clients of a load generator hand over at a time.
pub const SWARM_SAMPLES_PER_BATCH: usize = 4_096;

/// Batches that may wait for who evaluates them: 1,024 × 4,096 samples, 20 s of 200,000 a second.
/// Beyond, samples are dropped and counted, and the measurement is void.
pub const SWARM_BATCHES_CAPACITY: usize = 1_024;
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
/// How long a session that was closed waits for its client's close frame.
pub const CLOSE_WAIT: Duration = Duration::from_secs(5);

/// The same where the client was closed because it does not read: a minute, in which it may read
/// again and learn why. What waits for it was dropped, so that it holds a place and nothing else.
pub const CLOSE_WAIT_UNREAD: Duration = Duration::from_secs(60);

/// Bytes waiting for one client from which on it lags: quotes, tickers and books are then
/// conflated. Some 400 events, a tenth of a second at 4,000 events/s.
pub const OUTBOX_BYTES_SOFT: usize = 64 * 1_024;

/// Bytes encoded for one session in one turn of what it is owed (snapshots, resumed events).
pub const CATCH_UP_BYTES_MAX: usize = 64 * 1_024;

/// Events of a stream replayed to one session at once, when it resumes.
pub const REPLAY_EVENTS_MAX: usize = 512;

/// Ticks that a broadcaster takes from one ring before it looks at the next.
pub const TICKS_PER_DRAIN: usize = 64;

/// Ticks that a broadcaster takes from its rings in one turn; the rest waits for the next, after
/// clients were heard. 4,096 ticks encode in about half a millisecond.
pub const TICKS_PER_TURN_MAX: usize = 4_096;

/// Encoded bytes at which a broadcaster writes before it takes more ticks.
pub const ARENA_FLUSH_BYTES: usize = 64 * 1_024;

/// Ticks between two writes whose way is measured to its end. 64 of each ring or 64 KiB of events
/// come first.
pub const TICKS_STAMPED_PER_FLUSH: usize = 4_096;

/// How often heartbeats are looked at.
pub const SWEEP_EVERY: Duration = Duration::from_millis(100);

/// Sessions whose heartbeat is looked at in one turn.
pub const SESSIONS_SWEPT_PER_TURN: u32 = 256;

/// Messages, and reads, of one client in one turn.
pub const MESSAGES_PER_TURN: usize = 8;

/// Bytes that a broadcaster encodes in one turn of what clients asked for, over all of them; the
/// others' turn is the next. Some 1,000 events, 0.05 ms; one book is told at once, however large.
pub const ANSWER_BYTES_PER_TURN_MAX: usize = 128 * 1_024;

/// Records of a history that are read at once for one client: 512 of some 20 ns, and where they are
/// told of some 150 B, 64 KiB.
pub const HISTORY_RECORDS_PER_PIECE: usize = 512;

/// What a piece of an answer counts as at least, so that pieces without bytes end a turn too.
pub const ANSWER_PIECE_BYTES_MIN: usize = 8 * 1_024;

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

/// How often in a connection's life a book without numbers is made anew because something is taken out
/// of it that is not there: after the third new snapshot, some four seconds (0, 1 and 2 s of waiting),
/// that is how its exchange tells changes, and no sign of a loss any more.
pub const STRAY_REMOVALS_MAX: u8 = 3;

/// How long a book whose numbers show a loss may wait for its next event to show whether a frame
/// that could not be read was of it: 2 s. Books that change at all do so within one; others are made
/// anew. As long as it waits it is shown as stale once, however many such frames come.
pub const BOOK_SUSPECT_MAX: Duration = Duration::from_secs(2);

/// Lines that one place of the program may write to the log at once, and each second afterwards.
/// What is left out is counted and told with the next one that is not.
pub const LOG_LINES_BURST: u64 = 200;
/// See [`LOG_LINES_BURST`]. All 150 places together write 300 KB a second at worst.
pub const LOG_LINES_PER_SECOND: u64 = 10;

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

/// Connections that carry the same, as `lines` configures.
pub const LINES_MAX: usize = 2;

/// Columns of a terminal that are drawn on, and rows: larger than any real one (a wall of 8K at ten
/// pixels a column has 768), and 150,000 cells of 40 bytes, twice, are 12 MB.
pub const SCREEN_COLUMNS_MAX: u16 = 750;
/// See [`SCREEN_COLUMNS_MAX`].
pub const SCREEN_ROWS_MAX: u16 = 200;

/// Lines of the log that are kept for the screen: several screens full, 500 × 1 KiB = 500 KiB.
pub const LOG_LINES_KEPT: usize = 500;

/// Bytes of one of them; what is longer is cut there, and whole on standard error.
pub const LOG_LINE_BYTES_KEPT: usize = 1 << 10;

/// Longest wait that a refused upgrade is believed. Exchanges ban for up to three days; an hour
/// costs 72 attempts over those, and what a server writes by mistake silences nobody for good.
pub const REFUSED_FOR_MAX: Duration = Duration::from_secs(3_600);

/// Longest wait before a stream that was refused for now is asked for again, unless the exchange
/// itself names a longer one. A thousand streams of one symbol each are 200 requests a minute then,
/// and as they come back together, ten in messages of a hundred; five minutes is also what a
/// market that opened, or an exchange that recovered, is noticed late by at the most.
pub const REFUSED_WAIT_MAX: Duration = Duration::from_secs(300);

// The control side.

/// How often the log gets a line of statistics.
pub const STATISTICS_EVERY: Duration = Duration::from_secs(60);

/// How often it is looked whether refusals are to be told that waited for the exchange's list.
pub const REFUSALS_LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long what was given up waits to be told, as the list may have another spelling for it.
pub const LIST_WAIT: Duration = Duration::from_secs(10);

/// How long requests under way are waited for at the end.
pub const REQUESTS_STOP_MAX: Duration = Duration::from_millis(500);

/// Reports that are heard before the log is told of refusals among them.
pub const REPORTS_TOGETHER_MAX: usize = 256;

/// Parts of lists that wait. Who sends one waits for room.
pub const LISTINGS_CAPACITY: usize = 64;

/// Orders that wait; who gives one waits for room.
pub const ORDERS_CAPACITY: usize = 16;

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

/// How often handshakes are asked whether their time is over.
pub const DEADLINES_EVERY: Duration = Duration::from_millis(250);

/// How long to wait when there was no file descriptor left.
pub const DESCRIPTORS_WAIT: Duration = Duration::from_secs(1);

/// Between two lines about one exchange's. The first is told at once; an exchange that finds other
/// words for each gets no more lines than one that repeats itself.
pub const COMPLAINTS_TOLD_EVERY: Duration = Duration::from_secs(10);

/// How long a stop waits for answers under way.
pub const ADMIN_STOP_MAX: Duration = Duration::from_secs(1);

/// Streams named in one line of the log.
pub const STREAMS_NAMED_MAX: usize = 20;

/// Names that a person is shown at most.
pub const NEAREST_NAMES_MAX: usize = 3;

/// Letters by which a name may differ from another that was perhaps meant; of fewer than so many
/// letters only one, as two of seven make ETHUSDT of BTCUSDT.
pub const NEAREST_DISTANCE_MAX: usize = 2;

/// How long threads have to end that have nothing to deliver, and the others beyond what they are given
/// for that: a feed may be in a turn and wait a second for its rings, the admin port as long for what
/// was asked.
pub const GATEWAY_STOP_MAX: Duration = Duration::from_secs(2);

/// Characters of a client's own words that an error repeats.
pub const QUOTED_CHARS_MAX: usize = 60;

// Sockets.

/// After so much silence the kernel asks the peer whether it lives. A second line of defence: the
/// heartbeats of exchanges and sessions are faster.
pub const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);

/// How often it asks again.
pub const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);

/// Plaintext that a TLS connection takes before the kernel took its ciphertext.
pub const TLS_SEND_BYTES_MAX: usize = 256 << 10;

/// Bytes of a refusal's body that are kept for the log.
pub const REFUSAL_BYTES_KEPT: usize = 256;

// What is measured.

/// How often a recorder hands over.
pub const LATENCY_HAND_OVER_EVERY: Duration = Duration::from_secs(1);

/// Time that one slot of the sliding window covers.
pub const LATENCY_WINDOW_SLOT: Duration = Duration::from_secs(10);

/// How long the probe asks to sleep. A thousand wake-ups a second cost about half a percent of a
/// core; a longer sleep would miss short stalls.
pub const STALL_PROBE_SLEEP: Duration = Duration::from_millis(1);

/// The most nanoseconds that a budget may allow: an hour.
pub const BUDGET_NS_MAX: u64 = 3_600_000_000_000;

/// How often everything is collected, and the clock's date refreshed.
pub const OBSERVE_EVERY: Duration = Duration::from_secs(1);

/// Names of threads that ended by a panic and were not taken yet; the first is enough for a stop.
pub const THREAD_FAILURES_KEPT: usize = 16;

// The watching client.

/// How often a waiting client looks whether it is to stop.
pub const WATCH_LOOK_EVERY: Duration = Duration::from_millis(100);

/// The gateway pings each 30 seconds; two that stay out mean that nobody is there.
pub const WATCH_SILENCE_MAX: Duration = Duration::from_secs(75);
