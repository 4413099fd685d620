//! One simulated process: its engine, its clock, and what keeps it from running.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::{LocalClock, Time};
use crate::engine::Engine;

/// A message on its way, or in a socket's buffer.
#[derive(Debug, Clone)]
pub struct Inbound<M> {
    /// Who sent it.
    pub from: u32,
    /// The address it was sent to.
    pub moves: u16,
    /// Whether it came on a stream.
    pub reliable: bool,
    /// What it takes on the wire.
    pub bytes: usize,
    /// The message.
    pub message: M,
}

/// What is done first when a process goes on after a pause, or comes to itself between messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The timers that are due, as a plain `select!` may do.
    TimersFirst,
    /// What has arrived, as the driver is meant to do.
    SocketFirst,
}

/// A process.
#[derive(Debug)]
pub struct Node<E: Engine> {
    /// Its engine while it runs.
    pub engine: Option<E>,
    /// Its clock.
    pub clock: LocalClock,
    /// Which start this is, counted from one; zero before the first.
    pub epoch: u64,
    /// How often it has moved.
    pub moves: u16,
    /// Whether it said goodbye in this epoch.
    pub is_leaving: bool,
    /// The version of its tag that was set last.
    pub tag: u64,
    /// When it started.
    pub started: Time,
    /// When its next wake-up is queued for, and which of those queued is meant.
    pub armed: Option<(Time, u32)>,
    /// Until when it does not run.
    pub paused_until: Time,
    /// How long it takes for one message, and until when.
    pub slow: (Duration, Time),
    /// Until when it is busy with the message before.
    pub busy_until: Time,
    /// Whether its next look into the socket's buffer is queued.
    pub is_draining: bool,
    /// Until when anything was wrong with it.
    pub impaired_until: Time,
    inbox: VecDeque<Inbound<E::Message>>,
    inbox_bytes: usize,
}

impl<E: Engine> Node<E> {
    /// A process that has never run.
    #[must_use]
    pub fn new(skew: Duration) -> Self {
        Self {
            engine: None,
            clock: LocalClock::new(skew),
            epoch: 0,
            moves: 0,
            is_leaving: false,
            tag: 0,
            started: Time::ZERO,
            armed: None,
            paused_until: Time::ZERO,
            slow: (Duration::ZERO, Time::ZERO),
            busy_until: Time::ZERO,
            is_draining: false,
            impaired_until: Time::ZERO,
            inbox: VecDeque::new(),
            inbox_bytes: 0,
        }
    }

    /// Whether it runs and has not said goodbye.
    #[must_use]
    pub fn is_member(&self) -> bool {
        self.engine.is_some() && !self.is_leaving
    }

    /// Whether what arrives has to wait.
    #[must_use]
    pub fn is_busy(&self, now: Time) -> bool {
        now < self.paused_until || now < self.busy_until || !self.inbox.is_empty()
    }

    /// How long one message takes at `now`.
    #[must_use]
    pub fn service(&self, now: Time) -> Duration {
        if now < self.slow.1 {
            self.slow.0
        } else {
            Duration::ZERO
        }
    }

    /// Puts a message into the socket's buffer of `limit` bytes, false if it is full. What comes on a stream is
    /// held by its sender instead, so it finds room for as much again.
    pub fn buffer(&mut self, inbound: Inbound<E::Message>, limit: usize) -> bool {
        let limit = if inbound.reliable { limit * 2 } else { limit };
        // A datagram costs the kernel its own bookkeeping.
        let cost = inbound.bytes + BOOKKEEPING;
        if self.inbox_bytes + cost > limit {
            return false;
        }
        self.inbox_bytes += cost;
        self.inbox.push_back(inbound);
        true
    }

    /// Takes the first message out of the socket's buffer.
    pub fn unbuffer(&mut self) -> Option<Inbound<E::Message>> {
        let inbound = self.inbox.pop_front()?;
        self.inbox_bytes -= inbound.bytes + BOOKKEEPING;
        Some(inbound)
    }

    /// Stops the process: what it knew and what waits for it is gone.
    pub fn stop(&mut self) {
        self.engine = None;
        self.armed = None;
        self.inbox.clear();
        self.inbox_bytes = 0;
        self.busy_until = Time::ZERO;
        self.paused_until = Time::ZERO;
        self.slow = (Duration::ZERO, Time::ZERO);
    }
}

/// What a Linux kernel charges a socket for a small datagram, besides its bytes.
const BOOKKEEPING: usize = 512;
