//! Headless Chromium, driven over WebDriver (W3C) by Debian's `chromedriver`.
//!
//! A client of our own: the ready one, `thirtyfour`, has `serde_json` keep the order of fields for all of the workspace,
//! and what is tested would no longer be what is shipped.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::place::PASSWORD;

/// Of elements in WebDriver's JSON.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// What a page comes to is waited for so often, each time this long.
const LOOKS: u32 = 500;
const LOOK_EVERY: Duration = Duration::from_millis(20);
const FLAGS: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--window-size=1360,900",
];

pub(crate) struct Chromium {
    driver: Child,
    client: Client,
    /// The address of the session.
    session: String,
    _profile: TempDir,
}

impl Chromium {
    pub(crate) async fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        // All that it starts ends with it.
        let mut driver = command.process_group(0).spawn().expect(
            "chromedriver cannot be started: `cargo xtask test` installs it \
             (on Debian: apt-get install --no-install-recommends chromium chromium-driver)",
        );
        let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.map_while(Result::ok).find_map(|line| {
            Some(line.split("started successfully on port ").nth(1)?.trim_end_matches('.').to_owned())
        });
        let url = format!("http://127.0.0.1:{}", port.expect("chromedriver says on which port it is"));
        let mut flags: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
        flags.push(format!("--user-data-dir={}", profile.path().display()));
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": flags}, "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let client = Client::new();
        let made = client.post(format!("{url}/session")).json(&wanted).send().await.unwrap();
        let made: Value = made.json().await.unwrap();
        let session = made["value"]["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {made}"));
        let session = format!("{url}/session/{session}");
        Self { driver, client, session, _profile: profile }
    }

    async fn tried(&self, method: Method, what: &str, body: &Value) -> Result<Value, String> {
        let request = self.client.request(method.clone(), format!("{}{what}", self.session));
        let request = if method == Method::POST { request.json(body) } else { request };
        let answer = request.send().await.unwrap();
        let (status, body) = (answer.status(), answer.json::<Value>().await.unwrap());
        if status.is_success() { Ok(body["value"].clone()) } else { Err(body.to_string()) }
    }

    async fn ask(&self, method: Method, what: &str, body: &Value) -> Value {
        let done = self.tried(method, what, body).await;
        done.unwrap_or_else(|why| panic!("{what}: {why}"))
    }

    pub(crate) async fn go(&self, url: &str) {
        self.ask(Method::POST, "/url", &json!({ "url": url })).await;
    }

    /// Goes back, as by its button.
    pub(crate) async fn back(&self) {
        self.ask(Method::POST, "/back", &json!({})).await;
    }

    /// Gives the window another size, in pixels.
    pub(crate) async fn window(&self, width: u32, height: u32) {
        self.ask(Method::POST, "/window/rect", &json!({"width": width, "height": height})).await;
    }

    pub(crate) async fn title(&self) -> String {
        self.ask(Method::GET, "/title", &Value::Null).await.as_str().unwrap().to_owned()
    }

    pub(crate) async fn url(&self) -> String {
        self.ask(Method::GET, "/url", &Value::Null).await.as_str().unwrap().to_owned()
    }

    /// What a function body returns; what it is given are `arguments`.
    pub(crate) async fn run(&self, script: &str, arguments: Value) -> Value {
        let body = json!({"script": script, "args": arguments});
        self.ask(Method::POST, "/execute/sync", &body).await
    }

    /// What a function body hands to the last of its `arguments`.
    pub(crate) async fn run_to_its_end(&self, script: &str) -> Value {
        self.ask(Method::POST, "/execute/async", &json!({"script": script, "args": []})).await
    }

    /// Waits for an element, by a CSS selector, and gives its address.
    async fn element(&self, selector: &str) -> String {
        let body = json!({"using": "css selector", "value": selector});
        for _ in 0..LOOKS {
            if let Ok(found) = self.tried(Method::POST, "/element", &body).await {
                return format!("/element/{}", found[ELEMENT].as_str().unwrap());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        panic!("{selector} is not on {}: {}", self.url().await, self.text().await);
    }

    /// Waits until the page has such an element.
    pub(crate) async fn shows(&self, selector: &str) {
        self.element(selector).await;
    }

    pub(crate) async fn click(&self, selector: &str) {
        let element = self.element(selector).await;
        self.ask(Method::POST, &format!("{element}/click"), &json!({})).await;
    }

    /// Types into a field in the place of what is in it.
    pub(crate) async fn fill(&self, selector: &str, text: &str) {
        let element = self.element(selector).await;
        self.ask(Method::POST, &format!("{element}/clear"), &json!({})).await;
        self.ask(Method::POST, &format!("{element}/value"), &json!({ "text": text })).await;
    }

    /// Waits until the focus is on the field of this id: a browser puts it there a moment after the page is there.
    pub(crate) async fn has_focus(&self, id: &str) {
        for _ in 0..LOOKS {
            if self.run("return document.activeElement?.id ?? ''", json!([])).await == id {
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        panic!("the focus is not on {id}: {}", self.text().await);
    }

    /// Presses keys, one after the other, wherever the focus is.
    pub(crate) async fn press(&self, keys: &str) {
        let press = |key: char| {
            [
                json!({"type": "keyDown", "value": key.to_string()}),
                json!({"type": "keyUp", "value": key.to_string()}),
            ]
        };
        let actions: Vec<Value> = keys.chars().flat_map(press).collect();
        let body = json!({"actions": [{"type": "key", "id": "keys", "actions": actions}]});
        self.ask(Method::POST, "/actions", &body).await;
    }

    /// Signs somebody in, by keyboard, and goes to the first page.
    pub(crate) async fn sign_in(&self, url: &str, name: &str) {
        self.go(&format!("{url}/sign-in")).await;
        self.has_focus("name").await;
        self.press(&format!("{name}\u{e004}{PASSWORD}\u{e007}")).await;
        self.is_at("Home").await;
    }

    /// Gives the window a size; narrow ones as a phone has them.
    pub(crate) async fn resize(&self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        let body = json!({"cmd": "Emulation.setDeviceMetricsOverride", "params": metrics});
        self.ask(Method::POST, "/goog/cdp/execute", &body).await;
    }

    /// Keeps files in this folder.
    pub(crate) async fn downloads_to(&self, folder: &Path) {
        let params = json!({"behavior": "allow", "downloadPath": folder});
        let body = json!({"cmd": "Browser.setDownloadBehavior", "params": params});
        self.ask(Method::POST, "/goog/cdp/execute", &body).await;
    }

    /// What can be read on the page.
    pub(crate) async fn text(&self) -> String {
        self.run("return document.body.innerText", json!([])).await.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the page says this.
    pub(crate) async fn reads(&self, text: &str) {
        for _ in 0..LOOKS {
            if self.text().await.contains(text) {
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        panic!("{text:?} does not come to {}: {}", self.url().await, self.text().await);
    }

    /// Waits until the page has this title before its dot.
    pub(crate) async fn is_at(&self, title: &str) {
        for _ in 0..LOOKS {
            if self.title().await.split(" · ").next() == Some(title) {
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        panic!(
            "{title:?} is not come to, but {:?} at {}: {}",
            self.title().await,
            self.url().await,
            self.text().await
        );
    }

    /// What the browser complained of since it was asked last: errors of scripts, what the policy refused, what is not there.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let entries = self.ask(Method::POST, "/se/log", &json!({"type": "browser"})).await;
        let entries = entries.as_array().unwrap().iter();
        entries.map(|entry| format!("{} {}", entry["level"], entry["message"])).collect()
    }

    /// Waits until the browser complains of something.
    pub(crate) async fn until_complaints(&self) -> Vec<String> {
        for _ in 0..LOOKS {
            let complaints = self.complaints().await;
            if !complaints.is_empty() {
                return complaints;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Vec::new()
    }

    /// Keeps a picture of the window, where whoever runs the tests wants one.
    pub(crate) async fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("KEYREEVE_TEST_PICTURES") else { return };
        let picture = self.ask(Method::GET, "/screenshot", &Value::Null).await;
        let bytes = BASE64_STANDARD.decode(picture.as_str().unwrap()).unwrap();
        std::fs::write(Path::new(&folder).join(format!("{name}.png")), bytes).unwrap();
    }

    pub(crate) async fn quit(self) {
        self.ask(Method::DELETE, "", &Value::Null).await;
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let group = format!("-{}", self.driver.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.driver.wait();
    }
}
