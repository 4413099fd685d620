#[rpcnet_macros::service]
trait Calculator {
    async fn sum(&self, numbers: impl Stream) -> Result<i64, MathError>;
}

fn main() {}
