//! What was measured beside what is allowed, for people and for programs.

use std::fmt::{self, Write as _};

use serde::Serialize;

use super::budget::{Budget, Judged, Verdict, judge, overall};
use super::histograms::{Histograms, Quantile};
use super::stage::Span;

/// Width of a column of times, of names, and of samples: with a space or mark after each time a
/// row has 79 columns.
const TIME_WIDTH: usize = 9;
const NAME_WIDTH: usize = 19;
const SAMPLES_WIDTH: usize = 10;
const _: () = assert!(NAME_WIDTH + SAMPLES_WIDTH + Quantile::ALL.len() * (TIME_WIDTH + 1) < 80);

/// The whole verdict: every span that has samples or an allowance.
#[derive(Clone, Debug)]
pub struct Report {
    spans: Vec<SpanReport>,
    judged: Vec<Judged>,
}

/// One span of a [`Report`].
#[derive(Clone, Debug)]
struct SpanReport {
    span: Span,
    samples: u64,
    measured: [u64; Quantile::ALL.len()],
    allowed: [Option<u64>; Quantile::ALL.len()],
}

impl Report {
    /// Judges `histograms` by `budget`.
    pub fn new(histograms: &Histograms, budget: &Budget) -> Self {
        let spans = Span::ALL
            .into_iter()
            .map(|span| SpanReport {
                span,
                samples: histograms.count(span),
                measured: Quantile::ALL.map(|quantile| histograms.value(span, quantile)),
                allowed: Quantile::ALL.map(|quantile| budget.allowed(span, quantile)),
            })
            .filter(|row| row.samples > 0 || row.allowed.iter().any(Option::is_some))
            .collect();
        Self { spans, judged: judge(histograms, budget) }
    }

    /// The verdict on the whole budget.
    pub fn verdict(&self) -> Verdict {
        overall(&self.judged)
    }

    /// The verdict on each line of the budget.
    pub fn judged(&self) -> &[Judged] {
        &self.judged
    }

    /// As one JSON object.
    pub fn json(&self) -> serde_json::Value {
        let value = serde_json::to_value(ReportJson::from(self));
        value.expect("numbers, names and lists are always JSON")
    }
}

/// As an aligned table; an allowance stands under what was measured, `*` marks what is over it.
impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:<NAME_WIDTH$}{:>SAMPLES_WIDTH$}", "span", "samples")?;
        for quantile in Quantile::ALL {
            write!(formatter, "{:>TIME_WIDTH$} ", label(quantile))?;
        }
        writeln!(formatter)?;
        for row in &self.spans {
            let (name, samples) = (row.span.name(), row.samples);
            write!(formatter, "{name:<NAME_WIDTH$}{samples:>SAMPLES_WIDTH$}")?;
            for (measured, allowed) in row.measured.into_iter().zip(row.allowed) {
                let mark =
                    if allowed.is_some_and(|allowed| measured > allowed) { '*' } else { ' ' };
                let text = if row.samples == 0 { "-".to_owned() } else { time(measured) };
                write!(formatter, "{text:>TIME_WIDTH$}{mark}")?;
            }
            writeln!(formatter)?;
            if row.allowed.iter().any(Option::is_some) {
                write!(formatter, "{:<1$}", "  allowed", NAME_WIDTH + SAMPLES_WIDTH)?;
                for allowed in row.allowed {
                    let text = allowed.map_or_else(String::new, time);
                    write!(formatter, "{text:>TIME_WIDTH$} ")?;
                }
                writeln!(formatter)?;
            }
        }
        for line in self.judged.iter().filter(|line| line.verdict != Verdict::Within) {
            writeln!(formatter, "{}", sentence(line))?;
        }
        if self.judged.is_empty() {
            return write!(formatter, "nothing was measured that the budget speaks of");
        }
        let verdict = match self.verdict() {
            Verdict::Within => "within the budget",
            Verdict::Over => "OVER THE BUDGET, see the lines above",
            Verdict::Unmeasured => {
                "not judged as a whole: too few samples for the lines above; let it run longer,\n\
                 or with more traffic and clients"
            }
        };
        formatter.write_str(verdict)
    }
}

/// Why one line of the budget is not met.
fn sentence(line: &Judged) -> String {
    let (span, quantile) = (line.allowance.span.name(), label(line.allowance.quantile));
    match line.verdict {
        Verdict::Unmeasured => {
            let (samples, least) = (line.samples, line.allowance.quantile.samples_min());
            format!("{span} {quantile}: not judged, {samples} of the {least} samples that it needs")
        }
        Verdict::Within | Verdict::Over => format!(
            "{span} {quantile}: {} measured, {} allowed",
            time(line.nanos),
            time(line.allowance.nanos)
        ),
    }
}

const fn label(quantile: Quantile) -> &'static str {
    match quantile {
        Quantile::P999 => "p99.9",
        other => other.name(),
    }
}

/// Nanoseconds in the unit that suits them, with three digits or so.
pub fn time(nanos: u64) -> String {
    let mut text = String::new();
    let written = match nanos {
        0..1_000 => write!(text, "{nanos} ns"),
        1_000..100_000 => write!(text, "{:.1} µs", nanos as f64 / 1e3),
        100_000..1_000_000 => write!(text, "{:.0} µs", nanos as f64 / 1e3),
        1_000_000..1_000_000_000 => write!(text, "{:.1} ms", nanos as f64 / 1e6),
        _ => write!(text, "{:.1} s", nanos as f64 / 1e9),
    };
    debug_assert!(written.is_ok(), "a String takes everything");
    text
}

#[derive(Serialize)]
struct ReportJson {
    verdict: Verdict,
    spans: Vec<SpanJson>,
    budget: Vec<JudgedJson>,
}

#[derive(Serialize)]
struct SpanJson {
    span: &'static str,
    samples: u64,
    p50_ns: u64,
    p90_ns: u64,
    p99_ns: u64,
    p999_ns: u64,
    max_ns: u64,
}

#[derive(Serialize)]
struct JudgedJson {
    span: &'static str,
    quantile: &'static str,
    measured_ns: Option<u64>,
    allowed_ns: u64,
    samples: u64,
    verdict: Verdict,
}

impl From<&Report> for ReportJson {
    fn from(report: &Report) -> Self {
        Self {
            verdict: report.verdict(),
            spans: report.spans.iter().map(SpanJson::from).collect(),
            budget: report.judged.iter().map(JudgedJson::from).collect(),
        }
    }
}

impl From<&SpanReport> for SpanJson {
    fn from(row: &SpanReport) -> Self {
        let [p50_ns, p90_ns, p99_ns, p999_ns, max_ns] = row.measured;
        let (span, samples) = (row.span.name(), row.samples);
        Self { span, samples, p50_ns, p90_ns, p99_ns, p999_ns, max_ns }
    }
}

impl From<&Judged> for JudgedJson {
    fn from(line: &Judged) -> Self {
        Self {
            span: line.allowance.span.name(),
            quantile: line.allowance.quantile.name(),
            measured_ns: (line.verdict != Verdict::Unmeasured).then_some(line.nanos),
            allowed_ns: line.allowance.nanos,
            samples: line.samples,
            verdict: line.verdict,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_stand_in_the_unit_that_suits_them() {
        let texts = [0, 999, 1_500, 250_000, 2_500_000, 61_000_000_000].map(time);
        assert_eq!(texts, ["0 ns", "999 ns", "1.5 µs", "250 µs", "2.5 ms", "61.0 s"]);
    }

    #[test]
    fn the_table_names_what_is_over_and_its_lines_are_aligned() {
        let mut histograms = Histograms::new();
        histograms.record_n(Span::SocketToRing, 5_000, 2_000);
        let budget = Budget::parse("[socket_to_ring]\np50 = 1000\np99 = 9000\n").unwrap();
        let table = Report::new(&histograms, &budget).to_string();
        assert!(table.contains("5.0 µs*"), "{table}");
        assert!(table.contains("socket_to_ring p50: 5.0 µs measured, 1.0 µs allowed"), "{table}");
        assert!(table.ends_with("OVER THE BUDGET, see the lines above"), "{table}");
        let widths: Vec<usize> = table.lines().take(3).map(|line| line.chars().count()).collect();
        assert!(widths.iter().all(|&width| width == widths[0]), "{widths:?}");
    }

    #[test]
    fn no_line_is_longer_than_a_terminal_and_what_is_missing_is_said_with_its_remedy() {
        let mut histograms = Histograms::new();
        for span in Span::ALL {
            histograms.record_n(span, 9_999_000_000_000, 3);
        }
        let every = Span::ALL.map(|span| format!("{}_p999", span.name()));
        for micros in [1.0, 1e9] {
            let budget = Budget::from_micros(every.iter().map(|key| (&**key, micros))).unwrap();
            let table = Report::new(&histograms, &budget).to_string();
            for line in table.lines() {
                assert!(line.chars().count() <= 80, "{line}");
            }
            assert!(table.contains("p99.9: not judged, 3 of the "), "{table}");
            assert!(table.contains("let it run longer"), "{table}");
        }
    }
}
