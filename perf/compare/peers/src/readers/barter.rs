//! barter-data, by its own `Streams`. It parses ahead of who awaits it, so only all frames
//! together say what one costs.

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::OnceLock;

use anyhow::Context;
use barter_data::exchange::ExchangeServer;
use barter_data::exchange::binance::Binance;
use barter_data::streams::Streams;
use barter_data::streams::reconnect::Event;
use barter_data::subscription::trade::PublicTrades;
use barter_instrument::exchange::ExchangeId;
use barter_instrument::instrument::market_data::kind::MarketDataInstrumentKind;
use futures_util::StreamExt;
use tokio::runtime::Runtime;

use crate::cpu;

/// The exchange's symbols are these in USDT.
const BASES: [&str; 8] = ["btc", "eth", "bnb", "sol", "xrp", "doge", "pepe", "ada"];

static URL: OnceLock<String> = OnceLock::new();

/// Binance at another address.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Replayed;

impl ExchangeServer for Replayed {
    const ID: ExchangeId = ExchangeId::BinanceSpot;

    fn websocket_url() -> &'static str {
        URL.get().map_or("", String::as_str)
    }
}

pub fn read(runtime: &Runtime, address: SocketAddr, frames: u64) -> anyhow::Result<u64> {
    URL.get_or_init(|| format!("ws://{address}/ws"));
    runtime.block_on(async {
        let subscription = |base: &'static str| {
            let spot = MarketDataInstrumentKind::Spot;
            (Binance::<Replayed>::default(), base, "usdt", spot, PublicTrades)
        };
        let streams =
            Streams::<PublicTrades>::builder().subscribe(BASES.map(subscription)).init().await?;
        let mut stream = streams.select_all();
        let before = cpu::of_this_process()?;
        let mut read = 0;
        while read < frames {
            match stream.next().await.context("the stream ended")? {
                Event::Item(item) => {
                    black_box(item.map_err(|error| anyhow::anyhow!("{error}"))?);
                    read += 1;
                }
                Event::Reconnecting(_) => anyhow::bail!("the exchange left"),
            }
        }
        Ok(cpu::of_this_process()? - before)
    })
}
