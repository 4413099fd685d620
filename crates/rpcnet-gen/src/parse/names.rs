//! Names: on the wire, and of what is generated.

use quote::ToTokens;
use syn::ext::IdentExt as _;
use syn::{Ident, LitStr};

use super::Mistakes;
use crate::emit::names::{args_name, constant_name};

/// The longest name of a method on the wire, in bytes, with the service's.
const WIRE_NAME_BYTES_MAX: usize = 128;
/// Associated functions that a generated client has itself, or that a user expects of it.
const RESERVED: [&str; 6] = [
    "carrier",
    "clone",
    "connect",
    "new",
    "with_codec",
    "with_options",
];

/// A method's names, whatever else is wrong with it.
pub(super) struct Named {
    pub(super) ident: Ident,
    pub(super) option: Option<LitStr>,
    /// The whole name; none if it is not valid.
    pub(super) wire_name: Option<String>,
}

impl Named {
    /// Joins the names of a service and of a method. No service: its own name is not valid,
    /// which is reported already.
    pub(super) fn new(
        service: Option<&str>,
        ident: &Ident,
        option: Option<LitStr>,
        mistakes: &mut Mistakes,
    ) -> Self {
        let named = Self {
            ident: ident.clone(),
            option,
            wire_name: None,
        };
        let part = match &named.option {
            Some(option) => option.value(),
            None => ident.unraw().to_string(),
        };
        let valid = match &named.option {
            Some(option) => is_valid(option, &part, mistakes),
            None => is_valid(ident, &part, mistakes),
        };
        let Some(service) = service.filter(|_| valid) else {
            return named;
        };
        let whole = if service.is_empty() {
            part
        } else {
            format!("{service}.{part}")
        };
        if whole.len() > WIRE_NAME_BYTES_MAX {
            mistakes.report(
                named.tokens(),
                format!(
                    "the name on the wire, `{whole}`, is of {} characters",
                    whole.len()
                ),
                format!("a name has at most {WIRE_NAME_BYTES_MAX}: {RENAME}"),
            );
            return named;
        }
        Self {
            wire_name: Some(whole),
            ..named
        }
    }

    fn tokens(&self) -> &dyn ToTokens {
        match &self.option {
            Some(option) => option,
            None => &self.ident,
        }
    }
}

const RENAME: &str = "give another one with `#[rpc(name = \"..\")]`";

/// Whether part of a wire name is one; reports it if not.
pub(super) fn is_valid(at: impl ToTokens, part: &str, mistakes: &mut Mistakes) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-');
    let help = "a name on the wire is made of the characters `A-Z a-z 0-9 _ . / -`; give one with \
                `name = \"..\"`";
    if part.is_empty() {
        mistakes.report(at, "the name is empty", help);
    } else if let Some(character) = part.chars().find(|c| !allowed(*c)) {
        let message = format!("`{}` is not allowed in a name", character.escape_debug());
        mistakes.report(at, message, help);
    } else if part.len() > WIRE_NAME_BYTES_MAX {
        let message = format!("the name is of {} characters", part.len());
        let help = format!("a name on the wire has at most {WIRE_NAME_BYTES_MAX}");
        mistakes.report(at, message, help);
    } else {
        return true;
    }
    false
}

/// Reports methods that cannot be told apart, and those that hide a part of the client.
pub(super) fn check(service: &Ident, methods: &[Named], mistakes: &mut Mistakes) {
    for (index, method) in methods.iter().enumerate() {
        let ident = &method.ident;
        if RESERVED.contains(&ident.unraw().to_string().as_str()) {
            mistakes.report(
                ident,
                format!(
                    "a method cannot be called `{ident}`: the generated client has one already"
                ),
                format!(
                    "rename the method, and keep its name on the wire with `#[rpc(name = \"{}\")]`",
                    ident.unraw()
                ),
            );
        }
        let before = methods.iter().take(index);
        if let Some(clash) = before
            .into_iter()
            .find_map(|other| clash(service, other, method))
        {
            clash.report(method, mistakes);
        }
    }
}

/// What two methods have in common, and must not.
enum Clash {
    Ident,
    WireName(String),
    Generated(String),
}

fn clash(service: &Ident, one: &Named, other: &Named) -> Option<Clash> {
    if one.ident.unraw() == other.ident.unraw() {
        return Some(Clash::Ident);
    }
    if let (Some(name), Some(same)) = (&one.wire_name, &other.wire_name)
        && name == same
    {
        return Some(Clash::WireName(name.clone()));
    }
    let generated = [constant_name, args_name].map(|name| {
        let (one, other) = (name(service, &one.ident), name(service, &other.ident));
        (one == other).then_some(one)
    });
    generated.into_iter().flatten().next().map(Clash::Generated)
}

impl Clash {
    fn report(self, method: &Named, mistakes: &mut Mistakes) {
        let ident = &method.ident;
        match self {
            Self::Ident => mistakes.report(
                ident,
                format!("there are two methods `{ident}`"),
                "rename one of the two",
            ),
            Self::WireName(name) => mistakes.report(
                method.tokens(),
                format!("two methods have the name `{name}` on the wire"),
                RENAME,
            ),
            Self::Generated(name) => mistakes.report(
                ident,
                format!("two methods differ too little: both would be generated as `{name}`"),
                "rename one of the two, and keep its name on the wire with `#[rpc(name = \"..\")]`",
            ),
        }
    }
}
