#[rpcnet_macros::service]
trait Calculator {
    async fn sum(&self, numbers: impl Stream<Item = Result<i64, MathError>>) -> Result<i64, MathError>;
}

fn main() {}
