//! What arrives over the links: checked before anything of it counts.

use rpcnet_proto::swim::{Message, NodeName, Record};
use tokio::task::yield_now;
use tokio::time::Instant;

use super::Driver;
use crate::clock;
use crate::cluster::links::Inbound;

impl Driver {
    /// Takes what has arrived. Signatures are checked here, in this task; others get a turn
    /// after every message that had any.
    pub(super) async fn take(&mut self, arrived: &mut Vec<Inbound>) {
        for inbound in arrived.drain(..) {
            match inbound {
                // Its place in the queue is free again when it has been dealt with.
                Inbound::Message {
                    from,
                    message,
                    place: _place,
                } => {
                    if self.hear(&from, message) > 0 {
                        yield_now().await;
                    }
                }
                Inbound::Proven { name, address } => {
                    let now = self.now();
                    self.swim.handle_proven(now, &name, address);
                    self.drain();
                }
                Inbound::SeedFailed { address, reason } => self.joining.failed(address, &reason),
            }
        }
    }

    /// Takes a message; returns how many signatures were checked.
    fn hear(&mut self, from: &NodeName, mut message: Message) -> usize {
        let mut news = Vec::new();
        let mut unproven = 0;
        let mut wasted = 0;
        let left = self.budget.left(Instant::now(), from);
        let (swim, gate) = (&self.swim, &self.gate);
        let is_believed = |record: &Record| {
            // M-6: what is no news changes nothing, so that its proof does not matter.
            if !swim.is_news(record) {
                return true;
            }
            let is_proven = wasted < left && gate.verifies(record, clock::wall());
            wasted += u32::from(!is_proven || record.name() == from);
            if is_proven {
                news.push(record.name().clone());
            } else {
                unproven += 1;
            }
            is_proven
        };
        let is_whole = message.retain_records(is_believed);
        self.records_unproven += unproven as u64;
        self.budget.spend(Instant::now(), from, wasted.min(left));
        let checked = news.len() + unproven;
        if is_whole {
            let now = self.now();
            self.swim.handle_message(now, from, message);
            self.drain();
            self.table.refresh(&self.swim, from);
            for name in &news {
                self.table.refresh(&self.swim, name);
            }
        }
        checked
    }
}
