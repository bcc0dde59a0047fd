//! The two ends of a load: the exchange that sends it and the clients that want it.

use std::net::SocketAddr;

use super::print::Speech;
use super::swarm::SwarmOptions;
use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::instrument::ExchangeId;
use crate::net::Waiting;
use crate::sim::{self, SimError, Simulator};

/// Seconds of trades that the simulator remembers: what was read is joined several times a second.
const REMEMBERED_SECONDS: usize = 20;

/// The embedded exchange for a load of `rate` trades a second over `symbols` instruments. Its
/// market stands still until it is resumed.
///
/// # Errors
/// When it cannot listen.
pub fn exchange(rate: u32, symbols: usize, clock: &Clock) -> Result<Simulator, SimError> {
    let mut options = sim::Options::new(ExchangeId::Binance);
    options.symbols_count = symbols;
    options.rate = rate;
    options.paused = true;
    options.truth_trades = (rate as usize * REMEMBERED_SECONDS).div_ceil(symbols) + 1_000;
    options.clock = clock.clone();
    Simulator::start(options)
}

/// What may wait for a client. The clients share the machine's cores with everything else here; one
/// that does not get a core for half a second is not slow by its own fault, and must not be closed.
const CLIENT_QUEUE_BYTES: usize = 64 << 20;

/// Quote assets of the simulated market, longest first.
const QUOTES: [&str; 6] = ["USDT", "USDC", "BTC", "ETH", "TRY", "ARS"];

/// `BTCUSDT` as clients spell it.
pub fn canonical(native: &str) -> String {
    let split = |quote: &&str| native.strip_suffix(*quote).map(|base| format!("{base}/{quote}"));
    QUOTES.iter().find_map(split).unwrap_or_else(|| native.to_owned())
}

/// The configuration of a gateway that has only `exchange` behind it.
///
/// # Errors
/// When the waiting mode and the machine do not fit together.
pub fn config(exchange: &Simulator, waiting: Waiting) -> Result<Config, ConfigError> {
    let natives = exchange.truth().symbols();
    let symbols: Vec<String> =
        natives.iter().map(|native| format!("\"{}\"", canonical(native))).collect();
    let text = format!(
        "[gateway]\nlisten = \"127.0.0.1:0\"\nmax_clients_per_ip = 10000\n\
         client_queue_bytes = {CLIENT_QUEUE_BYTES}\npoll = \"{waiting}\"\n\
         [admin]\nlisten = \"127.0.0.1:0\"\n\
         [[feed]]\nexchange = \"binance\"\nchannels = [\"trades\"]\npoll = \"{waiting}\"\n\
         url = \"{}\"\nrest_url = \"{}\"\nsymbols = [{}]\n",
        exchange.url(),
        exchange.rest_url(),
        symbols.join(", "),
        waiting = waiting.name(),
    );
    Config::parse(&text, None, [])
}

/// Clients of the gateway at `address` that each want every trade.
pub fn clients(
    address: SocketAddr,
    natives: &[String],
    count: usize,
    clock: &Clock,
) -> SwarmOptions {
    let subscribe = r#"{"action":"subscribe","symbols":["*"],"channels":["trades"]}"#;
    SwarmOptions {
        address,
        path: "/ws".to_owned(),
        hello: vec![subscribe.to_owned()],
        speech: Speech::Actions,
        clients: count,
        symbols: natives.iter().map(|native| canonical(native)).collect(),
        waiting: Waiting::Block,
        clock: clock.clone(),
    }
}
