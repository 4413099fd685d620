//! The questions, and what the answers mean.

use rpcnet::{CallOptions, Code, RpcClient, RpcError};
use serde_json::json;
use std::time::Duration;

use super::catalogue::{Catalogue, Method};

const METHODS: &str = "rpcnet.introspection/methods";
const DESCRIBE: &str = "rpcnet.introspection/describe";
/// Answers that are put together; a server that has more to tell is cut off.
const PARTS_MAX: usize = 64;

/// What became of a question.
#[derive(Debug)]
pub(crate) enum Told<T> {
    /// The answer.
    Known(T),
    /// There is no method and no service of that name.
    Nothing,
    /// The server does not tell, or not us.
    Silent(RpcError),
}

/// The methods of a server, or of one of its services, or one method by its name.
///
/// # Errors
///
/// The question did not get through, or the answer is not understood.
pub(crate) async fn all(
    client: &RpcClient,
    name: &str,
    timeout: Duration,
) -> Result<Told<Catalogue>, RpcError> {
    ask(client, METHODS, name, timeout).await
}

/// As [`all`], with what the messages look like.
///
/// # Errors
///
/// As of [`all`].
pub(crate) async fn described(
    client: &RpcClient,
    name: &str,
    timeout: Duration,
) -> Result<Told<Catalogue>, RpcError> {
    ask(client, DESCRIBE, name, timeout).await
}

async fn ask(
    client: &RpcClient,
    method: &str,
    name: &str,
    timeout: Duration,
) -> Result<Told<Catalogue>, RpcError> {
    let mut whole = Catalogue::default();
    let mut after = String::new();
    for _ in 0..PARTS_MAX {
        let question = json!({"name": name, "after": after}).to_string();
        let options = CallOptions::new().idempotent().with_timeout(timeout);
        let answer = client
            .call_with(method, question.into_bytes(), options)
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return unanswered(error),
        };
        let part: Catalogue =
            serde_json::from_slice(&answer).map_err(RpcError::SerializationError)?;
        for service in part.services {
            if whole
                .services
                .iter()
                .all(|known| known.name != service.name)
            {
                whole.services.push(service);
            }
        }
        whole.methods.extend(part.methods);
        match part.next {
            Some(next) if next > after => after = next,
            _ => break,
        }
    }
    Ok(Told::Known(whole))
}

fn unanswered(error: RpcError) -> Result<Told<Catalogue>, RpcError> {
    match &error {
        RpcError::Status(status) if status.code == Code::NotFound => Ok(Told::Nothing),
        RpcError::Status(status)
            if [Code::Unauthenticated, Code::PermissionDenied].contains(&status.code) =>
        {
            Ok(Told::Silent(error))
        }
        RpcError::UnknownMethod(_) => Ok(Told::Silent(error)),
        _ => Err(error),
    }
}

impl Catalogue {
    /// The method of exactly this name.
    pub(crate) fn into_method(self, name: &str) -> Option<Method> {
        self.methods.into_iter().find(|known| known.method == name)
    }
}
