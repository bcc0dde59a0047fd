//! What the log says of the feeds: in words, and aloud only what is no ordinary course.

use std::time::Duration;

use crate::exchange::{RefusalKind, Subscription};
use crate::feed::Refusal;
use crate::instrument::{ExchangeId, Symbol};
use crate::limits;
use crate::metrics::Stats;
use crate::tick::{FeedState, Reason};

/// Most feeds have one connection, which needs no number.
pub(super) fn numbered(line: u8) -> Option<u8> {
    (line > 0).then_some(line)
}

/// A symbol that the exchange does not list.
pub(super) fn log_unlisted(exchange: ExchangeId, symbol: &Symbol, nearest: &[Symbol]) {
    let words = "the exchange does not list this symbol, so it is not carried";
    let nearest: Vec<&str> = nearest.iter().map(Symbol::as_str).collect();
    let nearest = (!nearest.is_empty()).then(|| nearest.join(", "));
    tracing::warn!(%exchange, %symbol, nearest, "{words}");
}

/// Whether two refusals differ in nothing but in what they are about: they are told as one.
pub(super) fn are_alike(one: &Refusal, other: &Refusal) -> bool {
    let outcome = |refusal: &Refusal| (refusal.given_up.is_empty(), refusal.postponed.is_empty());
    let kind = |refusal: &Refusal| refusal.kind.map(RefusalKind::name);
    (one.line, kind(one), outcome(one)) == (other.line, kind(other), outcome(other))
        && one.given_up.is_empty()
}

/// The exchange's own words, and what they cost: by its own spelling, which it may not know.
pub(super) fn log_refusal(exchange: ExchangeId, refusal: &Refusal) {
    let Refusal { line, text, given_up, postponed, wait, .. } = refusal;
    let line = numbered(*line);
    // Where nothing was said, it is concluded from what was not answered.
    let said = (!text.is_empty()).then_some(text.as_str());
    if !postponed.is_empty() {
        let (count, streams) = (postponed.len(), named(postponed));
        tracing::warn!(
            %exchange, line, said, count, streams,
            "refused for now, and asked for again in {:.1} s", wait.as_secs_f64()
        );
    }
    for Subscription { native, channel, .. } in given_up {
        let channel = channel.name();
        tracing::warn!(%exchange, line, symbol = %native, channel, said, "refused, and given up");
    }
    if !given_up.is_empty() || !postponed.is_empty() {
        return;
    }
    // What of it lasts is told with its names once that is known.
    if refusal.is_pending {
        tracing::debug!(%exchange, line, said, "refused, and looked for what of it");
    }
}

/// So many errors that cost nothing asked for, in the words of the last.
pub(super) fn log_complaints(exchange: ExchangeId, count: u64, last: &Refusal) {
    let (line, said) = (numbered(last.line), last.text.as_str());
    let count = (count > 1).then_some(count);
    tracing::warn!(%exchange, line, count, said, "{}", complaint(last));
}

/// What an error comes to that costs nothing asked for: it names a request that nothing depends on,
/// or none at all.
pub(super) const fn complaint(said: &Refusal) -> &'static str {
    match said.id {
        Some(_) => "the exchange refused a request on which nothing depends",
        None => "the exchange reports an error that answers no request",
    }
}

/// The first of some streams, by name, each once.
fn named(streams: &[Subscription]) -> String {
    let mut names: Vec<String> = Vec::new();
    for one in streams {
        let name = match one.interval {
            Some(interval) => {
                format!("{} {} {}", one.native, one.channel.name(), interval.name())
            }
            None => format!("{} {}", one.native, one.channel.name()),
        };
        if names.len() == limits::STREAMS_NAMED_MAX {
            return names.join(", ") + ", …";
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}

/// A connection in another state; `lines` says how many of the feed's are up, of how many.
pub(super) fn log_state(
    exchange: ExchangeId,
    (line, lines): (u8, (usize, usize)),
    (state, reason): (FeedState, Reason),
    attempt: u32,
    detail: Option<&str>,
) {
    let line = numbered(line);
    let up = (lines.1 > 1).then(|| format!("{} of {} up", lines.0, lines.1));
    let reason_name = reason.name();
    match (state, reason) {
        (FeedState::Reconnecting, _) => {
            tracing::warn!(
                %exchange, line, lines = up, detail, "{reason_name}; attempt {attempt} follows"
            );
        }
        (FeedState::Error, _) => {
            let words = "tried again, but rarely";
            tracing::error!(%exchange, line, lines = up, detail, "{reason_name}; {words}");
        }
        (FeedState::Connected, Reason::None) if attempt > 0 => {
            tracing::info!(%exchange, line, lines = up, "connected again");
        }
        (FeedState::Connected | FeedState::Connecting, Reason::Rollover) => {
            tracing::info!(%exchange, line, detail, "goes on with the connection made beside");
        }
        (FeedState::Disconnected, Reason::UnknownSymbol) => {
            let words = "the exchange lists nothing of what this connection was to carry";
            tracing::warn!(%exchange, line, "{words}; it waits for the next list");
        }
        (_, Reason::None | Reason::Requested) => {
            tracing::debug!(%exchange, line, detail, "{}", state.name());
        }
        _ => tracing::info!(%exchange, line, detail, "{}: {reason_name}", state.name()),
    }
}

/// What was counted until the last line of statistics.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LastMinute {
    gaps: u64,
    resyncs: u64,
    events: u64,
    conflated: u64,
    slow_closes: u64,
}

impl LastMinute {
    fn of(stats: &Stats) -> Self {
        Self {
            gaps: stats.feeds.iter().map(|feed| feed.gaps).sum(),
            resyncs: stats.feeds.iter().map(|feed| feed.resyncs).sum(),
            events: stats.clients.events,
            conflated: stats.clients.conflated,
            slow_closes: stats.clients.slow_closes,
        }
    }

    /// What came since; a feed that was removed takes its counts with it.
    const fn since(self, earlier: Self) -> Self {
        Self {
            gaps: self.gaps.saturating_sub(earlier.gaps),
            resyncs: self.resyncs.saturating_sub(earlier.resyncs),
            events: self.events.saturating_sub(earlier.events),
            conflated: self.conflated.saturating_sub(earlier.conflated),
            slow_closes: self.slow_closes.saturating_sub(earlier.slow_closes),
        }
    }

    /// One line that says whether all is well, of what happened since the last; each feed's own
    /// numbers since the start for who asks for more.
    pub(super) fn log(&mut self, stats: &Stats) {
        log_feeds(stats);
        let now = Self::of(stats);
        let new = now.since(std::mem::replace(self, now));
        let connected = stats.feeds.iter().filter(|feed| feed.state == "connected").count();
        let path = stats.latency.iter().find(|span| span.span == "socket_to_client");
        tracing::info!(
            feeds = format_args!("{connected}/{}", stats.feeds.len()),
            books_live = stats.feeds.iter().map(|feed| feed.books.live).sum::<u64>(),
            gaps = new.gaps,
            resyncs = new.resyncs,
            clients = stats.clients.open,
            events = new.events,
            events_per_second = new.events / limits::STATISTICS_EVERY.as_secs(),
            conflated = new.conflated,
            slow_closes = new.slow_closes,
            resident_mib = stats.resident_bytes.unwrap_or(0) >> 20,
            socket_to_client_p99_us = path.map_or(0, |span| span.last_minute.p99_ns / 1_000),
            "the last minute"
        );
    }
}

fn log_feeds(stats: &Stats) {
    for feed in &stats.feeds {
        tracing::debug!(
            exchange = feed.exchange,
            state = feed.state,
            frames = feed.frames,
            ticks = feed.ticks,
            ticks_per_second = format_args!("{:.0}", feed.ticks_per_second),
            gaps = feed.gaps,
            resyncs = feed.resyncs,
            "feed"
        );
    }
}

/// How long a connection was silent, for a line of the log.
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
