//! The process in which a client runs: a request in, its answer out.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Once;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Longest wait for what a client is to have in the end.
const DEADLINE: Duration = Duration::from_secs(30);

/// One exchange as a client sees it.
pub(crate) struct Client {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Python that has the clients, or `None` with a sentence on standard error where they are not
/// installed. A continuous integration run (`CI=true`) must have them.
///
/// # Panics
/// Without the clients when `CI` is `true`.
fn python() -> Option<PathBuf> {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap_or_default();
    if read("target/clients/installed.txt") == read("tests/clients/requirements.txt") {
        return Some(root().join("target/clients/bin/python"));
    }
    let sentence = "the clients were not run against the simulators: they are not installed at the versions of \
                    tests/clients/requirements.txt; `tests/clients/install` does that";
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{sentence}");
    // Past the harness, which shows nothing of a test that passes.
    static SAID: Once = Once::new();
    SAID.call_once(|| writeln!(std::io::stderr(), "{sentence}").expect("it can be said"));
    None
}

impl Client {
    /// ccxt's exchange of that name with that configuration, or `deriv`; `None` where the clients are
    /// not installed.
    pub(crate) fn start(name: &str, config: &Value) -> Option<Self> {
        let mut child = Command::new(python()?)
            .arg(root().join("tests/clients/bridge.py"))
            .args([name, &config.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python runs");
        let requests = child.stdin.take().expect("it is piped");
        let answers = BufReader::new(child.stdout.take().expect("it is piped"));
        Some(Self { child, requests, answers })
    }

    fn ask(&mut self, request: &Value) -> Value {
        writeln!(self.requests, "{request}").expect("the bridge reads");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the bridge answers");
        let mut answer: Value = serde_json::from_str(&answer)
            .unwrap_or_else(|error| panic!("{request}: {error} in `{answer}`"));
        assert_eq!(answer.get("error"), None, "{request}");
        answer["result"].take()
    }

    /// What a method returns.
    pub(crate) fn call(&mut self, method: &str, arguments: Value) -> Value {
        self.ask(&json!({"call": method, "args": arguments}))
    }

    /// What the client holds at that place now; null for nothing.
    pub(crate) fn read(&mut self, path: &[&str]) -> Value {
        self.ask(&json!({"read": path}))
    }

    /// Whether ccxt has a method, by its name for it.
    pub(crate) fn has(&mut self, feature: &str) -> bool {
        self.read(&["has", feature]) == json!(true)
    }

    /// Reads until `wrong` finds nothing amiss.
    pub(crate) fn until(&mut self, path: &[&str], wrong: impl Fn(&Value) -> Option<String>) {
        let begun = Instant::now();
        while let Some(wrong) = wrong(&self.read(path)) {
            assert!(begun.elapsed() < DEADLINE, "{path:?} stays wrong: {wrong}");
        }
    }
}
