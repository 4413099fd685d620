#[rpcnet_macros::service]
trait Calculator {
    async fn add(&self, a: CallContext, b: CallContext) -> Result<i64, MathError>;
}

fn main() {}
