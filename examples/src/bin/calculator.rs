//! Typed errors, the call's context, idempotence, and streams of numbers.
//!
//! ```text
//! cargo run -p rpcnet-examples --bin calculator
//! cargo run -p rpcnet-examples --bin calculator -- server --address 127.0.0.1:4433
//! cargo run -p rpcnet-examples --bin calculator -- client --address 127.0.0.1:4433
//! ```
//!
//! The service is defined in `definitions/calculator.rpc.rs`.
#![expect(clippy::print_stdout, reason = "a program that talks to its reader")]

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use async_stream::stream;
use futures::{Stream, StreamExt, TryStreamExt, pin_mut, stream};
use rpcnet::{CallContext, CallError, CallOptions, CodecId};
use rpcnet_examples::calculator::by_attribute::{
    CalculatorClient, CalculatorHandler, CalculatorServer, MathError,
};
use rpcnet_examples::{ClientEnd, GRACE, Outcome, ServerEnd, run};

/// One handler serves all calls at once, so what changes is in a `Mutex`.
#[derive(Default)]
struct Machine {
    memory: Mutex<i64>,
}

impl CalculatorHandler for Machine {
    async fn add(&self, a: i64, b: i64) -> Result<i64, MathError> {
        a.checked_add(b).ok_or(MathError::Overflow)
    }

    async fn divide(&self, dividend: i64, divisor: i64) -> Result<i64, MathError> {
        if divisor == 0 {
            return Err(MathError::DivisionByZero);
        }
        dividend.checked_div(divisor).ok_or(MathError::Overflow)
    }

    async fn remember(&self, number: i64) -> Result<i64, MathError> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        *memory = memory.checked_add(number).ok_or(MathError::Overflow)?;
        Ok(*memory)
    }

    async fn time_left_ms(&self, context: CallContext) -> Result<u64, MathError> {
        u64::try_from(context.remaining().as_millis()).map_err(|_| MathError::Overflow)
    }

    async fn primes(&self, below: u64) -> Result<impl Stream<Item = u64>, MathError> {
        // Lazy: the next prime is looked for when the caller has room for it.
        Ok(stream::iter((2..below).filter(|n| {
            (2..*n).take_while(|d| d * d <= *n).all(|d| n % d != 0)
        })))
    }

    async fn sum(&self, numbers: impl Stream<Item = i64> + Send) -> Result<i64, MathError> {
        pin_mut!(numbers);
        let mut sum = 0i64;
        while let Some(number) = numbers.next().await {
            sum = sum.checked_add(number).ok_or(MathError::Overflow)?;
        }
        Ok(sum)
    }

    async fn running_sum(
        &self,
        start: i64,
        mut numbers: impl Stream<Item = i64> + Send + Unpin,
    ) -> Result<impl Stream<Item = Result<i64, MathError>>, MathError> {
        Ok(stream! {
            let mut sum = start;
            while let Some(number) = numbers.next().await {
                match sum.checked_add(number) {
                    Some(next) => sum = next,
                    None => {
                        yield Err(MathError::Overflow);
                        return;
                    }
                }
                yield Ok(sum);
            }
        })
    }
}

#[tokio::main]
async fn main() -> Outcome {
    run(serve, call).await
}

async fn serve(mut end: ServerEnd) -> Outcome {
    let mut server = CalculatorServer::new(Machine::default(), end.config());
    end.announce(server.bind()?);
    let report = server.serve_with_shutdown(end.stopped(), GRACE).await?;
    println!("shut down, {} calls cut", report.cut);
    Ok(())
}

async fn call(end: ClientEnd) -> Outcome {
    let calculator = CalculatorClient::connect(end.address(), end.config()).await?;
    println!("20 + 22 = {}", calculator.add(20, 22).await?);

    // The service's own error arrives as the enum that the handler returned.
    match calculator.divide(1, 0).await {
        Err(CallError::Service(error @ MathError::DivisionByZero)) => println!("1 / 0: {error:?}"),
        other => return Err(format!("expected an error, got {other:?}").into()),
    }

    calculator.remember(40).await?;
    println!("remembered {}", calculator.remember(2).await?);

    // Options belong to a handle; a clone with others costs next to nothing.
    let options = CallOptions::new().with_timeout(Duration::from_millis(500));
    let left = calculator
        .clone()
        .with_options(options)
        .time_left_ms()
        .await?;
    println!(
        "of 500 ms, the handler had some left: {}",
        (1..=500).contains(&left)
    );

    // The same server answers in JSON to whoever asks in JSON.
    let in_json = calculator.clone().with_codec(CodecId::JSON);
    println!("in JSON, 20 + 22 = {}", in_json.add(20, 22).await?);

    let primes: Vec<u64> = calculator.primes(20).await?.try_collect().await?;
    println!("primes: {primes:?}");
    println!("sum: {}", calculator.sum(stream::iter([1, 2, 3])).await?);

    let mut sums = calculator
        .running_sum(i64::MAX - 3, stream::iter([1, 2, 3, 4]))
        .await?;
    while let Some(sum) = sums.next().await {
        match sum {
            Ok(sum) => println!("running sum: i64::MAX - {}", i64::MAX - sum),
            Err(CallError::Service(error)) => println!("running sum: {error:?}"),
            Err(CallError::Rpc(error)) => return Err(error.into()),
        }
    }
    Ok(())
}
