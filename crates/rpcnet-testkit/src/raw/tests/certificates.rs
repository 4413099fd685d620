//! Certificates for one test.

use super::super::{RawIdentity, RawServerConfig, RawTls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::default();
        // By default it would have the leaves' own name, and they would look signed by themselves.
        params
            .distinguished_name
            .push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("the default algorithm is supported");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a plain authority is valid");
        Self { issuer }
    }

    /// A server of this authority at `localhost`, with every default.
    pub(super) fn server(&self) -> RawServerConfig {
        RawServerConfig::new(self.named("localhost"))
    }

    /// A client without a certificate.
    pub(super) fn anonymous(&self) -> RawTls {
        RawTls {
            ca_pem: self.issuer.pem(),
            identity: None,
            server_name: "localhost".into(),
            alpn: vec!["raw/1".into()],
        }
    }

    /// A peer with a certificate for this name.
    pub(super) fn named(&self, name: &str) -> RawTls {
        let key = KeyPair::generate().expect("the default algorithm is supported");
        let params = CertificateParams::new(vec![name.into()]).expect("the name is a DNS name");
        let leaf = params
            .signed_by(&key, &self.issuer)
            .expect("the authority can sign");
        RawTls {
            identity: Some(RawIdentity {
                cert_pem: leaf.pem(),
                key_pem: key.serialize_pem(),
            }),
            ..self.anonymous()
        }
    }
}
