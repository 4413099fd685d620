//! What a definition says in words, for servers that describe themselves.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Expr, ExprLit, Lit, Meta};

use crate::model::{Method, Service};

/// The doc comment of a service, if it has one.
pub(super) fn of_service(service: &Service) -> Option<TokenStream> {
    let doc = text(&service.attributes.docs);
    (!doc.is_empty()).then(|| quote!(.doc(#doc)))
}

/// The doc comment of a method and the names of its arguments, if it has either.
pub(super) fn of_method(service: &Service, method: &Method) -> Option<TokenStream> {
    let root = &service.root;
    let doc = text(&method.attributes);
    let parameters = method.messages().into_iter().map(|(ident, _)| name(ident));
    let parameters: Vec<String> = parameters.collect();
    let requests = method.requests_ident().map(name).unwrap_or_default();
    if doc.is_empty() && parameters.is_empty() && requests.is_empty() {
        return None;
    }
    Some(quote! {
        .noted(#root::__private::Notes {
            doc: #doc,
            parameters: &[#(#parameters),*],
            requests: #requests,
        })
    })
}

/// As serde writes it: a raw identifier without its mark.
fn name(ident: &proc_macro2::Ident) -> String {
    use syn::ext::IdentExt as _;
    ident.unraw().to_string()
}

/// The lines of the doc comments, without the space before each. What is not a literal, such as
/// an included file, is left out: it is not known here.
fn text(attributes: &[Attribute]) -> String {
    let blocks: Vec<String> = attributes.iter().filter_map(block).collect();
    let lines = blocks.iter().flat_map(|block| block.lines());
    let lines: Vec<&str> = lines
        .map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end())
        .collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

fn block(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(doc) = &attribute.meta else {
        return None;
    };
    match &doc.value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) if doc.path.is_ident("doc") => Some(match text.value() {
            // A line without text is a line still.
            empty if empty.is_empty() => "\n".to_owned(),
            text => text,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::text;

    #[test]
    fn lines_lose_the_space_before_them_and_nothing_else() {
        let attributes: Vec<syn::Attribute> = vec![
            parse_quote!(#[doc = " First."]),
            parse_quote!(#[doc = ""]),
            parse_quote!(#[doc = "   Indented.  "]),
            parse_quote!(#[deprecated = "not this"]),
            parse_quote!(#[doc(hidden)]),
            parse_quote!(#[doc = include_str!("not this either")]),
            parse_quote!(#[doc = " Two\n lines."]),
            parse_quote!(#[doc = ""]),
        ];
        assert_eq!(text(&attributes), "First.\n\n  Indented.\nTwo\nlines.");
    }
}
