//! A type as far as it matters on the wire.

use std::collections::{BTreeMap, BTreeSet};

use quote::ToTokens;
use syn::{GenericArgument, PathArguments, Type, TypePath, UseTree};

/// A type in a definition. Two are the same on the wire if they are equal, as long as the items
/// they name are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ty {
    /// A generic parameter of the item around it, by its place.
    Parameter(usize),
    /// An item of the same file.
    Local { name: String, arguments: Vec<Self> },
    /// Whatever else, by its path: what the definition imports, tuples, arrays.
    Foreign { path: String, arguments: Vec<Self> },
}

/// What the names in a file stand for.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The items of the file.
    pub(super) locals: BTreeSet<String>,
    imports: BTreeMap<String, String>,
}

impl Names {
    /// Takes in a `use` declaration.
    pub(super) fn import(&mut self, prefix: &str, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => self.import(&format!("{prefix}{}::", path.ident), &path.tree),
            UseTree::Name(name) if name.ident == "self" => {
                let path = prefix.trim_end_matches("::");
                let ident = path.rsplit("::").next().unwrap_or(path);
                self.imports.insert(ident.to_owned(), path.to_owned());
            }
            UseTree::Name(name) => {
                self.imports
                    .insert(name.ident.to_string(), format!("{prefix}{}", name.ident));
            }
            UseTree::Rename(rename) => {
                self.imports.insert(
                    rename.rename.to_string(),
                    format!("{prefix}{}", rename.ident),
                );
            }
            UseTree::Group(group) => group
                .items
                .iter()
                .for_each(|tree| self.import(prefix, tree)),
            _ => {}
        }
    }

    /// Reads a type within an item that has these generic parameters.
    pub(super) fn ty(&self, parameters: &[String], ty: &Type) -> Ty {
        let read = |ty: &Type| self.ty(parameters, ty);
        match ty {
            Type::Paren(inner) => read(&inner.elem),
            Type::Group(inner) => read(&inner.elem),
            Type::Reference(inner) => read(&inner.elem),
            Type::Tuple(tuple) => Ty::foreign("(,)", tuple.elems.iter().map(read).collect()),
            Type::Slice(slice) => Ty::foreign(VEC, vec![read(&slice.elem)]),
            Type::Array(array) => Ty::foreign(
                format!("[; {}]", array.len.to_token_stream()),
                vec![read(&array.elem)],
            ),
            Type::Path(path) if path.qself.is_none() => self.path(parameters, path),
            other => Ty::foreign(other.to_token_stream().to_string(), Vec::new()),
        }
    }

    fn path(&self, parameters: &[String], ty: &TypePath) -> Ty {
        let segments: Vec<String> = ty
            .path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string())
            .collect();
        let mut arguments = self.arguments(parameters, ty);
        let is_relative = ty.path.leading_colon.is_none();
        let name = match segments.as_slice() {
            [name] if is_relative => Some(name),
            [here, name] if here == "self" => Some(name),
            _ => None,
        };
        if let Some(name) = name {
            if let Some(place) = parameters.iter().position(|parameter| parameter == name) {
                return Ty::Parameter(place);
            }
            if self.locals.contains(name) {
                return Ty::Local {
                    name: name.clone(),
                    arguments,
                };
            }
        }
        let path = self.absolute(&segments);
        match path.as_str() {
            // These are what they hold, once encoded.
            "std::boxed::Box" | "std::sync::Arc" | "std::rc::Rc" | "std::borrow::Cow"
                if arguments.len() == 1 =>
            {
                arguments.remove(0)
            }
            _ => match SAME
                .iter()
                .find(|(names, _)| names.contains(&path.as_str()))
            {
                Some((_, same)) => Ty::foreign(*same, arguments),
                None => Ty::Foreign { path, arguments },
            },
        }
    }

    fn arguments(&self, parameters: &[String], ty: &TypePath) -> Vec<Ty> {
        let Some(PathArguments::AngleBracketed(list)) =
            ty.path.segments.last().map(|last| &last.arguments)
        else {
            return Vec::new();
        };
        let argument = |argument: &GenericArgument| match argument {
            GenericArgument::Lifetime(_) => None,
            GenericArgument::Type(ty) => Some(self.ty(parameters, ty)),
            other => Some(Ty::foreign(other.to_token_stream().to_string(), Vec::new())),
        };
        list.args.iter().filter_map(argument).collect()
    }

    fn absolute(&self, segments: &[String]) -> String {
        let Some((first, rest)) = segments.split_first() else {
            return String::new();
        };
        let prelude = || {
            PRELUDE
                .iter()
                .find(|(name, _)| rest.is_empty() && name == first)
        };
        let first = match self.imports.get(first) {
            Some(path) => path.as_str(),
            None => prelude().map_or(first.as_str(), |(_, path)| path),
        };
        let path = [first]
            .into_iter()
            .chain(rest.iter().map(String::as_str))
            .collect::<Vec<_>>()
            .join("::");
        match path.split_once("::") {
            Some(("core" | "alloc", rest)) => format!("std::{rest}"),
            _ => path,
        }
    }
}

impl Ty {
    pub(super) fn foreign(path: impl Into<String>, arguments: Vec<Self>) -> Self {
        Self::Foreign {
            path: path.into(),
            arguments,
        }
    }

    /// Puts the arguments of an item in the place of its generic parameters.
    pub(super) fn substitute(&self, values: &[Self]) -> Self {
        let all = |arguments: &[Self]| arguments.iter().map(|ty| ty.substitute(values)).collect();
        match self {
            Self::Parameter(place) => values.get(*place).unwrap_or(self).clone(),
            Self::Local { name, arguments } => Self::Local {
                name: name.clone(),
                arguments: all(arguments),
            },
            Self::Foreign { path, arguments } => Self::Foreign {
                path: path.clone(),
                arguments: all(arguments),
            },
        }
    }

    /// How many parts [`substitute`](Self::substitute) gives.
    pub(super) fn size_with(&self, values: &[Self]) -> usize {
        let all = |arguments: &[Self]| {
            arguments.iter().fold(1_usize, |size, ty| {
                size.saturating_add(ty.size_with(values))
            })
        };
        match self {
            Self::Parameter(place) => values.get(*place).map_or(1, |ty| ty.size_with(&[])),
            Self::Local { arguments, .. } | Self::Foreign { arguments, .. } => all(arguments),
        }
    }

    pub(super) fn is_option(&self) -> bool {
        matches!(self, Self::Foreign { path, .. } if path == "std::option::Option")
    }
}

const VEC: &str = "std::vec::Vec";

/// What is in scope without an import.
const PRELUDE: [(&str, &str); 5] = [
    ("Vec", VEC),
    ("Option", "std::option::Option"),
    ("String", "std::string::String"),
    ("Box", "std::boxed::Box"),
    ("Result", "std::result::Result"),
];

/// Types that are encoded as another.
const SAME: &[(&[&str], &str)] = &[
    (&["str"], "std::string::String"),
    (
        &[
            "std::collections::VecDeque",
            "std::collections::LinkedList",
            "std::collections::HashSet",
            "std::collections::BTreeSet",
            "std::collections::BinaryHeap",
        ],
        VEC,
    ),
    (&["std::collections::BTreeMap"], "std::collections::HashMap"),
];
