#[rpcnet_macros::service]
trait Calculator {
    async fn get_url(&self) -> Result<String, MathError>;
    async fn getURL(&self) -> Result<String, MathError>;
}

fn main() {}
