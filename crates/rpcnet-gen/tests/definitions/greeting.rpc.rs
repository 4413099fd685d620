use serde::{Deserialize, Serialize};

/// Whom to greet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GreetRequest {
    /// A name.
    pub name: String,
}

/// A greeting.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GreetResponse {
    /// The text of it.
    pub message: String,
}

/// Why nobody was greeted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum GreetingError {
    /// There was no name.
    EmptyName,
}

#[rpcnet::service]
#[async_trait::async_trait]
pub trait Greeting {
    async fn greet(&self, request: GreetRequest) -> Result<GreetResponse, GreetingError>;
}
