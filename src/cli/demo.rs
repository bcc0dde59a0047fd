//! The embedded demo: every exchange, simulated on loopback sockets.

use std::fmt::Write as _;
use std::time::Duration;

use tickwire::clock::Clock;
use tickwire::exchange::profile;
use tickwire::instrument::ExchangeId;
use tickwire::limits::DEMO_FAULTS_APART;
use tickwire::sim::{FaultError, FaultSpec, Options, Simulator, is_simulated};

/// Trades a second of each simulated exchange: lively, and a small share of one core.
const RATE: u32 = 150;

/// Instruments of each simulated exchange.
const SYMBOLS: usize = 12;

/// What goes wrong under `--faults`, over and over. The periods have no common divisor, so that
/// everything meets everything in time. An exchange leaves out what it does not have.
const FAULTS: [&str; 14] = [
    "gap@4s:every=19s",
    "drop-trade@6s:every=23s",
    "duplicate@8s:every=29s",
    "duplicate@9s:of=trade:every=31s",
    "reorder@11s:every=37s",
    "corrupt@13s:every=41s",
    "bad-checksum@15s:every=17s",
    "cut@17s:of=trade:every=43s",
    "garbage@19s:every=47s",
    "stall=1s@22s:every=53s",
    "disconnect@25s:every=61s",
    "shutdown=3s@31s:every=97s",
    "rest-429@24s:every=67s",
    "silence@75s:every=211s",
];

/// The simulated exchanges; they stop when it is dropped.
#[derive(Debug)]
pub(super) struct Demo {
    exchanges: Vec<(ExchangeId, Simulator)>,
}

impl Demo {
    pub(super) fn start(clock: &Clock, faults: bool) -> anyhow::Result<Self> {
        let simulated = ExchangeId::ALL.into_iter().filter(|&exchange| is_simulated(exchange));
        let mut exchanges = Vec::new();
        for exchange in simulated {
            let later = DEMO_FAULTS_APART * exchanges.len() as u32;
            let options = Options {
                symbols_count: SYMBOLS,
                rate: RATE,
                // A tenth of a millisecond is no matter here, and the cores are needed.
                spin: false,
                // Nobody asks the demo what was traded, and it would fill 60 MB.
                truth_trades: 0,
                faults: if faults { plan(later)? } else { Vec::new() },
                clock: clock.clone(),
                ..Options::new(exchange)
            };
            exchanges.push((exchange, Simulator::start(options)?));
        }
        Ok(Self { exchanges })
    }

    /// The configuration file that serves them.
    pub(super) fn configuration(&self) -> String {
        let mut text = String::new();
        for (exchange, simulator) in &self.exchanges {
            let mut symbols: Vec<String> = simulator
                .truth()
                .symbols()
                .iter()
                .filter_map(|native| (profile(*exchange).canonical_symbol)(native))
                .map(|symbol| symbol.to_string())
                .collect();
            // First what everybody knows: a screen may have room for one of each exchange.
            let is_known =
                |symbol: &str| matches!(symbol, "BTC/USDT" | "BTC/USD" | "BTC/USDT:USDT");
            symbols.sort_by_key(|symbol| !is_known(symbol));
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

/// Every fault, so much later than it stands in the list.
fn plan(later: Duration) -> Result<Vec<FaultSpec>, FaultError> {
    FAULTS
        .iter()
        .map(|text| {
            let spec: FaultSpec = text.parse()?;
            Ok(FaultSpec { at: spec.at + later, ..spec })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_one() {
        let plan = plan(DEMO_FAULTS_APART).expect("they read");
        assert!(plan.iter().all(|spec| spec.every.is_some() && spec.at > DEMO_FAULTS_APART));
    }
}
