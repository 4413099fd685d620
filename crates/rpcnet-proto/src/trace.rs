//! The identity of a distributed trace, as carried by a call.

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
}

#[cfg(test)]
mod tests {
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
}
