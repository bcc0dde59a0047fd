//! What clients of dialect 2 ask.

use crate::cache::HistoryRange;
use crate::client::dialect::actions::read_names;
use crate::client::dialect::fields::{BadRequest, Fields, cut};
use crate::client::dialect::{Name, read_exchange, read_interval, read_range};
use crate::instrument::ExchangeId;
use crate::tick::Interval;

/// One command, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Ticks of these assets, and candles where an interval is named.
    Follow {
        /// Of these.
        assets: Vec<Name>,
        /// Candles of this length too.
        interval: Option<Interval>,
    },
    /// No more of these.
    Unfollow {
        /// Of these.
        assets: Vec<Name>,
    },
    /// What is there?
    Instruments {
        /// Only those of this exchange.
        exchange: Option<ExchangeId>,
    },
    /// What was?
    History {
        /// Of this asset.
        asset: Name,
        /// Candles of this length; trades where there is none.
        interval: Option<Interval>,
        /// These dates.
        range: HistoryRange,
    },
    /// Are you there?
    Ping,
}

const COMMANDS: &str = "follow, unfollow, instruments, history, ping, balance, trade";
const ASSETS: &str = "a list of names like [\"BTC/USDT\"]";
const ASSET: &str = "a name like \"BTC/USDT\"";

/// Reads the command that the fields make.
pub(in crate::client::dialect) fn read(fields: &Fields<'_>) -> Result<Command, BadRequest> {
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
        "follow" => Ok(Command::Follow {
            assets: read_names(params, "assets", ASSETS)?,
            interval: read_interval(params)?,
        }),
        "unfollow" => Ok(Command::Unfollow { assets: read_names(params, "assets", ASSETS)? }),
        "instruments" => Ok(Command::Instruments { exchange: read_exchange(params)? }),
        "history" => read_history(params),
        "ping" => Ok(Command::Ping),
        "balance" | "trade" => Err(BadRequest::Forbidden {
            what: if command == "trade" { "trade" } else { "balance" },
            why: "no trading is configured",
        }),
        _ => Err(BadRequest::UnknownAction { name: cut(&command), known: COMMANDS }),
    }
}

fn read_history(params: &Fields<'_>) -> Result<Command, BadRequest> {
    let asset = params
        .value::<String>("asset", ASSET)?
        .ok_or(BadRequest::Missing { field: "asset", expected: ASSET })?;
    Ok(Command::History {
        asset: Name::parse(&asset)?,
        interval: read_interval(params)?,
        range: read_range(params)?,
    })
}
