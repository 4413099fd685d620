#[rpcnet_macros::service]
trait Calculator {
    async fn connect(&self, name: String) -> Result<(), MathError>;
}

fn main() {}
