//! The methods by which clients without a part in the cluster ask about it.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use rpcnet_proto::{CallKind, Code, CodecId};
use serde::Serialize;

use super::event::ClusterEvent;
use super::member::Member;
use super::membership::ClusterMembership;
use super::subscription::ClusterEvents;
use crate::codec;
use crate::context::CallContext;
use crate::error::RpcError;
use crate::server::RpcServer;
use crate::server::about::Builtin;

/// Adds the methods to the server. They answer for as long as the membership is there.
pub(super) async fn register(
    server: &RpcServer,
    cluster: String,
    membership: &Arc<ClusterMembership>,
) {
    let source = Source {
        cluster: cluster.into(),
        membership: Arc::downgrade(membership),
    };
    let members = source.clone();
    server
        .register_bytes(MEMBERS, move |context, _| {
            let answered = check(&context).and_then(|()| members.view());
            std::future::ready(answered)
        })
        .await;
    server
        .register_streaming_with_context(WATCH, move |context, _requests| {
            std::future::ready(Watch::new(check(&context), source.clone()))
        })
        .await;
    server.describe(SERVICE, SERVICE_DOC, &BUILTINS);
}

/// Who presents a verified certificate may ask.
fn check(context: &CallContext) -> Result<(), RpcError> {
    match context.peer_identity() {
        Some(_) => Ok(()),
        None => Err(RpcError::status(
            Code::Unauthenticated,
            "questions about the cluster need a client certificate of its CA",
        )),
    }
}

#[derive(Clone, Debug)]
struct Source {
    cluster: Arc<str>,
    membership: Weak<ClusterMembership>,
}

impl Source {
    fn membership(&self) -> Result<Arc<ClusterMembership>, RpcError> {
        let gone = || RpcError::status(Code::Unavailable, "this node is no member any more");
        self.membership.upgrade().ok_or_else(gone)
    }

    fn view(&self) -> Result<Bytes, RpcError> {
        let membership = self.membership()?;
        let view = membership.view();
        let quorum = view.quorum();
        encode(&ViewJson {
            cluster: &self.cluster,
            node: membership.name().as_str(),
            revision: view.revision(),
            quorum: QuorumJson {
                known: quorum.known,
                reachable: quorum.reachable,
                suspects: quorum.suspects,
                side: format!("{:?}", quorum.side),
                side_expected: format!("{:?}", quorum.side_expected),
                stable: quorum.stable,
            },
            members: view.members().iter().map(MemberJson::new).collect(),
        })
    }
}

/// The view, then every event; after a lag, the view again.
#[derive(Debug)]
struct Watch {
    source: Source,
    events: Option<ClusterEvents>,
    ready: VecDeque<Result<Vec<u8>, RpcError>>,
}

impl Watch {
    fn new(checked: Result<(), RpcError>, source: Source) -> Self {
        let mut watch = Self {
            source,
            events: None,
            ready: VecDeque::new(),
        };
        match checked.and_then(|()| watch.source.membership()) {
            Ok(membership) => {
                // Subscribed before the view is taken, so that nothing falls between.
                watch.events = Some(membership.subscribe());
                watch.push_view();
            }
            Err(error) => watch.fail(error),
        }
        watch
    }

    fn push_view(&mut self) {
        match self.source.view() {
            Ok(view) => self.ready.push_back(Ok(view.into())),
            Err(error) => self.fail(error),
        }
    }

    fn push(&mut self, event: &ClusterEvent) {
        match encode(&EventJson::new(event)) {
            Ok(event) => self.ready.push_back(Ok(event.into())),
            Err(error) => self.fail(error),
        }
    }

    fn fail(&mut self, error: RpcError) {
        self.ready.push_back(Err(error));
        self.events = None;
    }
}

impl Stream for Watch {
    type Item = Result<Vec<u8>, RpcError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Poll::Ready(Some(ready));
            }
            let Some(events) = &mut self.events else {
                return Poll::Ready(None);
            };
            match Pin::new(events).poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => self.events = None,
                Poll::Ready(Some(event)) => {
                    self.push(&event);
                    if matches!(event, ClusterEvent::Lagged { .. }) {
                        self.push_view();
                    }
                }
            }
        }
    }
}

fn encode(value: &impl Serialize) -> Result<Bytes, RpcError> {
    codec::encode(CodecId::JSON, value)
}

#[derive(Serialize)]
struct ViewJson<'a> {
    cluster: &'a str,
    node: &'a str,
    revision: u64,
    quorum: QuorumJson,
    members: Vec<MemberJson<'a>>,
}

#[derive(Serialize)]
struct QuorumJson {
    known: usize,
    reachable: usize,
    suspects: usize,
    side: String,
    side_expected: String,
    stable: bool,
}

#[derive(Serialize)]
struct MemberJson<'a> {
    name: &'a str,
    address: String,
    state: String,
    tags: BTreeMap<&'a str, &'a str>,
    epoch: u64,
    incarnation: u64,
    #[serde(rename = "self")]
    is_self: bool,
}

impl<'a> MemberJson<'a> {
    fn new(member: &'a Member) -> Self {
        Self {
            name: member.name().as_str(),
            address: member.address().to_string(),
            state: member.state().to_string(),
            tags: member.tags().iter().collect(),
            epoch: member.epoch(),
            incarnation: member.incarnation(),
            is_self: member.is_self(),
        }
    }
}

/// An event; what does not belong to it is left out.
#[derive(Default, Serialize)]
struct EventJson<'a> {
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<MemberJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<MemberJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reporter: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    yields: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phi: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    incarnation: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<EvidenceJson>,
}

#[derive(Serialize)]
struct EvidenceJson {
    known: usize,
    alive: usize,
    suspects: usize,
    failed: usize,
    reporters: usize,
    lasted_ms: u64,
    isolated: bool,
    side: String,
}

impl<'a> EventJson<'a> {
    fn new(event: &'a ClusterEvent) -> Self {
        let mut json = Self {
            event: name_of(event),
            member: event.member().map(MemberJson::new),
            ..Self::default()
        };
        match event {
            ClusterEvent::NodeSuspected { reporter, .. } => {
                json.reporter = Some(reporter.as_str());
            }
            ClusterEvent::NodeTagsUpdated { before, .. }
            | ClusterEvent::NodeMoved { before, .. } => {
                json.before = Some(MemberJson::new(before));
            }
            ClusterEvent::NodeUnreachable { phi, .. } => json.phi = Some(*phi),
            ClusterEvent::Refuted { incarnation } => json.incarnation = Some(*incarnation),
            ClusterEvent::PartitionSuspected(evidence)
            | ClusterEvent::PartitionHealed(evidence) => {
                json.evidence = Some(EvidenceJson {
                    known: evidence.known,
                    alive: evidence.alive,
                    suspects: evidence.suspects,
                    failed: evidence.failed,
                    reporters: evidence.reporters,
                    lasted_ms: u64::try_from(evidence.lasted.as_millis()).unwrap_or(u64::MAX),
                    isolated: evidence.isolated,
                    side: format!("{:?}", evidence.side),
                });
            }
            ClusterEvent::NameConflict { name, yields } => {
                json.name = Some(name.as_str());
                json.yields = Some(*yields);
            }
            ClusterEvent::Lagged { missed } => json.missed = Some(*missed),
            _ => {}
        }
        json
    }
}

const fn name_of(event: &ClusterEvent) -> &'static str {
    match event {
        ClusterEvent::NodeJoined(_) => "NodeJoined",
        ClusterEvent::NodeLeft(_) => "NodeLeft",
        ClusterEvent::NodeFailed(_) => "NodeFailed",
        ClusterEvent::NodeRecovered(_) => "NodeRecovered",
        ClusterEvent::NodeRestarted(_) => "NodeRestarted",
        ClusterEvent::NodeSuspected { .. } => "NodeSuspected",
        ClusterEvent::NodeCleared(_) => "NodeCleared",
        ClusterEvent::NodeTagsUpdated { .. } => "NodeTagsUpdated",
        ClusterEvent::NodeMoved { .. } => "NodeMoved",
        ClusterEvent::NodeUnreachable { .. } => "NodeUnreachable",
        ClusterEvent::NodeReachable(_) => "NodeReachable",
        ClusterEvent::Refuted { .. } => "Refuted",
        ClusterEvent::PartitionSuspected(_) => "PartitionSuspected",
        ClusterEvent::PartitionHealed(_) => "PartitionHealed",
        ClusterEvent::NameConflict { .. } => "NameConflict",
        ClusterEvent::MembersFull => "MembersFull",
        ClusterEvent::Lagged { .. } => "Lagged",
    }
}

const MEMBERS: &str = "rpcnet.cluster/members";
const WATCH: &str = "rpcnet.cluster/watch";

const SERVICE: &str = "rpcnet.cluster";
const SERVICE_DOC: &str = "The cluster that the server is a node of, as that node sees it.";

const BUILTINS: [Builtin; 2] = [
    Builtin {
        method: MEMBERS,
        kind: CallKind::Unary,
        doc: "The members. Takes nothing.",
    },
    Builtin {
        method: WATCH,
        kind: CallKind::ServerStreaming,
        doc: "The members, then what happens to them. Takes nothing.",
    },
];
