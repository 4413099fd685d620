//! [`Hosts`]: by which names the page may be asked for.

use std::net::SocketAddr;

/// The names of this server. A page from elsewhere that has its own name lead here asks for that
/// name (DNS rebinding), and is refused.
#[derive(Clone, Debug)]
pub(super) struct Hosts(Vec<String>);

impl Hosts {
    /// The address itself, `localhost` with its port, and others, with any port.
    pub(super) fn new(address: SocketAddr, others: &[String]) -> Self {
        let mut hosts = vec![
            address.to_string(),
            format!("localhost:{}", address.port()),
            format!("127.0.0.1:{}", address.port()),
            format!("[::1]:{}", address.port()),
        ];
        hosts.extend(others.iter().map(|name| name.to_ascii_lowercase()));
        Self(hosts)
    }

    /// Whether the `Host` of a request is one of them.
    pub(super) fn has(&self, host: Option<&str>) -> bool {
        let Some(host) = host.map(str::to_ascii_lowercase) else {
            return false;
        };
        let name = host
            .rsplit_once(':')
            .map_or(host.as_str(), |(name, _)| name);
        let mut all = self.0.iter();
        all.any(|known| *known == host || known == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_server_are_known() {
        let address = "127.0.0.1:0".parse().expect("it is one");
        let hosts = Hosts::new(address, &["Proxy.example".into()]);
        for host in [
            "127.0.0.1:0",
            "LOCALHOST:0",
            "[::1]:0",
            "proxy.example",
            "proxy.example:443",
        ] {
            assert!(hosts.has(Some(host)), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:0",
            "localhost",
            "localhost:1",
            "127.0.0.1",
        ] {
            assert!(!hosts.has(Some(host)), "{host}");
        }
        assert!(!hosts.has(None));
    }
}
