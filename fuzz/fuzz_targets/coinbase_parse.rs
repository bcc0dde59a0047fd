//! See `tickwire::fuzzing::coinbase_parse`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tickwire::fuzzing::coinbase_parse(data));
