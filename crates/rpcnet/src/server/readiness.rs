//! [`Phase`]: how far a server is from its end, for services that tell others.

use std::sync::Arc;

use tokio::sync::watch;

use super::streams::StreamTaker;
use super::{RpcServer, Shared};

/// How far a server is from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It serves.
    Open,
    /// It serves, but wants no more work: its shutdown has begun, or its cluster was told.
    Draining,
    /// It refuses calls.
    Refusing,
}

impl RpcServer {
    pub(crate) fn phase(&self) -> Phase {
        let shared = &self.shared;
        if shared.is_draining() {
            return Phase::Refusing;
        }
        let is_announced = || taker(shared).is_some_and(|taker| taker.is_draining());
        if shared.shutdown.has_begun() || is_announced() {
            return Phase::Draining;
        }
        Phase::Open
    }

    /// Wakes all who wait for [`News`].
    pub(crate) fn stir(&self) {
        self.shared.shutdown.news.send_replace(());
    }

    /// What happens from now on.
    pub(crate) fn news(&self) -> News {
        News {
            server: self.shared.shutdown.news.subscribe(),
            cluster: taker(&self.shared).and_then(|taker| taker.changes()),
        }
    }
}

fn taker(shared: &Shared) -> Option<Arc<dyn StreamTaker>> {
    let taken = shared.taken().clone();
    taken.map(|taken| taken.taker)
}

/// Tells that the phase, or whatever else is [stirred](RpcServer::stir) for, may have changed.
pub(crate) struct News {
    server: watch::Receiver<()>,
    cluster: Option<watch::Receiver<u64>>,
}

impl News {
    /// Waits for the next change; false where the server is gone.
    pub(crate) async fn wait(mut self) -> bool {
        let cluster = async {
            let is_told = match &mut self.cluster {
                Some(cluster) => cluster.changed().await.is_ok(),
                None => false,
            };
            if !is_told {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            changed = self.server.changed() => changed.is_ok(),
            () = cluster => true,
        }
    }
}
