//! The hash by which candidates and keys are known.

use crate::mix::Mix;

/// A hash of a name or of a sticky key: the same on every node, so that all of them choose
/// alike. No defence against chosen collisions: who chooses keys chooses where they go.
#[must_use]
pub fn hash(bytes: impl AsRef<[u8]>) -> u64 {
    let mut mix = Mix::new();
    mix.bytes(bytes.as_ref());
    mix.finish()
}
