//! Who the other end of a connection is, according to the certificate it was verified by.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

/// A peer's verified identity: the leaf certificate of a chain that ended in the trusted CA.
///
/// Names are what the certificate says, byte for byte; what a name permits is for the caller to
/// decide. Authorise by [`has_name`](Self::has_name) or by [`fingerprint`](Self::fingerprint). The
/// text comes from the peer: log the identity as a whole, its `Display` and `Debug` escape control
/// characters.
///
/// Clones are cheap and share their content.
#[derive(Clone)]
pub struct PeerIdentity(Arc<Inner>);

struct Inner {
    common_name: Option<String>,
    dns_names: Vec<String>,
    ip_addresses: Vec<IpAddr>,
    uris: Vec<String>,
    serial_hex: String,
    not_after: SystemTime,
    fingerprint: [u8; 32],
    der: Vec<u8>,
}

/// Why a certificate gives no [`PeerIdentity`], although the TLS library accepted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// There is no certificate.
    #[error("the peer's certificate chain is empty")]
    NoCertificate,
    /// The certificate, or its list of names, cannot be decoded.
    #[error("the peer's certificate is malformed")]
    Malformed,
    /// The certificate holds more names than are kept: 256.
    #[error("the peer's certificate holds more than {NAMES_MAX} names")]
    TooManyNames,
    /// A name is longer than any meaningful one: 2048 bytes.
    #[error("the peer's certificate holds a name of more than {NAME_BYTES_MAX} bytes")]
    NameTooLong,
}

impl PeerIdentity {
    /// Reads a certificate in DER.
    ///
    /// This only decodes: an identity made of bytes that nobody verified proves nothing.
    ///
    /// # Errors
    ///
    /// If it cannot be decoded, or exceeds the limits that [`IdentityError`] names.
    pub fn from_der(der: &[u8]) -> Result<Self, IdentityError> {
        let (rest, certificate) =
            parse_x509_certificate(der).map_err(|_| IdentityError::Malformed)?;
        if !rest.is_empty() {
            return Err(IdentityError::Malformed);
        }
        let names = Names::of(&certificate)?;
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(digest(&SHA256, der).as_ref());
        Ok(Self(Arc::new(Inner {
            common_name: common_name(&certificate)?,
            dns_names: names.dns,
            ip_addresses: names.ip,
            uris: names.uri,
            serial_hex: hex(certificate.raw_serial()),
            not_after: system_time(certificate.validity().not_after.timestamp()),
            fingerprint,
            der: der.to_vec(),
        })))
    }

    /// The identity of a verified chain. s2n-tls puts the leaf first and the root last.
    pub(crate) fn from_chain(chain: &[Vec<u8>]) -> Result<Self, IdentityError> {
        Self::from_der(chain.first().ok_or(IdentityError::NoCertificate)?)
    }

    /// The subject's common name, the first if there are several. Descriptive only: authorise by
    /// the subject alternative names.
    #[must_use]
    pub fn common_name(&self) -> Option<&str> {
        self.0.common_name.as_deref()
    }

    /// The DNS names among the subject alternative names. A wildcard is kept as it is written.
    #[must_use]
    pub fn dns_names(&self) -> &[String] {
        &self.0.dns_names
    }

    /// The IP addresses among the subject alternative names.
    #[must_use]
    pub fn ip_addresses(&self) -> &[IpAddr] {
        &self.0.ip_addresses
    }

    /// The URIs among the subject alternative names, such as SPIFFE ids.
    #[must_use]
    pub fn uris(&self) -> &[String] {
        &self.0.uris
    }

    /// The serial number in lower-case hexadecimal, two digits a byte.
    #[must_use]
    pub fn serial_hex(&self) -> &str {
        &self.0.serial_hex
    }

    /// The end of the certificate's validity. A connection that is established then is not ended by
    /// it.
    #[must_use]
    pub fn not_after(&self) -> SystemTime {
        self.0.not_after
    }

    /// SHA-256 over the certificate in DER.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        self.0.fingerprint
    }

    /// The certificate in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// Whether `name` is one of the subject alternative names: a DNS name (compared without regard
    /// to ASCII case), an IP address in any notation, or a URI (compared exactly). Wildcards match
    /// only themselves, and the common name does not count.
    #[must_use]
    pub fn has_name(&self, name: &str) -> bool {
        let inner = &*self.0;
        inner
            .dns_names
            .iter()
            .any(|dns| dns.eq_ignore_ascii_case(name))
            || inner.uris.iter().any(|uri| uri == name)
            || name
                .parse()
                .is_ok_and(|ip: IpAddr| inner.ip_addresses.contains(&ip))
    }

    /// The name a log line is best served with.
    fn label(&self) -> String {
        let inner = &*self.0;
        let text = inner.dns_names.first().or(inner.uris.first()).cloned();
        text.or_else(|| inner.ip_addresses.first().map(IpAddr::to_string))
            .or_else(|| inner.common_name.clone())
            .unwrap_or_else(|| format!("serial {}", inner.serial_hex))
    }
}

/// Two identities are equal if they are the same certificate.
impl PartialEq for PeerIdentity {
    fn eq(&self, other: &Self) -> bool {
        self.0.fingerprint == other.0.fingerprint
    }
}

impl Eq for PeerIdentity {}

/// The first name, escaped and cut to 128 characters.
impl fmt::Display for PeerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        cut(&self.label()).escape_debug().fmt(f)
    }
}

/// The first few names and the fingerprint, escaped and bounded.
impl fmt::Debug for PeerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        f.debug_struct("PeerIdentity")
            .field("common_name", &inner.common_name.as_deref().map(cut))
            .field("dns_names", &shown(&inner.dns_names))
            .field(
                "ip_addresses",
                &inner
                    .ip_addresses
                    .iter()
                    .take(NAMES_SHOWN)
                    .collect::<Vec<_>>(),
            )
            .field("uris", &shown(&inner.uris))
            .field("fingerprint", &hex(&inner.fingerprint))
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Names {
    dns: Vec<String>,
    ip: Vec<IpAddr>,
    uri: Vec<String>,
}

impl Names {
    fn of(certificate: &X509Certificate<'_>) -> Result<Self, IdentityError> {
        let mut names = Self::default();
        let extension = certificate
            .subject_alternative_name()
            .map_err(|_| IdentityError::Malformed)?;
        let Some(extension) = extension else {
            return Ok(names);
        };
        // More than a legitimate certificate holds is refused rather than cut: a policy that looks
        // for a name must see all of them or none.
        if extension.value.general_names.len() > NAMES_MAX {
            return Err(IdentityError::TooManyNames);
        }
        for name in &extension.value.general_names {
            match name {
                GeneralName::DNSName(name) => names.dns.push(bounded(name)?),
                GeneralName::URI(uri) => names.uri.push(bounded(uri)?),
                GeneralName::IPAddress(bytes) => names.ip.push(ip_address(bytes)?),
                GeneralName::Invalid(..) => return Err(IdentityError::Malformed),
                // Mail addresses and directory names identify nobody here.
                _ => {}
            }
        }
        Ok(names)
    }
}

fn common_name(certificate: &X509Certificate<'_>) -> Result<Option<String>, IdentityError> {
    let first = certificate.subject().iter_common_name().next();
    // A string type that does not decode is no name; nothing depends on it being there.
    first
        .and_then(|attribute| attribute.as_str().ok())
        .map(bounded)
        .transpose()
}

fn ip_address(bytes: &[u8]) -> Result<IpAddr, IdentityError> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Ok(v4.into());
    }
    <[u8; 16]>::try_from(bytes)
        .map(IpAddr::from)
        .map_err(|_| IdentityError::Malformed)
}

fn bounded(name: &str) -> Result<String, IdentityError> {
    if name.len() > NAME_BYTES_MAX {
        return Err(IdentityError::NameTooLong);
    }
    Ok(name.to_owned())
}

/// Saturates at the epoch: a certificate that ended before 1970 ended long enough ago.
pub(crate) fn system_time(seconds: i64) -> SystemTime {
    let since_epoch = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    UNIX_EPOCH.checked_add(since_epoch).unwrap_or(UNIX_EPOCH)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
            // Writing to a `String` cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

/// `Debug` of a string escapes; what is left to do is to bound it.
fn shown(names: &[String]) -> Vec<&str> {
    names
        .iter()
        .take(NAMES_SHOWN)
        .map(|name| cut(name))
        .collect()
}

fn cut(text: &str) -> &str {
    match text.char_indices().nth(CHARS_SHOWN) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

/// Names kept of one certificate.
const NAMES_MAX: usize = 256;

/// The longest name kept; SPIFFE allows its ids 2048 bytes.
const NAME_BYTES_MAX: usize = 2048;

/// Names of each kind that `Debug` shows.
const NAMES_SHOWN: usize = 8;

/// Characters of a name that `Display` and `Debug` show.
const CHARS_SHOWN: usize = 128;

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    fn certificate(common_name: &str, names: Vec<SanType>) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        params.subject_alt_names = names;
        let key = KeyPair::generate().expect("P-256 keys can be generated");
        params
            .self_signed(&key)
            .expect("the parameters are sound")
            .der()
            .to_vec()
    }

    fn dns(name: &str) -> SanType {
        SanType::DnsName(name.try_into().expect("the name is ASCII"))
    }

    fn uri(uri: &str) -> SanType {
        SanType::URI(uri.try_into().expect("the URI is ASCII"))
    }

    #[test]
    fn every_kind_of_name_is_read() {
        let v6: IpAddr = "::1".parse().expect("it is an address");
        let names = vec![
            dns("a.example"),
            uri("spiffe://x/y"),
            SanType::IpAddress(v6),
            dns("b"),
        ];
        let der = certificate("alice", names);
        let peer = PeerIdentity::from_der(&der).expect("it is well formed");
        assert_eq!(peer.common_name(), Some("alice"));
        assert_eq!(peer.dns_names(), ["a.example", "b"]);
        assert_eq!(peer.uris(), ["spiffe://x/y"]);
        assert_eq!(peer.ip_addresses(), [v6]);
        assert_eq!(peer.der(), der);
        assert_eq!(
            peer.fingerprint().as_slice(),
            digest(&SHA256, &der).as_ref()
        );
        assert!(!peer.serial_hex().is_empty());
    }

    #[test]
    fn names_match_exactly_or_not_at_all() {
        let v6: IpAddr = "::1".parse().expect("it is an address");
        let names = vec![
            dns("A.example"),
            dns("*.b.example"),
            uri("spiffe://x/Y"),
            SanType::IpAddress(v6),
        ];
        let peer = PeerIdentity::from_der(&certificate("alice", names)).expect("well formed");
        for name in [
            "a.EXAMPLE",
            "*.b.example",
            "spiffe://x/Y",
            "::1",
            "0:0:0:0:0:0:0:1",
        ] {
            assert!(peer.has_name(name), "{name}");
        }
        for name in [
            "alice",
            "x.b.example",
            "spiffe://x/y",
            "127.0.0.1",
            "a.example.",
            "",
        ] {
            assert!(!peer.has_name(name), "{name}");
        }
    }

    #[test]
    fn control_characters_of_the_peer_never_reach_the_log() {
        let name = format!("eve\n\u{1b}[2J\u{202e}{}", "x".repeat(1000));
        let peer = PeerIdentity::from_der(&certificate(&name, vec![])).expect("well formed");
        assert_eq!(peer.common_name(), Some(name.as_str()));
        for shown in [peer.to_string(), format!("{peer:?}")] {
            assert!(shown.contains(r"eve\n\u{1b}[2J\u{202e}xxx"), "{shown}");
            assert!(shown.len() < 500, "{shown}");
        }
    }

    #[test]
    fn the_number_of_names_is_bounded() {
        let with = |count| {
            let names = (0..count).map(|i| dns(&format!("n{i}"))).collect();
            PeerIdentity::from_der(&certificate("x", names)).map(|peer| peer.dns_names().len())
        };
        assert_eq!(with(NAMES_MAX - 1), Ok(NAMES_MAX - 1));
        assert_eq!(with(NAMES_MAX), Ok(NAMES_MAX));
        assert_eq!(with(NAMES_MAX + 1), Err(IdentityError::TooManyNames));
    }

    #[test]
    fn the_length_of_a_name_is_bounded() {
        let with = |bytes| {
            let name = "x".repeat(bytes);
            PeerIdentity::from_der(&certificate("x", vec![dns(&name)]))
                .map(|peer| peer.has_name(&name))
        };
        assert_eq!(with(NAME_BYTES_MAX - 1), Ok(true));
        assert_eq!(with(NAME_BYTES_MAX), Ok(true));
        assert_eq!(with(NAME_BYTES_MAX + 1), Err(IdentityError::NameTooLong));
    }

    #[test]
    fn damaged_bytes_are_an_error_and_never_a_panic() {
        let der = certificate("alice", vec![dns("a.example"), uri("spiffe://x/y")]);
        for end in 0..der.len() {
            assert!(PeerIdentity::from_der(&der[..end]).is_err(), "cut at {end}");
        }
        for position in 0..der.len() {
            let mut damaged = der.clone();
            damaged[position] ^= 0x55;
            // Many of these decode, which is fine: only the signature could tell.
            let _ = PeerIdentity::from_der(&damaged);
        }
        let mut trailing = der;
        trailing.push(0);
        assert_eq!(
            PeerIdentity::from_der(&trailing),
            Err(IdentityError::Malformed)
        );
        assert_eq!(
            PeerIdentity::from_chain(&[]),
            Err(IdentityError::NoCertificate)
        );
    }
}
