//! Heartbeats: when to send one, the same on both sides.

use std::time::Duration;

use rpcnet_proto::wire::Settings;

use super::quic::QuicConnection;
use crate::config::{KEEP_ALIVE_LEAST, RpcConfig};

/// Heartbeats per idle timeout: two may get lost.
const HEARTBEATS_PER_IDLE_TIMEOUT: u32 = 3;

/// How often to send a heartbeat, and whether a quiet connection needs one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rhythm {
    interval: Duration,
    when_quiet: bool,
}

impl Rhythm {
    /// The rhythm of a connection: the shorter of both sides' keep-alive intervals (W-53).
    ///
    /// Each side also stays well within its own idle timeout, so that whichever
    /// timeout is the shorter one, somebody sends in time. Where neither side asked
    /// for keep-alive, only connections with calls in flight are kept.
    pub(crate) fn new(config: &RpcConfig, peer: &Settings) -> Self {
        let within_idle = config.idle_timeout() / HEARTBEATS_PER_IDLE_TIMEOUT;
        let asked = [config.keep_alive, peer.keep_alive]
            .into_iter()
            .flatten()
            .min();
        Self {
            interval: asked
                .map_or(within_idle, |it| it.min(within_idle))
                .max(KEEP_ALIVE_LEAST),
            when_quiet: asked.is_some(),
        }
    }

    /// Sends heartbeats until the connection is gone.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn keep(self, connection: &QuicConnection, is_busy: impl Fn() -> bool) {
        let mut ticks = tokio::time::interval(self.interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if (self.when_quiet || is_busy()) && !connection.ping() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rhythm(own: Option<Duration>, peer: Option<Duration>) -> Rhythm {
        let mut config = RpcConfig::new("cert.pem", "127.0.0.1:0");
        config.keep_alive = own;
        Rhythm::new(
            &config,
            &Settings {
                keep_alive: peer,
                ..Settings::default()
            },
        )
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn keep_alive_is_off_unless_a_side_asks() {
        assert!(!rhythm(None, None).when_quiet);
    }

    #[test]
    fn the_shorter_interval_of_both_sides_holds() {
        assert_eq!(
            rhythm(Some(5 * SECOND), Some(2 * SECOND)).interval,
            2 * SECOND
        );
        assert_eq!(
            rhythm(None, Some(2 * SECOND)),
            rhythm(Some(2 * SECOND), None)
        );
    }

    #[test]
    fn a_long_mirrored_interval_still_beats_our_own_idle_timeout() {
        assert_eq!(rhythm(None, Some(60 * SECOND)).interval, 10 * SECOND);
    }

    #[test]
    fn a_hostile_interval_cannot_make_us_flood() {
        assert_eq!(
            rhythm(None, Some(Duration::from_micros(1))).interval,
            KEEP_ALIVE_LEAST
        );
    }
}
