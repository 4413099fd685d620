//! [`Input`]: standard input, and files, as far as they may go.

use std::error::Error;
use std::io;
use std::path::Path;

use tokio::fs::File;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

/// Bytes of a line, or of all of a message: what no server accepts by default, with room for one that
/// was told to.
pub(super) const MESSAGE_BYTES_MAX: u64 = 64 << 20;

/// Lines of standard input.
pub(super) struct Input<R = tokio::io::Stdin> {
    reader: BufReader<R>,
    line: usize,
    max: u64,
}

impl Input {
    pub(super) fn stdin() -> Self {
        Self::new(tokio::io::stdin(), MESSAGE_BYTES_MAX)
    }
}

impl<R: AsyncRead + Unpin> Input<R> {
    fn new(reader: R, max: u64) -> Self {
        Self {
            reader: BufReader::new(reader),
            line: 0,
            max,
        }
    }

    /// The next line that has something in it, without its end.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is too long.
    ///
    /// # Cancel safety
    ///
    /// What was read of a line is lost.
    pub(super) async fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let mut line = Vec::new();
            let mut bounded = (&mut self.reader).take(self.max + 1);
            if bounded.read_until(b'\n', &mut line).await? == 0 {
                return Ok(None);
            }
            self.line += 1;
            if line.len() as u64 > self.max {
                return Err(self.too_long("line"));
            }
            let text = line.trim_ascii();
            if !text.is_empty() {
                return Ok(Some(text.to_vec()));
            }
        }
    }

    /// The number of the line that was read last.
    pub(super) fn number(&self) -> usize {
        self.line
    }

    /// All that is left.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is too long.
    ///
    /// # Cancel safety
    ///
    /// What was read is lost.
    pub(super) async fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = Vec::new();
        let mut bounded = (&mut self.reader).take(self.max + 1);
        bounded.read_to_end(&mut rest).await?;
        match rest.len() as u64 > self.max {
            true => Err(self.too_long("message")),
            false => Ok(rest),
        }
    }

    fn too_long(&self, what: &str) -> io::Error {
        io::Error::other(format!("a {what} is longer than {} bytes", self.max))
    }
}

/// All of a file.
///
/// # Errors
///
/// It cannot be read, or is too long; with its name.
///
/// # Cancel safety
///
/// What was read is lost.
pub(super) async fn file(path: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    let read = async {
        let file = File::open(path).await?;
        Input::new(file, MESSAGE_BYTES_MAX).rest().await
    };
    let read = read.await;
    read.map_err(|error| format!("--file: {}: {error}", path.display()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_have_numbers_and_empty_ones_are_skipped() {
        let mut input = Input::new(&b"1\n\n  \n {\"a\": 2}\r\n3"[..], 20);
        for (line, number) in [(&b"1"[..], 1), (b"{\"a\": 2}", 4), (b"3", 5)] {
            assert_eq!(
                input.line().await.expect("it can be read"),
                Some(line.into())
            );
            assert_eq!(input.number(), number);
        }
        assert_eq!(input.line().await.expect("it can be read"), None);
    }

    #[tokio::test]
    async fn a_line_may_be_as_long_as_the_limit() {
        let mut input = Input::new(&b"1234\n12345\n"[..], 5);
        assert_eq!(input.line().await.expect("it fits"), Some(b"1234".into()));
        let error = input.line().await.expect_err("with its end it is longer");
        assert_eq!(error.to_string(), "a line is longer than 5 bytes");
    }

    #[tokio::test]
    async fn a_message_may_be_as_long_as_the_limit() {
        assert_eq!(
            Input::new(&b"12345"[..], 5).rest().await.expect("it fits"),
            b"12345"
        );
        let error = Input::new(&b"123456"[..], 5).rest().await;
        assert!(
            error
                .expect_err("it does not")
                .to_string()
                .contains("message")
        );
    }
}
