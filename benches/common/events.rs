//! Events as clients are told of them: of 2 to 8 digits behind the point, as exchanges write them.

use arrayvec::ArrayString;
use tickwire::book::BookKind;
use tickwire::cache::{BookEvent, BookLevels, Event, EventBody, Stamp};
use tickwire::clock::UnixNanos;
use tickwire::instrument::{ExchangeId, Instrument, InstrumentId, Symbol};
use tickwire::tick::{Decimal, Level, Quote, Side, Trade, TradeId};

use crate::random::Random;

/// When they are told.
pub(crate) const DATE: UnixNanos = UnixNanos(1_700_000_000_125_000_000);

/// What they are about.
pub(crate) fn instrument() -> Instrument {
    Instrument {
        exchange: ExchangeId::Binance,
        symbol: Symbol::parse("BTC/USDT").unwrap(),
        native: ArrayString::new(),
        tick_size: None,
        lot_size: None,
    }
}

/// What a client is told of.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Trade,
    Quote,
    Update,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Trade, Self::Quote, Self::Update];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Trade => "trade",
            Self::Quote => "quote",
            Self::Update => "orderbook update of 10 levels",
        }
    }
}

/// An event of each.
pub(crate) enum Content {
    Trade(Trade),
    Quote(Quote),
    Update(Vec<Level>),
}

/// One of them, and when it was.
pub(crate) fn body(kind: Kind, random: &mut Random) -> (Stamp, Content) {
    let exchange_time = UnixNanos(1_700_000_000_000_000_000 + random.below(1 << 40) as i64);
    let received = UnixNanos(exchange_time.0 + random.below(1 << 30) as i64);
    let content = match kind {
        Kind::Trade => Content::Trade(Trade {
            taker: if random.below(2) == 0 { Side::Bid } else { Side::Ask },
            price: decimal(random),
            size: decimal(random),
            id: TradeId::Number(random.below(1 << 34)),
        }),
        Kind::Quote => Content::Quote(Quote {
            bid: Some(decimal(random)),
            bid_size: Some(decimal(random)),
            ask: Some(decimal(random)),
            ask_size: Some(decimal(random)),
        }),
        Kind::Update => {
            let level = |index| Level {
                side: if index < 5 { Side::Bid } else { Side::Ask },
                price: decimal(random),
                size: decimal(random),
            };
            Content::Update((0..10).map(level).collect())
        }
    };
    (Stamp { exchange_time, received }, content)
}

/// The same for a dialect.
pub(crate) fn told((stamp, content): &(Stamp, Content), seq: u64) -> Event<'_> {
    let body = match content {
        Content::Trade(trade) => EventBody::Trade(*trade),
        Content::Quote(quote) => EventBody::Quote(*quote),
        Content::Update(levels) => EventBody::Book(BookEvent {
            kind: BookKind::Delta,
            depth: None,
            conflated: 0,
            levels: BookLevels::Listed(levels),
        }),
    };
    Event { instrument: InstrumentId(0), seq, stamp: *stamp, body }
}

/// Between 1 and 6 digits, a point, 2 to 8 digits.
fn decimal(random: &mut Random) -> Decimal {
    let digits = 2 + random.below(7) as u32;
    let whole_digits = 1 + random.below(6) as u32;
    let whole = random.below(10_u64.pow(whole_digits));
    let fraction = random.below(10_u64.pow(digits));
    let mantissa = whole * 10_u64.pow(digits) + fraction;
    Decimal::new(mantissa as i64, digits as u8).unwrap()
}
