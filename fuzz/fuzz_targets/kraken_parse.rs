//! See `tickwire::fuzzing::kraken_parse`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tickwire::fuzzing::kraken_parse(data));
