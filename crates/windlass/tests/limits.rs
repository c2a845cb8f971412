//! Limits of steps end to end: the real binary, the host executor, real control groups, or the warning that there are none.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use windlass_testkit::skip;

const RUN: &str = "\
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: case}
spec:
  taskSpec:
    steps:
      - name: eat
        image: debian
        computeResources: {limits: {memory: 32Mi}}
        script: dd if=/dev/zero of=/dev/null bs=100M count=1
      - name: after
        image: debian
        script: 'true'
";

/// What the run's condition and its steps say, and what `windlass` wrote beside.
fn run(mut command: Command) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("run.yaml"), RUN).unwrap();
    let output = command
        .args(["run", "--output", "json", "run.yaml"])
        .current_dir(folder.path())
        .env("NO_COLOR", "1")
        .env("WINDLASS_LOG", "warn")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    let status = &list["items"][0]["status"];
    let condition = &status["conditions"][0];
    let mut lines = vec![format!("{}: {}", condition["reason"], condition["message"])];
    for step in status["steps"].as_array().unwrap() {
        let ended = &step["terminated"];
        lines.push(format!(
            "{} {} {} {}",
            step["name"], ended["exitCode"], ended["reason"], step["terminationReason"]
        ));
    }
    (lines.join("\n").replace(['\\', '"'], ""), stderr)
}

const KILLED: &str = "\
StepOOM: step-eat exited with code 137: OOMKilled
eat 137 OOMKilled OOMKilled
after 1 Error Skipped";

const UNHARMED: &str = "\
Succeeded: All Steps have completed executing
eat 0 Completed Completed
after 0 Completed Completed";

const WARNING: &str = "limits of steps are not enforced, or not all of them";

#[test]
fn a_step_beyond_its_memory_is_killed_or_its_limit_is_said_to_be_void() {
    let (ended, stderr) = run(Command::new(env!("CARGO_BIN_EXE_windlass")));
    let is_void = stderr.contains(WARNING);
    assert_eq!(ended, if is_void { UNHARMED } else { KILLED }, "{stderr}");
    let memory = Path::new("/sys/fs/cgroup/memory/memory.limit_in_bytes");
    if rustix::process::geteuid().is_root() && fs::OpenOptions::new().append(true).open(memory).is_ok() {
        assert!(!is_void, "{stderr}");
    }
}

#[test]
fn a_machine_without_control_groups_runs_the_step_and_says_so() {
    if !rustix::process::geteuid().is_root() {
        skip!("only root can hide the control groups");
    }
    let mut command = Command::new("unshare");
    let hide = "umount --lazy /sys/fs/cgroup 2>/dev/null; exec \"$@\"";
    command.args(["--mount", "sh", "-c", hide, "sh", env!("CARGO_BIN_EXE_windlass")]);
    let (ended, stderr) = run(command);
    assert_eq!(ended, UNHARMED, "{stderr}");
    // Once, and not for each step.
    assert_eq!(stderr.matches(WARNING).count(), 1, "{stderr}");
    assert!(
        stderr.contains("no control group for memory can be made here"),
        "{stderr}"
    );
}
