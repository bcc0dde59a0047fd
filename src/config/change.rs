//! What a new configuration changes, and whether that can be done while the gateway runs.

use std::fmt;

use toml::{Table, Value};

use super::keys::{SECTIONS, gateway};
use super::{Config, FeedConfig};
use crate::instrument::ExchangeId;

/// What is to be done to get from one configuration to another.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Feeds that were not there.
    pub added: Vec<FeedConfig>,
    /// Feeds that carry other symbols or channels.
    pub changed: Vec<FeedConfig>,
    /// Feeds that are not there any more.
    pub removed: Vec<ExchangeId>,
}

impl Changes {
    /// True when there is nothing to do.
    pub const fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return formatter.write_str("nothing");
        }
        let names = |feeds: &[FeedConfig]| feeds.iter().map(|feed| feed.exchange).collect();
        let parts: [(&str, Vec<ExchangeId>); 3] = [
            ("added", names(&self.added)),
            ("changed", names(&self.changed)),
            ("removed", self.removed.clone()),
        ];
        let mut separator = "";
        for (what, exchanges) in parts.iter().filter(|(_, exchanges)| !exchanges.is_empty()) {
            write!(formatter, "{separator}{what}")?;
            for exchange in exchanges {
                write!(formatter, " {exchange}")?;
            }
            separator = ", ";
        }
        Ok(())
    }
}

/// Keys that only a start can set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}; a restart is needed for that, nothing was changed", describe(.0))]
pub struct Unchangeable(Vec<ChangedKey>);

/// A key with its values as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ChangedKey {
    field: String,
    from: Option<String>,
    to: Option<String>,
}

fn describe(keys: &[ChangedKey]) -> String {
    let absent = "its default";
    let describe = |key: &ChangedKey| {
        let (from, to) = (key.from.as_deref(), key.to.as_deref());
        let (from, to) = (from.unwrap_or(absent), to.unwrap_or(absent));
        format!("{} cannot change from {from} to {to} while running", key.field)
    };
    keys.iter().map(describe).collect::<Vec<_>>().join("; ")
}

/// What leads from one configuration to the other.
///
/// # Errors
/// When something differs that cannot change while running: everything but feeds, their symbols
/// and their channels.
pub fn changes(from: &Config, to: &Config) -> Result<Changes, Unchangeable> {
    let (old, mut new) = (&from.table, to.table.clone());
    // What nobody stated stays as it is, although another feed may be the first now.
    let usual = &gateway::DEFAULT_EXCHANGE;
    if !to.gateway.states_default_exchange
        && let Some(table) = new.get_mut(usual.section).and_then(Value::as_table_mut)
    {
        table.insert(usual.name.to_owned(), from.gateway.default_exchange.name().into());
    }
    let mut refused = Vec::new();
    for (section, value) in old {
        let tables = (value.as_table(), new.get(section).and_then(Value::as_table));
        if let (Some(was), Some(is)) = tables {
            compare((section, section), was, is, &mut refused);
        }
    }
    let mut changes = Changes::default();
    for feed in &to.feeds {
        let Some(before) = from.feeds.iter().find(|one| one.exchange == feed.exchange) else {
            changes.added.push(feed.clone());
            continue;
        };
        let name = format!("feed {}", feed.exchange);
        let (was, is) = (feed_table(old, feed.exchange), feed_table(&new, feed.exchange));
        compare(("feed", &name), &was, &is, &mut refused);
        if before.symbols != feed.symbols || before.channels != feed.channels {
            changes.changed.push(feed.clone());
        }
    }
    let is_gone = |feed: &&FeedConfig| to.feeds.iter().all(|one| one.exchange != feed.exchange);
    changes.removed = from.feeds.iter().filter(is_gone).map(|feed| feed.exchange).collect();
    if refused.is_empty() { Ok(changes) } else { Err(Unchangeable(refused)) }
}

fn feed_table(table: &Table, exchange: ExchangeId) -> Table {
    let feeds = table.get("feed").and_then(Value::as_array).into_iter().flatten();
    let mut feeds = feeds.filter_map(Value::as_table);
    let is_it =
        |feed: &&Table| feed.get("exchange").and_then(Value::as_str) == Some(exchange.name());
    feeds.find(is_it).cloned().unwrap_or_default()
}

/// Whether a reload can change a key.
fn reloads(section: &str, name: &str) -> bool {
    let section = SECTIONS.iter().find(|one| one.name == section);
    let key = section.and_then(|section| section.keys.iter().find(|key| key.outer_name() == name));
    key.is_some_and(|key| key.reloads)
}

/// Notes the keys that differ, but for those that may.
fn compare(
    (section, shown): (&str, &str),
    old: &Table,
    new: &Table,
    refused: &mut Vec<ChangedKey>,
) {
    let mut keys: Vec<&str> = old.keys().chain(new.keys()).map(String::as_str).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys.into_iter().filter(|key| !reloads(section, key)) {
        let (was, is) = (old.get(key), new.get(key));
        if was != is {
            refused.push(ChangedKey {
                field: format!("{shown}.{key}"),
                from: was.map(Value::to_string),
                to: is.map(Value::to_string),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = r#"
        [gateway]
        listen = "127.0.0.1:9000"
        [[feed]]
        exchange = "binance"
        symbols = ["BTC/USDT", "ETH/USDT"]
        channels = ["trades"]
        [[feed]]
        exchange = "binance-futures"
        symbols = ["BTC/USDT:USDT"]
    "#;

    fn config(text: &str) -> Config {
        Config::parse(text, None, []).expect("a configuration")
    }

    fn changed(edit: impl Fn(&str) -> String) -> Result<Changes, Unchangeable> {
        changes(&config(OLD), &config(&edit(OLD)))
    }

    #[test]
    fn the_same_changes_nothing() {
        let same = changed(|text| format!("# a comment\n{text}")).expect("possible");
        assert!(same.is_empty());
        assert_eq!(same.to_string(), "nothing");
    }

    #[test]
    fn symbols_and_channels_change_a_feed() {
        for edit in [
            ["\"ETH/USDT\"", "\"SOL/USDT\""],
            [", \"ETH/USDT\"", ""],
            ["[\"trades\"]", "[\"trades\", \"orderbook\"]"],
        ] {
            let changes = changed(|text| text.replace(edit[0], edit[1])).expect("possible");
            assert_eq!(changes.to_string(), "changed binance");
        }
    }

    #[test]
    fn feeds_come_and_go() {
        let text = |text: &str| {
            let okx = "[[feed]]\nexchange = \"okx\"\nsymbols = [\"BTC/USDT\"]";
            let (kept, _) = text.rsplit_once("[[feed]]").expect("two feeds");
            format!("{kept}{okx}")
        };
        let changes = changed(text).expect("possible");
        assert_eq!(changes.to_string(), "added okx, removed binance-futures");
    }

    #[test]
    fn what_only_a_start_can_set_is_refused_by_its_name_and_values() {
        let cases = [
            ("9000", "9001", "gateway.listen cannot change from \"127.0.0.1:9000\" to"),
            ("[gateway]", "[history]\nevents = 5\n[gateway]", "history.events cannot change"),
            ("[gateway]", "[gateway]\nbroadcasters = 2", "gateway.broadcasters cannot change"),
            ("channels", "lines = 2\n        channels", "feed binance.lines cannot change from 1"),
            ("channels", "cpu = 0\n        channels", "from its default to 0 while running"),
        ];
        for (from, to, told) in cases {
            let refused = changed(|text| text.replacen(from, to, 1)).expect_err(told);
            assert!(refused.to_string().contains(told), "{refused}");
        }
    }
}
