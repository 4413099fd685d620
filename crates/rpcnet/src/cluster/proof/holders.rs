//! [`Holders`]: whose certificates have been verified already.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::public_key::PublicKey;
use super::roots::Validity;

/// Who holds a certificate that has been verified.
#[derive(Debug)]
pub(super) struct Holder {
    /// The DNS names of the certificate.
    pub(super) names: Box<[String]>,
    /// What the holder's proofs are verified with.
    pub(super) public_key: PublicKey,
    /// When the certificate and those above it are valid.
    pub(super) validity: Validity,
}

/// The SHA-256 of a record's key.
pub(super) type KeyDigest = [u8; 32];

/// Holders by the digest of the key that was verified, at most as many as the capacity.
///
/// Two halves: the newer one takes in, and when it is full the older one is forgotten. So whoever
/// was asked for among the last capacity / 2 others is still there. What did not verify is never
/// kept.
#[derive(Debug)]
pub(super) struct Holders {
    halves: Mutex<Halves>,
    half: usize,
}

#[derive(Debug, Default)]
struct Halves {
    newer: HashMap<KeyDigest, Arc<Holder>>,
    older: HashMap<KeyDigest, Arc<Holder>>,
}

impl Holders {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            halves: Mutex::default(),
            half: (capacity / 2).max(1),
        }
    }

    /// The holder, if the certificate is known and still valid.
    pub(super) fn get(&self, key: &KeyDigest, now: SystemTime) -> Option<Arc<Holder>> {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        let holder = match halves.newer.get(key) {
            Some(holder) => Arc::clone(holder),
            None => {
                let holder = halves.older.remove(key)?;
                halves.insert(*key, &holder, self.half);
                holder
            }
        };
        holder.validity.contains(now).then_some(holder)
    }

    pub(super) fn insert(&self, key: KeyDigest, holder: &Arc<Holder>) {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        halves.insert(key, holder, self.half);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        halves.newer.len() + halves.older.len()
    }
}

impl Halves {
    fn insert(&mut self, key: KeyDigest, holder: &Arc<Holder>, half: usize) {
        if self.newer.len() >= half && !self.newer.contains_key(&key) {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(key, Arc::clone(holder));
    }
}
