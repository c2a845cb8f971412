//! A table of what admission answers, by kind: each row is the spec of an object and the webhook's answer to it.

use serde_json::Value;
use serde_json::json;

use super::*;
use crate::defaults::Defaults;
use crate::defaults::SetDefaults;
use crate::object::Object;

fn object(kind: &str, mut value: Value) -> Object {
    let api_version = if ["StepAction", "CustomRun"].contains(&kind) {
        "tekton.dev/v1beta1"
    } else {
        "tekton.dev/v1"
    };
    let members = value.as_object_mut().unwrap();
    members.insert("apiVersion".into(), json!(api_version));
    members.insert("kind".into(), json!(kind));
    members.entry("metadata").or_insert_with(|| json!({"name": "x"}));
    let mut object = Object::from_json(value).unwrap();
    object.set_defaults(&Defaults::default());
    object
}

fn answer(kind: &str, spec: &Value, flags: &Flags) -> String {
    let violations = validate_create(&object(kind, json!({"spec": spec})), flags);
    let text = to_admission_message(&violations).unwrap_or_default();
    text.strip_prefix("validation failed: ")
        .unwrap_or_default()
        .to_owned()
}

fn check(kind: &str, rows: &[(Value, &str)]) {
    for (spec, then) in rows {
        assert_eq!(answer(kind, spec, &Flags::permissive()), *then, "{kind} {spec}");
    }
}

/// A task with one step that has these fields.
fn step(fields: &Value) -> Value {
    let mut step = json!({"image": "i"});
    step.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    json!({"params": [
        {"name": "s"},
        {"name": "a", "type": "array"},
        {"name": "o", "properties": {"k": {}}},
    ], "steps": [step]})
}

#[test]
fn tasks_are_refused_in_upstreams_words() {
    let image = json!({"image": "i"});
    check(
        "Task",
        &[
            (json!({"steps": [image]}), ""),
            (json!({}), "missing field(s): spec.steps"),
            (json!({"steps": [{}]}), "missing field(s): spec.steps[0].Image"),
            (json!({"steps": [{}], "stepTemplate": {"image": "i"}}), ""),
            (
                json!({"steps": [{"name": "a", "image": "i"}, {"name": "a", "image": "i"}]}),
                "expected exactly one, got both: spec.steps[1].name",
            ),
            (
                json!({"steps": [image], "volumes": [{"name": "v"}, {"name": "v"}]}),
                "multiple volumes with same name \"v\": spec.volumes[1].name",
            ),
            (
                json!({"steps": [image], "volumes": [{"name": "../v"}]}),
                "invalid value: volume name \"../v\" is no name of a directory: spec.volumes[0].name",
            ),
            (
                json!({"steps": [image], "workspaces": [{"name": "w"}, {"name": "w", "mountPath": "/x"}]}),
                "workspace name \"w\" must be unique: spec.workspaces[1].name",
            ),
            (
                json!({"steps": [image], "workspaces": [{"name": "w"}, {"name": "v", "mountPath": "/workspace/./w/"}]}),
                "workspace mount path \"/workspace/w\" must be unique: spec.workspaces[1].mountpath",
            ),
            (
                json!({"steps": [{"image": "i", "volumeMounts": [{"name": "v", "mountPath": "/workspace/w"}]}], "workspaces": [{"name": "w"}]}),
                "workspace mount path \"/workspace/w\" must be unique: spec.workspaces[0].mountpath",
            ),
            (
                json!({"steps": [image], "workspaces": [{"name": "../w"}]}),
                "invalid value: workspace name \"../w\" is no name of a directory: spec.workspaces[0].name",
            ),
            (
                json!({"steps": [{"image": "i", "workspaces": [{"name": "w"}]}], "sidecars": [{"name": "s", "image": "i", "workspaces": [{"name": "v"}]}]}),
                "undefined workspace \"v\": spec.sidecars[0].workspaces[0].name\nundefined workspace \"w\": spec.steps[0].workspaces[0].name",
            ),
            (
                json!({"steps": [image], "sidecars": [{"name": "tekton-log-results", "script": "x", "command": ["y"]}]}),
                "Invalid: cannot use reserved sidecar name tekton-log-results : spec.sidecars[0].name\nmissing field(s): spec.sidecars[0].image\nscript cannot be used with command: spec.sidecars[0].script",
            ),
        ],
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of rows")]
fn steps_are_refused_in_upstreams_words() {
    let rows = [
        (
            json!({"name": "Step"}),
            "invalid value \"Step\": spec.steps[0].name\nTask step name must be a valid DNS Label, For more info refer to https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#names",
        ),
        (
            json!({"script": "x", "command": ["y"]}),
            "script cannot be used with command: spec.steps[0].script",
        ),
        (
            json!({"timeout": "-10s"}),
            "invalid value: -10s: spec.steps[0].negative timeout",
        ),
        (json!({"onError": "continue"}), ""),
        (json!({"onError": "$(params.s)"}), ""),
        (
            json!({"onError": "$(params.none)"}),
            "non-existent variable in \"$(params.none)\": spec.steps[0].onError",
        ),
        (
            json!({"onError": "maybe"}),
            "invalid value: \"maybe\": spec.steps[0].onError\nTask step onError must be either \"continue\" or \"stopAndFail\"",
        ),
        (
            json!({"volumeMounts": [{"name": "v", "mountPath": "/tekton/foo"}]}),
            "volumeMount cannot be mounted under /tekton/ (volumeMount \"v\" mounted at \"/tekton/foo\"): spec.steps[0].volumeMounts[0].mountPath",
        ),
        (
            json!({"volumeMounts": [{"name": "v", "mountPath": "/x/../tekton//foo"}]}),
            "volumeMount cannot be mounted under /tekton/ (volumeMount \"v\" mounted at \"/x/../tekton//foo\"): spec.steps[0].volumeMounts[0].mountPath",
        ),
        (
            json!({"volumeMounts": [{"name": "v", "mountPath": "/tekton/home"}]}),
            "",
        ),
        (
            json!({"volumeMounts": [{"name": "tekton-internal-v", "mountPath": "/x"}]}),
            "volumeMount name \"tekton-internal-v\" cannot start with \"tekton-internal-\": spec.steps[0].volumeMounts[0].name",
        ),
        (
            json!({"params": [{"name": "p", "value": "v"}]}),
            "params cannot be used without Ref: spec.steps[0].params",
        ),
        (
            json!({"when": [{"input": "a", "operator": "is", "values": ["b"]}]}),
            "invalid value: operator \"is\" is not recognized. valid operators: in,notin: spec.steps[0].when[0]",
        ),
        (json!({"when": [{}]}), "missing field(s): spec.steps[0].when[0]"),
        (
            json!({"when": [{"input": "a", "operator": "in"}]}),
            "invalid value: expecting non-empty values field: spec.steps[0].when[0]",
        ),
        (
            json!({"when": [{"input": "a", "cel": "true"}]}),
            "cel and input+operator+values cannot be set in one WhenExpression: &{a  [] true}: ",
        ),
        (
            json!({"image": "$(steps.a.results.b)"}),
            "stepResult substitutions are only allowed in env, command and args. Found usage in: spec.steps[0].image",
        ),
        (
            json!({"script": "$(steps.a.results.b)"}),
            "stepResult substitutions are only allowed in env, command and args. Found usage in: spec.steps[0].script",
        ),
        (
            json!({"args": ["$(steps.a.results.b)", "$(steps.a.outputs.b)"], "script": "$(steps.a.outputs.b)"}),
            "",
        ),
        (
            json!({"workingDir": "$(step.artifacts.path)"}),
            "stepArtifact substitutions are only allowed in env, command, args and script. Found usage in: spec.steps[0].workingDir",
        ),
        (
            json!({"results": [{"name": "../r"}]}),
            "invalid key name \"../r\": spec.steps[0].results[0].name\nName must consist of alphanumeric characters, '-', '_', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my-name',  or 'my_name', regex used for validation is '^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$')",
        ),
        (
            json!({"results": [{"name": "r"}], "script": "$(step.results.q.path)"}),
            "non-existent variable in \"$(step.results.q.path)\": spec.steps[0].script",
        ),
        (
            json!({"results": [{"name": "r", "type": "x"}]}),
            "invalid value: x: spec.steps[0].results[0].type\ninvalid type x",
        ),
    ];
    for (fields, then) in rows {
        check("Task", &[(step(&fields), then)]);
    }
}

#[test]
fn steps_with_actions_take_nothing_else() {
    let of = |step: Value| json!({"steps": [step]});
    check(
        "Task",
        &[
            (
                of(json!({"ref": {"name": "a"}, "params": [{"name": "p", "value": "v"}]})),
                "",
            ),
            (of(json!({"ref": {}})), "missing field(s): spec.steps[0].name"),
            (
                of(
                    json!({"ref": {"name": "a"}, "image": "i", "command": ["c"], "args": ["a"], "script": "s", "workingDir": "/w",
                    "env": [{"name": "e", "value": "v"}], "volumeMounts": [{"name": "v", "mountPath": "/v"}], "results": [{"name": "r"}]}),
                ),
                "args cannot be used with Ref: spec.steps[0].args\ncommand cannot be used with Ref: spec.steps[0].command\nenv cannot be used with Ref: spec.steps[0].env\nimage cannot be used with Ref: spec.steps[0].image\nresults cannot be used with Ref: spec.steps[0].results\nscript cannot be used with Ref: spec.steps[0].script\nvolumeMounts cannot be used with Ref: spec.steps[0].volumeMounts\nworking dir cannot be used with Ref: spec.steps[0].workingDir",
            ),
            (
                of(json!({"ref": {"params": [{"name": "p", "value": "v"}, {"name": "P", "value": "v"}]}})),
                "expected exactly one, got both: spec.steps[0].params[P].name\nmissing field(s): spec.steps[0].resolver",
            ),
            (
                of(json!({"ref": {"name": "a", "resolver": "git"}})),
                "invalid value: invalid URI for request: spec.steps[0].name",
            ),
            (
                of(json!({"ref": {"name": "a b"}})),
                "invalid value: name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'): spec.steps[0].name",
            ),
        ],
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of rows")]
fn variables_of_steps_have_to_exist_and_fit() {
    let rows = [
        (json!({"script": "$(params.s) $(params['s']) $(params.o.k)"}), ""),
        (
            json!({"args": ["$(params.a[*])", "$(params.a[0])", "x$(params.s)"]}),
            "",
        ),
        (
            json!({"args": ["$(params.t)"]}),
            "non-existent variable in \"$(params.t)\": spec.steps[0].args[0]",
        ),
        (
            json!({"env": [{"name": "E", "value": "$(params.t)"}]}),
            "non-existent variable in \"$(params.t)\": spec.steps[0].env[E]",
        ),
        (
            json!({"script": "$(params.a[*])"}),
            "variable type invalid in \"$(params.a[*])\": spec.steps[0].script",
        ),
        (
            json!({"script": "$(params.a)"}),
            "variable type invalid in \"$(params.a)\": spec.steps[0].script",
        ),
        (
            json!({"args": ["x $(params.a[*])"]}),
            "variable is not properly isolated in \"x $(params.a[*])\": spec.steps[0].args[0]",
        ),
        (
            json!({"args": ["$(params.o)"]}),
            "variable type invalid in \"$(params.o)\": spec.steps[0].args[0]",
        ),
        (
            json!({"args": ["$(params.o.q)"]}),
            "non-existent variable in \"$(params.o.q)\": spec.steps[0].args[0]",
        ),
        (
            json!({"args": ["$(params.o.k.l)"]}),
            "Invalid referencing of parameters in \"$(params.o.k.l)\"! Only two dot-separated components after the prefix \"params\" are allowed.: spec.steps[0].args[0]\nnon-existent variable in \"$(params.o.k.l)\": spec.steps[0].args[0]",
        ),
        (
            json!({"script": "$(context.taskRun.name) $(context.task.retry-count)"}),
            "",
        ),
        (
            json!({"script": "$(context.taskRun.missing)"}),
            "non-existent variable in \"$(context.taskRun.missing)\": spec.steps[0].script",
        ),
        (
            json!({"script": "$(results.none.path)"}),
            "non-existent variable in \"$(results.none.path)\": spec.steps[0].script",
        ),
        (
            json!({"volumeMounts": [{"name": "$(params.t)", "mountPath": "/x"}]}),
            "non-existent variable in \"$(params.t)\": spec.steps[0].volumeMount[0].name",
        ),
        (
            json!({"script": "$(inputs.params.t) $(unknown.x) ${HOME} $(date)"}),
            "",
        ),
    ];
    for (fields, then) in rows {
        check("Task", &[(step(&fields), then)]);
    }
}

#[test]
fn params_are_refused_in_upstreams_words() {
    let of = |params: Value| json!({"steps": [{"image": "i"}], "params": params});
    check(
        "Task",
        &[
            (
                of(json!([{"name": "p", "type": "int"}])),
                "invalid value: int: spec.params.p.type",
            ),
            (
                of(json!([{"name": "p", "type": "array", "default": "x"}])),
                "\"array\" type does not match default value's type: \"string\": spec.params.p.default.type, spec.params.p.type",
            ),
            (
                of(json!([{"name": "p", "type": "object"}])),
                "missing field(s): spec.p.properties",
            ),
            (
                of(json!([{"name": "p", "type": "object", "properties": {"k": {"type": "array"}}}])),
                "The value type specified for these keys [k] is invalid: spec.params.p.properties",
            ),
            (
                of(json!([{"name": "p"}, {"name": "p"}])),
                "parameter appears more than once: spec.params[p]",
            ),
            (
                of(json!([{"name": "0p"}, {"name": "a b", "type": "array"}])),
                "The format of following array and string variable names is invalid: [0p a b]: spec.params\nString/Array Names: \nMust only contain alphanumeric characters, hyphens (-), underscores (_), and dots (.)\nMust begin with a letter or an underscore (_)",
            ),
            (
                of(json!([{"name": "a.b", "properties": {"c.d": {}}}])),
                "Object param name and key name format is invalid: map[a.b:[c.d]]: spec.params\nObject Names: \nMust only contain alphanumeric characters, hyphens (-), underscores (_) \nMust begin with a letter or an underscore (_)",
            ),
            (of(json!([{"name": "p", "enum": ["a", "b"], "default": "a"}])), ""),
            (
                of(json!([{"name": "p", "enum": ["a", "a"], "default": "c"}])),
                "param default value c not in the enum list: spec.params[p]\nparameter enum value a appears more than once: spec.params[p]",
            ),
            (
                of(json!([{"name": "p", "type": "array", "enum": ["a"]}])),
                "enum can only be set with string type param: spec.params[p]",
            ),
        ],
    );
}

#[test]
fn results_are_refused_in_upstreams_words() {
    let of = |results: Value| json!({"steps": [{"image": "i"}], "results": results});
    check(
        "Task",
        &[
            (
                of(
                    json!([{"name": "a.b_c"}, {"name": "l", "type": "array"}, {"name": "o", "properties": {"k": {}}}]),
                ),
                "",
            ),
            (
                of(json!([{"name": "r", "type": "int"}])),
                "invalid value: int: spec.results[0].type\ntype must be string",
            ),
            (
                of(json!([{"name": "r", "type": "object"}])),
                "missing field(s): spec.results[0].r.properties",
            ),
            (
                of(json!([{"name": "r", "properties": {"k": {"type": "array"}}}])),
                "The value type specified for these keys [k] is invalid, the type must be string: spec.results[0].r.properties",
            ),
            (of(json!([{"name": "r", "value": "$(steps.s.results.q)"}])), ""),
            (
                of(json!([{"name": "r", "value": "x"}])),
                "Could not extract step name and result name. Expected value to look like $(steps.<stepName>.results.<resultName>) but got \"x\": spec.results[0].r.value",
            ),
            (
                of(json!([{"name": "r", "value": ["x"]}])),
                "Invalid Type. Wanted string but got: \"array\": spec.results[0].r.type",
            ),
        ],
    );
    assert!(
        answer("Task", &of(json!([{"name": "../../etc"}])), &Flags::permissive())
            .starts_with("invalid key name \"../../etc\": spec.results[0].name\n")
    );
}

/// A pipeline of tasks `a` and `b`, `b` with these fields.
fn pipeline(fields: &Value) -> Value {
    let mut b = json!({"name": "b", "taskRef": {"name": "t"}});
    b.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    json!({
        "params": [{"name": "s"}, {"name": "l", "type": "array"}, {"name": "o", "properties": {"k": {}}}],
        "workspaces": [{"name": "w"}],
        "tasks": [{"name": "a", "taskRef": {"name": "t"}}, b],
    })
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of rows")]
fn pipeline_tasks_are_refused_in_upstreams_words() {
    let rows = [
        (json!({}), ""),
        (
            json!({"name": "B"}),
            "invalid value \"B\": spec.tasks[1].name\nPipeline Task name must be a valid DNS Label.For more info refer to https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#names",
        ),
        (
            json!({"name": "a"}),
            "expected exactly one, got both: spec.tasks[1].name",
        ),
        (
            json!({"taskRef": null}),
            "expected exactly one, got neither: spec.tasks[1].pipelineRef, spec.tasks[1].pipelineSpec, spec.tasks[1].taskRef, spec.tasks[1].taskSpec",
        ),
        (
            json!({"taskSpec": {"steps": [{"image": "i"}]}}),
            "expected exactly one, got multiple: spec.tasks[1].taskRef, spec.tasks[1].taskSpec",
        ),
        (
            json!({"taskRef": {"name": "x", "kind": "X"}}),
            "invalid value: custom task ref must specify apiVersion: spec.tasks[1].taskRef.apiVersion",
        ),
        (
            json!({"taskRef": {"name": "x", "kind": "X", "apiVersion": "v1"}}),
            "invalid value: invalid apiVersion format \"v1\", must be in the format \"group/version\": spec.tasks[1].taskRef.apiVersion",
        ),
        (json!({"taskRef": {"name": "x", "apiVersion": "g/v1"}}), ""),
        (
            json!({"taskRef": null, "taskSpec": {"kind": "X", "spec": {"any": ["thing"]}}}),
            "invalid value: custom task spec must specify apiVersion: spec.tasks[1].taskSpec.apiVersion",
        ),
        (
            json!({"taskRef": null, "taskSpec": {"kind": "Y", "steps": [{"image": "i"}], "apiVersion": "g/v1"}}),
            "taskSpec.apiVersion cannot be specified when using taskSpec.steps: spec.tasks[1].taskSpec.apiVersion\ntaskSpec.kind cannot be specified when using taskSpec.steps: spec.tasks[1].taskSpec.kind",
        ),
        (
            json!({"onError": "never"}),
            "invalid value: never: spec.tasks[1].OnError\nPipelineTask OnError must be either \"continue\" or \"stopAndFail\"",
        ),
        (
            json!({"onError": "continue", "retries": 1}),
            "PipelineTask OnError cannot be set to \"continue\" when Retries is greater than 0: ",
        ),
        (
            json!({"params": [{"name": "p", "value": "1"}, {"name": "p", "value": "2"}]}),
            "parameter names must be unique, the parameter \"p\" is also defined at: spec.tasks[1].params[1].name",
        ),
        (
            json!({"params": [{"name": "p", "value": "$(params.t)"}]}),
            "non-existent variable in \"$(params.t)\": spec.tasks[1].params[p]",
        ),
        (
            json!({"params": [{"name": "p", "value": "$(params.l[*])"}, {"name": "q", "value": "$(params.o[*])"}]}),
            "",
        ),
        (
            json!({"params": [{"name": "p", "value": ["x $(params.l[*])"]}]}),
            "variable is not properly isolated in \"x $(params.l[*])\": spec.tasks[1].params[p].value[0]",
        ),
        (
            json!({"params": [{"name": "p", "value": "x $(params.l[*])"}]}),
            "variable type invalid in \"x $(params.l[*])\": spec.tasks[1].params[p]",
        ),
        (
            json!({"params": [{"name": "p", "value": {"k": "$(params.o.z)"}}]}),
            "non-existent variable in \"$(params.o.z)\": spec.tasks[1].params[p].properties[k]",
        ),
        (
            json!({"params": [{"name": "p", "value": "$(context.pipelineRun.nme)"}]}),
            "non-existent variable in \"$(context.pipelineRun.nme)\": spec.tasks[1].params",
        ),
        (
            json!({"params": [{"name": "p", "value": "$(HOME)"}]}),
            "invalid value: invalid variable reference \"$(HOME)\", must start with a valid prefix: params, tasks, finally, context, workspaces, or results; if you meant a shell variable, use ${VAR} instead: spec.tasks[1].params[p].value",
        ),
        (
            json!({"params": [{"name": "p", "value": "$(tasks.a.status)"}]}),
            "invalid value: pipeline tasks can not refer to execution status of any other pipeline task or aggregate status of tasks: spec.tasks[1].params[p].value",
        ),
        (
            json!({"when": [{"input": "$(tasks.status)", "operator": "in", "values": ["x"]}]}),
            "invalid value: pipeline tasks can not refer to execution status of any other pipeline task or aggregate status of tasks: spec.tasks[1].when[0]",
        ),
        (
            json!({"when": [{"input": "$(params.t)", "operator": "in", "values": ["$(params.l[*])"]}]}),
            "non-existent variable in \"$(params.t)\": spec.tasks[1].when[0].input",
        ),
        (
            json!({"when": [{"input": "x", "operator": "eq", "values": ["$(env.X)"]}]}),
            "invalid value: invalid variable reference \"$(env.X)\", must start with a valid prefix: params, tasks, finally, context, workspaces, or results; if you meant a shell variable, use ${VAR} instead: spec.tasks[1].when[0]\ninvalid value: operator \"eq\" is not recognized. valid operators: in,notin: spec.tasks[1].when[0]",
        ),
        (
            json!({"workspaces": [{"name": "v", "workspace": "w"}, {"name": "w"}]}),
            "",
        ),
        (
            json!({"workspaces": [{"name": "x"}]}),
            "invalid value: pipeline task \"b\" expects workspace with name \"x\" but none exists in pipeline spec: spec.tasks[1].workspaces[0]",
        ),
        (
            json!({"workspaces": [{"name": "w"}, {"name": "w"}]}),
            "workspace name \"w\" must be unique: spec.tasks[1].workspaces[1]",
        ),
        (
            json!({"taskRef": null, "taskSpec": {"steps": [{"image": "$(params.t) $(params.s)"}]}}),
            "non-existent variable in \"$(params.t) $(params.s)\": spec.tasks[1].taskSpec.steps[0].image",
        ),
        (
            json!({"taskRef": null, "pipelineSpec": {"tasks": [{"name": "c"}]}}),
            "expected exactly one, got neither: spec.tasks[1].pipelineSpec.tasks[0].pipelineRef, spec.tasks[1].pipelineSpec.tasks[0].pipelineSpec, spec.tasks[1].pipelineSpec.tasks[0].taskRef, spec.tasks[1].pipelineSpec.tasks[0].taskSpec",
        ),
    ];
    for (fields, then) in rows {
        check("Pipeline", &[(pipeline(&fields), then)]);
    }
}

#[test]
fn pipelines_are_refused_in_upstreams_words() {
    let task = json!({"name": "a", "taskRef": {"name": "t"}});
    let of = |fields: Value| {
        let mut spec = json!({"tasks": [task]});
        spec.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        spec
    };
    check(
        "Pipeline",
        &[
            (
                json!({}),
                "expected at least one, got none: spec.description, spec.params, spec.resources, spec.tasks, spec.workspaces",
            ),
            (
                of(json!({"workspaces": [{"name": ""}, {"name": "w"}, {"name": "w"}]})),
                "invalid value: workspace 0 has empty name: spec.workspaces[0]\ninvalid value: workspace with name \"w\" appears more than once: spec.workspaces[2]",
            ),
            (
                of(json!({"results": [{"name": "r", "value": "x"}]})),
                "invalid value: expected pipeline results to be task result expressions but an invalid expressions was found: spec.results[0].value\ninvalid value: expected pipeline results to be task result expressions but no expressions were found: spec.results[0].value\ninvalid value: referencing a nonexistent task: spec.results[0].value",
            ),
            (
                of(json!({"results": [{"name": "r", "value": "$(tasks.z.results.q)"}]})),
                "invalid value: referencing a nonexistent task: spec.results[0].value",
            ),
            (
                of(
                    json!({"results": [{"name": "r", "value": "$(tasks.a.results.q)"}, {"name": "l", "value": ["$(tasks.a.results.q[*])"]}]}),
                ),
                "",
            ),
            (
                json!({"finally": [task]}),
                "invalid value: spec.tasks is empty but spec.finally has 1 tasks: spec.finally",
            ),
        ],
    );
}

#[test]
fn final_tasks_are_refused_in_upstreams_words() {
    let rows = [
        (
            json!({"params": [{"name": "p", "value": "$(tasks.a.results.r) $(tasks.a.status)"}, {"name": "q", "value": "$(tasks.status)"}]}),
            "",
        ),
        (
            json!({"runAfter": ["a"]}),
            "invalid value: no runAfter allowed under spec.finally, final task f has runAfter specified: spec.finally[0]",
        ),
        (
            json!({"params": [{"name": "p", "value": "$(tasks.z.status)"}]}),
            "invalid value: pipeline task z is not defined in the pipeline: spec.finally[0].params[p].value",
        ),
        (
            json!({"when": [{"input": "$(tasks.z.reason)", "operator": "in", "values": ["x"]}]}),
            "invalid value: pipeline task z is not defined in the pipeline: spec.finally[0].when[0]",
        ),
        (
            json!({"params": [{"name": "p", "value": "$(tasks.z.results.r)"}]}),
            "invalid value: invalid task result reference, final task has task result reference from a task z which is not defined in the pipeline: spec.finally[0].params[p].value",
        ),
        (
            json!({"params": [{"name": "p", "value": "$(tasks.g.results.r)"}]}),
            "invalid value: invalid task result reference, final task has task result reference from a final task g: spec.finally[0].params[p].value",
        ),
        (
            json!({"name": "a"}),
            "expected exactly one, got both: spec.finally[0].name",
        ),
    ];
    for (fields, then) in rows {
        let mut first = json!({"name": "f", "taskRef": {"name": "t"}});
        first
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        let spec = json!({
            "tasks": [{"name": "a", "taskRef": {"name": "t"}}],
            "finally": [first, {"name": "g", "taskRef": {"name": "t"}}],
        });
        check("Pipeline", &[(spec, then)]);
    }
}

#[test]
fn graphs_have_no_cycles_and_no_strangers() {
    let graph = |edges: &[(&str, &[&str])]| {
        let tasks: Vec<Value> = edges
            .iter()
            .map(|(name, after)| json!({"name": name, "taskRef": {"name": "t"}, "runAfter": after}))
            .collect();
        json!({"tasks": tasks})
    };
    check(
        "Pipeline",
        &[
            (graph(&[("a", &[]), ("b", &["a"]), ("c", &["a", "b"])]), ""),
            (
                graph(&[("a", &["a"])]),
                "invalid value: cycle detected; task \"a\" depends on \"a\": spec.tasks",
            ),
            (
                graph(&[
                    ("z", &[]),
                    ("a", &["c", "z"]),
                    ("b", &["a"]),
                    ("c", &["b"]),
                    ("d", &["c"]),
                ]),
                "invalid value: cycle detected; task \"a\" depends on \"c\": spec.tasks",
            ),
            (
                graph(&[("a", &["x"])]),
                "invalid value: couldn't add link between a and x: task a depends on x but x wasn't present in Pipeline: spec.tasks",
            ),
            (
                json!({"tasks": [
                    {"name": "a", "taskRef": {"name": "t"}, "params": [{"name": "p", "value": "$(tasks.b.results.r)"}]},
                    {"name": "b", "taskSpec": {"steps": [{"image": "i", "script": "$(tasks.a.results.r)"}]}},
                ]}),
                "invalid value: cycle detected; task \"a\" depends on \"b\": spec.tasks",
            ),
            (
                json!({"tasks": [
                    {"name": "a", "pipelineRef": {"name": "p"}},
                    {"name": "b", "taskRef": {"name": "t"}, "params": [{"name": "p", "value": "$(tasks.a.results.r)"}]},
                ]}),
                "invalid value: result reference to pipelineTask \"a\" is not supported: referenced task uses pipelineRef or pipelineSpec and result propagation from child Pipelines is not yet implemented: spec.tasks[1]",
            ),
        ],
    );
    let object = object(
        "Pipeline",
        json!({"spec": graph(&[("z", &[]), ("a", &["c", "z"]), ("b", &["a"]), ("c", &["b"])])}),
    );
    let violations = validate_create(&object, &Flags::default());
    assert_eq!(
        violations[0].hint.as_deref(),
        Some("no task of the ring can start first: a → c → b → a")
    );
    assert_eq!(violations[0].path.to_string(), "spec.tasks[1]");
}

#[test]
fn matrices_are_refused_in_upstreams_words() {
    let many: Vec<String> = (0..17).map(|number| number.to_string()).collect();
    let wide = json!([{"name": "x", "value": many}, {"name": "y", "value": many}]);
    let rows = [
        (
            json!({"matrix": {"params": [{"name": "x", "value": ["1", "2"]}], "include": [{"name": "i", "params": [{"name": "x", "value": "3"}]}]}}),
            "",
        ),
        (
            json!({"matrix": {"params": wide}}),
            "expected 0 <= 289 <= 256: spec.tasks[1].matrix",
        ),
        (
            json!({"matrix": {"params": [{"name": "x", "value": ["1"]}, {"name": "x", "value": ["2"]}]}}),
            "parameter names must be unique, the parameter \"x\" is also defined at: spec.tasks[1].matrix.params[1].name",
        ),
        (
            json!({"matrix": {"include": [{"params": [{"name": "x", "value": "1"}, {"name": "x", "value": "2"}]}]}}),
            "parameter names must be unique, the parameter \"x\" is also defined at: spec.tasks[1].matrix.include[0].params[1].name",
        ),
        (
            json!({"matrix": {"params": [{"name": "x", "value": ["1"]}]}, "params": [{"name": "x", "value": "1"}]}),
            "expected exactly one, got both: spec.tasks[1].matrix[x], spec.tasks[1].params[x]",
        ),
        (
            json!({"matrix": {"params": [{"name": "x", "value": ["$(params.t)"]}]}}),
            "non-existent variable in \"$(params.t)\": spec.tasks[1].matrix.params[x].value[0]",
        ),
        (
            json!({"matrix": {"params": [{"name": "x", "value": ["$(FOO)"]}]}}),
            "invalid value: invalid variable reference \"$(FOO)\", must start with a valid prefix: params, tasks, finally, context, workspaces, or results; if you meant a shell variable, use ${VAR} instead: spec.tasks[1].matrix.params[x].value",
        ),
    ];
    for (fields, then) in rows {
        check("Pipeline", &[(pipeline(&fields), then)]);
    }
    let consumer = |value: &str, kind: &str| {
        json!({"tasks": [
            {"name": "m", "matrix": {"params": [{"name": "x", "value": ["1"]}]}, "taskSpec": {"steps": [{"image": "i"}], "results": [{"name": "r", "type": kind}]}},
            {"name": "c", "taskRef": {"name": "t"}, "params": [{"name": "p", "value": value}]},
        ]})
    };
    check(
        "Pipeline",
        &[
            (consumer("$(tasks.m.results.r[*])", "string"), ""),
            (
                consumer("$(tasks.m.results.r)", "string"),
                "A matrixed pipelineTask can only be consumed in aggregate using [*] notation, but is currently set to tasks.m.results.r: ",
            ),
            (
                consumer("$(tasks.m.results.r[*])", "array"),
                "invalid value: Matrixed PipelineTasks emitting results must have an underlying type string, but result r has type array in pipelineTask: spec.tasks[1].params",
            ),
        ],
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of rows")]
fn task_runs_are_refused_in_upstreams_words() {
    let of = |fields: Value| {
        let mut spec = json!({"taskRef": {"name": "t"}});
        spec.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        spec
    };
    let sources = "configmap, spec.workspaces[0].emptydir, spec.workspaces[0].persistentvolumeclaim, spec.workspaces[0].secret, spec.workspaces[0].volumeclaimtemplate";
    let neither = format!("expected exactly one, got neither: spec.workspaces[0].{sources}");
    let both = format!("expected exactly one, got both: spec.workspaces[0].{sources}");
    check(
        "TaskRun",
        &[
            (of(json!({})), ""),
            (
                json!({}),
                "expected exactly one, got neither: spec.taskRef, spec.taskSpec",
            ),
            (
                of(json!({"taskSpec": {"steps": [{"image": "i"}]}})),
                "expected exactly one, got both: spec.taskRef, spec.taskSpec",
            ),
            (json!({"taskRef": {}}), "missing field(s): spec.taskRef.name"),
            (
                of(json!({"params": [{"name": "p", "value": "1"}, {"name": "P", "value": "2"}]})),
                "expected exactly one, got both: spec.params[P].name",
            ),
            (of(json!({"workspaces": [{"name": "w"}]})), neither.as_str()),
            (
                of(json!({"workspaces": [{"name": "w", "emptyDir": {}, "secret": {"secretName": "s"}}]})),
                both.as_str(),
            ),
            (
                of(json!({"workspaces": [{}]})),
                "missing field(s): spec.workspaces[0]",
            ),
            (
                of(json!({"workspaces": [
                    {"name": "a", "persistentVolumeClaim": {"claimName": ""}},
                    {"name": "b", "configMap": {}},
                    {"name": "c", "secret": {}},
                    {"name": "d", "projected": {}},
                    {"name": "e", "csi": {"driver": ""}},
                ]})),
                "missing field(s): spec.workspaces[0].persistentvolumeclaim.claimname, spec.workspaces[1].configmap.name, spec.workspaces[2].secret.secretName, spec.workspaces[3].projected.sources, spec.workspaces[4].csi.driver",
            ),
            (
                of(json!({"workspaces": [{"name": "a", "emptyDir": {}}, {"name": "A", "emptyDir": {}}]})),
                "expected exactly one, got both: spec.workspaces[1].name",
            ),
            (
                of(json!({"status": "Stop"})),
                "invalid value: Stop should be TaskRunCancelled or TaskRunPending: spec.status",
            ),
            (
                of(json!({"statusMessage": "why"})),
                "invalid value: statusMessage should not be set if status is not set, but it is currently set to why: spec.statusMessage",
            ),
            (
                of(json!({"retries": -1})),
                "invalid value: -1 should be >= 0: spec.retries",
            ),
            (
                of(json!({"timeout": "-48h"})),
                "invalid value: -48h0m0s should be >= 0: spec.timeout",
            ),
            (
                of(json!({"debug": {"breakpoints": {"onFailure": "on"}}})),
                "invalid value: on is not a valid onFailure breakpoint value, onFailure breakpoint is only allowed to be set as enabled: spec.debug.breakpoints.onFailure",
            ),
            (
                of(json!({"debug": {"breakpoints": {"onFailure": "enabled", "beforeSteps": ["a", "a"]}}})),
                "before step must be unique, the same step: a is defined multiple times at: spec.debug.breakpoints.beforeSteps[1]",
            ),
            (
                of(json!({"stepSpecs": [{"name": "a"}, {"name": "A"}, {}]})),
                "expected exactly one, got both: spec.stepSpecs[1].name\nmissing field(s): spec.stepSpecs[2].name",
            ),
            (
                of(
                    json!({"computeResources": {"limits": {"cpu": "1"}}, "stepSpecs": [{"name": "a", "computeResources": {"limits": {"cpu": "1"}}}]}),
                ),
                "expected exactly one, got both: spec.computeResources, spec.stepSpecs.resources",
            ),
        ],
    );
}

#[test]
fn params_reach_embedded_specs() {
    check(
        "TaskRun",
        &[
            (
                json!({"params": [{"name": "p", "value": "v"}], "taskSpec": {"steps": [{"image": "i", "script": "$(params.p)"}]}}),
                "",
            ),
            (
                json!({"taskSpec": {"steps": [{"image": "i", "script": "$(params.p)"}]}}),
                "non-existent variable in \"$(params.p)\": spec.taskSpec.steps[0].script",
            ),
            (
                json!({"params": [{"name": "p", "value": ["v"]}], "taskSpec": {"steps": [{"image": "i", "script": "$(params.p[*])"}]}}),
                "variable type invalid in \"$(params.p[*])\": spec.taskSpec.steps[0].script",
            ),
        ],
    );
    let run = |script: &str| {
        json!({
            "params": [{"name": "run", "value": "v"}, {"name": "o", "value": {"k": "v"}}],
            "pipelineSpec": {
                "params": [{"name": "pipeline", "default": "v"}],
                "tasks": [{"name": "a", "params": [{"name": "task", "value": "$(params.run)"}], "taskSpec": {"params": [{"name": "own"}], "steps": [{"image": "i", "script": script}]}}],
            },
        })
    };
    let at = "spec.pipelineSpec.tasks[0].taskSpec.steps[0].script";
    check(
        "PipelineRun",
        &[
            (
                run("$(params.run) $(params.pipeline) $(params.task) $(params.own) $(params.o.k)"),
                "",
            ),
            (
                run("$(params.none)"),
                format!("non-existent variable in \"$(params.none)\": {at}").as_str(),
            ),
            (
                run("$(params.o.z)"),
                format!("non-existent variable in \"$(params.o.z)\": {at}").as_str(),
            ),
        ],
    );
}

#[test]
fn pipeline_runs_are_refused_in_upstreams_words() {
    let of = |fields: Value| {
        let mut spec = json!({"pipelineRef": {"name": "p"}});
        spec.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        spec
    };
    check(
        "PipelineRun",
        &[
            (of(json!({})), ""),
            (
                json!({}),
                "expected exactly one, got neither: spec.pipelineRef, spec.pipelineSpec",
            ),
            (
                of(json!({"pipelineSpec": {"tasks": [{"name": "a", "taskRef": {"name": "t"}}]}})),
                "expected exactly one, got both: spec.pipelineRef, spec.pipelineSpec",
            ),
            (
                of(json!({"params": [{"name": "p", "value": "$(tasks.a.results.r)"}]})),
                "invalid value: cannot use result expressions in [tasks.a.results.r] as PipelineRun parameter values: spec.params[p].value",
            ),
            (
                of(json!({"status": "Stop"})),
                "invalid value: Stop should be Cancelled, CancelledRunFinally, StoppedRunFinally or PipelineRunPending: spec.status",
            ),
            (
                of(json!({"timeouts": {"pipeline": "-1h"}})),
                "invalid value: -1h0m0s should be >= 0: spec.timeouts.pipeline",
            ),
            (
                of(json!({"timeouts": {"pipeline": "25m", "tasks": "1h"}})),
                "invalid value: 1h0m0s should be <= pipeline duration: spec.timeouts.tasks",
            ),
            (
                of(json!({"timeouts": {"pipeline": "25m", "finally": "0"}})),
                "invalid value: 0s (no timeout) should be <= pipeline duration: spec.timeouts.finally",
            ),
            (
                of(json!({"timeouts": {"pipeline": "50m", "tasks": "30m", "finally": "30m"}})),
                "invalid value: 30m0s + 30m0s should be <= pipeline duration: spec.timeouts.finally, spec.timeouts.tasks",
            ),
            (of(json!({"timeouts": {"pipeline": "0", "tasks": "0"}})), ""),
            (
                of(json!({"taskRunSpecs": [{"pipelineTaskName": "a", "timeout": "2h"}]})),
                "invalid value: 2h0m0s should be <= pipeline duration 1h0m0s: spec.taskRunSpecs[0].timeout",
            ),
            (
                of(
                    json!({"timeouts": {"tasks": "10m"}, "taskRunSpecs": [{"pipelineTaskName": "a", "timeout": "20m"}]}),
                ),
                "invalid value: 20m0s should be <= pipeline tasks duration 10m0s: spec.taskRunSpecs[0].timeout",
            ),
            (
                of(json!({"workspaces": [{"name": "w", "emptyDir": {}}, {"name": "w", "emptyDir": {}}]})),
                "workspace \"w\" provided by pipelinerun more than once, at index 0 and 1: spec.workspaces[1].name",
            ),
        ],
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of rows")]
fn actions_and_custom_runs_are_refused_in_upstreams_words() {
    check(
        "StepAction",
        &[
            (
                json!({"image": "i", "params": [{"name": "p"}], "env": [{"name": "E", "value": "$(params.p)"}], "script": "echo $E"}),
                "",
            ),
            (json!({}), "missing field(s): spec.Image"),
            (
                json!({"image": "i", "script": "x", "command": ["y"]}),
                "script cannot be used with command: spec.script",
            ),
            (
                json!({"image": "i", "params": [{"name": "p"}], "script": "$(params.p)"}),
                "param substitution in scripts is not allowed.: spec.script",
            ),
            (
                json!({"image": "i", "args": ["$(params.q)"]}),
                "non-existent variable in \"$(params.q)\": spec.args[0]",
            ),
            (
                json!({"image": "i", "results": [{"name": "r"}], "script": "$(step.results.q.path)"}),
                "non-existent variable in \"$(step.results.q.path)\": spec.script",
            ),
            (
                json!({"image": "i", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}),
                "invalid value: v: spec.volumeMounts[0].name\nexpect the Name to be a single param reference",
            ),
            (
                json!({"image": "i", "params": [{"name": "v"}], "volumeMounts": [{"name": "$(params.v)", "mountPath": "/v"}]}),
                "",
            ),
        ],
    );
    let custom = json!({"apiVersion": "g/v1", "kind": "K"});
    check(
        "CustomRun",
        &[
            (json!({"customRef": custom}), ""),
            (
                json!({}),
                "expected exactly one, got neither: spec.customRef, spec.customSpec",
            ),
            (
                json!({"customRef": custom, "customSpec": custom}),
                "expected exactly one, got both: spec.customRef, spec.customSpec",
            ),
            (
                json!({"customRef": {"kind": "K"}}),
                "missing field(s): spec.customRef.apiVersion",
            ),
            (
                json!({"customSpec": {"apiVersion": "g/v1"}}),
                "missing field(s): spec.customSpec.kind",
            ),
            (
                json!({"customRef": custom, "params": [{"name": "p", "value": ""}, {"name": "p", "value": ""}]}),
                "expected exactly one, got both: spec.params[p].name",
            ),
        ],
    );
}

#[test]
fn names_of_objects_are_checked() {
    let long = "a".repeat(64);
    let rows = [
        (json!({"name": "a.b-c"}), String::new()),
        (json!({"generateName": "a-"}), String::new()),
        (
            json!({}),
            "name or generateName is required: metadata.name".to_owned(),
        ),
        (
            json!({"name": "A"}),
            "invalid resource name \"A\": must be a valid DNS label: metadata.name".to_owned(),
        ),
        (
            json!({"generateName": "A-"}),
            "invalid resource name \"A-bbbbb\": must be a valid DNS label: metadata.generateName".to_owned(),
        ),
        (
            json!({"name": long}),
            "Invalid resource name: length must be no more than 63 characters: metadata.name".to_owned(),
        ),
        (
            json!({"name": "a", "labels": {"example.com/a": "b", "c": ""}}),
            String::new(),
        ),
        (
            json!({"name": "a", "namespace": "../../b"}),
            "Invalid value: \"../../b\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or \
             '-', and must start and end with an alphanumeric character: metadata.namespace"
                .to_owned(),
        ),
        (
            json!({"name": "a", "labels": {"/a": "b"}}),
            "Invalid value: \"/a\": prefix part must be non-empty: metadata.labels[/a]".to_owned(),
        ),
        (
            json!({"name": "a", "labels": {"a": "b c"}}),
            "Invalid value: \"b c\": a valid label must be an empty string or consist of at most 63 alphanumeric \
             characters, '-', '_' or '.', and start and end with an alphanumeric character: metadata.labels[a]"
                .to_owned(),
        ),
    ];
    for (metadata, then) in rows {
        let task = object(
            "Task",
            json!({"metadata": metadata, "spec": {"steps": [{"image": "i"}]}}),
        );
        let text = to_admission_message(&validate_create(&task, &Flags::default())).unwrap_or_default();
        assert_eq!(
            text.strip_prefix("validation failed: ").unwrap_or_default(),
            then,
            "{metadata}"
        );
    }
}

#[test]
fn features_are_off_until_they_are_switched_on() {
    let stable = Flags {
        enable_api_fields: Stability::Stable,
        ..Flags::default()
    };
    let beta = Flags::default();
    let needs = |feature: &str, levels: &str, current: &str| {
        format!(
            "{feature} requires \"enable-api-fields\" feature gate to be {levels} but it is \"{current}\": "
        )
    };
    let rows = [
        ("Task", step(&json!({"stdoutConfig": {"path": "/x"}})), &beta, needs("step stdout stream support", "\"alpha\"", "beta")),
        ("Task", step(&json!({"script": "#!win\nx"})), &beta, needs("windows script support", "\"alpha\"", "beta")),
        ("Task", step(&json!({"when": [{"cel": "true"}]})), &beta, "feature flag enable-cel-in-whenexpression should be set to true to use CEL: true in WhenExpression: spec.steps[0].when[0]".to_owned()),
        ("Task", step(&json!({"script": "$(step.artifacts.path)"})), &beta, "feature flag enable-artifacts should be set to true to use artifacts feature.: spec.steps[0]".to_owned()),
        ("Task", json!({"steps": [{"image": "i"}], "params": [{"name": "p", "enum": ["a"]}]}), &beta, "feature flag `enable-param-enum` should be set to true to use Enum: spec.params[p]".to_owned()),
        ("Pipeline", pipeline(&json!({"matrix": {"params": [{"name": "x", "value": ["1"]}]}})), &stable, needs("matrix", "\"alpha\" or \"beta\"", "stable")),
        ("Pipeline", pipeline(&json!({"taskRef": null, "pipelineRef": {"name": "p"}})), &beta, needs("pipelineRef", "\"alpha\"", "beta")),
        ("Pipeline", pipeline(&json!({"taskRef": {"resolver": "git"}})), &stable, needs("resolver", "\"alpha\" or \"beta\"", "stable")),
        ("TaskRun", json!({"taskRef": {"name": "git://x"}}), &beta, "feature flag enable-concise-resolver-syntax should be set to true to use concise resolver syntax: spec.taskRef\nmissing field(s): spec.taskRef.resolver".to_owned()),
        ("TaskRun", json!({"taskRef": {"name": "t"}, "debug": {}}), &beta, needs("debug", "\"alpha\"", "beta")),
    ];
    for (kind, spec, flags, then) in rows {
        assert_eq!(answer(kind, &spec, flags), then, "{kind} {spec}");
    }
    let inline = Flags {
        disable_inline_spec: vec!["taskrun".into()],
        ..Flags::default()
    };
    assert_eq!(
        answer(
            "TaskRun",
            &json!({"taskSpec": {"steps": [{"image": "i"}]}}),
            &inline
        ),
        "must not set the field(s): spec.taskSpec"
    );
}

#[test]
fn started_runs_do_not_change() {
    let run = |spec: Value, status: Value| object("TaskRun", json!({"spec": spec, "status": status}));
    let running = json!({"startTime": "2026-01-01T00:00:00Z"});
    let done = json!({"conditions": [{"type": "Succeeded", "status": "True"}]});
    let base = json!({"taskRef": {"name": "t"}});
    let with = |fields: Value| {
        let mut spec = base.clone();
        spec.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        spec
    };
    let rows = [
        (running.clone(), with(json!({})), ""),
        (
            running.clone(),
            with(json!({"status": "TaskRunCancelled", "statusMessage": "why"})),
            "",
        ),
        (
            running.clone(),
            with(json!({"retries": 2})),
            "invalid value: Once the TaskRun has started, only status and statusMessage updates are allowed: spec",
        ),
        (
            running.clone(),
            with(json!({"managedBy": "other"})),
            "invalid value: managedBy is immutable: spec.managedBy",
        ),
        (
            running,
            with(json!({"status": "TaskRunPending"})),
            "invalid value: TaskRun cannot be Pending after it is started: spec.status",
        ),
        (done.clone(), with(json!({})), ""),
        (
            done,
            with(json!({"status": "TaskRunCancelled"})),
            "invalid value: Once the TaskRun is complete, no updates are allowed: spec",
        ),
    ];
    for (status, spec, then) in rows {
        let (old, new) = (run(base.clone(), status.clone()), run(spec.clone(), status));
        let violations = validate_update(&old, &new, &Defaults::default(), &Flags::default());
        let text = to_admission_message(&violations).unwrap_or_default();
        assert_eq!(
            text.strip_prefix("validation failed: ").unwrap_or_default(),
            then,
            "{spec}"
        );
    }
}

#[test]
fn ten_thousand_tasks_are_validated_in_one_pass() {
    // Anything quadratic in the number of tasks would not end within the test's lifetime.
    let tasks: Vec<Value> = (0..10_000)
        .map(|number| {
            let before = if number == 0 {
                "x".to_owned()
            } else {
                format!("$(tasks.t{}.results.r)", number - 1)
            };
            json!({"name": format!("t{number}"), "params": [{"name": "p", "value": before}], "taskSpec": {
                "params": [{"name": "p"}, {"name": format!("q{number}"), "default": "v"}],
                "results": [{"name": "r"}],
                "steps": [{"image": "i", "script": "echo $(params.p)"}],
            }})
        })
        .collect();
    let run = object("PipelineRun", json!({"spec": {"pipelineSpec": {"tasks": tasks}}}));
    assert_eq!(validate_create(&run, &Flags::default()), []);
}
