//! Simulated Coinbase: the Exchange feed and Advanced Trade, two protocols about the same products.
//!
//! Facts are those of the exchange's public documentation and of recorded sessions, 2021 to 2026;
//! the streams are made from one `Market`, so that they agree with each other.

mod channels;
mod commands;
mod frames_advanced;
mod frames_exchange;
mod listing;
mod rest;
mod rest_advanced;
mod rest_exchange;
mod schedule;

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use self::channels::{Kind, key_of, native_of};
use self::listing::Spelling;
use self::schedule::{Duty, Schedule};
use super::exchange::{Exchange, Opening, Parts, Spelled};
use super::market::Counting;
use super::options::Habits;
use super::wires::{ConnectionId, Wires};
use super::write::Scale;
use crate::clock::MonoNanos;
use crate::instrument::ExchangeId;
use crate::limits::NUMBERS_APART_MAX;
use {frames_advanced as advanced, frames_exchange as exchange};

/// No pings of its own; 100 messages a second.
pub(super) const EXCHANGE_HABITS: Habits = Habits {
    ping_interval: Duration::MAX,
    pong_timeout: Duration::MAX,
    lifetime: None,
    messages_per_second: 100,
};

/// The same with 8 messages a second, as without a login.
pub(super) const ADVANCED_HABITS: Habits = Habits { messages_per_second: 8, ..EXCHANGE_HABITS };

/// Bytes of a fragment of a snapshot: large frames come in several.
const FRAGMENT_BYTES: usize = 8 << 10;

/// Which of Coinbase's feeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Product {
    Exchange,
    Advanced,
}

/// What a client was told that it is subscribed to, in its own words.
#[derive(Debug)]
struct Subscribed {
    name: String,
    products: Vec<usize>,
}

/// One open WebSocket.
#[derive(Debug, Default)]
pub(super) struct Caller {
    /// It has asked for something, as it must within five seconds.
    has_asked: bool,
    subscribed: Vec<Subscribed>,
    beats: bool,
    status: bool,
    /// Number of its next frame (Advanced Trade).
    sequence: u64,
    /// Number of the recorded frame that was played last.
    recorded: Option<u64>,
    /// The number of the last one, where that was odd.
    odd: Option<u64>,
}

/// What a simulated Coinbase alone has.
#[derive(Debug)]
pub(super) struct Coinbase {
    product: Product,
    schedule: Schedule,
}

impl Spelled for Spelling {
    fn name(&self) -> &str {
        &self.native
    }

    fn scales(&self) -> [Scale; 3] {
        [self.price, self.size, self.resting]
    }
}

impl Parts for Coinbase {
    type Caller = Caller;
    type Spelling = Spelling;
    type Kind = Kind;
    type Manner = ();
    type Duty = Duty;

    fn played<'a>(
        &self,
        caller: &mut Caller,
        text: &'a str,
        is_wanted: bool,
    ) -> Option<Cow<'a, str>> {
        let number = Numbered::of(text);
        let placed = caller.place(number.as_ref().map(|number| number.number));
        // A list of subscriptions answered whoever recorded it: here it would say that streams are
        // gone which were granted on this connection.
        if !is_wanted || is_list(self.product, text) {
            return None;
        }
        Some(match number.filter(|_| self.product == Product::Advanced) {
            None => Cow::Borrowed(text),
            Some(Numbered { before, after, .. }) => {
                Cow::Owned(format!("{before}{}{after}", caller.number(placed)))
            }
        })
    }
}

/// # Errors
/// When a symbol cannot be listed or a recording cannot be read.
pub(super) fn open(opening: Opening<'_>) -> io::Result<Exchange<Coinbase>> {
    let product = match opening.options.exchange == ExchangeId::Coinbase {
        true => Product::Exchange,
        false => Product::Advanced,
    };
    let now = opening.now;
    let key = |text: &str| key_of(product, text);
    let symbol = |key: &str| native_of(key).map(str::to_owned);
    let listing = opening.list(key, symbol, |names, count| match names.is_empty() {
        true => Ok(listing::default_list(count)),
        false => listing::list(names),
    })?;
    let spelling = |listed: &_| Spelling::new(listed, product);
    Ok(Exchange::new(listing, Counting::PerInstrument, spelling, |market, agenda, _| Coinbase {
        product,
        schedule: Schedule::new(product, market, agenda, now),
    }))
}

impl Exchange<Coinbase> {
    /// Tells a client all that it is subscribed to.
    fn tell_subscriptions(&mut self, id: ConnectionId, now: MonoNanos, wires: &mut Wires) {
        let Some(client) = self.callers.get_mut(&id) else { return };
        let caller = &mut client.own;
        let native = |index: &usize| self.spellings[*index].native.as_str();
        let channels: Vec<(&str, Vec<&str>)> = caller
            .subscribed
            .iter()
            .map(|one| (one.name.as_str(), one.products.iter().map(native).collect()))
            .collect();
        let frame = match self.own.product {
            Product::Exchange => exchange::subscriptions(&channels),
            Product::Advanced => {
                let events = advanced::subscriptions(&channels);
                let sequence = caller.next_number();
                advanced::frame("subscriptions", self.clock.date(now), sequence, &events)
            }
        };
        wires.text(id, &[frame.as_bytes()]);
    }

    /// Sends what is the same for all subscribers of a stream: a frame of the Exchange, or the
    /// event of a frame of Advanced Trade on that channel.
    fn publish(
        &mut self,
        (product, kind): (usize, Kind),
        (channel, text): (&str, &str),
        now: MonoNanos,
        wires: &mut Wires,
    ) {
        for id in self.fanout.subscribers((product, kind)) {
            self.send(id, (channel, text), None, now, wires);
        }
    }

    fn send(
        &mut self,
        id: ConnectionId,
        (channel, text): (&str, &str),
        fragment: Option<usize>,
        now: MonoNanos,
        wires: &mut Wires,
    ) {
        let Some(client) = self.callers.get_mut(&id) else { return };
        match self.own.product {
            Product::Exchange => wires.market_in(id, text.as_bytes(), fragment),
            Product::Advanced => {
                let sequence = client.own.next_number();
                let frame = advanced::frame(channel, self.clock.date(now), sequence, text);
                wires.market_in(id, frame.as_bytes(), fragment);
            }
        }
    }
}

/// Whether a frame lists what its connection is subscribed to.
fn is_list(product: Product, text: &str) -> bool {
    match product {
        Product::Exchange => text.starts_with(r#"{"type":"subscriptions""#),
        Product::Advanced => text.starts_with(r#"{"channel":"subscriptions""#),
    }
}

impl Caller {
    const fn next_number(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence - 1
    }

    /// Where the next recorded frame stands, by its recorded number.
    fn place(&mut self, recorded: Option<u64>) -> Placed {
        let odd = self.odd.take();
        let last = std::mem::replace(&mut self.recorded, recorded);
        let (Some(own), Some(last)) = (recorded, last) else { return Placed::Behind(0) };
        let expected = last.saturating_add(1);
        if own == last || odd.is_some_and(|odd| own == odd.saturating_add(1)) {
            return Placed::Behind(0);
        }
        match own.checked_sub(expected).filter(|&missing| missing <= NUMBERS_APART_MAX) {
            Some(missing) => Placed::Behind(missing),
            None => {
                (self.odd, self.recorded) = (Some(own), Some(expected));
                Placed::Odd(own)
            }
        }
    }

    /// The number that it has on this connection. What was missing in the recording is missing here.
    const fn number(&mut self, placed: Placed) -> u64 {
        if let Placed::Behind(missing) = placed {
            self.sequence += missing;
        }
        let next = self.next_number();
        if let Placed::Odd(own) = placed { own } else { next }
    }
}

/// Where a recorded frame stands on its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placed {
    /// Behind so many that are missing.
    Behind(u64),
    /// By its number nowhere, so that it keeps that: one odd frame, or the first of another connection.
    Odd(u64),
}

/// A recorded frame around its number on its connection. On another connection it has another.
struct Numbered<'a> {
    before: &'a str,
    number: u64,
    after: &'a str,
}

impl<'a> Numbered<'a> {
    fn of(text: &'a str) -> Option<Self> {
        const KEY: &str = "\"sequence_num\":";
        let at = text.find(KEY)? + KEY.len();
        let length = text[at..].find(|c: char| !c.is_ascii_digit())?;
        let number = text[at..at + length].parse().ok()?;
        Some(Self { before: &text[..at], number, after: &text[at + length..] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_number_is_found_and_its_gap_kept() {
        let text = r#"{"channel":"x","sequence_num":17,"events":[]}"#;
        let numbered = Numbered::of(text).expect("it has one");
        assert_eq!((numbered.number, numbered.after), (17, ",\"events\":[]}"));
        assert_eq!(format!("{}17{}", numbered.before, numbered.after), text);
        assert!(Numbered::of("{}").is_none());
        let mut caller = Caller::default();
        let told = [5_000, 5_001, 5_005].map(|own| told(&mut caller, own));
        assert_eq!(told, [0, 1, 5]);
    }

    #[test]
    fn an_odd_number_goes_out_as_it_is_and_those_behind_it_follow_those_before() {
        for odd in [0, 1, 7, u64::MAX] {
            let mut caller = Caller::default();
            let told = [5_000, 5_001, odd, 5_003, 5_004].map(|own| told(&mut caller, own));
            assert_eq!(told, [0, 1, odd, 3, 4]);
        }
        let mut caller = Caller::default();
        let told = [5_000, 5_001, 0, 1, 2].map(|own| told(&mut caller, own));
        assert_eq!(told, [0, 1, 0, 3, 4], "a second connection in one recording");
    }

    fn told(caller: &mut Caller, own: u64) -> u64 {
        let placed = caller.place(Some(own));
        caller.number(placed)
    }
}
