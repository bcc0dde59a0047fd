//! The house rules that a machine can check: which room may use which, which package lives where,
//! words that have no place in the code, and lengths.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The floors, from the ground up. A room uses the rooms of lower floors; on the ground floor they
/// use each other.
const FLOORS: &[&[&str]] = &[
    &["limits", "clock", "printable", "tick", "instrument"],
    &["book", "capture", "json", "latency", "ring"],
    &["cache", "net", "exchange"],
    &["dialect", "metrics"],
    &["client", "proof"],
    &["feed", "broadcast", "sim"],
    &["config", "control", "decode"],
    &["gateway"],
    &["verify", "watch", "fuzzing"],
    &["cli", "main"],
];

/// Lower rooms that a room must not know all the same.
const STRANGERS: &[(&str, &str)] = &[
    // Bytes only: no line there could tell a trade from a heartbeat.
    ("net", "tick"),
    ("net", "instrument"),
    // Clients and their threads see ticks, never an exchange's protocol.
    ("client", "exchange"),
    ("broadcast", "exchange"),
    ("client", "metrics"),
    ("dialect", "exchange"),
    ("dialect", "net"),
    // Driven by parsed batches and a clock.
    ("proof", "net"),
    ("proof", "ring"),
    // How a frame is read, whoever sent it.
    ("json", "instrument"),
    ("sim", "exchange"),
];

/// Packages and the only rooms that name them.
const PACKAGES: &[(&str, &[&str])] = &[
    ("anyhow", &["cli", "main"]),
    ("axum", &["control"]),
    ("hdrhistogram", &["latency"]),
    ("prometheus_client", &["metrics"]),
    ("quanta", &["clock"]),
    ("ratatui", &["cli"]),
    ("rcgen", &["sim"]),
    ("rtrb", &["ring"]),
    ("simd_json", &["json"]),
    ("tokio", &["control"]),
    ("ureq", &["control"]),
];

/// Longest file.
const LINES_MAX: usize = 900;

struct Source {
    /// From the repository's root.
    path: String,
    room: String,
    text: String,
}

impl Source {
    /// Its lines with their numbers, without comments and without the tests at its foot.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let tests_only = self.path.ends_with("tests.rs") || self.path.contains("/tests/");
        let end = match self.text.find("\nmod tests {") {
            _ if tests_only => 0,
            Some(foot) => foot,
            None => self.text.len(),
        };
        let lines = self.text[..end].lines().enumerate();
        lines
            .map(|(index, line)| (index + 1, line))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Files below a folder with one of the endings; none where there is no such folder.
fn files(folder: &str, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.expect("a folder of the repository can be read").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() && name != "target" {
                folders.push(path);
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

fn sources() -> Vec<Source> {
    let read = |path: PathBuf| {
        let shown = shown(&path);
        let within = shown.trim_start_matches("src/");
        let room = within.split(['/', '.']).next().unwrap_or_default().to_owned();
        let text = fs::read_to_string(&path).expect("sources are UTF-8");
        Source { path: shown, room, text }
    };
    let sources: Vec<Source> = files("src", &[".rs"]).into_iter().map(read).collect();
    assert!(sources.len() > 50, "the sources were not found");
    sources
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// Rooms that a line names as `crate::room`, at most one group (`crate::{a, b}`) deep.
fn rooms_named(line: &str) -> Vec<&str> {
    let word = |text: &str| {
        text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len())
    };
    line.match_indices("crate::")
        .filter(|(at, _)| !line[..*at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '$'))
        .flat_map(|(at, mark)| {
            let rest = &line[at + mark.len()..];
            match rest.strip_prefix('{') {
                Some(group) => group.split(',').map(|part| part.trim()).collect(),
                None => vec![rest],
            }
        })
        .map(|path| &path[..word(path)])
        .filter(|room| !room.is_empty())
        .collect()
}

fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn rooms_use_only_what_lies_below_them() {
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| source.room != "lib") {
        let Some(own) = floor(&source.room) else {
            faults.push(format!("{}: the room {} has no floor", source.path, source.room));
            continue;
        };
        for (number, line) in source.code() {
            for used in rooms_named(line).into_iter().filter(|used| *used != source.room) {
                // A name in capitals is an item of the crate's root.
                let Some(theirs) = floor(used) else { continue };
                let below = theirs < own || (own == 0 && theirs == 0);
                let strange = STRANGERS.contains(&(source.room.as_str(), used));
                if !below || strange {
                    faults.push(format!("{}:{number}: {} uses {used}", source.path, source.room));
                }
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn the_floor_plan_has_every_room_once() {
    let rooms: BTreeSet<String> = sources().into_iter().map(|source| source.room).collect();
    let mut planned = BTreeMap::new();
    for room in FLOORS.iter().copied().flatten() {
        *planned.entry((*room).to_owned()).or_insert(0) += 1;
    }
    assert!(planned.values().all(|&count| count == 1));
    for room in planned.keys() {
        assert!(rooms.contains(room), "{room} is planned and not built");
    }
}

/// Rooms that may name one dialect: `decode` prints events in the words of the first.
const DIALECT_SPEAKERS: &[&str] = &["dialect", "decode"];

#[test]
fn nobody_outside_its_room_knows_a_dialect() {
    let dialects: Vec<String> = fs::read_dir(root().join("src/dialect"))
        .expect("there are dialects")
        .map(|entry| entry.expect("a folder of the repository can be read").path())
        .filter(|path| path.is_dir())
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .collect();
    assert!(dialects.len() >= 2, "the dialects were not found");
    let mut faults = Vec::new();
    let strangers = |source: &&Source| !DIALECT_SPEAKERS.contains(&source.room.as_str());
    for source in sources().iter().filter(strangers) {
        for (number, line) in source.code() {
            for dialect in &dialects {
                let variant = format!("Dialect::{}{}", dialect[..1].to_uppercase(), &dialect[1..]);
                let folder = format!("dialect::{dialect}");
                if line.contains(&variant) || line.contains(&folder) {
                    faults.push(format!("{}:{number}: {dialect}", source.path));
                }
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn packages_stay_in_their_rooms() {
    let mut faults = Vec::new();
    for source in sources() {
        for (package, rooms) in PACKAGES {
            if rooms.contains(&source.room.as_str()) {
                continue;
            }
            let named = format!("{package}::");
            for (number, line) in source.code() {
                let foreign = |at: usize| {
                    !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
                };
                if line.match_indices(&named).any(|(at, _)| foreign(at)) {
                    faults
                        .push(format!("{}:{number}: {package} belongs in {rooms:?}", source.path));
                }
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn the_data_plane_has_no_floats_in_its_values() {
    let mut faults = Vec::new();
    for source in sources() {
        if !["tick", "exchange", "ring", "cache", "book"].contains(&source.room.as_str()) {
            continue;
        }
        for (number, line) in source.code() {
            let words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            for word in words.filter(|word| word.ends_with("f64") || word.ends_with("f32")) {
                faults.push(format!("{}:{number}: {word}", source.path));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn some_words_have_no_place_in_the_code() {
    // Put together here so that this file passes its own test.
    let everywhere = [["todo", "!("], ["unimpl", "emented!("], ["dbg", "!("], [".unwra", "p()"]];
    let mut faults = Vec::new();
    for source in sources() {
        for (number, line) in source.code() {
            for word in everywhere.map(|parts| parts.concat()) {
                if line.contains(&word) {
                    faults.push(format!("{}:{number}: {word}", source.path));
                }
            }
        }
        for (index, line) in source.text.lines().enumerate() {
            for word in [["TO", "DO"], ["FIX", "ME"], ["XX", "X:"]].map(|parts| parts.concat()) {
                if line.contains(&word) {
                    faults.push(format!("{}:{}: {word}", source.path, index + 1));
                }
            }
        }
    }
    assert_none(&faults);
}

/// Rooms of the data plane.
const DATA_PLANE: &[&str] = &[
    "tick",
    "json",
    "exchange",
    "ring",
    "cache",
    "book",
    "net",
    "proof",
    "feed",
    "dialect",
    "client",
    "broadcast",
];

/// Lines of the data plane that log all the same: once where a connection or the thread ends, never
/// for an event or a message, and under the bound of lines of `limits/`.
const LOGGED: &[(&str, &str)] = &[
    ("src/broadcast/lifecycle.rs", "cannot watch a client's socket"),
    ("src/broadcast/mod.rs", "a broadcaster cannot wait for its sockets and ends"),
    ("src/broadcast/mod.rs", "a client's connection failed"),
    ("src/broadcast/requests.rs", "cannot change how a socket is watched"),
    ("src/broadcast/requests.rs", "a client closed"),
    ("src/broadcast/requests.rs", "a client broke the protocol"),
];

#[test]
fn the_data_plane_does_not_sleep_lock_or_log() {
    let words = ["sleep(", "Mutex", "RwLock", "println!", "tracing::", "SystemTime"];
    let mut faults = Vec::new();
    let mut logged = BTreeSet::<&(&str, &str)>::new();
    for source in sources().iter().filter(|source| DATA_PLANE.contains(&source.room.as_str())) {
        for (number, line) in source.code() {
            let allowed = LOGGED
                .iter()
                .find(|(path, text)| source.path == *path && line.contains(&format!("\"{text}\"")));
            logged.extend(allowed);
            for word in words.iter().filter(|word| line.contains(**word)) {
                if allowed.is_none() || *word != "tracing::" {
                    faults.push(format!("{}:{number}: {word}", source.path));
                }
            }
        }
    }
    let gone = LOGGED.iter().filter(|line| !logged.contains(line));
    faults.extend(gone.map(|(path, text)| format!("{path}: nobody logs {text:?} any more")));
    assert_none(&faults);
}

/// How the text of a constant begins that bounds nothing which could be chosen: of a format, of a
/// protocol, or of what an exchange does and its simulator has to do as well.
const FACT: &str = " Fact: ";

#[test]
fn bounds_stand_in_one_place() {
    let ends = ["_MAX", "_LIMIT", "_BOUND", "_CAPACITY", "_KEPT"];
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| source.room != "limits") {
        let lines: Vec<&str> = source.text.lines().map(str::trim_start).collect();
        for (number, line) in source.code() {
            let Some((_, constant)) = line.split_once("const ") else { continue };
            let Some((name, kind)) = constant.split_once(": ") else { continue };
            if !kind.starts_with("Duration =") && !ends.iter().any(|end| name.ends_with(end)) {
                continue;
            }
            let mut above =
                lines[..number - 1].iter().rev().take_while(|line| line.starts_with("//"));
            if !above.any(|line| line.trim_start_matches('/').starts_with(FACT)) {
                faults.push(format!("{}:{number}: {name} belongs in src/limits/", source.path));
            }
        }
    }
    assert_none(&faults);
}

/// What ARCHITECTURE.md says of a room's floor.
fn floor_told(room: &str) -> String {
    let strangers = STRANGERS.iter().filter(|(own, _)| *own == room);
    let strangers: Vec<_> = strangers.map(|(_, strange)| format!("`{strange}`")).collect();
    let floor = floor(room).map_or("none".to_owned(), |floor| floor.to_string());
    if strangers.is_empty() { floor } else { format!("{floor}, not {}", strangers.join(", ")) }
}

#[test]
fn the_code_map_says_what_each_room_may_use() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("it can be read");
    let (_, map) = text.split_once("| room | holds | floor |\n|---|---|---|\n").expect("a map");
    let mut faults = Vec::new();
    let mut mapped = Vec::new();
    for row in map.lines().take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        for room in cells[0].split(',') {
            let room = room.trim().trim_matches('`').trim_end_matches('/').trim_end_matches(".rs");
            if cells.last() != Some(&floor_told(room).as_str()) {
                faults.push(format!("{row}\n  {room} has floor {}", floor_told(room)));
            }
            mapped.push(room);
        }
    }
    let planned = FLOORS.iter().copied().flatten();
    faults.extend(planned.filter(|room| !mapped.contains(*room)).map(|room| room.to_string()));
    assert_none(&faults);
}

#[test]
fn no_file_is_longer_than_a_reader_can_hold() {
    let mut faults = Vec::new();
    for folder in ["src", "tests", "benches", "examples", "perf", "fuzz"] {
        for path in files(folder, &[".rs"]) {
            let lines = fs::read_to_string(&path).expect("sources are UTF-8").lines().count();
            if lines > LINES_MAX {
                faults.push(format!("{}: {lines} lines", shown(&path)));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn the_newcomers_page_names_every_test_file() {
    let page = fs::read_to_string(root().join("CONTRIBUTING.md")).expect("it can be read");
    let mut faults = Vec::new();
    for path in files("tests", &[".rs"]) {
        let shown = shown(&path);
        let name = shown.trim_start_matches("tests/").trim_end_matches(".rs");
        let name = name.strip_suffix("/main").unwrap_or(name);
        if !name.contains('/') && !page.contains(&format!("| `{name}` |")) {
            faults.push(format!("{shown} is not in CONTRIBUTING.md"));
        }
    }
    assert_none(&faults);
}

#[test]
fn nothing_names_a_folder_of_somebodys_machine() {
    let places = [["/ro", "ot/"], ["/ho", "me/"], ["/wo", "rk/"], ["/Us", "ers/"]];
    let mut paths: Vec<PathBuf> =
        ["src", "tests", "benches", "examples", "perf", "docs", "fuzz", ".ci"]
            .iter()
            .flat_map(|folder| files(folder, &[".rs", ".toml", ".md", "run"]))
            .collect();
    let top = [
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "Cargo.toml",
        "deny.toml",
    ];
    paths.extend(top.iter().map(|file| root().join(file)).filter(|path| path.is_file()));
    let mut faults = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).expect("text files are UTF-8");
        for (index, line) in text.lines().enumerate() {
            for place in places.map(|parts| parts.concat()) {
                if line.contains(&place) {
                    faults.push(format!("{}:{}: {place}", shown(&path), index + 1));
                }
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn the_checks_see_what_they_look_for() {
    assert_eq!(rooms_named("use crate::tick::{Level, Tick};"), ["tick"]);
    assert_eq!(
        rooms_named("    let x = crate::proof::Books::new(crate::exchange::y);"),
        ["proof", "exchange"]
    );
    assert_eq!(rooms_named("use crate::{clock::Clock, tick};"), ["clock", "tick"]);
    assert!(rooms_named("use othercrate::tick;").is_empty());
    let source = Source {
        path: "src/x.rs".to_owned(),
        room: "x".to_owned(),
        text: "one\n// two\nthree\n#[cfg(test)]\nmod tests {\nfour".to_owned(),
    };
    let lines: Vec<_> = source.code().collect();
    assert_eq!(lines, [(1, "one"), (3, "three"), (4, "#[cfg(test)]")]);
    assert!(floor("feed") > floor("exchange"));
    assert_eq!(floor("cellar"), None);
}
