//! A feed against a simulated OKX: trades that stand for several ids, answers for each stream,
//! candles on a connection of their own, heartbeats in plain text.

mod common;

use std::time::Duration;

use common::feed::{DEADLINE, Mirror, Rig, RigOptions, missed_trades};
use tickwire::instrument::{Channel, ExchangeId, InstrumentId};
use tickwire::sim::{BookSide, Options, Simulator};
use tickwire::tick::{Body, BookState, Interval, Side, TradeId};

const NATIVES: [&str; 2] = ["BTC-USDT", "BTC-USDT-SWAP"];
const EVERYTHING: [Channel; 4] =
    [Channel::Trades, Channel::Quotes, Channel::Ticker, Channel::Orderbook];

fn simulator(adjust: impl FnOnce(&mut Options)) -> Simulator {
    let mut options = Options::new(ExchangeId::Okx);
    options.symbols = NATIVES.map(str::to_owned).to_vec();
    options.rate = 1_000;
    options.truth_trades = 1_000_000;
    adjust(&mut options);
    Simulator::start(options).expect("a simulator is started")
}

#[test]
fn trades_quotes_tickers_and_books_are_those_of_the_exchange() {
    let simulator = simulator(|_| {});
    let mut rig = Rig::start(RigOptions::new(ExchangeId::Okx, &simulator, &NATIVES, &EVERYTHING));
    rig.wait_books(0, 2);
    rig.wait("two thousand trades, quotes and tickers", |ticks| {
        let of = |kind: fn(&Body) -> bool| ticks.iter().filter(|tick| kind(&tick.body)).count();
        of(|body| body.trade().is_some()) > 2_000
            && of(|body| body.quote().is_some()) > 500
            && of(|body| matches!(body, Body::TickerVolumes { .. })) > 20
    });
    simulator.pause();
    rig.wait("the true books", |ticks| {
        (0..).zip(NATIVES).all(|(id, native)| {
            let truth = simulator.book(native).expect("it is listed");
            let mirror = Mirror::of(ticks, InstrumentId(id));
            mirror.state == Some(BookState::Live) && mirror.sides() == [truth.bids, truth.asks]
        })
    });
    rig.stop();
    for (id, native) in (0..).zip(NATIVES) {
        let instrument = InstrumentId(id);
        // An aggregate takes the number of its last match; those before it are not missing.
        assert_eq!(missed_trades(&rig.ticks, instrument), [], "{native}");
        let truth = simulator.truth().trades(native);
        let skipped = |pair: &[tickwire::sim::TrueTrade]| pair[1].id > pair[0].id + 1;
        assert!(truth.windows(2).any(skipped), "some orders met two makers");
        let ids = rig.trade_ids(instrument);
        let from = truth.iter().position(|trade| trade.id == ids[0]).expect("it was printed");
        let printed: Vec<u64> = truth[from..].iter().map(|trade| trade.id).collect();
        assert_eq!(ids, printed, "{native}: each once, in order");
        let own = rig.ticks.iter().filter(|tick| tick.instrument == instrument);
        for (trade, truth) in own.filter_map(|tick| tick.body.trade()).zip(&truth[from..]) {
            assert_eq!(trade.id, TradeId::Number(truth.id));
            assert_eq!(trade.price.to_string(), truth.price);
            assert_eq!(trade.size.to_string(), truth.size);
            assert_eq!(trade.taker == Side::Bid, truth.taker == BookSide::Bid);
        }
    }
}

#[test]
fn a_symbol_that_does_not_exist_costs_itself_alone() {
    let simulator = simulator(|_| {});
    let natives = ["BTC-USDT", "NOT-THERE", "BTC-USDT-SWAP"];
    let channels = [Channel::Trades, Channel::Orderbook];
    let mut rig = Rig::start(RigOptions::new(ExchangeId::Okx, &simulator, &natives, &channels));
    rig.wait_counted("both refusals", |counters| counters.refused_subscriptions.value() == 2);
    for id in [0, 2].map(InstrumentId) {
        rig.wait("the others' trades and books", |ticks| {
            let mut own = ticks.iter().filter(|tick| tick.instrument == id);
            own.any(|tick| tick.body.trade().is_some())
                && Mirror::of(ticks, id).state == Some(BookState::Live)
        });
    }
    let counters = rig.handle.counters();
    assert!(counters.reconnects.iter().all(|one| one.value() == 0));
    assert_eq!(simulator.stats().websockets, 1);
}

#[test]
fn candles_of_the_exchange_come_over_the_other_service() {
    let simulator = simulator(|_| {});
    let mut options = RigOptions::new(
        ExchangeId::Okx,
        &simulator,
        &NATIVES,
        &[Channel::Trades, Channel::Candles],
    );
    options.adjust = |options| {
        for subscription in &mut options.subscriptions {
            if subscription.channel == Channel::Candles {
                subscription.interval = Some(Interval::Minute1);
            }
        }
    };
    let mut rig = Rig::start(options);
    rig.wait("candles of both", |ticks| {
        (0..2).all(|id| {
            ticks.iter().any(|tick| {
                tick.instrument == InstrumentId(id)
                    && matches!(
                        tick.body,
                        Body::CandleVolume { interval: Interval::Minute1, trades: 0, .. }
                    )
            })
        })
    });
    assert_eq!(simulator.stats().websockets, 2);
    assert_eq!(rig.handle.counters().exchange_errors.value(), 0);
}

#[test]
fn a_quiet_connection_is_kept_by_heartbeats_in_plain_text() {
    let simulator = simulator(|options| options.paused = true);
    let mut options = RigOptions::new(ExchangeId::Okx, &simulator, &NATIVES, &[Channel::Trades]);
    options.rules = |rules| {
        rules.heartbeat = Some((Duration::from_millis(20), "ping"));
        rules.silence_max = Duration::from_millis(500);
        rules.messages_max = 1_000_000;
    };
    let mut rig = Rig::start(options);
    // One request, then heartbeats alone.
    assert!(simulator.wait_for(DEADLINE, |stats| stats.commands > 50));
    let counters = rig.handle.counters();
    assert!(counters.reconnects.iter().all(|one| one.value() == 0), "pongs are heard");
    assert!(counters.rejected.iter().all(|one| one.value() == 0), "and are no broken frames");
    rig.stop();
}
