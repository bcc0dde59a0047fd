//! Reading a client's request field by field, so that an error names the field, its value and
//! the remedy.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::name::Name;
use super::refusal::ErrorCode;
use super::request::RequestId;
use crate::cache::HistoryRange;
use crate::instrument::ExchangeId;
use crate::limits::{
    HISTORY_LIMIT_DEFAULT, HISTORY_LIMIT_MAX, QUOTED_CHARS_MAX, REQUEST_BYTES_MAX,
    REQUEST_ID_BYTES_MAX, SYMBOLS_PER_REQUEST_MAX,
};
use crate::tick::Interval;

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadRequest {
    /// Not JSON at all.
    #[error("not JSON at line {line} column {column}; send one JSON object per message")]
    Json {
        /// Line of the message, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// JSON, but no object.
    #[error("the message is no JSON object; send one like {{\"action\":\"ping\"}}")]
    NotObject,
    /// Too long.
    #[error("the message has {bytes} bytes, at most {REQUEST_BYTES_MAX} are read")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Bytes where only texts are read.
    #[error("requests are JSON in text messages, not binary")]
    Binary,
    /// In no dialect that is spoken on the connection.
    #[error("the message is in no dialect that is spoken at this path")]
    NotUnderstood,
    /// A field that must be there is not.
    #[error("{field} is missing; expected {expected}")]
    Missing {
        /// Its name.
        field: &'static str,
        /// What to write.
        expected: &'static str,
    },
    /// A field has another type or value than it can have.
    #[error("{field} is {value}; expected {expected}")]
    Field {
        /// Its name.
        field: &'static str,
        /// What was sent, cut.
        value: String,
        /// What to write.
        expected: &'static str,
    },
    /// An action or a command that does not exist.
    #[error("{name:?} is none of {known}")]
    UnknownAction {
        /// As sent, cut.
        name: String,
        /// Those that exist.
        known: &'static str,
    },
    /// A channel that does not exist here.
    #[error(
        "channel {name:?} is none of trades, quotes, ticker, orderbook, candles, status; \
         channels of other programs need a publisher, and none is configured"
    )]
    UnknownChannel {
        /// As sent, cut.
        name: String,
    },
    /// A text that no symbol can be.
    #[error("{name:?} is no symbol: {cause}")]
    UnknownSymbol {
        /// As sent, cut.
        name: String,
        /// Why not.
        cause: crate::instrument::SymbolError,
    },
    /// More symbols than one request may name.
    #[error("{count} symbols, at most {SYMBOLS_PER_REQUEST_MAX} in one request; use \"*\" for all")]
    TooManySymbols {
        /// How many there are.
        count: usize,
    },
    /// Something that this gateway is not configured for.
    #[error("{what} is not possible here: {why}")]
    Forbidden {
        /// What was asked.
        what: &'static str,
        /// Why not.
        why: &'static str,
    },
}

impl BadRequest {
    /// The code that the client reads.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Json { .. } => ErrorCode::BadJson,
            Self::NotObject
            | Self::TooLong { .. }
            | Self::Binary
            | Self::NotUnderstood
            | Self::Missing { .. }
            | Self::Field { .. } => ErrorCode::BadRequest,
            Self::UnknownAction { .. } => ErrorCode::UnknownAction,
            Self::UnknownChannel { .. } => ErrorCode::UnknownChannel,
            Self::UnknownSymbol { .. } => ErrorCode::UnknownSymbol,
            Self::TooManySymbols { .. } => ErrorCode::TooManySymbols,
            Self::Forbidden { .. } => ErrorCode::Forbidden,
        }
    }
}

/// The beginning of a text.
pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The fields of one JSON object, each still as written. Of equal names the last counts; unknown
/// names are ignored; `null` is the same as absent.
#[derive(Debug, Default)]
pub(super) struct Fields<'a>(HashMap<String, &'a RawValue>);

impl<'a> Fields<'a> {
    /// The fields of a message.
    pub(super) fn read(message: &'a [u8]) -> Result<Self, BadRequest> {
        if message.len() > REQUEST_BYTES_MAX {
            return Err(BadRequest::TooLong { bytes: message.len() });
        }
        serde_json::from_slice(message).map(Self).map_err(|error| {
            if error.is_data() {
                return BadRequest::NotObject;
            }
            BadRequest::Json { line: error.line(), column: error.column() }
        })
    }

    /// The fields of an object inside another.
    pub(super) fn object(
        &self,
        field: &'static str,
        expected: &'static str,
    ) -> Result<Option<Self>, BadRequest> {
        Ok(self.value(field, expected)?.map(Self))
    }

    /// Every field with its name, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }

    pub(super) fn raw(&self, field: &str) -> Option<&'a RawValue> {
        self.0.get(field).copied().filter(|value| value.get() != "null")
    }

    /// A field of any type that JSON can hold it in.
    pub(super) fn value<T: Deserialize<'a>>(
        &self,
        field: &'static str,
        expected: &'static str,
    ) -> Result<Option<T>, BadRequest> {
        let Some(raw) = self.raw(field) else { return Ok(None) };
        serde_json::from_str(raw.get()).map(Some).map_err(|_| wrong(field, raw.get(), expected))
    }

    /// A whole number within bounds, both inclusive.
    pub(super) fn number(
        &self,
        field: &'static str,
        bounds: std::ops::RangeInclusive<u64>,
        expected: &'static str,
    ) -> Result<Option<u64>, BadRequest> {
        match self.value::<u64>(field, expected)? {
            Some(number) if !bounds.contains(&number) => {
                Err(wrong(field, &number.to_string(), expected))
            }
            other => Ok(other),
        }
    }

    /// The id by which the client knows its request again: a text or a number.
    pub(super) fn request_id(&self) -> Result<Option<RequestId>, BadRequest> {
        const EXPECTED: &str = "a text or number of at most 128 bytes";
        let Some(raw) = self.raw("requestId") else { return Ok(None) };
        let text = raw.get();
        let is_scalar =
            text.starts_with(|first: char| first == '"' || first == '-' || first.is_ascii_digit());
        if !is_scalar || text.len() > REQUEST_ID_BYTES_MAX {
            return Err(wrong("requestId", text, EXPECTED));
        }
        Ok(Some(RequestId(text.into())))
    }
}

/// The error for a field that is not as expected.
pub(super) fn wrong(field: &'static str, value: &str, expected: &'static str) -> BadRequest {
    BadRequest::Field { field, value: cut(value), expected }
}

/// Reads the interval of candles; one minute where none is named.
pub(super) fn read_interval(fields: &Fields<'_>) -> Result<Option<Interval>, BadRequest> {
    const EXPECTED: &str = "one of 1s, 1m, 5m, 15m, 1h, 4h, 1d";
    let Some(name) = fields.value::<String>("interval", EXPECTED)? else { return Ok(None) };
    let interval = Interval::from_name(&name);
    interval.map(Some).ok_or_else(|| wrong("interval", &format!("{name:?}"), EXPECTED))
}

/// Reads `from`, `to` and `limit`; a limit beyond the bound counts as the bound.
pub(super) fn read_range(fields: &Fields<'_>) -> Result<HistoryRange, BadRequest> {
    const DATE: &str = "milliseconds since 1970 as a whole number";
    // Fact: the largest date that nanoseconds can hold.
    const DATE_MAX: u64 = (i64::MAX / 1_000_000) as u64;
    let from = fields.number("from", 0..=DATE_MAX, DATE)?;
    let to = fields.number("to", 0..=DATE_MAX, DATE)?;
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        return Err(wrong("to", &to.to_string(), "a date that is not before from"));
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
pub(super) fn read_exchange(fields: &Fields<'_>) -> Result<Option<ExchangeId>, BadRequest> {
    const EXPECTED: &str = "the name of an exchange, like binance";
    let Some(name) = fields.value::<String>("exchange", EXPECTED)? else { return Ok(None) };
    let exchange = ExchangeId::from_name(&name);
    exchange.map(Some).ok_or_else(|| wrong("exchange", &format!("{name:?}"), EXPECTED))
}

/// Reads a list of names under any key; none is there twice in the same spelling afterwards.
pub(super) fn read_names(
    fields: &Fields<'_>,
    field: &'static str,
    expected: &'static str,
) -> Result<Vec<Name>, BadRequest> {
    let texts: Vec<String> =
        fields.value(field, expected)?.ok_or(BadRequest::Missing { field, expected })?;
    if texts.is_empty() {
        return Err(wrong(field, "[]", expected));
    }
    if texts.len() > SYMBOLS_PER_REQUEST_MAX {
        return Err(BadRequest::TooManySymbols { count: texts.len() });
    }
    let mut known = HashSet::new();
    texts.iter().filter(|text| known.insert(text.as_str())).map(|text| Name::parse(text)).collect()
}
