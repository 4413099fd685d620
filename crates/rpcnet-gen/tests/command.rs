//! The command `rpcnet-gen`, from the outside.

use std::error::Error;
use std::fs;
use std::process::{Command, Output};

use tempfile::TempDir;

type TestResult = Result<(), Box<dyn Error>>;

#[test]
fn generating_prints_what_was_written_and_how_to_include_it() -> TestResult {
    let place = Place::new()?;
    let run = place.run(&["--input", "api"])?;
    assert_eq!(run.code, 0, "{run:?}");
    for line in [
        "Greeting: api/greeting.rpc.rs -> src/generated/greeting",
        "  wrote src/generated/greeting/types.rs",
        "4 written, 0 unchanged, 0 removed",
        "    mod generated {\n        pub mod greeting;\n    }",
    ] {
        assert!(
            run.stdout.contains(line),
            "{line} is not in\n{}",
            run.stdout
        );
    }
    assert!(
        !run.stdout.contains("cargo:"),
        "that is for build scripts: {}",
        run.stdout
    );
    assert!(place.has("src/generated/greeting/mod.rs"));
    Ok(())
}

#[test]
fn an_output_elsewhere_is_included_by_its_path() -> TestResult {
    let place = Place::new()?;
    let run = place.run(&[
        "--input",
        "api/greeting.rpc.rs",
        "--output",
        "gen",
        "--types-only",
    ])?;
    assert_eq!(run.code, 0, "{run:?}");
    assert!(
        run.stdout
            .contains("#[path = \"../gen/greeting/mod.rs\"]\n    pub mod greeting;"),
        "{}",
        run.stdout
    );
    assert!(!place.has("gen/greeting/client.rs"));
    Ok(())
}

#[test]
fn parts_exclude_each_other() -> TestResult {
    let place = Place::new()?;
    let run = place.run(&["--input", "api", "--server-only", "--client-only"])?;
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("cannot be used with"), "{run:?}");
    Ok(())
}

#[test]
fn a_check_fails_until_the_files_are_up_to_date() -> TestResult {
    let place = Place::new()?;
    let check = ["--input", "api", "--server-only", "--check"];
    let stale = place.run(&check)?;
    assert_eq!(stale.code, 1, "{stale:?}");
    assert!(
        stale
            .stderr
            .contains("missing: src/generated/greeting/server.rs"),
        "{stale:?}"
    );
    let command = "rpcnet-gen --input api --output src/generated --server-only";
    assert!(stale.stderr.trim_end().ends_with(command), "{stale:?}");
    assert!(!place.has("src"));

    assert_eq!(place.run(&["--input", "api", "--server-only"])?.code, 0);
    let fresh = place.run(&check)?;
    assert_eq!(
        (fresh.code, fresh.stdout.as_str()),
        (0, "3 files are up to date\n"),
        "{fresh:?}"
    );
    Ok(())
}

#[test]
fn mistakes_of_all_inputs_go_to_standard_error() -> TestResult {
    let place = Place::new()?;
    place.write("api/a.rpc.rs", "trait {")?;
    place.write("api/b.rpc.rs", "\n trait {")?;
    let run = place.run(&["--input", "api"])?;
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:?}");
    assert!(run.stderr.contains("api/a.rpc.rs:1:7: error: "), "{run:?}");
    assert!(run.stderr.contains("api/b.rpc.rs:2:8: error: "), "{run:?}");
    assert!(!place.has("src"));
    Ok(())
}

#[test]
fn an_input_that_is_not_there_is_named_with_the_cause() -> TestResult {
    let place = Place::new()?;
    let run = place.run(&["--input", "nowhere"])?;
    assert_eq!(run.code, 2, "{run:?}");
    assert!(
        run.stderr.starts_with("error: cannot read nowhere: "),
        "{run:?}"
    );
    assert_eq!(place.run(&[])?.code, 2, "an input is needed");
    Ok(())
}

#[test]
fn the_help_shows_examples_and_exit_codes() -> TestResult {
    let help = Place::new()?.run(&["--help"])?;
    assert_eq!(help.code, 0);
    for part in [
        "--input",
        "src/generated",
        "Examples:",
        "rpcnet-gen check",
        "Exit codes:",
    ] {
        assert!(
            help.stdout.contains(part),
            "{part} is not in\n{}",
            help.stdout
        );
    }
    Ok(())
}

#[test]
fn comparing_fails_where_a_change_breaks() -> TestResult {
    let place = Place::new()?;
    place.write(
        "new.rpc.rs",
        &DEFINITION.replace("name: String", "name: String, shout: bool"),
    )?;
    let run = place.run(&["check", "api/greeting.rpc.rs", "new.rpc.rs"])?;
    assert_eq!(run.code, 1, "{run:?}");
    assert_eq!(
        run.stdout,
        "breaking:\n  new.rpc.rs:3:41: argument `shout: bool` added to `Greeting.greet`: old peers do not send it \
         (breaks postcard, json) [Greeting.greet]\n1 breaking, 0 to heed, 0 to note\n"
    );
    Ok(())
}

#[test]
fn comparing_is_content_where_nothing_breaks() -> TestResult {
    let place = Place::new()?;
    let same = place.run(&["check", "api", "api"])?;
    assert_eq!(
        (same.code, same.stdout.as_str()),
        (0, "no change on the wire\n"),
        "{same:?}"
    );
    let more = DEFINITION.replace("\n}", "\n    async fn wave(&self) -> Result<(), ()>;\n}");
    place.write("new.rpc.rs", &more)?;
    let added = place.run(&["check", "api", "new.rpc.rs"])?;
    assert_eq!(added.code, 0, "{added:?}");
    assert!(
        added.stdout.contains("method `Greeting.wave` added"),
        "{added:?}"
    );
    let missing = place.run(&["check", "api", "nowhere"])?;
    assert_eq!(missing.code, 2, "{missing:?}");
    Ok(())
}

#[test]
fn comparing_prints_an_array_for_programs() -> TestResult {
    let place = Place::new()?;
    place.write(
        "new \"1\".rpc.rs",
        &DEFINITION.replace("Result<String,", "Result<u8,"),
    )?;
    let run = place.run(&["check", "--json", "api", "new \"1\".rpc.rs"])?;
    assert_eq!(run.code, 1, "{run:?}");
    let found: serde_json::Value = serde_json::from_str(&run.stdout)?;
    assert_eq!(
        found,
        serde_json::json!([{
            "severity": "breaking",
            "kind": "reply-retyped",
            "message": "the reply of `Greeting.greet` changed its type from `String` to `u8`",
            "file": "new \"1\".rpc.rs",
            "line": 3,
            "column": 51,
            "breaks": ["postcard", "json"],
            "methods": ["Greeting.greet"],
        }])
    );
    let none = place.run(&["check", "--json", "api", "api"])?;
    assert_eq!((none.code, none.stdout.as_str()), (0, "[]\n"));
    Ok(())
}

const DEFINITION: &str = "#[rpcnet::service]\npub trait Greeting {\n    async fn greet(&self, name: String) -> Result<String, String>;\n}\n";

/// A folder to run the command in.
struct Place(TempDir);

#[derive(Debug)]
struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Place {
    /// With one definition in the folder `api`.
    fn new() -> Result<Self, Box<dyn Error>> {
        let place = Self(TempDir::new()?);
        fs::create_dir(place.0.path().join("api"))?;
        place.write("api/greeting.rpc.rs", DEFINITION)?;
        Ok(place)
    }

    fn write(&self, path: &str, text: &str) -> Result<(), Box<dyn Error>> {
        Ok(fs::write(self.0.path().join(path), text)?)
    }

    fn has(&self, path: &str) -> bool {
        self.0.path().join(path).exists()
    }

    fn run(&self, arguments: &[&str]) -> Result<Run, Box<dyn Error>> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rpcnet-gen"));
        let Output {
            status,
            stdout,
            stderr,
        } = command
            .args(arguments)
            .current_dir(self.0.path())
            .output()?;
        let code = status.code().ok_or("ended by a signal")?;
        Ok(Run {
            code,
            stdout: String::from_utf8(stdout)?,
            stderr: String::from_utf8(stderr)?,
        })
    }
}
