//! See `tickwire::fuzzing::coinbase_rest`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tickwire::fuzzing::coinbase_rest(data));
