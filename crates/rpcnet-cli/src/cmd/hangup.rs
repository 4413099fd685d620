//! [`Hangups`]: servers of this command read their certificates again on SIGHUP.

use std::convert::Infallible;
use std::io::{self, Write};
use std::time::SystemTime;

use rpcnet::RpcServer;
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The hangups of this process, from [`listen`](Self::listen) on.
pub(crate) struct Hangups {
    #[cfg(unix)]
    signals: Signal,
}

impl Hangups {
    /// From here on a hangup does not end the process.
    ///
    /// # Errors
    ///
    /// The system does not let it.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            signals: signal(SignalKind::hangup())?,
        })
    }

    /// Reads the server's certificates again at each hangup, and says in a line on standard error
    /// what came of it. Never ends.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends it; later hangups are ignored.
    pub(crate) async fn reload(mut self, server: &RpcServer) -> Infallible {
        loop {
            self.next().await;
            // Without a standard error to say it on there is nobody to hear it.
            let _ = writeln!(io::stderr(), "{}", reloaded(server));
        }
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        if self.signals.recv().await.is_none() {
            std::future::pending().await
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        std::future::pending().await
    }
}

fn reloaded(server: &RpcServer) -> String {
    if let Err(error) = server.reload_tls() {
        let reason = crate::chain(&error);
        return format!("certificates not replaced, those in force stay: {reason}");
    }
    let status = server.certificates();
    let identity = status.as_ref().and_then(|status| status.identity.as_ref());
    let Some(identity) = identity else {
        return "certificates replaced".to_owned();
    };
    let left = identity.not_after.duration_since(SystemTime::now());
    let days = left.map_or(0, |left| left.as_secs() / (24 * 60 * 60));
    let serial = &identity.serial_hex;
    format!("certificates replaced: serial {serial}, {days} days left")
}
