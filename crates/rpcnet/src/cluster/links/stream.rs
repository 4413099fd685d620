//! Messages on streams of their own: long ones, and those that have to arrive.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rpcnet_proto::wire::StreamKind;
use tokio::time::timeout;

use super::Shared;
use super::link::Link;
use super::outgoing;
use super::reading::Cut;

/// Time that a stream which is no link has, from its opening to its end, on either side.
pub(super) const STREAM_DEADLINE: Duration = Duration::from_secs(10);

impl Shared {
    /// Sends a frame on a fresh stream of the link's connection; never waits. Where too
    /// many are open, the frame is dropped.
    pub(super) fn send_on_stream(self: &Arc<Self>, link: &Arc<Link>, frame: Bytes) {
        let places = (
            self.streams.clone().try_acquire_owned(),
            link.streams.clone().try_acquire_owned(),
        );
        let (Ok(of_all), Ok(of_link)) = places else {
            return self.tally.dropped_stream.add(1);
        };
        let (shared, link) = (self.clone(), link.clone());
        self.spawn(async move {
            let _places = (of_all, of_link);
            let len = frame.len();
            match timeout(STREAM_DEADLINE, shared.deliver_on_stream(&link, frame)).await {
                Ok(Ok(())) => {
                    // The member has taken it: it is there.
                    link.hear();
                    shared.count_sent(len);
                }
                Ok(Err(cut)) => {
                    shared.note(&cut);
                    shared.tally.dropped_stream.add(1);
                }
                Err(_elapsed) => shared.tally.dropped_stream.add(1),
            }
        });
    }

    /// W-64. Both halves are seen to their end, so that the stream gives its credit back.
    async fn deliver_on_stream(&self, link: &Link, frame: Bytes) -> Result<(), Cut> {
        let opened = link.quic.open_call().await;
        let (mut send, mut recv) = opened.map_err(|lost| Cut::Interrupted(lost.into()))?;
        let opening = outgoing::opening(&self.hello(false), Some(StreamKind::Gossip));
        let sent = async {
            send.write([opening, frame]).await?;
            send.close().await
        };
        sent.await.map_err(Cut::Interrupted)?;
        while recv.receive(drop).await.map_err(Cut::Interrupted)? {}
        Ok(())
    }
}
