#[rpcnet_macros::service]
trait Calculator {
    async fn all(&self) -> Result<impl Stream<Item = i64> + '_, MathError>;
}

fn main() {}
