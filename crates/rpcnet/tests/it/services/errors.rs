//! A method's error arrives as its own type, from every shape, and as nothing else.

use std::fmt::Debug;

use futures::{StreamExt, stream};
use rpcnet::{CallError, Code, HandlerRan, InProcess, Responses, RpcError, Status, Stream};
use serde::{Deserialize, Serialize};

use super::lab::{Bench, DOUBLE_MAX, LabClient, LabError, LabServer, Scene};
use crate::pair::{Running, soon};
use crate::probe::Probe;

/// All items, then nothing for good.
async fn all<T, E>(mut responses: Responses<T, E>) -> Vec<Result<T, CallError<E>>> {
    let mut items = Vec::new();
    while let Some(item) = soon("an item", responses.next()).await {
        items.push(item);
    }
    assert!(responses.next().await.is_none(), "an end is an end");
    items
}

/// Fails unless these items and then this error came, and nothing more.
fn assert_items_then_error<T: Debug + PartialEq>(
    mut items: Vec<Result<T, CallError<LabError>>>,
    expected: &[T],
    error: &LabError,
) {
    let last = items.pop().expect("an error").expect_err("the last item");
    assert_eq!(last.service(), Some(error), "{last:?}");
    let items: Vec<T> = items.into_iter().map(Result::unwrap).collect();
    assert_eq!(items, expected);
}

#[tokio::test]
async fn a_unary_error_is_the_methods_own() {
    let scene = Scene::new().await;
    let error = scene.lab.double(DOUBLE_MAX + 1).await.unwrap_err();
    let expected = LabError::TooLarge {
        number: DOUBLE_MAX + 1,
        most: DOUBLE_MAX,
    };
    assert_eq!(error.service(), Some(&expected));
    assert!(error.rpc().is_none());
    assert_eq!(error.handler_ran(), HandlerRan::Yes);
    assert!(!error.is_retryable() && !error.is_timeout());
    assert!(error.to_string().contains("TooLarge"), "{error}");
    assert_eq!(error.into_service().unwrap(), expected);
    assert_eq!(scene.lab.double(DOUBLE_MAX).await.unwrap(), 2 * DOUBLE_MAX);
}

#[tokio::test]
async fn an_error_before_the_first_item_is_all_that_arrives() {
    let scene = Scene::new().await;
    let responses = scene.lab.count_until(5, Some(0)).await.unwrap();
    assert_items_then_error(all(responses).await, &[], &LabError::Empty);
    let numbers = stream::iter(0..5);
    let responses = scene.lab.relay_until(Some(0), numbers).await.unwrap();
    assert_items_then_error(all(responses).await, &[], &LabError::Empty);
    // The handler fails where it knows its requests, whether they end or not.
    let numbers = stream::iter([1]).chain(stream::pending());
    let responses = scene.lab.relay_until(Some(0), numbers).await.unwrap();
    assert_items_then_error(all(responses).await, &[], &LabError::Empty);
}

#[tokio::test]
async fn an_error_in_mid_stream_comes_once_behind_what_came_before_it() {
    let scene = Scene::new().await;
    for after in [1, 2, 7, 400] {
        let expected: Vec<u64> = (0..after).collect();
        let error = LabError::Noted(format!("after {after}"));
        let responses = scene.lab.count_until(1000, Some(after)).await.unwrap();
        assert_items_then_error(all(responses).await, &expected, &error);
        let numbers = stream::iter(0..1000);
        let responses = scene.lab.relay_until(Some(after), numbers).await.unwrap();
        assert_items_then_error(all(responses).await, &expected, &error);
    }
    assert_eq!(
        scene.lab.count_until(3, None).await.unwrap().count().await,
        3
    );
}

#[tokio::test]
async fn an_error_of_a_client_streaming_method_is_the_methods_own() {
    let running = Running::new(|server| async move {
        server.add_service(PickyServer::service(Picky));
    })
    .await;
    let picky = PickyClient::new(running.client().await);
    let kept = soon("a sum", picky.keep(stream::iter([1, 2, 3]))).await;
    assert!(matches!(kept, Ok(6)));
    let endless = stream::iter([1, 0]).chain(stream::pending());
    let refused = soon("a refusal", picky.keep(endless)).await;
    assert!(matches!(refused, Err(CallError::Service(Zero { at: 1 }))));
}

/// What a picky handler says; nothing but serde's traits can be asked of it.
#[derive(Serialize, Deserialize)]
struct Zero {
    at: usize,
}

/// An error that can neither be shown nor compared.
#[rpcnet::service]
trait Picky {
    async fn keep(&self, numbers: impl Stream<Item = u64>) -> Result<u64, Zero>;
    async fn once(&self, number: u64) -> Result<u64, Zero>;
    async fn list(&self, fails: bool) -> Result<impl Stream<Item = Result<u64, Zero>>, Zero>;
    async fn pass(
        &self,
        numbers: impl Stream<Item = u64>,
    ) -> Result<impl Stream<Item = Result<u64, Zero>>, Zero>;
}

struct Picky;

impl PickyHandler for Picky {
    async fn keep(
        &self,
        numbers: impl Stream<Item = u64> + Send + Unpin + 'static,
    ) -> Result<u64, Zero> {
        let mut numbers = numbers.enumerate();
        let mut sum = 0;
        while let Some((at, number)) = numbers.next().await {
            if number == 0 {
                return Err(Zero { at });
            }
            sum += number;
        }
        Ok(sum)
    }

    async fn once(&self, number: u64) -> Result<u64, Zero> {
        if number == 0 {
            return Err(Zero { at: 0 });
        }
        Ok(number)
    }

    async fn list(
        &self,
        fails: bool,
    ) -> Result<impl Stream<Item = Result<u64, Zero>> + Send, Zero> {
        if fails {
            return Err(Zero { at: 9 });
        }
        Ok(stream::iter([Ok(1), Err(Zero { at: 1 })]))
    }

    async fn pass(
        &self,
        numbers: impl Stream<Item = u64> + Send + Unpin + 'static,
    ) -> Result<impl Stream<Item = Result<u64, Zero>> + Send, Zero> {
        let numbers = numbers.enumerate();
        Ok(numbers.map(|(at, number)| match number {
            0 => Err(Zero { at }),
            number => Ok(number),
        }))
    }
}

#[tokio::test]
async fn an_error_that_cannot_be_shown_can_still_be_matched() {
    let running = Running::new(|server| async move {
        server.add_service(PickyServer::service(Picky));
    })
    .await;
    let picky = PickyClient::new(running.client().await);
    assert!(matches!(picky.once(4).await, Ok(4)));
    match picky.once(0).await {
        Err(CallError::Service(Zero { at: 0 })) => {}
        Err(CallError::Rpc(error)) => panic!("{error}"),
        _ => panic!("a success, or another error"),
    }
    let Ok(listed) = picky.list(false).await else {
        panic!("no stream");
    };
    let listed = all(listed).await;
    assert!(matches!(
        listed[..],
        [Ok(1), Err(CallError::Service(Zero { at: 1 }))]
    ));
    let Ok(listed) = picky.list(true).await else {
        panic!("no stream");
    };
    let listed = all(listed).await;
    assert!(matches!(
        listed[..],
        [Err(CallError::Service(Zero { at: 9 }))]
    ));
    let Ok(passed) = picky.pass(stream::iter([5, 0, 6])).await else {
        panic!("no stream");
    };
    let passed = all(passed).await;
    assert!(matches!(
        passed[..],
        [Ok(5), Err(CallError::Service(Zero { at: 1 }))]
    ));
}

#[tokio::test]
async fn a_services_error_is_no_status_and_a_status_is_no_services_error() {
    let running = Running::new(|server| async move {
        let probe = Probe::new();
        server.add_service(LabServer::service(Bench::new(&probe)));
        // A handler of bytes under the name of a typed method.
        server
            .register_bytes("Lab.ping", |_context, _payload| async {
                Err(RpcError::status(Code::NotFound, "no ping here"))
            })
            .await;
    })
    .await;
    let lab = LabClient::new(running.client().await);
    let error = lab.ping().await.unwrap_err();
    let Some(RpcError::Status(status)) = error.rpc() else {
        panic!("{error:?}");
    };
    assert_eq!(status.code, Code::NotFound);
    let error = lab.double(u64::MAX).await.unwrap_err();
    assert!(error.rpc().is_none() && error.service().is_some());
    let gone = InProcess::new(PickyServer::service(Picky));
    let error = LabClient::new(gone).ping().await.unwrap_err();
    assert!(matches!(error.rpc(), Some(RpcError::UnknownMethod(_))));
    assert_eq!(error.handler_ran(), HandlerRan::No);
}

/// Fails unless this says that the error did not fit.
fn assert_does_not_fit(error: &CallError<LabError>, length: usize) {
    let Some(RpcError::Status(status)) = error.rpc() else {
        panic!("{error:?}");
    };
    assert_eq!(error.handler_ran(), HandlerRan::Yes);
    assert_eq!(status.code, Code::Unknown);
    assert!(status.details.is_empty());
    let text = &status.message;
    assert!(text.contains("LabError"), "{text}");
    let limit = Status::DETAILS_BYTES_MAX.to_string();
    assert!(text.contains(&limit), "{text}");
    let named = text.split(|c: char| !c.is_ascii_digit());
    let named = named.filter_map(|number| number.parse::<usize>().ok());
    assert!(named.max() >= Some(length), "{text}");
}

#[tokio::test]
async fn an_error_that_is_too_long_says_so_and_one_that_just_fits_arrives() {
    const TOO_LONG: usize = 9 << 10;
    let scene = Scene::new().await;
    let error = scene.lab.complain(TOO_LONG).await.unwrap_err();
    assert_does_not_fit(&error, TOO_LONG);
    // Variant and length take three bytes in postcard.
    let fits = Status::DETAILS_BYTES_MAX - 3;
    let error = scene.lab.complain(fits).await.unwrap_err();
    assert_eq!(error.service(), Some(&LabError::Noted("x".repeat(fits))));
    let error = scene.lab.complain(fits + 1).await.unwrap_err();
    assert_does_not_fit(&error, fits + 1);
    let in_process = LabServer::service(Bench::new(&scene.probe));
    let lab = LabClient::new(InProcess::new(in_process));
    assert_does_not_fit(&lab.complain(TOO_LONG).await.unwrap_err(), TOO_LONG);
}

#[tokio::test]
async fn an_error_that_is_too_long_ends_a_stream_after_its_items() {
    let running = Running::new(|server| async move {
        server.add_service(WordyServer::service(Wordy));
    })
    .await;
    let wordy = WordyClient::new(running.client().await);
    let mut items = all(wordy.talk(3).await.unwrap()).await;
    let error = items.pop().expect("an error").unwrap_err();
    assert!(
        matches!(error.rpc(), Some(RpcError::Status(_))),
        "{error:?}"
    );
    let items: Vec<u64> = items.into_iter().map(Result::unwrap).collect();
    assert_eq!(items, [0, 1, 2]);
}

/// A stream that ends in a very long error.
#[rpcnet::service]
trait Wordy {
    async fn talk(&self, items: u64) -> Result<impl Stream<Item = Result<u64, String>>, String>;
}

struct Wordy;

impl WordyHandler for Wordy {
    async fn talk(
        &self,
        items: u64,
    ) -> Result<impl Stream<Item = Result<u64, String>> + Send, String> {
        let words = stream::once(async { Err("w".repeat(20_000)) });
        Ok(stream::iter(0..items).map(Ok).chain(words))
    }
}
