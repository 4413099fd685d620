//! What is kept over a restart: when the snapshot is written, and with what.

use std::fmt;
use std::future::{Future, pending};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use rpcnet_proto::swim::NodeName;
use tokio::time::{Instant, timeout};

use super::table::Table;
use crate::cluster::snapshot::SnapshotFile;

/// The snapshot file, where there is one, and what it holds.
pub(crate) struct Memory {
    file: Option<SnapshotFile>,
    /// What the file holds, or is about to.
    held: Held,
    /// When what has changed is written.
    due: Option<Instant>,
    writing: Option<Pin<Box<dyn Future<Output = io::Result<()>> + Send>>>,
    failures: u64,
}

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// The epoch that this node had last.
    pub(crate) epoch: u64,
    /// The others, and where they were.
    pub(crate) members: Vec<(NodeName, SocketAddr)>,
}

impl Memory {
    /// Keeps nothing.
    pub(crate) const fn none() -> Self {
        Self {
            file: None,
            held: Held {
                epoch: 0,
                members: Vec::new(),
            },
            due: None,
            writing: None,
            failures: 0,
        }
    }

    /// `held` is what the file holds.
    pub(crate) fn new(file: SnapshotFile, held: Held) -> Self {
        // At once, so that the next start knows of this epoch.
        let due = Some(Instant::now());
        Self {
            file: Some(file),
            held,
            due,
            ..Self::none()
        }
    }

    /// What the file held at the start.
    pub(crate) const fn held(&self) -> &Held {
        &self.held
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.due.filter(|_| self.writing.is_none())
    }

    pub(super) const fn failures(&self) -> u64 {
        self.failures
    }

    /// The view has changed; what has to be written is written soon.
    pub(super) fn touch(&mut self) {
        if self.file.is_some() && self.due.is_none() {
            self.due = Some(Instant::now() + PAUSE);
        }
    }

    /// Begins to write, where that is due.
    pub(super) fn tick(&mut self, now: Instant, table: &Table, epoch: u64) {
        if self.due().is_some_and(|due| due <= now) {
            self.begin(table, epoch);
        }
    }

    fn begin(&mut self, table: &Table, epoch: u64) {
        self.due = None;
        let Some(file) = self.file.clone() else {
            return;
        };
        let mut next = self.held.clone();
        next.epoch = epoch;
        if let Some(members) = worth_keeping(table) {
            next.members = members;
        }
        if next == self.held {
            return;
        }
        self.held = next.clone();
        let Held { epoch, members } = next;
        self.writing = Some(Box::pin(async move { file.write(epoch, members).await }));
    }

    /// Waits until what is being written is written.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the writing goes on with the next call.
    pub(super) async fn written(&mut self) {
        let Some(writing) = &mut self.writing else {
            return pending().await;
        };
        let written = writing.await;
        self.writing = None;
        if let Err(error) = written {
            self.failures += 1;
            tracing::warn!(error = %error, "snapshot not written");
            // Nothing is known of what the file holds.
            self.held.epoch = 0;
            self.due = Some(Instant::now() + PAUSE_AFTER_FAILURE);
        }
    }

    /// Writes what was not written yet, in bounded time.
    pub(super) async fn finish(&mut self, table: &Table, epoch: u64) {
        let rest = async {
            if self.writing.is_some() {
                self.written().await;
            }
            if self.due.is_some() {
                self.begin(table, epoch);
            }
            if self.writing.is_some() {
                self.written().await;
            }
        };
        if timeout(FINISH_MAX, rest).await.is_err() {
            tracing::warn!("snapshot not written in time");
        }
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("file", &self.file)
            .field("failures", &self.failures)
            .finish_non_exhaustive()
    }
}

/// The live members, or `None` where there is nobody: a node that was cut off finds its
/// cluster again after a restart.
fn worth_keeping(table: &Table) -> Option<Vec<(NodeName, SocketAddr)>> {
    let others = table.members().filter(|member| !member.is_self());
    let live = others.filter(|member| member.is_live());
    let kept = live.map(|member| (member.name().clone(), member.address()));
    let kept: Vec<_> = kept.collect();
    (!kept.is_empty()).then_some(kept)
}

/// Changes that come within this time are written together.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(30);
/// How long leaving waits for the file.
const FINISH_MAX: Duration = Duration::from_secs(1);
