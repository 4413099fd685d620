//! `rpcnet completions`: what a shell needs to complete commands and options.

use std::error::Error;

use clap::Command;
use clap_complete::Shell;

use super::tree;

/// Print a script with which a shell completes the commands and options of rpcnet.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

const EXAMPLES: &str = "Examples:
  rpcnet completions bash > ~/.local/share/bash-completion/completions/rpcnet
  rpcnet completions zsh > ~/.zfunc/_rpcnet         (with ~/.zfunc in $fpath)
  rpcnet completions fish > ~/.config/fish/completions/rpcnet.fish

Exit code: 0 printed, 1 standard output cannot be written, 2 misused.";

/// Prints the script for the commands below `root`.
///
/// # Errors
///
/// What is wrong with standard output.
pub(crate) fn run(args: &Args, root: &Command) -> Result<(), Box<dyn Error>> {
    let mut script = Vec::new();
    let mut commands = tree::visible(root);
    clap_complete::generate(args.shell, &mut commands, tree::NAME, &mut script);
    crate::print(&String::from_utf8(script)?)
}
