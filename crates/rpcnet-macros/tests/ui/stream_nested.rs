#[rpcnet_macros::service]
trait Calculator {
    async fn sum(&self, numbers: Option<impl Stream<Item = i64>>) -> Result<i64, MathError>;
}

fn main() {}
