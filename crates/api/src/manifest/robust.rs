//! Objects that were damaged at one place are read or refused, and nothing panics on the way.

use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;

use super::Manifest;
use crate::advice::advise;
use crate::conversion::from_v1;
use crate::conversion::to_v1;
use crate::defaults::Defaults;
use crate::defaults::SetDefaults as _;
use crate::object::Object;
use crate::portable::portable_problems;
use crate::validation::Flags;
use crate::validation::to_admission_message;
use crate::validation::validate_create;
use crate::validation::validate_update;

fn bases() -> Vec<Value> {
    let steps = json!([{"name": "s", "image": "i", "script": "$(params.p) $(params['o']) $(results.r.path)", "onError": "continue",
        "timeout": "1m", "workspaces": [{"name": "w"}], "volumeMounts": [{"name": "v", "mountPath": "/a/../b"}],
        "when": [{"input": "$(params.p)", "operator": "in", "values": ["$(params.l[*])"]}], "resources": {"limits": {"cpu": 1}}}]);
    let task = json!({"params": [{"name": "p"}, {"name": "l", "type": "array"}, {"name": "o", "properties": {"k": {}}}],
        "results": [{"name": "r", "value": "$(steps.s.results.r)"}], "steps": steps, "stepTemplate": {"env": [{"name": "E", "value": "$(params.o.k)"}]},
        "workspaces": [{"name": "w", "mountPath": "/w"}], "sidecars": [{"name": "c", "image": "i"}], "volumes": [{"name": "v", "emptyDir": {}}]});
    let pipeline = json!({"params": [{"name": "p", "default": "v"}], "workspaces": [{"name": "w"}],
        "results": [{"name": "r", "value": "$(tasks.a.results.r)"}],
        "tasks": [{"name": "a", "taskSpec": task, "workspaces": [{"name": "w"}]},
            {"name": "b", "taskRef": {"name": "t"}, "runAfter": ["a"], "params": [{"name": "p", "value": ["$(tasks.a.results.r[*])"]}],
             "matrix": {"params": [{"name": "m", "value": ["1", "2"]}], "include": [{"params": [{"name": "m", "value": "3"}]}]}}],
        "finally": [{"name": "c", "taskRef": {"name": "t"}, "params": [{"name": "p", "value": "$(tasks.a.status)"}]}]});
    let object = |version: &str, kind: &str, spec: &Value| json!({"apiVersion": version, "kind": kind, "metadata": {"name": "n", "annotations": {}}, "spec": spec});
    vec![
        object("tekton.dev/v1beta1", "Task", &task),
        object("tekton.dev/v1", "Pipeline", &pipeline),
        object(
            "tekton.dev/v1",
            "TaskRun",
            &json!({"taskSpec": task, "params": [{"name": "p", "value": "v"}], "workspaces": [{"name": "w", "emptyDir": {}}]}),
        ),
        object(
            "tekton.dev/v1beta1",
            "PipelineRun",
            &json!({"pipelineSpec": pipeline, "timeout": "1h", "serviceAccountName": "s", "taskRunSpecs": [{"pipelineTaskName": "a"}]}),
        ),
        object(
            "tekton.dev/v1beta1",
            "StepAction",
            &json!({"image": "i", "params": [{"name": "p"}], "args": ["$(params.p)"]}),
        ),
        object(
            "tekton.dev/v1beta1",
            "CustomRun",
            &json!({"customRef": {"apiVersion": "a/v1", "kind": "K"}}),
        ),
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "Yg=="}}),
    ]
}

fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!([])),
        Just(json!({})),
        Just(json!([null, 1, "x", {"name": null}])),
        Just(json!(-1)),
        Just(json!(1e300)),
        Just(json!({"name": "../../x", "value": {"a": {"b": 1}}})),
        prop::sample::select(vec![
            "",
            "$(",
            "$(params.",
            "$(params['",
            "$(params.p[",
            "$(tasks.a.results.r[99999999999999999999])",
            "$(tasks..results.)",
            "-99999999999999h",
            "é$(params.é)é",
            "..",
            "/",
            "$(steps..results.)",
            "a:/b",
            "$(context.pipelineRun.x.y.z)",
        ])
        .prop_map(|text| json!(text)),
        ".{0,20}".prop_map(Value::String),
    ]
}

/// Replaces the `place`th value of a tree, counted as it is written.
fn damage(value: &mut Value, place: &mut usize, with: &Value) {
    if *place == 0 {
        value.clone_from(with);
    }
    *place = place.wrapping_sub(1);
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| damage(item, place, with)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|member| damage(member, place, with)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_objects_are_answered(base in 0..7_usize, place in 0..120_usize, with in odd(), second in 0..120_usize) {
        let mut value = bases().swap_remove(base);
        damage(&mut value, &mut place.clone(), &with);
        damage(&mut value, &mut second.clone(), &json!("$(params.p)"));

        let mut converted = value.clone();
        to_v1(&mut converted);
        from_v1(&mut converted);
        let mut manifest = Manifest::read("odd.json", value.to_string().as_bytes());
        manifest.check(&Defaults::default(), &Flags::permissive());
        manifest.advise();
        prop_assert!(manifest.problems.iter().all(|problem| problem.position.is_some() && problem.file.is_some()));

        if let Ok(mut object) = Object::from_json(value) {
            object.set_defaults(&Defaults::default());
            let violations = validate_create(&object, &Flags::default());
            prop_assert_eq!(violations.is_empty(), to_admission_message(&violations).is_none());
            validate_update(&object, &object, &Defaults::default(), &Flags::permissive());
            advise(&object);
            portable_problems(&object);
            let again = Object::from_json(object.to_json());
            prop_assert_eq!(again, Ok(object));
        }
    }
}
