//! Nothing secret is committed: keys for tests are made when a test runs.

use std::fs;

use crate::tree::{self, Violation};

/// How a PEM key announces itself, cut in two so that this file is no hit.
const ANNOUNCEMENT: (&str, &str) = ("-----BEGIN ", "PRIVATE KEY-----");

/// Names under which key files go.
const KEY_FILES: [&str; 6] = [".key", "-key.pem", ".p12", ".pfx", "id_rsa", "id_ed25519"];

fn is_key_file(path: &str) -> bool {
    KEY_FILES.iter().any(|ending| path.ends_with(ending))
}

/// Whether `content` holds the start of a private key. Code may mention the
/// announcement, to recognise one or to say what is missing; there it counts
/// only where key material follows.
fn holds_key(content: &str, is_code: bool) -> bool {
    let mut rest = content;
    while let Some((_, after)) = rest.split_once(ANNOUNCEMENT.0) {
        let title = after.split(['\n', '"']).next().unwrap_or_default();
        if let Some((_, body)) = title
            .split_once(ANNOUNCEMENT.1)
            .map(|_| after.split_at(title.len()))
        {
            let tail = title
                .split_once(ANNOUNCEMENT.1)
                .map(|(_, tail)| tail)
                .unwrap_or_default();
            if !is_code || has_material(tail) || has_material(body) {
                return true;
            }
        }
        rest = after;
    }
    false
}

/// Whether a line of base64 starts `text`, after line ends real or escaped.
fn has_material(text: &str) -> bool {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\\');
    let text = text
        .strip_prefix('n')
        .filter(|_| text.starts_with("nM"))
        .unwrap_or(text);
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    text.bytes().take_while(|byte| is_base64(byte)).count() >= MATERIAL_MIN
}

/// The shortest run of base64 that counts as a key, in characters.
const MATERIAL_MIN: usize = 40;

#[test]
fn no_private_key_is_committed() {
    let root = tree::root();
    let mut found = Vec::new();
    for path in tree::committed_files() {
        // A file that is staged for removal is listed but gone.
        let Ok(bytes) = fs::read(root.join(&path)) else {
            continue;
        };
        if is_key_file(&path) || holds_key(&String::from_utf8_lossy(&bytes), path.ends_with(".rs"))
        {
            found.push(Violation::new(&path, 0, "a private key"));
        }
    }
    tree::require_none(found);
}

mod bites {
    use super::{ANNOUNCEMENT, holds_key, is_key_file};

    fn pem(kind: &str, line_end: &str) -> String {
        let material = "MC4CAQAwBQYDK2VwBCIEIAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        format!(
            "{}{kind}{}{line_end}{material}",
            ANNOUNCEMENT.0, ANNOUNCEMENT.1
        )
    }

    #[test]
    fn a_key_is_seen_in_any_file() {
        for kind in ["", "EC ", "RSA ", "ENCRYPTED "] {
            for line_end in ["\n", "\r\n", "\\n", "\\n\\\n    "] {
                assert!(holds_key(&pem(kind, line_end), true), "{kind}{line_end:?}");
                assert!(holds_key(&pem(kind, line_end), false), "{kind}{line_end:?}");
            }
        }
    }

    #[test]
    fn code_may_speak_of_keys() {
        let mention = format!(
            "if text.contains(\"{}{}\") {{ refuse() }}",
            ANNOUNCEMENT.0, ANNOUNCEMENT.1
        );
        assert!(!holds_key(&mention, true));
        assert!(holds_key(&mention, false));
        assert!(!holds_key("-----BEGIN CERTIFICATE-----\nMIIB", false));
    }

    #[test]
    fn key_files_are_known_by_name() {
        assert!(is_key_file("certs/server-key.pem") && is_key_file("a/b.key"));
        assert!(!is_key_file("certs/ca.pem") && !is_key_file("src/key.rs"));
    }
}
