//! The binary among those who mean it no good, and with faults of its own: it ends when it is told,
//! and in order.
#![cfg(unix)]

#[path = "common/process.rs"]
#[allow(dead_code, reason = "each test binary uses its own part")]
mod process;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use process::{Running, tickwire_anywhere};
use tickwire::instrument::ExchangeId;
use tickwire::sim::{Options, Simulator};
use tungstenite::protocol::frame::coding::CloseCode;

fn exchange() -> Simulator {
    Simulator::start(Options::new(ExchangeId::Binance)).expect("it starts")
}

/// A configuration of one feed.
fn configuration(folder: &tempfile::TempDir, url: &str, rest_url: &str) -> std::path::PathBuf {
    let file = folder.path().join("a.toml");
    let text = format!(
        "[[feed]]\nexchange = \"binance\"\nsymbols = [\"BTC/USDT\"]\nurl = \"{url}\"\n\
         rest_url = \"{rest_url}\"\n"
    );
    std::fs::write(&file, text).expect("written");
    file
}

fn terminate(child: &Child) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
}

/// What it says until its end, and how it ends.
fn end(running: &mut Running) -> (Option<i32>, String) {
    let mut text = String::new();
    let mut errors = running.0.stderr.take().expect("piped");
    errors.read_to_string(&mut text).expect("text");
    (running.0.wait().expect("it ends").code(), text)
}

#[cfg(debug_assertions)]
#[test]
fn a_panic_of_any_thread_is_told_and_ends_in_an_ordered_stop() {
    for thread in [
        "feed-binance",
        "broadcast-0",
        "accept",
        "supervisor",
        "rest-kraken",
        "resolve-1",
        "observer",
        "admin",
    ] {
        let output = tickwire_anywhere().args(["run", "--panic-in", thread]).output();
        let output = output.expect("the binary runs");
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{thread}: {message}");
        let told = format!("thread {thread} panicked, so the gateway stopped");
        assert!(message.contains(&told), "{thread}: {message}");
        let report = String::from_utf8_lossy(&output.stdout);
        assert!(
            report.contains("socket_to_ring"),
            "{thread}: the report is its last word: {report}"
        );
    }
}

#[test]
fn an_exchange_that_leaves_a_request_hanging_does_not_hold_the_end() {
    let (exchange, hanging) = (exchange(), TcpListener::bind("127.0.0.1:0").expect("a port"));
    let folder = tempfile::tempdir().expect("a folder");
    let rest = format!("http://{}", hanging.local_addr().expect("bound"));
    let file = configuration(&folder, &exchange.url(), &rest);
    let child = tickwire_anywhere()
        .args(["run", "--config"])
        .arg(file)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut running = Running(child.expect("the binary runs"));
    let (mut request, _) = hanging.accept().expect("it asks");
    let mut byte = [0];
    request.read_exact(&mut byte).expect("a request");
    terminate(&running.0);
    let (code, text) = end(&mut running);
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains("request failed"), "it was waited for in vain: {text}");
    exchange.stop();
}

#[test]
fn no_proxy_comes_between_us_and_an_exchange() {
    let exchange = exchange();
    let folder = tempfile::tempdir().expect("a folder");
    let file = configuration(&folder, &exchange.url(), &exchange.rest_url());
    let mut command = tickwire_anywhere();
    command.args(["check", "--online", "--config"]).arg(file);
    for variable in ["ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY"] {
        command
            .env(variable, "http://127.0.0.1:9")
            .env(variable.to_lowercase(), "http://127.0.0.1:9");
    }
    let output = command.output().expect("the binary runs");
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{message}");
    exchange.stop();
}

/// An address that is free at this moment.
fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound")
}

/// The embedded demo, whatever becomes of its outputs.
struct Muted {
    running: Running,
    gateway: SocketAddr,
    admin: SocketAddr,
}

impl Muted {
    fn start(stdout: Stdio, stderr: Stdio) -> Self {
        let (gateway, admin) = (free(), free());
        let child = tickwire_anywhere()
            .arg("run")
            .env("TICKWIRE_GATEWAY_LISTEN", gateway.to_string())
            .env("TICKWIRE_ADMIN_LISTEN", admin.to_string())
            .stdout(stdout)
            .stderr(stderr)
            .spawn();
        Self { running: Running(child.expect("the binary runs")), gateway, admin }
    }

    /// Waits for a socket of it.
    fn connected(&mut self, address: SocketAddr) -> TcpStream {
        loop {
            let ended = self.running.0.try_wait().expect("asked");
            assert!(ended.is_none(), "it serves, and did not end with {ended:?}");
            if let Ok(socket) = TcpStream::connect(address) {
                return socket;
            }
            std::thread::yield_now();
        }
    }

    /// The value of a metric.
    fn metric(&mut self, name: &str) -> u64 {
        let mut socket = self.connected(self.admin);
        let request = "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        socket.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("an answer");
        let line = answer.lines().find_map(|line| line.strip_prefix(name)).expect("it is there");
        line.trim().parse().expect("a number")
    }

    /// Serves a client, and says good-bye to it when it is told to stop.
    fn serves_and_ends_in_order(mut self, what: &str) {
        let socket = self.connected(self.gateway);
        let (mut client, _) =
            tungstenite::client(format!("ws://{}/", self.gateway), socket).expect("it upgrades");
        client.read().unwrap_or_else(|error| panic!("{what}: no greeting: {error}"));
        terminate(&self.running.0);
        let code = loop {
            match client.read() {
                Ok(tungstenite::Message::Close(frame)) => break frame.map(|frame| frame.code),
                Ok(_) => {}
                Err(error) => panic!("{what}: no good-bye: {error}"),
            }
        };
        assert_eq!(code, Some(CloseCode::Away), "{what}");
        let code = self.running.0.wait().expect("it ends").code();
        assert_eq!(code, Some(0), "{what}");
    }
}

fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

#[test]
fn a_gateway_whose_log_nobody_reads_counts_what_is_lost_and_serves_on() {
    let mut muted = Muted::start(Stdio::null(), closed());
    while muted.metric("tickwire_log_lines_dropped_total ") == 0 {
        std::thread::yield_now();
    }
    muted.serves_and_ends_in_order("a dead standard error");
}

#[test]
fn a_gateway_behind_head_serves_on_and_ends_in_order() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let muted = Muted::start(writer.into(), Stdio::null());
    // Like `head -1`.
    let first = BufReader::new(reader).lines().next().expect("a line").expect("text");
    assert!(first.contains("tickwire serves"), "{first}");
    muted.serves_and_ends_in_order("nobody reads any more");
}
