//! `windlass run` as its users meet it: the real binary, the host executor, real processes.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::fs;
use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Read as _;
use std::io::Write as _;
use std::path::Path;
use std::process::Child;
use std::process::ChildStdout;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::kill_process;
use serde_json::Value;
use tempfile::TempDir;
use windlass_testkit::skip;

/// The documented exit code of a machine that cannot do what was asked.
const ENVIRONMENT: i32 = 4;

/// The documented exit code of a run that a signal cancelled.
const CANCELLED: i32 = 130;

/// How long something may take that takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

const HELLO: &str = "\
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: hello}
spec:
  params: [{name: who, default: world}]
  results: [{name: length}]
  steps:
    - name: greet
      image: busybox
      script: |
        echo \"Hello, $(params.who)!\"
        printf %s \"$(params.who)\" | wc -c | tr -d ' \\n' > $(results.length.path)
";

/// A pipeline that runs until it is told to end, and a final task that notes that it ran.
const ENDLESS: &str = "\
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: endless}
spec:
  workspaces: [{name: notes, persistentVolumeClaim: {claimName: replaced}}]
  pipelineSpec:
    workspaces: [{name: notes}]
    tasks:
      - name: wait
        taskSpec:
          steps:
            - name: forever
              image: busybox
              script: |
                echo started
                SCRIPT
    finally:
      - name: clean
        workspaces: [{name: notes}]
        taskSpec:
          workspaces: [{name: notes}]
          steps: [{name: note, image: busybox, script: 'echo cleaned > $(workspaces.notes.path)/note'}]
";

/// A place for input, for temporary files, and for what is looked at afterwards.
struct Place {
    directory: TempDir,
}

impl Place {
    fn new(files: &[(&str, &str)]) -> Self {
        let place = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        fs::create_dir(place.path("tmp")).unwrap();
        for (name, text) in files {
            fs::write(place.path(name), text).unwrap();
        }
        place
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
        command
            .args(arguments)
            .current_dir(self.directory.path())
            .env("NO_COLOR", "1")
            .env("TMPDIR", self.path("tmp"))
            .env_remove("WINDLASS_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs to the end; `None` when this machine cannot isolate steps.
    fn run(&self, arguments: &[&str]) -> Option<Said> {
        let output = self.command(arguments).output().unwrap();
        // Temporary files are gone whatever happened.
        assert_eq!(left_in(&self.path("tmp")), Vec::<String>::new(), "{arguments:?}");
        Said::new(&output)
    }
}

/// What the program said, with durations and generated names left out.
struct Said {
    out: String,
    err: String,
    code: i32,
}

impl Said {
    fn new(output: &Output) -> Option<Self> {
        let said = Self {
            out: masked(&String::from_utf8_lossy(&output.stdout)),
            err: masked(&String::from_utf8_lossy(&output.stderr)),
            code: output
                .status
                .code()
                .unwrap_or_else(|| panic!("ended by a signal: {}", output.status)),
        };
        (said.code != ENVIRONMENT).then_some(said)
    }
}

/// Replaces durations and the ends of generated names.
fn masked(text: &str) -> String {
    let mask = |word: &str| {
        let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let is_duration = (word.ends_with("ms") || word.ends_with('s'))
            && !digits.is_empty()
            && digits.chars().all(|c| c.is_ascii_digit() || c == '.' || c == 'm');
        if is_duration {
            return "<time>".to_owned();
        }
        match word.rsplit_once("-run-") {
            Some((name, rest)) if rest.len() == 5 => format!("{name}-run-<name>"),
            _ => word.to_owned(),
        }
    };
    let lines = text
        .lines()
        .map(|line| line.split(' ').map(mask).collect::<Vec<_>>().join(" "));
    lines.map(|line| line + "\n").collect()
}

fn left_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect()
}

/// Whether a process runs that was started with this argument.
fn is_running(argument: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|process| fs::read(process.path().join("cmdline")).ok())
        .any(|line| {
            let mut words = line.split(|byte| *byte == 0);
            words.any(|word| word == argument.as_bytes())
        })
}

macro_rules! or_skip {
    ($said:expr) => {
        match $said {
            Some(said) => said,
            None => skip!("this machine does not let steps be isolated"),
        }
    };
}

#[test]
fn a_task_says_hello() {
    let place = Place::new(&[("hello.yaml", HELLO)]);
    let said = or_skip!(place.run(&["run", "hello.yaml", "--param", "who=reader"]));
    insta::assert_snapshot!(said.out, @r#"
    [hello : greet] Hello, reader!

    TASK   STATE        REASON     DURATION
    hello  ✔ succeeded  Succeeded  <time>

    RESULT  VALUE
    length  6

    TaskRun hello-run-<name> succeeded in <time>
    "#);
    assert_eq!((said.err.as_str(), said.code), ("", 0));
}

#[test]
fn stdin_is_input() {
    let place = Place::new(&[]);
    let mut child = place
        .command(&["run", "-", "--quiet"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(HELLO.as_bytes()).unwrap();
    let said = or_skip!(Said::new(&child.wait_with_output().unwrap()));
    assert_eq!(said.out, "TaskRun hello-run-<name> succeeded in <time>\n");
}

#[test]
fn a_failing_step_is_named_with_its_last_lines() {
    let failing = HELLO.replace(
        "        echo",
        "        echo before; echo oops >&2; exit 7\n        echo",
    );
    let place = Place::new(&[("hello.yaml", &failing)]);
    let said = or_skip!(place.run(&["run", "hello.yaml"]));
    insta::assert_snapshot!(said.out, @r#"
    [hello : greet] before
    [hello : greet] oops

    TASK   STATE     REASON      DURATION
    hello  ✘ failed  StepFailed  <time>

    hello : greet failed with exit code 7
      │ before
      │ oops

    TaskRun hello-run-<name> failed in <time>
      "step-greet" exited with code 7: Error
    "#);
    assert_eq!(said.code, 1);
}

#[test]
fn output_is_one_list_of_the_run_and_its_children() {
    let pipeline = "\
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: outer}
spec:
  tasks:
    - {name: first, taskRef: {name: hello}}
    - name: inner
      runAfter: [first]
      pipelineSpec: {tasks: [{name: second, taskRef: {name: hello}}]}
";
    let place = Place::new(&[("hello.yaml", HELLO), ("outer.yaml", pipeline)]);
    let said = or_skip!(place.run(&["run", "hello.yaml", "outer.yaml", "--output", "json"]));
    let list: Value = serde_json::from_str(&said.out).unwrap();
    let items = list["items"].as_array().unwrap();
    let shown: Vec<String> = items
        .iter()
        .map(|item| {
            let task = item["metadata"]["labels"]["tekton.dev/pipelineTask"]
                .as_str()
                .unwrap_or("-");
            format!(
                "{} {task} {}",
                item["kind"].as_str().unwrap(),
                item["status"]["conditions"][0]["reason"]
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "PipelineRun - \"Succeeded\"",
            "TaskRun first \"Succeeded\"",
            "PipelineRun inner \"Succeeded\"",
            "TaskRun second \"Succeeded\"",
        ]
    );
    assert!(
        said.err.contains("[inner/second : greet] Hello, world!\n"),
        "{}",
        said.err
    );
    assert_eq!(said.code, 0);
}

#[test]
fn a_directory_is_a_workspace_written_in_place() {
    let task = "\
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: copy}
spec:
  workspaces: [{name: files}]
  steps: [{name: copy, image: busybox, workingDir: $(workspaces.files.path), script: 'tr a-z A-Z < in > out'}]
";
    let place = Place::new(&[("copy.yaml", task)]);
    fs::create_dir(place.path("mine")).unwrap();
    fs::write(place.path("mine/in"), "shout").unwrap();
    let said = or_skip!(place.run(&["run", "copy.yaml", "--workspace", "files=mine"]));
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert_eq!(fs::read_to_string(place.path("mine/out")).unwrap(), "SHOUT");
}

#[test]
fn a_timeout_ends_the_run() {
    let place = Place::new(&[(
        "slow.yaml",
        &HELLO.replace("        echo", "        sleep 86399.5\n        echo"),
    )]);
    let said = or_skip!(place.run(&["run", "slow.yaml", "--timeout", "300ms", "--quiet"]));
    assert!(
        said.out
            .starts_with("TaskRun hello-run-<name> timed out in <time>"),
        "{}",
        said.out
    );
    assert_eq!(said.code, 1);
    assert!(!is_running("86399.5"));
}

#[test]
fn a_reader_that_leaves_does_not_stop_the_run() {
    let noisy = HELLO.replace("        echo", "        seq 100000\n        echo");
    let place = Place::new(&[("noisy.yaml", &noisy)]);
    let mut child = place
        .command(&["run", "noisy.yaml", "--log-dir", "logs"])
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    reader.read_line(&mut line).unwrap();
    drop(reader);
    let said = or_skip!(Said::new(&child.wait_with_output().unwrap()));
    assert_eq!(
        (line.as_str(), said.code),
        ("[hello : greet] 1\n", 0),
        "{}",
        said.err
    );
    let log = fs::read_to_string(place.path("logs/hello/greet.log")).unwrap();
    assert!(log.ends_with("100000\nHello, world!\n"));
}

/// A run that waits, seen to have started.
struct Waiting {
    child: Child,
    stdout: BufReader<ChildStdout>,
    talk: Receiver<String>,
}

impl Waiting {
    /// `None` when this machine cannot isolate steps.
    fn start(place: &Place, script: &str) -> Option<Self> {
        fs::write(place.path("endless.yaml"), ENDLESS.replace("SCRIPT", script)).unwrap();
        fs::create_dir(place.path("notes")).unwrap();
        let mut child = place
            .command(&["run", "endless.yaml", "--workspace", "notes=notes"])
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, talk) = mpsc::channel();
        std::thread::spawn(move || {
            stderr
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        if line.is_empty() {
            assert_eq!(child.wait().unwrap().code(), Some(ENVIRONMENT));
            return None;
        }
        assert_eq!(line, "[wait : forever] started\n");
        Some(Self { child, stdout, talk })
    }

    fn signal(&self, signal: Signal) {
        let process = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(process, signal).unwrap();
    }

    /// Everything else it says, and how it ends.
    fn finish(mut self) -> (String, i32) {
        let mut text = String::new();
        self.stdout.read_to_string(&mut text).unwrap();
        (masked(&text), self.child.wait().unwrap().code().unwrap())
    }
}

#[test]
fn an_interrupt_cancels_and_final_tasks_run() {
    let place = Place::new(&[]);
    let waiting = or_skip!(Waiting::start(&place, "sleep 86398.5"));
    waiting.signal(Signal::INT);
    let (said, code) = waiting.finish();
    insta::assert_snapshot!(said, @r#"

    TASK   STATE        REASON            DURATION
    wait   ⊘ cancelled  TaskRunCancelled  <time>
    clean  ✔ succeeded  Succeeded         <time>

    PipelineRun endless cancelled in <time>
      PipelineRun "endless" was cancelled
    "#);
    assert_eq!(code, CANCELLED);
    assert_eq!(fs::read_to_string(place.path("notes/note")).unwrap(), "cleaned\n");
    assert!(!is_running("86398.5"));
    assert_eq!(left_in(&place.path("tmp")), Vec::<String>::new());
}

#[test]
fn a_second_interrupt_ends_what_does_not_listen() {
    let place = Place::new(&[]);
    let waiting = or_skip!(Waiting::start(&place, "trap '' TERM; sleep 86397.5"));
    waiting.signal(Signal::INT);
    let first = waiting.talk.recv_timeout(PATIENCE).unwrap();
    assert_eq!(
        first,
        "cancelling; finally tasks still run. Once more to end at once"
    );
    // Signals that come at once are echoes of the first; the one that is heard as the second is answered.
    let second = loop {
        waiting.signal(Signal::INT);
        match waiting.talk.recv_timeout(Duration::from_secs(1)) {
            Ok(line) => break line,
            Err(RecvTimeoutError::Timeout) => {}
            Err(error) => panic!("it ended without an answer: {error}"),
        }
    };
    assert_eq!(second, "ending at once");
    let (_, code) = waiting.finish();
    assert_eq!(code, CANCELLED);
    assert!(!place.path("notes/note").exists(), "final tasks ran");
    assert!(!is_running("86397.5"));
    assert_eq!(left_in(&place.path("tmp")), Vec::<String>::new());
}

#[test]
fn a_termination_cancels_like_an_interrupt() {
    let place = Place::new(&[]);
    let waiting = or_skip!(Waiting::start(&place, "sleep 86396.5"));
    waiting.signal(Signal::TERM);
    let (_, code) = waiting.finish();
    assert_eq!(code, CANCELLED);
    assert_eq!(fs::read_to_string(place.path("notes/note")).unwrap(), "cleaned\n");
    assert!(!is_running("86396.5"));
}

#[test]
fn a_killed_plane_leaves_no_processes() {
    let place = Place::new(&[]);
    let mut waiting = or_skip!(Waiting::start(&place, "trap '' TERM HUP; sleep 86395.5"));
    waiting.child.kill().unwrap();
    waiting.child.wait().unwrap();
    // The launcher notices the end of its socket; nobody tells us when it is done.
    let started = Instant::now();
    while is_running("86395.5") {
        assert!(started.elapsed() < PATIENCE, "the step outlived its plane");
        std::thread::yield_now();
    }
}
