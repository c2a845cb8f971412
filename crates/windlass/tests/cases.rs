//! Our own distilled conformance: each file of `tests/cases` says in its head how its run must end.
//!
//! Lines that start with `#=` are compared with what the run left behind, in this order: the condition (`Reason`, or
//! `Reason: message`), `archived attempts N`, results, steps of a task run (`step NAME EXITCODE REASON/WHY`), skipped tasks,
//! and tasks of a pipeline run with the reason each ended with. A line `# needs: PROGRAM` skips the case where the
//! program is missing.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use serde_json::Value;

/// Declares one test per case, so that each is named, counted and run beside the others.
macro_rules! cases {
    ($($name:ident => $file:literal,)+) => {
        $(#[test] fn $name() { check($file); })+

        #[test]
        fn every_case_is_listed() {
            let mut files: Vec<String> = fs::read_dir(folder()).unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            files.sort();
            assert_eq!(files, [$($file),+]);
        }
    };
}

cases! {
    pipeline_artifacts => "pipeline-artifacts.yaml",
    pipeline_by_reference => "pipeline-by-reference.yaml",
    pipeline_claims => "pipeline-claims.yaml",
    pipeline_failure_stops_new_tasks => "pipeline-failure-stops-new-tasks.yaml",
    pipeline_finally_failure => "pipeline-finally-failure.yaml",
    pipeline_ignored_failure => "pipeline-ignored-failure.yaml",
    pipeline_in_pipeline => "pipeline-in-pipeline.yaml",
    pipeline_matrix_empty => "pipeline-matrix-empty.yaml",
    pipeline_matrix => "pipeline-matrix.yaml",
    pipeline_missing_result => "pipeline-missing-result.yaml",
    pipeline_parameter_missing => "pipeline-parameter-missing.yaml",
    pipeline_propagation => "pipeline-propagation.yaml",
    pipeline_results_order => "pipeline-results-order.yaml",
    pipeline_retries => "pipeline-retries.yaml",
    pipeline_run_specs => "pipeline-run-specs.yaml",
    pipeline_task_timeout => "pipeline-task-timeout.yaml",
    pipeline_tasks_timeout => "pipeline-tasks-timeout.yaml",
    pipeline_timeout => "pipeline-timeout.yaml",
    pipeline_when_cel => "pipeline-when-cel.yaml",
    pipeline_when_skips => "pipeline-when-skips.yaml",
    task_artifacts => "task-artifacts.yaml",
    task_busybox_shell => "task-busybox-shell.yaml",
    task_context_and_second_pass => "task-context-and-second-pass.yaml",
    task_environment_in_arguments => "task-environment-in-arguments.yaml",
    task_failed_step_skips_the_rest => "task-failed-step-skips-the-rest.yaml",
    task_large_result => "task-large-result.yaml",
    task_on_error_continue => "task-on-error-continue.yaml",
    task_params => "task-params.yaml",
    task_private_places => "task-private-places.yaml",
    task_result_of_wrong_type => "task-result-of-wrong-type.yaml",
    task_results_as_written => "task-results-as-written.yaml",
    task_retries_exhausted => "task-retries-exhausted.yaml",
    task_retries => "task-retries.yaml",
    task_script_preamble => "task-script-preamble.yaml",
    task_script_shebang => "task-script-shebang.yaml",
    task_sealed_steps => "task-sealed-steps.yaml",
    task_sidecar => "task-sidecar.yaml",
    task_step_results_and_actions => "task-step-results-and-actions.yaml",
    task_step_template => "task-step-template.yaml",
    task_step_timeout => "task-step-timeout.yaml",
    task_step_when => "task-step-when.yaml",
    task_steps_in_order => "task-steps-in-order.yaml",
    task_timeout => "task-timeout.yaml",
    task_unnamed_steps => "task-unnamed-steps.yaml",
    task_volumes_and_env_sources => "task-volumes-and-env-sources.yaml",
    task_workspaces => "task-workspaces.yaml",
    task_yaml_booleans => "task-yaml-booleans.yaml",
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases")
}

fn check(file: &str) {
    let text = fs::read_to_string(folder().join(file)).unwrap();
    if let Some(program) = text.lines().find_map(|line| line.strip_prefix("# needs: "))
        && !is_installed(program)
    {
        windlass_testkit::skip!("{program} is not installed");
    }
    let expected: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("#= ")).collect();
    assert!(!expected.is_empty(), "{file} says nothing about its end");
    let output = Command::new(env!("CARGO_BIN_EXE_windlass"))
        .args(["run", "--output", "json", file])
        .current_dir(folder())
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let list: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{file}: stdout is no JSON ({error}); {}; {stderr}", output.status));
    let mut ended = outcome(&list);
    if expected.first().is_some_and(|line| !line.contains(": ")) {
        // The case fixes the reason alone.
        let reason = ended[0].find(':').unwrap_or(ended[0].len());
        ended[0].truncate(reason);
    }
    assert_eq!(ended, expected, "{file}: {stderr}");
    let succeeded = list["items"][0]["status"]["conditions"][0]["status"] == "True";
    assert_eq!(output.status.success(), succeeded, "{file}: {}", output.status);
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Renders how the run, the first item, ended.
fn outcome(list: &Value) -> Vec<String> {
    let run = &list["items"][0]["status"];
    let condition = &run["conditions"][0];
    let mut lines = vec![format!(
        "{}: {}",
        text(&condition["reason"]),
        text(&condition["message"])
    )];
    let attempts = each(&run["retriesStatus"]).count();
    if attempts > 0 {
        lines.push(format!("archived attempts {attempts}"));
    }
    lines.extend(sorted(
        each(&run["results"]).map(|one| format!("result {} {}", text(&one["name"]), one["value"])),
    ));
    lines.extend(each(&run["steps"]).map(step));
    let skipped = each(&run["skippedTasks"]);
    lines.extend(sorted(skipped.map(|one| {
        format!("skipped {} {}", text(&one["name"]), text(&one["reason"]))
    })));
    let children = each(&run["childReferences"]);
    lines.extend(sorted(children.map(|child| {
        let found = each(&list["items"]).find(|item| item["metadata"]["name"] == child["name"]);
        let reason = found.map_or("is not in the list", |item| {
            text(&item["status"]["conditions"][0]["reason"])
        });
        format!("task {} {reason}", text(&child["pipelineTaskName"]))
    })));
    lines
}

fn step(step: &Value) -> String {
    let ended = &step["terminated"];
    format!(
        "step {} {} {}/{}",
        text(&step["name"]),
        ended["exitCode"],
        text(&ended["reason"]),
        text(&step["terminationReason"]),
    )
}

fn each(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn sorted(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    lines
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("(none)")
}
