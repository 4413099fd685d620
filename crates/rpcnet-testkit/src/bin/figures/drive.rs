//! The client process: this program, started again, so that a client can be stopped in its tracks.

use crate::group::BoxError;
use crate::load::{Load, Shape};
use crate::site::client_config;
use clap::Args;
use rpcnet::RpcClient;
use rpcnet_testkit::ledger::{CallId, CallRecord, Outcome};
use rpcnet_testkit::process;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// What a client process is told.
#[derive(Debug, Args)]
pub(crate) struct Drive {
    /// Directory with the certificates
    #[arg(long)]
    site: PathBuf,
    /// The server to call
    #[arg(long)]
    server: SocketAddr,
    /// File to write the calls to
    #[arg(long)]
    out: PathBuf,
}

impl Drive {
    /// Calls until SIGTERM, then writes down every call. Ready once calls succeed.
    pub(crate) async fn run(self) -> Result<(), BoxError> {
        let mut terminate = signal(SignalKind::terminate())?;
        let config = client_config(&self.site).with_keep_alive_interval(KEEP_ALIVE);
        let client = RpcClient::connect(self.server, config).await?;
        let load = Load::start(&client, 2, Shape::default());
        load.successes(100).await;
        process::announce(self.server)?;
        terminate.recv().await;
        let told = load.stop().await;
        if told.altered > 0 {
            return Err(format!("{} replies belong to other calls", told.altered).into());
        }
        fs::write(&self.out, encode(&told.calls))?;
        Ok(())
    }
}

/// Short, so that a client that was stopped for some seconds finds its connection lapsed.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_millis(500);

/// Reads what a client process wrote.
pub(crate) fn read_calls(path: &Path) -> io::Result<Vec<CallRecord>> {
    let bytes = fs::read(path)?;
    let (records, rest) = bytes.as_chunks::<RECORD_BYTES>();
    let records: Option<Vec<CallRecord>> = records.iter().map(decode).collect();
    records
        .filter(|_| rest.is_empty())
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Id, whether it is idempotent, number of endings, index of the outcome.
const RECORD_BYTES: usize = CallId::BYTES + 3;

/// Stands for a call that never ended.
const NO_OUTCOME: u8 = u8::MAX;

fn encode(calls: &[CallRecord]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(calls.len() * RECORD_BYTES);
    for call in calls {
        bytes.extend_from_slice(&call.id.to_bytes());
        bytes.push(u8::from(call.is_idempotent));
        bytes.push(u8::try_from(call.endings).unwrap_or(u8::MAX));
        bytes.push(call.outcome.map_or(NO_OUTCOME, |outcome| outcome as u8));
    }
    bytes
}

fn decode(record: &[u8; RECORD_BYTES]) -> Option<CallRecord> {
    let [.., is_idempotent, endings, outcome] = *record;
    let outcome = match outcome {
        NO_OUTCOME => None,
        index => Some(*Outcome::ALL.get(usize::from(index))?),
    };
    Some(CallRecord {
        id: CallId::from_head(record)?,
        is_idempotent: is_idempotent != 0,
        outcome,
        endings: u32::from(endings),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_survive_their_way_through_a_file() {
        let calls: Vec<CallRecord> = Outcome::ALL
            .into_iter()
            .map(Some)
            .chain([None])
            .zip(0_u8..)
            .map(|(outcome, number)| CallRecord {
                id: CallId::from(u128::from(number)),
                is_idempotent: number.is_multiple_of(2),
                outcome,
                endings: u32::from(number),
            })
            .collect();
        let dir = tempfile::tempdir().expect("the temporary directory is writable");
        let path = dir.path().join("calls");
        fs::write(&path, encode(&calls)).expect("the temporary directory is writable");
        assert_eq!(read_calls(&path).expect("the file is whole"), calls);
    }
}
