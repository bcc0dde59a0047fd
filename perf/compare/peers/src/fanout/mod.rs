//! One event to many clients: the load, and what it cost the server.
//!
//! A thread that never sleeps is publisher and clients at once, on a core of its own. In a closed
//! loop it publishes 64 events and goes on when every client has them all. In an open loop it
//! publishes one event at each planned time, and a delivery's latency counts from there.

mod clients;
mod publisher;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::ensure;

pub use clients::{Clients, Join};
pub use publisher::{Exchange, Publisher};

use crate::cpu;

/// Events of one turn of the closed loop.
const BURST: u64 = 64;

/// Turns that do not count.
const WARM_UP_BURSTS: u64 = 8;

const PATIENCE: Duration = Duration::from_secs(30);

/// How a server is spoken to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Speech {
    /// tickwire: events come from the exchange, clients ask for them.
    Gateway,
    /// Who connects by `/publish` tells all others.
    WebSocket,
    /// NATS's own protocol on both sides.
    Nats,
}

/// What a closed loop came to.
pub struct Closed {
    pub deliveries: u64,
    pub cpu_ns: u64,
}

/// What an open loop came to.
pub struct Open {
    /// Of every delivery, sorted.
    latencies: Vec<u32>,
    pub cpu_ns: u64,
}

impl Open {
    pub fn deliveries(&self) -> u64 {
        self.latencies.len() as u64
    }

    /// Microseconds; the load counts in whole ones.
    pub fn micros(&self, quantile: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let at = (last as f64 * quantile).round() as usize;
        self.latencies.get(at).copied().map_or(f64::NAN, f64::from)
    }
}

/// A server with its clients, all of them there and answered.
pub struct Load {
    publisher: Publisher,
    clients: Clients,
    server: u32,
}

impl Load {
    /// Connects everything. `server` is the process whose CPU time counts.
    pub fn new(
        speech: Speech,
        address: SocketAddr,
        exchange: Option<Exchange>,
        clients: usize,
        server: u32,
    ) -> anyhow::Result<Self> {
        let join = match speech {
            Speech::Gateway => Join::Subscribe,
            Speech::WebSocket => Join::Upgrade,
            Speech::Nats => Join::Nats,
        };
        let clients = Clients::connect(address, join, clients)?;
        let publisher = match (speech, exchange) {
            (Speech::Gateway, Some(exchange)) => exchange.subscribed()?,
            (Speech::Gateway, None) => anyhow::bail!("a gateway needs an exchange"),
            (Speech::WebSocket, _) => Publisher::web_socket(address)?,
            (Speech::Nats, _) => Publisher::nats(address)?,
        };
        let mut load = Self { publisher, clients, server };
        for _ in 0..WARM_UP_BURSTS {
            load.burst()?;
        }
        Ok(load)
    }

    fn burst(&mut self) -> anyhow::Result<()> {
        let wanted = self.clients.delivered() + BURST * self.clients.count();
        self.publisher.publish(BURST)?;
        self.wait(wanted)
    }

    fn wait(&mut self, wanted: u64) -> anyhow::Result<()> {
        let end = Instant::now() + PATIENCE;
        while self.clients.delivered() < wanted {
            self.clients.poll(|_, _| {})?;
            ensure!(Instant::now() < end, "{} of {wanted} came", self.clients.delivered());
        }
        Ok(())
    }

    pub fn closed(&mut self, time: Duration) -> anyhow::Result<Closed> {
        let (begun, spent) = (Instant::now(), cpu::of_process(self.server)?);
        let before = self.clients.delivered();
        while begun.elapsed() < time {
            self.burst()?;
        }
        Ok(Closed {
            deliveries: self.clients.delivered() - before,
            cpu_ns: cpu::of_process(self.server)? - spent,
        })
    }

    /// One event after another, `rate` a second, each at its time. A server that does not keep up is waited for, and
    /// its latencies are as long as that.
    pub fn open(&mut self, rate: u32, time: Duration) -> anyhow::Result<Open> {
        let events = (f64::from(rate) * time.as_secs_f64()) as u64;
        let between = Duration::from_secs(1) / rate;
        let wanted = self.clients.delivered() + events * self.clients.count();
        let mut latencies = Vec::with_capacity((events * self.clients.count()) as usize);
        let first = self.clients.events();
        let (begun, spent) = (Instant::now(), cpu::of_process(self.server)?);
        let planned = |event: u64| begun + between * (event + 1) as u32;
        let mut published = 0;
        while self.clients.delivered() < wanted {
            if published < events && Instant::now() >= planned(published) {
                self.publisher.publish(1)?;
                published += 1;
            }
            self.clients.poll(|event, now| {
                let latency = now.saturating_duration_since(planned(event - first));
                latencies.push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
            })?;
            ensure!(begun.elapsed() < time + PATIENCE, "{} came", latencies.len());
        }
        latencies.sort_unstable();
        Ok(Open { latencies, cpu_ns: cpu::of_process(self.server)? - spent })
    }
}
