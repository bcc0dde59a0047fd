//! The built binary, as a user starts it.

#[allow(clippy::duplicate_mod, reason = "a test file that has both a floor and a process has two")]
#[path = "patience.rs"]
mod patience;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Once};

use tungstenite::protocol::frame::coding::CloseCode;

#[allow(unused_imports, reason = "each test binary uses its own part")]
pub(crate) use patience::{PATIENCE, wait_for, wait_until};

/// The binary with nobody at its standard input.
pub(crate) fn tickwire() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickwire"));
    usual(&mut command).env_remove("WS_PORT").stdin(Stdio::null());
    command
}

/// The same on ports that are free.
pub(crate) fn tickwire_anywhere() -> Command {
    let mut command = tickwire();
    anywhere(&mut command);
    command
}

/// Lets what is started listen on ports that are free.
pub(crate) fn anywhere(command: &mut Command) -> &mut Command {
    usual(command)
        .env("TICKWIRE_GATEWAY_LISTEN", "127.0.0.1:0")
        .env("TICKWIRE_ADMIN_LISTEN", "127.0.0.1:0")
}

/// Lets what is started hear of closed terminals even where the tests run under `nohup`: what we
/// ignore it would ignore, and what we listen to it takes as usual.
fn usual(command: &mut Command) -> &mut Command {
    static LISTENS: Once = Once::new();
    LISTENS.call_once(|| {
        let heard = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(signal_hook::consts::SIGHUP, heard).expect("it can be heard");
    });
    command
}

/// Where clients are served, when a line of the log says so.
pub(crate) fn address(line: &str) -> Option<SocketAddr> {
    line.split("ws://").nth(1)?.split(['/', ' ', ',']).next()?.parse().ok()
}

/// A configuration of one feed.
pub(crate) fn configuration(folder: &Path) -> PathBuf {
    let file = folder.join("a.toml");
    let text = "[[feed]]\nexchange = \"binance\"\nsymbols = [\"BTC/USDT\"]\n";
    std::fs::write(&file, text).expect("written");
    file
}

/// What nobody reads any more.
pub(crate) fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

/// A disk without room.
#[cfg(target_os = "linux")]
pub(crate) fn full() -> Stdio {
    std::fs::OpenOptions::new().write(true).open("/dev/full").expect("there is one").into()
}

/// Asks a process to end, as a system does.
pub(crate) fn terminate(child: &Child) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
}

/// Kills the process when a test ends early.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    /// Waits for its end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        wait_until("the process ends", || self.0.try_wait().expect("asked"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An address that is free at this moment.
fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound")
}

/// The value of a metric, asked on a connection to the admin port.
pub(crate) fn metric(admin: TcpStream, name: &str) -> u64 {
    found(admin, name).expect(name)
}

/// The same of one that is there once it has happened.
fn found(mut admin: TcpStream, name: &str) -> Option<u64> {
    admin.set_read_timeout(Some(PATIENCE)).expect("it has one");
    let request = "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    admin.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    admin.read_to_string(&mut answer).expect("an answer");
    let value = answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    Some(value.trim().parse::<f64>().expect("a number") as u64)
}

/// A gateway in a process of its own, and where it is met.
pub(crate) struct Served {
    pub(crate) running: Running,
    pub(crate) gateway: SocketAddr,
    admin: SocketAddr,
}

impl Served {
    /// The embedded demo, whatever becomes of its outputs.
    pub(crate) fn demo(stdout: Stdio, stderr: Stdio) -> Self {
        let mut command = tickwire();
        command.arg("run");
        Self::start(command, stdout, stderr)
    }

    /// Whatever gateway a command starts.
    pub(crate) fn start(mut command: Command, stdout: Stdio, stderr: Stdio) -> Self {
        let (gateway, admin) = (free(), free());
        let child = command
            .env("TICKWIRE_GATEWAY_LISTEN", gateway.to_string())
            .env("TICKWIRE_ADMIN_LISTEN", admin.to_string())
            .stdout(stdout)
            .stderr(stderr)
            .spawn();
        Self { running: Running(child.expect("the binary runs")), gateway, admin }
    }

    /// Waits for a socket of it. Nothing tells that it listens where its outputs are full or gone.
    pub(crate) fn connected(&mut self, address: SocketAddr) -> TcpStream {
        let socket = wait_until("it listens", || {
            let ended = self.running.0.try_wait().expect("asked");
            assert!(ended.is_none(), "it serves, and did not end with {ended:?}");
            TcpStream::connect(address).ok()
        });
        socket.set_read_timeout(Some(PATIENCE)).expect("it has one");
        socket
    }

    /// The value of a metric.
    pub(crate) fn metric(&mut self, name: &str) -> u64 {
        metric(self.connected(self.admin), name)
    }

    /// Waits until a metric is as large as that.
    pub(crate) fn counts(&mut self, name: &str, least: u64) {
        wait_for(name, || found(self.connected(self.admin), name).unwrap_or(0) >= least);
    }

    /// Serves a client, and says good-bye to it when it is told to stop.
    pub(crate) fn serves_and_ends_in_order(mut self, what: &str) {
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
        assert_eq!(self.running.ended().code(), Some(0), "{what}");
    }
}
