//! The task that looks after a holder's certificates: at their files, and at their end.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::expiry::Expiry;
use super::{Holder, Look, Renewal};
use crate::clock;
use crate::error::RpcError;
use crate::task;

/// Looks after certificates until the holder is gone: warns before they end, and with `every`, replaces
/// them when their files hold others.
///
/// Files are looked at, not watched: Kubernetes and cert-manager replace a directory behind a link, of
/// which a watch on the files hears nothing.
///
/// # Cancel safety
///
/// Dropping the future ends it; a look under way ends by itself.
pub(crate) async fn keep<H: Holder>(
    holder: Weak<H>,
    renewal: Arc<Renewal>,
    every: Option<Duration>,
) {
    let mut expiry = Expiry::default();
    let mut doubt = Doubt::default();
    let pause = every.unwrap_or(EXPIRY_EVERY).min(EXPIRY_EVERY);
    let mut due = Instant::now();
    while holder.strong_count() > 0 {
        expiry.look(&renewal.in_force(), clock::wall(), Instant::now());
        due += pause;
        sleep_until(due).await;
        // What a machine slept through is not made up for.
        due = due.max(Instant::now());
        if every.is_none() {
            continue;
        }
        let (looking, files) = (holder.clone(), Arc::clone(&renewal));
        let look = move || Some(files.look(&*looking.upgrade()?));
        match task::blocking(look).await {
            Ok(Some(Look::Unusable(error))) => {
                if doubt.is_worth_saying(&error, Instant::now()) {
                    renewal.note_failure(&error);
                }
            }
            Ok(Some(Look::Replaced)) => {
                doubt = Doubt::default();
                renewal.tell_replaced();
            }
            Ok(Some(Look::Same)) => doubt = Doubt::default(),
            // The holder is gone, or the runtime ends.
            Ok(None) | Err(_) => return,
        }
    }
}

/// Files that hold something else which is of no use: somebody may be writing them just now.
#[derive(Debug, Default)]
struct Doubt {
    looks: u32,
    said: Option<(String, Instant)>,
}

impl Doubt {
    /// Whether to complain of it: from the second look on, and again where it is another error, or after
    /// an hour.
    fn is_worth_saying(&mut self, error: &RpcError, now: Instant) -> bool {
        self.looks = self.looks.saturating_add(1);
        if self.looks < LOOKS_IN_DOUBT {
            tracing::debug!(%error, "certificate files not usable, looked at again");
            return false;
        }
        let error = error.to_string();
        let is_said = self
            .said
            .as_ref()
            .is_some_and(|(said, at)| *said == error && now < *at + SAY_AGAIN);
        if !is_said {
            self.said = Some((error, now));
        }
        !is_said
    }
}

/// From the look of this number on, what is wrong with the files is no accident of the moment.
const LOOKS_IN_DOUBT: u32 = 2;

/// How often a complaint is repeated.
const SAY_AGAIN: Duration = Duration::from_secs(60 * 60);

/// How often the end of certificates is looked at.
const EXPIRY_EVERY: Duration = Duration::from_secs(60 * 60);
