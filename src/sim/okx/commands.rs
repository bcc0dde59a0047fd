//! What a client may say on a WebSocket, and the answers.

use serde_json::Value;

use super::Okx;
use super::channels::{Kind, LOGIN_ONLY, key};
use crate::clock::MonoNanos;
use crate::sim::exchange::Exchange;
use crate::sim::options::Era;
use crate::sim::wires::{ConnectionId, Wires};

/// Fact: longest request; the documentation says 64 KB.
const REQUEST_BYTES_MAX: usize = 64 << 10;

/// Fact: requests to subscribe or unsubscribe in an hour on one connection.
const REQUESTS_MAX: usize = 480;

/// An hour.
const WINDOW_NS: u64 = 3_600 * 1_000_000_000;

/// Why a request, or a part of it, is refused: OKX's code and words.
struct Refused(&'static str, String);

impl Exchange<Okx> {
    /// Does what a client says.
    pub(super) fn obey(&mut self, id: ConnectionId, text: &str, now: MonoNanos, wires: &mut Wires) {
        if text == "ping" {
            return wires.text(id, &[b"pong"]);
        }
        if text.len() > REQUEST_BYTES_MAX {
            return wires.close(id, 1009, "Request message exceeds the maximum frame length");
        }
        let invalid = || Refused("60012", format!("Invalid request: {text}"));
        let request: Value = match serde_json::from_str(text) {
            Ok(request) => request,
            Err(_) => return self.refuse(id, None, &invalid(), wires),
        };
        let number = request.get("id").and_then(Value::as_str);
        let arguments = request.get("args").and_then(Value::as_array);
        let refused = match (request.get("op").and_then(Value::as_str), arguments) {
            (None, _) | (_, None) => invalid(),
            (operation @ Some("subscribe" | "unsubscribe"), _)
                if self.is_busy(id, now) || self.is_too_much(operation) =>
            {
                Refused("60014", "Requests too frequent".to_owned())
            }
            (Some("subscribe"), Some(arguments)) => {
                return self.subscribe_all(id, number, arguments, now, wires);
            }
            (Some("unsubscribe"), Some(arguments)) => {
                return self.unsubscribe_all(id, number, arguments, wires);
            }
            (Some(operation), _) => Refused("60019", format!("Invalid op: {operation}")),
        };
        self.refuse(id, number, &refused, wires);
    }

    /// Counts a request; true when there were too many in this hour.
    fn is_busy(&mut self, id: ConnectionId, now: MonoNanos) -> bool {
        let Some(client) = self.callers.get_mut(&id) else { return false };
        !client.own.requests.count(REQUESTS_MAX, WINDOW_NS, now)
    }

    fn is_too_much(&mut self, operation: Option<&str>) -> bool {
        operation == Some("subscribe") && self.armed.strikes_too_many()
    }

    /// Answers for each argument, then sends what each begins with.
    fn subscribe_all(
        &mut self,
        id: ConnectionId,
        number: Option<&str>,
        arguments: &[Value],
        now: MonoNanos,
        wires: &mut Wires,
    ) {
        let mute = self.armed.strikes_subscription();
        let mut begun = Vec::new();
        for argument in arguments {
            match self.subscribe(id, argument, mute, now) {
                Ok(stream) => {
                    self.acknowledge(id, "subscribe", number, argument, wires);
                    begun.extend(stream.filter(|stream| !begun.contains(stream)));
                }
                Err(refused) => self.refuse(id, number, &refused, wires),
            }
        }
        for (instrument, kind) in begun {
            self.begin(id, instrument, kind, now, wires);
        }
    }

    /// Adds one stream; what is new and carries data is returned.
    fn subscribe(
        &mut self,
        id: ConnectionId,
        argument: &Value,
        mute: bool,
        now: MonoNanos,
    ) -> Result<Option<(usize, Kind)>, Refused> {
        let field = |name| argument.get(name).and_then(Value::as_str);
        let (Some(channel), Some(native)) = (field("channel"), field("instId")) else {
            return Err(Refused("60013", "Invalid args".to_owned()));
        };
        if LOGIN_ONLY.contains(&channel) {
            return Err(Refused("60011", "Please log in".to_owned()));
        }
        if self.want_recorded(id, key(channel, native), now) {
            return Ok(None);
        }
        let Some(service) = self.callers.get(&id).map(|client| client.own.service) else {
            return Ok(None);
        };
        let kind = Kind::parse(channel).filter(|kind| kind.service() == service);
        let Some((instrument, kind)) = kind.and_then(|kind| self.stream(kind, native)) else {
            return Err(unknown(channel, native));
        };
        // Asked for twice, it is acknowledged twice and sent once.
        if mute || self.fanout.has((instrument, kind), id) {
            return Ok(None);
        }
        Ok(Some((instrument, kind)))
    }

    /// The stream of that channel and name, if there is one.
    fn stream(&self, kind: Kind, named: &str) -> Option<(usize, Kind)> {
        let instrument = match kind {
            Kind::IndexPrice => self.pair_index(named)?,
            _ => *self.by_native.get(named)?,
        };
        kind.is_of(self.spellings[instrument].class).then_some((instrument, kind))
    }

    fn unsubscribe_all(
        &mut self,
        id: ConnectionId,
        number: Option<&str>,
        arguments: &[Value],
        wires: &mut Wires,
    ) {
        for argument in arguments {
            let field = |name| argument.get(name).and_then(Value::as_str);
            let (Some(channel), Some(native)) = (field("channel"), field("instId")) else {
                let refused = Refused("60013", "Invalid args".to_owned());
                self.refuse(id, number, &refused, wires);
                continue;
            };
            if let Some(client) = self.callers.get_mut(&id) {
                client.keys.remove(&key(channel, native));
            }
            let stream = Kind::parse(channel).and_then(|kind| self.stream(kind, native));
            if let Some(stream) = stream {
                self.fanout.remove(stream, id, |()| true);
            }
            self.acknowledge(id, "unsubscribe", number, argument, wires);
        }
    }

    fn acknowledge(
        &self,
        id: ConnectionId,
        event: &str,
        number: Option<&str>,
        argument: &Value,
        wires: &mut Wires,
    ) {
        let (head, tail) = self.envelope(id, number);
        // As the client wrote it, whatever the order of its keys.
        let field = |name: &str| argument.get(name).cloned().unwrap_or(Value::Null);
        let (channel, native) = (field("channel"), field("instId"));
        let answer = format!(
            "{{{head}\"event\":\"{event}\",\"arg\":{{\"channel\":{channel},\"instId\":{native}}}{tail}}}"
        );
        wires.text(id, &[answer.as_bytes()]);
    }

    /// A refusal says what it is about in its words at best.
    fn refuse(&self, id: ConnectionId, number: Option<&str>, refused: &Refused, wires: &mut Wires) {
        let (head, tail) = self.envelope(id, number);
        let Refused(code, words) = refused;
        let words = Value::from(words.as_str());
        let answer =
            format!("{{{head}\"event\":\"error\",\"msg\":{words},\"code\":\"{code}\"{tail}}}");
        wires.text(id, &[answer.as_bytes()]);
    }

    /// The number of the request, where it had one, and the name of the connection.
    fn envelope(&self, id: ConnectionId, number: Option<&str>) -> (String, String) {
        if self.own.era == Era::Early {
            return (String::new(), String::new());
        }
        let head =
            number.map_or_else(String::new, |number| format!("\"id\":{},", Value::from(number)));
        let name = self.callers.get(&id).map_or("", |client| client.own.name.as_str());
        (head, format!(",\"connId\":\"{name}\""))
    }
}

fn unknown(channel: &str, native: &str) -> Refused {
    let words = format!(
        "Wrong URL or channel:{channel},instId:{native} doesn't exist. Please use the correct URL, \
         channel and parameters referring to API document."
    );
    Refused("60018", words)
}
