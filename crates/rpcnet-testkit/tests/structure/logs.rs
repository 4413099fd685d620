//! What is logged is read by tools: constant, plain messages.

use crate::items::closing;
use crate::lexer::{Kind, Token};
use crate::tree::{self, Source, Violation};

const LOGGING: [&str; 12] = [
    "trace",
    "debug",
    "info",
    "warn",
    "error",
    "event",
    "span",
    "trace_span",
    "debug_span",
    "info_span",
    "warn_span",
    "error_span",
];

/// The string literals inside logging macros.
fn log_texts<'a>(code: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut found = Vec::new();
    for (at, window) in code.windows(3).enumerate() {
        let is_logging = LOGGING.contains(&window[0].text) && window[0].kind == Kind::Word;
        if is_logging && window[1].is_mark("!") && window[2].is_mark("(") {
            let inside = &code[at + 2..closing(code, at + 2)];
            found.extend(inside.iter().filter(|token| token.kind == Kind::Text));
        }
    }
    found
}

fn decorated_logs(source: &Source) -> Vec<Violation> {
    let texts = log_texts(&source.code());
    let decorated = texts.iter().filter(|token| !token.text.is_ascii());
    decorated
        .map(|token| Violation::new(&source.path, token.line, token.text))
        .collect()
}

/// A capital or a full stop makes a message prose; it should be a key that one
/// can search for.
fn wordy_logs(source: &Source) -> Vec<Violation> {
    let texts = log_texts(&source.product_code());
    let wordy = texts.iter().filter(|token| {
        let is_capital = token.text.starts_with(|c: char| c.is_ascii_uppercase())
            && !token
                .text
                .starts_with(|c: char| c.is_ascii_uppercase() && is_acronym(token.text));
        is_capital || token.text.ends_with(['.', '!'])
    });
    wordy
        .map(|token| Violation::new(&source.path, token.line, token.text))
        .collect()
}

/// Whether the first word is written in capitals throughout, as `TLS` is.
fn is_acronym(text: &str) -> bool {
    let word = text.split(' ').next().unwrap_or_default();
    word.len() > 1
        && word
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

fn is_emoji(c: char) -> bool {
    matches!(c, '\u{2600}'..='\u{27bf}' | '\u{2b50}' | '\u{fe0f}' | '\u{1f300}'..='\u{1faff}')
}

#[test]
fn log_messages_are_plain_ascii() {
    tree::hold(&tree::sources(), decorated_logs);
}

#[test]
fn log_messages_are_lower_case_without_a_full_stop() {
    let is_library = |source: &Source| source.path.starts_with("crates/rpcnet/");
    let sources: Vec<Source> = tree::sources().into_iter().filter(is_library).collect();
    tree::hold(&sources, wordy_logs);
}

#[test]
fn no_document_carries_an_emoji() {
    let documents = tree::documents("md");
    let found = documents.iter().flat_map(|document| {
        let lines = document.text.lines().enumerate();
        let decorated = lines.filter(|(_, line)| line.chars().any(is_emoji));
        decorated
            .map(|(at, line)| Violation::new(&document.path, at + 1, line))
            .collect::<Vec<_>>()
    });
    tree::require_none(found);
}

mod bites {
    use super::{decorated_logs, is_emoji, wordy_logs};
    use crate::tree::Source;

    fn source(text: &str) -> Source {
        Source::new("crates/rpcnet/src/a.rs", text)
    }

    #[test]
    fn a_decorated_message_is_seen() {
        for text in [
            "fn f() { tracing::debug!(id, \"\u{1f680} started\"); }",
            "fn f() { info!(target: \"a\", x = g(\"\u{e9}\"), \"b\") }",
        ] {
            assert_eq!(decorated_logs(&source(text)).len(), 1, "{text}");
        }
        for text in [
            "fn f() { debug!(id, \"started\"); g(\"\u{e9}\"); }",
            "fn debug() { \"\u{e9}\" }",
        ] {
            assert!(decorated_logs(&source(text)).is_empty(), "{text}");
        }
    }

    #[test]
    fn prose_in_a_log_is_seen() {
        for message in ["Call started", "call started.", "done!"] {
            let text = format!("fn f() {{ debug!(\"{message}\"); }}");
            assert_eq!(wordy_logs(&source(&text)).len(), 1, "{message}");
        }
        for message in [
            "call started",
            "TLS handshake refused",
            "SETTINGS arrived",
            "{name}",
        ] {
            let text = format!("fn f() {{ debug!(\"{message}\"); }}");
            assert!(wordy_logs(&source(&text)).is_empty(), "{message}");
        }
    }

    #[test]
    fn emoji_are_told_from_letters_and_signs() {
        assert!("\u{1f680}\u{2705}\u{26a0}\u{2b50}".chars().all(is_emoji));
        assert!(
            !"\u{3c6}\u{2013}\u{2264}\u{2192}\u{e9}\u{2500}"
                .chars()
                .any(is_emoji)
        );
    }
}
