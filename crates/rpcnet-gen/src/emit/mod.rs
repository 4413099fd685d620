//! Emits the code of a service.
//!
//! The items are the same wherever they go; only what surrounds them in files differs.

mod client;
#[cfg(feature = "files")]
pub(crate) mod files;
pub(crate) mod names;
mod notes;
mod server;
mod shared;
#[cfg(feature = "files")]
mod types;

use proc_macro2::TokenStream;

use crate::emit::names::Names;
use crate::model::Service;

/// Everything that is generated for a service, item by item.
pub(crate) struct Items {
    /// What the two ends have in common: messages and methods.
    pub(crate) shared: Vec<TokenStream>,
    /// The handler trait and the server.
    pub(crate) server: Vec<TokenStream>,
    /// The client.
    pub(crate) client: Vec<TokenStream>,
}

/// Emits a service.
pub(crate) fn items(service: &Service) -> Items {
    let names = Names::new(service);
    Items {
        shared: shared::items(service, &names),
        server: server::items(service, &names),
        client: client::items(service, &names),
    }
}
