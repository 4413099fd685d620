#[rpcnet_macros::service(codec = "protobuf")]
trait Calculator {
    async fn add(&self, a: Number, b: Number) -> Result<Number, MathError>;
}

fn main() {}
