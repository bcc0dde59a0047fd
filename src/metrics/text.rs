//! The exposition for Prometheus, in its own format and in OpenMetrics.
//!
//! Names start with `tickwire_` and end in `_total`, in a base unit, or in the plural of what a
//! gauge counts. Labels are few and bounded: never a symbol, never a client.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::Registry;

use super::catalogue::{
    ACCEPT_COUNTERS, ADMIN_COUNTERS, BROADCAST_COUNTERS, BROADCAST_GAUGES, BUCKETS_NS,
    FEED_COUNTERS, LINE_COUNTERS, REFUSALS, REQUEST_COUNTERS,
};
use super::counters::{BroadcastCounters, Counter, FeedCounters};
use super::observatory::{LineView, Observatory, Registered};
use crate::exchange::{RefusalKind, Rejected};
use crate::latency::{Histograms, Span};
use crate::tick::{BookState, FeedState, Reason};

/// Which of the two text formats a scraper asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposition {
    /// `text/plain; version=0.0.4`, which every scraper reads.
    Prometheus,
    /// OpenMetrics 1.0, for scrapers that ask for it.
    OpenMetrics,
}

impl Exposition {
    /// The better one that an `Accept` header allows.
    pub fn from_accept(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    /// For the `Content-Type` header.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Everything that is counted, as text.
pub fn expose(observatory: &Arc<Observatory>, exposition: Exposition) -> String {
    let mut registry = Registry::with_prefix("tickwire");
    registry.register_collector(Box::new(Exposed(Arc::clone(observatory))));
    let mut page = String::new();
    let written = text::encode(&mut page, &registry);
    debug_assert!(written.is_ok(), "a String takes everything");
    match exposition {
        Exposition::OpenMetrics => page,
        Exposition::Prometheus => prometheus_text(&page),
    }
}

/// OpenMetrics to the older format: there a family is named as its samples are, and there is no
/// `info`, `UNIT` or `EOF`.
fn prometheus_text(open_metrics: &str) -> String {
    let mut page = String::with_capacity(open_metrics.len());
    let mut help = "";
    for line in open_metrics.lines() {
        let mut words = line.splitn(4, ' ');
        let line_written = match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("HELP"), Some(_), Some(text)) => {
                help = text;
                Ok(())
            }
            (Some("#"), Some("TYPE"), Some(name), Some(kind)) => {
                let (suffix, kind) = match kind {
                    "counter" => ("_total", kind),
                    "info" => ("_info", "gauge"),
                    _ => ("", kind),
                };
                write!(page, "# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}\n")
            }
            (Some("#"), ..) => Ok(()),
            _ => writeln!(page, "{line}"),
        };
        debug_assert!(line_written.is_ok(), "a String takes everything");
    }
    page
}

/// Reads the observatory at each scrape.
#[derive(Debug)]
struct Exposed(Arc<Observatory>);

impl Collector for Exposed {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let observatory = &self.0;
        let now = observatory.clock().now();
        let mut page = Page { encoder };
        let mut registered = observatory.registered();
        registered.collect(now);
        page.feeds(&registered, now.0)?;
        page.broadcasters(&registered)?;
        page.accept(&registered)?;
        page.requests(&registered)?;
        page.latencies(&registered)?;
        page.budget(&registered)?;
        page.process(now.since(observatory.started()))
    }
}

type Labels = Vec<(&'static str, String)>;

/// No label.
fn bare(value: u64) -> [(Labels, u64); 1] {
    [(Labels::new(), value)]
}

/// The label of an exchange.
fn of(exchange: &str) -> Labels {
    vec![("exchange", exchange.to_owned())]
}

/// The labels of an exchange and one of the lines that carry the same.
fn of_line(exchange: &str, line: usize) -> Labels {
    vec![("exchange", exchange.to_owned()), ("line", line.to_string())]
}

/// The labels of an exchange and a reason.
fn because(exchange: &str, reason: &str) -> Labels {
    vec![("exchange", exchange.to_owned()), ("reason", reason.to_owned())]
}

struct Page<'a> {
    encoder: DescriptorEncoder<'a>,
}

impl Page<'_> {
    fn counter(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels, u64)>,
    ) -> fmt::Result {
        let none: Option<&Exemplar<NoLabelSet, u64>> = None;
        let mut family = self.encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in samples {
            if labels.is_empty() {
                family.encode_counter(&value, none)?;
            } else {
                family.encode_family(&labels)?.encode_counter(&value, none)?;
            }
        }
        Ok(())
    }

    fn gauge(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels, f64)>,
    ) -> fmt::Result {
        let mut family = self.encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in samples {
            if labels.is_empty() {
                family.encode_gauge(&value)?;
            } else {
                family.encode_family(&labels)?.encode_gauge(&value)?;
            }
        }
        Ok(())
    }

    /// One span of each of `sources`, in seconds; sources without samples are left out.
    fn histogram<'h>(
        &mut self,
        name: &str,
        help: &str,
        sources: impl IntoIterator<Item = (Labels, Span, &'h Histograms)>,
    ) -> fmt::Result {
        let mut family = self.encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
        for (labels, span, histograms) in sources {
            let count = histograms.count(span);
            if count == 0 {
                continue;
            }
            let sum = histograms.sum_ns(span) as f64 / 1e9;
            let buckets = buckets(histograms, span);
            if labels.is_empty() {
                family.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
            } else {
                let mut member = family.encode_family(&labels)?;
                member.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
            }
        }
        Ok(())
    }

    fn feeds(&mut self, registered: &Registered, now: u64) -> fmt::Result {
        for (name, help, read) in FEED_COUNTERS {
            let feeds = registered.feeds.iter();
            let samples = feeds.map(|feed| (of(&feed.exchange), read(&feed.counters)));
            self.counter(name, help, samples)?;
        }
        let negative = registered
            .feeds
            .iter()
            .map(|feed| (of(&feed.exchange), feed.collector.totals().negative_ages()));
        self.counter(
            "feed_negative_ages",
            "Events that the exchange dates after our read of them: one of the clocks is wrong.",
            negative,
        )?;
        self.feed_reasons(registered)?;
        self.lines(registered)?;
        self.feed_gauges(registered, now)
    }

    /// The race of the lines that carry the same; feeds with one line have none.
    fn lines(&mut self, registered: &Registered) -> fmt::Result {
        let lines = || {
            let raced = registered.feeds.iter().filter(|feed| feed.counters.has_raced());
            raced.flat_map(|feed| {
                let lines = &feed.counters.lines;
                let numbered = lines.iter().enumerate();
                numbered.map(|(line, counters)| (of_line(&feed.exchange, line), counters))
            })
        };
        for (name, help, read) in LINE_COUNTERS {
            let samples = lines().map(|(labels, counters)| (labels, read(counters)));
            self.counter(name, help, samples)?;
        }
        let help = "How much later than the first a line's copy of an event came, of a sample.";
        let mut family = self.encoder.encode_descriptor(
            "line_skew_seconds",
            help,
            None,
            MetricType::Histogram,
        )?;
        for (labels, line) in lines() {
            let skew = &line.skew;
            let (sum, count, buckets) = (skew.sum_seconds(), skew.count(), skew.buckets());
            let mut member = family.encode_family(&labels)?;
            member.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
        }
        Ok(())
    }

    fn feed_reasons(&mut self, registered: &Registered) -> fmt::Result {
        let refused = |counters: fn(&FeedCounters) -> &[Counter]| {
            registered.feeds.iter().flat_map(move |feed| {
                let reasons = Rejected::ALL.iter().zip(counters(&feed.counters));
                reasons.map(|(why, count)| (because(&feed.exchange, why.name()), count.value()))
            })
        };
        let frames = refused(|feed| &feed.rejected);
        self.counter("feed_rejected_frames", "Frames refused by the parser.", frames)?;
        let items = refused(|feed| &feed.rejected_items);
        let sentence = "Trades, books, prices and candles in frames that could not be read.";
        self.counter("feed_rejected_items", sentence, items)?;
        let refusals = registered.feeds.iter().flat_map(|feed| {
            let kinds = RefusalKind::NAMES.iter().zip(&feed.counters.refusals);
            kinds.map(|(name, count)| (because(&feed.exchange, name), count.value()))
        });
        self.counter("feed_refusals", "Refusals of the exchange, by their worth.", refusals)?;
        // A reason that never happened is left out: most of them never end a connection.
        let by_reason = |counters: fn(&FeedCounters) -> &[Counter]| {
            registered.feeds.iter().flat_map(move |feed| {
                let reasons = Reason::ALL.iter().zip(counters(&feed.counters));
                let happened = reasons.filter(|(_, count)| count.value() > 0);
                happened.map(|(why, count)| (because(&feed.exchange, why.name()), count.value()))
            })
        };
        let reconnects = by_reason(|feed| &feed.reconnects);
        self.counter("feed_reconnects", "Connections to the exchange lost.", reconnects)?;
        let attempts = by_reason(|feed| &feed.failed_attempts);
        self.counter("feed_failed_attempts", "Attempts to connect that failed.", attempts)
    }

    fn feed_gauges(&mut self, registered: &Registered, now: u64) -> fmt::Result {
        let feeds = || registered.feeds.iter();
        let waiting =
            feeds().map(|feed| (of(&feed.exchange), feed.counters.ring_occupancy.value() as f64));
        self.gauge(
            "feed_ring_ticks",
            "Ticks waiting in the fullest ring of a broadcaster.",
            waiting,
        )?;
        let connected = feeds().map(|feed| {
            let connected = |line: &&LineView| line.state == FeedState::Connected;
            let count = feed.lines.iter().filter(connected).count();
            (of(&feed.exchange), count as f64)
        });
        self.gauge("feed_connected_lines", "Connections to the exchange that are up.", connected)?;
        let lines = feeds().map(|feed| (of(&feed.exchange), feed.lines.len() as f64));
        self.gauge("feed_lines", "Connections to the exchange that there are to be.", lines)?;
        let unlisted = feeds().map(|feed| (of(&feed.exchange), feed.unlisted.len() as f64));
        let help = "Configured symbols that the exchange does not list.";
        self.gauge("feed_unlisted_symbols", help, unlisted)?;
        let open =
            feeds().map(|feed| (of(&feed.exchange), feed.counters.circuit_open.value() as f64));
        self.gauge("feed_open_circuits", "1 while the exchange is only probed.", open)?;
        let ahead = feeds().map(|feed| {
            let ahead_ns = feed.counters.clock_ahead_ns.value().cast_signed();
            (of(&feed.exchange), ahead_ns as f64 / 1e9)
        });
        let help = "How far the exchange's clock is ahead of ours, by the dates of its events.";
        self.gauge("feed_clock_ahead_seconds", help, ahead)?;
        let absent = feeds()
            .map(|feed| (of(&feed.exchange), feed.counters.absent_subscriptions.value() as f64));
        let help = "Streams that are not there: refused, silent, or not asked for yet.";
        self.gauge("feed_absent_subscriptions", help, absent)?;
        let unsettled = feeds()
            .map(|feed| (of(&feed.exchange), feed.counters.unsettled_subscriptions.value() as f64));
        let help = "Streams of which connections have neither an answer nor data yet.";
        self.gauge("feed_unsettled_subscriptions", help, unsettled)?;
        let unsent =
            feeds().map(|feed| (of(&feed.exchange), feed.counters.unsent_requests.value() as f64));
        let help = "Messages to the exchange that wait for room under its limit.";
        self.gauge("feed_unsent_requests", help, unsent)?;
        let wait = feeds().map(|feed| {
            let wait = feed.counters.unsent_until.value().saturating_sub(now) as f64 / 1e9;
            (of(&feed.exchange), wait)
        });
        let help = "Time until the last of the messages that wait may go, at the earliest.";
        self.gauge("feed_unsent_seconds", help, wait)?;
        let names = ["feed_live_books", "feed_resyncing_books", "feed_stale_books"];
        for (name, state) in names.into_iter().zip(BookState::ALL) {
            let help = format!("Order books that are {}.", state.name());
            let books = feeds().map(|feed| {
                (of(&feed.exchange), feed.counters.books[state as usize].value() as f64)
            });
            self.gauge(name, &help, books)?;
        }
        let ages = feeds().filter_map(|feed| {
            let newest = feed.counters.newest_read.value();
            let age = now.saturating_sub(newest) as f64 / 1e9;
            (newest > 0).then(|| (of(&feed.exchange), age))
        });
        self.gauge("feed_newest_frame_age_seconds", "Time since the newest frame was read.", ages)
    }

    fn broadcasters(&mut self, registered: &Registered) -> fmt::Result {
        let sum = |read: &fn(&BroadcastCounters) -> u64| -> u64 {
            registered.broadcasters.iter().map(|broadcaster| read(&broadcaster.counters)).sum()
        };
        for (name, help, read) in BROADCAST_COUNTERS {
            self.counter(name, help, bare(sum(read)))?;
        }
        for (name, help, read) in BROADCAST_GAUGES {
            self.gauge(name, help, [(Labels::new(), sum(read) as f64)])?;
        }
        Ok(())
    }

    fn accept(&mut self, registered: &Registered) -> fmt::Result {
        if let Some(admin) = &registered.admin {
            for (name, help, read) in ADMIN_COUNTERS {
                self.counter(name, help, bare(read(admin)))?;
            }
        }
        let Some(accept) = &registered.accept else { return Ok(()) };
        for (name, help, read) in ACCEPT_COUNTERS {
            self.counter(name, help, bare(read(accept)))?;
        }
        let refusals = REFUSALS
            .iter()
            .map(|(status, read)| (vec![("reason", (*status).to_owned())], read(accept)));
        self.counter("handshake_refusals", "Upgrades refused, by HTTP status.", refusals)
    }

    fn requests(&mut self, registered: &Registered) -> fmt::Result {
        let exchange = |name: &String| vec![("exchange", name.clone())];
        for (name, help, read) in REQUEST_COUNTERS {
            let samples =
                registered.requests.iter().map(|(of, counters)| (exchange(of), read(counters)));
            self.counter(name, help, samples)?;
        }
        let waiting = registered
            .requests
            .iter()
            .map(|(of, counters)| (exchange(of), counters.waiting.value() as f64));
        self.gauge("rest_waiting_requests", "Requests that wait for their turn.", waiting)?;
        let eta = registered
            .requests
            .iter()
            .map(|(of, counters)| (exchange(of), counters.eta_ms.value() as f64 / 1_000.0));
        let help = "Time until the ledger will have let all waiting requests go, at the earliest.";
        self.gauge("rest_eta_seconds", help, eta)
    }

    fn latencies(&mut self, registered: &Registered) -> fmt::Result {
        let path = || Span::ALL.into_iter().filter(|span| span.ends().is_some());
        let stage = |span: Span| ("stage", span.name().to_owned());
        let others = registered.totals_without_feeds();
        let feeds = registered.feeds.iter().flat_map(|feed| {
            let labels = move |span| vec![("exchange", feed.exchange.clone()), stage(span)];
            path().map(move |span| (labels(span), span, feed.collector.totals()))
        });
        let broadcasters = path().map(|span| (vec![stage(span)], span, &others));
        self.histogram(
            "latency_seconds",
            "Time that ticks take from stage to stage.",
            feeds.chain(broadcasters),
        )?;
        let ages = registered.feeds.iter().map(|feed| {
            let labels = vec![("exchange", feed.exchange.clone())];
            (labels, Span::ExchangeAge, feed.collector.totals())
        });
        self.histogram(
            "exchange_age_seconds",
            "Time from the exchange's date of an event to our read of it.",
            ages,
        )?;
        self.histogram(
            "host_stall_seconds",
            "How much longer than it asked an idle thread of this host slept.",
            [(Labels::new(), Span::HostStall, &others)],
        )
    }

    fn budget(&mut self, registered: &Registered) -> fmt::Result {
        let breaches = registered.watch.breaches().map(|(line, count)| {
            let stage = ("stage", line.span.name().to_owned());
            (vec![stage, ("reason", line.quantile.name().to_owned())], count)
        });
        self.counter(
            "budget_breaches",
            "Windows of ten seconds in which a line of the latency budget was exceeded.",
            breaches,
        )?;
        let windows = bare(registered.watch.windows());
        self.counter("budget_windows", "Windows of ten seconds judged by the budget.", windows)
    }

    fn process(&mut self, uptime_ns: u64) -> fmt::Result {
        let uptime = [(Labels::new(), uptime_ns as f64 / 1e9)];
        self.gauge("uptime_seconds", "Time since this run of the process began.", uptime)?;
        if let Some(bytes) = super::process::resident_bytes() {
            let resident = [(Labels::new(), bytes as f64)];
            self.gauge("resident_bytes", "Memory that the process holds.", resident)?;
        }
        let dropped = bare(super::process::log_lines_dropped());
        let words =
            "Lines of the log that were not written: a full disk, a reader that left or stalls.";
        self.counter("log_lines_dropped", words, dropped)?;
        let left_out = bare(super::process::log_lines_left_out());
        self.counter(
            "log_lines_left_out",
            "Lines of the log that were left out, as one place of the program wrote too many.",
            left_out,
        )?;
        let failed = bare(super::process::output_writes_failed());
        let words =
            "Writes to standard output that failed: a full disk, a reader that left or stalls.";
        self.counter("output_writes_failed", words, failed)?;
        let mut build =
            self.encoder.encode_descriptor("build", "What is running.", None, MetricType::Info)?;
        build.encode_info(&[("version", env!("CARGO_PKG_VERSION"))])
    }
}

/// Count per bucket (not yet summed up), the last for all that is longer.
fn buckets(histograms: &Histograms, span: Span) -> Vec<(f64, u64)> {
    let mut below = 0;
    let mut buckets = Vec::with_capacity(BUCKETS_NS.len() + 1);
    for end in BUCKETS_NS {
        let up_to = histograms.count_up_to(span, end);
        buckets.push((end as f64 / 1e9, up_to - below));
        below = up_to;
    }
    buckets.push((f64::INFINITY, histograms.count(span) - below));
    buckets
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::clock::{Clock, UnixNanos};
    use crate::latency::{Budget, recorder};

    const LABELS: [&str; 6] = ["exchange", "line", "channel", "stage", "dialect", "reason"];

    /// An observatory where everything that can be exposed has a value.
    fn observatory() -> Arc<Observatory> {
        let (clock, _hand) = Clock::manual(UnixNanos::from_millis(1_700_000_000_000));
        let budget = Budget::parse("[socket_to_ring]\np99 = 5\n").unwrap();
        let observatory = Observatory::new(clock, "e1", serde_json::Value::Null, budget);
        for exchange in ["binance", "binance-futures"] {
            let counters = Arc::new(FeedCounters::default());
            counters.frames.add(3);
            counters.rejected[0].increment();
            counters.reconnects[Reason::Reset as usize].increment();
            counters.newest_read.set(1);
            counters.line(1).copies.increment();
            counters.line(1).skew.record(40_000);
            counters.failed_attempts[Reason::Dns as usize].increment();
            observatory.add_requests(exchange, Arc::default());
            observatory.add_feed(exchange, counters, filled());
        }
        observatory.add_broadcaster(Arc::default(), filled());
        observatory.set_accept(Arc::default());
        observatory.set_admin(Arc::default());
        observatory
    }

    fn filled() -> crate::latency::Collector {
        let (mut recorder, collector) = recorder();
        for span in Span::ALL {
            recorder.record(span, 1_500);
            recorder.record(span, 2_000_000);
        }
        recorder.finish();
        collector
    }

    /// Name, labels and value of a sample line.
    fn sample(line: &str) -> (String, BTreeMap<String, String>, f64) {
        let (series, value) = line.rsplit_once(' ').expect(line);
        let value = if value == "+Inf" { f64::INFINITY } else { value.parse().expect(line) };
        let Some((name, labels)) = series.split_once('{') else {
            return (series.to_owned(), BTreeMap::new(), value);
        };
        let labels = labels.strip_suffix('}').expect(line).split(',').map(|label| {
            let (key, value) = label.split_once('=').expect(line);
            (key.to_owned(), value.trim_matches('"').to_owned())
        });
        (name.to_owned(), labels.collect(), value)
    }

    #[test]
    fn every_sample_has_help_a_unit_and_only_bounded_labels() {
        let page = expose(&observatory(), Exposition::Prometheus);
        let described: BTreeSet<&str> = page
            .lines()
            .filter_map(|line| line.strip_prefix("# HELP "))
            .filter_map(|line| line.split_once(' '))
            .filter(|(_, help)| help.len() > 10)
            .map(|(name, _)| name)
            .collect();
        let mut series = BTreeSet::new();
        for line in page.lines().filter(|line| !line.starts_with('#')) {
            let (name, labels, _) = sample(line);
            let parts = ["_bucket", "_sum", "_count"];
            let family = parts.iter().find_map(|part| name.strip_suffix(part)).unwrap_or(&name);
            assert!(described.contains(family), "no HELP: {line}");
            assert!(name.starts_with("tickwire_"), "{line}");
            let units = ["_total", "_seconds", "_bytes", "_info"];
            let counted = [
                "_ticks",
                "_clients",
                "_subscriptions",
                "_lines",
                "_requests",
                "_circuits",
                "_books",
                "_symbols",
            ];
            let ends = |ends: &[&str]| ends.iter().any(|end| family.ends_with(end));
            assert!(ends(&units) || ends(&counted), "no unit: {line}");
            for label in labels.keys() {
                let structural = label == "le" || (label == "version" && name.ends_with("_info"));
                assert!(structural || LABELS.contains(&label.as_str()), "label {label}: {line}");
            }
            assert!(series.insert((name, labels)), "twice: {line}");
        }
        assert!(series.len() > 100, "{page}");
    }

    #[test]
    fn every_counter_is_exposed() {
        let catalogue = include_str!("counters.rs");
        let (_, records) = catalogue.split_once("pub struct FeedCounters").expect("the records");
        let readers = concat!(include_str!("catalogue.rs"), include_str!("text.rs"));
        let public = records.lines().filter_map(|line| line.strip_prefix("    pub "));
        let fields = public.filter(|item| !item.starts_with("fn "));
        let fields: Vec<&str> =
            fields.filter_map(|field| field.split_once(':')).map(|(name, _)| name).collect();
        assert!(fields.len() > 30, "{fields:?}");
        for field in fields {
            let read = [".value()", ")", ";", "["].map(|end| format!(".{field}{end}"));
            assert!(read.iter().any(|read| readers.contains(read)), "{field} is not exposed");
        }
    }

    #[test]
    fn a_latency_is_a_histogram_in_seconds() {
        let page = expose(&observatory(), Exposition::Prometheus);
        let of = |name: &str, bucket: Option<&str>| {
            let matching = |line: &&str| {
                let (found, labels, _) = sample(line);
                found == name
                    && labels.get("stage").map(String::as_str) == Some("socket_to_ring")
                    && labels.get("exchange").map(String::as_str) == Some("binance")
                    && labels.get("le").map(String::as_str) == bucket
            };
            let line = page.lines().filter(|line| !line.starts_with('#')).find(matching);
            sample(line.expect(name)).2
        };
        assert_eq!(of("tickwire_latency_seconds_count", None), 2.0);
        assert!((of("tickwire_latency_seconds_sum", None) - 0.0020015).abs() < 1e-9);
        assert_eq!(of("tickwire_latency_seconds_bucket", Some("0.000001")), 0.0);
        assert_eq!(of("tickwire_latency_seconds_bucket", Some("0.0000025")), 1.0);
        assert_eq!(of("tickwire_latency_seconds_bucket", Some("0.0025")), 2.0);
        assert_eq!(of("tickwire_latency_seconds_bucket", Some("+Inf")), 2.0);
    }

    #[test]
    fn both_formats_say_the_same() {
        let observatory = observatory();
        let samples = |exposition| -> Vec<String> {
            let page = expose(&observatory, exposition);
            let lines = page.lines().filter(|line| !line.starts_with('#'));
            lines.filter(|line| !line.contains("resident_bytes")).map(str::to_owned).collect()
        };
        assert_eq!(samples(Exposition::Prometheus), samples(Exposition::OpenMetrics));
        assert!(expose(&observatory, Exposition::OpenMetrics).ends_with("# EOF\n"));
        let accept = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5";
        assert_eq!(Exposition::from_accept(accept), Exposition::OpenMetrics);
        assert_eq!(Exposition::from_accept("*/*"), Exposition::Prometheus);
    }
}
