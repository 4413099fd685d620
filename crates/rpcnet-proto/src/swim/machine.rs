//! The state machine.

use std::time::Duration;

use super::{
    Address, Config, Counters, Event, Identity, Member, Message, NodeName, QuorumView, Record,
    Side, TagError, Tags, Time, Transmit,
};

/// One member's view of its cluster, and what it does about it.
///
/// Four kinds of method: `handle_*` take what happened, commands (`join`, `leave`,
/// `set_tag`, ...) take what the application wants, `poll_*` hand out what to do,
/// and the rest only look. After any of the first two, drain `poll_transmit` and
/// `poll_event` until they return `None`, then sleep until `poll_timeout` or the
/// next message. `now` must not go backwards.
#[derive(Debug)]
pub struct Swim {
    record: std::sync::Arc<Record>,
}

#[allow(unused_variables, clippy::needless_pass_by_value, missing_docs)]
impl Swim {
    pub fn new(now: Time, me: Identity, config: Config, seed: u64) -> Self {
        let _ = (now, me, config, seed);
        unimplemented!("the signatures come first")
    }
    pub fn handle_message(&mut self, now: Time, from: &NodeName, message: Message) {}
    pub fn handle_timeout(&mut self, now: Time) {}
    pub fn handle_reachable(&mut self, now: Time, name: &NodeName) {}
    pub fn handle_doubt(&mut self, now: Time, name: &NodeName) {}
    pub fn handle_proven(&mut self, now: Time, name: &NodeName, address: Address) {}
    pub fn handle_lateness(&mut self, now: Time, late: Duration) {}
    pub fn join(&mut self, now: Time, seeds: &[Address]) {}
    pub fn leave(&mut self, now: Time) {}
    pub fn set_tags(&mut self, now: Time, tags: Tags) {}
    pub fn set_tag(&mut self, now: Time, key: &str, value: &str) -> Result<(), TagError> {
        Ok(())
    }
    pub fn remove_tag(&mut self, now: Time, key: &str) {}
    pub fn set_address(&mut self, now: Time, address: Address) {}
    pub fn take_over(&mut self, now: Time) {}
    pub fn forget(&mut self, now: Time, name: &NodeName) -> bool {
        false
    }
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        None
    }
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }
    pub fn poll_timeout(&self) -> Option<Time> {
        None
    }
    pub fn members(&self) -> impl Iterator<Item = Member<'_>> {
        std::iter::empty()
    }
    pub fn member(&self, name: &NodeName) -> Option<Member<'_>> {
        None
    }
    pub fn me(&self) -> Member<'_> {
        unimplemented!("the signatures come first")
    }
    pub fn is_news(&self, record: &Record) -> bool {
        false
    }
    pub fn awareness(&self) -> u32 {
        0
    }
    pub fn live_count(&self) -> usize {
        0
    }
    pub fn counters(&self) -> Counters {
        Counters::default()
    }
    pub fn quorum(&self, now: Time) -> QuorumView {
        QuorumView {
            known: 0,
            reachable: 0,
            suspects: 0,
            side: Side::Whole,
            side_expected: Side::Whole,
            stable: false,
        }
    }
}
