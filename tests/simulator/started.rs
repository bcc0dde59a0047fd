//! How the tests start what they are about.

use tickwire::clock::{Clock, ManualClock, UnixNanos};
use tickwire::instrument::ExchangeId;
use tickwire::sim::{Options, Simulator};

/// An exchange of these symbols, with so many trades a second.
pub(crate) fn started(
    exchange: ExchangeId,
    symbols: &[&str],
    rate: u32,
    change: impl FnOnce(&mut Options),
) -> Simulator {
    let symbols = symbols.iter().map(|&symbol| symbol.to_owned()).collect();
    let mut options = Options { symbols, rate, ..Options::new(exchange) };
    change(&mut options);
    Simulator::start(options).expect("it starts")
}

/// What `start` makes, on a clock that only the test moves.
pub(crate) fn by_hand(start: impl FnOnce(Clock) -> Simulator) -> (Simulator, ManualClock) {
    let (clock, hand) = Clock::manual(UnixNanos::from_millis(1_790_000_000_000));
    (start(clock), hand)
}
