//! [`Work`]: calls to the nodes, for as long as it lives.

use std::sync::Arc;
use std::time::Duration;

use rpcnet::RpcConfig;
use rpcnet::cluster::{ClusterClient, ClusterClientConfig, LoadBalancingStrategy, WorkerRegistry};
use tokio::task::AbortHandle;
use tokio::time::interval;

use super::ThreeNodes;

/// Calls from `node-0` to all workers, some of which fail.
pub(crate) struct Work(AbortHandle);

impl Work {
    pub(crate) async fn start(cluster: &ThreeNodes) -> Self {
        let membership = cluster.nodes[0].membership.clone();
        let registry = WorkerRegistry::new(membership, LoadBalancingStrategy::RoundRobin);
        registry.start().await;
        let config = RpcConfig::new(cluster.file("node-0.pem"), "127.0.0.1:0")
            .with_key_path(cluster.file("node-0-key.pem"))
            .with_ca_path(cluster.file("ca.pem"));
        let client = ClusterClient::new(Arc::new(registry), ClusterClientConfig::new(config));
        let task = tokio::spawn(async move {
            let mut beats = interval(Duration::from_millis(5));
            for number in 0_u64.. {
                beats.tick().await;
                let method = if number % 20 == 0 { "secret" } else { "echo" };
                // Workers may go meanwhile.
                let _ = client.call_worker(method, vec![7; 64], None).await;
            }
        });
        Self(task.abort_handle())
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.0.abort();
    }
}
