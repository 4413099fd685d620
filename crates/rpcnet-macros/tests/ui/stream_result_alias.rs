#[rpcnet_macros::service]
trait Calculator {
    async fn all(&self) -> Result<impl Stream<Item = Result<i64>>, MathError>;
}

fn main() {}
