//! [`Refusals`]: calls that a server did not let in, by why.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// Why a call was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    Draining,
    UnknownMethod,
    Mismatch,
    Malformed,
    TooLarge,
    DeadlinePassed,
    ConnectionLimit,
    ServerLimit,
    Permission,
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $field:ident: $reason:ident,)*) => {
        /// Calls that a server refused, by why. All but `permission` were refused before any
        /// handler was entered.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[non_exhaustive]
        pub struct Refusals {
            $($(#[$doc])* pub $field: u64,)*
        }

        impl Refusals {
            /// Each reason's name, as in labels, and its count.
            pub fn by_reason(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($field), self.$field),)*].into_iter()
            }

            /// All of them.
            #[must_use]
            pub fn total(&self) -> u64 {
                self.by_reason().map(|(_, count)| count).sum()
            }
        }

        /// Where they are counted.
        #[derive(Debug, Default)]
        pub(crate) struct RefusalCounts {
            $($field: AtomicU64,)*
        }

        impl RefusalCounts {
            pub(crate) fn count(&self, reason: Reason) {
                let count = match reason {
                    $(Reason::$reason => &self.$field,)*
                };
                count.fetch_add(1, Ordering::Relaxed);
            }

            pub(crate) fn read(&self) -> Refusals {
                Refusals {
                    $($field: self.$field.load(Ordering::Relaxed),)*
                }
            }
        }
    };
}

refusals! {
    /// The server is shutting down.
    draining: Draining,
    /// The server has no such method.
    unknown_method: UnknownMethod,
    /// The method has another shape, does not accept the codec, or has another schema.
    mismatch: Mismatch,
    /// The header broke a rule, such as that for names of methods.
    malformed: Malformed,
    /// The header or a message exceeds its limit.
    too_large: TooLarge,
    /// The deadline had passed.
    deadline_passed: DeadlinePassed,
    /// As many calls ran on the connection as may.
    connection_limit: ConnectionLimit,
    /// As many calls ran on the server as may.
    server_limit: ServerLimit,
    /// The handler, or what stands before it, said `permission_denied` or `unauthenticated`.
    permission: Permission,
}
