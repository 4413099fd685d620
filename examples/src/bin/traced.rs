//! One trace through three processes: a client calls a front, which calls a back.
//!
//! ```text
//! traced back  --certs certs                             # says where it serves
//! traced front --certs certs --back 127.0.0.1:PORT       # calls the back
//! traced client --certs certs --address 127.0.0.1:PORT   # calls the front
//! ```
//!
//! Each writes the spans that it has finished as lines of JSON to the file of `--spans`, or to
//! standard error. rpcnet is built with its feature `opentelemetry`; the rest is what any program
//! does that uses `tracing-opentelemetry`: see [`install`]. In yours the exporter is that of your
//! collector.

use std::fs::File;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use rpcnet::{CallOptions, RpcClient, RpcConfig, RpcServer};
use rpcnet_examples::Outcome;
use serde_json::json;
use tracing::{Instrument, info_span};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    role: Role,
}

#[derive(Subcommand)]
enum Role {
    /// Answers.
    Back {
        #[command(flatten)]
        common: Common,
        /// Where to serve.
        #[arg(long, default_value = "127.0.0.1:0")]
        bind: SocketAddr,
        /// Enter calls and never answer them.
        #[arg(long)]
        hold: bool,
    },
    /// Asks the back before it answers.
    Front {
        #[command(flatten)]
        common: Common,
        /// Where the back serves.
        #[arg(long)]
        back: SocketAddr,
    },
    /// Asks the front once.
    Client {
        #[command(flatten)]
        common: Common,
        /// Where the front serves.
        #[arg(long)]
        address: SocketAddr,
    },
}

#[derive(Args)]
struct Common {
    /// Where certificates are; made if there are none.
    #[arg(long)]
    certs: PathBuf,
    /// Where spans are written.
    #[arg(long)]
    spans: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Outcome {
    match Cli::parse().role {
        Role::Back { common, bind, hold } => back(&common, bind, hold).await,
        Role::Front { common, back } => front(&common, back).await,
        Role::Client { common, address } => client(&common, address).await,
    }
}

async fn back(common: &Common, bind: SocketAddr, hold: bool) -> Outcome {
    let _exported = install(common, "back")?;
    let server = RpcServer::new(common.server(bind)?);
    let answer = move |question: Vec<u8>| async move {
        say("entered")?;
        if hold {
            std::future::pending::<()>().await;
        }
        // What a handler does is within the span of its call.
        let answer = info_span!("thinking").in_scope(|| question.len());
        Ok(answer.to_string().into_bytes())
    };
    server.register("back/answer", answer).await;
    serve(server).await
}

async fn front(common: &Common, back: SocketAddr) -> Outcome {
    let _exported = install(common, "front")?;
    let back = RpcClient::new(back, common.client())?;
    let server = RpcServer::new(common.server(([127, 0, 0, 1], 0).into())?);
    let relay = move |question| {
        let back = back.clone();
        // Lost with its server, the call is made again: another attempt in the same trace.
        let options = CallOptions::new().idempotent();
        async move { back.call_with("back/answer", question, options).await }
    };
    server.register("front/ask", relay).await;
    serve(server).await
}

async fn client(common: &Common, address: SocketAddr) -> Outcome {
    let exported = install(common, "client")?;
    let client = RpcClient::connect(address, common.client()).await?;
    let asking = client.call("front/ask", b"how long is this?".to_vec());
    let answer = asking.instrument(info_span!("asking")).await?;
    say(&String::from_utf8_lossy(&answer))?;
    drop(client);
    Ok(exported.shutdown()?)
}

/// Serves until the process is ended.
async fn serve(mut server: RpcServer) -> Outcome {
    let quic_server = server.bind()?;
    let address = server.socket_addr.ok_or("bound to no address")?;
    say(&format!("serving on {address}"))?;
    Ok(server.start(quic_server).await?)
}

impl Common {
    fn server(&self, bind: SocketAddr) -> Outcome<RpcConfig> {
        if !self.certs.join("ca.pem").exists() {
            rpcnet::certs::dev_certificates(&self.certs)?;
        }
        let config = RpcConfig::new(self.certs.join("server.pem"), bind.to_string());
        Ok(config.with_key_path(self.certs.join("server-key.pem")))
    }

    fn client(&self) -> RpcConfig {
        RpcConfig::new(self.certs.join("ca.pem"), "127.0.0.1:0")
            .with_keep_alive_interval(Duration::from_millis(100))
    }
}

/// Collects spans with OpenTelemetry, under the name of this service.
fn install(common: &Common, service: &'static str) -> Outcome<SdkTracerProvider> {
    let out: Box<dyn Write + Send> = match &common.spans {
        Some(path) => Box::new(File::options().append(true).create(true).open(path)?),
        None => Box::new(io::stderr()),
    };
    let exporter = JsonLines {
        service,
        out: Mutex::new(out),
    };
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter)
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer(service));
    tracing_subscriber::registry().with(layer).try_init()?;
    Ok(provider)
}

/// Writes each span as a line of JSON.
struct JsonLines {
    service: &'static str,
    out: Mutex<Box<dyn Write + Send>>,
}

impl std::fmt::Debug for JsonLines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JsonLines").finish_non_exhaustive()
    }
}

impl SpanExporter for JsonLines {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let mut out = self.out.lock().unwrap_or_else(|it| it.into_inner());
        for span in batch {
            let attributes = span.attributes.iter().map(|it| {
                let value = it.value.as_str().into_owned();
                (it.key.to_string(), value.into())
            });
            let attributes: serde_json::Map<_, _> = attributes.collect();
            let line = json!({
                "service": self.service,
                "name": span.name,
                "kind": format!("{:?}", span.span_kind),
                "trace": span.span_context.trace_id().to_string(),
                "span": span.span_context.span_id().to_string(),
                "parent": span.parent_span_id.to_string(),
                "attributes": attributes,
            });
            // A span that cannot be written is lost, as spans are.
            let _ = writeln!(out, "{line}").and_then(|()| out.flush());
        }
        Ok(())
    }
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
