&[
    ("a service that is added is noted",
        "#[rpcnet::service] trait A { async fn a(&self) -> Result<u8, ()>; }",
        "#[rpcnet::service] trait A { async fn a(&self) -> Result<u8, ()>; } #[service] trait B { async fn a(&self) -> Result<u8, ()>; }", &[
        "note: service `B` added",
    ]),
    ("a service that is removed breaks all",
        "#[rpcnet::service] trait A { async fn a(&self) -> Result<u8, ()>; } #[service] trait B { async fn a(&self) -> Result<u8, ()>; }",
        "#[rpcnet::service] trait A { async fn a(&self) -> Result<u8, ()>; }", &[
        "breaking postcard+json: service `B` removed",
    ]),
    ("a service may be renamed in Rust alone",
        "#[rpcnet::service] trait A { async fn a(&self) -> Result<u8, ()>; }",
        "#[rpcnet::service(name = \"A\")] trait B { async fn a(&self) -> Result<u8, ()>; }", &[]),
    ("a new name on the wire breaks all methods at once",
        "#[rpcnet::service] trait A { async fn a(&self) -> Result<u8, ()>; async fn b(&self) -> Result<u8, ()>; }",
        "#[rpcnet::service(name = \"\")] trait A { async fn a(&self) -> Result<u8, ()>; async fn b(&self) -> Result<u8, ()>; }", &[
        "breaking postcard+json: service `A` renamed to `` on the wire",
    ]),
    ("traits that are no services do not travel",
        "#[rpcnet::service] trait A { async fn a(&self) -> Result<u8, ()>; } trait B { fn a(&self); }",
        "#[rpcnet::service] trait A { async fn a(&self) -> Result<u8, ()>; }", &[]),
    ("another codec breaks all",
        "#[rpcnet::service] trait A { async fn a(&self) -> Result<u8, ()>; async fn b(&self) -> Result<u8, ()>; }",
        "#[rpcnet::service(codec = \"protobuf\")] trait A { async fn a(&self) -> Result<u8, ()>; async fn b(&self) -> Result<u8, ()>; }", &[
        "breaking postcard+json+protobuf: service `A` changed its codec",
    ]),
    ("of protobuf messages only the numbers and kinds travel",
        "struct M { #[prost(string, tag = \"1\")] a: String, #[prost(uint32, tag = \"2\")] b: u32 } \
         #[rpcnet::service(codec = \"protobuf\")] trait A { async fn a(&self, m: M) -> Result<M, M>; }",
        "struct M { #[prost(uint32, tag = \"2\")] c: u32, #[prost(string, tag = \"1\")] d: String } \
         #[rpcnet::service(codec = \"protobuf\")] trait A { async fn a(&self, m: M) -> Result<M, M>; }", &[]),
    ("protobuf fields come and go, but keep their kind",
        "struct M { #[prost(string, tag = \"1\")] a: String, #[prost(uint32, tag = \"2\")] b: u32 } \
         #[rpcnet::service(codec = \"protobuf\")] trait A { async fn a(&self, m: M) -> Result<M, M>; }",
        "struct M { #[prost(uint32, tag = \"3\")] c: u32, #[prost(bytes = \"vec\", tag = \"1\")] a: Vec<u8> } \
         #[rpcnet::service(codec = \"protobuf\")] trait A { async fn a(&self, m: M) -> Result<M, M>; }", &[
        "breaking protobuf: `a` of `M`, number 1, changed its type",
        "note: `c` added to `M`, number 3",
        "note: `b` of `M` removed: never use its number 2 again",
    ]),
]
