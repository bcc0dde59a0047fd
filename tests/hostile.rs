//! The binary among those who mean it no good, and with faults of its own: it ends when it is told,
//! and in order.
#![cfg(unix)]

#[path = "common/process.rs"]
#[allow(dead_code, reason = "each test binary uses its own part")]
mod process;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;

use process::{Running, Served, closed, terminate, tickwire, tickwire_anywhere, wait_for};
use tickwire::instrument::ExchangeId;
use tickwire::limits::{LOG_LINES_BURST, LOG_LINES_PER_SECOND};
use tickwire::sim::{Options, Simulator};

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

/// What it says until its end, and how it ends.
fn end(running: &mut Running) -> (Option<i32>, String) {
    let mut text = String::new();
    let mut errors = running.0.stderr.take().expect("piped");
    errors.read_to_string(&mut text).expect("text");
    (running.ended().code(), text)
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

#[test]
fn a_gateway_whose_log_nobody_reads_counts_what_is_lost_and_serves_on() {
    let mut served = Served::demo(Stdio::null(), closed());
    served.counts("tickwire_log_lines_dropped_total", 1);
    served.serves_and_ends_in_order("a dead standard error");
}

#[test]
fn a_gateway_behind_head_serves_on_and_ends_in_order() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let served = Served::demo(writer.into(), Stdio::null());
    // Like `head -1`.
    let first = BufReader::new(reader).lines().next().expect("a line").expect("text");
    assert!(first.contains("tickwire serves"), "{first}");
    served.serves_and_ends_in_order("nobody reads any more");
}

/// An output that is open, full, and not read; and its reader.
fn stalled() -> (UnixStream, UnixStream) {
    let (reader, mut writer) = UnixStream::pair().expect("a pair");
    writer.set_nonblocking(true).expect("set");
    while writer.write(&[b'-'; 4096]).is_ok() {}
    writer.set_nonblocking(false).expect("set");
    (reader, writer)
}

#[test]
fn a_gateway_whose_outputs_are_not_read_waits_for_neither_and_ends_in_order() {
    let output = |end: UnixStream| Stdio::from(std::os::fd::OwnedFd::from(end));
    let (_reader, writer) = stalled();
    let served = Served::demo(Stdio::null(), output(writer));
    served.serves_and_ends_in_order("a log that nobody reads");
    let (_reader, writer) = stalled();
    let served = Served::demo(output(writer), Stdio::null());
    served.serves_and_ends_in_order("an output that nobody reads");
}

#[test]
fn a_log_that_was_not_read_for_a_while_comes_whole_and_in_order() {
    let (mut reader, writer) = stalled();
    let mut served = Served::demo(Stdio::null(), std::os::fd::OwnedFd::from(writer).into());
    drop(served.connected(served.gateway));
    let log = std::thread::spawn(move || {
        let mut text = Vec::new();
        reader.read_to_end(&mut text).expect("read");
        String::from_utf8(text).expect("text")
    });
    served.serves_and_ends_in_order("a log that is read at last");
    let log = log.join().expect("no panic");
    let at = |words: &str| log.find(words).unwrap_or_else(|| panic!("{words} in {log}"));
    assert!(at("INFO serving ws://") < at("feeds with"), "{log}");
}

/// A gateway with a configuration, whose log goes to a file.
fn logged(folder: &tempfile::TempDir, configuration: &Path) -> (Served, std::path::PathBuf) {
    let log = folder.path().join("log.txt");
    let file = std::fs::File::create(&log).expect("a file");
    let mut command = tickwire();
    command.args(["run", "--config"]).arg(configuration);
    (Served::start(command, Stdio::null(), file.into()), log)
}

#[test]
fn thousands_of_refused_streams_write_their_share_of_the_log_and_are_counted() {
    const REFUSED: u64 = 3_000;
    let mut options = Options::new(ExchangeId::Kraken);
    options.symbols = vec!["BTC/USD".to_owned()];
    let exchange = Simulator::start(options).expect("it starts");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.toml");
    let symbols: Vec<_> = (0..REFUSED).map(|at| format!("\"X{at}/USD\"")).collect();
    let text = format!(
        "[[feed]]\nexchange = \"kraken\"\nsymbols = [{}]\nchannels = [\"trades\"]\n\
         url = \"{}\"\nrest_url = \"http://127.0.0.1:9\"\n",
        symbols.join(", "),
        exchange.url()
    );
    std::fs::write(&file, text).expect("written");
    let (mut served, log) = logged(&folder, &file);
    let left_out = "tickwire_log_lines_left_out_total";
    served.counts(left_out, REFUSED / 2);
    served.serves_and_ends_in_order("refusals");
    let text = std::fs::read_to_string(&log).expect("text");
    assert!(text.contains("more lines like the last ones of this place are left out"), "{text}");
    let told = text.lines().filter(|line| line.contains("symbol=X")).count() as u64;
    // All of them at once, and some more of the seconds that it takes.
    let most = LOG_LINES_BURST + 60 * LOG_LINES_PER_SECOND;
    assert!((LOG_LINES_BURST..most).contains(&told), "{told} lines of {REFUSED}");
    exchange.stop();
}

#[cfg(target_os = "linux")]
#[test]
fn a_gateway_with_full_disks_under_both_outputs_counts_what_is_lost_and_serves_on() {
    for (what, output) in [("full disks", process::full as fn() -> Stdio), ("gone", closed)] {
        let mut served = Served::demo(output(), output());
        served.counts("tickwire_log_lines_dropped_total", 1);
        served.counts("tickwire_output_writes_failed_total", 1);
        served.serves_and_ends_in_order(what);
    }
}

/// Its outputs are files that may not grow beyond so many blocks of 512 bytes, or a little more.
#[cfg(target_os = "linux")]
fn limited(folder: &tempfile::TempDir, blocks: u64) -> Served {
    let mut command = std::process::Command::new("sh");
    let script = format!("ulimit -f {blocks}; exec \"$0\" run");
    let program = tickwire();
    command.args(["-c", &script]).arg(program.get_program()).env_remove("WS_PORT");
    let file = |name| std::fs::File::create(folder.path().join(name)).expect("a file");
    Served::start(command, file("out").into(), file("log").into())
}

#[cfg(target_os = "linux")]
#[test]
fn a_gateway_whose_files_may_not_grow_counts_what_is_lost_and_serves_on() {
    for blocks in [0, 1] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut served = limited(&folder, blocks);
        served.counts("tickwire_log_lines_dropped_total", 1);
        served.counts("tickwire_output_writes_failed_total", u64::from(blocks == 0));
        // The report at the end has no room either.
        served.serves_and_ends_in_order("a limit of files");
    }
}

#[test]
fn what_is_no_file_in_place_of_the_configuration_is_refused_and_holds_nobody_up() {
    let exchange = exchange();
    let folder = tempfile::tempdir().expect("a folder");
    let file = configuration(&folder, &exchange.url(), &exchange.rest_url());
    let (mut served, log) = logged(&folder, &file);
    drop(served.connected(served.gateway));
    std::fs::remove_file(&file).expect("removed");
    let made = std::process::Command::new("mkfifo").arg(&file).status().expect("mkfifo runs");
    assert!(made.success());
    let pid = served.running.0.id().to_string();
    let told = std::process::Command::new("kill").args(["-HUP", &pid]).status();
    assert!(told.expect("kill runs").success());
    wait_for("a refusal in the log", || {
        std::fs::read_to_string(&log).expect("a log").contains("it is no regular file")
    });
    served.serves_and_ends_in_order("a pipe in place of the configuration");
    exchange.stop();
}
