//! Compares the variants of enums.

use super::change::{Breaks, Change, ChangeKind};
use super::fields::{FieldsOf, Noun};
use super::item::Variant;
use super::options::Options;
use super::pairing::Pairing;
use super::rename::WireName;
use super::types::{Scope, TypeComparison, Uses};

/// The two versions of the variants of an enum.
#[derive(Debug)]
pub(super) struct VariantsOf<'a> {
    pub(super) scope: Scope,
    /// The enum.
    pub(super) title: &'a str,
    /// The options of the enum, old and new.
    pub(super) serde: (&'a Options, &'a Options),
    pub(super) old: &'a [Variant],
    pub(super) new: &'a [Variant],
}

impl VariantsOf<'_> {
    pub(super) fn compare(
        &self,
        types: &mut TypeComparison<'_>,
        changes: &mut Vec<Change>,
        uses: &mut Uses,
    ) {
        let (old, new) = (self.old, self.new);
        let pairing = Pairing::new(&names(old), &names(new), |a, b| {
            let (a, b) = (&old[a].fields, &new[b].fields);
            a.kind == b.kind && a.list.len() == b.list.len()
        });
        for &(a, b) in &pairing.renamed {
            let (was, is) = (&old[a].wire, &new[b].wire);
            let message = format!(
                "variant {was} of {} renamed to {is} on the wire",
                self.title
            );
            let breaks = Breaks {
                json: !self.is_untagged(),
                ..Breaks::POSTCARD
            };
            changes.push(Change::new(
                ChangeKind::VariantRenamed,
                breaks,
                &new[b].site,
                message,
            ));
        }
        for (a, b) in pairing.kept() {
            self.kept(&old[a], &new[b], types, changes, uses);
        }
        changes.extend(self.gone_and_fresh(&pairing));
        if let Some(place) = pairing.out_of_order() {
            let message = format!("the variants of {} changed their order", self.title);
            // Without a tag, the first variant that fits is taken.
            let breaks = Breaks {
                json: self.is_untagged(),
                ..Breaks::POSTCARD
            };
            changes.push(Change::new(
                ChangeKind::VariantsReordered,
                breaks,
                &new[place].site,
                message,
            ));
        }
    }

    /// What only one of the versions can read.
    fn gone_and_fresh(&self, pairing: &Pairing) -> Vec<Change> {
        let (old, new) = (self.old, self.new);
        let mut changes = Vec::new();
        for &place in &pairing.removed {
            let variant = &old[place];
            let message = format!(
                "variant `{}` of {} removed: new peers cannot read it",
                variant.ident, self.title
            );
            let breaks = Breaks {
                json: !reads_others(self.serde.1, new),
                ..Breaks::POSTCARD
            };
            changes.push(Change::new(
                ChangeKind::VariantRemoved,
                breaks,
                &variant.site,
                message,
            ));
        }
        for &place in &pairing.added {
            let variant = &new[place];
            let breaks = Breaks {
                json: !reads_others(self.serde.0, old),
                ..Breaks::POSTCARD
            };
            let message = format!(
                "variant `{}` added to {}: old peers cannot read the new variant",
                variant.ident, self.title
            );
            changes.push(Change::new(
                ChangeKind::VariantAdded,
                breaks,
                &variant.site,
                message,
            ));
        }
        changes
    }

    fn kept(
        &self,
        old: &Variant,
        new: &Variant,
        types: &mut TypeComparison<'_>,
        changes: &mut Vec<Change>,
        uses: &mut Uses,
    ) {
        let enum_name = self.title.trim_matches('`');
        let title = format!("`{enum_name}::{}`", new.ident);
        if encoding(old) != encoding(new) {
            let message = format!("the way that serde encodes {title} changed: see its attributes");
            changes.push(Change::new(
                ChangeKind::EncodingChanged,
                Breaks::SERDE,
                &new.site,
                message,
            ));
        }
        if old.serde.value("alias") != new.serde.value("alias") {
            let message = format!("the aliases of {title} changed");
            changes.push(Change::new(
                ChangeKind::EncodingChanged,
                Breaks::POSTCARD,
                &new.site,
                message,
            ));
        }
        let (scope, noun, site) = (self.scope, Noun::Field, &new.site);
        let none = Options::default();
        // Of the options of an enum, this one is about fields as well.
        let container = |options: &Options| {
            if options.has("deny_unknown_fields") {
                options.clone()
            } else {
                none.clone()
            }
        };
        let (old_serde, new_serde) = (container(self.serde.0), container(self.serde.1));
        let serde = (&old_serde, &new_serde);
        FieldsOf {
            scope,
            noun,
            title: &title,
            site,
            serde,
            old: &old.fields,
            new: &new.fields,
        }
        .compare(types, changes, uses);
    }

    fn is_untagged(&self) -> bool {
        self.serde.0.has("untagged") && self.serde.1.has("untagged")
    }
}

fn names(variants: &[Variant]) -> Vec<(&str, &WireName)> {
    variants
        .iter()
        .map(|variant| (variant.ident.as_str(), &variant.wire))
        .collect()
}

/// Whether a reader that goes by name takes variants that it does not know.
fn reads_others(container: &Options, variants: &[Variant]) -> bool {
    container.has("tag") && variants.iter().any(|variant| variant.serde.has("other"))
}

/// The options of a variant that change how it is encoded.
fn encoding(variant: &Variant) -> Vec<Option<&str>> {
    [
        "with",
        "serialize_with",
        "deserialize_with",
        "skip_serializing",
        "skip_deserializing",
        "untagged",
        "other",
    ]
    .iter()
    .map(|option| variant.serde.value(option))
    .collect()
}
