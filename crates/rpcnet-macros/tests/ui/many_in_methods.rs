#[rpcnet_macros::service(naem = "calc")]
trait Calculator: Send {
    #[rpc(timeout = "2")]
    fn add(&mut self, a: &str, _: i64) -> i64;
    async fn sum(&self, numbers: impl Stream<Item = &[u8]>) -> Result<i64>;
    async fn new(&self, f: fn()) -> Result<Self, &str>;
    type Number;
}

fn main() {}
