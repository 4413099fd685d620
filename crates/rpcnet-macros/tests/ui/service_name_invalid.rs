#[rpcnet_macros::service(name = "calc v1")]
trait Calculator {
    async fn add(&self, a: i64, b: i64) -> Result<i64, MathError>;
}

fn main() {}
