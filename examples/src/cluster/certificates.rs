//! [`Certificates`]: who a program is, and whom it trusts.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rpcnet::certs::{CertsError, DevCa, Identity};
use rpcnet::{ClientAuth, RpcConfig};

use super::environment;
use crate::Outcome;

/// The certificate and key of one program, and the authority that it trusts.
///
/// Those that the environment names, where an authority of your own issued them. Otherwise they
/// are for development: made where they are missing, in `CERTS_DIR`.
#[derive(Debug, Clone)]
pub struct Certificates {
    cert: PathBuf,
    key: PathBuf,
    ca: PathBuf,
}

/// The folder of the authority, beside those of the programs.
const AUTHORITY: &str = "authority";

impl Certificates {
    /// Those of a node of the cluster.
    ///
    /// # Errors
    ///
    /// What is wrong with the environment, or why none can be made.
    pub fn node(name: &str) -> Outcome<Self> {
        match environment::given_certificates()? {
            Some([cert, key, ca]) => Ok(Self { cert, key, ca }),
            // The second name is for whoever knows a node by its place only: `rpcnet cluster`.
            None => Self::development(&environment::certs(), name, |ca| {
                ca.node(&[name, "localhost"])
            }),
        }
    }

    /// Those of a client, which may call and cannot be a member.
    ///
    /// # Errors
    ///
    /// What is wrong with the environment, or why none can be made.
    pub fn client(name: &str) -> Outcome<Self> {
        match environment::given_certificates()? {
            Some([cert, key, ca]) => Ok(Self { cert, key, ca }),
            None => Self::development(&environment::certs(), name, |ca| ca.client(name)),
        }
    }

    /// Those in a folder of `dir`, which are made if they are not there. Programs that do so at
    /// the same time end up with one authority, and with one certificate for each name.
    fn development(
        dir: &Path,
        name: &str,
        sign: impl FnOnce(&DevCa) -> Result<Identity, CertsError>,
    ) -> Outcome<Self> {
        let authority = published(dir, AUTHORITY, |fresh| {
            DevCa::generate("rpcnet cluster example")?.write(fresh)
        })?;
        let own = published(dir, name, |fresh| {
            sign(&DevCa::load(&authority)?)?.write(fresh, "node")
        })?;
        Ok(Self {
            cert: own.join("node.pem"),
            key: own.join("node-key.pem"),
            ca: authority.join("ca.pem"),
        })
    }

    /// What a server or a client needs. Servers turn away whoever has no certificate.
    pub fn config(&self, bind_address: impl Into<String>) -> RpcConfig {
        RpcConfig::new(&self.cert, bind_address)
            .with_key_path(&self.key)
            .with_ca_path(&self.ca)
            .with_client_auth(ClientAuth::Required)
            // They are renewed while the program runs.
            .with_certificate_watch(Duration::from_secs(30))
    }
}

/// The folder `name` in `dir`, filled by `fill` if there is none.
///
/// It is filled under another name and then renamed: nobody sees it half full, nobody waits for
/// anybody, and of two programs one takes what the other has made.
fn published(
    dir: &Path,
    name: &str,
    fill: impl FnOnce(&Path) -> Result<(), CertsError>,
) -> Outcome<PathBuf> {
    let home = dir.join(name);
    if home.is_dir() {
        return Ok(home);
    }
    fs::create_dir_all(dir)?;
    // Only its owner can look into it.
    let fresh = tempfile::Builder::new().prefix(".new-").tempdir_in(dir)?;
    fill(fresh.path())?;
    match fs::rename(fresh.path(), &home) {
        Ok(()) => {
            // It is not there any more under the name by which it would be removed.
            let _ = fresh.keep();
        }
        Err(_) if home.is_dir() => {}
        Err(error) => return Err(format!("{}: {error}", home.display()).into()),
    }
    Ok(home)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn programs_that_start_at_once_have_one_authority_and_one_certificate_each() -> Outcome {
        const PROGRAMS: usize = 8;
        let folder = tempfile::tempdir()?;
        let dir = folder.path().join("certs");
        let start = Barrier::new(PROGRAMS);
        let made = std::thread::scope(|scope| {
            let programs: Vec<_> = (0..PROGRAMS)
                .map(|number| {
                    let (dir, start) = (&dir, &start);
                    // Two of each name.
                    let name = format!("worker-{}", number / 2);
                    scope.spawn(move || {
                        start.wait();
                        let made = Certificates::development(dir, &name, |ca| ca.node(&[&name]))?;
                        let read = |path: &Path| fs::read_to_string(path);
                        Outcome::Ok((name, [read(&made.ca)?, read(&made.cert)?, read(&made.key)?]))
                    })
                })
                .collect();
            let joined = programs
                .into_iter()
                .map(|program| program.join().expect("no panic"));
            joined.collect::<Outcome<Vec<_>>>()
        })?;
        let authorities: BTreeSet<_> = made.iter().map(|(_, files)| &files[0]).collect();
        assert_eq!(authorities.len(), 1);
        let identities: BTreeSet<_> = made.iter().collect();
        assert_eq!(identities.len(), PROGRAMS / 2);
        let left: BTreeSet<_> = fs::read_dir(&dir)?
            .map(|entry| entry.map(|entry| entry.file_name().into_string().expect("UTF-8")))
            .collect::<Result<_, _>>()?;
        let expected = ["authority", "worker-0", "worker-1", "worker-2", "worker-3"];
        assert_eq!(left, expected.map(String::from).into());
        Ok(())
    }

    #[test]
    fn a_program_that_starts_again_is_who_it_was() -> Outcome {
        let dir = tempfile::tempdir()?;
        let again = || Certificates::development(dir.path(), "a", |ca| ca.node(&["a"]));
        let first = fs::read(again()?.cert)?;
        assert!(first == fs::read(again()?.cert)?);
        Ok(())
    }
}
