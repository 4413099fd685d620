#[rpcnet_macros::service]
trait Calculator {
    const ZERO: i64;
    async fn add(&self, a: i64, b: i64) -> Result<i64, MathError>;
}

fn main() {}
