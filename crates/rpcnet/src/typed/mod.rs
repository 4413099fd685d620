//! What the code generated for a service stands on.
//!
//! The generated client turns arguments into payloads and hands them to a [`Carrier`]:
//! a connection, a server in the same process, a test double. The generated server is
//! a [`Service`](crate::Service): one handler closure per method, to be added to any
//! server. Everything that is the same for all methods is here, so that generated code
//! holds names and types only.

mod calls;
mod carrier;
mod emit;
mod encoding;
mod error;
mod in_process;
mod items;
mod method;
mod methods;
mod responses;
mod server;
mod then;
mod upload;

pub use self::calls::Calls;
pub use self::carrier::{Carrier, ResponseBytes};
pub use self::emit::{Out, Sent};
#[cfg(feature = "prost")]
pub use self::encoding::Protobuf;
pub use self::encoding::{NoArgs, Serde};
pub use self::error::CallError;
pub use self::in_process::{InProcess, LocalResponses};
pub use self::items::RequestItems;
pub use self::method::Method;
pub use self::methods::{Methods, Notes};
pub use self::responses::Responses;
pub use self::server::ServiceServer;
