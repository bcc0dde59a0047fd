//! Simulated OKX v5: the public and the business service, spot and contracts.
//!
//! Facts are those of the exchange's documentation and of recorded sessions, 2022 to 2026; the
//! streams are made from one `Market`, so that they agree with each other. Older ways of writing
//! them are had by [`Era`].

mod answers;
mod channels;
mod commands;
mod frames;
mod listing;
mod rest;
mod schedule;

use std::io;
use std::time::Duration;

use self::channels::{Kind, Service, key_of};
use self::frames::Spelling;
use self::rest::Requests;
use self::schedule::{Duty, Schedule};
use super::exchange::{Exchange, Idle, Opening, Parts, Spelled};
use super::market::Counting;
use super::options::{Era, Habits};
use super::rate::Recent;
use super::write::Scale;

/// The client keeps the connection alive, so nothing is pinged; requests are counted by the hour.
pub(super) const HABITS: Habits = Habits {
    ping_interval: Duration::MAX,
    pong_timeout: Duration::MAX,
    lifetime: None,
    messages_per_second: 0,
};

/// One open WebSocket.
#[derive(Debug)]
pub(super) struct Caller {
    service: Service,
    /// As answers call it.
    name: String,
    /// When requests were made.
    requests: Recent,
}

/// What a simulated OKX alone has.
#[derive(Debug)]
pub(super) struct Okx {
    era: Era,
    /// Connections so far.
    opened: u32,
    schedule: Schedule,
    requests: Requests,
}

impl Spelled for Spelling {
    fn name(&self) -> &str {
        &self.native
    }

    fn scales(&self) -> [Scale; 3] {
        [self.price, self.size, self.size]
    }
}

impl Parts for Okx {
    type Caller = Caller;
    type Spelling = Spelling;
    type Kind = Kind;
    type Manner = ();
    type Duty = Duty;

    const IDLE: Option<Idle> = Some(Idle {
        after: Duration::from_secs(30),
        counts_told: true,
        words: Some((4004, "No data received in 30s.")),
    });
}

/// # Errors
/// When a symbol cannot be listed or a recording cannot be read.
pub(super) fn open(opening: Opening<'_>) -> io::Result<Exchange<Okx>> {
    let (now, era) = (opening.now, opening.options.era);
    let symbol = |key: &str| Some(key.split_once(':')?.1.to_owned());
    let listing = opening.list(key_of, symbol, |names, count| match names.is_empty() {
        true => Ok(listing::default_list(count)),
        false => listing::list(names),
    })?;
    let spelling = |listed: &_| Spelling::new(listed, era);
    Ok(Exchange::new(listing, Counting::PerInstrument, spelling, |market, agenda, _| Okx {
        era,
        opened: 0,
        schedule: Schedule::new(market, agenda, now),
        requests: Requests::default(),
    }))
}
