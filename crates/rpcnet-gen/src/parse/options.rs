//! `#[rpcnet::service(..)]` and `#[rpc(..)]`.

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta, Path, Token};

use super::Mistakes;
use super::names;
use crate::model::Codec;

/// What the attribute of a service says.
#[derive(Default)]
pub(super) struct ServiceOptions {
    pub(super) name: Option<String>,
    pub(super) codec: Option<Codec>,
    pub(super) root: Option<Path>,
}

/// What the attribute of a method says.
#[derive(Default)]
pub(super) struct MethodOptions {
    pub(super) name: Option<LitStr>,
    pub(super) idempotent: bool,
    pub(super) timeout_ms: Option<u64>,
}

const SERVICE_HELP: &str = "the options of a service are `name = \"calc.v1\"`, \
     `codec = \"protobuf\"` and `crate = \"path::to::rpcnet\"`";
const METHOD_HELP: &str = "the options of a method are `idempotent`, `timeout = \"2s\"` and \
     `name = \"plus\"`, as in `#[rpc(idempotent, timeout = \"2s\")]`";
/// The longest timeout: a day.
const TIMEOUT_MS_MAX: u64 = 24 * 60 * 60 * 1_000;

/// Reads the arguments of the service's attribute.
pub(super) fn service(tokens: TokenStream, mistakes: &mut Mistakes) -> ServiceOptions {
    let mut options = ServiceOptions::default();
    for entry in entries(tokens, SERVICE_HELP, mistakes) {
        match entry.key.unraw().to_string().as_str() {
            "name" => {
                options.name = entry.text("\"calc.v1\"", mistakes).and_then(|name| {
                    let valid =
                        name.value().is_empty() || names::is_valid(&name, &name.value(), mistakes);
                    valid.then(|| name.value())
                })
            }
            "codec" => options.codec = codec(&entry, mistakes),
            "crate" => options.root = root(&entry, mistakes),
            unknown => mistakes.report(
                &entry.key,
                format!("`{unknown}` is not an option of a service"),
                SERVICE_HELP,
            ),
        }
    }
    options
}

/// Reads the `#[rpc(..)]` attributes of a method.
pub(super) fn method<'a>(
    attributes: impl Iterator<Item = &'a Attribute>,
    mistakes: &mut Mistakes,
) -> MethodOptions {
    let mut all = Vec::new();
    for attribute in attributes {
        match &attribute.meta {
            Meta::List(list) => all.extend(entries(list.tokens.clone(), METHOD_HELP, mistakes)),
            Meta::Path(_) | Meta::NameValue(_) => {
                mistakes.report(attribute, "`#[rpc]` is without its options", METHOD_HELP);
            }
        }
    }
    let mut options = MethodOptions::default();
    for entry in once_each(all, mistakes) {
        match entry.key.unraw().to_string().as_str() {
            "name" => options.name = entry.text("\"plus\"", mistakes),
            "timeout" => {
                let text = entry.text("\"2s\"", mistakes);
                options.timeout_ms = text.and_then(|text| timeout_ms(&text, mistakes));
            }
            "idempotent" => match &entry.value {
                None => options.idempotent = true,
                Some(value) => mistakes.report(
                    value,
                    "`idempotent` takes no value",
                    "write `idempotent` alone; a method without it is not idempotent",
                ),
            },
            unknown => mistakes.report(
                &entry.key,
                format!("`{unknown}` is not an option of a method"),
                METHOD_HELP,
            ),
        }
    }
    options
}

/// `key` or `key = value`.
struct Entry {
    key: Ident,
    value: Option<Expr>,
}

impl Entry {
    fn text(&self, example: &str, mistakes: &mut Mistakes) -> Option<LitStr> {
        let key = &self.key;
        match &self.value {
            Some(Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            })) => return Some(text.clone()),
            Some(value) => mistakes.report(
                value,
                format!("the value of `{key}` is not a string"),
                format!("write `{key} = {example}`"),
            ),
            None => mistakes.report(
                key,
                format!("`{key}` is without a value"),
                format!("write `{key} = {example}`"),
            ),
        }
        None
    }
}

/// Reads entries up to the first that is none.
fn entries(tokens: TokenStream, help: &str, mistakes: &mut Mistakes) -> Vec<Entry> {
    let mut entries = Vec::new();
    let read = |input: ParseStream<'_>| {
        while !input.is_empty() {
            let key = input.call(Ident::parse_any).map_err(|error| {
                syn::Error::new(error.span(), "this is not the name of an option")
            })?;
            let value = match input.parse::<Option<Token![=]>>()? {
                Some(_) => Some(input.parse()?),
                None => None,
            };
            entries.push(Entry { key, value });
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    };
    if let Err(error) = read.parse2(tokens) {
        mistakes.report_syntax(error, help);
    }
    once_each(entries, mistakes)
}

/// Reports the keys that were given before, and leaves them out.
fn once_each(entries: Vec<Entry>, mistakes: &mut Mistakes) -> Vec<Entry> {
    let mut kept: Vec<Entry> = Vec::new();
    for entry in entries {
        if kept
            .iter()
            .any(|before| before.key.unraw() == entry.key.unraw())
        {
            let key = &entry.key;
            mistakes.report(
                key,
                format!("`{key}` is given twice"),
                "keep one of the two",
            );
        } else {
            kept.push(entry);
        }
    }
    kept
}

fn codec(entry: &Entry, mistakes: &mut Mistakes) -> Option<Codec> {
    let text = entry.text("\"protobuf\"", mistakes)?;
    if text.value() == "protobuf" {
        return Some(Codec::Protobuf);
    }
    mistakes.report(
        &text,
        format!("`{}` is not a codec of a service", text.value()),
        "write `codec = \"protobuf\"` for messages of prost; leave the option out for types of \
         serde, whose codec each client chooses",
    );
    None
}

fn root(entry: &Entry, mistakes: &mut Mistakes) -> Option<Path> {
    let text = entry.text("\"::rpcnet\"", mistakes)?;
    let path = text.parse_with(Path::parse_mod_style);
    if path.is_err() {
        mistakes.report(
            &text,
            "the value of `crate` is not a path",
            "write where the crate rpcnet is found, such as `crate = \"::rpcnet\"`",
        );
    }
    path.ok()
}

fn timeout_ms(text: &LitStr, mistakes: &mut Mistakes) -> Option<u64> {
    let value = text.value();
    let digits = value.len() - value.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = value.split_at(digits);
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => 0,
    };
    if number.is_empty() || unit_ms == 0 {
        mistakes.report(
            text,
            format!("`{value}` is not a time"),
            "write a whole number and its unit: `250ms`, `2s`, `5m` or `1h`",
        );
        return None;
    }
    // A number beyond u64 is beyond a day, too.
    let ms = number
        .parse::<u64>()
        .unwrap_or(u64::MAX)
        .saturating_mul(unit_ms);
    if ms == 0 {
        mistakes.report(
            text,
            "a timeout of zero lets no call succeed",
            "write a time of at least `1ms`, or leave `timeout` out",
        );
    } else if ms > TIMEOUT_MS_MAX {
        mistakes.report(text, "the timeout is beyond a day", "write at most `24h`");
    }
    (1..=TIMEOUT_MS_MAX).contains(&ms).then_some(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(timeout: &str) -> (Option<u64>, bool) {
        let mut mistakes = Mistakes::default();
        let text = LitStr::new(timeout, proc_macro2::Span::call_site());
        (timeout_ms(&text, &mut mistakes), mistakes.is_empty())
    }

    #[test]
    fn times_are_whole_numbers_with_a_unit() {
        let cases = [
            ("1ms", 1),
            ("250ms", 250),
            ("2s", 2_000),
            ("5m", 300_000),
            ("24h", 86_400_000),
        ];
        for (text, ms) in cases {
            assert_eq!(read(text), (Some(ms), true), "{text}");
        }
    }

    #[test]
    fn other_times_are_reported() {
        let cases = [
            "", "2", "s", "-1s", "1.5s", " 2s", "2 s", "2S", "2days", "0ms", "25h",
        ];
        for text in cases
            .into_iter()
            .chain(["86400001ms", "99999999999999999999999h"])
        {
            assert_eq!(read(text), (None, false), "{text}");
        }
    }
}
