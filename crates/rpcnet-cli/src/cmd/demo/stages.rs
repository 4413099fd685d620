//! The stages: each makes one promise of the library visible, or fails.

use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt, future, stream};
use rpcnet::{CallError, CallOptions, CodecId, HandlerRan, RpcClient, RpcError};

use super::report::{Latencies, StageFailure, StageReport, milliseconds};
use super::server::{MESSAGE_BYTES_MAX, NAP, Stats};
use super::words::{COUNT_MAX, Guest, Language, WordsClient, WordsError};
use super::{Demo, anonymous, connect, identified, start_server};

/// What is shown, in this order. A stage leaves a server and a client behind that work;
/// only the last one ends the server.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stage {
    Shapes,
    Types,
    Concurrency,
    Identity,
    Cancellation,
    Deadline,
    Limit,
    Panic,
    Crash,
    Shutdown,
}

impl Stage {
    pub(super) const ALL: [Self; 10] = [
        Self::Shapes,
        Self::Types,
        Self::Concurrency,
        Self::Identity,
        Self::Cancellation,
        Self::Deadline,
        Self::Limit,
        Self::Panic,
        Self::Crash,
        Self::Shutdown,
    ];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Shapes => "four shapes of calls",
            Self::Types => "typed errors, and JSON for everybody else",
            Self::Concurrency => "many calls at once on one connection",
            Self::Identity => "mutual TLS",
            Self::Cancellation => "a cancelled call",
            Self::Deadline => "an expired deadline",
            Self::Limit => "a message that is too large",
            Self::Panic => "a handler that panics",
            Self::Crash => "a server that is killed and restarted",
            Self::Shutdown => "a graceful shutdown",
        }
    }

    pub(super) async fn run(self, demo: &mut Demo<'_>) -> Result<StageReport, StageFailure> {
        match self {
            Self::Shapes => shapes(&demo.client).await,
            Self::Types => types(&demo.client).await,
            Self::Concurrency => concurrency(&demo.client).await,
            Self::Identity => identity(demo).await,
            Self::Cancellation => cancellation(&demo.client).await,
            Self::Deadline => deadline(&demo.client).await,
            Self::Limit => limit(&demo.client).await,
            Self::Panic => panic(&demo.client).await,
            Self::Crash => crash(demo).await,
            Self::Shutdown => shutdown(demo).await,
        }
    }
}

/// Calls of the concurrency stage, and how many of them are under way at once.
const CALLS: usize = 5000;
const CALLS_AT_ONCE: usize = 64;
/// Calls under way when the server is killed, and when it is shut down.
const CALLS_CUT: u64 = 8;
/// How long the call of the deadline stage may take.
const SHORT: Duration = Duration::from_millis(150);
/// Within this a call must end that nothing holds up.
const PATIENCE: Duration = Duration::from_secs(10);

async fn shapes(client: &RpcClient) -> Result<StageReport, StageFailure> {
    let words = WordsClient::new(client.clone());
    let began = Instant::now();
    let greeting = words.greet(guest("world", Language::English)).await?;
    let unary = began.elapsed();
    expect(
        greeting == "hello, world",
        "the greeting is not what was asked for",
    )?;

    let counted: Vec<u32> = words.count_down(5).await?.try_collect().await?;
    expect(counted == [5, 4, 3, 2, 1], "the count came out wrong")?;

    let total = words.total(stream::iter(vec![vec![0; 1000]; 1000])).await?;
    expect(total == 1_000_000, "bytes of the upload are missing")?;

    let said = ["over", "and", "out"].map(String::from);
    let shouted: Vec<String> = words.shout(stream::iter(said)).await?.try_collect().await?;
    expect(
        shouted.join(" ") == "OVER AND OUT",
        "the answers came out wrong",
    )?;
    Ok(vec![
        format!("unary: \"hello, world\" in {}", milliseconds(unary)),
        "server streaming: one request, 5 responses in order".into(),
        "client streaming: 1,000 requests of 1,000 bytes, one response".into(),
        "bidirectional: 3 requests up, 3 responses down".into(),
    ])
}

/// The service's own errors, and its methods called by someone who has only its JSON.
async fn types(client: &RpcClient) -> Result<StageReport, StageFailure> {
    let words = WordsClient::new(client.clone());
    let Err(refusal) = words.greet(guest("worf", Language::Klingon)).await else {
        return Err(StageFailure::new("the server claims to speak Klingon"));
    };
    let language = Language::Klingon;
    expect(
        refusal.service() == Some(&WordsError::NotSpoken { language }),
        "the service's error arrived as something else",
    )?;

    let mut counted = words.count_down(COUNT_MAX + 1).await?;
    let Some(Err(CallError::Service(too_far))) = counted.next().await else {
        return Err(StageFailure::new("the stream did not begin with its error"));
    };

    let json = br#"{"name": "world", "language": "French"}"#;
    let options = CallOptions::new().with_codec(CodecId::JSON);
    let answer = client
        .call_with("Words.greet", json.to_vec(), options)
        .await?;
    expect(
        answer == br#""bonjour, world""#,
        "JSON was not answered in JSON",
    )?;
    Ok(vec![
        format!("a unary error, typed: {refusal}"),
        format!("the error of a stream, as its first item: {too_far:?}"),
        format!(
            "the same method in JSON: {} -> {}",
            String::from_utf8_lossy(json),
            String::from_utf8_lossy(&answer)
        ),
    ])
}

fn guest(name: &str, language: Language) -> Guest {
    Guest {
        name: name.into(),
        language,
    }
}

async fn concurrency(client: &RpcClient) -> Result<StageReport, StageFailure> {
    let one_by_one = Latencies::new(echo_many(client, CALLS / 10, 1).await?);
    let began = Instant::now();
    let at_once = Latencies::new(echo_many(client, CALLS, CALLS_AT_ONCE).await?);
    let rate = CALLS as f64 / began.elapsed().as_secs_f64();
    Ok(vec![
        format!("{} calls one after another: {one_by_one}", CALLS / 10),
        format!("{CALLS} calls, {CALLS_AT_ONCE} at once: {at_once}, {rate:.0} calls/s"),
        "every answer belonged to its call".into(),
    ])
}

/// How long each of `count` calls took, of which `at_once` are under way together.
async fn echo_many(
    client: &RpcClient,
    count: usize,
    at_once: usize,
) -> Result<Vec<Duration>, StageFailure> {
    let calls = (0..count).map(|number| async move {
        let payload = format!("payload {number:>55}").into_bytes();
        let began = Instant::now();
        let answer = client.call("echo", payload.clone()).await?;
        expect(answer == payload, "an answer belongs to another call")?;
        Ok(began.elapsed())
    });
    stream::iter(calls)
        .buffer_unordered(at_once)
        .try_collect()
        .await
}

async fn identity(demo: &Demo<'_>) -> Result<StageReport, StageFailure> {
    let unknown = demo.client.call("who_am_i", vec![]).await?;
    expect(
        unknown == b"anonymous",
        "a client without a certificate has a name",
    )?;
    let client = connect(demo.server.address(), identified(demo.dir)).await?;
    let known = String::from_utf8(client.call("who_am_i", vec![]).await?)?;
    expect(known == "client", "the client's certificate went unseen")?;

    // A CA that the server does not know signs whatever name one likes.
    let strangers = tempfile::tempdir()?;
    rpcnet::certs::dev_certificates(strangers.path())?;
    let forged = identified(strangers.path()).with_ca_path(demo.dir.join("ca.pem"));
    let Err(refused) = connect(demo.server.address(), forged).await else {
        return Err(StageFailure::new(
            "a certificate of an unknown CA was accepted",
        ));
    };
    expect(
        matches!(refused, RpcError::TlsError(_)),
        "the refusal does not blame TLS",
    )?;
    Ok(vec![
        format!("the server knows the caller by its verified certificate: \"{known}\""),
        "a caller without a certificate is \"anonymous\" to it".into(),
        format!("a certificate of a strange CA is refused: {refused}"),
    ])
}

async fn cancellation(client: &RpcClient) -> Result<StageReport, StageFailure> {
    let before = stats(client, Stats::default()).await?;
    let call = tokio::spawn(client.call("wait", vec![]));
    stats(
        client,
        Stats {
            started: before.started + 1,
            ..before
        },
    )
    .await?;
    let began = Instant::now();
    // Ends the task, which drops the call's future: all it takes to cancel a call.
    call.abort();
    let after = stats(
        client,
        Stats {
            started: before.started + 1,
            ended: before.ended + 1,
            ..before
        },
    )
    .await?;
    let took = began.elapsed();
    // The call's place is free a moment after its handler is gone.
    while stats(client, Stats::default()).await?.running > 0 {
        expect(
            began.elapsed() < PATIENCE,
            "the call is still running at the server",
        )?;
    }
    Ok(vec![
        "the caller dropped its future while the handler was waiting".into(),
        format!(
            "the server had dropped the handler and said so {} later",
            milliseconds(took)
        ),
        format!("it had {} left, and calls running now: 0", left(&after)),
    ])
}

async fn deadline(client: &RpcClient) -> Result<StageReport, StageFailure> {
    let before = stats(client, Stats::default()).await?;
    let options = CallOptions::new().with_timeout(SHORT);
    let began = Instant::now();
    let outcome = client.call_with("wait", vec![], options).await;
    let took = began.elapsed();
    let Err(error) = outcome else {
        return Err(StageFailure::new("a call that never ends has ended"));
    };
    expect(
        error.is_timeout(),
        "the caller was not told of its deadline",
    )?;
    let after = stats(
        client,
        Stats {
            started: before.started + 1,
            ended: before.ended + 1,
            ..before
        },
    )
    .await?;
    let given = Duration::from_micros(after.given_us);
    expect(
        given <= SHORT,
        "the handler was given more time than its caller had",
    )?;
    Ok(vec![
        format!(
            "the caller allowed {}: {error} after {}",
            milliseconds(SHORT),
            milliseconds(took)
        ),
        format!(
            "the server's handler was given {} and dropped after {}",
            milliseconds(given),
            milliseconds(Duration::from_micros(after.lived_us))
        ),
    ])
}

async fn limit(client: &RpcClient) -> Result<StageReport, StageFailure> {
    let at_limit = client.call("echo", vec![0; MESSAGE_BYTES_MAX]).await?;
    expect(
        at_limit.len() == MESSAGE_BYTES_MAX,
        "a message at the limit was not answered whole",
    )?;
    let before = client.local_addr();
    let Err(error) = client.call("echo", vec![0; MESSAGE_BYTES_MAX + 1]).await else {
        return Err(StageFailure::new("a message beyond the limit was accepted"));
    };
    let names_limit = error.to_string().contains(&MESSAGE_BYTES_MAX.to_string());
    expect(names_limit, "the refusal does not name the limit")?;
    expect(
        error.handler_ran() == HandlerRan::No,
        "a refused message reached the handler",
    )?;
    client.call("echo", vec![]).await?;
    expect(
        client.local_addr() == before,
        "the refusal cost the connection",
    )?;
    Ok(vec![
        format!("{MESSAGE_BYTES_MAX} bytes: answered in full"),
        format!("one byte more: {error}"),
        "the handler did not run, and the connection lives on".into(),
    ])
}

async fn panic(client: &RpcClient) -> Result<StageReport, StageFailure> {
    // Sent together, so that they share the connection while one of them panics.
    let (panicked, other) = future::join(
        client.call("panic", vec![]),
        client.call("nap", b"safe".to_vec()),
    )
    .await;
    let Err(error) = panicked else {
        return Err(StageFailure::new("a handler that panicked has answered"));
    };
    expect(
        matches!(error, RpcError::InternalError(_)),
        "a panic is not reported as one",
    )?;
    expect(other? == b"safe", "a panic harmed another call")?;
    Ok(vec![
        format!("that call: {error}"),
        "a call beside it on the same connection was answered".into(),
    ])
}

async fn crash(demo: &mut Demo<'_>) -> Result<StageReport, StageFailure> {
    let client = demo.client.clone();
    let before = stats(&client, Stats::default()).await?;
    let in_flight: Vec<_> = (0..CALLS_CUT)
        .map(|_| tokio::spawn(client.call("wait", vec![])))
        .collect();
    stats(
        &client,
        Stats {
            started: before.started + CALLS_CUT,
            ..before
        },
    )
    .await?;

    let killed = Instant::now();
    demo.server.kill().await?;
    let address = demo.server.address();
    let options = CallOptions::new()
        .with_timeout(PATIENCE)
        .idempotent()
        .wait_for_ready();
    let first = tokio::spawn(client.call_with("echo", b"back?".to_vec(), options));
    demo.server = start_server(demo.dir, &address.to_string()).await?;
    let ready = Instant::now();
    expect(
        demo.server.address() == address,
        "the server came back elsewhere",
    )?;
    expect(
        first.await?? == b"back?",
        "the first call after the restart failed",
    )?;
    let answered = Instant::now();

    let mut reasons = Vec::new();
    for call in in_flight {
        let Err(error) = call.await? else {
            return Err(StageFailure::new("a call that was cut has an answer"));
        };
        expect(
            error.handler_ran() == HandlerRan::Maybe,
            "a call in flight is said not to have run",
        )?;
        expect(
            !error.is_retryable(),
            "a call that may have run is said to be safe to repeat",
        )?;
        reasons.push(error.to_string());
    }
    reasons.dedup();
    Ok(vec![
        format!("killed (no goodbye) with {CALLS_CUT} calls in flight, restarted on {address}"),
        format!(
            "first answer {} after the restart, {} after the kill",
            milliseconds(answered.saturating_duration_since(ready)),
            milliseconds(answered - killed)
        ),
        format!(
            "the calls in flight: {}; may have run, so not sent again",
            reasons.join("; ")
        ),
    ])
}

async fn shutdown(demo: &mut Demo<'_>) -> Result<StageReport, StageFailure> {
    let client = demo.client.clone();
    let naps: Vec<_> = (0..CALLS_CUT)
        .map(|_| tokio::spawn(client.call("nap", b"done".to_vec())))
        .collect();
    while stats(&client, Stats::default()).await?.running < CALLS_CUT {}
    let late = connect(demo.server.address(), anonymous(demo.dir)).await?;
    demo.server.ask_to_stop();
    let refused = first_refusal(&late).await?;
    for nap in naps {
        expect(
            nap.await?? == b"done",
            "a running call was answered wrongly",
        )?;
    }
    let report = demo.server.stopped().await?;
    let clean = format!("{CALLS_CUT} completed, 0 cut");
    expect(
        report.starts_with(&clean),
        &format!("the server reports: {report}"),
    )?;
    Ok(vec![
        format!(
            "{CALLS_CUT} calls of {} under way: all answered",
            milliseconds(NAP)
        ),
        format!("a call that came too late: {refused}; safe to send elsewhere"),
        format!("the server reports: {report}; exit code 0"),
    ])
}

/// Calls until the server refuses, which it does from when its drain has begun.
async fn first_refusal(client: &RpcClient) -> Result<RpcError, StageFailure> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if let Err(error) = client.call("echo", vec![]).await {
            expect(
                error.is_retryable(),
                &format!("the refusal is not safe to repeat: {error}"),
            )?;
            return Ok(error);
        }
    }
    Err(StageFailure::new("the server took calls on and on"))
}

/// The server's statistics, once they are at least these.
async fn stats(client: &RpcClient, at_least: Stats) -> Result<Stats, StageFailure> {
    let options = CallOptions::new().with_timeout(PATIENCE);
    let stats = client
        .call_with("stats", at_least.encode(), options)
        .await?;
    Ok(Stats::decode(&stats)?)
}

/// The time that the last handler to end still had.
fn left(stats: &Stats) -> String {
    let left = stats.given_us.saturating_sub(stats.lived_us);
    format!("{:.1} s", Duration::from_micros(left).as_secs_f64())
}

fn expect(holds: bool, otherwise: &str) -> Result<(), StageFailure> {
    if holds {
        Ok(())
    } else {
        Err(StageFailure::new(otherwise))
    }
}
