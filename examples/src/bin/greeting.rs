//! The smallest typed service: one method, with an error of its own.
//!
//! ```text
//! cargo run -p rpcnet-examples --bin greeting
//! ```
//!
//! As two processes, which share the development certificates in `certs`:
//!
//! ```text
//! cargo run -p rpcnet-examples --bin greeting -- server --address 127.0.0.1:4433
//! cargo run -p rpcnet-examples --bin greeting -- client --address 127.0.0.1:4433 Ada
//! ```
#![expect(clippy::print_stdout, reason = "a program that talks to its reader")]

use rpcnet::CallError;
use rpcnet_examples::{ClientEnd, GRACE, Outcome, ServerEnd, run};
use serde::{Deserialize, Serialize};

/// Why nobody is greeted.
#[derive(Debug, Serialize, Deserialize)]
pub enum GreetingError {
    /// There is no name to greet.
    NameIsEmpty,
}

/// Greets. The trait is the whole contract: client and server are made of it.
#[rpcnet::service]
pub trait Greeting {
    /// Greets by name.
    async fn greet(&self, name: String) -> Result<String, GreetingError>;
}

/// The server's side of the contract.
struct Greeter;

impl GreetingHandler for Greeter {
    async fn greet(&self, name: String) -> Result<String, GreetingError> {
        if name.is_empty() {
            return Err(GreetingError::NameIsEmpty);
        }
        Ok(format!("hello, {name}"))
    }
}

#[tokio::main]
async fn main() -> Outcome {
    run(serve, call).await
}

async fn serve(mut end: ServerEnd) -> Outcome {
    let mut server = GreetingServer::new(Greeter, end.config());
    end.announce(server.bind()?);
    let report = server.serve_with_shutdown(end.stopped(), GRACE).await?;
    println!("shut down, {} calls cut", report.cut);
    Ok(())
}

async fn call(end: ClientEnd) -> Outcome {
    let client = GreetingClient::connect(end.address(), end.config()).await?;
    let name = end.rest().first();
    let name = name.map_or("world".into(), |name| name.to_string_lossy());
    println!("{}", client.greet(name.into_owned()).await?);

    match client.greet(String::new()).await {
        Err(CallError::Service(GreetingError::NameIsEmpty)) => println!("an empty name is refused"),
        other => return Err(format!("expected to be refused, got {other:?}").into()),
    }
    Ok(())
}
