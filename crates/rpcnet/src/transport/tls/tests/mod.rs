//! Handshakes over real QUIC, each judged by what either end learns of it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

macro_rules! assert_is {
    ($value:expr, $expected:pat) => {
        let value = &$value;
        assert!(matches!(value, $expected), "{value:?}");
    };
}

mod client_certificates;
mod files;
mod reload;
mod restart;
mod server_certificates;

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use s2n_quic::client::Connect;
use s2n_quic::connection::{Connection, Error};
use s2n_quic::provider::limits::Limits;
use s2n_quic::stream::Error as StreamError;
use tempfile::TempDir;

use super::*;
use crate::certs::{DevCa, Identity};
use crate::transport::close_format::AlertsPassThrough;
use crate::transport::events::{ConnectionEvents, HandshakeFailures, peer_chain, peer_identity};

fn load_server(files: &TlsFiles, auth: ClientAuth) -> Result<ServerTls, TlsError> {
    ServerTls::new(&Material::read(files), auth)
}

fn load_client(files: &TlsFiles) -> Result<ClientTls, TlsError> {
    ClientTls::new(&Material::read(files))
}

/// Certificates on disk.
struct Scratch {
    dir: TempDir,
}

impl Scratch {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    fn write(&self, file: &str, text: &str) -> PathBuf {
        std::fs::write(self.path(file), text).unwrap();
        self.path(file)
    }

    /// Writes a CA under its own name, so that several fit into one directory.
    fn ca(&self, name: &str) -> Authority {
        let ca = DevCa::generate(name).unwrap();
        let path = self.write(&format!("{name}.pem"), ca.certificate_pem());
        Authority { ca, path }
    }

    /// An identity's files, and optionally what it verifies its peers against.
    fn identity(&self, stem: &str, identity: &Identity, trusts: Option<&Authority>) -> TlsFiles {
        TlsFiles {
            cert: self.write(&format!("{stem}.pem"), identity.certificate_pem()),
            key: Some(self.write(&format!("{stem}-key.pem"), identity.key_pem())),
            ca: trusts.map(|authority| authority.path.clone()),
        }
    }
}

struct Authority {
    ca: DevCa,
    path: PathBuf,
}

impl Authority {
    /// A client without identity that trusts this authority.
    fn anonymous_client(&self) -> ClientTls {
        load_client(&TlsFiles {
            cert: self.path.clone(),
            key: None,
            ca: None,
        })
        .unwrap()
    }
}

/// A server that answers every stream with the name it knows its client by.
struct Host {
    address: SocketAddr,
    failures: Arc<HandshakeFailures>,
}

const ANONYMOUS: &str = "anonymous";
const DEADLINE: Duration = Duration::from_secs(10);

impl Host {
    fn start(tls: &ServerTls) -> Self {
        Self::bind(tls, "127.0.0.1:0".parse().unwrap()).unwrap()
    }

    /// Runs on the current runtime, and ends with it.
    fn bind(tls: &ServerTls, address: SocketAddr) -> std::io::Result<Self> {
        let events = ConnectionEvents::new(true);
        let failures = events.handshake_failures();
        let mut server = s2n_quic::Server::builder()
            .with_tls(tls.provider())
            .unwrap()
            .with_event(events)
            .unwrap()
            .with_connection_close_formatter(AlertsPassThrough)
            .unwrap()
            .with_stateless_reset_token(tls.reset_key())
            .unwrap()
            .with_io(address)?
            .start()
            .map_err(std::io::Error::other)?;
        let address = server.local_addr().unwrap();
        tokio::spawn(async move {
            while let Some(connection) = server.accept().await {
                tokio::spawn(greet(connection));
            }
        });
        Ok(Self { address, failures })
    }

    /// How the server saw the next handshake to fail, after the first `seen`.
    async fn failure_after(&self, seen: u64) -> TlsError {
        while self.failures.count() == seen {
            tokio::task::yield_now().await;
        }
        self.failures.last("").unwrap()
    }
}

/// How the client and the server each see a handshake that one of them refuses.
///
/// Tried again until both know: s2n-quic counts the life of a closing connection, on loopback a few
/// milliseconds, from the arrival of the datagram that ended it. Where judging that datagram took
/// longer, because the machine is busy, the connection is forgotten before its CONNECTION_CLOSE is
/// sent, and the refused end is left to its handshake timeout.
async fn both_views(host: &Host, tls: &ClientTls, server_name: &str) -> (TlsError, TlsError) {
    for _ in 0..ATTEMPTS {
        let seen = host.failures.count();
        let client = tokio::time::timeout(PATIENCE, greeted(host, tls, server_name)).await;
        let server = tokio::time::timeout(PATIENCE, host.failure_after(seen)).await;
        if let (Ok(client), Ok(server)) = (client, server) {
            return (client.unwrap_err(), server);
        }
    }
    panic!("one end is never told");
}

const PATIENCE: Duration = Duration::from_millis(500);
const ATTEMPTS: u32 = 20;

async fn greet(mut connection: Connection) {
    let peer = peer_identity(&connection.handle()).unwrap();
    let name = peer.and_then(|peer| peer.common_name().map(str::to_owned));
    let name = name.unwrap_or_else(|| ANONYMOUS.to_owned());
    while let Ok(Some(mut stream)) = connection.accept_bidirectional_stream().await {
        let _ = stream.send(Bytes::from(name.clone())).await;
    }
}

/// Connects and asks the server by which name it knows us.
async fn greeted(host: &Host, tls: &ClientTls, server_name: &str) -> Result<String, TlsError> {
    let mut connection = connect(host, tls, server_name).await?;
    ask(&mut connection)
        .await
        .map_err(|error| classify(&error, server_name).unwrap())
}

async fn connect(host: &Host, tls: &ClientTls, server_name: &str) -> Result<Connection, TlsError> {
    let connected = try_connect(host, tls.provider(), server_name, DEADLINE).await;
    connected.map_err(|error| classify(&error, server_name).unwrap())
}

async fn try_connect(
    host: &Host,
    tls: impl Provider,
    server_name: &str,
    handshake_max: Duration,
) -> Result<Connection, Error> {
    let client = s2n_quic::Client::builder()
        .with_tls(tls)
        .unwrap()
        .with_event(ConnectionEvents::new(true))
        .unwrap()
        .with_connection_close_formatter(AlertsPassThrough)
        .unwrap()
        .with_limits(
            Limits::new()
                .with_max_handshake_duration(handshake_max)
                .unwrap(),
        )
        .unwrap()
        .with_io("127.0.0.1:0")
        .unwrap()
        .start()
        .unwrap();
    let connect = Connect::new(host.address).with_server_name(server_name);
    tokio::time::timeout(2 * DEADLINE, client.connect(connect))
        .await
        .expect("connect ends")
}

/// A TLS 1.3 client is done before the server has judged its certificate: only an answer settles
/// it.
async fn ask(connection: &mut Connection) -> Result<String, Error> {
    let mut stream = connection.open_bidirectional_stream().await?;
    let answer = async {
        stream.send(Bytes::from_static(b"who am I?")).await?;
        stream.receive().await
    };
    match tokio::time::timeout(DEADLINE, answer)
        .await
        .expect("the exchange ends")
    {
        Ok(answer) => Ok(String::from_utf8(answer.unwrap().to_vec()).unwrap()),
        Err(StreamError::ConnectionError { error, .. }) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Signs from now on what expired an hour ago.
fn expired(ca: DevCa) -> DevCa {
    let now = SystemTime::now();
    ca.with_validity(now - 2 * DAY, now - DAY / 24)
}

/// Signs from now on what becomes valid in an hour.
fn not_yet_valid(ca: DevCa) -> DevCa {
    let now = SystemTime::now();
    ca.with_validity(now + DAY / 24, now + DAY)
}
