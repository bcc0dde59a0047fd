//! Who is measured, how each is started, and what it is at which version.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::fanout::Speech;
use crate::report::Measure;

/// What `perf/compare/run` installs and builds; all paths are from the repository's root.
const CACHE: &str = "target/compare";
pub const PYTHON: &str = "target/compare/python/bin/python";
const NATS: &str = "target/compare/python/bin/nats-server";
const PEERS: &str = "target/compare/peers/release/peers";

/// The subject that all others are compared with.
pub const OURS: &str = "tickwire";

/// From a socket to a value.
pub struct Reader {
    pub name: &'static str,
    /// What it is asked to read.
    pub form: &'static str,
    /// So many that it takes a second or two.
    pub frames: u64,
}

pub const READERS: &[Reader] = &[
    Reader { name: OURS, form: "combined", frames: u64::MAX },
    Reader { name: "floor", form: "combined", frames: 20_000_000 },
    Reader { name: "tokio-tungstenite", form: "combined", frames: 3_000_000 },
    Reader { name: "fastwebsockets", form: "combined", frames: 4_000_000 },
    Reader { name: "barter-data", form: "raw", frames: 2_000_000 },
    Reader { name: "barter-data-documented", form: "raw", frames: 1_000_000 },
    Reader { name: "cryptofeed", form: "aggregate", frames: 150_000 },
    Reader { name: "ccxt", form: "raw", frames: 40_000 },
];

impl Reader {
    /// The command that reads `frames` at `address`; tickwire reads for `seconds` instead.
    pub fn command(&self, address: SocketAddr, frames: u64, seconds: u64) -> Command {
        let (address, frames) = (address.to_string(), frames.to_string());
        match self.name {
            OURS => pinned(
                "target/release/examples/flood",
                &["--seconds", &seconds.to_string(), "--exchange", &address],
            ),
            "cryptofeed" | "ccxt" => {
                let script = format!("perf/compare/python/{}_reader.py", self.name);
                pinned(PYTHON, &[&script, &address, &frames])
            }
            name => pinned(PEERS, &["read", name, &address, &frames]),
        }
    }

    /// Why it cannot be measured here.
    pub fn missing(&self) -> Option<String> {
        missing(self.name)
    }

    pub fn what(&self) -> String {
        match self.name {
            OURS => format!("the feed thread, {}", commit()),
            "floor" => "walks frames, believes them, pushes 64 bytes into rtrb".to_owned(),
            "tokio-tungstenite" => format!(
                "tokio-tungstenite {}, serde_json {}, typed",
                locked("tokio-tungstenite"),
                locked("serde_json")
            ),
            "fastwebsockets" => format!(
                "fastwebsockets {}, sonic-rs {}, typed",
                locked("fastwebsockets"),
                locked("sonic-rs")
            ),
            "barter-data" => format!("barter-data {}, current-thread", locked("barter-data")),
            "barter-data-documented" => {
                format!("barter-data {}, as its documentation has it", locked("barter-data"))
            }
            name => format!("{name} {} (Python)", required(name)),
        }
    }
}

/// From an event to its clients.
#[derive(Clone, Copy)]
pub struct Server {
    pub name: &'static str,
    pub speech: Speech,
}

pub const SERVERS: &[Server] = &[
    Server { name: OURS, speech: Speech::Gateway },
    Server { name: "tokio-tuned", speech: Speech::WebSocket },
    Server { name: "tokio-naive", speech: Speech::WebSocket },
    Server { name: "nats-server", speech: Speech::Nats },
    Server { name: "uwebsockets", speech: Speech::WebSocket },
    Server { name: "ws", speech: Speech::WebSocket },
];

impl Server {
    /// The command that serves on `port`. `exchange` is for who reads one.
    pub fn command(&self, port: u16, exchange: Option<SocketAddr>) -> anyhow::Result<Command> {
        let listen = port.to_string();
        Ok(match self.name {
            OURS => {
                let config = config(port, exchange)?;
                pinned("target/release/tickwire", &["run", "--config", &config])
            }
            "ws" => pinned("node", &["target/compare/node/ws_server.js", &listen]),
            "uwebsockets" => {
                let mut command = pinned(PYTHON, &["perf/compare/python/uws_server.py", &listen]);
                command.env("LD_LIBRARY_PATH", format!("{CACHE}/libuv/lib"));
                command
            }
            "nats-server" => pinned(NATS, &["-a", "127.0.0.1", "-p", &listen]),
            name => pinned(PEERS, &["serve", name, &listen]),
        })
    }

    /// Why it cannot be measured here.
    pub fn missing(&self) -> Option<String> {
        missing(self.name)
    }

    /// Why a measure says nothing of it.
    pub fn exempt(&self, measure: Measure) -> Option<&'static str> {
        let spins = self.name == "uwebsockets" && measure.is_paced_cpu();
        spins.then_some(
            "the binding's loop never sleeps, so its CPU time at a paced load says nothing",
        )
    }

    pub fn what(&self) -> String {
        match self.name {
            OURS => format!("the whole gateway, {}", commit()),
            "tokio-tuned" => format!(
                "tokio-tungstenite {}, what waits in one write, read buffer 4 KiB",
                locked("tokio-tungstenite")
            ),
            "tokio-naive" => format!(
                "tokio-tungstenite {}, a broadcast channel, one send an event",
                locked("tokio-tungstenite")
            ),
            "nats-server" => {
                first_line(NATS, &["--version"]).replace(": v", " ") + ", its own protocol"
            }
            "uwebsockets" => format!("uWebSockets by socketify {} (Python)", required("socketify")),
            _ => format!("ws {}, node {}", in_package_json("ws"), first_line("node", &["-v"])),
        }
    }
}

fn config(port: u16, exchange: Option<SocketAddr>) -> anyhow::Result<String> {
    let exchange = exchange.map(|address| address.to_string()).unwrap_or_default();
    let path = format!("{CACHE}/tickwire.toml");
    // Nothing listens at the place of the requests beside the stream: trades need none.
    let text = format!(
        "[gateway]\nlisten = \"127.0.0.1:{port}\"\nmax_clients_per_ip = 10000\n\
         [admin]\nlisten = \"127.0.0.1:0\"\n\
         [[feed]]\nexchange = \"binance\"\nsymbols = [\"BTC/USDT\"]\nchannels = [\"trades\"]\n\
         url = \"ws://{exchange}\"\nrest_url = \"http://127.0.0.1:9\"\n"
    );
    fs::write(&path, text)?;
    Ok(path)
}

/// What is measured has the first core alone; the load is on the second.
fn pinned(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", "0", program]).args(arguments);
    command
}

fn missing(name: &str) -> Option<String> {
    let (needs, what) = match name {
        OURS => ("target/release/tickwire", "it was not built"),
        "cryptofeed" | "ccxt" => (PYTHON, "its package could not be installed"),
        "uwebsockets" => ("target/compare/libuv/lib", "libuv could not be had"),
        "nats-server" => (NATS, "its package could not be installed"),
        "ws" => ("target/compare/node/node_modules/ws", "npm could not install it"),
        _ => (PEERS, "the crate of peers was not built"),
    };
    let package = match name {
        "uwebsockets" => Some("socketify"),
        "cryptofeed" | "ccxt" => Some(name),
        _ => None,
    };
    let lacks_package = package.is_some_and(|package| !has_package(package));
    (!Path::new(needs).exists() || lacks_package).then(|| what.to_owned())
}

fn has_package(name: &str) -> bool {
    let Ok(versions) = fs::read_dir("target/compare/python/lib") else { return false };
    versions.flatten().any(|python| python.path().join("site-packages").join(name).is_dir())
}

/// A crate's version in the lock of this one: of several, the newest, which stands last.
pub fn locked(name: &str) -> String {
    let lock = include_str!("../Cargo.lock");
    let entry = format!("name = \"{name}\"\nversion = \"");
    let last = lock.rfind(&entry).unwrap_or_default();
    between(&lock[last..], &entry, "\"")
}

fn required(name: &str) -> String {
    between(include_str!("../../python/requirements.txt"), &format!("{name}=="), "\n")
}

fn in_package_json(name: &str) -> String {
    between(include_str!("../../node/package.json"), &format!("\"{name}\": \""), "\"")
}

fn between(text: &str, before: &str, after: &str) -> String {
    let version = text.split_once(before).and_then(|(_, rest)| rest.split_once(after));
    version.map_or("?", |(version, _)| version).to_owned()
}

pub fn commit() -> String {
    let commit = first_line("git", &["rev-parse", "--short", "HEAD"]);
    let changed = first_line("git", &["status", "--porcelain", "--untracked-files=no"]);
    let changed = if changed.is_empty() { "" } else { ", changed" };
    format!("commit {commit}{changed}")
}

/// What a program says first; nothing where it cannot be run.
pub fn first_line(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.unwrap_or_default().lines().next().unwrap_or_default().trim().to_owned()
}
