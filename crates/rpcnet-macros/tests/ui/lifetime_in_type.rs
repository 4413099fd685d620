#[rpcnet_macros::service]
trait Calculator {
    async fn parse(&self, text: Cow<'_, str>) -> Result<i64, MathError>;
}

fn main() {}
