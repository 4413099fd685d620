//! Long typed streams in each direction: every item arrives, once and in order.

use super::definition::PlantClient;
use crate::group::{BoxError, Measured, Outcome, Scale};
use crate::site::Site;
use futures::{Stream, StreamExt, stream};
use std::time::Instant;

pub(super) async fn measure(scale: Scale) -> Outcome {
    let amount: u64 = scale.pick(1_000_000, 100_000);
    let site = Site::new()?;
    let server = site.serve("127.0.0.1:0", &[]).await?;
    let plant = PlantClient::new(site.client(server.addr()).await?);
    let mut measured = Measured::default();

    let began = Instant::now();
    let received = Received::of(plant.count(amount).await?).await?;
    received.add_to(&mut measured, "down", amount, began);

    let began = Instant::now();
    let counted = plant.check(stream::iter(0..amount)).await?;
    let received = Received {
        items: counted,
        altered: 0,
    };
    received.add_to(&mut measured, "up", amount, began);

    let began = Instant::now();
    let relayed = plant.relay(stream::iter(0..amount)).await?;
    let received = Received::of(relayed).await?;
    received.add_to(&mut measured, "both", amount, began);
    Ok(measured)
}

/// What came out at the far end of a stream.
struct Received {
    items: u64,
    /// Items that are not the successors of those before them.
    altered: u64,
}

impl Received {
    async fn of<E>(mut items: impl Stream<Item = Result<u64, E>> + Unpin) -> Result<Self, BoxError>
    where
        BoxError: From<E>,
    {
        let mut received = Self {
            items: 0,
            altered: 0,
        };
        while let Some(item) = items.next().await {
            received.altered += u64::from(item? != received.items);
            received.items += 1;
        }
        Ok(received)
    }

    fn add_to(&self, measured: &mut Measured, way: &str, amount: u64, began: Instant) {
        let per_second = amount as f64 / began.elapsed().as_secs_f64();
        measured.note(format!("{way}: {per_second:.0} items a second"));
        // Items that came twice count as lost ones do.
        let lost = amount.abs_diff(self.items) as f64;
        measured.at_most(format!("typed-items-{way}-lost"), lost, "items", 0.0);
        let altered = self.altered as f64;
        measured.at_most(format!("typed-items-{way}-altered"), altered, "items", 0.0);
    }
}
