//! Slow and fast clients of the built binary: slowness is what a client does not read, not what it
//! asked for.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod floor;
#[path = "common/process.rs"]
#[allow(dead_code, reason = "each test binary uses its own part")]
mod process;

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, Sender, channel};

use floor::Client;
use process::{Running, tickwire_anywhere};
use serde_json::{Value, json};
use tickwire::instrument::ExchangeId;
use tickwire::sim::{Options, Simulator};
use tungstenite::{Message, WebSocket};

const LEVELS: usize = 15_000;
const TRADES: u64 = 5_000;

fn say(socket: &mut WebSocket<TcpStream>, message: &Value) {
    socket.send(Message::text(message.to_string())).unwrap();
}

fn a_trade(id: u64) -> Value {
    json!({"type": "match", "trade_id": id, "maker_order_id": "2a0da34e-61f7-4c36-88e5-c9dd15927b16",
        "taker_order_id": "3c82abaa-c01e-4608-be59-6a1e69742891", "side": "sell", "size": "0.5",
        "price": "65000.00", "product_id": "BTC-USD", "sequence": id,
        "time": "2026-11-30T10:00:00.000000Z"})
}

/// An exchange in Coinbase's words: a book of 30,000 levels, then as many trades as it is told to
/// send.
fn exchange(listener: &TcpListener, bursts: &Receiver<u64>) {
    let (stream, _) = listener.accept().unwrap();
    let mut socket = tungstenite::accept(stream).unwrap();
    socket.read().unwrap();
    let channels = ["level2_batch", "matches", "heartbeat"];
    let granted = channels.map(|name| json!({"name": name, "product_ids": ["BTC-USD"]}));
    say(&mut socket, &json!({"type": "subscriptions", "channels": granted}));
    let side = |from: usize| -> Vec<Value> {
        (0..LEVELS).map(|at| json!([format!("{}.00", from + at), "1.25"])).collect()
    };
    let (bids, asks) = (side(10_000), side(10_000 + LEVELS));
    say(
        &mut socket,
        &json!({"type": "snapshot", "product_id": "BTC-USD", "bids": bids, "asks": asks}),
    );
    let mut next = 1;
    for count in bursts {
        (next..next + count).for_each(|id| say(&mut socket, &a_trade(id)));
        next += count;
    }
}

/// The binary at that exchange, where it serves, and what has it send trades.
fn gateway(folder: &tempfile::TempDir) -> (Running, SocketAddr, Sender<u64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (trades, bursts) = channel();
    std::thread::spawn(move || exchange(&listener, &bursts));
    let mut options = Options::new(ExchangeId::Coinbase);
    options.paused = true;
    let lists = Simulator::start(options).unwrap();
    let file = folder.path().join("a.toml");
    let text = format!(
        "[gateway]\nclient_queue_bytes = 65536\n[[feed]]\nexchange = \"coinbase\"\n\
         symbols = [\"BTC/USD\"]\nchannels = [\"trades\", \"orderbook\"]\n\
         url = \"ws://{address}\"\nrest_url = \"{}\"\n",
        lists.rest_url()
    );
    std::fs::write(&file, text).unwrap();
    let mut command = tickwire_anywhere();
    command.arg("run").arg("--config").arg(&file).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut running = Running(command.spawn().unwrap());
    let out = BufReader::new(running.0.stdout.take().unwrap()).lines();
    let mut out = out.map_while(Result::ok);
    let address = out.find_map(|line| process::address(&line)).expect("it begins to listen");
    // Nobody may be stopped by a full pipe, and the lists are there as long as it runs.
    std::thread::spawn(move || {
        out.for_each(drop);
        lists.stop();
    });
    (running, address, trades)
}

/// Has trades sent in bursts of less than a queue, as a client reads them.
fn trade_with(client: &mut Client, trades: &Sender<u64>, count: u64) {
    const BURST: u64 = 100;
    let mut seq = None;
    for _ in 0..count / BURST {
        trades.send(BURST).unwrap();
        for _ in 0..BURST {
            let next = client.next_of("trade")["seq"].as_u64().unwrap();
            assert!(seq.is_none_or(|seq| next == seq + 1), "who reads misses nothing");
            seq = Some(next);
        }
    }
}

fn subscribe(channel: &str) -> Value {
    json!({"action": "subscribe", "symbols": ["coinbase:BTC/USD"], "channels": [channel]})
}

#[test]
fn who_reads_gets_three_histories_and_a_whole_book_whatever_its_queue_holds() {
    let folder = tempfile::tempdir().unwrap();
    let (_running, address, trades) = gateway(&folder);
    let mut client = Client::connect(address);
    let ask = json!({"action": "history", "symbol": "coinbase:BTC/USD", "channel": "trades",
        "limit": TRADES});
    client.subscribe(&["coinbase:BTC/USD"], &["trades"]);
    trade_with(&mut client, &trades, TRADES);
    (0..3).for_each(|_| client.say(&ask));
    client.say(&subscribe("orderbook"));
    for _ in 0..3 {
        let events = client.next_of("history")["data"]["events"].as_array().unwrap().len();
        assert_eq!(events as u64, TRADES);
    }
    let book = client.next_of("orderbook");
    for side in ["bids", "asks"] {
        assert_eq!(book["data"][side].as_array().unwrap().len(), LEVELS);
    }
    assert_eq!(client.ask(&json!({"action": "ping"}))["type"], "pong", "it is served on");
}

#[test]
fn who_does_not_read_is_closed_and_reads_why_when_it_reads_again() {
    let folder = tempfile::tempdir().unwrap();
    let (_running, address, trades) = gateway(&folder);
    let mut slow = Client::connect_small(address);
    slow.subscribe(&["coinbase:BTC/USD"], &["trades"]);
    let mut fast = Client::connect(address);
    fast.subscribe(&["coinbase:BTC/USD"], &["trades"]);
    // Far more than a queue and the kernel hold.
    trade_with(&mut fast, &trades, 60_000);
    let (seen, code) = slow.until_close();
    assert_eq!(code, 4008, "told in a close frame, after whole frames");
    let seqs: Vec<_> = seen.iter().filter_map(|event| event["seq"].as_u64()).collect();
    assert!(seqs.windows(2).all(|pair| pair[1] == pair[0] + 1));
}
