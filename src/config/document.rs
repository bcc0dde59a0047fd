//! The configuration as written: the file with the environment over it, every key known and every
//! value of its kind and range, defaults filled in. What values mean together is judged elsewhere.

use toml::{Table, Value};

use super::ConfigError;
use super::error::{Place, Source};
use super::key::{Fallback, Key, nearest, real, size};
use super::keys::{BUDGET, SECTIONS, Section};
use super::overrides::Override;
use super::size::ByteSize;

/// The checked document.
pub(super) struct Document<'a> {
    source: &'a Source<'a>,
    overrides: &'a [Override],
    table: Table,
}

impl<'a> Document<'a> {
    /// Reads the text, then the overrides over it.
    pub(super) fn read(
        source: &'a Source<'a>,
        overrides: &'a [Override],
    ) -> Result<Self, ConfigError> {
        let mut table = source.text.parse::<Table>().map_err(|error| ConfigError::Syntax {
            place: match error.span() {
                Some(span) => source.place_of_byte(span.start),
                None => source.place_of_file(),
            },
            message: error.message().to_owned(),
        })?;
        for one in overrides {
            one.apply(&mut table)?;
        }
        let mut document = Self { source, overrides, table };
        document.check_sections()?;
        for section in SECTIONS {
            for index in 0..document.count(section.name) {
                document.check_section(section, index)?;
            }
        }
        Ok(document)
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
    pub(super) fn set(&mut self, key: &Key, index: usize, value: impl Into<Value>) {
        if let Some(table) = self.section_mut(key.section, index) {
            put(table, key.name, value.into());
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

    /// Every section is known and of its form; those that are absent are there afterwards.
    fn check_sections(&mut self) -> Result<(), ConfigError> {
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
                    return Err(ConfigError::Syntax { place, message });
                }
            };
            let message = format!("{name} = {value}: write its keys below {form}");
            return Err(ConfigError::Syntax { place: self.source.place_of_section(name), message });
        }
        for section in SECTIONS.iter().filter(|section| !section.repeats) {
            self.table.entry(section.name).or_insert_with(|| Value::Table(Table::new()));
        }
        Ok(())
    }

    fn check_section(&mut self, section: &Section, index: usize) -> Result<(), ConfigError> {
        let at = self.at(section.name, index);
        let written = at.table();
        at.check_names(section, "", written)?;
        for key in section.keys {
            match (at.value(key), key.fallback) {
                (Some(value), _) => key.kind.check(value).map_err(|_| at.wrong_kind(key))?,
                (None, Fallback::Required(example)) => {
                    let remedy = format!("has to be written, like {} = {example}", key.name);
                    return Err(at.wrong(key, "(none)", remedy));
                }
                (None, Fallback::Is(_) | Fallback::Says(..)) => {}
            }
        }
        for key in section.keys {
            if self.at(section.name, index).value(key).is_none()
                && let Some(value) = key.default_value()
            {
                self.set(key, index, value);
            }
        }
        Ok(())
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
    ) -> Result<(), ConfigError> {
        for (name, value) in table.into_iter().flatten() {
            let full = format!("{outer}{name}");
            if section.keys.iter().any(|key| key.name == full) {
                continue;
            }
            let inside = format!("{full}.");
            let first = section.keys.iter().find(|key| key.name.starts_with(&inside));
            if let Some(first) = first {
                let Some(inner) = value.as_table() else {
                    let key = &first.name[inside.len()..];
                    let remedy = format!("write a table like {{ {key} = … }}");
                    return Err(self.wrong_at(&full, value, remedy));
                };
                self.check_names(section, &inside, Some(inner))?;
                continue;
            }
            let siblings = section.keys.iter().filter_map(|key| key.name.strip_prefix(outer));
            let mut names: Vec<&str> =
                siblings.map(|name| name.split('.').next().unwrap_or(name)).collect();
            names.dedup();
            let (place, remedy) = (self.place(&full), meant(name, &names));
            let message = format!("unknown field `{full}` in {}; {remedy}", self.name());
            return Err(ConfigError::Syntax { place, message });
        }
        Ok(())
    }

    /// What is written, or filled in.
    fn value(&self, key: &Key) -> Option<&'a Value> {
        let mut names = key.name.split('.');
        let first = self.table()?.get(names.next()?)?;
        names.try_fold(first, |value, name| value.as_table()?.get(name))
    }

    pub(super) fn flag(&self, key: &Key) -> bool {
        self.value(key).and_then(Value::as_bool).unwrap_or_default()
    }

    pub(super) fn whole(&self, key: &Key) -> usize {
        self.optional_whole(key).unwrap_or_default()
    }

    pub(super) fn optional_whole(&self, key: &Key) -> Option<usize> {
        self.value(key).and_then(Value::as_integer).map(|whole| whole as usize)
    }

    pub(super) fn real(&self, key: &Key) -> f64 {
        self.value(key).and_then(real).unwrap_or_default()
    }

    pub(super) fn size(&self, key: &Key) -> ByteSize {
        self.value(key).and_then(size).unwrap_or(ByteSize(0))
    }

    pub(super) fn text(&self, key: &Key) -> Option<&'a str> {
        self.value(key).and_then(Value::as_str)
    }

    pub(super) fn texts(&self, key: &Key) -> Option<Vec<&'a str>> {
        let items = self.value(key)?.as_array()?;
        Some(items.iter().filter_map(Value::as_str).collect())
    }

    pub(super) fn wholes(&self, key: &Key) -> Vec<usize> {
        let items = self.value(key).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_integer).map(|whole| whole as usize).collect()
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
            None => self.wrong_as_written(key, key.kind.remedy()),
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
