#[rpcnet_macros::service]
trait Calculator {
    async fn sum(&self, numbers: list!(i64)) -> Result<i64, MathError>;
}

fn main() {}
