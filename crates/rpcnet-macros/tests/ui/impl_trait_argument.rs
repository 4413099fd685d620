#[rpcnet_macros::service]
trait Calculator {
    async fn parse(&self, text: impl Into<String>) -> Result<i64, MathError>;
}

fn main() {}
