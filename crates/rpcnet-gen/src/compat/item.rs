//! A struct, an enum or a type alias of a definition.

use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Attribute, GenericParam, Generics, Ident, ItemEnum, ItemStruct, ItemType};

use super::change::Site;
use super::options::Options;
use super::rename::{Named, WireName};
use super::ty::{Names, Ty};

/// An item that messages are made of.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) name: String,
    pub(super) site: Site,
    pub(super) parameter_count: usize,
    pub(super) serde: Options,
    pub(super) body: Body,
}

#[derive(Debug)]
pub(super) enum Body {
    /// Stands for another type: an alias, or what serde encodes as another type.
    Alias(Ty),
    Struct(Fields),
    Enum(Vec<Variant>),
}

/// The fields of a struct or a variant, or the arguments of a method: those that travel.
#[derive(Debug)]
pub(super) struct Fields {
    pub(super) kind: FieldsKind,
    pub(super) list: Vec<Field>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldsKind {
    Unit,
    Tuple,
    Named,
}

#[derive(Debug)]
pub(super) struct Field {
    /// The name in Rust, or the place in a tuple.
    pub(super) ident: String,
    pub(super) wire: WireName,
    pub(super) ty: Ty,
    /// The type as it is written.
    pub(super) text: String,
    pub(super) serde: Options,
    pub(super) prost: Options,
    pub(super) site: Site,
}

#[derive(Debug)]
pub(super) struct Variant {
    pub(super) ident: String,
    pub(super) wire: WireName,
    pub(super) fields: Fields,
    pub(super) serde: Options,
    pub(super) prost: Options,
    /// The number that is written after it.
    pub(super) discriminant: Option<String>,
    pub(super) site: Site,
}

/// Reads the items of one file.
#[derive(Debug)]
pub(super) struct ItemReader<'a> {
    pub(super) names: &'a Names,
    pub(super) site: &'a dyn SiteOf,
}

/// Finds the place of a piece of source.
pub(super) trait SiteOf: std::fmt::Debug {
    /// The place where it begins.
    fn site(&self, span: proc_macro2::Span) -> Site;
}

impl ItemReader<'_> {
    pub(super) fn alias(&self, item: &ItemType) -> syn::Result<Item> {
        let ty = self.names.ty(&type_parameters(&item.generics), &item.ty);
        self.item(&item.ident, &item.generics, &[], Body::Alias(ty))
    }

    pub(super) fn structure(&self, item: &ItemStruct) -> syn::Result<Item> {
        let parameters = type_parameters(&item.generics);
        let serde = Options::parse("serde", &item.attrs)?;
        let fields = self.fields(&parameters, &item.fields, &serde, "rename_all")?;
        let body = match (self.stand_in(&parameters, &serde)?, fields.list.as_slice()) {
            (Some(ty), _) => Body::Alias(ty),
            (None, [inner]) if serde.has("transparent") => Body::Alias(inner.ty.clone()),
            _ => Body::Struct(fields),
        };
        self.item(&item.ident, &item.generics, &item.attrs, body)
    }

    pub(super) fn enumeration(&self, item: &ItemEnum) -> syn::Result<Item> {
        let parameters = type_parameters(&item.generics);
        let serde = Options::parse("serde", &item.attrs)?;
        let mut variants = Vec::new();
        for variant in &item.variants {
            let own = Options::parse("serde", &variant.attrs)?;
            // The rule of the variant goes before that of the enum.
            let (container, rule) = if own.renames_all() {
                (&own, "rename_all")
            } else {
                (&serde, "rename_all_fields")
            };
            if own.has("skip") {
                continue;
            }
            let ident = unraw(&variant.ident);
            variants.push(Variant {
                wire: WireName::new(&ident, Named::Variant, &own, &serde, "rename_all"),
                fields: self.fields(&parameters, &variant.fields, container, rule)?,
                prost: Options::parse("prost", &variant.attrs)?,
                discriminant: variant
                    .discriminant
                    .as_ref()
                    .map(|(_, number)| number.to_token_stream().to_string()),
                site: self.site.site(variant.ident.span()),
                serde: own,
                ident,
            });
        }
        let body = match self.stand_in(&parameters, &serde)? {
            Some(ty) => Body::Alias(ty),
            None => Body::Enum(variants),
        };
        self.item(&item.ident, &item.generics, &item.attrs, body)
    }

    fn item(
        &self,
        ident: &Ident,
        generics: &Generics,
        attributes: &[Attribute],
        body: Body,
    ) -> syn::Result<Item> {
        Ok(Item {
            name: unraw(ident),
            site: self.site.site(ident.span()),
            parameter_count: type_parameters(generics).len(),
            serde: Options::parse("serde", attributes)?,
            body,
        })
    }

    /// The type that `from` and `into` name, if it is one and the same.
    fn stand_in(&self, parameters: &[String], serde: &Options) -> syn::Result<Option<Ty>> {
        let from = serde.value("from").or(serde.value("try_from"));
        match (from, serde.value("into")) {
            (Some(from), Some(into)) if from == into => {
                Ok(Some(self.names.ty(parameters, &syn::parse_str(from)?)))
            }
            _ => Ok(None),
        }
    }

    fn fields(
        &self,
        parameters: &[String],
        fields: &syn::Fields,
        container: &Options,
        rule: &str,
    ) -> syn::Result<Fields> {
        let kind = match fields {
            syn::Fields::Unit => FieldsKind::Unit,
            syn::Fields::Unnamed(_) => FieldsKind::Tuple,
            syn::Fields::Named(_) => FieldsKind::Named,
        };
        let mut list = Vec::new();
        for field in fields {
            let serde = Options::parse("serde", &field.attrs)?;
            if serde.has("skip") {
                continue;
            }
            let ident = field
                .ident
                .as_ref()
                .map_or_else(|| list.len().to_string(), unraw);
            list.push(Field {
                wire: WireName::new(&ident, Named::Field, &serde, container, rule),
                ty: self.names.ty(parameters, &field.ty),
                text: source_text(&field.ty),
                prost: Options::parse("prost", &field.attrs)?,
                site: self.site.site(
                    field
                        .ident
                        .as_ref()
                        .map_or_else(|| field.ty.span(), Ident::span),
                ),
                serde,
                ident,
            });
        }
        Ok(Fields { kind, list })
    }
}

/// The names of the generic parameters, but for lifetimes.
fn type_parameters(generics: &Generics) -> Vec<String> {
    let name = |parameter: &GenericParam| match parameter {
        GenericParam::Type(ty) => Some(ty.ident.to_string()),
        GenericParam::Const(constant) => Some(constant.ident.to_string()),
        _ => None,
    };
    generics.params.iter().filter_map(name).collect()
}

/// The name without `r#`.
pub(super) fn unraw(ident: &Ident) -> String {
    let name = ident.to_string();
    name.strip_prefix("r#").map(str::to_owned).unwrap_or(name)
}

/// The source of a type, on one line.
pub(super) fn source_text(ty: &syn::Type) -> String {
    let text = ty
        .span()
        .source_text()
        .unwrap_or_else(|| ty.to_token_stream().to_string());
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Options {
    fn renames_all(&self) -> bool {
        [
            "rename_all",
            "rename_all(serialize)",
            "rename_all(deserialize)",
        ]
        .iter()
        .any(|option| self.has(option))
    }
}
