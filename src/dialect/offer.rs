//! What can be asked for of the instruments of an exchange.

use crate::cache::CandleSource;
use crate::instrument::{Channel, ExchangeId};
use crate::tick::Interval;

/// What the feed of one exchange carries of each of its instruments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// Streams that there are.
    pub channels: Vec<Channel>,
    /// Lengths of candles that there are, shortest first; none without candles.
    pub intervals: Vec<Interval>,
    /// Who makes the candles, where there are any.
    pub candle_source: Option<CandleSource>,
}

/// What each exchange's feed carries, by `ExchangeId as usize`; nothing where there is none.
pub type Offers = [Offer; ExchangeId::ALL.len()];

impl Offer {
    /// Everything that a client can ask for.
    pub fn everything() -> Self {
        Self {
            channels: Channel::ALL.into_iter().filter(|one| *one != Channel::Status).collect(),
            intervals: Interval::ALL.to_vec(),
            candle_source: Some(CandleSource::default()),
        }
    }

    /// Whether trades make candles here and are not carried to clients.
    pub fn hides_trades(&self) -> bool {
        self.candle_source == Some(CandleSource::Trades)
            && !self.channels.contains(&Channel::Trades)
    }

    /// Whether a channel can bring anything; of candles, those of an interval. States are told of
    /// every instrument.
    pub fn carries(&self, channel: Channel, interval: Option<Interval>) -> bool {
        match channel {
            Channel::Status => true,
            Channel::Candles => interval.is_some_and(|length| self.intervals.contains(&length)),
            Channel::Trades | Channel::Quotes | Channel::Ticker | Channel::Orderbook => {
                self.channels.contains(&channel)
            }
        }
    }
}
