#[rpcnet_macros::service]
trait Calculator {
    async fn größe(&self) -> Result<u64, MathError>;
}

fn main() {}
