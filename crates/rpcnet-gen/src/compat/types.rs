//! Compares the types of messages, and the items that they reach.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Breaks, Change, ChangeKind};
use super::definition::Definition;
use super::fields::{FieldsOf, Noun};
use super::item::{Body, FieldsKind, Item};
use super::options::Options;
use super::protobuf;
use super::rename::{Named, WireName};
use super::service::Codec;
use super::ty::Ty;
use super::variants::VariantsOf;

/// Compares each pair of items once, however many methods reach it.
#[derive(Debug)]
pub(super) struct TypeComparison<'a> {
    old: &'a [Definition],
    new: &'a [Definition],
    found: BTreeMap<Pair, Found>,
    comparisons_left: usize,
}

/// The files in which two types are looked up, and how their values are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Scope {
    /// Which file of the old version.
    pub(super) old: usize,
    /// Which file of the new version.
    pub(super) new: usize,
    pub(super) codec: Codec,
}

/// An item of the old version, and what took its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pair {
    scope: Scope,
    old: String,
    new: String,
}

/// The pairs that something uses.
pub(super) type Uses = BTreeSet<Pair>;

/// What the comparison of a pair gave.
#[derive(Debug, Default)]
struct Found {
    changes: Vec<Change>,
    uses: Uses,
}

impl<'a> TypeComparison<'a> {
    pub(super) fn new(old: &'a [Definition], new: &'a [Definition]) -> Self {
        Self {
            old,
            new,
            found: BTreeMap::new(),
            comparisons_left: COMPARISONS_MAX,
        }
    }

    /// For whom it breaks that `new` is in the place of `old`. The pairs of items in them are added
    /// to `uses`; what they differ in is not counted here.
    pub(super) fn breaks(&mut self, scope: Scope, old: &Ty, new: &Ty, uses: &mut Uses) -> Breaks {
        let all = scope.codec.all();
        // More than that is not told from a difference.
        let Some(left) = self.comparisons_left.checked_sub(1) else {
            return all;
        };
        self.comparisons_left = left;
        let old = resolve(self.old, scope.old, old);
        let new = resolve(self.new, scope.new, new);
        if self.is_same_unwrapped(scope, &old, &new, uses) {
            return Breaks::default();
        }
        let (old_arguments, new_arguments) = match (&old, &new) {
            (Ty::Parameter(old), Ty::Parameter(new)) if old == new => return Breaks::default(),
            (
                Ty::Local {
                    name: old,
                    arguments: of_old,
                },
                Ty::Local {
                    name: new,
                    arguments: of_new,
                },
            ) => {
                uses.insert(Pair {
                    scope,
                    old: old.clone(),
                    new: new.clone(),
                });
                // A different number of generic parameters is a change of the item.
                (of_old, of_new)
            }
            (
                Ty::Foreign {
                    path: old,
                    arguments: of_old,
                },
                Ty::Foreign {
                    path: new,
                    arguments: of_new,
                },
            ) if old == new && of_old.len() == of_new.len() => (of_old, of_new),
            _ => return all,
        };
        let arguments = old_arguments.iter().zip(new_arguments);
        arguments.fold(Breaks::default(), |breaks, (old, new)| {
            breaks.or(self.breaks(scope, old, new, uses))
        })
    }

    /// Whether only a struct without names was put around the type, or taken away.
    fn is_same_unwrapped(&mut self, scope: Scope, old: &Ty, new: &Ty, uses: &mut Uses) -> bool {
        if scope.codec == Codec::Protobuf {
            return false;
        }
        let (inner_old, inner_new) = (
            unwrap(self.old, scope.old, old),
            unwrap(self.new, scope.new, new),
        );
        // Where both are structs, their fields are compared: that tells more.
        let (inner_old, inner_new) = match (inner_old, inner_new) {
            (Some(inner), None) => (inner, new.clone()),
            (None, Some(inner)) => (old.clone(), inner),
            _ => return false,
        };
        let mut inner_uses = Uses::new();
        let is_same = !self
            .breaks(scope, &inner_old, &inner_new, &mut inner_uses)
            .any();
        if is_same {
            uses.extend(inner_uses);
        }
        is_same
    }

    /// Whether a field of that type may be left out by a writer that goes by name.
    pub(super) fn is_option(&self, file: VersionFile, ty: &Ty) -> bool {
        match file {
            VersionFile::Old(file) => resolve(self.old, file, ty).is_option(),
            VersionFile::New(file) => resolve(self.new, file, ty).is_option(),
        }
    }

    /// Compares all items that the methods reach: `uses` by the wire name of the method.
    pub(super) fn reachable_changes(mut self, methods: &[(String, Uses)]) -> Vec<Change> {
        let mut methods_of: BTreeMap<Pair, BTreeSet<String>> = BTreeMap::new();
        for (method, uses) in methods {
            let mut to_visit: Vec<Pair> = uses.iter().cloned().collect();
            while let Some(pair) = to_visit.pop() {
                if methods_of
                    .entry(pair.clone())
                    .or_default()
                    .insert(method.clone())
                {
                    to_visit.extend(self.pair(&pair).uses.iter().cloned());
                }
            }
        }
        let mut changes = Vec::new();
        for (pair, found) in self.found {
            let methods: Vec<String> = methods_of
                .remove(&pair)
                .unwrap_or_default()
                .into_iter()
                .collect();
            changes.extend(found.changes.into_iter().map(|change| Change {
                methods: methods.clone(),
                ..change
            }));
        }
        changes
    }

    fn pair(&mut self, pair: &Pair) -> &Found {
        if !self.found.contains_key(pair) {
            let found = self.compare(pair);
            self.found.insert(pair.clone(), found);
        }
        &self.found[pair]
    }

    fn compare(&mut self, pair: &Pair) -> Found {
        let mut found = Found::default();
        let (old_files, new_files) = (self.old, self.new);
        let items = (
            old_files[pair.scope.old].items.get(&pair.old),
            new_files[pair.scope.new].items.get(&pair.new),
        );
        let (Some(old), Some(new)) = items else {
            return found;
        };
        let Found { changes, uses } = &mut found;
        let (all, title) = (pair.scope.codec.all(), title(old, new));
        if old.parameter_count != new.parameter_count {
            let message = format!("the generic parameters of {title} changed");
            changes.push(Change::new(
                ChangeKind::GenericsChanged,
                all,
                &new.site,
                message,
            ));
            return found;
        }
        let scope = pair.scope;
        match (&old.body, &new.body) {
            (Body::Struct(a), Body::Struct(b)) if scope.codec == Codec::Protobuf => {
                protobuf::message(self, scope, &title, a, b, changes, uses);
            }
            (Body::Enum(a), Body::Enum(b)) if scope.codec == Codec::Protobuf => {
                protobuf::enumeration(self, scope, &title, a, b, changes, uses);
            }
            (Body::Struct(a), Body::Struct(b)) => {
                changes.extend(encoding_change(&title, old, new));
                let (noun, site, serde) = (Noun::Field, &new.site, (&old.serde, &new.serde));
                FieldsOf {
                    scope,
                    noun,
                    title: &title,
                    site,
                    serde,
                    old: a,
                    new: b,
                }
                .compare(self, changes, uses);
            }
            (Body::Enum(a), Body::Enum(b)) => {
                changes.extend(encoding_change(&title, old, new));
                let serde = (&old.serde, &new.serde);
                VariantsOf {
                    scope,
                    title: &title,
                    serde,
                    old: a,
                    new: b,
                }
                .compare(self, changes, uses);
            }
            (Body::Alias(_), Body::Alias(_)) => {}
            (a, b) => {
                let message = format!("{title} changed from {} to {}", a.noun(), b.noun());
                changes.push(Change::new(
                    ChangeKind::KindChanged,
                    all,
                    &new.site,
                    message,
                ));
            }
        }
        found
    }
}

/// A file of one of the versions, by its place.
#[derive(Debug, Clone, Copy)]
pub(super) enum VersionFile {
    Old(usize),
    New(usize),
}

impl Codec {
    /// Breaks whoever calls a service that is encoded so.
    pub(super) fn all(self) -> Breaks {
        match self {
            Self::Serde => Breaks::SERDE,
            Self::Protobuf => Breaks::PROTOBUF,
        }
    }
}

impl Body {
    fn noun(&self) -> &'static str {
        match self {
            Self::Alias(_) => "another type",
            Self::Struct(_) => "a struct",
            Self::Enum(_) => "an enum",
        }
    }
}

/// Follows aliases until the type is none.
fn resolve(files: &[Definition], file: usize, ty: &Ty) -> Ty {
    let mut ty = ty.clone();
    for _ in 0..ALIASES_MAX {
        let next = match &ty {
            Ty::Local { name, arguments } => {
                match files[file].items.get(name).map(|item| &item.body) {
                    Some(Body::Alias(target)) if target.size_with(arguments) <= TYPE_PARTS_MAX => {
                        target.substitute(arguments)
                    }
                    _ => break,
                }
            }
            _ => break,
        };
        ty = next;
    }
    ty
}

/// What a struct without names is encoded as: nothing but what it holds.
fn unwrap(files: &[Definition], file: usize, ty: &Ty) -> Option<Ty> {
    let mut ty = ty.clone();
    let mut is_wrapped = false;
    for _ in 0..ALIASES_MAX {
        let Ty::Local { name, arguments } = &ty else {
            return is_wrapped.then_some(ty);
        };
        let Some(Body::Struct(fields)) = files[file].items.get(name).map(|item| &item.body) else {
            return is_wrapped.then_some(ty);
        };
        if fields
            .list
            .iter()
            .any(|field| !field.serde.is_empty() || field.ty.size_with(arguments) > TYPE_PARTS_MAX)
        {
            return is_wrapped.then_some(ty);
        }
        let mut held: Vec<Ty> = fields
            .list
            .iter()
            .map(|field| field.ty.substitute(arguments))
            .collect();
        ty = match (fields.kind, held.len()) {
            (FieldsKind::Tuple, 1) => resolve(files, file, &held.remove(0)),
            (FieldsKind::Tuple, 2..) | (FieldsKind::Unit, _) => {
                return Some(Ty::foreign("(,)", held));
            }
            _ => return is_wrapped.then_some(ty),
        };
        is_wrapped = true;
    }
    None
}

/// The item by its name, or by both of its names.
fn title(old: &Item, new: &Item) -> String {
    if old.name == new.name {
        format!("`{}`", new.name)
    } else {
        format!("`{}` (was `{}`)", new.name, old.name)
    }
}

fn encoding_change(title: &str, old: &Item, new: &Item) -> Option<Change> {
    let encoding = |item: &Item| {
        // The name of a struct travels only as its tag.
        let tag = matches!(item.body, Body::Struct(_))
            .then(|| item.serde.value("tag"))
            .flatten();
        let none = Options::default();
        let name = tag.map(|_| WireName::new(&item.name, Named::Variant, &item.serde, &none, ""));
        (item.serde.without(NOT_ENCODING), name)
    };
    let message = || format!("the way that serde encodes {title} changed: see its attributes");
    (encoding(old) != encoding(new)).then(|| {
        Change::new(
            ChangeKind::EncodingChanged,
            Breaks::SERDE,
            &new.site,
            message(),
        )
    })
}

/// Options of a struct or an enum that are compared elsewhere, or do not change what travels.
const NOT_ENCODING: &[&str] = &[
    "rename",
    "rename(serialize)",
    "rename(deserialize)",
    "rename_all",
    "rename_all(serialize)",
    "rename_all(deserialize)",
    "rename_all_fields",
    "rename_all_fields(serialize)",
    "rename_all_fields(deserialize)",
    "default",
    "deny_unknown_fields",
    "transparent",
    "bound",
    "bound(serialize)",
    "bound(deserialize)",
    "crate",
    "expecting",
];

/// Aliases of aliases beyond that are not followed.
const ALIASES_MAX: usize = 32;

/// A type with more parts than that is not written out.
const TYPE_PARTS_MAX: usize = 10_000;

/// Enough for the largest definitions that are read.
const COMPARISONS_MAX: usize = 1_000_000;
