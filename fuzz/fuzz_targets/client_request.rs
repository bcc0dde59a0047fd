//! See `tickwire::fuzzing::client_request`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tickwire::fuzzing::client_request(data));
