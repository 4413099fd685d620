//! The calls that are counted, client and server on one thread of one process.

use std::net::SocketAddr;
use std::path::PathBuf;

use futures::future::try_join_all;
use tokio::runtime::Runtime;

use crate::load::Shape;
use crate::peer::rpc::{self, Setup};
use crate::runner::{Caller, Error, local};

/// The name of the function whose instructions count.
pub(super) const MEASURED: &str = "measured_calls";

/// Calls before those that count: connections, buffers and habits are made by then.
const WARM_UP: usize = 300;

const PAYLOAD: &[u8] = &[7; 64];

/// What the counted process is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Counted {
    /// Where the certificates are.
    certs: PathBuf,
    /// Calls at once.
    in_flight: usize,
    /// Calls in all.
    calls: usize,
    /// Counts no calls as a server and a client do.
    #[arg(long)]
    without_metrics: bool,
    /// Calls a method whose argument and reply are texts, by a generated client.
    #[arg(long)]
    typed: bool,
}

impl Counted {
    pub(crate) fn run(&self) -> Result<(), Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let caller = runtime.block_on(async {
            let addr = self.serve().await?;
            match self.typed {
                true => rpc::connect_typed(addr, &self.certs, self.setup()).await,
                false => rpc::connect(addr, &self.certs, self.setup(), Shape::Unary).await,
            }
        })?;
        let warm_up = WARM_UP.max(4 * self.in_flight);
        runtime.block_on(call(&caller, self.in_flight, warm_up))?;
        measured_calls(&runtime, &caller, self.in_flight, self.calls)
    }

    const fn setup(&self) -> Setup {
        match self.without_metrics {
            true => Setup::Uncounted,
            false => Setup::Default,
        }
    }

    async fn serve(&self) -> Result<SocketAddr, Error> {
        let (server, quic_server) = rpc::bind(&self.certs, self.setup(), local()).await?;
        let addr = quic_server.local_addr()?;
        tokio::spawn(async move { server.start(quic_server).await });
        Ok(addr)
    }
}

#[inline(never)]
fn measured_calls(
    runtime: &Runtime,
    caller: &Caller,
    in_flight: usize,
    calls: usize,
) -> Result<(), Error> {
    runtime.block_on(call(caller, in_flight, calls))
}

/// Makes so many calls from so many tasks.
async fn call(caller: &Caller, in_flight: usize, calls: usize) -> Result<(), Error> {
    let tasks = (0..in_flight).map(|_| {
        let caller = caller.clone();
        tokio::spawn(async move {
            for _ in 0..calls / in_flight {
                (caller.unary)(PAYLOAD.into()).await?;
            }
            Ok::<_, Error>(())
        })
    });
    for ended in try_join_all(tasks).await? {
        ended?;
    }
    Ok(())
}
