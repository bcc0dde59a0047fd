//! An exchange without trades and books, from its simulator to clients of both dialects.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod floor;

use floor::Client;
use serde_json::{Value, json};
use tickwire::clock::Clock;
use tickwire::config::Config;
use tickwire::gateway::Gateway;
use tickwire::instrument::ExchangeId;
use tickwire::sim::{Options, Simulator};

/// More events than this bring at least two of each kind.
const EVENTS_MAX: u32 = 500;

fn start(url: &str) -> Gateway {
    let text = format!(
        "[gateway]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n\
         [[feed]]\nexchange = \"deriv\"\nsymbols = [\"1HZ100V\", \"R_100\", \"EUR/USD\"]\n\
         url = \"{url}\"\n"
    );
    let config = Config::parse(&text, None, []).unwrap();
    Gateway::start(&config, Clock::real()).unwrap()
}

fn simulator() -> Simulator {
    let symbols = ["1HZ100V", "R_100", "frxEURUSD"].map(str::to_owned).to_vec();
    Simulator::start(Options { symbols, ..Options::new(ExchangeId::Deriv) }).unwrap()
}

fn price(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn followers_get_the_official_price_and_subscribers_quotes_tickers_and_candles() {
    let simulator = simulator();
    // Either socket does; the address tells which.
    for path in ["", "/websockets/v3?app_id=77", "/trading/v1/options/ws/public"] {
        let gateway = start(&format!("{}{path}", simulator.url()));
        let mut client = Client::connect(gateway.address());
        client.subscribe(&["1HZ100V", "EUR/USD"], &["quotes", "ticker", "candles"]);
        let params = json!({"assets": ["1HZ100V"], "interval": "1m"});
        let follow =
            json!({"type": "command", "command": "follow", "params": params, "requestId": 1});
        client.say(&follow);
        let (mut ticks, mut quotes, mut tickers, mut candles, mut updates) = (0, 0, 0, 0, 0);
        let mut events = 0;
        while ticks.min(quotes).min(tickers).min(candles).min(updates) < 2 {
            let event = client.next();
            events += 1;
            let seen = (ticks, quotes, tickers, candles, updates);
            assert!(events < EVENTS_MAX, "{path:?}: {seen:?} of {events} events: {event}");
            let data = &event["data"];
            match event["type"].as_str().unwrap() {
                "tick" => {
                    assert_eq!(data["asset"], "1HZ100V");
                    let truth = simulator.truth().trades("1HZ100V");
                    let told = truth.iter().any(|tick| price(&tick.price) == data["price"]);
                    assert!(told, "{event}");
                    ticks += 1;
                }
                "quote" => {
                    assert!(data["bid"].is_number() && data["ask"].is_number(), "{event}");
                    assert!(data.get("bidSize").is_none_or(Value::is_null), "{event}");
                    quotes += 1;
                }
                "ticker" => {
                    assert!(data["last"].is_number() && data["exchange"] == "deriv", "{event}");
                    tickers += 1;
                }
                "candle" => {
                    assert_eq!(data["interval"], "1m");
                    candles += 1;
                }
                "candle_update" => updates += 1,
                "response" => assert_eq!(event["success"], true, "{event}"),
                "candle_closed" | "success" => {}
                other => panic!("{other}: {event}"),
            }
        }
        let history = json!({"type": "command", "command": "history",
            "params": {"asset": "1HZ100V"}, "requestId": 2});
        client.say(&history);
        let past = client.next_of("historical_data");
        assert!(past["data"]["ticks"].as_array().unwrap().len() >= 2, "{past}");
        let unfollow = json!({"type": "command", "command": "unfollow",
            "params": {"assets": ["1HZ100V"]}, "requestId": 3});
        client.say(&unfollow);
        assert_eq!(client.next_of("response")["data"]["following"], json!([]));
        client.say(&json!({"action": "instruments", "exchange": "deriv"}));
        let list = client.next_of("instruments");
        let own = |entry: &&Value| entry["symbol"] == "EUR/USD";
        let entry = list["data"]["instruments"].as_array().unwrap().iter().find(own);
        let entry = entry.unwrap_or_else(|| panic!("{list}"));
        assert_eq!(entry["channels"], json!(["quotes", "ticker", "candles"]));
        assert_eq!(entry["tickSize"], price("0.00001"), "{entry}");
        gateway.stop();
    }
}
