//! [`CallOptions`]: what a single call may say beyond its method and payload.

use std::time::Duration;

use rpcnet_proto::{CodecId, Metadata, TraceContext};

/// Options of one call; the default is what `RpcClient::call` uses.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use rpcnet::CallOptions;
///
/// let options = CallOptions::new().with_timeout(Duration::from_millis(200)).idempotent();
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct CallOptions {
    pub(crate) timeout: Option<Duration>,
    pub(crate) metadata: Metadata,
    pub(crate) trace: Option<TraceContext>,
    pub(crate) codec: Option<CodecId>,
    pub(crate) idempotent: bool,
    pub(crate) wait_for_ready: bool,
    pub(crate) schema: Option<u64>,
    /// Asks the server how busy it is: for whoever chooses among servers.
    pub(crate) load_report: bool,
}

impl CallOptions {
    /// Starts from the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bounds the whole call, from now until its result.
    ///
    /// Inside a handler the handler's own deadline holds where it is earlier. Zero
    /// fails before anything is sent.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sends these key/value pairs with the call.
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// Sends this W3C trace context; inside a handler the handler's own is the default.
    pub fn with_trace(mut self, trace: TraceContext) -> Self {
        self.trace = Some(trace);
        self
    }

    /// Names the codec of the payloads. Default: raw bytes.
    pub fn with_codec(mut self, codec: CodecId) -> Self {
        self.codec = Some(codec);
        self
    }

    /// Declares that executing the call twice is the same as executing it once.
    ///
    /// A unary call that was lost with its connection is then sent again, at most
    /// twice, within its deadline.
    pub fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// Waits for a connection until the deadline instead of failing when the
    /// connect timeout has passed.
    pub fn wait_for_ready(mut self) -> Self {
        self.wait_for_ready = true;
        self
    }

    /// Says what the caller takes the method's messages to look like; typed clients set
    /// it. A server that expects others refuses the call.
    pub fn with_schema(mut self, schema: u64) -> Self {
        self.schema = Some(schema);
        self
    }

    /// How long the call may take, where it was set.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// What travels with the call.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The trace context, where it was set.
    #[must_use]
    pub fn trace(&self) -> Option<TraceContext> {
        self.trace
    }

    /// The codec of the payloads.
    #[must_use]
    pub fn codec(&self) -> CodecId {
        self.codec.unwrap_or(CodecId::RAW)
    }

    /// Whether executing the call twice is the same as executing it once.
    #[must_use]
    pub fn is_idempotent(&self) -> bool {
        self.idempotent
    }

    /// See [`with_schema`](Self::with_schema).
    #[must_use]
    pub fn schema(&self) -> Option<u64> {
        self.schema
    }
}
