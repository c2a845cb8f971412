//! What hostile or unlucky users do to `windlass run`: the real binary, the host executor, real processes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::BufRead as _;
use std::io::BufReader;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use serde_json::Value;
use tempfile::TempDir;
use windlass_testkit::skip;

/// The documented exit code of a machine that cannot do what was asked.
const ENVIRONMENT: i32 = 4;

/// How long something may take that takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// A place for input and for temporary files.
struct Place(TempDir);

/// How a run ended.
struct Ended {
    code: i32,
    /// Everything that was said, results and all.
    list: Value,
    talk: String,
}

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for name in ["tmp", "project"] {
            fs::create_dir(place.path(name)).unwrap();
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, text: &str, arguments: &[&str]) -> Command {
        fs::write(self.path("project/run.yaml"), text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
        command
            .args(["run", "run.yaml"])
            .args(arguments)
            .current_dir(self.path("project"))
            .env("NO_COLOR", "1")
            .env("TMPDIR", self.path("tmp"))
            .env_remove("WINDLASS_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs to the end; `None` when this machine cannot isolate steps.
    fn run(&self, text: &str, arguments: &[&str]) -> Option<Ended> {
        let arguments = [&["--output", "json"], arguments].concat();
        let output = self.command(text, &arguments).output().unwrap();
        let ended = Ended {
            code: output.status.code().unwrap(),
            list: serde_json::from_slice(&output.stdout).unwrap_or_default(),
            talk: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        (ended.code != ENVIRONMENT).then_some(ended)
    }

    fn left(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("tmp")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
        names.collect()
    }
}

/// A `TaskRun` with one step that runs a script, and more lines of its `taskSpec`.
fn script(script: &str, more: &str) -> String {
    let script = script.trim().replace('\n', "\n          ");
    format!(
        "apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {{name: attack}}\nspec:\n  taskSpec:\n{more}    steps:\n      \
         - name: say\n        image: busybox\n        script: |\n          {script}\n"
    )
}

fn eventually(claim: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "{claim}");
        std::thread::yield_now();
    }
}

/// Starts a run whose step says that it started and then stays; `None` when this machine cannot isolate steps.
fn endless(place: &Place, arguments: &[&str]) -> Option<Child> {
    let text = script(
        "echo started; mkdir -p /workspace/d; trap '' TERM; sleep 86394.5",
        "",
    );
    let mut child = place.command(&text, arguments).spawn().unwrap();
    let mut first = String::new();
    let stdout = child.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut first).unwrap();
    if first.contains("started") {
        return Some(child);
    }
    child.wait().unwrap();
    None
}

macro_rules! or_skip {
    ($ended:expr) => {
        match $ended {
            Some(ended) => ended,
            None => skip!("this machine does not let steps be isolated"),
        }
    };
}

#[test]
fn a_killed_plane_leaves_no_files() {
    let place = Place::new();
    let mut run = or_skip!(endless(&place, &[]));
    assert_eq!(place.left().len(), 1);
    run.kill().unwrap();
    run.wait().unwrap();
    // The launcher notices the end of its socket; nobody tells us when it is done.
    eventually("files outlived their plane", || place.left().is_empty());
}

#[test]
fn what_nobody_could_remove_is_removed_by_the_next_run() {
    let place = Place::new();
    let old = place.path("tmp/windlass-1-0");
    fs::create_dir_all(old.join("slot-1/workspace")).unwrap();
    let past = SystemTime::now() - Duration::from_mins(1);
    fs::File::open(&old).unwrap().set_modified(past).unwrap();
    or_skip!(place.run(&script("true", ""), &[]));
    assert_eq!(place.left(), Vec::<String>::new());
}

#[test]
fn device_files_that_a_step_makes_are_useless() {
    let place = Place::new();
    let volumes = "    volumes: [{name: v, emptyDir: {}}]\n    workspaces: [{name: mine}]\n    stepTemplate: \
                   {volumeMounts: [{name: v, mountPath: /v}]}\n";
    let text = script(
        r#"
for place in / /tmp /workspace /workspace/mine /tekton /tekton/home /v /dev/shm "$PWD"; do
  mknod -m 666 $place/null c 1 3 2>/dev/null || continue
  if (: > $place/null) 2>/dev/null; then echo "works: $place"; fi
done
echo tried
"#,
        volumes,
    );
    fs::create_dir(place.path("mine")).unwrap();
    let workspace = format!("mine={}", place.path("mine").display());
    let task = text
        .replace("kind: TaskRun", "kind: Task")
        .replace("  taskSpec:\n", "");
    let ended = or_skip!(place.run(&task, &["--workspace", &workspace]));
    assert!(ended.talk.contains("tried"), "{}", ended.talk);
    assert!(!ended.talk.contains("works"), "{}", ended.talk);
}

#[test]
fn a_step_does_not_find_the_files_of_the_plane() {
    let place = Place::new();
    // Below no directory that a view replaces: there the scratch directory would be in sight.
    let directory = tempfile::Builder::new()
        .prefix("attack-")
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
        .unwrap();
    let text = script(
        &format!("ls -R {}/* || true; echo looked", directory.path().display()),
        "",
    );
    let mut command = place.command(&text, &["--quiet", "--log-dir", "logs"]);
    let output = command.env("TMPDIR", directory.path()).output().unwrap();
    if output.status.code() == Some(ENVIRONMENT) {
        skip!("this machine does not let steps be isolated");
    }
    let seen = fs::read_to_string(place.path("project/logs/attack/say.log")).unwrap();
    assert!(seen.contains("looked"), "{seen}");
    for name in ["plane-logs", "slot-1", "workspace"] {
        assert!(!seen.contains(name), "{seen}");
    }
}

#[test]
fn a_pipeline_without_steps_to_blame_says_why_it_failed() {
    let place = Place::new();
    let text = "\
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: ring}
spec: {tasks: [{name: again, pipelineRef: {name: ring}}]}
---
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: attack}
spec:
  pipelineSpec:
    tasks:
      - {name: first, pipelineRef: {name: ring}}
      - {name: other, taskRef: {apiVersion: example.dev/v1, kind: Thing, name: x}}
";
    let ended = or_skip!(place.run(text, &[]));
    assert_eq!(ended.code, 1);
    for why in ["cycle", "no controller of this plane carries out Thing"] {
        assert!(ended.talk.contains(why), "{}", ended.talk);
    }
}

#[test]
fn a_result_without_end_is_refused_with_the_limit_that_holds() {
    let place = Place::new();
    let results = "    results: [{name: large}]\n";
    let text = script("truncate -s 70000000 $(results.large.path)", results);
    for (arguments, limit) in [(&[][..], "size 67108864,"), (&["--strict-limits"], "size 4096,")] {
        let ended = or_skip!(place.run(&text, arguments));
        let condition = &ended.list["items"][0]["status"]["conditions"][0];
        assert_eq!(condition["reason"], "TaskRunResultLargerThanAllowedLimit");
        assert!(
            condition["message"].as_str().unwrap().contains(limit),
            "{condition}"
        );
    }
}

#[test]
fn no_volume_stands_in_for_the_executor_s_places() {
    let place = Place::new();
    let ways = [
        "    workspaces: [{name: mine, mountPath: /tekton/results}]\n",
        "    params: [{name: at, default: /tekton/scripts}]\n    workspaces: [{name: mine}]\n    volumes: [{name: v, emptyDir: \
         {}}]\n    stepTemplate: {volumeMounts: [{name: v, mountPath: $(params.at)}]}\n",
    ];
    for way in ways {
        let task = script("echo reached", way);
        let task = task
            .replace("kind: TaskRun", "kind: Task")
            .replace("  taskSpec:\n", "");
        let ended = or_skip!(place.run(&task, &["--workspace", "mine=emptyDir"]));
        assert_eq!(ended.code, 1);
        assert!(ended.talk.contains("belongs to the executor"), "{}", ended.talk);
    }
}

#[test]
fn a_secret_in_a_result_reaches_the_next_task_and_nobody_else() {
    let place = Place::new();
    let text = r#"
apiVersion: v1
kind: Secret
metadata: {name: token}
stringData: {token: 'canary"token'}
---
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: attack}
spec:
  pipelineSpec:
    results: [{name: leak, value: $(tasks.first.results.leak)}]
    tasks:
      - name: first
        taskSpec:
          results: [{name: leak}]
          steps:
            - name: write
              image: busybox
              env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: token, key: token}}}]
              script: printf %s "$TOKEN" > $(results.leak.path)
      - name: second
        params: [{name: given, value: $(tasks.first.results.leak)}]
        taskSpec:
          params: [{name: given}]
          results: [{name: length}]
          steps:
            - name: count
              image: busybox
              script: |
                echo 'the secret is $(params.given)'
                printf %s '$(params.given)' | wc -c | tr -d ' \n' > $(results.length.path)
"#;
    let ended = or_skip!(place.run(text, &[]));
    assert_eq!(ended.code, 0, "{}", ended.talk);
    let all = ended.list.to_string();
    assert!(
        all.contains(r#"{"name":"leak","type":"string","value":"***"}"#),
        "{all}"
    );
    assert!(
        all.contains(r#"{"name":"length","type":"string","value":"12"}"#),
        "{all}"
    );
    assert!(ended.talk.contains("the secret is ***"), "{}", ended.talk);
    for text in [&all, &ended.talk] {
        assert!(!text.contains("canary"), "{text}");
    }
}

#[test]
fn a_full_disk_is_told_once() {
    let place = Place::new();
    // A file system of its own needs privileges that the tests may not have; a limit of file sizes is as good.
    let text = script("head -c 3000000 /dev/zero | tr '\\0' x | fold -w 1000", "");
    let mut command = place.command(&text, &["--quiet"]);
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 1000; exec \"$0\" \"$@\""])
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(place.path("project"))
        .env("TMPDIR", place.path("tmp"));
    let output = limited.output().unwrap();
    if command.output().unwrap().status.code() == Some(ENVIRONMENT) {
        skip!("this machine does not let steps be isolated");
    }
    let talk = String::from_utf8_lossy(&output.stderr);
    assert_eq!(talk.matches("output is lost").count(), 1, "{talk}");
}

#[test]
fn objects_are_printed_in_a_steady_order() {
    let place = Place::new();
    let mut command = place.command(&script("true", ""), &["--dry-run", "--output", "json"]);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.starts_with("{\n  \"apiVersion\": \"tekton.dev/v1\",\n  \"kind\""),
        "{text}"
    );
}
