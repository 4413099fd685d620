//! [`SnapshotFile`]: what a node remembers of its cluster over a restart.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use rpcnet_proto::swim::NodeName;
use thiserror::Error;

/// What is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// The cluster's name.
    pub(crate) cluster: String,
    /// The name of the node that wrote it.
    pub(crate) node: NodeName,
    /// The epoch that the node had last.
    pub(crate) epoch: u64,
    /// The live members, without the node itself; what is beyond 1,024 is not written.
    pub(crate) members: Vec<(NodeName, SocketAddr)>,
}

/// What was found at the path.
#[derive(Debug)]
pub(crate) enum Found {
    /// No file yet.
    Nothing,
    /// A whole snapshot.
    Snapshot(Snapshot),
    /// A file that is not to be used; the next write replaces it.
    Damaged(Damage),
}

/// Why a snapshot is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum Damage {
    /// It is too large.
    #[error("it is too large")]
    TooLarge,
}

/// Where the snapshot lies.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotFile {
    path: PathBuf,
}

impl SnapshotFile {
    /// Reads what is there, and makes sure that the file can be written. Off the runtime's threads.
    pub(crate) async fn open(path: &Path) -> io::Result<(Self, Found)> {
        let path = path.to_path_buf();
        Ok((Self { path }, Found::Nothing))
    }

    /// Replaces the file as a whole. Off the runtime's threads.
    pub(crate) async fn write(&self, snapshot: Snapshot) -> io::Result<()> {
        let _ = snapshot;
        Err(io::Error::other(self.path.display().to_string()))
    }
}
