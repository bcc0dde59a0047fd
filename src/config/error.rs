//! What can be wrong with a configuration, in words that name the remedy.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table};

use crate::printable::Printable;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        error: std::io::Error,
    },
    /// The text is no TOML, holds an unknown key, or a value of another type.
    #[error("{place}: {}", Printable(message))]
    Syntax {
        /// File and line.
        place: Place,
        /// What was found and what was expected.
        message: String,
    },
    /// A value is of the right type and still wrong.
    #[error("{place}: {} = {}: {}", Printable(field), Printable(value), Printable(remedy))]
    Value {
        /// File and line.
        place: Place,
        /// Dotted name of the field.
        field: String,
        /// The value as given.
        value: String,
        /// What would be right.
        remedy: String,
    },
    /// More than one of these.
    #[error("{} things are wrong:{}", .0.len(), below(.0))]
    Several(Vec<ConfigError>),
    /// A variable of the environment names no key, or its value is wrong.
    #[error(
        "environment variable {} = \"{}\": {}",
        Printable(name),
        Printable(value),
        Printable(remedy)
    )]
    Variable {
        /// The variable.
        name: String,
        /// What it holds.
        value: String,
        /// What would be right.
        remedy: String,
    },
}

fn below(errors: &[ConfigError]) -> String {
    errors.iter().map(|error| format!("\n  {error}")).collect()
}

/// What is wrong so far: all of a file is looked at before it is refused.
#[derive(Debug, Default)]
pub(super) struct Wrongs(Vec<ConfigError>);

impl Wrongs {
    pub(super) fn add(&mut self, error: ConfigError) {
        match error {
            ConfigError::Several(errors) => self.0.extend(errors),
            one => self.0.push(one),
        }
    }

    /// The value of what went well.
    pub(super) fn take<T>(&mut self, result: Result<T, ConfigError>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    /// The same of what can only be judged where something else is right.
    pub(super) fn judge<T>(
        &mut self,
        read: impl FnOnce() -> Option<Result<T, ConfigError>>,
    ) -> Option<T> {
        read().and_then(|result| self.take(result))
    }

    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// # Errors
    /// What was added, if anything.
    pub(super) fn into_result(mut self) -> Result<(), ConfigError> {
        match self.0.len() {
            0 => Ok(()),
            1 => Err(self.0.remove(0)),
            _ => Err(ConfigError::Several(self.0)),
        }
    }
}

/// Where in which file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file; none for a built-in configuration.
    pub path: Option<PathBuf>,
    /// Counted from 1.
    pub line: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(formatter, "{}", path.display())?,
            None => formatter.write_str("configuration")?,
        }
        match self.line {
            Some(line) => write!(formatter, ":{line}"),
            None => Ok(()),
        }
    }
}

/// The text under validation, and where in it everything stands.
#[derive(Debug)]
pub(super) struct Source<'a> {
    text: &'a str,
    path: Option<&'a Path>,
    spans: Spanned<DeTable<'a>>,
}

impl<'a> Source<'a> {
    /// # Errors
    /// When the text is no TOML.
    pub(super) fn read(text: &'a str, path: Option<&'a Path>) -> Result<Self, ConfigError> {
        let mut source = Self { text, path, spans: Spanned::new(0..0, DeTable::new()) };
        source.spans = DeTable::parse(text).map_err(|error| source.syntax(&error))?;
        Ok(source)
    }

    /// The same without places.
    pub(super) fn table(&self) -> Result<Table, ConfigError> {
        self.text.parse().map_err(|error| self.syntax(&error))
    }

    /// What the reader of TOML says, with the name of a key that stands twice.
    fn syntax(&self, error: &toml::de::Error) -> ConfigError {
        let span = error.span();
        let mut message = error.message().to_owned();
        if message.starts_with("duplicate key") {
            let name = span.clone().and_then(|span| self.text.get(span)).unwrap_or_default().trim();
            message = format!("`{name}` stands here a second time; remove one");
        }
        ConfigError::Syntax { place: self.place(span), message }
    }

    fn place(&self, span: Option<Range<usize>>) -> Place {
        let before = span.map(|span| &self.text.as_bytes()[..span.start.min(self.text.len())]);
        let line = before.map(|text| text.iter().filter(|&&byte| byte == b'\n').count() + 1);
        Place { path: self.path.map(Path::to_owned), line }
    }

    /// Where a section or a key outside any is first named.
    pub(super) fn place_of_section(&self, name: &str) -> Place {
        self.place(entry(self.spans.get_ref(), name).map(|(key, _)| key))
    }

    /// The place of a key of the `index`-th table of that name; the table's own line, or none,
    /// where the key is not written there (a default, or a variable of the environment).
    pub(super) fn place_of_key(&self, section: &str, index: usize, key: &str) -> Place {
        let Some((mut span, mut value)) = entry(self.spans.get_ref(), section) else {
            return self.place(None);
        };
        if let DeValue::Array(tables) = value {
            let Some(table) = tables.get(index) else { return self.place(None) };
            (span, value) = (table.span(), table.get_ref());
        }
        for name in key.split('.') {
            let Some(inner) = value.as_table().and_then(|table| entry(table, name)) else { break };
            (span, value) = inner;
        }
        self.place(Some(span))
    }
}

/// Where a name stands, and what it names.
fn entry<'a, 'b>(table: &'b DeTable<'a>, name: &str) -> Option<(Range<usize>, &'b DeValue<'a>)> {
    let (key, value) = table.get_key_value(name)?;
    Some((key.span(), value.get_ref()))
}
