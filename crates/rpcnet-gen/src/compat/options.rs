//! The options in attributes such as `#[serde(..)]`, `#[rpc(..)]` and `#[rpcnet::service(..)]`.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::meta::ParseNestedMeta;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Lit, Meta, Token, token};

/// Options by name; one without a value has an empty one. `rename(serialize = "a")` is the option
/// `rename(serialize)`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Options(BTreeMap<String, String>);

impl Options {
    /// Reads all attributes whose path ends with `name`.
    pub(super) fn parse(name: &str, attributes: &[Attribute]) -> syn::Result<Self> {
        let mut options = Self::default();
        for attribute in attributes {
            options.read(name, &attribute.meta)?;
        }
        Ok(options)
    }

    pub(super) fn value(&self, option: &str) -> Option<&str> {
        self.0.get(option).map(String::as_str)
    }

    pub(super) fn has(&self, option: &str) -> bool {
        self.0.contains_key(option)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them but those named.
    pub(super) fn without(&self, names: &[&str]) -> Self {
        let rest = self
            .0
            .iter()
            .filter(|(name, _)| !names.contains(&name.as_str()));
        Self(
            rest.map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        )
    }

    fn read(&mut self, name: &str, meta: &Meta) -> syn::Result<()> {
        let Meta::List(list) = meta else {
            return Ok(());
        };
        if list.path.is_ident("cfg_attr") {
            let metas =
                Punctuated::<Meta, Token![,]>::parse_terminated.parse2(list.tokens.clone())?;
            return metas
                .iter()
                .skip(1)
                .try_for_each(|meta| self.read(name, meta));
        }
        if list
            .path
            .segments
            .last()
            .is_some_and(|segment| segment.ident == name)
        {
            self.read_list("", list.tokens.clone())?;
        }
        Ok(())
    }

    fn read_list(&mut self, prefix: &str, tokens: TokenStream) -> syn::Result<()> {
        let one = |meta: ParseNestedMeta<'_>| {
            let name = meta.path.to_token_stream().to_string();
            let name = if prefix.is_empty() {
                name
            } else {
                format!("{prefix}({name})")
            };
            if meta.input.peek(token::Paren) {
                let content;
                syn::parenthesized!(content in meta.input);
                return self.read_list(&name, content.parse()?);
            }
            let mut value = String::new();
            if meta.input.peek(Token![=]) {
                value = match meta.value()?.parse()? {
                    Expr::Lit(ExprLit {
                        lit: Lit::Str(text),
                        ..
                    }) => text.value(),
                    other => other.to_token_stream().to_string(),
                };
            }
            // An option may be given several times: `alias` often is.
            let values = self.0.entry(name).or_default();
            if !values.is_empty() {
                values.push(',');
            }
            values.push_str(&value);
            Ok(())
        };
        syn::meta::parser(one).parse2(tokens)
    }
}
