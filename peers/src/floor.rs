//! Length-prefixed frames over TLS, pipelined: what a connection carries without an RPC
//! layer, deadlines, cancellation or any order but that of the requests.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use crate::runner::{Caller, Error, announce, local};
use crate::tls;

/// Bytes read at once.
const READ_BYTES: usize = 64 << 10;

/// Calls that wait for the writer.
const QUEUED_MAX: usize = 4096;

pub(crate) async fn serve(certs: &Path) -> Result<(), Error> {
    let acceptor = tls::acceptor(certs)?;
    let listener = TcpListener::bind(local()).await?;
    announce(listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let Ok(mut stream) = tls::accept(acceptor, stream).await else {
                return;
            };
            let (mut read, mut out) = (BytesMut::new(), BytesMut::new());
            loop {
                read.reserve(READ_BYTES);
                match stream.read_buf(&mut read).await {
                    Ok(0) | Err(_) => return,
                    Ok(_) => {}
                }
                while let Some(frame) = frame(&mut read) {
                    put(&mut out, &frame);
                }
                if stream.write_all(&out).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
                out.clear();
            }
        });
    }
}

fn frame(read: &mut BytesMut) -> Option<Bytes> {
    let len = u32::from_be_bytes(*read.first_chunk()?) as usize;
    if read.len() < 4 + len {
        return None;
    }
    read.advance(4);
    Some(read.split_to(len).freeze())
}

fn put(out: &mut BytesMut, frame: &[u8]) {
    out.put_u32(frame.len() as u32);
    out.put_slice(frame);
}

type Seats = Arc<Mutex<VecDeque<oneshot::Sender<usize>>>>;

pub(crate) async fn connect(addr: SocketAddr, certs: &Path) -> Result<Caller, Error> {
    let stream = tls::connect(addr, certs).await?;
    let (mut reader, mut writer) = tokio::io::split(stream);
    let (queue, mut queued) = mpsc::channel::<(Bytes, oneshot::Sender<usize>)>(QUEUED_MAX);
    let seats: Seats = Arc::default();
    let waiting = seats.clone();
    tokio::spawn(async move {
        let mut out = BytesMut::new();
        let mut calls = Vec::new();
        while queued.recv_many(&mut calls, 256).await > 0 {
            {
                let mut waiting = waiting.lock().expect("nobody panics with it");
                for (payload, seat) in calls.drain(..) {
                    put(&mut out, &payload);
                    waiting.push_back(seat);
                }
            }
            if writer.write_all(&out).await.is_err() || writer.flush().await.is_err() {
                return;
            }
            out.clear();
        }
    });
    tokio::spawn(async move {
        let mut read = BytesMut::new();
        loop {
            read.reserve(READ_BYTES);
            match reader.read_buf(&mut read).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            let mut seats = seats.lock().expect("nobody panics with it");
            while let Some(frame) = frame(&mut read) {
                if let Some(seat) = seats.pop_front() {
                    let _ = seat.send(frame.len());
                }
            }
        }
    });
    Ok(Caller {
        unary: Arc::new(move |payload| {
            let queue = queue.clone();
            Box::pin(async move {
                let (seat, answer) = oneshot::channel();
                queue.send((payload, seat)).await?;
                Ok(answer.await?)
            })
        }),
        stream: None,
    })
}
