#[rpcnet_macros::service]
trait Calculator {
    fn add(&self, a: i64) -> impl Future<Output = Result<i64, MathError>>;
}

fn main() {}
