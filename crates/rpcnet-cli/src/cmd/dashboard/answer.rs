//! What is answered to which request.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderValue,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::watch;
use tokio::time::timeout;

use super::hosts::Hosts;
use crate::cmd::observe::Picture;

const PAGE: &str = include_str!("page.html");

/// Nothing but what is in the page, and the events of this server.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// A comment is sent where nothing changes for so long, so that a peer that is gone is noticed.
const QUIET_MAX: Duration = Duration::from_secs(15);

pub(super) type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// Answers one request.
pub(super) fn answer<B>(
    request: &Request<B>,
    hosts: &Hosts,
    pictures: &watch::Receiver<Arc<Picture>>,
) -> Answer {
    let host = request.headers().get(HOST);
    if !hosts.has(host.and_then(|host| host.to_str().ok())) {
        let text = "this name is not served here; --host adds one\n";
        return plain(StatusCode::MISDIRECTED_REQUEST, text);
    }
    if request.method() != Method::GET {
        let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET is served\n");
        let headers = answer.headers_mut();
        headers.insert(ALLOW, HeaderValue::from_static("GET"));
        return answer;
    }
    match request.uri().path() {
        "/" => whole(StatusCode::OK, "text/html; charset=utf-8", PAGE),
        "/picture.json" => {
            let json = json(&pictures.borrow());
            whole(StatusCode::OK, "application/json", json)
        }
        "/events" => events(pictures.clone()),
        _ => plain(StatusCode::NOT_FOUND, "there is / and /picture.json\n"),
    }
}

/// The picture now and whenever it has changed. Of those that a slow reader has no room for, only
/// the latest is sent.
fn events(mut pictures: watch::Receiver<Arc<Picture>>) -> Answer {
    pictures.mark_changed();
    let frames = stream::unfold(pictures, |mut pictures| async move {
        let text = match timeout(QUIET_MAX, pictures.changed()).await {
            Ok(Ok(())) => format!("data: {}\n\n", json(&pictures.borrow_and_update())),
            // Nobody watches the cluster any more.
            Ok(Err(_)) => return None,
            Err(_elapsed) => ":\n\n".to_owned(),
        };
        Some((Bytes::from(text), pictures))
    });
    let frames = frames.map(|text| Ok(Frame::data(text)));
    with_headers(
        StatusCode::OK,
        "text/event-stream",
        StreamBody::new(frames).boxed_unsync(),
    )
}

fn json(picture: &Picture) -> String {
    // It has string keys and numbers only.
    serde_json::to_string(picture).unwrap_or_else(|_| "null".to_owned())
}

fn plain(status: StatusCode, text: &'static str) -> Answer {
    whole(status, "text/plain; charset=utf-8", text)
}

fn whole(status: StatusCode, kind: &'static str, text: impl Into<Bytes>) -> Answer {
    with_headers(status, kind, Full::new(text.into()).boxed_unsync())
}

fn with_headers(
    status: StatusCode,
    kind: &'static str,
    body: UnsyncBoxBody<Bytes, Infallible>,
) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}
