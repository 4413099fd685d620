//! How long files and functions may grow.

use crate::items;
use crate::tasks::published_sources;
use crate::tree::{self, Source, Violation};

/// Code lines of a file, tests included; blank lines and comments are free.
const FILE_LINES_MAX: usize = 600;

/// Code lines of a function, from its signature to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;

/// Files that are longer, each with its reason. An entry that is no longer
/// needed fails the test.
const LONG_FILES: &[(&str, &str)] = &[];

/// Functions that are longer: file, function, reason.
const LONG_FUNCTIONS: &[(&str, &str, &str)] = &[];

fn long_file(source: &Source) -> Option<Violation> {
    let lines = items::code_lines(&source.code());
    (lines > FILE_LINES_MAX).then(|| Violation::new(&source.path, 1, format!("{lines} code lines")))
}

fn long_functions(source: &Source) -> Vec<(String, Violation)> {
    let functions = items::functions(&source.code());
    let long = functions
        .into_iter()
        .filter(|function| function.code_lines > FUNCTION_LINES_MAX);
    long.map(|function| {
        let what = format!("`{}` has {} code lines", function.name, function.code_lines);
        (
            function.name,
            Violation::new(&source.path, function.line, what),
        )
    })
    .collect()
}

/// What breaks the limit on files without being excused, and excuses that
/// nothing needs.
fn files_out_of_bounds(sources: &[Source], excused: &[(&str, &str)]) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in sources {
        let is_excused = excused.iter().any(|(path, _)| *path == source.path);
        found.extend(long_file(source).filter(|_| !is_excused));
    }
    for (path, _) in excused {
        let is_needed = sources
            .iter()
            .any(|source| source.path == *path && long_file(source).is_some());
        if !is_needed {
            found.push(Violation::new(path, 0, "remove it from LONG_FILES"));
        }
    }
    found
}

/// The same for functions.
fn functions_out_of_bounds(sources: &[Source], excused: &[(&str, &str, &str)]) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut needed = vec![false; excused.len()];
    for source in sources {
        for (name, violation) in long_functions(source) {
            let excuse = excused
                .iter()
                .position(|(path, function, _)| *path == source.path && *function == name);
            match excuse {
                Some(index) => needed[index] = true,
                None => found.push(violation),
            }
        }
    }
    for ((path, function, _), _) in excused.iter().zip(needed).filter(|(_, needed)| !needed) {
        found.push(Violation::new(
            path,
            0,
            format!("remove `{function}` from LONG_FUNCTIONS"),
        ));
    }
    found
}

#[test]
fn no_file_is_longer_than_one_can_hold_in_the_head() {
    tree::require_none(files_out_of_bounds(&tree::sources(), LONG_FILES));
}

#[test]
fn no_function_of_a_published_crate_is_longer_than_a_screen() {
    let sources: Vec<Source> = published_sources()
        .into_iter()
        .filter(|source| source.path.contains("/src/"))
        .collect();
    tree::require_none(functions_out_of_bounds(&sources, LONG_FUNCTIONS));
}

mod bites {
    use super::{FILE_LINES_MAX, FUNCTION_LINES_MAX, files_out_of_bounds, functions_out_of_bounds};
    use crate::tree::Source;

    /// A file of one function with that many code lines, comments between them.
    fn file(code_lines: usize) -> Source {
        let body = "    a();\n\n    // why\n".repeat(code_lines - 2);
        Source::new("a/src/b.rs", &format!("fn long() {{\n{body}}}\n"))
    }

    #[test]
    fn a_file_may_have_the_limit_and_not_one_line_more() {
        assert!(files_out_of_bounds(&[file(FILE_LINES_MAX)], &[]).is_empty());
        assert_eq!(
            files_out_of_bounds(&[file(FILE_LINES_MAX + 1)], &[]).len(),
            1
        );
    }

    #[test]
    fn a_function_may_have_the_limit_and_not_one_line_more() {
        assert!(functions_out_of_bounds(&[file(FUNCTION_LINES_MAX)], &[]).is_empty());
        assert_eq!(
            functions_out_of_bounds(&[file(FUNCTION_LINES_MAX + 1)], &[]).len(),
            1
        );
    }

    #[test]
    fn an_excuse_holds_while_it_is_needed_and_no_longer() {
        let files = [("a/src/b.rs", "why")];
        assert!(files_out_of_bounds(&[file(FILE_LINES_MAX + 1)], &files).is_empty());
        assert_eq!(
            files_out_of_bounds(&[file(FILE_LINES_MAX)], &files).len(),
            1
        );
        let functions = [("a/src/b.rs", "long", "why")];
        assert!(functions_out_of_bounds(&[file(FUNCTION_LINES_MAX + 1)], &functions).is_empty());
        assert_eq!(
            functions_out_of_bounds(&[file(FUNCTION_LINES_MAX)], &functions).len(),
            1
        );
    }
}
