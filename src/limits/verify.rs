//! What a measurement sends, waits for and keeps.

use std::time::Duration;

/// Samples that the clients of a load generator hand over at a time.
pub const SWARM_SAMPLES_PER_BATCH: usize = 4_096;

/// Batches that may wait for who evaluates them: 1,024 × 4,096 samples, 20 s of 200,000 a second.
/// Beyond, samples are dropped and counted, and the measurement is void.
pub const SWARM_BATCHES_CAPACITY: usize = 1_024;

/// How often a measurement's samples are fetched. The simulator's records have to reach back further.
pub const VERIFY_FETCH_EVERY: Duration = Duration::from_millis(200);

/// Before it is measured, everything runs for this long: caches, branch predictors, buffers.
pub const VERIFY_WARM_UP: Duration = Duration::from_secs(1);

/// Longest time for what was sent to arrive at the clients.
pub const VERIFY_ARRIVAL_MAX: Duration = Duration::from_secs(10);

/// Longest time for the gateway to be connected to the simulated exchange.
pub const VERIFY_CONNECT_MAX: Duration = Duration::from_secs(15);

/// Longest wait for the answer to a measuring client's upgrade.
pub const VERIFY_UPGRADE_MAX: Duration = Duration::from_secs(10);

/// Longest sleep of a load generator, so that a stop is seen.
pub const SWARM_SLEEP_MAX: Duration = Duration::from_millis(20);

/// How long a sample waits at most before it is handed over.
pub const SWARM_HAND_OVER_EVERY: Duration = Duration::from_millis(100);

/// Reads of one socket in a row, so that one fast sender does not starve the other clients.
pub const SWARM_READS_PER_TURN_MAX: usize = 16;
