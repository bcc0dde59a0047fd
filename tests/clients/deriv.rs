//! Deriv, which ccxt does not know, by its own python-deriv-api.

use serde_json::{Value, json};
use tickwire::clock::Clock;
use tickwire::instrument::ExchangeId;
use tickwire::sim::{Options, Simulator};

use crate::bridge::Client;
use crate::right::{self, Trade, is, number};

const SYMBOLS: [&str; 2] = ["1HZ100V", "frxEURUSD"];

/// Ticks that are compared, at least.
const TICKS_MIN: usize = 3;

/// The ticks of an instrument, which are numbered by their seconds.
fn ticks(simulator: &Simulator, clock: &Clock, symbol: &str) -> Vec<Trade> {
    let all = right::trades(&simulator.truth().trades(symbol), clock);
    all.into_iter().map(|tick| Trade { at_ms: tick.id as i64 * 1_000, ..tick }).collect()
}

/// Price and second, each where `keys` say.
fn is_tick(right: &Trade, price: &Value, epoch: &Value) -> bool {
    is(price, number(&right.price)) && *epoch == right.id
}

fn compare_bar(bar: &Value, ticks: &[Trade]) {
    let candles = right::candles(ticks);
    let own = candles.iter().find(|it| bar["epoch"] == it.start_ms / 1_000);
    let own = own.unwrap_or_else(|| panic!("nothing was quoted in {bar}"));
    for (key, right) in ["open", "high", "low", "close"].into_iter().zip(own.prices) {
        assert!(is(&bar[key], right), "{key}: {bar} for {own:?}");
    }
}

#[test]
fn ticks_and_candles() {
    let symbols = SYMBOLS.map(str::to_owned).to_vec();
    let options = Options { symbols, ..Options::new(ExchangeId::Deriv) };
    let clock = options.clock.clone();
    let simulator = Simulator::start(options).expect("it starts");
    let config = json!({"endpoint": simulator.url(), "app_id": 1089});
    let Some(mut client) = Client::start("deriv", &config) else { return };
    for (method, request) in [
        ("ping", json!({"ping": 1})),
        ("time", json!({"time": 1})),
        ("website_status", json!({"website_status": 1})),
        ("asset_index", json!({"asset_index": 1})),
        ("trading_times", json!({"trading_times": "today"})),
        ("contracts_for", json!({"contracts_for": SYMBOLS[0]})),
        ("payout_currencies", json!({"payout_currencies": 1})),
    ] {
        let answer = client.call(method, json!([request]));
        assert!(!answer[method].is_null(), "{answer}");
    }
    let list = client.call("active_symbols", json!([{"active_symbols": "brief"}]));
    for symbol in SYMBOLS {
        let list = list["active_symbols"].as_array().expect("a list");
        assert!(list.iter().any(|it| it["symbol"] == symbol && it["exchange_is_open"] == 1));
        client.call("subscribe", json!([symbol, {"ticks": symbol}]));
    }
    for symbol in SYMBOLS {
        let missing = |heard: &Value| {
            let count = heard.as_array().map_or(0, Vec::len);
            (count < TICKS_MIN).then(|| format!("{count} ticks"))
        };
        client.until(&["heard", symbol], missing);
    }
    simulator.pause();
    for symbol in SYMBOLS {
        let ticks = ticks(&simulator, &clock, symbol);
        for heard in client.read(&["heard", symbol]).as_array().expect("a list") {
            let heard = &heard["tick"];
            let is_own = |tick: &Trade| is_tick(tick, &heard["quote"], &heard["epoch"]);
            assert!(ticks.iter().any(is_own), "{heard} was never quoted");
        }
        let request = json!({"ticks_history": symbol, "end": "latest", "count": TICKS_MIN});
        let past = client.call("ticks_history", json!([request]))["history"].take();
        let last = &ticks[ticks.len() - TICKS_MIN..];
        for (index, tick) in last.iter().enumerate() {
            assert!(is_tick(tick, &past["prices"][index], &past["times"][index]), "{past}");
        }
        let request = json!({
            "ticks_history": symbol, "end": "latest", "count": 2, "style": "candles",
            "granularity": 60,
        });
        let bars = client.call("ticks_history", json!([request]))["candles"].take();
        bars.as_array().expect("a list").iter().for_each(|bar| compare_bar(bar, &ticks));
    }
}
