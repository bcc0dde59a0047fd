//! The watching client against a scripted gateway.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use serde_json::{Value, json};
use tickwire::net::{BackoffPolicy, NetError};
use tickwire::watch::{self, Form, Printer, WatchError, WatchOptions};
use tungstenite::{Message, WebSocket};

const PATIENCE: Duration = Duration::from_secs(20);

/// One client of the scripted gateway.
struct Client(WebSocket<TcpStream>);

impl Client {
    fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(tungstenite::accept(stream).unwrap())
    }

    fn request(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.0.read().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    fn say(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).unwrap();
    }

    fn grant(&mut self, epoch: &str) {
        self.say(json!({"type": "success", "message": "ok", "data": {"epoch": epoch}}));
    }

    fn trade(&mut self, seq: u64) {
        self.say(json!({"type": "trade", "seq": seq, "timestamp": 1_700_000_000_125_u64,
            "data": {"symbol": "BTC/USDT", "exchange": "binance", "side": "buy",
                "price": 65_000, "volume": 2, "timestamp": 1_700_000_000_123_u64}}));
    }
}

/// Sends every line that is written, so that a test can wait for one.
struct Lines {
    partial: Vec<u8>,
    sender: Sender<String>,
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for &byte in bytes {
            if byte == b'\n' {
                let line = String::from_utf8(std::mem::take(&mut self.partial)).unwrap();
                self.sender.send(line).map_err(|_| io::ErrorKind::BrokenPipe)?;
            } else {
                self.partial.push(byte);
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Watcher {
    thread: std::thread::JoinHandle<Result<(), WatchError>>,
    lines: Receiver<String>,
    news: Receiver<String>,
    stop: Arc<AtomicBool>,
}

impl Watcher {
    fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap()
    }

    fn news(&self) -> String {
        self.news.recv_timeout(PATIENCE).unwrap()
    }

    fn end(self) -> Result<(), WatchError> {
        self.thread.join().unwrap()
    }
}

fn options(gateway: SocketAddr) -> WatchOptions {
    let reconnect = BackoffPolicy {
        initial: Duration::from_millis(1),
        max: Duration::from_millis(5),
        ..BackoffPolicy::default()
    };
    let symbols = vec!["BTC/USDT".to_owned()];
    WatchOptions { symbols, reconnect, ..WatchOptions::new(format!("ws://{gateway}/ws")) }
}

fn watch(options: WatchOptions) -> Watcher {
    watch_as(Form::Lines, options)
}

fn watch_as(form: Form, options: WatchOptions) -> Watcher {
    let ((sender, lines), (teller, news)) = (channel(), channel());
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    let thread = std::thread::spawn(move || {
        let [out, err] = [sender, teller].map(|sender| Lines { partial: Vec::new(), sender });
        watch::run(&options, &seen, &mut Printer::new(out, err, form))
    });
    Watcher { thread, lines, news, stop }
}

fn gateway() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[test]
fn it_prints_resumes_after_a_loss_and_stops_when_told() {
    let (listener, address) = gateway();
    let watcher = watch(options(address));
    let mut client = Client::accept(&listener);
    let request = client.request();
    assert_eq!(request["action"], "subscribe");
    assert_eq!(request["symbols"], json!(["BTC/USDT"]));
    assert_eq!(request["channels"], json!(["trades"]));
    assert_eq!(request["snapshot"], true);
    assert_eq!(request.get("from"), None);
    client.grant("one");
    client.trade(41);
    client.trade(42);
    assert_eq!(watcher.line(), "22:13:20.123  binance:BTC/USDT    trade      buy  2 @ 65000  #41");
    watcher.line();
    drop(client);

    let mut client = Client::accept(&listener);
    let request = client.request();
    assert_eq!(request["from"], json!({"binance:BTC/USDT": {"epoch": "one", "seq": 42}}));
    assert_eq!(request["snapshot"], false);
    client.grant("one");
    client.trade(43);
    assert!(watcher.line().ends_with("#43"));

    watcher.stop.store(true, Ordering::Relaxed);
    let farewell = std::iter::repeat_with(|| client.0.read().unwrap()).find(Message::is_close);
    let Some(Message::Close(Some(frame))) = farewell else { panic!("{farewell:?}") };
    assert_eq!(u16::from(frame.code), 1000);
    watcher.end().unwrap();
}

#[test]
fn what_a_restart_of_the_gateway_lost_is_told() {
    let (listener, address) = gateway();
    let watcher = watch(options(address));
    let recovered =
        [("one", None), ("one", Some(true)), ("one", Some(false)), ("two", Some(false))];
    let told = ["resumed, nothing was missed", "not all that was missed", "started anew"];
    let mut told = told.into_iter();
    for (epoch, recovered) in recovered {
        let mut client = Client::accept(&listener);
        client.request();
        let mut data = json!({"epoch": epoch});
        if let Some(recovered) = recovered {
            data["recovered"] = json!({"binance:BTC/USDT": recovered});
        }
        client.say(json!({"type": "success", "message": "ok", "data": data}));
        client.trade(1);
        watcher.line();
        assert!(watcher.news().contains("connected to "));
        if recovered.is_some() {
            let (news, words) = (watcher.news(), told.next().unwrap());
            assert!(news.contains(words), "{news}");
        }
        drop(client);
        let news = watcher.news();
        assert!(news.contains(" lost: connection "), "{news}");
    }
    watcher.stop.store(true, Ordering::Relaxed);
    watcher.end().unwrap();
}

#[test]
fn a_refused_symbol_ends_it_with_the_gateways_words() {
    let (listener, address) = gateway();
    let watcher = watch(options(address));
    let mut client = Client::accept(&listener);
    client.request();
    client.say(json!({"type": "error", "code": "unknown_symbol", "message": "no BTC/USDT here",
        "requestId": "0"}));
    let error = watcher.end().unwrap_err();
    assert_eq!(error.to_string(), "unknown_symbol: no BTC/USDT here");
    assert_eq!(error.exit_code(), 1);
}

#[test]
fn a_passing_error_is_tried_again() {
    let (listener, address) = gateway();
    let watcher = watch(options(address));
    let mut client = Client::accept(&listener);
    client.request();
    client.say(json!({"type": "error", "code": "rate_limited", "message": "slow down"}));
    let mut client = Client::accept(&listener);
    client.request();
    client.grant("one");
    client.trade(1);
    assert!(watcher.line().ends_with("#1"));
    watcher.stop.store(true, Ordering::Relaxed);
    watcher.end().unwrap();
}

#[test]
fn raw_events_are_printed_as_they_came() {
    let (listener, address) = gateway();
    let channels = vec!["quotes".to_owned(), "candles".to_owned()];
    let interval = Some("1m".to_owned());
    let options = WatchOptions { channels, interval, ..options(address) };
    let watcher = watch_as(Form::Json, options);
    let mut client = Client::accept(&listener);
    let (quotes, candles) = (client.request(), client.request());
    assert_eq!((&quotes["channels"], quotes.get("interval")), (&json!(["quotes"]), None));
    assert_eq!((&candles["channels"], &candles["interval"]), (&json!(["candles"]), &json!("1m")));
    let event = r#"{"type":"quote","data":{"symbol":"A","exchange":"b","bid":1.50},"seq":1}"#;
    client.0.send(Message::text(event)).unwrap();
    assert_eq!(watcher.line(), event);
    watcher.stop.store(true, Ordering::Relaxed);
    watcher.end().unwrap();
}

#[test]
fn attempts_and_a_vanished_reader_have_an_end() {
    let (listener, address) = gateway();
    drop(listener);
    let mut tired = options(address);
    tired.reconnect.max_attempts = 3;
    let watcher = watch(tired);
    for attempt in [2, 3, 4] {
        let told = format!(
            "tickwire: cannot connect to ws://{address}/ws: connection refused; trying again in \
             0.0 s (attempt {attempt})"
        );
        assert_eq!(watcher.news(), told);
    }
    let error = watcher.end().unwrap_err();
    assert!(matches!(error, WatchError::GaveUp { attempts: 3, .. }), "{error:?}");
    assert!(error.to_string().contains("connection refused"), "{error}");
    assert_eq!(error.exit_code(), 3);

    let (listener, address) = gateway();
    let watcher = watch(options(address));
    let mut client = Client::accept(&listener);
    client.request();
    drop(watcher.lines);
    client.trade(1);
    watcher.thread.join().unwrap().unwrap();
}

#[test]
fn what_no_attempt_can_mend_is_told_at_once() {
    let (listener, address) = gateway();
    let refused = watch(options(address));
    let (mut stream, _) = listener.accept().unwrap();
    stream.write_all(b"HTTP/1.1 401 Unauthorized\r\n\r\n").unwrap();
    let error = refused.end().unwrap_err();
    assert!(error.to_string().ends_with("the upgrade was refused: HTTP 401"), "{error}");

    let error = watch(WatchOptions::new("http//nowhere")).end().unwrap_err();
    assert!(matches!(error, WatchError::Connection { source: NetError::Url { .. }, .. }));
    assert_eq!(error.exit_code(), 2);
}
