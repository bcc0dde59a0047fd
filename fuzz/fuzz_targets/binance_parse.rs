//! See `tickwire::fuzzing::binance_parse`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tickwire::fuzzing::binance_parse(data));
