//! The built binary, as a user starts it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Once};

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

/// Kills the process when a test ends early.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
