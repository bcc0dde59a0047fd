//! How a simulated exchange is to be.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::fault::FaultSpec;
use super::{binance, bybit, coinbase, deriv, kraken, okx};
use crate::clock::Clock;
use crate::instrument::ExchangeId;

/// How fast a capture is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// At the recorded spacing, in hundredths: 100 is as recorded, 1000 ten times faster.
    Percent(u32),
    /// As fast as the client takes it.
    Max,
}

/// What follows the last frame of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureEnd {
    /// The connection stays open.
    Hold,
    /// The connection is closed.
    Close,
}

/// Recorded frames that are played instead of the market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Playback {
    /// The capture.
    pub capture: PathBuf,
    /// Bodies of order books by REST; the symbol is what stands before `.rest.json` and after the
    /// last `-` of the name. Several of one symbol are answered one after the other, and the last
    /// one from then on.
    pub rest: Vec<PathBuf>,
    /// How fast.
    pub speed: Speed,
    /// And then.
    pub end: CaptureEnd,
    /// Play all frames to every client that has subscribed to anything, not only those of its
    /// streams.
    pub everything: bool,
}

/// Of which time the frames are, where an exchange changed them and old recordings or clients need
/// them as they were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Era {
    /// As they are now.
    #[default]
    Current,
    /// OKX from 2023 to June 2026: books carry live checksums beside their numbers.
    Checksums,
    /// OKX of 2022: live checksums, and no numbers in books, trades and answers.
    Early,
}

/// How a simulated exchange is to be. [`Options::new`] gives the exchange's own manners.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which one.
    pub exchange: ExchangeId,
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Speak TLS, with a certificate made at start.
    pub tls: bool,
    /// File that the authority behind the certificate is written to.
    pub ca_out: Option<PathBuf>,
    /// The instruments; the default list when empty.
    pub symbols: Vec<String>,
    /// How many of the default list.
    pub symbols_count: usize,
    /// Trades a second over all instruments; 0 is as many as the clients take.
    pub rate: u32,
    /// Spin through the last microseconds before a trade's instant. Without it trades may be
    /// about a tenth of a millisecond late, and a core is free for others.
    pub spin: bool,
    /// Same seed, same market.
    pub seed: u64,
    /// The market stands still until [`super::Simulator::resume`].
    pub paused: bool,
    /// Trades remembered per symbol for [`super::Truth`].
    pub truth_trades: usize,
    /// Faults by the clock.
    pub faults: Vec<FaultSpec>,
    /// Of which time its frames are.
    pub era: Era,
    /// Frames to play instead of the market.
    pub playback: Option<Playback>,
    /// Order books by REST are answered that much later than they were taken.
    pub snapshot_lag: Duration,
    /// Between two pings.
    pub ping_interval: Duration,
    /// A ping unanswered for so long ends the connection.
    pub pong_timeout: Duration,
    /// Age at which a WebSocket ends; never when `None`.
    pub lifetime: Option<Duration>,
    /// Messages, pings and pongs that a client may send in a second; 0 does not limit them.
    pub messages_per_second: u32,
    /// A client this far behind is cut off.
    pub backlog_bytes_max: usize,
    /// The clock by which it sends, shared with who measures.
    pub clock: Clock,
}

/// What differs from exchange to exchange, unless it is asked for otherwise; see the fields of
/// [`Options`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Habits {
    pub(super) ping_interval: Duration,
    pub(super) pong_timeout: Duration,
    pub(super) lifetime: Option<Duration>,
    pub(super) messages_per_second: u32,
}

impl Habits {
    fn of(exchange: ExchangeId) -> Self {
        match exchange {
            ExchangeId::Binance => binance::SPOT_HABITS,
            ExchangeId::BinanceFutures => binance::FUTURES_HABITS,
            ExchangeId::Bybit | ExchangeId::BybitLinear => bybit::HABITS,
            ExchangeId::Coinbase => coinbase::EXCHANGE_HABITS,
            ExchangeId::CoinbaseAdvanced => coinbase::ADVANCED_HABITS,
            ExchangeId::Deriv => deriv::HABITS,
            ExchangeId::Kraken | ExchangeId::KrakenV1 => kraken::HABITS,
            ExchangeId::Okx => okx::HABITS,
        }
    }
}

impl Options {
    /// The manners of `exchange`, on a free port of the loopback interface.
    pub fn new(exchange: ExchangeId) -> Self {
        let habits = Habits::of(exchange);
        Self {
            exchange,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            tls: false,
            ca_out: None,
            symbols: Vec::new(),
            symbols_count: 50,
            rate: 200,
            spin: true,
            seed: 1,
            paused: false,
            truth_trades: 10_000,
            faults: Vec::new(),
            era: Era::Current,
            playback: None,
            snapshot_lag: Duration::ZERO,
            ping_interval: habits.ping_interval,
            pong_timeout: habits.pong_timeout,
            lifetime: habits.lifetime,
            messages_per_second: habits.messages_per_second,
            backlog_bytes_max: 32 << 20,
            clock: Clock::real(),
        }
    }
}
