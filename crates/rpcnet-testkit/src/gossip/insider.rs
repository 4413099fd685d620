//! A member that says what a test tells it to.

use super::peer::{GossipPeer, GossipStream, Listener, control_stream, hello, message};
use super::{ALPN, Forger, REMEMBERED_MAX};
use crate::raw::{
    ClientAuth, RawCall, RawError, RawIdentity, RawSender, RawServer, RawServerConfig, RawTls,
    WAIT_MAX,
};
use rpcnet_proto::swim::{Body, Message, NodeName, Record, Statement, Update, Version};
use rpcnet_proto::wire::{GossipEvent, StreamKind};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::Mutex as AsyncMutex;
use tokio::task::AbortHandle;

/// A member with a certificate and a port, which listens, remembers, and speaks when told.
///
/// Pings are answered, and doubts of itself too, so that it stays a member; nothing else is done
/// unasked.
/// Dropped, it is gone.
#[derive(Debug)]
pub struct Insider {
    server: RawServer,
    shared: Arc<Shared>,
    identity: RawIdentity,
    ca_pem: String,
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Shared {
    name: String,
    cluster: String,
    lies: AtomicBool,
    forger: Forger,
    /// What it says of itself.
    own: Mutex<Arc<Record>>,
    /// Newest last, of every name.
    records: Mutex<BTreeMap<NodeName, Vec<Arc<Record>>>>,
    heard: Mutex<Vec<Message>>,
    count: AtomicU64,
}

/// A link that the insider has opened.
#[derive(Debug)]
struct Line {
    sender: Arc<AsyncMutex<RawSender>>,
    task: AbortHandle,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Insider {
    /// Listens on a free port of the loopback; nobody knows of it yet.
    ///
    /// # Errors
    ///
    /// The certificates make no sense, or no port is free.
    ///
    /// # Panics
    ///
    /// Panics where the name is not a legal one.
    pub fn new(
        name: &str,
        cluster: &str,
        ca_pem: &str,
        identity: &RawIdentity,
    ) -> Result<Self, RawError> {
        let forger = Forger::new(identity, cluster).map_err(RawError::Setup)?;
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let own = forger.record(name, Version::default(), nowhere);
        let shared = Arc::new(Shared {
            forger,
            own: Mutex::new(own),
            name: name.to_owned(),
            cluster: cluster.to_owned(),
            lies: AtomicBool::new(false),
            records: Mutex::default(),
            heard: Mutex::default(),
            count: AtomicU64::new(0),
        });
        let mut config = RawServerConfig::new(RawTls {
            ca_pem: ca_pem.to_owned(),
            identity: Some(identity.clone()),
            server_name: String::new(),
            alpn: vec![ALPN.to_owned()],
        });
        config.client_auth = ClientAuth::Required;
        config.greeting = control_stream();
        let serving = Arc::clone(&shared);
        let server = RawServer::serve(&config, move |call| {
            let shared = Arc::clone(&serving);
            async move { shared.accept(call).await }
        })?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let epoch = since.unwrap_or_default().as_millis() as u64;
        let at = server.addr();
        shared.restate(|own| {
            own.version = Version {
                epoch,
                incarnation: 0,
            };
            own.address = at;
        });
        Ok(Self {
            server,
            shared,
            identity: identity.clone(),
            ca_pem: ca_pem.to_owned(),
            lines: Vec::new(),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// What signs in its name.
    #[must_use]
    pub fn forger(&self) -> &Forger {
        &self.shared.forger
    }

    /// What it says of itself now.
    #[must_use]
    pub fn record(&self) -> Arc<Record> {
        lock(&self.shared.own).clone()
    }

    /// Says something newer of itself, signed; it is for the test to send it.
    ///
    /// # Panics
    ///
    /// As [`Forger::sign`].
    #[must_use]
    pub fn restate(&self, change: impl FnOnce(&mut Statement)) -> Arc<Record> {
        self.shared.restate(change)
    }

    /// Opens a link to a node, which knows it by its certificate; what comes on it is remembered.
    /// Returns its number, from 0.
    ///
    /// # Errors
    ///
    /// As [`GossipPeer::connect`] and [`GossipPeer::link`].
    ///
    /// # Cancel safety
    ///
    /// The attempt is given up.
    pub async fn link(&mut self, node: SocketAddr, server_name: &str) -> Result<usize, RawError> {
        let identity = Some(&self.identity);
        let peer = GossipPeer::connect(node, &self.ca_pem, identity, server_name).await?;
        let stream = peer.link(&self.shared.cluster, &self.shared.name).await?;
        let (listener, sender) = stream.split();
        let sender = Arc::new(AsyncMutex::new(sender));
        let shared = Arc::clone(&self.shared);
        let answers = Arc::clone(&sender);
        let task = tokio::spawn(shared.attend(peer, listener, answers));
        self.lines.push(Line {
            sender,
            task: task.abort_handle(),
        });
        Ok(self.lines.len() - 1)
    }

    /// How many links were opened.
    #[must_use]
    pub fn links(&self) -> usize {
        self.lines.len()
    }

    /// Sends a message on a link.
    ///
    /// # Errors
    ///
    /// The link is gone, or the node does not read: [`RawSender::write`].
    ///
    /// # Panics
    ///
    /// Panics where there is no link of this number.
    ///
    /// # Cancel safety
    ///
    /// All of it was taken or nothing.
    pub async fn say(&self, link: usize, said: &Message) -> Result<(), RawError> {
        self.write(link, &message(said)).await
    }

    /// Sends a message on every link; one that is gone is passed over.
    ///
    /// # Cancel safety
    ///
    /// Some have it by then.
    pub async fn say_all(&self, said: &Message) {
        let bytes = message(said);
        for link in 0..self.lines.len() {
            let _ = self.write(link, &bytes).await;
        }
    }

    /// Sends any bytes on a link.
    ///
    /// # Errors
    ///
    /// As [`say`](Self::say).
    ///
    /// # Panics
    ///
    /// As [`say`](Self::say).
    ///
    /// # Cancel safety
    ///
    /// As [`say`](Self::say).
    pub async fn write(&self, link: usize, bytes: &[u8]) -> Result<(), RawError> {
        self.lines[link].sender.lock().await.write(bytes).await
    }

    /// Whether, asked to ping for others, it claims at once to have had an answer.
    pub fn lie_as_relay(&self, does: bool) {
        self.shared.lies.store(does, Ordering::Relaxed);
    }

    /// Every record of this name that it has heard, oldest first, each once.
    #[must_use]
    pub fn records_of(&self, name: &str) -> Vec<Arc<Record>> {
        let records = lock(&self.shared.records);
        let found = NodeName::new(name).ok().and_then(|name| records.get(&name));
        found.cloned().unwrap_or_default()
    }

    /// The newest record of this name that it has heard.
    #[must_use]
    pub fn newest_of(&self, name: &str) -> Option<Arc<Record>> {
        self.records_of(name)
            .into_iter()
            .max_by_key(|record| record.version())
    }

    /// The messages that it has heard and not handed out yet.
    #[must_use]
    pub fn take_heard(&self) -> Vec<Message> {
        std::mem::take(&mut *lock(&self.shared.heard))
    }

    /// How many messages it has heard.
    #[must_use]
    pub fn heard_count(&self) -> u64 {
        self.shared.count.load(Ordering::Relaxed)
    }
}

impl Shared {
    /// A stream that a node opened on a connection of its own.
    async fn accept(self: Arc<Self>, call: RawCall) {
        let mut stream = call.stream;
        let Ok(first) = stream.receiver.read_chunk(ATTENDS).await else {
            return;
        };
        if first.first() != Some(&StreamKind::Gossip.to_byte()) {
            // It serves nobody: whoever calls it gets what is no response.
            let _ = stream.sender.write(NO_RESPONSE).await;
            return;
        }
        let (mut listener, sender) = GossipStream::begun(stream, first).split();
        let sender = Arc::new(AsyncMutex::new(sender));
        self.listen(&mut listener, &sender, true).await;
    }

    /// A link of this side's own, and the streams that the node opens beside it.
    async fn attend(
        self: Arc<Self>,
        mut peer: GossipPeer,
        mut listener: Listener,
        sender: Arc<AsyncMutex<RawSender>>,
    ) {
        let accepting = async {
            loop {
                let Ok(stream) = peer.accept(ATTENDS).await else {
                    return;
                };
                let (mut listener, own) = stream.split();
                let (shared, sender) = (Arc::clone(&self), Arc::clone(&sender));
                tokio::spawn(async move {
                    // Dropped at the end, the own half finishes, as the protocol wants it.
                    let _own = own;
                    shared.listen(&mut listener, &sender, false).await;
                });
            }
        };
        tokio::join!(accepting, self.listen(&mut listener, &sender, false));
    }

    async fn listen(
        &self,
        listener: &mut Listener,
        sender: &Arc<AsyncMutex<RawSender>>,
        greets: bool,
    ) {
        while let Ok(Some(event)) = listener.hear(ATTENDS).await {
            match event {
                GossipEvent::Hello(theirs) if greets && theirs.is_link => {
                    let bytes = hello(&self.cluster, &self.name, true);
                    let _ = sender.lock().await.write(&bytes).await;
                }
                GossipEvent::Message(body) => {
                    let Ok(said) = Message::decode(body) else {
                        continue;
                    };
                    let answers = self.answer_to(&said.body).into_iter();
                    for answer in answers.map(Message::new).chain(self.refute(&said)) {
                        let answer = message(&answer);
                        let writing = async { sender.lock().await.write(&answer).await };
                        let _ = tokio::time::timeout(WAIT_MAX, writing).await;
                    }
                    self.remember(said);
                }
                _ => {}
            }
        }
    }

    fn restate(&self, change: impl FnOnce(&mut Statement)) -> Arc<Record> {
        let mut own = lock(&self.own);
        let mut statement = own.statement().clone();
        statement.version = statement.version.next().unwrap_or_default();
        change(&mut statement);
        *own = self.forger.sign(statement);
        Arc::clone(&own)
    }

    /// The answer to a doubt: something newer, or what the doubter has not heard yet.
    fn refute(&self, said: &Message) -> Option<Message> {
        let own = lock(&self.own).clone();
        let doubts = said.updates.iter().filter_map(|update| match update {
            Update::Vote(vote) if vote.name == *own.name() => Some(vote.version),
            _ => None,
        });
        let doubted = doubts.max().filter(|_| !own.is_left())?;
        let record = if doubted < own.version() {
            own
        } else {
            self.restate(|_| {})
        };
        Some(Message {
            body: Body::Gossip,
            updates: vec![Update::Record(record)],
        })
    }

    fn answer_to(&self, body: &Body) -> Option<Body> {
        match body {
            Body::Ping { nonce, .. } => Some(Body::Ack { nonce: *nonce }),
            Body::PingReq { nonce, .. } if self.lies.load(Ordering::Relaxed) => {
                Some(Body::ForwardedAck { nonce: *nonce })
            }
            _ => None,
        }
    }

    fn remember(&self, said: Message) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let mut records = lock(&self.records);
        for record in said.records() {
            let of_name = records.entry(record.name().clone()).or_default();
            if of_name.len() < REMEMBERED_MAX && !of_name.iter().any(|held| held == record) {
                of_name.push(Arc::clone(record));
            }
        }
        drop(records);
        let mut heard = lock(&self.heard);
        if heard.len() < REMEMBERED_MAX {
            heard.push(said);
        }
    }
}

/// Length 5, a type that no frame has, and four bytes more.
const NO_RESPONSE: &[u8] = &[5, 0x3f, 0xde, 0xad, 0xbe, 0xef];

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Longer than any test: what is attended to ends with its connection.
const ATTENDS: Duration = Duration::from_secs(600);
