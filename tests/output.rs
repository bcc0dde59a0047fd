//! Outputs that fail: a reader that went away, and a disk that is full.
#![cfg(target_os = "linux")]

#[path = "common/process.rs"]
#[allow(dead_code, reason = "each test binary uses its own part")]
mod process;

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use process::{Running, closed, configuration, full, tickwire_anywhere};

#[test]
fn a_full_disk_is_told_with_its_own_code_and_a_reader_that_left_is_no_failure() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = configuration(folder.path());
    let file = file.to_string_lossy();
    let capture = folder.path().join("capture.txt");
    std::fs::write(&capture, "1700000000000000000 {\"some\":\"thing\"}\n").expect("written");
    let capture = capture.to_string_lossy();
    let verify = ["verify", "--seconds", "1", "--rate", "10", "--clients", "1", "--symbols", "1"];
    for arguments in [
        &["check", "--config", &file][..],
        &["decode", "--exchange", "binance", &capture],
        &["decode", "--exchange", "binance", "--summary", &capture],
        &verify,
    ] {
        let output =
            tickwire_anywhere().args(arguments).stdout(full()).output().expect("the binary runs");
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(4), "{arguments:?}: {message}");
        assert_eq!(message.matches("cannot be written").count(), 1, "{arguments:?}: {message}");
        assert!(message.contains("No space left on device"), "{arguments:?}: {message}");

        let output =
            tickwire_anywhere().args(arguments).stdout(closed()).output().expect("the binary runs");
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        // The verdict on so few samples is left to chance here, and is no failure to write.
        let own = if arguments[0] == "verify" { 0..3 } else { 0..1 };
        assert!(output.status.code().is_some_and(|code| own.contains(&code)), "{message}");
        assert!(!message.contains("written"), "{arguments:?}: {message}");
    }
}

#[test]
fn a_gateway_on_a_full_disk_says_so_and_serves_on() {
    let child = tickwire_anywhere().arg("run").stdout(full()).stderr(Stdio::piped()).spawn();
    let mut running = Running(child.expect("the binary runs"));
    let lines = BufReader::new(running.0.stderr.take().expect("piped")).lines();
    let mut is_told = false;
    for line in lines.map_while(Result::ok) {
        is_told |= line.contains("cannot be written") && line.contains("serving goes on");
        if line.contains("feeds connected, ") && line.contains(" INFO ") {
            break;
        }
    }
    assert!(is_told);
    assert!(running.0.try_wait().expect("asked").is_none(), "it serves");
}

#[test]
fn a_wish_for_logs_that_is_none_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = configuration(folder.path());
    for (wish, is_told) in [("nonsense", true), ("info,tickwire=\u{1b}[2J", true), ("debug", false)]
    {
        let mut command = tickwire_anywhere();
        command.args(["check", "--config"]).arg(&file).env("TICKWIRE_LOG", wish);
        let output = command.output().expect("the binary runs");
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{message}");
        assert_eq!(message.contains("TICKWIRE_LOG"), is_told, "{wish}: {message}");
        assert_eq!(message.contains("error, warn, info, debug or trace"), is_told, "{message}");
        assert!(!message.contains('\u{1b}'), "{message:?}");
    }
}

#[test]
fn watch_on_a_port_without_tls_says_so_at_once() {
    let gateway =
        tickwire_anywhere().arg("run").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut gateway = Running(gateway.expect("the binary runs"));
    let mut lines = BufReader::new(gateway.0.stdout.take().expect("piped")).lines();
    let first = lines.next().expect("a line").expect("text");
    let address = first.rsplit("ws://").next().expect("its address").to_owned();
    let child = tickwire_anywhere()
        .args(["watch", &format!("wss://{address}"), "BTC/USDT"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut watch = Running(child.expect("the binary runs"));
    let mut told = BufReader::new(watch.0.stderr.take().expect("piped")).lines();
    let line = told.next().expect("a line").expect("text");
    assert!(line.contains("the TLS handshake failed"), "{line}");
    // And what was meant is understood without a scheme.
    let child = tickwire_anywhere()
        .args(["watch", &address, "*", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut watch = Running(child.expect("the binary runs"));
    let mut byte = [0];
    watch.0.stdout.take().expect("piped").read_exact(&mut byte).expect("an event");
    assert_eq!(byte, *b"{");
}
