//! The port that Prometheus asks.

use std::net::SocketAddr;

use rpcnet::metrics::Exporter;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::pair::{Running, echo, eventually, soon};

/// All that comes back for these bytes.
async fn ask(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // What is too long is answered before all of it was read.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let _ = soon("the answer", stream.read_to_end(&mut answer)).await;
    String::from_utf8(answer).unwrap()
}

const GET: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: here\r\nAccept: */*\r\n\r\n";

#[tokio::test]
async fn the_page_is_what_is_exported() {
    let running = Running::new(echo).await;
    let client = running.client().await;
    client.call("echo", vec![1]).await.unwrap();
    let is_counted = || {
        running
            .server
            .metrics()
            .method("echo")
            .is_some_and(|it| it.ok == 1)
    };
    eventually("the call is counted", is_counted).await;
    let exporter = Exporter::new()
        .with_server("api", &running.server)
        .with_client("me", &client);
    let endpoint = exporter.serve_prometheus("127.0.0.1:0").await.unwrap();
    let answer = ask(endpoint.local_addr(), GET).await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(
        head.contains("Content-Type: text/plain; version=0.0.4"),
        "{head}"
    );
    assert!(
        head.contains(&format!("Content-Length: {}", body.len())),
        "{head}"
    );
    for line in [
        "rpcnet_server_calls_total{server=\"api\",method=\"echo\",code=\"ok\"} 1",
        "rpcnet_client_calls_total{client=\"me\",method=\"echo\",code=\"ok\"} 1",
        "rpcnet_server_call_duration_seconds_count{server=\"api\",method=\"echo\"} 1",
    ] {
        assert!(body.contains(&format!("\n{line}\n")), "{line} in\n{body}");
    }
}

#[tokio::test]
async fn nothing_but_the_page_is_there() {
    let endpoint = Exporter::new()
        .serve_prometheus("127.0.0.1:0")
        .await
        .unwrap();
    let address = endpoint.local_addr();
    let long = format!("GET /metrics HTTP/1.1\r\nX: {}", "x".repeat(10_000));
    for (request, status) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], "404 Not Found"),
        (
            b"DELETE /metrics HTTP/1.1\r\n\r\n",
            "405 Method Not Allowed",
        ),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", "400 Bad Request"),
        (long.as_bytes(), "431 Request Header Fields Too Large"),
        (GET, "200 OK"),
    ] {
        let answer = ask(address, request).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn who_says_nothing_holds_up_nobody_for_long_and_ends_with_the_port() {
    let endpoint = Exporter::new()
        .serve_prometheus("127.0.0.1:0")
        .await
        .unwrap();
    let address = endpoint.local_addr();
    let mut silent = Vec::new();
    // One less than are answered at once.
    for _ in 0..15 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    let answer = ask(address, GET).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    drop(endpoint);
    for stream in &mut silent {
        let ended = soon("the end", stream.read(&mut [0; 16])).await;
        assert!(
            matches!(ended, Ok(0) | Err(_)),
            "nobody is answered: {ended:?}"
        );
    }
    let refused = async { while TcpStream::connect(address).await.is_ok() {} };
    soon("the port is closed", refused).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_does_not_come_is_given_up_after_five_seconds() {
    let endpoint = Exporter::new()
        .serve_prometheus("127.0.0.1:0")
        .await
        .unwrap();
    let began = tokio::time::Instant::now();
    let answer = ask(endpoint.local_addr(), b"GET /metr").await;
    assert!(
        answer.starts_with("HTTP/1.1 408 Request Timeout"),
        "{answer}"
    );
    assert!(began.elapsed() >= std::time::Duration::from_secs(5));
}
