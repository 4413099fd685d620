use super::*;
use rpcnet::{CallKind, CallOptions, Stream};
use std::sync::atomic::AtomicU64;

/// Answers each call by what is done to its payload; every third call fails.
#[derive(Debug, Clone)]
struct Double {
    answers: fn(Bytes) -> Bytes,
    calls: Arc<AtomicU64>,
}

impl Double {
    fn new(answers: fn(Bytes) -> Bytes) -> Self {
        let calls = Arc::default();
        Self { answers, calls }
    }
}

impl Carrier for Double {
    type Responses = futures::stream::Empty<Result<Bytes, RpcError>>;

    fn call(
        &self,
        _method: &str,
        payload: Bytes,
        _options: CallOptions,
    ) -> impl Future<Output = Result<Bytes, RpcError>> + Send + use<> {
        let answer = (self.answers)(payload);
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        async move {
            match number % 3 {
                0 => Err(RpcError::config("the third")),
                _ => Ok(answer),
            }
        }
    }

    fn call_server_streaming(
        &self,
        _method: &str,
        _payload: Bytes,
        _options: CallOptions,
    ) -> impl Future<Output = Result<Self::Responses, RpcError>> + Send + use<> {
        async { Ok(futures::stream::empty()) }
    }

    fn call_streaming<S>(
        &self,
        _method: &str,
        _kind: CallKind,
        _requests: S,
        _options: CallOptions,
    ) -> impl Future<Output = Result<Self::Responses, RpcError>> + Send + use<S>
    where
        S: Stream<Item = Result<Bytes, RpcError>> + Send + 'static,
    {
        async { Ok(futures::stream::empty()) }
    }
}

const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn paced_calls_are_due_at_their_rate_however_they_end() {
    let load = Load::start(&Double::new(|it| it), 1, Shape::per_second(1_000.0));
    let mut count = 0;
    let many = |_: &Ending| {
        count += 1;
        count == 30
    };
    load.first("thirty calls", 0, LONG, many)
        .await
        .expect("they are due");
    let mut told = load.stop().await;
    assert_eq!(told.left_out, 0);
    assert_eq!(told.calls.len(), told.endings.len());
    told.endings.sort_by_key(|it| it.due);
    for pair in told.endings.windows(2) {
        assert_eq!(pair[1].due - pair[0].due, Duration::from_millis(1));
        assert!(pair[0].due <= pair[0].begun && pair[0].begun <= pair[0].ended);
    }
    let failed = told.endings.iter().filter(|it| !it.is_ok()).count() as u64;
    assert_eq!(failed, told.failures.values().sum::<u64>());
    assert_eq!(failed, told.endings.len() as u64 / 3);
}

#[tokio::test]
async fn what_ended_before_is_not_the_first_that_is_waited_for() {
    let load = Load::start(&Double::new(|it| it), 1, Shape::default());
    load.successes(10).await;
    let start = load.len();
    let failed = load.first("a failure", start, LONG, |it| !it.is_ok());
    let failed = failed.await.expect("every third call fails");
    assert_eq!(failed.outcome, Outcome::NotExecuted);
    let never = load.first("a wonder", start, Duration::from_millis(20), |_| false);
    let error = never.await.expect_err("nothing is wanted").to_string();
    assert!(error.contains("a wonder"), "{error}");
    assert!(error.contains("the third"), "{error}");
    drop(load.stop().await);
}

#[tokio::test]
async fn an_answer_to_another_call_is_noticed() {
    let shape = Shape {
        idempotent: Idempotent::Half,
        ..Shape::default()
    };
    let load = Load::start(&Double::new(|_| Bytes::from_static(&[7; 16])), 1, shape);
    load.successes(100).await;
    let told = load.stop().await;
    let answered = told.endings.iter().filter(|it| it.is_ok()).count();
    assert_eq!(told.altered, answered as u64);
    let idempotent = told.calls.iter().filter(|it| it.is_idempotent).count();
    assert!(idempotent > 0 && idempotent < told.calls.len());
}
