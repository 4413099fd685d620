//! `rpcnet certs`: development certificates, and what a certificate says.

mod expiry;
mod inspect;

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use rpcnet::certs::{CertsError, DevCa, Identity, dev_certificates_for};

/// Make certificates for development, or inspect any certificates.
///
/// Identities are valid for 90 days, the CA for a year. Nothing is ever overwritten. Not for
/// production: the CA's key lies unencrypted beside what it signs.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

const EXAMPLES: &str = "Examples:
  rpcnet certs dev                            everything for localhost, in ./certs
  rpcnet certs dev --dir tls --name db.local  for another name too, in ./tls
  rpcnet certs client --name alice            one more client, signed by ./certs/ca.pem
  rpcnet certs node --name node-1 --name 10.0.0.1
  rpcnet certs inspect certs/server.pem
  rpcnet certs expiry certs/server.pem certs/ca.pem --within 30

Exit code: 0 done, 1 not (standard error says why), 2 misused.";

#[derive(Subcommand)]
enum What {
    /// A CA, a server for localhost and a client, in one go.
    Dev {
        /// Where to write; created if need be.
        #[arg(long, default_value = DIR)]
        dir: PathBuf,
        /// A further DNS name or IP address of the server; may be repeated.
        #[arg(long = "name", value_name = "NAME")]
        names: Vec<String>,
    },
    /// A CA alone: ca.pem and ca-key.pem.
    Ca {
        /// Where to write; created if need be.
        #[arg(long, default_value = DIR)]
        dir: PathBuf,
        /// What the CA calls itself.
        #[arg(long, default_value = "rpcnet development CA")]
        name: String,
    },
    /// A server's certificate and key, signed by an existing CA.
    Server(SignedNames),
    /// A cluster node's certificate and key: server and client at once.
    ///
    /// The node's own name comes first. The names of this machine, localhost, 127.0.0.1 and ::1,
    /// are added, so that the node can be asked from where it runs.
    Node(SignedNames),
    /// A client's certificate and key, signed by an existing CA.
    Client {
        /// The name servers know the client by: a DNS name or a URI.
        #[arg(long)]
        name: String,
        #[command(flatten)]
        place: Place,
    },
    Inspect(inspect::Args),
    Expiry(expiry::Args),
}

#[derive(clap::Args)]
struct SignedNames {
    /// A DNS name or IP address it is reached by; may be repeated.
    #[arg(long = "name", value_name = "NAME", required = true)]
    names: Vec<String>,
    #[command(flatten)]
    place: Place,
}

#[derive(clap::Args)]
struct Place {
    /// Where ca.pem and ca-key.pem are.
    #[arg(long, default_value = DIR)]
    dir: PathBuf,
    /// Where to write, if not beside the CA; created if need be.
    #[arg(long)]
    out: Option<PathBuf>,
    /// The files become STEM.pem and STEM-key.pem; the first name by default.
    #[arg(long)]
    stem: Option<String>,
}

const DIR: &str = "certs";

/// Does it, and prints what was done or found.
///
/// # Errors
///
/// What could not be read or written, or which certificates end soon.
pub(crate) fn run(args: Args) -> Result<(), Box<dyn Error>> {
    match args.what {
        What::Inspect(args) => inspect::run(&args),
        What::Expiry(args) => expiry::run(&args),
        making => crate::print(&make(making)?),
    }
}

/// Makes what was asked for, and returns the report to print.
fn make(what: What) -> Result<String, CertsError> {
    match what {
        What::Dev { dir, names } => dev(&dir, &names),
        What::Ca { dir, name } => ca(&dir, &name),
        What::Server(SignedNames { names, place }) => {
            let (stem, written) = signed(&place, &names, |ca, names| ca.server(names))?;
            Ok(written + &server_usage(&place, &stem))
        }
        What::Node(SignedNames { mut names, place }) => {
            add_loopback(&mut names);
            let (stem, written) = signed(&place, &names, |ca, names| ca.node(names))?;
            Ok(written + &server_usage(&place, &stem))
        }
        What::Client { name, place } => {
            let (stem, written) = signed(&place, &[name], |ca, names| ca.client(names[0]))?;
            Ok(written + &client_usage(&place, &stem))
        }
        What::Inspect(_) | What::Expiry(_) => Ok(String::new()),
    }
}

fn dev(dir: &Path, names: &[String]) -> Result<String, CertsError> {
    let made = dev_certificates_for(dir, &as_strs(names))?;
    let mut report = String::new();
    for (path, what) in [
        (made.ca(), "what both ends verify each other against"),
        (
            made.ca_key(),
            "signs further certificates, keep it to yourself",
        ),
        (made.server(), "a server or cluster node"),
        (made.server_key(), "its key"),
        (made.client(), "a client"),
        (made.client_key(), "its key"),
    ] {
        line(
            &mut report,
            format_args!("wrote {}: {what}", path.display()),
        );
    }
    let place = Place {
        dir: dir.to_path_buf(),
        out: None,
        stem: None,
    };
    Ok(report + &server_usage(&place, "server") + &client_usage(&place, "client"))
}

fn ca(dir: &Path, name: &str) -> Result<String, CertsError> {
    DevCa::generate(name)?.write(dir)?;
    let mut report = String::new();
    line(
        &mut report,
        format_args!("wrote {}", dir.join("ca.pem").display()),
    );
    line(
        &mut report,
        format_args!("wrote {}", dir.join("ca-key.pem").display()),
    );
    line(
        &mut report,
        format_args!(
            "sign with it: rpcnet certs server --dir {} --name NAME",
            dir.display()
        ),
    );
    Ok(report)
}

/// Signs and writes one identity; returns its stem and what was written.
fn signed(
    place: &Place,
    names: &[String],
    sign: impl FnOnce(&DevCa, &[&str]) -> Result<Identity, CertsError>,
) -> Result<(String, String), CertsError> {
    let identity = sign(&DevCa::load(&place.dir)?, &as_strs(names))?;
    let stem = place.stem.clone().unwrap_or_else(|| file_stem(&names[0]));
    identity.write(place.out(), &stem)?;
    let mut report = String::new();
    for suffix in ["", "-key"] {
        let path = place.out().join(format!("{stem}{suffix}.pem"));
        line(&mut report, format_args!("wrote {}", path.display()));
    }
    Ok((stem, report))
}

/// A node is asked by its name, or from its own machine.
fn add_loopback(names: &mut Vec<String>) {
    for name in LOOPBACK {
        if names.iter().all(|given| given != name) {
            names.push(name.to_owned());
        }
    }
}

const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

impl Place {
    fn out(&self) -> &Path {
        self.out.as_ref().unwrap_or(&self.dir)
    }
}

/// A name as a file name: `*.local` and `spiffe://x/y` are legal names, but not legal files.
fn file_stem(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-.".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect()
}

fn server_usage(place: &Place, stem: &str) -> String {
    format!(
        "\nA server; with the last line it verifies clients that present a certificate:\n\n    \
         RpcConfig::new({:?}, \"0.0.0.0:4433\")\n        \
         .with_key_path({:?})\n        \
         .with_ca_path({:?})\n",
        place.out().join(format!("{stem}.pem")),
        place.out().join(format!("{stem}-key.pem")),
        place.dir.join("ca.pem"),
    )
}

fn client_usage(place: &Place, stem: &str) -> String {
    let ca = place.dir.join("ca.pem");
    format!(
        "\nA client that stays anonymous:\n\n    \
         RpcConfig::new({ca:?}, \"0.0.0.0:0\").with_server_name(\"localhost\")\n\n\
         A client that presents its certificate:\n\n    \
         RpcConfig::new({:?}, \"0.0.0.0:0\")\n        \
         .with_key_path({:?})\n        \
         .with_ca_path({ca:?})\n        \
         .with_server_name(\"localhost\")\n",
        place.out().join(format!("{stem}.pem")),
        place.out().join(format!("{stem}-key.pem")),
    )
}

fn line(report: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a `String` cannot fail.
    let _ = writeln!(report, "{text}");
}

fn as_strs(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}
