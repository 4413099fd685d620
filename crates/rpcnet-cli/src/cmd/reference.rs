//! `rpcnet reference`: the chapter of the guide about this command, written from the command itself.

use std::error::Error;
use std::fmt::Write as _;

use clap::{Arg, Command};

use super::tree;

/// Write the guide's chapter on the command line.
#[derive(clap::Args)]
pub(crate) struct Args {}

const HEAD: &str = "\
# The command line

<!-- Written by `cargo run -p rpcnet-cli -- reference > docs/book/src/cli.md`.
     What is wrong here is to be mended in the commands' own help. -->

`rpcnet` is one program for what is done to services from outside. Every command explains itself with
`--help`; `rpcnet man` has the same as manual pages, and `rpcnet completions` teaches it to your shell.

Results go to standard output, everything else to standard error. A command exits with 0 where it did
what it was asked to, with 1 where it did not, and says why, and with 2 where it was misused; what
differs stands with the command.
";

/// Prints the chapter on the commands below `root`.
///
/// # Errors
///
/// What is wrong with standard output.
pub(crate) fn run(root: &Command) -> Result<(), Box<dyn Error>> {
    crate::print(&chapter(&tree::visible(root)))
}

fn chapter(commands: &Command) -> String {
    let mut out = HEAD.to_owned();
    out.push('\n');
    for command in commands.get_subcommands() {
        contents(&mut out, command, 0);
    }
    for command in commands.get_subcommands() {
        section(&mut out, command, 2);
    }
    out
}

fn contents(out: &mut String, command: &Command, depth: usize) {
    let name = name(command);
    let anchor = name.replace(' ', "-");
    let about = command.get_about().map(ToString::to_string);
    let about = about.unwrap_or_default();
    let first = about.split(". ").next().unwrap_or_default();
    let about = prose(first.trim_end_matches('.'));
    let indent = 2 * depth;
    let _ = writeln!(out, "{:indent$}- [{name}](#{anchor}): {about}", "");
    for subcommand in command.get_subcommands() {
        contents(out, subcommand, depth + 1);
    }
}

fn section(out: &mut String, command: &Command, level: usize) {
    let _ = writeln!(out, "\n{} {}", "#".repeat(level), name(command));
    let about = command.get_long_about().or_else(|| command.get_about());
    if let Some(about) = about {
        let _ = writeln!(out, "\n{}", sentence(&about.to_string()));
    }
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let _ = writeln!(out, "\n```text\n{usage}\n```");
    arguments(out, command);
    if let Some(text) = command.get_after_help() {
        let _ = writeln!(out, "\n```text\n{}\n```", text.to_string().trim_end());
    }
    for subcommand in command.get_subcommands() {
        section(out, subcommand, level + 1);
    }
}

fn arguments(out: &mut String, command: &Command) {
    let is_shown =
        |arg: &&Arg| !arg.is_hide_set() && arg.get_id() != "help" && arg.get_id() != "version";
    let mut shown: Vec<&Arg> = command.get_arguments().filter(is_shown).collect();
    let mut headings: Vec<Option<&str>> = Vec::new();
    for arg in &shown {
        if !headings.contains(&arg.get_help_heading()) {
            headings.push(arg.get_help_heading());
        }
    }
    // Those without a heading come first, as in the help; what has no name before what has.
    headings.sort_by_key(Option::is_some);
    shown.sort_by_key(|arg| !arg.is_positional());
    for heading in headings {
        if let Some(heading) = heading {
            let _ = writeln!(out, "\n{heading}:");
        }
        out.push('\n');
        let of_heading = shown.iter().filter(|arg| arg.get_help_heading() == heading);
        for arg in of_heading {
            argument(out, arg);
        }
    }
}

fn argument(out: &mut String, arg: &Arg) {
    let help = arg.get_long_help().or_else(|| arg.get_help());
    let help = help.map(ToString::to_string).unwrap_or_default();
    let _ = write!(out, "- `{arg}`: {}", sentence(&help));
    if arg.get_action().takes_values() {
        let defaults = arg.get_default_values().iter();
        let defaults: Vec<_> = defaults.map(|it| it.to_string_lossy()).collect();
        if !defaults.is_empty() && !arg.is_hide_default_value_set() {
            let _ = write!(out, " Default: `{}`.", defaults.join(" "));
        }
        let values = arg.get_possible_values();
        let values = values.iter().filter(|value| !value.is_hide_set());
        let values: Vec<String> = values.map(|it| format!("`{}`", it.get_name())).collect();
        if !values.is_empty() {
            let _ = write!(out, " One of {}.", values.join(", "));
        }
    }
    if let Some(variable) = arg.get_env() {
        let _ = write!(out, " Environment: `{}`.", variable.to_string_lossy());
    }
    out.push('\n');
}

fn name(command: &Command) -> String {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    name.to_owned()
}

/// Text of a help, from which clap takes the last full stop.
fn sentence(text: &str) -> String {
    let mut out = prose(text);
    if !out.ends_with(['.', ':', ']']) {
        out.push('.');
    }
    out
}

/// Text of a help as Markdown: what is between backticks stays, the rest is no markup.
fn prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut is_code = false;
    for c in text.trim().chars() {
        match c {
            '`' => is_code = !is_code,
            '<' if !is_code => {
                out.push_str("&lt;");
                continue;
            }
            '*' | '_' | '[' | ']' | '\\' | '#' if !is_code => out.push('\\'),
            _ => {}
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_text_is_no_markup_outside_of_code() {
        assert_eq!(prose("a <b> *c* d_e"), "a &lt;b> \\*c\\* d\\_e");
        assert_eq!(prose("`<b> *c*` d"), "`<b> *c*` d");
        assert_eq!(prose("[default: 64]"), "\\[default: 64\\]");
    }
}
