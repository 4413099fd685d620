//! The three ways to generate a service make the same service.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rpcnet::{CodecId, RpcConfig};
use tokio::process::Command;
use tokio::time::timeout;

/// A hang guard over building and running the command.
const TIME_LIMIT: Duration = Duration::from_secs(600);

/// Writes a server and a client for one of the generated modules: to the compiler, their traits
/// and types have nothing to do with each other.
macro_rules! ends {
    ($name:ident $(, $types:ident)?) => {
        mod $name {
            use std::net::SocketAddr;

            use futures::{Stream, StreamExt, TryStreamExt, stream};
            use rpcnet::{CallContext, CallError, CallOptions, CodecId, RpcConfig};
            use rpcnet_examples::calculator::$name::{
                CalculatorClient, CalculatorHandler, CalculatorServer,
            };
            use rpcnet_examples::calculator::$name$(::$types)?::MathError;

            struct Machine;

            impl CalculatorHandler for Machine {
                async fn add(&self, a: i64, b: i64) -> Result<i64, MathError> {
                    a.checked_add(b).ok_or(MathError::Overflow)
                }

                async fn divide(&self, dividend: i64, divisor: i64) -> Result<i64, MathError> {
                    dividend
                        .checked_div(divisor)
                        .ok_or(MathError::DivisionByZero)
                }

                async fn remember(&self, number: i64) -> Result<i64, MathError> {
                    Ok(number)
                }

                async fn time_left_ms(&self, context: CallContext) -> Result<u64, MathError> {
                    Ok(u64::from(context.metadata().get("present").is_some()))
                }

                async fn primes(&self, below: u64) -> Result<impl Stream<Item = u64>, MathError> {
                    Ok(stream::iter(
                        [2, 3, 5].into_iter().take_while(move |p| *p < below),
                    ))
                }

                async fn sum(
                    &self,
                    numbers: impl Stream<Item = i64> + Send,
                ) -> Result<i64, MathError> {
                    Ok(numbers.fold(0, async |sum, number| sum + number).await)
                }

                async fn running_sum(
                    &self,
                    start: i64,
                    numbers: impl Stream<Item = i64> + Send,
                ) -> Result<impl Stream<Item = Result<i64, MathError>>, MathError> {
                    let mut sum = start;
                    Ok(numbers.map(move |number| {
                        sum += number;
                        if sum > 9 { Err(MathError::Overflow) } else { Ok(sum) }
                    }))
                }
            }

            pub(super) fn serve(config: RpcConfig) -> SocketAddr {
                let mut server = CalculatorServer::new(Machine, config);
                let address = server.bind().unwrap();
                tokio::spawn(server.serve());
                address
            }

            pub(super) async fn call(address: SocketAddr, config: RpcConfig, codec: CodecId) {
                let client = CalculatorClient::connect(address, config).await.unwrap();
                let client = client.with_codec(codec);
                assert_eq!(client.add(2, 3).await.unwrap(), 5);
                let error = client.divide(1, 0).await.unwrap_err();
                assert_eq!(error.service(), Some(&MathError::DivisionByZero));
                assert_eq!(client.remember(7).await.unwrap(), 7);

                let mut metadata = rpcnet::Metadata::new();
                metadata.insert("present", b"".as_slice()).unwrap();
                let options = CallOptions::new().with_metadata(metadata);
                let with_metadata = client.clone().with_options(options);
                assert_eq!(with_metadata.time_left_ms().await.unwrap(), 1);

                let primes: Vec<u64> = client.primes(5).await.unwrap().try_collect().await.unwrap();
                assert_eq!(primes, [2, 3]);
                assert_eq!(client.sum(stream::iter([1, 2, 3])).await.unwrap(), 6);
                let sums = client
                    .running_sum(4, stream::iter([1, 2, 3, 4]))
                    .await
                    .unwrap();
                let sums: Vec<_> = sums.map_err(CallError::into_service).collect().await;
                let [Ok(5), Ok(7), Err(Ok(MathError::Overflow))] = &sums[..] else {
                    panic!("{sums:?}")
                };
            }
        }
    };
}

ends!(by_attribute);
// In files, what the definition has beside the trait is in a module of its own.
ends!(by_command, types);
ends!(by_build_script, types);

/// Postcard calls carry the fingerprint of their method, so that they succeed only where both
/// sides have the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_client_calls_every_server() {
    let folder = tempfile::tempdir().unwrap();
    let certs = rpcnet::certs::dev_certificates(folder.path()).unwrap();
    let server = || RpcConfig::new(certs.server(), "127.0.0.1:0").with_key_path(certs.server_key());
    let client = || RpcConfig::new(certs.ca(), "127.0.0.1:0");
    let servers = [
        by_attribute::serve(server()),
        by_command::serve(server()),
        by_build_script::serve(server()),
    ];
    for address in servers {
        for codec in [CodecId::POSTCARD, CodecId::JSON] {
            by_attribute::call(address, client(), codec).await;
            by_command::call(address, client(), codec).await;
            by_build_script::call(address, client(), codec).await;
        }
    }
}

#[test]
fn the_build_script_generates_what_is_checked_in() {
    let checked_in = files(&examples().join("src/generated/calculator"));
    let built = files(&Path::new(env!("OUT_DIR")).join("calculator"));
    assert_eq!(checked_in.len(), 4);
    assert!(
        checked_in == built,
        "run rpcnet-gen again, as src/calculator.rs says"
    );
}

#[test]
fn what_is_checked_in_is_what_the_builder_would_write() {
    let report = rpcnet_gen::Builder::new()
        .input(examples().join("definitions/calculator.rpc.rs"))
        .output(examples().join("src/generated"))
        .check()
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(report.unchanged.len(), 4);
}

#[tokio::test]
async fn the_command_finds_what_is_checked_in_up_to_date() {
    let command = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "-p", "rpcnet-gen", "--"])
        .args(["--input", "definitions/calculator.rpc.rs"])
        .args(["--output", "src/generated", "--check"])
        .current_dir(examples())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(TIME_LIMIT, command)
        .await
        .expect("in time")
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(printed, "4 files are up to date\n");
}

fn examples() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The files of a folder, by name, with their text.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read_to_string(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}
