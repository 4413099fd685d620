#[rpcnet_macros::service]
trait Calculator {
    async fn sum(&self, numbers: Box<dyn Stream<Item = i64> + Send>) -> Result<i64, MathError>;
}

fn main() {}
