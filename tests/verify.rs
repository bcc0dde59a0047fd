//! `verify` on the whole gateway: it passes when it may, and notices a delay and nothing else.

use std::time::Duration;

use tickwire::latency::{Budget, Quantile, Span, Verdict};
use tickwire::verify::{self, Options};

/// A small load, so that it runs beside other tests.
fn options(budget: &str) -> Options {
    Options {
        time: Duration::from_secs(2),
        rate: 200,
        symbols: 5,
        clients: 2,
        ..Options::new(Budget::parse(budget).expect("the test's budget is well formed"))
    }
}

#[test]
fn a_delay_in_the_broadcaster_is_noticed() {
    // So long stands for "never by itself": no test here asserts a speed.
    let mut options = options("[ring_to_client]\np50 = 300_000_000\n");
    let outcome = verify::run(&options).expect("the gateway runs");
    assert_eq!(outcome.verdict(), Verdict::Within, "{outcome}");
    assert_eq!(outcome.load.missing + outcome.load.repeated, 0, "{outcome}");
    assert!(outcome.load.delivered >= 2 * 200, "{outcome}");

    options.delay_injected = Duration::from_millis(700);
    let outcome = verify::run(&options).expect("the gateway runs");
    assert_eq!(outcome.verdict(), Verdict::Over, "{outcome}");
    assert_eq!(outcome.verdict().exit_code(), 1);
    assert_eq!(outcome.load.missing + outcome.load.repeated, 0, "late is not lost: {outcome}");
}

#[test]
fn every_stage_is_measured_and_the_whole_is_not_shorter_than_its_parts() {
    let outcome = verify::run(&options("[exchange_to_client]\np50 = 60_000_000_000\n"))
        .expect("the gateway runs");
    let json = outcome.json();
    let spans = json["spans"].as_array().expect("a list").clone();
    let p50 = |span: Span| {
        let found = spans.iter().find(|row| row["span"] == span.name());
        found.unwrap_or_else(|| panic!("{} is not measured", span.name()))["p50_ns"]
            .as_u64()
            .expect("a number")
    };
    for span in [
        Span::ReadParsed,
        Span::ParsedPushed,
        Span::PushedPopped,
        Span::PoppedEncoded,
        Span::EncodedWritten,
        Span::SocketToRing,
        Span::RingToClient,
        Span::ExchangeAge,
        Span::HostStall,
    ] {
        p50(span);
    }
    // One event's way contains its parts; medians of many events nearly do.
    assert!(p50(Span::SocketToClient) * 11 / 10 >= p50(Span::RingToClient), "{json}");
    assert_eq!(json["verdict"], "within");
    assert_eq!(json["load"]["clients"], 2);
}

#[test]
fn a_budget_that_needs_more_samples_than_there_are_cannot_be_judged() {
    let options = options("[exchange_to_client]\np999 = 60_000_000_000\n");
    let enough = Quantile::P999.samples_min();
    assert!(u64::from(options.rate) * options.clients as u64 * 2 < enough);
    let outcome = verify::run(&options).expect("the gateway runs");
    assert_eq!(outcome.verdict().exit_code(), 2, "{outcome}");
}
