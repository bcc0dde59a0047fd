//! A simulated market, and whether a feed told what happened there.

use tickwire::feed::FeedOptions;
use tickwire::instrument::{Channel, ExchangeId, InstrumentId};
use tickwire::sim::{BookSide, Options, Simulator};
use tickwire::tick::{Body, BookState, FeedState, Interval, Side, Trade, TradeId};

use super::feed::{DEADLINE, Mirror, Rig, RigOptions, missed_trades};

/// The channels that every exchange with trades and books has.
pub(crate) const EVERYTHING: [Channel; 4] =
    [Channel::Trades, Channel::Quotes, Channel::Ticker, Channel::Orderbook];

/// An exchange that trades `natives` at `rate` trades a second and remembers every print.
pub(crate) fn simulator(
    exchange: ExchangeId,
    natives: &[&str],
    rate: u32,
    adjust: impl FnOnce(&mut Options),
) -> Simulator {
    let mut options = Options::new(exchange);
    options.symbols = natives.iter().map(|&native| native.to_owned()).collect();
    options.rate = rate;
    options.truth_trades = 1_000_000;
    adjust(&mut options);
    Simulator::start(options).expect("a simulator is started")
}

/// Takes candles from the exchange, of this interval, where they are subscribed to at all.
pub(crate) fn take_candles(options: &mut FeedOptions, interval: Interval) {
    for subscription in &mut options.subscriptions {
        if subscription.channel == Channel::Candles {
            subscription.interval = Some(interval);
        }
    }
}

impl Rig {
    /// Waits until more than so many trades, quotes and tickers came.
    pub(crate) fn wait_for_more_than(&mut self, [trades, quotes, tickers]: [usize; 3]) {
        self.wait("trades, quotes and tickers", |ticks| {
            let of = |kind: fn(&Body) -> bool| ticks.iter().filter(|tick| kind(&tick.body)).count();
            of(|body| body.trade().is_some()) > trades
                && of(|body| body.quote().is_some()) > quotes
                && of(|body| matches!(body, Body::TickerVolumes { .. })) > tickers
        });
    }

    /// Waits until the feed says that its connection is lost.
    pub(crate) fn wait_loss(&mut self) {
        self.wait("the loss", |ticks| {
            ticks.iter().any(|tick| {
                matches!(tick.body, Body::FeedState { state: FeedState::Reconnecting, .. })
            })
        });
    }

    /// Every id from the first to the last trade was either published or told as missed.
    pub(crate) fn assert_accounted(&self, instrument: InstrumentId) {
        let ids = self.trade_ids(instrument);
        assert!(ids.is_sorted_by(|one, two| one < two), "in order, each once");
        let holes: u64 = ids.windows(2).map(|pair| pair[1] - pair[0] - 1).sum();
        let told: u64 = missed_trades(&self.ticks, instrument).iter().map(|(_, n)| n).sum();
        assert_eq!(holes, told, "what is missing was told");
    }

    /// From the first that came, the trades of each of `natives` are those that were printed: each
    /// once, in order, none told as missed. `number` is the market's number of a trade.
    pub(crate) fn assert_printed(
        &self,
        simulator: &Simulator,
        natives: &[&str],
        number: fn(&Trade) -> u64,
    ) {
        for (id, native) in (0..).zip(natives) {
            let instrument = InstrumentId(id);
            assert_eq!(missed_trades(&self.ticks, instrument), [], "{native}");
            let truth = simulator.truth().trades(native);
            let own = self.ticks.iter().filter(|tick| tick.instrument == instrument);
            let seen: Vec<Trade> = own.filter_map(|tick| tick.body.trade()).collect();
            let ids: Vec<u64> = seen.iter().map(number).collect();
            let from = truth.iter().position(|trade| trade.id == ids[0]).expect("it was printed");
            let printed: Vec<u64> = truth[from..].iter().map(|trade| trade.id).collect();
            assert_eq!(ids, printed, "{native}: each once, in order");
            for (trade, truth) in seen.iter().zip(&truth[from..]) {
                assert_eq!(trade.price.to_string(), truth.price);
                assert_eq!(trade.size.to_string(), truth.size);
                assert_eq!(trade.taker == Side::Bid, truth.taker == BookSide::Bid);
            }
        }
    }

    /// Heartbeats alone keep a connection on which nothing else is said.
    pub(crate) fn assert_kept_by_heartbeats(&mut self, simulator: &Simulator) {
        // One request, then heartbeats alone.
        assert!(simulator.wait_for(DEADLINE, |stats| stats.commands > 50));
        let counters = self.handle.counters();
        assert!(counters.reconnects.iter().all(|one| one.value() == 0), "pongs are heard");
        assert!(counters.rejected.iter().all(|one| one.value() == 0), "and are no broken frames");
        self.stop();
    }
}

/// The id of a trade whose exchange counts them.
pub(crate) fn number(trade: &Trade) -> u64 {
    match trade.id {
        TradeId::Number(id) => id,
        other => panic!("{other:?} is no number"),
    }
}

/// Subscribes to three symbols, of which the exchange lists all but the middle one: its channels are
/// refused, and the others are told on the same connection.
pub(crate) fn assert_a_bad_symbol_costs_itself_alone(
    exchange: ExchangeId,
    simulator: &Simulator,
    natives: &[&str; 3],
    channels: &[Channel],
) {
    let mut rig = Rig::start(RigOptions::new(exchange, simulator, natives, channels));
    let refused = channels.len() as u64;
    rig.wait_counted("the refusals", |counters| counters.refused_subscriptions.value() == refused);
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
