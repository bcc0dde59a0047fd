//! The configuration as written: the file with the environment over it, every key known and every
//! value of its kind and range, defaults filled in. What values mean together is judged elsewhere.

use serde::de::value::Error;
use serde::de::{DeserializeOwned, IntoDeserializer};
use toml::{Table, Value};

use super::ConfigError;
use super::error::{Place, Source, Wrongs};
use super::key::{Fallback, Key, nearest};
use super::keys::{BUDGET, SECTIONS, Section};
use super::overrides::Override;

/// The checked document.
pub(super) struct Document<'a> {
    source: &'a Source<'a>,
    overrides: &'a [Override],
    table: Table,
    /// Tables in which something is wrong already, by name and place.
    faulty: Vec<(&'static str, usize)>,
}

impl<'a> Document<'a> {
    /// Reads the text, then the overrides over it. What is wrong with single keys is added to
    /// `wrongs`.
    ///
    /// # Errors
    /// When the text is no TOML: nothing else can be said of it then.
    pub(super) fn read(
        source: &'a Source<'a>,
        overrides: &'a [Override],
        wrongs: &mut Wrongs,
    ) -> Result<Self, ConfigError> {
        let mut table = source.table()?;
        for one in overrides {
            wrongs.take(one.apply(&mut table));
        }
        let mut document = Self { source, overrides, table, faulty: Vec::new() };
        document.check_sections(wrongs);
        for section in SECTIONS {
            for index in 0..document.count(section.name) {
                let before = wrongs.len();
                document.check_section(section, index, wrongs);
                if wrongs.len() > before {
                    document.faulty.push((section.name, index));
                }
            }
        }
        Ok(document)
    }

    /// Whether every key of a table is of its kind.
    pub(super) fn is_sound(&self, section: &str, index: usize) -> bool {
        !self.faulty.contains(&(section, index))
    }

    /// Whatever stands in `[budget]`.
    pub(super) fn budget(&self) -> Table {
        self.table.get(BUDGET).and_then(Value::as_table).cloned().unwrap_or_default()
    }

    /// How many tables of that name there are; of one that does not repeat, one.
    pub(super) fn count(&self, section: &str) -> usize {
        match self.table.get(section) {
            Some(Value::Array(tables)) => tables.len(),
            Some(_) => 1,
            None => usize::from(section != "feed"),
        }
    }

    pub(super) const fn at(&self, section: &'static str, index: usize) -> At<'_> {
        At { document: self, section, index }
    }

    /// States what was left to the rest of the configuration.
    pub(super) fn set_all(&mut self, index: usize, values: Vec<(&Key, Value)>) {
        values.into_iter().for_each(|(key, value)| self.set(key, index, value));
    }

    fn set(&mut self, key: &Key, index: usize, value: Value) {
        if let Some(table) = self.section_mut(key.section, index) {
            put(table, key.name, value);
        }
    }

    /// The document with everything that it does not say filled in.
    pub(super) fn into_table(self) -> Table {
        self.table
    }

    fn section_mut(&mut self, section: &str, index: usize) -> Option<&mut Table> {
        match self.table.get_mut(section)? {
            Value::Array(tables) => tables.get_mut(index)?.as_table_mut(),
            table => table.as_table_mut(),
        }
    }

    /// Every section is known and of its form; those that are absent, or of another form, are there
    /// afterwards.
    fn check_sections(&mut self, wrongs: &mut Wrongs) {
        let mut bad = Vec::new();
        for (name, value) in &self.table {
            let form = match SECTIONS.iter().find(|section| section.name == name) {
                Some(Section { repeats: true, .. }) if !is_tables(value) => format!("[[{name}]]"),
                Some(Section { repeats: false, .. }) if !value.is_table() => format!("[{name}]"),
                Some(_) => continue,
                None if name == BUDGET && value.is_table() => continue,
                None if name == BUDGET => format!("[{name}]"),
                None => {
                    let names = SECTIONS.iter().map(|section| section.name).chain([BUDGET]);
                    let remedy = meant(name, &names.collect::<Vec<_>>());
                    let message = format!("unknown field `{name}`; {remedy}");
                    let place = self.source.place_of_section(name);
                    wrongs.add(ConfigError::Syntax { place, message });
                    continue;
                }
            };
            let message = format!("{name} = {value}: write its keys below {form}");
            let place = self.source.place_of_section(name);
            wrongs.add(ConfigError::Syntax { place, message });
            bad.push(name.clone());
        }
        for name in bad {
            self.table.remove(&name);
            let section = SECTIONS.iter().find(|section| section.name == name);
            self.faulty.extend(section.map(|section| (section.name, 0)));
        }
        for section in SECTIONS.iter().filter(|section| !section.repeats) {
            self.table.entry(section.name).or_insert_with(|| Value::Table(Table::new()));
        }
    }

    /// Every key is known and of its kind; those that are absent, or of another, have their default
    /// afterwards.
    fn check_section(&mut self, section: &Section, index: usize, wrongs: &mut Wrongs) {
        let at = self.at(section.name, index);
        at.check_names(section, "", at.table(), wrongs);
        let mut bad = Vec::new();
        for key in section.keys {
            match (at.value(key), key.fallback) {
                (Some(value), _) if key.kind.check(value).is_ok() => {}
                (Some(_), _) => {
                    wrongs.add(at.wrong_kind(key));
                    bad.push(key.name);
                }
                (None, Fallback::Required(example)) => {
                    let remedy = format!("has to be written, like {} = {example}", key.name);
                    wrongs.add(at.wrong(key, "(none)", remedy));
                }
                (None, Fallback::Is(_) | Fallback::Says(..)) => {}
            }
        }
        for key in section.keys {
            if (bad.contains(&key.name) || self.at(section.name, index).value(key).is_none())
                && let Some(value) = key.default_value()
            {
                self.set(key, index, value);
            }
        }
    }
}

fn is_tables(value: &Value) -> bool {
    value.as_array().is_some_and(|tables| tables.iter().all(Value::is_table))
}

/// Sets a key, in an inline table where its name has a point.
pub(super) fn put(table: &mut Table, name: &str, value: Value) {
    match name.split_once('.') {
        Some((outer, inner)) => {
            let outer = table.entry(outer).or_insert_with(|| Value::Table(Table::new()));
            if let Some(outer) = outer.as_table_mut() {
                put(outer, inner, value);
            }
        }
        None => {
            table.insert(name.to_owned(), value);
        }
    }
}

/// Which name was probably meant, or all there are.
fn meant(name: &str, names: &[&str]) -> String {
    match nearest(name, names.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("there are: {}", names.join(", ")),
    }
}

/// One table of the document.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    document: &'a Document<'a>,
    section: &'static str,
    index: usize,
}

impl<'a> At<'a> {
    fn table(&self) -> Option<&'a Table> {
        match self.document.table.get(self.section)? {
            Value::Array(tables) => tables.get(self.index)?.as_table(),
            table => table.as_table(),
        }
    }

    /// Every name is a key, or the inline table of some.
    fn check_names(
        &self,
        section: &Section,
        outer: &str,
        table: Option<&Table>,
        wrongs: &mut Wrongs,
    ) {
        for (name, value) in table.into_iter().flatten() {
            let full = format!("{outer}{name}");
            if section.keys.iter().any(|key| key.name == full) {
                continue;
            }
            let inside = format!("{full}.");
            let first = section.keys.iter().find(|key| key.name.starts_with(&inside));
            if let Some(first) = first {
                match value.as_table() {
                    Some(inner) => self.check_names(section, &inside, Some(inner), wrongs),
                    None => {
                        let key = &first.name[inside.len()..];
                        let remedy = format!("write a table like {{ {key} = … }}");
                        wrongs.add(self.wrong_at(&full, value, remedy));
                    }
                }
                continue;
            }
            let siblings = section.keys.iter().filter_map(|key| key.name.strip_prefix(outer));
            let mut names: Vec<&str> =
                siblings.map(|name| name.split('.').next().unwrap_or(name)).collect();
            names.dedup();
            let (place, remedy) = (self.place(&full), meant(name, &names));
            let message = format!("unknown field `{full}` in {}; {remedy}", self.name());
            wrongs.add(ConfigError::Syntax { place, message });
        }
    }

    /// What is written, or filled in.
    fn value(&self, key: &Key) -> Option<&'a Value> {
        let mut names = key.name.split('.');
        let first = self.table()?.get(names.next()?)?;
        names.try_fold(first, |value, name| value.as_table()?.get(name))
    }

    /// What a key says; nothing is said where its type may be absent.
    ///
    /// # Errors
    /// When its type takes less than its kind, and not this.
    pub(super) fn read<T: DeserializeOwned>(&self, key: &Key) -> Result<T, ConfigError> {
        let value = match self.value(key) {
            Some(value) => value.clone().try_into().ok(),
            None => T::deserialize(().into_deserializer()).map_err(|_: Error| ()).ok(),
        };
        value.ok_or_else(|| self.wrong_as_written(key, key.kind.remedy()))
    }

    pub(super) fn text(&self, key: &Key) -> Option<&'a str> {
        self.value(key).and_then(Value::as_str)
    }

    /// The value of a key is of the right kind, and wrong all the same.
    pub(super) fn wrong(
        &self,
        key: &Key,
        value: impl std::fmt::Display,
        remedy: impl Into<String>,
    ) -> ConfigError {
        self.wrong_at(key.name, value, remedy)
    }

    /// The same with the value as it is written.
    pub(super) fn wrong_as_written(&self, key: &Key, remedy: impl Into<String>) -> ConfigError {
        let value = self.value(key).map_or_else(|| "(none)".to_owned(), Value::to_string);
        self.wrong(key, value, remedy)
    }

    /// The value of a key is of another kind, or out of its range.
    fn wrong_kind(&self, key: &Key) -> ConfigError {
        match self.variable(key.name) {
            Some(_) => self.wrong_as_written(key, key.kind.variable_remedy()),
            None => {
                let written = self.value(key);
                let remedy = written.map_or_else(String::new, |value| key.kind.remedy_for(value));
                self.wrong_as_written(key, remedy)
            }
        }
    }

    pub(super) fn wrong_at(
        &self,
        name: &str,
        value: impl std::fmt::Display,
        remedy: impl Into<String>,
    ) -> ConfigError {
        let (field, remedy) = (format!("{}.{name}", self.name()), remedy.into());
        match self.variable(name) {
            Some(one) => ConfigError::Variable {
                name: one.variable.clone(),
                value: one.text.clone(),
                remedy: format!("{field}: {remedy}"),
            },
            None => {
                let (place, value) = (self.place(name), value.to_string());
                ConfigError::Value { place, field, value, remedy }
            }
        }
    }

    /// The variable that set a key.
    pub(super) fn variable(&self, name: &str) -> Option<&'a Override> {
        let sets = |one: &&Override| one.sets(self.section, self.index, name);
        self.document.overrides.iter().find(sets)
    }

    fn name(&self) -> String {
        match self.section {
            "feed" => format!("feed[{}]", self.index),
            other => other.to_owned(),
        }
    }

    fn place(&self, name: &str) -> Place {
        self.document.source.place_of_key(self.section, self.index, name)
    }
}
