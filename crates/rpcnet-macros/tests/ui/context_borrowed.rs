#[rpcnet_macros::service]
trait Calculator {
    async fn add(&self, context: &CallContext) -> Result<i64, MathError>;
}

fn main() {}
