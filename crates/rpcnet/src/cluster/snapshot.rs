//! [`SnapshotFile`]: what a node remembers of its cluster over a restart.
//!
//! A text file, in lines that end in a line feed, with single blanks:
//!
//! ```text
//! rpcnet snapshot 1
//! cluster production
//! node worker-1
//! epoch 1767225600000
//! member worker-2 10.0.0.2:7000
//! member worker-3 [2001:db8::3]:7000
//! sha256 5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef
//! ```
//!
//! The last line is the SHA-256 of all before it, so a file that was cut or damaged is known as
//! such; it is then as if there were none. Nothing in it is trusted: members' addresses are seeds,
//! who answers there has to prove itself.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use rpcnet_proto::swim::NodeName;
use thiserror::Error;

use crate::task;

/// What is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// The cluster.
    pub(crate) cluster: NodeName,
    /// The node that wrote it.
    pub(crate) node: NodeName,
    /// The epoch that the node had last.
    pub(crate) epoch: u64,
    /// The live members, without the node itself. At most [`Snapshot::MEMBERS_MAX`] are written,
    /// the first ones.
    pub(crate) members: Vec<(NodeName, SocketAddr)>,
}

impl Snapshot {
    /// The most members of a file: enough seeds for any cluster.
    pub(crate) const MEMBERS_MAX: usize = 1_024;
}

/// What was found at the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// No file: the node starts for the first time.
    Nothing,
    /// A whole snapshot.
    Snapshot(Snapshot),
    /// A file that is of no use: worth a warning. The next write replaces it.
    Damaged(Damage),
}

/// Why a snapshot is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum Damage {
    /// It is larger than a snapshot can be.
    #[error("the file has more than {FILE_BYTES_MAX} bytes")]
    TooLarge,
    /// It was cut or changed, or is no snapshot at all.
    #[error("the file is cut, damaged or no snapshot of this version")]
    Content,
    /// It is of another cluster, or of another node, than asked for.
    #[error("the file is the snapshot of another node or cluster")]
    Foreign,
}

/// Where the snapshot of one node lies. One node alone may use the path.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotFile {
    path: PathBuf,
    cluster: NodeName,
    node: NodeName,
}

impl SnapshotFile {
    /// Reads what is there, and makes sure that it can be replaced. On a thread that may block.
    ///
    /// # Errors
    ///
    /// Where the file is there and cannot be read, or its directory takes no new file.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future lets the reading end by itself; nothing stays behind.
    pub(crate) async fn open(
        path: &Path,
        cluster: &NodeName,
        node: &NodeName,
    ) -> io::Result<(Self, Found)> {
        let file = Self {
            path: path.to_path_buf(),
            cluster: cluster.clone(),
            node: node.clone(),
        };
        let opened = file.clone();
        let found = task::blocking(move || opened.load()).await??;
        Ok((file, found))
    }

    /// Replaces the file as a whole: whoever reads it, even after a crash, finds the former or the
    /// new one. On a thread that may block.
    ///
    /// # Errors
    ///
    /// As the system says; the former file is then still there.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future lets the writing end by itself. Await one write before the next.
    pub(crate) async fn write(
        &self,
        epoch: u64,
        members: Vec<(NodeName, SocketAddr)>,
    ) -> io::Result<()> {
        let file = self.clone();
        task::blocking(move || {
            let snapshot = Snapshot {
                cluster: file.cluster.clone(),
                node: file.node.clone(),
                epoch,
                members,
            };
            file.replace(&render(&snapshot))
        })
        .await?
    }

    fn load(&self) -> io::Result<Found> {
        if self.path.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        // What cannot be written later is found now, when somebody looks.
        drop(Temporary::create(&self.path)?);
        let bytes = match read_bounded(&self.path) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(Found::Damaged(Damage::TooLarge)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(error),
        };
        Ok(match parse(&bytes) {
            None => Found::Damaged(Damage::Content),
            Some(snapshot) if snapshot.cluster != self.cluster || snapshot.node != self.node => {
                Found::Damaged(Damage::Foreign)
            }
            Some(snapshot) => Found::Snapshot(snapshot),
        })
    }

    fn replace(&self, text: &str) -> io::Result<()> {
        let mut new = Temporary::create(&self.path)?;
        new.file.write_all(text.as_bytes())?;
        // Before the rename: otherwise a power cut could leave an empty file under the name.
        new.file.sync_all()?;
        fs::rename(&new.path, &self.path)
    }
}

/// A file beside the snapshot, which is gone when this is dropped, unless it was renamed.
struct Temporary {
    file: File,
    path: PathBuf,
}

impl Temporary {
    fn create(beside: &Path) -> io::Result<Self> {
        let Some(name) = beside.file_name() else {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        };
        let mut name = name.to_os_string();
        name.push(".new");
        let path = beside.with_file_name(name);
        let file = File::create(&path)?;
        Ok(Self { file, path })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After the rename there is nothing under this name any more.
        let _ = fs::remove_file(&self.path);
    }
}

fn render(snapshot: &Snapshot) -> String {
    let mut text = format!(
        "{HEAD}\ncluster {}\nnode {}\nepoch {}\n",
        snapshot.cluster, snapshot.node, snapshot.epoch
    );
    for (name, address) in snapshot.members.iter().take(Snapshot::MEMBERS_MAX) {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "member {name} {address}");
    }
    let sum = sum(text.as_bytes());
    let _ = writeln!(text, "{SUM}{sum}");
    text
}

fn parse(bytes: &[u8]) -> Option<Snapshot> {
    let text = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
    let (_, last) = text.rsplit_once('\n')?;
    let body = bytes.get(..text.len() - last.len())?;
    if last.strip_prefix(SUM)? != sum(body) {
        return None;
    }
    let mut lines = std::str::from_utf8(body).ok()?.lines();
    if lines.next()? != HEAD {
        return None;
    }
    let cluster = NodeName::new(lines.next()?.strip_prefix("cluster ")?).ok()?;
    let node = NodeName::new(lines.next()?.strip_prefix("node ")?).ok()?;
    let epoch = lines.next()?.strip_prefix("epoch ")?.parse().ok()?;
    let mut members = Vec::new();
    for line in lines {
        let (name, address) = line.strip_prefix("member ")?.split_once(' ')?;
        if members.len() == Snapshot::MEMBERS_MAX {
            return None;
        }
        members.push((NodeName::new(name).ok()?, address.parse().ok()?));
    }
    Some(Snapshot {
        cluster,
        node,
        epoch,
        members,
    })
}

fn sum(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(64);
    for byte in digest(&SHA256, bytes).as_ref() {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// `None` if there is more than [`FILE_BYTES_MAX`].
fn read_bounded(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= FILE_BYTES_MAX).then_some(bytes))
}

const HEAD: &str = "rpcnet snapshot 1";

const SUM: &str = "sha256 ";

/// Eight times what the most members need at their longest.
const FILE_BYTES_MAX: u64 = 1 << 20;

#[cfg(test)]
mod tests;
