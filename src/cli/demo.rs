//! The embedded demo: every exchange, simulated on loopback sockets.

use std::fmt::Write as _;

use tickwire::clock::Clock;
use tickwire::exchange::profile;
use tickwire::instrument::ExchangeId;
use tickwire::sim::{Options, SimError, Simulator, is_simulated};

/// Trades a second of each simulated exchange: lively, and a small share of one core.
const RATE: u32 = 400;

/// Instruments of each simulated exchange.
const SYMBOLS: usize = 20;

/// The simulated exchanges; they stop when it is dropped.
#[derive(Debug)]
pub(super) struct Demo {
    exchanges: Vec<(ExchangeId, Simulator)>,
}

impl Demo {
    pub(super) fn start(clock: Clock) -> Result<Self, SimError> {
        let exchanges = ExchangeId::ALL.into_iter().filter(|&exchange| is_simulated(exchange));
        let exchanges = exchanges.map(|exchange| {
            let options = Options {
                symbols_count: SYMBOLS,
                rate: RATE,
                clock: clock.clone(),
                ..Options::new(exchange)
            };
            Simulator::start(options).map(|simulator| (exchange, simulator))
        });
        Ok(Self { exchanges: exchanges.collect::<Result<_, _>>()? })
    }

    /// The configuration file that serves them.
    pub(super) fn configuration(&self) -> String {
        let mut text = String::new();
        for (exchange, simulator) in &self.exchanges {
            let symbols: Vec<String> = simulator
                .truth()
                .symbols()
                .iter()
                .filter_map(|native| (profile(*exchange).canonical_symbol)(native))
                .map(|symbol| symbol.to_string())
                .collect();
            // Writing into a String does not fail.
            let _ = writeln!(
                text,
                "[[feed]]\nexchange = \"{exchange}\"\nsymbols = {symbols:?}\nurl = \"{}\"\nrest_url = \"{}\"\n",
                simulator.url(),
                simulator.rest_url()
            );
        }
        text
    }
}
