//! Which of this machine's addresses others are to use.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// The address of the interface through which `target` is reached. Nothing is sent.
pub(super) fn toward(target: SocketAddr) -> Option<IpAddr> {
    let unspecified: IpAddr = match target {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((unspecified, 0)).ok()?;
    socket.connect(target).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_unspecified()).then_some(ip)
}

/// What to tell others before any of them is known: the bound address; where that is
/// unspecified, the address of the interface to the outside, or else the loopback.
pub(super) fn presumed(bound: SocketAddr) -> SocketAddr {
    if !bound.ip().is_unspecified() {
        return bound;
    }
    let (outside, loopback): (IpAddr, IpAddr) = match bound {
        SocketAddr::V4(_) => (OUTSIDE_V4.into(), Ipv4Addr::LOCALHOST.into()),
        SocketAddr::V6(_) => (OUTSIDE_V6.into(), Ipv6Addr::LOCALHOST.into()),
    };
    let ip = toward(SocketAddr::new(outside, ANY_PORT)).unwrap_or(loopback);
    SocketAddr::new(ip, bound.port())
}

/// Whether dialling `address` reaches a socket that is bound to `bound`.
pub(super) fn reaches(address: SocketAddr, bound: SocketAddr) -> bool {
    if address.port() != bound.port() {
        return false;
    }
    address.ip() == bound.ip() || (bound.ip().is_unspecified() && is_local(address.ip()))
}

/// Whether one of this machine's interfaces has the address.
fn is_local(ip: IpAddr) -> bool {
    UdpSocket::bind((ip, 0)).is_ok()
}

/// Addresses for documentation, which the default route leads to.
const OUTSIDE_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const OUTSIDE_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
const ANY_PORT: u16 = 9;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().expect("it is an address")
    }

    #[test]
    fn the_interface_towards_a_loopback_address_is_the_loopback() {
        assert_eq!(toward(at("127.0.0.1:9")), Some(Ipv4Addr::LOCALHOST.into()));
    }

    #[test]
    fn a_bound_address_is_told_as_it_is_and_an_unspecified_one_never() {
        assert_eq!(presumed(at("127.0.0.1:7")), at("127.0.0.1:7"));
        for bound in ["0.0.0.0:7", "[::]:7"] {
            let told = presumed(at(bound));
            assert!(!told.ip().is_unspecified(), "{told}");
            assert_eq!(told.port(), 7);
        }
    }

    #[test]
    fn a_node_knows_its_own_addresses() {
        assert!(reaches(at("127.0.0.1:7"), at("127.0.0.1:7")));
        assert!(reaches(at("127.0.0.1:7"), at("0.0.0.0:7")));
        assert!(!reaches(at("127.0.0.1:8"), at("0.0.0.0:7")));
        assert!(!reaches(at("192.0.2.1:7"), at("0.0.0.0:7")));
        assert!(!reaches(at("127.0.0.2:7"), at("127.0.0.1:7")));
    }
}
