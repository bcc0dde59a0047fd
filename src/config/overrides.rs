//! `TICKWIRE_SECTION_KEY` in the environment beats the file; `WS_PORT` is honoured too.

use toml::{Table, Value};

use super::ConfigError;

/// One key that the environment sets.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Override {
    /// The variable, for errors.
    pub(super) variable: String,
    target: Target,
    value: Value,
}

/// Which key it sets.
#[derive(Clone, Debug, PartialEq)]
enum Target {
    /// `section.key`
    Key { section: &'static str, key: String },
    /// `feed[index].key`
    Feed { index: usize, key: String },
    /// The port of `gateway.listen`, its address kept.
    GatewayPort,
}

/// Sections that are tables; feeds are addressed by their place: `TICKWIRE_FEED_0_URL`.
const SECTIONS: [&str; 4] = ["gateway", "admin", "history", "budget"];

/// The overrides among these variables. Others of the prefix (`TICKWIRE_LOG` excepted) are errors,
/// so that a misspelt one is not silently without effect.
pub(super) fn collect(
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Vec<Override>, ConfigError> {
    let mut overrides = Vec::new();
    for (name, text) in variables {
        if name == "WS_PORT" {
            overrides.push(Override {
                variable: name,
                target: Target::GatewayPort,
                value: value(&text),
            });
            continue;
        }
        let Some(rest) = name.strip_prefix("TICKWIRE_") else { continue };
        if rest == "LOG" {
            continue;
        }
        let target = target(&rest.to_lowercase()).ok_or_else(|| ConfigError::Variable {
            name: name.clone(),
            remedy:
                "write TICKWIRE_GATEWAY_LISTEN, TICKWIRE_ADMIN_LISTEN, TICKWIRE_HISTORY_EVENTS, \
                     TICKWIRE_BUDGET_… or TICKWIRE_FEED_0_URL"
                    .to_owned(),
        })?;
        overrides.push(Override { variable: name, target, value: value(&text) });
    }
    // The variables come in no order; WS_PORT goes last so that it meets the final address.
    overrides.sort_by(|a, b| {
        (a.target == Target::GatewayPort, &a.variable)
            .cmp(&(b.target == Target::GatewayPort, &b.variable))
    });
    Ok(overrides)
}

fn target(name: &str) -> Option<Target> {
    if let Some(rest) = name.strip_prefix("feed_") {
        let (index, key) = rest.split_once('_')?;
        return Some(Target::Feed { index: index.parse().ok()?, key: key.to_owned() });
    }
    SECTIONS.iter().find_map(|&section| {
        let key = name.strip_prefix(section)?.strip_prefix('_')?;
        Some(Target::Key { section, key: key.to_owned() })
    })
}

/// The text as a TOML value where it is one (`5`, `true`, `["a"]`), else as a string.
fn value(text: &str) -> Value {
    format!("value = {text}")
        .parse::<Table>()
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

impl Override {
    /// Sets the key in a parsed file.
    ///
    /// # Errors
    /// When the feed it names is not there.
    pub(super) fn apply(&self, table: &mut Table) -> Result<(), ConfigError> {
        match &self.target {
            Target::Key { section, key } => {
                let section = table
                    .entry(*section)
                    .or_insert_with(|| Value::Table(Table::new()))
                    .as_table_mut();
                section.map(|section| section.insert(key.clone(), self.value.clone()));
                Ok(())
            }
            Target::GatewayPort => {
                self.apply_port(table);
                Ok(())
            }
            Target::Feed { index, key } => table
                .get_mut("feed")
                .and_then(Value::as_array_mut)
                .and_then(|feeds| feeds.get_mut(*index))
                .and_then(Value::as_table_mut)
                .map(|feed| {
                    feed.insert(key.clone(), self.value.clone());
                })
                .ok_or_else(|| ConfigError::Variable {
                    name: self.variable.clone(),
                    remedy: format!("the file has no [[feed]] number {index}, counted from 0"),
                }),
        }
    }

    fn apply_port(&self, table: &mut Table) {
        let gateway = table.entry("gateway").or_insert_with(|| Value::Table(Table::new()));
        let Some(gateway) = gateway.as_table_mut() else { return };
        let listen = gateway.get("listen").and_then(Value::as_str).unwrap_or("127.0.0.1:8080");
        let host = listen.rsplit_once(':').map_or(listen, |(host, _)| host);
        let port = match &self.value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        gateway.insert("listen".to_owned(), Value::String(format!("{host}:{port}")));
    }
}
