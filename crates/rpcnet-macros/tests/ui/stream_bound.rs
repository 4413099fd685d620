#[rpcnet_macros::service]
trait Calculator {
    async fn sum(&self, numbers: impl Stream<Item = i64> + Clone) -> Result<i64, MathError>;
}

fn main() {}
