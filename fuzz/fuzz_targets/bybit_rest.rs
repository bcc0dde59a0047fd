//! See `tickwire::fuzzing::bybit_rest`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tickwire::fuzzing::bybit_rest(data));
