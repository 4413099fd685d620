//! Stateless reset tokens that survive a restart.
//!
//! A server that was killed and started again on the same port knows nothing of its old
//! connections. With tokens derived from a key that it still has, it can tell those peers to give
//! up at once, instead of leaving them to their idle timeout.

use std::convert::Infallible;
use std::fmt;

use aws_lc_rs::hmac;
use s2n_quic::provider::stateless_reset_token::{Generator, Provider};
use s2n_quic_core::stateless_reset::Token;

/// The secret that stateless reset tokens are derived from.
///
/// It must be the same before and after a restart, and unknown to anybody else: who can compute a
/// token can end the connection it belongs to. Servers that share a key must not share an address,
/// see RFC 9000 section 21.11.
#[derive(Clone)]
pub(crate) struct ResetKey(hmac::Key);

impl ResetKey {
    /// Derives the key from a secret that the process has anyway, such as its private key. The
    /// label in it keeps the result apart from whatever else that secret is used for.
    pub(crate) fn derive(secret: &[u8]) -> Self {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let derived = hmac::sign(&secret, LABEL);
        Self(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()))
    }

    fn token(&self, connection_id: &[u8]) -> [u8; TOKEN_BYTES] {
        let tag = hmac::sign(&self.0, connection_id);
        let mut token = [0; TOKEN_BYTES];
        token.copy_from_slice(&tag.as_ref()[..TOKEN_BYTES]);
        token
    }
}

impl fmt::Debug for ResetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResetKey(..)")
    }
}

impl Generator for ResetKey {
    fn generate(&mut self, local_connection_id: &[u8]) -> Token {
        Token::from(self.token(local_connection_id))
    }
}

impl Provider for ResetKey {
    type Generator = Self;
    type Error = Infallible;

    fn start(self) -> Result<Self, Infallible> {
        Ok(self)
    }
}

const LABEL: &[u8] = b"rpcnet/1 stateless reset";

/// Fixed by QUIC (RFC 9000 section 10.3).
const TOKEN_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_gives_the_same_token_after_a_restart() {
        let before = ResetKey::derive(b"secret").generate(b"connection");
        let after = ResetKey::derive(b"secret").generate(b"connection");
        assert_eq!(before, after);
    }

    #[test]
    fn another_connection_or_another_key_gives_another_token() {
        let token = ResetKey::derive(b"secret").token(b"connection");
        assert_ne!(token, ResetKey::derive(b"secret").token(b"connectioN"));
        assert_ne!(token, ResetKey::derive(b"secreT").token(b"connection"));
    }

    #[test]
    fn the_key_is_not_printed() {
        assert_eq!(format!("{:?}", ResetKey::derive(b"secret")), "ResetKey(..)");
    }
}
