//! The binary beside exchanges that mean it no good: each costs its own feed, and nobody else.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod floor;
#[path = "common/process.rs"]
#[allow(dead_code, reason = "each test binary uses its own part")]
mod process;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use floor::{Client, PATIENCE, wait_for};
use process::{Served, terminate, tickwire};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use tickwire::instrument::ExchangeId;
use tickwire::limits::{
    BOOK_LEVELS_MAX, ERROR_FRAMES_MAX, LIST_ENTRIES_MAX, LOG_LINES_BURST, OUTBOX_CHUNK_BYTES,
};
use tickwire::sim::{Options, Simulator};
use tungstenite::Message;

/// The trades that a witness sees before it is believed that nothing hurts it.
const UNHURT: u64 = 300;

/// The binary with an exchange that keeps to its protocol and a client of that, who must not notice
/// anything of what the other exchanges do.
struct Beside {
    served: Served,
    exchange: Simulator,
    witness: JoinHandle<u16>,
    /// One for each trade that the witness saw.
    seen: Receiver<()>,
    log: PathBuf,
    _folder: tempfile::TempDir,
}

impl Beside {
    /// With more of the gateway's configuration, and that of the others' feeds.
    fn start(gateway: &str, feeds: &str) -> Self {
        let options = Options { rate: 500, ..Options::new(ExchangeId::Binance) };
        let exchange = Simulator::start(options).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (file, log) = (folder.path().join("a.toml"), folder.path().join("log.txt"));
        let text = format!(
            "[gateway]\ndrain_seconds = 20\n{gateway}[[feed]]\nexchange = \"binance\"\n\
             channels = [\"trades\"]\nsymbols = [\"BTC/USDT\"]\nurl = \"{}\"\nrest_url = \"{}\"\n{feeds}",
            exchange.url(),
            exchange.rest_url()
        );
        std::fs::write(&file, text).unwrap();
        let mut command = tickwire();
        command.args(["run", "--config"]).arg(&file);
        let log_file = std::fs::File::create(&log).unwrap();
        let mut served = Served::start(command, Stdio::null(), log_file.into());
        served.connected(served.gateway);
        let (sees, seen) = channel();
        let mut client = Client::connect(served.gateway);
        client.subscribe(&["binance:BTC/USDT"], &["trades"]);
        let witness = std::thread::spawn(move || witness(&mut client, &sees));
        Self { served, exchange, witness, seen, log, _folder: folder }
    }

    fn client(&self) -> Client {
        Client::connect(self.served.gateway)
    }

    /// Waits until the witness has seen many more trades.
    fn goes_on(&mut self) {
        while self.seen.try_recv().is_ok() {}
        for _ in 0..UNHURT {
            // The end of the process would be the witness's, too.
            self.seen.recv_timeout(PATIENCE).expect("the witness sees trades");
        }
    }

    /// Stops the process by SIGTERM: no thread is left behind, and the witness got every trade up to its
    /// good-bye. Returns the log.
    fn ends_in_order(mut self) -> String {
        self.goes_on();
        terminate(&self.served.running.0);
        let code = self.witness.join().expect("it missed nothing");
        let ended = self.served.running.ended().code();
        let log = std::fs::read_to_string(&self.log).unwrap();
        assert_eq!((code, ended), (1001, Some(0)), "{log}");
        assert!(!log.contains("left behind"), "{log}");
        self.exchange.stop();
        log
    }
}

/// Reads trades whose ids and numbers follow each other until it is told good-bye; the code of that.
fn witness(client: &mut Client, sees: &Sender<()>) -> u16 {
    let mut last = None;
    loop {
        let event: Value = match client.message() {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            Message::Close(frame) => return frame.map_or(1005, |frame| frame.code.into()),
            _ => continue,
        };
        assert_eq!(event["type"], "trade", "{event}");
        let id: u64 = event["data"]["tradeId"].as_str().unwrap().parse().unwrap();
        let next = (id, event["seq"].as_u64().unwrap());
        assert!(last.is_none_or(|(id, seq)| next == (id + 1, seq + 1)), "{last:?} {next:?}");
        last = Some(next);
        // Nobody asks any more when a test has failed.
        let _ = sees.send(());
    }
}

/// An exchange: whoever connects is met like this, until the connection ends.
fn hostile<R>(meet: impl Fn(TcpStream) -> io::Result<R> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let meet = Arc::new(meet);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let meet = Arc::clone(&meet);
            // However a connection ends, the next one is met like it.
            std::thread::spawn(move || meet(stream).is_ok());
        }
    });
    address
}

/// The same, where whoever connects is upgraded first, and what it says is read and dropped.
fn upgrading(
    meet: impl Fn(&mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
) -> SocketAddr {
    hostile(move |mut stream| {
        tungstenite::accept(stream.try_clone()?).map_err(io::Error::other)?;
        drain(&stream)?;
        meet(&mut stream)
    })
}

/// Reads and drops what comes, in a thread of its own.
fn drain(stream: &TcpStream) -> io::Result<()> {
    let mut reader = stream.try_clone()?;
    std::thread::spawn(move || io::copy(&mut reader, &mut io::sink()));
    Ok(())
}

/// Waits for the end of a connection whose input nobody else reads.
fn until_it_ends(mut stream: impl Read) -> io::Result<u64> {
    io::copy(&mut stream, &mut io::sink())
}

/// A text as a server sends it.
fn frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match text.len() {
        length @ 0..126 => frame.push(length as u8),
        length @ 126..65_536 => {
            frame.push(126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(text.as_bytes());
    frame
}

fn feed(exchange: ExchangeId, symbol: &str, channels: &str, url: &str) -> String {
    feed_beside(exchange, symbol, channels, url, "http://127.0.0.1:9")
}

/// The same, and where it answers beside its streams.
fn feed_beside(
    exchange: ExchangeId,
    symbol: &str,
    channels: &str,
    url: &str,
    rest_url: &str,
) -> String {
    format!(
        "[[feed]]\nexchange = \"{exchange}\"\nsymbols = [\"{symbol}\"]\nchannels = [{channels}]\n\
         url = \"{url}\"\nrest_url = \"{rest_url}\"\n"
    )
}

/// An exchange that answers requests; `answer` makes the status, headers and body.
fn answering(answer: impl Fn(&mut TcpStream) -> io::Result<()> + Send + Sync + 'static) -> String {
    let address = hostile(move |mut stream| {
        let mut head = BufReader::new(stream.try_clone()?);
        let mut line = String::from("-");
        while !line.trim().is_empty() {
            line.clear();
            head.read_line(&mut line)?;
        }
        answer(&mut stream)
    });
    format!("http://{address}")
}

/// A body as a server sends it.
fn answer(stream: &mut TcpStream, body: &str) -> io::Result<()> {
    let length = body.len();
    write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// An exchange, a symbol of it, and how it says that something is wrong.
type Complaint = (ExchangeId, &'static str, fn(u32) -> String);

/// They complain of what nobody said, in words that are new each time.
const COMPLAINTS: [Complaint; 8] = [
    (ExchangeId::BinanceFutures, "BTC/USDT", |n| {
        format!(r#"{{"error":{{"code":4,"msg":"made up {n}"}},"id":null}}"#)
    }),
    (ExchangeId::Bybit, "BTC/USDT", |n| {
        format!(r#"{{"success":false,"ret_msg":"made up {n}","conn_id":"x","op":"subscribe"}}"#)
    }),
    (ExchangeId::BybitLinear, "BTC/USDT", |n| {
        format!(r#"{{"success":false,"ret_msg":"made up {n}","conn_id":"x","op":"subscribe"}}"#)
    }),
    (ExchangeId::Okx, "BTC/USDT", |n| {
        format!(r#"{{"event":"error","code":"60012","msg":"made up {n}","connId":"x"}}"#)
    }),
    (ExchangeId::Kraken, "BTC/USD", |n| format!(r#"{{"error":"made up {n}","success":false}}"#)),
    (ExchangeId::Coinbase, "BTC/USD", |n| format!(r#"{{"type":"error","message":"made up {n}"}}"#)),
    (ExchangeId::CoinbaseAdvanced, "BTC/USD", |n| {
        format!(r#"{{"type":"error","message":"made up {n}"}}"#)
    }),
    (ExchangeId::Deriv, "R_50", |n| {
        format!(r#"{{"error":{{"code":"Odd","message":"made up {n}"}},"msg_type":"error"}}"#)
    }),
];

#[test]
fn thousands_of_errors_end_their_connection_and_are_told_in_a_few_lines() {
    const ERRORS: u32 = 20 * ERROR_FRAMES_MAX;
    let mut feeds = String::new();
    for (exchange, symbol, complaint) in COMPLAINTS {
        let errors: Vec<u8> = (0..ERRORS).flat_map(|n| frame(&complaint(n))).collect();
        let address = upgrading(move |stream| {
            stream.write_all(&errors)?;
            until_it_ends(stream)?;
            Ok(())
        });
        feeds.push_str(&feed(exchange, symbol, "\"ticker\"", &format!("ws://{address}")));
    }
    let mut beside = Beside::start("", &feeds);
    let mut client = beside.client();
    client.say(&json!({"action": "subscribe", "symbols": ["*"], "channels": ["status"]}));
    let mut failing: Vec<_> = COMPLAINTS.map(|(exchange, ..)| exchange.name().to_owned()).into();
    while !failing.is_empty() {
        let told = client.next();
        let is_failing =
            ["reconnecting", "error"].map(Value::from).contains(&told["data"]["state"]);
        if told["type"] == "status" && is_failing {
            // Their silence behind the errors would end the connection as well, much later.
            assert_eq!(told["data"]["reason"], "exchange error", "{told}");
            failing.retain(|name| told["data"]["exchange"] != name.as_str());
        }
    }
    for (exchange, ..) in COMPLAINTS {
        let counted = format!("tickwire_feed_exchange_errors_total{{exchange=\"{exchange}\"}}");
        beside.served.counts(&counted, u64::from(ERROR_FRAMES_MAX) + 1);
    }
    beside.goes_on();
    let log = beside.ends_in_order();
    for (exchange, ..) in COMPLAINTS {
        let own = format!("exchange={exchange} ");
        let lines = log.lines().filter(|line| line.contains("made up") && line.contains(&own));
        let lines: Vec<&str> = lines.collect();
        assert!(!lines.is_empty() && lines.len() <= 20, "{exchange}: {lines:#?}");
    }
    assert!((log.lines().count() as u64) < LOG_LINES_BURST, "{log}");
}

/// The same text in a frame whose length is written in eight bytes, though one would do.
fn frame_of_long_length(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81, 127];
    frame.extend((text.len() as u64).to_be_bytes());
    frame.extend(text.as_bytes());
    frame
}

#[test]
fn lengths_that_no_frame_has_end_their_connection_alone_and_odd_ones_are_read() {
    const LENGTHS: [u64; 3] = [1 << 63, u64::MAX, i64::MAX as u64];
    let mut feeds = String::new();
    for (at, (exchange, symbol, complaint)) in COMPLAINTS.into_iter().enumerate() {
        let connections = AtomicUsize::new(at);
        let address = upgrading(move |stream| {
            stream.write_all(&frame_of_long_length(&complaint(0)))?;
            let length = LENGTHS[connections.fetch_add(1, Ordering::Relaxed) % LENGTHS.len()];
            stream.write_all(&[&[0x81, 127][..], &length.to_be_bytes()].concat())?;
            until_it_ends(stream)?;
            Ok(())
        });
        feeds.push_str(&feed(exchange, symbol, "\"ticker\"", &format!("ws://{address}")));
    }
    let mut beside = Beside::start("", &feeds);
    for (exchange, ..) in COMPLAINTS {
        let errors = format!("tickwire_feed_exchange_errors_total{{exchange=\"{exchange}\"}}");
        beside.served.counts(&errors, 2);
        let of = format!("exchange=\"{exchange}\",reason=\"frame too large\"");
        beside.served.counts(&format!("tickwire_feed_reconnects_total{{{of}}}"), 2);
    }
    beside.goes_on();
    beside.ends_in_order();
}

/// Answers beside the stream that are not as long as they say, or say no length.
const BODIES: [&str; 7] = [
    "Content-Length: 1000\r\n\r\n{\"a\":",
    "Content-Length: 3\r\n\r\n{\"a\":[1,2,3]}",
    "Content-Length: 9223372036854775808\r\n\r\n{}",
    "Content-Length: 18446744073709551616\r\n\r\n{}",
    "Content-Length: -1\r\n\r\n{}",
    "Content-Length: 2\r\nContent-Length: 5\r\n\r\n{\"a\":",
    "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}",
];

#[test]
fn bodies_that_are_not_as_long_as_they_say_are_failures_of_their_request_alone() {
    // Kraken and Deriv tell their lists on a connection.
    let asked = COMPLAINTS
        .into_iter()
        .filter(|(exchange, ..)| !matches!(exchange, ExchangeId::Kraken | ExchangeId::Deriv));
    let asked: Vec<Complaint> = asked.collect();
    let mut feeds = String::new();
    for (at, &(exchange, symbol, _)) in asked.iter().enumerate() {
        let connections = AtomicUsize::new(at);
        let rest = hostile(move |mut stream| {
            let body = BODIES[connections.fetch_add(1, Ordering::Relaxed) % BODIES.len()];
            let mut head = BufReader::new(stream.try_clone()?).lines();
            while head.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{body}")
        });
        let silent = upgrading(|stream| until_it_ends(stream).map(|_| ()));
        let own = feed(exchange, symbol, "\"ticker\"", &format!("ws://{silent}"));
        feeds.push_str(&own.replace("http://127.0.0.1:9", &format!("http://{rest}")));
    }
    let mut beside = Beside::start("", &feeds);
    for (exchange, ..) in asked {
        let failed = format!("tickwire_rest_failures_total{{exchange=\"{exchange}\"}}");
        beside.served.counts(&failed, 2);
    }
    beside.goes_on();
    beside.ends_in_order();
}

const CENTS: u64 = 6_500_000;

fn price(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// A change of both sides, so many cents from the middle and deeper.
fn deeper(from: u64, levels: u64, size: &str) -> Vec<u8> {
    let of = |at| {
        let (bid, ask) = (price(CENTS - at), price(CENTS + at));
        [json!(["buy", bid, size]), json!(["sell", ask, size])]
    };
    let changes: Vec<Value> = (from..from + levels).flat_map(of).collect();
    let update = json!({"type": "l2update", "product_id": "BTC-USD", "changes": changes,
        "time": "2026-11-30T10:00:00.000000Z"});
    frame(&update.to_string())
}

/// A book that is granted, stated, and then becomes deeper by this many levels of each side, frame by
/// frame; after that all of them change, for ever.
fn deepen(stream: &mut TcpStream, depth: u64) -> io::Result<()> {
    const STEP: u64 = 2_000;
    let granted = json!([{"name": "level2_batch", "product_ids": ["BTC-USD"]}]);
    let granted = json!({"type": "subscriptions", "channels": granted});
    stream.write_all(&frame(&granted.to_string()))?;
    let touch = |cents| json!([[price(cents), "1"]]);
    let book = json!({"type": "snapshot", "product_id": "BTC-USD", "bids": touch(CENTS - 1),
        "asks": touch(CENTS + 1)});
    stream.write_all(&frame(&book.to_string()))?;
    for size in ["1", "2"].into_iter().cycle() {
        for from in (2..depth).step_by(STEP as usize) {
            stream.write_all(&deeper(from, STEP.min(depth - from), size))?;
        }
    }
    Ok(())
}

#[test]
fn a_book_that_is_made_300_000_levels_deep_holds_no_stop() {
    // As deep as a book may be, and deeper.
    let fits = BOOK_LEVELS_MAX as u64;
    for (depth, ends_as) in [(fits, "live"), (150_000, "stale")] {
        let address = upgrading(move |stream| deepen(stream, depth));
        let url = format!("ws://{address}");
        let mut beside =
            Beside::start("", &feed(ExchangeId::Coinbase, "BTC/USD", "\"orderbook\"", &url));
        let mut client = beside.client();
        client.subscribe(&["coinbase:BTC/USD"], &["orderbook", "status"]);
        // Of the last level that there is to be, or of what became of the book.
        let deepest = price(CENTS - depth + 1);
        loop {
            let told = client.text();
            let has_come = told.contains(&deepest) && told.contains(r#""type":"orderbook""#);
            let is_stale = told.contains("book too large");
            assert!(!is_stale || ends_as == "stale", "{told}");
            if is_stale || has_come {
                assert_eq!(is_stale, ends_as == "stale", "no book holds so many");
                break;
            }
        }
        drop(client);
        beside.goes_on();
        beside.ends_in_order();
    }
}

/// An authority and what somebody shows whom it vouches for.
fn tls(folder: &tempfile::TempDir) -> (String, Arc<ServerConfig>) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let authority = folder.path().join("exchange.pem");
    std::fs::write(&authority, made.cert.pem()).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (authority.display().to_string(), Arc::new(server))
}

/// Half a record of TLS of 16 KiB, a byte at a time.
fn crumbs(mut socket: &TcpStream, kind: u8) -> io::Result<()> {
    socket.set_nodelay(true)?;
    socket.write_all(&[kind, 3, 3, 0x40, 0])?;
    (0..8 << 10).try_for_each(|_| socket.write_all(&[0]))
}

#[test]
fn half_a_record_of_tls_is_waited_for_in_vain_and_ends_its_connection_alone() {
    const HANDSHAKE: u8 = 22;
    const DATA: u8 = 23;
    let folder = tempfile::tempdir().unwrap();
    let (authority, server) = tls(&folder);
    let upgraded = move |stream: TcpStream| {
        let session = ServerConnection::new(Arc::clone(&server)).map_err(io::Error::other)?;
        let secured = StreamOwned::new(session, stream);
        Ok::<_, io::Error>(
            tungstenite::accept(secured).map_err(io::Error::other)?.into_inner().sock,
        )
    };
    // One never comes to an end with its handshake, the other with its first word.
    let unsecured = hostile(|stream| {
        crumbs(&stream, HANDSHAKE)?;
        until_it_ends(&stream)
    });
    let secured = hostile(move |stream| {
        let stream = upgraded(stream)?;
        crumbs(&stream, DATA)?;
        until_it_ends(&stream)
    });
    let feed = |exchange, symbol, address| {
        let own = feed(exchange, symbol, "\"trades\"", &format!("wss://{address}"));
        format!("{own}tls_ca_file = \"{authority}\"\n")
    };
    let feeds = feed(ExchangeId::Okx, "BTC/USDT", unsecured)
        + &feed(ExchangeId::Kraken, "BTC/USD", secured);
    let mut beside = Beside::start("", &feeds);
    let served = &mut beside.served;
    let failed = "tickwire_feed_failed_attempts_total{exchange=\"okx\",reason=\"connect timeout\"}";
    served.counts(failed, 1);
    let lost = "tickwire_feed_reconnects_total{exchange=\"kraken\",reason=\"silence\"}";
    served.counts(lost, 1);
    beside.goes_on();
    beside.ends_in_order();
}

#[test]
fn clients_that_never_read_hold_a_bounded_queue_and_nobody_else_up() {
    const QUEUE: u64 = 64 << 10;
    const SILENT: u64 = 4;
    let mut beside = Beside::start(&format!("client_queue_bytes = {QUEUE}\n"), "");
    let unread: Vec<Client> = (0..SILENT)
        .map(|_| {
            let mut client = Client::connect_small(beside.served.gateway);
            client.subscribe(&["binance:BTC/USDT"], &["trades"]);
            client
        })
        .collect();
    // What a turn adds before a client is found to be too slow, in whole chunks.
    let most = SILENT * (QUEUE + 2 * OUTBOX_CHUNK_BYTES as u64);
    let mut largest = 0;
    wait_for("they are closed", || {
        largest = largest.max(beside.served.metric("tickwire_queue_bytes"));
        beside.served.metric("tickwire_broadcast_slow_closes_total") >= SILENT
    });
    assert!((QUEUE / 2..=most).contains(&largest), "{largest} bytes waited, of {most}");
    beside.goes_on();
    drop(unread);
    beside.ends_in_order();
}

/// A page of so many of Bybit's contracts, no two of which have one name in all of its pages.
fn page(number: usize, entries: usize) -> String {
    let entry = |index| {
        let base = format!("A{number}X{index}");
        format!(
            r#"{{"symbol":"{base}USDT","contractType":"LinearPerpetual","status":"Trading","baseCoin":"{base}","quoteCoin":"USDT","settleCoin":"USDT"}}"#
        )
    };
    let list = (0..entries).map(entry).collect::<Vec<_>>().join(",");
    format!(
        r#"{{"retCode":0,"retMsg":"OK","result":{{"category":"linear","list":[{list}],"nextPageCursor":"c{number}"}}}}"#
    )
}

#[test]
fn lists_without_end_are_given_up_and_counted() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let pages = answering(move |stream| {
        answer(stream, &page(count.fetch_add(1, Ordering::Relaxed), LIST_ENTRIES_MAX / 2))
    });
    let one = answering(|stream| answer(stream, &page(0, LIST_ENTRIES_MAX + 1)));
    let feeds =
        [(ExchangeId::BybitLinear, pages), (ExchangeId::Bybit, one)].map(|(exchange, rest_url)| {
            feed_beside(exchange, "BTC/USDT", "\"trades\"", "ws://127.0.0.1:9", &rest_url)
        });
    let mut beside = Beside::start("", &feeds.concat());
    for exchange in ["bybit-linear", "bybit"] {
        let counted = format!("tickwire_lists_refused_total{{exchange=\"{exchange}\"}}");
        beside.served.counts(&counted, 1);
    }
    beside.goes_on();
    assert_eq!(asked.load(Ordering::Relaxed), 3, "the third is one too many");
    let log = beside.ends_in_order();
    assert_eq!(log.matches("list of instruments given up").count(), 2, "{log}");
}

#[test]
fn a_redirect_is_followed_nowhere_and_told() {
    let led = TcpListener::bind("127.0.0.1:0").unwrap();
    led.set_nonblocking(true).unwrap();
    let target = format!("http://{}/metrics", led.local_addr().unwrap());
    let rest_url = answering(move |stream| {
        let head = format!("HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: {target}\r\n");
        write!(stream, "{head}Content-Length: 0\r\n\r\n")
    });
    let feed =
        feed_beside(ExchangeId::Bybit, "BTC/USDT", "\"trades\"", "ws://127.0.0.1:9", &rest_url);
    let mut beside = Beside::start("", &feed);
    beside.served.counts("tickwire_rest_failures_total{exchange=\"bybit\"}", 2);
    let log = beside.ends_in_order();
    assert!(log.contains("answered with a redirect (302) to http://127.0.0.1:"), "{log}");
    assert_eq!(led.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock, "nobody came");
}
