//! Load on an embedded exchange, through the whole gateway, to clients on real sockets; and the
//! verdict on what it took.
//!
//! ```text
//!  simulated exchange ──ws──▶ gateway (feed ▶ ring ▶ broadcaster) ──ws──▶ swarm of clients
//!        └─ planned times ──────────────────────────┬───────────────────────── reads ─┘
//!                                                   ▼ exchange_to_client
//! ```
//!
//! Everything shares one machine, and so its cores: the result is that of the whole chain, load
//! generator and clients included.

mod load;
mod measure;
mod print;
mod socket;
mod swarm;

pub use load::{canonical, clients, config, exchange};
use measure::wait_for_trades;
pub use measure::{Join, pause, wait_for_answers};
pub use print::Speech;
pub use swarm::{Sample, Swarm, SwarmOptions, Tally};

use std::fmt;
use std::time::Duration;

use crate::clock::Clock;
use crate::config::ConfigError;
use crate::gateway::{Gateway, StartError};
use crate::latency::{Budget, Report, Verdict};
use crate::limits::{VERIFY_ARRIVAL_MAX, VERIFY_CONNECT_MAX, VERIFY_WARM_UP};
use crate::net::Waiting;
use crate::sim::{SimError, Simulator};

/// The share of the planned trades that has to be sent for a measurement to be one.
const SENT_SHARE_MIN: f64 = 0.95;

/// What to measure.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is allowed.
    pub budget: Budget,
    /// For how long, after the warm-up.
    pub time: Duration,
    /// Trades a second that the exchange sends, over all symbols.
    pub rate: u32,
    /// Instruments.
    pub symbols: usize,
    /// Clients, each of which gets every trade.
    pub clients: usize,
    /// How the feed and the broadcaster wait.
    pub waiting: Waiting,
    /// The broadcaster is held up for so long in each turn: proof that the verdict can fail.
    pub delay_injected: Duration,
}

impl Options {
    /// A load that leaves a small machine room to breathe, judged by `budget`.
    pub fn new(budget: Budget) -> Self {
        Self {
            budget,
            time: Duration::from_secs(10),
            rate: 1_000,
            symbols: 50,
            clients: 4,
            waiting: Waiting::Block,
            delay_injected: Duration::ZERO,
        }
    }
}

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The simulated exchange does not start.
    #[error(transparent)]
    Sim(#[from] SimError),
    /// The gateway does not accept what it is configured with here.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The gateway does not start.
    #[error(transparent)]
    Gateway(#[from] StartError),
    /// The gateway does not get through to the simulated exchange.
    #[error("the gateway did not get ready in {} s: {reasons}", VERIFY_CONNECT_MAX.as_secs())]
    NotReady {
        /// What it lacks.
        reasons: String,
    },
    /// A client is not told that it is subscribed.
    #[error("the gateway did not answer every client in {} s", VERIFY_CONNECT_MAX.as_secs())]
    NoAnswer,
    /// A client cannot connect.
    #[error("a client cannot connect to the gateway: {0}")]
    Client(#[from] std::io::Error),
}

/// What was sent and what arrived.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Load {
    /// Measured time.
    pub seconds: f64,
    /// Trades a second that were planned.
    pub rate: u32,
    /// Clients.
    pub clients: usize,
    /// Trades that the exchange sent, warm-up included.
    pub sent: u64,
    /// Trades that all clients read together, warm-up included.
    pub delivered: u64,
    /// Trades that a client never got.
    pub missing: u64,
    /// Trades that a client got twice or out of order.
    pub repeated: u64,
    /// Connections of clients that ended early.
    pub ended: u64,
    /// Samples that could not be used.
    pub unused: u64,
    /// Share of the planned trades that was sent.
    pub sent_share: f64,
}

impl Load {
    /// What no client should see: trades that are missing or repeated, connections that ended.
    pub const fn lost(&self) -> u64 {
        self.missing + self.repeated + self.ended
    }
}

/// The result of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Latencies beside the budget.
    pub report: Report,
    /// What was sent and what arrived.
    pub load: Load,
}

impl Outcome {
    /// Over when the budget is, or when anything was lost; unmeasured when the generator could not
    /// keep its own plan.
    pub fn verdict(&self) -> Verdict {
        let load = &self.load;
        if load.lost() > 0 {
            return Verdict::Over;
        }
        let kept = load.sent_share >= SENT_SHARE_MIN && load.unused == 0;
        match self.report.verdict() {
            Verdict::Within if !kept => Verdict::Unmeasured,
            verdict => verdict,
        }
    }

    /// As one JSON object.
    pub fn json(&self) -> serde_json::Value {
        let mut json = self.report.json();
        json["verdict"] = self.verdict().name().into();
        json["load"] = serde_json::to_value(&self.load).unwrap_or_default();
        json
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let load = &self.load;
        writeln!(
            formatter,
            "{} trades/s for {:.0} s to {} clients: {} sent, {} delivered, {} missing, {} repeated",
            load.rate,
            load.seconds,
            load.clients,
            load.sent,
            load.delivered,
            load.missing,
            load.repeated
        )?;
        if load.sent_share < SENT_SHARE_MIN {
            let share = 100.0 * load.sent_share;
            writeln!(formatter, "the load generator sent only {share:.0} % of its plan")?;
        }
        if load.unused + load.ended > 0 {
            let (unused, ended) = (load.unused, load.ended);
            writeln!(formatter, "{unused} samples unusable, {ended} connections ended early")?;
        }
        write!(formatter, "{}", self.report)
    }
}

/// Waits until every feed is connected.
///
/// # Errors
/// [`VerifyError::NotReady`].
pub fn wait_until_ready(gateway: &Gateway) -> Result<(), VerifyError> {
    let end = std::time::Instant::now() + VERIFY_CONNECT_MAX;
    loop {
        let readiness = gateway.observatory().readiness();
        if readiness.ready {
            return Ok(());
        }
        if std::time::Instant::now() > end {
            return Err(VerifyError::NotReady { reasons: readiness.reasons.join("; ") });
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs the load and judges it.
///
/// # Errors
/// See [`VerifyError`].
pub fn run(options: &Options) -> Result<Outcome, VerifyError> {
    let clock = Clock::real();
    let exchange = exchange(options.rate, options.symbols, &clock)?;
    let natives = exchange.truth().symbols();
    let mut config = config(&exchange, options.waiting)?;
    config.gateway.delay_injected = options.delay_injected;
    let gateway = Gateway::start(&config, clock.clone())?;
    wait_until_ready(&gateway)?;
    let swarm = Swarm::start(clients(gateway.address(), &natives, options.clients, &clock))?;
    if !wait_for_answers(&swarm, options.clients as u64, VERIFY_CONNECT_MAX) {
        return Err(VerifyError::NoAnswer);
    }
    exchange.resume();
    let mut join = Join::new(exchange.truth(), &natives);
    join.run(&swarm, VERIFY_WARM_UP);
    join.restart();
    let (before, begun, at_begin) = (gateway.observatory().totals(), clock.now(), join.printed());
    join.run(&swarm, options.time);
    let seconds = clock.now().since(begun) as f64 / 1e9;
    let planned = f64::from(options.rate) * seconds;
    let sent_share = (join.printed() - at_begin) as f64 / planned.max(1.0);
    let mut load = settle(&exchange, &natives, (swarm, options.clients), &mut join);
    load.sent_share = sent_share;
    load.seconds = seconds;
    load.rate = options.rate;
    let observatory = std::sync::Arc::clone(gateway.observatory());
    gateway.stop();
    let (mut histograms, unplanned) = join.finish();
    load.unused += unplanned;
    let mut stages = observatory.totals();
    stages.subtract(&before);
    histograms.merge(&stages);
    Ok(Outcome { report: Report::new(&histograms, &options.budget), load })
}

/// Lets the market stand still, waits until what was sent has arrived at each of so many clients,
/// and ends them; what they counted.
pub fn settle(
    exchange: &Simulator,
    natives: &[String],
    (swarm, clients): (Swarm, usize),
    join: &mut Join<'_>,
) -> Load {
    pause(exchange, natives);
    join.look();
    wait_for_trades(&swarm, join.printed() * clients as u64, VERIFY_ARRIVAL_MAX);
    let tally = swarm.tally();
    let mut load = Load {
        clients,
        sent: join.printed(),
        delivered: Tally::count(&tally.trades),
        missing: Tally::count(&tally.missing),
        repeated: Tally::count(&tally.repeated),
        ended: Tally::count(&tally.ended),
        unused: Tally::count(&tally.unfetched),
        ..Load::default()
    };
    let (samples, last_read) = swarm.stop();
    join.add(&samples);
    load.missing += join.missing_at_the_end(&last_read);
    load
}
