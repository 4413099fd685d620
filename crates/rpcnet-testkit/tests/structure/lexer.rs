//! Splits Rust source into tokens, so that the rules look at code and not at
//! the words of a comment or a string.
//!
//! It knows just enough of the language: comments nest, raw strings count
//! their hashes, and a lifetime is not an unfinished character.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An identifier, a keyword or a number.
    Word,
    /// One character of punctuation; `::` is a token of its own.
    Mark,
    /// A string literal of any sort; the token's text is what is between the quotes.
    Text,
    /// A character or byte literal.
    Character,
    /// A comment, documentation included, with its slashes.
    Comment,
}

/// One token and the lines it covers, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) text: &'a str,
    pub(crate) line: usize,
    pub(crate) last_line: usize,
}

impl Token<'_> {
    /// Whether this is the identifier, keyword or number `word`.
    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text == word
    }

    /// Whether this is the punctuation `mark`.
    pub(crate) fn is_mark(&self, mark: &str) -> bool {
        self.kind == Kind::Mark && self.text == mark
    }
}

/// All tokens of `source`, comments among them. An unfinished literal or
/// comment reaches to the end: the compiler refuses such a file anyway.
pub(crate) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer {
        source,
        at: 0,
        line: 1,
        tokens: Vec::new(),
    };
    while let Some(next) = lexer.peek(0) {
        lexer.step(next);
    }
    lexer.tokens
}

/// The same without comments.
pub(crate) fn code(source: &str) -> Vec<Token<'_>> {
    tokens(source)
        .into_iter()
        .filter(|token| token.kind != Kind::Comment)
        .collect()
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
    line: usize,
    tokens: Vec<Token<'a>>,
}

impl<'a> Lexer<'a> {
    fn step(&mut self, next: char) {
        let rest = &self.source[self.at..];
        if next.is_whitespace() {
            self.advance(next.len_utf8());
        } else if rest.starts_with("//") {
            let length = rest.find('\n').unwrap_or(rest.len());
            self.push(Kind::Comment, length, 0, 0);
        } else if rest.starts_with("/*") {
            self.push(Kind::Comment, block_comment_length(rest), 0, 0);
        } else if next == '"' {
            self.push_string(0);
        } else if next == '\'' {
            self.push_quote(0);
        } else if is_word_character(next) {
            self.push_word(rest);
        } else if rest.starts_with("::") {
            self.push(Kind::Mark, 2, 0, 0);
        } else {
            self.push(Kind::Mark, next.len_utf8(), 0, 0);
        }
    }

    /// A word, or the literal that a prefix such as `br#` announces.
    fn push_word(&mut self, rest: &str) {
        let length = rest.find(|c| !is_word_character(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        let hashes = after.bytes().take_while(|byte| *byte == b'#').count();
        let is_raw = matches!(word, "r" | "br" | "cr") && after[hashes..].starts_with('"');
        if is_raw {
            let opening = length + hashes + 1;
            let closing = format!("\"{}", "#".repeat(hashes));
            let inside = rest[opening..]
                .find(&closing)
                .unwrap_or(rest.len() - opening);
            let total = (opening + inside + closing.len()).min(rest.len());
            self.push(Kind::Text, total, opening, total - opening - inside);
        } else if matches!(word, "b" | "c") && after.starts_with('"') {
            self.push_string(1);
        } else if word == "b" && after.starts_with('\'') {
            self.push_quote(1);
        } else {
            self.push(Kind::Word, length, 0, 0);
        }
    }

    fn push_string(&mut self, prefix: usize) {
        let body = &self.source[self.at + prefix + 1..];
        let inside = length_to_closing(body, '"');
        let closing = usize::from(inside < body.len());
        self.push(
            Kind::Text,
            prefix + 1 + inside + closing,
            prefix + 1,
            closing,
        );
    }

    /// A character literal, or the tick of a lifetime.
    fn push_quote(&mut self, prefix: usize) {
        let body = &self.source[self.at + prefix + 1..];
        let mut characters = body.chars();
        let first = characters.next();
        let is_character = first == Some('\\') || characters.next() == Some('\'');
        if is_character {
            let inside = match first {
                Some('\'') | None => 0,
                Some('\\') => length_to_closing(body, '\''),
                Some(plain) => plain.len_utf8(),
            };
            let total = (prefix + 1 + inside + 1).min(prefix + 1 + body.len());
            self.push(Kind::Character, total, 0, 0);
        } else {
            self.push(Kind::Mark, prefix + 1, 0, 0);
        }
    }

    /// Takes `length` bytes as one token, whose text leaves out `head` bytes
    /// in front and `tail` bytes behind.
    fn push(&mut self, kind: Kind, length: usize, head: usize, tail: usize) {
        let whole = &self.source[self.at..self.at + length];
        let line = self.line;
        self.advance(length);
        let text = &whole[head..whole.len() - tail];
        self.tokens.push(Token {
            kind,
            text,
            line,
            last_line: self.line,
        });
    }

    fn advance(&mut self, length: usize) {
        let passed = &self.source[self.at..self.at + length];
        self.line += passed.bytes().filter(|byte| *byte == b'\n').count();
        self.at += length;
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.source[self.at..].chars().nth(ahead)
    }
}

fn is_word_character(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// How many bytes lie before the unescaped `closing`.
fn length_to_closing(body: &str, closing: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in body.char_indices() {
        if is_escaped {
            is_escaped = false;
        } else if c == '\\' {
            is_escaped = true;
        } else if c == closing {
            return at;
        }
    }
    body.len()
}

fn block_comment_length(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        let tail = &rest.as_bytes()[at..];
        if tail.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if tail.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::{Kind, code, tokens};

    fn texts(source: &str, kind: Kind) -> Vec<&str> {
        tokens(source)
            .iter()
            .filter(|token| token.kind == kind)
            .map(|token| token.text)
            .collect()
    }

    #[test]
    fn comments_of_every_sort_are_set_apart() {
        let source = "a // b\n/* c /* d */ e */ f /// g\nh";
        assert_eq!(texts(source, Kind::Word), ["a", "f", "h"]);
        assert_eq!(
            texts(source, Kind::Comment),
            ["// b", "/* c /* d */ e */", "/// g"]
        );
    }

    #[test]
    fn a_string_hides_its_words_and_its_escaped_quotes() {
        let source = r#"one("two \" three", b"four", c"five") six"#;
        assert_eq!(texts(source, Kind::Word), ["one", "six"]);
        assert_eq!(
            texts(source, Kind::Text),
            [r#"two \" three"#, "four", "five"]
        );
    }

    #[test]
    fn a_raw_string_ends_at_its_own_number_of_hashes() {
        let source = "r##\"a \"# // b\"## c br\"d\" r\"e\"";
        assert_eq!(texts(source, Kind::Text), ["a \"# // b", "d", "e"]);
        assert_eq!(texts(source, Kind::Word), ["c"]);
    }

    #[test]
    fn a_raw_identifier_is_no_string() {
        assert_eq!(texts("r#type", Kind::Word), ["r", "type"]);
    }

    #[test]
    fn a_lifetime_does_not_swallow_what_follows() {
        assert_eq!(
            texts("&'a str, '\\'', '\"', b'x', '{'", Kind::Word),
            ["a", "str"]
        );
        let characters = texts("&'a str, '\\'', '\"', b'x', '{'", Kind::Character);
        assert_eq!(characters, ["'\\''", "'\"'", "b'x'", "'{'"]);
    }

    #[test]
    fn lines_are_counted_across_literals_and_comments() {
        let found = code("a\n\"b\nc\"\n/* d\n */ e");
        let lines: Vec<_> = found
            .iter()
            .map(|token| (token.line, token.last_line))
            .collect();
        assert_eq!(lines, [(1, 1), (2, 3), (5, 5)]);
    }

    #[test]
    fn an_unfinished_literal_reaches_to_the_end() {
        for source in ["\"abc", "r#\"abc\"", "/* abc", "'\\", "b'\\n", "b\"x\\"] {
            assert_eq!(tokens(source).len(), 1, "{source}");
        }
    }
}
