//! `TICKWIRE_SECTION_KEY` in the environment beats the file; `WS_PORT` is honoured too.

use toml::{Table, Value};

use super::ConfigError;
use super::document::put;
use super::error::Wrongs;
use super::key::{Key, as_toml, nearest};
use super::keys::{BUDGET, SECTIONS, gateway};

/// One key that the environment sets.
#[derive(Clone, Debug)]
pub(super) struct Override {
    /// The variable and what it holds, for errors.
    pub(super) variable: String,
    pub(super) text: String,
    target: Target,
}

/// Which key it sets.
#[derive(Clone, Debug)]
enum Target {
    /// A key; of a feed, that of the feed with this place.
    Key { key: &'static Key, index: usize },
    /// A key of the budget.
    Budget { name: String },
    /// The port of `gateway.listen`, its address kept.
    GatewayPort(u16),
}

/// The overrides among these variables. Others of the prefix (`TICKWIRE_LOG` excepted) are errors,
/// so that a misspelt one is not silently without effect.
pub(super) fn collect(
    variables: impl IntoIterator<Item = (String, String)>,
    wrongs: &mut Wrongs,
) -> Vec<Override> {
    let mut overrides = Vec::new();
    for (variable, text) in variables {
        let target = if variable == "WS_PORT" {
            port(&variable, &text).map(Target::GatewayPort)
        } else {
            match variable.strip_prefix("TICKWIRE_") {
                Some(name) if name != "LOG" => target(&variable, &text),
                Some(_) | None => continue,
            }
        };
        if let Some(target) = wrongs.take(target) {
            overrides.push(Override { variable, text, target });
        }
    }
    // The variables come in no order; WS_PORT goes last so that it meets the final address.
    let is_port = |one: &Override| matches!(one.target, Target::GatewayPort(_));
    overrides.sort_by(|a, b| (is_port(a), &a.variable).cmp(&(is_port(b), &b.variable)));
    overrides
}

fn port(variable: &str, text: &str) -> Result<u16, ConfigError> {
    text.trim().parse().map_err(|_| ConfigError::Variable {
        name: variable.to_owned(),
        value: text.to_owned(),
        remedy: "write the port that clients connect to, from 0 (a free one) to 65535".to_owned(),
    })
}

/// Every variable that sets a key, for the feed with this place.
fn known(place: &str) -> Vec<(String, &'static Key)> {
    let keys = SECTIONS.iter().flat_map(|section| section.keys);
    keys.map(|key| (key.variable(place), *key)).collect()
}

fn target(variable: &str, text: &str) -> Result<Target, ConfigError> {
    let place = variable.strip_prefix("TICKWIRE_FEED_").and_then(|rest| rest.split('_').next());
    let index = place.and_then(|place| place.parse().ok());
    let place = index.map_or_else(|| "0".to_owned(), |index: usize| index.to_string());
    let known = known(&place);
    if let Some((_, key)) = known.iter().find(|(name, _)| *name == variable) {
        return Ok(Target::Key { key, index: index.unwrap_or(0) });
    }
    if let Some(name) = variable.strip_prefix("TICKWIRE_BUDGET_") {
        return Ok(Target::Budget { name: name.to_lowercase() });
    }
    let names = known.iter().map(|(name, _)| name.as_str());
    let remedy = match nearest(variable, names.chain(["TICKWIRE_LOG"])) {
        Some(name) => format!("names no configuration key; did you mean {name}?"),
        None => "names no configuration key; write TICKWIRE_SECTION_KEY, like \
                 TICKWIRE_GATEWAY_LISTEN, or TICKWIRE_FEED_0_URL for the first feed"
            .to_owned(),
    };
    let (name, value) = (variable.to_owned(), text.to_owned());
    Err(ConfigError::Variable { name, value, remedy })
}

impl Override {
    /// Whether it sets that key.
    pub(super) fn sets(&self, section: &str, index: usize, name: &str) -> bool {
        match &self.target {
            Target::Key { key, index: place } => {
                key.section == section && *place == index && key.name == name
            }
            Target::Budget { name: key } => section == BUDGET && key == name,
            Target::GatewayPort(_) => false,
        }
    }

    /// Sets the key in a parsed file.
    ///
    /// # Errors
    /// When the feed it names is not there.
    pub(super) fn apply(&self, table: &mut Table) -> Result<(), ConfigError> {
        match &self.target {
            Target::Key { key, index } if key.section == "feed" => {
                let feeds = table.get_mut("feed").and_then(Value::as_array_mut);
                let feed = feeds.and_then(|feeds| feeds.get_mut(*index));
                let feed =
                    feed.and_then(Value::as_table_mut).ok_or_else(|| ConfigError::Variable {
                        name: self.variable.clone(),
                        value: self.text.clone(),
                        remedy: format!("the file has no [[feed]] number {index}, counted from 0"),
                    })?;
                put(feed, key.name, key.kind.value_of(&self.text));
            }
            Target::Key { key, .. } => {
                insert(table, key.section, key.name, key.kind.value_of(&self.text));
            }
            Target::Budget { name } => {
                let text = || Value::String(self.text.clone());
                insert(table, BUDGET, name, as_toml(&self.text).unwrap_or_else(text));
            }
            Target::GatewayPort(port) => {
                let listen = table.get("gateway").and_then(|gateway| gateway.get("listen"));
                let default = gateway::LISTEN.default_value();
                let listen =
                    listen.or(default.as_ref()).and_then(Value::as_str).unwrap_or_default();
                let host = listen.rsplit_once(':').map_or(listen, |(host, _)| host);
                insert(table, "gateway", "listen", Value::String(format!("{host}:{port}")));
            }
        }
        Ok(())
    }
}

fn insert(table: &mut Table, section: &str, name: &str, value: Value) {
    let section = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
    if let Some(section) = section.as_table_mut() {
        put(section, name, value);
    }
}
