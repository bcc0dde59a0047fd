//! The command line as a user meets it: what goes to standard output, what to standard error, and
//! the exit codes.

#[path = "common/process.rs"]
#[allow(dead_code, reason = "each test binary uses its own part")]
mod process;

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{ChildStdout, Command, Output, Stdio};

use process::{Running, configuration, metric, tickwire, tickwire_anywhere};

fn run(arguments: &[&str]) -> Output {
    tickwire().args(arguments).output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The demo on free ports, and the lines that it prints.
fn demo() -> (Running, Lines<BufReader<ChildStdout>>) {
    start(tickwire_anywhere().arg("run"))
}

fn start(command: &mut Command) -> (Running, Lines<BufReader<ChildStdout>>) {
    let child =
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the binary runs");
    let mut running = Running(child);
    let lines = BufReader::new(running.0.stdout.take().expect("piped")).lines();
    (running, lines)
}

#[test]
fn check_prints_a_configuration_that_checks_again() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = configuration(dir.path());
    let first = run(&["check", "--config", &file.to_string_lossy()]);
    assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
    std::fs::write(&file, &first.stdout).expect("written");
    let second = run(&["check", "--config", &file.to_string_lossy()]);
    assert_eq!(second.status.code(), Some(0), "{}", text(&second.stderr));
    assert_eq!(text(&first.stdout), text(&second.stdout));
    let memory = text(&first.stdout);
    assert!(memory.contains("# memory: expected about "), "{memory}");
}

#[test]
fn a_wrong_configuration_is_exit_code_2_and_names_file_line_field_and_remedy() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("wrong.toml");
    std::fs::write(
        &file,
        "[gateway]\nmax_clients = 0\n[[feed]]\nexchange = \"binance\"\nsymbols = [\"A/B\"]\n",
    )
    .expect("written");
    for command in ["check", "run"] {
        let output = run(&[command, "--config", &file.to_string_lossy()]);
        assert_eq!(output.status.code(), Some(2));
        let message = text(&output.stderr);
        assert!(message.contains("wrong.toml:2: gateway.max_clients = 0: must be"), "{message}");
        assert!(output.stdout.is_empty());
    }
    assert_eq!(run(&["check", "--config", "no-such-file.toml"]).status.code(), Some(2));
}

#[test]
fn check_refuses_symbols_and_ports_that_no_exchange_and_no_machine_has() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("odd.toml");
    let feed = |line: &str| format!("[[feed]]\nexchange = \"binance\"\n{line}");
    let symbol = |text: &str| feed(&format!("symbols = [\"{text}\"]\n"));
    let sound = symbol("BTC/USDT");
    let listens = |gateway: &str, admin: &str| {
        format!(
            "[gateway]\nlisten = \"{gateway}\"\nallow_anonymous = true\n\
             [admin]\nlisten = \"{admin}\"\n{sound}"
        )
    };
    for (config, [field, value, remedy]) in [
        (symbol(""), ["feed[0].symbols", "\"\"", "write it like BTC/USDT"]),
        (symbol("BTC USDT"), ["feed[0].symbols", "\"BTC USDT\"", "write it like BTC/USDT"]),
        (symbol("BTC\\u0007"), ["feed[0].symbols", "\"BTC\\u{7}\"", "write it like BTC/USDT"]),
        (symbol("BTC\\u200b"), ["feed[0].symbols", "\"BTC\\u{200b}\"", "write it like BTC/USDT"]),
        (symbol("BTC'"), ["feed[0].symbols", "\"BTC'\"", "write it like BTC/USDT"]),
        (symbol("a@trade"), ["feed[0].symbols", "\"a@trade\"", "write it like BTC/USDT"]),
        (listens("127.0.0.1:8", "127.0.0.1:8"), ["admin.listen", "127.0.0.1:8", "another port"]),
        (listens("0.0.0.0:8", "127.0.0.1:8"), ["admin.listen", "127.0.0.1:8", "another port"]),
        (listens("127.0.0.1:8", "[::]:8"), ["admin.listen", "[::]:8", "another port"]),
        (format!("{sound}url = \"wss://x:0\"\n"), ["feed[0].url", "wss://x:0", "from 1 to 65535"]),
    ] {
        std::fs::write(&file, config).expect("written");
        let output = run(&["check", "--config", &file.to_string_lossy()]);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{field} {value}: {message}");
        for part in [field, value, remedy] {
            assert!(message.contains(part), "{message} should contain {part}");
        }
    }
    for (gateway, admin) in [("127.0.0.1:0", "127.0.0.1:0"), ("[::1]:8", "127.0.0.1:8")] {
        std::fs::write(&file, listens(gateway, admin)).expect("written");
        assert_eq!(run(&["check", "--config", &file.to_string_lossy()]).status.code(), Some(0));
    }
}

#[test]
fn wrong_use_is_exit_code_2() {
    for arguments in [
        &["fly"][..],
        &["run", "--no-such-flag"],
        &["sim", "--exchange", "nasdaq"],
        &["sim", "--exchange", "binance", "--fault", "meteor@5s"],
        &["decode", "--exchange", "nasdaq", "-"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output.stderr));
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_taken_port_is_exit_code_3_and_names_the_field() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    for (taken, free, field) in [
        ("TICKWIRE_GATEWAY_LISTEN", "TICKWIRE_ADMIN_LISTEN", "gateway.listen"),
        ("TICKWIRE_ADMIN_LISTEN", "TICKWIRE_GATEWAY_LISTEN", "admin.listen"),
    ] {
        let output = tickwire()
            .args(["run", "--seconds", "1"])
            .env(taken, &address)
            .env(free, "127.0.0.1:0")
            .output()
            .expect("the binary runs");
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{message}");
        let field = format!("{field} = \"{address}\": ");
        assert!(message.contains(&field), "{message}");
        assert_eq!(message.matches("Address already in use").count(), 1, "{message}");
        assert!(message.contains("choose another"), "{message}");
    }
}

#[test]
fn a_closed_terminal_stops_what_has_no_file_to_read_again() {
    let (mut running, mut lines) = demo();
    lines.next().expect("a line").expect("text");
    let pid = running.0.id().to_string();
    assert!(Command::new("kill").args(["-HUP", &pid]).status().expect("kill runs").success());
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert_eq!(running.0.wait().expect("it ends").code(), Some(0));
    assert!(rest.iter().any(|line| line.starts_with("span ")), "{rest:?}");
}

#[cfg(unix)]
#[test]
fn variables_that_are_no_text_end_nothing_and_those_of_ours_are_named() {
    use std::os::unix::ffi::OsStrExt as _;
    let dir = tempfile::tempdir().expect("a folder");
    let file = configuration(dir.path());
    let broken = std::ffi::OsStr::from_bytes(b"\xff");
    for (name, code) in [("OTHER", 0), ("TICKWIRE_HISTORY_BYTES", 2)] {
        let mut command = tickwire();
        command.args(["check", "--config"]).arg(&file).env(name, broken);
        let output = command.output().expect("the binary runs");
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{message}");
        assert!(code == 0 || message.contains(name), "{message}");
    }
}

#[test]
fn the_demo_needs_nothing_stops_on_sigterm_and_reports_its_latency() {
    let (mut running, mut lines) = demo();
    let first = lines.next().expect("a line").expect("text");
    let url = first.rsplit(' ').next().expect("its last word").to_owned();
    let (mut socket, _) = tungstenite::connect(&url).expect("the gateway serves");
    let request = r#"{"action":"subscribe","symbols":["*"],"channels":["trades"]}"#;
    socket.send(tungstenite::Message::text(request)).expect("sent");
    let trades = std::iter::from_fn(|| socket.read().ok())
        .filter(|message| message.to_text().is_ok_and(|text| text.contains(r#""type":"trade""#)))
        .take(50)
        .count();
    assert_eq!(trades, 50);
    let pid = running.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert_eq!(running.0.wait().expect("it ends").code(), Some(0));
    assert!(rest.iter().any(|line| line.starts_with("socket_to_client")), "{rest:?}");
}

/// Reads the client until a trade of the symbol comes.
fn until_trade<S: std::io::Read + Write>(socket: &mut tungstenite::WebSocket<S>, symbol: &str) {
    let named = format!(r#""symbol":"{symbol}""#);
    let is_it = |text: &str| text.contains(r#""type":"trade""#) && text.contains(&named);
    while !socket.read().expect("served").to_text().is_ok_and(is_it) {}
}

#[test]
fn a_configuration_is_read_again_at_a_hangup_or_a_change_and_a_broken_one_changes_nothing() {
    let mut options = tickwire::sim::Options::new(tickwire::instrument::ExchangeId::Binance);
    options.symbols = ["BTCUSDT", "ETHUSDT", "SOLUSDT"].map(str::to_owned).to_vec();
    let exchange = tickwire::sim::Simulator::start(options).expect("a simulator is started");
    let (url, rest_url) = (exchange.url(), exchange.rest_url());
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("gateway.toml");
    let configure = |symbols: &str| {
        let text = format!(
            "[gateway]\nlisten = \"127.0.0.1:0\"\ndrain_seconds = 0\n\
             [admin]\nlisten = \"127.0.0.1:0\"\n[[feed]]\nexchange = \"binance\"\n\
             url = \"{url}\"\nrest_url = \"{rest_url}\"\nsymbols = [{symbols}]\n"
        );
        std::fs::write(&file, text).expect("written");
    };
    configure("\"BTC/USDT\"");
    let child = tickwire()
        .args(["run", "--watch-config", "--config", &file.to_string_lossy()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut running = Running(child);
    let pid = running.0.id().to_string();
    let hang_up = || {
        let status = Command::new("kill").args(["-HUP", &pid]).status().expect("kill runs");
        assert!(status.success());
    };
    let mut lines = BufReader::new(running.0.stdout.take().expect("piped")).lines();
    let mut log = BufReader::new(running.0.stderr.take().expect("piped")).lines();
    let mut logged = |words: &str| {
        let line = log.find(|line| line.as_ref().is_ok_and(|line| line.contains(words)));
        line.unwrap_or_else(|| panic!("never logged: {words}")).expect("text")
    };
    let first = lines.next().expect("a line").expect("text");
    let url = first.rsplit(' ').next().expect("its last word").to_owned();
    let (mut socket, _) = tungstenite::connect(&url).expect("the gateway serves");
    let request = r#"{"action":"subscribe","symbols":["*"],"channels":["trades"]}"#;
    socket.send(tungstenite::Message::text(request)).expect("sent");
    until_trade(&mut socket, "BTC/USDT");

    configure("\"BTC/USDT\", \"ETH/USDT\"");
    hang_up();
    until_trade(&mut socket, "ETH/USDT");
    logged("changed binance");
    configure("\"BTC/USDT\", 7");
    let refused = logged("configuration refused");
    assert!(refused.contains("gateway.toml"), "{refused}");
    until_trade(&mut socket, "ETH/USDT");
    configure("\"SOL/USDT\"");
    until_trade(&mut socket, "SOL/USDT");
    logged("changed binance");
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
    assert_eq!(running.0.wait().expect("it ends").code(), Some(0));
}

#[test]
fn sim_prints_the_urls_that_it_serves() {
    let child = tickwire()
        .args(["sim", "--exchange", "binance", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary runs");
    let mut running = Running(child);
    let mut lines = BufReader::new(running.0.stdout.take().expect("piped")).lines();
    let url = lines.next().expect("a line").expect("text");
    let url = format!("{url}/ws/btcusdt@trade");
    let (mut socket, response) = tungstenite::connect(&url).expect("it serves");
    assert_eq!(response.status().as_u16(), 101);
    let message = socket.read().expect("a trade").into_text().expect("text");
    assert!(message.contains(r#""e":"trade""#), "{message}");
}

#[test]
fn decode_names_the_books_that_lack_an_answer_to_a_snapshot_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("it is written");
        path
    };
    let delta = |native: &str, first: u32, last: u32| {
        format!(
            "1700000000000000000 {{\"stream\":\"{}@depth\",\"data\":{{\"e\":\"depthUpdate\",\
             \"E\":1700000000000,\"s\":\"{native}\",\"U\":{first},\"u\":{last},\
             \"b\":[[\"1.5\",\"2\"]],\"a\":[]}}}}\n",
            native.to_lowercase()
        )
    };
    let capture = file("c.txt", &[delta("BTCUSDT", 8, 9), delta("ETHUSDT", 8, 9)].concat());
    let body = r#"{"lastUpdateId":8,"bids":[],"asks":[["2.5","1"]]}"#;
    let rest = file("c-BTCUSDT.rest.json", body);
    let told = |rest: &[&std::path::Path]| {
        let mut command = tickwire();
        command.args(["decode", "--exchange", "binance"]).arg(&capture);
        for path in rest {
            command.arg("--rest").arg(path);
        }
        let output = command.output().expect("the binary runs");
        assert_eq!(output.status.code(), Some(0));
        let told = text(&output.stderr);
        let lines = told.lines().filter(|line| line.contains("waits for an answer"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let lines = told(&[]);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("<capture>-BTCUSDT.rest.json")), "{lines:?}");
    let lines = told(&[&rest]);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("<capture>-ETHUSDT.rest.json"), "{lines:?}");
}

#[test]
fn decode_reads_standard_input_and_never_stops_at_a_bad_line() {
    let mut child = tickwire()
        .args(["decode", "--exchange", "binance", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary runs");
    let frames = concat!(
        "1700000000000000000 {\"stream\":\"btcusdt@trade\",\"data\":{\"e\":\"trade\",\"E\":1700000000001,",
        "\"s\":\"BTCUSDT\",\"t\":7,\"p\":\"65000.10000000\",\"q\":\"0.01500000\",\"T\":1700000000000,",
        "\"m\":true,\"M\":true}}\n",
        "1700000000000000001 not json\n",
        "1700000000000000002 {\"result\":null,\"id\":1}\n",
        "1700000000000000003 > {\"method\":\"SUBSCRIBE\"}\n",
        "1700000000000000004 {\"some\":\"thing\"}\n",
    );
    child.stdin.take().expect("piped").write_all(frames.as_bytes()).expect("written");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    let lines: Vec<serde_json::Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect();
    assert_eq!(lines[0]["type"], "trade");
    assert_eq!(lines[0]["data"]["side"], "sell");
    assert!(text(&output.stdout).contains(r#""price":65000.10000000,"volume":0.01500000"#));
    assert_eq!(lines[1]["type"], "rejected");
    assert_eq!(lines[2]["kind"], "ack");
    assert!(["other", "rejected"].contains(&lines[3]["type"].as_str().unwrap_or_default()));
    assert_eq!(lines.len(), 4);
}

#[test]
fn a_file_and_the_built_in_list_are_not_served_at_once() {
    let arguments = ["run", "--live", "--config", "tickwire.example.toml"];
    let output = tickwire_anywhere().args(arguments).output().expect("the binary runs");
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("--live") && said.contains("--config"), "{said}");
}

#[test]
fn a_gateway_outlives_its_closed_output_and_counts_the_lines_that_nobody_reads() {
    // What reads both outputs ends at once; the demo goes on for its clients.
    let child = tickwire_anywhere()
        .args(["run", "--faults"])
        .env("TICKWIRE_LOG", "debug")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut running = Running(child);
    let mut lines = BufReader::new(running.0.stdout.take().expect("piped")).lines();
    let mut line = || lines.next().expect("a line").expect("text");
    let url = line().rsplit(' ').next().expect("its last word").to_owned();
    let admin = line().rsplit("//").next().expect("its last word").to_owned();
    drop((lines, running.0.stderr.take()));
    let (mut socket, _) = tungstenite::connect(&url).expect("the gateway serves");
    let request = r#"{"action":"subscribe","symbols":["*"],"channels":["trades"]}"#;
    socket.send(tungstenite::Message::text(request)).expect("sent");
    let dropped = || {
        let admin = std::net::TcpStream::connect(&admin).expect("the admin port serves");
        metric(admin, "tickwire_log_lines_dropped_total")
    };
    while dropped() == 0 {
        socket.read().expect("served");
    }
    until_trade(&mut socket, "BTC/USDT");
    let pid = running.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
    drop(socket);
    assert_eq!(running.0.wait().expect("it ends").code(), Some(0));
}

#[test]
fn what_a_start_logs_is_a_few_lines_that_matter() {
    let child = tickwire_anywhere()
        .arg("run")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut running = Running(child);
    let lines = BufReader::new(running.0.stderr.take().expect("piped")).lines();
    let mut log = Vec::new();
    for line in lines.map_while(Result::ok) {
        let is_last = line.contains(" of 9 feeds connected, ") && line.contains(" INFO ");
        log.push(line);
        if is_last {
            break;
        }
    }
    // A feed may say something before it.
    assert!(log.iter().any(|line| line.contains("serving ws://127.0.0.1:")), "{log:#?}");
    assert!(log.iter().all(|line| !line.contains("reason=\"none\"")), "{log:#?}");
    // What a slow machine makes go wrong is told besides, as a warning and its end.
    let is_usual = |line: &&String| line.contains(" INFO ") && !line.contains("connected again");
    assert!((4..=6).contains(&log.iter().filter(is_usual).count()), "{log:#?}");
}
