//! What came out: every value as measured, and the table of what they come to.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::measure::{RATE_100, RATE_1000, RATE_1000_BUSY};
use crate::subjects::{OURS, READERS, SERVERS, commit};
use crate::{chart, machine};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    Frames,
    Deliveries100,
    Deliveries1000,
    Cpu100,
    Cpu1000,
    P50,
    P50Busy,
    P99Busy,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Reader,
    Server,
}

impl Measure {
    pub const ALL: [Self; 8] = [
        Self::Frames,
        Self::Deliveries100,
        Self::Deliveries1000,
        Self::Cpu100,
        Self::Cpu1000,
        Self::P50,
        Self::P50Busy,
        Self::P99Busy,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Frames => "frames_per_cpu_second",
            Self::Deliveries100 => "deliveries_per_cpu_second_100",
            Self::Deliveries1000 => "deliveries_per_cpu_second_1000",
            Self::Cpu100 => "cpu_ns_per_delivery_100",
            Self::Cpu1000 => "cpu_ns_per_delivery_1000",
            Self::P50 => "delivery_us_p50_1000",
            Self::P50Busy => "delivery_us_p50_1000_busy",
            Self::P99Busy => "delivery_us_p99_1000_busy",
        }
    }

    pub fn title(self) -> String {
        match self {
            Self::Frames => "(a) Socket to value: frames per second of the reader's CPU".to_owned(),
            Self::Deliveries100 => {
                "(b) Bursts of 64 to 100 clients: deliveries per second of the server's CPU"
                    .to_owned()
            }
            Self::Deliveries1000 => {
                "(b) Bursts of 64 to 1,000 clients: deliveries per second of the server's CPU"
                    .to_owned()
            }
            Self::Cpu100 => {
                format!("(c) {RATE_100} events/s one by one to 100 clients: CPU of a delivery, ns")
            }
            Self::Cpu1000 => {
                format!(
                    "(c) {RATE_1000} events/s one by one to 1,000 clients: CPU of a delivery, ns"
                )
            }
            Self::P50 => format!("(d) {RATE_1000} events/s one by one to 1,000 clients: p50, µs"),
            Self::P50Busy => format!("(d) {RATE_1000_BUSY} events/s to 1,000 clients: p50, µs"),
            Self::P99Busy => format!("(d) {RATE_1000_BUSY} events/s to 1,000 clients: p99, µs"),
        }
    }

    pub const fn more_is_better(self) -> bool {
        matches!(self, Self::Frames | Self::Deliveries100 | Self::Deliveries1000)
    }

    /// CPU time under a load that leaves pauses.
    pub const fn is_paced_cpu(self) -> bool {
        matches!(self, Self::Cpu100 | Self::Cpu1000)
    }

    fn role(self) -> Role {
        if self == Self::Frames { Role::Reader } else { Role::Server }
    }

    /// Names and descriptions of who is measured by it, and why it says nothing of some.
    fn subjects(self) -> Vec<(&'static str, String, Option<&'static str>)> {
        match self.role() {
            Role::Reader => READERS.iter().map(|one| (one.name, one.what(), None)).collect(),
            Role::Server => {
                SERVERS.iter().map(|one| (one.name, one.what(), one.exempt(self))).collect()
            }
        }
    }
}

struct Row {
    measure: Measure,
    subject: &'static str,
    round: u32,
    value: f64,
}

struct Failure {
    subject: &'static str,
    role: Role,
    why: String,
}

#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
    failures: Vec<Failure>,
}

/// What all rounds of one subject come to.
pub struct Summary {
    pub name: &'static str,
    what: String,
    median: f64,
    least: f64,
    most: f64,
    /// How many times better tickwire was in the same round: median, least, most.
    pub lead: Option<[f64; 3]>,
}

impl Report {
    pub fn add(&mut self, measure: Measure, subject: &'static str, round: u32, value: f64) {
        self.rows.push(Row { measure, subject, round, value });
    }

    pub fn fail(&mut self, subject: &'static str, role: Role, why: String) {
        eprintln!("{subject}: {why}");
        let told = |one: &Failure| one.subject == subject && one.role == role && one.why == why;
        if !self.failures.iter().any(told) {
            self.failures.push(Failure { subject, role, why });
        }
    }

    /// Prints the table; writes everything to `out`.
    pub fn tell(&self, rounds: u32, load_before: String, out: Option<&str>) -> anyhow::Result<()> {
        let table = self.table(rounds)?;
        println!("{table}");
        let Some(out) = out.map(Path::new) else { return Ok(()) };
        fs::create_dir_all(out)?;
        fs::write(out.join("rounds.csv"), self.csv()?)?;
        fs::write(out.join("table.md"), table)?;
        fs::write(out.join("chart.svg"), chart::draw(self)?)?;
        fs::write(out.join("machine.md"), machine::card(rounds, load_before))?;
        eprintln!("written to {}", out.display());
        Ok(())
    }

    fn csv(&self) -> anyhow::Result<String> {
        let mut csv = "measure,subject,round,value\n".to_owned();
        for Row { measure, subject, round, value } in &self.rows {
            writeln!(csv, "{},{subject},{round},{value:.0}", measure.name())?;
        }
        Ok(csv)
    }

    /// By the median, the best first.
    pub fn summaries(&self, measure: Measure) -> Vec<Summary> {
        let ours = self.values(measure, OURS);
        let summary = |(name, what, _)| {
            let values = self.values(measure, name);
            let [median, least, most] = spread(values.iter().map(|&(_, value)| value).collect())?;
            let leads = values.iter().filter_map(|&(round, value)| {
                let (_, ours) = ours.iter().find(|(of, _)| *of == round)?;
                Some(if measure.more_is_better() { ours / value } else { value / ours })
            });
            let lead = spread(leads.collect()).filter(|_| name != OURS);
            Some(Summary { name, what, median, least, most, lead })
        };
        let mut summaries: Vec<_> = measure.subjects().into_iter().filter_map(summary).collect();
        summaries.sort_by(|one, other| one.median.total_cmp(&other.median));
        if measure.more_is_better() {
            summaries.reverse();
        }
        summaries
    }

    fn values(&self, measure: Measure, subject: &str) -> Vec<(u32, f64)> {
        let of = |row: &&Row| row.measure == measure && row.subject == subject;
        self.rows.iter().filter(of).map(|row| (row.round, row.value)).collect()
    }

    /// Who has no value: what it is, and why there is none.
    fn unmeasured(&self, measure: Measure) -> Vec<(&'static str, String, String)> {
        let why = |name, exempt: Option<&str>| {
            let failed = |one: &&Failure| one.subject == name && one.role == measure.role();
            let failure = self.failures.iter().find(failed).map(|one| one.why.clone());
            failure.or_else(|| {
                let takes_part = self.rows.iter().any(|row| row.subject == name);
                exempt.filter(|_| takes_part).map(str::to_owned)
            })
        };
        let subjects = measure.subjects().into_iter();
        subjects
            .filter(|(name, ..)| self.values(measure, name).is_empty())
            .filter_map(|(name, what, exempt)| Some((name, what, why(name, exempt)?)))
            .collect()
    }

    fn table(&self, rounds: u32) -> anyhow::Result<String> {
        let rounds = if rounds == 1 { "1 round".to_owned() } else { format!("{rounds} rounds") };
        let mut table = format!(
            "# tickwire beside its peers\n\nWritten by `perf/compare/run`, {rounds}, {}; the \
             machine is in machine.md, every value in rounds.csv, and what is fair in a row and \
             what is not in docs/COMPARE.md. Medians, with the least and the most of the rounds. A \
             lead is how many times better tickwire was in the same round; below 1, the peer was \
             better. The leads are the result; the values are of this machine and this run.\n",
            commit()
        );
        for measure in Measure::ALL {
            write!(table, "\n## {}\n\n", measure.title())?;
            table.push_str("| subject | what | median | least – most | tickwire's lead |\n");
            table.push_str("|---|---|---:|---:|---:|\n");
            for Summary { name, what, median, least, most, lead } in self.summaries(measure) {
                let [median, least, most] = [median, least, most].map(grouped);
                let lead = match lead {
                    Some([median, least, most]) => {
                        format!("{} ({} – {})", short(median), short(least), short(most))
                    }
                    None => "1".to_owned(),
                };
                writeln!(table, "| {name} | {what} | {median} | {least} – {most} | {lead} |")?;
            }
            for (name, what, why) in self.unmeasured(measure) {
                writeln!(table, "| {name} | {what} | not measured | {why} | |")?;
            }
        }
        self.tell_failures(&mut table)?;
        Ok(table)
    }

    /// Of those that have values all the same, from other rounds.
    fn tell_failures(&self, table: &mut String) -> anyhow::Result<()> {
        let has_values = |one: &&Failure| {
            let mut rows = self.rows.iter();
            rows.any(|row| row.subject == one.subject && row.measure.role() == one.role)
        };
        let failures: Vec<&Failure> = self.failures.iter().filter(has_values).collect();
        if !failures.is_empty() {
            table.push_str("\n## Failed in a round\n\n");
        }
        for Failure { subject, why, .. } in failures {
            writeln!(table, "- {subject}: {why}")?;
        }
        Ok(())
    }
}

/// Median, least and most.
fn spread(mut values: Vec<f64>) -> Option<[f64; 3]> {
    values.sort_by(f64::total_cmp);
    let (least, most) = (*values.first()?, *values.last()?);
    let middle = values.len() / 2;
    let median = if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    };
    Some([median, least, most])
}

/// Three digits that count.
pub fn short(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

/// 1,234,567.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two rounds: tickwire twice, then four times as good as the other.
    fn report(measure: Measure, ours: [f64; 2], theirs: [f64; 2]) -> Report {
        let mut report = Report::default();
        for (round, (ours, theirs)) in (1..).zip(ours.into_iter().zip(theirs)) {
            report.add(measure, OURS, round, ours);
            report.add(measure, "ws", round, theirs);
        }
        report
    }

    #[test]
    fn a_lead_is_of_the_same_round_and_above_one_where_tickwire_is_better() {
        let more = report(Measure::Deliveries100, [200.0, 4_000.0], [100.0, 1_000.0]);
        let less = report(Measure::Cpu100, [100.0, 1_000.0], [200.0, 4_000.0]);
        for (report, measure) in [(more, Measure::Deliveries100), (less, Measure::Cpu100)] {
            let summaries = report.summaries(measure);
            let names: Vec<_> = summaries.iter().map(|one| one.name).collect();
            assert_eq!(names, [OURS, "ws"], "the best comes first");
            assert_eq!(summaries[0].lead, None);
            assert_eq!(summaries[1].lead, Some([3.0, 2.0, 4.0]));
        }
    }

    #[test]
    fn who_could_not_be_had_is_a_row_that_says_so() {
        let mut report = report(Measure::P50, [1.0, 1.0], [2.0, 2.0]);
        report.fail("nats-server", Role::Server, "nobody has it".to_owned());
        let table = report.table(2).expect("it can be written");
        assert!(table.contains("not measured | nobody has it"), "{table}");
        assert!(!table.contains("Failed in a round"), "{table}");
    }

    #[test]
    fn who_failed_once_has_its_other_values_and_a_line() {
        let mut report = report(Measure::P50, [1.0, 1.0], [2.0, 2.0]);
        report.fail("ws", Role::Server, "it left".to_owned());
        let table = report.table(2).expect("it can be written");
        assert!(table.contains("## Failed in a round\n\n- ws: it left\n"), "{table}");
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!([0.0, 999.6, 1_234_567.0].map(grouped), ["0", "1,000", "1,234,567"]);
    }
}
