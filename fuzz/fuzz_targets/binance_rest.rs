//! See `tickwire::fuzzing::binance_rest`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tickwire::fuzzing::binance_rest(data));
