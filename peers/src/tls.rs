//! TLS 1.3 over TCP, with the certificates of the race.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use crate::runner::Error;

pub(crate) fn acceptor(certs: &Path) -> Result<TlsAcceptor, Error> {
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(certs.join("server.pem"))?.collect();
    let key = PrivateKeyDer::from_pem_file(certs.join("server-key.pem"))?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain?, key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

pub(crate) async fn accept(
    acceptor: TlsAcceptor,
    stream: TcpStream,
) -> Result<server::TlsStream<TcpStream>, Error> {
    stream.set_nodelay(true)?;
    Ok(acceptor.accept(stream).await?)
}

pub(crate) async fn connect(
    addr: SocketAddr,
    certs: &Path,
) -> Result<client::TlsStream<TcpStream>, Error> {
    let mut roots = RootCertStore::empty();
    for cert in CertificateDer::pem_file_iter(certs.join("ca.pem"))? {
        roots.add(cert?)?;
    }
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from("localhost")?;
    Ok(TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await?)
}
