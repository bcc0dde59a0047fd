//! Deriv: calls and their answers, streams, limits, and closed markets.

use serde_json::{Value, json};
use tickwire::instrument::ExchangeId;
use tickwire::sim::{Fault, Options, Simulator};

use crate::client::Client;

const LEGACY: &str = "/websockets/v3?app_id=1089";
const OPTIONS: &str = "/trading/v1/options/ws/public";

fn start(change: impl FnOnce(&mut Options)) -> Simulator {
    let symbols = ["R_100", "1HZ100V", "frxEURUSD", "OTC_NDX"].map(str::to_owned).to_vec();
    let mut options = Options { symbols, ..Options::new(ExchangeId::Deriv) };
    change(&mut options);
    Simulator::start(options).expect("it starts")
}

impl Client {
    /// Calls and returns the first frame that answers it.
    fn call(&mut self, mut call: Value, id: u64) -> Value {
        call["req_id"] = json!(id);
        self.say(call.to_string());
        self.find(|value| value["req_id"] == id)
    }
}

#[test]
fn the_path_and_the_application_are_checked_in_the_handshake() {
    let simulator = start(|_| ());
    for (path, status) in [
        ("/websockets/v3", 401),
        ("/websockets/v3?app_id=abc", 401),
        ("/trading/v1/options/ws/demo", 401),
        ("/websockets/v4?app_id=1", 404),
    ] {
        assert_eq!(Client::try_open(&simulator, path).err(), Some(status), "{path}");
    }
    Client::open(&simulator, LEGACY);
    Client::open(&simulator, OPTIONS);
}

#[test]
fn the_answer_to_a_subscription_is_its_first_tick_and_the_next_follow() {
    let simulator = start(|_| ());
    let mut client = Client::open(&simulator, LEGACY);
    let first = client.call(json!({"ticks": "1HZ100V", "subscribe": 1}), 7);
    assert_eq!(first["msg_type"], "tick");
    assert_eq!(first["echo_req"], json!({"ticks": "1HZ100V", "subscribe": 1, "req_id": 7}));
    let id = &first["subscription"]["id"];
    assert_eq!(&first["tick"]["id"], id);
    assert_eq!(id.as_str().map(str::len), Some(36));
    assert_eq!(first["tick"]["pip_size"], 2);
    let price = |tick: &Value, key: &str| tick["tick"][key].as_f64().expect("a number");
    assert!(price(&first, "bid") <= price(&first, "quote"));
    assert!(price(&first, "quote") <= price(&first, "ask"));
    let epoch = |tick: &Value| tick["tick"]["epoch"].as_u64().expect("seconds");
    let second = client.json();
    let third = client.json();
    assert!(epoch(&first) < epoch(&second) && epoch(&second) < epoch(&third));
    assert_eq!((&second["req_id"], &second["subscription"]["id"]), (&json!(7), id));

    let again = client.call(json!({"ticks": "1HZ100V", "subscribe": 1}), 8);
    assert_eq!(again["error"]["code"], "AlreadySubscribed");
    let forgotten = client.call(json!({"forget": id}), 9);
    assert_eq!(forgotten["forget"], 1);
    assert_eq!(client.call(json!({"forget": id}), 10)["forget"], 0);
    assert_eq!(client.call(json!({"ping": 1}), 11)["ping"], "pong");
}

#[test]
fn numbers_of_ticks_have_no_zeros_at_their_end_and_live_bars_have_all_digits() {
    let simulator = start(|_| ());
    let mut client = Client::open(&simulator, LEGACY);
    client.say(r#"{"ticks":["R_100","1HZ100V","nonsense"],"subscribe":1,"req_id":1}"#);
    let call = concat!(
        r#"{"ticks_history":"1HZ100V","end":"latest","count":5,"style":"candles","#,
        r#""granularity":60,"subscribe":1,"req_id":2}"#
    );
    client.say(call);
    let (mut ticks, mut bars, mut refused, mut past) = (0, 0, 0, 0);
    while ticks < 4 || bars < 2 || refused < 1 || past < 1 {
        let text = client.text().expect("the connection stays");
        let value: Value = serde_json::from_str(&text).expect("JSON");
        match value["msg_type"].as_str() {
            _ if !value["error"].is_null() => {
                assert_eq!(value["error"]["code"], "InvalidSymbol");
                refused += 1;
            }
            Some("tick") => {
                let quote = text.split("\"quote\":").nth(1).expect("a quote");
                let quote = quote.split(',').next().expect("it ends");
                assert!(!quote.contains('.') || !quote.ends_with('0'), "{quote}");
                ticks += 1;
            }
            Some("ohlc") => {
                let close = value["ohlc"]["close"].as_str().expect("a string");
                assert_eq!(close.split_once('.').map(|(_, digits)| digits.len()), Some(2));
                let opened = value["ohlc"]["open_time"].as_u64().expect("seconds");
                assert_eq!(opened % 60, 0);
                bars += 1;
            }
            Some("candles") => {
                assert!(value["candles"][0]["close"].is_number());
                assert_eq!(value["pip_size"], 2);
                past += 1;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_newer_dialect_has_other_names_and_repeats_less() {
    let simulator = start(|_| ());
    let mut client = Client::open(&simulator, OPTIONS);
    let list = client.call(json!({"active_symbols": "brief"}), 1);
    let entry = &list["active_symbols"][0];
    assert_eq!((&entry["underlying_symbol"], &entry["pip_size"]), (&json!("R_100"), &json!(0.01)));
    let first = client.call(json!({"ticks": "1HZ100V", "subscribe": 1}), 2);
    assert!(first["echo_req"].is_object() && first["tick"].get("pip_size").is_none());
    let second = client.json();
    assert_eq!((&second["msg_type"], &second["req_id"]), (&json!("tick"), &json!(2)));
    assert!(second.get("echo_req").is_none());
    let refused = client.call(json!({"website_status": 1}), 3);
    assert_eq!(refused["error"]["code"], "UnrecognisedRequest");
    // Indices are shown without the prices at which one may deal.
    let index = client.call(json!({"ticks": "OTC_NDX"}), 4);
    assert!(index["tick"].get("bid").is_none() && index.get("subscription").is_none());
}

#[test]
fn wrong_calls_are_refused_one_by_one() {
    let simulator = start(|_| ());
    let mut client = Client::open(&simulator, LEGACY);
    for (call, code) in [
        (json!({"ticks": 5}), "InputValidationFailed"),
        (json!({"ticks": "R_100", "subscribe": 2}), "InputValidationFailed"),
        (json!({"ticks_history": "R_100"}), "InputValidationFailed"),
        (
            json!({"ticks_history": "R_100", "end": "latest", "style": "candles", "granularity": 7}),
            "InputValidationFailed",
        ),
        (json!({"balance": 1}), "AuthorizationRequired"),
        (json!({"nonsense": 1}), "UnrecognisedRequest"),
    ] {
        assert_eq!(client.call(call.clone(), 1)["error"]["code"], code, "{call}");
    }
    client.say(r#"{"ping":1,"req_id":"a"}"#);
    assert_eq!(client.json()["error"]["code"], "InputValidationFailed");
    let masked = client.call(json!({"authorize": "secret"}), 2);
    assert_eq!(masked["echo_req"]["authorize"], "<not shown>");
}

#[test]
fn calls_beyond_the_limit_of_a_minute_are_refused_and_the_connection_stays() {
    let simulator = start(|_| ());
    let mut client = Client::open(&simulator, LEGACY);
    for number in 0..181 {
        client.say(format!(r#"{{"forget":"x","req_id":{number}}}"#));
    }
    let last = client.find(|value| value["req_id"] == 180);
    assert_eq!(last["error"]["code"], "RateLimit");
    assert_eq!(client.call(json!({"ping": 1}), 200)["ping"], "pong");
}

#[test]
fn a_closed_market_says_so_and_is_silent() {
    let simulator = start(|_| ());
    let mut client = Client::open(&simulator, LEGACY);
    let lasts = std::time::Duration::from_secs(60);
    simulator.inject(Fault::MarketClosed { symbol: Some("frxEURUSD".to_owned()), lasts });
    assert!(simulator.wait_for(crate::client::DEADLINE, |stats| stats.faults == 1));
    let mut tries = 1..1_000;
    let refused = loop {
        // The fault strikes in the simulator's next turn.
        let number = tries.next().expect("the market closes");
        let answer = client.call(json!({"ticks": "frxEURUSD"}), number);
        if !answer["error"].is_null() {
            break answer;
        }
    };
    assert_eq!(refused["error"]["code"], "MarketIsClosed");
    let list = client.call(json!({"active_symbols": "brief", "product_type": "basic"}), 5_000);
    let open = |index: usize| list["active_symbols"][index]["exchange_is_open"].clone();
    assert_eq!((open(0), open(2)), (json!(1), json!(0)));
}

#[test]
fn the_site_tells_that_it_will_close_connections() {
    let simulator = start(|_| ());
    let mut client = Client::open(&simulator, LEGACY);
    let up = client.call(json!({"website_status": 1, "subscribe": 1}), 1);
    assert_eq!(up["website_status"]["site_status"], "up");
    simulator.inject(Fault::Shutdown { after: std::time::Duration::from_millis(50) });
    let updating = client.json();
    assert_eq!(updating["website_status"]["site_status"], "updating");
    assert_eq!(client.end(), crate::client::End::Gone);
}
