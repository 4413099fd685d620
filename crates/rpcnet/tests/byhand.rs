//! Temporary.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    unreachable_pub,
    missing_debug_implementations
)]
use futures::StreamExt;
use rpcnet::CallContext;
use serde::{Deserialize, Serialize};
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum MathError {
    DivisionByZero,
}

#[doc(hidden)]
#[derive(::rpcnet::__private::serde::Serialize, ::rpcnet::__private::serde::Deserialize)]
#[serde(crate = "::rpcnet::__private::serde")]
pub struct CalculatorAddArgs {
    pub a: i64,
    pub b: i64,
}
pub static CALCULATOR_ADD: ::rpcnet::__private::Method<CalculatorAddArgs, (), i64, MathError> =
    ::rpcnet::__private::Method::unary("Calculator.plus")
        .idempotent()
        .with_timeout_ms(2_000);
pub static CALCULATOR_RESET: ::rpcnet::__private::Method<(), (), (), MathError> =
    ::rpcnet::__private::Method::unary("Calculator.reset");
pub static CALCULATOR_PRIMES: ::rpcnet::__private::Method<u64, (), u64, MathError> =
    ::rpcnet::__private::Method::server_streaming("Calculator.primes");
pub static CALCULATOR_SUM: ::rpcnet::__private::Method<i64, i64, i64, MathError> =
    ::rpcnet::__private::Method::client_streaming("Calculator.sum");
pub static CALCULATOR_TOTAL: ::rpcnet::__private::Method<
    ::rpcnet::__private::NoArgs,
    i64,
    i64,
    MathError,
> = ::rpcnet::__private::Method::client_streaming("Calculator.total");
pub static CALCULATOR_RUNNING: ::rpcnet::__private::Method<
    ::rpcnet::__private::NoArgs,
    i64,
    i64,
    MathError,
> = ::rpcnet::__private::Method::bidirectional("Calculator.running");

pub trait CalculatorHandler: Send + Sync + 'static {
    fn add(
        &self,
        a: i64,
        b: i64,
    ) -> impl ::core::future::Future<Output = ::core::result::Result<i64, MathError>> + Send;
    fn reset(
        &self,
    ) -> impl ::core::future::Future<Output = ::core::result::Result<(), MathError>> + Send;
    fn primes(
        &self,
        context: CallContext,
        below: u64,
    ) -> impl ::core::future::Future<
        Output = ::core::result::Result<
            impl ::rpcnet::Stream<Item = ::core::result::Result<u64, MathError>> + Send,
            MathError,
        >,
    > + Send;
    fn sum(
        &self,
        start: i64,
        numbers: impl ::rpcnet::Stream<Item = i64> + Send + Unpin + 'static,
    ) -> impl ::core::future::Future<Output = ::core::result::Result<i64, MathError>> + Send;
    fn total(
        &self,
        numbers: impl ::rpcnet::Stream<Item = ::core::result::Result<i64, rpcnet::RpcError>>
        + Send
        + Unpin
        + 'static,
    ) -> impl ::core::future::Future<Output = ::core::result::Result<i64, MathError>> + Send;
    fn running(
        &self,
        numbers: ::core::pin::Pin<Box<dyn ::rpcnet::Stream<Item = i64> + Send>>,
    ) -> impl ::core::future::Future<
        Output = ::core::result::Result<
            ::core::pin::Pin<Box<dyn ::rpcnet::Stream<Item = i64> + Send>>,
            MathError,
        >,
    > + Send;
}
#[derive(Debug)]
pub struct CalculatorServer {
    server: ::rpcnet::ServiceServer,
}
impl CalculatorServer {
    pub fn new<H: CalculatorHandler>(handler: H, config: ::rpcnet::RpcConfig) -> Self {
        Self {
            server: ::rpcnet::ServiceServer::new(config, Self::service(handler)),
        }
    }
    pub fn service<H: CalculatorHandler>(handler: H) -> ::rpcnet::Service {
        ::rpcnet::__private::Methods::new("Calculator", handler)
            .unary(&CALCULATOR_ADD, |handler, _context, args| async move { handler.add(args.a, args.b).await })
            .unary(&CALCULATOR_RESET, |handler, _context, ()| async move { handler.reset().await })
            .server_streaming(&CALCULATOR_PRIMES, |handler, context, below, out| async move { out.send_results(handler.primes(context, below).await).await })
            .client_streaming(&CALCULATOR_SUM, |handler, _context, start, numbers| async move { handler.sum(start, numbers).await })
            .client_streaming(&CALCULATOR_TOTAL, |handler, _context, _no_args, numbers| async move { handler.total(numbers.results()).await })
            .bidirectional(&CALCULATOR_RUNNING, |handler, _context, _no_args, numbers, out| async move { out.send_items(handler.running(::std::boxed::Box::pin(numbers)).await).await })
            .service()
    }
    pub fn bind(&mut self) -> ::core::result::Result<::std::net::SocketAddr, ::rpcnet::RpcError> {
        self.server.bind()
    }
    pub async fn serve(self) -> ::core::result::Result<(), ::rpcnet::RpcError> {
        self.server.serve().await
    }
}
#[derive(Debug, Clone)]
pub struct CalculatorClient<C = ::rpcnet::RpcClient> {
    calls: ::rpcnet::__private::Calls<C>,
}
impl CalculatorClient {
    pub async fn connect(
        address: ::std::net::SocketAddr,
        config: ::rpcnet::RpcConfig,
    ) -> ::core::result::Result<Self, ::rpcnet::RpcError> {
        ::rpcnet::RpcClient::connect(address, config)
            .await
            .map(Self::new)
    }
}
impl<C: ::rpcnet::Carrier> CalculatorClient<C> {
    pub fn new(carrier: C) -> Self {
        Self {
            calls: ::rpcnet::__private::Calls::new(carrier),
        }
    }
    pub fn with_codec(self, codec: ::rpcnet::CodecId) -> Self {
        Self {
            calls: self.calls.with_codec(codec),
        }
    }
    pub fn add(
        &self,
        a: i64,
        b: i64,
    ) -> impl ::core::future::Future<
        Output = ::core::result::Result<i64, ::rpcnet::CallError<MathError>>,
    > + Send
    + use<C> {
        self.calls
            .unary(&CALCULATOR_ADD, &CalculatorAddArgs { a, b })
    }
    pub fn reset(
        &self,
    ) -> impl ::core::future::Future<
        Output = ::core::result::Result<(), ::rpcnet::CallError<MathError>>,
    > + Send
    + use<C> {
        self.calls.unary(&CALCULATOR_RESET, &())
    }
    pub fn primes(
        &self,
        below: u64,
    ) -> impl ::core::future::Future<
        Output = ::core::result::Result<
            ::rpcnet::Responses<u64, MathError>,
            ::rpcnet::CallError<MathError>,
        >,
    > + Send
    + use<C> {
        self.calls.server_streaming(&CALCULATOR_PRIMES, &below)
    }
    pub fn sum<Items>(
        &self,
        start: i64,
        numbers: Items,
    ) -> impl ::core::future::Future<
        Output = ::core::result::Result<i64, ::rpcnet::CallError<MathError>>,
    > + Send
    + use<C, Items>
    where
        Items: ::rpcnet::Stream<Item = i64> + Send + 'static,
    {
        self.calls
            .client_streaming(&CALCULATOR_SUM, &start, numbers)
    }
    pub fn running<Items>(
        &self,
        numbers: Items,
    ) -> impl ::core::future::Future<
        Output = ::core::result::Result<
            ::rpcnet::Responses<i64, MathError>,
            ::rpcnet::CallError<MathError>,
        >,
    > + Send
    + use<C, Items>
    where
        Items: ::rpcnet::Stream<Item = i64> + Send + 'static,
    {
        self.calls
            .bidirectional(&CALCULATOR_RUNNING, &::rpcnet::__private::NoArgs, numbers)
    }
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
