#[rpcnet_macros::service]
trait Calculator {
    async fn add(&self, #[serde(default)] a: i64) -> Result<i64, MathError>;
}

fn main() {}
