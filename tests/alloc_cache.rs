//! Events cost no memory: once books have grown and histories exist, remembering and encoding
//! allocate nothing.

#[path = "common/counting.rs"]
mod counting;

use arrayvec::ArrayString;
use counting::allocations;
use tickwire::cache::{Cache, HistoryBounds};
use tickwire::clock::UnixNanos;
use tickwire::dialect::{Dialect, Label, Name, Telling};
use tickwire::instrument::{
    Channel, ExchangeId, Instrument, InstrumentId, InstrumentTable, Symbol,
};
use tickwire::tick::{
    Body, BookState, Decimal, Level, LevelFlags, Quote, Reason, Side, Tick, Ticker, Trade, TradeId,
};

const ID: InstrumentId = InstrumentId(0);
const SECOND: i64 = 1_000_000_000;

/// A broadcaster's memory with a view, and everything that its events are written with.
struct Desk {
    cache: Cache,
    /// Of each dialect.
    labels: Vec<(Dialect, Label)>,
    out: Vec<u8>,
    events: usize,
}

impl Desk {
    fn new() -> Self {
        let instrument = Instrument {
            exchange: ExchangeId::Binance,
            symbol: Symbol::parse("BTC/USDT").expect("valid"),
            native: ArrayString::new(),
            tick_size: None,
            lot_size: None,
        };
        let name = Name::parse("BTC/USDT").expect("a name");
        let mut table = InstrumentTable::default();
        table.add(instrument).expect("room");
        let mut cache = Cache::new(HistoryBounds { events: 100, ..Default::default() });
        cache.set_instruments(&table);
        cache.open_view(ID, 5);
        Self {
            cache,
            labels: Dialect::ALL.map(|one| (one, one.speech().label(&instrument, &name))).to_vec(),
            out: Vec::with_capacity(1 << 20),
            events: 0,
        }
    }

    fn apply(&mut self, second: i64, body: impl Into<Body>) {
        let date = UnixNanos(1_700_000_000 * SECOND + second * SECOND);
        let tick = Tick::new(ID, date, body.into());
        let Self { cache, labels, out, events } = self;
        cache.apply(ExchangeId::Binance, &tick, date, |event| {
            *events += 1;
            for (dialect, label) in &*labels {
                out.clear();
                dialect.speech().tell(out, Some(label), event, Telling::live(date));
            }
        });
    }

    /// Something of every kind, in one second of the market.
    fn live(&mut self, second: i64) {
        let decimal = |mantissa: i64| Decimal::new(mantissa, 2).expect("small");
        let price = decimal(6_500_000 + second % 7);
        self.apply(
            second,
            Trade {
                taker: Side::Ask,
                price,
                size: decimal(3),
                id: TradeId::Number(second.unsigned_abs()),
            },
        );
        self.apply(
            second,
            Quote { bid: Some(price), bid_size: Some(price), ask: None, ask_size: None },
        );
        for body in (Ticker { last: Some(price), ..Ticker::default() }).bodies() {
            self.apply(second, body);
        }
        let snapshot = second % 50 == 0;
        for index in 0..20 {
            let mut flags = LevelFlags::default();
            if index == 0 {
                flags = flags.with(LevelFlags::FIRST);
            }
            if index == 19 {
                flags = flags.with(LevelFlags::LAST);
            }
            if snapshot {
                flags = flags.with(LevelFlags::SNAPSHOT);
            }
            let bid = index % 2 == 0;
            let level = Level {
                side: if bid { Side::Bid } else { Side::Ask },
                price: decimal(if bid { 1_000 - index } else { 1_000 + index }),
                size: decimal((second + index) % 3),
            };
            self.apply(second, level.body(flags, Some(7)));
        }
        self.apply(
            second,
            Body::Gap { channel: Channel::Trades, reason: Reason::Stall, missed: 1 },
        );
        self.apply(second, Body::BookState { state: BookState::Live, reason: Reason::None });
        let date = UnixNanos(1_700_000_000 * SECOND + second * SECOND);
        self.apply(second, Body::Time { date });
    }
}

#[test]
fn events_are_remembered_and_written_without_allocating() {
    let mut desk = Desk::new();
    // A day and a bit: the longest candle closes once, so that every history exists.
    for second in 0..2_000 {
        desk.live(second * 60);
    }
    let (before, events) = (allocations(), desk.events);
    assert!(before > 0, "the counter counts");
    for second in 0..2_000 {
        desk.live(120_000 + second * 60);
    }
    assert_eq!(allocations() - before, 0);
    assert!(desk.events - events > 2_000 * 10, "{} events", desk.events - events);
}
