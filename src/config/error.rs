//! What can be wrong with a configuration, in words that name the remedy.

use std::fmt;
use std::path::{Path, PathBuf};

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
        self.0.push(error);
    }

    /// The value of what went well.
    pub(super) fn take<T>(&mut self, result: Result<T, ConfigError>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
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

/// The text under validation, to find lines in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub(super) text: &'a str,
    pub(super) path: Option<&'a Path>,
}

impl Source<'_> {
    /// The file as a whole.
    pub(super) fn place_of_file(&self) -> Place {
        Place { path: self.path.map(Path::to_owned), line: None }
    }

    /// The first line that names a section or begins with that key.
    pub(super) fn place_of_section(&self, name: &str) -> Place {
        let names = |line: &str| {
            let line = line.trim().trim_start_matches('[').trim_start();
            let rest = line.strip_prefix(name)?.trim_start();
            rest.starts_with([']', '=', '.']).then_some(())
        };
        let index = self.text.lines().position(|line| names(line).is_some());
        Place { line: index.map(|index| index + 1), ..self.place_of_file() }
    }

    /// The place of a byte.
    pub(super) fn place_of_byte(&self, offset: usize) -> Place {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        Place { path: self.path.map(Path::to_owned), line: Some(line) }
    }

    /// The place of a key of the `index`-th table of that name; the table's own line, or none,
    /// where the key is not written there (a default, or a variable of the environment).
    pub(super) fn place_of_key(&self, section: &str, index: usize, key: &str) -> Place {
        // Of what stands in an inline table only the whole has a line of its own.
        let key = key.split('.').next().unwrap_or(key);
        let mut seen = 0;
        let mut inside = false;
        let mut header = None;
        let mut found = None;
        for (number, line) in self.text.lines().enumerate() {
            let line = line.trim();
            if line.starts_with('[') {
                let name = line.trim_start_matches('[').split(']').next().unwrap_or_default();
                inside = name.trim() == section && seen == index;
                seen += usize::from(name.trim() == section);
                header = if inside { Some(number + 1) } else { header };
            } else if inside && line.split(['=', '.']).next().is_some_and(|name| name.trim() == key)
            {
                found = found.or(Some(number + 1));
            }
        }
        Place { path: self.path.map(Path::to_owned), line: found.or(header) }
    }
}
