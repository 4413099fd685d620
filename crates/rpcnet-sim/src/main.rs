//! Measures the membership core's goals, replays a scenario, and searches for a seed that breaks a rule.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command prints its results"
)]

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use rpcnet_sim::cluster::Boot;
use rpcnet_sim::engine::foca::Baseline;
use rpcnet_sim::engine::swim::Core;
use rpcnet_sim::engine::{Engine, Wire};
use rpcnet_sim::goals::Columns;
use rpcnet_sim::node::Order;
use rpcnet_sim::scenario::{NAMES, Outcome, Scenario};
use rpcnet_sim::{fault, figure, goals};

#[derive(Debug, Parser)]
#[command(about = "Simulates rpcnet's membership in virtual time")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measures the goals; fails if one falls short.
    Goals {
        /// Fewer seeds, smaller clusters, shorter times.
        #[arg(long)]
        quick: bool,
        /// Only these goals, such as C1.
        #[arg(long, num_args = 1.., value_name = "NAME")]
        only: Vec<String>,
        /// Whose values.
        #[arg(long, default_value = "both")]
        columns: Which,
        #[command(flatten)]
        wire: Sending,
    },
    /// Runs one scenario; fails if a rule is broken.
    Run(Run),
    /// Runs random scenarios, one per seed; fails at the first that breaks a rule, and makes it small.
    Seeds {
        /// How many.
        #[arg(long, default_value_t = 500)]
        count: u64,
        /// The first.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// How many nodes each has.
        #[arg(long, default_value_t = 16)]
        nodes: u32,
        /// Go on after a failure, and count.
        #[arg(long)]
        keep_going: bool,
        #[command(flatten)]
        wire: Sending,
    },
    /// Lists the scenarios.
    Scenarios,
}

#[derive(Debug, clap::Args)]
struct Run {
    /// Where all chances come from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many nodes there are.
    #[arg(long, default_value_t = 16)]
    nodes: u32,
    /// Which scenario.
    #[arg(long, default_value = "random")]
    scenario: String,
    /// Faults instead of the scenario's own, such as `5s crash 3; 10s split 0-7 for 30s`.
    #[arg(long)]
    faults: Option<String>,
    /// How likely a datagram is lost, instead of what the scenario says.
    #[arg(long)]
    loss: Option<f64>,
    /// How long it runs after the last fault has ended, instead of what the scenario says.
    #[arg(long, value_parser = duration)]
    settle: Option<Duration>,
    /// How many of the nodes know each other from the beginning; the others start by a fault.
    #[arg(long)]
    formed: Option<u32>,
    /// Run timers before sockets after a pause.
    #[arg(long)]
    timers_first: bool,
    /// Which engine runs it.
    #[arg(long, default_value = "rpcnet")]
    engine: Which,
    /// Print everything that happens.
    #[arg(long)]
    trace: bool,
    #[command(flatten)]
    wire: Sending,
}

/// How large what nodes send is.
#[derive(Debug, Clone, Copy, clap::Args)]
struct Sending {
    /// How many bytes of key every record carries; a certificate has about 850.
    #[arg(long, default_value_t = Wire::default().key_bytes)]
    record_bytes: usize,
    /// The largest message that is no stream of its own, in bytes.
    #[arg(long, default_value_t = Wire::default().datagram_bytes)]
    datagram_bytes: usize,
}

impl Sending {
    fn wire(self) -> Wire {
        Wire {
            key_bytes: self.record_bytes,
            datagram_bytes: self.datagram_bytes,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    /// rpcnet's core.
    Rpcnet,
    /// The baseline.
    Foca,
    /// One after the other; a single run takes the first.
    Both,
}

fn main() -> ExitCode {
    let outcome = match Args::parse().command {
        Command::Goals {
            quick,
            only,
            columns,
            wire,
        } => measure(quick, wire.wire(), &only, columns),
        Command::Run(run) => replay(&run),
        Command::Seeds {
            count,
            from,
            nodes,
            keep_going,
            wire,
        } => search(from..from + count, nodes, wire.wire(), keep_going),
        Command::Scenarios => {
            for (name, what) in NAMES {
                println!("{name:<10} {what}");
            }
            Ok(())
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(quick: bool, wire: Wire, only: &[String], columns: Which) -> Result<(), String> {
    let columns = match columns {
        Which::Rpcnet => Columns::Core,
        Which::Foca => Columns::Baseline,
        Which::Both => Columns::Both,
    };
    let names = goals::names();
    let is_known = |name: &&String| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    if let Some(unknown) = only.iter().find(|name| !is_known(name)) {
        return Err(format!(
            "no goal is called {unknown}; there are {}",
            names.join(", ")
        ));
    }
    let short = goals::run(quick, wire, only, columns, &mut |line| println!("{line}"));
    let broken = goals::take_broken();
    for line in &broken {
        println!("broken: {line}");
    }
    match (short, broken.len()) {
        (0, 0) => Ok(()),
        (short, broken) => Err(format!(
            "{short} values fall short, {broken} rules are broken"
        )),
    }
}

fn replay(run: &Run) -> Result<(), String> {
    let named = Scenario::named(&run.scenario, run.seed, run.nodes.max(3));
    let mut scenario = named.ok_or_else(|| format!("no scenario is called {}", run.scenario))?;
    if let Some(text) = &run.faults {
        scenario.faults = fault::read(text)?;
    }
    scenario.plan.readable = run.trace;
    scenario.plan.wire = run.wire.wire();
    if let Some(settle) = run.settle {
        scenario.settle = settle;
    }
    if let Some(loss) = run.loss {
        scenario.plan.link.loss = loss;
    }
    if let Some(formed) = run.formed {
        scenario.plan.boot = Boot::Formed(formed);
    }
    if run.timers_first {
        scenario.plan.order = Order::TimersFirst;
    }
    println!("faults: {}", fault::write(&scenario.faults));
    let outcome = match run.engine {
        Which::Rpcnet | Which::Both => scenario.run::<Core>(),
        Which::Foca => scenario.run::<Baseline>(),
    };
    for line in &outcome.lines {
        println!("{line}");
    }
    for violation in &outcome.violations {
        println!("{violation}");
    }
    println!(
        "trace {:016x}, {} events, at most {:.2} GB",
        outcome.hash,
        outcome.events,
        figure::peak_gb()
    );
    verdict(&outcome)
}

fn duration(text: &str) -> Result<Duration, String> {
    fault::read_duration(text).ok_or_else(|| format!("`{text}` is not a time such as 30s"))
}

fn verdict(outcome: &Outcome) -> Result<(), String> {
    match outcome.violations.len() {
        0 => Ok(()),
        count => Err(format!("{count} rules are broken")),
    }
}

fn search(
    seeds: std::ops::Range<u64>,
    nodes: u32,
    wire: Wire,
    keep_going: bool,
) -> Result<(), String> {
    let count = seeds.end - seeds.start;
    let mut failures = 0;
    let mut hash = 0;
    for seed in seeds {
        let mut scenario = Scenario::random(seed, nodes.max(3));
        scenario.plan.wire = wire;
        let outcome = scenario.run::<Core>();
        hash = rpcnet_sim::chance::scramble(hash ^ outcome.hash);
        let Some(violation) = outcome.violations.first() else {
            continue;
        };
        failures += 1;
        println!("seed {seed}: {violation}");
        println!("  faults: {}", fault::write(&scenario.faults));
        let smallest = scenario.shrink::<Core>();
        println!("  replay: {}", smallest.replay(Core::NAME));
        if !keep_going {
            break;
        }
    }
    println!("{count} seeds, {failures} failed, trace {hash:016x}");
    match failures {
        0 => Ok(()),
        failures => Err(format!("{failures} seeds break a rule")),
    }
}
