use serde_json::Value;
use serde_json::json;

use super::*;

fn v1beta1(kind: &str, spec: &Value, status: Option<Value>) -> Value {
    let mut object =
        json!({"apiVersion": "tekton.dev/v1beta1", "kind": kind, "metadata": {"name": "n"}, "spec": spec});
    if let (Some(status), Some(object)) = (status, object.as_object_mut()) {
        object.insert("status".into(), status);
    }
    object
}

fn converted(mut object: Value) -> Value {
    assert_eq!(to_v1(&mut object), []);
    assert_eq!(object["apiVersion"], "tekton.dev/v1");
    object
}

#[test]
fn fields_move_to_their_names_of_v1_and_back() {
    let limits = json!({"limits": {"cpu": "1"}});
    let old_task = json!({"steps": [{"image": "i", "resources": limits}], "sidecars": [{"name": "s", "image": "i", "resources": limits}], "stepTemplate": {"resources": limits}});
    let new_task = json!({"steps": [{"image": "i", "computeResources": limits}], "sidecars": [{"name": "s", "image": "i", "computeResources": limits}], "stepTemplate": {"computeResources": limits}});
    let old_overrides = json!([{"name": "s", "resources": limits}]);
    let new_specs = json!([{"name": "s", "computeResources": limits}]);
    let rows = [
        ("Task", old_task.clone(), new_task.clone()),
        (
            "Pipeline",
            json!({"tasks": [{"name": "a", "taskSpec": old_task}], "finally": [{"name": "b", "pipelineSpec": {"tasks": [{"name": "c", "taskSpec": old_task}]}}]}),
            json!({"tasks": [{"name": "a", "taskSpec": new_task}], "finally": [{"name": "b", "pipelineSpec": {"tasks": [{"name": "c", "taskSpec": new_task}]}}]}),
        ),
        (
            "TaskRun",
            json!({"taskSpec": old_task, "serviceAccountName": "sa", "stepOverrides": old_overrides, "sidecarOverrides": old_overrides, "podTemplate": {"hostNetwork": true}}),
            json!({"taskSpec": new_task, "serviceAccountName": "sa", "stepSpecs": new_specs, "sidecarSpecs": new_specs, "podTemplate": {"hostNetwork": true}}),
        ),
        (
            "PipelineRun",
            json!({
                "pipelineSpec": {"tasks": [{"name": "a", "taskSpec": old_task}]},
                "timeouts": {"tasks": "1m"},
                "taskRunSpecs": [{"pipelineTaskName": "a", "taskServiceAccountName": "x", "taskPodTemplate": {}, "stepOverrides": old_overrides, "computeResources": limits}],
                "serviceAccountName": "sa",
                "podTemplate": {"hostNetwork": true},
            }),
            json!({
                "pipelineSpec": {"tasks": [{"name": "a", "taskSpec": new_task}]},
                "timeouts": {"tasks": "1m"},
                "taskRunSpecs": [{"pipelineTaskName": "a", "serviceAccountName": "x", "podTemplate": {}, "stepSpecs": new_specs, "computeResources": limits}],
                "taskRunTemplate": {"serviceAccountName": "sa", "podTemplate": {"hostNetwork": true}},
            }),
        ),
    ];
    for (kind, old, new) in rows {
        let given = v1beta1(kind, &old, None);
        let mut object = converted(given.clone());
        assert_eq!(object["spec"], new, "{kind}");
        from_v1(&mut object);
        assert_eq!(object, given, "{kind}");
    }
}

#[test]
fn statuses_are_converted_too() {
    let object = converted(v1beta1(
        "TaskRun",
        &json!({}),
        Some(json!({
            "taskResults": [{"name": "r", "value": "v"}],
            "steps": [{"name": "s", "terminated": {"exitCode": 0, "reason": "Completed"}}],
            "retriesStatus": [{"taskResults": []}],
            "cloudEvents": [{"target": "http://x"}],
        })),
    ));
    assert_eq!(
        object["status"],
        json!({
            "results": [{"name": "r", "value": "v"}],
            "steps": [{"name": "s", "terminated": {"exitCode": 0, "reason": "Completed"}, "terminationReason": "Completed"}],
            "retriesStatus": [{"results": []}],
        })
    );
    assert_eq!(
        object["metadata"]["annotations"],
        json!({"tekton.dev/v1beta1CloudEvents": "[{\"target\":\"http://x\"}]"})
    );
    let object = converted(v1beta1(
        "PipelineRun",
        &json!({}),
        Some(json!({"pipelineResults": [], "taskRuns": {"x": {}}, "runs": {}})),
    ));
    assert_eq!(object["status"], json!({"results": []}));
}

#[test]
fn a_timeout_becomes_the_pipelines() {
    let object = converted(v1beta1("PipelineRun", &json!({"timeout": "5m"}), None));
    assert_eq!(object["spec"], json!({"timeouts": {"pipeline": "5m"}}));
}

#[test]
fn deprecated_fields_of_steps_survive_in_an_annotation() {
    let given = v1beta1(
        "Task",
        &json!({
            "steps": [{"image": "i", "tty": true}, {"image": "j"}],
            "stepTemplate": {"image": "k", "name": "t", "ports": [{"containerPort": 80}]},
        }),
        None,
    );
    let mut object = converted(given.clone());
    assert_eq!(
        object["spec"],
        json!({"steps": [{"image": "i"}, {"image": "j"}], "stepTemplate": {"image": "k"}})
    );
    assert_eq!(
        object["metadata"]["annotations"]["tekton.dev/v1beta1.task-deprecations"],
        r#"{"n":{"deprecatedSteps":[{"name":"","resources":{},"tty":true},{"name":"","resources":{}}],"deprecatedStepTemplate":{"name":"t","ports":[{"containerPort":80}],"resources":{}}}}"#
    );
    from_v1(&mut object);
    assert_eq!(object, given);
}

#[test]
fn what_v1beta1_does_not_allow_is_refused() {
    let rows = [
        (
            "Task",
            json!({"resources": {}}),
            vec!["spec.resources: must not set the field(s)"],
        ),
        (
            "Pipeline",
            json!({"resources": [], "tasks": [{"name": "a", "resources": {}, "taskRef": {"name": "t", "bundle": "b"}}]}),
            vec![
                "spec.resources: must not set the field(s)",
                "spec.tasks[0].resources: must not set the field(s)",
                "spec.tasks[0].taskRef.bundle: must not set the field(s)",
            ],
        ),
        (
            "PipelineRun",
            json!({"timeout": "1m", "timeouts": {}, "taskRunTemplate": {}}),
            vec![
                "spec.timeout: must not set the field(s)",
                "spec.taskRunTemplate: unknown field \"taskRunTemplate\"",
            ],
        ),
        (
            "TaskRun",
            json!({"stepSpecs": [], "taskSpec": {"steps": [{"computeResources": {}}]}}),
            vec![
                "spec.taskSpec.steps[0].computeResources: unknown field \"computeResources\"",
                "spec.stepSpecs: unknown field \"stepSpecs\"",
            ],
        ),
    ];
    for (kind, spec, then) in rows {
        let mut object = v1beta1(kind, &spec, None);
        let problems: Vec<String> = to_v1(&mut object)
            .into_iter()
            .map(|problem| format!("{}: {}", problem.path, problem.message))
            .collect();
        assert_eq!(problems, then, "{kind}");
    }
}

#[test]
fn other_objects_and_odd_values_are_left_alone() {
    let rows = [
        json!({"apiVersion": "tekton.dev/v1", "kind": "Task", "spec": {"steps": [{"resources": {}}]}}),
        json!({"apiVersion": "tekton.dev/v1beta1", "kind": "StepAction", "spec": {"resources": {}}}),
        json!([1]),
        json!("x"),
    ];
    for given in rows {
        let mut object = given.clone();
        to_v1(&mut object);
        assert_eq!(object, given);
    }
    let mut odd = json!({"apiVersion": "tekton.dev/v1beta1", "kind": "Task", "metadata": 1, "spec": {"steps": {"a": 1}}});
    assert_eq!(to_v1(&mut odd), []);
}
