//! What a build script tells cargo.

use crate::files::Inputs;

/// Names the inputs, so that cargo runs the build script again when one of them changes.
#[expect(
    clippy::print_stdout,
    reason = "a build script talks to cargo on its standard output"
)]
pub(crate) fn announce(inputs: &Inputs) {
    // Cargo searches a folder itself, and so learns of definitions that are new.
    for path in inputs.folders.iter().chain(&inputs.files) {
        println!("cargo:rerun-if-changed={}", path.display());
    }
}
