#[rpcnet_macros::service]
trait Calculator {
    async fn map(&self, f: fn(i64) -> i64) -> Result<i64, MathError>;
}

fn main() {}
