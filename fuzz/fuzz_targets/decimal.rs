//! See `tickwire::fuzzing::decimal`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tickwire::fuzzing::decimal(data));
