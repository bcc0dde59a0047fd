//! Ids of trades that leap at the exchange: every trade is told, in order, each once, and a leap that
//! no market makes is told as a gap of unknown size.

mod common;

use common::feed::{Rig, RigOptions, missed_trades};
use common::market;
use tickwire::instrument::{Channel, ExchangeId, InstrumentId};
use tickwire::limits::TRADES_MISSED_MAX;
use tickwire::sim::{Fault, Simulator, TrueTrade};
use tickwire::tick::{Side, Trade};

const ONE: InstrumentId = InstrumentId(0);

/// One after the other: of every magnitude, and beside the bound.
const LEAPS: [u64; 9] = [
    1,
    1_000,
    1 << 31,
    TRADES_MISSED_MAX - 1,
    TRADES_MISSED_MAX + 1,
    10_000_000_000_000_000,
    1 << 62,
    1 << 63,
    u64::MAX,
];

/// What tells one trade from the others, whatever its number.
fn print_of(trade: &Trade) -> [String; 3] {
    let taker = if trade.taker == Side::Bid { "buy" } else { "sell" };
    [trade.price.to_string(), trade.size.to_string(), taker.to_owned()]
}

fn true_print(trade: &TrueTrade) -> [String; 3] {
    let taker = format!("{:?}", trade.taker);
    let taker = if taker == "Bid" { "buy" } else { "sell" };
    [trade.price.clone(), trade.size.clone(), taker.to_owned()]
}

fn told(rig: &Rig) -> Vec<[String; 3]> {
    let own = rig.ticks.iter().filter(|tick| tick.instrument == ONE);
    own.filter_map(|tick| tick.body.trade()).map(|trade| print_of(&trade)).collect()
}

/// The trades of the market are those that were told, from the first told one on.
fn assert_all(rig: &Rig, simulator: &Simulator, native: &str) {
    let printed: Vec<_> = simulator.truth().trades(native).iter().map(true_print).collect();
    let told = told(rig);
    let begin = printed.windows(20).position(|some| some == &told[..20]).expect("it was printed");
    let count = told.len().min(printed.len() - begin);
    assert!(told[..count] == printed[begin..begin + count], "each once, in order");
}

fn leaps_lose_nothing(exchange: ExchangeId, native: &str) {
    let simulator = market::simulator(exchange, &[native], 500, |_| {});
    let mut rig = Rig::start(RigOptions::new(exchange, &simulator, &[native], &[Channel::Trades]));
    rig.wait_trades(0, 1);
    let wait_more = |rig: &mut Rig| {
        let more = told(rig).len() + 40;
        rig.wait("trades", |ticks| {
            ticks.iter().filter(|tick| tick.body.trade().is_some()).count() >= more
        });
    };
    for by in LEAPS {
        wait_more(&mut rig);
        simulator.inject(Fault::Leap { by, symbol: None });
        wait_more(&mut rig);
    }
    assert_all(&rig, &simulator, native);
    let gaps = missed_trades(&rig.ticks, ONE);
    assert!(gaps.iter().all(|(_, missed)| *missed <= TRADES_MISSED_MAX), "{gaps:?}");
    let unknown = gaps.iter().filter(|(_, missed)| *missed == 0).count();
    assert!(unknown >= 2, "what is too far is of unknown size: {gaps:?}");
    assert!(rig.handle.counters().reconnects.iter().all(|one| one.value() == 0));
}

#[test]
fn at_every_exchange_that_numbers_its_trades() {
    for (exchange, native) in [
        (ExchangeId::Binance, "BTCUSDT"),
        (ExchangeId::Coinbase, "BTC-USD"),
        (ExchangeId::CoinbaseAdvanced, "BTC-USD"),
        (ExchangeId::Kraken, "BTC/USD"),
        (ExchangeId::Okx, "BTC-USDT"),
    ] {
        leaps_lose_nothing(exchange, native);
    }
}
