//! See `tickwire::fuzzing::deriv_parse`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tickwire::fuzzing::deriv_parse(data));
