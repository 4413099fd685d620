#[rpcnet_macros::service]
trait Calculator {
    async fn name(&self) -> Result<&str, MathError>;
}

fn main() {}
