//! [`Seed`]: where to ask to be let in.

use std::net::SocketAddr;
use std::time::Duration;

use super::error::{JoinError, SeedFailure};

/// Where a member may be found: an address, or a host's name and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seed {
    text: Box<str>,
    place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Address(SocketAddr),
    Host { name: Box<str>, port: u16 },
}

impl Seed {
    /// Reads `1.2.3.4:80`, `[::1]:80` or `host:80`; blanks around it are ignored.
    ///
    /// # Errors
    ///
    /// [`JoinError::InvalidSeed`] for anything else: a port of 0 or none, an IPv6 address without
    /// brackets, a name that no host can have.
    pub(crate) fn parse(text: &str) -> Result<Self, JoinError> {
        let text = text.trim();
        let place = place(text).ok_or_else(|| JoinError::InvalidSeed {
            seed: SeedFailure::new(text, "").seed,
        })?;
        Ok(Self {
            text: text.into(),
            place,
        })
    }

    /// The seed as it was given.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The addresses that it stands for: at least one, at most [`ADDRESSES_MAX`], each once.
    ///
    /// Names are looked up anew each time, because what they stand for changes, for
    /// [`RESOLVE_TIMEOUT`] at most.
    ///
    /// # Errors
    ///
    /// Where the name stands for nothing, or the answer does not come in time.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the look-up; the system may end it later by itself.
    pub(crate) async fn resolve(&self) -> Result<Vec<SocketAddr>, SeedFailure> {
        let (name, port) = match &self.place {
            Place::Address(address) => return Ok(vec![*address]),
            Place::Host { name, port } => (&**name, *port),
        };
        let failure = |reason: String| SeedFailure::new(&self.text, reason);
        let lookup = tokio::net::lookup_host((name, port));
        let found = match tokio::time::timeout(RESOLVE_TIMEOUT, lookup).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return Err(failure(format!("the name was not found: {error}"))),
            Err(_) => {
                return Err(failure(format!(
                    "the name was not resolved within {RESOLVE_TIMEOUT:?}"
                )));
            }
        };
        let addresses = bounded(found);
        match addresses.is_empty() {
            true => Err(failure("the name has no address".to_owned())),
            false => Ok(addresses),
        }
    }
}

fn place(text: &str) -> Option<Place> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return (address.port() != 0).then_some(Place::Address(address));
    }
    let (name, port) = text.rsplit_once(':')?;
    // `parse` alone would take "+80".
    let port = match port.bytes().all(|byte| byte.is_ascii_digit()) {
        true => port.parse::<u16>().ok().filter(|port| *port != 0)?,
        false => return None,
    };
    let is_name = (1..=HOST_BYTES_MAX).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    is_name.then(|| Place::Host {
        name: name.into(),
        port,
    })
}

fn bounded(found: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut addresses = Vec::new();
    for address in found {
        if addresses.len() == ADDRESSES_MAX {
            break;
        }
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

/// Addresses of one name that are used; the others are ignored.
const ADDRESSES_MAX: usize = 64;

/// How long a name may take to be resolved: longer than the retries of usual resolvers.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest name of a host (RFC 1035).
const HOST_BYTES_MAX: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        match Seed::parse(text) {
            Err(JoinError::InvalidSeed { seed }) => seed,
            other => panic!("{text:?}: {other:?}"),
        }
    }

    #[tokio::test]
    async fn addresses_stand_for_themselves() {
        for text in [
            "127.0.0.1:80",
            "[::1]:80",
            "[2001:db8::8]:65535",
            " [2001:db8::7]:1 ",
        ] {
            let seed = Seed::parse(text).expect("it is an address");
            assert_eq!(seed.text(), text.trim());
            let address = text.trim().parse().expect("it is an address");
            assert_eq!(seed.resolve().await, Ok(vec![address]));
        }
    }

    #[tokio::test]
    async fn names_are_looked_up() {
        // Nobody is asked there.
        const PORT: u16 = 7_000;
        let seed = Seed::parse(&format!("localhost:{PORT}")).expect("it is a host and a port");
        let found = seed.resolve().await.expect("every system knows it");
        assert!(!found.is_empty());
        assert!(
            found
                .iter()
                .all(|at| at.ip().is_loopback() && at.port() == PORT)
        );
        for name in ["worker-1.example.com:9", "under_score:9", "a.:9"] {
            assert!(Seed::parse(name).is_ok(), "{name}");
        }
    }

    /// `.invalid` is reserved for names that never exist (RFC 2606).
    #[tokio::test(start_paused = true)]
    async fn a_name_that_stands_for_nothing_says_so() {
        let seed = Seed::parse("nobody.invalid:1").expect("it is a host and a port");
        let failure = seed.resolve().await.expect_err("there is no such name");
        assert_eq!(failure.seed, "nobody.invalid:1");
        assert!(
            failure.reason.starts_with("the name was not"),
            "{failure:?}"
        );
    }

    #[test]
    fn what_is_no_seed_is_refused() {
        for text in [
            "",
            ":",
            "host",
            "host:",
            ":80",
            "host:0",
            "host:65536",
            "host:+80",
            "host:-1",
            "127.0.0.1",
            "127.0.0.1:0",
            "::1",
            "::1:80",
            "[::1]",
            "[::1]:0",
            "[host]:80",
            "a b:80",
            "höhe:80",
            "host:80/x",
            "http://host:80",
            "a\0b:80",
        ] {
            assert_eq!(refused(text), SeedFailure::new(text, "").seed);
        }
        let longest = "x".repeat(HOST_BYTES_MAX);
        assert!(Seed::parse(&format!("{longest}:80")).is_ok());
        refused(&format!("{longest}x:80"));
    }

    #[test]
    fn what_an_error_repeats_is_escaped_and_cut() {
        assert_eq!(refused("a\u{1b}[2J:80"), r"a\u{1b}[2J:80");
        assert!(refused(&"y ".repeat(1_000)).len() < 200);
    }

    #[test]
    fn the_addresses_of_a_name_are_bounded_and_different() {
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let all = (1..=100).flat_map(|port| [address(port), address(port)]);
        let expected: Vec<SocketAddr> = (1..=64).map(address).collect();
        assert_eq!(bounded(all), expected);
    }
}
