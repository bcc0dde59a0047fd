//! Simulated Binance: spot and USD-M futures.
//!
//! Facts are those of the exchange's public documentation and of recorded sessions, 2026; the
//! streams are made from one [`Market`], so that they agree with each other.

mod answers;
mod channels;
mod commands;
mod frames;
mod lists;
mod rest;
mod schedule;

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use self::channels::{Class, Kind};
use self::frames::{Spelling, TimeUnit};
use self::schedule::{Duty, Schedule};
use super::exchange::{Exchange, Opening, Parts, Spelled};
use super::fanout::Manner;
use super::http::Target;
use super::listing::{self, Column};
use super::market::{Counting, Market};
use super::options::Habits;
use super::rate::Window;
use super::wires::ConnectionId;
use super::write::Scale;
use crate::clock::MonoNanos;
use crate::instrument::ExchangeId;

/// Fact: streams of one connection.
const STREAMS_MAX: usize = 1_024;

/// Which of Binance's markets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Product {
    Spot,
    Futures,
}

/// One open WebSocket.
#[derive(Debug)]
pub(super) struct Caller {
    /// Data is wrapped and names its stream.
    combined: bool,
    unit: TimeUnit,
    /// Which of the futures' streams the path carries.
    path: PathClass,
    /// Names as the client wrote them, unknown ones included.
    names: Vec<String>,
}

/// Which streams a path delivers; others are acknowledged and stay silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PathClass {
    All,
    Public,
    Market,
}

/// What a simulated Binance alone has.
#[derive(Debug)]
pub(super) struct Binance {
    product: Product,
    /// The market as it was at the start, for order books that are too old.
    first: Market,
    schedule: Schedule,
    weight: Window,
}

/// How a subscriber wants a stream.
#[derive(Debug)]
pub(super) struct Wanted {
    unit: TimeUnit,
    /// What stands before the data on a connection that wants it wrapped.
    prefix: String,
    combined: bool,
}

/// Pings each 20 s, cut off after a minute without a pong; 24 h; 5 messages a second.
pub(super) const SPOT_HABITS: Habits = Habits {
    ping_interval: Duration::from_secs(20),
    pong_timeout: Duration::from_secs(60),
    lifetime: Some(Duration::from_secs(24 * 3_600)),
    messages_per_second: 5,
};

/// The same with 10 messages a second. Real ones ping each 3 minutes; a client that answers the
/// shorter interval answers the longer one.
pub(super) const FUTURES_HABITS: Habits = Habits { messages_per_second: 10, ..SPOT_HABITS };

/// # Errors
/// When a symbol cannot be listed or a recording cannot be read.
pub(super) fn open(opening: Opening<'_>) -> io::Result<Exchange<Binance>> {
    let (product, column) = match opening.options.exchange == ExchangeId::Binance {
        true => (Product::Spot, Column::Spot),
        false => (Product::Futures, Column::Futures),
    };
    let now = opening.now;
    let key = |text: &str| stream_of(text).map(channels::key);
    let symbol = |key: &str| Some(key.split_once('@')?.0.to_uppercase());
    let listing = opening.list(key, symbol, |names, count| match names.is_empty() {
        true => Ok(listing::default_list(column, count)),
        false => Ok(listing::list(column, names)?),
    })?;
    let counting = match product {
        Product::Spot => Counting::PerInstrument,
        Product::Futures => Counting::Shared,
    };
    let spelling = |listed: &_| Spelling::new(listed, product);
    Ok(Exchange::new(listing, counting, spelling, |market, agenda, _| Binance {
        product,
        first: market.clone(),
        schedule: Schedule::new(product, market, agenda, now),
        weight: rest::weight(product),
    }))
}

impl Exchange<Binance> {
    /// The instrument and kind that a stream's name means; `None` for names that stay silent.
    fn stream(&self, name: &str) -> Option<(usize, Kind)> {
        if let Some(rest) = name.strip_prefix('!') {
            return Some((self.spellings.len(), Kind::parse_all(self.own.product, rest)?));
        }
        let (native, rest) = name.split_once('@')?;
        // Names in upper case are acknowledged and stay silent.
        if native.chars().any(|c| c.is_ascii_uppercase()) {
            return None;
        }
        let instrument = *self.by_native.get(&native.to_uppercase())?;
        Some((instrument, Kind::parse(self.own.product, rest)?))
    }

    /// Adds one stream to a connection. False when it has too many.
    fn subscribe(&mut self, id: ConnectionId, name: &str, now: MonoNanos) -> bool {
        let stream = self.stream(name);
        let Some(client) = self.callers.get_mut(&id) else { return true };
        let caller = &mut client.own;
        if caller.names.iter().any(|known| known == name) {
            return true;
        }
        if caller.names.len() >= STREAMS_MAX {
            return false;
        }
        caller.names.push(name.to_owned());
        let delivered = stream.filter(|(_, kind)| caller.delivers(*kind));
        let (unit, combined) = (caller.unit, caller.combined);
        if self.want_recorded(id, channels::key(name), now) {
            return true;
        }
        if let Some(stream) = delivered {
            let prefix = prefix_of(name);
            self.fanout.add(stream, id, Wanted { unit, prefix, combined });
        }
        true
    }

    fn unsubscribe(&mut self, id: ConnectionId, name: &str) {
        let stream = self.stream(name);
        let Some(client) = self.callers.get_mut(&id) else { return };
        client.own.names.retain(|known| known != name);
        client.keys = client.own.names.iter().map(|name| channels::key(name)).collect();
        if let Some(stream) = stream {
            // A stream may have several names.
            let prefix = prefix_of(name);
            self.fanout.remove(stream, id, |wanted| wanted.prefix == prefix);
        }
    }
}

/// What stands before wrapped data of that stream.
fn prefix_of(name: &str) -> String {
    format!("{{\"stream\":\"{name}\",\"data\":")
}

impl Caller {
    const fn delivers(&self, kind: Kind) -> bool {
        match (self.path, kind.class()) {
            (PathClass::All, _) | (_, Class::Either) => true,
            (PathClass::Public, class) => matches!(class, Class::Public),
            (PathClass::Market, class) => matches!(class, Class::Market),
        }
    }
}

impl Manner for Wanted {
    fn is_alike(&self, other: &Self) -> bool {
        self.unit == other.unit
    }

    fn around(&self) -> [&[u8]; 2] {
        if self.combined { [self.prefix.as_bytes(), b"}"] } else { [b"", b""] }
    }
}

impl Spelled for Spelling {
    fn name(&self) -> &str {
        &self.symbol
    }

    fn scales(&self) -> [Scale; 3] {
        [self.price, self.size, self.size]
    }
}

impl Parts for Binance {
    type Caller = Caller;
    type Spelling = Spelling;
    type Kind = Kind;
    type Manner = Wanted;
    type Duty = Duty;

    fn played<'a>(
        &self,
        caller: &mut Caller,
        text: &'a str,
        is_wanted: bool,
    ) -> Option<Cow<'a, str>> {
        let text = if caller.combined { text } else { unwrapped(text) };
        is_wanted.then_some(Cow::Borrowed(text))
    }
}

impl Caller {
    /// The session that a path opens; `None` where there is nothing.
    fn at(product: Product, target: &Target) -> Option<Self> {
        let (path, rest) = match product {
            Product::Spot => (PathClass::All, target.path.as_str()),
            Product::Futures => match target.path.strip_prefix("/market") {
                Some(rest) => (PathClass::Market, rest),
                // The paths of before 2026 carry everything: clients that know no others ask there
                // for what has a path of its own now.
                None => match target.path.strip_prefix("/public") {
                    Some(rest) => (PathClass::Public, rest),
                    None => (PathClass::All, target.path.as_str()),
                },
            },
        };
        // A client that takes spot's connections for those whose address has this in it.
        let rest = rest.strip_prefix("/stream").filter(|it| it.starts_with("/ws")).unwrap_or(rest);
        let (combined, names) = match rest {
            "/ws" | "/ws/" => (false, ""),
            "/stream" => (true, target.value("streams").unwrap_or("")),
            _ => (false, rest.strip_prefix("/ws/")?),
        };
        let micros = target.value("timeUnit").is_some_and(|unit| {
            unit.eq_ignore_ascii_case("microsecond") && product == Product::Spot
        });
        Some(Self {
            combined,
            unit: if micros { TimeUnit::Micros } else { TimeUnit::Millis },
            path,
            names: names.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        })
    }
}

/// The name in a wrapped frame.
fn stream_of(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("{\"stream\":\"")?;
    rest.split('"').next()
}

/// The data of a wrapped frame; any other frame as it is.
fn unwrapped(text: &str) -> &str {
    let data = text.strip_prefix("{\"stream\":\"").and_then(|rest| rest.split_once(",\"data\":"));
    data.and_then(|(_, data)| data.strip_suffix('}')).unwrap_or(text)
}
