//! [`Catalogue`]: an answer under construction, cut before it grows too long.

use bytes::Bytes;
use rpcnet_proto::{Code, CodecId, Method};
use serde::Serialize;

use super::entry;
use crate::codec;
use crate::error::RpcError;
use crate::server::Route;

/// Whether messages are described.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    Line,
    Full,
}

/// Methods and their services, as JSON.
#[derive(Debug)]
pub(super) struct Catalogue {
    detail: Detail,
    services: Vec<ServiceJson>,
    methods: Vec<Bytes>,
    /// Bytes of the methods.
    len: usize,
    last: Option<Method>,
    is_cut: bool,
}

#[derive(Debug, Serialize)]
struct ServiceJson {
    name: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    doc: &'static str,
}

impl Catalogue {
    pub(super) fn new(detail: Detail) -> Self {
        Self {
            detail,
            services: Vec::new(),
            methods: Vec::new(),
            len: 0,
            last: None,
            is_cut: false,
        }
    }

    /// Adds a method; false where it has no room any more. The first one has it always.
    ///
    /// # Errors
    ///
    /// What is known about the method is longer than an answer may be.
    pub(super) fn add(&mut self, method: &Method, route: &Route) -> Result<bool, RpcError> {
        let described = match self.detail {
            Detail::Line => entry::line(method, route)?,
            Detail::Full => entry::full(method, route)?,
        };
        self.is_cut = !self.methods.is_empty() && self.len + described.len() > ANSWER_BYTES_MAX;
        if self.is_cut {
            return Ok(false);
        }
        let service = route.about.as_deref().filter(|it| !it.service.is_empty());
        if let Some(about) = service
            && self.services.iter().all(|it| it.name != about.service)
        {
            self.services.push(ServiceJson {
                name: about.service,
                doc: entry::bounded(about.service_doc),
            });
        }
        self.len += described.len();
        self.methods.push(described);
        self.last = Some(method.clone());
        Ok(true)
    }

    pub(super) fn finish(self) -> Result<Bytes, RpcError> {
        let services = codec::encode(CodecId::JSON, &self.services)?;
        let mut answer = Vec::with_capacity(services.len() + self.len + self.methods.len() + 64);
        answer.extend_from_slice(b"{\"services\":");
        answer.extend_from_slice(&services);
        answer.extend_from_slice(b",\"methods\":[");
        for (index, method) in self.methods.iter().enumerate() {
            answer.extend_from_slice(if index == 0 { b"" } else { b"," });
            answer.extend_from_slice(method);
        }
        answer.push(b']');
        if let Some(last) = self.last.filter(|_| self.is_cut) {
            answer.extend_from_slice(b",\"next\":");
            answer.extend_from_slice(&codec::encode(CodecId::JSON, last.as_str())?);
        }
        answer.push(b'}');
        Ok(answer.into())
    }
}

/// Bytes of the methods in one answer; where there are more, it says after which one to go on.
pub(super) const ANSWER_BYTES_MAX: usize = 256 << 10;

/// A method of which more is known than an answer holds.
pub(super) fn too_long(len: usize) -> RpcError {
    let message = format!(
        "the description of a method has {len} bytes, more than the {ANSWER_BYTES_MAX} of an answer"
    );
    RpcError::status(Code::ResourceExhausted, message)
}
