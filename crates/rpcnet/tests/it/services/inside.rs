//! What a typed handler knows of its call, and what its definition says about calls of it.

use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;

use futures::{StreamExt, stream};
use rpcnet::{CallContext, CallOptions, Carrier, CodecId, InProcess, Metadata, RpcError, Stream};
use rpcnet::{RpcClient, TraceContext};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::pair::{Running, echo, eventually, soon};

/// What a handler saw of its call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    method: String,
    tenant: Option<String>,
    remaining: Duration,
    is_idempotent: bool,
    peer: Option<SocketAddr>,
    kind: String,
    codec: u8,
    trace: Option<[u8; 16]>,
}

impl Seen {
    fn of(context: &CallContext) -> Self {
        Self {
            method: context.method().to_owned(),
            tenant: context.metadata().get_text("tenant").map(str::to_owned),
            remaining: context.remaining(),
            is_idempotent: context.is_idempotent(),
            peer: context.remote_addr(),
            kind: context.kind().to_string(),
            codec: context.codec().0,
            trace: context.trace().map(|trace| trace.trace_id),
        }
    }
}

/// Methods that tell what they know.
#[rpcnet::service(name = "inside.v1")]
trait Inside {
    #[rpc(idempotent, timeout = "7s", name = "look-around")]
    async fn look(&self, context: CallContext) -> Result<Seen, String>;
    async fn between(&self, a: u8, context: CallContext, b: u8) -> Result<(Seen, u8), String>;
    #[rpc(timeout = "5m")]
    async fn watch(
        &self,
        context: CallContext,
    ) -> Result<impl Stream<Item = Result<Seen, String>>, String>;
    #[rpc(idempotent)]
    async fn collect(
        &self,
        numbers: impl Stream<Item = u8>,
        context: CallContext,
    ) -> Result<Seen, String>;
    #[rpc(timeout = "1h")]
    async fn both(
        &self,
        context: CallContext,
        numbers: impl Stream<Item = Result<u8, RpcError>>,
    ) -> Result<impl Stream<Item = Seen>, String>;
    #[rpc(timeout = "60ms")]
    async fn hang(&self) -> Result<(), String>;
    #[rpc(timeout = "60ms")]
    async fn hang_in_stream(&self) -> Result<impl Stream<Item = u8>, String>;
    /// What a call that this one makes is told.
    async fn ask_next(&self) -> Result<Seen, String>;
    async fn ask_next_in_stream(
        &self,
        numbers: impl Stream<Item = u8>,
    ) -> Result<impl Stream<Item = Seen>, String>;
    async fn fall(&self, after: Option<u8>) -> Result<(), String>;
    async fn fall_in_stream(&self, after: u8) -> Result<impl Stream<Item = u8>, String>;
    async fn fall_reading(&self, numbers: impl Stream<Item = u8>) -> Result<u8, String>;
}

/// Asks the next one, if there is one.
struct Room<C> {
    next: Option<InsideClient<C>>,
}

const LAST: Room<InProcess> = Room { next: None };

/// What a panic says, and nobody outside the process may read.
const SECRET: &str = "the password is hunter2";

impl<C: Carrier> Room<C> {
    async fn ask(&self) -> Result<Seen, String> {
        let next = self.next.as_ref().ok_or("nobody is next")?;
        let told = next.look().await;
        told.map_err(|error| error.to_string())
    }
}

impl<C: Carrier> InsideHandler for Room<C> {
    async fn look(&self, context: CallContext) -> Result<Seen, String> {
        Ok(Seen::of(&context))
    }

    async fn between(&self, a: u8, context: CallContext, b: u8) -> Result<(Seen, u8), String> {
        Ok((Seen::of(&context), a - b))
    }

    async fn watch(
        &self,
        context: CallContext,
    ) -> Result<impl Stream<Item = Result<Seen, String>> + Send, String> {
        Ok(stream::iter([Ok(Seen::of(&context))]))
    }

    async fn collect(
        &self,
        numbers: impl Stream<Item = u8> + Send + Unpin + 'static,
        context: CallContext,
    ) -> Result<Seen, String> {
        numbers.for_each(async |_| ()).await;
        Ok(Seen::of(&context))
    }

    async fn both(
        &self,
        context: CallContext,
        numbers: impl Stream<Item = Result<u8, RpcError>> + Send + Unpin + 'static,
    ) -> Result<impl Stream<Item = Seen> + Send, String> {
        Ok(numbers.map(move |_| Seen::of(&context)))
    }

    async fn hang(&self) -> Result<(), String> {
        pending().await
    }

    async fn hang_in_stream(&self) -> Result<impl Stream<Item = u8> + Send, String> {
        Ok(stream::pending())
    }

    async fn ask_next(&self) -> Result<Seen, String> {
        self.ask().await
    }

    async fn ask_next_in_stream(
        &self,
        numbers: impl Stream<Item = u8> + Send + Unpin + 'static,
    ) -> Result<impl Stream<Item = Seen> + Send, String> {
        Ok(numbers.then(async |_| self.ask().await.unwrap()))
    }

    async fn fall(&self, after: Option<u8>) -> Result<(), String> {
        for _ in 0..after.unwrap_or(0) {
            tokio::task::yield_now().await;
        }
        panic!("{SECRET}");
    }

    async fn fall_in_stream(&self, after: u8) -> Result<impl Stream<Item = u8> + Send, String> {
        Ok(stream::iter(0..).inspect(move |at| assert!(*at < after, "{SECRET}")))
    }

    async fn fall_reading(
        &self,
        numbers: impl Stream<Item = u8> + Send + Unpin + 'static,
    ) -> Result<u8, String> {
        let sum = numbers.fold(0, async |sum: u8, number| sum + number).await;
        assert!(sum == 0, "{SECRET}");
        Ok(sum)
    }
}

async fn serve<C: Carrier>(room: Room<C>) -> (Running, RpcClient) {
    let service = InsideServer::service(room);
    let running = Running::new(|server| async move {
        server.add_service(service);
        echo(server).await;
    })
    .await;
    let rpc = running.client().await;
    (running, rpc)
}

fn near<C: Carrier>(room: Room<C>) -> InsideClient<InProcess> {
    InsideClient::new(InProcess::new(InsideServer::service(room)))
}

fn seconds(seconds: u64) -> CallOptions {
    CallOptions::new().with_timeout(Duration::from_secs(seconds))
}

/// What handlers of every shape saw.
async fn look_from_everywhere<C: Carrier>(inside: &InsideClient<C>) -> [Seen; 5] {
    let (between, difference) = inside.between(9, 4).await.unwrap();
    assert_eq!(difference, 5);
    let mut watched = inside.watch().await.unwrap();
    let mut both = inside.both(stream::iter([1])).await.unwrap();
    [
        inside.look().await.unwrap(),
        between,
        watched.next().await.expect("an item").unwrap(),
        inside.collect(stream::iter([1, 2])).await.unwrap(),
        both.next().await.expect("an item").unwrap(),
    ]
}

fn assert_wire_names(seen: &[Seen]) {
    let methods = seen.iter().map(|seen| seen.method.as_str());
    let expected = [
        "inside.v1.look-around",
        "inside.v1.between",
        "inside.v1.watch",
        "inside.v1.collect",
        "inside.v1.both",
    ];
    assert!(methods.eq(expected));
}

#[tokio::test]
async fn a_handler_sees_the_call_that_its_definition_describes() {
    let (_running, rpc) = serve(LAST).await;
    let inside = InsideClient::new(rpc.clone());
    let far = soon("the far calls", look_from_everywhere(&inside)).await;
    let near = look_from_everywhere(&near(LAST)).await;
    for (seen, peer) in [(&far, rpc.local_addr()), (&near, None)] {
        assert_wire_names(seen);
        let idempotent: Vec<bool> = seen.iter().map(|seen| seen.is_idempotent).collect();
        assert_eq!(idempotent, [true, false, false, true, false]);
        let kinds: Vec<&str> = seen.iter().map(|seen| &seen.kind[..]).collect();
        assert_eq!(kinds[0], kinds[1]);
        assert!(
            kinds[1..]
                .iter()
                .all(|kind| kinds.iter().filter(|it| *it == kind).count() <= 2)
        );
        assert_eq!(
            seen[0].peer.map(|peer| peer.port()),
            peer.map(|peer| peer.port())
        );
        for seen in seen {
            assert_eq!((&seen.tenant, seen.codec), (&None, CodecId::POSTCARD.0));
        }
        let within = |seen: &Seen, least: u64, most: u64| {
            let range = Duration::from_secs(least)..=Duration::from_secs(most);
            assert!(range.contains(&seen.remaining), "{seen:?}");
        };
        within(&seen[0], 0, 7);
        within(&seen[2], 200, 300);
        within(&seen[4], 3_000, 3_600);
        let unary = rpcnet::DEFAULT_TIMEOUT;
        assert!(seen[1].remaining <= unary);
    }
}

#[tokio::test]
async fn options_of_a_client_win_over_the_definition_and_reach_every_call() {
    let (_running, rpc) = serve(LAST).await;
    let mut metadata = Metadata::new();
    metadata.insert("tenant", "blue").unwrap();
    let trace = TraceContext {
        trace_id: [3; 16],
        parent_id: [4; 8],
        flags: 1,
    };
    let options = seconds(20).with_metadata(metadata).with_trace(trace);
    let far = InsideClient::new(rpc).with_options(options.clone().with_codec(CodecId::JSON));
    let far = soon("the far calls", look_from_everywhere(&far)).await;
    let near = near(LAST)
        .with_codec(CodecId::JSON)
        .with_options(options.idempotent());
    let near = look_from_everywhere(&near).await;
    for seen in [&far, &near] {
        assert_wire_names(seen);
        for seen in seen {
            assert_eq!(seen.tenant.as_deref(), Some("blue"));
            assert_eq!(seen.codec, CodecId::JSON.0);
            assert_eq!(seen.trace, Some([3; 16]));
            let range = Duration::from_secs(8)..=Duration::from_secs(20);
            assert!(range.contains(&seen.remaining), "{seen:?}");
        }
    }
    assert!(far[0].is_idempotent && !far[1].is_idempotent);
    assert!(near.iter().all(|seen| seen.is_idempotent));
}

#[tokio::test]
async fn the_timeout_of_a_definition_ends_its_calls() {
    let (running, rpc) = serve(LAST).await;
    let inside = InsideClient::new(rpc);
    let error = soon("the call", inside.hang()).await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    let mut items = inside.hang_in_stream().await.unwrap();
    let error = soon("the stream", items.next()).await.expect("no end");
    assert!(error.unwrap_err().is_timeout());
    eventually("nothing runs", || running.server.running_calls() == 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_deadline_in_process_passes_when_paused_time_does() {
    let inside = near(LAST);
    let began = Instant::now();
    assert!(inside.hang().await.unwrap_err().is_timeout());
    assert_eq!(began.elapsed(), Duration::from_millis(60));
    let began = Instant::now();
    let mut items = inside.hang_in_stream().await.unwrap();
    assert!(
        items
            .next()
            .await
            .expect("no end")
            .unwrap_err()
            .is_timeout()
    );
    assert!(items.next().await.is_none());
    assert_eq!(began.elapsed(), Duration::from_millis(60));
    let patient = inside.with_options(seconds(4000));
    let began = Instant::now();
    assert!(patient.hang().await.unwrap_err().is_timeout());
    assert_eq!(began.elapsed(), Duration::from_secs(4000));
    let hasty = patient.with_options(seconds(0));
    assert!(hasty.look().await.unwrap_err().is_timeout());
}

/// Fails unless a call in a call has the time of the outer one, and its trace.
async fn assert_inherited<C: Carrier>(outer: InsideClient<C>) {
    let trace = TraceContext {
        trace_id: [8; 16],
        parent_id: [9; 8],
        flags: 0,
    };
    let outer = outer.with_options(seconds(3).with_trace(trace));
    let mut streamed = outer.ask_next_in_stream(stream::iter([1])).await.unwrap();
    let streamed = soon("an item", streamed.next()).await.expect("no end");
    let seen = [
        soon("the call", outer.ask_next()).await.unwrap(),
        streamed.unwrap(),
    ];
    for seen in seen {
        assert_eq!(seen.method, "inside.v1.look-around");
        assert!(seen.remaining <= Duration::from_secs(3), "{seen:?}");
        assert_eq!(seen.trace, Some([8; 16]));
    }
    // Where the inner one has less time by itself, it keeps to that.
    let seen = soon("the call", outer.with_options(seconds(100)).ask_next()).await;
    assert!(seen.unwrap().remaining <= Duration::from_secs(7));
}

#[tokio::test]
async fn calls_in_a_call_inherit_its_deadline_over_any_carrier() {
    let (_last, last) = serve(LAST).await;
    let next = || Some(InsideClient::new(last.clone()));
    assert_inherited(near(Room { next: next() })).await;
    let (_running, rpc) = serve(Room { next: next() }).await;
    assert_inherited(InsideClient::new(rpc)).await;
    let next = || Some(near(LAST));
    assert_inherited(near(Room { next: next() })).await;
    let (_running, rpc) = serve(Room { next: next() }).await;
    assert_inherited(InsideClient::new(rpc)).await;
}

fn assert_internal(error: &RpcError) {
    assert!(matches!(error, RpcError::InternalError(_)), "{error:?}");
    let told = format!("{error} {error:?}");
    assert!(!told.contains("hunter2"), "{told}");
}

async fn assert_panics_are_contained<C: Carrier>(inside: &InsideClient<C>) {
    let mut beside = inside.both(stream::iter([1, 2])).await.unwrap();
    for after in [None, Some(3)] {
        let error = inside.fall(after).await.unwrap_err();
        assert_internal(error.rpc().expect("no service's error"));
        assert!(!error.is_retryable());
    }
    let mut items = inside.fall_in_stream(3).await.unwrap();
    for expected in 0..3 {
        assert_eq!(items.next().await.expect("no end").unwrap(), expected);
    }
    let error = items.next().await.expect("no end").unwrap_err();
    assert_internal(error.rpc().expect("no service's error"));
    assert!(items.next().await.is_none());
    let error = inside.fall_reading(stream::iter([1])).await.unwrap_err();
    assert_internal(error.rpc().expect("no service's error"));
    for _ in 0..2 {
        assert!(beside.next().await.expect("no end").is_ok());
    }
    assert!(beside.next().await.is_none());
    assert!(inside.look().await.is_ok());
}

#[tokio::test]
async fn a_panic_in_a_typed_handler_fails_its_call_alone() {
    let (running, rpc) = serve(LAST).await;
    let inside = InsideClient::new(rpc.clone());
    soon("all calls", assert_panics_are_contained(&inside)).await;
    eventually("nothing runs", || running.server.running_calls() == 0).await;
    assert_eq!(rpc.call("echo", vec![1]).await.unwrap(), [1]);
}

#[tokio::test]
async fn a_panic_in_a_handler_in_process_fails_its_call_alone() {
    assert_panics_are_contained(&near(LAST)).await;
}
