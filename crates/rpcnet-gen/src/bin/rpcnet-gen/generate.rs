//! `rpcnet-gen --input ..`: writes modules, or checks that they are up to date.

use std::fmt::Write;
use std::path::{Component, Path, PathBuf};

use rpcnet_gen::{Builder, GenerateError, Parts, Report};

use crate::Outcome;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// A definition, or a folder: of that every *.rpc.rs, in the folders below too.
    #[arg(long, short, required = true, value_name = "FILE|FOLDER", num_args = 1..)]
    input: Vec<PathBuf>,
    /// The folder for the modules, each in a folder of its own.
    #[arg(long, short, value_name = "FOLDER", default_value = "src/generated")]
    output: PathBuf,
    #[command(flatten)]
    parts: PartsArgs,
    /// Write nothing; fail, with 1, if files are missing or stale.
    #[arg(long)]
    check: bool,
}

#[derive(clap::Args)]
#[group(multiple = false)]
struct PartsArgs {
    /// Leave the client out.
    #[arg(long)]
    server_only: bool,
    /// Leave the server out.
    #[arg(long)]
    client_only: bool,
    /// Leave the server and the client out.
    #[arg(long)]
    types_only: bool,
}

pub(crate) fn run(args: Args) -> Result<Outcome, GenerateError> {
    let again = again(&args);
    let parts = args.parts.parts();
    let builder = args
        .input
        .into_iter()
        .fold(Builder::new(), Builder::input)
        .output(args.output)
        .parts(parts);
    if !args.check {
        let report = builder.write()?;
        return Ok(Outcome::Done(format!(
            "{report}\n\n{}",
            how_to_include(&report)
        )));
    }
    match builder.check() {
        Ok(report) => Ok(Outcome::Done(format!(
            "{} files are up to date",
            report.unchanged.len()
        ))),
        Err(stale @ GenerateError::Stale { .. }) => {
            Ok(Outcome::Stale(format!("error: {stale}\nrun: {again}")))
        }
        Err(error) => Err(error),
    }
}

impl PartsArgs {
    fn parts(&self) -> Parts {
        match (self.server_only, self.client_only, self.types_only) {
            (true, ..) => Parts::ServerOnly,
            (_, true, _) => Parts::ClientOnly,
            (.., true) => Parts::TypesOnly,
            _ => Parts::All,
        }
    }
}

/// The command that generates what `args` check.
fn again(args: &Args) -> String {
    let mut command = "rpcnet-gen".to_owned();
    for input in &args.input {
        command.push_str(&format!(" --input {}", quoted(input)));
    }
    command.push_str(&format!(" --output {}", quoted(&args.output)));
    command.push_str(match args.parts.parts() {
        Parts::All => "",
        Parts::ServerOnly => " --server-only",
        Parts::ClientOnly => " --client-only",
        Parts::TypesOnly => " --types-only",
    });
    command
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || "/._-".contains(character);
    if text.chars().all(is_plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

fn how_to_include(report: &Report) -> String {
    let mut text = "Include it in src/lib.rs or src/main.rs:\n".to_owned();
    let names = report.modules.iter().map(|module| module.name.as_str());
    match module_path(&report.output) {
        Some(path) => {
            let depth = path.len();
            for (level, module) in path.iter().enumerate() {
                let _ = write!(text, "\n{}mod {module} {{", "    ".repeat(level + 1));
            }
            for name in names {
                let _ = write!(text, "\n{}pub mod {name};", "    ".repeat(depth + 1));
            }
            for level in (0..depth).rev() {
                let _ = write!(text, "\n{}}}", "    ".repeat(level + 1));
            }
        }
        None => {
            for name in names {
                // Such a path counts from the folder of the file that it is written in.
                let file = Path::new("..")
                    .join(&report.output)
                    .join(name)
                    .join("mod.rs");
                let _ = write!(text, "\n    #[path = {file:?}]\n    pub mod {name};");
            }
        }
    }
    text
}

/// The modules that the folders below `src` are: `generated` for `src/generated`.
fn module_path(output: &Path) -> Option<Vec<&str>> {
    let mut components = output
        .components()
        .skip_while(|component| *component == Component::CurDir);
    if components.next()?.as_os_str() != "src" {
        return None;
    }
    components
        .map(|component| {
            component
                .as_os_str()
                .to_str()
                .filter(|name| is_identifier(name))
        })
        .collect()
}

fn is_identifier(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && name
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || character == '_')
}
