//! What clients of dialect 1 ask.

use std::collections::HashSet;
use std::num::NonZeroU32;

use serde_json::value::RawValue;

use crate::dialect::fields::{
    BadRequest, Fields, cut, read_exchange, read_interval, read_names, read_range, wrong,
};
use crate::dialect::text::read_epoch;
use crate::dialect::{
    Asked, Delivery, Dialect, History, Incoming, Name, Naming, Request, ResumePoint, Subscribe,
    Unsubscribe, Wish,
};
use crate::instrument::Channel;
use crate::limits::{EVENTS_PER_SECOND_MAX, VIEW_DEPTH_MAX};
use crate::tick::Interval;

const ACTIONS: &str = "subscribe, unsubscribe, ping, subscriptions, history, instruments, publish";
const SYMBOLS: &str = "a list of names like [\"BTC/USDT\",\"binance:ETH/USDT\"] or [\"*\"]";
const SYMBOL: &str = "a name like \"binance:BTC/USDT\"";
const CHANNELS: &str = "a list of channels like [\"trades\"]";
const DELIVERY: &str = "\"all\", \"latest\" or {\"perSecond\":n} with n from 1 to 1000";
const _: () = assert!(EVENTS_PER_SECOND_MAX == 1_000);
const DEPTH: &str = "a whole number from 1 to 1000, or no depth for the whole book";
const _: () = assert!(VIEW_DEPTH_MAX == 1_000);
const FROM: &str = "an object like {\"binance:BTC/USDT\":{\"epoch\":\"…\",\"seq\":41}}";

/// Reads a message, also one that is in no dialect: its error has to be told in one.
pub(super) fn read(message: &Incoming<'_>) -> Asked {
    let fields = match message.fields() {
        Ok(fields) => fields,
        Err(error) => return Asked { request_id: None, request: Err(error.clone()) },
    };
    match fields.request_id() {
        Ok(request_id) => Asked { request_id, request: read_request(fields) },
        Err(error) => Asked { request_id: None, request: Err(error) },
    }
}

fn read_request(fields: &Fields<'_>) -> Result<Request, BadRequest> {
    let Some(action) = fields.value::<String>("action", "a text like \"subscribe\"")? else {
        let expected = "a text like \"subscribe\", or \"type\":\"command\" with a command";
        return Err(BadRequest::Missing { field: "action", expected });
    };
    match action.as_str() {
        "subscribe" => read_subscribe(fields).map(Request::Subscribe),
        "unsubscribe" => Ok(Request::Unsubscribe(Unsubscribe {
            names: read_symbols(fields)?,
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
    let names = if channels == [Channel::Status] && fields.raw("symbols").is_none() {
        vec![Name { text: "*".to_owned(), naming: Naming::All }]
    } else {
        read_symbols(fields)?
    };
    let snapshot = fields.value("snapshot", "true or false")?.unwrap_or(false);
    let from = read_from(fields)?;
    let delivery = read_delivery(fields)?;
    let interval = read_interval(fields)?.unwrap_or(Interval::Minute1);
    let depth = fields
        .number("depth", 1..=VIEW_DEPTH_MAX as u64, DEPTH)?
        .and_then(|depth| NonZeroU32::new(depth as u32));
    let wish = |name: &Name, channel| Wish {
        interval: (channel == Channel::Candles).then_some(interval),
        depth: depth.filter(|_| channel == Channel::Orderbook),
        delivery: match channel {
            // States are few and each counts.
            Channel::Status => Delivery::All,
            Channel::Quotes | Channel::Ticker => delivery.unwrap_or(Delivery::Latest),
            Channel::Trades | Channel::Orderbook | Channel::Candles => {
                delivery.unwrap_or(Delivery::All)
            }
        },
        ..Wish::new(Dialect::Actions, name.clone(), channel)
    };
    let of_all = |name| channels.iter().map(move |&channel| wish(name, channel));
    let wishes = names.iter().flat_map(of_all).collect();
    Ok(Subscribe { names, wishes, snapshot, from })
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
        name: Name::parse(&symbol)?,
        channel,
        or_else: None,
        interval: read_interval(fields)?.unwrap_or(Interval::Minute1),
        range: read_range(fields)?,
    })
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
