//! One connection to an exchange, from the name of its host to its end, and again.
//!
//! ```text
//!  waiting ─▶ resolving ─▶ dialing (TCP, TLS) ─▶ upgrading ─▶ open
//!     ▲           │            │ next address        │          │
//!     └───────────┴────────────┴─────────────────────┴──────────┘ backoff
//! ```
//!
//! Nothing here blocks, and the time is whatever the caller says it is.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use mio::{Registry, Token};

use super::attempts::Attempts;
use super::chatter::{Chatter, Complaints};
use super::circuit::Circuit;
use super::flow::Flow;
use super::holes::Holes;
use super::open::{Lacks, Open};
use super::pacing::Pacer;
use super::pulse::{Look, Pulse};
use super::rhythm::Rhythms;
use super::subscribing::Subscribing;
use crate::clock::{MonoNanos, UnixNanos};
use crate::exchange::{ConnectionPlan, ConnectionRules, Exchange, MessagesOf, Profile};
use crate::feed::command::{Addresses, FeedNotice};
use crate::instrument::Channel;
use crate::limits::{REFUSED_FOR_MAX, REFUSED_LONG, SERVED_ENOUGH, UNSENT_TOLD_AFTER};
use crate::metrics::FeedCounters;
use crate::net::{Backoff, Bounds, ClientHandshake, NetError, Security, Step, Transport, join};
use crate::proof::ConnectionSequence;
use crate::tick::{FeedState, Reason};

/// What a connection finds around itself.
pub(in crate::feed) struct UpstreamContext<'a> {
    /// Which line of the feed it is.
    pub(in crate::feed) line: u8,
    /// Which of those that carry the same.
    pub(in crate::feed) copy: u8,
    /// Where to connect.
    pub(in crate::feed) target: &'a Target,
    /// What the exchange allows.
    pub(in crate::feed) rules: &'a ConnectionRules,
    /// How it refuses.
    pub(in crate::feed) profile: &'static Profile,
    /// What all its connections may say, where they count together.
    pub(in crate::feed) pacer: &'a Pacer,
    /// The date of this turn.
    pub(in crate::feed) date: UnixNanos,
    /// Where sockets are registered.
    pub(in crate::feed) registry: &'a Registry,
    /// Attempts of all feeds that share the host.
    pub(in crate::feed) attempts: &'a Attempts,
    /// Whether the exchange may be asked at all.
    pub(in crate::feed) circuit: &'a mut Circuit,
    /// Connections that were open and are not any more.
    pub(in crate::feed) lost: &'a mut Vec<Lost>,
    /// Connections of the whole feed so far.
    pub(in crate::feed) generations: &'a mut u32,
    /// What is to be asked or told.
    pub(in crate::feed) notices: &'a mut Vec<FeedNotice>,
    /// What is counted.
    pub(in crate::feed) counters: &'a FeedCounters,
    /// The time of this turn.
    pub(in crate::feed) now: MonoNanos,
}

/// Where a feed connects to.
#[derive(Debug)]
pub(in crate::feed) struct Target {
    /// Origin; a plan's path follows.
    pub(in crate::feed) url: String,
    /// The same in parts.
    pub(in crate::feed) host: Arc<str>,
    pub(in crate::feed) port: u16,
    pub(in crate::feed) security: Security,
    /// For a whole attempt.
    pub(in crate::feed) connect_timeout: Duration,
    /// How long a subscription may stay without data.
    pub(in crate::feed) mute_after: Duration,
}

/// What a connection's state changed to.
#[derive(Debug)]
pub(in crate::feed) struct Change {
    pub(in crate::feed) state: FeedState,
    pub(in crate::feed) reason: Reason,
    /// The error behind it.
    pub(in crate::feed) detail: Option<Box<str>>,
}

/// A connection that was open and is not any more.
#[derive(Debug)]
pub(in crate::feed) struct Lost {
    pub(in crate::feed) generation: u32,
    /// What it carried.
    pub(in crate::feed) plan: Arc<ConnectionPlan>,
    /// What of it was heard.
    pub(in crate::feed) rhythms: Rhythms,
}

/// One connection.
#[derive(Debug)]
pub(in crate::feed) struct Upstream {
    plan: Arc<ConnectionPlan>,
    generation: u32,
    backoff: Backoff,
    holes: Holes,
    phase: Phase,
    state: FeedState,
    /// Why it is in that state.
    reason: Reason,
    change: Option<Change>,
}

/// How far it is.
#[derive(Debug)]
enum Phase {
    Waiting { until: MonoNanos },
    Resolving { ticket: u64, deadline: MonoNanos },
    Dialing { transport: Transport, dial: Dial },
    Upgrading { handshake: Box<ClientHandshake<Transport>>, dial: Dial },
    Open(Box<Open>),
    Terminated,
}

/// An attempt's addresses and time.
#[derive(Debug)]
struct Dial {
    addresses: Addresses,
    /// The next one to try.
    next: usize,
    /// Of the whole attempt.
    deadline: MonoNanos,
    /// Of the address being tried.
    address_deadline: MonoNanos,
}

impl Upstream {
    /// A connection that begins with its first turn.
    pub(in crate::feed) fn new(plan: Arc<ConnectionPlan>, backoff: Backoff) -> Self {
        Self {
            plan,
            generation: 0,
            backoff,
            holes: Holes::new(),
            phase: Phase::Waiting { until: MonoNanos::ZERO },
            state: FeedState::Disconnected,
            reason: Reason::None,
            change: None,
        }
    }

    pub(in crate::feed) fn plan(&self) -> &Arc<ConnectionPlan> {
        &self.plan
    }

    /// What it carries from the next connection on; the present one is the caller's business.
    pub(in crate::feed) fn set_plan(&mut self, plan: Arc<ConnectionPlan>) {
        self.plan = plan;
    }

    /// Number of the attempt, from 1, over all connections of the feed; 0 before the first.
    pub(in crate::feed) fn generation(&self) -> u32 {
        self.generation
    }

    pub(in crate::feed) fn state(&self) -> FeedState {
        self.state
    }

    /// Why it is in that state; [`Reason::None`] before its first attempt.
    pub(in crate::feed) fn reason(&self) -> Reason {
        self.reason
    }

    pub(in crate::feed) fn attempt(&self) -> u32 {
        self.backoff.attempts()
    }

    /// The last change of state, once.
    pub(in crate::feed) fn take_change(&mut self) -> Option<Change> {
        self.change.take()
    }

    #[inline]
    pub(in crate::feed) fn open(&mut self) -> Option<&mut Open> {
        match &mut self.phase {
            Phase::Open(open) => Some(open),
            _ => None,
        }
    }

    /// The same, with what it carries.
    #[inline]
    pub(in crate::feed) fn open_with_plan(&mut self) -> Option<(&mut Open, &ConnectionPlan)> {
        match &mut self.phase {
            Phase::Open(open) => Some((open, &self.plan)),
            _ => None,
        }
    }

    /// The same, only to look at.
    pub(in crate::feed) fn opened_one(&self) -> Option<&Open> {
        match &self.phase {
            Phase::Open(open) => Some(open),
            _ => None,
        }
    }

    /// Whether another connection brings something that is not known to come on this one: it was not
    /// granted, or did not come when it came there.
    pub(in crate::feed) fn lacks_what_is_on(&self, other: &Self) -> bool {
        let (Some(own), Some(other)) = (self.opened_one(), other.opened_one()) else {
            return false;
        };
        let (own, other) = (&own.rhythms, &other.rhythms);
        self.plan
            .subscriptions
            .iter()
            .any(|one| other.is_flowing(one.stream()) && !own.keeps_up_with(other, one))
    }

    /// Since when it has been connected with everything subscribed and answered.
    pub(in crate::feed) fn settled_since(&self) -> Option<MonoNanos> {
        match &self.phase {
            Phase::Open(open) if open.subscribing.is_done() => Some(open.since),
            _ => None,
        }
    }

    /// Since when it has been open.
    pub(in crate::feed) fn open_since(&self) -> Option<MonoNanos> {
        match &self.phase {
            Phase::Open(open) => Some(open.since),
            _ => None,
        }
    }

    /// Whether it is open and most of what it carries fell silent: it may be the market, it may be
    /// the connection, and another one tells.
    pub(in crate::feed) fn is_barren(&self) -> bool {
        matches!(&self.phase, Phase::Open(open) if open.is_barren)
    }

    /// What the poller says about its socket; true when that is for [`Upstream::tend`] to act on.
    pub(in crate::feed) fn note_ready(&mut self, readable: bool) -> bool {
        let Phase::Open(open) = &mut self.phase else { return true };
        open.readable |= readable;
        open.wants_write()
    }

    /// The answer to a question for its host; one that is not waited for any more is dropped.
    pub(in crate::feed) fn resolved(
        &mut self,
        ticket: u64,
        addresses: Addresses,
        context: &mut UpstreamContext<'_>,
    ) {
        let Phase::Resolving { ticket: asked, deadline } = self.phase else { return };
        if ticket != asked {
            return;
        }
        if addresses.is_empty() {
            let detail = format!("the host {} was not found", context.target.host);
            return self.lose(Reason::Dns, Some(detail.into()), None, context);
        }
        let dial = Dial { addresses, next: 0, deadline, address_deadline: deadline };
        self.dial(dial, None, context);
    }

    /// Everything that is due: the next step of connecting, deadlines, requests, heartbeats,
    /// writes.
    pub(in crate::feed) fn tend<E: Exchange>(
        &mut self,
        exchange: &E,
        context: &mut UpstreamContext<'_>,
    ) {
        match &mut self.phase {
            Phase::Waiting { until } if *until <= context.now => self.begin(context),
            Phase::Waiting { .. } | Phase::Terminated => {}
            Phase::Resolving { deadline, .. } => {
                if *deadline <= context.now {
                    let detail = format!("the host {} was not found in time", context.target.host);
                    self.lose(Reason::Dns, Some(detail.into()), None, context);
                }
            }
            Phase::Dialing { .. } | Phase::Upgrading { .. } => self.connect(context),
            Phase::Open(_) => self.keep(exchange, context),
        }
    }

    /// When [`Upstream::tend`] has something to do though no socket says so.
    pub(in crate::feed) fn due(&self) -> MonoNanos {
        match &self.phase {
            Phase::Waiting { until } => *until,
            Phase::Resolving { deadline, .. } => *deadline,
            Phase::Dialing { dial, .. } | Phase::Upgrading { dial, .. } => {
                dial.address_deadline.min(dial.deadline)
            }
            Phase::Open(open) => open.due(),
            Phase::Terminated => MonoNanos::MAX,
        }
    }

    /// Ends it for good, with a close frame where it is open.
    pub(in crate::feed) fn terminate(&mut self) -> Option<Lost> {
        self.end(FeedState::Terminated, Reason::Requested)
    }

    /// Ends it with a close frame, as it has nothing to carry for that reason.
    pub(in crate::feed) fn retire(&mut self, reason: Reason) -> Option<Lost> {
        self.end(FeedState::Disconnected, reason)
    }

    fn end(&mut self, state: FeedState, reason: Reason) -> Option<Lost> {
        if let Phase::Open(open) = &mut self.phase {
            open.socket.queue_close(1000, "");
            // Whether the peer hears it makes no difference any more.
            let _ = open.socket.flush();
            open.socket.transport_mut().shutdown();
        }
        let lost = self.leave_for(Phase::Terminated);
        self.show(state, reason, None);
        lost
    }

    /// Is in another phase; returns what is lost with an open connection.
    fn leave_for(&mut self, phase: Phase) -> Option<Lost> {
        match std::mem::replace(&mut self.phase, phase) {
            Phase::Open(open) => {
                let (generation, plan) = (self.generation, Arc::clone(&self.plan));
                Some(Lost { generation, plan, rhythms: open.rhythms })
            }
            _ => None,
        }
    }

    /// The connection is lost, or has to be: waits for the next attempt.
    pub(in crate::feed) fn lose(
        &mut self,
        reason: Reason,
        detail: Option<Box<str>>,
        retry_after: Option<Duration>,
        context: &mut UpstreamContext<'_>,
    ) {
        // Silence was a wait already, and counts as part of the one that follows.
        let since = match &self.phase {
            Phase::Open(open) if reason == Reason::Silence => open.pulse.heard(),
            _ => context.now,
        };
        let hole_wait = match &self.phase {
            Phase::Open(open) if reason == Reason::SequenceGap => {
                Some(self.holes.wait(open.since, context.now))
            }
            _ => None,
        };
        let was_served = if let Phase::Open(open) = &mut self.phase {
            context.counters.reconnects[reason as usize].increment();
            context.counters.line(context.copy).losses.increment();
            let enough = if open.is_served { SERVED_ENOUGH } else { Duration::MAX };
            self.backoff.ended_after(Duration::from_nanos(context.now.since(open.since)), enough);
            // A close frame may wait; it is sent as far as that goes at once.
            let _ = open.socket.flush();
            open.socket.transport_mut().shutdown();
            open.is_served
        } else {
            context.counters.failed_attempts[reason as usize].increment();
            false
        };
        if was_served {
            context.circuit.forget(self.generation);
        } else if context.circuit.fail(self.generation, reason, context.now) {
            context.counters.circuit_trips.increment();
            context.counters.circuit_open.set(1);
        }
        let asked = retry_after.unwrap_or_default();
        let was_good = self.backoff.attempts() == 0;
        let next = self.backoff.next_wait_at_least(asked);
        let next = match hole_wait {
            Some(own) => next.map(|wait| if was_good { own } else { own.max(wait) }),
            None => next,
        };
        let (state, wait) = match next {
            // That it is only probed when it keeps refusing gives nothing up.
            Some(wait) if asked < REFUSED_LONG => (FeedState::Reconnecting, wait),
            Some(wait) => (FeedState::Error, wait),
            None => (FeedState::Error, context.circuit.probe_wait().max(asked)),
        };
        context.lost.extend(self.leave_for(Phase::Waiting { until: since.after(wait) }));
        self.show(state, reason, detail);
    }

    /// The exchange serves others again: no reason to wait any longer.
    pub(in crate::feed) fn wake(&mut self, now: MonoNanos) {
        if let Phase::Waiting { until } = &mut self.phase {
            *until = (*until).min(now);
            self.backoff.reset();
        }
    }

    /// The same for an error of the network.
    pub(in crate::feed) fn fail(&mut self, error: &NetError, context: &mut UpstreamContext<'_>) {
        let (reason, wait) = match error {
            NetError::Refused(refusal) => {
                let crate::net::Refusal { status, retry_after_seconds, by_our_date, body } =
                    &**refusal;
                let (asked, by_ours) = (*retry_after_seconds, *by_our_date);
                context.profile.refused_upgrade(*status, asked, by_ours, body, context.date)
            }
            _ => (reason_of(error), Duration::ZERO),
        };
        let wait = wait.min(REFUSED_FOR_MAX);
        self.lose(reason, Some(error.to_string().into()), Some(wait), context);
    }

    fn show(&mut self, state: FeedState, reason: Reason, detail: Option<Box<str>>) {
        (self.state, self.reason) = (state, reason);
        self.change = Some(Change { state, reason, detail });
    }

    /// A new attempt.
    fn begin(&mut self, context: &mut UpstreamContext<'_>) {
        if let Err(until) = context.circuit.permit(context.now) {
            self.phase = Phase::Waiting { until };
            // It waits for the probe of another.
            if !matches!(self.state, FeedState::Error | FeedState::Reconnecting) {
                self.show(FeedState::Reconnecting, context.circuit.reason(), None);
            }
            return;
        }
        if let Err(until) = context.attempts.take(context.now) {
            context.counters.attempts_held_back.increment();
            self.phase = Phase::Waiting { until };
            return;
        }
        *context.generations += 1;
        self.generation = *context.generations;
        if context.circuit.begin(self.generation) {
            context.counters.circuit_probes.increment();
        }
        if self.state == FeedState::Disconnected {
            self.show(FeedState::Connecting, Reason::Requested, None);
        }
        let deadline = context.now.after(context.target.connect_timeout);
        // An address needs no question.
        if let Ok(address) = context.target.host.parse::<IpAddr>() {
            let mut addresses = Addresses::new();
            addresses.push(SocketAddr::new(address, context.target.port));
            let dial = Dial { addresses, next: 0, deadline, address_deadline: deadline };
            return self.dial(dial, None, context);
        }
        let ticket = u64::from(self.generation);
        self.phase = Phase::Resolving { ticket, deadline };
        let host = Arc::clone(&context.target.host);
        context.notices.push(FeedNotice::Resolve { ticket, host, port: context.target.port });
    }

    /// Tries the next address, or gives the attempt up because of what went wrong with the last.
    fn dial(
        &mut self,
        mut dial: Dial,
        mut error: Option<NetError>,
        context: &mut UpstreamContext<'_>,
    ) {
        while let Some(&address) = dial.addresses.get(dial.next) {
            let left = (dial.addresses.len() - dial.next) as u32;
            dial.next += 1;
            let time = Duration::from_nanos(dial.deadline.since(context.now)) / left;
            dial.address_deadline = context.now.after(time);
            let token = Token(self.generation as usize);
            let made =
                Transport::connect(address, &context.target.security).and_then(|mut made| {
                    made.register(context.registry, token)
                        .map_err(|error| NetError::of_socket(&error))?;
                    made.ask_for_kernel_stamps();
                    Ok(made)
                });
            match made {
                Ok(transport) => {
                    self.phase = Phase::Dialing { transport, dial };
                    return self.connect(context);
                }
                Err(failed) => error = Some(failed),
            }
        }
        match error {
            Some(error) => self.fail(&error, context),
            None => self.lose(Reason::ConnectTimeout, None, None, context),
        }
    }

    /// Goes on with TCP, TLS and upgrade as far as it goes now.
    fn connect(&mut self, context: &mut UpstreamContext<'_>) {
        let phase = std::mem::replace(&mut self.phase, Phase::Terminated);
        let (advanced, dial) = match phase {
            Phase::Dialing { mut transport, dial } => match transport.advance() {
                Ok(Step::Pending) => (Ok(Phase::Dialing { transport, dial }), None),
                Ok(Step::Done) => match self.upgrade(transport, context) {
                    Ok(handshake) => {
                        self.phase = Phase::Upgrading { handshake: Box::new(handshake), dial };
                        return self.connect(context);
                    }
                    Err(error) => (Err(error), Some(dial)),
                },
                Err(error) => (Err(error), Some(dial)),
            },
            Phase::Upgrading { mut handshake, dial } => match handshake.advance() {
                Ok(Step::Pending) => (Ok(Phase::Upgrading { handshake, dial }), None),
                Ok(Step::Done) => return self.opened(*handshake, context),
                Err(error) => (Err(error), Some(dial)),
            },
            other => (Ok(other), None),
        };
        match (advanced, dial) {
            (Ok(phase), _) => {
                self.phase = phase;
                self.expire(context);
            }
            // The exchange itself said no: another of its addresses would say the same.
            (Err(error @ NetError::Refused(_)), _) | (Err(error), None) => {
                self.fail(&error, context)
            }
            (Err(error), Some(dial)) => self.dial(dial, Some(error), context),
        }
    }

    fn upgrade(
        &self,
        transport: Transport,
        context: &UpstreamContext<'_>,
    ) -> Result<ClientHandshake<Transport>, NetError> {
        let url = join(&context.target.url, &self.plan.path);
        ClientHandshake::new(transport, &url, &[("User-Agent", USER_AGENT)])
    }

    /// Gives up the address, or the attempt, whose time is over.
    fn expire(&mut self, context: &mut UpstreamContext<'_>) {
        let (Phase::Dialing { dial, .. } | Phase::Upgrading { dial, .. }) = &mut self.phase else {
            return;
        };
        if dial.address_deadline > context.now {
            return;
        }
        let after = context.target.connect_timeout;
        let detail = format!("no open connection within {after:?}, over all addresses of the host");
        if dial.next >= dial.addresses.len() || dial.deadline <= context.now {
            return self.lose(Reason::ConnectTimeout, Some(detail.into()), None, context);
        }
        let (addresses, next, deadline) = (dial.addresses.clone(), dial.next, dial.deadline);
        self.dial(Dial { addresses, next, deadline, address_deadline: deadline }, None, context);
    }

    fn opened(&mut self, handshake: ClientHandshake<Transport>, context: &mut UpstreamContext<'_>) {
        let rules = context.rules;
        // As many as a connection that follows this one says before it comes to candles.
        let all = self.plan.subscriptions.iter();
        let prices = all.filter(|one| one.channel != Channel::Candles).count();
        let prices = prices + self.plan.greeting.len();
        self.phase = Phase::Open(Box::new(Open {
            socket: handshake.into_websocket(Bounds::upstream(rules.frame_bytes_max)),
            subscribing: Subscribing::new(
                rules,
                &self.plan.subscriptions,
                self.plan.greeting.len(),
                (self.generation, context.now),
            ),
            greeting: self.plan.greeting.iter().cloned().collect(),
            readable: true,
            received: context.now,
            pulse: Pulse::new(context.now),
            chatter: Chatter::default(),
            complaints: Complaints::default(),
            flow: Flow::new(context.now),
            is_doubted: false,
            since: context.now,
            is_served: false,
            is_served_told: false,
            rhythms: Rhythms::new(&self.plan.subscriptions, context.target.mute_after, context.now),
            is_barren: false,
            lacks: Lacks::new(),
            listed: Box::default(),
            signs: Vec::new(),
            aged: Vec::new(),
            doubted: Vec::new(),
            was_settled: false,
            sequence: ConnectionSequence::default(),
            pacer: match rules.messages_of {
                MessagesOf::Connection => Pacer::new(rules.messages_max, rules.message_window),
                MessagesOf::Address => context.pacer.clone(),
            },
            spared_for_prices: match rules.messages_of {
                MessagesOf::Connection => 0,
                MessagesOf::Address => prices.min(rules.messages_max as usize / 4),
            },
            said_of_itself: Reason::None,
            unsent_told_at: context.now.after(UNSENT_TOLD_AFTER),
            heartbeat_at: rules
                .heartbeat
                .map_or(MonoNanos::MAX, |(every, _)| context.now.after(every)),
        }));
    }

    /// The turn of an open connection.
    fn keep<E: Exchange>(&mut self, exchange: &E, context: &mut UpstreamContext<'_>) {
        let Phase::Open(open) = &mut self.phase else { return };
        match open.feel(context) {
            Ok(Look::Dead) => {
                let silent = Duration::from_nanos(context.now.since(open.pulse.heard()));
                let detail = format!("nothing heard for {silent:.1?}, nor an answer when asked");
                return self.lose(Reason::Silence, Some(detail.into()), None, context);
            }
            Ok(_) => open.doubt(context),
            Err(error) => return self.fail(&error, context),
        }
        open.is_served |= open.subscribing.is_done() && open.subscribing.postponed().count() == 0;
        let is_news = open.is_served && !std::mem::replace(&mut open.is_served_told, true);
        if is_news && context.circuit.serve() {
            context.counters.circuit_open.set(0);
        }
        open.listen(context);
        let kept = open.say(exchange, context).and_then(|()| open.flush());
        if let Err(error) = kept {
            return self.fail(&error, context);
        }
        // What waits for room under the exchange's limits may take minutes, while the rest is there.
        let is_there = open.subscribing.is_sent() || open.is_served;
        if is_there && self.state != FeedState::Connected {
            self.show(FeedState::Connected, Reason::None, None);
        }
    }
}

const USER_AGENT: &str = concat!("tickwire/", env!("CARGO_PKG_VERSION"));

/// What an error of the network means for the feed.
pub(in crate::feed) fn reason_of(error: &NetError) -> Reason {
    match error {
        NetError::Url { .. } | NetError::TlsFile { .. } => Reason::Configuration,
        NetError::Connect { kind: std::io::ErrorKind::TimedOut, .. } => Reason::ConnectTimeout,
        NetError::Connect { .. } => Reason::ConnectRefused,
        // The kernel gave up on what the other side never acknowledged.
        NetError::Io { kind: std::io::ErrorKind::TimedOut } => Reason::Silence,
        NetError::NoRoots { .. } | NetError::Tls(_) => Reason::Tls,
        NetError::Refused(_) | NetError::Handshake { .. } | NetError::HandshakeTooLarge { .. } => {
            Reason::Handshake
        }
        NetError::Reset | NetError::Io { .. } => Reason::Reset,
        NetError::Eof => Reason::Eof,
        NetError::Protocol { .. } | NetError::ControlFlood { .. } | NetError::Chatter { .. } => {
            Reason::Protocol
        }
        NetError::TooLarge { .. } => Reason::FrameTooLarge,
    }
}
