//! The control side: its queues and waits, what it logs and measures.

use std::time::Duration;

/// The longest latency told apart: 60 s. Longer ones count as this.
pub const LATENCY_NS_MAX: u64 = 60_000_000_000;

/// Sets of histograms of one thread, 360 KiB each: one fills while two may wait for the control
/// thread. When that is late the one that fills goes on filling; nothing is lost.
pub const LATENCY_SETS: usize = 3;

/// Slots of ten seconds in the sliding window over latencies: one minute.
pub const LATENCY_WINDOW_SLOTS: usize = 6;

/// Samples, a second apart, between which a rate is taken.
pub const RATE_SAMPLES: usize = 11;

/// Lines that one place of the program may write to the log at once, and each second afterwards.
/// What is left out is counted and told with the next one that is not.
pub const LOG_LINES_BURST: u64 = 200;
/// See [`LOG_LINES_BURST`]. All 150 places together write 300 KB a second at worst.
pub const LOG_LINES_PER_SECOND: u64 = 10;

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

/// Connections to the admin port at a time; one more ends the oldest of the address that has the
/// most. A browser opens six, a scraper one.
pub const ADMIN_CONNECTIONS_MAX: usize = 64;

/// How long a connection to the admin port may go on without being answered something.
pub const ADMIN_WAIT_MAX: Duration = Duration::from_secs(10);

/// Reads of a connection to the admin port before something is written to it: a scraper's request is
/// one, a browser's one or two. Whoever has none left is read once in [`ADMIN_READ_EVERY`], until it
/// is answered: 64 places are 256 reads a second then, each of which reads the head anew.
pub const ADMIN_READS_MAX: u32 = 64;
/// See [`ADMIN_READS_MAX`].
pub const ADMIN_READ_EVERY: Duration = Duration::from_millis(250);
