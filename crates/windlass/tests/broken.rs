//! Bad input: every file of `tests/broken` is refused with a place and a reason, and none brings the program down.
//!
//! What each file is answered with lies beside it in `expected.txt`; `UPDATE_EXPECT=1 cargo test` rewrites it, and
//! the difference is then read like code.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use serde_json::Value;

/// The documented exit code of input that cannot be run.
const INVALID_INPUT: i32 = 3;

/// The documented exit code of a run that failed.
const RUN_FAILED: i32 = 1;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/broken")
}

fn windlass(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
    command
        .args(arguments)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null());
    command.output().unwrap()
}

/// Names of the input files of a folder, sorted.
fn inputs(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.extension().is_some_and(|end| end == "yaml" || end == "json"));
    let mut names: Vec<String> = files
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// Compares with the file, or rewrites it on request.
fn assert_expected(path: &Path, now: &str) {
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(path, now).unwrap();
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    let expected: Vec<&str> = expected.lines().collect();
    let now: Vec<&str> = now.lines().collect();
    assert_eq!(
        now,
        expected,
        "{} differs; see the head of this test",
        path.display()
    );
}

fn without_panic(name: &str, output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!stderr.contains("panicked at"), "{name}: {stderr}");
    assert!(
        output.status.code().is_some(),
        "{name}: killed by a signal: {}",
        output.status
    );
    stderr
}

#[test]
fn every_broken_file_is_refused_with_its_place() {
    let folder = corpus();
    let mut answers = String::new();
    let mut accepted = Vec::new();
    for name in inputs(&folder) {
        let output = windlass(&folder, &["run", &name]);
        let stderr = without_panic(&name, &output);
        if output.status.code() != Some(INVALID_INPUT) {
            accepted.push(format!("{name}: {}", output.status));
        }
        let _ = writeln!(
            answers,
            "{name}\n    {}",
            stderr.lines().next().unwrap_or("(nothing)")
        );
    }
    assert_expected(&folder.join("expected.txt"), &answers);
    assert!(accepted.is_empty(), "not refused as invalid input: {accepted:#?}");
}

#[test]
fn validate_refuses_what_run_refuses() {
    let folder = corpus();
    // These are sound; `run` only does not know which of them to run.
    let sound = ["object-nothing-to-run.yaml", "object-several-candidates.yaml"];
    let names = inputs(&folder);
    let mut accepted = Vec::new();
    for name in names.iter().filter(|name| !sound.contains(&name.as_str())) {
        let output = windlass(&folder, &["validate", name]);
        without_panic(name, &output);
        if output.status.code() != Some(INVALID_INPUT) {
            accepted.push(format!("{name}: {}", output.status));
        }
    }
    assert!(accepted.is_empty(), "not refused by validate: {accepted:#?}");
}

#[test]
fn runs_of_odd_input_end_with_a_reason() {
    let folder = corpus().join("runs");
    let mut answers = String::new();
    for name in inputs(&folder) {
        let output = windlass(&folder, &["run", "--executor", "host", "--output", "json", &name]);
        let stderr = without_panic(&name, &output);
        let list: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{name}: {error}: {stderr}"));
        let status = &list["items"][0]["status"];
        let succeeded = status["conditions"][0]["status"] == "True";
        assert_eq!(
            output.status.code(),
            Some(if succeeded { 0 } else { RUN_FAILED }),
            "{name}: {stderr}"
        );
        let _ = writeln!(answers, "{name}\n    {}", outcome(status));
    }
    assert_expected(&folder.join("expected.txt"), &answers);
}

/// `Reason: message`, and the results if there are any.
fn outcome(status: &Value) -> String {
    let condition = &status["conditions"][0];
    let text = |key: &str| condition[key].as_str().unwrap_or("(none)").replace('\n', " ");
    let results = status
        .get("results")
        .map(|results| format!(" {results}"))
        .unwrap_or_default();
    format!("{}: {}{results}", text("reason"), text("message"))
}

/// Writes a `TaskRun` whose only step runs the script, and runs it.
fn run_script(script: &str, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("run.yaml"), script_run(script)).unwrap();
    let arguments: Vec<&str> = ["run", "run.yaml"].iter().chain(arguments).copied().collect();
    windlass(folder.path(), &arguments)
}

fn script_run(script: &str) -> String {
    let script = script.replace('\n', "\n          ");
    format!(
        "apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata:\n  name: generated\nspec:\n  taskSpec:\n    steps:\n      \
         - name: say\n        image: busybox\n        script: |\n          {script}\n"
    )
}

#[test]
fn a_script_of_ten_megabytes_runs_or_is_refused() {
    let filler = "# a line of no meaning that only takes room\n".repeat(10 * 1024 * 1024 / 44);
    let output = run_script(&format!("{filler}echo reached the end"), &[]);
    let stderr = without_panic("ten megabytes", &output);
    match output.status.code() {
        Some(0) => assert!(String::from_utf8_lossy(&output.stdout).contains("reached the end")),
        code => assert_eq!(code, Some(INVALID_INPUT), "{stderr}"),
    }
}

#[test]
fn nesting_beyond_any_use_is_refused_without_recursion() {
    let folder = tempfile::tempdir().unwrap();
    let rows = [
        ("sequences.yaml", "[".repeat(1_000_000)),
        ("mappings.yaml", "{a: ".repeat(1_000_000)),
        ("indicators.yaml", "- ".repeat(1_000_000)),
        ("questions.yaml", "? ".repeat(1_000_000)),
        ("array.json", "[".repeat(1_000_000)),
        ("one-line.yaml", format!("a: {}", "x".repeat(100_000_000))),
    ];
    for (name, text) in rows {
        fs::write(folder.path().join(name), text).unwrap();
        let output = windlass(folder.path(), &["run", name]);
        let stderr = without_panic(name, &output);
        assert_eq!(output.status.code(), Some(INVALID_INPUT), "{name}: {stderr}");
        assert!(stderr.len() < 4096, "{name}: an answer of {} bytes", stderr.len());
    }
}

#[test]
fn output_that_is_not_text_is_passed_on() {
    let output = run_script(r"printf 'before\n\377\376\000\200 raw\nafter\n'", &[]);
    let stderr = without_panic("binary output", &output);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let stdout = String::from_utf8_lossy(&output.stdout);
    for word in ["before", "raw", "after"] {
        assert!(stdout.contains(word), "{word} is missing from {stdout:?}");
    }
}

#[test]
fn a_line_without_an_end_does_not_stay_in_memory() {
    let output = run_script("head -c 50000000 /dev/zero | tr '\\0' x; echo; echo the end", &[]);
    let stderr = without_panic("long line", &output);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(
        output
            .stdout
            .trim_ascii_end()
            .windows(7)
            .rev()
            .take(1_000)
            .any(|tail| tail == b"the end")
    );
}

#[test]
fn a_flood_of_output_leaves_memory_bounded() {
    use std::io::Read;
    const FLOOD: u64 = 1 << 30;
    /// Reads between two looks at the memory: 64 MB.
    const LOOK: u64 = 64 << 20;
    /// What the plane may hold; the flood is eight times that.
    const BOUND_KB: u64 = 128 << 10;
    let folder = tempfile::tempdir().unwrap();
    let script = format!("yes 'a flood of output, line after line after line' | head -c {FLOOD}");
    fs::write(folder.path().join("run.yaml"), script_run(&script)).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_windlass"))
        .args(["run", "run.yaml"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut buffer = vec![0; 1 << 16];
    let (mut total, mut looked, mut peak) = (0, 0, 0);
    loop {
        let read = stdout.read(&mut buffer).unwrap() as u64;
        if read == 0 {
            break;
        }
        total += read;
        // The pipe is full while we look, so the process is still there.
        if total - looked >= LOOK {
            looked = total;
            peak = peak.max(peak_resident_kb(child.id()).unwrap_or(0));
        }
    }
    let status = child.wait().unwrap();
    assert!(status.success(), "{status}");
    assert!(total >= FLOOD, "only {total} bytes arrived");
    assert!(peak > 0, "the process could not be looked at");
    assert!(peak < BOUND_KB, "held {peak} kB while a gigabyte went through");
}

/// `VmHWM` of a process: the most memory it ever held.
fn peak_resident_kb(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
