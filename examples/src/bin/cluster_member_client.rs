//! A client that is a member of the cluster: it knows the workers itself, and needs no director.
//!
//! ```text
//! cargo run -p rpcnet-examples --bin cluster_member_client -- --tokens 200
//! ```
//!
//! The director is the seed by which it joins, and nothing else. What can be set is in
//! `examples/src/cluster/mod.rs`.

use std::sync::Arc;
use std::time::Duration;

use rpcnet::CallOptions;
use rpcnet::cluster::{ClusterClient, ClusterMembership, LoadBalancingStrategy, WorkerRegistry};
use rpcnet_examples::Outcome;
use rpcnet_examples::cluster::{
    Certificates, Conversation, InferenceClient, cluster_config, environment, join,
};

/// How often it is made sure that a worker is there from which a stream comes.
const KEEP_ALIVE: Duration = Duration::from_millis(300);

#[tokio::main]
async fn main() -> Outcome {
    environment::log_to_stderr();
    let mut conversation = Conversation::from_command_line();
    let name = format!("client-{}", std::process::id());
    let config = Certificates::node(&name)?.config("0.0.0.0:0");

    let cluster = ClusterMembership::new(config.clone(), cluster_config(&name, "client")).await?;
    join(&cluster).await?;
    let strategy = LoadBalancingStrategy::LeastConnections;
    let registry = Arc::new(WorkerRegistry::new(cluster.clone(), strategy));
    registry.start().await;

    // A typed client over whichever worker is best, for each call anew. A call that finds none
    // waits for one.
    let client = ClusterClient::new(registry, config.with_keep_alive_interval(KEEP_ALIVE));
    let options = CallOptions::new().wait_for_ready();
    let inference = InferenceClient::new(client.pool(None)?).with_options(options);

    while !conversation.is_whole() {
        // A call that has not begun goes to another worker by itself. Where an answer that has
        // begun shall go on, only this program can say.
        let (prompt, next) = (conversation.prompt(), conversation.next());
        let tokens = inference.generate(prompt, next, conversation.tokens());
        if let Some(error) = conversation.listen(tokens.await?).await? {
            let worker = conversation.last_worker().unwrap_or("nobody").to_owned();
            conversation.lose(&worker, &error)?;
        }
    }
    conversation.conclude();
    cluster.leave().await?;
    Ok(())
}
