//! [`PrometheusEndpoint`]: a port that answers `GET /metrics`, and nothing else.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::Exporter;
use super::http::{self, Asked, HEAD_BYTES_MAX, Status};
use crate::task::Tasks;

/// Connections that are answered at once. Beyond: they wait in the system's queue.
const CONNECTIONS_MAX: usize = 16;

/// How long a request may take to come, and as long its answer to go.
const HALF_MAX: Duration = Duration::from_secs(5);

/// The pause after an accept that failed, such as for want of descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// A port of its own, over TCP, from which Prometheus fetches what is exported.
///
/// It speaks HTTP without TLS and asks nobody who they are: bind it to loopback, or to an
/// address that only your own network reaches. At most 16 connections are answered at once,
/// each has one request, of at most 8 KiB, and 5 s for it and again for the answer.
///
/// Ends when it is dropped.
#[derive(Debug)]
#[must_use = "dropping it closes the port"]
pub struct PrometheusEndpoint {
    local_addr: SocketAddr,
    _tasks: Tasks,
}

impl PrometheusEndpoint {
    /// The address that it is bound to.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }
}

impl Exporter {
    /// Answers `GET /metrics` at an address; port 0 lets the system choose one.
    ///
    /// # Errors
    ///
    /// Where the address cannot be bound.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future binds nothing.
    pub async fn serve_prometheus(
        &self,
        address: impl ToSocketAddrs,
    ) -> io::Result<PrometheusEndpoint> {
        let listener = TcpListener::bind(address).await?;
        let local_addr = listener.local_addr()?;
        let tasks = Tasks::new();
        tasks.spawn_until_stopped(serve(listener, self.clone()));
        Ok(PrometheusEndpoint {
            local_addr,
            _tasks: tasks,
        })
    }
}

async fn serve(listener: TcpListener, exporter: Exporter) {
    let tasks = Tasks::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        // Never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let exporter = exporter.clone();
                tasks.spawn_until_stopped(async move {
                    let _place = place;
                    if let Err(error) = respond(&stream, &exporter).await {
                        tracing::debug!(%error, "a request for metrics was not answered");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted for metrics");
                sleep(PAUSE).await;
            }
        }
    }
}

/// Answers one request.
async fn respond(stream: &TcpStream, exporter: &Exporter) -> io::Result<()> {
    let answer = match timeout(HALF_MAX, asked(stream)).await {
        Ok(Ok(Asked::Page { is_head })) => {
            http::answer(Status::Ok, &exporter.render_prometheus(), is_head)
        }
        Ok(Ok(Asked::No(status))) => http::answer(status, status.text(), false),
        Ok(Err(error)) => return Err(error),
        Err(_elapsed) => http::answer(Status::Timeout, Status::Timeout.text(), false),
    };
    let written = timeout(HALF_MAX, write(stream, answer.as_bytes())).await;
    written.unwrap_or_else(|elapsed| Err(elapsed.into()))
}

async fn asked(stream: &TcpStream) -> io::Result<Asked> {
    let mut received = Vec::new();
    loop {
        let mut chunk = [0; 1024];
        match ready(|| stream.try_read(&mut chunk), stream.readable()).await? {
            Some(0) => return Ok(Asked::No(Status::BadRequest)),
            Some(bytes) => received.extend_from_slice(&chunk[..bytes]),
            None => continue,
        }
        if let Some(end) = http::end_of_head(&received) {
            return Ok(http::asked(&received[..end]));
        }
        if received.len() > HEAD_BYTES_MAX {
            return Ok(Asked::No(Status::HeadTooLarge));
        }
    }
}

async fn write(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        if let Some(written) = ready(|| stream.try_write(bytes), stream.writable()).await? {
            bytes = &bytes[written..];
        }
    }
    Ok(())
}

/// Waits and tries; `None` where it was not ready after all.
async fn ready(
    attempt: impl FnOnce() -> io::Result<usize>,
    readiness: impl Future<Output = io::Result<()>>,
) -> io::Result<Option<usize>> {
    readiness.await?;
    match attempt() {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
