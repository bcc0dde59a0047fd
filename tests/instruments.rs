//! What clients are told that there is to trade: all that the exchange lists, with its steps, and
//! on which channels this gateway carries it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tickwire::clock::Clock;
use tickwire::config::Config;
use tickwire::gateway::Gateway;
use tickwire::instrument::ExchangeId;
use tickwire::sim::{Options, Simulator};
use tungstenite::Message;
use tungstenite::stream::MaybeTlsStream;

/// Ends a test that would never end.
const WAIT_MAX: Duration = Duration::from_secs(30);

fn ask(gateway: &Gateway, request: &Value) -> Value {
    let url = format!("ws://{}", gateway.address());
    let (mut socket, _) = tungstenite::connect(url).expect("the gateway serves");
    if let MaybeTlsStream::Plain(stream) = socket.get_mut() {
        stream.set_read_timeout(Some(WAIT_MAX)).expect("a timeout can be set");
    }
    socket.send(Message::text(request.to_string())).expect("sent");
    loop {
        if let Message::Text(text) = socket.read().expect("an answer") {
            return serde_json::from_str(&text).expect("JSON");
        }
    }
}

#[test]
fn everything_that_the_exchange_lists_is_told_with_what_is_carried_first() {
    let clock = Clock::real();
    let options =
        Options { symbols_count: 20, clock: clock.clone(), ..Options::new(ExchangeId::Binance) };
    let simulator = Simulator::start(options).expect("the simulator starts");
    let text = format!(
        "[gateway]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[[feed]]\n\
         exchange = \"binance\"\nsymbols = [\"ETH/USDT\"]\nchannels = [\"trades\"]\n\
         url = \"{}\"\nrest_url = \"{}\"\n",
        simulator.url(),
        simulator.rest_url()
    );
    let config = Config::parse(&text, None, []).expect("a valid configuration");
    let gateway = Gateway::start(&config, clock).expect("the gateway starts");
    let request = json!({"action": "instruments", "exchange": "binance"});
    let end = Instant::now() + WAIT_MAX;
    // The list comes beside the stream; until it is there only what is carried is known.
    let list = loop {
        let answer = ask(&gateway, &request);
        let list = answer["data"]["instruments"].as_array().expect("a list").clone();
        assert_eq!(list[0]["symbol"], "ETH/USDT");
        if list.len() > 1 {
            break list;
        }
        assert!(Instant::now() < end, "the list never came");
    };
    assert_eq!(list.len(), 20);
    assert_eq!(list[0]["channels"], json!(["trades", "candles"]));
    for other in &list[1..] {
        assert_eq!(other["channels"], json!([]), "{other}");
        assert_ne!(other["symbol"], "ETH/USDT", "told once");
    }
    for instrument in &list {
        assert!(instrument["tickSize"].is_number() && instrument["lotSize"].is_number());
    }
    let none = ask(&gateway, &json!({"action": "instruments", "exchange": "binance-futures"}));
    assert_eq!(none["data"]["instruments"], json!([]));
    gateway.stop();
    simulator.stop();
}
