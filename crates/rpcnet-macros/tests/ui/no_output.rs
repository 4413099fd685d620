#[rpcnet_macros::service]
trait Calculator {
    async fn reset(&self);
}

fn main() {}
