#[rpcnet_macros::service]
trait Calculator {
    async fn sum(&self, numbers: Vec<_>) -> Result<i64, MathError>;
}

fn main() {}
