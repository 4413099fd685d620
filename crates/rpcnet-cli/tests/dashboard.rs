//! `rpcnet dashboard`: what it serves to whom, and the page in a browser.
//!
//! `RPCNET_PICTURES=docs/book/src cargo test -p rpcnet-cli --test dashboard pictures` draws the
//! pictures of the guide anew, those of `rpcnet top` too.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use common::browser::Browser;
use common::{
    PATIENCE, Running, ThreeNodes, Work, assert_contains, complaint, finished, printed, rpcnet,
};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

fn dashboard(nodes: &ThreeNodes) -> Command {
    let mut command = rpcnet([
        "dashboard",
        "--interval",
        "200",
        "--seed",
        &nodes.address(0),
    ]);
    command.args(nodes.identified("bob"));
    command
}

/// The command, and where it serves.
async fn serving(nodes: &ThreeNodes) -> (Running, String) {
    let mut running = Running::start(dashboard(nodes));
    let url = running.until(&["http://127.0.0.1:"]).await;
    (running, url)
}

fn host(url: &str) -> &str {
    url.trim_start_matches("http://").trim_end_matches('/')
}

/// A whole answer to a request that ends the connection.
async fn ask(url: &str, request: &str) -> String {
    let mut socket = TcpStream::connect(host(url)).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = timeout(PATIENCE, socket.read_to_end(&mut answer)).await;
    // What was refused before it was read to its end is answered by a reset at times.
    let _ = read.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

async fn get(url: &str, path: &str, name: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
    ask(url, &request).await
}

#[tokio::test]
async fn the_page_is_served_to_those_who_ask_by_its_own_name() {
    let nodes = ThreeNodes::start().await;
    let (running, url) = serving(&nodes).await;
    let name = host(&url);
    let page = get(&url, "/", name).await;
    assert_contains(
        &page,
        &[
            "HTTP/1.1 200 ",
            "content-security-policy: default-src 'none'",
            "<!doctype html>",
        ],
    );
    let asset = ["src=\"http", "href=\"http", "url(http", "@import"];
    assert!(
        asset.iter().all(|asset| !page.contains(asset)),
        "nothing from elsewhere"
    );
    let picture = get(&url, "/picture.json", name).await;
    assert_contains(&picture, &["application/json", "\"node-2\"", "no-store"]);
    for strange in ["evil.example", "evil.example:80", "127.0.0.1"] {
        let refused = get(&url, "/picture.json", strange).await;
        assert_contains(&refused, &["HTTP/1.1 421 "]);
        assert!(!refused.contains("node-2"), "{refused}");
    }
    assert_contains(&get(&url, "/../etc/passwd", name).await, &["HTTP/1.1 404 "]);
    let post = format!(
        "POST / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    );
    assert_contains(&ask(&url, &post).await, &["HTTP/1.1 405 ", "allow: GET"]);
    assert_eq!(running.interrupt().await, Some(0));
}

#[tokio::test]
async fn requests_without_end_are_refused_and_no_matter_to_others() {
    let nodes = ThreeNodes::start().await;
    let (_running, url) = serving(&nodes).await;
    let name = host(&url);
    let long = format!(
        "GET / HTTP/1.1\r\nHost: {name}\r\nX: {}\r\n\r\n",
        "x".repeat(64 << 10)
    );
    let refused = ask(&url, &long).await;
    assert!(
        refused.is_empty() || refused.starts_with("HTTP/1.1 4"),
        "{refused}"
    );
    let lines = "X: y\r\n".repeat(65);
    let many = format!("GET / HTTP/1.1\r\nHost: {name}\r\n{lines}\r\n");
    let refused = ask(&url, &many).await;
    assert!(
        refused.is_empty() || refused.starts_with("HTTP/1.1 4"),
        "{refused}"
    );
    // More than it serves at once, all of them silent.
    let mut idle = Vec::new();
    for _ in 0..63 {
        idle.push(TcpStream::connect(name).await.unwrap());
    }
    assert_contains(&get(&url, "/", name).await, &["HTTP/1.1 200 "]);
    idle.push(TcpStream::connect(name).await.unwrap());
    let waits = tokio::spawn({
        let url = url.clone();
        async move { get(&url, "/", host(&url)).await }
    });
    drop(idle);
    assert_contains(&waits.await.unwrap(), &["HTTP/1.1 200 "]);
}

#[tokio::test]
async fn events_tell_of_a_worker_that_died() {
    let mut nodes = ThreeNodes::start().await;
    let (_running, url) = serving(&nodes).await;
    let mut socket = TcpStream::connect(host(&url)).await.unwrap();
    let request = format!("GET /events HTTP/1.1\r\nHost: {}\r\n\r\n", host(&url));
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut lines = BufReader::new(socket).lines();
    let mut cut = false;
    let told = timeout(PATIENCE, async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if !line.contains("data: {") {
                continue;
            }
            if !cut {
                assert_contains(&line, &["\"name\":\"node-2\"", "\"state\":\"alive\""]);
                nodes.cut(2);
                cut = true;
            }
            if line.contains("NodeFailed") && line.contains("\"state\":\"failed\"") {
                return true;
            }
        }
        false
    });
    assert!(told.await.unwrap());
}

#[tokio::test]
async fn what_is_wrong_with_its_options_is_said_before_anything_is_served() {
    let nodes = ThreeNodes::start().await;
    let (_running, url) = serving(&nodes).await;
    let mut command = dashboard(&nodes);
    command.args(["--bind", host(&url)]);
    let refused = complaint(finished(command).await);
    assert_contains(&refused, &["--bind ", "in use"]);
    let mut command = rpcnet(["dashboard", "--seed", &nodes.address(0)]);
    command.args(nodes.anonymous());
    let refused = complaint(finished(command).await);
    assert_contains(&refused, &["no node answered", "--cert and --key"]);
}

/// The contrast of the text of an element with what is behind it (WCAG 2, at least 4.5).
const CONTRAST: &str = "(() => {
    const light = (css) => {
        const [r, g, b] = css.match(/[\\d.]+/g).map(Number)
            .map((c) => c / 255).map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const behind = (e) => { for (; e; e = e.parentElement) {
        const css = getComputedStyle(e).backgroundColor;
        if (!css.startsWith('rgba')) return css; } return 'rgb(255, 255, 255)'; };
    const worst = [...document.querySelectorAll('p, th, td, dt, dd, h1, h2, h3, li, .state, .tag')]
        .filter((e) => e.textContent.trim() && e.offsetParent)
        .map((e) => { const [a, b] = [light(getComputedStyle(e).color), light(behind(e))];
            return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); });
    return Math.min(...worst); })()";

#[tokio::test]
async fn the_page_works_at_every_width_and_in_the_dark_and_shows_a_worker_that_dies() {
    let mut nodes = ThreeNodes::start().await;
    let _work = Work::start(&nodes).await;
    let (_running, url) = serving(&nodes).await;
    let Some(mut browser) = Browser::open(&url).await else {
        return;
    };
    browser
        .until("document.querySelectorAll('#members tr').length === 3")
        .await;
    browser
        .until("document.querySelectorAll('.plot').length === 3")
        .await;
    let mut grounds = Vec::new();
    for (width, height) in [(390, 844), (1280, 900)] {
        for scheme in ["light", "dark"] {
            browser.look(width, height, scheme).await;
            let is_too_wide = "document.documentElement.scrollWidth > innerWidth";
            assert_eq!(
                browser.evaluate(is_too_wide).await,
                false,
                "{width} {scheme}"
            );
            let contrast = browser.evaluate(CONTRAST).await.as_f64().unwrap();
            assert!(contrast >= 4.5, "{contrast} at {width} {scheme}");
            let ground = "getComputedStyle(document.body).backgroundColor";
            grounds.push(browser.evaluate(ground).await);
        }
    }
    assert_ne!(grounds[0], grounds[1], "dark is another colour");
    browser
        .until("Number(document.getElementById('rate').textContent) > 0")
        .await;
    nodes.cut(2);
    browser
        .until("document.querySelector('[data-member=\"node-2\"]').dataset.state === 'failed'")
        .await;
    // Said in words, not by colour alone.
    browser
        .until("document.querySelector('[data-member=\"node-2\"]').innerText.includes('failed')")
        .await;
    browser
        .until("document.getElementById('events').innerText.includes('NodeFailed')")
        .await;
    let summary = browser
        .evaluate("document.getElementById('summary').textContent")
        .await;
    assert_contains(summary.as_str().unwrap(), &["2 alive, 1 failed"]);
    assert_eq!(browser.complaints, Vec::<serde_json::Value>::new());
}

#[tokio::test]
async fn pictures_of_the_guide_are_drawn_where_that_is_asked_for() {
    let Some(folder) = std::env::var_os("RPCNET_PICTURES") else {
        common::say("skipped: RPCNET_PICTURES names no folder");
        return;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder: PathBuf = root.join(folder);
    let mut nodes = ThreeNodes::start().await;
    let _work = Work::start(&nodes).await;
    let (_running, url) = serving(&nodes).await;
    let mut command = rpcnet([
        "top",
        "--interval",
        "500",
        "--count",
        "20",
        "--seed",
        &nodes.address(0),
    ]);
    command
        .args(nodes.identified("bob"))
        .arg("--svg")
        .arg(folder.join("top.svg"));
    printed(finished(command).await);
    let Some(mut browser) = Browser::open(&url).await else {
        panic!("there is no Chromium to draw with");
    };
    browser
        .until("document.querySelectorAll('.plot svg').length > 4")
        .await;
    nodes.cut(2);
    browser
        .until("document.getElementById('events').innerText.includes('NodeFailed')")
        .await;
    for (name, width, height, scheme) in [
        ("desktop", 1280, 1000, "light"),
        ("phone", 390, 844, "dark"),
    ] {
        browser.look(width, height, scheme).await;
        let picture = browser.screenshot().await;
        decode(&picture, &folder.join(format!("dashboard-{name}.png"))).await;
    }
}

/// Writes base64 as bytes.
async fn decode(base64: &str, file: &Path) {
    let mut child = Command::new("base64")
        .arg("--decode")
        .stdin(Stdio::piped())
        .stdout(std::fs::File::create(file).unwrap())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(base64.as_bytes()).await.unwrap();
    drop(input);
    assert!(child.wait().await.unwrap().success());
}
