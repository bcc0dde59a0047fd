//! A feed against a simulated exchange that fails in every way: whatever happens, it comes back,
//! subscribes to everything, and tells what was missed.

mod common;

use std::time::Duration;

use common::feed::{DEADLINE, Mirror, QUICK, Rig, RigOptions, missed_trades};
use common::market::{self, EVERYTHING};
use tickwire::feed::FeedOptions;
use tickwire::instrument::{Channel, ExchangeId, InstrumentId};
use tickwire::net::BackoffPolicy;
use tickwire::sim::{Fault, Options, Simulator};
use tickwire::tick::{BookState, FeedState, Reason};

const NATIVES: [&str; 3] = ["BTCUSDT", "ETHUSDT", "SOLUSDT"];

fn simulator(adjust: impl FnOnce(&mut Options)) -> Simulator {
    market::simulator(ExchangeId::Binance, &NATIVES, 2_000, adjust)
}

fn options<'a>(simulator: &Simulator, channels: &'a [Channel]) -> RigOptions<'a> {
    RigOptions::new(ExchangeId::Binance, simulator, &NATIVES, channels)
}

fn rig(simulator: &Simulator, channels: &[Channel], adjust: fn(&mut FeedOptions)) -> Rig {
    Rig::start(RigOptions { adjust, ..options(simulator, channels) })
}

fn assert_accounted(rig: &Rig) {
    for id in 0..NATIVES.len() as u32 {
        rig.assert_accounted(InstrumentId(id));
    }
}

#[test]
fn a_killed_exchange_is_found_again_and_everything_is_subscribed_anew() {
    let simulator = simulator(|_| {});
    let mut rig = rig(&simulator, &EVERYTHING, |_| {});
    rig.wait_trades(0, 3);
    assert!(simulator.wait_for(DEADLINE, |stats| stats.streams == 12));
    rig.wait_books(0, 3);

    let stopped = simulator.kill().expect("the simulator did not panic");
    rig.wait_loss();
    let seen = rig.ticks.len();
    let simulator = stopped.start().expect("it starts again");
    rig.wait_trades(seen, 3);
    rig.wait_books(seen, 3);
    assert!(simulator.wait_for(DEADLINE, |stats| stats.streams == 12));
    for id in 0..3 {
        let states = rig.book_states(InstrumentId(id));
        let lost = (BookState::Stale, Reason::Disconnected);
        assert!(states.contains(&lost), "{states:?}");
        assert_eq!(states.last().map(|state| state.0), Some(BookState::Live));
    }
    rig.stop();
    assert_accounted(&rig);
    let states: Vec<_> = rig.feed_states().iter().map(|state| state.0).collect();
    assert_eq!(states[..2], [FeedState::Connecting, FeedState::Connected]);
    assert!(states.contains(&FeedState::Reconnecting));
    assert_eq!(states.last(), Some(&FeedState::Terminated));
}

#[test]
fn every_way_of_losing_a_connection_is_survived_and_counted() {
    let simulator = simulator(|options| options.backlog_bytes_max = 64 << 20);
    let mut rig = rig(&simulator, &EVERYTHING, |_| {});
    rig.wait_trades(0, 3);
    let oversized = Fault::Oversized(9 << 20);
    for (fault, reasons) in [
        (Fault::Disconnect, &[Reason::Eof, Reason::Reset][..]),
        (Fault::Close(1_012), &[Reason::Close]),
        (oversized, &[Reason::FrameTooLarge]),
    ] {
        simulator.inject(fault.clone());
        rig.wait_counted("the loss", |counters| {
            reasons.iter().any(|&reason| counters.reconnects[reason as usize].value() > 0)
        });
        let seen = rig.ticks.len();
        rig.wait_trades(seen, 3);
        assert_eq!(
            rig.feed_states().last().map(|state| state.0),
            Some(FeedState::Connected),
            "{fault:?}"
        );
    }
    rig.stop();
    assert_accounted(&rig);
}

#[test]
fn a_garbage_frame_costs_that_frame_alone() {
    let simulator = simulator(|_| {});
    let mut rig = rig(&simulator, &[Channel::Trades], |_| {});
    rig.wait_trades(0, 3);
    for fault in [Fault::Garbage, Fault::Truncated, Fault::Binary] {
        let before = rejected(&rig);
        simulator.inject(fault);
        rig.wait("the refusal", |_| true);
        rig.wait_counted("the refusal", |counters| {
            counters.rejected.iter().map(|one| one.value()).sum::<u64>() > before
        });
        let seen = rig.ticks.len();
        rig.wait_trades(seen, 3);
    }
    rig.stop();
    for id in 0..3 {
        let ids = rig.trade_ids(InstrumentId(id));
        assert!(ids.windows(2).all(|pair| pair[1] == pair[0] + 1), "nothing else was lost");
    }
    let lost: u64 = rig.handle.counters().reconnects.iter().map(|one| one.value()).sum();
    assert_eq!(lost, 0);
}

fn rejected(rig: &Rig) -> u64 {
    rig.handle.counters().rejected.iter().map(|one| one.value()).sum()
}

#[test]
fn refused_handshakes_are_tried_again_and_counted() {
    for (status, reason) in
        [(500, Reason::Handshake), (502, Reason::Handshake), (503, Reason::Handshake)]
    {
        let simulator = simulator(|_| {});
        simulator.inject(Fault::Refuse { status, count: 3 });
        let mut rig = rig(&simulator, &[Channel::Trades], |options| {
            options.reconnect = BackoffPolicy { max: Duration::from_millis(50), ..QUICK };
        });
        rig.wait_trades(0, 3);
        let failed = &rig.handle.counters().failed_attempts;
        assert_eq!(failed[reason as usize].value(), 3, "{status}");
        assert_eq!(simulator.stats().upgrades_refused, 3);
        rig.stop();
    }
}

#[test]
fn a_limited_number_of_attempts_ends_in_an_error_that_says_why() {
    let simulator = simulator(|_| {});
    simulator.inject(Fault::Refuse { status: 503, count: 100 });
    let mut rig = rig(&simulator, &[Channel::Trades], |options| {
        options.reconnect = BackoffPolicy { max_attempts: 2, ..QUICK };
    });
    rig.wait("the error", |ticks| {
        ticks.iter().any(|tick| {
            matches!(
                tick.body,
                tickwire::tick::Body::FeedState {
                    state: FeedState::Error,
                    reason: Reason::Handshake,
                    ..
                }
            )
        })
    });
    assert_eq!(simulator.stats().upgrades_refused, 3);
}

#[test]
fn a_notice_of_a_shutdown_is_met_without_a_hole() {
    let simulator = simulator(|_| {});
    let mut rig = rig(&simulator, &EVERYTHING, |_| {});
    rig.wait_trades(0, 3);
    rig.wait_books(0, 3);
    simulator.inject(Fault::Shutdown { after: Duration::from_secs(15) });
    rig.wait_counted("the replacement", |counters| counters.rollovers.value() == 1);
    let seen = rig.ticks.len();
    rig.wait_trades(seen, 3);
    assert!(simulator.wait_for(DEADLINE, |stats| stats.websockets == 1), "the old one is let go");
    rig.stop();
    for id in 0..3 {
        let instrument = InstrumentId(id);
        let ids = rig.trade_ids(instrument);
        assert!(ids.windows(2).all(|pair| pair[1] == pair[0] + 1), "no hole, nothing twice");
        assert_eq!(missed_trades(&rig.ticks, instrument), []);
        let states = rig.book_states(instrument);
        assert_eq!(states.last(), Some(&(BookState::Live, Reason::SnapshotJoined)));
        let live = states.iter().filter(|state| state.0 == BookState::Live).count();
        assert_eq!(live, 1, "the book never stopped: {states:?}");
    }
    assert!(rig.handle.counters().duplicates.value() > 0, "both connections were heard");
    let connected = |reason| (FeedState::Connected, reason);
    let told = [connected(Reason::None), connected(Reason::Shutdown), connected(Reason::None)];
    let states = rig.feed_states();
    assert_eq!(states.first().map(|state| state.0), Some(FeedState::Connecting));
    assert_eq!(states[1..states.len() - 1], told, "never lost");
    assert_eq!(states.last().map(|state| state.0), Some(FeedState::Terminated));
}

#[test]
fn a_shutdown_that_comes_before_the_replacement_is_ready_costs_no_unseen_trade() {
    for after in [50, 500, 1_100] {
        let simulator = simulator(|_| {});
        let mut rig = rig(&simulator, &EVERYTHING, |_| {});
        rig.wait_trades(0, 3);
        rig.wait_books(0, 3);
        simulator.inject(Fault::Shutdown { after: Duration::from_millis(after) });
        rig.wait_counted("the end of the old connection", |counters| {
            let lost: u64 = counters.reconnects.iter().map(|one| one.value()).sum();
            lost + counters.rollovers.value() >= 1
        });
        let seen = rig.ticks.len();
        rig.wait_trades(seen, 3);
        assert!(simulator.wait_for(DEADLINE, |stats| stats.streams == 12));
        rig.wait("every book", |ticks| {
            (0..3).all(|id| Mirror::of(ticks, InstrumentId(id)).state == Some(BookState::Live))
        });
        rig.stop();
        assert_accounted(&rig);
    }
}

#[test]
fn a_slow_consumer_gets_every_trade_in_order() {
    let simulator = simulator(|options| options.rate = 20_000);
    // A few milliseconds of this market.
    let ring_ticks = 64;
    let mut rig = Rig::start(RigOptions { ring_ticks, ..options(&simulator, &[Channel::Trades]) });
    rig.wait_trades(0, 3);
    // Nobody takes ticks until the ring has been full many times and trades pile up behind it.
    let printed = || simulator.truth().planned_sends("BTCUSDT").map_or(0, |(_, all)| all.len());
    let enough = printed() + 2_000;
    assert!(simulator.wait_for(DEADLINE, |_| printed() > enough));
    assert!(rig.handle.counters().ring_refusals.value() > 0, "the ring was full");
    simulator.pause();
    let last: Vec<u64> = NATIVES
        .iter()
        .map(|native| simulator.truth().trades(native).last().map_or(0, |trade| trade.id))
        .collect();
    rig.wait("the last trade of each", |ticks| {
        (0..3).all(|id| {
            // At least: the market may print another one before it stands still.
            common::feed::trade_ids(ticks, InstrumentId(id)).last() >= Some(&last[id as usize])
        })
    });
    for id in 0..3 {
        let ids = rig.trade_ids(InstrumentId(id));
        assert!(ids.windows(2).all(|pair| pair[1] == pair[0] + 1), "nothing was lost");
    }
    assert_eq!(rig.handle.counters().skipped.value(), 0);
}

#[test]
fn a_connection_is_replaced_before_the_exchange_ends_it() {
    let simulator = simulator(|options| options.lifetime = Some(Duration::from_secs(60)));
    let mut rig = Rig::start(RigOptions {
        rules: |rules| rules.lifetime = Some(Duration::from_millis(500)),
        ..options(&simulator, &[Channel::Trades, Channel::Quotes])
    });
    rig.wait_counted("two replacements", |counters| counters.rollovers.value() >= 2);
    rig.stop();
    for id in 0..3 {
        let ids = rig.trade_ids(InstrumentId(id));
        assert!(ids.windows(2).all(|pair| pair[1] == pair[0] + 1), "no hole, nothing twice");
    }
    let lost: u64 = rig.handle.counters().reconnects.iter().map(|one| one.value()).sum();
    assert_eq!(lost, 0);
}

#[test]
fn a_private_authority_is_trusted_when_it_is_named_and_not_before() {
    let simulator = simulator(|options| options.tls = true);
    let mut wary = rig(&simulator, &[Channel::Trades], |_| {});
    wary.wait_counted("the refusal", |counters| {
        counters.failed_attempts[Reason::Tls as usize].value() > 0
    });
    wary.stop();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), simulator.ca_pem().expect("TLS")).expect("written");
    let tls_ca_file = Some(file.path().to_owned());
    let mut rig = Rig::start(RigOptions { tls_ca_file, ..options(&simulator, &EVERYTHING) });
    rig.wait_trades(0, 3);
    rig.wait_books(0, 3);
    rig.stop();
    assert_accounted(&rig);
}

#[test]
fn subscriptions_that_stay_mute_are_told_and_made_again() {
    let simulator = simulator(|_| {});
    simulator.inject(Fault::AckMute { count: 1 });
    let mut rig = rig(&simulator, &EVERYTHING, |options| {
        options.mute_after = Duration::from_millis(500);
    });
    rig.wait_trades(0, 3);
    rig.wait_books(0, 3);
    assert_eq!(rig.handle.counters().mute_subscriptions.value(), 12);
    let lost: u64 = rig.handle.counters().reconnects.iter().map(|one| one.value()).sum();
    assert_eq!(lost, 0);
}
