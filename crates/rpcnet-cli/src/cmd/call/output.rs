//! [`Output`]: responses on their way to standard output.

use std::error::Error;
use std::io::{self, Write};

use serde::de::IgnoredAny;
use serde_json::Value;

use super::args::Args;
use super::pretty::pretty;
use crate::cmd::access::{ascii_json, terminal_json};

/// How responses are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// As they are.
    Raw,
    /// A line of plain characters each.
    Lines,
    /// A line each.
    Stream,
    /// For people: on several lines where it is long.
    Pretty,
}

impl Output {
    pub(super) fn new(args: &Args, streams: bool) -> Self {
        match (args.raw, args.json, streams) {
            (true, ..) => Self::Raw,
            (false, true, _) => Self::Lines,
            (false, false, true) => Self::Stream,
            (false, false, false) => Self::Pretty,
        }
    }

    /// Prints a response, to be seen at once.
    ///
    /// # Errors
    ///
    /// Standard output is closed, or the response is not what can be printed so.
    pub(super) fn print(self, response: &[u8]) -> Result<(), Box<dyn Error>> {
        let mut out = io::stdout().lock();
        match self {
            Self::Raw => out.write_all(response)?,
            Self::Lines => writeln!(out, "{}", ascii_json(&json(response)?))?,
            Self::Stream => writeln!(out, "{}", terminal_json(&json(response)?))?,
            Self::Pretty => writeln!(out, "{}", terminal_json(&pretty(&json(response)?)))?,
        }
        out.flush()?;
        Ok(())
    }
}

/// The response as one line of JSON; text that is none becomes a JSON string.
fn json(response: &[u8]) -> Result<String, Box<dyn Error>> {
    let Ok(text) = str::from_utf8(response) else {
        return Err(format!(
            "a response has {} bytes that are no text: --raw prints them as they are",
            response.len()
        )
        .into());
    };
    let text = text.trim_ascii();
    if text.is_empty() {
        return Ok("null".into());
    }
    match serde_json::from_str::<IgnoredAny>(text) {
        // Numbers and the order of fields stay as they came.
        Ok(_) if !text.contains(['\n', '\r']) => Ok(text.to_owned()),
        Ok(_) => Ok(serde_json::from_str::<Value>(text)?.to_string()),
        Err(_) => Ok(Value::from(text).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_stays_and_text_becomes_json() {
        for (response, line) in [
            (&b"{\"b\":1,\"a\":1e400}"[..], "{\"b\":1,\"a\":1e400}"),
            (b" 12345678901234567890123 ", "12345678901234567890123"),
            (b"{\n \"a\": 1}", "{\"a\":1}"),
            (b"plain \"text\"", "\"plain \\\"text\\\"\""),
            (b"", "null"),
        ] {
            assert_eq!(json(response).expect("it is text"), line);
        }
        let error = json(&[0xff, 0xfe]).expect_err("it is no text");
        assert!(error.to_string().contains("2 bytes"), "{error}");
    }
}
