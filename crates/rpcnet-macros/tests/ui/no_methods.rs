#[rpcnet_macros::service]
trait Calculator {
}

fn main() {}
