#[rpcnet_macros::service]
trait Calculator {
    async fn clone(&self) -> Result<(), MathError>;
}

fn main() {}
