//! What is said about files and settings before a socket opens.

use super::*;

/// A directory with a CA and a server's identity, and the files of that server.
fn server() -> (Scratch, TlsFiles) {
    let scratch = Scratch::new();
    let home = scratch.ca("home");
    let identity = home.ca.server(&["localhost"]).unwrap();
    let files = scratch.identity("server", &identity, Some(&home));
    (scratch, files)
}

#[track_caller]
fn refused(files: &TlsFiles) -> TlsError {
    let error = load_server(files, ClientAuth::default()).unwrap_err();
    assert!(error.is_file_problem(), "{error:?}");
    error
}

#[track_caller]
fn check_pem(files: &TlsFiles, culprit: &Path, expected: PemProblem) {
    let TlsError::Pem { path, problem } = refused(files) else {
        panic!("{:?}", refused(files))
    };
    assert_eq!((path.as_path(), problem), (culprit, expected));
}

#[test]
fn a_missing_file_is_named_with_the_systems_reason() {
    let (scratch, good) = server();
    let absent = scratch.path("absent.pem");
    for files in [
        TlsFiles {
            cert: absent.clone(),
            ..good.clone()
        },
        TlsFiles {
            key: Some(absent.clone()),
            ..good.clone()
        },
        TlsFiles {
            ca: Some(absent.clone()),
            ..good.clone()
        },
    ] {
        let error = refused(&files);
        let TlsError::File { path, source } = &error else {
            panic!("{error:?}")
        };
        assert_eq!(
            (path, source.kind()),
            (&absent, std::io::ErrorKind::NotFound)
        );
        assert!(error.to_string().contains("absent.pem"));
        assert!(std::error::Error::source(&error).is_some());
    }
}

#[test]
fn a_directory_in_a_files_place_is_an_error() {
    let (scratch, good) = server();
    let files = TlsFiles {
        cert: scratch.dir.path().to_path_buf(),
        ..good
    };
    assert!(matches!(refused(&files), TlsError::File { .. }));
}

#[test]
fn what_is_wrong_with_a_certificate_file_is_said() {
    let (scratch, good) = server();
    let certificate = std::fs::read_to_string(&good.cert).unwrap();
    let key = std::fs::read_to_string(good.key.as_ref().unwrap()).unwrap();
    let middle = certificate.len() / 2;
    let other = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n";
    let hollow = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (text, expected) in [
        (String::new(), PemProblem::NotPem),
        ("\u{30}\u{82}\u{1}".to_owned(), PemProblem::NotPem),
        (other.to_owned(), PemProblem::NoCertificate),
        (key, PemProblem::KeyForCertificate),
        (certificate[..middle].to_owned(), PemProblem::Damaged),
        (
            certificate
                .replacen("MII", "M!I", 1)
                .replacen("MIIB", "****", 1),
            PemProblem::Damaged,
        ),
        (
            format!("{certificate}{hollow}"),
            PemProblem::BadCertificate { index: 2 },
        ),
        (" ".repeat((1 << 20) + 1), PemProblem::TooLarge),
    ] {
        let bad = scratch.write("bad.pem", &text);
        check_pem(
            &TlsFiles {
                cert: bad.clone(),
                ..good.clone()
            },
            &bad,
            expected,
        );
        check_pem(
            &TlsFiles {
                ca: Some(bad.clone()),
                ..good.clone()
            },
            &bad,
            expected,
        );
    }
}

#[test]
fn what_is_wrong_with_a_key_file_is_said() {
    let (scratch, good) = server();
    let certificate = std::fs::read_to_string(&good.cert).unwrap();
    let key = std::fs::read_to_string(good.key.as_ref().unwrap()).unwrap();
    let pkcs8 = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let legacy = key
        .replace(
            "-----BEGIN PRIVATE KEY-----\n",
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n",
        )
        .replace("END PRIVATE", "END RSA PRIVATE");
    for (text, expected) in [
        (String::new(), PemProblem::NotPem),
        (certificate, PemProblem::CertificateForKey),
        (
            "-----BEGIN X-----\n-----END X-----\n".to_owned(),
            PemProblem::NoKey,
        ),
        (key[..key.len() / 2].to_owned(), PemProblem::Damaged),
        (key.replacen("MI", "M!", 1), PemProblem::Damaged),
        (pkcs8, PemProblem::EncryptedKey),
        (legacy, PemProblem::EncryptedKey),
    ] {
        let bad = scratch.write("bad-key.pem", &text);
        check_pem(
            &TlsFiles {
                key: Some(bad.clone()),
                ..good.clone()
            },
            &bad,
            expected,
        );
    }
}

#[test]
fn a_key_that_does_not_decode_is_named() {
    let (scratch, good) = server();
    let bad = scratch.write(
        "bad-key.pem",
        "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEG\n-----END PRIVATE KEY-----\n",
    );
    let error = refused(&TlsFiles {
        key: Some(bad.clone()),
        ..good
    });
    assert!(
        matches!(&error, TlsError::Unusable { path, .. } if *path == bad),
        "{error:?}"
    );
}

#[test]
fn another_certificates_key_is_told_apart_from_a_bad_one() {
    let (scratch, good) = server();
    let other = scratch.ca("other").ca.server(&["localhost"]).unwrap();
    let other = scratch.identity("other-server", &other, None);
    let error = refused(&TlsFiles {
        key: other.key.clone(),
        ..good.clone()
    });
    let TlsError::KeyMismatch { cert, key } = &error else {
        panic!("{error:?}")
    };
    assert_eq!((cert, Some(key)), (&good.cert, other.key.as_ref()));
}

#[test]
fn comments_line_ends_and_a_shared_file_do_not_matter() {
    let (scratch, good) = server();
    let certificate = std::fs::read_to_string(&good.cert).unwrap();
    let key = std::fs::read_to_string(good.key.as_ref().unwrap()).unwrap();
    let ca = std::fs::read_to_string(good.ca.as_ref().unwrap()).unwrap();
    let parameters =
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    let all =
        format!("-- subject: CN=localhost --\n{certificate}{ca}\n# key\n{parameters}{key}\nend\n");
    let all = scratch.write("all.pem", &all.replace('\n', "\r\n"));
    let files = TlsFiles {
        cert: all.clone(),
        key: Some(all.clone()),
        ca: Some(all),
    };
    load_server(&files, ClientAuth::Required).unwrap();
    load_client(&files).unwrap();
}

#[test]
fn settings_that_lack_a_file_say_which_to_set() {
    let (_scratch, good) = server();
    let check = |result: Result<(), TlsError>, setter: &str| match result {
        Err(error @ TlsError::Config(_)) => {
            assert!(!error.is_file_problem());
            assert!(error.to_string().contains(setter), "{error}");
        }
        other => panic!("{other:?}"),
    };
    let no_key = TlsFiles {
        key: None,
        ..good.clone()
    };
    check(
        load_server(&no_key, ClientAuth::Off).map(drop),
        "with_key_path",
    );
    let no_ca = TlsFiles { ca: None, ..good };
    check(
        load_server(&no_ca, ClientAuth::Required).map(drop),
        "with_ca_path",
    );
    check(load_client(&no_ca).map(drop), "with_ca_path");
    load_server(&no_ca, ClientAuth::Optional).unwrap();
}

#[test]
fn the_reset_key_is_the_private_keys_and_not_the_certificates() {
    use s2n_quic::provider::stateless_reset_token::Generator;

    let (scratch, good) = server();
    let token = |files: &TlsFiles| {
        load_server(files, ClientAuth::Off)
            .unwrap()
            .reset_key()
            .generate(b"connection")
    };
    let key = std::fs::read_to_string(good.key.as_ref().unwrap()).unwrap();
    let copy = scratch.write(
        "copy-key.pem",
        &format!("# moved\n{}", key.replace('\n', "\r\n")),
    );
    assert_eq!(
        token(&good),
        token(&TlsFiles {
            key: Some(copy),
            ..good.clone()
        })
    );

    let other = scratch.ca("other").ca.server(&["localhost"]).unwrap();
    assert_ne!(
        token(&good),
        token(&scratch.identity("other-server", &other, None))
    );
}
