//! Giving up a call at any stage drops its handler and harms nothing else.

use std::future::{Future, pending, poll_fn};
use std::sync::Arc;
use std::task::Poll;

use futures::{FutureExt, StreamExt, stream};
use rpcnet::{CallContext, ResponseStream, RpcClient, RpcConfig, RpcServer};
use tokio::sync::{Semaphore, mpsc};

use crate::pair::{Running, echo, eventually, soon};
use crate::probe::Probe;

/// A server whose handlers wait at every stage of a call, and a client of it.
struct Scene {
    running: Running,
    client: RpcClient,
    probe: Probe,
    /// Lets as many waiting handlers go on as it has permits.
    release: Arc<Semaphore>,
    /// A call that lives as long as the scene: what it is on must not be harmed.
    witness: Witness,
}

/// An echoing call and what it is asked.
struct Witness {
    questions: mpsc::Sender<Vec<u8>>,
    answers: ResponseStream,
}

impl Witness {
    async fn new(client: &RpcClient) -> Self {
        let (questions, asked) = mpsc::channel(1);
        let asked = stream::unfold(asked, |mut asked| async move {
            asked.recv().await.map(|question| (question, asked))
        });
        let answers = client.call_streaming("echo_stream", asked).await.unwrap();
        let mut witness = Self { questions, answers };
        witness.ask().await;
        witness
    }

    async fn ask(&mut self) {
        self.questions.send(b"well?".to_vec()).await.unwrap();
        let answer = soon("the witness", self.answers.next()).await;
        assert_eq!(answer.expect("the call is open").unwrap(), b"well?");
    }
}

impl Scene {
    async fn new() -> Self {
        Self::with(|config| config).await
    }

    async fn with(configure: impl FnOnce(RpcConfig) -> RpcConfig) -> Self {
        let probe = Probe::new();
        let release = Arc::new(Semaphore::new(0));
        let running = Running::with(configure, |server| {
            register(server, probe.clone(), release.clone())
        })
        .await;
        let client = running.client().await;
        let witness = Witness::new(&client).await;
        Self {
            running,
            client,
            probe,
            release,
            witness,
        }
    }

    /// The call has left nothing behind, and its connection serves on.
    async fn check_unharmed(&mut self) {
        let server = &self.running.server;
        eventually("every call but the witness ends", || {
            server.running_calls() == 1
        })
        .await;
        self.witness.ask().await;
        let echoed = soon("echo", self.client.call("echo", b"alive".to_vec())).await;
        assert_eq!(echoed.unwrap(), b"alive");
    }

    /// Polls a future until the handlers have got far enough, and gives it up.
    async fn abandon_once<T>(
        &self,
        call: impl Future<Output = T>,
        far_enough: impl FnMut(&crate::probe::Seen) -> bool,
    ) {
        tokio::select! {
            biased;
            _ = self.probe.until(far_enough) => {}
            _ = call => panic!("the call ended by itself"),
        }
    }
}

/// `wait` and `wait_big` reply once released, `stream_*` wait where their names say.
async fn register(server: RpcServer, probe: Probe, release: Arc<Semaphore>) {
    echo(server.clone()).await;
    let of = probe.clone();
    server
        .register("wait", move |payload| {
            let (stay, release) = (of.enter(), release.clone());
            async move {
                release.acquire().await.unwrap().forget();
                stay.finish();
                Ok(payload)
            }
        })
        .await;
    let of = probe.clone();
    server
        .register("big_reply", move |_| {
            let stay = of.enter();
            async move {
                stay.finish();
                Ok(vec![7; 4 << 20])
            }
        })
        .await;
    let of = probe.clone();
    server
        .register_streaming("silent", move |_requests| {
            let stay = of.enter();
            async move {
                stream::once(async move {
                    pending::<()>().await;
                    stay.finish();
                    Ok(vec![])
                })
            }
        })
        .await;
    let of = probe.clone();
    server
        .register_streaming("endless", move |_requests| {
            let (stay, of) = (of.enter(), of.clone());
            async move {
                stream::repeat_with(move || {
                    let _ = &stay;
                    of.item();
                    Ok(vec![1; 100])
                })
            }
        })
        .await;
    server
        .register_streaming("reader", move |mut requests| {
            let (stay, probe) = (probe.enter(), probe.clone());
            async move {
                stream::once(async move {
                    while requests.next().await.is_some() {
                        probe.item();
                    }
                    probe.end();
                    pending::<()>().await;
                    stay.finish();
                    Ok(vec![])
                })
            }
        })
        .await;
}

/// A request stream of these items that then stays open, and tells when it is dropped.
fn open_ended(
    items: usize,
) -> (
    impl futures::Stream<Item = Vec<u8>> + Send + 'static,
    tokio::sync::oneshot::Receiver<()>,
) {
    let (held, dropped) = tokio::sync::oneshot::channel::<()>();
    let requests = stream::iter((0..items).map(|_| vec![2; 100])).chain(stream::pending());
    let requests = requests.inspect(move |_| {
        let _ = &held;
    });
    (requests, dropped)
}

#[tokio::test]
async fn a_call_dropped_before_its_first_poll_is_never_made() {
    let mut scene = Scene::new().await;
    drop(scene.client.call("wait", vec![]));
    scene.check_unharmed().await;
    assert_eq!(scene.probe.seen().started, 0);
}

#[tokio::test]
async fn a_call_dropped_while_connecting_is_never_made_and_the_next_one_connects() {
    let mut scene = Scene::new().await;
    let lazy = RpcClient::new(scene.running.addr, scene.running.certs.client()).unwrap();
    assert!(
        lazy.call("wait", vec![]).now_or_never().is_none(),
        "it has to connect first"
    );
    assert_eq!(soon("echo", lazy.call("echo", vec![3])).await.unwrap(), [3]);
    assert_eq!(scene.probe.seen().started, 0);
    scene.check_unharmed().await;
}

#[tokio::test]
async fn a_call_dropped_after_its_first_poll_ends_at_the_server() {
    let mut scene = Scene::new().await;
    assert!(scene.client.call("wait", vec![]).now_or_never().is_none());
    scene.check_unharmed().await;
    let seen = scene.probe.seen();
    assert_eq!((seen.dropped, seen.finished), (seen.started, 0));
}

#[tokio::test]
async fn a_call_dropped_while_it_waits_for_a_place_is_never_made() {
    let mut scene = Scene::with(|config| config.with_max_calls(2, 10)).await;
    let mut first = Box::pin(scene.client.call("wait", vec![1]));
    scene
        .abandon_once(&mut first, |seen| seen.started == 1)
        .await;
    let mut second = Box::pin(scene.client.call("wait", vec![2]));
    for _ in 0..10 {
        assert!((&mut second).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    drop(second);
    scene.release.add_permits(1);
    assert_eq!(soon("the first call", first).await.unwrap(), [1]);
    scene.check_unharmed().await;
    assert_eq!(scene.probe.seen().started, 1);
}

#[tokio::test]
async fn a_call_dropped_while_its_handler_waits_drops_the_handler() {
    let mut scene = Scene::new().await;
    scene
        .abandon_once(scene.client.call("wait", vec![]), |seen| seen.started == 1)
        .await;
    scene.probe.dropped(1).await;
    scene.check_unharmed().await;
    assert_eq!(scene.probe.seen().finished, 0);
}

#[tokio::test]
async fn a_call_dropped_with_its_upload_half_sent_never_reaches_its_handler() {
    let mut scene = Scene::with(|config| {
        let mut limits = config.limits().clone();
        limits.message_bytes_max = 1 << 20;
        // One long request fills it, the next one is read in part only.
        limits.queued_request_bytes_max = 1 << 20;
        config.with_limits(limits)
    })
    .await;
    let mut first = Box::pin(scene.client.call("wait", vec![1; 1 << 20]));
    scene
        .abandon_once(&mut first, |seen| seen.started == 1)
        .await;
    let server = &scene.running.server;
    let second = scene.client.call("wait", vec![2; 1 << 20]);
    tokio::select! {
        biased;
        () = eventually("the second call arrives", || server.running_calls() == 3) => {}
        _ = second => panic!("the call ended by itself"),
    }
    eventually("the second call ends", || server.running_calls() == 2).await;
    scene.release.add_permits(1);
    assert_eq!(soon("the first call", first).await.unwrap().len(), 1 << 20);
    let third = scene.client.call("echo", vec![3; 1 << 20]);
    assert_eq!(
        soon("a third call finds room", third).await.unwrap().len(),
        1 << 20
    );
    scene.check_unharmed().await;
    assert_eq!(scene.probe.seen().started, 1);
}

#[tokio::test]
async fn a_reply_dropped_half_received_gives_its_room_back() {
    // Room for one such reply: one that kept it would have the next one refused.
    let mut scene = Scene::with(|config| config.with_max_queued_reply_bytes(4 << 20)).await;
    for round in 1..=5 {
        let call = scene.client.call("big_reply", vec![]);
        scene
            .abandon_once(call, |seen| seen.finished == round)
            .await;
        // The room is back a moment after the handler has ended.
        let mut reply = soon("a reply", scene.client.call("echo", vec![1; 4 << 20])).await;
        for _ in 0..1000 {
            if reply.is_ok() {
                break;
            }
            reply = soon("a reply", scene.client.call("echo", vec![1; 4 << 20])).await;
        }
        assert_eq!(reply.unwrap().len(), 4 << 20);
    }
    scene.check_unharmed().await;
}

#[tokio::test]
async fn a_streaming_call_dropped_while_it_opens_leaves_no_handler() {
    let mut scene = Scene::new().await;
    let (requests, dropped) = open_ended(3);
    let mut call = Box::pin(scene.client.call_streaming("reader", requests));
    let _ = (&mut call).now_or_never();
    drop(call);
    let _ = soon("the request stream is dropped", dropped).await;
    scene.check_unharmed().await;
    let seen = scene.probe.seen();
    assert_eq!((seen.dropped, seen.ends), (seen.started, 0));
}

#[tokio::test]
async fn responses_dropped_before_the_first_one_drop_the_handler() {
    let mut scene = Scene::new().await;
    let responses = scene
        .client
        .call_server_streaming("silent", vec![])
        .await
        .unwrap();
    scene.probe.started(1).await;
    drop(responses);
    scene.probe.dropped(1).await;
    scene.check_unharmed().await;
}

#[tokio::test]
async fn responses_dropped_in_the_middle_drop_the_handler() {
    let mut scene = Scene::new().await;
    let mut responses = scene
        .client
        .call_server_streaming("endless", vec![])
        .await
        .unwrap();
    for _ in 0..3 {
        assert_eq!(
            soon("a response", responses.next())
                .await
                .unwrap()
                .unwrap()
                .len(),
            100
        );
    }
    drop(responses);
    scene.probe.dropped(1).await;
    scene.check_unharmed().await;
}

#[tokio::test]
async fn unread_responses_dropped_with_the_window_full_drop_the_handler() {
    let mut scene = Scene::new().await;
    let responses = scene
        .client
        .call_server_streaming("endless", vec![])
        .await
        .unwrap();
    // More than the consumer's window: from here on the handler is held back.
    scene.probe.until(|seen| seen.items >= 3000).await;
    drop(responses);
    scene.probe.dropped(1).await;
    scene.check_unharmed().await;
}

#[tokio::test]
async fn responses_dropped_while_the_upload_idles_drop_both_sides_streams() {
    let mut scene = Scene::new().await;
    let (requests, dropped) = open_ended(3);
    let responses = scene
        .client
        .call_streaming("reader", requests)
        .await
        .unwrap();
    scene.probe.until(|seen| seen.items == 3).await;
    drop(responses);
    scene.probe.dropped(1).await;
    let _ = soon("the request stream is dropped", dropped).await;
    scene.check_unharmed().await;
    assert_eq!(scene.probe.seen().ends, 0, "a cancelled upload has no end");
}

#[tokio::test]
async fn responses_dropped_while_the_upload_is_held_back_drop_both_sides_streams() {
    let mut scene = Scene::new().await;
    let (held, dropped) = tokio::sync::oneshot::channel::<()>();
    let pulled = Probe::new();
    let of = pulled.clone();
    let requests = stream::repeat_with(move || {
        let _ = &held;
        of.item();
        vec![3; 64 << 10]
    });
    let responses = scene
        .client
        .call_streaming("silent", requests)
        .await
        .unwrap();
    scene.probe.started(1).await;
    // Nobody reads: with the window full, the upload waits.
    pulled.until(|seen| seen.items >= 5).await;
    drop(responses);
    scene.probe.dropped(1).await;
    let _ = soon("the request stream is dropped", dropped).await;
    scene.check_unharmed().await;
}

#[tokio::test]
async fn responses_dropped_after_the_half_close_drop_the_handler() {
    let mut scene = Scene::new().await;
    let requests = stream::iter([vec![1], vec![2]]);
    let responses = scene
        .client
        .call_streaming("reader", requests)
        .await
        .unwrap();
    scene.probe.until(|seen| seen.ends == 1).await;
    drop(responses);
    scene.probe.dropped(1).await;
    scene.check_unharmed().await;
}

#[tokio::test]
async fn a_client_streaming_call_dropped_in_the_middle_never_ends_for_its_handler() {
    let mut scene = Scene::new().await;
    let (requests, dropped) = open_ended(2);
    let call = scene.client.call_client_streaming("reader", requests);
    scene.abandon_once(call, |seen| seen.items == 2).await;
    scene.probe.dropped(1).await;
    let _ = soon("the request stream is dropped", dropped).await;
    scene.check_unharmed().await;
    assert_eq!(scene.probe.seen().ends, 0, "a cancelled upload has no end");
}

#[tokio::test]
async fn a_handler_that_watches_its_requests_never_takes_a_cut_for_the_end() {
    let probe = Probe::new();
    let of = probe.clone();
    let running = Running::new(|server| async move {
        echo(server.clone()).await;
        server
            .register_streaming_with_context("strict", move |_context, mut requests| {
                let (stay, probe) = (of.enter(), of.clone());
                async move {
                    stream::once(async move {
                        while let Some(item) = requests.next().await {
                            if item.is_err() {
                                // The handler may yet clean up; it is dropped here.
                                pending::<()>().await;
                            }
                            probe.item();
                        }
                        probe.end();
                        stay.finish();
                        Ok(vec![])
                    })
                }
            })
            .await;
    })
    .await;
    let client = running.client().await;
    for round in 1..=20 {
        let (requests, _dropped) = open_ended(round);
        let responses = client.call_streaming("strict", requests).await.unwrap();
        probe.started(round).await;
        drop(responses);
        probe.dropped(round).await;
    }
    assert_eq!(probe.seen().ends, 0);
    assert_eq!(client.call("echo", vec![1]).await.unwrap(), [1]);
}

#[tokio::test]
async fn calls_dropped_after_any_number_of_polls_leave_nothing_behind() {
    let mut scene = Scene::new().await;
    scene.release.add_permits(10_000);
    for polls in 0..40 {
        for method in ["wait", "big_reply"] {
            let mut call = Box::pin(scene.client.call(method, vec![5; 10_000]));
            let mut left = polls;
            poll_fn(|cx| {
                if left == 0 || call.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                left -= 1;
                cx.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
        }
    }
    scene.check_unharmed().await;
    let seen = scene.probe.seen();
    assert_eq!(seen.started, seen.finished + seen.dropped);
}

#[tokio::test]
async fn one_cancelled_call_of_many_leaves_the_others_alone() {
    let mut scene = Scene::new().await;
    let mut calls: Vec<_> = (0..50u8)
        .map(|n| Box::pin(scene.client.call("wait", vec![n])))
        .collect();
    let all = futures::future::join_all(calls.iter_mut());
    scene.abandon_once(all, |seen| seen.started == 50).await;
    drop(calls.remove(20));
    scene.probe.dropped(1).await;
    scene.release.add_permits(49);
    let replies = soon("the others", futures::future::join_all(calls)).await;
    let replies: Vec<u8> = replies.into_iter().map(|reply| reply.unwrap()[0]).collect();
    assert_eq!(replies, (0..50).filter(|n| *n != 20).collect::<Vec<u8>>());
    scene.check_unharmed().await;
    assert_eq!(scene.probe.seen().dropped, 1);
}

#[tokio::test]
async fn a_nested_call_is_cancelled_with_the_outer_one() {
    let mut inner = Scene::new().await;
    let nested = inner.client.clone();
    let outer = Running::new(|server| async move {
        server
            .register("outer", move |payload| nested.call("wait", payload))
            .await;
    })
    .await;
    let client = outer.client().await;
    inner
        .abandon_once(client.call("outer", vec![]), |seen| seen.started == 1)
        .await;
    inner.probe.dropped(1).await;
    eventually("the outer call ends", || outer.server.running_calls() == 0).await;
    inner.check_unharmed().await;
}

#[tokio::test]
async fn tasks_that_a_handler_spawned_learn_of_the_cancellation() {
    let (told, mut heard) = mpsc::channel::<bool>(1);
    let probe = Probe::new();
    let of = probe.clone();
    let running = Running::new(|server| async move {
        server
            .register_with_context("spawns", move |context: CallContext, _| {
                let (stay, told) = (of.enter(), told.clone());
                tokio::spawn(async move {
                    let before = context.is_cancelled();
                    context.cancelled().await;
                    told.send(!before && context.is_cancelled()).await
                });
                async move {
                    pending::<()>().await;
                    stay.finish();
                    Ok(vec![])
                }
            })
            .await;
    })
    .await;
    let client = running.client().await;
    tokio::select! {
        biased;
        () = probe.started(1) => {}
        _ = client.call("spawns", vec![]) => panic!("the call ended by itself"),
    }
    assert_eq!(soon("the spawned task", heard.recv()).await, Some(true));
    probe.dropped(1).await;
}
