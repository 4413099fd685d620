//! The attribute `#[rpcnet::service]`: a shim over the generator.
//!
//! No promise of stability: depend on the crate `rpcnet`, which exports the attribute.

use proc_macro::TokenStream;

/// Makes a typed service of a trait.
///
/// The trait says what the two ends agree on, and is replaced by what they need. Of
/// `trait Calculator` becomes
///
/// - `CalculatorHandler`, the trait that a server implements: the same methods, with `async fn`;
/// - `CalculatorServer`, which serves a handler, alone or beside other services;
/// - `CalculatorClient`, which has a method for each call.
///
/// They are as visible as the trait, and carry its docs, its `#[cfg(..)]`, its `#[deprecated]`
/// and its levels of lints. `#[async_trait]` is not needed, and dropped if it stands below this
/// attribute.
///
/// ```text
/// use rpcnet::{CallContext, Stream};
///
/// /// Arithmetic.
/// #[rpcnet::service]
/// pub trait Calculator {
///     /// Adds two numbers.
///     #[rpc(idempotent, timeout = "2s", name = "plus")]
///     async fn add(&self, a: i64, b: i64) -> Result<i64, MathError>;
///
///     /// The primes below a number.
///     async fn primes(&self, context: CallContext, below: u64)
///         -> Result<impl Stream<Item = Result<u64, MathError>>, MathError>;
///
///     /// The sum of the numbers.
///     async fn sum(&self, start: i64, numbers: impl Stream<Item = i64>) -> Result<i64, MathError>;
/// }
/// ```
///
/// # Methods
///
/// A method is `async`, takes `&self`, and returns `Result<T, E>` with an error type of the
/// service's own. Its arguments and its reply are owned types of serde, sent by value. Beside
/// them,
///
/// - one argument may be a stream of requests: `impl Stream<Item = T>`; with
///   `Item = Result<T, RpcError>` the handler learns how the requests end;
/// - the reply may be a stream, whose items may be `Result`s with the method's error;
/// - either may be `Pin<Box<dyn Stream<Item = T> + Send>>` where a type with a name is wanted;
/// - one argument may be the `CallContext`, which only the handler sees.
///
/// # Options of a service
///
/// - `name = "calc.v1"`: the first part of its methods' names on the wire, in place of the
///   trait's name; none if it is empty.
/// - `codec = "protobuf"`: the messages are those of prost, and each method has one at most.
/// - `crate = "path"`: where the crate `rpcnet` is found, if not at `::rpcnet`.
///
/// # Options of a method: `#[rpc(..)]`
///
/// - `idempotent`: the call may be made again when it is not known whether it was served.
/// - `timeout = "2s"`: how long the call may take if its caller sets no deadline: a whole number
///   of `ms`, `s`, `m` or `h`, of `1ms` to `24h`.
/// - `name = "plus"`: its name on the wire, after the service's.
///
/// # Errors
///
/// Everything that is wrong with a definition is reported in one compilation, each mistake where
/// it was made, with what to write instead.
#[proc_macro_attribute]
pub fn service(arguments: TokenStream, item: TokenStream) -> TokenStream {
    rpcnet_gen::expand(arguments.into(), item.into()).into()
}
