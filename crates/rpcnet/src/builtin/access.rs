//! [`Access`]: who may ask a built-in service.

use std::fmt;
use std::sync::Arc;

use rpcnet_proto::Code;

use crate::context::CallContext;
use crate::error::RpcError;
use crate::identity::PeerIdentity;

/// Who may call a built-in service, judged by the caller's verified certificate.
///
/// # Examples
///
/// ```
/// use rpcnet::builtin::Access;
///
/// let operators = Access::names(["alice", "probe-*"]);
/// # let _ = operators;
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Access(Rule);

#[derive(Clone, PartialEq, Eq)]
enum Rule {
    Anyone,
    Verified,
    Names(Arc<[String]>),
}

impl Access {
    /// Everyone who can connect, without a certificate too.
    #[must_use]
    pub fn anyone() -> Self {
        Self(Rule::Anyone)
    }

    /// Everyone who presents a certificate of the server's CA
    /// ([`RpcConfig::with_ca_path`](crate::RpcConfig::with_ca_path)).
    #[must_use]
    pub fn verified() -> Self {
        Self(Rule::Verified)
    }

    /// Everyone whose verified certificate carries one of these as a subject alternative name.
    ///
    /// A name that ends in `*` stands for all DNS names and URIs that begin so. Without any
    /// name, nobody may ask.
    #[must_use]
    pub fn names<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self(Rule::Names(names.into_iter().map(N::into).collect()))
    }

    /// Whether the caller may ask; for services of your own that ought to be judged alike.
    ///
    /// # Errors
    ///
    /// [`Unauthenticated`](Code::Unauthenticated) where a certificate is missing,
    /// [`PermissionDenied`](Code::PermissionDenied) where it carries none of the names.
    pub fn check(&self, context: &CallContext) -> Result<(), RpcError> {
        self.admit(context.peer_identity())
    }

    fn admit(&self, peer: Option<&PeerIdentity>) -> Result<(), RpcError> {
        let (names, peer) = match (&self.0, peer) {
            (Rule::Anyone, _) | (Rule::Verified, Some(_)) => return Ok(()),
            (Rule::Verified | Rule::Names(_), None) => {
                return Err(RpcError::status(
                    Code::Unauthenticated,
                    "this service answers only who presents a certificate of the server's CA",
                ));
            }
            (Rule::Names(names), Some(peer)) => (names, peer),
        };
        let is_listed = names.iter().any(|name| match name.strip_suffix('*') {
            Some(prefix) => has_prefix(peer, prefix),
            None => peer.has_name(name),
        });
        is_listed.then_some(()).ok_or_else(|| {
            RpcError::status(
                Code::PermissionDenied,
                "this service does not answer the names in the caller's certificate",
            )
        })
    }
}

fn has_prefix(peer: &PeerIdentity, prefix: &str) -> bool {
    let begins = |dns: &str| {
        dns.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    peer.dns_names().iter().any(|dns| begins(dns))
        || peer.uris().iter().any(|uri| uri.starts_with(prefix))
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Rule::Anyone => f.write_str("Access::anyone"),
            Rule::Verified => f.write_str("Access::verified"),
            Rule::Names(names) => f.debug_tuple("Access::names").field(names).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn peer(names: &[&str]) -> PeerIdentity {
        let names: Vec<String> = names.iter().copied().map(String::from).collect();
        let key = KeyPair::generate().expect("a key can be made");
        let params = CertificateParams::new(names).expect("the names are names");
        let certificate = params.self_signed(&key).expect("it can be signed");
        PeerIdentity::from_der(certificate.der()).expect("it is a certificate")
    }

    fn code(access: &Access, peer: Option<&PeerIdentity>) -> Option<Code> {
        let refused = access.admit(peer).err()?;
        Some(refused.to_peer().0.code)
    }

    #[test]
    fn without_a_certificate_only_anyone_is_admitted() {
        assert_eq!(code(&Access::anyone(), None), None);
        for access in [Access::verified(), Access::names(["alice"])] {
            assert_eq!(code(&access, None), Some(Code::Unauthenticated));
        }
    }

    #[test]
    fn a_certificate_is_enough_where_no_name_is_asked_for() {
        assert_eq!(code(&Access::verified(), Some(&peer(&["bob"]))), None);
    }

    #[test]
    fn only_listed_names_are_admitted() {
        let access = Access::names(["alice", "probe-*", "10.0.0.1"]);
        for name in ["alice", "ALICE", "probe-", "Probe-7", "10.0.0.1"] {
            assert_eq!(code(&access, Some(&peer(&[name]))), None, "{name}");
        }
        for name in ["alicea", "bob", "probe", "10.0.0.2"] {
            let refused = code(&access, Some(&peer(&[name])));
            assert_eq!(refused, Some(Code::PermissionDenied), "{name}");
        }
        assert_eq!(code(&access, Some(&peer(&["bob", "alice"]))), None);
    }

    #[test]
    fn an_empty_list_admits_nobody() {
        let nobody = Access::names(Vec::<String>::new());
        let refused = code(&nobody, Some(&peer(&["alice"])));
        assert_eq!(refused, Some(Code::PermissionDenied));
    }

    #[test]
    fn a_prefix_does_not_cut_characters() {
        assert!(!has_prefix(&peer(&["alice"]), "\u{e9}"));
    }
}
