//! Many clients on one thread: each reads everything it gets, checks that nothing is missing,
//! repeated or out of order, and notes when each trade could first be read.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam::channel::{Receiver, Sender, bounded};
use mio::{Events, Interest, Poll, Token};

use super::print::{Finders, Print, Speech};
use super::socket::{Message, Socket};
use crate::clock::{Clock, MonoNanos};
use crate::limits::{
    SWARM_BATCHES_CAPACITY, SWARM_HAND_OVER_EVERY, SWARM_READS_PER_TURN_MAX,
    SWARM_SAMPLES_PER_BATCH, SWARM_SLEEP_MAX,
};
use crate::net::Waiting;

/// What the clients are to do.
#[derive(Clone, Debug)]
pub struct SwarmOptions {
    /// Where they connect.
    pub address: SocketAddr,
    /// The path of the upgrade.
    pub path: String,
    /// What each says when it is connected.
    pub hello: Vec<String>,
    /// What the peer speaks.
    pub speech: Speech,
    /// How many they are.
    pub clients: usize,
    /// The symbols of the trades that count, as the peer spells them.
    pub symbols: Vec<String>,
    /// How the thread waits.
    pub waiting: Waiting,
    /// Time of the samples.
    pub clock: Clock,
}

/// One trade as one client got it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Index in [`SwarmOptions::symbols`].
    pub symbol: u32,
    /// The exchange's id.
    pub trade_id: u64,
    /// When the read that brought it returned.
    pub read: MonoNanos,
}

/// What the clients counted, all together; readable while they run.
#[derive(Debug, Default)]
pub struct Tally {
    /// Trades read.
    pub trades: AtomicU64,
    /// Bytes read.
    pub bytes: AtomicU64,
    /// Trades that were skipped, by the exchange's ids or by the gateway's numbers.
    pub missing: AtomicU64,
    /// Trades that came twice or after a later one.
    pub repeated: AtomicU64,
    /// Messages that are no trades of these symbols: answers, notices, errors.
    pub others: AtomicU64,
    /// Connections that ended.
    pub ended: AtomicU64,
    /// Samples that nobody fetched in time.
    pub unfetched: AtomicU64,
}

impl Tally {
    fn add(counter: &AtomicU64, count: u64) {
        // Relaxed: lone counts of one writer.
        counter.store(counter.load(Ordering::Relaxed) + count, Ordering::Relaxed);
    }

    /// One of its counts.
    pub fn count(counter: &AtomicU64) -> u64 {
        // Relaxed: as above.
        counter.load(Ordering::Relaxed)
    }
}

/// The running clients.
#[derive(Debug)]
pub struct Swarm {
    stopping: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Vec<u64>>>,
    tally: Arc<Tally>,
    batches: Receiver<Vec<Sample>>,
}

impl Swarm {
    /// Connects all clients, one after the other, and starts their thread.
    ///
    /// # Errors
    /// When a connection or its upgrade is refused, or the system gives no thread or poll.
    pub fn start(options: SwarmOptions) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut clients = Vec::with_capacity(options.clients);
        for index in 0..options.clients {
            let mut socket = Socket::open(options.address, &options.path)?;
            let interest = Interest::READABLE;
            poll.registry().register(socket.source(), Token(index), interest)?;
            for hello in &options.hello {
                socket.send_text(hello)?;
            }
            let positions = vec![Position::default(); options.symbols.len()];
            // What came with the upgrade's answer waits in its buffer already.
            clients.push(Client { socket: Some(socket), queued: true, positions });
        }
        let symbols = options.symbols.iter().enumerate();
        let (sender, batches) = bounded(SWARM_BATCHES_CAPACITY);
        let (stopping, tally) = (Arc::new(AtomicBool::new(false)), Arc::new(Tally::default()));
        let mut thread = Thread {
            finders: Finders::new(options.speech),
            symbols: symbols.map(|(index, name)| (name.clone().into_bytes(), index)).collect(),
            clients,
            waiting: options.waiting,
            clock: options.clock,
            tally: Arc::clone(&tally),
            batch: Vec::with_capacity(SWARM_SAMPLES_PER_BATCH),
            batches: sender,
        };
        let stop = Arc::clone(&stopping);
        let thread = std::thread::Builder::new()
            .name("swarm".to_owned())
            .spawn(move || thread.run(poll, &stop))?;
        Ok(Self { stopping, thread, tally, batches })
    }

    /// What was counted so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The samples taken since the last call, as far as they were handed over. To be called often
    /// enough that none is lost.
    pub fn samples(&self) -> impl Iterator<Item = Sample> + '_ {
        self.batches.try_iter().flatten()
    }

    /// Disconnects; returns the last samples and, per client and symbol, the last trade id.
    pub fn stop(self) -> (Vec<Sample>, Vec<Vec<u64>>) {
        // Release: pairs with the Acquire in `Thread::run`.
        self.stopping.store(true, Ordering::Release);
        // A panic was printed by the panic hook; no last ids means that everything is missing.
        let last_ids = self.thread.join().unwrap_or_default();
        (self.batches.try_iter().flatten().collect(), last_ids)
    }
}

/// How far one client came with one symbol.
#[derive(Clone, Copy, Debug, Default)]
struct Position {
    trade_id: u64,
    seq: u64,
}

impl Position {
    /// How many were skipped before `print`, or that it is no step forward.
    fn step(&mut self, print: &Print<'_>) -> Result<u64, Repeated> {
        let seq = print.seq.unwrap_or(0);
        let first = self.trade_id == 0;
        let forward = print.trade_id > self.trade_id && (print.seq.is_none() || seq > self.seq);
        if !first && !forward {
            return Err(Repeated);
        }
        // Of the first, whose numbers may be 0, it says nothing.
        let skipped = |number: u64, last: u64| number.saturating_sub(last).saturating_sub(1);
        let (by_id, by_seq) = (skipped(print.trade_id, self.trade_id), skipped(seq, self.seq));
        *self = Self { trade_id: print.trade_id, seq };
        Ok(if first { 0 } else { by_id.max(by_seq) })
    }
}

/// It came before, or later than what should follow it.
struct Repeated;

#[derive(Debug)]
struct Client {
    /// `None` once it ended.
    socket: Option<Socket>,
    /// It may have something to read.
    queued: bool,
    /// By symbol.
    positions: Vec<Position>,
}

#[derive(Debug)]
struct Thread {
    finders: Finders,
    symbols: HashMap<Vec<u8>, usize>,
    clients: Vec<Client>,
    waiting: Waiting,
    clock: Clock,
    tally: Arc<Tally>,
    batch: Vec<Sample>,
    batches: Sender<Vec<Sample>>,
}

impl Thread {
    fn run(&mut self, mut poll: Poll, stop: &AtomicBool) -> Vec<Vec<u64>> {
        let mut events = Events::with_capacity(1_024);
        let mut queue: Vec<usize> = (0..self.clients.len()).collect();
        let mut hand_over_due = MonoNanos::ZERO;
        // Acquire: pairs with the Release in `Swarm::stop`.
        while !stop.load(Ordering::Acquire) {
            let spins = self.waiting != Waiting::Block || !queue.is_empty();
            let timeout = if spins { Duration::ZERO } else { SWARM_SLEEP_MAX };
            if poll.poll(&mut events, Some(timeout)).is_err() {
                continue;
            }
            for index in events.iter().map(|event| event.token().0) {
                if !std::mem::replace(&mut self.clients[index].queued, true) {
                    queue.push(index);
                }
            }
            queue.retain(|&index| self.read(index));
            let now = self.clock.now();
            let due = now >= hand_over_due;
            if due || self.batch.len() >= SWARM_SAMPLES_PER_BATCH {
                hand_over_due = now.after(SWARM_HAND_OVER_EVERY);
                self.hand_over();
            }
        }
        self.hand_over();
        let ids = |client: &Client| client.positions.iter().map(|at| at.trade_id).collect();
        self.clients.iter().map(ids).collect()
    }

    /// Reads one client; true when there may be more to read.
    fn read(&mut self, index: usize) -> bool {
        let client = &mut self.clients[index];
        let Some(mut socket) = client.socket.take() else { return false };
        let mut more = true;
        for _ in 0..SWARM_READS_PER_TURN_MAX {
            match socket.read() {
                Ok(0) => {
                    Tally::add(&self.tally.ended, 1);
                    return false;
                }
                Ok(count) => Tally::add(&self.tally.bytes, count as u64),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    more = false;
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => {
                    Tally::add(&self.tally.ended, 1);
                    return false;
                }
            }
            let read = self.clock.now();
            self.take(index, &mut socket, read);
        }
        self.clients[index].socket = Some(socket);
        self.clients[index].queued = more;
        more
    }

    /// Takes every whole message out of the socket's buffer.
    fn take(&mut self, index: usize, socket: &mut Socket, read: MonoNanos) {
        let mut trades = 0;
        let mut pong = None;
        while let Some(message) = socket.next() {
            match message {
                Message::Text(text) => {
                    if self.note(index, text, read) {
                        trades += 1;
                    } else {
                        Tally::add(&self.tally.others, 1);
                    }
                }
                Message::Ping(payload) => pong = Some(payload.to_vec()),
                Message::Close(_) | Message::Other => Tally::add(&self.tally.others, 1),
            }
        }
        Tally::add(&self.tally.trades, trades);
        if let Some(payload) = pong {
            // A peer that cannot take a pong has ended, which the next read tells.
            let _ = socket.send_pong(&payload);
        }
    }

    /// Checks and notes one message; false when it is no trade of our symbols.
    fn note(&mut self, index: usize, text: &[u8], read: MonoNanos) -> bool {
        let Some(print) = self.finders.find(text) else { return false };
        let Some(&symbol) = self.symbols.get(print.symbol) else { return false };
        match self.clients[index].positions[symbol].step(&print) {
            Ok(skipped) => Tally::add(&self.tally.missing, skipped),
            Err(Repeated) => Tally::add(&self.tally.repeated, 1),
        }
        self.batch.push(Sample { symbol: symbol as u32, trade_id: print.trade_id, read });
        true
    }

    /// Hands the samples over to who evaluates them.
    fn hand_over(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(SWARM_SAMPLES_PER_BATCH));
        if let Err(refused) = self.batches.try_send(batch) {
            Tally::add(&self.tally.unfetched, refused.into_inner().len() as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(trade_id: u64, seq: Option<u64>) -> Print<'static> {
        Print { symbol: b"BTC/USDT", trade_id, seq }
    }

    #[test]
    fn the_first_trade_sets_the_position_and_each_skip_is_counted() {
        let mut position = Position::default();
        assert_eq!(position.step(&print(100, Some(7))).ok(), Some(0));
        assert_eq!(position.step(&print(101, Some(8))).ok(), Some(0));
        assert_eq!(position.step(&print(104, Some(9))).ok(), Some(2), "by the exchange's ids");
        assert_eq!(position.step(&print(105, Some(12))).ok(), Some(2), "by our numbers");
        assert!(position.step(&print(105, Some(13))).is_err(), "twice");
        assert!(position.step(&print(106, Some(12))).is_err(), "a number twice");
        assert_eq!(position.step(&print(106, Some(13))).ok(), Some(0));
    }

    #[test]
    fn numbers_may_begin_at_0() {
        let mut position = Position::default();
        assert_eq!(position.step(&print(0, Some(0))).ok(), Some(0));
        assert_eq!(position.step(&print(2, Some(2))).ok(), Some(0), "0 is as good as none");
        assert_eq!(position.step(&print(u64::MAX, Some(3))).ok(), Some(u64::MAX - 3));
    }

    #[test]
    fn without_numbers_the_ids_alone_count() {
        let mut position = Position::default();
        assert_eq!(position.step(&print(1, None)).ok(), Some(0));
        assert_eq!(position.step(&print(3, None)).ok(), Some(1));
        assert!(position.step(&print(2, None)).is_err());
    }
}
