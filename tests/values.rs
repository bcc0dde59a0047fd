//! Numbers, ids and names at their borders: played over sockets, each reaches the client as the
//! exchange wrote it, or costs its item alone. Never is one altered.

mod common;

use std::fmt::Write;
use std::path::PathBuf;

use common::played::Played;
use serde_json::value::RawValue;
use tempfile::TempDir;
use tickwire::instrument::ExchangeId;

/// Frames as a capture.
fn capture(folder: &TempDir, frames: &[String]) -> PathBuf {
    let mut text = String::new();
    for (index, frame) in frames.iter().enumerate() {
        writeln!(text, "{} {frame}", 1_790_000_000_000_000_000 + index * 1_000_000)
            .expect("memory is written");
    }
    let path = folder.path().join("frames.txt");
    std::fs::write(&path, text).expect("it is written");
    path
}

/// What a client hears of a channel, as it is written, up to the message that has `end` in it.
fn heard(
    (exchange, symbol): (ExchangeId, &str),
    channel: &str,
    frames: &[String],
    end: &str,
) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = capture(&folder, frames);
    let feed = format!("channels = [\"{channel}\"]");
    let mut played = Played::start(&path, (exchange, symbol), &feed);
    assert_eq!(played.subscribe(channel, "1m")["type"], "success");
    let mut seen = vec![played.text()];
    while !seen.last().is_some_and(|text| text.contains(end)) {
        seen.push(played.text());
    }
    played.stop();
    seen
}

/// The values of these keys, as they are written.
fn values<const N: usize>(text: &str, keys: [&str; N]) -> [String; N] {
    keys.map(|key| {
        let (_, rest) = text.split_once(&format!("\"{key}\":")).expect(text);
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
        values.next().expect("a value").expect("JSON").get().to_owned()
    })
}

/// A trade as JSON texts: id, price and size.
type Written = [&'static str; 3];

/// A trade's frame as its exchange writes it.
fn trade(exchange: ExchangeId, index: usize, [id, price, size]: Written) -> String {
    let millis = 1_790_000_000_000_u64 + index as u64;
    let date = format!("2026-09-21T13:13:20.{index:03}000Z");
    match exchange {
        ExchangeId::Binance => format!(
            r#"{{"stream":"aaausdt@trade","data":{{"e":"trade","E":{millis},"s":"AAAUSDT","t":{id},"p":{price},"q":{size},"T":{millis},"m":true,"M":true}}}}"#
        ),
        ExchangeId::BinanceFutures => format!(
            r#"{{"stream":"aaausdt@aggTrade","data":{{"e":"aggTrade","E":{millis},"s":"AAAUSDT","a":{id},"p":{price},"q":{size},"f":1,"l":1,"T":{millis},"m":true}}}}"#
        ),
        ExchangeId::Bybit => format!(
            r#"{{"topic":"publicTrade.AAAUSDT","ts":{millis},"type":"snapshot","data":[{{"i":{id},"T":{millis},"p":{price},"v":{size},"S":"Sell","seq":7,"s":"AAAUSDT","BT":false,"RPI":false}}]}}"#
        ),
        ExchangeId::BybitLinear => format!(
            r#"{{"topic":"publicTrade.AAAUSDT","type":"snapshot","ts":{millis},"data":[{{"T":{millis},"s":"AAAUSDT","S":"Sell","v":{size},"p":{price},"L":"PlusTick","i":{id},"BT":false,"RPI":false,"seq":7}}]}}"#
        ),
        ExchangeId::Okx => format!(
            r#"{{"arg":{{"channel":"trades","instId":"AAA-USDT"}},"data":[{{"instId":"AAA-USDT","tradeId":{id},"px":{price},"sz":{size},"side":"sell","ts":"{millis}","count":"1"}}]}}"#
        ),
        ExchangeId::Kraken => format!(
            r#"{{"channel":"trade","type":"update","data":[{{"symbol":"AAA/USDT","side":"sell","price":{price},"qty":{size},"ord_type":"market","trade_id":{id},"timestamp":"{date}"}}]}}"#
        ),
        ExchangeId::Coinbase => format!(
            r#"{{"type":"match","trade_id":{id},"maker_order_id":"a","taker_order_id":"b","side":"buy","size":{size},"price":{price},"product_id":"AAA-USDT","sequence":{index},"time":"{date}"}}"#
        ),
        ExchangeId::CoinbaseAdvanced => format!(
            r#"{{"channel":"market_trades","client_id":"","timestamp":"{date}","sequence_num":{index},"events":[{{"type":"update","trades":[{{"product_id":"AAA-USDT","trade_id":{id},"price":{price},"size":{size},"time":"{date}","side":"BUY"}}]}}]}}"#
        ),
        other => panic!("{other} tells no trades"),
    }
}

const TRADING: [ExchangeId; 8] = [
    ExchangeId::Binance,
    ExchangeId::BinanceFutures,
    ExchangeId::Bybit,
    ExchangeId::BybitLinear,
    ExchangeId::Okx,
    ExchangeId::Kraken,
    ExchangeId::Coinbase,
    ExchangeId::CoinbaseAdvanced,
];

/// Trades, the last of them at a price of 777, as a client is told them: id, price and size; and how
/// many gaps it is told.
fn told(exchange: ExchangeId, trades: &[Written]) -> (Vec<[String; 3]>, usize) {
    let frames: Vec<_> =
        trades.iter().enumerate().map(|(index, one)| trade(exchange, index, *one)).collect();
    let seen = heard((exchange, "AAA/USDT"), "trades", &frames, "\"price\":777,");
    let is = |kind: &'static str| move |text: &&String| text.contains(kind);
    let trades = seen.iter().filter(is("\"type\":\"trade\""));
    let gaps = seen.iter().filter(is("\"type\":\"gap\"")).count();
    (trades.map(|text| values(text, ["tradeId", "price", "volume"])).collect(), gaps)
}

#[test]
fn an_id_is_told_as_it_was_written_and_no_trade_is_lost_for_it() {
    let rows = [
        (r#""1""#, r#""1""#),
        ("2", r#""2""#),
        (r#""003""#, r#""003""#),
        (r#""4""#, r#""4""#),
        (r#""18446744073709551615""#, r#""18446744073709551615""#),
        (r#""5""#, r#""5""#),
        ("18446744073709551614", r#""18446744073709551614""#),
        ("6", r#""6""#),
        (r#""18446744073709551616""#, r#""18446744073709551616""#),
        ("18446744073709551617", r#""18446744073709551617""#),
        (
            r#""99999999999999999999999999999999999999""#,
            r#""99999999999999999999999999999999999999""#,
        ),
        (r#""4c7b6bdc-b4a3-5716-9c7b-bbe01dc7072f""#, r#""4c7b6bdc-b4a3-5716-9c7b-bbe01dc7072f""#),
        (r#""4C7B6BDC-B4A3-5716-9C7B-BBE01DC7072F""#, r#""4C7B6BDC-B4A3-5716-9C7B-BBE01DC7072F""#),
        (r#""4c7b6bdcb4a357169c7bbbe01dc7072f""#, r#""4c7b6bdcb4a357169c7bbbe01dc7072f""#),
        (r#""-1""#, r#""-1""#),
        ("-1", r#""-1""#),
        (r#""T-17_a""#, r#""T-17_a""#),
        (r#""a \"b\"""#, r#""a \"b\"""#),
        (r#""""#, "null"),
        ("null", "null"),
        (r#""1111111111111111111111111111111111111111""#, "null"),
    ];
    for exchange in TRADING {
        let mut trades: Vec<Written> =
            rows.iter().map(|(id, _)| [*id, r#""1.50""#, r#""2""#]).collect();
        trades.push([r#""end""#, r#""777""#, r#""1""#]);
        let (told, _) = told(exchange, &trades);
        let ids: Vec<_> = told.iter().map(|[id, ..]| id.as_str()).collect();
        let wanted: Vec<_> = rows.iter().map(|(_, id)| *id).chain([r#""end""#]).collect();
        assert_eq!(ids, wanted, "{exchange}");
    }
}

/// Texts of numbers, and what a client is told; what is not above zero is told of indices alone, as
/// no market trades at that, or nothing.
const NUMBERS: [(&str, &str); 16] = [
    (r#""1.50""#, "1.50"),
    ("1.50", "1.50"),
    ("1e-05", "0.00001"),
    (r#""1e-05""#, "0.00001"),
    (r#""1E+5""#, "100000"),
    ("1.5e-7", "0.00000015"),
    (r#""0.000000001234""#, "0.000000001234"),
    (r#""0.000000000000000001""#, "0.000000000000000001"),
    (r#""999999999999999999""#, "999999999999999999"),
    (r#""99999999999.9999999""#, "99999999999.9999999"),
    ("0", "0"),
    (r#""0.00""#, "0.00"),
    (r#""-0""#, "0"),
    ("-1.5", "-1.5"),
    (r#""-0.00000001""#, "-0.00000001"),
    (r#""-1e-05""#, "-0.00001"),
];

/// What is no number of at most 18 digits.
const NO_NUMBERS: [&str; 14] = [
    r#""""#,
    "null",
    "true",
    "[1]",
    r#"".5""#,
    r#""5.""#,
    r#""+5""#,
    r#""01""#,
    r#""0x1""#,
    r#""NaN""#,
    r#""1,5""#,
    r#""1000000000000000000""#,
    r#""0.0000000000000000001""#,
    r#""1e-19""#,
];

#[test]
fn a_number_is_told_with_its_digits_or_costs_its_trade_alone() {
    // Ids that follow each other, told as numbers by all of these exchanges.
    let ids: Vec<&'static str> =
        (1..100).map(|id| &*Box::leak(format!(r#""{id}""#).into_boxed_str())).collect();
    let mut rows: Vec<(&str, &str, Option<[&str; 2]>)> = Vec::new();
    for (written, told) in NUMBERS {
        let is_traded = told.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
        let is_traded = is_traded && !told.starts_with('-');
        rows.push((written, r#""2""#, is_traded.then_some([told, "2"])));
        rows.push((r#""1""#, written, is_traded.then_some(["1", told])));
    }
    rows.extend(NO_NUMBERS.iter().flat_map(|no| [(*no, r#""2""#, None), (r#""1""#, *no, None)]));
    rows.push((r#""777""#, r#""1""#, Some(["777", "1"])));
    let wanted: Vec<_> = rows
        .iter()
        .zip(&ids)
        .filter_map(|((.., told), id)| {
            told.map(|[price, size]| [*id, price, size].map(str::to_owned))
        })
        .collect();
    for exchange in TRADING {
        let trades: Vec<Written> =
            rows.iter().zip(&ids).map(|((price, size, _), id)| [*id, *price, *size]).collect();
        let (told, gaps) = told(exchange, &trades);
        assert_eq!(told, wanted, "{exchange}");
        assert!(gaps > 0, "{exchange}: what was lost is told");
    }
}

/// A trade that no market makes is no trade, wherever the exchange's ids show that one is missing
/// and wherever they do not.
#[test]
fn a_trade_at_no_price_or_of_nothing_is_told_as_missing() {
    let bad = [("0", "1"), ("0.00", "1"), ("5", "0"), ("5", "0.000"), ("-5", "1")];
    let quoted = |text: &str| -> &'static str { Box::leak(format!("\"{text}\"").into_boxed_str()) };
    for exchange in TRADING {
        let id = |number: u32| match exchange {
            ExchangeId::BybitLinear => {
                quoted(&format!("4c7b6bdc-b4a3-5716-9c7b-bbe01dc7070{number}"))
            }
            _ => quoted(&number.to_string()),
        };
        let mut trades: Vec<Written> = vec![[id(1), r#""5""#, r#""1""#]];
        trades.extend((2..).zip(bad).map(|(at, (price, size))| {
            let written: Written = [id(at), quoted(price), quoted(size)];
            written
        }));
        trades.extend([[id(7), r#""6""#, r#""1""#], [id(8), r#""777""#, r#""1""#]]);
        let (told, gaps) = told(exchange, &trades);
        let prices: Vec<&str> = told.iter().map(|[_, price, _]| price.as_str()).collect();
        // Where ids follow each other the next one tells all that is missing, else each frame does.
        let is_shown = !matches!(exchange, ExchangeId::Bybit | ExchangeId::BybitLinear);
        let right = if is_shown { 1 } else { bad.len() };
        assert_eq!((prices, gaps), (vec!["5", "6", "777"], right), "{exchange}");
    }
}

/// The ticker of a market in which nobody trades, as its exchange writes it.
fn silent_ticker(exchange: ExchangeId) -> String {
    match exchange {
        ExchangeId::Binance => r#"{"stream":"aaausdt@ticker","data":{"e":"24hrTicker","E":1790000000000,"s":"AAAUSDT","p":"0.00000000","P":"0.000","w":"0.00000000","x":"0.00000000","c":"0.00000000","Q":"0.00000000","b":"0.00000000","B":"0.00000000","a":"0.00000000","A":"0.00000000","o":"0.00000000","h":"0.00000000","l":"0.00000000","v":"0.00000000","q":"0.00000000","O":1789913600000,"C":1790000000000,"F":-1,"L":-1,"n":0}}"#,
        ExchangeId::BinanceFutures => r#"{"stream":"aaausdt@ticker","data":{"e":"24hrTicker","E":1790000000000,"s":"AAAUSDT","p":"0","P":"0","w":"0","c":"0","Q":"0","o":"0","h":"0","l":"0","v":"0","q":"0","O":1789913600000,"C":1790000000000,"F":-1,"L":-1,"n":0}}"#,
        ExchangeId::Bybit => r#"{"topic":"tickers.AAAUSDT","ts":1790000000000,"type":"snapshot","cs":1,"data":{"symbol":"AAAUSDT","lastPrice":"0","highPrice24h":"0","lowPrice24h":"0","prevPrice24h":"0","volume24h":"0","turnover24h":"0","price24hPcnt":"0","usdIndexPrice":""}}"#,
        ExchangeId::BybitLinear => r#"{"topic":"tickers.AAAUSDT","type":"snapshot","data":{"symbol":"AAAUSDT","tickDirection":"PlusTick","price24hPcnt":"0","lastPrice":"0","prevPrice24h":"0","highPrice24h":"0","lowPrice24h":"0","turnover24h":"0","volume24h":"0","bid1Price":"0","bid1Size":"0","ask1Price":"0","ask1Size":"0"},"cs":1,"ts":1790000000000}"#,
        ExchangeId::Okx => r#"{"arg":{"channel":"tickers","instId":"AAA-USDT"},"data":[{"instType":"SPOT","instId":"AAA-USDT","last":"0","lastSz":"0","askPx":"0","askSz":"0","bidPx":"0","bidSz":"0","open24h":"0","high24h":"0","low24h":"0","sodUtc0":"0","sodUtc8":"0","volCcy24h":"0","vol24h":"0","ts":"1790000000000"}]}"#,
        ExchangeId::Kraken => r#"{"channel":"ticker","type":"update","data":[{"symbol":"AAA/USDT","bid":0.0,"bid_qty":0.0,"ask":0.0,"ask_qty":0.0,"last":0.0,"volume":0.0,"vwap":0.0,"low":0.0,"high":0.0,"change":0.0,"change_pct":0.0,"timestamp":"1970-01-01T00:00:00.000000Z"}]}"#,
        ExchangeId::Coinbase => r#"{"type":"ticker","sequence":1,"product_id":"AAA-USDT","price":"0","open_24h":"0","volume_24h":"0","low_24h":"0","high_24h":"0","volume_30d":"0","best_bid":"0","best_bid_size":"0","best_ask":"0","best_ask_size":"0","side":"buy","time":"2026-09-21T13:13:20.000000Z","trade_id":0,"last_size":"0"}"#,
        ExchangeId::CoinbaseAdvanced => r#"{"channel":"ticker","client_id":"","timestamp":"2026-09-21T13:13:20.000000Z","sequence_num":0,"events":[{"type":"update","tickers":[{"type":"ticker","product_id":"AAA-USDT","price":"0","volume_24_h":"0","low_24_h":"0","high_24_h":"0","low_52_w":"0","high_52_w":"0","price_percent_chg_24_h":"0","best_bid":"0","best_ask":"0","best_bid_quantity":"0","best_ask_quantity":"0"}]}]}"#,
        other => panic!("{other} is no market"),
    }
    .to_owned()
}

#[test]
fn a_market_without_trades_states_no_price_that_nobody_paid() {
    for exchange in TRADING {
        let frames = [silent_ticker(exchange)];
        let seen = heard((exchange, "AAA/USDT"), "ticker", &frames, "\"type\":\"ticker\"");
        let text = seen.last().expect("a ticker");
        let keys = ["last", "bid", "ask", "open", "high", "low", "change", "changePercent"];
        assert_eq!(values(text, keys), ["null"; 8], "{exchange}: {text}");
        // That nothing was traded is known.
        let [volume] = values(text, ["volume"]);
        assert!(volume.starts_with('0'), "{exchange}: {text}");
    }
}

#[test]
fn an_index_is_told_whatever_its_sign() {
    let numbers = NUMBERS.iter().map(|(number, _)| *number).chain(["777"]);
    let frame = |(index, number)| {
        let epoch = 1_790_000_000 + index;
        format!(
            r#"{{"echo_req":{{"subscribe":1,"ticks":"R_100"}},"msg_type":"tick","subscription":{{"id":"a"}},"tick":{{"ask":{number},"bid":{number},"epoch":{epoch},"id":"a","pip_size":3,"quote":{number},"symbol":"R_100"}}}}"#
        )
    };
    let frames: Vec<_> = numbers.enumerate().map(frame).collect();
    for (channel, keys) in [("ticker", ["last", "bid", "ask"]), ("quotes", ["bid", "ask", "bid"])] {
        let seen = heard((ExchangeId::Deriv, "R_100"), channel, &frames, "\"ask\":777,");
        let told = seen.iter().filter(|text| text.contains("\"ask\":"));
        let told: Vec<_> = told.map(|text| values(text, keys)).collect();
        let wanted = NUMBERS.iter().map(|(_, told)| *told).chain(["777"]);
        // Nothing rests at a price of zero, at any exchange; an index may stand there.
        let value = |key: &str, told: &str| match key {
            "bid" | "ask" if told.bytes().all(|byte| b"0.".contains(&byte)) => "null".to_owned(),
            _ => told.to_owned(),
        };
        let wanted: Vec<_> = wanted.map(|told| keys.map(|key| value(key, told))).collect();
        assert_eq!(told, wanted, "{channel}");
    }
}

#[test]
fn fills_that_are_no_trades_leave_no_holes_among_those() {
    let frame = |id: u64, order: &str| {
        format!(
            r#"{{"stream":"btcusdt@trade","data":{{"e":"trade","E":1790000000{id},"T":1790000000{id},"s":"BTCUSDT","t":{id},"p":"{id}.5","q":"1","X":"{order}","m":true}}}}"#
        )
    };
    let orders = [
        (101, "MARKET"),
        (102, "INSURANCE_FUND"),
        (103, "MARKET"),
        (104, "ADL"),
        (105, "NA"),
        (107, "LIQUIDATION"),
        (108, "MARKET"),
    ];
    let frames: Vec<String> = orders.map(|(id, order)| frame(id, order)).into();
    let told = heard((ExchangeId::BinanceFutures, "BTC/USDT"), "trades", &frames, "108.5");
    let told = told.iter().filter(|text| !text.contains("\"status\"")).map(|text| {
        match text.contains("\"type\":\"gap\"") {
            true => "gap".to_owned(),
            false => values(text, ["price"])[0].clone(),
        }
    });
    // Only 106 never came.
    assert_eq!(told.collect::<Vec<_>>(), ["101.5", "103.5", "gap", "108.5"]);
}
