#[rpcnet_macros::service]
trait Calculator {
    async fn add<'a>(&'a self, a: i64) -> Result<i64, MathError>;
}

fn main() {}
