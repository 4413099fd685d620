use rpcnet::Stream;

/// A point on the map.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Point {
    /// Degrees to the north, times ten million.
    #[prost(int32, tag = "1")]
    pub latitude: i32,
    /// Degrees to the east, times ten million.
    #[prost(int32, tag = "2")]
    pub longitude: i32,
}

/// Why there is no route.
#[derive(Clone, PartialEq, prost::Message)]
pub struct NoRoute {}

/// A guide.
#[rpcnet::service(name = "routeguide.RouteGuide", codec = "protobuf")]
pub trait RouteGuide {
    /// The feature at a point.
    #[rpc(name = "GetFeature")]
    async fn get_feature(&self, point: Point) -> Result<Point, NoRoute>;
    /// Chats while walking.
    async fn chat(
        &self,
        points: impl Stream<Item = Point>,
    ) -> Result<impl Stream<Item = Result<Point, NoRoute>>, NoRoute>;
    /// Where to start.
    async fn start(&self) -> Result<Point, NoRoute>;
}
