//! Compares services and their methods.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Change, ChangeKind, Severity};
use super::definition::Definition;
use super::fields::{FieldsOf, Noun, from_to};
use super::options::Options;
use super::service::{Codec, Message, Method, Service};
use super::types::{Scope, TypeComparison, Uses};

/// All changes between two versions, each with the methods that it touches.
pub(super) fn changes(old: &[Definition], new: &[Definition]) -> Vec<Change> {
    let (old_methods, new_methods) = (by_wire_name(old), by_wire_name(new));
    let mut comparison = MethodComparison {
        types: TypeComparison::new(old, new),
        uses: Vec::new(),
        changes: Vec::new(),
    };
    let mut taken = BTreeSet::new();
    let mut service_changes = BTreeMap::new();
    for (wire, was) in &old_methods {
        let Some(is) = new_methods
            .get(wire)
            .or_else(|| renamed(was, &old_methods, &new_methods))
        else {
            let change = was.gone(new);
            service_changes
                .entry((change.site.clone(), change.kind))
                .or_insert(change)
                .methods
                .push(wire.clone());
            continue;
        };
        taken.insert(is.method.wire.clone());
        if was.method.wire != is.method.wire {
            let change = was.renamed_to(is);
            service_changes
                .entry((change.site.clone(), change.kind))
                .or_insert(change)
                .methods
                .push(wire.clone());
        }
        comparison.compare(was, is);
    }
    for (wire, is) in new_methods
        .iter()
        .filter(|(wire, _)| !taken.contains(*wire))
    {
        let change = is.fresh(old);
        service_changes
            .entry((change.site.clone(), change.kind))
            .or_insert(change)
            .methods
            .push(wire.clone());
    }
    let MethodComparison {
        types,
        uses,
        mut changes,
    } = comparison;
    changes.extend(service_changes.into_values());
    changes.extend(types.reachable_changes(&uses));
    changes
}

/// A method, and where it is.
#[derive(Debug, Clone, Copy)]
struct Place<'a> {
    file: usize,
    service: &'a Service,
    method: &'a Method,
}

type Methods<'a> = BTreeMap<String, Place<'a>>;

fn by_wire_name(definitions: &[Definition]) -> Methods<'_> {
    let mut methods = BTreeMap::new();
    for (file, definition) in definitions.iter().enumerate() {
        for service in &definition.services {
            for method in &service.methods {
                methods.entry(method.wire.clone()).or_insert(Place {
                    file,
                    service,
                    method,
                });
            }
        }
    }
    methods
}

/// The method that has the same names in Rust and, unlike the old one, is new on the wire.
fn renamed<'m, 'a>(
    was: &Place<'_>,
    old: &Methods<'_>,
    new: &'m Methods<'a>,
) -> Option<&'m Place<'a>> {
    let is_it = |is: &&Place<'_>| {
        is.service.ident == was.service.ident
            && is.method.ident == was.method.ident
            && !old.contains_key(&is.method.wire)
    };
    new.values().find(is_it)
}

impl Place<'_> {
    /// The change that removed the method from `new`, or all of its service.
    fn gone(&self, new: &[Definition]) -> Change {
        let Self {
            service, method, ..
        } = self;
        let all = service.codec.all();
        if has_service(new, service) {
            let message = format!("method `{}` removed", method.wire);
            return Change::new(ChangeKind::MethodRemoved, all, &method.site, message);
        }
        let message = format!("service `{}` removed", service.wire);
        Change::new(ChangeKind::ServiceRemoved, all, &service.site, message)
    }

    /// The change that added the method to `old`, or all of its service.
    fn fresh(&self, old: &[Definition]) -> Change {
        let Self {
            service, method, ..
        } = self;
        if has_service(old, service) {
            return Change::note(
                ChangeKind::MethodAdded,
                &method.site,
                format!("method `{}` added", method.wire),
            );
        }
        Change::note(
            ChangeKind::ServiceAdded,
            &service.site,
            format!("service `{}` added", service.wire),
        )
    }

    fn renamed_to(&self, is: &Self) -> Change {
        let all = self.service.codec.all();
        if self.method.wire_part == is.method.wire_part {
            let message = format!(
                "service `{}` renamed to `{}` on the wire",
                self.service.wire, is.service.wire
            );
            return Change::new(ChangeKind::ServiceRenamed, all, &is.service.site, message);
        }
        let message = format!(
            "method `{}` renamed to `{}` on the wire",
            self.method.wire, is.method.wire
        );
        Change::new(ChangeKind::MethodRenamed, all, &is.method.site, message)
    }
}

fn has_service(definitions: &[Definition], service: &Service) -> bool {
    let mut services = definitions
        .iter()
        .flat_map(|definition| &definition.services);
    services.any(|other| other.wire == service.wire || other.ident == service.ident)
}

struct MethodComparison<'a> {
    types: TypeComparison<'a>,
    /// The items that each method uses itself.
    uses: Vec<(String, Uses)>,
    changes: Vec<Change>,
}

impl MethodComparison<'_> {
    fn compare(&mut self, was: &Place<'_>, is: &Place<'_>) {
        let (old, new) = (was.method, is.method);
        let first = self.changes.len();
        self.promises(old, new);
        if was.service.codec != is.service.codec {
            let all = was.service.codec.all().or(is.service.codec.all());
            let message = format!("service `{}` changed its codec", is.service.wire);
            self.changes.push(Change::new(
                ChangeKind::CodecChanged,
                all,
                &is.service.site,
                message,
            ));
        } else if streaming(old) != streaming(new) {
            let all = is.service.codec.all();
            let message = format!(
                "`{}` changed from {} to {}",
                new.wire,
                streaming(old),
                streaming(new)
            );
            self.changes.push(Change::new(
                ChangeKind::StreamingChanged,
                all,
                &new.site,
                message,
            ));
        } else {
            let scope = Scope {
                old: was.file,
                new: is.file,
                codec: is.service.codec,
            };
            let uses = self.messages(scope, old, new);
            self.uses.push((new.wire.clone(), uses));
        }
        self.changes[first..]
            .iter_mut()
            .for_each(|change| change.methods = vec![new.wire.clone()]);
    }

    /// What callers rely on, though it does not travel.
    fn promises(&mut self, old: &Method, new: &Method) {
        if old.is_idempotent && !new.is_idempotent {
            let message = format!(
                "`{}` is no longer idempotent: old callers may repeat calls of it",
                new.wire
            );
            let note = Change::note(ChangeKind::IdempotentRemoved, &new.site, message);
            self.changes.push(Change {
                severity: Severity::Warning,
                ..note
            });
        }
        if !old.is_idempotent && new.is_idempotent {
            let message = format!("`{}` is idempotent now", new.wire);
            self.changes.push(Change::note(
                ChangeKind::IdempotentAdded,
                &new.site,
                message,
            ));
        }
        if old.timeout != new.timeout {
            let text = |timeout: &Option<String>| timeout.as_deref().unwrap_or("none").to_owned();
            let (was, is) = (text(&old.timeout), text(&new.timeout));
            let message = format!("the timeout of `{}` changed from {was} to {is}", new.wire);
            self.changes
                .push(Change::note(ChangeKind::TimeoutChanged, &new.site, message));
        }
    }

    fn messages(&mut self, scope: Scope, old: &Method, new: &Method) -> Uses {
        let mut uses = Uses::new();
        let (title, none) = (format!("`{}`", new.wire), Options::default());
        let (noun, site, serde) = (Noun::Argument, &new.site, (&none, &none));
        let first = self.changes.len();
        FieldsOf {
            scope,
            noun,
            title: &title,
            site,
            serde,
            old: &old.arguments,
            new: &new.arguments,
        }
        .compare(&mut self.types, &mut self.changes, &mut uses);
        if scope.codec == Codec::Protobuf {
            self.changes[first..]
                .iter_mut()
                .for_each(|change| change.breaks = scope.codec.all());
        }
        let response = match new.is_response_stream {
            true => (ChangeKind::ResponseItemRetyped, "response item"),
            false => (ChangeKind::ReplyRetyped, "reply"),
        };
        let request_item = (ChangeKind::RequestItemRetyped, "request item");
        let error = (ChangeKind::ErrorRetyped, "error");
        for ((kind, noun), was, is) in [
            (
                request_item,
                old.request_item.as_ref(),
                new.request_item.as_ref(),
            ),
            (response, Some(&old.response), Some(&new.response)),
            (error, Some(&old.error), Some(&new.error)),
        ] {
            let (Some(was), Some(is)) = (was, is) else {
                continue;
            };
            let breaks = self.types.breaks(scope, &was.ty, &is.ty, &mut uses);
            if breaks.any() {
                let message = retyped(noun, &new.wire, was, is);
                self.changes
                    .push(Change::new(kind, breaks, &is.site, message));
            }
        }
        uses
    }
}

fn retyped(noun: &str, method: &str, was: &Message, is: &Message) -> String {
    format!(
        "the {noun} of `{method}` changed its type {}",
        from_to(&was.text, &is.text)
    )
}

fn streaming(method: &Method) -> &'static str {
    match (method.request_item.is_some(), method.is_response_stream) {
        (false, false) => "unary",
        (false, true) => "server streaming",
        (true, false) => "client streaming",
        (true, true) => "bidirectional streaming",
    }
}
