//! Metadata as it is typed: `KEY=VALUE`.

use rpcnet::{Metadata, MetadataError};

/// Reads an entry.
///
/// # Errors
///
/// What is wrong with it, for whoever typed it.
pub(crate) fn parse_entry(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    let inserted = Metadata::new().insert(key, value.to_owned());
    inserted.map_err(|error| error.to_string())?;
    Ok((key.to_owned(), value.to_owned()))
}

/// The entries together, the last of those with the same key.
///
/// # Errors
///
/// There are too many of them.
pub(crate) fn metadata(entries: &[(String, String)]) -> Result<Metadata, MetadataError> {
    let mut metadata = Metadata::new();
    for (key, value) in entries {
        metadata.insert(key, value.clone())?;
    }
    Ok(metadata)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_a_key_and_may_have_an_empty_value() {
        assert_eq!(parse_entry("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert_eq!(parse_entry("a="), Ok(("a".into(), String::new())));
        assert!(parse_entry("a").is_err());
        assert!(parse_entry("=a").is_err());
    }

    #[test]
    fn too_many_entries_are_an_error() {
        let entries = |count| -> Vec<(String, String)> {
            let names = (0..count).map(|at| format!("key-{at}"));
            names.map(|key| (key, String::new())).collect()
        };
        assert!(metadata(&entries(Metadata::ENTRIES_MAX)).is_ok());
        assert!(metadata(&entries(Metadata::ENTRIES_MAX + 1)).is_err());
    }
}
