#[rpcnet_macros::service]
trait Calculator {
    async fn sum(&self, a: impl Stream<Item = i64>, b: impl Stream<Item = i64>) -> Result<i64, MathError>;
}

fn main() {}
