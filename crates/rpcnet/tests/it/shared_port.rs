//! Servers that share an address, each with a runtime of one thread.

use std::collections::HashSet;
use std::net::SocketAddr;

use rpcnet::{RpcClient, RpcConfig, RpcError, RpcServer};

use crate::pair::{Certs, HANG, soon};

/// Runs a server that says its name, on a thread and a runtime of its own, for as long as the
/// process lives.
fn serve(config: RpcConfig, name: &'static str) -> Result<SocketAddr, RpcError> {
    let (told, bound) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async move {
            let mut server = RpcServer::new(config);
            server
                .register("who", move |_| async move { Ok(name.into()) })
                .await;
            let quic_server = match server.bind() {
                Ok(quic_server) => quic_server,
                Err(error) => return told.send(Err(error)).unwrap(),
            };
            told.send(Ok(quic_server.local_addr().unwrap())).unwrap();
            server.start(quic_server).await.unwrap();
        });
    });
    bound.recv_timeout(HANG).unwrap()
}

#[tokio::test]
async fn clients_are_spread_over_the_servers_of_a_port_and_stay_where_they_are() {
    let certs = Certs::new();
    let address = serve(certs.server().with_shared_port(), "first").unwrap();
    serve(certs.server_at(address).with_shared_port(), "second").unwrap();
    let mut found = HashSet::new();
    let spread = async {
        while found.len() < 2 {
            let config = certs.client().with_own_socket();
            let client = RpcClient::connect(address, config).await.unwrap();
            let first = client.call("who", Vec::new()).await.unwrap();
            for _ in 0..8 {
                assert_eq!(client.call("who", Vec::new()).await.unwrap(), first);
            }
            found.insert(first);
        }
    };
    soon("both servers", spread).await;
}

#[tokio::test]
async fn a_port_is_shared_only_by_those_who_say_so() {
    let certs = Certs::new();
    let address = serve(certs.server(), "alone").unwrap();
    let other = serve(certs.server_at(address).with_shared_port(), "other");
    assert!(matches!(other, Err(RpcError::IoError(_))), "{other:?}");
}
