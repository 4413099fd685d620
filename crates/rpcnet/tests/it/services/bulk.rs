//! Long streams arrive whole and in order, and nobody runs ahead of a slow reader.

use futures::{StreamExt, stream};
use rpcnet::{CallError, Responses, RpcClient, Stream};
use tokio::sync::watch;

use super::lab::{Bench, LabClient, LabServer, Scene};
use crate::pair::{Running, echo, soon};
use crate::probe::Probe;

const ITEMS: u64 = 100_000;

/// Checks that the items are the numbers from 0 on, and returns how many came.
async fn count_in_order<E: std::fmt::Debug>(
    mut items: impl Stream<Item = Result<u64, E>> + Unpin,
) -> u64 {
    let mut expected = 0;
    while let Some(item) = soon("an item", items.next()).await {
        assert_eq!(item.unwrap(), expected);
        expected += 1;
    }
    expected
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_items_come_down_in_order() {
    let scene = Scene::new().await;
    let items = scene.lab.count(ITEMS).await.unwrap();
    assert_eq!(count_in_order(items).await, ITEMS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_items_go_up_in_order() {
    let scene = Scene::new().await;
    let items = stream::iter(0..ITEMS);
    let sum = soon("the sum", scene.lab.sum(items)).await.unwrap();
    assert_eq!(sum, ITEMS * (ITEMS - 1) / 2);
    assert_eq!(scene.probe.seen().items as u64, ITEMS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_items_go_up_and_come_down_in_order() {
    let scene = Scene::new().await;
    let items = scene.lab.relay(stream::iter(0..ITEMS)).await.unwrap();
    assert_eq!(count_in_order(items).await, ITEMS);
    assert_eq!(scene.probe.seen().items as u64, ITEMS);
}

/// One item of a bulk stream.
const ITEM_BYTES: usize = 64 << 10;

/// Items that may be on their way with nobody reading: the sender's buffer and the
/// receiver's window, 256 KiB each, a piece beyond the buffer, and one item in hand at
/// the transport and one at the generated code.
const ITEMS_AHEAD_MAX: usize = 2 * (256 << 10) / ITEM_BYTES + 4;

/// Large items, and readers that wait to be let go on.
#[rpcnet::service]
trait Bulk {
    async fn flood(&self) -> Result<impl Stream<Item = String>, String>;
    async fn swallow(&self, items: impl Stream<Item = String>) -> Result<usize, String>;
}

struct Gated {
    made: Probe,
    open: watch::Sender<bool>,
}

fn item() -> String {
    "i".repeat(ITEM_BYTES)
}

impl BulkHandler for Gated {
    async fn flood(&self) -> Result<impl Stream<Item = String> + Send, String> {
        Ok(stream::repeat_with(|| {
            self.made.item();
            item()
        }))
    }

    async fn swallow(
        &self,
        items: impl Stream<Item = String> + Send + Unpin + 'static,
    ) -> Result<usize, String> {
        let mut open = self.open.subscribe();
        open.wait_for(|open| *open).await.unwrap();
        Ok(items.count().await)
    }
}

struct Slow {
    _running: Running,
    rpc: RpcClient,
    bulk: BulkClient,
    made: Probe,
    open: watch::Sender<bool>,
}

impl Slow {
    async fn new() -> Self {
        let (made, open) = (Probe::new(), watch::Sender::new(false));
        let service = BulkServer::service(Gated {
            made: made.clone(),
            open: open.clone(),
        });
        let running = Running::new(|server| async move {
            server.add_service(service);
            echo(server).await;
        })
        .await;
        let rpc = running.client().await;
        Self {
            bulk: BulkClient::new(rpc.clone()),
            _running: running,
            rpc,
            made,
            open,
        }
    }

    /// Calls that give everything else on the connection time to move as far as it can.
    async fn let_things_move(&self) {
        for _ in 0..200 {
            let echoed = soon("echo", self.rpc.call("echo", vec![1])).await;
            assert_eq!(echoed.unwrap(), [1]);
        }
    }
}

#[tokio::test]
async fn a_caller_that_does_not_read_holds_the_typed_handler_back() {
    let slow = Slow::new().await;
    let mut items = slow.bulk.flood().await.unwrap();
    slow.made.until(|seen| seen.items >= 5).await;
    slow.let_things_move().await;
    let ahead = slow.made.seen().items;
    assert!(
        ahead <= ITEMS_AHEAD_MAX,
        "{ahead} items were made with nobody reading"
    );
    for read in 1..=100 {
        let item = soon("an item", items.next()).await.unwrap().unwrap();
        assert_eq!(item.len(), ITEM_BYTES);
        let ahead = slow.made.seen().items - read;
        assert!(ahead <= ITEMS_AHEAD_MAX, "{ahead} items ahead");
    }
}

#[tokio::test]
async fn a_typed_handler_that_does_not_read_holds_the_caller_back() {
    const ITEMS: usize = 200;
    let slow = Slow::new().await;
    let pulled = Probe::new();
    let of = pulled.clone();
    let items = stream::iter(0..ITEMS).map(move |_| {
        of.item();
        item()
    });
    let call = tokio::spawn(slow.bulk.swallow(items));
    pulled.until(|seen| seen.items >= 5).await;
    slow.let_things_move().await;
    let ahead = pulled.seen().items;
    assert!(
        ahead <= ITEMS_AHEAD_MAX,
        "{ahead} items were taken with nobody reading"
    );
    slow.open.send_replace(true);
    let count = soon("the call", call).await.unwrap().unwrap();
    assert_eq!(count, ITEMS);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_every_shape_give_back_the_stream_they_took() {
    // A server grants twice as many streams as calls may run, and more as these end.
    const LIMIT: usize = 32;
    const AT_ONCE: usize = LIMIT / 2;
    let (made, open) = (Probe::new(), watch::Sender::new(true));
    let service = BulkServer::service(Gated { made, open });
    let lab = LabServer::service(Bench::new(&Probe::new()));
    let running = Running::with(
        |config| config.with_max_calls(LIMIT, LIMIT),
        |server| async move {
            server.add_service(lab);
            server.add_service(service);
            echo(server).await;
        },
    )
    .await;
    let rpc = running.client().await;
    let (lab, bulk) = (LabClient::new(rpc.clone()), BulkClient::new(rpc.clone()));
    for kind in KINDS {
        // What becomes of a call that is given up differs from one to the next.
        let rounds = if kind.contains("given up") { 40 } else { 6 };
        let calls = stream::iter(0..rounds * LIMIT).map(|_| call(kind, &rpc, &lab, &bulk));
        let calls = calls.buffer_unordered(AT_ONCE).for_each(async |()| ());
        soon(kind, calls).await;
    }
}

const KINDS: [&str; 11] = [
    "unary",
    "unary, large",
    "unary, failing",
    "responses",
    "responses, failing",
    "responses, given up at their end",
    "responses, given up without an end",
    "requests",
    "both",
    "both, given up at their end",
    "both, given up without an end",
];

/// Makes a call of this kind, to its end or until it is given up.
async fn call(kind: &str, rpc: &RpcClient, lab: &LabClient, bulk: &BulkClient) {
    match kind {
        "unary" => assert_eq!(lab.double(4).await.unwrap(), 8),
        "unary, large" => {
            // So large that the server counts what waits for the client.
            let large = vec![7; 100 << 10];
            assert_eq!(rpc.call("echo", large.clone()).await.unwrap(), large);
        }
        "unary, failing" => drop(lab.complain(9000).await.unwrap_err()),
        "responses" => assert_eq!(lab.count(3).await.unwrap().count().await, 3),
        "responses, failing" => {
            let failing = lab.count_until(9, Some(1)).await.unwrap();
            assert_eq!(failing.count().await, 2);
        }
        "responses, given up at their end" => {
            give_up(lab.count(100).await).await;
        }
        "responses, given up without an end" => {
            give_up(bulk.flood().await).await;
        }
        "requests" => assert_eq!(lab.sum(stream::iter([1, 2])).await.unwrap(), 3),
        "both" => {
            let relayed = lab.relay(stream::iter([1, 2])).await.unwrap();
            assert_eq!(relayed.count().await, 2);
        }
        "both, given up at their end" => {
            give_up(lab.relay(stream::iter([5])).await).await;
        }
        "both, given up without an end" => {
            let endless = stream::iter([5]).chain(stream::pending());
            give_up(lab.relay(endless).await).await;
        }
        other => unreachable!("{other}"),
    }
}

/// Reads one item and no more.
async fn give_up<T, E: std::fmt::Debug>(opened: Result<Responses<T, E>, CallError<E>>) {
    match opened.unwrap().next().await.expect("no end") {
        Ok(_) => {}
        // Calls that were given up before may still run at the server.
        Err(error) => assert!(error.is_retryable(), "{error:?}"),
    }
}
