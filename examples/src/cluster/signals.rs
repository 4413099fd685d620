//! When a program shall stop.

use std::io;

/// A future that completes when the process is asked to end: by Ctrl-C, or as service managers do
/// it, by SIGTERM. The signal is heard from when this returns.
///
/// # Errors
///
/// The system does not tell of signals.
#[cfg(unix)]
pub fn stop_signal() -> io::Result<impl Future<Output = ()> + Send> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// A future that completes when the process is asked to end by Ctrl-C.
///
/// # Errors
///
/// None.
#[cfg(not(unix))]
pub fn stop_signal() -> io::Result<impl Future<Output = ()> + Send> {
    Ok(async {
        // Where Ctrl-C cannot be heard, the program is ended in other ways.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
