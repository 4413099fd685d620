//! [`Seed`]: where a node may be found, as somebody typed it.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::timeout;

/// An address, or a host's name and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seed {
    host: String,
    port: u16,
}

/// Longest wait for a name to be looked up.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);
/// Addresses of one name that are asked; the others are ignored.
const ADDRESSES_MAX: usize = 16;

impl Seed {
    /// The host as it was given, without the brackets of an IPv6 address.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Where the name leads now.
    ///
    /// # Errors
    ///
    /// The name is unknown, leads nowhere, or is not looked up in time.
    pub(super) async fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        let lookup = lookup_host((self.host.as_str(), self.port));
        let found = timeout(LOOKUP_TIMEOUT, lookup).await??;
        let addresses: Vec<SocketAddr> = found.take(ADDRESSES_MAX).collect();
        if addresses.is_empty() {
            return Err(io::Error::other("the name has no address"));
        }
        Ok(addresses)
    }
}

impl From<SocketAddr> for Seed {
    fn from(address: SocketAddr) -> Self {
        Self {
            host: address.ip().to_string(),
            port: address.port(),
        }
    }
}

impl FromStr for Seed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(address.into());
        }
        let parts = text.rsplit_once(':');
        let (host, port) = parts.ok_or("an address needs a port, as in 10.0.0.1:4433")?;
        let port = port
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or("the port must be a number from 1 to 65535")?;
        if host.is_empty() || host.contains([':', '[', ']', '/', ' ']) {
            return Err("expected an address such as 10.0.0.1:4433, [::1]:4433 or \
                        host.example:4433"
                .into());
        }
        let host = host.to_owned();
        Ok(Self { host, port })
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.parse::<IpAddr>() {
            Ok(ip) => SocketAddr::new(ip, self.port).fmt(f),
            Err(_) => write!(f, "{}:{}", self.host.escape_debug(), self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names_with_a_port_are_seeds() {
        for (text, host) in [
            ("10.0.0.1:44", "10.0.0.1"),
            ("[::1]:44", "::1"),
            ("db.internal:44", "db.internal"),
        ] {
            let seed: Seed = text.parse().expect("it is one");
            assert_eq!((seed.host(), seed.port), (host, 44));
            assert_eq!(seed.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_seed_is_refused() {
        for text in [
            "", "host", "host:", ":44", "host:x", "host:0", "a/b:44", "::1:44",
        ] {
            assert!(text.parse::<Seed>().is_err(), "{text:?}");
        }
    }
}
