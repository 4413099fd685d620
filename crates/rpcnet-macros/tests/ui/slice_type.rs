#[rpcnet_macros::service]
trait Calculator {
    async fn sum(&self, numbers: Box<[i64]>) -> Result<i64, MathError>;
}

fn main() {}
