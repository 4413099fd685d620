#[rpcnet_macros::service]
trait Calculator {
    async fn sum(&self, numbers: ...) -> Result<i64, MathError>;
}

fn main() {}
