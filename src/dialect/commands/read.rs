//! What clients of dialect 2 ask.

use crate::dialect::fields::{
    BadRequest, Fields, cut, read_exchange, read_interval, read_names, read_range,
};
use crate::dialect::{
    Asked, Dialect, History, Incoming, MakeUp, Name, Request, Subscribe, Unsubscribe, Wish,
};
use crate::instrument::Channel;
use crate::tick::Interval;

const COMMANDS: &str = "follow, unfollow, instruments, history, ping, balance, trade";
const ASSETS: &str = "a list of names like [\"BTC/USDT\"]";
const ASSET: &str = "a name like \"BTC/USDT\"";

/// Reads a message that says that it is a command.
pub(super) fn read(message: &Incoming<'_>) -> Option<Asked> {
    let fields = message.fields().ok()?;
    let is_command = fields.raw("type").is_some_and(|kind| kind.get() == "\"command\"");
    is_command.then(|| match fields.request_id() {
        Ok(request_id) => Asked { request_id, request: read_command(fields) },
        Err(error) => Asked { request_id: None, request: Err(error) },
    })
}

fn read_command(fields: &Fields<'_>) -> Result<Request, BadRequest> {
    if fields.raw("requestId").is_none() {
        let expected = "a text or number, which the response repeats";
        return Err(BadRequest::Missing { field: "requestId", expected });
    }
    let Some(command) = fields.value::<String>("command", "a text like \"follow\"")? else {
        let expected = "a text like \"follow\"";
        return Err(BadRequest::Missing { field: "command", expected });
    };
    let none = Fields::default();
    let params = fields.object("params", "an object like {\"assets\":[\"BTC/USDT\"]}")?;
    let params = params.as_ref().unwrap_or(&none);
    match command.as_str() {
        "follow" => {
            let assets = read_names(params, "assets", ASSETS)?;
            Ok(Request::Subscribe(follow(assets, read_interval(params)?)))
        }
        "unfollow" => Ok(Request::Unsubscribe(Unsubscribe {
            names: read_names(params, "assets", ASSETS)?,
            channels: vec![Channel::Trades, Channel::Ticker, Channel::Candles],
            interval: None,
        })),
        "instruments" => Ok(Request::Instruments { exchange: read_exchange(params)? }),
        "history" => read_history(params),
        "ping" => Ok(Request::Ping),
        "balance" | "trade" => Err(BadRequest::Forbidden {
            what: if command == "trade" { "trade" } else { "balance" },
            why: "no trading is configured",
        }),
        _ => Err(BadRequest::UnknownAction { name: cut(&command), known: COMMANDS }),
    }
}

/// Trades of each asset, where its exchange shows none its ticker, and candles where an interval is
/// named. Who asks for candles goes without ticks where there are none.
fn follow(assets: Vec<Name>, interval: Option<Interval>) -> Subscribe {
    let wish = |name: &Name, channel| Wish::new(Dialect::Commands, name.clone(), channel);
    // Tickers come with the quotes at some exchanges.
    let others = MakeUp::Any(&[Channel::Ticker, Channel::Quotes]);
    let make_up = if interval.is_some() { MakeUp::Rest } else { others };
    let mut wishes = Vec::new();
    for name in &assets {
        wishes.push(Wish { make_up, ..wish(name, Channel::Trades) });
    }
    for name in &assets {
        let in_place_of = Some(Channel::Trades);
        wishes.push(Wish { make_up: MakeUp::Rest, in_place_of, ..wish(name, Channel::Ticker) });
    }
    for name in assets.iter().filter(|_| interval.is_some()) {
        wishes.push(Wish { interval, ..wish(name, Channel::Candles) });
    }
    Subscribe { names: assets, wishes, snapshot: false, from: Vec::new() }
}

fn read_history(params: &Fields<'_>) -> Result<Request, BadRequest> {
    let asset = params
        .value::<String>("asset", ASSET)?
        .ok_or(BadRequest::Missing { field: "asset", expected: ASSET })?;
    let interval = read_interval(params)?;
    Ok(Request::History(History {
        name: Name::parse(&asset)?,
        channel: interval.map_or(Channel::Trades, |_| Channel::Candles),
        or_else: interval.is_none().then_some(Channel::Ticker),
        interval: interval.unwrap_or(Interval::Minute1),
        range: read_range(params)?,
    }))
}
