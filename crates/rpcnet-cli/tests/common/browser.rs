//! [`Browser`]: a headless Chromium with one page, driven through its pipe.

use std::process::Stdio;
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::PATIENCE;

/// A page. Dropping it ends the browser.
pub(crate) struct Browser {
    _child: Child,
    _profile: TempDir,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    number: u64,
    session: Option<Arc<str>>,
    /// What the page's scripts have complained of.
    pub(crate) complaints: Vec<Value>,
}

/// Commands to the browser come in at descriptor 3, answers leave at 4; here they are its standard
/// input and output, which it does not use.
const LAUNCH: &str = "exec \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null";

const OPTIONS: [&str; 9] = [
    "--headless=new",
    // Containers give it neither.
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-extensions",
    "--disable-background-networking",
    "--remote-debugging-pipe",
];

impl Browser {
    /// Opens a page; `None`, with a printed line, where there is no Chromium.
    pub(crate) async fn open(url: &str) -> Option<Self> {
        let program = std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
        let found = Command::new(&program)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .await;
        if !found.is_ok_and(|status| status.success()) {
            super::say(&format!("skipped: there is no `{program}`"));
            return None;
        }
        let profile = tempfile::tempdir().unwrap();
        let mut child = Command::new("sh")
            .args(["-c", LAUNCH, "sh", &program])
            .args(OPTIONS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut browser = Self {
            commands: child.stdin.take().unwrap(),
            answers: BufReader::new(child.stdout.take().unwrap()),
            _child: child,
            _profile: profile,
            number: 0,
            session: None,
            complaints: Vec::new(),
        };
        let target = json!({"url": "about:blank"});
        let target = browser.call("Target.createTarget", target).await;
        let target = json!({"targetId": target["targetId"], "flatten": true});
        let attached = browser.call("Target.attachToTarget", target).await;
        browser.session = Some(attached["sessionId"].as_str().unwrap().into());
        for domain in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({})).await;
        }
        browser.call("Page.navigate", json!({"url": url})).await;
        Some(browser)
    }

    /// The screen of the page: its width and whether it is dark.
    pub(crate) async fn look(&mut self, width: u32, height: u32, scheme: &str) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1,
                          "mobile": width < 600});
        self.call("Emulation.setDeviceMetricsOverride", size).await;
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", media).await;
    }

    /// What an expression is in the page.
    pub(crate) async fn evaluate(&mut self, expression: &str) -> Value {
        let question = json!({"expression": expression, "returnByValue": true,
                              "awaitPromise": true});
        let answer = self.call("Runtime.evaluate", question).await;
        assert_eq!(answer.get("exceptionDetails"), None, "{expression}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true in the page.
    pub(crate) async fn until(&mut self, condition: &str) {
        let limit = PATIENCE.as_millis();
        let waiting = format!(
            "new Promise((done) => {{ const began = Date.now(); const look = () => {{
                if ({condition}) done(true);
                else if (Date.now() - began > {limit}) done(document.body.innerText);
                else setTimeout(look, 20); }}; look(); }})"
        );
        let held = self.evaluate(&waiting).await;
        assert_eq!(held, true, "{condition} does not hold");
    }

    /// The whole page as a PNG, in base64.
    pub(crate) async fn screenshot(&mut self) -> String {
        let whole = json!({"format": "png", "captureBeyondViewport": true});
        let picture = self.call("Page.captureScreenshot", whole).await;
        picture["data"].as_str().unwrap().to_owned()
    }

    async fn call(&mut self, method: &str, params: Value) -> Value {
        self.number += 1;
        let mut message = json!({"id": self.number, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(&**session);
        }
        let mut message = message.to_string().into_bytes();
        message.push(0);
        self.commands.write_all(&message).await.unwrap();
        let answered = async {
            loop {
                let mut answer = Vec::new();
                let count = self.answers.read_until(0, &mut answer).await.unwrap();
                assert!(count > 0, "the browser has ended");
                answer.pop();
                let answer: Value = serde_json::from_slice(&answer).unwrap();
                if answer["id"] == self.number {
                    assert_eq!(answer.get("error"), None, "{method}");
                    return answer["result"].clone();
                }
                let event = answer["method"].as_str().unwrap_or_default();
                let is_error = answer["params"]["entry"]["level"] == "error";
                if event == "Runtime.exceptionThrown" || (event == "Log.entryAdded" && is_error) {
                    self.complaints.push(answer);
                }
            }
        };
        timeout(PATIENCE * 2, answered).await.unwrap()
    }
}
