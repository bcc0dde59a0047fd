//! A broadcaster with clients, turned by hand under a clock that stands: nothing in it depends on when
//! it runs.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrayvec::ArrayString;
use tickwire::broadcast::{
    BroadcastCommand, BroadcastHandle, BroadcastOptions, Broadcaster, OpenSocket,
};
use tickwire::cache::HistoryBounds;
use tickwire::client::Admission;
use tickwire::clock::{Clock, UnixNanos};
use tickwire::dialect::{Dialects, Door};
use tickwire::instrument::{ExchangeId, Instrument, InstrumentId, InstrumentTable, Symbol};
use tickwire::latency::recorder;
use tickwire::limits::REQUEST_BYTES_MAX;
use tickwire::net::{Bounds, Role, Security, Transport, WebSocket};
use tickwire::ring::{FeedRing, Producer, ring};
use tickwire::tick::{Body, Tick};

/// Longest wait for the kernel's loopback; reached only when something is broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// Date of everything, in nanoseconds.
const DATE: i64 = 1_700_000_000_000_000_000;

/// A broadcaster and its clients.
pub(crate) struct Clients {
    broadcaster: Broadcaster,
    handle: BroadcastHandle,
    clock: Clock,
    producer: Producer,
    listener: TcpListener,
    peers: Vec<TcpStream>,
}

/// The symbol of an instrument.
pub(crate) fn symbol(index: usize) -> String {
    format!("C{index}/USDT")
}

fn table(instruments: usize) -> InstrumentTable {
    let mut table = InstrumentTable::default();
    for index in 0..instruments {
        let added = table.add(Instrument {
            exchange: ExchangeId::Binance,
            symbol: Symbol::parse(&symbol(index)).unwrap(),
            native: ArrayString::from(&symbol(index).replace('/', "")).unwrap(),
            tick_size: None,
            lot_size: None,
        });
        assert!(added.is_ok(), "the table has room");
    }
    table
}

/// A client's message; a mask of zeros leaves it readable.
fn masked(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    let mut frame = match length {
        0..126 => vec![0x81, 0x80 | length as u8],
        _ => [&[0x81, 0x80 | 126], &length.to_be_bytes()[..]].concat(),
    };
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}

impl Clients {
    /// None yet, and so many instruments of one exchange.
    pub(crate) fn new(instruments: usize) -> Self {
        let (clock, _) = Clock::manual(UnixNanos(DATE));
        // Short, so that warming fills them.
        let history = HistoryBounds { events: 100, ..HistoryBounds::default() };
        let options = BroadcastOptions { history, ..BroadcastOptions::default() };
        let table = Arc::new(table(instruments));
        let (broadcaster, handle) =
            Broadcaster::new(options, table, clock.clone(), recorder().0).unwrap();
        let (producer, ticks) = ring(1 << 10);
        let attach = FeedRing { exchange: ExchangeId::Binance, ticks };
        assert!(handle.send_waiting(BroadcastCommand::Attach(attach)));
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        Self { broadcaster, handle, clock, producer, listener, peers: Vec::new() }
    }

    /// One more, that has said nothing.
    pub(crate) fn connect(&mut self) {
        let peer = TcpStream::connect(self.listener.local_addr().unwrap()).unwrap();
        peer.set_nonblocking(true).unwrap();
        let (stream, address) = self.listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let stream = mio::net::TcpStream::from_std(stream);
        let transport = Transport::accept(stream, address, &Security::Plain).unwrap();
        let bounds = Bounds::session(REQUEST_BYTES_MAX);
        let socket = Box::new(WebSocket::new(transport, Role::Server, bounds, &[]));
        let dialects = Dialects::at(&Door { path: "/ws" }).unwrap();
        let admission = Admission::take(Vec::new());
        let open = OpenSocket { socket, peer: address, dialects, admission };
        assert!(self.handle.send_waiting(BroadcastCommand::Open(open)));
        self.peers.push(peer);
        let clients = self.peers.len() as u64;
        self.turn_until("the client is served", |handle| {
            handle.counters().clients.value() == clients
        });
    }

    /// The one that came last asks for what makes so many more subscriptions at least.
    pub(crate) fn ask(&mut self, request: &str, subscriptions: u64) {
        self.peers.last_mut().unwrap().write_all(&masked(request)).unwrap();
        let whole = self.subscriptions() + subscriptions;
        self.turn_until("the request is granted", |handle| {
            handle.counters().subscriptions.value() >= whole
        });
        // What is answered has to leave.
        self.turn_until("the answer is written", {
            let mut turns = 0;
            move |_| {
                turns += 1;
                turns > 8
            }
        });
        self.read();
    }

    fn subscriptions(&self) -> u64 {
        self.handle.counters().subscriptions.value()
    }

    /// How many they are.
    pub(crate) fn count(&self) -> u64 {
        self.peers.len() as u64
    }

    /// Events that were told, once for each who is told.
    pub(crate) fn deliveries(&self) -> u64 {
        self.handle.counters().events.value()
    }

    fn turn_until(&mut self, what: &str, mut holds: impl FnMut(&BroadcastHandle) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds(&self.handle) {
            assert!(Instant::now() < end, "never: {what}");
            self.broadcaster.wait(false).unwrap();
            self.turn();
        }
    }

    /// One turn of the broadcaster.
    pub(crate) fn turn(&mut self) {
        self.broadcaster.turn(self.clock.now());
    }

    /// A tick of the first instrument, so many milliseconds later.
    pub(crate) fn push(&mut self, millis: u64, body: Body) {
        let date = UnixNanos(DATE + millis as i64 * 1_000_000);
        let mut tick = Tick::new(InstrumentId(0), date, body);
        tick.received = self.clock.now();
        assert!(self.producer.push(tick).is_ok(), "the ring has room");
    }

    /// All clients read what there is.
    pub(crate) fn read(&mut self) {
        let mut bytes = [0; 1 << 12];
        for peer in &mut self.peers {
            loop {
                match peer.read(&mut bytes) {
                    Ok(0) => panic!("the broadcaster closed a client"),
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }
}
