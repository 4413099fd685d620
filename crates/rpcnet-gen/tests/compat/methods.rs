&[
    ("a method that is added is noted",
        "async fn a(&self) -> Result<u8, ()>;", "async fn a(&self) -> Result<u8, ()>; async fn b(&self) -> Result<u8, ()>;", &[
        "note: method `S.b` added",
    ]),
    ("a method that is removed breaks all",
        "async fn a(&self) -> Result<u8, ()>; async fn b(&self) -> Result<u8, ()>;", "async fn a(&self) -> Result<u8, ()>;", &[
        "breaking postcard+json: method `S.b` removed",
    ]),
    ("a method that is renamed is gone",
        "async fn a(&self) -> Result<u8, ()>;", "async fn b(&self) -> Result<u8, ()>;", &[
        "breaking postcard+json: method `S.a` removed",
        "note: method `S.b` added",
    ]),
    ("a method may be renamed in Rust alone",
        "async fn a(&self) -> Result<u8, ()>;", "#[rpc(name = \"a\")] async fn b(&self) -> Result<u8, ()>;", &[]),
    ("a new name on the wire breaks all",
        "async fn a(&self) -> Result<u8, ()>;", "#[rpc(name = \"b\")] async fn a(&self) -> Result<u8, ()>;", &[
        "breaking postcard+json: method `S.a` renamed to `S.b` on the wire",
    ]),
    ("the order of methods does not travel",
        "async fn a(&self) -> Result<u8, ()>; async fn b(&self) -> Result<u8, ()>;",
        "async fn b(&self) -> Result<u8, ()>; async fn a(&self) -> Result<u8, ()>;", &[]),
    ("a stream of responses is no reply",
        "async fn a(&self) -> Result<u8, ()>;", "async fn a(&self) -> Result<impl Stream<Item = u8>, ()>;", &[
        "breaking postcard+json: `S.a` changed from unary to server streaming",
    ]),
    ("a stream of requests is no argument",
        "async fn a(&self, n: u8) -> Result<u8, ()>;", "async fn a(&self, n: impl Stream<Item = u8> + Send) -> Result<u8, ()>;", &[
        "breaking postcard+json: `S.a` changed from unary to client streaming",
    ]),
    ("all ways to write a stream are one",
        "async fn a(&self, n: impl Stream<Item = u8>) -> Result<impl Stream<Item = u8>, ()>;",
        "async fn a(&self, n: Pin<Box<dyn futures::Stream<Item = Result<u8, RpcError>> + Send>>) \
         -> Result<std::pin::Pin<Box<dyn Stream<Item = Result<u8, ()>> + Send>>, ()>;", &[]),
    ("items have types",
        "async fn a(&self, n: impl Stream<Item = u8>) -> Result<impl Stream<Item = u8>, ()>;",
        "async fn a(&self, n: impl Stream<Item = i8>) -> Result<impl Stream<Item = i8>, ()>;", &[
        "breaking postcard+json: the request item of `S.a` changed its type from `u8` to `i8`",
        "breaking postcard+json: the response item of `S.a` changed its type from `u8` to `i8`",
    ]),
    ("replies and errors have types",
        "async fn a(&self) -> Result<u8, String>;", "async fn a(&self) -> Result<(), Vec<u8>>;", &[
        "breaking postcard+json: the reply of `S.a` changed its type from `u8` to `()`",
        "breaking postcard+json: the error of `S.a` changed its type from `String` to `Vec<u8>`",
    ]),
    ("the name of a lone argument does not travel",
        "async fn a(&self, n: u8) -> Result<u8, ()>;", "async fn a(&self, number: u8) -> Result<u8, ()>;", &[]),
    ("the type of a lone argument does",
        "async fn a(&self, n: u8) -> Result<u8, ()>;", "async fn a(&self, n: u16) -> Result<u8, ()>;", &[
        "breaking postcard+json: argument `n` of `S.a` changed its type from `u8` to `u16`",
    ]),
    ("the names of several arguments travel",
        "async fn a(&self, n: u8, m: u8) -> Result<u8, ()>;", "async fn a(&self, n: u8, k: u8) -> Result<u8, ()>;", &[
        "breaking postcard+json: argument `m` of `S.a` renamed to `k` on the wire",
    ]),
    ("the order of arguments matters by position only",
        "async fn a(&self, n: u8, m: u8) -> Result<u8, ()>;", "async fn a(&self, m: u8, n: u8) -> Result<u8, ()>;", &[
        "breaking postcard: the arguments of `S.a` changed their order",
    ]),
    ("a second argument changes the form of the request",
        "async fn a(&self, n: u8) -> Result<u8, ()>;", "async fn a(&self, n: u8, m: Option<u8>) -> Result<u8, ()>;", &[
        "breaking postcard+json: argument `m: Option<u8>` added to `S.a`: old peers do not send it",
    ]),
    ("a third one that is optional breaks positions only",
        "async fn a(&self, n: u8, m: u8) -> Result<u8, ()>;", "async fn a(&self, n: u8, m: u8, k: Option<u8>) -> Result<u8, ()>;", &[
        "breaking postcard: argument `k: Option<u8>` added to `S.a`",
    ]),
    ("the first argument breaks all",
        "async fn a(&self) -> Result<u8, ()>;", "async fn a(&self, n: u8) -> Result<u8, ()>;", &[
        "breaking postcard+json: argument `n: u8` added to `S.a`: old peers do not send it",
    ]),
    ("an argument that is removed breaks all",
        "async fn a(&self, n: u8, m: u8, k: u8) -> Result<u8, ()>;", "async fn a(&self, n: u8, m: u8) -> Result<u8, ()>;", &[
        "breaking postcard+json: argument `k` of `S.a` removed: old peers need it",
    ]),
    ("the context does not travel",
        "async fn a(&self, n: u8) -> Result<u8, ()>;", "async fn a(&self, context: rpcnet::CallContext, n: u8) -> Result<u8, ()>;", &[]),
    ("callers rely on a method being idempotent",
        "#[rpc(idempotent)] async fn a(&self) -> Result<u8, ()>;", "async fn a(&self) -> Result<u8, ()>;", &[
        "warning: `S.a` is no longer idempotent: old callers may repeat calls of it",
    ]),
    ("a method that becomes idempotent is noted",
        "async fn a(&self) -> Result<u8, ()>;", "#[rpc(idempotent)] async fn a(&self) -> Result<u8, ()>;", &[
        "note: `S.a` is idempotent now",
    ]),
    ("another timeout is noted",
        "#[rpc(timeout = \"2s\")] async fn a(&self) -> Result<u8, ()>;", "#[rpc(timeout = \"3s\")] async fn a(&self) -> Result<u8, ()>;", &[
        "note: the timeout of `S.a` changed from 2s to 3s",
    ]),
]
