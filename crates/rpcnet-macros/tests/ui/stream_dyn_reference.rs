#[rpcnet_macros::service]
trait Calculator {
    async fn sum(&self, numbers: &mut dyn Stream<Item = i64>) -> Result<i64, MathError>;
}

fn main() {}
