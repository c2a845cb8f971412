//! `windlass serve` as its users meet it: a real `kubectl`, and a server that is killed.
//!
//! What kubectl answers to the lines of `tests/serve/script.txt` lies beside them in `expected.txt`; `UPDATE_EXPECT=1
//! cargo test` rewrites it, and the difference is then read like code.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

use std::fmt::Write as _;
use std::fs;
use std::io::BufRead as _;
use std::io::BufReader;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use serde_json::Value;
use windlass_testkit::skip;

/// A server in a directory; killed when the test ends.
struct Server {
    child: Child,
    data: PathBuf,
}

impl Server {
    fn start(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_windlass"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        // The last line of the greeting; the kubeconfig is written before it.
        while let Some(line) = lines.next() {
            let line = line.unwrap();
            assert!(!line.starts_with("error"), "{line}");
            if line.contains("kubectl get") {
                // What else it says is read, so that it never waits for its reader.
                std::thread::spawn(move || lines.for_each(drop));
                return Self {
                    child,
                    data: data.to_owned(),
                };
            }
        }
        panic!("the server ended early: {:?}", child.wait());
    }

    fn kubectl(&self, arguments: &[String]) -> (i32, String) {
        let output = Command::new("kubectl")
            .args(arguments)
            .env("KUBECONFIG", self.data.join("admin.kubeconfig"))
            .env("HOME", self.data.join("home"))
            .env_remove("KUBECTL_EXTERNAL_DIFF")
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/serve"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.code().unwrap_or(-1),
            String::from_utf8_lossy(&text).into_owned(),
        )
    }

    fn json(&self, arguments: &str) -> Value {
        let arguments: Vec<String> = arguments
            .split(' ')
            .chain(["-o", "json"])
            .map(str::to_owned)
            .collect();
        let (code, text) = self.kubectl(&arguments);
        assert_eq!(code, 0, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn has_kubectl() -> bool {
    let asked = Command::new("kubectl").args(["version", "--client"]).output();
    asked.is_ok_and(|output| output.status.success())
}

/// The text without what differs from run to run; columns are one space apart.
fn redacted(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let words = line
            .split_whitespace()
            .map(|word| if is_span(word) { "<span>" } else { word });
        let line = words.collect::<Vec<_>>().join(" ");
        // `kubectl diff` names temporary files.
        if !(line.starts_with("diff -u") || line.starts_with("+++ ") || line.starts_with("--- ")) {
            lines.push(line);
        }
    }
    lines.join("\n")
}

fn is_span(word: &str) -> bool {
    let digits = word.trim_end_matches(['s', 'm', 'h']);
    digits.len() < word.len()
        && !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'm')
}

#[test]
fn a_person_with_kubectl_feels_at_home() {
    if !has_kubectl() {
        skip!("there is no kubectl");
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/serve");
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let mut transcript = String::new();
    let script = fs::read_to_string(folder.join("script.txt")).unwrap();
    for line in script.lines().filter(|line| !line.starts_with('#')) {
        let arguments: Vec<String> = line.split(' ').skip(1).map(str::to_owned).collect();
        let (code, text) = server.kubectl(&arguments);
        let text = redacted(&text);
        writeln!(transcript, "$ {line}").unwrap();
        if !text.is_empty() {
            writeln!(transcript, "{text}").unwrap();
        }
        if code != 0 {
            writeln!(transcript, "(exit {code})").unwrap();
        }
    }
    let path = folder.join("expected.txt");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &transcript).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    let (now, before): (Vec<&str>, Vec<&str>) = (transcript.lines().collect(), expected.lines().collect());
    assert_eq!(now, before, "expected.txt differs; see the head of this test");
}

/// Asks again until it is so. Each question is a process of its own, which is pause enough.
fn until(mut is_so: impl FnMut() -> bool) {
    for _ in 0..200 {
        if is_so() {
            return;
        }
    }
    panic!("it never came to be");
}

/// A run of one step that says when it began and when it ended, as a file for kubectl.
fn step(folder: &Path, name: &str, seconds: u32) -> PathBuf {
    let file = folder.join(format!("{name}.yaml"));
    let run = format!(
        "apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {{name: {name}}}\nspec:\n  taskSpec:\n    steps:\n    - {{name: \
         once, image: busybox, script: \"echo began; sleep {seconds}; echo ended\"}}\n"
    );
    fs::write(&file, run).unwrap();
    file
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

fn start_step(server: &Server, folder: &Path, name: &str, seconds: u32) {
    let file = step(folder, name, seconds);
    let (code, text) = server.kubectl(&words(&format!("apply -f {}", file.display())));
    assert_eq!(code, 0, "{text}");
    let logs = words(&format!("logs {name}-pod"));
    until(|| server.kubectl(&logs).1.contains("began"));
}

/// The condition of a run that has ended: status and message.
fn end_of(server: &Server, name: &str) -> (String, String) {
    let question = format!("get taskrun {name}");
    until(|| server.json(&question)["status"]["completionTime"].is_string());
    let run = server.json(&question);
    let condition = &run["status"]["conditions"][0];
    let text = |field: &str| condition[field].as_str().unwrap_or_default().to_owned();
    (text("status"), text("message"))
}

#[test]
fn a_server_that_was_killed_loses_nothing_and_its_steps_go_on() {
    if !has_kubectl() {
        skip!("there is no kubectl");
    }
    let (data, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(data.path());
    let (code, text) = server.kubectl(&words("create configmap kept --from-literal=a=b"));
    assert_eq!(code, 0, "{text}");
    start_step(&server, files.path(), "goes-on", 2);
    server.kill();

    let server = Server::start(data.path());
    assert_eq!(end_of(&server, "goes-on").0, "True");
    assert_eq!(
        server.kubectl(&words("logs goes-on-pod")).1,
        "began\nended\n",
        "it ran once and whole"
    );
    assert_eq!(server.json("get configmap kept")["data"]["a"], "b");
    until(|| {
        server.json("get claims")["items"]
            .as_array()
            .is_some_and(Vec::is_empty)
    });
}

#[test]
fn a_step_whose_runner_was_killed_is_lost_and_not_repeated() {
    if !has_kubectl() {
        skip!("there is no kubectl");
    }
    let (data, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(data.path());
    start_step(&server, files.path(), "lost", 600);
    // The runner is known by the socket of this test's server.
    let of_this_test = format!("runner --server unix:{}", data.path().display());
    let found = Command::new("pgrep")
        .args(["-f", &of_this_test])
        .output()
        .unwrap();
    let runners = String::from_utf8_lossy(&found.stdout).into_owned();
    server.kill();
    for runner in runners.lines() {
        let killed = Command::new("kill").args(["-9", runner]).status().unwrap();
        assert!(killed.success());
    }
    assert!(!runners.is_empty());

    let server = Server::start(data.path());
    let (status, message) = end_of(&server, "lost");
    assert_eq!(status, "False", "{message}");
    assert!(message.contains("runner"), "{message}");
    assert_eq!(
        server.kubectl(&words("logs lost-pod")).1,
        "began\n",
        "it ran once, and its log was kept"
    );
    let (code, text) = server.kubectl(&words("create configmap after"));
    assert_eq!(code, 0, "{text}");
}
