//! The limits in force, by the names that they are set by.

use serde::Serialize;

use super::shown::{ms, us};
use crate::limits::Limits;

#[derive(Debug, Serialize)]
pub(super) struct LimitsJson {
    message_bytes_max: usize,
    header_bytes_max: usize,
    header_timeout_ms: u64,
    stall_timeout_ms: u64,
    calls_per_connection_max: usize,
    calls_per_server_max: usize,
    retry_after_ms: u64,
    connections_max: usize,
    handshakes_before_retry: usize,
    handshake_timeout_ms: u64,
    queued_reply_bytes_max: usize,
    queued_request_bytes_max: usize,
    stream_window: usize,
    connection_window: usize,
    stream_send_buffer: usize,
    socket_buffer_bytes: usize,
    mtu_max: u16,
    busy_poll_us: u64,
    idle_timeout_ms: u64,
}

impl LimitsJson {
    pub(super) fn new(limits: &Limits) -> Self {
        // Taken apart, so that none is forgotten.
        let Limits {
            message_bytes_max,
            header_bytes_max,
            header_timeout,
            stall_timeout,
            calls_per_connection_max,
            calls_per_server_max,
            retry_after,
            connections_max,
            handshakes_before_retry,
            handshake_timeout,
            queued_reply_bytes_max,
            queued_request_bytes_max,
            stream_window,
            connection_window,
            stream_send_buffer,
            socket_buffer_bytes,
            mtu_max,
            busy_poll,
            idle_timeout,
        } = *limits;
        Self {
            message_bytes_max,
            header_bytes_max,
            header_timeout_ms: ms(header_timeout),
            stall_timeout_ms: ms(stall_timeout),
            calls_per_connection_max,
            calls_per_server_max,
            retry_after_ms: ms(retry_after),
            connections_max,
            handshakes_before_retry,
            handshake_timeout_ms: ms(handshake_timeout),
            queued_reply_bytes_max,
            queued_request_bytes_max,
            stream_window,
            connection_window,
            stream_send_buffer,
            socket_buffer_bytes,
            mtu_max,
            busy_poll_us: us(busy_poll),
            idle_timeout_ms: ms(idle_timeout),
        }
    }
}
