#![expect(
    dead_code,
    reason = "the types here are never made by name, only by their Deserialize"
)]
#![expect(
    clippy::use_self,
    reason = "what refers to what is easier to see by name"
)]

mod changes;
mod golden;
mod outlines;
mod recursion;
mod resistance;
mod standard;

use serde::de::DeserializeOwned;

fn text<T: DeserializeOwned>() -> String {
    super::of::<T>().to_string()
}

#[track_caller]
fn same<A: DeserializeOwned, B: DeserializeOwned>() {
    assert_eq!(text::<A>(), text::<B>());
    assert_eq!(
        super::of::<A>().fingerprint64(),
        super::of::<B>().fingerprint64()
    );
}

#[track_caller]
fn differ<A: DeserializeOwned, B: DeserializeOwned>() {
    let (a, b) = (super::of::<A>(), super::of::<B>());
    assert_ne!(a.fingerprint64(), b.fingerprint64(), "{a} and {b}");
}
