//! What a client may say, and the answers.

use serde_json::Value;

use super::channels::{Channel, Kind, key};
use super::{Coinbase, Product, Subscribed};
use crate::clock::MonoNanos;
use crate::sim::exchange::Exchange;
use crate::sim::wires::{ConnectionId, Wires};

/// A channel by the name that the client gave it, with its products.
type Entry = (String, Channel, Vec<usize>);

/// What the whole command is refused for.
struct Refused(&'static str, Option<String>);

const FAILED: &str = "Failed to subscribe";

const NO_LOGIN: &str = "level2, level3, and full channels now require authentication. \
    https://docs.cloud.coinbase.com/exchange/docs/websocket-auth";

impl Exchange<Coinbase> {
    /// Does what a client says. One bad entry refuses all of it.
    pub(super) fn obey(&mut self, id: ConnectionId, text: &str, now: MonoNanos, wires: &mut Wires) {
        let Ok(command) = serde_json::from_str::<Value>(text) else {
            return self.refuse(id, &Refused("Malformed JSON", None), wires);
        };
        let obeyed = match command["type"].as_str() {
            Some("subscribe") if self.armed.strikes_too_many() => {
                Err(Refused("Rate limit exceeded", None))
            }
            Some("subscribe") => {
                if let Some(client) = self.callers.get_mut(&id) {
                    client.own.has_asked = true;
                }
                self.entries(&command, true)
                    .map(|entries| self.subscribe_all(id, &entries, now, wires))
            }
            Some("unsubscribe") => self
                .entries(&command, false)
                .map(|entries| self.unsubscribe_all(id, &entries, now, wires)),
            _ => Err(Refused("Type has to be either subscribe or unsubscribe", None)),
        };
        if let Err(refused) = obeyed {
            self.refuse(id, &refused, wires);
        }
    }

    fn refuse(&self, id: ConnectionId, Refused(message, reason): &Refused, wires: &mut Wires) {
        let answer = match reason {
            Some(reason) => {
                serde_json::json!({ "type": "error", "message": message, "reason": reason })
            }
            None => serde_json::json!({ "type": "error", "message": message }),
        };
        wires.text(id, &[answer.to_string().as_bytes()]);
    }

    /// The channels of a command with their products.
    fn entries(&self, command: &Value, subscribe: bool) -> Result<Vec<Entry>, Refused> {
        let listed = match self.own.product {
            Product::Exchange => command["channels"].as_array().cloned().unwrap_or_default(),
            Product::Advanced => vec![command["channel"].clone()],
        };
        if listed.is_empty() {
            return Err(Refused(FAILED, Some("No channels provided".to_owned())));
        }
        // Nobody has an account here, so that any signature is one.
        let has_login = !subscribe || command["signature"].is_string();
        let entry = |value: &Value| {
            let (name, products) = match value.as_str() {
                Some(name) => (name, &command["product_ids"]),
                None => (value["name"].as_str().unwrap_or(""), &value["product_ids"]),
            };
            let channel = Channel::parse(self.own.product, name, has_login);
            let unknown = || Refused(FAILED, Some(format!("{name} is not a valid channel")));
            let channel = channel.ok_or_else(unknown)?;
            if channel == Channel::Closed && subscribe {
                return Err(match self.own.product {
                    Product::Exchange => Refused(FAILED, Some(NO_LOGIN.to_owned())),
                    Product::Advanced => Refused("authentication failure", None),
                });
            }
            Ok((name.to_owned(), channel, self.indices(channel, products, subscribe)?))
        };
        listed.iter().map(entry).collect()
    }

    /// The products of a channel; without any in a command to end it, all of them.
    fn indices(
        &self,
        channel: Channel,
        products: &Value,
        subscribe: bool,
    ) -> Result<Vec<usize>, Refused> {
        if !matches!(channel, Channel::Of(_)) {
            return Ok(Vec::new());
        }
        let names = products.as_array().map_or(&[][..], Vec::as_slice);
        if names.is_empty() && subscribe {
            return Err(Refused(FAILED, Some("No product_ids provided".to_owned())));
        }
        if names.is_empty() {
            return Ok((0..self.spellings.len()).collect());
        }
        let index = |name: &Value| {
            let name = name.as_str().unwrap_or("");
            let unknown = || Refused(FAILED, Some(format!("{name} is not a valid product")));
            self.by_native.get(name).copied().ok_or_else(unknown)
        };
        names.iter().map(index).collect()
    }

    fn subscribe_all(
        &mut self,
        id: ConnectionId,
        entries: &[Entry],
        now: MonoNanos,
        wires: &mut Wires,
    ) {
        let mute = self.armed.strikes_subscription();
        let mut begun = Vec::new();
        for (name, channel, products) in entries {
            let Some(client) = self.callers.get_mut(&id) else { return };
            let caller = &mut client.own;
            let known = caller.subscribed.iter().position(|one| one.name == *name);
            let place = known.unwrap_or_else(|| {
                let subscribed = Subscribed { name: name.clone(), products: Vec::new() };
                caller.subscribed.push(subscribed);
                caller.subscribed.len() - 1
            });
            let listed = &mut caller.subscribed[place].products;
            let new: Vec<usize> =
                products.iter().copied().filter(|product| !listed.contains(product)).collect();
            listed.extend(&new);
            if mute {
                continue;
            }
            match channel {
                Channel::Of(kind) => begun.extend(new.into_iter().map(|product| (*kind, product))),
                Channel::Beats => caller.beats = true,
                Channel::Status => caller.status = true,
                Channel::Closed => {}
            }
        }
        begun.dedup();
        // The Exchange answers first; Advanced Trade after the first data.
        if self.own.product == Product::Exchange {
            self.tell_subscriptions(id, now, wires);
        }
        for (kind, product) in begun {
            self.begin(id, kind, product, now, wires);
        }
        if self.own.product == Product::Advanced {
            self.tell_subscriptions(id, now, wires);
        }
    }

    /// A stream begins, with what a client needs to know first.
    fn begin(
        &mut self,
        id: ConnectionId,
        kind: Kind,
        product: usize,
        now: MonoNanos,
        wires: &mut Wires,
    ) {
        let key = key(kind, &self.spellings[product].native);
        // Recordings may lack the heartbeats that keep a client from leaving.
        if self.want_recorded(id, key, now) && kind != Kind::Heartbeat {
            return;
        }
        if !self.fanout.has((product, kind), id) {
            self.fanout.add((product, kind), id, ());
            self.tell_first(id, kind, product, now, wires);
        }
    }

    fn unsubscribe_all(
        &mut self,
        id: ConnectionId,
        entries: &[Entry],
        now: MonoNanos,
        wires: &mut Wires,
    ) {
        for (name, channel, products) in entries {
            let Some(client) = self.callers.get_mut(&id) else { return };
            let caller = &mut client.own;
            for one in caller.subscribed.iter_mut().filter(|one| one.name == *name) {
                one.products.retain(|product| !products.contains(product));
            }
            match channel {
                Channel::Of(kind) => {
                    for &product in products {
                        client.keys.remove(&key(*kind, &self.spellings[product].native));
                        self.fanout.remove((product, *kind), id, |()| true);
                    }
                    let empty =
                        |one: &mut Subscribed| one.name != *name || !one.products.is_empty();
                    caller.subscribed.retain_mut(empty);
                }
                Channel::Beats | Channel::Status | Channel::Closed => {
                    caller.beats &= *channel != Channel::Beats;
                    caller.status &= *channel != Channel::Status;
                    caller.subscribed.retain(|one| one.name != *name);
                }
            }
        }
        self.tell_subscriptions(id, now, wires);
    }
}
