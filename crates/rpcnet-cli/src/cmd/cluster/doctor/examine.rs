//! The examination: seeds first, then every member that they know.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use rpcnet::{ConnectionErrorKind, RpcClient, RpcError};
use serde::Deserialize;

use super::finding::Finding;
use super::{certificate, clocks, packets, views};
use crate::cmd::access::{Attempt, Target};
use crate::cmd::cluster::access::Access;
use crate::cmd::cluster::feed;
use crate::cmd::cluster::view::View;
use crate::cmd::observe::{Snapshot, snapshot_of};

/// Members that are looked at; beyond, they are counted only.
const MEMBERS_MAX: usize = 64;
/// Members that are looked at at once.
const AT_ONCE: usize = 8;

/// A node that was reached.
pub(in super::super) struct Patient {
    pub(super) name: String,
    pub(super) client: RpcClient,
    pub(super) view: View,
    /// What it does, and how much later its clock is than this one's, in milliseconds.
    pub(super) snapshot: Option<(Snapshot, i64)>,
}

/// Looks at the seeds, then at the members.
pub(super) async fn cluster(access: &Access) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (targets, unresolved) = access.targets().await;
    for attempt in unresolved.attempts() {
        findings.push(Finding::unanswered("seeds", attempt));
    }
    let mut patients: BTreeMap<String, Patient> = BTreeMap::new();
    for target in targets {
        let (found, patient) = visit(access, target, "seeds").await;
        findings.extend(found);
        if let Some(patient) = patient {
            patients.insert(patient.name.clone(), patient);
        }
    }
    let known = strangers(&patients);
    let (visited, left_out) = known.split_at(known.len().min(MEMBERS_MAX));
    let mut visits = stream::iter(visited.to_vec())
        .map(|target| visit(access, target, "reach"))
        .buffered(AT_ONCE);
    while let Some((found, patient)) = visits.next().await {
        findings.extend(found);
        if let Some(patient) = patient {
            patients.insert(patient.name.clone(), patient);
        }
    }
    if !left_out.is_empty() {
        let text = format!("{} more members were not looked at", left_out.len());
        findings.push(Finding::warning(
            "reach",
            "cluster",
            text,
            "ask them as seeds",
        ));
    }
    let patients: Vec<Patient> = patients.into_values().collect();
    if !patients.is_empty() {
        findings.extend(clocks::compare(&patients));
        findings.extend(views::versions(&patients));
        findings.extend(views::states(&patients));
        findings.extend(views::agreement(access.credentials(), &patients).await);
    }
    findings
}

/// The live members that a patient knows and that are no patients yet.
fn strangers(patients: &BTreeMap<String, Patient>) -> Vec<Target> {
    let members = patients.values().flat_map(|patient| &patient.view.members);
    let mut known = BTreeMap::new();
    for member in members.filter(|member| member.is_live()) {
        if !patients.contains_key(&member.name)
            && let Ok(address) = member.address.parse()
        {
            known.insert(&member.name, Target::member(address, &member.name));
        }
    }
    known.into_values().collect()
}

/// Connects to a node and looks at all that can be told by it alone.
async fn visit(
    access: &Access,
    target: Target,
    check: &'static str,
) -> (Vec<Finding>, Option<Patient>) {
    let credentials = access.credentials();
    let place = target.address().to_string();
    let client = match credentials.connect(&target).await {
        Ok(client) => client,
        Err(error) => {
            let attempt = Attempt::failed(credentials, &target, &error);
            return (
                vec![unreached(check, &target, &error, &attempt).await],
                None,
            );
        }
    };
    let view = feed::members_of(&client).await;
    let view = view.map_err(|error| Attempt::failed(credentials, &target, &error));
    let view = view.and_then(|view| {
        View::deserialize(&view).map_err(|error| Attempt::unreadable(&target, &error))
    });
    let view = match view {
        Ok(view) => view,
        Err(attempt) => return (vec![Finding::unanswered(check, &attempt)], None),
    };
    let name = view.node.clone();
    let mut findings = vec![Finding::ok(check, &name, format!("answers at {place}"))];
    let before = clocks::now_ms();
    let snapshot = match snapshot_of(&client, credentials, &target).await {
        Ok(snapshot) => {
            let ahead = clocks::ahead_ms(before, snapshot.at_ms, clocks::now_ms());
            Some((snapshot, ahead))
        }
        Err(attempt) => {
            findings.push(Finding::warning(
                "admin",
                &name,
                format!("its clock and version are not known: {}", attempt.reason()),
                attempt.hint().unwrap_or("is the node overloaded?"),
            ));
            None
        }
    };
    findings.extend(certificate::of_client(&client));
    findings.extend(certificate::of_node(
        &client,
        &name,
        snapshot.as_ref().map(|it| &it.0),
    ));
    findings.push(packets::of(&client, &name).await);
    let patient = Patient {
        name,
        client,
        view,
        snapshot,
    };
    (findings, Some(patient))
}

/// Why a node was not reached: whoever is silent is told from whoever is not there.
async fn unreached(
    check: &'static str,
    target: &Target,
    error: &RpcError,
    attempt: &Attempt,
) -> Finding {
    let finding = Finding::unanswered(check, attempt);
    let is_silent = matches!(error, RpcError::Timeout)
        || matches!(error, RpcError::ConnectionError(error)
            if error.kind() == ConnectionErrorKind::NoAnswer);
    if !is_silent {
        return finding;
    }
    if packets::is_refused(target.address()).await {
        let text = "the host says that nothing listens at this UDP port";
        return Finding::error(
            check,
            attempt.place(),
            text,
            "start the node, or give the port that it serves at",
        );
    }
    finding.with_hint(
        "the host is down, or a firewall drops UDP to this port: let UDP through both ways \
         (TCP is of no use)",
    )
}
