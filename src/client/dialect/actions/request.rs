//! What clients of dialect 1 ask.

use std::collections::HashSet;
use std::num::NonZeroU32;

use serde_json::value::RawValue;

use crate::cache::HistoryRange;
use crate::client::dialect::fields::{BadRequest, Fields, cut, wrong};
use crate::client::dialect::text::read_epoch;
use crate::client::dialect::{Delivery, Name, read_exchange, read_interval, read_range};
use crate::instrument::{Channel, ExchangeId};
use crate::limits::{EVENTS_PER_SECOND_MAX, SYMBOLS_PER_REQUEST_MAX, VIEW_DEPTH_MAX};
use crate::tick::Interval;

/// One request, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Events of some channels of some instruments, please.
    Subscribe(Subscribe),
    /// No more of these.
    Unsubscribe(Unsubscribe),
    /// Are you there?
    Ping,
    /// What do I have?
    Subscriptions,
    /// What was?
    History(History),
    /// What is there?
    Instruments {
        /// Only those of this exchange.
        exchange: Option<ExchangeId>,
    },
}

/// A request for events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribe {
    /// Of these instruments; empty where only states of feeds are wanted.
    pub symbols: Vec<Name>,
    /// These channels, none twice.
    pub channels: Vec<Channel>,
    /// Whether the present state comes first.
    pub snapshot: bool,
    /// Where to resume, by name.
    pub from: Vec<(Name, ResumePoint)>,
    /// How events are delivered, where the client chose.
    pub delivery: Option<Delivery>,
    /// Length of candles.
    pub interval: Interval,
    /// Levels on each side of a book; `None` is all.
    pub depth: Option<NonZeroU32>,
}

/// The end of some subscriptions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe {
    /// Of these instruments.
    pub symbols: Vec<Name>,
    /// These channels, none twice.
    pub channels: Vec<Channel>,
    /// Only candles of this length; `None` is all lengths.
    pub interval: Option<Interval>,
}

/// A request for past events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// Of this instrument.
    pub symbol: Name,
    /// This channel.
    pub channel: Channel,
    /// Length of candles.
    pub interval: Interval,
    /// These dates.
    pub range: HistoryRange,
}

/// The last event that a client has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResumePoint {
    /// In which run of the process; `None` for a text that names none, so no run of ours.
    pub epoch: Option<u64>,
    /// Its number.
    pub seq: u64,
}

const ACTIONS: &str = "subscribe, unsubscribe, ping, subscriptions, history, instruments, publish";
const SYMBOLS: &str = "a list of names like [\"BTC/USDT\",\"binance:ETH/USDT\"] or [\"*\"]";
const SYMBOL: &str = "a name like \"binance:BTC/USDT\"";
const CHANNELS: &str = "a list of channels like [\"trades\"]";
const DELIVERY: &str = "\"all\", \"latest\" or {\"perSecond\":n} with n from 1 to 1000";
const _: () = assert!(EVENTS_PER_SECOND_MAX == 1_000);
const DEPTH: &str = "a whole number from 1 to 1000, or no depth for the whole book";
const _: () = assert!(VIEW_DEPTH_MAX == 1_000);
const FROM: &str = "an object like {\"binance:BTC/USDT\":{\"epoch\":\"…\",\"seq\":41}}";

/// Reads the request that the fields make.
pub(in crate::client::dialect) fn read(fields: &Fields<'_>) -> Result<Request, BadRequest> {
    let Some(action) = fields.value::<String>("action", "a text like \"subscribe\"")? else {
        let expected = "a text like \"subscribe\", or \"type\":\"command\" with a command";
        return Err(BadRequest::Missing { field: "action", expected });
    };
    match action.as_str() {
        "subscribe" => read_subscribe(fields).map(Request::Subscribe),
        "unsubscribe" => Ok(Request::Unsubscribe(Unsubscribe {
            symbols: read_symbols(fields)?,
            channels: read_channels(fields)?,
            interval: read_interval(fields)?,
        })),
        "ping" => Ok(Request::Ping),
        "subscriptions" => Ok(Request::Subscriptions),
        "history" => read_history(fields).map(Request::History),
        "instruments" => Ok(Request::Instruments { exchange: read_exchange(fields)? }),
        "publish" => {
            Err(BadRequest::Forbidden { what: "publish", why: "no publisher is configured" })
        }
        _ => Err(BadRequest::UnknownAction { name: cut(&action), known: ACTIONS }),
    }
}

fn read_subscribe(fields: &Fields<'_>) -> Result<Subscribe, BadRequest> {
    let channels = read_channels(fields)?;
    let symbols = if channels == [Channel::Status] && fields.raw("symbols").is_none() {
        Vec::new()
    } else {
        read_symbols(fields)?
    };
    Ok(Subscribe {
        symbols,
        channels,
        snapshot: fields.value("snapshot", "true or false")?.unwrap_or(false),
        from: read_from(fields)?,
        delivery: read_delivery(fields)?,
        interval: read_interval(fields)?.unwrap_or(Interval::Minute1),
        depth: fields
            .number("depth", 1..=VIEW_DEPTH_MAX as u64, DEPTH)?
            .and_then(|depth| NonZeroU32::new(depth as u32)),
    })
}

fn read_history(fields: &Fields<'_>) -> Result<History, BadRequest> {
    let symbol = fields
        .value::<String>("symbol", SYMBOL)?
        .ok_or(BadRequest::Missing { field: "symbol", expected: SYMBOL })?;
    let channel = fields.value::<String>("channel", "a channel like \"trades\"")?;
    let channel = channel.map_or(Ok(Channel::Trades), |name| read_channel(&name))?;
    if channel == Channel::Status {
        return Err(wrong("channel", "status", "a channel of an instrument like \"trades\""));
    }
    Ok(History {
        symbol: Name::parse(&symbol)?,
        channel,
        interval: read_interval(fields)?.unwrap_or(Interval::Minute1),
        range: read_range(fields)?,
    })
}

/// Reads a list of names under any key; none is there twice in the same spelling afterwards.
pub(in crate::client::dialect) fn read_names(
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

fn read_symbols(fields: &Fields<'_>) -> Result<Vec<Name>, BadRequest> {
    let mut names = read_names(fields, "symbols", SYMBOLS)?;
    let mut known = HashSet::new();
    names.retain(|name| known.insert(name.naming));
    Ok(names)
}

fn read_channels(fields: &Fields<'_>) -> Result<Vec<Channel>, BadRequest> {
    let Some(names) = fields.value::<Vec<String>>("channels", CHANNELS)? else {
        return Ok(vec![Channel::Trades]);
    };
    if names.is_empty() {
        return Err(wrong("channels", "[]", CHANNELS));
    }
    let mut channels = Vec::with_capacity(Channel::ALL.len());
    for name in &names {
        let channel = read_channel(name)?;
        if !channels.contains(&channel) {
            channels.push(channel);
        }
    }
    Ok(channels)
}

fn read_channel(name: &str) -> Result<Channel, BadRequest> {
    Channel::from_name(name).ok_or_else(|| BadRequest::UnknownChannel { name: cut(name) })
}

fn read_delivery(fields: &Fields<'_>) -> Result<Option<Delivery>, BadRequest> {
    let Some(raw) = fields.raw("delivery") else { return Ok(None) };
    match raw.get() {
        "\"all\"" => return Ok(Some(Delivery::All)),
        "\"latest\"" => return Ok(Some(Delivery::Latest)),
        _ => {}
    }
    let refused = || wrong("delivery", raw.get(), DELIVERY);
    let object = fields.object("delivery", DELIVERY)?.ok_or_else(refused)?;
    let count = object.number("perSecond", 1..=EVENTS_PER_SECOND_MAX, DELIVERY)?;
    let count = count.and_then(|count| NonZeroU32::new(count as u32)).ok_or_else(refused)?;
    Ok(Some(Delivery::PerSecond(count)))
}

fn read_from(fields: &Fields<'_>) -> Result<Vec<(Name, ResumePoint)>, BadRequest> {
    let Some(points) = fields.object("from", FROM)? else { return Ok(Vec::new()) };
    points.iter().map(|(name, point)| read_point(name, point)).collect()
}

fn read_point(name: &str, raw: &RawValue) -> Result<(Name, ResumePoint), BadRequest> {
    let refused = || wrong("from", raw.get(), FROM);
    let fields = Fields::read(raw.get().as_bytes()).map_err(|_| refused())?;
    let seq = fields.value("seq", FROM)?.ok_or_else(refused)?;
    let epoch: Option<String> = fields.value("epoch", FROM)?;
    let epoch = epoch.and_then(|text| read_epoch(&text));
    Ok((Name::parse(name)?, ResumePoint { epoch, seq }))
}
