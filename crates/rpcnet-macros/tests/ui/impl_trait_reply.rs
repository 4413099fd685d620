#[rpcnet_macros::service]
trait Calculator {
    async fn name(&self) -> Result<impl Display, MathError>;
}

fn main() {}
