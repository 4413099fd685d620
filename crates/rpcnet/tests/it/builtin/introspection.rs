//! Who may ask is told what there is to call, and what its messages look like.

use rpcnet::builtin::Access;
use rpcnet::{Code, CodecId, RpcClient, RpcError, codec};
use serde::Deserialize;

use crate::cluster::nodes::Cluster;
use crate::pair::{Running, echo, soon};
use crate::probe::Probe;
use crate::services::lab::{Bench, LabServer};

/// With whatever can be said of a method.
#[rpcnet::service]
pub(crate) trait Hours {
    /// When it opens.
    ///
    /// In hours since midnight.
    #[rpc(idempotent, timeout = "2s", name = "open")]
    async fn opens(&self, r#type: String) -> Result<u8, String>;
}

struct Shut;

impl HoursHandler for Shut {
    async fn opens(&self, r#type: String) -> Result<u8, String> {
        Err(r#type)
    }
}

#[derive(Debug, Deserialize)]
struct Answer {
    services: Vec<Service>,
    methods: Vec<Method>,
    next: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Service {
    name: String,
    #[serde(default)]
    doc: String,
}

#[derive(Debug, Deserialize)]
struct Method {
    method: String,
    #[serde(default)]
    service: String,
    kind: String,
    typed: bool,
    idempotent: bool,
    timeout_ms: Option<u64>,
    codecs: Vec<String>,
    fingerprint: Option<String>,
    #[serde(default)]
    doc: String,
    parameters: Option<Vec<String>>,
    requests: Option<String>,
    arguments: Option<Outline>,
    items: Option<Outline>,
    reply: Option<Outline>,
    error: Option<Outline>,
}

#[derive(Debug, Deserialize)]
struct Outline {
    root: usize,
    types: Vec<Type>,
}

#[derive(Debug, Deserialize)]
struct Type {
    kind: String,
    of: Option<usize>,
    fields: Option<Vec<Named>>,
    variants: Option<Vec<Named>>,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
    #[serde(rename = "type")]
    ty: usize,
}

impl Outline {
    fn root(&self) -> &Type {
        &self.types[self.root]
    }

    fn field(&self, name: &str) -> &Type {
        let mut fields = self.root().fields.as_ref().unwrap().iter();
        &self.types[fields.find(|field| field.name == name).unwrap().ty]
    }
}

const METHODS: &str = "rpcnet.introspection/methods";
const DESCRIBE: &str = "rpcnet.introspection/describe";

async fn served() -> (Running, RpcClient) {
    let running = Running::new(echo).await;
    running
        .server
        .add_service(LabServer::service(Bench::new(&Probe::new())));
    running.server.enable_introspection(Access::anyone()).await;
    let client = running.client().await;
    (running, client)
}

async fn asked(client: &RpcClient, method: &str, question: &str) -> Result<Answer, RpcError> {
    let answer = soon("an answer", client.call(method, question.into())).await?;
    codec::decode(CodecId::JSON, &answer)
}

impl Answer {
    fn method(&self, name: &str) -> &Method {
        let found = self.methods.iter().find(|it| it.method == name);
        found.unwrap_or_else(|| panic!("{name} is not in {self:#?}"))
    }
}

#[tokio::test]
async fn every_method_is_listed_with_what_a_caller_has_to_know() {
    let (_running, client) = served().await;
    let listed = asked(&client, METHODS, "").await.unwrap();
    let names: Vec<_> = listed.methods.iter().map(|it| &*it.method).collect();
    assert!(names.is_sorted(), "{names:?}");
    assert!(listed.next.is_none());
    let services: Vec<_> = listed.services.iter().map(|it| &*it.name).collect();
    assert_eq!(services, ["Lab", "rpcnet.introspection"]);
    assert_eq!(listed.services[0].doc, "A method of every shape.");

    let double = listed.method("Lab.double");
    assert_eq!((&*double.service, &*double.kind), ("Lab", "unary"));
    assert_eq!(double.doc, "Twice the number, up to a million.");
    assert!(double.typed && double.codecs.contains(&"postcard".to_owned()));
    assert_eq!(double.fingerprint.as_ref().unwrap().len(), 16);
    assert!(double.arguments.is_none(), "for that there is describe");
    assert_eq!(listed.method("Lab.count").kind, "server_streaming");

    let echo = listed.method("echo");
    assert_eq!((&*echo.kind, echo.typed), ("unary", false));
    assert!(echo.service.is_empty() && echo.fingerprint.is_none());
    assert_eq!(listed.method("echo_stream").kind, "streaming");
    let own = listed.method(METHODS);
    assert_eq!(
        (&*own.kind, &*own.service),
        ("unary", "rpcnet.introspection")
    );
}

#[tokio::test]
async fn a_method_is_described_with_its_messages() {
    let (_running, client) = served().await;
    let question = r#"{"name": "Lab.join"}"#;
    let described = asked(&client, DESCRIBE, question).await.unwrap();
    assert_eq!(described.methods.len(), 1);
    let join = described.method("Lab.join");
    let parameters = join.parameters.as_ref().unwrap();
    assert_eq!(parameters, &["left", "right", "times"]);
    let arguments = join.arguments.as_ref().unwrap();
    assert_eq!(arguments.field("left").kind, "string");
    assert_eq!(arguments.field("times").kind, "u8");
    assert_eq!(join.reply.as_ref().unwrap().root().kind, "string");
    let error = join.error.as_ref().unwrap().root();
    let variants = error.variants.as_ref().unwrap().iter();
    let variants: Vec<_> = variants.map(|variant| &*variant.name).collect();
    assert_eq!(variants, ["TooLarge", "Noted", "Empty"]);
    assert!(join.items.is_none() && join.requests.is_none());
}

#[tokio::test]
async fn what_the_definition_says_of_a_method_is_told() {
    let running = Running::new(echo).await;
    running.server.add_service(HoursServer::service(Shut));
    running.server.enable_introspection(Access::anyone()).await;
    let client = running.client().await;
    let question = r#"{"name": "Hours.open"}"#;
    let described = asked(&client, DESCRIBE, question).await.unwrap();
    assert_eq!(
        described.services[0].doc,
        "With whatever can be said of a method."
    );
    let open = described.method("Hours.open");
    assert!(open.idempotent);
    assert_eq!(open.timeout_ms, Some(2_000));
    assert_eq!(open.doc, "When it opens.\n\nIn hours since midnight.");
    assert_eq!(open.parameters.as_ref().unwrap(), &["type"]);
}

#[tokio::test]
async fn a_type_that_contains_itself_is_there_once() {
    let (_running, client) = served().await;
    let question = r#"{"name": "Lab.mirror"}"#;
    let described = asked(&client, DESCRIBE, question).await.unwrap();
    let mirror = described.method("Lab.mirror").arguments.as_ref().unwrap();
    let next = mirror.field("next");
    assert_eq!((&*next.kind, next.of), ("option", Some(mirror.root)));
}

#[tokio::test]
async fn a_service_is_described_with_all_its_methods_and_no_others() {
    let (_running, client) = served().await;
    let question = r#"{"name": "Lab"}"#;
    let listed = asked(&client, METHODS, question).await.unwrap();
    let described = asked(&client, DESCRIBE, question).await.unwrap();
    assert_eq!(listed.methods.len(), described.methods.len());
    assert!(described.methods.iter().all(|it| it.service == "Lab"));
    for method in &described.methods {
        let streams = ["client_streaming", "bidirectional"].contains(&&*method.kind);
        assert_eq!(method.items.is_some(), streams, "{method:?}");
        assert_eq!(method.requests.is_some(), streams, "{method:?}");
        assert!(method.reply.is_some() && method.error.is_some());
    }
    let again = asked(&client, DESCRIBE, question).await.unwrap();
    assert_eq!(again.methods.len(), described.methods.len());
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let (_running, client) = served().await;
    for method in [METHODS, DESCRIBE] {
        let refused = asked(&client, method, r#"{"name": "Nowhere"}"#).await;
        let Err(RpcError::Status(status)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(status.code, Code::NotFound);
        let refused = asked(&client, method, "Lab").await;
        let Err(RpcError::Status(status)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(status.code, Code::InvalidArgument);
    }
}

#[tokio::test]
async fn a_long_list_is_told_in_parts_of_bounded_length() {
    let running = Running::new(echo).await;
    running.server.enable_introspection(Access::anyone()).await;
    for number in 0..3_000 {
        let name = format!("{}.{number:04}", "x".repeat(100));
        running
            .server
            .register(&name, |payload| async move { Ok(payload) })
            .await;
    }
    let client = running.client().await;
    let (mut after, mut names, mut parts) = (String::new(), Vec::new(), 0);
    loop {
        let question = format!("{{\"after\": {after:?}}}");
        let answer = soon("an answer", client.call(METHODS, question.into())).await;
        let answer = answer.unwrap();
        assert!(answer.len() < (256 << 10) + 4096, "{}", answer.len());
        let part: Answer = codec::decode(CodecId::JSON, &answer).unwrap();
        names.extend(part.methods.into_iter().map(|it| it.method));
        parts += 1;
        match part.next {
            Some(next) => after = next,
            None => break,
        }
    }
    assert!(parts > 1, "{parts}");
    assert_eq!(names.len(), 3_000 + 4);
    assert!(names.is_sorted());
}

#[tokio::test]
async fn every_method_of_the_library_is_listed_with_what_it_does() {
    let cluster = Cluster::new();
    let node = cluster.start("a").await;
    node.server.enable_health(Access::anyone()).await;
    node.server.enable_admin(Access::anyone()).await;
    node.server.enable_introspection(Access::anyone()).await;
    let client = RpcClient::connect(node.addr, cluster.client("alice"));
    let listed = asked(&client.await.unwrap(), METHODS, "").await.unwrap();
    assert_eq!(listed.services.len(), 4);
    assert_eq!(listed.methods.len(), 12);
    for method in &listed.methods {
        let streams = method.method.ends_with("/watch");
        let kind = if streams { "server_streaming" } else { "unary" };
        assert_eq!(method.kind, kind, "{method:?}");
        assert!(
            !method.doc.is_empty() && !method.service.is_empty(),
            "{method:?}"
        );
    }
}

#[tokio::test]
async fn only_those_who_may_ask_are_told() {
    let cluster = Cluster::new();
    let node = cluster.start("a").await;
    node.server.enable_introspection(Access::verified()).await;
    let known = RpcClient::connect(node.addr, cluster.client("alice"));
    let listed = asked(&known.await.unwrap(), METHODS, "").await.unwrap();
    let members = listed.method("rpcnet.cluster/members");
    assert!(!members.typed);
    let unknown = RpcClient::connect(node.addr, cluster.anonymous());
    let refused = asked(&unknown.await.unwrap(), METHODS, "").await;
    let Err(RpcError::Status(status)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(status.code, Code::Unauthenticated);
}
