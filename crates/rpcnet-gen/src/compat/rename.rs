//! The names that serde gives to fields and variants.

use std::fmt;

use super::options::Options;

/// The name of a field or variant on the wire: as it is written, and as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WireName {
    pub(super) written: String,
    pub(super) read: String,
}

/// What a name is the name of: the words of a field are told by underscores, those of a variant
/// by capitals.
#[derive(Debug, Clone, Copy)]
pub(super) enum Named {
    Field,
    Variant,
}

impl WireName {
    /// The name of what Rust calls `ident` and has the options `own`; `rule` is the option of
    /// `container` that renames all, such as `rename_all`.
    pub(super) fn new(
        ident: &str,
        named: Named,
        own: &Options,
        container: &Options,
        rule: &str,
    ) -> Self {
        let direction = |direction: &str| {
            let option = |options: &Options, name: &str| {
                let both = options.value(name);
                options
                    .value(&format!("{name}({direction})"))
                    .or(both)
                    .map(str::to_owned)
            };
            option(own, "rename").unwrap_or_else(|| match option(container, rule) {
                Some(rule) => rename(&rule, named, ident),
                None => ident.to_owned(),
            })
        };
        Self {
            written: direction("serialize"),
            read: direction("deserialize"),
        }
    }
}

impl fmt::Display for WireName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.written)?;
        if self.read != self.written {
            write!(f, " (read as `{}`)", self.read)?;
        }
        Ok(())
    }
}

fn rename(rule: &str, named: Named, ident: &str) -> String {
    let words = match named {
        Named::Field => ident.split('_').map(str::to_owned).collect(),
        Named::Variant => capitalised_words(ident),
    };
    let words = words.iter().map(String::as_str);
    let joined = |words: Vec<String>, separator: &str| words.join(separator);
    let lower = words.clone().map(str::to_lowercase).collect();
    let upper = words.clone().map(str::to_uppercase).collect();
    match (rule, named) {
        ("lowercase", Named::Variant) => joined(lower, ""),
        ("UPPERCASE", Named::Variant) => joined(upper, ""),
        ("UPPERCASE", Named::Field) => joined(upper, "_"),
        ("PascalCase", Named::Field) => words.map(capitalise).collect(),
        ("camelCase", Named::Field) => lower_first(&words.map(capitalise).collect::<String>()),
        ("camelCase", Named::Variant) => lower_first(ident),
        ("snake_case", Named::Variant) => joined(lower, "_"),
        ("SCREAMING_SNAKE_CASE", _) => joined(upper, "_"),
        ("kebab-case", Named::Field) => ident.replace('_', "-"),
        ("kebab-case", Named::Variant) => joined(lower, "-"),
        ("SCREAMING-KEBAB-CASE", _) => joined(upper, "-"),
        _ => ident.to_owned(),
    }
}

fn capitalised_words(ident: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for character in ident.chars() {
        match words.last_mut() {
            Some(word) if !character.is_uppercase() => word.push(character),
            _ => words.push(character.to_string()),
        }
    }
    words
}

fn capitalise(word: &str) -> String {
    let mut characters = word.chars();
    characters
        .next()
        .map(|first| first.to_ascii_uppercase())
        .into_iter()
        .chain(characters)
        .collect()
}

fn lower_first(word: &str) -> String {
    let mut characters = word.chars();
    characters
        .next()
        .map(|first| first.to_ascii_lowercase())
        .into_iter()
        .chain(characters)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_gives_the_name_that_serde_gives() {
        let cases = [
            ("lowercase", "very_tasty", "verytasty"),
            ("UPPERCASE", "VERY_TASTY", "VERYTASTY"),
            ("PascalCase", "VeryTasty", "VeryTasty"),
            ("camelCase", "veryTasty", "veryTasty"),
            ("snake_case", "very_tasty", "very_tasty"),
            ("SCREAMING_SNAKE_CASE", "VERY_TASTY", "VERY_TASTY"),
            ("kebab-case", "very-tasty", "very-tasty"),
            ("SCREAMING-KEBAB-CASE", "VERY-TASTY", "VERY-TASTY"),
        ];
        for (rule, field, variant) in cases {
            assert_eq!(rename(rule, Named::Field, "very_tasty"), field, "{rule}");
            assert_eq!(rename(rule, Named::Variant, "VeryTasty"), variant, "{rule}");
        }
        assert_eq!(rename("snake_case", Named::Variant, "Z42"), "z42");
        assert_eq!(rename("camelCase", Named::Field, "_a"), "a");
    }
}
