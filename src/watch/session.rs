//! One connection of the watching client after another.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use mio::Token;
use serde::{Deserialize, Serialize};

use super::line::{Envelope, channel_of, is_event};
use super::position::{From, Positions};
use super::{Event, News, Trust, View, WatchError, WatchOptions, stopped};
use crate::limits::{FRAME_BYTES_MAX, WATCH_LOOK_EVERY, WATCH_SILENCE_MAX};
use crate::net::{
    Bounds, ClientHandshake, Endpoint, Fill, Message, NetError, Poller, Security, Step, Transport,
    Waiting, WebSocket, client_config, pinned_config,
};

/// Close code of a client that has seen enough.
const NORMAL: u16 = 1000;

const SOCKET: Token = Token(0);

/// Why a connection ended.
#[derive(Debug)]
pub(super) enum Lost {
    /// Another attempt is worth it.
    ForNow(Passing),
    /// No other attempt would fare better.
    ForGood(WatchError),
}

/// A failure that may pass.
#[derive(Debug)]
pub(super) struct Passing {
    pub(super) reason: Box<str>,
    /// The gateway asked for that much patience.
    pub(super) at_least: Duration,
}

impl Lost {
    /// The port took the connection, and then did not speak TLS as it has to.
    fn in_tls(self) -> Self {
        match self {
            Self::ForNow(passing) => Self::for_now(format!(
                "the TLS handshake failed ({}); a gateway without a certificate is ws://, not wss://",
                passing.reason
            )),
            Self::ForGood(error) => Self::ForGood(error),
        }
    }

    fn for_now(reason: impl Into<Box<str>>) -> Self {
        Self::ForNow(Passing { reason: reason.into(), at_least: Duration::ZERO })
    }
}

impl std::convert::From<io::Error> for Lost {
    fn from(error: io::Error) -> Self {
        Self::ForGood(WatchError::Io(error))
    }
}

/// What lasts from one connection to the next.
pub(super) struct Watcher<'a, V> {
    options: &'a WatchOptions,
    stop: &'a AtomicBool,
    view: &'a mut V,
    endpoint: Endpoint,
    security: Security,
    poller: Poller,
    positions: Positions,
    /// The last connection was open.
    was_open: bool,
}

impl<'a, V: View> Watcher<'a, V> {
    /// Checks what can be checked without a connection.
    pub(super) fn new(
        options: &'a WatchOptions,
        stop: &'a AtomicBool,
        view: &'a mut V,
    ) -> Result<Self, WatchError> {
        let (endpoint, security) = destination(options).map_err(|source| {
            WatchError::Connection { url: options.url.as_str().into(), source }
        })?;
        let poller = Poller::new()?;
        let positions = Positions::default();
        Ok(Self { options, stop, view, endpoint, security, poller, positions, was_open: false })
    }

    /// Tells that the connection is lost, and waits, but not through a stop.
    pub(super) fn wait(&mut self, reason: &str, wait: Duration, attempt: u32) -> io::Result<()> {
        let (url, was_open) = (&*self.options.url, self.was_open);
        self.view.news(&News::Lost { url, was_open, reason, wait, attempt })?;
        let until = Instant::now() + wait;
        while !stopped(self.stop) {
            self.view.turn()?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            std::thread::sleep(left.min(WATCH_LOOK_EVERY));
        }
        Ok(())
    }

    /// Connects, subscribes and shows until the connection is lost, or (without an error) until
    /// it is to stop.
    pub(super) fn watch(&mut self) -> Result<(), Lost> {
        self.was_open = false;
        let Some(mut socket) = self.connect()? else { return Ok(()) };
        self.was_open = true;
        self.view.news(&News::Connected { url: &self.options.url })?;
        for request in self.requests() {
            socket.queue_text(&request).map_err(|error| self.lost(error))?;
        }
        // What came along with the answer to the upgrade is there without a read.
        self.take(&mut socket)?;
        let mut heard = Instant::now();
        loop {
            if stopped(self.stop) {
                socket.queue_close(NORMAL, "bye");
                // The gateway may be gone already; then there is nobody to say it to.
                let _ = socket.flush();
                return Ok(());
            }
            for request in self.view.requests() {
                socket.queue_text(&request).map_err(|error| self.lost(error))?;
            }
            socket.flush().map_err(|error| self.lost(error))?;
            loop {
                match socket.fill().map_err(|error| self.lost(error))? {
                    Fill::Blocked => break,
                    Fill::Read(_) => heard = Instant::now(),
                }
                self.take(&mut socket)?;
            }
            self.view.turn()?;
            if heard.elapsed() > WATCH_SILENCE_MAX {
                return Err(Lost::for_now("the gateway fell silent"));
            }
            if !socket.control_pending() {
                self.poller.wait(Waiting::Block, Some(WATCH_LOOK_EVERY))?;
            }
        }
    }

    /// An open connection; `None` when it is to stop.
    fn connect(&mut self) -> Result<Option<WebSocket<Transport>>, Lost> {
        let until = Instant::now() + self.options.connect_max;
        let mut failed = Lost::for_now("the host has no address");
        for address in self.addresses()? {
            match self.connect_to(address, until) {
                Err(Lost::ForNow(passing)) => failed = Lost::ForNow(passing),
                other => return other,
            }
        }
        Err(failed)
    }

    fn addresses(&self) -> Result<Vec<SocketAddr>, Lost> {
        let host = (self.endpoint.host.as_str(), self.endpoint.port);
        let found = host.to_socket_addrs();
        Ok(found.map_err(|error| Lost::for_now(format!("{}: {error}", host.0)))?.collect())
    }

    fn connect_to(
        &mut self,
        address: SocketAddr,
        until: Instant,
    ) -> Result<Option<WebSocket<Transport>>, Lost> {
        let made = Transport::connect(address, &self.security);
        let mut transport = made.map_err(|error| self.lost(error))?;
        transport.register(self.poller.registry(), SOCKET)?;
        match self.advance(until, || transport.advance()) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(lost) if self.endpoint.tls && transport.is_connected() => {
                return Err(lost.in_tls());
            }
            Err(lost) => return Err(lost),
        }
        let agent = concat!("tickwire/", env!("CARGO_PKG_VERSION"));
        let begun = ClientHandshake::new(transport, &self.options.url, &[("User-Agent", agent)]);
        let mut handshake = begun.map_err(|error| self.lost(error))?;
        if !self.advance(until, || handshake.advance())? {
            return Ok(None);
        }
        Ok(Some(handshake.into_websocket(Bounds::upstream(FRAME_BYTES_MAX))))
    }

    /// Goes on with something until it is done; false when it is to stop before.
    fn advance(
        &mut self,
        until: Instant,
        mut step: impl FnMut() -> Result<Step, NetError>,
    ) -> Result<bool, Lost> {
        while !stopped(self.stop) {
            if step().map_err(|error| self.lost(error))? == Step::Done {
                return Ok(true);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Lost::for_now("the connection was not made in time"));
            }
            self.view.turn()?;
            self.poller.wait(Waiting::Block, Some(left.min(WATCH_LOOK_EVERY)))?;
        }
        Ok(false)
    }

    /// One request for each channel, since `from` names instruments only.
    fn requests(&self) -> Vec<String> {
        let all = ["*".to_owned()];
        let symbols = if self.options.symbols.is_empty() { &all } else { &*self.options.symbols };
        let request = |(index, channel): (usize, &String)| {
            let from = self.positions.resume(channel);
            let subscribe = Subscribe {
                action: "subscribe",
                symbols,
                channels: [channel],
                request_id: index.to_string(),
                snapshot: from.is_empty(),
                interval: self.options.interval.as_deref().filter(|_| channel == "candles"),
                depth: self.options.depth.filter(|_| channel == "orderbook"),
                from,
            };
            // Strings and numbers under string keys: nothing that JSON could not say.
            serde_json::to_string(&subscribe).unwrap_or_default()
        };
        self.options.channels.iter().enumerate().map(request).collect()
    }

    /// Hands over every message that was received.
    fn take(&mut self, socket: &mut WebSocket<Transport>) -> Result<(), Lost> {
        loop {
            match socket.next().map_err(|error| lost(self.options, error))? {
                None => return Ok(()),
                Some(Message::Text(frame)) => self.hear(frame.bytes())?,
                Some(Message::Binary(_) | Message::Ping | Message::Pong(_) | Message::Part(_)) => {}
                Some(Message::Close { code, reason }) => {
                    let reason = format!("closed by the gateway with {code} {reason}");
                    // Tells the gateway that it was heard.
                    let _ = socket.flush();
                    return Err(Lost::for_now(reason.trim_end()));
                }
            }
        }
    }

    fn hear(&mut self, text: &[u8]) -> Result<(), Lost> {
        let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(text) else {
            tracing::warn!(message = %String::from_utf8_lossy(text), "not a message");
            return Ok(());
        };
        match &*envelope.kind {
            "success" => self.granted(&envelope)?,
            "error" => {
                let code = envelope.code.as_deref().unwrap_or("error");
                let message = envelope.message.as_deref().unwrap_or_default();
                if !self.view.is_own(code, message) {
                    return Err(refused(code, message));
                }
            }
            kind if is_event(kind) => {
                let channel = channel_of(kind);
                let event = Event::of(text, envelope);
                if let (Some(channel), Some(seq)) = (channel, event.envelope.seq) {
                    self.positions.advance(channel, &event.data.instrument(), seq);
                }
                self.view.event(&event)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// A subscription was granted.
    fn granted(&mut self, envelope: &Envelope<'_>) -> io::Result<()> {
        let data = envelope.data.map_or("{}", |data| data.get());
        let granted: Granted = serde_json::from_str(data).unwrap_or_default();
        let restarted = granted.epoch.is_some_and(|epoch| self.positions.enter(&epoch));
        tracing::debug!(message = envelope.message.as_deref(), "subscribed");
        if granted.recovered.is_empty() {
            return Ok(());
        }
        let is_lost = |(instrument, whole): (String, bool)| (!whole).then_some(instrument);
        let lost: Vec<String> = granted.recovered.into_iter().filter_map(is_lost).collect();
        self.view.news(&News::Resumed { lost: &lost, restarted })
    }

    fn lost(&self, error: NetError) -> Lost {
        lost(self.options, error)
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Subscribe<'a> {
    action: &'static str,
    symbols: &'a [String],
    channels: [&'a String; 1],
    request_id: String,
    snapshot: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    depth: Option<u32>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    from: BTreeMap<&'a str, From<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Granted {
    epoch: Option<Box<str>>,
    recovered: BTreeMap<String, bool>,
}

fn destination(options: &WatchOptions) -> Result<(Endpoint, Security), NetError> {
    let endpoint = Endpoint::parse(&options.url)?;
    if !endpoint.tls {
        return Ok((endpoint, Security::Plain));
    }
    let config = match &options.trust {
        Trust::System => client_config(None)?,
        Trust::Authority(file) => client_config(Some(file))?,
        Trust::Certificate(file) => pinned_config(file)?,
    };
    let security = Security::client(config, &endpoint.host)?;
    Ok((endpoint, security))
}

/// Whether a connection's failure passes.
fn lost(options: &WatchOptions, error: NetError) -> Lost {
    match &error {
        NetError::Refused(refusal) if !matches!(refusal.status, 429 | 500..) => {}
        NetError::Refused(refusal) => {
            let seconds = refusal.retry_after_seconds.unwrap_or(0);
            let at_least = Duration::from_secs(seconds.into());
            return Lost::ForNow(Passing { reason: error.to_string().into(), at_least });
        }
        NetError::Tls(tls) if matches!(**tls, rustls::Error::InvalidCertificate(_)) => {}
        NetError::Url { .. } | NetError::Handshake { .. } => {}
        // The URL is told along with it.
        NetError::Connect { kind, .. } => return Lost::for_now(kind.to_string()),
        _ => return Lost::for_now(error.to_string()),
    }
    Lost::ForGood(WatchError::Connection { url: options.url.as_str().into(), source: error })
}

/// Whether the gateway's error passes.
fn refused(code: &str, message: &str) -> Lost {
    match code {
        "rate_limited" | "internal" | "exchange_error" => {
            Lost::for_now(format!("{code}: {message}"))
        }
        _ => Lost::ForGood(WatchError::Refused { code: code.into(), message: message.into() }),
    }
}
