#[rpcnet_macros::service]
trait Calculator {
    async fn all(&self) -> Result<Vec<Pin<Box<dyn Stream<Item = i64> + Send>>>, MathError>;
}

fn main() {}
