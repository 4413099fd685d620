//! A chat room over bidirectional streaming: any number of clients, one bounded queue each.
//!
//! ```text
//! cargo run -p rpcnet-examples --bin chat
//! cargo run -p rpcnet-examples --bin chat -- server --address 127.0.0.1:4433
//! cargo run -p rpcnet-examples --bin chat -- client --address 127.0.0.1:4433 ann
//! ```
//!
//! The client says each line of its standard input as `ann`, and leaves where the input ends.
#![expect(clippy::print_stdout, reason = "a program that talks to its reader")]

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_stream::stream;
use futures::{Stream, StreamExt, stream};
use rpcnet::{CallError, Carrier, Responses};
use rpcnet_examples::{ClientEnd, GRACE, Outcome, ServerEnd, run};
use serde::{Deserialize, Serialize};
use tokio::sync::{broadcast, mpsc};

/// Events that the room keeps for a guest who is slow to read.
///
/// Beyond, the oldest are dropped, and the guest is told how many: nobody waits for the slowest,
/// and the room holds no more than this however many guests there are.
pub const QUEUE_EVENTS_MAX: usize = 64;

/// The most bytes in one line.
pub const LINE_BYTES_MAX: usize = 1 << 10;

/// The most bytes in a name.
pub const NAME_BYTES_MAX: usize = 32;

/// What guests see of the room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// A guest is there; the first event that a guest sees is their own.
    Joined(String),
    /// A guest said something.
    Said {
        /// Who.
        name: String,
        /// What.
        text: String,
    },
    /// A guest is gone: they left, or their connection is lost.
    Left(String),
    /// The reader was too slow for this many events, which are lost to them.
    Missed(u64),
}

/// Why a guest is not let in, or not let go on.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub enum ChatError {
    /// Somebody by that name is there.
    NameTaken,
    /// A name has one to [`NAME_BYTES_MAX`] bytes and no control characters.
    BadName,
    /// A line has more than [`LINE_BYTES_MAX`] bytes.
    LineTooLong,
}

/// A room.
#[rpcnet::service]
pub trait Chat {
    /// Joins the room, says the lines, and leaves where they end.
    #[rpc(timeout = "24h")]
    async fn join(
        &self,
        name: String,
        lines: impl Stream<Item = String>,
    ) -> Result<impl Stream<Item = Result<Event, ChatError>>, ChatError>;
}

struct Room {
    events: broadcast::Sender<Event>,
    names: Mutex<BTreeSet<String>>,
}

impl ChatHandler for Room {
    async fn join(
        &self,
        name: String,
        mut lines: impl Stream<Item = String> + Send + Unpin,
    ) -> Result<impl Stream<Item = Result<Event, ChatError>>, ChatError> {
        let mut events = self.events.subscribe();
        // Part of the stream, which may borrow the room: however the call ends, the guest leaves.
        let seat = Seat::take(self, name)?;
        Ok(stream! {
            loop {
                let heard = tokio::select! {
                    heard = events.recv() => heard,
                    line = lines.next() => match line {
                        Some(text) if text.len() > LINE_BYTES_MAX => {
                            yield Err(ChatError::LineTooLong);
                            return;
                        }
                        Some(text) => {
                            seat.say(text);
                            continue;
                        }
                        None => break,
                    },
                };
                match heard {
                    Ok(event) => yield Ok(event),
                    Err(broadcast::error::RecvError::Lagged(events)) => yield Ok(Event::Missed(events)),
                    Err(broadcast::error::RecvError::Closed) => return,
                }
            }
            // A guest who leaves still sees what was said until then, by themselves too.
            while let Ok(event) = events.try_recv() {
                yield Ok(event);
            }
        })
    }
}

impl Room {
    fn new() -> Self {
        let (events, _) = broadcast::channel(QUEUE_EVENTS_MAX);
        Self {
            events,
            names: Mutex::default(),
        }
    }

    fn tell(&self, event: Event) {
        // An error says that the room is empty.
        let _ = self.events.send(event);
    }

    fn names(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A guest's place in the room, given up when it is dropped.
struct Seat<'a> {
    room: &'a Room,
    name: String,
}

impl<'a> Seat<'a> {
    fn take(room: &'a Room, name: String) -> Result<Self, ChatError> {
        if name.is_empty() || name.len() > NAME_BYTES_MAX || name.contains(char::is_control) {
            return Err(ChatError::BadName);
        }
        if !room.names().insert(name.clone()) {
            return Err(ChatError::NameTaken);
        }
        room.tell(Event::Joined(name.clone()));
        Ok(Self { room, name })
    }

    fn say(&self, text: String) {
        let name = self.name.clone();
        self.room.tell(Event::Said { name, text });
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.room.names().remove(&self.name);
        self.room.tell(Event::Left(self.name.clone()));
    }
}

#[tokio::main]
async fn main() -> Outcome {
    run(serve, call).await
}

async fn serve(mut end: ServerEnd) -> Outcome {
    let mut server = ChatServer::new(Room::new(), end.config());
    end.announce(server.bind()?);
    let report = server.serve_with_shutdown(end.stopped(), GRACE).await?;
    println!("shut down, {} calls cut", report.cut);
    Ok(())
}

async fn call(end: ClientEnd) -> Outcome {
    match end.rest().first() {
        Some(name) => talk(&end, name.to_string_lossy().into_owned()).await,
        None => three_guests(&end).await,
    }
}

/// A guest at a terminal.
async fn talk(end: &ClientEnd, name: String) -> Outcome {
    let chat = ChatClient::connect(end.address(), end.config()).await?;
    let mut events = chat.join(name, standard_input()).await?;
    while let Some(event) = events.next().await {
        println!("{}", event?);
    }
    Ok(())
}

/// The lines of the standard input. A read of it cannot be given up, so that a thread waits in it;
/// the thread is not waited for when the program ends.
fn standard_input() -> impl Stream<Item = String> + Send + 'static {
    let (sender, mut receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    stream::poll_fn(move |cx| receiver.poll_recv(cx))
}

/// Three guests, each with a connection of their own, and one who is not let in.
async fn three_guests(end: &ClientEnd) -> Outcome {
    let connect = || ChatClient::connect(end.address(), end.config());
    let chats = (connect().await?, connect().await?, connect().await?);
    let mut ann = Guest::join(&chats.0, "ann").await?;
    ann.hears().await?;
    let mut bob = Guest::join(&chats.1, "bob").await?;
    bob.hears().await?;
    ann.hears().await?;
    let mut cat = Guest::join(&chats.2, "cat").await?;
    for guest in [&mut ann, &mut bob, &mut cat] {
        guest.hears().await?;
    }

    match Guest::join(&chats.2, "ann").await?.events.next().await {
        Some(Err(CallError::Service(error))) => println!("a second ann: {error:?}"),
        other => return Err(format!("expected to be refused, got {other:?}").into()),
    }

    bob.says("is anybody there?").await?;
    for guest in [&mut ann, &mut bob, &mut cat] {
        guest.hears().await?;
    }

    // Bob ends his lines, so that his call ends in order. Cat drops hers.
    let Guest {
        lines, mut events, ..
    } = bob;
    drop(lines);
    println!(
        "bob's call ended in order: {}",
        events.next().await.is_none()
    );
    ann.hears().await?;
    cat.hears().await?;
    drop(cat);
    ann.hears().await
}

struct Guest {
    name: &'static str,
    lines: mpsc::Sender<String>,
    events: Responses<Event, ChatError>,
}

impl Guest {
    async fn join<C: Carrier>(chat: &ChatClient<C>, name: &'static str) -> Outcome<Self> {
        let (lines, mut said) = mpsc::channel(1);
        let said = stream::poll_fn(move |cx| said.poll_recv(cx));
        let events = chat.join(name.to_owned(), said).await?;
        Ok(Self {
            name,
            lines,
            events,
        })
    }

    async fn says(&self, text: &str) -> Outcome {
        Ok(self.lines.send(text.to_owned()).await?)
    }

    async fn hears(&mut self) -> Outcome {
        let event = self.events.next().await.ok_or("the room is closed")??;
        println!("{} hears: {event}", self.name);
        Ok(())
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Joined(name) => write!(f, "{} joined", name.escape_debug()),
            Self::Said { name, text } => {
                write!(f, "{}: {}", name.escape_debug(), text.escape_debug())
            }
            Self::Left(name) => write!(f, "{} left", name.escape_debug()),
            Self::Missed(events) => write!(f, "({events} events missed)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use rpcnet::InProcess;

    use super::*;

    #[tokio::test]
    async fn a_guest_who_does_not_read_misses_the_oldest_events_and_is_told() -> Outcome {
        let chat = ChatClient::new(InProcess::new(ChatServer::service(Room::new())));
        let mut slow = Guest::join(&chat, "slow").await?;
        slow.hears().await?;
        let mut fast = Guest::join(&chat, "fast").await?;
        fast.hears().await?;
        for number in 0..QUEUE_EVENTS_MAX {
            fast.says(&number.to_string()).await?;
            fast.hears().await?;
        }
        // The one that does not fit is the oldest: that the fast guest joined.
        assert_eq!(slow.events.next().await.expect("open")?, Event::Missed(1));
        let next = slow.events.next().await.expect("open")?;
        assert!(matches!(next, Event::Said { text, .. } if text == "0"));
        Ok(())
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_ends_the_call_and_frees_the_name() -> Outcome {
        let chat = ChatClient::new(InProcess::new(ChatServer::service(Room::new())));
        let mut guest = Guest::join(&chat, "ann").await?;
        guest.hears().await?;
        guest.says(&"x".repeat(LINE_BYTES_MAX + 1)).await?;
        let error = guest
            .events
            .next()
            .await
            .expect("an error")
            .expect_err("too long");
        assert_eq!(error.service(), Some(&ChatError::LineTooLong));
        Guest::join(&chat, "ann").await?.hears().await
    }
}
