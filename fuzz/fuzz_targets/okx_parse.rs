//! See `tickwire::fuzzing::okx_parse`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tickwire::fuzzing::okx_parse(data));
