//! A definition in a file of its own: services, and the types that they need.

use std::collections::BTreeSet;
use std::ops::Range;

use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Attribute, Ident, Item, ItemTrait, ItemUse, Meta, UseTree, Visibility};

use super::{Mistakes, Place, attributes, not_a_trait, options};
use crate::emit::names::{Names, args_name, constant_name, snake};
use crate::model::Service;

/// A definition that was read. Ranges are of bytes of `text`.
pub(crate) struct Definition<'a> {
    /// The file without byte order mark and interpreter.
    pub(crate) text: &'a str,
    pub(crate) services: Vec<Service>,
    /// The services, with their docs and attributes.
    pub(crate) cuts: Vec<Range<usize>>,
    /// The private imports of the file's top level.
    pub(crate) imports: Vec<Import>,
}

/// A private import.
pub(crate) struct Import {
    /// All of it, with its attributes.
    pub(crate) item: Range<usize>,
    /// Where its visibility would be.
    pub(crate) visibility: usize,
}

/// Reads a file; what it returns is of use only if nothing was reported.
pub(crate) fn read<'a>(text: &'a str, mistakes: &mut Mistakes) -> Definition<'a> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut definition = Definition {
        text,
        services: Vec::new(),
        cuts: Vec::new(),
        imports: Vec::new(),
    };
    let file = match syn::parse_file(text) {
        Ok(file) => file,
        Err(error) => {
            report_syntax(error, mistakes);
            return definition;
        }
    };
    definition.text = text
        .get(file.shebang.map_or(0, |line| line.len())..)
        .unwrap_or_default();
    let mut mentioned = BTreeSet::new();
    let mut found = false;
    for item in &file.items {
        if attributes_of(item).iter().any(attributes::is_service) {
            found = true;
            definition.service(item, &mut mentioned, mistakes);
        } else {
            definition.other(item, mistakes);
        }
    }
    if !found && mistakes.is_empty() {
        mistakes.report(
            proc_macro2::TokenStream::new(),
            "there is no service in this file",
            "mark a trait at the top level with `#[rpcnet::service]`",
        );
    }
    check_types(&file.items, &mentioned, &definition.services, mistakes);
    definition
}

impl Definition<'_> {
    fn service(&mut self, item: &Item, mentioned: &mut BTreeSet<String>, mistakes: &mut Mistakes) {
        let Item::Trait(item) = item else {
            return not_a_trait(item, mistakes);
        };
        self.cuts.push(item.span().byte_range());
        check_visibility(item, mistakes);
        mentioned.extend(mentions(item));
        let mut item = item.clone();
        let mut options = None;
        if let Some(index) = item.attrs.iter().position(attributes::is_service) {
            options = Some(service_options(&item.attrs.remove(index), mistakes));
        }
        let options = options.unwrap_or_default();
        let Some(service) = super::service(options, &item, Place::File, mistakes) else {
            return;
        };
        let module = snake(&service.ident.to_string());
        if !is_module_name(&module) {
            mistakes.report(
                &service.ident,
                format!("`{module}` cannot be the name of a module"),
                "rename the trait, and keep its name on the wire with the option `name = \"..\"`",
            );
        }
        let other = self
            .services
            .iter()
            .find(|other| snake(&other.ident.to_string()) == module);
        if let Some(other) = other {
            mistakes.report(
                &service.ident,
                format!(
                    "`{}` is in the module `{module}`, as is `{}`",
                    service.ident, other.ident
                ),
                "rename one of the two traits",
            );
        }
        self.services.push(service);
    }

    fn other(&mut self, item: &Item, mistakes: &mut Mistakes) {
        match item {
            Item::Use(item) => {
                if item.leading_colon.is_none() {
                    check_import(&item.tree, mistakes);
                }
                if matches!(item.vis, Visibility::Inherited) {
                    self.imports.push(import(item));
                }
            }
            Item::Mod(item) if item.content.is_none() => mistakes.report(
                &item.ident,
                "the module is in another file, which is not copied",
                "write the module in place, or leave it where it is and import from it: `use \
                 crate::..`",
            ),
            Item::Mod(item) => NestedServices(mistakes).visit_item_mod(item),
            _ => {}
        }
    }
}

/// Reports what is not Rust; the tokenizer itself does not say much.
fn report_syntax(error: syn::Error, mistakes: &mut Mistakes) {
    let by_tokenizer = matches!(
        error.to_string().as_str(),
        "cannot parse string into token stream" | "lex error"
    );
    let error = if by_tokenizer {
        syn::Error::new(
            error.span(),
            "there is a bracket or a quote without its partner",
        )
    } else {
        error
    };
    mistakes.report_syntax(
        error,
        "a definition is a file of Rust: make it one that parses",
    );
}

fn service_options(attribute: &Attribute, mistakes: &mut Mistakes) -> options::ServiceOptions {
    match &attribute.meta {
        Meta::Path(_) => options::ServiceOptions::default(),
        Meta::List(list) => options::service(list.tokens.clone(), mistakes),
        Meta::NameValue(_) => {
            mistakes.report(
                attribute,
                "the options of a service are in parentheses",
                "write `#[rpcnet::service(name = \"calc.v1\")]`",
            );
            options::ServiceOptions::default()
        }
    }
}

/// Whether `mod name` or `mod r#name` is possible.
fn is_module_name(name: &str) -> bool {
    syn::parse_str::<Ident>(name).is_ok() || syn::parse_str::<Ident>(&format!("r#{name}")).is_ok()
}

fn import(item: &ItemUse) -> Import {
    Import {
        item: item.span().byte_range(),
        visibility: item.use_token.span.byte_range().start,
    }
}

fn check_visibility(item: &ItemTrait, mistakes: &mut Mistakes) {
    let visible = match &item.vis {
        Visibility::Public(_) => true,
        Visibility::Restricted(vis) => vis.path.is_ident("crate"),
        Visibility::Inherited => false,
    };
    if visible {
        return;
    }
    let help = "write `pub trait` or `pub(crate) trait`";
    if matches!(item.vis, Visibility::Inherited) {
        mistakes.report(
            &item.ident,
            format!("the service `{}` is private", item.ident),
            help,
        );
    } else {
        mistakes.report(
            &item.vis,
            "this visibility has another meaning in the generated files",
            help,
        );
    }
}

fn check_import(tree: &UseTree, mistakes: &mut Mistakes) {
    let first = match tree {
        UseTree::Path(path) => &path.ident,
        UseTree::Group(group) => {
            return group
                .items
                .iter()
                .for_each(|tree| check_import(tree, mistakes));
        }
        UseTree::Name(_) | UseTree::Rename(_) | UseTree::Glob(_) => return,
    };
    if first == "super" || first == "self" {
        mistakes.report(
            first,
            format!("an import from `{first}` has another meaning in the generated files"),
            "write it from `crate`: `use crate::..`",
        );
    }
}

/// Reports types that the generated code cannot see, or would hide.
fn check_types(
    items: &[Item],
    mentioned: &BTreeSet<String>,
    services: &[Service],
    mistakes: &mut Mistakes,
) {
    let mut generated = BTreeSet::new();
    for service in services {
        let Names {
            handler,
            server,
            client,
            ..
        } = Names::new(service);
        generated.extend([handler, server, client].map(|ident| ident.to_string()));
        for method in &service.methods {
            generated.insert(constant_name(&service.ident, &method.ident));
            generated.insert(args_name(&service.ident, &method.ident));
        }
    }
    for item in items {
        let (vis, keyword, ident) = match item {
            Item::Struct(item) => (&item.vis, "struct", &item.ident),
            Item::Enum(item) => (&item.vis, "enum", &item.ident),
            Item::Union(item) => (&item.vis, "union", &item.ident),
            Item::Type(item) => (&item.vis, "type", &item.ident),
            _ => continue,
        };
        let name = ident.to_string();
        if matches!(vis, Visibility::Inherited) && mentioned.contains(&name) {
            mistakes.report(
                ident,
                format!("`{name}` is private, but a service sends it"),
                format!("write `pub {keyword} {name}`"),
            );
        }
        if generated.contains(&name) {
            mistakes.report(
                ident,
                format!("`{name}` is the name of something that is generated"),
                "rename it",
            );
        }
    }
}

/// The names from which the paths in a trait start.
fn mentions(item: &ItemTrait) -> BTreeSet<String> {
    struct Mentions(BTreeSet<String>);

    impl<'ast> Visit<'ast> for Mentions {
        fn visit_path(&mut self, path: &'ast syn::Path) {
            let first = path
                .segments
                .first()
                .filter(|_| path.leading_colon.is_none());
            self.0
                .extend(first.map(|segment| segment.ident.to_string()));
            visit::visit_path(self, path);
        }
    }

    let mut mentions = Mentions(BTreeSet::new());
    mentions.visit_item_trait(item);
    mentions.0
}

/// Reports services that are not at the top level.
struct NestedServices<'a>(&'a mut Mistakes);

impl<'ast> Visit<'ast> for NestedServices<'_> {
    fn visit_item_trait(&mut self, item: &'ast ItemTrait) {
        if item.attrs.iter().any(attributes::is_service) {
            self.0.report(
                &item.ident,
                format!("the service `{}` is inside of a module", item.ident),
                "move it to the top level of the file; each service gets a module of its own",
            );
        }
    }
}

fn attributes_of(item: &Item) -> &[Attribute] {
    match item {
        Item::Trait(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Const(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        _ => &[],
    }
}
