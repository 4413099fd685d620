//! The server: few connections, each with little room and little time.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::answer::answer;
use super::hosts::Hosts;
use crate::cmd::observe::Picture;

/// Connections at once; beyond: they wait to be accepted. A browser has up to six to one server, one
/// of them for the events of each tab.
const CONNECTIONS_MAX: usize = 64;
/// Bytes of a request's header; beyond: refused.
const HEADER_BYTES_MAX: usize = 16 << 10;
/// Header lines of a request; beyond: refused.
const HEADERS_MAX: usize = 64;
/// Time that a request's header may take, and that a connection may be idle.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until it is dropped.
pub(super) async fn run(
    listener: &TcpListener,
    hosts: Hosts,
    pictures: &watch::Receiver<Arc<Picture>>,
) -> io::Result<()> {
    let hosts = Arc::new(hosts);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // Dropped with this, and all connections with it.
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let place = Arc::clone(&places).acquire_owned().await;
        let place = place.map_err(io::Error::other)?;
        let Ok((socket, _)) = listener.accept().await else {
            // Such as too many open files: it may pass.
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let (hosts, pictures) = (Arc::clone(&hosts), pictures.clone());
        connections.spawn(async move {
            let _place = place;
            let service = service_fn(|request| {
                let answer = answer(&request, &hosts, &pictures);
                std::future::ready(Ok::<_, Infallible>(answer))
            });
            let mut server = http1::Builder::new();
            server
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .max_buf_size(HEADER_BYTES_MAX)
                .max_headers(HEADERS_MAX);
            // What a peer does wrong ends its connection, and is of no matter to others.
            let _ = server.serve_connection(TokioIo::new(socket), service).await;
        });
    }
}
