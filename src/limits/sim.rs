//! What simulators keep, do in one turn, and wait for.

use std::time::Duration;

/// Events in one turn of a simulator, after which the sockets get theirs.
pub const SIM_EVENTS_PER_TURN_MAX: usize = 256;

/// Turns at one instant, so that a market without a rate ends its turn.
pub const SIM_TURNS_MAX: usize = 64;

/// Ended bars that are kept of each interval: a day of minutes, and what clients ask for at most.
pub const SIM_BARS_KEPT: usize = 1_500;

/// Longest message that a simulator's client may send.
pub const SIM_MESSAGE_BYTES_MAX: usize = 1 << 20;

/// Between two bytes of a message that a fault lets trickle.
pub const SIM_TRICKLE_EVERY: Duration = Duration::from_millis(100);

/// Orders of the market behind Deriv's prices, at most so many a second: nobody sees them.
pub const SIM_DERIV_ORDERS_PER_SECOND_MAX: u32 = 1_000;

/// Deriv's ticks and, per length, bars that are remembered.
pub const SIM_DERIV_PRICES_KEPT: usize = 1_000;

/// Connections are looked at this often for those that say nothing.
pub const SIM_IDLE_LOOK_EVERY: Duration = Duration::from_secs(1);

/// Longest head of a request to a simulator that is read.
pub const SIM_REQUEST_BYTES_MAX: usize = 64 << 10;

/// Ids of trades leap no further, so that there are numbers left.
pub const SIM_TRADE_ID_MAX: u64 = u64::MAX - (1 << 32);

/// After the last subscription of a client so long passes before the first frame: clients
/// subscribe in several messages, and all of them shall be in place.
pub const SIM_QUIET_BEFORE: Duration = Duration::from_millis(100);

/// Frames of a recording that one client gets in one turn at most.
pub const SIM_FRAMES_PER_TURN_MAX: usize = 256;

/// Heartbeats and ages are looked at this often.
pub const SIM_CARE_EVERY: Duration = Duration::from_millis(50);

/// Longest sleep, so that a clock that a test moves by hand is followed.
pub const SIM_SLEEP_MAX: Duration = Duration::from_millis(5);

/// A sleep may end this much late; the rest of the way to a trade's instant is spun.
pub const SIM_SLEEP_SLACK: Duration = Duration::from_micros(80);

/// Connections to a simulator at a time; more are closed as they come.
pub const SIM_CONNECTIONS_MAX: usize = 1_024;

/// A connection that was closed here and whose client takes no more is cut off after so long.
pub const SIM_CLOSING_MAX: Duration = Duration::from_secs(5);

/// Commands that may wait for a simulator's thread.
pub const SIM_COMMANDS_CAPACITY: usize = 64;

/// How long a question to it may take.
pub const SIM_ANSWER_MAX: Duration = Duration::from_secs(5);

/// The largest order, in lots.
pub const SIM_LOTS_MAX: i64 = 9_000_000_000;
