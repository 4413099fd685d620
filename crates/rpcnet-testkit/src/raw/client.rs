//! A client that does what it is told.

use super::WAIT_MAX;
use super::error::{RawError, code, in_time};
use super::limits::RawLimits;
use super::receiver::RawReceiver;
use super::sender::RawSender;
use super::stream::RawStream;
use super::tls::RawTls;
use s2n_quic::Client;
use s2n_quic::client::Connect;
use s2n_quic::connection::{self, Handle, StreamAcceptor};
use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::time::timeout;

/// One connection to a server, from a port of its own.
#[derive(Debug)]
pub struct RawClient {
    handle: Handle,
    acceptor: StreamAcceptor,
    /// Keeps the endpoint, and with it the port, for as long as the connection is held.
    endpoint: Client,
}

impl RawClient {
    /// Connects with generous limits.
    ///
    /// That it succeeds does not mean that the server accepts the client's certificate, or the lack
    /// of one: QUIC tells that with the first stream, or through [`closed`](Self::closed).
    ///
    /// # Errors
    ///
    /// [`RawError::Setup`] if `tls` makes no sense or no port is free; [`RawError::Connection`] if the
    /// handshake fails, which for want of a common protocol it does only when its time is up.
    ///
    /// # Cancel safety
    ///
    /// The attempt is given up.
    pub async fn connect(addr: SocketAddr, tls: &RawTls) -> Result<Self, RawError> {
        Self::connect_with(addr, tls, RawLimits::default()).await
    }

    /// Connects with these limits; its time is their `handshake_time_max`.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    ///
    /// # Cancel safety
    ///
    /// The attempt is given up.
    pub async fn connect_with(
        addr: SocketAddr,
        tls: &RawTls,
        limits: RawLimits,
    ) -> Result<Self, RawError> {
        let endpoint = start(addr, tls, limits).map_err(RawError::Setup)?;
        let connect = Connect::new(addr).with_server_name(tls.server_name.as_str());
        let connection = endpoint.connect(connect).await?;
        let (handle, acceptor) = connection.split();
        Ok(Self {
            handle,
            acceptor,
            endpoint,
        })
    }

    /// Returns a handle to the connection, for what this type does not offer.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Returns the address the client sends from.
    ///
    /// # Errors
    ///
    /// What the system says about its socket.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.endpoint.local_addr()
    }

    /// Opens a bidirectional stream; the peer learns of it with the first byte.
    ///
    /// # Errors
    ///
    /// The connection is lost; [`RawError::Deadline`] if the peer grants no stream within
    /// [`WAIT_MAX`](super::WAIT_MAX).
    ///
    /// # Cancel safety
    ///
    /// No stream is opened.
    pub async fn open_bidi(&self) -> Result<RawStream, RawError> {
        let mut handle = self.handle();
        let opening = handle.open_bidirectional_stream();
        let stream = in_time("opening a stream", WAIT_MAX, opening).await?;
        Ok(RawStream::new(stream))
    }

    /// Opens a stream that only the client sends on.
    ///
    /// # Errors
    ///
    /// As [`open_bidi`](Self::open_bidi).
    ///
    /// # Cancel safety
    ///
    /// No stream is opened.
    pub async fn open_uni(&self) -> Result<RawSender, RawError> {
        let mut handle = self.handle();
        let opening = handle.open_send_stream();
        let stream = in_time("opening a stream", WAIT_MAX, opening).await?;
        Ok(RawSender::new(stream))
    }

    /// Opens `count` streams, sends `request` and its end on each, and returns them unread.
    ///
    /// As long as they are kept, each takes as many bytes of answer as its window has and no more.
    ///
    /// # Errors
    ///
    /// As [`open_bidi`](Self::open_bidi) and [`RawSender::write`].
    ///
    /// # Cancel safety
    ///
    /// Streams opened so far are dropped, which tells the peer to stop.
    pub async fn open_unread(
        &self,
        count: usize,
        request: &[u8],
    ) -> Result<Vec<RawStream>, RawError> {
        let mut unread = Vec::new();
        for _ in 0..count {
            let mut stream = self.open_bidi().await?;
            stream.sender.write(request).await?;
            stream.sender.finish()?;
            unread.push(stream);
        }
        Ok(unread)
    }

    /// Waits for a bidirectional stream that the server opens.
    ///
    /// # Errors
    ///
    /// As [`accept_uni`](Self::accept_uni).
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost; call again.
    pub async fn accept_bidi(&mut self, within: Duration) -> Result<RawStream, RawError> {
        let accepting = self.acceptor.accept_bidirectional_stream();
        match in_time("accepting a stream", within, accepting).await? {
            Some(stream) => Ok(RawStream::new(stream)),
            None => Err(self.closed(within).await?.into()),
        }
    }

    /// Waits for a stream that the server sends on.
    ///
    /// # Errors
    ///
    /// [`RawError::Deadline`] if none comes `within` this time; [`RawError::Connection`] if the
    /// connection is lost, or is closed in order.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost; call again.
    pub async fn accept_uni(&mut self, within: Duration) -> Result<RawReceiver, RawError> {
        let accepting = self.acceptor.accept_receive_stream();
        match in_time("accepting a stream", within, accepting).await? {
            Some(stream) => Ok(RawReceiver::new(stream)),
            None => Err(self.closed(within).await?.into()),
        }
    }

    /// Closes the connection with `code` at once; what is still on its way is discarded.
    ///
    /// # Errors
    ///
    /// [`RawError::Setup`] if the code is too large for QUIC.
    pub fn close(&self, code: u64) -> Result<(), RawError> {
        self.handle.close(self::code(code)?);
        Ok(())
    }

    /// Waits until the connection has ended, and returns why; streams that the server opens
    /// meanwhile are discarded.
    ///
    /// # Errors
    ///
    /// [`RawError::Deadline`] if it lives on after `within`.
    ///
    /// # Cancel safety
    ///
    /// Streams that arrived meanwhile are lost.
    pub async fn closed(&mut self, within: Duration) -> Result<connection::Error, RawError> {
        let ended = async {
            while let Ok(Some(_)) = self.acceptor.accept().await {}
            // The acceptor is silent about an orderly close; the handle names it.
            loop {
                match self.handle.open_send_stream().await {
                    Ok(_) => tokio::task::yield_now().await,
                    Err(error) => break error,
                }
            }
        };
        let late = |_| RawError::Deadline("closing the connection");
        timeout(within, ended).await.map_err(late)
    }
}

fn start(
    addr: SocketAddr,
    tls: &RawTls,
    limits: RawLimits,
) -> Result<Client, Box<dyn Error + Send + Sync>> {
    let local = match addr {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let endpoint = Client::builder()
        .with_tls(tls.client()?)?
        .with_limits(limits.provider()?)?
        .with_io(local)?
        .start()?;
    Ok(endpoint)
}
