//! A recorded session played to a client.

use std::fs;
use std::path::PathBuf;

use tickwire::instrument::ExchangeId;
use tickwire::sim::{CaptureEnd, Options, Playback, Simulator, Speed};

use crate::captures;
use crate::client::{Client, DEADLINE, End, request};

const TRADE: &str = r#"{"stream":"btcusdt@trade","data":{"e":"trade","s":"BTCUSDT","t":1}}"#;
const DEPTH: &str = r#"{"stream":"btcusdt@depth@0ms","data":{"e":"depthUpdate","s":"BTCUSDT"}}"#;
const OTHER: &str = r#"{"stream":"ethusdt@trade","data":{"e":"trade","s":"ETHUSDT","t":2}}"#;
const PLAIN: &str = r#"{"result":null,"id":1}"#;
const BOOK: &str = r#"{"lastUpdateId":7,"bids":[["1.0","2.0"]],"asks":[]}"#;

fn start(change: impl FnOnce(&mut Playback)) -> (tempfile::TempDir, Simulator) {
    let folder = tempfile::tempdir().expect("a folder");
    let capture = folder.path().join("session.txt");
    let lines = format!(
        "1000000000 {TRADE}\n1000500000 > {{\"method\":\"x\"}}\n1001000000 {DEPTH}\n\
         1000900000 {OTHER}\n1200000000 {PLAIN}\n"
    );
    fs::write(&capture, lines).expect("a file");
    let book = folder.path().join("session-BTCUSDT.rest.json");
    fs::write(&book, format!("{BOOK}\n")).expect("a file");
    let mut playback = Playback {
        capture,
        rest: vec![book],
        speed: Speed::Max,
        end: CaptureEnd::Close,
        everything: false,
    };
    change(&mut playback);
    let playback = Some(playback);
    let options = Options { playback, ..Options::new(ExchangeId::Binance) };
    (folder, Simulator::start(options).expect("it starts"))
}

fn all(client: &mut Client) -> Vec<String> {
    let mut texts = Vec::new();
    loop {
        match client.text() {
            Ok(text) => texts.push(text),
            Err(end) => {
                assert_eq!(end, End::Closed(1_000, String::new()));
                return texts;
            }
        }
    }
}

#[test]
fn a_client_gets_the_frames_of_its_streams_whatever_their_speed_is_called() {
    let (_folder, simulator) = start(|_| ());
    let path = "/stream?streams=btcusdt@trade/btcusdt@depth@100ms";
    assert_eq!(all(&mut Client::open(&simulator, path)), [TRADE, DEPTH, PLAIN]);
    // Each client from the start, and unwrapped where it wants its data so.
    let raw = all(&mut Client::open(&simulator, "/ws/ethusdt@trade"));
    assert_eq!(raw, [r#"{"e":"trade","s":"ETHUSDT","t":2}"#, PLAIN]);
}

#[test]
fn playing_starts_with_the_first_subscription_and_can_ignore_which() {
    let (_folder, simulator) = start(|playback| playback.everything = true);
    let mut client = Client::open(&simulator, "/stream");
    client.say(r#"{"method":"SUBSCRIBE","params":["a@trade"],"id":5}"#);
    assert_eq!(client.text().expect("an answer"), r#"{"result":null,"id":5}"#);
    assert_eq!(all(&mut client), [TRADE, DEPTH, OTHER, PLAIN]);
}

#[test]
fn after_the_last_frame_the_connection_is_held_where_asked_for() {
    let (_folder, simulator) = start(|playback| {
        playback.end = CaptureEnd::Hold;
        // As recorded: 200 ms from the first frame to the last.
        playback.speed = Speed::Percent(100);
    });
    let mut client = Client::open(&simulator, "/stream?streams=btcusdt@trade");
    assert_eq!(client.text().as_deref(), Ok(TRADE));
    assert_eq!(client.text().as_deref(), Ok(PLAIN));
    client.say(r#"{"method":"LIST_SUBSCRIPTIONS","id":5}"#);
    assert!(client.text().expect("an answer").contains("btcusdt@trade"));
    assert!(simulator.wait_for(DEADLINE, |stats| stats.websockets == 1));
}

#[test]
fn the_recorded_book_is_what_a_request_gets() {
    let (_folder, simulator) = start(|_| ());
    let (status, _, body) = request(&simulator, "/api/v3/depth?symbol=BTCUSDT&limit=1000");
    assert_eq!((status, body.to_string()), (200, sorted(BOOK)));
    assert_eq!(request(&simulator, "/api/v3/depth?symbol=ETHUSDT").0, 400);
    let (_, _, listing) = request(&simulator, "/api/v3/exchangeInfo");
    let symbols: Vec<_> = listing["symbols"].as_array().expect("a list").iter().collect();
    assert_eq!((symbols.len(), &symbols[1]["symbol"]), (2, &"ETHUSDT".into()));
}

/// As `serde_json` writes it after reading.
fn sorted(text: &str) -> String {
    text.parse::<serde_json::Value>().expect("JSON").to_string()
}

#[test]
fn every_recorded_session_arrives_as_it_was_recorded() {
    for (prefix, exchange) in
        [("binance-spot", ExchangeId::Binance), ("binance-usdm", ExchangeId::BinanceFutures)]
    {
        for capture in captures::files(prefix) {
            let frames = captures::received(&capture);
            let playback = Playback {
                capture,
                rest: Vec::new(),
                speed: Speed::Max,
                end: CaptureEnd::Close,
                everything: true,
            };
            let options = Options { playback: Some(playback), ..Options::new(exchange) };
            let simulator = Simulator::start(options).expect("it starts");
            assert_eq!(all(&mut Client::open(&simulator, "/stream?streams=a@trade")), frames);
        }
    }
}

#[test]
fn what_is_no_recording_is_refused_with_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let playback = |capture: PathBuf| Playback {
        capture,
        rest: Vec::new(),
        speed: Speed::Max,
        end: CaptureEnd::Hold,
        everything: false,
    };
    let missing = playback(folder.path().join("missing.txt"));
    let broken = playback(folder.path().join("broken.txt"));
    fs::write(&broken.capture, "no time here\n").expect("a file");
    let mut badly_named = playback(folder.path().join("empty.txt"));
    fs::write(&badly_named.capture, "").expect("a file");
    badly_named.rest.push(folder.path().join("empty.txt"));
    for (playback, text) in [
        (missing, "missing.txt"),
        (broken, "line 1 is no capture line"),
        (badly_named, "name it <anything>-<SYMBOL>.rest.json"),
    ] {
        let options = Options { playback: Some(playback), ..Options::new(ExchangeId::Binance) };
        let error = Simulator::start(options).expect_err("it cannot start").to_string();
        assert!(error.contains(text), "{error}");
    }
}
