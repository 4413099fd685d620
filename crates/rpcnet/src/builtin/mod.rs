//! Services that the library brings along, each switched on by one line.
//!
//! They tell about the server that they run in, so each says who may ask: see [`Access`].
//! They speak JSON, whatever codec a call names.
//!
//! | enabled by | methods |
//! |---|---|
//! | [`RpcServer::enable_health`](crate::RpcServer::enable_health) | `rpcnet.health/check`, `rpcnet.health/watch` |
//! | [`RpcServer::enable_admin`](crate::RpcServer::enable_admin) | `rpcnet.admin/snapshot`, `rpcnet.admin/watch`, and those that act on its node |
//! | [`RpcServer::enable_introspection`](crate::RpcServer::enable_introspection) | `rpcnet.introspection/methods`, `rpcnet.introspection/describe` |

mod access;
mod admin;
mod health;
mod introspection;

pub use self::access::Access;
pub use self::admin::AdminAccess;
pub use self::health::{Health, HealthStatus};
