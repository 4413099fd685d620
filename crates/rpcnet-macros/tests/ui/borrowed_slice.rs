#[rpcnet_macros::service]
trait Calculator {
    async fn parse(&self, bytes: &[u8]) -> Result<i64, MathError>;
}

fn main() {}
