//! What each counter is called in the exposition, and what it means to a person.

use super::counters::{
    AcceptCounters, AdminCounters, BroadcastCounters, FeedCounters, LineCounters, RequestCounters,
};

/// Upper ends of the latency buckets in nanoseconds: 1, 2.5, 5 per decade, from what one recogniser
/// takes to what only a broken clock or a stopped process takes.
pub(super) const BUCKETS_NS: [u64; 25] = [
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
    30_000_000_000,
];

/// Name without `tickwire_` and `_total`, help, and where the value is.
pub(super) type Entry<Counters> = (&'static str, &'static str, fn(&Counters) -> u64);

/// Counted by a feed.
pub(super) const FEED_COUNTERS: &[Entry<FeedCounters>] = &[
    ("feed_frames", "Frames read from the exchange.", |feed| feed.frames.value()),
    ("feed_bytes", "Bytes of the frames read.", |feed| feed.bytes.value()),
    ("feed_ticks", "Ticks pushed into the rings.", |feed| feed.ticks.value()),
    ("feed_recognised_frames", "Data frames read in place by a recogniser.", |feed| {
        feed.recognised.value()
    }),
    ("feed_fallback_frames", "Data frames left to the general parser.", |feed| {
        feed.fallbacks.value()
    }),
    ("feed_other_frames", "Frames that carry none of our channels.", |feed| feed.other.value()),
    ("feed_exchange_errors", "Error frames sent by the exchange.", |feed| {
        feed.exchange_errors.value()
    }),
    ("feed_gaps", "Holes in the exchange's numbering.", |feed| feed.gaps.value()),
    ("feed_resyncs", "Order books resynchronised.", |feed| feed.resyncs.value()),
    (
        "feed_ended_streams",
        "Streams that the exchange ended, though nobody asked for that.",
        |feed| feed.ended_streams.value(),
    ),
    (
        "feed_trade_ids_refused",
        "Trades told without their id because it is too long to be carried.",
        |feed| feed.trade_ids_refused.value(),
    ),
    ("feed_checksum_failures", "Order books whose checksum did not match.", |feed| {
        feed.checksum_failures.value()
    }),
    (
        "feed_unproven_deltas",
        "Changes of order books and tickers dropped because no snapshot had come before them.",
        |feed| feed.unproven_deltas.value(),
    ),
    (
        "feed_resubscriptions",
        "Subscriptions left and asked for again on a living connection.",
        |feed| feed.resubscriptions.value(),
    ),
    (
        "feed_crossed_quotes",
        "Quotes whose bid lay above their ask; told as the exchange states them.",
        |feed| feed.crossed_quotes.value(),
    ),
    (
        "feed_chatter_ends",
        "Connections ended since they sent pings, pongs or crumbs of messages one after the other.",
        |feed| feed.chatter_ends.value(),
    ),
    (
        "feed_barren_connections",
        "Connections that answered and brought nothing any more, so that another was made.",
        |feed| feed.barren_connections.value(),
    ),
    ("feed_aged_streams", "Streams that fell silent far beyond their own rhythm.", |feed| {
        feed.aged_streams.value()
    }),
    (
        "feed_silence_questions",
        "Questions to connections that fell silent beyond their rhythm.",
        |feed| feed.silence_questions.value(),
    ),
    ("feed_silence_answers", "Questions to silent connections that were answered.", |feed| {
        feed.silence_answers.value()
    }),
    (
        "feed_duplicate_events",
        "Events that were published before: repeated, late, or a copy.",
        |feed| feed.duplicates.value(),
    ),
    (
        "feed_dates_ahead",
        "Events whose date is not believed: further ahead (trades told without a candle, bars left \
         out), or from before any exchange (told without a date).",
        |feed| feed.dates_ahead.value(),
    ),
    (
        "feed_rollovers",
        "Connections replaced as planned, before the exchange closed them.",
        |feed| feed.rollovers.value(),
    ),
    ("feed_unanswered_requests", "Requests that the exchange did not answer in time.", |feed| {
        feed.unanswered.value()
    }),
    ("feed_refused_subscriptions", "Subscriptions that the exchange refused for good.", |feed| {
        feed.refused_subscriptions.value()
    }),
    (
        "feed_postponed_subscriptions",
        "Subscriptions that the exchange refused for now, each time anew.",
        |feed| feed.postponed_subscriptions.value(),
    ),
    ("feed_mute_subscriptions", "Subscriptions accepted that stayed without data.", |feed| {
        feed.mute_subscriptions.value()
    }),
    (
        "feed_held_back_too_long",
        "Streams for which another line was waited for too long, before a gap was told.",
        |feed| feed.held_back_too_long.value(),
    ),
    (
        "feed_held_back_overflows",
        "Events that found no room among those that wait for another line.",
        |feed| feed.held_back_overflows.value(),
    ),
    (
        "feed_circuit_trips",
        "Times that the exchange kept refusing, so that it was only probed.",
        |feed| feed.circuit_trips.value(),
    ),
    ("feed_circuit_probes", "Attempts made while the exchange was only probed.", |feed| {
        feed.circuit_probes.value()
    }),
    (
        "feed_held_back_attempts",
        "Attempts to connect that waited for the exchange's limit of them.",
        |feed| feed.attempts_held_back.value(),
    ),
    ("feed_dropped_reports", "Reports that the control side was too late to hear.", |feed| {
        feed.reports_dropped.value()
    }),
    ("feed_ring_refusals", "Turns in which a full ring refused a tick.", |feed| {
        feed.ring_refusals.value()
    }),
    ("feed_skipped_ticks", "Ticks skipped after a stall beyond the bound.", |feed| {
        feed.skipped.value()
    }),
    (
        "feed_refused_ticks",
        "Ticks that the full ring of a sink refused; told there as gaps.",
        |feed| feed.refused.value(),
    ),
];

/// Counted for each of the lines that carry the same.
pub(super) const LINE_COUNTERS: &[Entry<LineCounters>] = &[
    ("line_wins", "Events of which the line brought the first copy.", |line| line.wins.value()),
    ("line_copies", "Events that another line had brought before.", |line| line.copies.value()),
    (
        "line_missed_trades",
        "Trades that the line skipped; another may have brought them.",
        |line| line.missed.value(),
    ),
    ("line_losses", "Connections of the line that were lost.", |line| line.losses.value()),
];

/// Counted by a broadcaster.
pub(super) const BROADCAST_COUNTERS: &[Entry<BroadcastCounters>] = &[
    ("broadcast_ticks", "Ticks taken from the rings, by all broadcasters.", |broadcast| {
        broadcast.ticks.value()
    }),
    ("broadcast_events", "Events handed to sessions, before conflation.", |broadcast| {
        broadcast.events.value()
    }),
    ("broadcast_conflated_events", "Events replaced by a newer one before sending.", |broadcast| {
        broadcast.conflated.value()
    }),
    (
        "broadcast_late_for_candles",
        "Trades and bars that came for a candle already closed, by all broadcasters.",
        |broadcast| broadcast.late.value(),
    ),
    (
        "broadcast_bars_corrected",
        "Bars of exchanges that were told as closed and came with other numbers, or were missing.",
        |broadcast| broadcast.bars_corrected.value(),
    ),
    (
        "broadcast_bars_repeated",
        "Bars of exchanges that came again as they were told.",
        |broadcast| broadcast.bars_repeated.value(),
    ),
    (
        "broadcast_candles_returned",
        "Candles closed as partial because the exchange's time went back to before them.",
        |broadcast| broadcast.candles_returned.value(),
    ),
    ("broadcast_bytes", "Bytes written to clients.", |broadcast| broadcast.bytes.value()),
    ("broadcast_slow_closes", "Sessions closed as too slow for what may not be dropped.", |all| {
        all.slow_closes.value()
    }),
    (
        "broadcast_evicted_events",
        "Events dropped from histories because all of them together reached history.bytes.",
        |broadcast| broadcast.history_evicted.value(),
    ),
    ("broadcast_bad_requests", "Client requests answered with an error.", |broadcast| {
        broadcast.bad_requests.value()
    }),
    ("broadcast_messages", "Messages of clients heard, pings and pongs among them.", |broadcast| {
        broadcast.messages.value()
    }),
    (
        "broadcast_rate_limited_requests",
        "Client requests refused, and not read, because their client sends too many.",
        |broadcast| broadcast.rate_limited.value(),
    ),
    (
        "broadcast_offender_closes",
        "Sessions closed because they went on with requests that were refused.",
        |broadcast| broadcast.offender_closes.value(),
    ),
    (
        "broadcast_reads_put_off",
        "Reads put off because their client sends crumbs, or goes on after its close.",
        |broadcast| broadcast.reads_put_off.value(),
    ),
];

/// Held by a broadcaster.
pub(super) const BROADCAST_GAUGES: &[Entry<BroadcastCounters>] = &[
    ("clients", "Sessions open.", |broadcast| broadcast.clients.value()),
    ("subscriptions", "Subscriptions of all sessions.", |broadcast| {
        broadcast.subscriptions.value()
    }),
    ("history_bytes", "Bytes of memory that histories hold, of at most history.bytes.", |all| {
        all.history_bytes.value()
    }),
    ("queue_bytes", "Bytes waiting for clients.", |broadcast| broadcast.queue_bytes.value()),
];

/// Counted by the acceptor.
pub(super) const ACCEPT_COUNTERS: &[Entry<AcceptCounters>] = &[
    ("accepted_clients", "Upgraded sockets handed to broadcasters.", |accept| {
        accept.accepted.value()
    }),
    ("handshake_timeouts", "Sockets closed because the upgrade took too long.", |accept| {
        accept.timeouts.value()
    }),
    (
        "handshake_displacements",
        "Sockets ended because their address kept the most of all that may be in a handshake.",
        |accept| accept.displaced.value(),
    ),
    (
        "handshake_reads_put_off",
        "Sockets read four times a second at most until their end or upgrade: their request comes in crumbs.",
        |accept| accept.reads_put_off.value(),
    ),
];

/// Counted by the admin port.
pub(super) const ADMIN_COUNTERS: &[Entry<AdminCounters>] = &[
    (
        "admin_displacements",
        "Connections to the admin port ended because their address kept the most of all there may be.",
        |admin| admin.displaced.value(),
    ),
    (
        "admin_timeouts",
        "Connections to the admin port ended because nothing was answered on them for 10 s.",
        |admin| admin.timeouts.value(),
    ),
    (
        "admin_reads_put_off",
        "Connections to the admin port read four times a second at most: their request comes in crumbs.",
        |admin| admin.reads_put_off.value(),
    ),
];

/// An HTTP status as a label, and where its count is.
pub(super) type Status = (&'static str, fn(&AcceptCounters) -> u64);

/// Refused handshakes by HTTP status.
pub(super) const REFUSALS: &[Status] = &[
    ("400", |accept| accept.refused_400.value()),
    ("403", |accept| accept.refused_403.value()),
    ("404", |accept| accept.refused_404.value()),
    ("426", |accept| accept.refused_426.value()),
    ("429", |accept| accept.refused_429.value()),
    ("431", |accept| accept.refused_431.value()),
    ("503", |accept| accept.refused_503.value()),
];

/// One counter per exchange.
pub(super) const REQUEST_COUNTERS: &[Entry<RequestCounters>] = &[
    ("rest_requests", "Requests sent beside the stream.", |counters| counters.requests.value()),
    ("rest_weight", "Weight of those in the exchange's ledger.", |counters| {
        counters.weight.value()
    }),
    ("rest_failures", "Requests that brought nothing usable.", |counters| {
        counters.failures.value()
    }),
    ("rest_refusals", "Requests that the exchange refused.", |counters| counters.refusals.value()),
    (
        "lists_refused",
        "Lists of instruments given up or cut, as they were longer than any exchange's.",
        |counters| counters.lists_refused.value(),
    ),
    ("rest_held_back", "Times that our own ledger held a request back.", |counters| {
        counters.held_back.value()
    }),
    ("rest_rows_unread", "Rows of lists of instruments that could not be read.", |counters| {
        counters.rows_unread.value()
    }),
];
