//! What the server presents, and for how long it counts.

use serde::Serialize;

use super::shown::{text, unix_ms};
use crate::server::RpcServer;

#[derive(Debug, Serialize)]
pub(super) struct CertificateJson {
    serial: String,
    not_before_ms: u64,
    not_after_ms: u64,
    /// When the last of the authorities ends that peers are verified against.
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_not_after_ms: Option<u64>,
    reloads: u64,
    reloads_failed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_failure: Option<String>,
}

impl CertificateJson {
    pub(super) fn new(server: &RpcServer) -> Option<Self> {
        let status = server.certificates()?;
        let own = status.identity?;
        Some(Self {
            serial: own.serial_hex,
            not_before_ms: unix_ms(own.not_before),
            not_after_ms: unix_ms(own.not_after),
            ca_not_after_ms: status.ca_not_after.map(unix_ms),
            reloads: status.reloads,
            reloads_failed: status.reloads_failed,
            last_failure: status.last_failure.map(|failure| text(&failure.reason)),
        })
    }
}
