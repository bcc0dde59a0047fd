//! OKX's protocol, limits and manners, and whether its streams agree with each other.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tickwire::clock::ManualClock;
use tickwire::instrument::ExchangeId;
use tickwire::sim::{
    BookSide, CaptureEnd, Era, Fault, Of, Options, Playback, Simulator, Speed, TrueBook,
};

use crate::captures;
use crate::client::{Client, DEADLINE, End, request};
use crate::started::{self, started};

const PUBLIC: &str = "/ws/v5/public";
const BUSINESS: &str = "/ws/v5/business";

fn start(change: impl FnOnce(&mut Options)) -> Simulator {
    started(ExchangeId::Okx, &["BTC-USDT", "BTC-USDT-SWAP"], 500, change)
}

/// On a clock that only the test moves.
fn by_hand(change: impl FnOnce(&mut Options)) -> (Simulator, ManualClock) {
    started::by_hand(|clock| {
        start(|options| {
            options.clock = clock;
            change(options);
        })
    })
}

fn argument(channel: &str, native: &str) -> Value {
    json!({"channel": channel, "instId": native})
}

impl Client {
    fn subscribe(&mut self, id: &str, arguments: &[Value]) {
        self.say(json!({"id": id, "op": "subscribe", "args": arguments}).to_string());
    }

    fn data(&mut self, channel: &str) -> Value {
        self.find(|value| value["arg"]["channel"] == channel && value.get("data").is_some())
    }

    fn event(&mut self, event: &str) -> Value {
        self.find(|value| value["event"] == event)
    }
}

#[test]
fn each_argument_is_acknowledged_and_refusals_only_say_what_they_are_about() {
    let simulator = start(|_| ());
    let mut client = Client::open(&simulator, PUBLIC);
    let arguments = [
        argument("trades", "BTC-USDT"),
        argument("trades", "NOT-THERE"),
        argument("candle1m", "BTC-USDT"),
        argument("books-l2-tbt", "BTC-USDT"),
        json!({"channel": "trades"}),
        argument("bbo-tbt", "BTC-USDT-SWAP"),
    ];
    client.subscribe("1512", &arguments);
    let answers: Vec<Value> = (0..6).map(|_| client.json()).collect();
    let name = answers[0]["connId"].clone();
    assert!(name.as_str().is_some_and(|name| name.len() == 8));
    for (answer, argument) in [(&answers[0], &arguments[0]), (&answers[5], &arguments[5])] {
        let wanted =
            json!({"id": "1512", "event": "subscribe", "arg": argument, "connId": name.clone()});
        assert_eq!(*answer, wanted);
    }
    let codes = ["60018", "60018", "60011", "60013"];
    for (answer, code) in answers[1..5].iter().zip(codes) {
        assert_eq!((&answer["event"], &answer["code"]), (&json!("error"), &json!(code)));
        assert_eq!((&answer["id"], answer.get("arg")), (&json!("1512"), None));
    }
    let words = answers[1]["msg"].as_str().expect("words");
    assert!(words.starts_with("Wrong URL or channel:trades,instId:NOT-THERE doesn't exist."));

    let mut business = Client::open(&simulator, BUSINESS);
    business.subscribe("7", &[argument("candle1m", "BTC-USDT"), argument("books", "BTC-USDT")]);
    assert_eq!(business.event("subscribe")["arg"]["channel"], "candle1m");
    assert_eq!(business.event("error")["code"], "60018");
    assert_eq!(Client::try_open(&simulator, "/ws").err(), Some(404));
}

#[test]
fn funding_marks_interest_and_index_are_told_at_once_and_in_their_rhythm() {
    let (simulator, hand) = by_hand(|_| ());
    let mut client = Client::open(&simulator, PUBLIC);
    let swap = "BTC-USDT-SWAP";
    client.subscribe(
        "1",
        &[
            argument("funding-rate", swap),
            argument("mark-price", swap),
            argument("open-interest", swap),
            argument("index-tickers", "BTC-USDT"),
        ],
    );
    let funding = client.data("funding-rate");
    assert_eq!(funding["arg"], argument("funding-rate", swap));
    let funding = &funding["data"][0];
    let due = id(&funding["fundingTime"]);
    assert_eq!((&funding["instType"], due % (8 * 3_600_000)), (&json!("SWAP"), 0));
    assert_eq!(id(&funding["nextFundingTime"]) - due, 8 * 3_600_000);
    let first = client.data("mark-price")["data"][0]["markPx"].clone();
    let interest = &client.data("open-interest")["data"][0];
    assert!(id(&interest["oi"]) > 0 && interest["oiUsd"].is_string(), "{interest}");
    assert_eq!(client.data("index-tickers")["arg"], argument("index-tickers", "BTC-USDT"));

    // While prices move, marks and index follow; the rest comes by the clock.
    for _ in 0..20 {
        hand.advance(Duration::from_millis(200));
    }
    let moved = client.find(|value| {
        value["arg"]["channel"] == "mark-price" && value["data"][0]["markPx"] != first
    });
    assert_eq!(moved["data"][0]["instId"], swap);
    assert!(client.data("index-tickers")["data"][0]["idxPx"].is_string());
    assert_eq!(client.data("open-interest")["data"][0]["instId"], swap);
    hand.advance(Duration::from_secs(28));
    assert_eq!(client.data("funding-rate")["data"][0]["instId"], swap);

    // Spot has neither, and an index is a pair's.
    for (channel, native) in
        [("funding-rate", "BTC-USDT"), ("open-interest", "BTC-USDT"), ("index-tickers", swap)]
    {
        client.subscribe("2", &[argument(channel, native)]);
        assert_eq!(client.event("error")["code"], "60018", "{channel}");
    }
    client.say(
        json!({"op": "unsubscribe", "args": [argument("index-tickers", "BTC-USDT")]}).to_string(),
    );
    assert_eq!(client.event("unsubscribe")["arg"]["channel"], "index-tickers");
    assert!(simulator.wait_for(DEADLINE, |stats| stats.streams == 3));
}

#[test]
fn what_is_no_request_is_told_so_and_the_connection_stays() {
    let simulator = start(|_| ());
    let mut client = Client::open(&simulator, PUBLIC);
    for (text, code) in [
        ("{", "60012"),
        (r#"{"op":"subscribe"}"#, "60012"),
        (r#"{"op":"shout","args":[]}"#, "60019"),
    ] {
        client.say(text);
        assert_eq!(client.event("error")["code"], code, "{text}");
    }
    client.say("ping");
    assert_eq!(client.text().as_deref(), Ok("pong"));
    client.say(format!("{{\"op\":\"subscribe\",\"args\":[{}]}}", " ".repeat(64 << 10)));
    assert!(matches!(client.end(), End::Closed(1009, _)));
}

#[test]
fn the_same_stream_twice_is_acknowledged_twice_and_sent_once() {
    let simulator = start(|options| options.paused = true);
    let mut client = Client::open(&simulator, PUBLIC);
    let trades = argument("trades", "BTC-USDT");
    client.subscribe("1", &[trades.clone(), trades.clone()]);
    client.subscribe("2", std::slice::from_ref(&trades));
    for id in ["1", "1", "2"] {
        assert_eq!(client.event("subscribe")["id"], id);
    }
    simulator.resume();
    let ids: Vec<u64> = (0..50).map(|_| id(&client.data("trades")["data"][0]["tradeId"])).collect();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
    client.say(json!({"op": "unsubscribe", "args": [trades]}).to_string());
    assert_eq!(client.event("unsubscribe")["arg"]["channel"], "trades");
    assert!(simulator.wait_for(DEADLINE, |stats| stats.streams == 0));
}

#[test]
fn a_connection_without_pushes_and_pings_is_closed() {
    let (simulator, hand) = by_hand(|options| options.paused = true);
    let mut client = Client::open(&simulator, PUBLIC);
    let mut other = Client::open(&simulator, PUBLIC);
    hand.advance(Duration::from_secs(20));
    client.say("ping");
    assert_eq!(client.text().as_deref(), Ok("pong"));
    hand.advance(Duration::from_secs(20));
    assert!(matches!(other.end(), End::Closed(4004, _)));
    client.say("ping");
    assert_eq!(client.text().as_deref(), Ok("pong"));
}

#[test]
fn more_than_480_requests_in_an_hour_are_refused() {
    let (simulator, hand) = by_hand(|options| options.paused = true);
    let mut client = Client::open(&simulator, PUBLIC);
    let arguments = [argument("tickers", "BTC-USDT")];
    for _ in 0..480 {
        client.subscribe("1", &arguments);
        client.event("subscribe");
    }
    client.subscribe("2", &arguments);
    assert_eq!(client.event("error")["code"], "60014");
    for _ in 0..160 {
        hand.advance(Duration::from_secs(25));
        client.say("ping");
        while client.text().as_deref() != Ok("pong") {}
    }
    client.subscribe("3", &arguments);
    assert_eq!(client.event("subscribe")["id"], "3");
}

#[test]
fn an_upgrade_is_announced_and_then_ends_the_connection() {
    let simulator = start(|_| ());
    let mut client = Client::open(&simulator, PUBLIC);
    client.subscribe("1", &[argument("trades", "BTC-USDT")]);
    client.data("trades");
    simulator.inject(Fault::Shutdown { after: Duration::from_millis(50) });
    assert_eq!(client.event("notice")["code"], "64008");
    assert_eq!(client.end(), End::Gone);
}

#[test]
fn the_list_of_instruments_is_told_by_class() {
    let simulator = start(|_| ());
    for (class, native, settle) in [("SPOT", "BTC-USDT", ""), ("SWAP", "BTC-USDT-SWAP", "USDT")] {
        let target = format!("/api/v5/public/instruments?instType={class}");
        let (status, _, body) = request(&simulator, &target);
        assert_eq!((status, &body["code"]), (200, &json!("0")));
        let list = body["data"].as_array().expect("a list");
        assert_eq!(list.len(), 1);
        assert_eq!((&list[0]["instId"], &list[0]["settleCcy"]), (&json!(native), &json!(settle)));
        assert_eq!(list[0]["state"], "live");
    }
    assert_eq!(request(&simulator, "/api/v5/public/instruments").2["code"], "51000");
    assert_eq!(request(&simulator, "/api/v5/public/time").0, 200);
    assert_eq!(request(&simulator, "/api/v5/market/books").2["code"], "50014");
    assert_eq!(request(&simulator, "/api/v5/market/books?instId=NO-ONE").2["code"], "51001");
    assert_eq!(request(&simulator, "/api/v5/market/nothing").0, 404);
    simulator.inject(Fault::RestRefuse { status: 429, count: 1 });
    let (status, _, body) = request(&simulator, "/api/v5/public/time");
    assert_eq!((status, &body["code"]), (429, &json!("50011")));
    assert_eq!(request(&simulator, "/api/v5/public/time").0, 200);
}

fn id(text: &Value) -> u64 {
    text.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{text}"))
}

/// A text such as `63540.1` in units of 10⁻⁸.
fn units(text: &str) -> u128 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{part:0<8}").parse().unwrap_or_else(|_| panic!("{text}"))
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} in {value}"))
}

/// A book as a client keeps it.
#[derive(Default)]
struct Book {
    bids: BTreeMap<u128, (String, String)>,
    asks: BTreeMap<u128, (String, String)>,
    sequence: i64,
}

impl Book {
    /// Applies a frame whose numbers follow.
    fn apply(&mut self, frame: &Value) {
        let event = &frame["data"][0];
        let (previous, sequence) = (&event["prevSeqId"], &event["seqId"]);
        if frame["action"] == "snapshot" {
            *self = Self::default();
            assert_eq!(*previous, json!(-1));
        } else {
            assert_eq!(*previous, json!(self.sequence), "{frame}");
        }
        self.sequence = sequence.as_i64().expect("a number");
        self.merge(event);
    }

    fn merge(&mut self, event: &Value) {
        for (side, key) in [(&mut self.bids, "bids"), (&mut self.asks, "asks")] {
            for level in event[key].as_array().expect("levels") {
                let [price, size] = [0, 1].map(|index| level[index].as_str().expect("a text"));
                match size {
                    "0" => _ = side.remove(&units(price)),
                    _ => _ = side.insert(units(price), (price.to_owned(), size.to_owned())),
                }
            }
        }
    }

    fn sides(&self) -> [Vec<(String, String)>; 2] {
        [self.bids.values().rev().cloned().collect(), self.asks.values().cloned().collect()]
    }

    /// By the exchange's algorithm, over text as received.
    fn checksum(&self) -> i64 {
        let [bids, asks] = self.sides();
        let mut parts = Vec::new();
        for index in 0..25 {
            for (price, size) in [bids.get(index), asks.get(index)].into_iter().flatten() {
                parts.push(format!("{price}:{size}"));
            }
        }
        crc32fast::hash(parts.join(":").as_bytes()).cast_signed().into()
    }
}

fn assert_is(book: &Book, truth: TrueBook) {
    assert_eq!(book.sides(), [truth.bids, truth.asks]);
}

/// Follows a book until `frames` frames came and the market, then paused, has told all.
fn follow(simulator: &Simulator, client: &mut Client, frames: usize, native: &str) -> Book {
    let mut book = Book::default();
    for _ in 0..frames {
        book.apply(&client.data("books"));
    }
    simulator.pause();
    loop {
        let truth = simulator.book(native).expect("it is listed");
        if truth.update_id as i64 == book.sequence {
            assert_is(&book, truth);
            return book;
        }
        book.apply(&client.data("books"));
    }
}

#[test]
fn a_book_is_the_markets_from_its_snapshot_on_for_whoever_joins() {
    let simulator = start(|options| options.rate = 2_000);
    let mut early = Client::open(&simulator, PUBLIC);
    early.subscribe("1", &[argument("books", "BTC-USDT")]);
    let first = early.data("books");
    assert_eq!((&first["action"], &first["data"][0]["checksum"]), (&json!("snapshot"), &json!(0)));
    let mut book = Book::default();
    book.apply(&first);
    book.apply(&early.data("books"));
    // Another joins in the middle: its snapshot is a book that the first one has too.
    let mut late = Client::open(&simulator, PUBLIC);
    late.subscribe("1", &[argument("books", "BTC-USDT")]);
    let snapshot = late.data("books");
    let mut joined = Book::default();
    joined.apply(&snapshot);
    while book.sequence != joined.sequence {
        book.apply(&early.data("books"));
    }
    assert_eq!(book.sides(), joined.sides());
    for _ in 0..5 {
        joined.apply(&late.data("books"));
    }
}

#[test]
fn the_numbering_may_begin_anew_and_the_chain_holds() {
    let simulator = start(|options| options.rate = 2_000);
    let mut client = Client::open(&simulator, PUBLIC);
    client.subscribe("1", &[argument("books", "BTC-USDT")]);
    let mut book = Book::default();
    book.apply(&client.data("books"));
    let before = book.sequence;
    let symbol = Some("BTC-USDT".to_owned());
    simulator.inject(Fault::SequenceReset { of: Of::Depth, symbol });
    while book.sequence >= before {
        book.apply(&client.data("books"));
    }
    assert_eq!(book.sequence, 3);
    for _ in 0..3 {
        book.apply(&client.data("books"));
    }
    simulator.pause();
    loop {
        let truth = simulator.book("BTC-USDT").expect("it is listed");
        if truth.update_id as i64 == book.sequence {
            return assert_is(&book, truth);
        }
        book.apply(&client.data("books"));
    }
}

#[test]
fn a_quiet_book_says_so_once_a_minute() {
    let (simulator, hand) = by_hand(|options| options.paused = true);
    let mut client = Client::open(&simulator, PUBLIC);
    client.subscribe("1", &[argument("books", "BTC-USDT")]);
    let snapshot = client.data("books");
    for _ in 0..2 {
        hand.advance(Duration::from_secs(20));
        client.say("ping");
        assert_eq!(client.text().as_deref(), Ok("pong"));
    }
    hand.advance(Duration::from_secs(21));
    let idle = client.data("books");
    assert_eq!(idle["action"], "update");
    let event = &idle["data"][0];
    assert_eq!((&event["asks"], &event["bids"]), (&json!([]), &json!([])));
    assert_eq!(event["seqId"], snapshot["data"][0]["seqId"]);
    assert_eq!(event["prevSeqId"], event["seqId"]);
}

#[test]
fn checksums_are_live_in_their_time_and_wrong_where_asked_for() {
    for era in [Era::Checksums, Era::Early] {
        let simulator = start(|options| (options.era, options.rate) = (era, 2_000));
        let mut client = Client::open(&simulator, PUBLIC);
        client.subscribe("1", &[argument("books", "BTC-USDT-SWAP")]);
        let ack = client.event("subscribe");
        assert_eq!(ack.get("connId").is_some(), era == Era::Checksums);
        let mut book = Book::default();
        let mut next = |client: &mut Client| {
            let frame = client.data("books");
            let event = &frame["data"][0];
            assert_eq!(event.get("seqId").is_some(), era == Era::Checksums);
            if frame["action"] == "snapshot" {
                book = Book::default();
            }
            book.merge(event);
            (event["checksum"].as_i64().expect("a number"), book.checksum())
        };
        for _ in 0..10 {
            let (sent, own) = next(&mut client);
            assert_eq!(sent, own);
        }
        simulator.inject(Fault::WrongChecksum { symbol: None, count: 1 });
        let wrong = (0..50).filter(|_| {
            let (sent, own) = next(&mut client);
            sent != own
        });
        assert_eq!(wrong.count(), 1);
    }
}

#[test]
fn the_streams_agree_with_each_other_and_with_the_truth() {
    let simulator = start(|options| (options.rate, options.paused) = (2_000, true));
    let native = "BTC-USDT-SWAP";
    let mut client = Client::open(&simulator, PUBLIC);
    let channels = ["trades", "bbo-tbt", "books", "books5", "tickers"];
    client.subscribe("1", &channels.map(|channel| argument(channel, native)));
    assert!(simulator.wait_for(DEADLINE, |stats| stats.streams == channels.len() as u64));
    simulator.resume();
    let mut trades: BTreeMap<u64, (String, String, BookSide)> = BTreeMap::new();
    let (mut book, mut counted, mut seen) = (Book::default(), 0, BTreeMap::new());
    while trades.len() < 1_000 || seen.len() < channels.len() {
        let frame = client.find(|value| value.get("data").is_some());
        let (channel, event) = (text(&frame["arg"], "channel"), &frame["data"][0]);
        *seen.entry(channel.to_owned()).or_insert(0) += 1;
        match channel {
            "trades" => {
                let (last, count) = (id(&event["tradeId"]), id(&event["count"]));
                let before = trades.last_key_value().map(|(id, _)| *id);
                assert!(before.is_none_or(|before| before + count == last));
                counted += u64::from(count > 1);
                let taker = match text(event, "side") {
                    "buy" => BookSide::Bid,
                    _ => BookSide::Ask,
                };
                let trade = (text(event, "px").to_owned(), text(event, "sz").to_owned(), taker);
                trades.insert(last, trade);
            }
            "books" => book.apply(&frame),
            // Sent behind the book of the same instant.
            "books5" if event["seqId"].as_i64() == Some(book.sequence) => {
                let levels = |key: &str| -> Vec<(String, String)> {
                    let levels = event[key].as_array().expect("levels").iter();
                    levels
                        .map(|level| {
                            let part = |index: usize| level[index].as_str().expect("text");
                            (part(0).to_owned(), part(1).to_owned())
                        })
                        .collect()
                };
                let [bids, asks] = book.sides();
                assert_eq!((&levels("bids")[..], &levels("asks")[..]), (&bids[..5], &asks[..5]));
            }
            "bbo-tbt" => {
                let best = |key: &str| units(event[key][0][0].as_str().expect("a price"));
                assert!(best("bids") < best("asks"));
            }
            "tickers" if !trades.is_empty() => {
                let (contracts, coins) = (text(event, "vol24h"), text(event, "volCcy24h"));
                assert_eq!(units(contracts), units(coins) * 10);
            }
            _ => {}
        }
    }
    assert!(counted > 0, "some orders met two makers");
    let truth = simulator.truth().trades(native);
    let known = truth.into_iter().filter(|trade| trades.contains_key(&trade.id));
    let told: BTreeMap<_, _> =
        known.map(|trade| (trade.id, (trade.price, trade.size, trade.taker))).collect();
    assert_eq!(told, trades);
    drop(follow(&simulator, &mut resubscribed(&simulator, native), 3, native));
}

fn resubscribed(simulator: &Simulator, native: &str) -> Client {
    let mut client = Client::open(simulator, PUBLIC);
    client.subscribe("1", &[argument("books", native)]);
    client
}

#[test]
fn candles_are_the_sums_of_their_trades() {
    let simulator = start(|options| (options.rate, options.paused) = (500, true));
    let mut client = Client::open(&simulator, BUSINESS);
    client.subscribe("1", &["trades-all", "candle1s"].map(|name| argument(name, "BTC-USDT")));
    assert!(simulator.wait_for(DEADLINE, |stats| stats.streams == 2));
    simulator.resume();
    let mut volumes: BTreeMap<i64, u128> = BTreeMap::new();
    let mut closed = 0;
    while closed < 2 {
        let frame = client.find(|value| value.get("data").is_some());
        let event = &frame["data"][0];
        if frame["arg"]["channel"] == "trades-all" {
            assert!(event.get("count").is_none());
            let second = id(&event["ts"]) as i64 / 1_000 * 1_000;
            *volumes.entry(second).or_default() += units(text(event, "sz"));
        } else if event[8] == "1" {
            let open_ms = id(&event[0]) as i64;
            assert_eq!(units(event[5].as_str().expect("a volume")), volumes[&open_ms]);
            closed += 1;
        }
    }
}

#[test]
fn the_last_trade_is_told_on_subscription_however_old() {
    let simulator = start(|_| ());
    let mut first = Client::open(&simulator, PUBLIC);
    first.subscribe("1", &[argument("trades", "BTC-USDT")]);
    first.data("trades");
    simulator.pause();
    let mut second = Client::open(&simulator, PUBLIC);
    second.subscribe("1", &[argument("trades", "BTC-USDT")]);
    let told = second.data("trades");
    let truth = simulator.truth().trades("BTC-USDT");
    let last = truth.last().expect("a trade was printed");
    assert_eq!(id(&told["data"][0]["tradeId"]), last.id);
}

#[test]
fn acknowledged_subscriptions_stay_mute_where_asked_for() {
    let simulator = start(|options| options.rate = 2_000);
    simulator.inject(Fault::AckMute { count: 1 });
    let mut client = Client::open(&simulator, PUBLIC);
    client.subscribe("1", &[argument("trades", "BTC-USDT")]);
    client.event("subscribe");
    client.say("ping");
    assert_eq!(client.text().as_deref(), Ok("pong"));
    assert_eq!(simulator.stats().streams, 0);
    client.subscribe("2", &[argument("trades", "BTC-USDT")]);
    client.data("trades");
}

#[test]
fn a_recorded_session_is_played_to_those_who_want_it() {
    for capture in captures::files("okx-v5-multi") {
        let frames = captures::received(&capture);
        let playback = |everything| Playback {
            capture: capture.clone(),
            rest: Vec::new(),
            speed: Speed::Max,
            end: CaptureEnd::Close,
            everything,
        };
        let simulator = |everything| {
            let mut options = Options::new(ExchangeId::Okx);
            (options.playback, options.era) = (Some(playback(everything)), Era::Early);
            Simulator::start(options).expect("it starts")
        };
        let read = |simulator: &Simulator, arguments: &[Value]| {
            let mut client = Client::open(simulator, PUBLIC);
            client.subscribe("1", arguments);
            for _ in arguments {
                client.event("subscribe");
            }
            let mut texts = Vec::new();
            while let Ok(text) = client.text() {
                texts.push(text);
            }
            texts
        };
        let all = simulator(true);
        assert_eq!(read(&all, &[argument("trades", "BTC-USDT")]), frames);
        let (_, _, body) = request(&all, "/api/v5/public/instruments?instType=FUTURES");
        assert_eq!(body["data"][0]["instId"], "BTC-USD-220527");
        let own = simulator(false);
        let wanted: Vec<&String> = frames
            .iter()
            .filter(|frame| frame.starts_with(r#"{"arg":{"channel":"books","instId":"UNI-USD"#))
            .collect();
        let read = read(&own, &[argument("books", "UNI-USD-SWAP")]);
        assert_eq!(read.iter().collect::<Vec<_>>(), wanted);
    }
}

#[test]
fn a_seed_repeats_every_frame() {
    let frames = |seed: u64| -> Vec<String> {
        let (simulator, hand) = by_hand(|options| options.seed = seed);
        let mut client = Client::open(&simulator, PUBLIC);
        let channels = ["trades", "bbo-tbt", "books", "books5", "tickers"];
        client.subscribe("1", &channels.map(|channel| argument(channel, "BTC-USDT")));
        assert!(simulator.wait_for(DEADLINE, |stats| stats.streams == 5));
        hand.advance(Duration::from_secs(3));
        (0..600).map(|_| client.text().expect("data")).collect()
    };
    let first = frames(5);
    assert_eq!(first, frames(5));
    assert_ne!(first, frames(6));
}
