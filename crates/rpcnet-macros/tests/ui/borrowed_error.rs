#[rpcnet_macros::service]
trait Calculator {
    async fn name(&self) -> Result<String, &'static str>;
}

fn main() {}
