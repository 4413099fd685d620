//! As much of HTTP/1.1 as it takes to be asked for one page.

/// The longest head of a request, in bytes; a longer one is answered with 431.
pub(super) const HEAD_BYTES_MAX: usize = 8 << 10;

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// The page, or with `HEAD` only what is before it.
    Page { is_head: bool },
    /// Something else, or in another way.
    No(Status),
}

/// The answers that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Ok,
    BadRequest,
    NotFound,
    MethodNotAllowed,
    Timeout,
    HeadTooLarge,
}

impl Status {
    const fn line(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::BadRequest => "400 Bad Request",
            Self::NotFound => "404 Not Found",
            Self::MethodNotAllowed => "405 Method Not Allowed",
            Self::Timeout => "408 Request Timeout",
            Self::HeadTooLarge => "431 Request Header Fields Too Large",
        }
    }

    /// What a person reads who came by mistake.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Ok => "",
            Self::BadRequest => "this is no HTTP/1.1 request\n",
            Self::NotFound => "the metrics are at /metrics\n",
            Self::MethodNotAllowed => "ask with GET\n",
            Self::Timeout => "the request did not come in time\n",
            Self::HeadTooLarge => "the head of the request is too long\n",
        }
    }
}

/// Where the head of a request ends, if all of it is there.
pub(super) fn end_of_head(received: &[u8]) -> Option<usize> {
    let end = received.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    end.map(|at| at + 4)
}

/// Reads the first line of a request; the others change nothing.
pub(super) fn asked(head: &[u8]) -> Asked {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let mut words = line.split(|byte| *byte == b' ');
    let (method, target, version) = (words.next(), words.next(), words.next());
    let is_http = matches!(version, Some(b"HTTP/1.1" | b"HTTP/1.0")) && words.next().is_none();
    let (Some(method), Some(target), true) = (method, target, is_http) else {
        return Asked::No(Status::BadRequest);
    };
    let path = target.split(|byte| *byte == b'?').next();
    match (path, method) {
        (Some(b"/metrics"), b"GET") => Asked::Page { is_head: false },
        (Some(b"/metrics"), b"HEAD") => Asked::Page { is_head: true },
        (Some(b"/metrics"), _) => Asked::No(Status::MethodNotAllowed),
        _ => Asked::No(Status::NotFound),
    }
}

/// An answer, after which the connection is closed.
pub(super) fn answer(status: Status, body: &str, is_head: bool) -> String {
    let allow = match status {
        Status::MethodNotAllowed => "Allow: GET, HEAD\r\n",
        _ => "",
    };
    let (line, len) = (status.line(), body.len());
    let body = if is_head { "" } else { body };
    format!(
        "HTTP/1.1 {line}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {len}\r\n{allow}Cache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n{body}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_page_is_there_and_only_to_be_read() {
        let page = |is_head| Asked::Page { is_head };
        for (line, expected) in [
            ("GET /metrics HTTP/1.1", page(false)),
            ("GET /metrics?x=y HTTP/1.0", page(false)),
            ("HEAD /metrics HTTP/1.1", page(true)),
            (
                "POST /metrics HTTP/1.1",
                Asked::No(Status::MethodNotAllowed),
            ),
            ("GET / HTTP/1.1", Asked::No(Status::NotFound)),
            ("GET /metrics/ HTTP/1.1", Asked::No(Status::NotFound)),
            ("GET /metrics", Asked::No(Status::BadRequest)),
            ("GET /metrics HTTP/2", Asked::No(Status::BadRequest)),
            ("GET  /metrics HTTP/1.1", Asked::No(Status::BadRequest)),
            ("", Asked::No(Status::BadRequest)),
        ] {
            let head = format!("{line}\r\nHost: here\r\n\r\n");
            assert_eq!(asked(head.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn a_head_ends_with_an_empty_line() {
        assert_eq!(end_of_head(b"GET / HTTP/1.1\r\nHost: a\r\n"), None);
        assert_eq!(end_of_head(b"GET / HTTP/1.1\r\n\r\nmore"), Some(18));
    }

    #[test]
    fn an_answer_says_how_long_it_is_also_where_it_is_left_out() {
        let whole = answer(Status::Ok, "abc\n", false);
        assert!(whole.contains("Content-Length: 4\r\n") && whole.ends_with("\r\n\r\nabc\n"));
        let head = answer(Status::Ok, "abc\n", true);
        assert!(head.contains("Content-Length: 4\r\n") && head.ends_with("\r\n\r\n"));
    }
}
