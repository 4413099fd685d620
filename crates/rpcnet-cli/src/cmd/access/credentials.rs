//! [`Credentials`]: what a server is verified against, and as whom it is asked.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use rpcnet::{RpcClient, RpcConfig, RpcError, TlsError};

use super::failure::{Attempt, Unanswered};
use super::seed::Seed;
use super::target::{Place, Target};

/// The options that every question to a server needs.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Credentials {
    /// The CA's certificate, which the server's is verified against.
    #[arg(long, value_name = "FILE", env = "RPCNET_CA")]
    ca: PathBuf,
    /// A certificate of that CA to ask with; a client's is enough.
    #[arg(long, value_name = "FILE", requires = "key", env = "RPCNET_CERT")]
    cert: Option<PathBuf>,
    /// The certificate's private key.
    #[arg(long, value_name = "FILE", requires = "cert", env = "RPCNET_KEY")]
    key: Option<PathBuf>,
    /// A name that the server's certificate may carry, such as a node's name; may be repeated, one
    /// of them must be there [default: the host of the address; for an address of this machine
    /// `localhost` too].
    #[arg(long = "server-name", value_name = "NAME")]
    server_names: Vec<String>,
    /// How long to wait for one address to answer.
    #[arg(long, value_name = "SECONDS", default_value = "5",
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
}

/// Silence after which a node that is watched counts as gone is three times this.
const KEEP_ALIVE: Duration = Duration::from_secs(1);
/// The largest answer: the view of 16,384 members with about 2 KiB each.
const ANSWER_BYTES_MAX: usize = 32 << 20;

impl Credentials {
    /// A client's certificate, and five seconds for an answer.
    pub(crate) fn new(ca: PathBuf, cert: PathBuf, key: PathBuf) -> Self {
        Self {
            ca,
            cert: Some(cert),
            key: Some(key),
            server_names: Vec::new(),
            timeout: 5,
        }
    }

    pub(super) fn ca(&self) -> &PathBuf {
        &self.ca
    }

    pub(super) fn cert(&self) -> Option<&PathBuf> {
        self.cert.as_ref()
    }

    pub(super) fn key(&self) -> Option<&PathBuf> {
        self.key.as_ref()
    }

    pub(super) fn server_names(&self) -> &[String] {
        &self.server_names
    }

    /// How long one address may take to answer.
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }

    /// Every address of every seed; names that lead nowhere become failures.
    pub(crate) async fn targets(&self, seeds: &[Seed], place: Place) -> (Vec<Target>, Unanswered) {
        let mut targets = Vec::new();
        let mut failures = Unanswered::new(place);
        for seed in seeds {
            match seed.resolve().await {
                Ok(addresses) => targets.extend(addresses.into_iter().map(|address| {
                    let names = self.names(seed, address);
                    Target::new(place, address, names)
                })),
                Err(error) => failures.push(Attempt::unresolved(place, seed, &error)),
            }
        }
        targets.dedup();
        (targets, failures)
    }

    fn names(&self, seed: &Seed, address: SocketAddr) -> Vec<String> {
        if !self.server_names.is_empty() {
            return self.server_names.clone();
        }
        let mut names = vec![seed.host().to_owned()];
        if address.ip().is_loopback() && seed.host() != LOCALHOST {
            names.push(LOCALHOST.to_owned());
        }
        names
    }

    /// Connects to the target by the first of its names that is in the certificate there.
    ///
    /// # Errors
    ///
    /// As [`RpcClient::connect`].
    pub(crate) async fn connect(&self, target: &Target) -> Result<RpcClient, RpcError> {
        self.connect_with(target, |config| config).await
    }

    /// [`connect`](Self::connect) with settings that differ from those of a question.
    ///
    /// # Errors
    ///
    /// As [`RpcClient::connect`].
    pub(crate) async fn connect_with(
        &self,
        target: &Target,
        adapt: impl Fn(RpcConfig) -> RpcConfig,
    ) -> Result<RpcClient, RpcError> {
        let mut refused = RpcError::config("there is no name to expect in the certificate");
        for name in target.names() {
            let config = adapt(self.config(target.address())).with_server_name(name);
            match RpcClient::connect(target.address(), config).await {
                Err(error) if is_name_mismatch(&error) => refused = error,
                outcome => return outcome,
            }
        }
        Err(refused)
    }

    fn config(&self, address: SocketAddr) -> RpcConfig {
        let bind = match address {
            SocketAddr::V4(_) => "0.0.0.0:0",
            SocketAddr::V6(_) => "[::]:0",
        };
        let config = match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => RpcConfig::new(cert, bind)
                .with_key_path(key)
                .with_ca_path(&self.ca),
            _ => RpcConfig::new(&self.ca, bind),
        };
        config
            .with_connect_timeout(self.timeout())
            .with_timeout(self.timeout() * 2)
            .with_keep_alive_interval(KEEP_ALIVE)
            .with_max_message_bytes(ANSWER_BYTES_MAX)
    }
}

const LOCALHOST: &str = "localhost";

fn is_name_mismatch(error: &RpcError) -> bool {
    matches!(error, RpcError::TlsError(tls) if matches!(**tls, TlsError::PeerNameMismatch { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(seed: &str, address: &str, given: &[&str]) -> Vec<String> {
        let mut credentials = Credentials::new("ca".into(), "cert".into(), "key".into());
        credentials.server_names = given.iter().copied().map(String::from).collect();
        let seed = seed.parse().expect("it is a seed");
        credentials.names(&seed, address.parse().expect("it is an address"))
    }

    #[test]
    fn a_seed_is_expected_to_be_called_what_it_was_given_as() {
        assert_eq!(names("db.internal:1", "10.0.0.1:1", &[]), ["db.internal"]);
        assert_eq!(names("10.0.0.1:1", "10.0.0.1:1", &[]), ["10.0.0.1"]);
        assert_eq!(
            names("[2001:db8::1]:1", "[2001:db8::1]:1", &[]),
            ["2001:db8::1"]
        );
    }

    #[test]
    fn only_on_this_machine_it_may_be_localhost() {
        assert_eq!(
            names("127.0.0.1:1", "127.0.0.1:1", &[]),
            ["127.0.0.1", "localhost"]
        );
        assert_eq!(names("[::1]:1", "[::1]:1", &[]), ["::1", "localhost"]);
        assert_eq!(names("localhost:1", "127.0.0.1:1", &[]), ["localhost"]);
    }

    #[test]
    fn names_that_are_given_are_all_that_is_expected() {
        let given = names("127.0.0.1:1", "127.0.0.1:1", &["worker-1", "worker-2"]);
        assert_eq!(given, ["worker-1", "worker-2"]);
    }
}
