//! What a measurement sends, waits for and keeps.

/// Samples that the clients of a load generator hand over at a time.
pub const SWARM_SAMPLES_PER_BATCH: usize = 4_096;

/// Batches that may wait for who evaluates them: 1,024 × 4,096 samples, 20 s of 200,000 a second.
/// Beyond, samples are dropped and counted, and the measurement is void.
pub const SWARM_BATCHES_CAPACITY: usize = 1_024;
