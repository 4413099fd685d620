//! Certificates are made, written all or none, and say what they should.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::*;
use crate::TlsError;
use crate::transport::tls::CertificateFile;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn sole(path: &Path) -> CertificateSummary {
    let mut all = inspect(path).unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

#[test]
fn one_call_makes_all_six_files() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("deeper/certs");
    let made = dev_certificates(&dir).unwrap();
    assert_eq!(
        names(&dir),
        [
            "ca-key.pem",
            "ca.pem",
            "client-key.pem",
            "client.pem",
            "server-key.pem",
            "server.pem"
        ]
    );
    assert_eq!(made.dir(), dir);

    let (ca, server, client) = (sole(&made.ca()), sole(&made.server()), sole(&made.client()));
    assert!(ca.is_ca && !server.is_ca && !client.is_ca);
    assert_eq!([&server.issuer, &client.issuer], [&ca.subject, &ca.subject]);
    for name in ["localhost", "127.0.0.1", "::1"] {
        assert!(server.identity.has_name(name));
    }
    assert!(client.identity.has_name("client"));
    for (certificate, days) in [(&ca, 364), (&server, 89), (&client, 89)] {
        let now = SystemTime::now();
        assert_eq!(certificate.days_left(now), days);
        assert!(certificate.not_before < now - DAY + Duration::from_secs(60));
    }
}

#[cfg(unix)]
#[test]
fn keys_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let scratch = tempfile::tempdir().unwrap();
    let made = dev_certificates(scratch.path()).unwrap();
    for key in [made.ca_key(), made.server_key(), made.client_key()] {
        assert_eq!(
            fs::metadata(&key).unwrap().permissions().mode() & 0o777,
            0o600,
            "{key:?}"
        );
    }
}

#[test]
fn any_file_in_the_way_is_named_and_nothing_is_written() {
    for present in ["ca.pem", "client-key.pem", "server.pem"] {
        let scratch = tempfile::tempdir().unwrap();
        fs::write(scratch.path().join(present), "precious").unwrap();
        let error = dev_certificates(scratch.path()).unwrap_err();
        let CertsError::Exists { path } = &error else {
            panic!("{error:?}")
        };
        assert_eq!(*path, scratch.path().join(present));
        assert_eq!(names(scratch.path()), [present]);
        assert_eq!(fs::read_to_string(path).unwrap(), "precious");
    }
}

#[cfg(unix)]
#[test]
fn a_dangling_link_is_in_the_way_too() {
    let scratch = tempfile::tempdir().unwrap();
    let target = scratch.path().join("elsewhere");
    std::os::unix::fs::symlink(&target, scratch.path().join("ca-key.pem")).unwrap();
    let error = dev_certificates(scratch.path()).unwrap_err();
    assert!(matches!(error, CertsError::Exists { .. }), "{error:?}");
    assert!(!target.exists());
}

#[test]
fn a_write_that_fails_takes_back_what_was_written() {
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name);
    let file = |name| NewFile {
        path: path(name),
        text: "x",
        access: files::Access::Everyone,
    };
    let error =
        files::write_all(scratch.path(), &[file("a"), file("absent/b"), file("c")]).unwrap_err();
    assert!(matches!(&error, CertsError::Write { path: p, .. } if *p == path("absent/b")));
    assert!(names(scratch.path()).is_empty());
}

#[test]
fn a_loaded_ca_signs_as_the_one_that_was_written() {
    let scratch = tempfile::tempdir().unwrap();
    let ca = DevCa::generate("Übung").unwrap();
    ca.write(scratch.path()).unwrap();
    let loaded = DevCa::load(scratch.path()).unwrap();
    loaded
        .server(&["a.example"])
        .unwrap()
        .write(scratch.path(), "a")
        .unwrap();

    let issued = scratch.path().join("a.pem");
    assert_eq!(
        sole(&issued).issuer,
        sole(&scratch.path().join("ca.pem")).subject
    );
    let read = |path: PathBuf| CertificateFile::read(&path).unwrap().der().remove(0);
    let (ca, issued) = (read(scratch.path().join("ca.pem")), read(issued));
    let parse = |der| x509_parser::parse_x509_certificate(der).unwrap().1;
    assert_eq!(
        parse(&ca).subject().as_raw(),
        parse(&issued).issuer().as_raw()
    );
}

#[test]
fn a_ca_that_is_not_whole_is_not_loaded() {
    let scratch = tempfile::tempdir().unwrap();
    let load = || DevCa::load(scratch.path()).map(drop).unwrap_err();
    assert!(matches!(load(), CertsError::Read(TlsError::File { .. })));

    let (ca, other) = (DevCa::generate("a").unwrap(), DevCa::generate("a").unwrap());
    ca.write(scratch.path()).unwrap();
    fs::write(scratch.path().join("ca-key.pem"), other.key_pem()).unwrap();
    assert!(matches!(
        load(),
        CertsError::Read(TlsError::KeyMismatch { .. })
    ));

    // An identity is no CA, however well its key fits.
    let identity = ca.server(&["a"]).unwrap();
    fs::write(scratch.path().join("ca.pem"), identity.certificate_pem()).unwrap();
    fs::write(scratch.path().join("ca-key.pem"), identity.key_pem()).unwrap();
    assert!(matches!(load(), CertsError::ForeignCa { .. }));
}

#[test]
fn names_that_no_certificate_can_carry_are_refused() {
    let ca = DevCa::generate("a").unwrap();
    let long = "x".repeat(254);
    for name in [
        "",
        " ",
        "a b",
        "a\n",
        "höhe",
        "a/b",
        "\u{202e}",
        long.as_str(),
    ] {
        let error = ca.server(&["good", name]).unwrap_err();
        assert!(
            matches!(&error, CertsError::Name { name: n } if n == name),
            "{error:?}"
        );
    }
    assert!(matches!(ca.server(&[]), Err(CertsError::NoName)));
    ca.server(&["x".repeat(253).as_str()]).unwrap();
    ca.client("spiffe://example/ns/a").unwrap();
}

#[test]
fn a_validity_that_makes_no_sense_is_refused() {
    let now = SystemTime::now();
    for (from, to) in [
        (now, now - DAY),
        (now, now),
        (UNIX_EPOCH - DAY, now),
        (now, UNIX_EPOCH + 365 * 9000 * DAY),
    ] {
        let ca = DevCa::generate("a").unwrap().with_validity(from, to);
        assert!(
            matches!(ca.client("a"), Err(CertsError::Validity)),
            "{from:?} {to:?}"
        );
    }
}

#[test]
fn expiry_is_counted_in_whole_days() {
    let scratch = tempfile::tempdir().unwrap();
    let end = UNIX_EPOCH + 20_000 * DAY;
    let ca = DevCa::generate("a")
        .unwrap()
        .with_validity(end - 9 * DAY, end);
    ca.client("a").unwrap().write(scratch.path(), "a").unwrap();
    let summary = sole(&scratch.path().join("a.pem"));
    assert_eq!(summary.days_left(end - DAY), 1);
    assert_eq!(summary.days_left(end - DAY / 2), 0);
    assert_eq!(summary.days_left(end + DAY / 2), -1);
    assert_eq!(summary.days_left(end + DAY), -2);
    assert_eq!(summary.not_after_text, "2024-10-04 00:00:00 UTC");
    assert_eq!(summary.not_before_text, "2024-09-25 00:00:00 UTC");
}

#[test]
fn private_keys_are_not_printed() {
    let ca = DevCa::generate("a").unwrap();
    let identity = ca.client("a").unwrap();
    for printed in [format!("{ca:?}"), format!("{identity:?}")] {
        assert!(printed.contains("BEGIN CERTIFICATE") && !printed.contains("PRIVATE"));
    }
}
