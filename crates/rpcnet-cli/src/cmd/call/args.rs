//! [`Args`]: the command line.

use std::path::PathBuf;
use std::time::Duration;

use rpcnet::{CallKind, CodecId, Metadata};

use crate::cmd::access::ServerAccess;
use crate::cmd::codec::Codec;
use crate::cmd::metadata::parse_entry;
use crate::cmd::parse_duration;

/// Call a method of a server, and print what it answers.
///
/// What the method takes and how it streams is asked of the server first, where it tells
/// (`enable_introspection`); the JSON is then checked before it is sent. Where the server does not
/// tell, the method is taken for unary, and JSON is sent as it is.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) access: ServerAccess,
    /// The method, such as Billing.charge.
    #[arg(value_name = "METHOD")]
    pub(super) method: String,
    /// The arguments: a value where the method has one, an object of them by name where it has several.
    /// `-` reads it from standard input.
    #[arg(value_name = "JSON", allow_negative_numbers = true)]
    pub(super) payload: Option<String>,
    /// Read the arguments, or with --raw the bytes, from a file.
    #[arg(long, value_name = "FILE", conflicts_with = "payload")]
    pub(super) file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) shape: Shape,
    /// Something to send along with the call; may be repeated.
    #[arg(long = "metadata", value_name = "KEY=VALUE", value_parser = parse_entry)]
    pub(super) metadata: Vec<(String, String)>,
    /// How long the call may take, such as 500ms or 2s [default: what the method says, else 30s, and
    /// an hour where it streams].
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(super) deadline: Option<Duration>,
    /// Send and print bytes as they are, without a word about JSON.
    #[arg(long)]
    pub(super) raw: bool,
    /// What the bytes of --raw are written in [default: raw].
    #[arg(long, value_name = "CODEC", requires = "raw")]
    pub(super) codec: Option<Codec>,
    /// Send JSON that does not fit the method all the same.
    #[arg(long)]
    pub(super) no_check: bool,
    /// Print one line of JSON for each response, and errors as JSON too.
    #[arg(long, conflicts_with = "raw")]
    pub(super) json: bool,
    /// Say on standard error what took how long.
    #[arg(long, short)]
    pub(super) verbose: bool,
}

const EXAMPLES: &str = "Examples (certificates left out):
  rpcnet call localhost:4433 Greeting.greet '\"world\"' ...
  rpcnet call localhost:4433 Billing.charge '{\"customer\": 7, \"cents\": 1250}' --deadline 2s ...
  rpcnet call localhost:4433 Billing.charge - --metadata tenant=blue ... < charge.json
  rpcnet call localhost:4433 Feed.follow --json ... | jq .price
  rpcnet call localhost:4433 Stats.sum ... < numbers.jsonl
  rpcnet call localhost:4433 thumbnail --raw --file photo.jpg ... > small.jpg

A stream of requests is read from standard input, one JSON value a line. Where such a method takes
arguments too they are JSON, and `-` takes them from the first line. Responses that stream are printed
one a line, as they come. With --raw, a stream of requests is one message, and responses are printed
one after the other.

Ctrl-C cancels the call. --verbose tells what can be seen from here: what of the time to the first
response the server took itself is not told to clients.

Exit code: 0 answered, 1 failed (standard error says why), 2 misused.";

/// How the method streams, for servers that do not tell.
#[derive(clap::Args, Clone, Copy, Debug)]
#[group(multiple = false)]
pub(super) struct Shape {
    /// One request, one response; does not ask the server what the method is.
    #[arg(long)]
    unary: bool,
    /// One request, a stream of responses.
    #[arg(long)]
    server_streaming: bool,
    /// A stream of requests, one response.
    #[arg(long)]
    client_streaming: bool,
    /// Streams both ways.
    #[arg(long)]
    bidirectional: bool,
}

impl Shape {
    /// The kind that was asked for.
    pub(super) fn kind(self) -> Option<CallKind> {
        let kinds = [
            (self.unary, CallKind::Unary),
            (self.server_streaming, CallKind::ServerStreaming),
            (self.client_streaming, CallKind::ClientStreaming),
            (self.bidirectional, CallKind::Bidirectional),
        ];
        let (_, kind) = kinds.into_iter().find(|(is_given, _)| *is_given)?;
        Some(kind)
    }

    /// The option for a kind.
    pub(super) fn option(kind: CallKind) -> &'static str {
        match kind {
            CallKind::Unary => "--unary",
            CallKind::ServerStreaming => "--server-streaming",
            CallKind::ClientStreaming => "--client-streaming",
            CallKind::Bidirectional => "--bidirectional",
        }
    }
}

impl Args {
    /// What the payloads are written in.
    pub(super) fn codec(&self) -> CodecId {
        match self.codec {
            Some(codec) => codec.id(),
            None if self.raw => CodecId::RAW,
            None => CodecId::JSON,
        }
    }

    /// What is sent along.
    pub(super) fn metadata(&self) -> Metadata {
        let mut metadata = Metadata::new();
        for (key, value) in &self.metadata {
            // Each was accepted by itself; too many of them are refused by the call.
            let _ = metadata.insert(key, value.clone());
        }
        metadata
    }
}
