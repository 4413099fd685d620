//! Work that was begun or could not be, and what becomes of its end.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::error::RpcError;

pin_project_lite::pin_project! {
    /// Runs a future and makes something else of its end.
    ///
    /// An `async` block would hold the future twice: once as what it captured, once as
    /// what it awaits. On the path of every call that is two kilobytes to move.
    #[must_use = "futures do nothing unless polled"]
    pub(super) struct Then<F, G> {
        #[pin]
        work: Work<F>,
        then: Option<G>,
    }
}

pin_project_lite::pin_project! {
    #[project = WorkProjection]
    enum Work<F> {
        /// It could not be begun; taken by whoever polls first.
        Failed { error: Option<RpcError> },
        Begun { #[pin] future: F },
    }
}

/// Continues work that was begun, or was not.
pub(super) fn then<F, T, G>(work: Result<F, RpcError>, then: G) -> Then<F, G>
where
    F: Future,
    G: FnOnce(Result<F::Output, RpcError>) -> T,
{
    let work = match work {
        Ok(future) => Work::Begun { future },
        Err(error) => Work::Failed { error: Some(error) },
    };
    let then = Some(then);
    Then { work, then }
}

impl<F, T, G> Future for Then<F, G>
where
    F: Future,
    G: FnOnce(Result<F::Output, RpcError>) -> T,
{
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = self.project();
        let ended = match this.work.project() {
            WorkProjection::Failed { error } => error.take().map(Err),
            WorkProjection::Begun { future } => Some(Ok(ready!(future.poll(cx)))),
        };
        // There is nothing to say to who polls again after the end.
        match (ended, this.then.take()) {
            (Some(ended), Some(then)) => Poll::Ready(then(ended)),
            _ => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Large([u8; 2000]);

    impl Future for Large {
        type Output = u8;

        fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<u8> {
            Poll::Ready(self.0[0])
        }
    }

    #[tokio::test]
    async fn the_end_of_what_was_begun_is_passed_on() {
        assert_eq!(then(Ok(Large([7; 2000])), |end| end.ok()).await, Some(7));
        let failed = then(Err::<Large, _>(RpcError::Cancelled), |end| end);
        assert!(matches!(failed.await, Err(RpcError::Cancelled)));
    }

    #[test]
    fn the_future_inside_is_held_once() {
        let work = then(Ok(Large([0; 2000])), |end| end);
        assert!(size_of_val(&work) < 2000 + 64, "{}", size_of_val(&work));
    }
}
