#[rpcnet_macros::service]
trait Calculator {
    async fn copy(&self) -> Result<Self, MathError>;
}

fn main() {}
