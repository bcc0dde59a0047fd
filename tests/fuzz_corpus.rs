//! Every input that fuzzing ever found worth keeping, through the functions that the targets call.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tickwire::fuzzing::TARGETS;

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder);
    let entries =
        fs::read_dir(&folder).unwrap_or_else(|_| panic!("{} is missing", folder.display()));
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.expect("the folder can be read").path()).collect();
    files.sort();
    files
}

#[test]
fn every_kept_input_passes() {
    for (name, target) in TARGETS {
        let inputs = files(&format!("corpus/{name}"));
        assert!(!inputs.is_empty(), "{name} has no corpus");
        for input in inputs {
            println!("{}", input.display());
            target(&fs::read(&input).expect("the input can be read"));
        }
    }
}

#[test]
fn every_target_is_built_and_replayed() {
    let replayed: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let built: BTreeSet<String> = files("fuzz_targets")
        .iter()
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    assert_eq!(replayed, built);
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/Cargo.toml");
    let manifest = fs::read_to_string(manifest).expect("the manifest can be read");
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/README.md");
    let readme = fs::read_to_string(readme).expect("the list of targets can be read");
    for name in replayed {
        assert!(readme.contains(&format!("| `{name}` |")), "{name} has no row in fuzz/README.md");
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not in the manifest");
    }
}
