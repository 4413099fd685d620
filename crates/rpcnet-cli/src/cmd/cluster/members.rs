//! `rpcnet cluster members`: the members, once.

use std::error::Error;

use serde::Deserialize;
use serde_json::Value;

use super::Question;
use super::view::{Node, View, retain_passing};
use super::{feed, table};
use crate::cmd::access::{Attempt, Target, ascii_json};

/// Asks one target after another, until one answers.
pub(super) async fn run(question: &Question) -> Result<(), Box<dyn Error>> {
    let (targets, mut failures) = question.access.targets().await;
    for target in targets {
        match ask(question, &target).await {
            Ok(report) => return crate::print(&report),
            Err(attempt) => failures.push(attempt),
        }
    }
    Err(failures.into())
}

async fn ask(question: &Question, target: &Target) -> Result<String, Attempt> {
    let mut answer = feed::members(question.access.credentials(), target).await?;
    let view = View::deserialize(&answer).map_err(|error| Attempt::unreadable(target, &error))?;
    if question.json {
        retain_passing(&mut answer, &question.filter);
        return Ok(json_line(&answer));
    }
    Ok(rendered(question, &view, target))
}

/// The view as a table.
pub(super) fn rendered(question: &Question, view: &View, target: &Target) -> String {
    let passing = view
        .members
        .iter()
        .filter(|node| node.passes(&question.filter));
    let shown: Vec<&Node> = passing.collect();
    let place = target.address().to_string();
    table::render(view, &shown, &place, table::ms_since_1970())
}

/// A line of JSON that no terminal takes for anything else.
pub(super) fn json_line(value: &Value) -> String {
    ascii_json(&value.to_string()) + "\n"
}
