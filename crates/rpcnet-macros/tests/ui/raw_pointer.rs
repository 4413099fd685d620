#[rpcnet_macros::service]
trait Calculator {
    async fn sum(&self, numbers: *const i64) -> Result<i64, MathError>;
}

fn main() {}
