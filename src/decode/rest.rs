//! The answers to snapshot requests that were recorded beside a capture.

use std::fs;
use std::path::{Path, PathBuf};

use super::DecodeError;
use crate::exchange::{BookSnapshot, Profile, SnapshotRest};

/// One recorded answer.
#[derive(Debug)]
pub(super) struct RestBody {
    /// Its file's name, for the summary.
    pub(super) file: String,
    /// `<capture>-<SYMBOL>` of a name that ends in `.rest.json`, or the symbol that it was given
    /// to; `None` while it waits for the next one that asks.
    name: Option<String>,
    pub(super) snapshot: BookSnapshot,
}

/// All of them, in the order of the command line.
#[derive(Debug, Default)]
pub(super) struct RestBodies {
    waiting: Vec<RestBody>,
}

impl RestBodies {
    /// Reads the files.
    pub(super) fn read(profile: &Profile, paths: &[PathBuf]) -> Result<Self, DecodeError> {
        if paths.is_empty() {
            return Ok(Self::default());
        }
        let Some(rest) = profile.snapshot else {
            return Err(DecodeError::RestUnused { exchange: profile.exchange });
        };
        let read = |path: &PathBuf| Self::body(rest, path);
        Ok(Self { waiting: paths.iter().map(read).collect::<Result<_, _>>()? })
    }

    fn body(rest: SnapshotRest, path: &PathBuf) -> Result<RestBody, DecodeError> {
        let at = |source| DecodeError::RestFile { path: path.clone(), source };
        let body = fs::read(path).map_err(at)?;
        let snapshot = (rest.read)(&body)
            .map_err(|source| DecodeError::RestBody { path: path.clone(), source })?;
        let file = file_name(path);
        let name = file.strip_suffix(".rest.json").map(str::to_owned);
        Ok(RestBody { file, name, snapshot })
    }

    /// A book asks for its snapshot: one that names no symbol is its own from now on, unless one
    /// does name it.
    pub(super) fn ask(&mut self, native: &str) {
        if self.of(native).is_none()
            && let Some(body) = self.waiting.iter_mut().find(|body| body.name.is_none())
        {
            body.name = Some(native.to_owned());
        }
    }

    /// The next answer for a symbol.
    pub(super) fn of(&self, native: &str) -> Option<&RestBody> {
        self.waiting.iter().find(|body| body.is_of(native))
    }

    /// Takes it out.
    pub(super) fn take(&mut self, native: &str) -> Option<RestBody> {
        let index = self.waiting.iter().position(|body| body.is_of(native))?;
        Some(self.waiting.remove(index))
    }

    /// Files that nobody took.
    pub(super) fn left_over(&self) -> impl Iterator<Item = &str> {
        self.waiting.iter().map(|body| body.file.as_str())
    }
}

impl RestBody {
    fn is_of(&self, native: &str) -> bool {
        let Some(name) = &self.name else { return false };
        let Some(split) = name.len().checked_sub(native.len()) else { return false };
        let (before, own) = name.as_bytes().split_at(split);
        own.eq_ignore_ascii_case(native.as_bytes()) && (before.is_empty() || before.ends_with(b"-"))
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(name: Option<&str>) -> RestBody {
        let snapshot = BookSnapshot { last_update_id: 1, levels: Vec::new() };
        RestBody { file: String::new(), name: name.map(str::to_owned), snapshot }
    }

    #[test]
    fn a_name_tells_the_symbol_behind_its_last_dash() {
        let named = body(Some("binance-spot-2021-NKNUSDT"));
        assert!(named.is_of("NKNUSDT") && named.is_of("nknusdt"));
        assert!(!named.is_of("KNUSDT") && !named.is_of("2021") && !named.is_of("BTCUSDT"));
        assert!(body(Some("x-BTC-USD")).is_of("BTC-USD"));
        assert!(body(Some("BTCUSDT")).is_of("BTCUSDT"));
        assert!(!body(None).is_of(""));
    }

    #[test]
    fn what_names_no_symbol_goes_to_the_first_that_asks() {
        let mut bodies = RestBodies { waiting: vec![body(None), body(Some("x-ETHUSDT"))] };
        bodies.ask("ETHUSDT");
        bodies.ask("BTCUSDT");
        bodies.ask("BNBUSDT");
        assert!(bodies.take("BNBUSDT").is_none());
        assert!(bodies.take("BTCUSDT").is_some());
        assert!(bodies.take("ETHUSDT").is_some());
    }
}
