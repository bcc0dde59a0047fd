//! Small inputs after reports of people who do this job, each with its right outcome: decoded, and
//! played over sockets through a feed and a gateway to a client.

mod common;

use std::fs::File;
use std::io::BufReader;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::captures;
use serde_json::Value;
use tickwire::clock::Clock;
use tickwire::config::Config;
use tickwire::decode::{DecodeOptions, run};
use tickwire::gateway::Gateway;
use tickwire::instrument::ExchangeId;
use tickwire::sim::{CaptureEnd, Options, Playback, Simulator, Speed};
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

/// Ends a test that would never end.
const ARRIVAL_MAX: Duration = Duration::from_secs(60);

/// The folder, beside that of the captures.
fn folder() -> Option<PathBuf> {
    Some(captures::folder()?.join("../field"))
}

fn decoded(folder: &Path, name: &str, exchange: ExchangeId, rest: &[&str]) -> Vec<Value> {
    let rest = rest.iter().map(|file| folder.join(file)).collect();
    let options = DecodeOptions { exchange, rest, summary: false };
    let file = File::open(folder.join(format!("{name}.txt"))).expect("the input is there");
    let mut output = Vec::new();
    run(&options, BufReader::new(file), &mut output).expect("it decodes");
    let text = String::from_utf8(output).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// What a client of one channel reads while the input is played, until `done` says so.
fn played(
    name: &str,
    exchange: ExchangeId,
    channel: &str,
    done: impl Fn(&Value) -> bool,
) -> Vec<Value> {
    let Some(folder) = folder() else { return Vec::new() };
    let clock = Clock::real();
    let simulator = Simulator::start(Options {
        playback: Some(Playback {
            capture: folder.join(format!("{name}.txt")),
            rest: Vec::new(),
            speed: Speed::Max,
            end: CaptureEnd::Hold,
            everything: true,
        }),
        clock: clock.clone(),
        ..Options::new(exchange)
    })
    .expect("the simulator starts");
    let text = format!(
        "[gateway]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[[feed]]\n\
         exchange = \"{exchange}\"\nsymbols = [\"AAA/USDT\"]\nchannels = [\"{channel}\"]\n\
         url = \"{}\"\nrest_url = \"{}\"\n",
        simulator.url(),
        simulator.rest_url()
    );
    let config = Config::parse(&text, None, []).expect("a valid configuration");
    let gateway = Gateway::start(&config, clock).expect("the gateway starts");
    let url = format!("ws://{}", gateway.address());
    let (mut socket, _) = tungstenite::connect(url).expect("the gateway serves");
    if let MaybeTlsStream::Plain(stream) = socket.get_mut() {
        stream.set_read_timeout(Some(ARRIVAL_MAX)).expect("a timeout can be set");
    }
    let symbol = format!("{exchange}:AAA/USDT");
    let send = |socket: &mut WebSocket<_>, request: Value| {
        socket.send(request.to_string().into()).expect("it is sent");
    };
    send(&mut socket, serde_json::json!({"action": "subscriptions"}));
    let epoch = read(&mut socket)["data"]["epoch"].clone();
    // What came before the client did is asked for.
    let request = serde_json::json!({
        "action": "subscribe", "channels": [channel], "symbols": [symbol],
        "from": {(symbol.as_str()): {"epoch": epoch, "seq": 0}},
    });
    send(&mut socket, request);
    let mut seen = Vec::new();
    while !seen.last().is_some_and(&done) {
        seen.push(read(&mut socket));
    }
    gateway.stop();
    simulator.stop();
    seen
}

fn read(socket: &mut WebSocket<MaybeTlsStream<TcpStream>>) -> Value {
    loop {
        let message = socket.read().expect("something comes in time");
        if let Message::Text(text) = message {
            return serde_json::from_str(&text).expect("JSON");
        }
    }
}

fn is_state(event: &Value, state: &str, reason: &str) -> bool {
    event["data"]["state"] == state && event["data"]["reason"] == reason
}

#[test]
fn a_book_whose_numbers_begin_anew_is_not_served_as_it_was() {
    let Some(folder) = folder() else { return };
    for (name, exchange) in [
        ("binance_ids_restart", ExchangeId::Binance),
        ("binance_futures_ids_restart", ExchangeId::BinanceFutures),
    ] {
        let rest = [format!("{name}-AAAUSDT.rest.json")];
        let rest = rest.each_ref().map(String::as_str);
        let lines = decoded(&folder, name, exchange, &rest);
        let stale = lines.iter().position(|line| is_state(line, "stale", "sequence gap"));
        let stale = stale.expect("the loss is told");
        assert!(lines[stale..].iter().all(|line| line["type"] != "orderbook"), "{name}");
    }
}

#[test]
fn a_trade_that_cannot_be_read_costs_itself_and_is_told() {
    let Some(folder) = folder() else { return };
    let (name, exchange) = ("bybit_trades_one_unreadable", ExchangeId::BybitLinear);
    let lines = decoded(&folder, name, exchange, &[]);
    let told = |lines: &[Value]| -> Vec<String> {
        let kinds = lines.iter().map(|line| match line["type"].as_str() {
            Some("trade") => line["data"]["price"].to_string(),
            Some(kind @ ("rejected" | "gap")) => kind.to_owned(),
            _ => String::new(),
        });
        kinds.filter(|kind| !kind.is_empty()).collect()
    };
    assert_eq!(told(&lines), ["2.1", "2.2", "2.4", "rejected", "2.5"]);
    let rejected = &lines[3];
    assert_eq!((&rejected["reason"], &rejected["channel"]), (&"digits".into(), &"trades".into()));
    assert_eq!((&rejected["symbol"], &rejected["items"]), (&"AAAUSDT".into(), &1.into()));
    let seen =
        played(name, exchange, "trades", |event| event["data"]["price"].to_string() == "2.5");
    assert_eq!(told(&seen), ["2.1", "2.2", "gap", "2.4", "2.5"]);
}
