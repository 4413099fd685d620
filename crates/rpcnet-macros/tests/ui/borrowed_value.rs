#[rpcnet_macros::service]
trait Calculator {
    async fn parse(&self, text: &mut Text) -> Result<i64, MathError>;
}

fn main() {}
