#[rpcnet_macros::service]
trait Calculator {
    async fn stop(&self) -> Result<!, MathError>;
}

fn main() {}
