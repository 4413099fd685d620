//! Files over client and server streaming: bounded chunks, and a hash at the end.
//!
//! ```text
//! cargo run -p rpcnet-examples --bin file_transfer
//! cargo run -p rpcnet-examples --bin file_transfer -- server --address 127.0.0.1:4433 FOLDER
//! cargo run -p rpcnet-examples --bin file_transfer -- client --address 127.0.0.1:4433 FILE
//! ```
//!
//! The server keeps files in FOLDER, or in one that it removes again. The client uploads FILE, or
//! bytes that it makes up, and downloads them again.
#![expect(clippy::print_stdout, reason = "a program that talks to its reader")]

use std::io;
use std::path::{Path, PathBuf};

use async_stream::{stream, try_stream};
use aws_lc_rs::digest::{Context, SHA256};
use futures::{Stream, StreamExt, future, stream};
use rpcnet::CallError;
use rpcnet_examples::{ClientEnd, GRACE, Outcome, ServerEnd, run};
use serde::{Deserialize, Serialize};
use tempfile::{NamedTempFile, TempPath};
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

/// The most bytes in one chunk. What is in memory of a file is a few of them.
pub const CHUNK_BYTES_MAX: usize = 64 << 10;

/// The most bytes in one file.
pub const FILE_BYTES_MAX: u64 = 1 << 30;

/// A piece of a file.
#[derive(Debug, Serialize, Deserialize)]
pub enum Part {
    /// The next bytes. `serde_bytes` writes them in one piece; a bare `Vec<u8>` is a list of
    /// numbers to serde.
    Bytes(#[serde(with = "serde_bytes")] Vec<u8>),
    /// There are no more bytes, and this is the SHA-256 of all of them.
    End {
        /// The hash.
        sha256: [u8; 32],
    },
}

/// Why a file is not transferred.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum FileError {
    /// A name is one to 128 ASCII letters, digits, `_`, `-` and `.`, and does not begin with one.
    BadName,
    /// There is no such file.
    NotFound,
    /// A chunk is larger than [`CHUNK_BYTES_MAX`].
    ChunkTooLarge,
    /// The file is larger than [`FILE_BYTES_MAX`].
    FileTooLarge,
    /// What arrived is not what was sent.
    HashMismatch,
    /// The parts ended without a hash, or went on after it.
    Unfinished,
    /// The disk failed. What exactly happened is not the caller's business.
    Storage,
}

/// Stores files.
#[rpcnet::service]
pub trait Files {
    /// Stores a file, and returns its size. It takes the place of another of the same name.
    #[rpc(timeout = "10m")]
    async fn upload(&self, name: String, parts: impl Stream<Item = Part>)
    -> Result<u64, FileError>;

    /// The parts of a file, in order.
    #[rpc(timeout = "10m")]
    async fn download(
        &self,
        name: String,
    ) -> Result<impl Stream<Item = Result<Part, FileError>>, FileError>;
}

struct Store {
    folder: PathBuf,
}

impl FilesHandler for Store {
    async fn upload(
        &self,
        name: String,
        mut parts: impl Stream<Item = Part> + Send + Unpin,
    ) -> Result<u64, FileError> {
        let path = self.path(&name)?;
        let mut arriving = Arriving::new(&self.folder)?;
        // `None` means that the caller ended the stream. Where the upload is cut off instead, this
        // handler is dropped at the `await`, and the temporary file with it.
        while let Some(part) = parts.next().await {
            arriving.take(part).await?;
        }
        arriving.keep(&path).await
    }

    async fn download(
        &self,
        name: String,
    ) -> Result<impl Stream<Item = Result<Part, FileError>>, FileError> {
        let file = File::open(self.path(&name)?)
            .await
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => FileError::NotFound,
                _ => FileError::Storage,
            })?;
        Ok(parts(file).map(|part| part.map_err(|_| FileError::Storage)))
    }
}

impl Store {
    /// Names come from callers: none may lead out of the folder, or to a temporary file.
    fn path(&self, name: &str) -> Result<PathBuf, FileError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        if name.is_empty()
            || name.len() > 128
            || name.starts_with('.')
            || !name.bytes().all(is_plain)
        {
            return Err(FileError::BadName);
        }
        Ok(self.folder.join(name))
    }
}

/// Reads a file into parts, one chunk at a time.
fn parts(mut file: impl AsyncRead + Unpin + Send) -> impl Stream<Item = io::Result<Part>> + Send {
    try_stream! {
        let mut hash = Context::new(&SHA256);
        loop {
            let mut chunk = Vec::with_capacity(CHUNK_BYTES_MAX);
            (&mut file).take(CHUNK_BYTES_MAX as u64).read_to_end(&mut chunk).await?;
            if chunk.is_empty() {
                break;
            }
            hash.update(&chunk);
            yield Part::Bytes(chunk);
        }
        yield Part::End { sha256: finish(hash) };
    }
}

/// A file that is arriving, in a temporary file that is removed unless it is kept.
struct Arriving {
    file: File,
    path: TempPath,
    hash: Context,
    bytes: u64,
    is_whole: bool,
}

impl Arriving {
    fn new(folder: &Path) -> Result<Self, FileError> {
        let (file, path) = NamedTempFile::new_in(folder)
            .map_err(|_| FileError::Storage)?
            .into_parts();
        Ok(Self {
            file: File::from_std(file),
            path,
            hash: Context::new(&SHA256),
            bytes: 0,
            is_whole: false,
        })
    }

    async fn take(&mut self, part: Part) -> Result<(), FileError> {
        match part {
            _ if self.is_whole => return Err(FileError::Unfinished),
            Part::Bytes(chunk) if chunk.len() > CHUNK_BYTES_MAX => {
                return Err(FileError::ChunkTooLarge);
            }
            Part::Bytes(chunk) => {
                self.bytes += chunk.len() as u64;
                if self.bytes > FILE_BYTES_MAX {
                    return Err(FileError::FileTooLarge);
                }
                self.hash.update(&chunk);
                let written = self.file.write_all(&chunk).await;
                written.map_err(|_| FileError::Storage)?;
            }
            Part::End { sha256 } if sha256 != finish(self.hash.clone()) => {
                return Err(FileError::HashMismatch);
            }
            Part::End { .. } => self.is_whole = true,
        }
        Ok(())
    }

    async fn keep(mut self, path: &Path) -> Result<u64, FileError> {
        if !self.is_whole {
            return Err(FileError::Unfinished);
        }
        self.file.flush().await.map_err(|_| FileError::Storage)?;
        // At once or not at all: nobody ever reads half of it under its name.
        self.path.persist(path).map_err(|_| FileError::Storage)?;
        Ok(self.bytes)
    }
}

fn finish(hash: Context) -> [u8; 32] {
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(hash.finish().as_ref());
    sha256
}

#[tokio::main]
async fn main() -> Outcome {
    run(serve, call).await
}

async fn serve(mut end: ServerEnd) -> Outcome {
    let temporary = tempfile::tempdir()?;
    let folder = end
        .rest()
        .first()
        .map_or(temporary.path().to_owned(), PathBuf::from);
    let mut server = FilesServer::new(Store { folder }, end.config());
    end.announce(server.bind()?);
    let report = server.serve_with_shutdown(end.stopped(), GRACE).await?;
    println!("shut down, {} calls cut", report.cut);
    Ok(())
}

async fn call(end: ClientEnd) -> Outcome {
    let files = FilesClient::connect(end.address(), end.config()).await?;
    let folder = tempfile::tempdir()?;
    let source = match end.rest().first() {
        Some(file) => PathBuf::from(file),
        None => made_up(folder.path()).await?,
    };

    // The stream is read as the server takes it, so that any size fits into little memory. What
    // cannot be read ends it without a hash, and the server refuses it.
    let upload = parts(File::open(&source).await?).scan((), |(), part| future::ready(part.ok()));
    println!(
        "uploaded {} bytes",
        files.upload("sample".into(), upload).await?
    );

    let mut arriving = Arriving::new(folder.path()).map_err(local)?;
    let mut download = files.download("sample".into()).await?;
    while let Some(part) = download.next().await {
        arriving.take(part?).await.map_err(local)?;
    }
    let copy = folder.path().join("copy");
    println!(
        "downloaded {} bytes",
        arriving.keep(&copy).await.map_err(local)?
    );
    let is_same = tokio::fs::read(&source).await? == tokio::fs::read(&copy).await?;
    println!("they are the same: {is_same}");

    let damaged = stream::iter([Part::Bytes(b"abc".to_vec()), Part::End { sha256: [0; 32] }]);
    refused(files.upload("damaged".into(), damaged).await)?;
    refused(
        files
            .upload("cut".into(), stream::iter([Part::Bytes(b"abc".to_vec())]))
            .await,
    )?;
    // Refused at its first chunk: a server that has answered reads no more of the stream.
    let endless = stream! {
        loop {
            yield Part::Bytes(vec![0; 2 * CHUNK_BYTES_MAX]);
        }
    };
    refused(files.upload("endless".into(), endless).await)?;
    refused(files.upload("../damaged".into(), stream::empty()).await)?;

    // The call of a method that streams its reply succeeds once it is made; what the handler says
    // comes with the stream, an error before the first item too.
    let mut absent = files.download("damaged".into()).await?;
    refused(absent.next().await.ok_or("no error")?.map(|_| 0))
}

/// Three megabytes and a bit, which is no multiple of a chunk.
async fn made_up(folder: &Path) -> Outcome<PathBuf> {
    let bytes: Vec<u8> = (0..3_000_001u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let path = folder.join("source");
    tokio::fs::write(&path, bytes).await?;
    Ok(path)
}

fn local(error: FileError) -> String {
    format!("the copy cannot be kept: {error:?}")
}

fn refused(outcome: Result<u64, CallError<FileError>>) -> Outcome {
    match outcome {
        Err(CallError::Service(error)) => {
            println!("refused: {error:?}");
            Ok(())
        }
        Err(CallError::Rpc(error)) => Err(error.into()),
        Ok(bytes) => Err(format!("{bytes} bytes should have been refused").into()),
    }
}
