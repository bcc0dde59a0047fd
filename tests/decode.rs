//! `tickwire decode` as a user meets it: what a feed would count or tell of a session it prints.

#[path = "common/process.rs"]
#[allow(dead_code, reason = "each test binary uses its own part")]
mod process;

use process::tickwire;
use serde_json::Value;

/// What is printed of these frames, and their totals.
fn decoded(exchange: &str, frames: &[String]) -> (Vec<Value>, Value) {
    let (lines, totals, _) = decoded_with(exchange, frames, None);
    (lines, totals)
}

/// The same with a recorded answer to the request for a book of `AAAUSDT`, and with what is said
/// on standard error.
fn decoded_with(
    exchange: &str,
    frames: &[String],
    rest: Option<&str>,
) -> (Vec<Value>, Value, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("frames.txt");
    let lines = frames.iter().enumerate().map(|(index, frame)| {
        format!("{} {frame}\n", 1_790_000_000_000_000_000 + index * 1_000_000)
    });
    std::fs::write(&path, lines.collect::<String>()).expect("it is written");
    let run = |options: &[&str]| {
        let mut command = tickwire();
        command.args(["decode", "--exchange", exchange]).args(options).arg(&path);
        if let Some(body) = rest {
            let file = folder.path().join("frames-AAAUSDT.rest.json");
            std::fs::write(&file, body).expect("it is written");
            command.arg("--rest").arg(file);
        }
        let output = command.output().expect("the binary runs");
        assert_eq!(output.status.code(), Some(0));
        let text = String::from_utf8(output.stdout).expect("text");
        let lines = text.lines().map(|line| serde_json::from_str(line).expect("JSON"));
        (lines.collect::<Vec<Value>>(), String::from_utf8(output.stderr).expect("text"))
    };
    let totals = run(&["--summary"]).0.remove(0);
    let (lines, said) = run(&[]);
    (lines, totals, said)
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
fn a_quote_that_is_older_than_what_was_told_is_repeated() {
    let quote = |id: u64| {
        format!(
            "{{\"stream\":\"aaausdt@bookTicker\",\"data\":{{\"u\":{id},\"s\":\"AAAUSDT\",\
             \"b\":\"1.0\",\"B\":\"2\",\"a\":\"1.1\",\"A\":\"3\"}}}}"
        )
    };
    let (lines, totals) = decoded("binance", &[quote(100), quote(102), quote(101), quote(103)]);
    let kinds: Vec<&Value> = lines.iter().map(|line| &line["type"]).collect();
    assert_eq!(kinds, ["quote", "quote", "repeated", "quote"]);
    assert_eq!((&totals["counts"]["bbo"], &totals["counts"]["repeated"]), (&3.into(), &1.into()));
    assert_eq!(totals["trade_gaps"], 0);
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

/// An event of one of Bybit's books.
fn bybit_book(depth: u32, kind: &str, number: u32, bids: &str, asks: &str) -> String {
    format!(
        r#"{{"topic":"orderbook.{depth}.BTCUSDT","ts":1700000000000,"type":"{kind}","data":{{"s":"BTCUSDT","b":[{bids}],"a":[{asks}],"u":{number},"seq":{number}}},"cts":1700000000000}}"#
    )
}

#[test]
fn best_prices_beside_a_deeper_book_are_quotes_and_no_other_depth_mixes_with_it() {
    let frames = [
        bybit_book(1, "delta", 6, r#"["1.5","1"]"#, ""),
        bybit_book(50, "snapshot", 7, r#"["2","1"],["1","1"]"#, r#"["3","1"]"#),
        bybit_book(1, "snapshot", 70, r#"["2","1"]"#, r#"["3","1"]"#),
        bybit_book(200, "snapshot", 700, r#"["2","1"],["1","1"],["0.5","1"]"#, r#"["3","1"]"#),
        bybit_book(50, "delta", 8, r#"["2","5"]"#, ""),
        bybit_book(1, "delta", 71, r#"["2","5"]"#, ""),
        bybit_book(200, "delta", 701, r#"["0.5","5"]"#, ""),
    ];
    for order in [[0, 1, 2, 3, 4, 5, 6], [0, 1, 3, 2, 5, 6, 4]] {
        let frames = order.map(|index| frames[index].clone());
        let (lines, totals, said) = decoded_with("bybit", &frames, None);
        let of = |kind: &'static str| lines.iter().filter(move |line| line["type"] == kind);
        let quotes: Vec<String> =
            of("quote").map(|line| line["data"]["bidSize"].to_string()).collect();
        assert_eq!(quotes, ["1", "5"], "{lines:?}");
        let books: Vec<_> = of("orderbook").map(|line| line["data"]["bids"].to_string()).collect();
        assert_eq!(books, ["[[2,1],[1,1]]", "[[2,5]]"]);
        assert_eq!(of("other").count(), 2);
        assert_eq!(
            (&totals["seq_gaps"], &totals["books"]["BTCUSDT"]["state"]),
            (&serde_json::json!(0), &serde_json::json!("live"))
        );
        assert!(said.contains("are left out") && said.contains("frames=2"), "{said}");
        assert!(said.contains("changes=1"), "{said}");
    }
    // Alone they are a book.
    let (lines, _, said) = decoded_with("bybit", &frames[2..3], None);
    assert_eq!(told(&lines), ["orderbook snapshot"]);
    assert!(!said.contains("left out"), "{said}");
}

#[test]
fn a_level_of_nothing_in_a_whole_book_is_no_level() {
    let delta = r#"{"e":"depthUpdate","E":1700000000000,"s":"AAAUSDT","U":101,"u":102,"b":[["9","2"]],"a":[]}"#;
    let rest =
        r#"{"lastUpdateId":100,"bids":[["10","1"],["8","0.000"]],"asks":[["11","0"],["12","3"]]}"#;
    let (lines, totals, _) = decoded_with("binance", &[delta.to_owned()], Some(rest));
    let whole = &lines.iter().find(|line| line["data"]["kind"] == "snapshot").expect("one")["data"];
    assert_eq!(
        (whole["bids"].to_string(), whole["asks"].to_string()),
        ("[[10,1]]".to_owned(), "[[12,3]]".to_owned())
    );
    assert_eq!(totals["books"]["AAAUSDT"]["bid_levels"], 2);
    // And where it comes in the stream.
    for (exchange, frame) in [
        ("bybit", bybit_book(50, "snapshot", 7, r#"["10","1"],["8","0"]"#, r#"["11","0.0"],["12","3"]"#)),
        ("coinbase", r#"{"type":"snapshot","product_id":"AAA-USD","asks":[["11","0"],["12","3"]],"bids":[["10","1"],["8","0.00"]],"time":"2026-08-09T21:05:48.170326Z"}"#.to_owned()),
        ("okx", r#"{"arg":{"channel":"books","instId":"AAA-USDT"},"action":"snapshot","data":[{"asks":[["11","0","0","0"],["12","3","0","1"]],"bids":[["10","1","0","1"],["8","0","0","0"]],"ts":"1700000000000","checksum":0,"prevSeqId":-1,"seqId":10}]}"#.to_owned()),
        ("kraken", r#"{"channel":"book","type":"snapshot","data":[{"symbol":"AAA/USD","bids":[{"price":10,"qty":1},{"price":8,"qty":0}],"asks":[{"price":11,"qty":0},{"price":12,"qty":3}],"checksum":3970592876}]}"#.to_owned()),
    ] {
        let (lines, ..) = decoded_with(exchange, &[frame], None);
        let whole = lines.iter().find(|line| line["data"]["kind"] == "snapshot");
        let Some(whole) = whole else { panic!("{exchange}: {lines:?}") };
        let sides = (whole["data"]["bids"].to_string(), whole["data"]["asks"].to_string());
        assert_eq!(sides, ("[[10,1]]".to_owned(), "[[12,3]]".to_owned()), "{exchange}");
    }
}

#[test]
fn a_whole_book_with_a_level_that_cannot_be_read_is_told_as_lost() {
    let whole = |size: &str| {
        format!(
            r#"{{"type":"snapshot","product_id":"AAA-USD","asks":[["12","{size}"]],"bids":[["10","1"]],"time":"2026-08-09T21:05:48.170326Z"}}"#
        )
    };
    let change = r#"{"type":"l2update","product_id":"AAA-USD","changes":[["buy","10","2"]],"time":"2026-08-09T21:05:49.170326Z"}"#;
    for size in ["0.-10000", "-1", "x", "1234567890123456789"] {
        let (lines, totals, said) =
            decoded_with("coinbase", &[whole(size), change.to_owned()], None);
        assert!(told(&lines)[0].starts_with("rejected "), "{lines:?}");
        assert_eq!(lines[0]["channel"], "orderbook");
        assert!(lines.iter().all(|line| line["type"] != "orderbook"), "{size}: {lines:?}");
        assert_eq!(totals["counts"]["rejected_items"], 1);
        assert!(said.contains("changes=1"), "{said}");
    }
    let (lines, ..) = decoded_with("coinbase", &[whole("3"), change.to_owned()], None);
    assert_eq!(told(&lines), ["orderbook snapshot", "orderbook update"]);
}

#[test]
fn a_book_is_no_deeper_than_it_was_asked_for() {
    let okx = |kind: &str, (previous, number): (i32, u32), asks: &str, bids: &str| {
        format!(
            r#"{{"arg":{{"channel":"books","instId":"AAA-USDT"}},"action":"{kind}","data":[{{"asks":[{asks}],"bids":[{bids}],"ts":"1700000000000","checksum":0,"prevSeqId":{previous},"seqId":{number}}}]}}"#
        )
    };
    let many = |from: u32, count: u32| {
        let levels = (from..from + count).map(|price| format!(r#"["{price}","1","0","1"]"#));
        levels.collect::<Vec<_>>().join(",")
    };
    let frames = [
        okx("snapshot", (-1, 10), &many(1_000, 450), &many(1, 3)),
        okx("update", (10, 11), &many(998, 2), ""),
    ];
    let (lines, totals) = decoded("okx", &frames);
    assert_eq!(lines[0]["data"]["asks"].as_array().expect("a list").len(), 400);
    // Two came and two fell out.
    assert_eq!(lines[1]["data"]["asks"].to_string(), "[[998,1],[999,1],[1399,0],[1398,0]]");
    assert_eq!(totals["books"]["AAA-USDT"]["ask_levels"], 400);

    let bids = |count: u32| {
        let levels = (1..=count).map(|price| format!(r#"["{price}","1"]"#));
        levels.collect::<Vec<_>>().join(",")
    };
    let frame = bybit_book(50, "snapshot", 7, &bids(80), r#"["100","1"]"#);
    let (lines, _) = decoded("bybit", &[frame]);
    let bids = lines[0]["data"]["bids"].as_array().expect("a list").clone();
    assert_eq!((bids.len(), bids[49][0].to_string()), (50, "31".to_owned()));
}
