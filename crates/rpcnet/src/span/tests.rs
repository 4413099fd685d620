//! What a span keeps of what peers say.

use super::*;

#[test]
fn text_of_peers_is_printable_and_bounded() {
    let shown = printable("a\u{1b}[31mred\nline\u{202e}x");
    assert_eq!(shown, "a\u{fffd}[31mred\u{fffd}line\u{fffd}x");
    assert_eq!(printable(&"e".repeat(10_000)).len(), DESCRIPTION_CHARS_MAX);
    assert_eq!(printable("M\u{fc}nchen"), "M\u{fc}nchen");
}

#[test]
fn a_span_that_nobody_collects_costs_no_text() {
    let span = CallSpan::none();
    assert!(span.0.is_none() && size_of::<CallSpan>() == size_of::<usize>());
    assert_eq!(span.trace_context(), None);
    let method = Method::new("m").expect("valid");
    let id = CallId::new(1).expect("small");
    let asked = || -> Option<Duration> { panic!("nobody wants to know") };
    let attempt = span.attempt(&method, id, ([127, 0, 0, 1], 1).into(), asked);
    assert!(attempt.0.is_none());
}
