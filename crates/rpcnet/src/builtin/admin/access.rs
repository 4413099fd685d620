//! [`AdminAccess`]: who may look, and who may act.

use crate::builtin::Access;

/// Who may ask the admin service what a server does, and who may have its node act.
///
/// An [`Access`] alone stands for those who may look; then nobody may act.
///
/// # Examples
///
/// ```
/// use rpcnet::builtin::{Access, AdminAccess};
///
/// let access = AdminAccess::new(Access::verified()).with_acting(Access::names(["alice"]));
/// # let _ = access;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminAccess {
    pub(super) looking: Access,
    pub(super) acting: Access,
}

impl AdminAccess {
    /// These may look, nobody may act.
    #[must_use]
    pub fn new(looking: Access) -> Self {
        let nobody: [&str; 0] = [];
        Self {
            looking,
            acting: Access::names(nobody),
        }
    }

    /// These may change tags, and have the node drain and leave; whether they may look too is a
    /// question of its own.
    #[must_use]
    pub fn with_acting(mut self, acting: Access) -> Self {
        self.acting = acting;
        self
    }
}

impl From<Access> for AdminAccess {
    fn from(looking: Access) -> Self {
        Self::new(looking)
    }
}
