#[rpcnet_macros::service]
#[rpcnet_macros::service(name = "calc")]
trait Calculator {
    async fn add(&self, a: i64, b: i64) -> Result<i64, MathError>;
}

fn main() {}
