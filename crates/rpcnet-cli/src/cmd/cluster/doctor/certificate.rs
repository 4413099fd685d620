//! Whether certificates are for whom they should be, and for how long.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rpcnet::{PeerIdentity, RpcClient};

use super::finding::Finding;
use crate::cmd::observe::Snapshot;

/// From here on it is time to renew.
const NEAR: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// What this command itself asks with.
pub(super) fn of_client(client: &RpcClient) -> Option<Finding> {
    let status = client.certificates();
    let end = status.not_after()?;
    let left = end.duration_since(SystemTime::now()).unwrap_or_default();
    (left < NEAR).then(|| {
        Finding::warning(
            "certificate",
            "this command",
            format!("--cert or --ca ends in {}", days(left)),
            "renew it: `rpcnet certs inspect` shows which",
        )
    })
}

/// What a node presents.
pub(super) fn of_node(client: &RpcClient, name: &str, snapshot: Option<&Snapshot>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(identity) = client.server_identity() {
        findings.push(span(name, &identity, SystemTime::now()));
        if !identity.has_name(name) {
            findings.push(Finding::error(
                "names",
                name,
                format!(
                    "its certificate is for {} and not for its name",
                    names(&identity)
                ),
                "give it a certificate that carries the node's name: other nodes and clients \
                 expect that",
            ));
        }
    }
    let told = snapshot.and_then(|snapshot| snapshot.certificate.as_ref());
    if let Some(reason) = told.and_then(|told| told.last_failure.as_ref()) {
        findings.push(Finding::warning(
            "certificate",
            name,
            format!("it could not replace its certificates: {reason}"),
            "mend the files at the node; it goes on with the old ones until they end",
        ));
    }
    let authority = told.and_then(|told| told.ca_not_after_ms);
    if let Some(end) = authority {
        let end = UNIX_EPOCH + Duration::from_millis(end);
        let left = end.duration_since(SystemTime::now()).unwrap_or_default();
        if left < NEAR {
            findings.push(Finding::warning(
                "certificate",
                name,
                format!("the CA that it trusts ends in {}", days(left)),
                "begin to replace the CA: the new one has to be trusted before it is used",
            ));
        }
    }
    findings
}

fn span(name: &str, identity: &PeerIdentity, now: SystemTime) -> Finding {
    let left = identity.not_after().duration_since(now).unwrap_or_default();
    if left < NEAR {
        return Finding::warning(
            "certificate",
            name,
            format!("its certificate ends in {}", days(left)),
            "renew it; a running node takes the new files by a reload",
        );
    }
    let text = format!("its certificate counts for another {}", days(left));
    Finding::ok("certificate", name, text)
}

fn names(identity: &PeerIdentity) -> String {
    let dns = identity.dns_names().iter().take(NAMES_SHOWN).cloned();
    let ip = identity.ip_addresses().iter().take(NAMES_SHOWN);
    let names: Vec<String> = dns.chain(ip.map(ToString::to_string)).collect();
    names.join(", ")
}

fn days(left: Duration) -> String {
    match left.as_secs() / 86_400 {
        0 => format!("{} h", left.as_secs() / 3600),
        days => format!("{days} d"),
    }
}

/// Names of each kind that are shown.
const NAMES_SHOWN: usize = 4;
