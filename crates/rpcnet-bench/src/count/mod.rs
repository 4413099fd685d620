//! What a call costs in instructions, allocations and copies: counts that no other machine's
//! load changes, under valgrind's callgrind.

mod profile;
mod work;

use std::path::Path;
use std::process::{Command, Stdio};

use self::profile::Profile;
pub(crate) use self::work::Counted;
use crate::runner::Error;

/// What is counted.
struct Load {
    name: &'static str,
    /// No more than eight: under valgrind time passes so much faster than work is done that
    /// a server takes the handlers of larger batches for slow.
    in_flight: usize,
    calls: usize,
    is_typed: bool,
    /// The most instructions of a call: about a fifth more than it takes, since compilers and
    /// dependencies change it too.
    bound: u64,
}

const fn load(name: &'static str, in_flight: usize, bound: u64) -> Load {
    Load {
        name,
        in_flight,
        calls: 600 * in_flight,
        is_typed: false,
        bound,
    }
}

const LOADS: [Load; 5] = [
    load("unary-64-x1", 1, 100_000),
    load("unary-64-x4", 4, 36_000),
    load("unary-64-x8", 8, 24_000),
    Load {
        is_typed: true,
        ..load("typed-64-x1", 1, 103_000)
    },
    Load {
        is_typed: true,
        ..load("typed-64-x8", 8, 26_000)
    },
];

/// How the counting is done.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Fails where a call takes more instructions than it may.
    #[arg(long)]
    check: bool,
    /// Leaves out what a server and a client count of calls.
    #[arg(long)]
    without_metrics: bool,
}

/// Counts, and prints a line for each kind of load: both sides of a call, without what the
/// system does for it.
pub(crate) fn run(args: &Args) -> Result<(), Error> {
    let folder = tempfile::tempdir()?;
    rpcnet::certs::dev_certificates(folder.path())?;
    println!("name instructions bound allocations reallocations copies clock-reads");
    let mut missed = 0;
    for load in LOADS {
        let count = |calls| count(folder.path(), &load, calls, args.without_metrics);
        // Functions are counted from the start of the process.
        let (profile, before) = (count(load.calls)?, count(0)?);
        let Load { name, bound, .. } = load;
        let per_call = |names: &[&str]| {
            let count = profile.calls_of(names) as f64 - before.calls_of(names) as f64;
            count / load.calls as f64
        };
        let instructions = profile.instructions / load.calls as u64;
        let verdict = if instructions <= bound { "ok" } else { "short" };
        missed += usize::from(instructions > bound);
        println!(
            "{name} {instructions} {bound} {:.2} {:.2} {:.2} {:.2} {verdict}",
            per_call(&["malloc", "calloc", "posix_memalign"]),
            per_call(&["realloc"]),
            per_call(&["memcpy", "memmove"]),
            per_call(&["clock_gettime"]),
        );
    }
    if args.check && missed > 0 {
        return Err(format!("{missed} loads take more instructions than they may").into());
    }
    Ok(())
}

/// Runs so many calls in a process of its own, under valgrind.
fn count(
    folder: &Path,
    load: &Load,
    calls: usize,
    is_without_metrics: bool,
) -> Result<Profile, Error> {
    let out = folder.join("profile");
    let status = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet"])
        .args(["--compress-strings=no", "--compress-pos=no"])
        .arg(format!("--toggle-collect=*{}*", work::MEASURED))
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe()?)
        .arg("counted")
        .arg(folder)
        .args([load.in_flight.to_string(), calls.to_string()])
        .args(load.is_typed.then_some("--typed"))
        .args(is_without_metrics.then_some("--without-metrics"))
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("valgrind: {error}; it is a package of that name"))?;
    if !status.success() {
        return Err(format!("the counted process: {status}").into());
    }
    Profile::parse(&std::fs::read_to_string(out)?)
}
