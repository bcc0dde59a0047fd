//! One connection to an exchange: how long it is waited for, asked, believed and left alone.

use std::time::Duration;

use super::REFUSED_WAIT_MAX;

/// How soon an attempt is asked for again that another thread takes just now. A feed's thread never waits for it.
pub const ATTEMPT_AGAIN_AFTER: Duration = Duration::from_millis(1);

/// Frames that bring nothing (pings, pongs, crumbs of messages) that one connection to an exchange
/// may bring within a second. Exchanges send one in seconds; more than this ends the connection.
pub const CHATTER_FRAMES_MAX: u32 = 1_000;

/// Over so long they are counted.
pub const CHATTER_WINDOW: Duration = Duration::from_secs(1);

/// Error frames that belong to none of our requests, since the connection last brought data or within a
/// second: exchanges send one and mean it. More of them are a connection that fails.
pub const ERROR_FRAMES_MAX: u32 = 100;

/// Between two looks of connections that wait for the probe of another.
pub const PROBE_LOOK_EVERY: Duration = Duration::from_secs(1);

/// Fewest gaps of a connection's data, the largest of them, and the silence that breaks such a rhythm.
pub const FLOW_BROKEN_AFTER: [(u32, Duration, Duration); 2] = [
    (50, Duration::from_millis(500), Duration::from_secs(4)),
    (16, Duration::from_millis(1_500), Duration::from_secs(12)),
];

// What is promised: told, and another connection begun, 6 s after a busy one's last event, 15 s
// after that of a quieter one.
const _: () = assert!(FLOW_BROKEN_AFTER[0].2.as_secs() < 6);
const _: () = assert!(FLOW_BROKEN_AFTER[1].2.as_secs() < 15);

/// That rhythm is known once it was listened to for so long: what was just subscribed tells all its
/// books at once, and then rests.
pub const FLOW_LISTEN_MIN: Duration = Duration::from_secs(3);

/// Gaps are remembered for one to two of these, so that a burst does not make a quiet market a busy
/// one.
pub const FLOW_WINDOW: Duration = Duration::from_secs(30);

/// What became busy after a pause: events so close to each other.
pub const FLOW_BUSY_GAP: Duration = Duration::from_millis(500);

/// So many of them.
pub const FLOW_BUSY_EVENTS: u32 = 150;

/// For so long.
pub const FLOW_BUSY_FOR: Duration = Duration::from_secs(15);

/// Silence that breaks it: so many times the largest gap of one to two of [`FLOW_LONG_WINDOW`].
pub const FLOW_BUSY_BROKEN_TIMES: u64 = 4;

/// And so much at the least.
pub const FLOW_BUSY_BROKEN_MIN: Duration = Duration::from_secs(12);

/// See [`FLOW_BUSY_BROKEN_TIMES`].
pub const FLOW_LONG_WINDOW: Duration = Duration::from_secs(300);

/// Silence of so many times the largest gap is longer than usual, though it proves nothing yet.
pub const FLOW_LATE_TIMES: u32 = 2;

/// A connection that stood for so long without a hole was a good one, as a book that was live for so
/// long is.
pub const HOLES_GOOD_AFTER: Duration = Duration::from_secs(10);

/// A stream that was not asked for by then, after it was to be, is told to wait for its turn. Most
/// connections have asked for everything long before.
pub const UNSENT_TOLD_AFTER: Duration = Duration::from_secs(1);

/// First wait before a stream is asked for again that the exchange has ended without a word.
pub const ENDED_WAIT: Duration = Duration::from_secs(2);

/// A stream that stood for so long was not ended by what ended it before.
pub const ENDED_LONG_AGO: Duration = REFUSED_WAIT_MAX.saturating_mul(2);

/// The shortest silence of a connection that is asked about: a lost packet that is sent again takes up to
/// a second.
pub const PULSE_ASK_AFTER_MIN: Duration = Duration::from_millis(1_500);

/// The longest one that is not, however quiet the connection is.
pub const PULSE_ASK_AFTER_MAX: Duration = Duration::from_secs(10);

/// In between, silence of so many percent of the largest gap is.
pub const PULSE_ASK_AFTER_PERCENT: u64 = 150;

/// The largest gap is known once so many signs of life came; a connection that has just told all its
/// books at once, and then rests, has no rhythm yet.
pub const PULSE_SIGNS_MIN: u64 = 3;

/// And over so long a time.
pub const PULSE_LISTEN_MIN: Duration = Duration::from_secs(1);

/// It is remembered for one to two of these.
pub const PULSE_WINDOW: Duration = Duration::from_secs(5);

/// A question that is not answered within this time puts the connection in doubt. Round trips are
/// shorter, so that clients hear nothing of questions that are answered.
pub const PULSE_DOUBT_AFTER: Duration = Duration::from_millis(500);

/// Where answers take longer than that, so many percent of the slowest of late are waited for, so
/// that books are not stale and live by turns on a slow way.
pub const PULSE_DOUBT_AFTER_PERCENT: u64 = 150;

/// Over so many answers the slowest one fades to a third.
pub const PULSE_ANSWERS_FADE: u64 = 16;

/// And within this time it ends the connection: the longest round trip that was seen, and as much
/// again for a packet that has to be sent anew.
pub const PULSE_ANSWER_MAX: Duration = Duration::from_secs(3);

/// Bytes of a message that is not whole yet are a sign of life when they are so many: a large
/// snapshot on a slow way takes seconds, and whoever trickles bytes tells us nothing.
pub const PULSE_PART_BYTES: usize = 16 << 10;

// What is promised, with a second for the replacement to ask: 6 s of a busy connection, 15 s of any.
const _: () = assert!(PULSE_ASK_AFTER_MIN.as_millis() + PULSE_ANSWER_MAX.as_millis() <= 5_000);
const _: () = assert!(PULSE_ASK_AFTER_MAX.as_secs() + PULSE_ANSWER_MAX.as_secs() < 15);

/// Between two looks for streams that fell silent.
pub const RHYTHM_LOOK_EVERY: Duration = Duration::from_millis(500);

/// Shorter silence of a stream is nobody's fault, however busy it was.
pub const RHYTHM_SILENCE_MIN: Duration = Duration::from_secs(15);

/// A stream's rhythm is known once it was listened to for so long, and some of its gaps ended.
pub const RHYTHM_LISTEN_MIN: Duration = Duration::from_secs(60);

/// How long a stream is left alone that was refused before it ever spoke; doubles each time.
pub const RHYTHM_REFUSED_WAIT: Duration = Duration::from_secs(300);

/// The same for one that had spoken, so that the exchange does know it.
pub const RHYTHM_REFUSED_KNOWN_WAIT: Duration = Duration::from_secs(10);

/// By how much what one connection brings may come later than the same on another.
pub const RHYTHM_BEHIND_MAX: Duration = Duration::from_secs(1);

/// The answer to a request for streams that takes longer is not expected any more.
pub const ACK_TIMEOUT: Duration = Duration::from_secs(10);

/// How often an unanswered request is made in a row.
pub const REQUEST_TRIES_MAX: u8 = 3;

/// First wait of a stream for which all of those stayed unanswered.
pub const UNANSWERED_WAIT: Duration = Duration::from_secs(10);

/// First wait of a stream that was refused for a reason that nobody knows.
pub const REFUSED_UNKNOWN_WAIT: Duration = Duration::from_secs(10);

/// A connection that delivered, and stood for so long, was a good one, whatever ends it: the next
/// wait is the first again. Shorter lives go on with the growing waits, and what an exchange allows
/// in attempts holds either way, see `feed/connection/attempts.rs`.
pub const SERVED_ENOUGH: Duration = Duration::from_secs(3);

/// An exchange that asks to be left alone for so long will not serve us for now: an error, and no
/// connection that is about to come back.
pub const REFUSED_LONG: Duration = Duration::from_secs(600);
