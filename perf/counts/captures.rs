//! No recordings: counts are of generated frames, which every machine has.

use std::path::{Path, PathBuf};

pub(crate) fn files(_: &str) -> Vec<PathBuf> {
    Vec::new()
}

pub(crate) fn received(_: &Path) -> Vec<String> {
    Vec::new()
}
