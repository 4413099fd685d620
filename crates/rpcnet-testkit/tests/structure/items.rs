//! The items of a file that the rules care about: functions with their
//! lengths, and which part is test code.

use std::collections::BTreeSet;

use crate::lexer::{Kind, Token};

/// A function and how many code lines it takes, signature included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) code_lines: usize,
}

/// How many lines carry code: blank lines and comments do not count.
pub(crate) fn code_lines(code: &[Token<'_>]) -> usize {
    let lines: BTreeSet<usize> = code
        .iter()
        .flat_map(|token| token.line..=token.last_line)
        .collect();
    lines.len()
}

/// Every function that has a body, nested ones too; `code` is without comments.
pub(crate) fn functions(code: &[Token<'_>]) -> Vec<Function> {
    let mut found = Vec::new();
    for (at, pair) in code.windows(2).enumerate() {
        let [keyword, name] = pair else { continue };
        if !keyword.is_word("fn") || name.kind != Kind::Word {
            continue;
        }
        let end = end_of_item(code, at);
        if code[end].is_mark("}") {
            found.push(Function {
                name: name.text.to_owned(),
                line: keyword.line,
                code_lines: code_lines(&code[at..=end]),
            });
        }
    }
    found
}

/// `code` without what only a test build compiles.
pub(crate) fn without_tests<'a>(code: &[Token<'a>]) -> Vec<Token<'a>> {
    split_tests(code).0
}

/// What only a test build compiles.
pub(crate) fn tests_only<'a>(code: &[Token<'a>]) -> Vec<Token<'a>> {
    split_tests(code).1
}

/// Names of the modules that a file declares for test builds only
/// (`#[cfg(test)] mod name;`).
pub(crate) fn test_modules(code: &[Token<'_>]) -> Vec<String> {
    let tests = tests_only(code);
    let declared = tests
        .windows(3)
        .filter(|w| w[0].is_word("mod") && w[1].kind == Kind::Word && w[2].is_mark(";"));
    declared.map(|w| w[1].text.to_owned()).collect()
}

fn split_tests<'a>(code: &[Token<'a>]) -> (Vec<Token<'a>>, Vec<Token<'a>>) {
    let mut product = Vec::new();
    let mut tests = Vec::new();
    let mut at = 0;
    while at < code.len() {
        let Some(close) = attribute_end(code, at) else {
            product.push(code[at]);
            at += 1;
            continue;
        };
        let is_inner = code[at + 1].is_mark("!");
        if !is_test_attribute(&code[at..=close]) {
            product.extend_from_slice(&code[at..=close]);
            at = close + 1;
        } else if is_inner {
            tests.extend_from_slice(&code[at..]);
            break;
        } else {
            let end = end_of_item(code, close + 1);
            tests.extend_from_slice(&code[at..=end.min(code.len() - 1)]);
            at = end + 1;
        }
    }
    (product, tests)
}

/// Where the attribute that starts at `at` ends, if one starts there.
fn attribute_end(code: &[Token<'_>], at: usize) -> Option<usize> {
    if !code[at].is_mark("#") {
        return None;
    }
    let bracket = if code.get(at + 1)?.is_mark("!") {
        at + 2
    } else {
        at + 1
    };
    if !code.get(bracket)?.is_mark("[") {
        return None;
    }
    Some(closing(code, bracket))
}

/// `#[test]`, `#[tokio::test(..)]`, `#[cfg(test)]`, `#[cfg(all(test, ..))]`,
/// but not `#[cfg(not(test))]`.
fn is_test_attribute(attribute: &[Token<'_>]) -> bool {
    let words: Vec<&str> = attribute
        .iter()
        .filter(|token| token.kind == Kind::Word)
        .map(|token| token.text)
        .collect();
    match words.as_slice() {
        ["cfg", rest @ ..] => rest.contains(&"test") && !rest.contains(&"not"),
        ["test", ..] | ["tokio", "test", ..] => true,
        _ => false,
    }
}

/// The index of the token that ends the item, field or arm starting at `at`,
/// or the last token if there is none.
fn end_of_item(code: &[Token<'_>], at: usize) -> usize {
    // A field or a match arm ends at a comma; the generics of an item hold some.
    let is_listed = code
        .get(at)
        .is_some_and(|first| first.kind == Kind::Word && !ITEM_KEYWORDS.contains(&first.text));
    let mut index = at;
    while index < code.len() {
        let token = &code[index];
        if token.is_mark(";") || (is_listed && token.is_mark(",")) {
            return index;
        }
        if token.is_mark("}") {
            return index - 1;
        }
        if token.is_mark("{") {
            return closing(code, index);
        }
        let opens = token.is_mark("(") || token.is_mark("[");
        index = if opens {
            closing(code, index) + 1
        } else {
            index + 1
        };
    }
    code.len().saturating_sub(1)
}

const ITEM_KEYWORDS: [&str; 16] = [
    "pub",
    "fn",
    "async",
    "const",
    "static",
    "mod",
    "use",
    "struct",
    "enum",
    "impl",
    "trait",
    "type",
    "unsafe",
    "extern",
    "macro_rules",
    "let",
];

/// The index of the bracket that closes the one at `open`.
pub(crate) fn closing(code: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in code.iter().enumerate().skip(open) {
        if token.kind != Kind::Mark {
            continue;
        }
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return index;
        }
    }
    code.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::{code_lines, functions, test_modules, tests_only, without_tests};
    use crate::lexer::code;

    #[test]
    fn blank_lines_and_comments_are_not_code() {
        assert_eq!(
            code_lines(&code("a();\n\n// b\n/* c\n*/\nlet x = \"1\n2\"; // d\n")),
            3
        );
    }

    #[test]
    fn a_function_ends_at_its_own_brace() {
        let source = "impl A {\n fn one(&self) -> [u8; 2] {\n  let s = \"}\"; // }\n\n  if x { y } else { '}' }\n }\n\
                      fn two();\n fn three<T>() where T: Fn(u8) -> u8 {}\n}\ntype F = fn(u8) -> u8;";
        let found = functions(&code(source));
        let summary: Vec<_> = found
            .iter()
            .map(|f| (f.name.as_str(), f.line, f.code_lines))
            .collect();
        assert_eq!(summary, [("one", 2, 4), ("three", 8, 1)]);
    }

    #[test]
    fn test_items_are_set_apart() {
        let source = "use a; #[cfg(test)] mod tests { fn b() {} } #[test] fn c() { d() }\n\
                      #[tokio::test(start_paused = true)] #[expect(x)] async fn e() {} fn f() {}\n\
                      #[cfg(not(test))] fn g() {} #[cfg(all(test, unix))] use h; fn i() {}";
        let code = code(source);
        let product = without_tests(&code);
        let words: Vec<&str> = functions_of(&product);
        assert_eq!(words, ["f", "g", "i"]);
        assert!(tests_only(&code).iter().any(|token| token.is_word("h")));
        assert!(!product.iter().any(|token| token.is_word("h")));
    }

    #[test]
    fn an_inner_attribute_makes_the_whole_file_a_test() {
        assert!(without_tests(&code("#![cfg(test)] fn a() {}")).is_empty());
        assert!(!without_tests(&code("#![allow(dead_code)] fn a() {}")).is_empty());
    }

    #[test]
    fn a_module_file_for_tests_is_recognised() {
        let source = code("#[cfg(test)]\nmod checks;\nmod product;\n#[cfg(test)]\nmod tests { }");
        assert_eq!(test_modules(&source), ["checks"]);
    }

    #[test]
    fn a_field_for_tests_takes_only_itself() {
        let source = code("struct A { #[cfg(test)] b: u8, c: u8, #[cfg(test)] d: u8 } fn e() {}");
        let product = without_tests(&source);
        let kept: Vec<&str> = ["b", "c", "d", "e"]
            .into_iter()
            .filter(|word| product.iter().any(|token| token.is_word(word)))
            .collect();
        assert_eq!(kept, ["c", "e"]);
    }

    fn functions_of<'a>(code: &'a [crate::lexer::Token<'a>]) -> Vec<&'a str> {
        code.windows(2)
            .filter(|w| w[0].is_word("fn"))
            .map(|w| w[1].text)
            .collect()
    }
}
