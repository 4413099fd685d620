//! Files that change under a holder, in paused time.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use tokio::time::sleep;
use tracing::subscriber::DefaultGuard;

use super::*;
use crate::certs::{DevCa, Identity};
use crate::task::Tasks;
use crate::transport::tls::{ClientAuth, ServerTls};

const EVERY: Duration = Duration::from_secs(30);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A server's certificates, without the server.
struct Server {
    tls: ServerTls,
}

impl Holder for Server {
    fn renewed(&self, material: &Material) -> Result<Commit, RpcError> {
        Ok(self.tls.renewed(material, ClientAuth::Optional)?)
    }
}

/// A directory as Kubernetes mounts a secret: links to files behind `..data`, a link to a directory
/// that is replaced as a whole.
struct Mount {
    dir: TempDir,
    versions: u32,
}

impl Mount {
    fn new(ca: &DevCa, identity: &Identity) -> Self {
        let mut mount = Self {
            dir: tempfile::tempdir().unwrap(),
            versions: 0,
        };
        mount.swap(ca, identity);
        for file in ["tls.crt", "tls.key", "ca.crt"] {
            let behind = PathBuf::from("..data").join(file);
            std::os::unix::fs::symlink(behind, mount.path(file)).unwrap();
        }
        mount
    }

    fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    /// What the atomic writer of the kubelet does: a new directory, a new link, renamed over the old.
    fn swap(&mut self, ca: &DevCa, identity: &Identity) {
        self.versions += 1;
        let version = format!("..2026_11_28_{}", self.versions);
        fs::create_dir(self.path(&version)).unwrap();
        let write = |file: &str, text: &str| fs::write(self.path(&version).join(file), text);
        write("tls.crt", identity.certificate_pem()).unwrap();
        write("tls.key", identity.key_pem()).unwrap();
        write("ca.crt", ca.certificate_pem()).unwrap();
        std::os::unix::fs::symlink(&version, self.path("..data_tmp")).unwrap();
        fs::rename(self.path("..data_tmp"), self.path("..data")).unwrap();
    }

    /// Writes over one file where it stands.
    fn write(&self, file: &str, text: &str) {
        fs::write(self.path(file), text).unwrap();
    }

    fn files(&self) -> TlsFiles {
        TlsFiles {
            cert: self.path("tls.crt"),
            key: Some(self.path("tls.key")),
            ca: Some(self.path("ca.crt")),
        }
    }
}

/// A holder whose files are looked at.
struct Watched {
    ca: DevCa,
    mount: Mount,
    server: Arc<Server>,
    renewal: Arc<Renewal>,
    tasks: Tasks,
}

impl Watched {
    fn new(ca: DevCa, every: Option<Duration>) -> Self {
        let mount = Mount::new(&ca, &ca.server(&["localhost"]).unwrap());
        let material = Material::read(&mount.files());
        let tls = ServerTls::new(&material, ClientAuth::Optional).unwrap();
        let server = Arc::new(Server { tls });
        let renewal = Arc::new(Renewal::new(mount.files(), &material).unwrap());
        let tasks = Tasks::new();
        tasks.spawn_until_stopped(keep(Arc::downgrade(&server), renewal.clone(), every));
        Self {
            ca,
            mount,
            server,
            renewal,
            tasks,
        }
    }

    fn of(ca: DevCa) -> Self {
        Self::new(ca, Some(EVERY))
    }

    fn identity(&self) -> Identity {
        self.ca.server(&["localhost"]).unwrap()
    }

    fn is_in_force(&self, identity: &Identity) -> bool {
        let pem = identity.certificate_pem().as_bytes();
        let der = x509_parser::pem::Pem::iter_from_buffer(pem)
            .next()
            .unwrap()
            .unwrap()
            .contents;
        let own = self.renewal.status().identity.unwrap();
        own.fingerprint == crate::PeerIdentity::from_der(&der).unwrap().fingerprint()
    }

    fn counts(&self) -> (u64, u64) {
        let status = self.renewal.status();
        (status.reloads, status.reloads_failed)
    }

    fn reload(&self) -> Result<(), RpcError> {
        self.renewal.reload(&self.mount.files(), &*self.server)
    }
}

fn ca() -> DevCa {
    DevCa::generate("renewal").unwrap()
}

/// Waits for so many looks, and a moment more.
async fn looks(count: u32) {
    sleep(EVERY * count + Duration::from_secs(1)).await;
}

/// What is logged in this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn capture() -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn lines(&self, with: &str) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines().filter(|line| line.contains(with));
        lines.map(str::to_owned).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_swap_of_the_directory_behind_the_links_is_seen_at_the_next_look() {
    let mut watched = Watched::of(ca());
    looks(3).await;
    assert_eq!(watched.counts(), (0, 0), "nothing has changed");
    for swaps in 1..=3 {
        let identity = watched.identity();
        watched.mount.swap(&watched.ca, &identity);
        assert!(!watched.is_in_force(&identity));
        sleep(EVERY).await;
        looks(0).await;
        assert!(watched.is_in_force(&identity));
        assert_eq!(watched.counts(), (swaps, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_pair_that_is_half_written_at_a_look_is_waited_for() {
    let (log, _guard) = Log::capture();
    let watched = Watched::of(ca());
    let identity = watched.identity();
    watched.mount.write("tls.crt", identity.certificate_pem());
    looks(1).await;
    assert_eq!(watched.counts(), (0, 0));
    watched.mount.write("tls.key", identity.key_pem());
    looks(1).await;
    assert!(watched.is_in_force(&identity));
    assert_eq!(watched.counts(), (1, 0));
    assert_eq!(log.lines("ERROR").len(), 0);
    assert_eq!(log.lines("certificates replaced").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pair_that_stays_half_written_is_complained_of_once_an_hour() {
    let (log, _guard) = Log::capture();
    let watched = Watched::of(ca());
    let before = watched.renewal.status().identity;
    let identity = watched.identity();
    watched.mount.write("tls.key", identity.key_pem());
    looks(1).await;
    assert_eq!(watched.counts(), (0, 0), "it may be half written");
    looks(5).await;
    assert_eq!(watched.counts(), (0, 1), "it is not");
    sleep(HOUR).await;
    let status = watched.renewal.status();
    assert_eq!((status.reloads, status.reloads_failed), (0, 2));
    assert_eq!(status.identity, before);
    let reason = status.last_failure.unwrap().reason;
    assert!(
        reason.contains("tls.key") && reason.contains("tls.crt"),
        "{reason}"
    );
    let complaints = log.lines("ERROR");
    assert_eq!(complaints.len(), 2, "{complaints:?}");
    assert!(complaints[0].contains("tls.key"), "{complaints:?}");

    // Another fault is another complaint, and the files of before are none.
    watched.mount.write("tls.key", "no key");
    looks(1).await;
    assert_eq!(watched.counts(), (0, 3));
    watched.mount.write("tls.crt", identity.certificate_pem());
    watched.mount.write("tls.key", identity.key_pem());
    looks(1).await;
    assert!(watched.is_in_force(&identity));
    assert_eq!(watched.renewal.status().last_failure, None);
}

#[tokio::test(start_paused = true)]
async fn files_that_are_gone_or_too_long_leave_in_force_what_is() {
    let watched = Watched::of(ca());
    let link = watched.mount.path("..data");
    let away = watched.mount.path("..away");
    fs::rename(&link, &away).unwrap();
    looks(2).await;
    let reason = || watched.renewal.status().last_failure.unwrap().reason;
    assert!(reason().contains("cannot read"), "{}", reason());
    fs::rename(&away, &link).unwrap();
    looks(1).await;
    assert_eq!(watched.renewal.status().last_failure, None);
    assert_eq!(watched.counts(), (0, 1));

    watched.mount.write("ca.crt", &"x".repeat((1 << 20) + 1));
    looks(2).await;
    assert!(reason().contains("larger than"), "{}", reason());
    assert_eq!(watched.counts(), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_reload_by_call_says_at_once_what_is_wrong() {
    let (log, _guard) = Log::capture();
    let watched = Watched::new(ca(), None);
    let before = watched.renewal.status().identity;
    watched.mount.write("tls.crt", "-----BEGIN CERT");
    let error = watched.reload().unwrap_err();
    assert!(error.to_string().contains("tls.crt"), "{error}");
    let status = watched.renewal.status();
    assert_eq!((status.reloads, status.reloads_failed), (0, 1));
    assert_eq!(status.identity, before);
    assert_eq!(log.lines("ERROR").len(), 1);
    assert!(log.lines("ERROR")[0].contains("tls.crt"));

    let identity = watched.identity();
    watched.mount.write("tls.crt", identity.certificate_pem());
    watched.mount.write("tls.key", identity.key_pem());
    watched.reload().unwrap();
    assert!(watched.is_in_force(&identity));
    assert_eq!(watched.renewal.status().last_failure, None);
}

#[tokio::test(start_paused = true)]
async fn what_has_expired_or_is_not_valid_yet_replaces_nothing() {
    let now = SystemTime::now();
    let watched = Watched::new(ca(), None);
    let signing = |from, to| {
        let dir = tempfile::tempdir().unwrap();
        watched.ca.write(dir.path()).unwrap();
        let ca = DevCa::load(dir.path()).unwrap().with_validity(from, to);
        ca.server(&["localhost"]).unwrap()
    };
    let cases = [
        (signing(now - 2 * DAY, now - HOUR), "has expired"),
        (signing(now + HOUR, now + DAY), "not valid yet"),
    ];
    for (identity, words) in cases {
        watched.mount.write("tls.crt", identity.certificate_pem());
        watched.mount.write("tls.key", identity.key_pem());
        let error = watched.reload().unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.to_string().contains("tls.crt"), "{error}");
        assert!(!watched.is_in_force(&identity));
    }
    assert_eq!(watched.counts(), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_near_is_told_each_day_until_there_is_another_certificate() {
    let (log, _guard) = Log::capture();
    let now = SystemTime::now();
    // Four days of ninety are left.
    let ca = ca().with_validity(now - 86 * DAY, now + 4 * DAY);
    let mut watched = Watched::of(ca);
    assert!(watched.renewal.status().is_near_end(now));
    looks(1).await;
    let warnings = || log.lines("certificate ends soon");
    assert_eq!(warnings().len(), 1);
    assert!(warnings()[0].contains("hours_left=95"), "{:?}", warnings());
    sleep(DAY - HOUR).await;
    assert_eq!(warnings().len(), 1);
    sleep(2 * HOUR).await;
    assert_eq!(warnings().len(), 2);

    let fresh = DevCa::generate("renewal").unwrap();
    let identity = fresh.server(&["localhost"]).unwrap();
    watched.mount.swap(&fresh, &identity);
    looks(1).await;
    assert!(watched.is_in_force(&identity));
    assert!(!watched.renewal.status().is_near_end(now));
    sleep(3 * DAY).await;
    assert_eq!(warnings().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn nobody_looks_after_a_holder_that_is_gone() {
    let watched = Watched::of(ca());
    let renewal = Arc::downgrade(&watched.renewal);
    let Watched {
        server,
        tasks,
        renewal: kept,
        ..
    } = watched;
    drop((server, kept));
    looks(2).await;
    assert!(renewal.upgrade().is_none());
    assert_eq!(tasks.len(), 0);
}
