//! Workers that are there and fail their calls.

use std::sync::atomic::Ordering;
use std::time::Duration;

use rpcnet::cluster::{EjectionConfig, LoadBalancingStrategy, Worker, WorkerConfig};

use super::crew::Crew;
use crate::pair::{eventually, soon};

fn config() -> WorkerConfig {
    let ejection = EjectionConfig::default()
        .with_consecutive_failures(3)
        .with_durations(Duration::from_millis(100), Duration::from_millis(200));
    WorkerConfig::new(LoadBalancingStrategy::RoundRobin).with_ejection(ejection)
}

#[tokio::test]
async fn a_failing_worker_is_left_out_and_admitted_again_once_it_has_mended() {
    let crew = Crew::of(&["w-1", "w-2", "w-3"]).await;
    let client = crew.client_by(config()).await;
    let marks = &crew.workers[0].marks;
    marks.failing.store(u32::MAX, Ordering::SeqCst);
    let mut failed = 0;
    let is_out = |workers: &[Worker]| workers.iter().any(Worker::is_ejected);
    while !is_out(&client.registry().workers()) {
        let reply = client.call_worker("work", b"x".to_vec(), None).await;
        failed += u32::from(reply.is_err());
        tokio::task::yield_now().await;
        assert!(failed < 50, "it is never ejected");
    }
    assert!(failed >= 3, "{failed}");
    marks.failing.store(0, Ordering::SeqCst);
    let mending = async {
        while client.registry().workers().iter().any(Worker::is_ejected) {
            client
                .call_worker("work", b"x".to_vec(), None)
                .await
                .unwrap();
        }
    };
    soon("it is admitted again", mending).await;
    let before = marks.entered();
    for _ in 0..3 {
        client
            .call_worker("work", b"x".to_vec(), None)
            .await
            .unwrap();
    }
    assert!(marks.entered() > before, "it takes its part again");
}

#[tokio::test]
async fn where_all_fail_all_are_still_called() {
    let crew = Crew::of(&["w-1", "w-2"]).await;
    let client = crew.client_by(config()).await;
    for worker in &crew.workers {
        worker.marks.failing.store(u32::MAX, Ordering::SeqCst);
    }
    for _ in 0..60 {
        let reply = client.call_worker("work", b"x".to_vec(), None).await;
        assert!(reply.is_err(), "there is nobody who answers");
    }
    for worker in &crew.workers {
        let before = worker.marks.entered();
        assert!(before >= 3, "{before}");
    }
    for worker in &crew.workers {
        worker.marks.failing.store(0, Ordering::SeqCst);
    }
    let reply = client.call_worker("work", b"x".to_vec(), None).await;
    assert!(reply.is_ok(), "one of them is always called");
}

/// With nobody else there, a probation of one call at a time would fail all the others.
#[tokio::test]
async fn the_only_worker_takes_more_than_one_call_on_probation() {
    let crew = Crew::of(&["w-1"]).await;
    let client = crew.client_by(config()).await;
    let marks = &crew.workers[0].marks;
    marks.failing.store(3, Ordering::SeqCst);
    for _ in 0..3 {
        let reply = client.call_worker("work", Vec::new(), None).await;
        assert!(reply.is_err(), "it fails three calls in a row");
    }
    let is_out = |workers: &[Worker]| workers.iter().any(Worker::is_ejected);
    soon("it is out", client.registry().wait_until(is_out)).await;
    let calls: Vec<_> = (0..3)
        .map(|_| tokio::spawn(client.call_worker("hold", Vec::new(), None)))
        .collect();
    eventually("all three are taken", || marks.held() == 3).await;
    // With these in flight it gets on probation, and has to succeed to be admitted.
    let mending = async {
        while is_out(&client.registry().workers()) {
            let reply = client.call_worker("who", Vec::new(), None).await;
            assert!(reply.is_ok(), "{reply:?}");
        }
    };
    soon("it is admitted again", mending).await;
    marks.release(3);
    for call in calls {
        assert!(soon("a held call", call).await.unwrap().is_ok());
    }
}
