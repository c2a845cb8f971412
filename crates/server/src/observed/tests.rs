use insta::assert_snapshot;
use serde_json::Value;
use serde_json::json;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::Time;
use windlass_store::Event;
use windlass_store::EventType;

use super::Metrics;
use super::announce;

#[expect(clippy::needless_pass_by_value, reason = "every caller makes its own")]
fn task_run(name: &str, status: Value) -> Object {
    let value = json!({
        "metadata": {"name": name, "namespace": "default", "uid": name, "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"tekton.dev/task": "build"}},
        "status": status,
    });
    Object::of_kind(Kind::TaskRun, value).unwrap()
}

fn condition(status: &str, reason: &str, message: &str) -> Value {
    json!([{"type": "Succeeded", "status": status, "reason": reason, "message": message,
        "lastTransitionTime": "2026-01-01T00:00:02.5Z"}])
}

fn note(metrics: &Metrics, kind: EventType, object: Object) {
    let event = Event {
        kind,
        object,
        version: 9,
    };
    metrics.note(&event);
}

fn shown(metrics: &Metrics) -> String {
    let text = metrics.render();
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.contains("_bucket{") || line.contains("le=\"0.5\""));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_run_is_counted_once_from_start_to_end() {
    let metrics = Metrics::default();
    let started = "2026-01-01T00:00:00Z";
    note(&metrics, EventType::Added, task_run("a", json!({})));
    note(&metrics, EventType::Added, task_run("b", json!({})));
    let step = json!([{"name": "s", "running": {"startedAt": "2026-01-01T00:00:00.004Z"}}]);
    let running =
        json!({"startTime": started, "conditions": condition("Unknown", "Running", ""), "steps": step});
    note(&metrics, EventType::Modified, task_run("a", running));
    let ended = json!({"startTime": started, "completionTime": "2026-01-01T00:00:00.4Z",
        "conditions": condition("True", "Succeeded", "")});
    note(&metrics, EventType::Modified, task_run("a", ended.clone()));
    note(&metrics, EventType::Modified, task_run("a", ended.clone()));
    // It ended under an earlier process.
    note(&metrics, EventType::Added, task_run("old", ended));
    note(&metrics, EventType::Deleted, task_run("b", json!({})));
    assert_snapshot!(shown(&metrics), @r#"
    tekton_pipelines_controller_taskrun_duration_seconds_sum{namespace="default",pipeline="",task="build",status="success",reason="Succeeded"} 0.4
    tekton_pipelines_controller_taskrun_duration_seconds_count{namespace="default",pipeline="",task="build",status="success",reason="Succeeded"} 1
    tekton_pipelines_controller_taskrun_duration_seconds_bucket{le="0.5",namespace="default",pipeline="",task="build",status="success",reason="Succeeded"} 1
    tekton_pipelines_controller_taskrun_total{status="success",reason="Succeeded"} 1
    tekton_pipelines_controller_running_pipelineruns 0
    tekton_pipelines_controller_running_taskruns 0
    tekton_pipelines_controller_taskruns_pod_latency_milliseconds_sum 4.0
    tekton_pipelines_controller_taskruns_pod_latency_milliseconds_count 1
    windlass_store_version 9
    "#);
}

#[test]
fn names_beyond_the_bound_count_together() {
    let metrics = Metrics::default();
    for number in 0..1_500 {
        let name = format!("r{number}");
        let mut object = task_run(&name, json!({}));
        object.metadata_mut().namespace = name.clone();
        note(&metrics, EventType::Added, object);
        let mut object = task_run(&name, json!({"conditions": condition("False", "Failed", "")}));
        object.metadata_mut().namespace = name;
        note(&metrics, EventType::Modified, object);
    }
    let text = metrics.render();
    let series = text
        .lines()
        .filter(|line| line.contains("taskrun_duration_seconds_count{"));
    assert!(series.count() <= 1_001);
    assert!(text.contains("namespace=\"other\""));
}

#[test]
fn events_say_what_happened_once() {
    let now = Time::from_millis(0);
    let told = |status: &str, reason: &str, message: &str| {
        let object = task_run("a", json!({"conditions": condition(status, reason, message)}));
        announce::of(&object, now).unwrap()
    };
    let rows: Vec<String> = [
        ("Unknown", "Started", ""),
        (
            "Unknown",
            "Running",
            "Not all Steps in the Task have finished executing",
        ),
        ("True", "Succeeded", "All Steps have completed executing"),
        ("False", "StepFailed", "step one exited with code 1"),
    ]
    .iter()
    .map(|(status, reason, message)| {
        let event = told(status, reason, message);
        format!("{} {} {:?}", event.r#type, event.reason, event.message)
    })
    .collect();
    assert_snapshot!(rows.join("\n"), @r#"
    Normal Started ""
    Normal Running "Not all Steps in the Task have finished executing"
    Normal Succeeded "All Steps have completed executing"
    Warning Failed "step one exited with code 1"
    "#);
    assert_eq!(
        told("True", "Succeeded", "x").metadata.name,
        told("True", "Succeeded", "x").metadata.name
    );
    assert_ne!(
        told("True", "Succeeded", "x").metadata.name,
        told("False", "Failed", "x").metadata.name
    );
    assert!(announce::of(&task_run("a", json!({})), now).is_none());
}
