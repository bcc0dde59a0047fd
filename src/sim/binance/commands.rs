//! What a client may say on a WebSocket, and the answers.

use serde_json::Value;

use super::{Binance, Product};
use crate::clock::MonoNanos;
use crate::sim::exchange::Exchange;
use crate::sim::wires::{ConnectionId, Wires};

/// Why a command is refused: Binance's code and words.
struct Refused(i32, String);

const METHODS: [&str; 5] =
    ["SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY"];

impl Exchange<Binance> {
    /// Does what a client says.
    pub(super) fn obey(&mut self, id: ConnectionId, text: &str, now: MonoNanos, wires: &mut Wires) {
        let command: Value = match serde_json::from_str(text) {
            Ok(command) => command,
            Err(error) => {
                let refused = Refused(3, format!("Invalid JSON: {error}"));
                return self.refuse(id, &Value::Null, &refused, wires);
            }
        };
        let request_id = command.get("id").cloned().unwrap_or(Value::Null);
        match self.result(id, &command, &request_id, now) {
            Ok(result) => {
                let answer = format!("{{\"result\":{result},\"id\":{request_id}}}");
                wires.text(id, &[answer.as_bytes()]);
            }
            Err(refused) => {
                self.refuse(id, &request_id, &refused, wires);
                if refused.0 == 4 {
                    wires.close(id, 1008, "Invalid request");
                }
            }
        }
    }

    /// Spot answers with a flat object, futures wrap it.
    fn refuse(&self, id: ConnectionId, request_id: &Value, refused: &Refused, wires: &mut Wires) {
        let Refused(code, text) = refused;
        let error = serde_json::json!({ "code": code, "msg": text });
        let answer = match self.own.product {
            Product::Spot => error.to_string(),
            Product::Futures => serde_json::json!({ "error": error, "id": request_id }).to_string(),
        };
        wires.text(id, &[answer.as_bytes()]);
    }

    fn result(
        &mut self,
        id: ConnectionId,
        command: &Value,
        request_id: &Value,
        now: MonoNanos,
    ) -> Result<Value, Refused> {
        let invalid = |what: &str| Refused(2, format!("Invalid request: {what}"));
        if !valid_id(request_id) {
            return Err(invalid("id must be a signed integer, a short string or null"));
        }
        let method = command.get("method").and_then(Value::as_str);
        let method = method.ok_or_else(|| invalid("missing field `method`"))?;
        let params = command.get("params").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        match method {
            "SUBSCRIBE" => self.subscribe_all(id, &names(params)?, now),
            "UNSUBSCRIBE" => {
                names(params)?.iter().for_each(|name| self.unsubscribe(id, name));
                Ok(Value::Null)
            }
            "LIST_SUBSCRIPTIONS" => {
                let caller = self.callers.get(&id);
                Ok(caller.map_or(Value::Null, |caller| Value::from(caller.own.names.clone())))
            }
            "SET_PROPERTY" => match params {
                [name, Value::Bool(combined)] if name == "combined" => {
                    self.set_combined(id, *combined);
                    Ok(Value::Null)
                }
                [name, _] if name == "combined" => {
                    Err(Refused(1, "Invalid value type: expected Boolean".to_owned()))
                }
                [_, _] => Err(Refused(0, "Unknown property".to_owned())),
                _ => Err(invalid("expected a property and its value")),
            },
            "GET_PROPERTY" => match params {
                [name] if name == "combined" => {
                    Ok(Value::Bool(self.callers.get(&id).is_some_and(|caller| caller.own.combined)))
                }
                [_] => Err(Refused(0, "Unknown property".to_owned())),
                _ => Err(invalid("expected one property")),
            },
            unknown => {
                let known = METHODS.map(|method| format!("`{method}`")).join(", ");
                Err(invalid(&format!("unknown variant {unknown}, expected one of {known}")))
            }
        }
    }

    fn subscribe_all(
        &mut self,
        id: ConnectionId,
        names: &[&str],
        now: MonoNanos,
    ) -> Result<Value, Refused> {
        if self.armed.strikes_too_many() {
            let words = "Too many requests; current limit is 5 messages per second.";
            return Err(Refused(-1003, words.to_owned()));
        }
        if self.armed.strikes_subscription() {
            return Ok(Value::Null);
        }
        for name in names {
            if !self.subscribe(id, name, now) {
                return Err(Refused(4, "Too many subscriptions".to_owned()));
            }
        }
        Ok(Value::Null)
    }

    fn set_combined(&mut self, id: ConnectionId, combined: bool) {
        if let Some(client) = self.callers.get_mut(&id) {
            client.own.combined = combined;
        }
        self.fanout.manners(id).for_each(|wanted| wanted.combined = combined);
    }
}

/// Signed 64-bit integer, at most 36 letters and digits, or null.
fn valid_id(id: &Value) -> bool {
    match id {
        Value::Null => true,
        Value::Number(number) => number.is_i64(),
        Value::String(text) => {
            text.len() <= 36 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        }
        _ => false,
    }
}

fn names(params: &[Value]) -> Result<Vec<&str>, Refused> {
    let names: Option<Vec<&str>> = params.iter().map(Value::as_str).collect();
    names.ok_or_else(|| Refused(2, "Invalid request: a stream name is a string".to_owned()))
}
