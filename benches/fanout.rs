//! One event to many clients over real sockets: what a delivery costs the sending thread.
//!
//! The broadcaster and its baseline run on the bench's own thread, the clients on another. Only
//! the sender is timed, from the ticks in the ring to the bytes in the kernel; between two bursts
//! it waits until every client has read everything. The baseline sends the same text as it stands,
//! already encoded, with tungstenite, once per client and event.
//!
//! `cargo bench --bench fanout`

use std::hint::black_box;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arrayvec::ArrayString;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tickwire::broadcast::{BroadcastCommand, BroadcastOptions, Broadcaster};
use tickwire::clock::{Clock, UnixNanos};
use tickwire::control::{AcceptHandle, AcceptOptions, Acceptor};
use tickwire::instrument::{ExchangeId, Instrument, InstrumentId, InstrumentTable, Symbol};
use tickwire::latency::recorder;
use tickwire::net::Waiting;
use tickwire::ring::{FeedRing, Producer, ring};
use tickwire::tick::{Decimal, Side, Tick, Trade, TradeId};
use tickwire::verify::{Speech, Swarm, SwarmOptions, Tally};
use tungstenite::{Message, WebSocket};

/// Clients in each comparison.
const CLIENTS: [usize; 3] = [1, 100, 1_000];

/// Events that stand in the ring when the sender's turn begins.
const BURSTS: [u64; 2] = [1, 64];

const PATIENCE: Duration = Duration::from_secs(30);

fn decimal(mantissa: i64, digits: u8) -> Decimal {
    Decimal::new(mantissa, digits).expect("few digits")
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// Clients that ask for the trades of one symbol and check what they get.
fn swarm(address: SocketAddr, clients: usize, clock: &Clock) -> Swarm {
    let subscribe = r#"{"action":"subscribe","symbols":["BTC/USDT"],"channels":["trades"]}"#;
    Swarm::start(SwarmOptions {
        address,
        path: "/ws".to_owned(),
        hello: vec![subscribe.to_owned()],
        speech: Speech::Actions,
        clients,
        symbols: vec!["BTC/USDT".to_owned()],
        waiting: Waiting::Block,
        clock: clock.clone(),
    })
    .expect("the clients connect")
}

/// Waits, turning `step`, until the clients have read so many trades, all of them good.
fn settle(swarm: &Swarm, trades: u64, mut step: impl FnMut()) {
    let end = Instant::now() + PATIENCE;
    let tally = swarm.tally();
    while Tally::count(&tally.trades) < trades {
        assert!(
            Instant::now() < end,
            "the clients read {} of {trades}",
            Tally::count(&tally.trades)
        );
        step();
    }
    let wrong = [&tally.missing, &tally.repeated, &tally.ended];
    assert_eq!(wrong.map(Tally::count), [0; 3], "missing, repeated, ended");
    swarm.samples().for_each(drop);
}

struct Served {
    broadcaster: Broadcaster,
    producer: Producer,
    accept: AcceptHandle,
    acceptor: JoinHandle<()>,
    swarm: Swarm,
    clock: Clock,
    clients: u64,
    /// Trades sent to each client.
    sent: u64,
}

impl Served {
    fn new(clients: usize, flush_delay: Duration) -> Self {
        let clock = Clock::real();
        let mut table = InstrumentTable::default();
        let instrument = Instrument {
            exchange: ExchangeId::Binance,
            symbol: Symbol::parse("BTC/USDT").expect("a symbol"),
            native: ArrayString::from("BTCUSDT").expect("it fits"),
            tick_size: None,
            lot_size: None,
        };
        table.add(instrument).expect("the table is empty");
        let (mut broadcaster, handle) = Broadcaster::new(
            BroadcastOptions { flush_delay, ..BroadcastOptions::default() },
            Arc::new(table),
            clock.clone(),
            recorder().0,
        )
        .expect("the system has a poll");
        let (producer, ticks) = ring(1 << 12);
        let attach = FeedRing { exchange: ExchangeId::Binance, ticks };
        assert!(handle.send_waiting(BroadcastCommand::Attach(attach)));
        let options = AcceptOptions { clients_per_ip_max: clients, ..AcceptOptions::default() };
        let (acceptor, accept) =
            Acceptor::new(options, loopback(), vec![handle], clock.clone()).expect("a free port");
        let acceptor = std::thread::spawn(move || acceptor.run());
        let swarm = swarm(accept.local_addr(), clients, &clock);
        let end = Instant::now() + PATIENCE;
        while Tally::count(&swarm.tally().others) < clients as u64 {
            assert!(Instant::now() < end, "not every client was answered");
            broadcaster.wait(false).expect("the poll works");
            broadcaster.turn(clock.now());
        }
        let clients = clients as u64;
        Self { broadcaster, producer, accept, acceptor, swarm, clock, clients, sent: 0 }
    }

    fn push(&mut self) {
        self.sent += 1;
        let trade = Trade {
            taker: Side::Bid,
            price: decimal(6_500_000 + self.sent as i64 % 100, 2),
            size: decimal(1_500, 5),
            id: TradeId::Number(self.sent),
        };
        let time = UnixNanos(1_700_000_000_000_000_000);
        let mut tick = Tick::new(InstrumentId(0), time, trade.into());
        tick.received = self.clock.now();
        self.producer.push(tick).expect("the ring holds a burst");
    }

    /// Sends a burst; returns how long the broadcaster was busy with it.
    fn burst(&mut self, events: u64) -> Duration {
        (0..events).for_each(|_| self.push());
        let begun = Instant::now();
        // Many clients are served in several turns.
        while black_box(self.broadcaster.turn(self.clock.now())) > 0 {}
        let busy = begun.elapsed();
        self.settle();
        busy
    }

    /// Sends events one by one, so far apart; returns how long the broadcaster was busy with them.
    fn stream(&mut self, events: u64, apart: Duration) -> Duration {
        let mut busy = Duration::ZERO;
        let mut due = Instant::now();
        for _ in 0..events {
            while Instant::now() < due {
                busy += self.turn_timed();
            }
            due += apart;
            self.push();
            busy += self.turn_timed();
        }
        self.settle();
        busy
    }

    /// How long a turn took that had something to do.
    fn turn_timed(&mut self) -> Duration {
        let begun = Instant::now();
        let work = black_box(self.broadcaster.turn(self.clock.now()));
        if work > 0 { begun.elapsed() } else { Duration::ZERO }
    }

    /// Waits until the clients have read everything.
    fn settle(&mut self) {
        let (broadcaster, clock) = (&mut self.broadcaster, &self.clock);
        settle(&self.swarm, self.sent * self.clients, || {
            // What a full socket refused goes out now; it is rare and not timed.
            broadcaster.wait(false).expect("the poll works");
            broadcaster.turn(clock.now());
        });
    }

    fn end(self) {
        self.swarm.stop();
        self.accept.stop();
        self.acceptor.join().expect("the acceptor ends");
    }
}

/// The baseline: a `send` of tungstenite for every client and event.
struct Naive {
    sockets: Vec<WebSocket<TcpStream>>,
    swarm: Swarm,
    sent: u64,
}

impl Naive {
    fn new(clients: usize) -> Self {
        let listener = TcpListener::bind(loopback()).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let accept = std::thread::spawn(move || {
            let accept = |_| {
                let (stream, _) = listener.accept().expect("a client comes");
                stream.set_nodelay(true).expect("it is open");
                tungstenite::accept(stream).expect("it upgrades")
            };
            (0..clients).map(accept).collect::<Vec<_>>()
        });
        let swarm = swarm(address, clients, &Clock::real());
        let sockets = accept.join().expect("all clients come");
        Self { sockets, swarm, sent: 0 }
    }

    fn burst(&mut self, events: u64) -> Duration {
        let texts: Vec<String> = (1..=events).map(|event| text(self.sent + event)).collect();
        let begun = Instant::now();
        for text in &texts {
            for socket in &mut self.sockets {
                socket.send(Message::text(text.as_str())).expect("the client reads");
            }
        }
        let busy = begun.elapsed();
        self.sent += events;
        settle(&self.swarm, self.sent * self.sockets.len() as u64, std::thread::yield_now);
        busy
    }
}

/// A trade as the broadcaster encodes it.
fn text(id: u64) -> String {
    let cents = id % 100;
    format!(
        r#"{{"type":"trade","data":{{"symbol":"BTC/USDT","exchange":"binance","price":65000.{cents:02},"volume":0.01500,"side":"buy","tradeId":"{id}","timestamp":1700000000000,"exchangeTs":1700000000000000000,"receiveTs":1700000000000123456}},"seq":{id},"timestamp":1700000000000}}"#
    )
}

fn fanout(criterion: &mut Criterion) {
    for burst in BURSTS {
        let mut group = criterion.benchmark_group(format!("deliveries, {burst} at a time"));
        for clients in CLIENTS {
            group.throughput(Throughput::Elements(burst * clients as u64));
            let mut served = Served::new(clients, Duration::ZERO);
            group.bench_function(BenchmarkId::new("tickwire", clients), |bencher| {
                bencher.iter_custom(|count| (0..count).map(|_| served.burst(burst)).sum());
            });
            served.end();
            let mut naive = Naive::new(clients);
            group.bench_function(BenchmarkId::new("tungstenite send", clients), |bencher| {
                bencher.iter_custom(|count| (0..count).map(|_| naive.burst(burst)).sum());
            });
            naive.swarm.stop();
        }
        group.finish();
    }
}

/// What waiting for more saves, where events come one by one.
fn delays(criterion: &mut Criterion) {
    const EVENTS: u64 = 256;
    let mut group = criterion.benchmark_group("deliveries, 10 clients, one event each 100 µs");
    group.throughput(Throughput::Elements(EVENTS * 10));
    for delay_us in [0, 500, 1_000] {
        let mut served = Served::new(10, Duration::from_micros(delay_us));
        let mut stream = || served.stream(EVENTS, Duration::from_micros(100));
        group.bench_function(BenchmarkId::new("flush_delay_us", delay_us), |bencher| {
            bencher.iter_custom(|count| (0..count).map(|_| stream()).sum());
        });
        served.end();
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(4));
    targets = fanout, delays
}
criterion_main!(benches);
