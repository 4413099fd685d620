//! A description as text.

use crate::cmd::access::{ascii_json, printable};
use crate::cmd::reflection::{Catalogue, Kind, Legend, Method, Types, example, signature};

const DOC_CHARS_MAX: usize = 400;
const NAME_CHARS_MAX: usize = 128;
/// A longer example is none.
const EXAMPLE_BYTES_MAX: usize = 400;

/// All methods, one after the other.
pub(super) fn text(catalogue: &Catalogue, address: &str) -> String {
    let mut text = String::new();
    if let ([service], true) = (catalogue.services.as_slice(), catalogue.methods.len() > 1) {
        text.push_str(&printable(&service.name, NAME_CHARS_MAX));
        text.push('\n');
        text.push_str(&doc(&service.doc));
    }
    for method in &catalogue.methods {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&described(method, address));
    }
    text
}

fn described(method: &Method, address: &str) -> String {
    let mut legend = Legend::default();
    let mut text = match method.typed {
        true => signature(method, &mut legend) + "\n",
        false => printable(&method.method, NAME_CHARS_MAX) + ": bytes -> bytes\n",
    };
    text.push_str(&doc(&method.doc));
    text.push_str(&format!("  {}\n", traits(method)));
    if let Some(error) = &method.error {
        text.push_str(&format!("  fails with: {}\n", legend.write(error, 1)));
    }
    for line in legend.into_lines() {
        text.push_str(&format!("  where {}\n", line.replace('\n', "\n  ")));
    }
    text.push_str(&format!("  try: {}\n", try_it(method, address)));
    text
}

fn doc(doc: &str) -> String {
    let lines = doc.lines().map(|line| printable(line, DOC_CHARS_MAX));
    let lines = lines.map(|line| match line.is_empty() {
        true => "\n".to_owned(),
        false => format!("  {line}\n"),
    });
    lines.collect()
}

/// Everything that is said of a method in a word or two.
fn traits(method: &Method) -> String {
    let mut traits = vec![method.kind.to_string()];
    if method.idempotent {
        traits.push("idempotent".into());
    }
    if let Some(ms) = method.timeout_ms {
        traits.push(format!("deadline {} by default", seconds(ms)));
    }
    if !method.codecs.is_empty() {
        let codecs = method.codecs.iter().map(|codec| printable(codec, 20));
        traits.push(format!("in {}", codecs.collect::<Vec<_>>().join(", ")));
    }
    if let Some(fingerprint) = &method.fingerprint {
        traits.push(format!("schema {}", printable(fingerprint, 20)));
    }
    traits.join(", ")
}

fn seconds(ms: u64) -> String {
    match ms % 1_000 {
        0 => format!("{}s", ms / 1_000),
        _ => format!("{ms}ms"),
    }
}

/// The call as it can be typed, as far as an example is at hand.
fn try_it(method: &Method, address: &str) -> String {
    let mut line = format!(
        "rpcnet call {address} {}",
        printable(&method.method, NAME_CHARS_MAX)
    );
    if let Some(arguments) = method.arguments.as_ref().and_then(shown) {
        line.push_str(&format!(" '{arguments}'"));
    }
    if matches!(method.kind, Kind::ClientStreaming | Kind::Bidirectional) {
        match method.items.as_ref().and_then(shown) {
            Some(item) => line = format!("echo '{item}' | {line}"),
            None => line.push_str(" < items.jsonl"),
        }
    }
    if !method.speaks_json() {
        line.push_str(" --raw --codec protobuf --file request.bin");
    }
    line
}

fn shown(types: &Types) -> Option<String> {
    let example = example(types).filter(|value| !value.is_null())?;
    let text = ascii_json(&example.to_string()).replace('\'', "'\\''");
    (text.len() <= EXAMPLE_BYTES_MAX).then_some(text)
}
