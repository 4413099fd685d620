//! Stand-in.
use serde::de::DeserializeOwned;
/// x
#[derive(Debug)]
pub struct Schema;
pub(crate) fn of<T: DeserializeOwned>() -> Schema {
    Schema
}
pub(crate) fn fingerprint(_parts: &[(&str, &Schema)]) -> u64 {
    7
}
