//! Certificates that are replaced while they are in use: by call, and by looking at their files.
//!
//! Whoever holds certificates has a [`Renewal`], which knows what is in force and how that came to be,
//! and is a [`Holder`], which checks what is to replace it. What was checked as a whole is put into
//! force as a whole; what is wrong with a file changes nothing, and is said loudly.

mod expiry;
mod status;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use self::status::{CertificateStatus, ReloadFailure};
pub(crate) use self::watch::keep;
use crate::clock;
use crate::error::RpcError;
use crate::transport::tls::{Commit, InForce, Material, TlsError, TlsFiles};

/// Who holds certificates that can be replaced.
pub(crate) trait Holder: Send + Sync + 'static {
    /// Checks what is to replace all certificates of this holder, and changes nothing yet.
    fn renewed(&self, material: &Material) -> Result<Commit, RpcError>;
}

/// What a holder's certificates are, and what became of the attempts to replace them.
#[derive(Debug)]
pub(crate) struct Renewal {
    files: TlsFiles,
    /// Held by whoever replaces them, so that the files that were read last are those in force.
    turn: Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    in_force: InForce,
    digest: [u8; 32],
    reloads: u64,
    failures: u64,
    last_failure: Option<ReloadFailure>,
}

/// What a look at the files came to.
#[derive(Debug)]
enum Look {
    /// They hold what is in force.
    Same,
    /// They held something else, which is in force now.
    Replaced,
    /// They hold something else, which is of no use.
    Unusable(RpcError),
}

impl Renewal {
    /// `material` is what is in force.
    pub(crate) fn new(files: TlsFiles, material: &Material) -> Result<Self, TlsError> {
        Ok(Self {
            files,
            turn: Mutex::new(()),
            state: Mutex::new(State {
                in_force: material.in_force()?,
                digest: material.digest(),
                reloads: 0,
                failures: 0,
                last_failure: None,
            }),
        })
    }

    /// Reads the files and puts into force what they hold.
    ///
    /// # Errors
    ///
    /// What is wrong with them, which is logged and remembered too; what was in force stays so.
    pub(crate) fn reload(&self, files: &TlsFiles, holder: &impl Holder) -> Result<(), RpcError> {
        let _turn = self.turn();
        let material = Material::read(files);
        let replaced = self.replace(&material, holder);
        match &replaced {
            Ok(()) => self.tell_replaced(),
            Err(error) => self.note_failure(error),
        }
        replaced
    }

    /// What is in force, and how that came to be.
    pub(crate) fn status(&self) -> CertificateStatus {
        let state = self.state();
        CertificateStatus {
            identity: state.in_force.identity.clone(),
            ca_not_after: state.in_force.ca.map(|span| span.not_after),
            reloads: state.reloads,
            reloads_failed: state.failures,
            last_failure: state.last_failure.clone(),
            near_end: expiry::near_end(&state.in_force),
        }
    }

    /// Puts into force what the files hold, if that is something else; says nothing of it.
    fn look(&self, holder: &impl Holder) -> Look {
        let _turn = self.turn();
        if Material::read_once(&self.files).digest() == self.state().digest {
            self.state().last_failure = None;
            return Look::Same;
        }
        match self.replace(&Material::read(&self.files), holder) {
            Ok(()) => Look::Replaced,
            Err(error) => Look::Unusable(error),
        }
    }

    fn replace(&self, material: &Material, holder: &impl Holder) -> Result<(), RpcError> {
        // First what says most about a file that cannot be used at all.
        let commit = holder.renewed(material)?;
        let in_force = material.check_valid(clock::wall())?;
        commit();
        let mut state = self.state();
        state.in_force = in_force;
        state.digest = material.digest();
        state.reloads += 1;
        state.last_failure = None;
        Ok(())
    }

    fn tell_replaced(&self) {
        let in_force = self.in_force();
        let own = in_force.identity.as_ref();
        tracing::info!(
            serial = own.map(|own| own.serial_hex.as_str()),
            not_after = own.map(|own| status::date(own.not_after)),
            ca_not_after = in_force.ca.map(|span| status::date(span.not_after)),
            "certificates replaced"
        );
    }

    /// Says that certificates were not replaced, and why.
    fn note_failure(&self, error: &RpcError) {
        let failure = ReloadFailure::now(error);
        tracing::error!(
            reason = failure.reason,
            "certificates not replaced, those in force stay"
        );
        let mut state = self.state();
        state.failures += 1;
        state.last_failure = Some(failure);
    }

    fn in_force(&self) -> InForce {
        self.state().in_force.clone()
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
