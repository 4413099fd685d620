#[rpcnet_macros::service]
struct Calculator;

fn main() {}
