//! A server that comes back after a crash, and what its old connections learn.

use super::*;

/// A server on a runtime of its own, so that it can die without a word.
struct Mortal {
    host: Host,
    runtime: tokio::runtime::Runtime,
}

impl Mortal {
    async fn start(tls: &ServerTls, address: SocketAddr) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let bound = async {
            loop {
                let _here = runtime.enter();
                // The port is free again once the old runtime has let go of it.
                match Host::bind(tls, address) {
                    Ok(host) => break host,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        };
        let host = tokio::time::timeout(DEADLINE, bound)
            .await
            .expect("the port is free");
        Self { host, runtime }
    }

    fn crash(self) {
        self.runtime.shutdown_background();
    }
}

#[tokio::test]
async fn a_server_that_lost_its_memory_tells_its_peers_at_once() {
    let scratch = Scratch::new();
    let home = scratch.ca("home");
    let files = scratch.identity("server", &home.ca.server(&["localhost"]).unwrap(), None);
    let load = || load_server(&files, ClientAuth::default()).unwrap();

    let first = Mortal::start(&load(), "127.0.0.1:0".parse().unwrap()).await;
    let address = first.host.address;
    let client = home.anonymous_client();
    let mut connection = connect(&first.host, &client, "localhost").await.unwrap();
    assert_eq!(ask(&mut connection).await.unwrap(), ANONYMOUS);

    first.crash();
    let second = Mortal::start(&load(), address).await;
    let error = ask(&mut connection).await.unwrap_err();
    assert!(matches!(error, Error::StatelessReset { .. }), "{error}");
    assert_eq!(
        greeted(&second.host, &client, "localhost").await.unwrap(),
        ANONYMOUS
    );
    second.crash();
}
