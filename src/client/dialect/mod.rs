//! The languages of clients: requests to types, events to bytes. A dialect knows symbols and JSON;
//! it knows no exchange's protocol and no socket.

pub mod actions;
mod catalogue;
pub mod commands;
mod fields;
#[doc(hidden)]
pub mod fuzzing;
mod name;
mod text;

pub use super::subscription::Delivery;
pub use catalogue::Catalogue;
pub use fields::BadRequest;
pub use name::{Name, Naming};

use fields::Fields;

use super::Offer;
use crate::cache::HistoryRange;
use crate::instrument::{ExchangeId, Instrument};
use crate::limits::{HISTORY_LIMIT_DEFAULT, HISTORY_LIMIT_MAX};
use crate::tick::Interval;

/// What went wrong, in the words that clients read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The message is no JSON.
    BadJson,
    /// A field is missing or of another type or value.
    BadRequest,
    /// No such action or command.
    UnknownAction,
    /// No exchange here carries the symbol.
    UnknownSymbol,
    /// No such channel, or none for this symbol.
    UnknownChannel,
    /// There is nothing to unsubscribe.
    NotSubscribed,
    /// More symbols than a client may have.
    TooManySymbols,
    /// More requests than a client may send.
    RateLimited,
    /// Without a token that was asked for.
    Unauthorized,
    /// Beyond what the token or the configuration allows.
    Forbidden,
    /// That history is not kept.
    HistoryUnavailable,
    /// The exchange refused.
    ExchangeError,
    /// A fault of the gateway.
    Internal,
}

impl ErrorCode {
    /// Every code.
    pub const ALL: [Self; 13] = [
        Self::BadJson,
        Self::BadRequest,
        Self::UnknownAction,
        Self::UnknownSymbol,
        Self::UnknownChannel,
        Self::NotSubscribed,
        Self::TooManySymbols,
        Self::RateLimited,
        Self::Unauthorized,
        Self::Forbidden,
        Self::HistoryUnavailable,
        Self::ExchangeError,
        Self::Internal,
    ];

    /// As clients read it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadJson => "bad_json",
            Self::BadRequest => "bad_request",
            Self::UnknownAction => "unknown_action",
            Self::UnknownSymbol => "unknown_symbol",
            Self::UnknownChannel => "unknown_channel",
            Self::NotSubscribed => "not_subscribed",
            Self::TooManySymbols => "too_many_symbols",
            Self::RateLimited => "rate_limited",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::HistoryUnavailable => "history_unavailable",
            Self::ExchangeError => "exchange_error",
            Self::Internal => "internal",
        }
    }
}

/// The id that a client gave to its request: a JSON text or number, echoed exactly as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Box<str>);

impl RequestId {
    /// As JSON.
    pub fn json(&self) -> &str {
        &self.0
    }
}

/// A request with what is needed to answer it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked<T> {
    /// To be echoed; `None` where the client gave none.
    pub request_id: Option<RequestId>,
    /// What is asked, or why it is refused.
    pub request: Result<T, BadRequest>,
}

/// A message of a client, in the dialect that it is written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// Dialect 1; also what is in no dialect, as its error has to be told in one.
    Actions(Asked<actions::Request>),
    /// Dialect 2.
    Commands(Asked<commands::Command>),
}

/// Reads one message of a client, UTF-8 or not.
pub fn parse(message: &[u8]) -> Parsed {
    let refused = |error| Parsed::Actions(Asked { request_id: None, request: Err(error) });
    let fields = match Fields::read(message) {
        Ok(fields) => fields,
        Err(error) => return refused(error),
    };
    let is_command = fields.raw("type").is_some_and(|kind| kind.get() == "\"command\"");
    let (request_id, id_error) = match fields.request_id() {
        Ok(request_id) => (request_id, None),
        Err(error) => (None, Some(error)),
    };
    if is_command {
        let request = id_error.map_or_else(|| commands::read(&fields), Err);
        return Parsed::Commands(Asked { request_id, request });
    }
    let request = id_error.map_or_else(|| actions::read(&fields), Err);
    Parsed::Actions(Asked { request_id, request })
}

/// Reads the interval of candles; one minute where none is named.
fn read_interval(fields: &Fields<'_>) -> Result<Option<Interval>, BadRequest> {
    const EXPECTED: &str = "one of 1s, 1m, 5m, 15m, 1h, 4h, 1d";
    let Some(name) = fields.value::<String>("interval", EXPECTED)? else { return Ok(None) };
    let interval = Interval::from_name(&name);
    interval.map(Some).ok_or_else(|| fields::wrong("interval", &format!("{name:?}"), EXPECTED))
}

/// Reads `from`, `to` and `limit`; a limit beyond the bound counts as the bound.
fn read_range(fields: &Fields<'_>) -> Result<HistoryRange, BadRequest> {
    const DATE: &str = "milliseconds since 1970 as a whole number";
    // The largest date that nanoseconds can hold.
    const DATE_MAX: u64 = (i64::MAX / 1_000_000) as u64;
    let from = fields.number("from", 0..=DATE_MAX, DATE)?;
    let to = fields.number("to", 0..=DATE_MAX, DATE)?;
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        return Err(fields::wrong("to", &to.to_string(), "a date that is not before from"));
    }
    let limit = fields.number("limit", 1..=u64::MAX, "a whole number from 1")?;
    let limit = limit.unwrap_or(HISTORY_LIMIT_DEFAULT as u64).min(HISTORY_LIMIT_MAX as u64);
    Ok(HistoryRange {
        from: from.map(|date| date as i64),
        to: to.map(|date| date as i64),
        limit: limit as usize,
    })
}

/// Reads the exchange that a list of instruments is limited to.
fn read_exchange(fields: &Fields<'_>) -> Result<Option<ExchangeId>, BadRequest> {
    const EXPECTED: &str = "the name of an exchange, like binance";
    let Some(name) = fields.value::<String>("exchange", EXPECTED)? else { return Ok(None) };
    let exchange = ExchangeId::from_name(&name);
    exchange.map(Some).ok_or_else(|| fields::wrong("exchange", &format!("{name:?}"), EXPECTED))
}

/// Appends what both dialects tell of an instrument.
fn push_instrument(out: &mut Vec<u8>, instrument: &Instrument, offer: &Offer) {
    out.extend_from_slice(b"{\"symbol\":");
    text::push_text(out, instrument.symbol.as_str());
    out.extend_from_slice(b",\"exchange\":");
    text::push_text(out, instrument.exchange.name());
    out.extend_from_slice(b",\"native\":");
    text::push_text(out, &instrument.native);
    for (key, step) in
        [(",\"tickSize\":", instrument.tick_size), (",\"lotSize\":", instrument.lot_size)]
    {
        out.extend_from_slice(key.as_bytes());
        match step {
            Some(step) => text::push_decimal(out, step),
            None => out.extend_from_slice(b"null"),
        }
    }
    out.extend_from_slice(b",\"channels\":[");
    text::push_list(out, &offer.channels, |out, channel| text::push_text(out, channel.name()));
    out.push(b']');
    if !offer.intervals.is_empty() {
        out.extend_from_slice(b",\"intervals\":[");
        text::push_list(out, &offer.intervals, |out, length| text::push_text(out, length.name()));
        out.push(b']');
    }
    out.push(b'}');
}
