//! Our own distilled conformance: each file of `tests/cases` says in its head how its run must end.
//!
//! Lines that start with `#=` are compared with what the run left behind, in this order: the condition (`Reason`, or
//! `Reason: message`), `archived attempts N`, results, steps of a task run (`step NAME EXITCODE REASON/WHY`), skipped tasks,
//! and tasks of a pipeline run with the reason each ended with. A line `# needs: PROGRAM` skips the case where the
//! program is missing.
//!
//! The files of `tests/containers` run in images. `cargo xtask test` makes them, serves them, and says where in
//! `WINDLASS_TEST_REGISTRIES`: a file with settings of registries.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use serde_json::Value;

/// Declares one test per case, so that each is named, counted and run beside the others.
macro_rules! cases {
    ($check:ident in $folder:literal: $($name:ident => $file:literal,)+) => {
        $(#[test] fn $name() { $check($file); })+

        #[test]
        fn every_case_is_listed() {
            let mut files: Vec<String> = fs::read_dir(folder($folder)).unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            files.sort();
            assert_eq!(files, [$($file),+]);
        }
    };
}

cases! { check in "cases":
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

mod containers {
    use super::*;

    cases! { check_in_images in "containers":
        credentials => "credentials.yaml",
        entrypoint => "entrypoint.yaml",
        environment => "environment.yaml",
        missing_image => "missing-image.yaml",
        pipeline => "pipeline.yaml",
        roots => "roots.yaml",
        sidecar => "sidecar.yaml",
    }

    #[test]
    fn a_missing_image_is_named_with_what_was_tried() {
        let Some(output) = run_in_images("missing-image.yaml") else {
            return;
        };
        let list: Value = serde_json::from_slice(&output.stdout).unwrap();
        let message = text(&list["items"][0]["status"]["conditions"][0]["message"]);
        insta::assert_snapshot!(mask_address(message), @r#"the step "lost" in TaskRun "case" failed to pull the image "registry.test/cases/nowhere:1". The pod errored with the message: "cannot read image registry.test/cases/nowhere:1: http://REGISTRY/cases/nowhere: not found (HTTP status 404, MANIFEST_UNKNOWN); check the name and the tag.""#);
    }

    #[test]
    fn the_image_id_is_the_digest_of_what_was_run() {
        let Some(output) = run_in_images("sidecar.yaml") else {
            return;
        };
        let list: Value = serde_json::from_slice(&output.stdout).unwrap();
        let id = text(&list["items"][0]["status"]["steps"][0]["imageID"]);
        let digits = id.strip_prefix("docker.io/library/alpine@sha256:").unwrap_or(id);
        assert!(
            digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()),
            "{id}"
        );
    }
}

/// The exit code of a machine that cannot isolate steps.
const ENVIRONMENT: i32 = 4;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests")
        .join(name)
}

fn check(file: &str) {
    let text = fs::read_to_string(folder("cases").join(file)).unwrap();
    if let Some(program) = text.lines().find_map(|line| line.strip_prefix("# needs: "))
        && !is_installed(program)
    {
        windlass_testkit::skip!("{program} is not installed");
    }
    let output = Command::new(env!("CARGO_BIN_EXE_windlass"))
        .args(["run", "--output", "json", file])
        .current_dir(folder("cases"))
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    compare(file, &text, &output);
}

fn check_in_images(file: &str) {
    let text = fs::read_to_string(folder("containers").join(file)).unwrap();
    if let Some(output) = run_in_images(file) {
        compare(file, &text, &output);
    }
}

/// Runs a case in images, with a store of its own; `None` where that cannot be, which is noted as a skip.
fn run_in_images(file: &str) -> Option<Output> {
    let Some(registries) = std::env::var_os("WINDLASS_TEST_REGISTRIES") else {
        windlass_testkit::skip::record("there are no test images; `cargo xtask test` makes them");
        return None;
    };
    let place = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_windlass"))
        .args(["run", "--executor", "container", "--network", "private"])
        .args(["--output", "json", file])
        .current_dir(folder("containers"))
        .env("NO_COLOR", "1")
        .env("WINDLASS_REGISTRIES", registries)
        .env("WINDLASS_IMAGES", place.path())
        .env("DOCKER_CONFIG", place.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    if output.status.code() == Some(ENVIRONMENT) {
        let said = String::from_utf8_lossy(&output.stderr);
        windlass_testkit::skip::record(&format!("this machine makes no containers: {said}"));
        return None;
    }
    Some(output)
}

/// Compares what a run left behind with what its case says.
fn compare(file: &str, text: &str, output: &Output) {
    let expected: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("#= ")).collect();
    assert!(!expected.is_empty(), "{file} says nothing about its end");
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

/// Replaces the address of the registry, which differs from run to run.
fn mask_address(text: &str) -> String {
    let mut words = text.split("127.0.0.1:");
    let mut masked = words.next().unwrap_or_default().to_owned();
    for word in words {
        masked.push_str("REGISTRY");
        masked.push_str(word.trim_start_matches(|character: char| character.is_ascii_digit()));
    }
    masked
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
