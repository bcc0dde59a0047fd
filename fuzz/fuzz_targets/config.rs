//! See `tickwire::fuzzing::config`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tickwire::fuzzing::config(data));
