//! [`Line`]: the way to one start of one worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;

use crate::client::{Endpoint, RpcClient};
use crate::cluster::workers::{Worker, WorkerState};
use crate::config::RpcConfig;
use crate::metrics::ClientFigures;

/// A client of one worker, until the worker goes.
#[derive(Debug)]
pub(super) struct Line {
    worker: Worker,
    endpoint: Arc<Endpoint>,
    config: RpcConfig,
    figures: Arc<ClientFigures>,
    client: ArcSwap<RpcClient>,
    /// Somebody makes the connection already.
    is_dialling: AtomicBool,
}

impl Line {
    pub(super) fn new(
        worker: &Worker,
        endpoint: &Arc<Endpoint>,
        config: &RpcConfig,
        figures: &Arc<ClientFigures>,
    ) -> Self {
        let config = config.clone().with_server_name(worker.name().as_str());
        let client = RpcClient::over(
            Arc::clone(endpoint),
            worker.address(),
            config.clone(),
            Arc::clone(figures),
        );
        Self {
            worker: worker.clone(),
            endpoint: Arc::clone(endpoint),
            config,
            figures: Arc::clone(figures),
            client: ArcSwap::from_pointee(client),
            is_dialling: AtomicBool::new(false),
        }
    }

    pub(super) fn client(&self) -> Arc<RpcClient> {
        self.client.load_full()
    }

    pub(super) fn state(&self) -> &Arc<WorkerState> {
        self.worker.state()
    }

    /// Whether a call can be sent without waiting for a connection.
    pub(super) fn is_connected(&self) -> bool {
        self.client.load().is_connected()
    }

    /// Whether a call can be sent without waiting for anything.
    pub(super) fn has_place(&self) -> bool {
        self.client.load().has_place()
    }

    /// Ends the calls under way, whose worker is gone. Should it be there after all, later
    /// calls find a new connection.
    pub(super) fn cut(&self) {
        let fresh = RpcClient::over(
            Arc::clone(&self.endpoint),
            self.worker.address(),
            self.config.clone(),
            Arc::clone(&self.figures),
        );
        self.client.swap(Arc::new(fresh)).close();
    }

    /// Ends the calls under way, and refuses later ones.
    pub(super) fn close(&self) {
        self.client.load().close();
    }

    /// Makes the connection, unless there is one or somebody is at it.
    pub(super) async fn dial(&self) {
        if self.is_connected() || self.is_dialling.swap(true, Ordering::AcqRel) {
            return;
        }
        let _dialling = Dialling(&self.is_dialling);
        if let Err(error) = self.client().connected().await {
            let worker = &self.worker;
            tracing::debug!(node = %worker.name(), address = %worker.address(), %error,
                "no connection to a worker");
        }
    }
}

/// Ends with the attempt, however that ends.
struct Dialling<'a>(&'a AtomicBool);

impl Drop for Dialling<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
