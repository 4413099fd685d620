//! [`RpcConfig`]: identity, address, waits and limits of a client or a server.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::RpcError;
use crate::limits::Limits;
use crate::profile::Profile;
use crate::transport::tls::{ClientAuth, TlsFiles};

/// How long a unary call may take where nothing else is said: 30 s, or 2 s in this
/// crate's own unit tests.
pub const DEFAULT_TIMEOUT: Duration = if cfg!(test) {
    Duration::from_secs(2)
} else {
    Duration::from_secs(30)
};

/// How long a streaming call may take where nothing else is said: 1 h.
///
/// Streams are meant to live, yet no wait is without end. Connecting and opening the
/// stream are still bounded by the unary timeout.
pub const DEFAULT_STREAM_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// TLS identity, address, timeouts and limits of one client or server.
///
/// Nothing is read from disk before [`RpcServer::bind`](crate::RpcServer::bind) or
/// [`RpcClient::connect`](crate::RpcClient::connect); what is wrong with a file is
/// reported there, with the file's name.
///
/// | role | `cert_path` | `with_key_path` | `with_ca_path` |
/// |---|---|---|---|
/// | server | its certificate | its key (required) | verifies client certificates |
/// | client without a key | the trust root | – | overrides the trust root |
/// | client with a key | its certificate | its key | the trust root (required) |
///
/// # Examples
///
/// ```
/// use rpcnet::RpcConfig;
///
/// let config = RpcConfig::new("certs/server.pem", "127.0.0.1:0")
///     .with_key_path("certs/server-key.pem")
///     .with_server_name("localhost")
///     .with_keep_alive_interval(std::time::Duration::from_secs(30));
/// # let _ = config;
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct RpcConfig {
    pub(crate) cert_path: PathBuf,
    pub(crate) bind_address: String,
    pub(crate) key_path: Option<PathBuf>,
    pub(crate) ca_path: Option<PathBuf>,
    pub(crate) client_auth: Option<ClientAuth>,
    pub(crate) server_name: Option<String>,
    pub(crate) keep_alive: Option<Duration>,
    pub(crate) timeout: Duration,
    pub(crate) stream_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) reconnect_backoff: (Duration, Duration),
    pub(crate) limits: Limits,
    pub(crate) batching: Batching,
    pub(crate) has_own_socket: bool,
    pub(crate) shares_port: bool,
    pub(crate) certificate_watch: Option<Duration>,
    pub(crate) are_calls_counted: bool,
}

/// Whether unary calls that are made at the same moment travel together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Batching {
    /// A call that is alone on its connection leaves at once, on a stream of its own; one
    /// that is not leaves together with those that are made at the same moment.
    #[default]
    Auto,
    /// Every unary call that may travel with others waits for those that are made at the
    /// same moment. For tests: it saves nothing over [`Auto`](Self::Auto).
    Always,
    /// Every call has a stream of its own; a server with this setting takes no batches.
    Never,
}

impl RpcConfig {
    /// Starts a configuration from a PEM certificate file and the address to bind.
    ///
    /// Port 0 lets the system choose a free port; a client binds its own socket to
    /// `bind_address`.
    pub fn new(cert_path: impl Into<PathBuf>, bind_address: impl Into<String>) -> Self {
        Self {
            cert_path: cert_path.into(),
            bind_address: bind_address.into(),
            key_path: None,
            ca_path: None,
            client_auth: None,
            server_name: None,
            keep_alive: None,
            timeout: DEFAULT_TIMEOUT,
            stream_timeout: DEFAULT_STREAM_TIMEOUT,
            connect_timeout: Duration::from_secs(5),
            reconnect_backoff: (Duration::from_millis(50), Duration::from_millis(500)),
            limits: Limits::default(),
            batching: Batching::default(),
            has_own_socket: false,
            shares_port: false,
            certificate_watch: None,
            are_calls_counted: true,
        }
    }

    /// Sets the PEM file of the private key that belongs to the certificate.
    pub fn with_key_path(mut self, key_path: impl Into<PathBuf>) -> Self {
        self.key_path = Some(key_path.into());
        self
    }

    /// Sets the PEM file that the peer's certificate is verified against.
    ///
    /// On a server this turns client authentication on: certificates are verified
    /// when presented, or demanded with
    /// [`with_client_auth(ClientAuth::Required)`](Self::with_client_auth).
    pub fn with_ca_path(mut self, ca_path: impl Into<PathBuf>) -> Self {
        self.ca_path = Some(ca_path.into());
        self
    }

    /// Looks at the certificate files this often, and replaces what is in force when they hold
    /// something else; off by default. 30 s suit most; at least 100 ms.
    ///
    /// What counts is what the files hold, wherever links lead. Certificate, key and CA are
    /// replaced together, for connections to come, and only if they fit each other; files that do
    /// not are looked at again, and complained of from the second time on. What is in force, and
    /// what was wrong, is told by
    /// [`RpcServer::certificates`](crate::RpcServer::certificates) and
    /// [`RpcClient::certificates`](crate::RpcClient::certificates).
    ///
    /// Without it, [`RpcServer::reload_tls`](crate::RpcServer::reload_tls) and
    /// [`RpcClient::reload_tls`](crate::RpcClient::reload_tls) do the same once.
    pub fn with_certificate_watch(mut self, interval: Duration) -> Self {
        self.certificate_watch = Some(interval);
        self
    }

    /// Says whether a server asks its clients for a certificate.
    ///
    /// Default: [`ClientAuth::Optional`] with [`with_ca_path`](Self::with_ca_path),
    /// [`ClientAuth::Off`] without. Clients ignore it.
    pub fn with_client_auth(mut self, client_auth: ClientAuth) -> Self {
        self.client_auth = Some(client_auth);
        self
    }

    /// Sets the name that the server's certificate must carry. Default `localhost`.
    pub fn with_server_name(mut self, server_name: impl Into<String>) -> Self {
        self.server_name = Some(server_name.into());
        self
    }

    /// Sends a heartbeat after this much silence; off by default.
    ///
    /// The interval is told to the peer, which mirrors it, and three intervals of
    /// silence (at least 1 s) end the connection on both sides. Without it, a
    /// connection with no calls lapses after [`Limits::idle_timeout`] and is
    /// re-established by the next call; one with calls in flight is kept.
    pub fn with_keep_alive_interval(mut self, interval: Duration) -> Self {
        self.keep_alive = Some(interval);
        self
    }

    /// Sets the default timeout of unary calls, and of connecting and opening any other.
    /// Default [`DEFAULT_TIMEOUT`].
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the default timeout of whole streaming calls, of all three shapes. Default
    /// [`DEFAULT_STREAM_TIMEOUT`].
    pub fn with_stream_timeout(mut self, timeout: Duration) -> Self {
        self.stream_timeout = timeout;
        self
    }

    /// Sets how long a client tries to connect before the calls that wait for the
    /// connection fail. Default 5 s.
    pub fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets the pause between connection attempts: the first and the longest one.
    ///
    /// It doubles from attempt to attempt, shortened at random by up to a half. An
    /// attempt that is still under way goes on beside the next. Default 50 ms, 500 ms.
    pub fn with_reconnect_backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.reconnect_backoff = (first, longest);
        self
    }

    /// Sets the largest message this side accepts, in bytes. Default 4 MiB.
    ///
    /// Raises [`Limits::queued_request_bytes_max`] to at least the same.
    pub fn with_max_message_bytes(mut self, bytes: usize) -> Self {
        self.limits.message_bytes_max = bytes;
        let budget = &mut self.limits.queued_request_bytes_max;
        *budget = bytes.max(*budget);
        self
    }

    /// Sets the largest call header this side accepts, in bytes. Default 8 KiB.
    pub fn with_max_header_bytes(mut self, bytes: usize) -> Self {
        self.limits.header_bytes_max = bytes;
        self
    }

    /// Sets how many reply bytes may wait for the peer on one connection.
    /// Default 32 MiB.
    pub fn with_max_queued_reply_bytes(mut self, bytes: usize) -> Self {
        self.limits.queued_reply_bytes_max = bytes;
        self
    }

    /// Sets how many calls may run at once on one connection and on a server.
    pub fn with_max_calls(mut self, per_connection: usize, per_server: usize) -> Self {
        self.limits.calls_per_connection_max = per_connection;
        self.limits.calls_per_server_max = per_server;
        self
    }

    /// Says whether unary calls that are made at the same moment share a stream.
    ///
    /// Default [`Batching::Auto`], which is faster the more calls are in flight. Calls with
    /// long requests, and calls that stream, have streams of their own in any case.
    pub fn with_batching(mut self, batching: Batching) -> Self {
        self.batching = batching;
        self
    }

    /// Gives a client a socket, and the task that serves it, of its own.
    ///
    /// Otherwise the clients of a process that were made on the same runtime with the same
    /// certificates, bind address and limits share one, which makes connections faster and
    /// smaller. One task carries up to a few hundred thousand calls a second; a process that
    /// makes more, on a machine with processors to spare, spreads them over several clients
    /// with sockets of their own. Servers ignore it.
    pub fn with_own_socket(mut self) -> Self {
        self.has_own_socket = true;
        self
    }

    /// Lets several servers have the same address, each with a socket and a task of its own.
    ///
    /// The system gives each client to one of them, by the addresses and ports of both
    /// (`SO_REUSEPORT`), for as long as these stay the same. A client whose address changes may
    /// come to another one, which does not know its connection: it is lost then, and made
    /// again. All of them must have been set up so, by the same user. Clients ignore it.
    ///
    /// One server's task carries some hundred thousand calls a second. On a machine with
    /// processors to spare, run one server on a runtime of one thread for each: see the chapter
    /// on performance in the guide.
    pub fn with_shared_port(mut self) -> Self {
        self.shares_port = true;
        self
    }

    /// Says whether calls are counted by method, and what goes over the network; on by default.
    ///
    /// What is counted is read from [`RpcServer::metrics`](crate::RpcServer::metrics) and
    /// [`RpcClient::metrics`](crate::RpcClient::metrics). Counting takes less than a fiftieth of
    /// what a small call takes; see [`metrics`](crate::metrics).
    pub fn with_metrics(mut self, are_calls_counted: bool) -> Self {
        self.are_calls_counted = are_calls_counted;
        self
    }

    /// Sets the windows and buffers that fit what the client or the server is mostly for.
    ///
    /// Default [`Profile::LowLatency`]. Limits that are set after it stay as they are set.
    pub fn with_profile(mut self, profile: Profile) -> Self {
        profile.apply(&mut self.limits);
        self
    }

    /// Says that the path carries jumbo packets: sends some of up to 9,001 bytes.
    ///
    /// About twice as fast for long messages where they arrive, on loopback and in networks
    /// that are set up for them; where they do not, packets stay at 1,500 bytes after a few
    /// probes, and long messages are about a tenth slower than without. Each side says so for
    /// what it sends. Another size is [`Limits::mtu_max`].
    pub fn with_jumbo_packets(mut self) -> Self {
        self.limits.mtu_max = MTU_JUMBO;
        self
    }

    /// Replaces all limits.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Returns the limits in force.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The files that TLS is set up from.
    pub(crate) fn tls_files(&self) -> TlsFiles {
        TlsFiles {
            cert: self.cert_path.clone(),
            key: self.key_path.clone(),
            ca: self.ca_path.clone(),
        }
    }

    /// Whether a server with this configuration asks for client certificates.
    pub(crate) fn client_auth(&self) -> ClientAuth {
        match (self.client_auth, &self.ca_path) {
            (Some(client_auth), _) => client_auth,
            (None, Some(_)) => ClientAuth::Optional,
            (None, None) => ClientAuth::Off,
        }
    }

    /// Checks what can be checked without touching a file or a socket.
    pub(crate) fn validate(&self) -> Result<(), RpcError> {
        self.limits.validate()?;
        let (first, longest) = self.reconnect_backoff;
        if first.is_zero() || longest < first {
            return Err(RpcError::config(
                "reconnect backoff must start above zero and not end below its start",
            ));
        }
        if self
            .keep_alive
            .is_some_and(|interval| interval < KEEP_ALIVE_LEAST)
        {
            return Err(RpcError::config(
                "keep-alive interval must be at least 10 ms",
            ));
        }
        if self
            .certificate_watch
            .is_some_and(|interval| interval < CERTIFICATE_WATCH_LEAST)
        {
            return Err(RpcError::config(
                "the interval of RpcConfig::with_certificate_watch must be at least 100 ms",
            ));
        }
        Ok(())
    }

    /// The silence after which this side gives a connection up.
    pub(crate) fn idle_timeout(&self) -> Duration {
        match self.keep_alive {
            Some(interval) => interval.saturating_mul(3).max(Duration::from_secs(1)),
            None => self.limits.idle_timeout,
        }
    }
}

/// What networks with jumbo packets carry, the smallest of the usual values.
const MTU_JUMBO: u16 = 9001;

/// Shortest interval in which certificate files are looked at.
const CERTIFICATE_WATCH_LEAST: Duration = Duration::from_millis(100);

/// Shortest keep-alive interval, ours or mirrored from a peer.
pub(crate) const KEEP_ALIVE_LEAST: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> RpcConfig {
        RpcConfig::new("cert.pem", "127.0.0.1:0")
    }

    #[test]
    fn three_silent_keep_alive_intervals_end_a_connection() {
        let config = config().with_keep_alive_interval(Duration::from_secs(2));
        assert_eq!(config.idle_timeout(), Duration::from_secs(6));
    }

    #[test]
    fn a_short_keep_alive_leaves_a_second_of_silence() {
        let config = config().with_keep_alive_interval(Duration::from_millis(50));
        assert_eq!(config.idle_timeout(), Duration::from_secs(1));
    }

    #[test]
    fn a_larger_message_raises_the_request_budget_with_it() {
        let config = config().with_max_message_bytes(100 << 20);
        config.validate().expect("the budget follows the message");
    }

    #[test]
    fn files_are_looked_at_ten_times_a_second_at_most() {
        let watched = |ms| config().with_certificate_watch(Duration::from_millis(ms));
        watched(100).validate().expect("that is slow enough");
        let refused = watched(99).validate().expect_err("that is too fast");
        assert!(
            refused.to_string().contains("with_certificate_watch"),
            "{refused}"
        );
    }

    #[test]
    fn a_backoff_of_zero_is_refused() {
        let config = config().with_reconnect_backoff(Duration::ZERO, Duration::from_secs(1));
        assert!(matches!(config.validate(), Err(RpcError::ConfigError(_))));
    }
}
