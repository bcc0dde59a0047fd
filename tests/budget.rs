//! The latency budget: what it reads, and its verdict on given histograms.

use tickwire::latency::{
    Budget, BudgetError, BudgetWatch, Histograms, Quantile, Report, Span, Verdict, judge,
};

fn budget(text: &str) -> Budget {
    Budget::parse(text).expect("the test's budget is well formed")
}

/// `count` samples, the slowest hundredth of them at `tail`, the others at `body`.
fn measured(span: Span, count: u64, body: u64, tail: u64) -> Histograms {
    let mut histograms = Histograms::new();
    histograms.record_n(span, body, count - count / 100 - 1);
    histograms.record_n(span, tail, count / 100 + 1);
    histograms
}

#[test]
fn what_stays_below_is_within() {
    let budget = budget("[socket_to_ring]\np50 = 2000\np99 = 50000\n");
    let report = Report::new(&measured(Span::SocketToRing, 10_000, 1_000, 40_000), &budget);
    assert_eq!(report.verdict(), Verdict::Within);
    assert_eq!(report.verdict().exit_code(), 0);
}

#[test]
fn one_quantile_above_makes_the_whole_over() {
    let budget = budget("[socket_to_ring]\np50 = 2000\np99 = 50000\n");
    let report = Report::new(&measured(Span::SocketToRing, 10_000, 1_000, 60_000), &budget);
    assert_eq!(report.verdict(), Verdict::Over);
    assert_eq!(report.verdict().exit_code(), 1);
    let verdicts: Vec<Verdict> = report.judged().iter().map(|line| line.verdict).collect();
    assert_eq!(verdicts, [Verdict::Within, Verdict::Over]);
}

#[test]
fn exactly_what_is_allowed_is_within() {
    let mut histograms = Histograms::new();
    histograms.record_n(Span::ReadParsed, 100, 1_000);
    let lines = judge(&histograms, &budget("[read_parsed]\np50 = 100\nmax = 99\n"));
    assert_eq!(lines[0].verdict, Verdict::Within);
    assert_eq!(lines[1].verdict, Verdict::Over);
}

#[test]
fn too_few_samples_cannot_be_judged() {
    let budget = budget("[ring_to_client]\np99 = 100000\n");
    let enough = Quantile::P99.samples_min();
    let few = Report::new(&measured(Span::RingToClient, enough - 1, 10, 10), &budget);
    assert_eq!(few.verdict(), Verdict::Unmeasured);
    assert_eq!(few.verdict().exit_code(), 2);
    assert!(few.to_string().contains("not judged, 999 of the 1000 samples"), "{few}");
    let many = Report::new(&measured(Span::RingToClient, enough, 10, 10), &budget);
    assert_eq!(many.verdict(), Verdict::Within);
    let none = Report::new(&Histograms::new(), &budget);
    assert_eq!(none.verdict(), Verdict::Unmeasured);
}

#[test]
fn being_over_weighs_more_than_being_unmeasured() {
    let budget = budget("[read_parsed]\np50 = 100\n[ring_to_client]\np50 = 100\n");
    let report = Report::new(&measured(Span::ReadParsed, 1_000, 200, 200), &budget);
    assert_eq!(report.verdict(), Verdict::Over);
}

#[test]
fn the_json_says_what_the_table_says() {
    let budget = budget("[read_parsed]\np50 = 100\np999 = 1\n");
    let json = Report::new(&measured(Span::ReadParsed, 1_000, 200, 200), &budget).json();
    assert_eq!(json["verdict"], "over");
    assert_eq!(json["spans"][0]["span"], "read_parsed");
    assert_eq!(json["spans"][0]["samples"], 1_000);
    assert_eq!(json["budget"][0]["measured_ns"], 200);
    assert_eq!(json["budget"][0]["allowed_ns"], 100);
    assert_eq!(json["budget"][1]["verdict"], "unmeasured");
    assert!(json["budget"][1]["measured_ns"].is_null());
}

#[test]
fn the_shipped_budget_is_well_formed_and_allows_more_higher_up() {
    let text = include_str!("../perf/budget.toml");
    let budget = Budget::parse(text).expect("perf/budget.toml");
    for pair in budget.allowances().windows(2) {
        if pair[0].span == pair[1].span {
            assert!(pair[0].nanos <= pair[1].nanos, "{pair:?}");
        }
    }
}

#[test]
fn the_configuration_states_its_budget_in_microseconds() {
    let keys = [("socket_to_ring_p99", 20.0), ("ring_to_client_p50", 0.5)];
    let budget = Budget::from_micros(keys).expect("both keys exist");
    assert_eq!(budget.allowed(Span::SocketToRing, Quantile::P99), Some(20_000));
    assert_eq!(budget.allowed(Span::RingToClient, Quantile::P50), Some(500));
    assert_eq!(budget.allowed(Span::RingToClient, Quantile::P99), None);
}

#[test]
fn a_budget_that_cannot_be_read_says_what_to_change() {
    let problem = |text: &str| Budget::parse(text).expect_err(text).to_string();
    assert!(problem("[socket]\np50 = 1").contains("`socket` is no span; use one of kernel_read"));
    assert!(problem("[read_parsed]\np51 = 1").contains("`p51` is no quantile; use one of p50"));
    assert!(problem("[read_parsed]\np50 = 0").contains("read_parsed.p50 = 0"));
    assert!(problem("[read_parsed]\np50 = \"fast\"").contains("nanoseconds"));
    assert_eq!(Budget::parse(""), Err(BudgetError::Empty));
    for key in ["socket_to_ring", "p99", "socket_to_ring_p98", "nothing_p99", ""] {
        let error = Budget::from_micros([(key, 1.0)]).expect_err(key);
        assert!(error.to_string().contains("socket_to_ring_p99"), "{error}");
    }
    for time in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e12] {
        assert!(Budget::from_micros([("read_parsed_p50", time)]).is_err(), "{time}");
    }
}

#[test]
fn breaches_are_counted_per_window_and_line() {
    let mut watch = BudgetWatch::new(budget("[read_parsed]\np50 = 100\nmax = 5000\n"));
    watch.judge_window(&measured(Span::ReadParsed, 1_000, 50, 6_000));
    watch.judge_window(&measured(Span::ReadParsed, 1_000, 200, 300));
    watch.judge_window(&measured(Span::ReadParsed, 1_000, 200, 9_000));
    watch.judge_window(&Histograms::new());
    let counts: Vec<u64> = watch.breaches().map(|(_, count)| count).collect();
    assert_eq!(counts, [2, 2]);
    assert_eq!(watch.windows(), 4);
}
