//! One message there, one back: the attempts that a unary call may take.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rpcnet_proto::wire::{FrameLimits, Load, ResponseEvent, ResponseReader, WireError};
use rpcnet_proto::{CallKind, Deadline};
use tokio::time::sleep;

use super::Shared;
use super::backoff::Backoff;
use super::batch;
use super::connection::{CallGuard, ClientConnection, OpenCall, Place};
use super::request::{Frames, Request, Sending, check_message};
use crate::clock;
use crate::config::Batching;
use crate::error::{ConnectionErrorKind, HandlerRan, RpcError, StreamError, StreamErrorKind};
use crate::transport::interrupted::wire_error;
use crate::transport::stream::END;
use crate::transport::{HeldBack, Interrupted, RecvHalf, SendHalf};

/// Most times that one call is sent.
const ATTEMPTS_MAX: u32 = 3;

/// Pauses between attempts: the first and the longest.
const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_LONGEST: Duration = Duration::from_secs(1);

/// Makes the call, again where that is safe.
pub(crate) async fn call(
    shared: &Shared,
    request: &Request,
    payload: &Bytes,
) -> Result<Bytes, RpcError> {
    // Pauses, and their random numbers, are made only once an attempt has failed.
    let mut backoff = None;
    let mut attempts = 1;
    // How the last attempt failed that may have been executed.
    let mut unsure = None;
    loop {
        let error = match attempt(shared, request, payload).await.result {
            Ok(reply) => return Ok(reply),
            Err(error) => error,
        };
        match next_step(&error, request, attempts) {
            Next::Fail => return Err(error.or_unsure(unsure)),
            Next::Repeat => attempts += 1,
            Next::WaitForConnection => {}
        }
        tracing::debug!(method = request.method.as_str(), attempts, %error, "calling again");
        let backoff = backoff.get_or_insert_with(|| Backoff::new(PAUSE_FIRST, PAUSE_LONGEST));
        let Some(pause) = pause(backoff, &error, request.deadline) else {
            return Err(error.or_unsure(unsure));
        };
        if error.handler_ran() != HandlerRan::No {
            unsure = Some(error);
        }
        shared.figures.retries.one();
        sleep(pause).await;
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Next {
    Fail,
    Repeat,
    WaitForConnection,
}

/// What to do about a failed attempt: the one place that decides.
fn next_step(error: &RpcError, request: &Request, attempts: u32) -> Next {
    let may_help = matches!(
        error,
        RpcError::ConnectionError(_) | RpcError::Unavailable(_) | RpcError::StreamError(_)
    );
    match error.handler_ran() {
        // A connect timeout's worth of attempts has failed already.
        HandlerRan::No if matches!(error, RpcError::ConnectionError(_)) => {
            if request.options.wait_for_ready {
                Next::WaitForConnection
            } else {
                Next::Fail
            }
        }
        HandlerRan::No if may_help && attempts < ATTEMPTS_MAX => Next::Repeat,
        HandlerRan::Maybe if may_help && request.options.idempotent && attempts < ATTEMPTS_MAX => {
            Next::Repeat
        }
        _ => Next::Fail,
    }
}

/// How long to wait before the call is sent again: no less than the server asked for
/// (W-70); `None` where that is beyond the deadline.
fn pause(backoff: &mut Backoff, error: &RpcError, deadline: Deadline) -> Option<Duration> {
    let pause = backoff.next_pause();
    let Some(asked) = error.retry_after() else {
        return Some(pause);
    };
    let left = deadline.remaining(clock::now()).unwrap_or_default();
    (asked < left).then(|| pause.max(asked))
}

/// What sending a call once came to.
#[derive(Debug)]
pub(crate) struct Attempted {
    pub(crate) result: Result<Bytes, RpcError>,
    /// How busy the server said that it is, where it was asked and answered: a refusal
    /// says so too.
    pub(crate) load: Option<Load>,
}

/// Sends the call once and waits for its reply.
pub(crate) async fn attempt(shared: &Shared, request: &Request, payload: &Bytes) -> Attempted {
    let mut load = None;
    let sending = request.attempt(shared.next_call_id(), shared.link.target());
    let result = send_once(shared, request, &sending, payload, &mut load).await;
    sending.span.end(&result);
    Attempted { result, load }
}

async fn send_once(
    shared: &Shared,
    request: &Request,
    sending: &Sending,
    payload: &Bytes,
    load: &mut Option<Load>,
) -> Result<Bytes, RpcError> {
    request.note_answer(None);
    // It would have no company.
    let mut may_be_first = shared.link.config.batching != Batching::Always;
    // A connection that turns out to be lost before the call was sent is replaced at
    // once; nothing went out on it, so this is not an attempt yet.
    loop {
        let (connection, held_back) = match may_be_first {
            true => shared.link.connection_for_a_call().await?,
            false => (shared.link.connection().await?, None),
        };
        may_be_first = false;
        // Asked first, so that settings which come meanwhile do no harm.
        let is_settled = connection.is_settled();
        let settings = connection.settings();
        let checked = check_message(payload.len(), &settings);
        if !is_settled && (checked.is_err() || request.header(sending, &settings).is_err()) {
            // What may be too long waits until the server has said what it accepts.
            continue;
        }
        checked?;
        let Some(place) = connection.place().await else {
            continue;
        };
        let queued = match connection.company(&request.method) {
            Some(batcher) => {
                let header = request.header(sending, &settings)?;
                batch::fits(&header, payload)
                    .then(|| batcher.push(&header, payload, request.deadline))
            }
            None => None,
        };
        let sent = match queued {
            Some(waiting) => {
                let guard = CallGuard::new(sending.call_id, place);
                batch::answered(waiting, request, guard, load).await
            }
            None => {
                let call = (sending, place);
                let call = alone(shared, request, payload, &connection, call, load);
                with_what_waits(held_back, call).await
            }
        };
        if let Some(Ok(reply)) = &sent {
            connection.habits.note(&request.method, reply.len());
        }
        match sent {
            Some(Err(RpcError::ConnectionError(error))) => {
                connection.retire();
                // Nothing of a connection that is refused is processed (W-30).
                if connection.is_settled() || error.kind() != ConnectionErrorKind::Refused {
                    return Err(RpcError::ConnectionError(error));
                }
            }
            Some(Err(error @ RpcError::StreamError(_))) => {
                // No server answers a call before it has sent its settings (W-39): whether there
                // is one, the attempt to connect will know.
                if !connection.is_settled() {
                    shared.link.connection().await?;
                }
                return Err(error);
            }
            Some(result) => return result,
            None => {
                tracing::debug!("connection lost before the call was sent");
                connection.retire();
            }
        }
    }
}

/// A call on its way; `None` where it was not sent.
type OnItsWay<'a> = Pin<Box<dyn Future<Output = Option<Result<Bytes, RpcError>>> + Send + 'a>>;

/// Lets go what was held back, once the call is under way.
async fn with_what_waits<T>(
    mut held_back: Option<HeldBack>,
    mut call: Pin<Box<dyn Future<Output = T> + Send + '_>>,
) -> T {
    poll_fn(|cx| {
        let polled = call.as_mut().poll(cx);
        held_back.take();
        polled
    })
    .await
}

/// Sends the call on a stream of its own; `None` where it was not sent.
///
/// Boxed: it is large, and most calls of a busy client have company.
fn alone<'a>(
    shared: &'a Shared,
    request: &'a Request,
    payload: &'a Bytes,
    connection: &'a Arc<ClientConnection>,
    (sending, place): (&'a Sending, Place),
    load: &'a mut Option<Load>,
) -> OnItsWay<'a> {
    Box::pin(async move {
        let call = connection.open(sending.call_id, place).await.ok()?;
        let call = (sending, call);
        Some(on_its_stream(shared, request, payload, connection, call, load).await)
    })
}

async fn on_its_stream(
    shared: &Shared,
    request: &Request,
    payload: &Bytes,
    connection: &ClientConnection,
    (sending, call): (&Sending, OpenCall),
    load: &mut Option<Load>,
) -> Result<Bytes, RpcError> {
    let OpenCall {
        mut send,
        mut recv,
        mut guard,
    } = call;
    let link = &*shared.link;
    let frames = request.frames(sending, &connection.settings(), payload)?;
    let limits = link.config.limits().of_frames();
    let sent = write(&mut send, frames).await;
    if let Err(Interrupted::Lost(error)) = sent {
        return Err(Interrupted::Lost(error).into_error(HandlerRan::Maybe, &link.server_name));
    }
    // Where the server stopped our sending, its reply says why.
    let verdict = read(&mut recv, limits, &link.server_name, load).await?;
    guard.complete();
    verdict
}

async fn write(send: &mut SendHalf, frames: Frames) -> Result<(), Interrupted> {
    match frames.body {
        None => send.write_last([frames.head]).await,
        Some(body) => send.write_last([frames.head, body, END]).await,
    }
}

/// Reads a single reply, which counts only once its end marker has arrived.
///
/// The outer result is whether the server gave its verdict, the inner one the verdict.
pub(super) async fn read(
    recv: &mut RecvHalf,
    limits: FrameLimits,
    server_name: &str,
    load: &mut Option<Load>,
) -> Result<Result<Bytes, RpcError>, RpcError> {
    let ran = HandlerRan::Maybe;
    let mut reader = ResponseReader::new(limits, CallKind::Unary);
    let mut reply = None;
    let mut is_open = true;
    loop {
        while let Some(event) = reader
            .next_event()
            .map_err(|error| wire_error(error, ran))?
        {
            match event {
                ResponseEvent::Message(message) => reply = Some(message),
                ResponseEvent::Load(reported) => *load = Some(reported),
                // W-7: judged by what came along; a caller does not wait for more.
                ResponseEvent::End | ResponseEvent::Failed(..) if reader.buffered() > 0 => {
                    return Err(wire_error(WireError::TrailingBytes, ran));
                }
                ResponseEvent::End => {
                    recv.complete();
                    return reply.map(Ok).ok_or_else(wrong_shape);
                }
                ResponseEvent::Failed(status, origin) => {
                    recv.complete();
                    return Ok(Err(RpcError::from_peer(status, origin)));
                }
            }
        }
        if !is_open {
            let cut = reader.finish().err().unwrap_or(WireError::Truncated);
            return Err(wire_error(cut, ran));
        }
        is_open = recv
            .receive(|chunk| reader.push(chunk))
            .await
            .map_err(|interrupted| interrupted.into_error(ran, server_name))?;
    }
}

pub(super) fn wrong_shape() -> RpcError {
    RpcError::StreamError(StreamError::new(
        StreamErrorKind::WrongShape,
        HandlerRan::Maybe,
        None,
    ))
}

#[cfg(test)]
mod tests {
    use rpcnet_proto::{Code, Origin, Status};

    use super::*;
    use crate::call_options::CallOptions;
    use crate::config::RpcConfig;
    use crate::error::{ConnectionError, ConnectionErrorKind};

    fn request(options: CallOptions) -> Request {
        let config = RpcConfig::new("ca.pem", "127.0.0.1:0");
        Request::new("m", CallKind::Unary, options, &config).expect("a valid method")
    }

    fn lost(ran: HandlerRan) -> RpcError {
        RpcError::ConnectionError(ConnectionError::new(ConnectionErrorKind::Idle, ran, None))
    }

    #[test]
    fn a_call_that_may_have_run_is_repeated_only_where_it_is_idempotent() {
        let plain = request(CallOptions::new());
        let idempotent = request(CallOptions::new().idempotent());
        assert_eq!(next_step(&lost(HandlerRan::Maybe), &plain, 1), Next::Fail);
        assert_eq!(
            next_step(&lost(HandlerRan::Maybe), &idempotent, 1),
            Next::Repeat
        );
        assert_eq!(
            next_step(&lost(HandlerRan::Maybe), &idempotent, ATTEMPTS_MAX),
            Next::Fail
        );
    }

    #[test]
    fn a_pause_is_no_shorter_than_the_server_asked_for_and_none_is_beyond_the_deadline() {
        let refused = |ms| {
            let status = Status::new(Code::Unavailable, "draining");
            let status = status.with_retry_after(Duration::from_millis(ms));
            RpcError::from_peer(status, Origin::Refused)
        };
        let minute = Deadline::after(clock::now(), Duration::from_secs(60));
        let mut backoff = Backoff::new(PAUSE_FIRST, PAUSE_LONGEST);
        let mut pause = |ms| pause(&mut backoff, &refused(ms), minute);
        let own = PAUSE_FIRST / 2..=PAUSE_FIRST;
        assert!(pause(0).is_some_and(|pause| own.contains(&pause)));
        assert_eq!(pause(30_000), Some(Duration::from_secs(30)));
        assert_eq!(pause(60_000), None, "the call would only time out");
        assert!(pause(1).is_some_and(|pause| pause >= PAUSE_FIRST));
    }

    #[test]
    fn overload_is_not_answered_with_more_load() {
        let refused = RpcError::over_limit("too many calls");
        let idempotent = request(CallOptions::new().idempotent());
        assert_eq!(next_step(&refused, &idempotent, 1), Next::Fail);
    }

    #[test]
    fn without_a_connection_a_call_fails_unless_it_waits_for_one() {
        let waiting = request(CallOptions::new().wait_for_ready());
        assert_eq!(
            next_step(&lost(HandlerRan::No), &request(CallOptions::new()), 1),
            Next::Fail
        );
        assert_eq!(
            next_step(&lost(HandlerRan::No), &waiting, 99),
            Next::WaitForConnection
        );
    }
}
