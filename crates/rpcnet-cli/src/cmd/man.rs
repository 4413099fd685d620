//! `rpcnet man`: manual pages.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::tree;

/// Print a manual page, or write all of them.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The command whose page to print, such as `cluster members`; rpcnet's own by default.
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    command: Vec<String>,
    /// Write the pages of all commands there; created if need be. What is there is replaced.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

const EXAMPLES: &str = "Examples:
  rpcnet man bench | man -l -
  rpcnet man --dir ~/.local/share/man/man1

Exit code: 0 printed or written, 1 there is no such command or the pages cannot be written, 2
misused.";

/// Prints or writes pages of the commands below `root`.
///
/// # Errors
///
/// There is no such command, or a page cannot be written.
pub(crate) fn run(args: &Args, root: &Command) -> Result<(), Box<dyn Error>> {
    let commands = tree::visible(root);
    if let Some(dir) = &args.dir {
        return write_all(dir, &commands)
            .map_err(|error| format!("--dir {}: {error}", dir.display()).into());
    }
    let mut command = &commands;
    for name in &args.command {
        command = command
            .find_subcommand(name)
            .ok_or_else(|| format!("there is no command `{}`", name.escape_debug()))?;
    }
    crate::print(&String::from_utf8(page(command)?)?)
}

fn write_all(dir: &Path, commands: &Command) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    write_below(dir, commands)
}

fn write_below(dir: &Path, command: &Command) -> io::Result<()> {
    let file = Man::new(command.clone()).get_filename();
    fs::write(dir.join(file), page(command)?)?;
    for subcommand in command.get_subcommands() {
        write_below(dir, subcommand)?;
    }
    Ok(())
}

/// The page, with the examples line by line: clap_mangen would run them together.
fn page(command: &Command) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone().after_help(None::<&str>));
    let man = man.source(concat!("rpcnet ", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    man.render(&mut page)?;
    if let Some(text) = command.get_after_help() {
        let mut roff = Roff::new();
        roff.control("SH", ["EXAMPLES AND EXIT CODES"]);
        roff.control("nf", []);
        for line in text.to_string().lines() {
            roff.text([roman(line)]);
        }
        roff.control("fi", []);
        page.write_all(roff.render().as_bytes())?;
    }
    Ok(page)
}
