//! Every fault as a client sees it.

use std::time::{Duration, Instant};

use serde_json::Value;
use tickwire::instrument::ExchangeId;
use tickwire::sim::{Fault, Of, Options, Simulator};
use tungstenite::Message;

use crate::client::{Client, DEADLINE, End, request};
use crate::started::started;

fn start(change: impl FnOnce(&mut Options)) -> Simulator {
    started(ExchangeId::Binance, &["BTCUSDT", "ETHUSDT"], 1_000, change)
}

fn planned(spec: &str) -> Simulator {
    start(|options| options.faults.push(spec.parse().expect("a fault")))
}

/// Takes messages until one is no whole JSON text.
fn odd_one(client: &mut Client) -> Message {
    loop {
        let message = client.message().expect("the connection stays");
        match &message {
            Message::Text(text) if serde_json::from_str::<Value>(text).is_ok() => {}
            Message::Ping(_) => {}
            _ => return message,
        }
    }
}

/// The ids of so many events.
fn ids(client: &mut Client, field: &str, count: usize) -> Vec<u64> {
    (0..count).map(|_| client.json()[field].as_u64().expect("an id")).collect()
}

/// The ids of an event before the fault and of so many after it.
fn ids_around(
    simulator: &Simulator,
    client: &mut Client,
    field: &str,
    fault: Fault,
    count: usize,
) -> Vec<u64> {
    let mut all = ids(client, field, 1);
    simulator.inject(fault);
    all.extend(ids(client, field, count));
    all
}

fn steps(ids: &[u64]) -> Vec<i64> {
    ids.windows(2).map(|pair| pair[1] as i64 - pair[0] as i64).filter(|step| *step != 1).collect()
}

#[test]
fn disconnect_ends_connections_without_a_word() {
    let simulator = planned("disconnect@200ms");
    assert_eq!(Client::open(&simulator, "/ws/btcusdt@trade").end(), End::Gone);
    // It strikes once.
    Client::open(&simulator, "/ws/btcusdt@trade").json();
}

#[test]
fn a_fault_comes_again_when_asked_to() {
    let simulator = planned("disconnect:every=150ms");
    for _ in 0..3 {
        assert_eq!(Client::open(&simulator, "/ws/btcusdt@trade").end(), End::Gone);
    }
    assert!(simulator.stats().faults >= 3);
}

#[test]
fn silence_leaves_the_connection_open_and_mute() {
    let simulator = start(|_| ());
    let mut client = Client::open(&simulator, "/ws/btcusdt@trade");
    client.json();
    simulator.inject(Fault::Silence);
    assert!(simulator.wait_for(DEADLINE, |stats| stats.faults == 1));
    client.say(Message::Ping("anyone".into()));
    client.read_within(Duration::from_millis(300));
    let quiet = loop {
        match client.message_or_nothing() {
            Some(Ok(Message::Pong(_))) => panic!("a mute connection answered"),
            Some(Ok(_)) => {}
            Some(Err(end)) => panic!("a mute connection ended: {end:?}"),
            None => break true,
        }
    };
    assert!(quiet && simulator.stats().websockets == 1);
    Client::open(&simulator, "/ws/btcusdt@trade").json();
}

#[test]
fn close_carries_its_code() {
    let simulator = start(|_| ());
    let mut client = Client::open(&simulator, "/ws/btcusdt@trade");
    simulator.inject(Fault::Close(4_001));
    assert_eq!(client.end(), End::Closed(4_001, "Closed".to_owned()));
}

#[test]
fn garbage_truncated_oversized_and_binary_frames_come_between_good_ones() {
    let simulator = start(|options| options.symbols.truncate(1));
    let mut client = Client::open(&simulator, "/ws/btcusdt@trade");
    client.json();
    simulator.inject(Fault::Garbage);
    assert_eq!(odd_one(&mut client), Message::text("<html>502</html>"));
    simulator.inject(Fault::Binary);
    assert!(matches!(odd_one(&mut client), Message::Binary(_)));
    simulator.inject(Fault::Oversized(9 << 20));
    assert_eq!(odd_one(&mut client).len(), 9 << 20);
    simulator.inject(Fault::Truncated);
    let cut = odd_one(&mut client).to_string();
    // The frame itself follows its cut copy: nothing is lost.
    let whole = client.text().expect("the connection stays");
    assert!(whole.starts_with(&cut) && whole.len() > cut.len());
    assert!(steps(&ids(&mut client, "t", 50)).is_empty());
}

#[test]
fn slow_start_delays_the_handshake() {
    let simulator = start(|_| ());
    simulator.inject(Fault::SlowStart(Duration::from_millis(250)));
    assert!(simulator.wait_for(DEADLINE, |stats| stats.faults == 1));
    let begun = Instant::now();
    Client::open(&simulator, "/ws/btcusdt@trade").json();
    assert!(begun.elapsed() >= Duration::from_millis(250));
}

#[test]
fn refused_handshakes_are_as_many_as_asked_for() {
    let simulator = planned("refuse=503:count=2");
    assert!(simulator.wait_for(DEADLINE, |stats| stats.faults == 1));
    for _ in 0..2 {
        assert_eq!(Client::try_open(&simulator, "/ws").err(), Some(503));
    }
    assert!(Client::try_open(&simulator, "/ws").is_ok());
}

#[test]
fn a_shutdown_is_announced_before_the_end() {
    let simulator = start(|_| ());
    let mut raw = Client::open(&simulator, "/ws/btcusdt@trade");
    let mut wrapped = Client::open(&simulator, "/stream?streams=btcusdt@trade");
    simulator.inject(Fault::Shutdown { after: Duration::from_millis(150) });
    raw.find(|value| value["e"] == "serverShutdown" && value["E"].is_u64());
    let notice = wrapped.find(|value| value["stream"] == "!serverShutdown");
    assert_eq!(notice["data"]["e"], "serverShutdown");
    // Who comes after the notice stays.
    let mut late = Client::open(&simulator, "/ws/btcusdt@trade");
    assert_eq!((raw.end(), wrapped.end()), (End::Gone, End::Gone));
    late.json();
}

#[test]
fn a_gap_leaves_one_delta_out_and_the_rest_goes_on() {
    let simulator = start(|_| ());
    let mut client = Client::open(&simulator, "/ws/btcusdt@depth@100ms");
    let mut previous = client.json()["u"].as_u64().expect("an id");
    simulator.inject(Fault::Drop { of: Of::Depth, symbol: None, count: 1 });
    let mut holes = 0;
    for _ in 0..8 {
        let event = client.json();
        holes += u64::from(event["U"].as_u64() != Some(previous + 1));
        previous = event["u"].as_u64().expect("an id");
    }
    assert_eq!(holes, 1);
}

#[test]
fn a_dropped_trade_is_missing_and_the_truth_has_it() {
    let simulator = start(|_| ());
    let mut client = Client::open(&simulator, "/ws/btcusdt@trade");
    let symbol = Some("BTCUSDT".to_owned());
    let fault = Fault::Drop { of: Of::Trade, symbol, count: 1 };
    let ids = ids_around(&simulator, &mut client, "t", fault, 400);
    assert_eq!(steps(&ids), [2]);
    let hole = ids.windows(2).find(|pair| pair[1] != pair[0] + 1).expect("a hole")[0] + 1;
    assert!(simulator.truth().trades("BTCUSDT").iter().any(|trade| trade.id == hole));
}

#[test]
fn a_duplicate_comes_twice() {
    let simulator = start(|_| ());
    let mut client = Client::open(&simulator, "/ws/btcusdt@trade");
    let fault = Fault::Duplicate { of: Of::Trade, symbol: None, count: 1 };
    let ids = ids_around(&simulator, &mut client, "t", fault, 400);
    assert_eq!(steps(&ids), [0]);
}

#[test]
fn a_reordered_event_comes_after_its_successor() {
    let simulator = start(|_| ());
    let mut client = Client::open(&simulator, "/ws/btcusdt@trade");
    let fault = Fault::Reorder { of: Of::Trade, symbol: None, count: 1 };
    let ids = ids_around(&simulator, &mut client, "t", fault, 400);
    assert_eq!(steps(&ids), [2, -1, 2]);
    let mut client = Client::open(&simulator, "/ws/ethusdt@depth@100ms");
    let symbol = Some("ETHUSDT".to_owned());
    let fault = Fault::Reorder { of: Of::Depth, symbol, count: 1 };
    let last = ids_around(&simulator, &mut client, "u", fault, 6);
    assert_eq!(last.windows(2).filter(|pair| pair[0] > pair[1]).count(), 1);
}

#[test]
fn a_muted_subscription_is_acknowledged_and_brings_nothing() {
    let simulator = planned("ack-mute");
    assert!(simulator.wait_for(DEADLINE, |stats| stats.faults == 1));
    let mut client = Client::open(&simulator, "/ws");
    client.say(r#"{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}"#);
    assert_eq!(client.json()["id"], 1);
    client.say(r#"{"method":"SUBSCRIBE","params":["ethusdt@trade"],"id":2}"#);
    assert_eq!(client.json()["id"], 2);
    for _ in 0..20 {
        assert_eq!(client.json()["s"], "ETHUSDT");
    }
}

#[test]
fn requests_are_refused_or_answered_with_what_is_too_old() {
    let simulator = start(|_| ());
    let mut client = Client::open(&simulator, "/ws/btcusdt@depth@100ms");
    let first = client.json()["U"].as_u64().expect("an id");
    for status in [429, 418] {
        simulator.inject(Fault::RestRefuse { status, count: 1 });
        let (answer, head, body) = request(&simulator, "/api/v3/depth?symbol=BTCUSDT");
        assert_eq!((answer, body["code"].as_i64()), (status, Some(-1003)));
        assert!(head.contains("Retry-After: "));
    }
    simulator.inject(Fault::RestStale { count: 1 });
    let id = |body: Value| body["lastUpdateId"].as_u64().expect("an id");
    assert!(id(request(&simulator, "/api/v3/depth?symbol=BTCUSDT").2) < first - 1);
    assert!(id(request(&simulator, "/api/v3/depth?symbol=BTCUSDT").2) >= first);
}
