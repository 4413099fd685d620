#[rpcnet_macros::service]
trait Calculator {
    async fn parse(&self, text: Box<dyn Display>) -> Result<i64, MathError>;
}

fn main() {}
