//! What a client may say on a WebSocket, and the answers.

use serde_json::Value;

use super::{Bybit, Class};
use crate::clock::MonoNanos;
use crate::sim::exchange::Exchange;
use crate::sim::wires::{ConnectionId, Wires};

/// Fact: topics in one request on spot.
const SPOT_ARGS_MAX: usize = 10;

/// Fact: letters of all topics on one connection.
const ARGS_BYTES_MAX: usize = 21_000;

/// A request as far as its answer needs it.
struct Request<'a> {
    operation: &'a str,
    id: Option<&'a str>,
}

impl Exchange<Bybit> {
    /// Does what a client says.
    pub(super) fn obey(&mut self, id: ConnectionId, text: &str, now: MonoNanos, wires: &mut Wires) {
        let command: Value = serde_json::from_str(text).unwrap_or(Value::Null);
        let operation = command.get("op").and_then(Value::as_str).unwrap_or_default();
        let request = Request { operation, id: command.get("req_id").and_then(Value::as_str) };
        let topics: Option<Vec<&str>> = command
            .get("args")
            .and_then(Value::as_array)
            .and_then(|args| args.iter().map(Value::as_str).collect());
        match (operation, topics) {
            ("ping", _) => self.reply(id, &request, Ok("pong"), wires),
            ("subscribe", Some(topics)) => self.subscribe_all(id, &request, &topics, now, wires),
            ("unsubscribe", Some(topics)) => {
                topics.iter().for_each(|topic| self.unsubscribe(id, topic));
                let words = self.accepted("unsubscribe");
                self.reply(id, &request, Ok(words), wires);
            }
            _ => self.reply(id, &request, Err("Params Error"), wires),
        }
    }

    fn subscribe_all(
        &mut self,
        id: ConnectionId,
        request: &Request<'_>,
        topics: &[&str],
        now: MonoNanos,
        wires: &mut Wires,
    ) {
        if self.armed.strikes_too_many() {
            let words = "Too many visits. Exceeded the API Rate Limit.";
            return self.reply(id, request, Err(words), wires);
        }
        if let Err(words) = self.check(id, topics) {
            return self.reply(id, request, Err(&words), wires);
        }
        let words = self.accepted("subscribe");
        if self.armed.strikes_subscription() {
            return self.reply(id, request, Ok(words), wires);
        }
        // Either comes first on the wire; each class has its own order here, so that clients are
        // held to both.
        if self.own.class == Class::Spot {
            self.reply(id, request, Ok(words), wires);
        }
        for topic in topics {
            self.subscribe(id, topic, now, wires);
        }
        if self.own.class == Class::Linear {
            self.reply(id, request, Ok(words), wires);
        }
    }

    /// One topic at fault refuses the whole request.
    fn check(&self, id: ConnectionId, topics: &[&str]) -> Result<(), String> {
        let Some(subscribed) = self.callers.get(&id).map(|client| &client.own) else {
            return Ok(());
        };
        if self.own.class == Class::Spot && topics.len() > SPOT_ARGS_MAX {
            return Err("args size >10".to_owned());
        }
        let bytes: usize = topics.iter().map(|topic| topic.len()).sum();
        if subscribed.iter().map(String::len).sum::<usize>() + bytes > ARGS_BYTES_MAX {
            return Err("args length exceeds the limit".to_owned());
        }
        for (index, topic) in topics.iter().enumerate() {
            if !self.is_topic(topic) {
                return Err(format!("error:handler not found,topic:{topic}"));
            }
            let is_known = subscribed.iter().any(|known| known == topic);
            if is_known || topics[..index].contains(topic) {
                return Err(format!("error:already subscribed,topic:{topic}"));
            }
        }
        Ok(())
    }

    const fn accepted(&self, operation: &'static str) -> &'static str {
        match self.own.class {
            Class::Spot => operation,
            Class::Linear => "",
        }
    }

    /// Spot leaves `req_id` out when none was given, contracts write an empty one.
    fn reply(
        &self,
        id: ConnectionId,
        request: &Request<'_>,
        words: Result<&str, &str>,
        wires: &mut Wires,
    ) {
        let success = words.is_ok();
        // As the exchange's encoder does it.
        let words = words.unwrap_or_else(|words| words).replace('>', "\\u003e");
        let connection = format!("d9avt8shteepr00gfc1g-{:05x}", id.0);
        let request_id = match (request.id, self.own.class) {
            (Some(id), _) => format!(r#","req_id":{}"#, Value::from(id)),
            (None, Class::Linear) => r#","req_id":"""#.to_owned(),
            (None, Class::Spot) => String::new(),
        };
        let operation = Value::from(request.operation);
        let text = format!(
            r#"{{"success":{success},"ret_msg":"{words}","conn_id":"{connection}"{request_id},"op":{operation}}}"#
        );
        wires.text(id, &[text.as_bytes()]);
    }
}
