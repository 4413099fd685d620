#[rpcnet_macros::service]
trait Calculator {
    #[rpc(timeout = "2")]
    async fn add(&self, a: i64, b: i64) -> Result<i64, MathError>;
}

fn main() {}
