#[rpcnet_macros::service]
trait Calculator {
    async fn add<Number>(&self, a: Number, b: Number) -> Result<Number, MathError>;
}

fn main() {}
