//! The knock: whether a host says that a port of it is closed.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Sends one byte to the address; true where its host answers within `wait` that nobody
/// has this port (ICMP port unreachable).
///
/// A living process is not bothered: no QUIC packet is as short, and it is dropped unread.
/// Anything but that one answer, silence included, says nothing and is false.
///
/// # Cancel safety
///
/// Cancel safe: the socket is closed.
pub(super) async fn is_refused(address: SocketAddr, wait: Duration) -> bool {
    let answer = tokio::time::timeout(wait, answer(address)).await;
    matches!(answer, Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused)
}

async fn answer(address: SocketAddr) -> io::Result<()> {
    let any = match address {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let socket = UdpSocket::bind(any).await?;
    // Only a connected socket is told of errors, and only of those about this address.
    socket.connect(address).await?;
    socket.send(&[0]).await?;
    // An error makes the socket ready to be read on some systems, and not on others.
    socket.ready(Interest::READABLE | Interest::ERROR).await?;
    match socket.take_error()? {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(10);

    async fn bound(host: &str) -> UdpSocket {
        UdpSocket::bind((host, 0))
            .await
            .expect("the host has ports")
    }

    #[tokio::test]
    async fn a_closed_port_is_refused() {
        for host in ["127.0.0.1", "::1"] {
            let socket = bound(host).await;
            let address = socket.local_addr().expect("it is bound");
            drop(socket);
            assert!(is_refused(address, LONG).await, "{host}");
        }
    }

    #[tokio::test]
    async fn an_open_port_is_not_refused_and_gets_one_byte() {
        let socket = bound("127.0.0.1").await;
        let address = socket.local_addr().expect("it is bound");
        assert!(!is_refused(address, Duration::from_millis(20)).await);
        let mut datagram = [7; 8];
        let (len, _) = socket.recv_from(&mut datagram).await.expect("it came");
        assert_eq!(datagram[..len], [0]);
    }

    #[tokio::test]
    async fn another_answer_than_a_refusal_says_nothing() {
        let socket = bound("127.0.0.1").await;
        let address = socket.local_addr().expect("it is bound");
        let echo = async {
            let (_, from) = socket.recv_from(&mut [0; 8]).await.expect("it came");
            socket.send_to(b"hi", from).await.expect("it is there");
        };
        let (refused, ()) = tokio::join!(is_refused(address, LONG), echo);
        assert!(!refused);
        // Nobody may be knocked at there, and a program is not allowed to try.
        let broadcast = SocketAddr::from(([255, 255, 255, 255], 1));
        assert!(!is_refused(broadcast, LONG).await);
    }
}
