//! One file of a version: its services, and the items their messages are made of.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proc_macro2::Span;
use syn::Item as SynItem;

use super::change::Site;
use super::item::{Item, ItemReader, SiteOf, unraw};
use super::service::Service;
use super::ty::Names;
use crate::diagnostic::Diagnostic;

/// A definition that was read.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) services: Vec<Service>,
    pub(super) items: BTreeMap<String, Item>,
}

impl Definition {
    /// Reads the text of the file `path`.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, Diagnostic> {
        let place = Place(path.to_owned());
        Self::read(&place, text).map_err(|error| {
            let Site { file, line, column } = place.site(error.span());
            let help = "have the generator accept it first".to_owned();
            Diagnostic {
                file: Some(file),
                line,
                column,
                message: error.to_string(),
                help,
            }
        })
    }

    fn read(place: &Place, text: &str) -> syn::Result<Self> {
        let file = syn::parse_file(text)?;
        let names = names(&file.items);
        let reader = ItemReader {
            names: &names,
            site: place,
        };
        let mut definition = Self {
            services: Vec::new(),
            items: BTreeMap::new(),
        };
        for item in &file.items {
            let item = match item {
                SynItem::Struct(item) => reader.structure(item)?,
                SynItem::Enum(item) => reader.enumeration(item)?,
                SynItem::Type(item) => reader.alias(item)?,
                SynItem::Trait(item) => {
                    definition
                        .services
                        .extend(Service::read(&names, place, item)?);
                    continue;
                }
                _ => continue,
            };
            definition.items.insert(item.name.clone(), item);
        }
        Ok(definition)
    }
}

fn names(items: &[SynItem]) -> Names {
    let mut names = Names::default();
    for item in items {
        match item {
            SynItem::Struct(item) => _ = names.locals.insert(unraw(&item.ident)),
            SynItem::Enum(item) => _ = names.locals.insert(unraw(&item.ident)),
            SynItem::Type(item) => _ = names.locals.insert(unraw(&item.ident)),
            SynItem::Use(item) => names.import("", &item.tree),
            _ => {}
        }
    }
    names
}

/// The file that is read.
#[derive(Debug)]
struct Place(PathBuf);

impl SiteOf for Place {
    fn site(&self, span: Span) -> Site {
        let start = span.start();
        Site {
            file: self.0.clone(),
            line: start.line,
            column: start.column + 1,
        }
    }
}
