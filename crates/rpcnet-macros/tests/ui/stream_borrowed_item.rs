#[rpcnet_macros::service]
trait Calculator {
    async fn parse(&self, texts: impl Stream<Item = &str>) -> Result<i64, MathError>;
}

fn main() {}
