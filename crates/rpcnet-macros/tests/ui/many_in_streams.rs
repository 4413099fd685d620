#[rpcnet_macros::service]
trait Feeds {
    async fn one(
        &self,
        first: impl Stream<Item = i64>,
        second: impl Stream<Item = Result<i64, FeedError>>,
    ) -> Result<impl Stream<Item = Result<i64, String>>, FeedError>;
    async fn two(&self, all: Vec<impl Stream<Item = i64>>) -> Result<dyn Stream<Item = i64>, FeedError>;
    async fn three(&self, a: impl Stream + Clone, b: CallContext, c: CallContext) -> Result<(), FeedError>;
    async fn three(&self);
}

fn main() {}
