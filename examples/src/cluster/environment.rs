//! What the variables of the environment say; the table of them is in [the module above](super).

use std::env;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use tracing_subscriber::EnvFilter;

use crate::Outcome;

/// Where the director listens if nothing is said.
const DIRECTOR_PORT: u16 = 61_000;

/// `DIRECTOR_ADDR`.
///
/// # Errors
///
/// It is not text.
pub fn director() -> Outcome<String> {
    let or_default = || format!("127.0.0.1:{DIRECTOR_PORT}");
    Ok(text("DIRECTOR_ADDR")?.unwrap_or_else(or_default))
}

/// The first address of `DIRECTOR_ADDR`, which may be a name.
///
/// # Errors
///
/// It has no address.
///
/// # Cancel safety
///
/// Cancel safe.
pub async fn director_address() -> Outcome<SocketAddr> {
    let director = director()?;
    let found = tokio::net::lookup_host(&director).await;
    let mut addresses = found.map_err(|error| format!("DIRECTOR_ADDR is {director}: {error}"))?;
    let no_address = || format!("DIRECTOR_ADDR is {director}, which has no address");
    Ok(addresses.next().ok_or_else(no_address)?)
}

/// `CLUSTER_SEEDS`, where it is set.
///
/// # Errors
///
/// It is not text.
pub fn seeds() -> Outcome<Option<Vec<String>>> {
    let seeds = |text: String| text.split(',').map(|seed| seed.trim().to_owned()).collect();
    Ok(text("CLUSTER_SEEDS")?.map(seeds))
}

/// `WORKER_ADDR`.
///
/// # Errors
///
/// It is not text.
pub fn worker() -> Outcome<String> {
    Ok(text("WORKER_ADDR")?.unwrap_or_else(|| "127.0.0.1:0".into()))
}

/// `WORKER_LABEL`.
///
/// # Errors
///
/// It is not text.
pub fn label() -> Outcome<String> {
    let or_default = || format!("worker-{}", std::process::id());
    Ok(text("WORKER_LABEL")?.unwrap_or_else(or_default))
}

/// `WORKER_FAILURE_ENABLED`.
///
/// # Errors
///
/// It is neither `true` nor `false`.
pub fn is_failing() -> Outcome<bool> {
    match text("WORKER_FAILURE_ENABLED")?.as_deref() {
        Some("true") => Ok(true),
        Some("false" | "") | None => Ok(false),
        Some(other) => {
            Err(format!("WORKER_FAILURE_ENABLED is {other}: write true or false").into())
        }
    }
}

/// `CERTS_DIR`.
#[must_use]
pub fn certs() -> PathBuf {
    let or_default = || env::temp_dir().join("rpcnet-cluster-example");
    env::var_os("CERTS_DIR").map_or_else(or_default, PathBuf::from)
}

/// `CERT_FILE`, `KEY_FILE` and `CA_FILE`, where they are set.
///
/// # Errors
///
/// Some of them are set and some are not.
pub fn given_certificates() -> Outcome<Option<[PathBuf; 3]>> {
    let given = ["CERT_FILE", "KEY_FILE", "CA_FILE"].map(env::var_os);
    if given.iter().all(Option::is_none) {
        return Ok(None);
    }
    let [Some(cert), Some(key), Some(ca)] = given else {
        return Err("set all of CERT_FILE, KEY_FILE and CA_FILE, or none of them".into());
    };
    Ok(Some([cert, key, ca].map(PathBuf::from)))
}

fn text(name: &str) -> Outcome<Option<String>> {
    let not_text = |value: OsString| format!("{name} is {value:?}, which is not UTF-8");
    let value = env::var_os(name).map(OsString::into_string).transpose();
    Ok(value.map_err(not_text)?)
}

/// Writes what the library logs to standard error, as `RUST_LOG` says.
pub fn log_to_stderr() {
    let filter = EnvFilter::builder()
        .with_default_directive(tracing_subscriber::filter::LevelFilter::ERROR.into())
        .from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}
