//! Many calls that run at once on one connection.

use crate::group::{Measured, Outcome, Scale};
use crate::service::RENDEZVOUS;
use crate::site::Site;
use tokio::task::JoinSet;

/// Each call is answered only once all of them run.
pub(super) async fn measure(scale: Scale) -> Outcome {
    let amount: u64 = scale.pick(10_000, 10_000);
    let site = Site::new()?;
    let limit = (amount + 1).to_string();
    let server = site.serve("127.0.0.1:0", &["--calls", &limit]).await?;
    let client = site.client(server.addr()).await?;
    let mut calls = JoinSet::new();
    for _ in 0..amount {
        calls.spawn(client.call(RENDEZVOUS, amount.to_be_bytes().to_vec()));
    }
    let mut ok = 0_u64;
    let mut first_error = None;
    while let Some(call) = calls.join_next().await {
        match call? {
            Ok(_) => ok += 1,
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    let mut measured = Measured::default();
    if let Some(error) = first_error {
        measured.note(format!("a call failed: {error}"));
    }
    measured.at_least("concurrent-ok", ok as f64, "calls", amount as f64);
    Ok(measured)
}
