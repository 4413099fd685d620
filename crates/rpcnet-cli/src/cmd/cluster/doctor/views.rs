//! Whether nodes agree about who is there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;
use tokio::time::sleep;

use super::Patient;
use super::finding::Finding;
use crate::cmd::access::Credentials;
use crate::cmd::cluster::feed;
use crate::cmd::cluster::view::View;

/// How long gossip is given to settle where views differ at first.
const SETTLING: Duration = Duration::from_secs(2);
/// How often it is given that.
const LOOKS: usize = 3;

/// Whether all run one version of the library.
pub(super) fn versions(patients: &[Patient]) -> Vec<Finding> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for patient in patients {
        if let Some((snapshot, _)) = &patient.snapshot {
            let of = versions.entry(&snapshot.version).or_default();
            of.push(&patient.name);
        }
    }
    match versions.len() {
        0 => Vec::new(),
        1 => {
            let version = versions.keys().next().copied().unwrap_or_default();
            vec![Finding::ok(
                "version",
                "cluster",
                format!("all nodes run {version}"),
            )]
        }
        _ => {
            let each = versions
                .iter()
                .map(|(version, names)| format!("{version} on {}", names.join(", ")));
            let text = each.collect::<Vec<_>>().join("; ");
            let hint = "fine during an upgrade; else bring all nodes to one version";
            vec![Finding::warning("version", "cluster", text, hint)]
        }
    }
}

/// Members that are not well, as those see it who know them; and which side of a cut this is.
pub(super) fn states(patients: &[Patient]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut unwell: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for patient in patients {
        for member in &patient.view.members {
            if ["suspect", "failed"].contains(&member.state.as_str()) {
                unwell.insert(&member.name, (&member.state, &patient.name));
            }
        }
        if let Some(quorum) = &patient.view.quorum
            && !quorum.side.is_empty()
            && quorum.side != "Whole"
        {
            findings.push(Finding::warning(
                "quorum",
                &patient.name,
                format!(
                    "{} of {} voters are in its reach: {}",
                    quorum.reachable,
                    quorum.known,
                    quorum.side.to_lowercase()
                ),
                "start what is missing, or mend the network between the nodes; forget members \
                 that are gone for good",
            ));
        }
    }
    for (name, (state, by)) in unwell {
        let text = format!("it is {state}, as {by} sees it");
        let hint = "look at its process and its host; it comes back by itself once it runs";
        findings.push(Finding::warning("members", name, text, hint));
    }
    findings
}

/// Whether all see the same members alive, once gossip had time to settle.
pub(super) async fn agreement(credentials: &Credentials, patients: &[Patient]) -> Vec<Finding> {
    let mut seen: Vec<Option<View>> = patients.iter().map(|it| Some(it.view.clone())).collect();
    for look in 0..LOOKS {
        if differences(patients, &seen).is_empty() {
            let text = format!("{} nodes see the same members", patients.len());
            return vec![Finding::ok("agreement", "cluster", text)];
        }
        if look + 1 < LOOKS {
            sleep(SETTLING).await;
            seen.clear();
            for patient in patients {
                let asked =
                    tokio::time::timeout(credentials.timeout(), feed::members_of(&patient.client));
                let view = asked.await.ok().and_then(Result::ok);
                seen.push(view.and_then(|view| View::deserialize(&view).ok()));
            }
        }
    }
    let hint = "UDP has to get through between all nodes, at the addresses that members show; \
                nodes of different CAs or cluster names do not see each other";
    let differences = differences(patients, &seen);
    let told = differences
        .iter()
        .map(|(name, text)| Finding::error("agreement", name, text, hint));
    told.collect()
}

/// Whom each does not see alive whom others do.
fn differences(patients: &[Patient], seen: &[Option<View>]) -> Vec<(String, String)> {
    let live = |view: &View| -> BTreeSet<String> {
        let members = view.members.iter().filter(|member| member.is_live());
        members.map(|member| member.name.clone()).collect()
    };
    let all: BTreeSet<String> = seen.iter().flatten().flat_map(live).collect();
    let each = patients.iter().zip(seen).filter_map(|(patient, view)| {
        let view = view.as_ref()?;
        let missing: Vec<String> = all
            .difference(&live(view))
            .take(NAMES_SHOWN)
            .cloned()
            .collect();
        (!missing.is_empty()).then(|| {
            let text = format!("it does not see {}, whom others see", missing.join(", "));
            (patient.name.clone(), text)
        })
    });
    each.collect()
}

/// Names that are shown of those who are missing.
const NAMES_SHOWN: usize = 8;
