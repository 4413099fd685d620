//! Every bound of a connection, a server and a client, in one place.

use std::time::Duration;

use rpcnet_proto::Status;
use rpcnet_proto::wire::FrameLimits;

use crate::error::RpcError;

/// The bounds that one side enforces, each with a default.
///
/// What a limit does when it is reached is part of its description: *refuse*
/// means that the call ends with an error that says so and is safe to repeat,
/// *wait* means that the sender is held back under its deadline.
///
/// # Examples
///
/// ```
/// use rpcnet::{Limits, RpcConfig};
///
/// let mut limits = Limits::default();
/// limits.calls_per_connection_max = 64;
/// let config = RpcConfig::new("certs/server.pem", "127.0.0.1:0").with_limits(limits);
/// # let _ = config;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Largest message body this side accepts, in bytes; announced to the peer,
    /// whose sends beyond it fail locally. Default 4 MiB, at most 1 GiB.
    /// Beyond: that call is refused.
    pub message_bytes_max: usize,
    /// Largest call header (method and metadata) this side accepts, in bytes.
    /// Default 8 KiB, at most 1 MiB. Beyond: that call is refused.
    pub header_bytes_max: usize,
    /// Time a peer has to complete a call header after it opened the stream, and
    /// to send its settings after the handshake. Default 5 s. Beyond: the stream is
    /// reset, or the connection closed.
    pub header_timeout: Duration,
    /// Time without progress inside a message, in either direction: a body that
    /// stops arriving, or a unary reply that the peer does not read; a stream of
    /// responses waits for its reader until the deadline. Default 10 s.
    /// Beyond: the stream is given up as stalled.
    pub stall_timeout: Duration,
    /// Calls that may run at once on one connection of a server; announced, so that
    /// clients wait for a place under their deadline. Default 1,024. Beyond: refused.
    pub calls_per_connection_max: usize,
    /// Calls that may run at once on a server. Default 8,192. Beyond: refused.
    pub calls_per_server_max: usize,
    /// Time that a server tells callers to wait before they try again, when it refuses them
    /// because all places are taken or because it shuts down. Default 50 ms, at most 60 s;
    /// zero says nothing. Clients of this library wait for at least as long before they
    /// repeat a call by themselves.
    pub retry_after: Duration,
    /// Connections a server holds. Default 1,024. Beyond: the connection is refused.
    pub connections_max: usize,
    /// Handshakes in flight before a server answers with Retry, which makes the
    /// client prove its address. Default 128.
    pub handshakes_before_retry: usize,
    /// Time a handshake may take. Default 10 s.
    pub handshake_timeout: Duration,
    /// Reply bytes that wait for a peer on one connection: from the moment a handler
    /// yields them until the peer acknowledged them. Replies of up to 2 KiB are not
    /// counted: the number of calls bounds them already. Default 32 MiB. Beyond:
    /// a unary reply is refused with `ResourceExhausted`, a stream waits.
    pub queued_reply_bytes_max: usize,
    /// Request bytes held on one connection for messages that are being assembled,
    /// and for unary handlers that run. Messages of up to 64 KiB are not counted.
    /// Default 32 MiB, at least `message_bytes_max`. Beyond: the peer waits.
    pub queued_request_bytes_max: usize,
    /// Flow-control window of one stream, in bytes. Default 256 KiB.
    pub stream_window: usize,
    /// Flow-control window of a connection, in bytes; a multiple of
    /// `stream_window`, so that unread streams do not stall the others.
    /// Default 32 MiB, which is 128 unread streams.
    pub connection_window: usize,
    /// Bytes of one stream that wait in the transport for acknowledgement.
    /// Default 256 KiB. Beyond: the writer waits.
    pub stream_send_buffer: usize,
    /// Buffers asked of the system for each socket, one for each direction, in bytes; it may
    /// grant less (`net.core.rmem_max`, `net.core.wmem_max`). Default 4 MiB, at least 64 KiB.
    /// Beyond: datagrams are lost and sent again.
    pub socket_buffer_bytes: usize,
    /// Largest packet that is sent, in bytes, its IP header included. Default 1,500, what
    /// Ethernet carries; from 1,228 to 9,216. Packets grow up to it as probes of that size
    /// arrive (RFC 8899), so that too large a value costs some speed and nothing else. See
    /// [`RpcConfig::with_jumbo_packets`](crate::RpcConfig::with_jumbo_packets).
    pub mtu_max: u16,
    /// Time for which a socket's task goes on looking for datagrams before it lets its thread
    /// sleep. Default 100 us, at most 1 ms; zero: it never does. It does so only where they came
    /// that soon nearly each time lately, and where no other work waits for the thread. Beyond:
    /// the system wakes the thread, which takes tens of microseconds on a virtual machine.
    pub busy_poll: Duration,
    /// Silence after which a connection counts as dead. Default 30 s; with a
    /// keep-alive interval, three of those instead (but at least 1 s). The smaller
    /// value of the two sides holds.
    pub idle_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes_max: 4 << 20,
            header_bytes_max: 8 << 10,
            header_timeout: Duration::from_secs(5),
            stall_timeout: Duration::from_secs(10),
            calls_per_connection_max: 1024,
            calls_per_server_max: 8192,
            retry_after: Duration::from_millis(50),
            connections_max: 1024,
            handshakes_before_retry: 128,
            handshake_timeout: Duration::from_secs(10),
            queued_reply_bytes_max: 32 << 20,
            queued_request_bytes_max: 32 << 20,
            stream_window: 256 << 10,
            connection_window: 32 << 20,
            stream_send_buffer: 256 << 10,
            socket_buffer_bytes: 4 << 20,
            mtu_max: MTU_DEFAULT,
            busy_poll: Duration::from_micros(100),
            idle_timeout: Duration::from_secs(30),
        }
    }
}

/// The packets that Ethernet carries.
pub(crate) const MTU_DEFAULT: u16 = 1500;
/// Largest value of [`Limits::message_bytes_max`].
const MESSAGE_BYTES_CEILING: usize = 1 << 30;
/// Largest value of [`Limits::header_bytes_max`].
const HEADER_BYTES_CEILING: usize = 1 << 20;
/// Largest value of the byte budgets and windows, the range of a semaphore's permits.
const BYTES_CEILING: usize = u32::MAX as usize;
/// Largest value of [`Limits::busy_poll`]: what a thread may be held for.
const BUSY_POLL_CEILING: Duration = Duration::from_millis(1);

impl Limits {
    /// Those of the frames that are read.
    pub(crate) const fn of_frames(&self) -> FrameLimits {
        FrameLimits {
            message_bytes_max: self.message_bytes_max,
            header_bytes_max: self.header_bytes_max,
        }
    }

    /// Says what is wrong with the set, if anything is.
    ///
    /// # Errors
    ///
    /// [`RpcError::ConfigError`] that names the field and its range.
    pub fn validate(&self) -> Result<(), RpcError> {
        self.validate_sizes()?;
        self.validate_waits()
    }

    fn validate_sizes(&self) -> Result<(), RpcError> {
        let ranges = [
            (
                "message_bytes_max",
                self.message_bytes_max,
                1,
                MESSAGE_BYTES_CEILING,
            ),
            (
                "header_bytes_max",
                self.header_bytes_max,
                64,
                HEADER_BYTES_CEILING,
            ),
            (
                "calls_per_connection_max",
                self.calls_per_connection_max,
                1,
                1 << 16,
            ),
            (
                "calls_per_server_max",
                self.calls_per_server_max,
                1,
                1 << 24,
            ),
            ("connections_max", self.connections_max, 1, 1 << 24),
            (
                "queued_reply_bytes_max",
                self.queued_reply_bytes_max,
                1 << 16,
                BYTES_CEILING,
            ),
            (
                "queued_request_bytes_max",
                self.queued_request_bytes_max,
                self.message_bytes_max,
                BYTES_CEILING,
            ),
            ("stream_window", self.stream_window, 4 << 10, BYTES_CEILING),
            (
                "connection_window",
                self.connection_window,
                self.stream_window,
                BYTES_CEILING,
            ),
            (
                "stream_send_buffer",
                self.stream_send_buffer,
                4 << 10,
                64 << 20,
            ),
            (
                "socket_buffer_bytes",
                self.socket_buffer_bytes,
                64 << 10,
                1 << 30,
            ),
            ("mtu_max", self.mtu_max.into(), 1228, 9216),
        ];
        for (name, value, least, most) in ranges {
            if value < least || value > most {
                return Err(RpcError::config(format!(
                    "limit `{name}` is {value}, it must lie between {least} and {most}"
                )));
            }
        }
        Ok(())
    }

    fn validate_waits(&self) -> Result<(), RpcError> {
        let waits = [
            ("header_timeout", self.header_timeout),
            ("stall_timeout", self.stall_timeout),
            ("handshake_timeout", self.handshake_timeout),
            ("idle_timeout", self.idle_timeout),
        ];
        for (name, value) in waits {
            if value < Duration::from_millis(1) {
                return Err(RpcError::config(format!(
                    "limit `{name}` must be at least 1 ms"
                )));
            }
        }
        if self.busy_poll > BUSY_POLL_CEILING {
            return Err(RpcError::config("limit `busy_poll` must be at most 1 ms"));
        }
        if self.retry_after > Status::RETRY_AFTER_MAX {
            let most = Status::RETRY_AFTER_MAX.as_secs();
            return Err(RpcError::config(format!(
                "limit `retry_after` must be at most {most} s"
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        Limits::default()
            .validate()
            .expect("defaults lie within their ranges");
    }

    #[test]
    fn a_limit_out_of_range_is_named() {
        let limits = Limits {
            message_bytes_max: 0,
            ..Limits::default()
        };
        let error = limits.validate().expect_err("zero is below the range");
        assert!(error.to_string().contains("message_bytes_max"), "{error}");
    }

    #[test]
    fn callers_are_told_to_wait_for_a_minute_at_most() {
        for (ms, is_valid) in [(0, true), (59_999, true), (60_000, true), (60_001, false)] {
            let limits = Limits {
                retry_after: Duration::from_millis(ms),
                ..Limits::default()
            };
            assert_eq!(limits.validate().is_ok(), is_valid, "{ms} ms");
        }
    }

    #[test]
    fn packets_are_what_quic_needs_at_least_and_no_larger_than_jumbo() {
        for (mtu_max, is_valid) in [(1227, false), (1228, true), (9216, true), (9217, false)] {
            let limits = Limits {
                mtu_max,
                ..Limits::default()
            };
            assert_eq!(limits.validate().is_ok(), is_valid, "{mtu_max} bytes");
        }
    }

    #[test]
    fn a_request_budget_below_one_message_is_refused() {
        let limits = Limits {
            message_bytes_max: 1 << 20,
            queued_request_bytes_max: (1 << 20) - 1,
            ..Limits::default()
        };
        let error = limits
            .validate()
            .expect_err("no such message could ever be received");
        assert!(
            error.to_string().contains("queued_request_bytes_max"),
            "{error}"
        );
    }
}
