//! `rpcnet cluster tags`: what a member says of itself, and changes of it.

use std::error::Error;
use std::str::FromStr;

use rpcnet::cluster::Tags;
use serde_json::{Value, json};

use super::access::Access;
use super::member::{find, first_view};
use super::members::json_line;
use crate::cmd::access::{Unanswered, printable};
use crate::cmd::observe::act;

/// Which member, and what is to change.
#[derive(clap::Args)]
pub(super) struct Question {
    #[command(flatten)]
    access: Access,
    /// The member; it is asked itself [default: the one that answers].
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    /// Set a tag; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<Tag>,
    /// Remove a tag, where it is there; may be repeated.
    #[arg(long, value_name = "KEY")]
    remove: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A tag as it is typed.
#[derive(Clone, Debug)]
struct Tag {
    key: String,
    value: String,
}

impl FromStr for Tag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
        // Judged here, so that a mistake is found before anybody is asked.
        let tried = Tags::new().set(key, value);
        tried.map_err(|error| error.to_string())?;
        let (key, value) = (key.to_owned(), value.to_owned());
        Ok(Self { key, value })
    }
}

/// Changes what is to change, and prints what is there then.
pub(super) async fn run(question: &Question) -> Result<(), Box<dyn Error>> {
    let access = &question.access;
    let (view, answering) = first_view(access).await?;
    let name = question.node.clone().unwrap_or_else(|| view.node.clone());
    let (node, mut target) = find(&view, &name)?;
    if node.is_self {
        // By the way that is known to work.
        target = answering;
    }
    let mut tags = node.tags.clone();
    let credentials = access.credentials();
    let refused = |attempt| Unanswered::of(&target, attempt);
    for key in &question.remove {
        let acted = act(credentials, &target, "remove-tag", &json!({"key": key})).await;
        acted.map_err(refused)?;
        tags.remove(key);
    }
    for Tag { key, value } in &question.set {
        let tag = json!({"key": key, "value": value});
        let acted = act(credentials, &target, "set-tag", &tag).await;
        acted.map_err(refused)?;
        tags.insert(key.clone(), value.clone());
    }
    if question.json {
        let tags: Value = json!({"node": name, "tags": tags});
        return crate::print(&json_line(&tags));
    }
    let lines = tags.iter().map(|(key, value)| {
        format!(
            "{}={}\n",
            printable(key, CHARS_MAX),
            printable(value, CHARS_MAX)
        )
    });
    crate::print(&lines.collect::<String>())
}

/// Characters of a key or a value that are printed; they have fewer, where the node keeps the rules.
const CHARS_MAX: usize = 1_000;
