//! See `tickwire::fuzzing::bybit_parse`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tickwire::fuzzing::bybit_parse(data));
