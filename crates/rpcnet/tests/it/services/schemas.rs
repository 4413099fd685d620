//! Callers and servers with different definitions of one method find out before it runs.

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use rpcnet::{CallError, CallOptions, Carrier, CodecId, HandlerRan, RpcError, Service, codec};
use rpcnet::{InProcess, RpcClient};
use serde::{Deserialize, Serialize};

use crate::pair::Running;
use crate::probe::Probe;

/// The first definition.
mod old {
    use super::*;
    use rpcnet::Stream;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub(super) struct Order {
        pub(super) article: String,
        pub(super) amount: u32,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub(super) enum OrderError {
        SoldOut,
    }

    #[rpcnet::service(name = "Orders")]
    pub(super) trait Orders {
        async fn place(&self, order: Order) -> Result<u64, OrderError>;
        async fn find(&self, number: u64) -> Result<Order, OrderError>;
        async fn list(&self) -> Result<impl Stream<Item = Order>, OrderError>;
        async fn import(&self, orders: impl Stream<Item = Order>) -> Result<u64, OrderError>;
        async fn cancel(&self, number: u64) -> Result<(), OrderError>;
        async fn move_to(&self, number: u64, shelf: u32) -> Result<(), OrderError>;
    }

    pub(super) struct Desk(pub(super) Probe);

    pub(super) fn order() -> Order {
        let article = "bread".to_owned();
        Order { article, amount: 2 }
    }

    impl OrdersHandler for Desk {
        async fn place(&self, order: Order) -> Result<u64, OrderError> {
            self.0.enter().finish();
            Ok(order.amount.into())
        }

        async fn find(&self, _number: u64) -> Result<Order, OrderError> {
            self.0.enter().finish();
            Ok(order())
        }

        async fn list(&self) -> Result<impl Stream<Item = Order> + Send, OrderError> {
            self.0.enter().finish();
            Ok(stream::iter([order(), order()]))
        }

        async fn import(
            &self,
            orders: impl Stream<Item = Order> + Send + Unpin + 'static,
        ) -> Result<u64, OrderError> {
            self.0.enter().finish();
            Ok(orders.count().await as u64)
        }

        async fn cancel(&self, number: u64) -> Result<(), OrderError> {
            self.0.enter().finish();
            if number == 0 {
                return Err(OrderError::SoldOut);
            }
            Ok(())
        }

        async fn move_to(&self, _number: u64, shelf: u32) -> Result<(), OrderError> {
            self.0.enter().finish();
            assert_eq!(shelf, 7);
            Ok(())
        }
    }
}

/// A later definition: an order has a note, which may be absent.
mod new {
    use super::*;
    use rpcnet::Stream;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub(super) struct Order {
        pub(super) article: String,
        pub(super) amount: u32,
        pub(super) note: Option<String>,
        #[serde(default)]
        pub(super) tags: Vec<String>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub(super) enum OrderError {
        SoldOut,
    }

    #[rpcnet::service(name = "Orders")]
    pub(super) trait Orders {
        async fn place(&self, order: Order) -> Result<u64, OrderError>;
        async fn find(&self, number: u64) -> Result<Order, OrderError>;
        async fn list(&self) -> Result<impl Stream<Item = Order>, OrderError>;
        async fn import(&self, orders: impl Stream<Item = Order>) -> Result<u64, OrderError>;
        async fn cancel(&self, number: u64) -> Result<(), OrderError>;
        // The arguments in another order.
        async fn move_to(&self, shelf: u32, number: u64) -> Result<(), OrderError>;
    }

    pub(super) struct Desk(pub(super) Probe);

    pub(super) fn order() -> Order {
        Order {
            article: "cake".to_owned(),
            amount: 3,
            note: Some("no sugar".to_owned()),
            tags: vec!["sweet".to_owned()],
        }
    }

    /// What an order of the first definition is in this one.
    pub(super) fn plain(order: old::Order) -> Order {
        Order {
            article: order.article,
            amount: order.amount,
            note: None,
            tags: vec![],
        }
    }

    impl OrdersHandler for Desk {
        async fn place(&self, order: Order) -> Result<u64, OrderError> {
            self.0.enter().finish();
            Ok(order.amount.into())
        }

        async fn find(&self, _number: u64) -> Result<Order, OrderError> {
            self.0.enter().finish();
            Ok(order())
        }

        async fn list(&self) -> Result<impl Stream<Item = Order> + Send, OrderError> {
            self.0.enter().finish();
            Ok(stream::iter([order(), order()]))
        }

        async fn import(
            &self,
            orders: impl Stream<Item = Order> + Send + Unpin + 'static,
        ) -> Result<u64, OrderError> {
            self.0.enter().finish();
            Ok(orders.count().await as u64)
        }

        async fn cancel(&self, number: u64) -> Result<(), OrderError> {
            self.0.enter().finish();
            if number == 0 {
                return Err(OrderError::SoldOut);
            }
            Ok(())
        }

        async fn move_to(&self, shelf: u32, _number: u64) -> Result<(), OrderError> {
            self.0.enter().finish();
            assert_eq!(shelf, 7);
            Ok(())
        }
    }
}

/// The first definition with other names for its types.
mod renamed {
    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub(super) struct Purchase {
        pub(super) article: Box<str>,
        pub(super) amount: u32,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub(super) enum Trouble {
        SoldOut,
    }

    #[rpcnet::service(name = "Orders")]
    pub(super) trait Purchases {
        #[rpc(name = "place")]
        async fn buy(&self, purchase: Purchase) -> Result<u64, Trouble>;
        async fn find(&self, key: u64) -> Result<Purchase, Trouble>;
        async fn list(&self) -> Result<impl rpcnet::Stream<Item = Purchase>, Trouble>;
        async fn import(
            &self,
            purchases: impl rpcnet::Stream<Item = Purchase>,
        ) -> Result<u64, Trouble>;
    }
}

/// The codecs that do not name fields.
const POSITIONAL: [CodecId; 2] = [CodecId::POSTCARD, CodecId::BINCODE];

/// The codecs that name fields.
const NAMING: [CodecId; 2] = [CodecId::JSON, CodecId::MESSAGE_PACK];

async fn serve(service: Service) -> (Running, RpcClient) {
    let running = Running::new(|server| async move { server.add_service(service) }).await;
    let client = running.client().await;
    (running, client)
}

/// Fails unless the error names the method and two schemas, and says that nothing ran.
#[track_caller]
fn assert_mismatch<T, E>(result: Result<T, CallError<E>>, method: &str) {
    let Some(CallError::Rpc(error)) = result.err() else {
        panic!("{method}: a success, or the service's own error");
    };
    assert!(matches!(error, RpcError::SchemaMismatch(_)), "{error:?}");
    assert_eq!(error.handler_ran(), HandlerRan::No);
    assert!(!error.is_retryable(), "the same call fails again");
    let text = error.to_string();
    assert!(text.contains(method), "{text}");
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let is_schema = |word: &&str| word.len() == 16 && u64::from_str_radix(word, 16).is_ok();
    let schemas: Vec<&str> = words.filter(is_schema).collect();
    let [theirs, ours] = schemas[..] else {
        panic!("{text}");
    };
    assert_ne!(theirs, ours);
}

/// The first item of a stream, which is where the refusal of a call appears.
async fn refused<T, E>(
    opened: Result<rpcnet::Responses<T, E>, CallError<E>>,
) -> Result<(), CallError<E>> {
    let mut responses = opened?;
    match responses.next().await {
        Some(Err(error)) => Err(error),
        Some(Ok(_)) | None => Ok(()),
    }
}

async fn assert_old_caller_is_told<C: Carrier>(orders: &old::OrdersClient<C>) {
    assert_mismatch(orders.place(old::order()).await, "Orders.place");
    assert_mismatch(orders.find(1).await, "Orders.find");
    assert_mismatch(refused(orders.list().await).await, "Orders.list");
    let items = stream::iter([old::order()]);
    assert_mismatch(orders.import(items).await, "Orders.import");
    assert_mismatch(orders.move_to(1, 7).await, "Orders.move_to");
}

async fn assert_new_caller_is_told<C: Carrier>(orders: &new::OrdersClient<C>) {
    assert_mismatch(orders.place(new::order()).await, "Orders.place");
    assert_mismatch(orders.find(1).await, "Orders.find");
    assert_mismatch(refused(orders.list().await).await, "Orders.list");
    let items = stream::iter([new::order()]);
    assert_mismatch(orders.import(items).await, "Orders.import");
    assert_mismatch(orders.move_to(7, 1).await, "Orders.move_to");
}

#[tokio::test]
async fn other_messages_are_refused_by_name_before_the_handler_runs() {
    let probe = Probe::new();
    let (_running, rpc) = serve(new::OrdersServer::service(new::Desk(probe.clone()))).await;
    for codec in POSITIONAL {
        let orders = old::OrdersClient::new(rpc.clone()).with_codec(codec);
        assert_old_caller_is_told(&orders).await;
    }
    let (_running, rpc) = serve(old::OrdersServer::service(old::Desk(probe.clone()))).await;
    for codec in POSITIONAL {
        let orders = new::OrdersClient::new(rpc.clone()).with_codec(codec);
        assert_new_caller_is_told(&orders).await;
    }
    assert_eq!(probe.seen().started, 0);
}

#[tokio::test]
async fn other_messages_are_refused_in_process_too() {
    let probe = Probe::new();
    let server = InProcess::new(new::OrdersServer::service(new::Desk(probe.clone())));
    assert_old_caller_is_told(&old::OrdersClient::new(server)).await;
    let server = InProcess::new(old::OrdersServer::service(old::Desk(probe.clone())));
    assert_new_caller_is_told(&new::OrdersClient::new(server)).await;
    assert_eq!(probe.seen().started, 0);
}

#[tokio::test]
async fn methods_that_did_not_change_work_beside_those_that_did() {
    let probe = Probe::new();
    let (_running, rpc) = serve(new::OrdersServer::service(new::Desk(probe.clone()))).await;
    for codec in POSITIONAL {
        let orders = old::OrdersClient::new(rpc.clone()).with_codec(codec);
        orders.cancel(1).await.unwrap();
        let error = orders.cancel(0).await.unwrap_err();
        assert_eq!(error.service(), Some(&old::OrderError::SoldOut));
    }
}

#[tokio::test]
async fn codecs_that_name_fields_let_old_callers_reach_new_servers() {
    let probe = Probe::new();
    let (_running, rpc) = serve(new::OrdersServer::service(new::Desk(probe.clone()))).await;
    for codec in NAMING {
        let orders = old::OrdersClient::new(rpc.clone()).with_codec(codec);
        assert_eq!(orders.place(old::order()).await.unwrap(), 2);
        let found = orders.find(1).await.unwrap();
        assert_eq!((found.article.as_str(), found.amount), ("cake", 3));
        let listed: Vec<_> = orders.list().await.unwrap().try_collect().await.unwrap();
        assert_eq!(listed, [found.clone(), found]);
        let items = stream::iter([old::order(), old::order()]);
        assert_eq!(orders.import(items).await.unwrap(), 2);
        orders.move_to(1, 7).await.unwrap();
        let error = orders.cancel(0).await.unwrap_err();
        assert_eq!(error.service(), Some(&old::OrderError::SoldOut));
    }
}

#[tokio::test]
async fn codecs_that_name_fields_let_new_callers_reach_old_servers() {
    let probe = Probe::new();
    let (_running, rpc) = serve(old::OrdersServer::service(old::Desk(probe.clone()))).await;
    for codec in NAMING {
        let orders = new::OrdersClient::new(rpc.clone()).with_codec(codec);
        assert_eq!(orders.place(new::order()).await.unwrap(), 3);
        let expected = new::plain(old::order());
        assert_eq!(orders.find(1).await.unwrap(), expected);
        let listed: Vec<_> = orders.list().await.unwrap().try_collect().await.unwrap();
        assert_eq!(listed, [expected.clone(), expected]);
        let items = stream::iter([new::order()]);
        assert_eq!(orders.import(items).await.unwrap(), 1);
        orders.move_to(7, 1).await.unwrap();
    }
}

#[tokio::test]
async fn a_call_that_names_no_schema_is_not_compared() {
    let probe = Probe::new();
    let (_running, rpc) = serve(old::OrdersServer::service(old::Desk(probe.clone()))).await;
    let payload = codec::encode(CodecId::POSTCARD, &old::order()).unwrap();
    let options = CallOptions::new().with_codec(CodecId::POSTCARD);
    let reply = rpc.call_bytes("Orders.place", payload.clone(), options.clone());
    let reply: Bytes = reply.await.unwrap();
    assert_eq!(codec::decode::<u64>(CodecId::POSTCARD, &reply).unwrap(), 2);
    let wrong = options.with_schema(0xfeed);
    let reply = rpc.call_bytes("Orders.place", payload.clone(), wrong).await;
    let text = reply.unwrap_err().to_string();
    assert!(text.contains("000000000000feed"), "{text}");
    // What a caller says about JSON has no meaning.
    let json = codec::encode(CodecId::JSON, &old::order()).unwrap();
    let wrong = CallOptions::new()
        .with_codec(CodecId::JSON)
        .with_schema(0xfeed);
    let reply = rpc.call_bytes("Orders.place", json, wrong).await.unwrap();
    assert_eq!(&reply[..], b"2");
}

#[tokio::test]
async fn the_names_of_types_and_arguments_are_not_part_of_a_schema() {
    let probe = Probe::new();
    let (_running, rpc) = serve(old::OrdersServer::service(old::Desk(probe.clone()))).await;
    let article: Box<str> = "bread".into();
    let purchase = renamed::Purchase { article, amount: 2 };
    for codec in POSITIONAL.into_iter().chain(NAMING) {
        let purchases = renamed::PurchasesClient::new(rpc.clone()).with_codec(codec);
        assert_eq!(purchases.buy(purchase.clone()).await.unwrap(), 2);
        assert_eq!(purchases.find(1).await.unwrap(), purchase);
        let listed = purchases.list().await.unwrap();
        assert_eq!(listed.try_collect::<Vec<_>>().await.unwrap().len(), 2);
        let items = stream::iter([purchase.clone()]);
        assert_eq!(purchases.import(items).await.unwrap(), 1);
    }
}
