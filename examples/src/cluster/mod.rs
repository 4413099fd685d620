//! What the programs of the cluster example share: `cluster_director`, `cluster_worker`,
//! `cluster_client` and `cluster_member_client`.
//!
//! All of them are configured by the environment:
//!
//! | variable | default | meaning |
//! |---|---|---|
//! | `DIRECTOR_ADDR` | `127.0.0.1:61000` | where the director listens, and where the others find it; for these it may be a name with a port |
//! | `CLUSTER_SEEDS` | for all but the director: `DIRECTOR_ADDR` | the members to join by: names or addresses with ports, between commas |
//! | `WORKER_ADDR` | `127.0.0.1:0` | where a worker listens; port 0 is any free one |
//! | `WORKER_LABEL` | `worker-` and the process id | the worker's label, which is its node's name too |
//! | `WORKER_FAILURE_ENABLED` | `false` | whether the worker crashes now and then, in the middle of a stream |
//! | `CERTS_DIR` | `rpcnet-cluster-example` in the system's folder for temporary files | where the development certificates are; the first program makes them |
//! | `CERT_FILE`, `KEY_FILE`, `CA_FILE` | none | certificates of a real authority, instead |
//! | `RUST_LOG` | `error` | what the library logs, to standard error |

mod certificates;
mod conversation;
mod director;
mod entry;
pub mod environment;
mod inference;
mod signals;

pub use self::certificates::Certificates;
pub use self::conversation::{Conversation, Question};
pub use self::director::{
    Assignment, DirectorClient, DirectorError, DirectorHandler, DirectorServer,
};
pub use self::entry::join;
pub use self::inference::{
    InferenceClient, InferenceError, InferenceHandler, InferenceServer, TOKENS_MAX, Token, token,
};
pub use self::signals::stop_signal;

use rpcnet::cluster::ClusterConfig;

/// The director's node, by which its clients verify it.
pub const DIRECTOR: &str = "director";

/// What every member of the cluster has in common.
pub fn cluster_config(name: &str, role: &str) -> ClusterConfig {
    ClusterConfig::lan()
        .with_cluster_name("inference")
        .with_node_name(name)
        .with_tag("role", role)
}
