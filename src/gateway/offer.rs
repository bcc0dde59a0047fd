//! What the feeds of a configuration carry: as they are told it, and as clients can ask for it.

use std::sync::Arc;

use crate::cache::CandleSource;
use crate::config::{Config, FeedConfig};
use crate::dialect::{Offer, Offers};
use crate::exchange;
use crate::feed::StreamKind;
use crate::instrument::{Channel, ExchangeId};
use crate::tick::Interval;

/// What a feed carries of each instrument. Candles that are built here need the trades alone, the
/// exchange's own a stream for each interval; those that it lacks are left out by its plan.
pub(super) fn streams(config: &FeedConfig) -> Vec<StreamKind> {
    let wanted = &config.channels;
    let candles = wanted.contains(&Channel::Candles).then_some(config.candle_source);
    let mut streams: Vec<StreamKind> = wanted.iter().map(|&channel| (channel, None)).collect();
    streams.retain(|&(channel, _)| channel != Channel::Candles);
    match candles {
        Some(CandleSource::Exchange) => {
            let each = Interval::ALL.map(|interval| (Channel::Candles, Some(interval)));
            streams.extend(each);
        }
        Some(CandleSource::Trades) if !wanted.contains(&Channel::Trades) => {
            streams.push((Channel::Trades, None));
        }
        Some(CandleSource::Trades) | None => {}
    }
    streams
}

/// What clients can ask for of each exchange.
pub(super) fn offers(config: &Config) -> Arc<Offers> {
    Arc::new(ExchangeId::ALL.map(|exchange| {
        let feed = config.feeds.iter().find(|feed| feed.exchange == exchange);
        feed.map(offer).unwrap_or_default()
    }))
}

/// Candles that are built here come with the trades, asked for or not, and of every length; of its
/// own an exchange has those that its plan has a stream for.
pub(super) fn offer(feed: &FeedConfig) -> Offer {
    let is_built = feed.candle_source == CandleSource::Trades;
    let is_there = |channel: Channel| {
        let built = channel == Channel::Candles && is_built;
        feed.channels.contains(&channel) || built && feed.channels.contains(&Channel::Trades)
    };
    let channels: Vec<Channel> = Channel::ALL.into_iter().filter(|&one| is_there(one)).collect();
    let candle_source = channels.contains(&Channel::Candles).then_some(feed.candle_source);
    let intervals = match candle_source {
        None => Vec::new(),
        Some(CandleSource::Trades) => Interval::ALL.to_vec(),
        Some(CandleSource::Exchange) => {
            exchange::candle_intervals(&*exchange::adapter_at(feed.exchange, &feed.url))
        }
    };
    Offer { channels, intervals, candle_source }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use arrayvec::ArrayString;

    use super::*;
    use crate::exchange::{Exchange as _, Subscription};
    use crate::instrument::InstrumentId;

    fn config(exchange: ExchangeId, more: &str) -> Config {
        let text =
            format!("[[feed]]\nexchange = \"{exchange}\"\nsymbols = [\"BTC/USD\"]\n{more}\n");
        Config::parse(&text, None, []).expect("a configuration")
    }

    fn offered(exchange: ExchangeId, more: &str) -> Offer {
        offers(&config(exchange, more))[exchange as usize].clone()
    }

    /// Lengths of the candles that a feed asks its exchange for.
    fn asked_for(exchange: ExchangeId, more: &str) -> Vec<Interval> {
        let config = config(exchange, more);
        let streams = streams(&config.feeds[0]);
        let native = ArrayString::from("BTC-USD").expect("short");
        let all: Vec<Subscription> = streams
            .into_iter()
            .map(|(channel, interval)| {
                let instrument = InstrumentId(0);
                Subscription { instrument, native, channel, interval }
            })
            .collect();
        let adapter = exchange::adapter(exchange);
        let covered = adapter.subscribe(&all, &mut 1).into_iter().flat_map(|one| one.covers);
        let lengths: BTreeSet<Interval> = covered.filter_map(|one| one.interval).collect();
        lengths.into_iter().collect()
    }

    #[test]
    fn of_its_own_candles_an_exchange_offers_what_its_adapter_asks_for() {
        let all = Interval::ALL.to_vec();
        let all_but_1s = Interval::ALL[1..].to_vec();
        for exchange in ExchangeId::ALL {
            let expected = match exchange {
                ExchangeId::Binance | ExchangeId::Okx => all.clone(),
                ExchangeId::CoinbaseAdvanced => vec![Interval::Minute5],
                ExchangeId::BinanceFutures
                | ExchangeId::Kraken
                | ExchangeId::Bybit
                | ExchangeId::BybitLinear
                | ExchangeId::Deriv => all_but_1s.clone(),
                // One has none, the other is not spoken, so nobody can configure them.
                ExchangeId::Coinbase | ExchangeId::KrakenV1 => continue,
            };
            let own = "candle_source = \"exchange\"";
            assert_eq!(offered(exchange, own).intervals, expected, "{exchange}");
            assert_eq!(asked_for(exchange, own), expected, "{exchange}");
        }
    }

    #[test]
    fn candles_that_are_built_here_have_every_length_and_come_with_the_trades() {
        for exchange in ExchangeId::ALL.into_iter().filter(|one| one.is_live()) {
            // It shows no trades.
            if exchange == ExchangeId::Deriv {
                continue;
            }
            for channels in ["[\"trades\"]", "[\"candles\"]"] {
                let offer = offered(exchange, &format!("channels = {channels}"));
                assert_eq!(offer.intervals, Interval::ALL, "{exchange} {channels}");
                assert!(offer.channels.contains(&Channel::Candles));
            }
            let none = offered(exchange, "channels = [\"quotes\"]");
            assert_eq!((none.channels, none.intervals), (vec![Channel::Quotes], vec![]));
        }
    }

    #[test]
    fn where_no_feed_is_nothing_is_offered() {
        let offers = offers(&config(ExchangeId::Kraken, ""));
        assert_eq!(offers[ExchangeId::Okx as usize], Offer::default());
    }
}
