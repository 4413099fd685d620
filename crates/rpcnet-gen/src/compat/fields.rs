//! Compares the fields of structs and variants, and the arguments of methods.

use super::change::{Breaks, Change, ChangeKind, Site};
use super::item::{Field, Fields, FieldsKind};
use super::options::Options;
use super::pairing::Pairing;
use super::types::{Scope, TypeComparison, Uses, VersionFile};

/// The two versions of a list of fields.
#[derive(Debug)]
pub(super) struct FieldsOf<'a> {
    pub(super) scope: Scope,
    pub(super) noun: Noun,
    /// What the fields are of.
    pub(super) title: &'a str,
    /// Where that is.
    pub(super) site: &'a Site,
    /// The options of the container, old and new.
    pub(super) serde: (&'a Options, &'a Options),
    pub(super) old: &'a Fields,
    pub(super) new: &'a Fields,
}

/// What the fields are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Noun {
    Field,
    Argument,
}

impl FieldsOf<'_> {
    pub(super) fn compare(
        &self,
        types: &mut TypeComparison<'_>,
        changes: &mut Vec<Change>,
        uses: &mut Uses,
    ) {
        let (old, new) = (self.old, self.new);
        let kinds = (old.kind, new.kind, self.noun);
        if old.kind != new.kind {
            let message = format!(
                "{} changed from {} to {}",
                self.title,
                old.kind.noun(),
                new.kind.noun()
            );
            changes.push(Change::new(
                ChangeKind::KindChanged,
                Breaks::SERDE,
                self.site,
                message,
            ));
            return;
        }
        let pairing = match kinds {
            (FieldsKind::Tuple, ..) => by_place(old, new),
            // A lone argument travels by itself, so that its name does not.
            (.., Noun::Argument) if old.list.len() == 1 && new.list.len() == 1 => {
                by_place(old, new)
            }
            _ => Pairing::new(&names(old), &names(new), |a, b| {
                old.list[a].ty == new.list[b].ty
            }),
        };
        for &(a, b) in &pairing.renamed {
            changes.push(self.renamed(&old.list[a], &new.list[b]));
        }
        for (a, b) in pairing.kept() {
            self.kept(&old.list[a], &new.list[b], types, changes, uses);
        }
        for &place in &pairing.removed {
            changes.push(self.removed(&old.list[place], types));
        }
        for &place in &pairing.added {
            changes.push(self.added(&new.list[place], types));
        }
        if let Some(place) = pairing.out_of_order() {
            let (kind, nouns) = match self.noun {
                Noun::Field => (ChangeKind::FieldsReordered, "fields"),
                Noun::Argument => (ChangeKind::ArgumentsReordered, "arguments"),
            };
            let message = format!("the {nouns} of {} changed their order", self.title);
            changes.push(Change::new(
                kind,
                Breaks::POSTCARD,
                &new.list[place].site,
                message,
            ));
        }
    }

    fn renamed(&self, old: &Field, new: &Field) -> Change {
        let kind = self
            .noun
            .kind(ChangeKind::FieldRenamed, ChangeKind::ArgumentRenamed);
        let (was, is) = (&old.wire, &new.wire);
        let message = format!(
            "{} {was} of {} renamed to {is} on the wire",
            self.noun.word(),
            self.title
        );
        Change::new(kind, Breaks::SERDE, &new.site, message)
    }

    fn removed(&self, old: &Field, types: &TypeComparison<'_>) -> Change {
        let kind = self
            .noun
            .kind(ChangeKind::FieldRemoved, ChangeKind::ArgumentRemoved);
        let (container, new_container) = self.serde;
        let may_lack = may_lack(types, VersionFile::Old(self.scope.old), old, container);
        let json = !may_lack || new_container.has("deny_unknown_fields") || self.is_by_place();
        let why = if json && may_lack && !self.is_by_place() {
            ": new peers deny it"
        } else if json {
            ": old peers need it"
        } else {
            ""
        };
        let message = format!(
            "{} `{}` of {} removed{why}",
            self.noun.word(),
            old.ident,
            self.title
        );
        Change::new(
            kind,
            Breaks {
                json,
                ..Breaks::POSTCARD
            },
            &old.site,
            message,
        )
    }

    fn added(&self, new: &Field, types: &TypeComparison<'_>) -> Change {
        let kind = self
            .noun
            .kind(ChangeKind::FieldAdded, ChangeKind::ArgumentAdded);
        let (old_container, container) = self.serde;
        let may_lack = may_lack(types, VersionFile::New(self.scope.new), new, container);
        let json = !may_lack || old_container.has("deny_unknown_fields") || self.is_by_place();
        let why = match self.noun {
            Noun::Field if json && may_lack && !self.is_by_place() => ": old peers deny it",
            Noun::Field if json && !self.is_by_place() => {
                ": old peers do not send it, so make it an `Option` or add `#[serde(default)]`"
            }
            _ if json => ": old peers do not send it",
            _ => "",
        };
        let message = format!(
            "{} `{}: {}` added to {}{why}",
            self.noun.word(),
            new.ident,
            new.text,
            self.title
        );
        Change::new(
            kind,
            Breaks {
                json,
                ..Breaks::POSTCARD
            },
            &new.site,
            message,
        )
    }

    /// Compares a field that is in both versions.
    fn kept(
        &self,
        old: &Field,
        new: &Field,
        types: &mut TypeComparison<'_>,
        changes: &mut Vec<Change>,
        uses: &mut Uses,
    ) {
        let named = format!("{} `{}` of {}", self.noun.word(), new.ident, self.title);
        let breaks = types.breaks(self.scope, &old.ty, &new.ty, uses);
        if breaks.any() {
            let kind = self
                .noun
                .kind(ChangeKind::FieldRetyped, ChangeKind::ArgumentRetyped);
            let message = format!("{named} changed its type {}", from_to(&old.text, &new.text));
            changes.push(Change::new(kind, breaks, &new.site, message));
        }
        if encoding(old) != encoding(new) {
            let message = format!("the way that serde encodes {named} changed: see its attributes");
            changes.push(Change::new(
                ChangeKind::EncodingChanged,
                Breaks::SERDE,
                &new.site,
                message,
            ));
        }
        if old.serde.value("alias") != new.serde.value("alias") {
            let message = format!("the aliases of {named} changed");
            changes.push(Change::new(
                ChangeKind::EncodingChanged,
                Breaks::POSTCARD,
                &new.site,
                message,
            ));
        }
        self.kept_options(old, new, &named, types, changes);
    }

    /// Compares when a field that is in both versions is left out.
    fn kept_options(
        &self,
        old: &Field,
        new: &Field,
        named: &str,
        types: &TypeComparison<'_>,
        changes: &mut Vec<Change>,
    ) {
        let skip = "skip_serializing_if";
        if old.serde.value(skip) != new.serde.value(skip) {
            // Whoever goes by position cannot leave anything out; by name, the old peers must cope.
            let may_lack = may_lack(types, VersionFile::Old(self.scope.old), old, self.serde.0);
            let json = new.serde.has(skip) && !may_lack;
            let message = format!("`{skip}` of {named} changed");
            let breaks = Breaks {
                json,
                ..Breaks::POSTCARD
            };
            changes.push(Change::new(
                ChangeKind::EncodingChanged,
                breaks,
                &new.site,
                message,
            ));
        }
        let has_default = |field: &Field, container: &Options| {
            field.serde.has("default") || container.has("default")
        };
        let (had, has) = (
            has_default(old, self.serde.0),
            has_default(new, self.serde.1),
        );
        if had != has {
            let message = if has {
                format!("{named} has a default now")
            } else {
                format!("{named} no longer has a default: peers that never knew it cannot be read")
            };
            changes.push(Change::note(ChangeKind::DefaultChanged, &new.site, message));
        }
    }

    /// Whether even codecs that go by name send these as a list.
    fn is_by_place(&self) -> bool {
        // Up to one argument travels by itself, more as a struct.
        let is_bare = |fields: &Fields| self.noun == Noun::Argument && fields.list.len() < 2;
        self.new.kind == FieldsKind::Tuple || is_bare(self.old) || is_bare(self.new)
    }
}

impl Noun {
    fn kind(self, of_field: ChangeKind, of_argument: ChangeKind) -> ChangeKind {
        match self {
            Self::Field => of_field,
            Self::Argument => of_argument,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Field => "field",
            Self::Argument => "argument",
        }
    }
}

impl FieldsKind {
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Unit => "a unit",
            Self::Tuple => "a tuple",
            Self::Named => "named fields",
        }
    }
}

/// Two types, which may have the same name after all: then it is imported from elsewhere.
pub(super) fn from_to(old: &str, new: &str) -> String {
    if old == new {
        return format!("to another `{new}`");
    }
    format!("from `{old}` to `{new}`")
}

fn by_place(old: &Fields, new: &Fields) -> Pairing {
    let (olds, news) = (old.list.len(), new.list.len());
    let both = olds.min(news);
    Pairing {
        same: (0..both).map(|place| (place, place)).collect(),
        renamed: Vec::new(),
        removed: (both..olds).collect(),
        added: (both..news).collect(),
    }
}

fn names(fields: &Fields) -> Vec<(&str, &super::rename::WireName)> {
    fields
        .list
        .iter()
        .map(|field| (field.ident.as_str(), &field.wire))
        .collect()
}

/// Whether a reader that goes by name does without the field.
fn may_lack(
    types: &TypeComparison<'_>,
    file: VersionFile,
    field: &Field,
    container: &Options,
) -> bool {
    // With a function of its own, serde no longer takes a missing `Option` for `None`.
    let is_custom = field.serde.has("with") || field.serde.has("deserialize_with");
    field.serde.has("default")
        || container.has("default")
        || field.serde.has("skip_deserializing")
        || (!is_custom && types.is_option(file, &field.ty))
}

/// The options of a field that change how its value is encoded.
fn encoding(field: &Field) -> Vec<Option<&str>> {
    [
        "with",
        "serialize_with",
        "deserialize_with",
        "flatten",
        "skip_serializing",
        "skip_deserializing",
    ]
    .iter()
    .map(|option| field.serde.value(option))
    .collect()
}
