#[rpcnet_macros::service]
trait Calculator {
    async fn add(&self, (a, b): (i64, i64)) -> Result<i64, MathError>;
}

fn main() {}
