//! The race: every peer on the same work, turn by turn.

mod goals;
mod plan;
mod plot;
mod server;
mod table;

use std::path::PathBuf;

use self::plan::{Peer, Round};
use self::server::{Place, Server};
use self::table::{Sample, Table};
use crate::runner::Error;

/// How the race is run.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Short repetitions, fewer of them, and not all of the work.
    #[arg(long)]
    quick: bool,
    /// Fails where a goal is missed.
    #[arg(long)]
    check: bool,
    /// Over a network of two hosts instead of loopback, without loss and with one packet of a
    /// hundred lost. Needs root, `ip` and `nft`.
    #[arg(long)]
    network: bool,
    /// Only work whose name begins so.
    #[arg(long)]
    only: Vec<String>,
    /// Only these peers, beside this library.
    #[arg(long, value_enum)]
    against: Vec<Peer>,
    /// Where the table is written, as Markdown.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Where the plot of 64-byte calls is written, as SVG.
    #[arg(long)]
    plot: Option<PathBuf>,
}

/// A repetition in which other machines took more than this share of the processors says
/// nothing.
const STOLEN_MAX: f64 = 0.05;

/// Runs the race.
pub(crate) async fn run(args: &Args) -> Result<(), Error> {
    let certs = tempfile::tempdir()?;
    rpcnet::certs::dev_certificates(certs.path())?;
    let peers = plan::peers(&args.against);
    let programs = server::Programs::build(&peers)?;
    let mut place = match args.network {
        true => Place::network().await?,
        false => Place::Loopback,
    };
    let mut servers = Vec::new();
    for peer in peers {
        match Server::start(peer, &programs, certs.path(), &place).await {
            Ok(server) => servers.push(server),
            Err(error) => println!("without {}: {error}", peer.name()),
        }
    }
    let mut table = Table::default();
    for (loss, work) in plan::works(args) {
        place.set_loss(loss).await?;
        let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); servers.len()];
        for repetition in 0..plan::repetitions(args.quick) {
            let mut round = Vec::new();
            for turn in 0..servers.len() {
                let who = (turn + repetition) % servers.len();
                if !servers[who].peer.does(&work) {
                    continue;
                }
                let peer = servers[who].peer;
                let sample = match work.shape {
                    // Memory that was needed once is not given back.
                    "idle" => {
                        let fresh = Server::start(peer, &programs, certs.path(), &place).await?;
                        fresh.load(&work, certs.path(), &place).await?
                    }
                    _ => servers[who].load(&work, certs.path(), &place).await?,
                };
                round.push((who, sample));
            }
            if round.iter().any(|(_, sample)| sample.stolen > STOLEN_MAX) {
                println!(
                    "{}: repetition {repetition} is spoilt, others had the processors",
                    work.name
                );
                continue;
            }
            for (who, sample) in round {
                samples[who].push(sample);
            }
        }
        let peers = servers.iter().map(|server| server.peer);
        let round = Round::new(work, peers.zip(samples).collect());
        print!("{}", table.add(round));
    }
    let missed = goals::check(table.rounds());
    if let Some(path) = &args.out {
        std::fs::write(path, table.markdown())?;
    }
    if let (Some(path), Some(plot)) = (&args.plot, plot::draw(table.rounds())) {
        std::fs::write(path, plot)?;
    }
    if args.check && missed > 0 {
        return Err(format!("{missed} goals are missed").into());
    }
    Ok(())
}
