//! From a task run to the pods that a cluster would have made for it. Pure.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use windlass_api::Time;
use windlass_api::meta::Condition;
use windlass_api::tekton::Step;
use windlass_api::tekton::TaskRun;
use windlass_api::tekton::TaskSpec;
use windlass_api::tekton::taskrun::ContainerStateRunning;
use windlass_api::tekton::taskrun::ContainerStateTerminated;
use windlass_api::tekton::taskrun::ContainerStateWaiting;
use windlass_api::tekton::taskrun::TaskRunStatus;

/// One attempt of a task run as a pod.
#[derive(Clone, Debug, PartialEq)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// The containers that have a log, in order; those of steps first.
    pub containers: Vec<String>,
    /// The whole object, with `apiVersion` and `kind`.
    pub json: Value,
}

/// The pods of a task run: its earlier attempts, oldest first, and the present one once it has a name.
pub fn of_run(run: &TaskRun) -> Vec<Pod> {
    let earlier = run.status.retries_status.iter();
    let all = earlier.chain([&run.status]).enumerate();
    all.filter(|(_, attempt)| !attempt.pod_name.is_empty())
        .map(|(number, attempt)| pod(run, attempt, number))
        .collect()
}

/// What runs or ran in one container.
struct Container<'a> {
    name: &'a str,
    step: Option<&'a Step>,
    image_id: &'a str,
    waiting: Option<&'a ContainerStateWaiting>,
    running: Option<&'a ContainerStateRunning>,
    terminated: Option<&'a ContainerStateTerminated>,
}

fn containers<'a>(attempt: &'a TaskRunStatus, spec: Option<&'a TaskSpec>) -> Vec<Container<'a>> {
    let steps = attempt.steps.iter().enumerate().map(|(index, step)| Container {
        name: &step.container,
        step: spec.and_then(|spec| spec.steps.get(index)),
        image_id: &step.image_id,
        waiting: step.waiting.as_ref(),
        running: step.running.as_ref(),
        terminated: step.terminated.as_ref(),
    });
    let sidecars = attempt.sidecars.iter().map(|sidecar| Container {
        name: &sidecar.container,
        step: None,
        image_id: &sidecar.image_id,
        waiting: sidecar.waiting.as_ref(),
        running: sidecar.running.as_ref(),
        terminated: sidecar.terminated.as_ref(),
    });
    steps.chain(sidecars).collect()
}

fn pod(run: &TaskRun, attempt: &TaskRunStatus, number: usize) -> Pod {
    let spec = attempt.task_spec.as_deref().or(run.status.task_spec.as_deref());
    let containers = containers(attempt, spec);
    let phase = phase(attempt, &containers);
    let json = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata(run, attempt, number),
        "spec": {
            "containers": containers.iter().map(container_spec).collect::<Vec<_>>(),
            "restartPolicy": "Never",
            "serviceAccountName": run.spec.service_account_name,
        },
        "status": {
            "phase": phase,
            "startTime": attempt.start_time,
            "conditions": conditions(phase, attempt.start_time),
            "containerStatuses": containers.iter().map(container_status).collect::<Vec<_>>(),
        },
    });
    Pod {
        name: attempt.pod_name.clone(),
        containers: containers
            .iter()
            .map(|container| container.name.to_owned())
            .collect(),
        json,
    }
}

fn metadata(run: &TaskRun, attempt: &TaskRunStatus, number: usize) -> Value {
    let of = &run.metadata;
    let mut labels = of.labels.clone();
    labels.insert("tekton.dev/taskRun".to_owned(), of.name.clone());
    labels.insert("tekton.dev/taskRunUID".to_owned(), of.uid.clone());
    json!({
        "name": attempt.pod_name,
        "namespace": of.namespace,
        "uid": uid(&of.uid, number),
        "resourceVersion": of.resource_version,
        "creationTimestamp": attempt.start_time.or(of.creation_timestamp).map(Time::truncated_to_seconds),
        "labels": labels,
        "annotations": of.annotations,
        "ownerReferences": [{
            "apiVersion": "tekton.dev/v1",
            "kind": "TaskRun",
            "name": of.name,
            "uid": of.uid,
            "controller": true,
            "blockOwnerDeletion": true,
        }],
    })
}

/// An identity that follows from the run's and the attempt's number: the digits that a UUID has for its version say it is
/// made from a name (5), and the last ones count attempts.
fn uid(run: &str, attempt: usize) -> String {
    let mut bytes = run.as_bytes().to_vec();
    if let Some(version) = bytes.get_mut(14) {
        *version = b'5';
    }
    let mut text = String::from_utf8(bytes).unwrap_or_default();
    let kept = text.len().saturating_sub(4);
    text.truncate(kept);
    format!("{text}{attempt:04x}")
}

fn phase(attempt: &TaskRunStatus, containers: &[Container<'_>]) -> &'static str {
    let succeeded = attempt
        .conditions
        .iter()
        .find(|condition| condition.r#type == "Succeeded");
    let ended = attempt.completion_time.is_some();
    match succeeded.map(|condition| condition.status.as_str()) {
        Some("True") if ended => "Succeeded",
        Some("False") if ended => "Failed",
        _ => {
            let started = containers
                .iter()
                .any(|container| container.running.is_some() || container.terminated.is_some());
            if started { "Running" } else { "Pending" }
        }
    }
}

fn conditions(phase: &str, since: Option<Time>) -> Vec<Condition> {
    let condition = |kind: &str, holds: bool| Condition {
        r#type: kind.to_owned(),
        status: if holds { "True" } else { "False" }.to_owned(),
        last_transition_time: since,
        ..Condition::default()
    };
    let runs = phase == "Running";
    vec![
        condition("PodScheduled", true),
        condition("Initialized", phase != "Pending"),
        condition("ContainersReady", runs),
        condition("Ready", runs),
    ]
}

fn container_spec(container: &Container<'_>) -> Value {
    let mut fields = Map::new();
    fields.insert("name".to_owned(), container.name.into());
    let step = container.step;
    let image = step.map_or(container.image_id, |step| step.image.as_str());
    fields.insert("image".to_owned(), image.into());
    if let Some(step) = step {
        // Variables may come from secrets, and are not shown.
        let lists = [("command", &step.command), ("args", &step.args)];
        for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            fields.insert(name.to_owned(), json!(list));
        }
        if !step.working_dir.is_empty() {
            fields.insert("workingDir".to_owned(), step.working_dir.as_str().into());
        }
    }
    Value::Object(fields)
}

fn container_status(container: &Container<'_>) -> Value {
    let state = if let Some(terminated) = container.terminated {
        json!({"terminated": terminated})
    } else if let Some(running) = container.running {
        json!({"running": running})
    } else {
        let default = ContainerStateWaiting {
            reason: "PodInitializing".to_owned(),
            message: String::new(),
        };
        json!({"waiting": container.waiting.unwrap_or(&default)})
    };
    json!({
        "name": container.name,
        "state": state,
        "ready": container.running.is_some(),
        "started": container.running.is_some(),
        "restartCount": 0,
        "image": container.step.map_or(container.image_id, |step| step.image.as_str()),
        "imageID": container.image_id,
    })
}
