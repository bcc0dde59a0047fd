//! Why a request is refused.

use std::fmt;
use std::sync::Arc;

use super::fields::BadRequest;
use crate::instrument::{Channel, ExchangeId, Symbol};
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

/// Why a request that reads well is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Its exchange does not list it, where that is known; these names come nearest.
    UnknownSymbol {
        /// As written.
        name: String,
        /// Who does not list it, and what it lists that comes near.
        unlisted: Option<(ExchangeId, Arc<[Symbol]>)>,
    },
    /// Nothing of what the name means has the channel; these it has.
    UnknownChannel {
        /// As written.
        name: String,
        /// As asked.
        channel: Channel,
        /// Those that there are.
        channels: Vec<Channel>,
    },
    /// Nothing of what the name means has candles of that length; of these it has.
    UnknownInterval {
        /// As written.
        name: String,
        /// As asked.
        interval: Interval,
        /// Those that there are.
        intervals: Vec<Interval>,
    },
    /// The name has nothing to end.
    NotSubscribed(String),
    /// More names than a client may have.
    TooManySymbols {
        /// How many it may.
        max: usize,
    },
    /// The name stands for several instruments where one is meant.
    SeveralInstruments(String),
    /// More requests than a client may send.
    RateLimited,
    /// It does not read well.
    Unread(BadRequest),
}

impl Refusal {
    /// The code that the client reads.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::UnknownSymbol { .. } => ErrorCode::UnknownSymbol,
            Self::UnknownChannel { .. } | Self::UnknownInterval { .. } => ErrorCode::UnknownChannel,
            Self::NotSubscribed(_) => ErrorCode::NotSubscribed,
            Self::TooManySymbols { .. } => ErrorCode::TooManySymbols,
            Self::SeveralInstruments(_) => ErrorCode::BadRequest,
            Self::RateLimited => ErrorCode::RateLimited,
            Self::Unread(error) => error.code(),
        }
    }
}

/// What was wrong and what to do about it.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownSymbol { name, unlisted: None } => write!(
                f,
                "no exchange here carries {name:?}; ask for \"instruments\" to see which there are"
            ),
            Self::UnknownSymbol { name, unlisted: Some((exchange, nearest)) } => {
                write!(f, "{exchange} does not list {name:?}; ")?;
                match nearest[..] {
                    [] => f.write_str("ask for \"instruments\" to see which there are"),
                    _ => write!(f, "nearest to it: {}", listed(nearest.iter().map(Symbol::as_str))),
                }
            }
            Self::UnknownChannel { name, channel, channels } => {
                let (channel, there) =
                    (channel.name(), listed(channels.iter().map(|one| one.name())));
                write!(f, "channel {channel:?} is not carried for {name:?}; carried: {there}")
            }
            Self::UnknownInterval { name, interval, intervals } => {
                let there = listed(intervals.iter().map(|one| one.name()));
                let interval = interval.name();
                write!(
                    f,
                    "there are no candles of interval {interval:?} for {name:?}; name one of {there}"
                )
            }
            Self::NotSubscribed(name) => {
                write!(f, "Cannot unsubscribe: {name:?} is not subscribed on these channels")
            }
            Self::TooManySymbols { max } => {
                write!(f, "Cannot subscribe: would exceed maximum of {max} symbols")
            }
            Self::SeveralInstruments(name) => {
                write!(f, "{name:?} stands for several instruments; name one like binance:BTC/USDT")
            }
            Self::RateLimited => {
                f.write_str("too many requests; send fewer than 50 a second, or 50 KiB")
            }
            Self::Unread(error) => error.fmt(f),
        }
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

impl From<BadRequest> for Refusal {
    fn from(error: BadRequest) -> Self {
        Self::Unread(error)
    }
}
