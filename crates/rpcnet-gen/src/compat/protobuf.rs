//! Compares messages of services that are encoded with Protocol Buffers: there only the numbers
//! and the kinds of the fields travel.

use std::collections::BTreeMap;

use super::change::{Breaks, Change, ChangeKind, Site};
use super::item::{Fields, Variant};
use super::options::Options;
use super::ty::Ty;
use super::types::{Scope, TypeComparison, Uses};

/// Compares the fields of a message.
pub(super) fn message(
    types: &mut TypeComparison<'_>,
    scope: Scope,
    title: &str,
    old: &Fields,
    new: &Fields,
    changes: &mut Vec<Change>,
    uses: &mut Uses,
) {
    let members = |fields: &'_ Fields| -> BTreeMap<String, Member> {
        fields
            .list
            .iter()
            .filter_map(|field| {
                Member::tagged(
                    &field.ident,
                    &field.prost,
                    vec![field.ty.clone()],
                    &field.site,
                )
            })
            .collect()
    };
    compare(
        types,
        scope,
        title,
        &members(old),
        &members(new),
        changes,
        uses,
    );
}

/// Compares the variants of a oneof, or the numbers of an enumeration.
pub(super) fn enumeration(
    types: &mut TypeComparison<'_>,
    scope: Scope,
    title: &str,
    old: &[Variant],
    new: &[Variant],
    changes: &mut Vec<Change>,
    uses: &mut Uses,
) {
    let members = |variants: &[Variant]| -> BTreeMap<String, Member> {
        let member = |variant: &Variant| match &variant.discriminant {
            Some(number) => Some((
                number.clone(),
                Member::numbered(&variant.ident, &variant.site),
            )),
            None => {
                let types = variant
                    .fields
                    .list
                    .iter()
                    .map(|field| field.ty.clone())
                    .collect();
                Member::tagged(&variant.ident, &variant.prost, types, &variant.site)
            }
        };
        variants.iter().filter_map(member).collect()
    };
    compare(
        types,
        scope,
        title,
        &members(old),
        &members(new),
        changes,
        uses,
    );
}

/// A field, or a variant, under its number.
#[derive(Debug)]
struct Member {
    ident: String,
    /// How it is encoded.
    kind: Options,
    types: Vec<Ty>,
    site: Site,
}

impl Member {
    fn tagged(ident: &str, prost: &Options, types: Vec<Ty>, site: &Site) -> Option<(String, Self)> {
        let number = prost.value("tag").or(prost.value("tags"))?;
        // The name of an enumeration or a oneof is that of a Rust type.
        let kind = prost.without(&["tag", "tags", "default", "oneof", "enumeration", "boxed"]);
        Some((
            number.to_owned(),
            Self {
                ident: ident.to_owned(),
                kind,
                types,
                site: site.clone(),
            },
        ))
    }

    fn numbered(ident: &str, site: &Site) -> Self {
        Self {
            ident: ident.to_owned(),
            kind: Options::default(),
            types: Vec::new(),
            site: site.clone(),
        }
    }
}

fn compare(
    types: &mut TypeComparison<'_>,
    scope: Scope,
    title: &str,
    old: &BTreeMap<String, Member>,
    new: &BTreeMap<String, Member>,
    changes: &mut Vec<Change>,
    uses: &mut Uses,
) {
    for (number, was) in old {
        let Some(is) = new.get(number) else {
            let message = format!(
                "`{}` of {title} removed: never use its number {number} again",
                was.ident
            );
            changes.push(Change::note(ChangeKind::FieldRemoved, &was.site, message));
            continue;
        };
        let breaks = was
            .types
            .iter()
            .zip(&is.types)
            .fold(Breaks::default(), |breaks, (was, is)| {
                breaks.or(types.breaks(scope, was, is, uses))
            });
        if breaks.any() || was.kind != is.kind {
            let message = format!(
                "`{}` of {title}, number {number}, changed its type",
                is.ident
            );
            changes.push(Change::new(
                ChangeKind::FieldRetyped,
                Breaks::PROTOBUF,
                &is.site,
                message,
            ));
        }
    }
    for (number, is) in new.iter().filter(|(number, _)| !old.contains_key(*number)) {
        let message = format!("`{}` added to {title}, number {number}", is.ident);
        changes.push(Change::note(ChangeKind::FieldAdded, &is.site, message));
    }
}
