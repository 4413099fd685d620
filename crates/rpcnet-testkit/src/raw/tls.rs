//! Who a raw peer claims to be, and whom it believes.

use s2n_quic::provider::tls::s2n_tls::callbacks::VerifyHostNameCallback;
use s2n_quic::provider::tls::s2n_tls::enums::ClientAuthType;
use s2n_quic::provider::tls::s2n_tls::{Client, Server};
use std::error::Error;

/// The TLS side of a raw peer.
#[derive(Debug, Clone)]
pub struct RawTls {
    /// The certificates that the other side's must lead to.
    pub ca_pem: String,
    /// What it shows of itself; a server needs one, a client may go without.
    pub identity: Option<RawIdentity>,
    /// The name a client asks for and verifies; a server ignores it.
    pub server_name: String,
    /// The application protocols offered or accepted, best first.
    pub alpn: Vec<String>,
}

/// A certificate chain and its key.
#[derive(Debug, Clone)]
pub struct RawIdentity {
    /// The chain, leaf first.
    pub cert_pem: String,
    /// The leaf's private key.
    pub key_pem: String,
}

/// What a raw server wants to see of its clients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// Nothing; the default.
    #[default]
    Off,
    /// A certificate is verified where there is one.
    Optional,
    /// Without a good certificate there is no connection.
    Required,
}

impl RawTls {
    pub(super) fn client(&self) -> Result<Client, Box<dyn Error + Send + Sync>> {
        let mut builder = Client::builder()
            .with_application_protocols(&self.alpn)?
            .with_empty_trust_store()?
            .with_certificate(&self.ca_pem)?;
        if let Some(identity) = &self.identity {
            builder = builder.with_client_identity(&identity.cert_pem, &identity.key_pem)?;
            // Offering an identity makes the library insist on being asked for it, and fail against
            // a server that does not.
            builder
                .config_mut()
                .set_client_auth_type(ClientAuthType::Optional)?;
        }
        Ok(builder.build()?)
    }

    pub(super) fn server(
        &self,
        client_auth: ClientAuth,
    ) -> Result<Server, Box<dyn Error + Send + Sync>> {
        let identity = self.identity.as_ref().ok_or("a server needs an identity")?;
        let builder = Server::builder()
            .with_application_protocols(&self.alpn)?
            .with_certificate(&identity.cert_pem, &identity.key_pem)?;
        let auth_type = match client_auth {
            ClientAuth::Off => return Ok(builder.build()?),
            ClientAuth::Optional => ClientAuthType::Optional,
            ClientAuth::Required => ClientAuthType::Required,
        };
        let mut builder = builder
            .with_empty_trust_store()?
            .with_trusted_certificate(&self.ca_pem)?
            .with_verify_host_name_callback(AnyName)?;
        builder.config_mut().set_client_auth_type(auth_type)?;
        Ok(builder.build()?)
    }
}

/// Lets every name pass; without such a callback every client certificate is refused.
struct AnyName;

impl VerifyHostNameCallback for AnyName {
    fn verify_host_name(&self, _: &str) -> bool {
        true
    }
}
