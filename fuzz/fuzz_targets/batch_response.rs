//! See `check_batch_response` in `fuzz_bodies` for what must hold.

#![no_main]

#[path = "../../crates/rpcnet-proto/tests/fuzz_bodies/mod.rs"]
mod fuzz_bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_bodies::check_batch_response(data));
