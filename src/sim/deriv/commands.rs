//! What a client may call, and the answers.

use serde_json::{Map, Value, json};

use super::prices::GRANULARITIES;
use super::{Deriv, Dialect, Kind, Open, frames};
use crate::clock::MonoNanos;
use crate::sim::exchange::Exchange;
use crate::sim::wires::{ConnectionId, Wires};
use crate::sim::write::text_of;

/// Past prices in one answer unless fewer are asked for.
const COUNT_DEFAULT: u64 = 1_000;

/// Calls that need an account.
const ACCOUNT: [&str; 10] = [
    "balance",
    "buy",
    "portfolio",
    "profit_table",
    "proposal",
    "proposal_open_contract",
    "sell",
    "statement",
    "topup_virtual",
    "transaction",
];

/// Calls that anybody may make.
const PUBLIC: [&str; 12] = [
    "active_symbols",
    "asset_index",
    "contracts_for",
    "forget",
    "forget_all",
    "payout_currencies",
    "ping",
    "ticks",
    "ticks_history",
    "time",
    "trading_times",
    "website_status",
];

/// Why a call is refused: Deriv's code and words.
#[derive(Debug)]
pub(super) struct Refused(pub(super) &'static str, pub(super) String);

/// One call.
pub(super) struct Call<'a> {
    pub(super) id: ConnectionId,
    pub(super) name: &'a str,
    pub(super) fields: &'a Map<String, Value>,
    /// `"echo_req":{…},`
    pub(super) echo: String,
    /// `"req_id":7,`, or nothing.
    pub(super) request: String,
    pub(super) dialect: Dialect,
}

impl Exchange<Deriv> {
    /// Does what a client says.
    pub(super) fn call(&mut self, id: ConnectionId, text: &str, now: MonoNanos, wires: &mut Wires) {
        let Some(dialect) = self.callers.get(&id).map(|client| client.own.dialect) else { return };
        let Ok(Value::Object(fields)) = serde_json::from_str(text) else {
            let error = r#"{"error":{"code":"InputValidationFailed","message":"Input is not a JSON object."},"msg_type":"error"}"#;
            return wires.text(id, &[error.as_bytes()]);
        };
        let name = ["authorize"].iter().chain(&PUBLIC).chain(&ACCOUNT);
        let name = name.copied().find(|name| fields.contains_key(*name));
        let request = match fields.get("req_id") {
            Some(number) if number.is_i64() || number.is_u64() => format!("\"req_id\":{number},"),
            _ => String::new(),
        };
        let call = Call {
            id,
            name: name.unwrap_or("error"),
            echo: echo(&fields),
            fields: &fields,
            request,
            dialect,
        };
        let obeyed = call.check().and_then(|()| self.within_limits(&call, now));
        let is_stream = matches!(call.name, "ticks" | "ticks_history");
        let obeyed = obeyed.and_then(|()| match is_stream && self.armed.strikes_too_many() {
            true => Err(too_many(call.name)),
            false => Ok(()),
        });
        if let Err(refused) = obeyed.and_then(|()| self.obey(&call, now, wires)) {
            refuse(&call, &refused, wires);
        }
    }

    fn obey(&mut self, call: &Call<'_>, now: MonoNanos, wires: &mut Wires) -> Result<(), Refused> {
        let payload = match call.name {
            "ping" => json!("pong"),
            "time" => json!(self.clock.date(now).millis() / 1_000),
            "active_symbols" => self.active_symbols(call.dialect),
            "asset_index" => self.asset_index(),
            "contracts_for" => self.contracts_for(call)?,
            "payout_currencies" => json!(["USD", "EUR", "GBP"]),
            "trading_times" => self.trading_times(call.dialect),
            "forget" => json!(i32::from(self.forget_one(call))),
            "forget_all" => self.forget_all(call),
            "website_status" if call.dialect == Dialect::Legacy => {
                let subscribe = call.subscribes()?;
                if let Some(client) = self.callers.get_mut(&call.id).filter(|_| subscribe) {
                    client.own.wants_status = Some(call.request.clone());
                }
                site_status("up")
            }
            "ticks" => return self.ticks(call, wires),
            "ticks_history" => return self.history(call, wires),
            name if ACCOUNT.contains(&name) => {
                return Err(Refused("AuthorizationRequired", "Please log in.".to_owned()));
            }
            "authorize" if call.dialect == Dialect::Legacy => {
                return Err(Refused("InvalidToken", "The token is invalid.".to_owned()));
            }
            _ => return Err(Refused("UnrecognisedRequest", "Unrecognised request.".to_owned())),
        };
        answer(call, call.name, &payload.to_string(), wires);
        Ok(())
    }

    fn active_symbols(&self, dialect: Dialect) -> Value {
        let entry = |(index, quoted)| frames::active_symbol(dialect, quoted, self.is_open(index));
        self.spellings.iter().enumerate().map(entry).collect()
    }

    /// The first tick is the acknowledgement.
    fn ticks(&mut self, call: &Call<'_>, wires: &mut Wires) -> Result<(), Refused> {
        let wanted = match &call.fields["ticks"] {
            Value::String(symbol) => vec![symbol.clone()],
            Value::Array(symbols) if call.dialect == Dialect::Legacy => {
                symbols.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            _ => return Err(invalid("ticks", "Expected string.")),
        };
        let subscribe = call.subscribes()?;
        for symbol in wanted {
            if let Err(refused) = self.tick(call, &symbol, subscribe, wires) {
                refuse(call, &refused, wires);
            }
        }
        Ok(())
    }

    fn tick(
        &mut self,
        call: &Call<'_>,
        symbol: &str,
        subscribe: bool,
        wires: &mut Wires,
    ) -> Result<(), Refused> {
        let instrument = self.find(symbol)?;
        let open = match subscribe {
            true => Some(self.open(call, instrument, Kind::Ticks)?),
            false => None,
        };
        let quoted = &self.spellings[instrument];
        let Some(tick) = quoted.ticks.back() else { return Ok(()) };
        let asked = (call.echo.as_str(), call.request.as_str());
        let stream = open.as_ref().map(|open| open.id.as_str());
        let write = |out: &mut Vec<u8>| {
            frames::tick(out, call.dialect, asked, stream, (quoted, tick));
        };
        match (subscribe, &self.recording) {
            (false, _) => wires.text(call.id, &[text_of(write).as_bytes()]),
            (true, None) => self.fanout.tell(call.id, wires, write),
            (true, Some(_)) => {}
        }
        Ok(())
    }

    fn history(&mut self, call: &Call<'_>, wires: &mut Wires) -> Result<(), Refused> {
        let symbol = call.fields["ticks_history"].as_str();
        let instrument =
            self.find(symbol.ok_or_else(|| invalid("ticks_history", "Expected string."))?)?;
        let end = match call.fields.get("end") {
            Some(Value::String(end)) if end == "latest" => i64::MAX,
            Some(Value::String(end)) => {
                end.parse().map_err(|_| invalid("end", "String does not match."))?
            }
            _ => return Err(invalid("end", "Missing property.")),
        };
        let start = match call.fields.get("start") {
            None => i64::MIN,
            Some(Value::String(start)) => {
                start.parse().map_err(|_| invalid("start", "String does not match."))?
            }
            Some(start) => start.as_i64().ok_or_else(|| invalid("start", "Expected integer."))?,
        };
        let count = call.number("count", COUNT_DEFAULT)?;
        let max = if call.dialect == Dialect::Legacy { 5_000 } else { COUNT_DEFAULT };
        let count = usize::try_from(count.min(max)).unwrap_or(0);
        let subscribe = call.subscribes()?;
        let candles = match call.fields.get("style").and_then(Value::as_str) {
            None | Some("ticks") => false,
            Some("candles") => true,
            Some(_) => return Err(invalid("style", "Not in enum list: candles, ticks.")),
        };
        let kind = match candles {
            true => Kind::Candles(call.granularity()?),
            false => Kind::Ticks,
        };
        let stream = if subscribe { Some(self.open(call, instrument, kind)?.id) } else { None };
        let quoted = &self.spellings[instrument];
        let within = |epoch: i64| start <= epoch && epoch <= end;
        let (msg_type, key, past) = match kind {
            Kind::Ticks => {
                let ticks: Vec<_> = quoted.ticks.iter().filter(|one| within(one.epoch)).collect();
                let ticks = ticks[ticks.len().saturating_sub(count)..].iter().copied();
                ("history", "history", frames::past_ticks(quoted, ticks))
            }
            Kind::Candles(length) => {
                let bars = &quoted.bars[length];
                let bars: Vec<_> = bars.iter().filter(|bar| within(bar.open_time)).collect();
                let bars = bars[bars.len().saturating_sub(count)..].iter().copied();
                ("candles", "candles", frames::past_bars(quoted, bars))
            }
        };
        if self.recording.is_some() {
            return Ok(());
        }
        let (echo, request, digits) = (&call.echo, &call.request, quoted.digits);
        let stream =
            stream.map_or_else(String::new, |id| format!(",\"subscription\":{{\"id\":\"{id}\"}}"));
        let frame = match kind {
            Kind::Candles(_) => format!(
                "{{\"{key}\":{past},{echo}\"msg_type\":\"{msg_type}\",{request}\"pip_size\":{digits}{stream}}}"
            ),
            Kind::Ticks => format!(
                "{{{echo}\"{key}\":{past},\"msg_type\":\"{msg_type}\",{request}\"pip_size\":{digits}{stream}}}"
            ),
        };
        wires.text(call.id, &[frame.as_bytes()]);
        Ok(())
    }

    pub(super) fn find(&self, symbol: &str) -> Result<usize, Refused> {
        let unknown = || Refused("InvalidSymbol", format!("Symbol {symbol} is invalid."));
        let instrument = *self.by_native.get(symbol).ok_or_else(unknown)?;
        if !self.is_open(instrument) {
            return Err(Refused("MarketIsClosed", "This market is presently closed.".to_owned()));
        }
        Ok(instrument)
    }

    /// Opens a stream.
    fn open(&mut self, call: &Call<'_>, instrument: usize, kind: Kind) -> Result<Open, Refused> {
        let id = self.uuid();
        let mute = self.armed.strikes_subscription();
        let native = self.spellings[instrument].native.clone();
        if self.fanout.has((instrument, kind), call.id) {
            let words = format!("You are already subscribed to {native}.");
            return Err(Refused("AlreadySubscribed", words));
        }
        let dialect = call.dialect;
        // The newer dialect repeats the request in the answer alone.
        let echo = if dialect == Dialect::Legacy { call.echo.clone() } else { String::new() };
        let open = Open { id, kind, dialect, echo, request: call.request.clone(), mute };
        self.fanout.add((instrument, kind), call.id, open.clone());
        self.want_recorded(call.id, native, self.own.now);
        Ok(open)
    }

    /// Ends one stream; false when there is none of that name.
    fn forget_one(&mut self, call: &Call<'_>) -> bool {
        let id = call.fields["forget"].as_str().unwrap_or_default();
        self.fanout.forget(call.id, |open| open.id == id) > 0
    }

    /// Ends all streams of some kinds; their names.
    fn forget_all(&mut self, call: &Call<'_>) -> Value {
        let wanted = &call.fields["forget_all"];
        let is_meant = |kind: &str| match wanted {
            Value::String(one) => one == kind,
            Value::Array(many) => many.iter().any(|one| one == kind),
            _ => false,
        };
        let (ticks, candles) = (is_meant("ticks"), is_meant("candles"));
        let is_meant = |open: &Open| match open.kind {
            Kind::Ticks => ticks,
            Kind::Candles(_) => candles,
        };
        let meant = self.fanout.manners(call.id).filter(|open| is_meant(open));
        let gone = meant.map(|open| Value::from(open.id.as_str())).collect();
        self.fanout.forget(call.id, is_meant);
        gone
    }
}

impl Call<'_> {
    /// What the schema of every call demands.
    fn check(&self) -> Result<(), Refused> {
        match self.fields.get("req_id") {
            Some(id) if !(id.is_i64() || id.is_u64()) => {
                Err(invalid("req_id", "Expected integer."))
            }
            _ => Ok(()),
        }
    }

    fn number(&self, key: &'static str, otherwise: u64) -> Result<u64, Refused> {
        match self.fields.get(key) {
            None => Ok(otherwise),
            Some(number) => number.as_u64().ok_or_else(|| invalid(key, "Expected integer.")),
        }
    }

    /// `subscribe` is 1; the newer dialect takes 0 as well.
    fn subscribes(&self) -> Result<bool, Refused> {
        match self.number("subscribe", 0)? {
            1 => Ok(true),
            0 if self.dialect == Dialect::Options || !self.fields.contains_key("subscribe") => {
                Ok(false)
            }
            _ => Err(invalid("subscribe", "Not in enum list: 1.")),
        }
    }

    /// The place of the length asked for.
    fn granularity(&self) -> Result<usize, Refused> {
        let seconds = self.number("granularity", 60)?;
        let known = GRANULARITIES.iter().position(|length| length.unsigned_abs() == seconds);
        known
            .filter(|index| *index > 0 || self.dialect == Dialect::Options)
            .ok_or_else(|| invalid("granularity", "Not in enum list."))
    }
}

/// The request as it came, keys in the order of the alphabet, secrets masked.
fn echo(fields: &Map<String, Value>) -> String {
    let mut fields = fields.clone();
    if let Some(token) = fields.get_mut("authorize") {
        *token = Value::String("<not shown>".to_owned());
    }
    format!("\"echo_req\":{},", Value::Object(fields))
}

pub(super) fn invalid(field: &str, words: &str) -> Refused {
    Refused("InputValidationFailed", format!("Input validation failed: {field} {words}"))
}

/// What a call comes to that is one too many.
pub(super) fn too_many(name: &str) -> Refused {
    Refused("RateLimit", format!("You have reached the rate limit for {name}."))
}

/// How the site is.
pub(super) fn site_status(status: &str) -> Value {
    json!({
        "api_call_limits": {
            "max_proposal_subscription": {"applies_to": "subscribing to proposal", "max": 5},
            "max_requestes_general": {"applies_to": "rest of calls", "hourly": 14_400, "minutely": 180},
        },
        "site_status": status,
    })
}

fn answer(call: &Call<'_>, key: &str, payload: &str, wires: &mut Wires) {
    let (echo, request) = (&call.echo, &call.request);
    let frame = format!("{{{echo}\"{key}\":{payload},{request}\"msg_type\":\"{key}\"}}");
    wires.text(call.id, &[frame.as_bytes()]);
}

fn refuse(call: &Call<'_>, refused: &Refused, wires: &mut Wires) {
    let Refused(code, message) = refused;
    let (echo, request, name) = (&call.echo, &call.request, call.name);
    let error = json!({"code": code, "message": message});
    let frame = format!("{{{echo}\"error\":{error},{request}\"msg_type\":\"{name}\"}}");
    wires.text(call.id, &[frame.as_bytes()]);
}
