//! The commands as clap knows them, for what is written about them.

use clap::Command;

/// What the program is called.
pub(crate) const NAME: &str = "rpcnet";

/// The commands that are for people, without those by which this program starts itself.
pub(crate) fn visible(root: &Command) -> Command {
    let about = root.get_about().cloned().unwrap_or_default();
    let shown = root.get_subcommands().filter(|it| !it.is_hide_set());
    let mut tree = Command::new(NAME)
        .about(about)
        .version(env!("CARGO_PKG_VERSION"))
        .propagate_version(true)
        .disable_help_subcommand(true)
        .subcommand_required(true)
        .subcommands(shown.cloned());
    if let Some(text) = root.get_after_help() {
        tree = tree.after_help(text.clone());
    }
    tree.build();
    tree
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::Cli;

    /// These print a report or a text of their own, no data.
    const WITHOUT_JSON: [&str; 11] = [
        "rpcnet cluster drain",
        "rpcnet cluster leave",
        "rpcnet dashboard",
        "rpcnet certs dev",
        "rpcnet certs ca",
        "rpcnet certs server",
        "rpcnet certs node",
        "rpcnet certs client",
        "rpcnet demo",
        "rpcnet completions",
        "rpcnet man",
    ];

    fn visit(command: &Command, inherited: &str, check: &mut impl FnMut(&Command, &str)) {
        let own = command.get_after_help().map(ToString::to_string);
        let text = format!("{inherited}\n{}", own.unwrap_or_default());
        if !command.has_subcommands() {
            check(command, &text);
        }
        for subcommand in command.get_subcommands() {
            visit(subcommand, &text, check);
        }
    }

    fn name(command: &Command) -> String {
        command.get_bin_name().unwrap_or_default().to_owned()
    }

    #[test]
    fn clap_finds_no_fault_with_the_commands() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_command_that_is_for_this_program_alone_is_visible() {
        let root = Cli::command();
        assert!(root.find_subcommand("demo-server").is_some());
        assert!(visible(&root).find_subcommand("demo-server").is_none());
    }

    #[test]
    fn every_command_or_the_one_above_has_examples_and_says_how_it_exits() {
        let mut missing = Vec::new();
        visit(&visible(&Cli::command()), "", &mut |command, text| {
            for part in ["Example", "Exit code"] {
                if !text.contains(part) {
                    missing.push(format!("{}: {part}", name(command)));
                }
            }
        });
        assert_eq!(missing, Vec::<String>::new());
    }

    #[test]
    fn every_command_that_prints_data_prints_it_as_json() {
        let mut missing = Vec::new();
        visit(&visible(&Cli::command()), "", &mut |command, _| {
            let has_json = command.get_arguments().any(|arg| arg.get_id() == "json");
            if has_json == WITHOUT_JSON.contains(&name(command).as_str()) {
                missing.push(name(command));
            }
        });
        assert_eq!(missing, Vec::<String>::new());
    }
}
