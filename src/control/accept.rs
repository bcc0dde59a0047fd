//! Accepts clients: listens, answers upgrades without blocking, refuses what must be refused, and
//! hands open connections to the broadcaster that has the fewest.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Token, Waker};
use socket2::SockRef;

use super::shortage::{self, Shortage};
use crate::broadcast::{Admission, BroadcastCommand, BroadcastHandle, OpenSocket};
use crate::clock::{Clock, MonoNanos};
use crate::dialect::{Dialects, Door};
use crate::limits::{
    ACCEPTS_PER_TURN, CLIENT_UNSENT_BYTES, DEADLINES_EVERY, HANDSHAKE_WAKE_UPS_MAX, HANDSHAKES_MAX,
    LINGER_BYTES_PER_TURN, LINGER_MAX, REQUEST_BYTES_MAX,
};
use crate::metrics::{AcceptCounters, Counter};
use crate::net::{
    Bounds, HttpRequest, NetError, Poller, Security, ServerHandshake, ServerStep, Step, Transport,
    Waiting, Watch,
};

/// The listener's token; handshakes count from 0.
const LISTENER: Token = Token(usize::MAX - 1);

/// Whom to let in.
#[derive(Clone, Debug)]
pub struct AcceptOptions {
    /// Clients at a time; more are refused with 503.
    pub clients_max: usize,
    /// Clients at a time from one address; more are refused with 429.
    pub clients_per_ip_max: usize,
    /// Time from the connection to its upgrade.
    pub handshake_max: Duration,
    /// Origins that a browser may come from; others are refused with 403. Empty: any.
    pub origins: Vec<String>,
    /// What protects the connections.
    pub security: Security,
}

impl Default for AcceptOptions {
    fn default() -> Self {
        Self {
            clients_max: 10_000,
            clients_per_ip_max: 100,
            handshake_max: Duration::from_secs(10),
            origins: Vec::new(),
            security: Security::Plain,
        }
    }
}

/// The way to the acceptor, for other threads.
#[derive(Clone, Debug)]
pub struct AcceptHandle {
    stopping: Arc<AtomicBool>,
    waker: Arc<Waker>,
    counters: Arc<AcceptCounters>,
    local_addr: SocketAddr,
}

impl AcceptHandle {
    /// Ends the thread: whoever is in a handshake gets 503.
    pub fn stop(&self) {
        // Release: pairs with the Acquire in `Acceptor::turn`; carries nothing but itself.
        self.stopping.store(true, Ordering::Release);
        // A waker that fails leaves the thread to find out at its next look at the deadlines.
        let _ = self.waker.wake();
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// What it counts.
    pub fn counters(&self) -> &Arc<AcceptCounters> {
        &self.counters
    }
}

/// A connection that is no client yet.
#[derive(Debug)]
struct Pending {
    handshake: ServerHandshake<Transport>,
    peer: SocketAddr,
    until: MonoNanos,
    /// How often its socket may still wake us; with none left it is put off to the looks at the
    /// deadlines.
    wake_ups_left: u32,
    /// TLS is agreed on, or there is none.
    secured: bool,
    /// Its request was answered, this way or that.
    answered: bool,
    /// The answer is out: what it still sends is read and dropped, until then.
    lingers: bool,
    /// Taken when its request was found good.
    admitted: Option<Admitted>,
}

/// A place among the clients, and what is spoken where the client came in.
#[derive(Debug)]
struct Admitted {
    admission: Admission,
    dialects: Dialects,
}

/// What became of a connection.
enum Outcome {
    Waiting,
    Upgraded,
    /// The answer is out.
    Responded,
    Ended,
}

/// The acceptor: everything that its thread owns.
#[derive(Debug)]
pub struct Acceptor {
    options: AcceptOptions,
    clock: Clock,
    listener: TcpListener,
    poller: Poller,
    broadcasters: Vec<BroadcastHandle>,
    stopping: Arc<AtomicBool>,
    counters: Arc<AcceptCounters>,
    pending: Vec<Option<Pending>>,
    /// How many of them there are of each address.
    pending_by_ip: HashMap<IpAddr, usize>,
    shortage: Shortage,
    /// Places taken, over all addresses and by address; shared with the admissions.
    clients: Arc<AtomicUsize>,
    clients_by_ip: HashMap<IpAddr, Arc<AtomicUsize>>,
    /// The listener may have more connections than the last turn took.
    listener_ready: bool,
    deadlines_due: MonoNanos,
    /// Sockets that are ready; kept for its memory.
    ready: Vec<usize>,
}

impl Acceptor {
    /// Listens at once, so that a taken port is an error here.
    ///
    /// # Errors
    /// When the address cannot be bound, or the system gives no poll.
    pub fn new(
        options: AcceptOptions,
        listen: SocketAddr,
        broadcasters: Vec<BroadcastHandle>,
        clock: Clock,
    ) -> io::Result<(Self, AcceptHandle)> {
        let mut listener = TcpListener::bind(listen)?;
        let poller = Poller::new()?;
        poller.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let handle = AcceptHandle {
            stopping: Arc::new(AtomicBool::new(false)),
            waker: poller.waker(),
            counters: Arc::new(AcceptCounters::default()),
            local_addr: listener.local_addr()?,
        };
        let acceptor = Self {
            options,
            clock,
            listener,
            poller,
            broadcasters,
            stopping: Arc::clone(&handle.stopping),
            counters: Arc::clone(&handle.counters),
            pending: Vec::new(),
            pending_by_ip: HashMap::new(),
            shortage: Shortage::new(),
            clients: Arc::default(),
            clients_by_ip: HashMap::new(),
            listener_ready: false,
            deadlines_due: MonoNanos::ZERO,
            ready: Vec::new(),
        };
        Ok((acceptor, handle))
    }

    /// Turns until it is told to stop and whoever was in a handshake has been answered.
    pub fn run(mut self) {
        loop {
            let now = self.clock.now();
            let work = self.turn(now);
            // Acquire: pairs with the Release in `AcceptHandle::stop`.
            let stopping = self.stopping.load(Ordering::Acquire);
            if stopping && self.pending.iter().all(Option::is_none) {
                return;
            }
            let timeout = if work > 0 { Duration::ZERO } else { DEADLINES_EVERY };
            if let Err(error) = self.poller.wait(Waiting::Block, Some(timeout)) {
                tracing::error!(%error, "the acceptor cannot wait for its sockets and ends");
                return;
            }
        }
    }

    /// One turn: new connections, handshakes that can go on, deadlines. Returns the work done.
    pub fn turn(&mut self, now: MonoNanos) -> usize {
        self.ready.clear();
        for event in self.poller.events() {
            match event.token() {
                LISTENER => self.listener_ready = true,
                Token(slot) => self.ready.push(slot),
            }
        }
        let mut work = self.accept(now);
        let ready = std::mem::take(&mut self.ready);
        for &slot in &ready {
            self.wake(slot, now);
        }
        work += ready.len();
        self.ready = ready;
        // Acquire: pairs with the Release in `AcceptHandle::stop`.
        if now >= self.deadlines_due || self.stopping.load(Ordering::Acquire) {
            self.deadlines_due = now.after(DEADLINES_EVERY);
            self.end_overdue(now);
        }
        work
    }

    /// Takes connections from the listener, up to a bound.
    fn accept(&mut self, now: MonoNanos) -> usize {
        let mut work = 0;
        while self.listener_ready && work < ACCEPTS_PER_TURN {
            match self.listener.accept() {
                Ok((stream, peer)) => {
                    work += 1;
                    if let Err(error) = self.begin(stream, peer, now) {
                        tracing::debug!(%peer, %error, "a connection failed as it began");
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.listener_ready = false;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if shortage::is_shortage(&error) => {
                    self.shortage.tell(&error, now);
                    let is_plain = matches!(self.options.security, Security::Plain);
                    if !self.shortage.refuse(|| self.listener.accept(), is_plain) {
                        // Tried again when the deadlines are looked at.
                        self.listener_ready = false;
                        break;
                    }
                    self.counters.refused_503.increment();
                    work += 1;
                }
                // The connection is gone again.
                Err(error) => {
                    work += 1;
                    tracing::debug!(%error, "cannot accept a connection");
                }
            }
        }
        work
    }

    /// Begins the handshake of a connection.
    fn begin(&mut self, stream: TcpStream, peer: SocketAddr, now: MonoNanos) -> io::Result<()> {
        // Bounds what the kernel holds unsent, so that a client that lags is seen to lag, and
        // what it gets next is not old.
        SockRef::from(&stream).set_tcp_notsent_lowat(CLIENT_UNSENT_BYTES)?;
        let mut transport = Transport::accept(stream, peer, &self.options.security)
            .map_err(|error| io::Error::other(error.to_string()))?;
        let slot = self.free_slot();
        transport.register(self.poller.registry(), Token(slot))?;
        let until = now.after(self.options.handshake_max);
        let handshake = ServerHandshake::new(transport);
        let (secured, answered, lingers, admitted) = (false, false, false, None);
        let wake_ups_left = HANDSHAKE_WAKE_UPS_MAX;
        let pending =
            Pending { handshake, peer, until, wake_ups_left, secured, answered, lingers, admitted };
        self.put(slot, pending);
        // It may have sent its request already, and then no readiness is reported any more.
        self.advance(slot, now);
        Ok(())
    }

    /// A slot for one more handshake: when there are as many as may be, that of the oldest of the
    /// address that has the most.
    fn free_slot(&mut self) -> usize {
        if let Some(free) = self.pending.iter().position(Option::is_none) {
            return free;
        }
        if self.pending.len() < HANDSHAKES_MAX {
            self.pending.push(None);
            return self.pending.len() - 1;
        }
        let busiest = self.pending_by_ip.iter().max_by_key(|&(_, count)| *count);
        let busiest = busiest.map(|(&ip, _)| ip);
        let of_busiest = self.pending.iter().enumerate().filter_map(|(slot, pending)| {
            let pending = pending.as_ref().filter(|one| Some(one.peer.ip()) == busiest)?;
            // One whose answer is out is over as soon as one that waits.
            Some((pending.until, slot))
        });
        let slot = of_busiest.min().map_or(0, |(_, slot)| slot);
        if let Some(mut displaced) = self.take(slot) {
            self.counters.displaced.increment();
            if displaced.secured && !displaced.answered {
                self.counters.refused_503.increment();
                respond_with(&mut displaced.handshake, Refusal::Displaced);
                // What the kernel does not take at once is not waited for.
                let _ = displaced.handshake.advance();
            }
            displaced.handshake.transport_mut().shutdown();
        }
        slot
    }

    fn put(&mut self, slot: usize, pending: Pending) {
        *self.pending_by_ip.entry(pending.peer.ip()).or_default() += 1;
        self.pending[slot] = Some(pending);
    }

    fn take(&mut self, slot: usize) -> Option<Pending> {
        let pending = self.pending.get_mut(slot)?.take()?;
        if let Entry::Occupied(mut count) = self.pending_by_ip.entry(pending.peer.ip()) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        Some(pending)
    }

    /// Goes on with a handshake whose socket is ready, unless it is put off.
    fn wake(&mut self, slot: usize, now: MonoNanos) {
        let Some(Some(pending)) = self.pending.get_mut(slot) else { return };
        // There is room to write, which can wait as well.
        let Some(left) = pending.wake_ups_left.checked_sub(1) else { return };
        pending.wake_ups_left = left;
        if left == 0 {
            self.counters.reads_put_off.increment();
            let transport = pending.handshake.transport_mut();
            // Where the system refuses, we are woken for nothing.
            if let Err(error) = transport.watch(self.poller.registry(), Token(slot), Watch::Writing)
            {
                tracing::debug!(peer = %pending.peer, %error, "cannot change how a socket is watched");
            }
        }
        self.advance(slot, now);
    }

    /// Goes on with one handshake as far as it goes.
    fn advance(&mut self, slot: usize, now: MonoNanos) {
        let Some(mut pending) = self.take(slot) else { return };
        match self.go_on(&mut pending) {
            Ok(Outcome::Waiting) => self.put(slot, pending),
            Ok(Outcome::Upgraded) => self.hand_over(pending),
            Ok(Outcome::Responded) => {
                pending.handshake.transport_mut().shutdown();
                pending.lingers = true;
                pending.until = now.after(LINGER_MAX);
                self.put(slot, pending);
                self.advance(slot, now);
            }
            Ok(Outcome::Ended) => {}
            Err(error) => {
                tracing::debug!(peer = %pending.peer, %error, "a handshake failed");
            }
        }
    }

    fn go_on(&mut self, pending: &mut Pending) -> Result<Outcome, NetError> {
        let Pending { handshake, secured, answered, lingers, admitted, peer, .. } = pending;
        if *lingers {
            return drop_input(handshake.transport_mut());
        }
        if !*secured {
            *secured = handshake.transport_mut().advance()? == Step::Done;
            if !*secured {
                return Ok(Outcome::Waiting);
            }
        }
        loop {
            match handshake.advance() {
                Ok(ServerStep::Pending) => return Ok(Outcome::Waiting),
                Ok(ServerStep::Upgraded) => return Ok(Outcome::Upgraded),
                Ok(ServerStep::Responded) => return Ok(Outcome::Responded),
                Ok(ServerStep::Requested) => {}
                Err(error) => {
                    let status = match error {
                        NetError::Handshake { .. } if !*answered => 400,
                        NetError::HandshakeTooLarge { .. } if !*answered => 431,
                        _ => return Err(error),
                    };
                    *answered = true;
                    match status {
                        431 => self.counters.refused_431.increment(),
                        _ => self.counters.refused_400.increment(),
                    }
                    respond(handshake, status, &error.to_string());
                    continue;
                }
            }
            let Some(request) = handshake.request() else { return Ok(Outcome::Ended) };
            *answered = true;
            match self.judge(request, peer.ip()) {
                Ok(client) => match handshake.accept(None) {
                    Ok(()) => *admitted = Some(client),
                    Err(error) => {
                        self.counters.refused_400.increment();
                        respond(handshake, 400, &error.to_string());
                    }
                },
                Err(refusal) => {
                    refusal.counter(&self.counters).increment();
                    respond_with(handshake, refusal);
                }
            }
        }
    }

    /// Whether a request becomes a client.
    fn judge(&mut self, request: &HttpRequest, ip: IpAddr) -> Result<Admitted, Refusal> {
        // Acquire: pairs with the Release in `AcceptHandle::stop`.
        if self.stopping.load(Ordering::Acquire) {
            return Err(Refusal::Stopping);
        }
        if let Some(what) = request.fault() {
            return Err(Refusal::Bad(what));
        }
        let door = Door { path: request.path() };
        let dialects = Dialects::at(&door).ok_or(Refusal::Path)?;
        if request.method() != "GET" || !request.is_upgrade() {
            return Err(Refusal::NoUpgrade);
        }
        let allowed = |origin| self.options.origins.iter().any(|allowed| allowed == origin);
        let mut origins = request.origins();
        // No browser sends two, or one that is no text: whoever does speaks past us to a proxy.
        let is_allowed = match (origins.next(), origins.next()) {
            (None, _) => true,
            (Some(origin), None) => origin.is_some_and(allowed),
            (Some(_), Some(_)) => false,
        };
        if !self.options.origins.is_empty() && !is_allowed {
            return Err(Refusal::Origin);
        }
        // Relaxed: lone counts, and this thread alone takes places.
        if self.clients.load(Ordering::Relaxed) >= self.options.clients_max {
            return Err(Refusal::Capacity);
        }
        self.clients_by_ip.retain(|_, count| count.load(Ordering::Relaxed) > 0);
        let by_ip = self.clients_by_ip.entry(ip).or_default();
        if by_ip.load(Ordering::Relaxed) >= self.options.clients_per_ip_max {
            return Err(Refusal::Address);
        }
        let admission = Admission::take(vec![Arc::clone(&self.clients), Arc::clone(by_ip)]);
        Ok(Admitted { admission, dialects })
    }

    /// Gives an open connection to the broadcaster that has the fewest; when its queue is full, to
    /// the next.
    fn hand_over(&mut self, pending: Pending) {
        let Pending { mut handshake, peer, admitted: Some(admitted), .. } = pending else {
            return;
        };
        if let Err(error) = handshake.transport_mut().deregister(self.poller.registry()) {
            tracing::warn!(%peer, %error, "cannot hand a client over");
            return;
        }
        let socket = handshake.into_websocket(Bounds::session(REQUEST_BYTES_MAX));
        let Admitted { admission, dialects } = admitted;
        let open = OpenSocket { socket: Box::new(socket), peer, dialects, admission };
        let mut command = BroadcastCommand::Open(open);
        let mut order: Vec<&BroadcastHandle> = self.broadcasters.iter().collect();
        order.sort_by_key(|broadcaster| broadcaster.clients());
        for broadcaster in order {
            match broadcaster.send(command) {
                Ok(()) => {
                    self.counters.accepted.increment();
                    return;
                }
                Err(refused) => command = *refused,
            }
        }
        self.counters.refused_503.increment();
        tracing::warn!(%peer, "no broadcaster takes the client");
    }

    /// Ends handshakes that took too long; all that have not been answered, when stopping. Goes on with
    /// those that are put off.
    fn end_overdue(&mut self, now: MonoNanos) {
        // Acquire: pairs with the Release in `AcceptHandle::stop`.
        let stopping = self.stopping.load(Ordering::Acquire);
        for slot in 0..self.pending.len() {
            let Some(pending) = &mut self.pending[slot] else { continue };
            if pending.until <= now {
                if !pending.lingers {
                    self.counters.timeouts.increment();
                }
                drop(self.take(slot));
                continue;
            }
            if stopping && pending.secured && !pending.answered {
                pending.answered = true;
                self.counters.refused_503.increment();
                respond_with(&mut pending.handshake, Refusal::Stopping);
                self.advance(slot, now);
            } else if pending.wake_ups_left == 0 {
                self.advance(slot, now);
            }
        }
        // A listener that failed for want of file descriptors is tried again.
        self.listener_ready = true;
    }
}

/// Why a request does not become a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// It is no request that means one thing.
    Bad(&'static str),
    Stopping,
    /// Others of its address keep as many connections in a handshake as there may be.
    Displaced,
    Path,
    NoUpgrade,
    Origin,
    Capacity,
    Address,
}

impl Refusal {
    const fn status(self) -> u16 {
        match self {
            Self::Bad(_) => 400,
            Self::Stopping | Self::Displaced | Self::Capacity => 503,
            Self::Path => 404,
            Self::NoUpgrade => 426,
            Self::Origin => 403,
            Self::Address => 429,
        }
    }

    /// What happened and what to do about it.
    const fn text(self) -> &'static str {
        match self {
            Self::Bad(what) => what,
            Self::Displaced => "too many connections wait for their request; send it at once",
            Self::Stopping => "the gateway is stopping; connect again later",
            Self::Path => "no such path; WebSocket clients connect to / or /ws",
            Self::NoUpgrade => "this port speaks WebSocket; send an upgrade request",
            Self::Origin => "this origin is not allowed",
            Self::Capacity => "the gateway serves as many clients as it may; connect again later",
            Self::Address => "too many connections from this address; close one first",
        }
    }

    const fn counter(self, counters: &AcceptCounters) -> &Counter {
        match self {
            Self::Bad(_) => &counters.refused_400,
            Self::Stopping | Self::Displaced | Self::Capacity => &counters.refused_503,
            Self::Path => &counters.refused_404,
            Self::NoUpgrade => &counters.refused_426,
            Self::Origin => &counters.refused_403,
            Self::Address => &counters.refused_429,
        }
    }
}

/// Reads and drops what a refused client still sends: unread bytes would make a reset of our end of
/// the connection, which takes the answer along.
fn drop_input(transport: &mut Transport) -> Result<Outcome, NetError> {
    let mut scrap = [0; 4 << 10];
    for _ in 0..LINGER_BYTES_PER_TURN / scrap.len() {
        match transport.read(&mut scrap) {
            Ok(0) => return Ok(Outcome::Ended),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Outcome::Waiting),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Ok(Outcome::Ended),
        }
    }
    // Who sends so much does not wait for an answer.
    Ok(Outcome::Ended)
}

fn respond_with(handshake: &mut ServerHandshake<Transport>, refusal: Refusal) {
    respond(handshake, refusal.status(), refusal.text());
}

/// Answers with a refusal that a person can read.
fn respond(handshake: &mut ServerHandshake<Transport>, status: u16, text: &str) {
    let body = format!("{text}\n");
    let mut headers = vec![("Content-Type", "text/plain; charset=utf-8")];
    if matches!(status, 429 | 503) {
        headers.push(("Retry-After", "5"));
    }
    handshake.respond(status, &headers, body.as_bytes());
}

#[cfg(test)]
mod tests;
