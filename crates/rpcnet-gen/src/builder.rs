//! The generator for build scripts.

use std::env;
use std::path::PathBuf;

use crate::Parts;
use crate::announce::announce;
use crate::files::{GenerateError, Inputs, Plan, Report};

/// Generates modules from definitions, most often in a build script:
///
/// ```no_run
/// // build.rs
/// fn main() -> Result<(), rpcnet_gen::GenerateError> {
///     rpcnet_gen::Builder::new().input("api/greeting.rpc.rs").build()?;
///     Ok(())
/// }
/// ```
///
/// The crate then includes the module, which is in a folder of the name of its service:
///
/// ```text
/// pub mod greeting {
///     rpcnet::include_service!("greeting");
/// }
/// ```
///
/// The same definitions give the same files, byte for byte. A file that has its text already is
/// not touched, so that nothing is compiled again for it.
#[derive(Debug, Clone, Default)]
pub struct Builder {
    inputs: Vec<PathBuf>,
    output: Option<PathBuf>,
    parts: Parts,
}

impl Builder {
    /// Generates everything into `OUT_DIR`, from inputs that are yet to be named.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a definition, or a folder: of that every `*.rpc.rs`, in the folders below too.
    /// Folders whose name begins with a dot are not searched. At least one input is needed.
    #[must_use]
    pub fn input(mut self, path: impl Into<PathBuf>) -> Self {
        self.inputs.push(path.into());
        self
    }

    /// The folder to hold the modules, each in a folder of its own; it is created if need be.
    /// The default is what the environment variable `OUT_DIR` says.
    #[must_use]
    pub fn output(mut self, folder: impl Into<PathBuf>) -> Self {
        self.output = Some(folder.into());
        self
    }

    /// What to generate. The default is everything.
    #[must_use]
    pub fn parts(mut self, parts: Parts) -> Self {
        self.parts = parts;
        self
    }

    /// Leaves the client out.
    #[must_use]
    pub fn server_only(self) -> Self {
        self.parts(Parts::ServerOnly)
    }

    /// Leaves the server out.
    #[must_use]
    pub fn client_only(self) -> Self {
        self.parts(Parts::ClientOnly)
    }

    /// Leaves the server and the client out.
    #[must_use]
    pub fn types_only(self) -> Self {
        self.parts(Parts::TypesOnly)
    }

    /// Generates the modules, and prints the lines that have cargo run the build script again once
    /// an input changes. Generated files of the same services that are no longer part of them are
    /// removed.
    ///
    /// # Errors
    ///
    /// [`GenerateError`] says what to do. Each file is either in place in whole or as it was
    /// before; unless it is a file that cannot be written, all of them are as before.
    pub fn build(self) -> Result<Report, GenerateError> {
        let inputs = Inputs::find(&self.inputs)?;
        // Before anything can fail: a definition with a mistake is an input all the same.
        announce(&inputs);
        self.plan(&inputs)?.apply()
    }

    /// Does what [`build`](Self::build) does, and prints nothing: for programs other than build
    /// scripts.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub fn write(self) -> Result<Report, GenerateError> {
        let inputs = Inputs::find(&self.inputs)?;
        self.plan(&inputs)?.apply()
    }

    /// Writes nothing, and fails unless the output holds what [`write`](Self::write) would write:
    /// for a test that generated files under version control are up to date.
    ///
    /// # Errors
    ///
    /// [`GenerateError::Stale`] names the files that differ; else as [`build`](Self::build).
    pub fn check(self) -> Result<Report, GenerateError> {
        let inputs = Inputs::find(&self.inputs)?;
        self.plan(&inputs)?.check()
    }

    fn plan(self, inputs: &Inputs) -> Result<Plan, GenerateError> {
        let output = self
            .output
            .or_else(|| env::var_os("OUT_DIR").map(PathBuf::from));
        Plan::new(inputs, output.ok_or(GenerateError::NoOutput)?, self.parts)
    }
}
