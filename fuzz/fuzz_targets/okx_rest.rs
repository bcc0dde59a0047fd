//! See `tickwire::fuzzing::okx_rest`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tickwire::fuzzing::okx_rest(data));
