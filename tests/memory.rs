//! The memory of a gateway under more than its histories hold, as its operator sees it: what
//! `check` prints, what the metrics count and what the system says.

#[path = "common/process.rs"]
#[allow(dead_code, reason = "each test binary uses its own part")]
mod process;

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use process::Running;

const MIB: u64 = 1 << 20;

/// How long a slow machine may take to fill the histories.
const PATIENCE: Duration = Duration::from_secs(120);

fn tickwire(arguments: &[&str]) -> Command {
    let mut command = process::tickwire();
    command.args(arguments);
    command
}

/// Starts it and reads its output up to the first line that begins so; the rest of that line.
fn started(arguments: &[&str], line: &str) -> (Running, String) {
    let mut command = tickwire(arguments);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut running = Running(child.expect("the binary runs"));
    let out = BufReader::new(running.0.stdout.take().expect("piped"));
    let mut lines = out.lines().map_while(Result::ok);
    let found = lines.find_map(|text| text.strip_prefix(line).map(str::to_owned));
    // Nobody may be stopped by a full pipe.
    std::thread::spawn(move || lines.for_each(drop));
    (running, found.expect("the line comes"))
}

fn metric(admin: &str, name: &str) -> u64 {
    process::metric(TcpStream::connect(admin).expect("the admin port answers"), name)
}

/// Waits until so many events gave way.
fn wait_for_evicted(admin: &str, count: u64) {
    let end = Instant::now() + PATIENCE;
    while metric(admin, "tickwire_broadcast_evicted_events_total") < count {
        assert!(Instant::now() < end, "the histories do not fill");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Expected and most of what `check` says, in MiB.
fn promised(file: &str) -> (u64, u64) {
    let output = tickwire(&["check", "--config", file]).output().expect("the binary runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let line = text.lines().find(|line| line.starts_with("# memory: ")).expect("it says so");
    let mut numbers = line.split(' ').filter_map(|word| word.parse().ok());
    (numbers.next().expect("expected"), numbers.next().expect("most"))
}

#[test]
fn full_histories_take_no_more_than_check_says() {
    let symbols = "BTCUSDT,ETHUSDT";
    let simulate = ["sim", "--exchange", "binance", "--symbols", symbols, "--rate", "5000"];
    let (_exchange, url) = started(&simulate, "");
    let rest_url = url.replace("ws://", "http://");
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("small.toml");
    let text = format!(
        "[gateway]\nlisten = \"127.0.0.1:0\"\nmax_clients = 10\nclient_queue_bytes = 65536\n\
         [admin]\nlisten = \"127.0.0.1:0\"\n[history]\nevents = 1000000\nbytes = \"2MiB\"\n\
         [[feed]]\nexchange = \"binance\"\nurl = \"{url}\"\nrest_url = \"{rest_url}\"\n\
         symbols = [\"BTC/USDT\", \"ETH/USDT\"]\n"
    );
    std::fs::write(&file, text).expect("written");
    let file = file.to_string_lossy();
    let (expected, most) = promised(&file);
    assert!(expected < most, "{expected} {most}");
    let (_gateway, admin) = started(&["run", "--config", &file], "metrics and health on http://");
    wait_for_evicted(&admin, 10_000);
    let full = metric(&admin, "tickwire_resident_bytes");
    wait_for_evicted(&admin, 60_000);
    assert_eq!(metric(&admin, "tickwire_history_bytes"), 2 * MIB);
    let later = metric(&admin, "tickwire_resident_bytes");
    assert!(later <= most * MIB, "{later} bytes, {most} MiB at most");
    // A program that was not optimised is larger, and a machine that counts its pages later.
    assert!(later <= (expected + 32) * MIB, "{later} bytes, {expected} MiB expected");
    assert!(later <= full + 16 * MIB, "{full} bytes when they were full, {later} later");
}
