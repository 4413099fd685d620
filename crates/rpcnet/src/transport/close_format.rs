//! What a CONNECTION_CLOSE frame tells the peer.
//!
//! A peer that is turned away during the handshake should learn why: "certificate required" and
//! "certificate expired" are repaired by different people. Everything else stays as terse as
//! s2n-quic's own formatter keeps it.

use s2n_quic::provider::connection_close_formatter::{
    ConnectionClose, Context, Formatter, Production,
};
use s2n_quic_core::{application, crypto::tls, transport};

use super::tls::WRONG_USAGE_REASON;

/// Sends TLS alerts as they are, without their local reason, and formats the rest as s2n-quic's
/// [`Production`] does: reasons and frame types hidden, internal errors disguised, application
/// codes hidden in packets sent before the handshake is done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AlertsPassThrough;

impl Formatter for AlertsPassThrough {
    fn format_transport_error(
        &self,
        context: &Context<'_>,
        error: transport::Error,
    ) -> ConnectionClose<'_> {
        match error.try_into_tls_error() {
            Some(alert) => transport::Error::from(public_alert(alert)).into(),
            None => PRODUCTION.format_transport_error(context, error),
        }
    }

    fn format_application_error(
        &self,
        context: &Context<'_>,
        error: application::Error,
    ) -> ConnectionClose<'_> {
        PRODUCTION.format_application_error(context, error)
    }

    fn format_early_transport_error(
        &self,
        context: &Context<'_>,
        error: transport::Error,
    ) -> ConnectionClose<'_> {
        self.format_transport_error(context, error)
    }

    fn format_early_application_error(
        &self,
        context: &Context<'_>,
        error: application::Error,
    ) -> ConnectionClose<'_> {
        PRODUCTION.format_early_application_error(context, error)
    }
}

/// The alert without its reason: that text is for our log, not for the peer.
fn public_alert(alert: tls::Error) -> tls::Error {
    // s2n-tls has no alert of its own for a certificate issued for another use and falls back to
    // "handshake failure", which would leave the peer guessing.
    if alert.reason == WRONG_USAGE_REASON {
        return tls::Error::UNSUPPORTED_CERTIFICATE;
    }
    tls::Error::new(alert.code)
}

static PRODUCTION: Production = Production;

#[cfg(test)]
mod tests {
    use s2n_quic::provider::connection_close_formatter::SocketAddress;

    use super::*;

    fn closed_with(error: transport::Error) -> transport::Error {
        let address = SocketAddress::default();
        let context = Context::new(&address);
        let frame = AlertsPassThrough.format_transport_error(&context, error);
        assert_eq!(
            frame.reason, None,
            "the local reason must not reach the peer"
        );
        assert_eq!(
            frame,
            AlertsPassThrough.format_early_transport_error(&context, error)
        );
        transport::Error::new(frame.error_code)
    }

    #[test]
    fn every_tls_alert_reaches_the_peer_unchanged() {
        for code in 0..=u8::MAX {
            let alert = tls::Error::new(code).with_reason("for our log");
            assert_eq!(
                closed_with(alert.into()).code.as_u64(),
                0x100 | u64::from(code)
            );
        }
    }

    #[test]
    fn a_certificate_for_another_use_is_told_apart_from_a_failed_handshake() {
        let alert = tls::Error::HANDSHAKE_FAILURE.with_reason(WRONG_USAGE_REASON);
        assert_eq!(closed_with(alert.into()).code.as_u64(), 0x100 | 43);
    }

    #[test]
    fn an_internal_error_is_disguised() {
        let error = transport::Error::INTERNAL_ERROR.with_reason("a table is corrupt");
        assert_eq!(
            closed_with(error).code,
            transport::Error::PROTOCOL_VIOLATION.code
        );
    }

    #[test]
    fn an_application_code_is_hidden_before_the_handshake_is_done() {
        let address = SocketAddress::default();
        let context = Context::new(&address);
        let code = application::Error::from(7u8);
        let early = AlertsPassThrough.format_early_application_error(&context, code);
        assert_eq!(
            early.error_code,
            transport::Error::APPLICATION_ERROR.code.as_varint()
        );
        let late = AlertsPassThrough.format_application_error(&context, code);
        assert_eq!(late.error_code.as_u64(), 7);
    }
}
