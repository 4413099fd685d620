//! See `check_operations` in `swim_fuzz` for what must hold.

#![no_main]

#[path = "../../crates/rpcnet-proto/tests/swim_fuzz/mod.rs"]
mod swim_fuzz;

libfuzzer_sys::fuzz_target!(|data: &[u8]| swim_fuzz::check_operations(data));
