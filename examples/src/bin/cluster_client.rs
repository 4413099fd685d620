//! A client outside of the cluster: it asks the director for a worker, streams from that worker,
//! and goes on at another one where the stream breaks.
//!
//! ```text
//! cargo run -p rpcnet-examples --bin cluster_client -- --tokens 200 "what is a cluster?"
//! ```
//!
//! What else can be set is in `examples/src/cluster/mod.rs`. `cluster_member_client` does the same
//! with less code, as a member of the cluster.

use std::time::Duration;

use futures::StreamExt;
use rpcnet::{CallError, Responses, RpcConfig, RpcError};
use rpcnet_examples::Outcome;
use rpcnet_examples::cluster::{
    Assignment, Certificates, Conversation, DIRECTOR, DirectorClient, InferenceClient,
    InferenceError, Token, environment,
};

/// How often it is made sure that the other side is there. A worker that is killed says nothing;
/// that it is gone is known after three times this, and not before a second.
const KEEP_ALIVE: Duration = Duration::from_millis(300);

#[tokio::main]
async fn main() -> Outcome {
    environment::log_to_stderr();
    let mut conversation = Conversation::from_command_line();
    let address = environment::director_address().await?;
    let local = if address.is_ipv6() {
        "[::]:0"
    } else {
        "0.0.0.0:0"
    };
    let config = Certificates::client("client")?
        .config(local)
        .with_keep_alive_interval(KEEP_ALIVE);

    // Each node is verified by its own name: no worker can pass for the director.
    let director = config.clone().with_server_name(DIRECTOR);
    let director = DirectorClient::connect(address, director).await?;
    let mut avoid = None;
    while !conversation.is_whole() {
        // The stream is the assignment: the worker counts as ours while we hold it.
        let mut assigned = director.assign(avoid.take()).await?;
        let worker = assigned.next().await.ok_or("the director said nothing")??;
        let lost = match ask(&conversation, &worker, &config).await {
            Ok(tokens) => conversation.listen(tokens).await?,
            Err(error) => Some(error),
        };
        if let Some(error) = lost {
            conversation.lose(&worker.label, &error)?;
            avoid = Some(worker.name);
        }
    }
    conversation.conclude();
    Ok(())
}

/// Asks a worker for what is missing.
async fn ask(
    conversation: &Conversation,
    worker: &Assignment,
    config: &RpcConfig,
) -> Result<Responses<Token, InferenceError>, RpcError> {
    let config = config.clone().with_server_name(&worker.name);
    let inference = InferenceClient::connect(worker.address, config).await?;
    let (prompt, next) = (conversation.prompt(), conversation.next());
    let asked = inference
        .generate(prompt, next, conversation.tokens())
        .await;
    // What a handler says, an error too, comes with the stream.
    asked.map_err(|error| match error {
        CallError::Rpc(error) => error,
        CallError::Service(error) => RpcError::internal(format!("{error:?}")),
    })
}
