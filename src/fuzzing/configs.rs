//! Configuration files.

use crate::config::{Config, effective};

/// A text as a configuration file.
///
/// # Panics
/// When a configuration that was accepted does not read back as itself from what `check` prints,
/// or one that was refused is refused without a word.
pub fn config(text: &[u8]) {
    let Ok(text) = str::from_utf8(text) else { return };
    match Config::parse(text, None, []) {
        Ok(config) => {
            let printed = effective(&config);
            match Config::parse(&printed, None, []) {
                Ok(again) => assert_eq!(effective(&again), printed),
                Err(error) => panic!("{error}, in what was printed:\n{printed}"),
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
