#[rpcnet_macros::service]
async fn add(a: i64, b: i64) -> Result<i64, MathError> {
    Ok(a + b)
}

fn main() {}
