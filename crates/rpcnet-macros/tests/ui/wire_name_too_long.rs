#[rpcnet_macros::service]
trait Calculator {
    #[rpc(name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    async fn add(&self, a: i64, b: i64) -> Result<i64, MathError>;
}

fn main() {}
