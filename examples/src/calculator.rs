//! One definition, `definitions/calculator.rpc.rs`, and its code by each of the three ways.
//!
//! The example `calculator` uses the first; the tests show that all three are the same service.

/// The attribute expands where the trait stands: the definition is a module like any other.
#[allow(
    unused_imports,
    reason = "the attribute replaces the trait that mentions `Stream`"
)]
#[path = "../definitions/calculator.rpc.rs"]
pub mod by_attribute;

/// `rpcnet-gen` wrote these files, and they are checked in:
///
/// ```text
/// cd examples
/// cargo run -p rpcnet-gen -- --input definitions/calculator.rpc.rs --output src/generated
/// ```
// The formatter would take the files away from what the command writes.
#[rustfmt::skip]
#[path = "generated/calculator/mod.rs"]
pub mod by_command;

/// `build.rs` writes the files whenever the definition has changed; nothing is checked in.
pub mod by_build_script {
    rpcnet::include_service!("calculator");
}
