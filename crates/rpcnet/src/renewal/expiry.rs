//! The end of certificates, told in time.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::status::date;
use crate::transport::tls::{InForce, Span};

/// Says when certificates come near their end, once a day at most.
#[derive(Debug, Default)]
pub(super) struct Expiry {
    said: Option<Instant>,
}

impl Expiry {
    /// Looks at what is in force; at `wall`, which is `now` on the clock that waits go by.
    pub(super) fn look(&mut self, in_force: &InForce, wall: SystemTime, now: Instant) {
        let near = |span: &Span| from(span) <= wall;
        let identity = in_force.chain.filter(near);
        let ca = in_force.ca.filter(near);
        if identity.is_none() && ca.is_none() {
            // What has replaced it is warned of in its own time.
            self.said = None;
            return;
        }
        if self.said.is_some_and(|said| now < said + WARN_EVERY) {
            return;
        }
        self.said = Some(now);
        if let Some(span) = identity {
            let own = in_force.identity.as_ref();
            tracing::warn!(
                serial = own.map(|own| own.serial_hex.as_str()),
                not_after = date(span.not_after),
                hours_left = hours_left(span.not_after, wall),
                "certificate ends soon"
            );
        }
        if let Some(span) = ca {
            tracing::warn!(
                not_after = date(span.not_after),
                hours_left = hours_left(span.not_after, wall),
                "trusted authority ends soon"
            );
        }
    }
}

/// From when on the end of these certificates is near.
pub(super) fn near_end(in_force: &InForce) -> Option<SystemTime> {
    let spans = [in_force.chain, in_force.ca];
    spans.iter().flatten().map(from).min()
}

fn from(span: &Span) -> SystemTime {
    let life = span.not_after.duration_since(span.not_before);
    let notice = (life.unwrap_or_default() / NOTICE_SHARE).min(NOTICE_MAX);
    span.not_after.checked_sub(notice).unwrap_or(span.not_after)
}

/// Whole hours, negative once it is over.
fn hours_left(not_after: SystemTime, wall: SystemTime) -> i64 {
    let hours = |time: Duration| i64::try_from(time.as_secs() / 3_600).unwrap_or(i64::MAX);
    match not_after.duration_since(wall) {
        Ok(left) => hours(left),
        Err(over) => -1 - hours(over.duration()),
    }
}

/// Renewal is most often at two thirds of the lifetime: who comes this near has missed it.
const NOTICE_SHARE: u32 = 5;

/// The notice for certificates that live long.
const NOTICE_MAX: Duration = Duration::from_secs(14 * 24 * 60 * 60);

const WARN_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn span(days: u32) -> Span {
        let not_before = SystemTime::UNIX_EPOCH + 20_000 * DAY;
        Span {
            not_before,
            not_after: not_before + days * DAY,
        }
    }

    #[test]
    fn the_notice_is_fourteen_days_or_a_fifth_of_the_lifetime() {
        for (life, notice) in [
            (365, 14 * DAY),
            (71, 14 * DAY),
            (70, 14 * DAY),
            (10, 2 * DAY),
            (1, DAY / 5),
        ] {
            let span = span(life);
            assert_eq!(from(&span), span.not_after - notice, "{life}");
        }
    }

    #[test]
    fn what_comes_first_is_what_counts() {
        let in_force = InForce {
            identity: None,
            chain: Some(span(90)),
            ca: Some(span(30)),
        };
        assert_eq!(near_end(&in_force), Some(span(30).not_after - 6 * DAY));
    }

    #[test]
    fn hours_are_counted_down_and_on() {
        let end = span(1).not_after;
        let hour = Duration::from_secs(3_600);
        for (at, left) in [
            (end - 5 * hour, 5),
            (end - hour / 2, 0),
            (end, 0),
            (end + hour / 2, -1),
        ] {
            assert_eq!(hours_left(end, at), left);
        }
    }
}
