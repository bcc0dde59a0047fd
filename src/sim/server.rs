//! The simulator's thread: sockets, HTTP, frames, heartbeats, limits and the faults that concern
//! connections. What is said over them is the [`Speaker`]'s.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::{Receiver, Sender};
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use tungstenite::handshake::server::Request;

use super::connection::{Connection, Incoming, Phase, Pulse};
use super::fault::{Fault, FaultSpec, Of};
use super::http::{self, Response, Target};
use super::options::Options;
use super::speaker::{Due, Speaker};
use super::stats::Counters;
use super::tamper::{Tamper, marks};
use super::transport::{Certificate, Transport};
use super::truth::{PastBook, TrueBar, TrueBook};
use super::wires::{ConnectionId, Wires};
use crate::clock::{Clock, MonoNanos};
use crate::limits::{
    SIM_CARE_EVERY, SIM_CLOSING_MAX, SIM_CONNECTIONS_MAX, SIM_SLEEP_MAX, SIM_SLEEP_SLACK,
};

const LISTENER: Token = Token(usize::MAX - 1);
/// Rings when a command waits.
pub(super) const WAKER: Token = Token(usize::MAX);

/// What the handle tells the thread.
#[derive(Debug)]
pub(super) enum Command {
    Inject(Fault),
    Pause(bool),
    Book { symbol: String, answer: Sender<Option<TrueBook>> },
    Stop,
}

/// The thread's state.
pub(super) struct Server {
    poll: Poll,
    listener: TcpListener,
    certificate: Option<Certificate>,
    wires: Wires,
    speaker: Box<dyn Speaker>,
    commands: Receiver<Command>,
    counters: Arc<Counters>,
    manners: Manners,
    clock: Clock,
    /// Faults by the clock, soonest first.
    planned: VecDeque<(MonoNanos, FaultSpec)>,
    /// The next handshakes are refused with this status.
    refuse: Option<(u16, u32)>,
    slow_start: Duration,
    /// The next answers come that much later.
    rest_late: Option<(Duration, u32)>,
    /// Connections that were told of their end.
    ending: Vec<(MonoNanos, ConnectionId)>,
    next_care: MonoNanos,
    stopped: bool,
}

/// How clients are treated.
#[derive(Clone, Copy, Debug)]
struct Manners {
    ping_interval: Duration,
    pong_timeout: Duration,
    lifetime: Option<Duration>,
    messages_per_second: u32,
    snapshot_lag: Duration,
    spin: bool,
}

/// What a server is made of besides its options.
pub(super) struct Parts {
    pub(super) poll: Poll,
    pub(super) listener: TcpListener,
    pub(super) certificate: Option<Certificate>,
    pub(super) speaker: Box<dyn Speaker>,
    pub(super) commands: Receiver<Command>,
    pub(super) counters: Arc<Counters>,
}

impl Server {
    /// # Errors
    /// When the listener cannot be polled.
    pub(super) fn new(mut parts: Parts, options: &Options) -> io::Result<Self> {
        parts.poll.registry().register(&mut parts.listener, LISTENER, Interest::READABLE)?;
        let now = options.clock.now();
        let planned = options.faults.iter().map(|spec| (now.after(spec.at), spec.clone()));
        let mut planned: Vec<_> = planned.collect();
        planned.sort_by_key(|(at, _)| *at);
        let symbols = parts.speaker.truth().symbols();
        let tamper = Tamper::new(marks(options.exchange), &symbols, options.seed);
        Ok(Self {
            wires: Wires::new(options.backlog_bytes_max, tamper, Arc::clone(&parts.counters)),
            poll: parts.poll,
            listener: parts.listener,
            certificate: parts.certificate,
            speaker: parts.speaker,
            commands: parts.commands,
            counters: parts.counters,
            manners: Manners {
                ping_interval: options.ping_interval,
                pong_timeout: options.pong_timeout,
                lifetime: options.lifetime,
                messages_per_second: options.messages_per_second,
                snapshot_lag: options.snapshot_lag,
                spin: options.spin,
            },
            clock: options.clock.clone(),
            planned: planned.into(),
            refuse: None,
            slow_start: Duration::ZERO,
            rest_late: None,
            ending: Vec::new(),
            next_care: now,
            stopped: false,
        })
    }

    /// Runs until it is told to stop; gives back what outlives a restart.
    pub(super) fn run(mut self) -> Box<dyn Speaker> {
        let mut events = Events::with_capacity(256);
        while !self.stopped {
            let due = self.turn(self.clock.now());
            self.wait(due, &mut events);
        }
        for id in self.wires.ids() {
            self.end(id);
        }
        self.speaker
    }

    /// One pass: commands, faults, what is due, heartbeats, and all of it into the sockets.
    fn turn(&mut self, now: MonoNanos) -> Due {
        self.wires.now = now;
        while let Ok(command) = self.commands.try_recv() {
            self.obey(command, now);
        }
        self.strike_planned(now);
        let mut due = self.speaker.advance(now, &mut self.wires);
        if now >= self.next_care {
            self.next_care = now.after(SIM_CARE_EVERY);
            self.care(now);
        }
        let held = self.wires.flush(now);
        self.sweep();
        due.loose = due.loose.min(held).min(self.next_care);
        due.loose = due.loose.min(self.planned.front().map_or(MonoNanos::MAX, |(at, _)| *at));
        due
    }

    /// Waits for sockets until something is due. Near the instant of a trade it does not sleep:
    /// the kernel's sleeps are too coarse to measure microseconds from.
    fn wait(&mut self, due: Due, events: &mut Events) {
        let now = self.clock.now();
        let until = |at: MonoNanos| Duration::from_nanos(at.since(now));
        let (exact, loose) = (until(due.exact), until(due.loose).min(SIM_SLEEP_MAX));
        let millisecond = Duration::from_millis(1);
        let timeout = match exact {
            // Poll rounds up to milliseconds.
            far if far > millisecond * 2 => loose.min(far - millisecond),
            near => {
                if !self.manners.spin {
                    std::thread::sleep(near);
                } else if near > SIM_SLEEP_SLACK * 2 {
                    std::thread::sleep(near - SIM_SLEEP_SLACK);
                }
                Duration::ZERO
            }
        };
        self.look(timeout, events);
    }

    /// Takes what the sockets have, waiting for it as long as `timeout`; returns how many had
    /// something to say.
    pub(super) fn look(&mut self, timeout: Duration, events: &mut Events) -> usize {
        if self.poll.poll(events, Some(timeout)).is_err() {
            // Interrupted by a signal; the next turn polls again.
            return 0;
        }
        let now = self.clock.now();
        self.wires.now = now;
        for event in events.iter() {
            match event.token() {
                LISTENER => self.accept(now),
                WAKER => {}
                Token(index) => self.hear(ConnectionId(index), now),
            }
        }
        events.iter().count()
    }

    /// One pass; true when more is due at once.
    pub(super) fn catch_up(&mut self) -> bool {
        let now = self.clock.now();
        let due = self.turn(now);
        due.exact.min(due.loose) <= now
    }

    /// Lets something go wrong now.
    pub(super) fn inject(&mut self, fault: Fault) {
        self.strike(fault, self.clock.now());
    }

    /// Lets the market stand still, or go on.
    pub(super) fn pause(&mut self, paused: bool) {
        self.speaker.pause(paused, self.clock.now());
    }

    /// The book of `symbol` now.
    pub(super) fn book(&self, symbol: &str) -> Option<TrueBook> {
        self.speaker.book(symbol)
    }

    /// The states that the book of an instrument had.
    pub(super) fn past_books(&mut self, instrument: usize) -> &[PastBook] {
        self.speaker.market().map_or(&[], |market| market.past_books(instrument))
    }

    /// The candles of an instrument up to the one that is open now.
    pub(super) fn bars(&mut self, instrument: usize, seconds: i64) -> Vec<TrueBar> {
        let now = self.clock.now();
        self.speaker.bars(instrument, seconds, self.clock.date(now).millis())
    }

    fn obey(&mut self, command: Command, now: MonoNanos) {
        match command {
            Command::Inject(fault) => self.strike(fault, now),
            Command::Pause(paused) => self.speaker.pause(paused, now),
            Command::Book { symbol, answer } => {
                // Who asked may have given up waiting.
                let _ = answer.try_send(self.speaker.book(&symbol));
            }
            Command::Stop => self.stopped = true,
        }
    }

    fn accept(&mut self, now: MonoNanos) {
        while let Ok((socket, _)) = self.listener.accept() {
            // Without it a small frame would wait for the answer to the one before.
            let _ = socket.set_nodelay(true);
            if self.wires.ids().count() >= SIM_CONNECTIONS_MAX {
                continue;
            }
            let transport = match &self.certificate {
                None => Ok(Transport::Plain(socket)),
                Some(certificate) => certificate.wrap(socket),
            };
            let Ok(transport) = transport else { continue };
            let mut connection = Connection::new(transport);
            connection.pulse.opened = now;
            let id = self.wires.add(connection);
            self.counters.accepted.add(1);
            let Some(connection) = self.wires.connection(id) else { continue };
            let interest = Interest::READABLE | Interest::WRITABLE;
            let socket = connection.transport().socket();
            if self.poll.registry().register(socket, Token(id.0), interest).is_err() {
                self.end(id);
            }
        }
    }

    /// Takes and answers what a client sent.
    fn hear(&mut self, id: ConnectionId, now: MonoNanos) {
        loop {
            let Some(connection) = self.wires.connection(id) else { return };
            let more = connection.fill();
            if connection.muted {
                return;
            }
            while let Some(incoming) = self.wires.connection(id).and_then(Connection::next) {
                self.answer(id, incoming, now);
            }
            if !more {
                return;
            }
        }
    }

    fn answer(&mut self, id: ConnectionId, incoming: Incoming, now: MonoNanos) {
        match incoming {
            Incoming::Request(request) => return self.request(id, &request, now),
            Incoming::BadRequest => {
                let response = Response::new(400, "{\"code\":-1000,\"msg\":\"\"}".to_owned());
                return self.respond(id, response, true);
            }
            Incoming::Violation => return self.wires.close(id, 1002, "Protocol error"),
            Incoming::Close => return self.wires.close(id, 1000, ""),
            Incoming::Text(_) | Incoming::Binary | Incoming::Ping(_) | Incoming::Pong => {}
        }
        if self.too_many_messages(id, now) {
            return self.wires.close(id, 1008, "Too many requests");
        }
        match incoming {
            Incoming::Text(text) => {
                self.counters.commands.add(1);
                if text.to_ascii_lowercase().contains("subscribe") {
                    self.wires.unmute(id);
                }
                self.speaker.message(id, &text, now, &mut self.wires);
            }
            Incoming::Binary => self.wires.close(id, 1003, "Binary is not supported"),
            Incoming::Ping(payload) => self.wires.send(id, 0xA, &[&payload]),
            Incoming::Pong => {
                self.counters.pongs.add(1);
                if let Some(connection) = self.wires.connection(id) {
                    connection.pulse.unanswered = None;
                }
            }
            _ => {}
        }
    }

    /// Counts a message of a client, pings and pongs included.
    fn too_many_messages(&mut self, id: ConnectionId, now: MonoNanos) -> bool {
        let bound = self.manners.messages_per_second;
        let Some(connection) = self.wires.connection(id) else { return false };
        let pulse = &mut connection.pulse;
        if now.since(pulse.window) >= 1_000_000_000 {
            (pulse.window, pulse.messages) = (now, 0);
        }
        pulse.messages += 1;
        bound > 0 && pulse.messages > bound
    }

    fn request(&mut self, id: ConnectionId, request: &Request, now: MonoNanos) {
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let target = Target::parse(target);
        if http::wants_upgrade(request) {
            return self.upgrade(id, request, &target, now);
        }
        let response = self.speaker.request(&target, now);
        self.counters.requests.add(1);
        self.counters.requests_refused.add(u64::from(response.status != 200));
        let last = request.headers().get("Connection").is_some_and(|value| value == "close");
        self.respond(id, response, last);
        if let Some(connection) = self.wires.connection(id)
            && target.path.ends_with("/depth")
        {
            connection.held_until = now.after(self.manners.snapshot_lag);
        }
        if let Some((after, count)) = &mut self.rest_late
            && *count > 0
        {
            *count -= 1;
            if let Some(connection) = self.wires.connection(id) {
                connection.held_until = connection.held_until.max(now.after(*after));
            }
        }
    }

    fn upgrade(&mut self, id: ConnectionId, request: &Request, target: &Target, now: MonoNanos) {
        let refused = match &mut self.refuse {
            Some((status, count)) if *count > 0 => {
                *count -= 1;
                Err(Response::new(*status, "{\"code\":-1001,\"msg\":\"Refused\"}".to_owned()))
            }
            _ => self.speaker.upgrade(id, target),
        };
        if let Err(response) = refused {
            self.counters.upgrades_refused.add(1);
            return self.respond(id, response, true);
        }
        let Some(connection) = self.wires.connection(id) else { return };
        if !http::write_upgrade(request, connection.output()) {
            self.speaker.closed(id);
            self.counters.upgrades_refused.add(1);
            let text = "{\"code\":-1000,\"msg\":\"No WebSocket handshake\"}".to_owned();
            return self.respond(id, Response::new(400, text), true);
        }
        connection.phase = Phase::Open;
        connection.held_until = now.after(self.slow_start);
        connection.pulse = Pulse { opened: now, pinged: now, window: now, ..Pulse::default() };
        self.counters.upgrades.add(1);
        self.speaker.opened(id, now, &mut self.wires);
    }

    fn respond(&mut self, id: ConnectionId, response: Response, last: bool) {
        let Some(connection) = self.wires.connection(id) else { return };
        response.write(connection.output());
        if last {
            connection.phase = Phase::Closing;
        }
    }

    /// Heartbeats, ages, and the ends that were announced.
    fn care(&mut self, now: MonoNanos) {
        for id in self.wires.ids() {
            let Some(connection) = self.wires.connection(id) else { continue };
            let pulse = &mut connection.pulse;
            match connection.phase {
                Phase::Open => {}
                Phase::Http => continue,
                Phase::Closing => {
                    let since = *pulse.closing.get_or_insert(now);
                    connection.gone |= now.since(since) >= nanos(SIM_CLOSING_MAX);
                    continue;
                }
            }
            let timeout = nanos(self.manners.pong_timeout);
            let old =
                self.manners.lifetime.is_some_and(|age| now.since(pulse.opened) >= nanos(age));
            if old || pulse.unanswered.is_some_and(|since| now.since(since) >= timeout) {
                // As the exchange does: often without a close frame.
                connection.gone = !connection.muted;
                continue;
            }
            if now.since(pulse.pinged) >= nanos(self.manners.ping_interval) {
                pulse.pinged = now;
                pulse.unanswered.get_or_insert(now);
                let payload = self.clock.date(now).millis().to_string();
                self.wires.send(id, 0x9, &[payload.as_bytes()]);
                self.counters.pings.add(1);
            }
        }
        let due = |(at, _): &(MonoNanos, ConnectionId)| *at <= now;
        for (_, id) in self.ending.extract_if(.., |ending| due(ending)) {
            if let Some(connection) = self.wires.connection(id) {
                connection.gone = true;
            }
        }
    }

    /// Lets go of the connections that ended.
    fn sweep(&mut self) {
        let (mut connections, mut open) = (0, 0);
        for id in self.wires.ids() {
            let Some(connection) = self.wires.connection(id) else { continue };
            let done = connection.phase == Phase::Closing && connection.drained();
            if connection.gone || done {
                self.end(id);
                continue;
            }
            connections += 1;
            open += u64::from(connection.phase == Phase::Open);
        }
        self.counters.connections.set(connections);
        self.counters.websockets.set(open);
        self.counters.streams.set(self.speaker.streams() as u64);
    }

    fn end(&mut self, id: ConnectionId) {
        self.speaker.closed(id);
        self.ending.retain(|(_, ending)| *ending != id);
        if let Some(mut connection) = self.wires.remove(id) {
            // Its socket closes with it in any case.
            let _ = self.poll.registry().deregister(connection.transport().socket());
        }
    }

    fn strike_planned(&mut self, now: MonoNanos) {
        while let Some((at, spec)) = self.planned.pop_front_if(|(at, _)| *at <= now) {
            if let Some(every) = spec.every {
                let next = at.after(every.max(Duration::from_millis(1)));
                let index = self.planned.partition_point(|(at, _)| *at <= next);
                self.planned.insert(index, (next, spec.clone()));
            }
            self.strike(spec.fault, now);
        }
    }

    fn strike(&mut self, fault: Fault, now: MonoNanos) {
        self.counters.faults.add(1);
        match fault {
            Fault::Disconnect => self.each_connection(|connection| connection.gone = true),
            Fault::DisconnectOne => self.disconnect_one(),
            Fault::Silence => self.each_connection(|connection| connection.muted = true),
            Fault::Hush => self.each_connection(|connection| {
                connection.hushed |= connection.phase == Phase::Open;
            }),
            Fault::Trickle => self.each_connection(|connection| connection.trickle(now)),
            Fault::Close(code) => self.each_open(|wires, id| wires.close(id, code, "Closed")),
            Fault::Garbage => self.each_open(|wires, id| wires.text(id, &[b"<html>502</html>"])),
            Fault::Truncated => self.wires.truncate_next = true,
            Fault::Oversized(bytes) => {
                let payload = vec![b' '; bytes];
                self.each_open(|wires, id| wires.text(id, &[&payload]));
            }
            Fault::Binary => self.each_open(|wires, id| wires.send(id, 0x2, &[&[0, 255, 1, 2]])),
            Fault::Pongs(count) => self.each_open(|wires, id| wires.flood(id, 0x8A, 0x8A, count)),
            Fault::Crumbs(count) => self.each_open(|wires, id| wires.flood(id, 0x01, 0x00, count)),
            Fault::Errors(count) => {
                for id in self.wires.open_ids() {
                    (0..count)
                        .for_each(|_| self.speaker.message(id, NONSENSE, now, &mut self.wires));
                }
            }
            Fault::Deep { symbol, count } => {
                if let Some(market) = self.speaker.market() {
                    market.deepen_by(symbol.as_deref(), count);
                }
            }
            Fault::Leap { by, symbol } => {
                if let Some(market) = self.speaker.market() {
                    market.leap_trades(symbol.as_deref(), by);
                }
            }
            Fault::SlowStart(delay) => self.slow_start = delay,
            Fault::Refuse { status, count } => self.refuse = Some((status, count)),
            Fault::Shutdown { after } => {
                self.speaker.announce_shutdown(now, &mut self.wires);
                let ends = self.wires.open_ids().map(|id| (now.after(after), id));
                self.ending.extend(ends);
            }
            Fault::Stall(time) => self.each_connection(|connection| {
                connection.held_until = connection.held_until.max(now.after(time));
            }),
            Fault::RestLate { after, count } => self.rest_late = Some((after, count)),
            Fault::SequenceReset { of: Of::Trade, symbol } => {
                if let Some(market) = self.speaker.market() {
                    market.begin_trades_anew(symbol.as_deref());
                }
            }
            Fault::AckMute { .. }
            | Fault::TooMany { .. }
            | Fault::SequenceReset { .. }
            | Fault::WrongChecksum { .. }
            | Fault::MarketClosed { .. }
            | Fault::RestRefuse { .. }
            | Fault::RestStale { .. } => self.speaker.arm(fault),
            Fault::Drop { .. }
            | Fault::Duplicate { .. }
            | Fault::Reorder { .. }
            | Fault::Corrupt { .. }
            | Fault::Cut { .. }
            | Fault::Unreadable { .. }
            | Fault::TimesAhead { .. }
            | Fault::Superseded { .. }
            | Fault::Mute { .. } => self.wires.tamper.arm(fault),
        }
    }

    fn disconnect_one(&mut self) {
        let open: Vec<ConnectionId> = self.wires.open_ids().collect();
        let turn = self.counters.read().faults as usize % open.len().max(1);
        if let Some(connection) = open.get(turn).and_then(|&id| self.wires.connection(id)) {
            connection.gone = true;
        }
    }

    fn each_connection(&mut self, act: impl Fn(&mut Connection)) {
        for id in self.wires.ids() {
            if let Some(connection) = self.wires.connection(id) {
                act(connection);
            }
        }
    }

    fn each_open(&mut self, act: impl Fn(&mut Wires, ConnectionId)) {
        for id in self.wires.open_ids() {
            act(&mut self.wires, id);
        }
    }
}

/// What no exchange can read: each answers with its error.
const NONSENSE: &str = "nonsense";

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A listener that several runs in a row can have: the address is free again at once.
///
/// # Errors
/// When the address is taken or not this machine's.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    // mio sets SO_REUSEADDR, so that connections of a run before do not hold the address.
    TcpListener::bind(address)
}
