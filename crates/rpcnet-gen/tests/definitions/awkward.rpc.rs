// Names that are hard on a generator.

use core::fmt::Result as FmtResult;
use rpcnet::service;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
pub(crate) use std::time::Duration;

/// Shadows the one of the prelude.
#[allow(dead_code)]
pub(crate) type Result<T> = core::result::Result<T, FmtResult>;

/// Named as type parameters often are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct C;

/// The other one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Items;

/// A page of a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Page<Item> {
    pub(crate) items: Vec<Item>,
}

/// Names that are hard on a generator.
#[service(name = "awkward/v1.0")]
#[deprecated = "too awkward"]
#[allow(non_snake_case)]
#[cfg(not(awkward))]
pub(crate) trait Awkward {
    #[deprecated]
    async fn r#match(&self, r#type: String, handler: u8, args: u8) -> Result<C, Items>;
    async fn getURL(&self, r#type: Page<Items>) -> Result<Page<C>, C>;
    async fn clone_into(&self, self_: std::borrow::Cow<'static, str>) -> Result<(), ()>;
    async fn into(&self, out: (), wait: Duration) -> Result<BTreeMap<String, [u8; 4]>, C>;
    async fn chat(
        &self,
        a: u8,
        context: rpcnet::CallContext,
        requests: impl rpcnet::Stream<Item = Page<C>>,
        b: u8,
    ) -> core::result::Result<impl rpcnet::Stream<Item = Items>, C>;
    async fn pump(
        &self,
        requests: std::pin::Pin<Box<dyn rpcnet::Stream<Item = Result<C, rpcnet::RpcError>> + Send>>,
    ) -> Result<(), C>;
}
// What is after it stays.
