#[rpcnet_macros::service]
trait Calculator {
    async fn primes(&self, below: u64) -> impl Stream<Item = u64>;
}

fn main() {}
