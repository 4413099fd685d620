//! Definitions with mistakes, and what the compiler says of them.

#[test]
fn each_mistake_is_reported_where_it_was_made_with_what_to_write_instead() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
