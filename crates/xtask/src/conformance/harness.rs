//! One file by upstream's harness rules: create everything in it, watch the first run, which must succeed.

use std::fmt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use anyhow::Result;
use serde_json::Value;

use crate::images::Registry;
use crate::process;

/// How a file ended.
pub(crate) struct Report {
    /// Whether the first run ended as upstream demands.
    pub(crate) passed: bool,
    /// Wall time from the start of the command to its end.
    pub(crate) elapsed: Duration,
    /// Reason and message of the run's condition, or why there is none.
    pub(crate) why: String,
}

/// What every file of a suite is run with.
pub(crate) struct Setting<'a> {
    /// The binary.
    pub(crate) windlass: &'a Path,
    /// Name of the executor.
    pub(crate) executor: &'a str,
    /// The registry that images come from, and the folder they are kept in, where the executor needs images.
    pub(crate) images: Option<(&'a Registry, &'a Path)>,
    /// How long a file may take.
    pub(crate) deadline: Duration,
}

/// Runs one file in a plane of its own and keeps its output in `kept` (`.json`, `.log`).
pub(crate) fn run(setting: &Setting<'_>, file: &Path, kept: &Path) -> Result<Report> {
    let parent = kept.parent().context("output has no folder")?;
    std::fs::create_dir_all(parent).with_context(|| format!("create {}", parent.display()))?;
    let mut command = Command::new(setting.windlass);
    command.args([
        "run",
        "--first",
        "--output",
        "json",
        "--executor",
        setting.executor,
    ]);
    if let Some((registry, store)) = setting.images {
        let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
        keep(kept, registry.repin(&text).as_bytes())?;
        // A network for each task, as a pod has it: files that listen on the same port run side by side.
        command.args(["--network", "private"]).arg(kept);
        command.envs(registry.environment()).env("WINDLASS_IMAGES", store);
    } else {
        command.arg(file);
    }
    command.env("NO_COLOR", "1").current_dir(parent);
    judge(&mut command, kept, setting.deadline)
}

/// Runs a command that prints a list of objects, and reads from the first how the run ended.
fn judge(command: &mut Command, kept: &Path, deadline: Duration) -> Result<Report> {
    let finished = process::run(command, deadline)?;
    keep(&kept.with_extension("json"), &finished.stdout)?;
    keep(&kept.with_extension("log"), &finished.stderr)?;
    let elapsed = finished.elapsed;
    if finished.timed_out {
        return Ok(Report {
            passed: false,
            elapsed,
            why: format!("stopped after {} s", deadline.as_secs()),
        });
    }
    let exited = finished.status.and_then(|status| status.code());
    let condition = serde_json::from_slice(&finished.stdout)
        .ok()
        .and_then(|list: Value| Condition::of(&list));
    let Some(condition) = condition else {
        let stderr = String::from_utf8_lossy(&finished.stderr);
        let line = stderr
            .lines()
            .find(|line| line.contains("error"))
            .or_else(|| stderr.lines().last());
        let why = format!(
            "exit {exited:?} without a run: {}",
            line.unwrap_or("nothing on stderr")
        );
        return Ok(Report {
            passed: false,
            elapsed,
            why,
        });
    };
    let passed = condition.status == "True" && exited == Some(0);
    let why = match exited {
        Some(code) if (code == 0) != (condition.status == "True") => format!("{condition} (exit {code})"),
        _ => condition.to_string(),
    };
    Ok(Report { passed, elapsed, why })
}

fn keep(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).with_context(|| format!("write {}", path.display()))
}

struct Condition {
    status: String,
    reason: String,
    message: String,
}

impl Condition {
    /// Finds the condition `Succeeded` of the first item, which is the run.
    fn of(list: &Value) -> Option<Self> {
        let conditions = list.pointer("/items/0/status/conditions")?.as_array()?;
        let field = |condition: &Value, key: &str| Some(condition.get(key)?.as_str()?.to_owned());
        let succeeded = conditions
            .iter()
            .find(|one| field(one, "type").as_deref() == Some("Succeeded"))?;
        Some(Self {
            status: field(succeeded, "status")?,
            reason: field(succeeded, "reason").unwrap_or_default(),
            message: field(succeeded, "message").unwrap_or_default(),
        })
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.reason, self.message)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use serde_json::json;

    use super::Condition;
    use super::judge;

    #[test]
    fn the_first_item_decides() {
        let list = json!({"kind": "List", "items": [
            {"status": {"conditions": [
                {"type": "TrustedResourcesVerified", "status": "True"},
                {"type": "Succeeded", "status": "False", "reason": "Failed", "message": "Tasks Completed: 1"},
            ]}},
            {"status": {"conditions": [{"type": "Succeeded", "status": "True"}]}},
        ]});
        let condition = Condition::of(&list).unwrap();
        assert_eq!(
            (condition.status.as_str(), condition.to_string().as_str()),
            ("False", "Failed: Tasks Completed: 1")
        );
        assert!(Condition::of(&json!({"items": []})).is_none());
    }

    #[test]
    fn status_and_exit_code_must_agree_on_success() {
        let rows = [
            (
                r#"{"status": "True", "reason": "Succeeded", "message": "done"}"#,
                0,
                true,
                "Succeeded: done",
            ),
            (
                r#"{"status": "False", "reason": "Failed", "message": "no"}"#,
                1,
                false,
                "Failed: no",
            ),
            (
                r#"{"status": "True", "reason": "Succeeded", "message": "done"}"#,
                1,
                false,
                "Succeeded: done (exit 1)",
            ),
            (
                r#"{"status": "False", "reason": "Failed", "message": "no"}"#,
                0,
                false,
                "Failed: no (exit 0)",
            ),
        ];
        for (condition, exit, passed, why) in rows {
            let condition = condition.replacen('{', r#"{"type": "Succeeded", "#, 1);
            let list = format!(r#"{{"items": [{{"status": {{"conditions": [{condition}]}}}}]}}"#);
            let report = with_stub(&format!("echo '{list}'; exit {exit}"));
            assert_eq!((report.passed, report.why.as_str()), (passed, why));
        }
    }

    #[test]
    fn a_refused_file_is_reported_with_its_first_error() {
        let report = with_stub("echo 'error: x.yaml:1:1: no'; exit 3");
        assert!(!report.passed);
        assert_eq!(report.why, "exit Some(3) without a run: nothing on stderr");
        let report = with_stub("{ echo 'warning: old'; echo 'error: x.yaml:1:1: no'; } >&2; exit 3");
        assert_eq!(report.why, "exit Some(3) without a run: error: x.yaml:1:1: no");
    }

    /// Runs a shell script in the place of the binary.
    fn with_stub(script: &str) -> super::Report {
        let folder = tempfile::tempdir().unwrap();
        let mut stub = Command::new("sh");
        stub.args(["-c", script]);
        judge(&mut stub, &folder.path().join("file"), Duration::from_mins(1)).unwrap()
    }
}
