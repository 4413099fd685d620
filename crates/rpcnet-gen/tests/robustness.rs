//! Whatever is given to the generator, it reports what is wrong or generates Rust.

#![cfg(feature = "files")]

use std::path::Path;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use proptest::prelude::*;
use rpcnet_gen::{Parts, expand, generate};

const CALCULATOR: &str = include_str!("definitions/calculator.rpc.rs");
const AWKWARD: &str = include_str!("definitions/awkward.rpc.rs");
/// What definitions are made of, and some of what they are not.
const WORDS: &[&str] = &[
    "#[rpcnet::service]",
    "#[rpc(idempotent)]",
    "#[rpc(timeout = \"2s\")]",
    "#[rpc(name = \"a\")]",
    "#[rpc(",
    "pub",
    "trait",
    "A",
    "r#type",
    "{",
    "}",
    "(",
    ")",
    "<",
    ">",
    "[",
    "]",
    "async",
    "fn",
    "a",
    "b",
    "&",
    "&self",
    "self",
    "mut",
    ":",
    "::",
    ",",
    ";",
    "->",
    "Result",
    "Result<u8, E>",
    "E",
    "impl",
    "dyn",
    "Stream",
    "Stream<Item = u8>",
    "Pin<Box<dyn Stream<Item = u8> + Send>>",
    "CallContext",
    "'a",
    "'static",
    "'async_trait",
    "where",
    "Self",
    "super",
    "_",
    "!",
    "*",
    "const",
    "unsafe",
    "extern",
    "type",
    "=",
    "+",
    "...",
    "use",
    "mod",
    "macro!()",
    "\"text\"",
    "1",
    "/// Docs.\n",
    "// Comment.\n",
    "größe",
    "\u{feff}",
    "'",
    "\"",
];

/// Generates, and checks that what comes of it is Rust.
fn survives(text: &str) {
    match generate(Path::new("fuzz.rpc.rs"), text, Parts::All) {
        Ok(modules) => {
            for file in modules.iter().flat_map(|module| &module.files) {
                syn::parse_file(&file.text).unwrap_or_else(|wrong| {
                    panic!(
                        "{} is not Rust: {wrong}\n{}\nof\n{text}",
                        file.name, file.text
                    )
                });
            }
        }
        Err(diagnostics) => assert!(!diagnostics.0.is_empty(), "nothing is said of\n{text}"),
    }
}

/// As an attribute would get it.
fn survives_in_place(arguments: &str, item: &str) {
    let (Ok(arguments), Ok(item)) = (arguments.parse::<TokenStream>(), item.parse()) else {
        return;
    };
    let expanded = expand(arguments, item);
    assert!(
        syn::parse2::<syn::File>(expanded.clone()).is_ok(),
        "not Rust: {expanded}"
    );
}

/// Does to the tokens what the numbers say: leaves one out, doubles it, swaps it with the next.
fn mutate(tokens: TokenStream, edits: &[(u16, u8)]) -> TokenStream {
    let mut edits = edits.to_vec();
    edits.sort_unstable();
    let mut at = 0;
    let mut edits = edits.into_iter().peekable();
    mutate_group(tokens, &mut at, &mut edits)
}

fn mutate_group(
    tokens: TokenStream,
    at: &mut u16,
    edits: &mut std::iter::Peekable<std::vec::IntoIter<(u16, u8)>>,
) -> TokenStream {
    let mut out: Vec<TokenTree> = Vec::new();
    for token in tokens {
        *at += 1;
        let edit = edits
            .next_if(|(place, _)| *place <= *at)
            .map(|(_, edit)| edit % 4);
        let token = match token {
            TokenTree::Group(group) => {
                let inner = mutate_group(group.stream(), at, edits);
                let delimiter = match edit {
                    Some(3) => Delimiter::Parenthesis,
                    _ => group.delimiter(),
                };
                TokenTree::Group(Group::new(delimiter, inner))
            }
            token => token,
        };
        match edit {
            Some(0) => {}
            Some(1) => out.extend([token.clone(), token]),
            Some(2) => {
                let before = out.pop();
                out.push(token);
                out.extend(before);
            }
            _ => out.push(token),
        }
    }
    out.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_words_are_answered(words in prop::collection::vec(prop::sample::select(WORDS), 0..40)) {
        let text = words.join(" ");
        survives(&text);
        survives(&format!("#[rpcnet::service] pub trait A {{ {text} }}"));
        survives(&format!("#[rpcnet::service] pub trait A {{ async fn a(&self, a: {text}) -> Result<(), E>; }}"));
        survives_in_place(&text, "pub trait A { async fn a(&self) -> Result<(), E>; }");
        survives_in_place("", &format!("trait A {{ #[rpc({text})] async fn a(&self) -> Result<(), E>; }}"));
    }

    #[test]
    fn any_text_is_answered(text in "\\PC{0,60}") {
        survives(&text);
        survives_in_place(&text, &text);
    }

    #[test]
    fn changed_definitions_are_answered(edits in prop::collection::vec((0..400_u16, any::<u8>()), 1..4), awkward: bool) {
        let text = if awkward { AWKWARD } else { CALCULATOR };
        let tokens = text.parse().expect("definitions are tokens");
        survives(&mutate(tokens, &edits).to_string());
    }

    #[test]
    fn cut_definitions_are_answered(end in 0..CALCULATOR.len()) {
        survives(CALCULATOR.get(..end).unwrap_or_default());
    }
}
