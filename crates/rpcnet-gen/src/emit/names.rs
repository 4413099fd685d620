//! The names of what is generated.

use std::collections::BTreeSet;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt as _;

use crate::model::{Method, Service};

/// The names around one service.
pub(crate) struct Names {
    pub(crate) handler: Ident,
    pub(crate) server: Ident,
    pub(crate) client: Ident,
    /// The type parameter for what carries the calls of a client.
    pub(crate) carrier: Ident,
    /// The type parameter for the requests that a client streams.
    pub(crate) items: Ident,
}

impl Names {
    pub(crate) fn new(service: &Service) -> Self {
        let mut used = BTreeSet::new();
        for method in &service.methods {
            collect(method.types(), &mut used);
        }
        let ident = |suffix| {
            derived(
                &service.ident,
                &format!("{}{suffix}", service.ident.unraw()),
            )
        };
        Self {
            handler: ident("Handler"),
            server: ident("Server"),
            client: ident("Client"),
            carrier: unused("C", "Carrier", &used),
            items: unused("Items", "RequestItems", &used),
        }
    }
}

/// The name of the constant that describes a method.
pub(crate) fn constant_name(service: &Ident, method: &Ident) -> String {
    let (service, method) = (service.unraw().to_string(), method.unraw().to_string());
    format!("{}_{}", snake(&service), snake(&method)).to_uppercase()
}

/// The name of the message that a method's arguments make up.
pub(crate) fn args_name(service: &Ident, method: &Ident) -> String {
    format!(
        "{}{}Args",
        service.unraw(),
        camel(&method.unraw().to_string())
    )
}

pub(crate) fn constant(service: &Service, method: &Method) -> Ident {
    derived(&method.ident, &constant_name(&service.ident, &method.ident))
}

pub(crate) fn args(service: &Service, method: &Method) -> Ident {
    derived(&method.ident, &args_name(&service.ident, &method.ident))
}

/// `GreetingCard` → `greeting_card`, `HTTPProxy` → `http_proxy`.
pub(crate) fn snake(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut snake = String::new();
    for (index, c) in chars.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| chars.get(before));
        let after = chars.get(index + 1);
        let starts_word = c.is_uppercase()
            && before.is_some_and(|before| {
                *before != '_'
                    && (!before.is_uppercase() || after.is_some_and(|after| after.is_lowercase()))
            });
        if starts_word {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}

/// `get_url` → `GetUrl`, `getURL` → `GetURL`.
fn camel(name: &str) -> String {
    let mut camel = String::new();
    for word in name.split('_') {
        let mut chars = word.chars();
        camel.extend(chars.next().into_iter().flat_map(char::to_uppercase));
        camel.push_str(chars.as_str());
    }
    camel
}

/// An identifier in the place of the one that it was derived from.
fn derived(from: &Ident, name: &str) -> Ident {
    match syn::parse_str::<Ident>(name) {
        Ok(mut ident) => {
            ident.set_span(from.span());
            ident
        }
        // A letter whose capital cannot be part of a name.
        Err(_) => from.unraw(),
    }
}

/// The first of the names, and of the second with numbers, that is not used.
fn unused(name: &str, other: &str, used: &BTreeSet<String>) -> Ident {
    let mut candidate = name.to_owned();
    let mut number = 1;
    while used.contains(&candidate) {
        candidate = if number == 1 {
            other.to_owned()
        } else {
            format!("{other}{number}")
        };
        number += 1;
    }
    Ident::new(&candidate, Span::call_site())
}

fn collect(tokens: TokenStream, used: &mut BTreeSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                used.insert(ident.unraw().to_string());
            }
            TokenTree::Group(group) => collect(group.stream(), used),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{camel, snake};

    #[test]
    fn words_are_told_apart_by_case() {
        let cases = [
            ("Calculator", "calculator"),
            ("GreetingCard", "greeting_card"),
            ("HTTPProxy", "http_proxy"),
            ("getURL", "get_url"),
            ("get_url", "get_url"),
            ("Sha256Sum", "sha256_sum"),
            ("V2", "v2"),
            ("_hidden", "_hidden"),
            ("", ""),
        ];
        for (name, expected) in cases {
            assert_eq!(snake(name), expected);
        }
    }

    #[test]
    fn types_are_named_in_camel_case() {
        for (name, expected) in [
            ("add", "Add"),
            ("get_url", "GetUrl"),
            ("getURL", "GetURL"),
            ("__", ""),
            ("a1", "A1"),
        ] {
            assert_eq!(camel(name), expected);
        }
    }
}
