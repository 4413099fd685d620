//! Whether datagrams get through, and how large they may be.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use rpcnet::RpcClient;
use tokio::net::UdpSocket;
use tokio::time::{sleep, timeout};

use super::finding::Finding;

/// How long a host may take to say that nobody has its port.
const REFUSAL_PATIENCE: Duration = Duration::from_millis(500);
/// How long larger packets may take to be tried.
const PROBING_PATIENCE: Duration = Duration::from_secs(2);
const PROBING_PAUSE: Duration = Duration::from_millis(25);
/// What Ethernet carries, less the headers of IPv6 and UDP.
const ETHERNET: u16 = 1_500 - 48;

/// Whether the host says that nobody has this port.
pub(super) async fn is_refused(address: SocketAddr) -> bool {
    let own: SocketAddr = match address {
        SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        SocketAddr::V6(_) => ([0; 8], 0).into(),
    };
    let asked = async {
        let socket = UdpSocket::bind(own).await?;
        socket.connect(address).await?;
        // A single byte is no packet of QUIC, and is answered by no node.
        socket.send(&[0]).await?;
        let mut answer = [0; 1];
        socket.recv(&mut answer).await
    };
    let answer = timeout(REFUSAL_PATIENCE, asked).await;
    matches!(answer, Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused)
}

/// How large the packets are that get through.
pub(super) async fn of(client: &RpcClient, name: &str) -> Finding {
    let searched = timeout(PROBING_PATIENCE, async {
        loop {
            match client.path_mtu() {
                Some(mtu) if mtu >= ETHERNET => return mtu,
                _ => sleep(PROBING_PAUSE).await,
            }
        }
    });
    let mtu = searched.await.ok().or_else(|| client.path_mtu());
    match mtu {
        Some(mtu) if mtu >= ETHERNET => {
            Finding::ok("mtu", name, format!("datagrams of {mtu} bytes get through"))
        }
        Some(mtu) => Finding::warning(
            "mtu",
            name,
            format!("datagrams of more than {mtu} bytes do not get through"),
            "calls work, but cost more packets: look at the MTU of tunnels and overlay networks \
             on the way",
        ),
        None => Finding::ok("mtu", name, "larger datagrams were not tried"),
    }
}
