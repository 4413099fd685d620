#[rpcnet_macros::service]
trait Calculator {
    async fn parse(&self, text: &'static str) -> Result<i64, MathError>;
}

fn main() {}
