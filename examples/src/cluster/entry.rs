//! How a program enters the cluster.

use rpcnet::cluster::{ClusterMembership, JoinError};

use super::environment;
use crate::Outcome;

/// Joins by the seeds of the environment. Where none of them is there yet, waits until one is.
///
/// # Errors
///
/// What is wrong with the seeds.
///
/// # Cancel safety
///
/// Where the future is dropped, the membership goes on asking its seeds.
#[expect(clippy::print_stdout, reason = "a program that talks to its reader")]
pub async fn join(cluster: &ClusterMembership) -> Outcome {
    let seeds = match environment::seeds()? {
        Some(seeds) => seeds,
        None => vec![environment::director()?],
    };
    match cluster.join(seeds).await {
        Err(error @ JoinError::NoAnswer { .. }) => {
            println!("{} waits: {error}", cluster.name());
            cluster.wait_until(|view| view.live().count() > 1).await;
            Ok(())
        }
        joined => Ok(joined?),
    }
}
