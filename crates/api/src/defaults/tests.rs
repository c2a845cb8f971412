use serde_json::Value;
use serde_json::json;

use super::*;
use crate::core::Secret;
use crate::tekton::CustomRun;
use crate::tekton::Pipeline;
use crate::tekton::PipelineRun;
use crate::tekton::StepAction;
use crate::tekton::Task;
use crate::tekton::TaskRun;
use crate::time::Duration;

fn defaulted<T>(given: Value, defaults: &Defaults) -> Value
where
    T: SetDefaults + serde::de::DeserializeOwned + serde::Serialize,
{
    let mut object: T = serde_json::from_value(given).unwrap();
    object.set_defaults(defaults);
    let once = serde_json::to_value(&object).unwrap();
    object.set_defaults(defaults);
    assert_eq!(
        serde_json::to_value(&object).unwrap(),
        once,
        "defaults are idempotent"
    );
    once
}

#[test]
fn param_types_are_inferred_from_properties_then_default() {
    let rows = [
        (json!({"name": "p"}), "string"),
        (json!({"name": "p", "type": "array"}), "array"),
        (json!({"name": "p", "default": "x"}), "string"),
        (json!({"name": "p", "default": ["x"]}), "array"),
        (json!({"name": "p", "default": {"k": "v"}}), "object"),
        (json!({"name": "p", "default": true}), "string"),
        (
            json!({"name": "p", "properties": {"k": {}}, "default": "x"}),
            "object",
        ),
        (json!({"name": "p", "type": "string", "default": ["x"]}), "string"),
    ];
    for (given, then) in rows {
        let task = defaulted::<Task>(json!({"spec": {"params": [given]}}), &Defaults::default());
        assert_eq!(task["spec"]["params"][0]["type"], then, "{given}");
    }
}

#[test]
fn each_kind_gets_upstreams_defaults() {
    let param = json!({"name": "o", "properties": {"k": {}}});
    let param_then = json!({"name": "o", "type": "object", "properties": {"k": {"type": "string"}}});
    let task = json!({"params": [param], "results": [{"name": "r"}, {"name": "o", "properties": {"k": {}}}]});
    let task_then = json!({
        "params": [param_then],
        "results": [
            {"name": "r", "type": "string"},
            {"name": "o", "type": "object", "properties": {"k": {"type": "string"}}},
        ],
    });
    let defaults = Defaults::default();
    assert_eq!(
        defaulted::<Task>(json!({"spec": task}), &defaults),
        json!({"spec": task_then})
    );
    assert_eq!(
        defaulted::<StepAction>(json!({"spec": task}), &defaults)["spec"],
        task_then
    );
    assert_eq!(
        defaulted::<Pipeline>(
            json!({"spec": {
                "params": [param],
                "tasks": [{"name": "a", "taskRef": {"name": "t"}}, {"name": "b", "taskSpec": task}],
                "finally": [{"name": "c", "taskRef": {"resolver": "git"}}, {"name": "d", "taskRef": {"name": "x", "kind": "Y"}}],
            }}),
            &defaults
        ),
        json!({"spec": {
            "params": [param_then],
            "tasks": [{"name": "a", "taskRef": {"name": "t", "kind": "Task"}}, {"name": "b", "taskSpec": task_then}],
            "finally": [{"name": "c", "taskRef": {"resolver": "git"}}, {"name": "d", "taskRef": {"name": "x", "kind": "Y"}}],
        }})
    );
    assert_eq!(
        defaulted::<TaskRun>(json!({"spec": {"taskRef": {"name": "t"}}}), &defaults),
        json!({
            "metadata": {"labels": {"app.kubernetes.io/managed-by": "tekton-pipelines"}},
            "spec": {"taskRef": {"name": "t", "kind": "Task"}, "timeout": "1h0m0s", "serviceAccountName": "default"},
        })
    );
    assert_eq!(
        defaulted::<PipelineRun>(json!({"spec": {"pipelineRef": {"name": "p"}}}), &defaults),
        json!({"spec": {
            "pipelineRef": {"name": "p"},
            "timeouts": {"pipeline": "1h0m0s"},
            "taskRunTemplate": {"serviceAccountName": "default"},
        }})
    );
    assert_eq!(
        defaulted::<CustomRun>(json!({}), &defaults),
        json!({"spec": {"serviceAccountName": "default"}})
    );
}

#[test]
fn what_is_given_stays() {
    let given = json!({
        "metadata": {"labels": {"app.kubernetes.io/managed-by": "me"}},
        "spec": {"taskRef": {"name": "t", "kind": "Task"}, "timeout": "0s", "serviceAccountName": "robot"},
    });
    assert_eq!(defaulted::<TaskRun>(given.clone(), &Defaults::default()), given);
}

#[test]
fn defaults_can_be_configured() {
    let defaults = Defaults {
        timeout: Duration::from_secs(60),
        service_account: "robot".to_owned(),
        managed_by: "windlass".to_owned(),
        resolver: "git".to_owned(),
    };
    assert_eq!(
        defaulted::<TaskRun>(json!({"spec": {"taskRef": {}}}), &defaults),
        json!({
            "metadata": {"labels": {"app.kubernetes.io/managed-by": "windlass"}},
            "spec": {"taskRef": {"resolver": "git"}, "timeout": "1m0s", "serviceAccountName": "robot"},
        })
    );
}

#[test]
fn secrets_keep_one_form_of_their_data() {
    assert_eq!(
        defaulted::<Secret>(
            json!({"data": {"a": "b2xk", "b": "Yg=="}, "stringData": {"a": "new"}}),
            &Defaults::default()
        ),
        json!({"type": "Opaque", "data": {"a": "bmV3", "b": "Yg=="}})
    );
}

#[test]
fn reserved_annotations_are_dropped_on_creation() {
    let mut run: TaskRun = serde_json::from_value(json!({
        "metadata": {"annotations": {"chains.tekton.dev/signed": "true", "mine": "yes"}},
    }))
    .unwrap();
    drop_reserved_annotations(&mut run.metadata);
    assert_eq!(run.metadata.annotations.into_keys().collect::<Vec<_>>(), ["mine"]);
}
