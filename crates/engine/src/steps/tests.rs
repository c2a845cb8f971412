//! Cases for step actions, templates and results of earlier steps.

use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;
use windlass_api::tekton::Param;
use windlass_api::tekton::ParamSpec;
use windlass_api::tekton::Step;
use windlass_api::tekton::task::StepActionSpec;
use windlass_api::tekton::task::StepTemplate;

use super::*;

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn write<T: serde::Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap()
}

fn merged(step: Value, action: Value) -> Value {
    let declared: Vec<ParamSpec> =
        read(json!([{"name": "task", "default": "t"}, {"name": "list", "type": "array"}]));
    let given: Vec<Param> = read(json!([{"name": "list", "value": ["a", "b"]}]));
    let step: Step = read(step);
    let action: StepActionSpec = read(action);
    match merge_step_action(&step, &action, &declared, &given) {
        Ok(step) => write(&step),
        Err(error) => json!(error.to_string()),
    }
}

#[test]
fn a_text_given_for_an_object_leaves_the_keys_of_its_default() {
    let step = json!({"ref": {"name": "a"}, "params": [{"name": "o", "value": "$(params.unknown[*])"}]});
    let object = json!({"name": "o", "type": "object", "properties": {"k": {}}, "default": {"k": "v"}});
    let action = json!({"image": "i", "args": ["$(params.o.k)"], "params": [object]});
    assert_eq!(merged(step, action)["args"], json!(["v"]));
}

#[test]
fn a_step_takes_the_fields_of_its_action() {
    let step = json!({
        "name": "s", "ref": {"name": "a"}, "onError": "continue", "timeout": "1m0s", "workspaces": [{"name": "w"}],
        "computeResources": {"limits": {"cpu": "1"}},
        "params": [{"name": "p", "value": "$(params.task)"}, {"name": "l", "value": "$(params.list[*])"}],
    });
    let action = json!({
        "image": "i:$(params.p)", "command": ["c"], "args": ["$(params.l[*])", "$(params.l[1])", "$(params.d)"],
        "env": [{"name": "E", "value": "$(inputs.params.p)"}], "workingDir": "/$(params.o.k)", "script": "",
        "params": [
            {"name": "p"}, {"name": "l", "type": "array"}, {"name": "d", "default": "$(params.p)-$(params.o.k)-$(params.q)"},
            {"name": "q", "default": "q"}, {"name": "o", "type": "object", "properties": {"k": {}}, "default": {"k": "v"}},
        ],
        "results": [{"name": "r"}], "volumeMounts": [{"name": "v", "mountPath": "/$(params.p)"}],
        "securityContext": {"runAsUser": 7},
    });
    let action_without_object_in_default = {
        let mut action = action.clone();
        action["params"][2]["default"] = json!("$(params.p)-$(params.q)");
        action
    };
    assert_eq!(
        merged(step.clone(), action_without_object_in_default),
        json!({
            "name": "s", "onError": "continue", "timeout": "1m0s", "workspaces": [{"name": "w"}],
            "computeResources": {"limits": {"cpu": "1"}},
            "image": "i:t", "command": ["c"], "args": ["a", "b", "b", "t-q"],
            "env": [{"name": "E", "value": "t"}], "workingDir": "/v",
            "results": [{"name": "r"}], "volumeMounts": [{"name": "v", "mountPath": "/t"}],
            "securityContext": {"runAsUser": 7},
        })
    );
    assert_eq!(
        merged(step, action),
        json!("parameter \"d\" references non-existent parameter \"o.k\"")
    );
}

#[test]
fn what_does_not_fit_is_named_in_upstreams_words() {
    let rows = [
        (
            json!([{"name": "x", "value": ""}, {"name": "y", "value": ""}]),
            json!([]),
            "extra params passed by Step to StepAction: [x y]",
        ),
        (
            json!([]),
            json!([{"name": "a"}, {"name": "b"}, {"name": "c", "default": ""}]),
            "non-existent params in Step: [a b]",
        ),
        (
            json!([]),
            json!([{"name": "a", "default": "$(params.b)"}]),
            "parameter \"a\" references non-existent parameter \"b\"",
        ),
        (
            json!([]),
            json!([{"name": "a", "default": "$(params.b)"}, {"name": "b", "default": "$(params.a)"}]),
            "circular dependency detected in parameter references",
        ),
        (
            json!([{"name": "a", "value": ["x"]}]),
            json!([{"name": "a", "default": "y"}]),
            "invalid parameter substitution: a. Please check the types of the default value and the passed value",
        ),
        (
            json!([{"name": "a", "value": "$(steps.s.results.r.k.z)"}]),
            json!([{"name": "a"}]),
            "must be one of the form 1). \"steps.<stepName>.results.<resultName>\"; 2). \"steps.<stepName>.results.<objectResultName>.<individualAttribute>\"",
        ),
    ];
    for (given, declared, then) in rows {
        let step = json!({"ref": {"name": "a"}, "params": given});
        assert_eq!(merged(step, json!({"params": declared})), json!(then));
    }
}

#[test]
fn parameters_that_are_results_of_steps_stay_references() {
    let step = json!({"ref": {"name": "a"}, "params": [
        {"name": "s", "value": "$(steps.one.results.s)"},
        {"name": "l", "value": "$(steps.one.results.l[*])"},
        {"name": "o", "value": "$(steps.one.results.o[*])"},
    ]});
    let action = json!({
        "params": [{"name": "s"}, {"name": "l", "type": "array"}, {"name": "o", "type": "object", "properties": {"k": {}}}],
        "args": ["$(params.s)", "$(params.l[*])", "$(params.l[1])", "$(params['l'][0])", "$(params.o.k)"],
    });
    assert_eq!(
        merged(step, action)["args"],
        json!([
            "$(steps.one.results.s)",
            "$(steps.one.results.l[*])",
            "$(steps.one.results.l[1])",
            "$(steps.one.results.l[0])",
            "$(steps.one.results.o.k)",
        ])
    );
}

#[test]
fn a_step_wins_over_its_template() {
    let rows = [
        (
            json!({"image": "t", "workingDir": "/t", "command": ["t"], "args": ["t"]}),
            json!({"image": "s", "args": ["s"]}),
            json!({"image": "s", "workingDir": "/t", "command": ["t"], "args": ["s"]}),
        ),
        (
            json!({"env": [{"name": "A", "value": "t"}, {"name": "B", "value": "t"}]}),
            json!({"env": [{"name": "C", "value": "s"}, {"name": "B", "value": "s"}]}),
            json!({"env": [{"name": "C", "value": "s"}, {"name": "A", "value": "t"}, {"name": "B", "value": "s"}]}),
        ),
        (
            json!({"env": [{"name": "A", "value": "t"}]}),
            json!({"env": [{"name": "B", "value": "s"}]}),
            json!({"env": [{"name": "B", "value": "s"}, {"name": "A", "value": "t"}]}),
        ),
        (
            json!({"env": [{"name": "A", "value": "t"}, {"name": "B", "value": "t"}]}),
            json!({"env": [{"name": "A"}, {"name": "B", "valueFrom": {"secretKeyRef": {"name": "n", "key": "k"}}}]}),
            json!({"env": [{"name": "A", "value": "t"}, {"name": "B", "valueFrom": {"secretKeyRef": {"name": "n", "key": "k"}}}]}),
        ),
        (
            json!({"volumeMounts": [{"name": "t", "mountPath": "/a", "subPath": "x"}, {"name": "t", "mountPath": "/b"}]}),
            json!({"volumeMounts": [{"name": "s", "mountPath": "/a"}]}),
            json!({"volumeMounts": [{"name": "s", "mountPath": "/a", "subPath": "x"}, {"name": "t", "mountPath": "/b"}]}),
        ),
        (
            json!({"computeResources": {"limits": {"cpu": "1", "memory": "1Gi"}}, "securityContext": {"runAsUser": 1, "runAsGroup": 1}}),
            json!({"computeResources": {"limits": {"cpu": "2"}}, "securityContext": {"runAsUser": 2}}),
            json!({"computeResources": {"limits": {"cpu": "2", "memory": "1Gi"}}, "securityContext": {"runAsUser": 2, "runAsGroup": 1}}),
        ),
        (
            json!({"image": "t"}),
            json!({"ref": {"name": "a"}}),
            json!({"ref": {"name": "a"}}),
        ),
    ];
    for (template, step, then) in rows {
        let template: StepTemplate = read(template);
        let step: Step = read(step);
        assert_eq!(write(&merge_step_template(Some(&template), &step)), then);
        assert_eq!(merge_step_template(None, &step), step);
    }
}

fn results() -> StepResults {
    read(json!({"one": {"s": "text", "l": ["a", "b"], "none": [], "o": {"k": "v"}}}))
}

fn expanded(args: &Value) -> Value {
    let step: Step = read(json!({"args": args}));
    match expand_step(&step, &results()) {
        Ok(step) => write(&step.args),
        Err(error) => json!(error.to_string()),
    }
}

#[test]
fn results_of_earlier_steps_are_put_into_arguments() {
    let rows = [
        (
            json!(["$(steps.one.results.s)-$(steps.one.results.s)"]),
            json!(["text-text"]),
        ),
        (
            json!(["$(steps.one.results.l[*])", "$(steps.one.results.l[1])"]),
            json!(["a", "b", "b"]),
        ),
        (
            json!(["$(steps.one.results.o.k)", "$(steps.one.results.o.x)"]),
            json!(["v", ""]),
        ),
        (
            json!([
                "$(steps.one.results.l)",
                "$(steps.one.results.s[*])",
                "$(steps.one.results.none[*])"
            ]),
            json!(["", "", ""]),
        ),
        (
            json!(["$(other) $(steps.step-one.exitCode.path)"]),
            json!(["$(other) $(steps.step-one.exitCode.path)"]),
        ),
        (
            json!(["x$(steps.one.results.l[*])"]),
            json!(
                "value must be in \"$(steps.<step-name>.results.<result-name>[*])\" format, when using array results"
            ),
        ),
        (
            json!(["$(steps.one.results.l[2])"]),
            json!("result \"l\" of step \"one\" has 2 elements and none at index 2"),
        ),
        (
            json!(["$(steps.two.results.s)"]),
            json!("step \"two\" has no result \"s\""),
        ),
    ];
    for (given, then) in rows {
        assert_eq!(expanded(&given), then, "{given}");
    }
}

#[test]
fn results_of_earlier_steps_are_put_into_environment_and_guards_but_not_into_scripts() {
    let step: Step = read(json!({
        "script": "$(steps.one.results.s)", "image": "$(steps.one.results.s)",
        "env": [{"name": "E", "value": "=$(steps.one.results.s)"}],
        "when": [{"input": "$(steps.one.results.s)", "operator": "in", "values": ["$(steps.one.results.l[*])", "$(steps.one.results.s)"]}, {"cel": "'$(steps.one.results.s)' == 'text'"}],
    }));
    assert!(uses_step_results(&step));
    assert_eq!(
        write(&expand_step(&step, &results()).unwrap()),
        json!({
            "script": "$(steps.one.results.s)", "image": "$(steps.one.results.s)",
            "env": [{"name": "E", "value": "=text"}],
            "when": [{"input": "text", "operator": "in", "values": ["a", "b", "text"]}, {"cel": "'text' == 'text'"}],
        })
    );
    assert_eq!(misplaced_step_results(&step), ["image", "script"]);
}

proptest! {
    #[test]
    fn no_argument_makes_the_expansion_panic(text in "(\\$\\(|steps\\.|one\\.|results\\.|l|s|\\[\\*\\]|\\[1\\]|\\)|\\.){0,16}") {
        let _ = expanded(&json!([text]));
    }
}
