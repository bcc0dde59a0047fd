//! `tickwire decode` as a user meets it: what a feed would count or tell of a session it prints.

#[path = "common/process.rs"]
#[allow(dead_code, reason = "each test binary uses its own part")]
mod process;

use process::tickwire;
use serde_json::Value;

/// What is printed of these frames, and their totals.
fn decoded(exchange: &str, frames: &[String]) -> (Vec<Value>, Value) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("frames.txt");
    let lines = frames.iter().enumerate().map(|(index, frame)| {
        format!("{} {frame}\n", 1_790_000_000_000_000_000 + index * 1_000_000)
    });
    std::fs::write(&path, lines.collect::<String>()).expect("it is written");
    let run = |options: &[&str]| {
        let mut command = tickwire();
        command.args(["decode", "--exchange", exchange]).args(options).arg(&path);
        let output = command.output().expect("the binary runs");
        assert_eq!(output.status.code(), Some(0));
        let text = String::from_utf8(output.stdout).expect("text");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect::<Vec<Value>>()
    };
    let totals = run(&["--summary"]).remove(0);
    (run(&[]), totals)
}

/// Each line by its type, with what tells it from others of that.
fn told(lines: &[Value]) -> Vec<String> {
    let of = |line: &Value| {
        let kind = line["type"].as_str().expect("a type");
        let more = match kind {
            "trade" => line["data"]["tradeId"].as_str().unwrap_or_default().to_owned(),
            "orderbook" => line["data"]["kind"].as_str().unwrap_or_default().to_owned(),
            "status" => line["data"]["state"].as_str().unwrap_or_default().to_owned(),
            "candle" => line["data"]["close"].to_string(),
            "gap" => line["missed"].to_string(),
            "rejected" => line["reason"].as_str().unwrap_or_default().to_owned(),
            _ => String::new(),
        };
        format!("{kind} {more}").trim_end().to_owned()
    };
    lines.iter().map(of).collect()
}

fn book(number: u32, kind: &str, size: u32) -> String {
    format!(
        r#"{{"channel":"l2_data","timestamp":"2026-08-09T21:05:48.483587501Z","sequence_num":{number},"events":[{{"type":"{kind}","product_id":"BTC-USD","updates":[{{"side":"bid","event_time":"2026-08-09T21:05:48.170326Z","price_level":"10.5","new_quantity":"{size}"}}]}}]}}"#
    )
}

#[test]
fn a_hole_in_the_numbers_of_a_connection_ends_its_books() {
    let frames = [
        book(0, "snapshot", 1),
        book(1, "update", 2),
        book(3, "update", 3),
        book(4, "update", 4),
        book(5, "snapshot", 5),
        book(6, "update", 6),
        // A connection of its own, which begins whole.
        book(0, "snapshot", 7),
    ];
    let (lines, totals) = decoded("coinbase-advanced", &frames);
    let whole = "orderbook snapshot";
    let change = "orderbook update";
    let ends = ["gap 1", "status stale"];
    let mut right = vec![whole, change];
    right.extend(ends);
    right.extend([whole, change, "gap null", "status stale", whole]);
    assert_eq!(told(&lines), right);
    assert_eq!(totals["seq_gaps"], 2);
}

#[test]
fn a_frame_that_comes_twice_is_told_once() {
    let frames = [book(0, "snapshot", 1), book(1, "update", 2), book(1, "update", 2)];
    let (lines, totals) = decoded("coinbase-advanced", &frames);
    assert_eq!(told(&lines), ["orderbook snapshot", "orderbook update", "repeated"]);
    assert_eq!(totals["counts"]["repeated"], 1);
    assert_eq!(totals["counts"]["book_delta_msgs"], 1);
}

#[test]
fn trades_that_are_missing_or_come_twice_are_told() {
    let trade = |id: u32| {
        format!(
            r#"{{"type":"match","trade_id":{id},"maker_order_id":"a","taker_order_id":"b","side":"sell","size":"985","price":"0.5","product_id":"SKL-BTC","sequence":{id},"time":"2026-08-09T21:05:{:02}.089723Z"}}"#,
            id % 60
        )
    };
    let heartbeat = |last: u32| {
        format!(
            r#"{{"type":"heartbeat","last_trade_id":{last},"product_id":"SKL-BTC","sequence":{last},"time":"2026-08-09T21:05:50.089723Z"}}"#
        )
    };
    let frames = [
        heartbeat(10),
        trade(11),
        trade(11),
        trade(13),
        heartbeat(13),
        // The exchange says twice that there were two more.
        heartbeat(15),
        heartbeat(15),
    ];
    let (lines, totals) = decoded("coinbase", &frames);
    let lines: Vec<Value> = lines.into_iter().filter(|line| line["type"] != "control").collect();
    let right = ["trade 11", "repeated", "gap 1", "trade 13", "gap 2"];
    assert_eq!(told(&lines), right);
    assert_eq!((&lines[2]["channel"], &lines[2]["symbol"]), (&"trades".into(), &"SKL-BTC".into()));
    assert_eq!((&totals["trade_gaps"], &totals["counts"]["repeated"]), (&2.into(), &1.into()));
    assert_eq!((&totals["counts"]["trades"], &totals["seq_gaps"]), (&2.into(), &0.into()));
}

#[test]
fn fills_that_are_no_trades_leave_no_holes() {
    let frame = |id: u32, order: &str| {
        format!(
            r#"{{"e":"trade","E":1790000000{id},"T":1790000000{id},"s":"BTCUSDT","t":{id},"p":"1.5","q":"1","X":"{order}","m":true}}"#
        )
    };
    let frames = [frame(101, "MARKET"), frame(102, "ADL"), frame(103, "MARKET")];
    let (lines, totals) = decoded("binance-futures", &frames);
    assert_eq!(told(&lines), ["trade 101", "other", "trade 103"]);
    assert_eq!(totals["trade_gaps"], 0);
}

#[test]
fn a_bar_that_no_market_makes_is_rejected() {
    let bar = |close: &str| {
        format!(
            r#"{{"e":"kline","E":1790000000000,"s":"BTCUSDT","k":{{"t":1789999980000,"i":"1m","o":"1","c":"{close}","h":"3","l":"1","v":"1","n":1,"x":false}}}}"#
        )
    };
    let (lines, totals) = decoded("binance", &[bar("2"), bar("9"), bar("3")]);
    assert_eq!(told(&lines), ["candle 2", "rejected impossible", "candle 3"]);
    assert_eq!((&lines[1]["channel"], &lines[1]["symbol"]), (&"candles".into(), &"BTCUSDT".into()));
    assert_eq!(
        (&totals["counts"]["candles"], &totals["counts"]["rejected_items"]),
        (&2.into(), &1.into())
    );
}

#[test]
fn microseconds_where_milliseconds_were_asked_for_are_rejected() {
    let frame = r#"{"e":"trade","E":1790000000000001,"s":"BTCUSDT","t":1,"p":"1","q":"2","T":1790000000000001,"m":true}"#;
    let (lines, totals) = decoded("binance", &[frame.to_owned()]);
    assert_eq!(told(&lines), ["rejected date"]);
    assert_eq!(
        (&totals["counts"]["trades"], &totals["counts"]["rejected_items"]),
        (&0.into(), &1.into())
    );
}
