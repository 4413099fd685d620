//! Arguments, items and ends of every shape of method arrive as they were sent.

use futures::{StreamExt, TryStreamExt, stream};
use rpcnet::InProcess;

use super::lab::{Bench, LabClient, LabServer, Sample, Scene};
use crate::pair::soon;
use crate::probe::Probe;

#[tokio::test]
async fn arguments_arrive_in_their_places() {
    let scene = Scene::new().await;
    let joined = scene.lab.join("ab".into(), "c".into(), 3).await;
    assert_eq!(joined.unwrap(), "abcabcabc");
    let joined = scene.lab.join(String::new(), "c".into(), 0).await;
    assert_eq!(joined.unwrap(), "");
    scene.lab.ping().await.unwrap();
    for number in 0..20 {
        let sample = Sample::new(number);
        assert_eq!(scene.lab.mirror(sample.clone()).await.unwrap(), sample);
    }
}

#[tokio::test]
async fn arguments_around_a_request_stream_arrive_in_their_places() {
    let scene = Scene::new().await;
    let weighed = scene.lab.weigh(100, stream::iter([1, 2, 3]), 10).await;
    assert_eq!(weighed.unwrap(), 160);
    let numbers = stream::iter([1, 2, 3]);
    let relayed = scene.lab.relay_until(None, numbers).await.unwrap();
    let relayed: Vec<u64> = relayed.try_collect().await.unwrap();
    assert_eq!(relayed, [1, 2, 3]);
}

#[tokio::test]
async fn empty_streams_are_streams_in_every_direction() {
    let scene = Scene::new().await;
    let lab = &scene.lab;
    let none = stream::empty::<u64>;
    let samples = stream::empty::<Sample>;
    assert_eq!(lab.sum(none()).await.unwrap(), 0);
    assert_eq!(lab.weigh(7, none(), 2).await.unwrap(), 7);
    assert_eq!(lab.tally(samples()).await.unwrap(), 0);
    // The handlers saw an end, and were not just dropped.
    assert_eq!(scene.probe.seen().ends, 2);
    assert_eq!(lab.count(0).await.unwrap().count().await, 0);
    assert_eq!(lab.count_until(0, None).await.unwrap().count().await, 0);
    assert_eq!(lab.count_boxed(0).await.unwrap().count().await, 0);
    assert_eq!(lab.relay(none()).await.unwrap().count().await, 0);
    let relayed = lab.relay_until(None, none()).await.unwrap();
    assert_eq!(relayed.count().await, 0);
    let relayed = lab.relay_boxed(samples()).await.unwrap();
    assert_eq!(relayed.count().await, 0);
}

#[tokio::test]
async fn plain_items_results_and_boxes_carry_the_same() {
    let scene = Scene::new().await;
    let lab = &scene.lab;
    let expected: Vec<u64> = (0..50).collect();
    let plain: Vec<u64> = lab.count(50).await.unwrap().try_collect().await.unwrap();
    assert_eq!(plain, expected);
    let results = lab.count_until(50, None).await.unwrap();
    assert_eq!(results.try_collect::<Vec<_>>().await.unwrap(), expected);
    let boxed = lab.count_boxed(50).await.unwrap();
    assert_eq!(boxed.try_collect::<Vec<_>>().await.unwrap(), expected);
    assert_eq!(lab.sum(stream::iter(0..50)).await.unwrap(), 1225);
    assert_eq!(lab.weigh(0, stream::iter(0..50), 1).await.unwrap(), 1225);
    let samples: Vec<Sample> = (0..50).map(Sample::new).collect();
    let tallied = lab.tally(stream::iter(samples.clone())).await;
    assert_eq!(tallied.unwrap(), 50);
    let relayed = lab.relay_boxed(stream::iter(samples.clone())).await;
    let relayed: Vec<Sample> = relayed.unwrap().try_collect().await.unwrap();
    assert_eq!(relayed, samples);
}

#[tokio::test]
async fn a_stream_may_borrow_the_handler_it_comes_from() {
    let probe = Probe::new();
    let expected: Vec<Sample> = (0..3).map(Sample::new).collect();
    let scene = Scene::new().await;
    let held = scene.lab.held().await.unwrap();
    assert_eq!(held.try_collect::<Vec<_>>().await.unwrap(), expected);
    // Nothing but the call itself keeps the handler here.
    let carrier = InProcess::new(LabServer::service(Bench::new(&probe)));
    let lab = LabClient::new(carrier);
    let held = lab.held().await.unwrap();
    drop(lab);
    assert_eq!(held.try_collect::<Vec<_>>().await.unwrap(), expected);
}

#[tokio::test]
async fn items_are_answered_one_by_one_while_the_requests_stay_open() {
    let scene = Scene::new().await;
    let (mut sender, receiver) = futures::channel::mpsc::channel(1);
    let mut relayed = scene.lab.relay(receiver).await.unwrap();
    for number in 0..100 {
        sender.try_send(number).unwrap();
        let item = soon("an answer", relayed.next()).await;
        assert_eq!(item.expect("the call is open").unwrap(), number);
    }
    drop(sender);
    assert!(soon("the end", relayed.next()).await.is_none());
}

#[tokio::test]
async fn calls_of_one_client_can_be_spawned_and_run_at_once() {
    let scene = Scene::new().await;
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..200_u64 {
        // The future borrows neither the client nor its arguments.
        let call = scene.lab.double(number);
        calls.spawn(async move { (number, call.await.unwrap()) });
    }
    let doubled = soon("all calls", calls.join_all()).await;
    assert_eq!(doubled.len(), 200);
    assert!(doubled.iter().all(|(number, twice)| *twice == 2 * number));
}
