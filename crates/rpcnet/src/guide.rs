//! The README and the guide, so that their code is compiled and run as doctests.
#![cfg(feature = "macros")]

#[doc = include_str!("../../../README.md")]
mod readme {}

#[doc = include_str!("../../../docs/book/src/getting-started.md")]
mod getting_started {}

#[doc = include_str!("../../../docs/book/src/services.md")]
mod services {}

#[doc = include_str!("../../../docs/book/src/streaming.md")]
mod streaming {}

#[doc = include_str!("../../../docs/book/src/errors.md")]
mod errors {}

#[doc = include_str!("../../../docs/book/src/codecs-and-evolution.md")]
mod codecs_and_evolution {}

#[doc = include_str!("../../../docs/book/src/testing.md")]
mod testing {}

#[doc = include_str!("../../../docs/book/src/deadlines-and-cancellation.md")]
mod deadlines_and_cancellation {}

#[doc = include_str!("../../../docs/book/src/limits.md")]
mod limits {}

#[doc = include_str!("../../../docs/book/src/tracing.md")]
mod tracing {}

#[doc = include_str!("../../../docs/book/src/performance.md")]
mod performance {}

#[doc = include_str!("../../../docs/book/src/tls.md")]
mod tls {}

#[doc = include_str!("../../../docs/book/src/certificates.md")]
mod certificates {}

#[doc = include_str!("../../../docs/book/src/shutdown.md")]
mod shutdown {}

#[doc = include_str!("../../../docs/book/src/first-call.md")]
mod first_call {}

#[doc = include_str!("../../../docs/book/src/discovery.md")]
mod discovery {}

#[doc = include_str!("../../../docs/book/src/health.md")]
mod health {}

#[doc = include_str!("../../../docs/book/src/probes.md")]
mod probes {}

#[doc = include_str!("../../../docs/book/src/calling-from-the-shell.md")]
mod calling_from_the_shell {}

#[doc = include_str!("../../../docs/book/src/failures.md")]
mod failures {}

#[doc = include_str!("../../../docs/book/src/partitions.md")]
mod partitions {}

#[doc = include_str!("../../../docs/book/src/cluster-tutorial.md")]
mod cluster_tutorial {}

#[doc = include_str!("../../../docs/book/src/load-balancing.md")]
mod load_balancing {}

#[doc = include_str!("../../../docs/book/src/failover.md")]
mod failover {}

#[doc = include_str!("../../../docs/book/src/draining.md")]
mod draining {}

#[doc = include_str!("../../../docs/book/src/operating.md")]
mod operating {}

#[doc = include_str!("../../../docs/book/src/troubleshooting.md")]
mod troubleshooting {}

#[doc = include_str!("../../../docs/book/src/production.md")]
mod production {}

#[doc = include_str!("../../../docs/book/src/benchmarking.md")]
mod benchmarking {}

#[doc = include_str!("../../../docs/book/src/cli.md")]
mod cli {}

#[doc = include_str!("../../../docs/book/src/python.md")]
mod python {}

#[cfg(all(feature = "metrics", feature = "prometheus"))]
#[doc = include_str!("../../../docs/book/src/observability.md")]
mod observability {}
