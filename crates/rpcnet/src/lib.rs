//! Typed RPC over QUIC and TLS 1.3, on one UDP port, with no proxy or sidecar.
//!
//! Define a service as a trait with the attribute [`service`](macro@service), and get a
//! typed client and server of it:
//!
//! ```
//! # mod greeting {
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, Serialize, Deserialize)]
//! pub struct NameTooLong {
//!     pub limit: usize,
//! }
//!
//! #[rpcnet::service]
//! pub trait Greeting {
//!     /// Greets someone by name.
//!     async fn greet(&self, name: String) -> Result<String, NameTooLong>;
//! }
//!
//! pub struct Polite;
//!
//! impl GreetingHandler for Polite {
//!     async fn greet(&self, name: String) -> Result<String, NameTooLong> {
//!         Ok(format!("hello, {name}"))
//!     }
//! }
//! # }
//! # use greeting::*;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! // In this process; `GreetingServer::new(Polite, config).serve()` and
//! // `GreetingClient::connect(address, config)` do the same between machines.
//! let client = GreetingClient::new(rpcnet::InProcess::new(GreetingServer::service(Polite)));
//! assert_eq!(client.greet("world".into()).await.unwrap(), "hello, world");
//! # }
//! ```
//!
//! Underneath are calls of bytes. Entry points are [`RpcServer`] and [`RpcClient`]; a call
//! has one of four shapes, with types as without:
//!
//! | shape | client | server |
//! |---|---|---|
//! | unary | [`RpcClient::call`] | [`RpcServer::register`] |
//! | server streaming | [`RpcClient::call_server_streaming`] | [`RpcServer::register_streaming`] |
//! | client streaming | [`RpcClient::call_client_streaming`] | [`RpcServer::register_streaming`] |
//! | bidirectional | [`RpcClient::call_streaming`] | [`RpcServer::register_streaming`] |
//!
//! # Examples
//!
//! A server and a client in one process, with certificates made on the fly (feature
//! `dev-certs`):
//!
//! ```
//! use rpcnet::{RpcClient, RpcConfig, RpcServer};
//!
//! # #[cfg(feature = "dev-certs")]
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let dir = tempfile::tempdir()?;
//! rpcnet::certs::dev_certificates(dir.path())?;
//!
//! let config = RpcConfig::new(dir.path().join("server.pem"), "127.0.0.1:0")
//!     .with_key_path(dir.path().join("server-key.pem"));
//! let mut server = RpcServer::new(config);
//! server.register("greet", |name| async move { Ok([b"hello, ", &name[..]].concat()) }).await;
//! let quic_server = server.bind()?;
//! let address = server.socket_addr.expect("bound");
//! tokio::spawn(async move { server.start(quic_server).await });
//!
//! let config = RpcConfig::new(dir.path().join("ca.pem"), "127.0.0.1:0");
//! let client = RpcClient::connect(address, config).await?;
//! assert_eq!(client.call("greet", b"world".to_vec()).await?, b"hello, world");
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "dev-certs"))]
//! # fn main() {}
//! ```
//!
//! # What a call promises
//!
//! - It ends exactly once, with the true reason, by its deadline: see [`RpcError`].
//! - It is executed at most once, unless it is declared [idempotent](CallOptions::idempotent).
//! - Dropping its future or its response stream cancels it, and its handler is dropped.
//! - Its deadline travels with it, holds on both sides, and bounds the calls that its
//!   handler makes: see [`CallContext`].
//! - A stream that was cut off is never taken for complete, on either side.
//! - What it may cost is bounded: see [`Limits`].
//!
//! # Features
//!
//! - `macros` (default): the attribute [`service`](macro@service).
//! - `bincode` (default): the codec of that name, and `?` turns a `bincode::Error` into an
//!   [`RpcError`].
//! - `dev-certs`: the module `certs`, which makes development certificates.
//! - `metrics`: [what is counted](crate::metrics), told to the recorder of that facade.
//! - `prometheus`: the same as text for Prometheus, and a port to fetch it from.
//! - `messagepack`: the [`codec`] of that name.
//! - `prost`: the codec of types that Protocol Buffers describe.
//! - `opentelemetry`: the spans of calls continue OpenTelemetry's traces from process to
//!   process, with the `tracing-opentelemetry` of the version that this crate depends on.
//! - `codegen`: the generator as the module `codegen`. A build script that needs nothing
//!   else depends on the crate `rpcnet-gen` instead.

pub mod builtin;
mod call_options;
#[cfg(feature = "dev-certs")]
pub mod certs;
mod client;
mod clock;
pub mod cluster;
pub mod codec;
mod config;
mod context;
mod error;
#[cfg(all(doctest, feature = "bincode", feature = "dev-certs"))]
mod guide;
mod hash;
mod identity;
mod limits;
pub mod metrics;
mod profile;
mod renewal;
mod schema;
mod server;
mod span;
mod task;
mod transport;
mod typed;

/// Includes a service that the generator wrote from a build script: the module named
/// here, out of `OUT_DIR`.
///
/// ```text
/// pub mod greeting {
///     rpcnet::include_service!("greeting");
/// }
/// ```
#[macro_export]
macro_rules! include_service {
    ($module:literal) => {
        include!(concat!(env!("OUT_DIR"), "/", $module, "/mod.rs"));
    };
}

#[doc(hidden)]
pub mod __private {
    //! What generated code names; not for others, and without a promise of stability.
    pub use crate::schema::{Outline, Schema};
    #[cfg(feature = "prost")]
    pub use crate::typed::Protobuf;
    pub use crate::typed::{Calls, Method, Methods, NoArgs, Notes, Out, RequestItems, Sent, Serde};
    pub use serde;
}

pub use call_options::CallOptions;
pub use client::{ResponseStream, RpcClient};
pub use config::{Batching, DEFAULT_STREAM_TIMEOUT, DEFAULT_TIMEOUT, RpcConfig};
pub use context::CallContext;
pub use error::{
    ConnectionError, ConnectionErrorKind, HandlerRan, Refusal, RpcError, StreamError,
    StreamErrorKind,
};
pub use futures_core::Stream;
pub use identity::{IdentityError, PeerIdentity};
pub use limits::Limits;
pub use profile::Profile;
pub use renewal::{CertificateStatus, ReloadFailure};
#[cfg(feature = "codegen")]
pub use rpcnet_gen as codegen;
#[cfg(feature = "macros")]
pub use rpcnet_macros::service;
pub use rpcnet_proto::{
    CallId, CallKind, Code, CodecId, Metadata, MetadataError, Status, TraceContext,
    TraceparentError,
};
pub use server::{
    RequestResults, RequestStream, RpcServer, ServerCounters, Service, ShutdownReport,
};
pub use transport::tls::{ClientAuth, OwnCertificate, PemProblem, TlsError};
pub use typed::{
    CallError, Carrier, InProcess, LocalResponses, ResponseBytes, Responses, ServiceServer,
};
