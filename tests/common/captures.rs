//! The recorded captures, read where they are kept: beside the repository, or in the folder that
//! `TICKWIRE_CAPTURES` names.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Once;

/// The folder of captures, or `None` with a sentence on standard error where there is none. A continuous
/// integration run (`CI=true`) must have it.
///
/// # Panics
/// Without the folder when `CI` is `true`.
pub(crate) fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("TICKWIRE_CAPTURES").map(PathBuf::from);
    let folder =
        named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures"));
    if folder.join("expected.json").is_file() {
        return Some(folder);
    }
    let sentence = format!(
        "no captures in {}: their tests are left out; set TICKWIRE_CAPTURES to their folder",
        folder.display()
    );
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{sentence}");
    // Past the harness, which shows nothing of a test that passes.
    static SAID: Once = Once::new();
    SAID.call_once(|| writeln!(std::io::stderr(), "{sentence}").expect("it can be said"));
    None
}

/// The files of the folder that start with `prefix` and end in `.txt`, in the order of their names.
pub(crate) fn files(prefix: &str) -> Vec<PathBuf> {
    let Some(folder) = folder() else { return Vec::new() };
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder can be read")
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with(prefix) && name.ends_with(".txt")
        })
        .collect();
    files.sort();
    files
}

/// The frames that a capture's recorder received, as text, in their order.
pub(crate) fn received(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).expect("a capture is UTF-8");
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(_, frame)| !frame.starts_with("> "))
        .map(|(_, frame)| frame.to_owned())
        .collect()
}

/// What the captures hold, by their names, as another program found it.
pub(crate) fn expected(folder: &Path) -> serde_json::Map<String, serde_json::Value> {
    let text = std::fs::read(folder.join("expected.json")).expect("expected.json can be read");
    match serde_json::from_slice(&text).expect("expected.json is JSON") {
        serde_json::Value::Object(captures) => captures,
        other => panic!("expected.json is {other}"),
    }
}
