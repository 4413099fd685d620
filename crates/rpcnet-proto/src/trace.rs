//! The identity of a distributed trace, as carried by a call.

use std::fmt::Write;

use thiserror::Error;

/// The W3C trace context of the caller: which trace this call belongs to and
/// which span caused it.
///
/// The wire carries any bytes; the W3C says that an all-zero id makes the whole
/// context void, see [`TraceContext::is_valid`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceContext {
    /// The id shared by every span of the trace.
    pub trace_id: [u8; 16],
    /// The id of the caller's span.
    pub parent_id: [u8; 8],
    /// The trace flags; bit 0 says that the caller records its spans.
    pub flags: u8,
}

impl TraceContext {
    /// Whether neither id is all zero; a receiver disregards a context that is not valid.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.trace_id != [0; 16] && self.parent_id != [0; 8]
    }

    /// Reads the value of a header `traceparent`, as HTTP carries it: the way of a trace
    /// from a gateway into calls.
    ///
    /// Strict, as the W3C wants it: lower-case digits, nothing before or after. Of later
    /// versions, which may be longer, the parts that they share with version 00 are read.
    ///
    /// # Errors
    ///
    /// Says what is wrong; such a header counts as none, and a new trace begins.
    ///
    /// # Examples
    ///
    /// ```
    /// use rpcnet_proto::TraceContext;
    ///
    /// let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    /// let trace = TraceContext::from_traceparent(header)?;
    /// assert_eq!(trace.to_traceparent(), header);
    /// # Ok::<(), rpcnet_proto::TraceparentError>(())
    /// ```
    pub fn from_traceparent(header: &str) -> Result<Self, TraceparentError> {
        let bytes = header.as_bytes();
        let (known, more) = bytes
            .split_at_checked(TEXT_BYTES)
            .ok_or(TraceparentError::Length)?;
        let part = |at: usize, len: usize| known.get(at..at + len).unwrap_or_default();
        let version = number(part(0, 2))?;
        match (version, more) {
            (0xff, _) => return Err(TraceparentError::Version),
            (_, []) => {}
            (0, _) => return Err(TraceparentError::Length),
            (_, [b'-', ..]) => {}
            _ => return Err(TraceparentError::Malformed),
        }
        if [2, 35, 52].iter().any(|at| part(*at, 1) != b"-") {
            return Err(TraceparentError::Malformed);
        }
        let mut trace = Self {
            trace_id: [0; 16],
            parent_id: [0; 8],
            flags: number(part(53, 2))?,
        };
        fill(&mut trace.trace_id, part(3, 32))?;
        fill(&mut trace.parent_id, part(36, 16))?;
        if version > 0 {
            // What the others say is not known.
            trace.flags &= FLAGS_KNOWN;
        }
        trace
            .is_valid()
            .then_some(trace)
            .ok_or(TraceparentError::Void)
    }

    /// The value of a header `traceparent`, version 00: the way of a trace out of a call into
    /// HTTP.
    #[must_use]
    pub fn to_traceparent(&self) -> String {
        let mut text = String::with_capacity(TEXT_BYTES);
        text.push_str("00-");
        let mut put = |bytes: &[u8], end: &str| {
            for byte in bytes {
                // Writing to a `String` cannot fail.
                let _ = write!(text, "{byte:02x}");
            }
            text.push_str(end);
        };
        put(&self.trace_id, "-");
        put(&self.parent_id, "-");
        put(&[self.flags], "");
        text
    }
}

/// Why a text is no `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TraceparentError {
    /// It has not the length of its version: 55 characters for version 00.
    #[error("a traceparent has 55 characters, and more only in versions after 00")]
    Length,
    /// Its version is `ff`, which there is not.
    #[error("there is no version ff of traceparent")]
    Version,
    /// It is not made of lower-case hexadecimal digits with dashes between the parts.
    #[error("a traceparent is made of lower-case hexadecimal digits and dashes")]
    Malformed,
    /// One of its ids is all zero.
    #[error("a trace id or parent id of zeros stands for none")]
    Void,
}

fn fill(bytes: &mut [u8], digits: &[u8]) -> Result<(), TraceparentError> {
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = number(pair)?;
    }
    Ok(())
}

/// Two lower-case hexadecimal digits.
fn number(pair: &[u8]) -> Result<u8, TraceparentError> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    match pair {
        [high, low] => digit(*high)
            .zip(digit(*low))
            .map(|(high, low)| high << 4 | low)
            .ok_or(TraceparentError::Malformed),
        _ => Err(TraceparentError::Malformed),
    }
}

/// Characters of version 00.
const TEXT_BYTES: usize = 55;

/// Sampled, and random, of level 2.
const FLAGS_KNOWN: u8 = 0b11;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_id_that_is_all_zero_voids_the_context() {
        let valid = TraceContext {
            trace_id: [1; 16],
            parent_id: [2; 8],
            flags: 0,
        };
        assert!(valid.is_valid());
        assert!(
            !TraceContext {
                trace_id: [0; 16],
                ..valid
            }
            .is_valid()
        );
        assert!(
            !TraceContext {
                parent_id: [0; 8],
                ..valid
            }
            .is_valid()
        );
    }

    const HEADER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_is_read_as_the_w3c_says() {
        use TraceparentError::{Length, Malformed, Version, Void};

        let read = TraceContext::from_traceparent;
        assert_eq!(read(HEADER).map(|it| it.flags), Ok(1));
        let later = HEADER.replacen("00", "cc", 1);
        assert_eq!(
            read(&later).map(|it| it.trace_id),
            read(HEADER).map(|it| it.trace_id)
        );
        assert!(read(&format!("{later}-what-comes")).is_ok());
        let flags = later.replace("-01", "-ff");
        assert_eq!(read(&flags).map(|it| it.flags), Ok(3));
        for (header, expected) in [
            (String::new(), Length),
            (HEADER[..54].to_owned(), Length),
            (format!("{HEADER}-00"), Length),
            (format!("{later}."), Malformed),
            (HEADER.replacen("00", "ff", 1), Version),
            (HEADER.to_uppercase(), Malformed),
            (HEADER.replace('-', "_"), Malformed),
            (HEADER.replace("4bf", "4bg"), Malformed),
            (format!(" {}", &HEADER[..54]), Malformed),
            (
                HEADER.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
                Void,
            ),
            (HEADER.replace("00f067aa0ba902b7", &"0".repeat(16)), Void),
            ("\u{e9}".repeat(30), Malformed),
        ] {
            assert_eq!(read(&header), Err(expected), "{header:?}");
        }
    }

    proptest! {
        #[test]
        fn every_valid_context_survives_the_text(
            trace_id in any::<[u8; 16]>(),
            parent_id in any::<[u8; 8]>(),
            flags in any::<u8>(),
        ) {
            let trace = TraceContext { trace_id, parent_id, flags };
            let read = TraceContext::from_traceparent(&trace.to_traceparent());
            prop_assert_eq!(read.ok(), Some(trace).filter(TraceContext::is_valid));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,80}", near in "[0-9a-f-]{50,60}") {
            let _ = TraceContext::from_traceparent(&text);
            if let Ok(read) = TraceContext::from_traceparent(&near) {
                prop_assert_eq!(&read.to_traceparent()[3..52], &near[3..52]);
            }
        }
    }
}
