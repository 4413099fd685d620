#[rpcnet_macros::service]
trait Calculator {
    async fn add(&self, a: i64, _: i64) -> Result<i64, MathError>;
}

fn main() {}
