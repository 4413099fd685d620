//! Calls that share a stream: each is admitted, run and answered as if it had its own.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use rpcnet_proto::wire::{BatchRequestEvent, BatchRequestReader, ErrorCode, Header, WireError};
use rpcnet_proto::{Code, Origin, Status};
use tokio::time::timeout;

use super::answers::Answers;
use super::call::{self, Admitted, Verdict, poll_once, supervise};
use super::calls::NotStarted;
use super::connection::Connection;
use super::router::{Failure, Handler, Route, UnaryFuture};
use super::{reply, unary};
use crate::clock;
use crate::context::CallContext;
use crate::metrics::Outcome;
use crate::task::Tasks;
use crate::transport::{RecvHalf, SendHalf};

/// Quick handlers of one batch run one after the other for so long; the others have tasks
/// of their own, so that no answer waits for the sum of many.
const IN_A_ROW_MAX: Duration = Duration::from_micros(500);

/// Serves a batch to its end. Never fails: what is wrong with one call is its answer, and
/// what is wrong with the batch ends the batch and nothing else (W-35).
///
/// `first` is what was read after the kind of the stream.
pub(super) async fn serve(
    connection: &Arc<Connection>,
    tasks: &Arc<Tasks>,
    send: &mut SendHalf,
    recv: &mut RecvHalf,
    first: Bytes,
) {
    let limits = connection.limits();
    let mut batch = Batch {
        connection,
        tasks,
        reader: BatchRequestReader::new(limits.of_frames()),
        next: None,
        begun: 0,
        is_whole: false,
        ready: Answers::default(),
        late: None,
        in_late: 0,
        answered: 0,
    };
    batch.reader.push(first);
    send.set_stall_timeout(limits.stall_timeout);
    if let Err(code) = batch.run(send, recv).await {
        recv.stop(code);
        reply::give_up(connection, send, code).await;
    }
}

/// A batch that is being served.
struct Batch<'a> {
    connection: &'a Arc<Connection>,
    tasks: &'a Arc<Tasks>,
    reader: BatchRequestReader,
    /// The call whose message is yet to come, or why it may not run.
    next: Option<Next>,
    /// How many calls have begun: the number of the next one.
    begun: usize,
    /// The end marker was read.
    is_whole: bool,
    ready: Answers,
    /// Where calls with a task of their own leave their answers; made for the first one.
    late: Option<Arc<Late>>,
    /// How many answers are to be left there.
    in_late: usize,
    /// How many answers were written.
    answered: usize,
}

/// The time that calls take which run one after the other, by one look at the clock each.
struct Stretch {
    /// The last look, by the thread's own time.
    now: Instant,
    /// What had passed then since it began.
    passed: Duration,
    /// The time that deadlines go by, which tests may stop, as it was when it began.
    arrived: Instant,
}

impl Stretch {
    fn begin() -> Self {
        Self {
            now: Instant::now(),
            passed: Duration::ZERO,
            arrived: clock::now(),
        }
    }

    /// Looks at the clock; how long it is since that was done last.
    fn step(&mut self) -> Duration {
        let before = std::mem::replace(&mut self.now, Instant::now());
        let took = self.now.duration_since(before);
        self.passed += took;
        took
    }

    /// Whether what comes next has to make room for others.
    fn is_long(&self) -> bool {
        self.passed > IN_A_ROW_MAX
    }

    /// How long it was at the last look since a call began, by the time that deadlines go by.
    fn since(&self, began: Instant) -> Duration {
        // Most begin where they arrive.
        if began == self.arrived {
            return self.passed;
        }
        self.passed + self.arrived.saturating_duration_since(began)
    }
}

struct Next {
    wants_load: bool,
    admitted: Result<Admitted, Verdict>,
}

impl Batch<'_> {
    async fn run(&mut self, send: &mut SendHalf, recv: &mut RecvHalf) -> Result<(), ErrorCode> {
        let mut is_open = true;
        loop {
            poll_fn(|cx| Poll::Ready(self.take_in(cx))).await?;
            if self.is_whole {
                // The client may still be finishing its half.
                recv.complete();
            } else {
                if !is_open {
                    let cut = self.reader.finish().err().unwrap_or(WireError::Truncated);
                    return Err(cut.error_code());
                }
                // What has arrived already is run before anything is written: one write
                // for all of it.
                let reader = &mut self.reader;
                let received = pin!(recv.receive(|chunk| reader.push(chunk)));
                if let Some(received) = poll_once(received).await {
                    is_open = received.map_err(|_| ErrorCode::Cancelled)?;
                    continue;
                }
            }
            if self.write(send).await? {
                return Ok(());
            }
            if let Some(open) = self.wait(recv).await? {
                is_open = open;
            }
        }
    }

    /// Waits for more of the request, or for an answer; whether more of the request can
    /// come, where something of it came.
    async fn wait(&mut self, recv: &mut RecvHalf) -> Result<Option<bool>, ErrorCode> {
        let Self {
            reader,
            late,
            in_late,
            ..
        } = self;
        let stall_timeout = self.connection.limits().stall_timeout;
        let answer = async {
            match late {
                Some(late) if *in_late > 0 => late.ready().await,
                _ => std::future::pending().await,
            }
        };
        let received = async {
            if self.is_whole {
                return std::future::pending().await;
            }
            timeout(stall_timeout, recv.receive(|chunk| reader.push(chunk))).await
        };
        tokio::select! {
            biased;
            () = answer => Ok(None),
            received = received => match received {
                Ok(Ok(is_open)) => Ok(Some(is_open)),
                Ok(Err(_)) => Err(ErrorCode::Cancelled),
                Err(_elapsed) => Err(ErrorCode::Stalled),
            },
        }
    }

    /// Writes what is ready; true once every call was answered.
    async fn write(&mut self, send: &mut SendHalf) -> Result<bool, ErrorCode> {
        let mut late = Answers::default();
        if let Some(answers) = self.late.as_ref().filter(|_| self.in_late > 0) {
            late = answers.take();
            self.in_late -= late.len();
        }
        let ready = self.ready.take();
        self.answered += ready.len() + late.len();
        let is_over = self.is_whole && self.answered == self.begun;
        let written = async {
            send.trim_share(self.connection.limits().stream_send_buffer);
            if late.len() > 0 {
                ready.write(send, false).await?;
                late.write(send, is_over).await?;
            } else {
                ready.write(send, is_over).await?;
            }
            if is_over && send.holds_share() {
                send.close().await?;
            }
            Ok(is_over)
        };
        written
            .await
            .map_err(|interrupted| match Verdict::of_written(&Err(interrupted)) {
                Verdict::Reset(code) => code,
                _ => ErrorCode::Cancelled,
            })
    }

    /// Begins every call of which all has arrived.
    fn take_in(&mut self, cx: &mut Context<'_>) -> Result<(), ErrorCode> {
        let mut stretch = Stretch::begin();
        loop {
            let event = self.reader.next_event();
            match event.map_err(|error| error.error_code())? {
                None => {
                    self.list_next();
                    return Ok(());
                }
                Some(BatchRequestEvent::Header(header)) => {
                    self.next = Some(self.admit(header, stretch.arrived));
                }
                Some(BatchRequestEvent::Message(message)) => {
                    self.begin(message, &mut stretch, cx);
                }
                // W-7: judged by what came along.
                Some(BatchRequestEvent::End) if self.reader.buffered() > 0 => {
                    return Err(ErrorCode::Protocol);
                }
                Some(BatchRequestEvent::End) => self.is_whole = true,
            }
        }
    }

    fn admit(&self, header: Result<Header, rpcnet_proto::MethodError>, arrived: Instant) -> Next {
        match header {
            Ok(header) => Next {
                wants_load: header.load_report,
                admitted: call::admit(self.connection, header, arrived),
            },
            Err(error) => {
                let verdict = Verdict::of_wire(&error.into());
                self.connection.count_unreadable(&verdict);
                Next {
                    wants_load: false,
                    admitted: Err(verdict),
                }
            }
        }
    }

    /// A call whose message is still to come can be cancelled from now on.
    fn list_next(&mut self) {
        let Some(next) = &mut self.next else { return };
        let listed = match &mut next.admitted {
            Ok(admitted) => admitted.list(self.connection),
            Err(_) => return,
        };
        if let Err(verdict) = listed {
            next.admitted = Err(verdict);
        }
    }

    /// Runs the call whose message came: here where its handler is quick, and in a task of
    /// its own where it is not, or turns out to have to wait.
    fn begin(&mut self, message: Bytes, stretch: &mut Stretch, cx: &mut Context<'_>) {
        let index = self.begun;
        self.begun += 1;
        // The reader has it that a message follows its header.
        let Some(Next {
            wants_load,
            admitted,
        }) = self.next.take()
        else {
            return;
        };
        let mut admitted = match admitted {
            Ok(admitted) => admitted,
            Err(verdict) => return self.refuse(index, verdict, wants_load),
        };
        admitted.meter.hold_request(message.len());
        let Handler::Unary(handler, pace) = admitted.handler() else {
            return self.refuse(index, not_unary(), wants_load);
        };
        if stretch.is_long() || !pace.is_quick() {
            return self.spawn(index, admitted, Work::New(message));
        }
        let context = &admitted.context;
        let polled = context.clone().enter(|| {
            call::contain_panic_in(context, || {
                let mut running = handler(context.clone(), message);
                let polled = running.as_mut().poll(cx);
                (running, polled)
            })
        });
        pace.note(stretch.step());
        let result = match polled {
            Err(verdict) => Err(verdict),
            Ok((_, Poll::Ready(result))) => judged(context, result),
            Ok((running, Poll::Pending)) => {
                return self.spawn(index, admitted, Work::Begun(running));
            }
        };
        if let Err(verdict) = &result {
            self.connection.failed(context, verdict);
        }
        trace(context, &result);
        // The caller may start its next call as soon as it has the reply, so the place is
        // free before the reply is on its way.
        let Admitted {
            context,
            places,
            entry,
            mut meter,
        } = admitted;
        drop((context, places, entry));
        let (outcome, bytes) = self.ready.put(self.connection, index, result, wants_load);
        meter.end_after(outcome, bytes, stretch.since(meter.began()));
    }

    /// Answers a call that has been counted, or is when what is left of it is dropped.
    fn refuse(&mut self, index: usize, verdict: Verdict, wants_load: bool) {
        self.ready
            .put(self.connection, index, Err(verdict), wants_load);
    }

    fn spawn(&mut self, index: usize, mut admitted: Admitted, work: Work) {
        let listed = match &work {
            Work::New(..) => admitted.list(self.connection),
            // Its handler has begun, so that nobody may be told that it has not.
            Work::Begun(_) => admitted.entry.list().map_err(|reason| match reason {
                NotStarted::Ended(ending) => Verdict::of_ending(ending),
                NotStarted::NumberTaken => Verdict::Reset(ErrorCode::Protocol),
            }),
        };
        if let Err(verdict) = listed {
            admitted.meter.end(verdict.outcome());
            let wants_load = admitted.context.wants_load();
            drop(admitted);
            return self.refuse(index, verdict, wants_load);
        }
        let late = self.late.get_or_insert_default();
        self.in_late += 1;
        let owed = Owed {
            connection: self.connection.clone(),
            late: late.clone(),
            index,
            wants_load: admitted.context.wants_load(),
            is_paid: false,
        };
        self.tasks.spawn(async move {
            let Admitted {
                context,
                places,
                entry,
                mut meter,
            } = admitted;
            let result = {
                let work = pin!(work.run(meter.metered(), &context));
                supervise(&context, work).await
            };
            if let Err(verdict) = &result {
                owed.connection.failed(&context, verdict);
            }
            trace(&context, &result);
            drop((places, entry));
            let (outcome, bytes) = owed.pay(result);
            meter.end_with(outcome, bytes);
        });
    }
}

/// A handler that runs in a task of its own.
enum Work {
    /// It was polled once and has to wait.
    Begun(UnaryFuture),
    New(Bytes),
}

impl Work {
    async fn run(self, route: &Route, context: &CallContext) -> Result<Bytes, Verdict> {
        let result = match (self, &route.handler) {
            (Self::Begun(running), _) => running.await,
            (Self::New(message), Handler::Unary(handler, pace)) => {
                unary::timed(pace, &**handler, context.clone(), message).await
            }
            (Self::New(_), Handler::Streaming(_)) => return Err(not_unary()),
        };
        judged(context, result)
    }
}

/// The header says unary, so that no other handler is found for it.
fn not_unary() -> Verdict {
    Verdict::refused(Code::Unimplemented, "the method streams")
}

/// What a handler's result is to its caller.
fn judged(context: &CallContext, result: Result<Bytes, Failure>) -> Result<Bytes, Verdict> {
    result.map_err(|failure| {
        tracing::debug!(method = context.method(), error = %failure, "handler failed");
        Verdict::of_failure(failure)
    })
}

/// Tells the call's span how it ended.
fn trace(context: &CallContext, result: &Result<Bytes, Verdict>) {
    let code = || result.as_ref().err().and_then(Verdict::code);
    context.span().end_served(code);
}

/// Answers of calls that have tasks of their own, for whoever writes them.
#[derive(Debug, Default)]
struct Late {
    answers: Mutex<Answers>,
    writer: AtomicWaker,
}

impl Late {
    fn take(&self) -> Answers {
        self.answers().take()
    }

    /// Waits until there is an answer.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is taken.
    async fn ready(&self) {
        poll_fn(|cx| {
            self.writer.register(cx.waker());
            match self.answers().len() {
                0 => Poll::Pending,
                _ => Poll::Ready(()),
            }
        })
        .await;
    }

    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer that a batch waits for. Where it is dropped, the call is said to have failed:
/// a batch is not over before each of its calls was answered.
struct Owed {
    connection: Arc<Connection>,
    late: Arc<Late>,
    index: usize,
    wants_load: bool,
    is_paid: bool,
}

impl Owed {
    fn pay(mut self, result: Result<Bytes, Verdict>) -> (Outcome, usize) {
        self.put(result)
    }

    fn put(&mut self, result: Result<Bytes, Verdict>) -> (Outcome, usize) {
        self.is_paid = true;
        let mut answers = self.late.answers();
        let put = answers.put(&self.connection, self.index, result, self.wants_load);
        drop(answers);
        self.late.writer.wake();
        put
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        if !self.is_paid {
            let status = Status::new(Code::Internal, "the call was given up");
            self.put(Err(Verdict::Status(status, Origin::Server)));
        }
    }
}
