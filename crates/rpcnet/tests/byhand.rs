//! Temporary.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    unreachable_pub,
    missing_debug_implementations
)]
use futures::StreamExt;
use rpcnet::{CallContext, RpcError, Stream};
use serde::{Deserialize, Serialize};
use std::pin::Pin;
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum MathError {
    DivisionByZero,
}

/// Arithmetic.
#[rpcnet::service]
pub trait Calculator {
    /// Adds.
    #[rpc(idempotent, timeout = "2s", name = "plus")]
    async fn add(&self, a: i64, b: i64) -> Result<i64, MathError>;
    async fn reset(&self) -> Result<(), MathError>;
    async fn primes(
        &self,
        context: CallContext,
        below: u64,
    ) -> Result<impl Stream<Item = Result<u64, MathError>>, MathError>;
    async fn sum(&self, start: i64, numbers: impl Stream<Item = i64>) -> Result<i64, MathError>;
    async fn total(
        &self,
        numbers: impl Stream<Item = Result<i64, RpcError>>,
    ) -> Result<i64, MathError>;
    async fn running(
        &self,
        numbers: Pin<Box<dyn Stream<Item = i64> + Send>>,
    ) -> Result<Pin<Box<dyn Stream<Item = i64> + Send>>, MathError>;
}

struct Calc {
    offset: u64,
}
impl CalculatorHandler for Calc {
    async fn add(&self, a: i64, b: i64) -> Result<i64, MathError> {
        if b == 0 {
            Err(MathError::DivisionByZero)
        } else {
            Ok(a + b)
        }
    }
    async fn reset(&self) -> Result<(), MathError> {
        Ok(())
    }
    async fn primes(
        &self,
        context: CallContext,
        below: u64,
    ) -> Result<impl rpcnet::Stream<Item = Result<u64, MathError>> + Send, MathError> {
        assert_eq!(context.method(), "Calculator.primes");
        if below == 0 {
            return Err(MathError::DivisionByZero);
        }
        Ok(
            async_stream::stream! { for i in 0..below { tokio::task::yield_now().await; yield Ok(i + self.offset); } yield Err(MathError::DivisionByZero) },
        )
    }
    async fn sum(
        &self,
        start: i64,
        mut numbers: impl rpcnet::Stream<Item = i64> + Send + Unpin + 'static,
    ) -> Result<i64, MathError> {
        let mut s = start;
        while let Some(n) = numbers.next().await {
            s += n;
        }
        Ok(s)
    }
    async fn total(
        &self,
        mut numbers: impl rpcnet::Stream<Item = Result<i64, rpcnet::RpcError>> + Send + Unpin + 'static,
    ) -> Result<i64, MathError> {
        let mut s = 0;
        while let Some(Ok(n)) = numbers.next().await {
            s += n;
        }
        Ok(s)
    }
    async fn running(
        &self,
        numbers: std::pin::Pin<Box<dyn rpcnet::Stream<Item = i64> + Send>>,
    ) -> Result<std::pin::Pin<Box<dyn rpcnet::Stream<Item = i64> + Send>>, MathError> {
        Ok(Box::pin(numbers.scan(0, |s, n| {
            *s += n;
            std::future::ready(Some(*s))
        })))
    }
}

async fn exercise<C: rpcnet::Carrier>(client: CalculatorClient<C>) {
    assert_eq!(tokio::spawn(client.add(1, 2)).await.unwrap().unwrap(), 3);
    assert_eq!(
        client.add(1, 0).await.unwrap_err().service(),
        Some(&MathError::DivisionByZero)
    );
    client.reset().await.unwrap();
    let mut primes = client.primes(3).await.unwrap();
    for i in 0..3 {
        assert_eq!(primes.next().await.unwrap().unwrap(), i + 10);
    }
    assert_eq!(
        primes.next().await.unwrap().unwrap_err().service(),
        Some(&MathError::DivisionByZero)
    );
    assert!(primes.next().await.is_none());
    let mut primes = client.primes(0).await.unwrap();
    assert_eq!(
        primes.next().await.unwrap().unwrap_err().service(),
        Some(&MathError::DivisionByZero)
    );
    assert_eq!(
        client
            .sum(5, futures::stream::iter([1, 2, 3]))
            .await
            .unwrap(),
        11
    );
    let got: Vec<_> = client
        .running(futures::stream::iter([1, 2, 3]))
        .await
        .unwrap()
        .map(|r| r.unwrap())
        .collect()
        .await;
    assert_eq!(got, [1, 3, 6]);
}

#[tokio::test]
async fn both_ways() {
    exercise(CalculatorClient::new(rpcnet::InProcess::new(
        CalculatorServer::service(Calc { offset: 10 }),
    )))
    .await;
    let dir = tempfile::tempdir().unwrap();
    rpcnet::certs::dev_certificates(dir.path()).unwrap();
    let config = rpcnet::RpcConfig::new(dir.path().join("server.pem"), "127.0.0.1:0")
        .with_key_path(dir.path().join("server-key.pem"));
    let mut server = CalculatorServer::new(Calc { offset: 10 }, config);
    let address = server.bind().unwrap();
    tokio::spawn(server.serve());
    let config = rpcnet::RpcConfig::new(dir.path().join("ca.pem"), "127.0.0.1:0");
    let client = CalculatorClient::connect(address, config).await.unwrap();
    exercise(client.clone()).await;
    exercise(client.with_codec(rpcnet::CodecId::JSON)).await;
}
