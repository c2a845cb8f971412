//! Cases for the passes over tasks and pipelines.

use serde_json::Value;
use serde_json::json;
use windlass_api::tekton::Param;
use windlass_api::tekton::PipelineSpec;
use windlass_api::tekton::PipelineTask;
use windlass_api::tekton::TaskSpec;
use windlass_api::tekton::workspaces::WorkspaceBinding;

use super::*;
use crate::outcome::TaskStatus;
use crate::results::Producer;
use crate::results::ResultsByTask;
use crate::results::TaskOutcome;

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn applied(spec: Value, params: Value, workspaces: &[WorkspaceValue]) -> Value {
    let spec: TaskSpec = read(spec);
    let params: Vec<Param> = read(params);
    let inputs = TaskInputs {
        task_name: "build",
        run_name: "run",
        run_namespace: "ns",
        run_uid: "uid",
        retry_count: 2,
        params: &params,
        workspaces,
    };
    serde_json::to_value(apply_task(&spec, &inputs).unwrap()).unwrap()
}

fn script(spec: Value, params: Value, workspaces: &[WorkspaceValue]) -> String {
    applied(spec, params, workspaces)["steps"][0]["script"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn workspace(name: &str, claim: &str, volume: &str) -> WorkspaceValue {
    WorkspaceValue {
        name: name.into(),
        claim: claim.into(),
        volume: volume.into(),
    }
}

#[test]
fn every_variable_of_a_task_has_its_value() {
    let rows = [
        (
            "$(context.taskRun.name) $(context.taskRun.namespace) $(context.taskRun.uid)",
            "run ns uid",
        ),
        ("$(context.task.name) $(context.task.retry-count)", "build 2"),
        (
            "$(params.p) $(params['p']) $(params[\"p\"]) $(inputs.params.p)",
            "v v v v",
        ),
        (
            "$(results.r.path) $(results['r'].path) $(results[\"r\"].path)",
            "/tekton/results/r /tekton/results/r /tekton/results/r",
        ),
        (
            "$(step.results.s.path) $(step.results['s'].path)",
            "/tekton/steps/step-one/results/s /tekton/steps/step-one/results/s",
        ),
        (
            "$(steps.step-one.exitCode.path) $(steps.step-unnamed-1.exitCode.path)",
            "/tekton/steps/step-one/exitCode /tekton/steps/step-unnamed-1/exitCode",
        ),
        (
            "$(step.artifacts.path) $(artifacts.path)",
            "/tekton/steps/step-one/artifacts/provenance.json /tekton/artifacts/provenance.json",
        ),
        (
            "$(workspaces.w.path) $(workspaces.w.bound) $(workspaces.w.claim) $(workspaces.w.volume)",
            "/workspace/w true claim vol",
        ),
        ("$(workspaces.own.path) $(workspaces.own.bound)", "/data true"),
        ("[$(workspaces.maybe.path)] $(workspaces.maybe.bound)", "[] false"),
        (
            "$(workspaces.propagated.path) $(workspaces.propagated.claim)",
            "/workspace/propagated ",
        ),
        ("$(credentials.path)", "/tekton/creds"),
        (
            "$(steps.one.results.s) $(tasks.t.results.r) $(HOME) $$(params.p)",
            "$(steps.one.results.s) $(tasks.t.results.r) $(HOME) $v",
        ),
    ];
    for (given, then) in rows {
        let spec = json!({
            "params": [{"name": "p", "default": "v"}],
            "results": [{"name": "r"}],
            "workspaces": [{"name": "w"}, {"name": "own", "mountPath": "/data"}, {"name": "maybe", "optional": true}],
            "steps": [{"name": "one", "results": [{"name": "s"}], "script": given}, {}],
        });
        let bound = [
            workspace("w", "claim", "vol"),
            workspace("own", "", "v2"),
            workspace("propagated", "", "v3"),
        ];
        assert_eq!(script(spec, json!([]), &bound), then, "{given}");
    }
}

#[test]
fn values_may_hold_variables_of_later_passes_only() {
    let spec = json!({
        "params": [{"name": "p", "default": "$(context.taskRun.name)/$(workspaces.w.path)/$(results.r.path)"}, {"name": "q"}],
        "results": [{"name": "r"}],
        "workspaces": [{"name": "w", "mountPath": "/mnt/$(context.task.name)"}],
        "steps": [{"script": "$(params.p) $(params.q)"}],
    });
    insta::assert_snapshot!(
        script(spec, json!([{"name": "q", "value": "$(params.p)"}]), &[workspace("w", "", "")]),
        @"run//mnt/build//tekton/results/r $(params.p)"
    );
}

#[test]
fn values_reach_every_field_of_a_task() {
    let spec = json!({
        "params": [{"name": "p", "default": "v"}, {"name": "l", "default": ["a", "b"]}],
        "description": "$(params.p)",
        "steps": [{
            "name": "s-$(params.p)", "image": "i:$(params.p)", "imagePullPolicy": "$(params.p)",
            "command": ["$(params.l[*])"], "args": ["x", "$(params.l[*])", "$(params.p)"], "workingDir": "/$(params.p)",
            "env": [
                {"name": "$(params.p)", "value": "$(params.p)"},
                {"name": "S", "valueFrom": {"secretKeyRef": {"name": "$(params.p)", "key": "$(params.p)"}}},
                {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "$(params.p)", "key": "$(params.p)"}}},
            ],
            "envFrom": [{"prefix": "$(params.p)", "configMapRef": {"name": "$(params.p)"}, "secretRef": {"name": "$(params.p)"}}],
            "volumeMounts": [{"name": "$(params.p)", "mountPath": "/$(params.p)", "subPath": "$(params.p)"}],
            "script": "$(params.p)", "onError": "$(params.p)",
            "stdoutConfig": {"path": "$(params.p)"}, "stderrConfig": {"path": "$(params.p)"},
            "when": [{"input": "$(params.p)", "operator": "in", "values": ["$(params.l[*])"]}],
            "params": [{"name": "x", "value": "$(params.l[*])"}],
        }],
        "stepTemplate": {"image": "$(params.p)", "env": [{"name": "T", "value": "$(params.p)"}]},
        "sidecars": [{"name": "$(params.p)", "image": "$(params.p)", "script": "$(params.p)", "args": ["$(params.l[*])"]}],
        "volumes": [
            {"name": "$(params.p)", "configMap": {"name": "$(params.p)", "items": [{"key": "$(params.p)", "path": "$(params.p)"}]}},
            {"name": "s", "secret": {"secretName": "$(params.p)", "items": [{"key": "$(params.p)", "path": "$(params.p)"}]}},
            {"name": "c", "persistentVolumeClaim": {"claimName": "$(params.p)"}},
            {"name": "j", "projected": {"sources": [
                {"configMap": {"name": "$(params.p)"}}, {"secret": {"name": "$(params.p)"}},
                {"serviceAccountToken": {"audience": "$(params.p)", "path": "token"}},
            ]}},
            {"name": "i", "csi": {"driver": "d", "nodePublishSecretRef": {"name": "$(params.p)"}, "volumeAttributes": {"a": "$(params.p)"}}},
        ],
        "workspaces": [{"name": "w", "mountPath": "/$(params.p)"}],
    });
    let mut expected = applied(spec, json!([]), &[]);
    // What upstream leaves alone: names of variables, descriptions, and the defaults themselves.
    assert_eq!(expected["steps"][0]["env"][0]["name"], "$(params.p)");
    assert_eq!(expected["description"], "$(params.p)");
    assert_eq!(expected["steps"][0]["command"], json!(["a", "b"]));
    assert_eq!(expected["steps"][0]["args"], json!(["x", "a", "b", "v"]));
    assert_eq!(expected["steps"][0]["when"][0]["values"], json!(["a", "b"]));
    assert_eq!(expected["steps"][0]["params"][0]["value"], json!(["a", "b"]));
    expected["steps"][0]["env"][0]["name"] = json!("");
    expected["description"] = json!("");
    let text = expected.to_string();
    assert!(!text.contains("$("), "{text}");
}

#[test]
fn a_container_sees_the_path_it_mounts_a_workspace_at() {
    let spec = json!({
        "workspaces": [{"name": "w"}],
        "steps": [
            {"script": "$(workspaces.w.path)", "workspaces": [{"name": "w", "mountPath": "/own"}]},
            {"script": "$(workspaces.w.path)", "workspaces": [{"name": "w"}]},
        ],
        "sidecars": [{"script": "$(workspaces.w.path)", "workspaces": [{"name": "w", "mountPath": "/side"}]}],
    });
    let applied = applied(spec, json!([]), &[workspace("w", "", "")]);
    let scripts = [
        &applied["steps"][0],
        &applied["steps"][1],
        &applied["sidecars"][0],
    ]
    .map(|one| one["script"].clone());
    assert_eq!(scripts, ["/own", "/workspace/w", "/side"]);
}

#[test]
fn the_sources_of_workspaces_take_parameters() {
    let workspaces: Vec<WorkspaceBinding> = read(json!([
        {"name": "$(params.p)", "subPath": "$(params.p)/x", "persistentVolumeClaim": {"claimName": "$(params.p)"}},
        {"name": "b", "configMap": {"name": "$(params.p)", "items": [{"key": "$(params.p)", "path": "p"}]}},
        {"name": "c", "secret": {"secretName": "$(params.p)"}},
        {"name": "d", "projected": {"sources": [{"secret": {"name": "$(params.p)", "items": [{"key": "k", "path": "$(params.p)"}]}}]}},
        {"name": "e", "csi": {"driver": "$(params.p)", "nodePublishSecretRef": {"name": "$(params.p)"}}},
    ]));
    let given: Vec<Param> = read(json!([{"name": "p", "value": "v"}]));
    for applied in [
        apply_task_bindings(&[], &given, &workspaces).unwrap(),
        apply_pipeline_bindings(&given, &workspaces).unwrap(),
    ] {
        assert_eq!(
            serde_json::to_value(applied).unwrap(),
            json!([
                {"name": "$(params.p)", "subPath": "v/x", "persistentVolumeClaim": {"claimName": "v"}},
                {"name": "b", "configMap": {"name": "v", "items": [{"key": "v", "path": "p"}]}},
                {"name": "c", "secret": {"secretName": "v"}},
                {"name": "d", "projected": {"sources": [{"secret": {"name": "v", "items": [{"key": "k", "path": "v"}]}}]}},
                {"name": "e", "csi": {"driver": "v", "nodePublishSecretRef": {"name": "v"}}},
            ])
        );
    }
}

#[test]
fn pod_templates_take_parameters_in_keys_and_values() {
    let template = read(json!({
        "nodeSelector": {"$(params.p)/arch": "$(params.p)"},
        "tolerations": [{"key": "$(params.p)"}],
        "env": [{"name": "E", "value": "$(params.p)"}],
        "hostNetwork": true,
    }));
    let given: Vec<Param> = read(json!([{"name": "p", "value": "v"}]));
    let applied = apply_pod_template(&template, &[], &given).unwrap();
    assert_eq!(
        serde_json::to_value(applied).unwrap(),
        json!({
            "nodeSelector": {"v/arch": "v"},
            "tolerations": [{"key": "v"}],
            "env": [{"name": "E", "value": "v"}],
            "hostNetwork": true,
        })
    );
}

fn pipeline(spec: Value, params: Value) -> Value {
    let spec: PipelineSpec = read(spec);
    let params: Vec<Param> = read(params);
    let workspaces: Vec<WorkspaceBinding> = read(json!([{"name": "w"}]));
    let inputs = PipelineInputs {
        pipeline_name: "pipe",
        run_name: "run",
        run_namespace: "ns",
        run_uid: "uid",
        params: &params,
        workspaces: &workspaces,
    };
    serde_json::to_value(apply_pipeline(&spec, &inputs).unwrap()).unwrap()
}

#[test]
fn values_of_a_pipeline_reach_its_tasks() {
    let spec = json!({
        "params": [{"name": "p"}, {"name": "l", "default": ["a", "b"]}, {"name": "o", "type": "object", "default": {"k": "v"}}],
        "workspaces": [{"name": "w"}, {"name": "maybe", "optional": true}],
        "tasks": [{
            "name": "t", "displayName": "$(params.p) of $(context.pipelineRun.name)", "onError": "$(params.p)",
            "taskRef": {"name": "$(params.p)", "params": [{"name": "x", "value": "$(params.l[*])"}]},
            "params": [
                {"name": "a", "value": "$(params.p) $(context.pipeline.name) $(context.pipelineRun.namespace) $(context.pipelineRun.uid)"},
                {"name": "b", "value": "$(params.o[*])"},
                {"name": "c", "value": ["$(params.l[*])", "$(params.o.k)"]},
                {"name": "d", "value": "$(workspaces.w.bound) $(workspaces.maybe.bound)"},
                {"name": "e", "value": "$(tasks.x.results.r)"},
            ],
            "when": [{"input": "$(params.p)", "operator": "in", "values": ["$(params.l[*])"]}],
            "workspaces": [{"name": "w", "subPath": "$(params.p)"}],
        }],
        "finally": [{
            "name": "f", "displayName": "$(params.m) in $(context.pipelineRun.name)", "taskRef": {"name": "x"},
            "matrix": {"params": [{"name": "m", "value": "$(params.l[*])"}], "include": [{"params": [{"name": "n", "value": "$(params.p)"}]}]},
        }],
    });
    let applied = pipeline(
        spec,
        json!([{"name": "p", "value": "v"}, {"name": "m", "value": "not this one"}]),
    );
    assert_eq!(
        applied["tasks"][0],
        json!({
            "name": "t", "displayName": "v of run", "onError": "v",
            "taskRef": {"name": "v", "params": [{"name": "x", "value": ["a", "b"]}]},
            "params": [
                {"name": "a", "value": "v pipe ns uid"},
                {"name": "b", "value": {"k": "v"}},
                {"name": "c", "value": ["a", "b", "v"]},
                {"name": "d", "value": "true false"},
                {"name": "e", "value": "$(tasks.x.results.r)"},
            ],
            "when": [{"input": "v", "operator": "in", "values": ["a", "b"]}],
            "workspaces": [{"name": "w", "subPath": "v"}],
        })
    );
    assert_eq!(
        applied["finally"][0],
        json!({
            "name": "f", "displayName": "$(params.m) in run", "taskRef": {"name": "x"},
            "matrix": {"params": [{"name": "m", "value": ["a", "b"]}], "include": [{"params": [{"name": "n", "value": "v"}]}]},
        })
    );
}

#[test]
fn embedded_tasks_see_the_runs_parameters_unless_their_own_hide_them() {
    let task = |params: Value, matrix: Value| {
        let mut task = json!({"name": "t", "params": params, "taskSpec": {
            "params": [{"name": "HELLO", "default": "default"}],
            "steps": [{"script": "$(params.HELLO) $(params['HELLO']) $(params.list[0]) $(context.pipelineRun.name) $(context.taskRun.name)"}],
        }});
        if !matrix.is_null() {
            task["matrix"] = matrix;
        }
        json!({"tasks": [task]})
    };
    let given = json!([{"name": "HELLO", "value": "run's"}, {"name": "list", "value": ["x"]}]);
    let rows = [
        (
            task(json!([]), Value::Null),
            "run's run's x run $(context.taskRun.name)",
        ),
        (
            task(json!([{"name": "HELLO", "value": "task's"}]), Value::Null),
            "$(params.HELLO) $(params['HELLO']) x run $(context.taskRun.name)",
        ),
        (
            task(json!([{"name": "list", "value": "a string here"}]), Value::Null),
            "run's run's $(params.list[0]) run $(context.taskRun.name)",
        ),
        (
            task(
                json!([]),
                json!({"params": [{"name": "HELLO", "value": ["a", "b"]}]}),
            ),
            "$(params.HELLO) $(params['HELLO']) x run $(context.taskRun.name)",
        ),
    ];
    for (spec, then) in rows {
        let applied = pipeline(spec.clone(), given.clone());
        assert_eq!(
            applied["tasks"][0]["taskSpec"]["steps"][0]["script"], then,
            "{spec}"
        );
    }
}

#[test]
fn many_tasks_share_one_bound() {
    let tasks: Vec<Value> = (0..80)
        .map(|at| json!({"name": format!("t{at}"), "taskSpec": {"steps": [{"script": "$(params.big)"}]}}))
        .collect();
    let spec: PipelineSpec = read(json!({"tasks": tasks}));
    let params: Vec<Param> = read(json!([{"name": "big", "value": "x".repeat(1 << 20)}]));
    let inputs = PipelineInputs {
        params: &params,
        ..PipelineInputs::default()
    };
    insta::assert_snapshot!(
        apply_pipeline(&spec, &inputs).unwrap_err(),
        @"variables expand to more than 67108864 bytes"
    );
}

fn matrix_results() -> ResultsByTask {
    let fan = TaskOutcome {
        status: TaskStatus::Succeeded,
        producer: Producer::Matrix { runs: 6 },
        values: read(json!({"r": ["x", "y"]})),
    };
    [("fan".to_owned(), fan)].into()
}

#[test]
fn a_pipeline_task_knows_its_retries_and_the_matrices_of_others() {
    let spec: PipelineSpec = read(json!({"tasks": [
        {"name": "fan", "matrix": {"params": [{"name": "a", "value": "$(tasks.t.results.r[*])"}]}},
        {"name": "later", "matrix": {"params": [{"name": "a", "value": ["x", "y", "z"]}], "include": [{"params": [{"name": "a", "value": "w"}]}]}},
        {"name": "plain"},
    ]}));
    let rows = [
        ("$(context.pipelineTask.retries)", "3"),
        ("$(tasks.fan.matrix.length)", "6"),
        (
            "$(tasks.fan.matrix.r.length) $(tasks.fan.matrix.gone.length)",
            "2 0",
        ),
        ("$(tasks.later.matrix.length)", "4"),
        (
            "$(tasks.plain.matrix.length) $(tasks.gone.matrix.length)",
            "$(tasks.plain.matrix.length) $(tasks.gone.matrix.length)",
        ),
        ("$(tasks.later.matrix.r.length)", "$(tasks.later.matrix.r.length)"),
    ];
    for (given, then) in rows {
        let task: PipelineTask =
            read(json!({"name": "t", "retries": 3, "params": [{"name": "p", "value": given}]}));
        let applied = apply_pipeline_task_context(&task, &spec, &matrix_results()).unwrap();
        assert_eq!(applied.params[0].value.as_str(), Some(then), "{given}");
    }
}

#[test]
fn final_tasks_know_how_the_others_ended() {
    let tasks = [
        ("a", TaskStatus::Succeeded, "Succeeded"),
        ("b", TaskStatus::Failed, "StepFailed"),
        ("c", TaskStatus::None, ""),
    ];
    let context = finally_context(tasks, TaskStatus::Failed);
    let task: PipelineTask = read(json!({
        "name": "f",
        "displayName": "after $(tasks.status)",
        "params": [{"name": "p", "value": "$(tasks.a.status) $(tasks.b.status) $(tasks.b.reason) $(tasks.c.status)[$(tasks.c.reason)]"}],
        "when": [{"input": "$(tasks.status)", "operator": "in", "values": ["Failed"]}],
        "taskSpec": {"steps": [{"script": "$(tasks.status)"}]},
    }));
    let applied = serde_json::to_value(apply_finally_context(&task, &context).unwrap()).unwrap();
    assert_eq!(applied["displayName"], "after Failed");
    assert_eq!(
        applied["params"][0]["value"],
        "Succeeded Failed StepFailed None[]"
    );
    assert_eq!(applied["when"][0]["input"], "Failed");
    assert_eq!(applied["taskSpec"]["steps"][0]["script"], "$(tasks.status)");
}

#[test]
fn results_reach_the_sources_of_workspaces() {
    let mut results = matrix_results();
    let task = TaskOutcome {
        status: TaskStatus::Succeeded,
        producer: Producer::Task,
        values: read(json!({"s": "text", "o": {"k": "v"}, "l": ["x"]})),
    };
    results.insert("t".into(), task);
    let workspaces: Vec<WorkspaceBinding> = read(json!([
        {"name": "w", "subPath": "$(tasks.t.results.s)/$(tasks.t.results.o.k)/$(tasks.t.results.l[0])"},
    ]));
    let applied = apply_result_bindings(&results, &workspaces).unwrap();
    assert_eq!(applied[0].sub_path, "text/v/$(tasks.t.results.l[0])");
}
