//! Cases for defaults, merging and validation.

use serde_json::json;
use windlass_api::tekton::Param;
use windlass_api::tekton::ParamSpec;
use windlass_api::tekton::PipelineSpec;
use windlass_api::tekton::TaskSpec;

use super::*;
use crate::substitution::Expansion;

fn read<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn expand(scope: Scope, declared: &serde_json::Value, given: &serde_json::Value, text: &str) -> String {
    let declared: Vec<ParamSpec> = read(declared.clone());
    let given: Vec<Param> = read(given.clone());
    match replacer(scope, &declared, &given) {
        Ok(values) => Expansion::new(&values).text(text).unwrap(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn given_values_win_over_defaults() {
    let rows = [
        (
            json!([{"name": "a", "default": "d"}]),
            json!([]),
            "$(params.a)",
            "d",
        ),
        (
            json!([{"name": "a", "default": "d"}]),
            json!([{"name": "a", "value": "g"}]),
            "$(params.a)",
            "g",
        ),
        (
            json!([]),
            json!([{"name": "a", "value": "g"}]),
            "$(params.a) $(params[\"a\"]) $(params['a'])",
            "g g g",
        ),
        (
            json!([{"name": "l", "default": ["x", "y"]}]),
            json!([{"name": "l", "value": ["z"]}]),
            "$(params.l[0])$(params.l[1])",
            "z$(params.l[1])",
        ),
        (
            json!([{"name": "o", "type": "object", "default": {"a": "1", "b": "2"}}]),
            json!([{"name": "o", "value": {"b": "3"}}]),
            "$(params.o.a)$(params.o.b)",
            "13",
        ),
        (
            json!([{"name": "a.b", "default": "dot"}]),
            json!([]),
            "$(params['a.b']) $(params.a.b)",
            "dot dot",
        ),
    ];
    for (declared, given, text, then) in rows {
        for scope in [Scope::Task, Scope::Pipeline] {
            assert_eq!(expand(scope, &declared, &given, text), then, "{declared} {given}");
        }
    }
}

#[test]
fn the_first_form_of_names_is_a_tasks_only() {
    let given = json!([{"name": "a", "value": "g"}]);
    assert_eq!(expand(Scope::Task, &json!([]), &given, "$(inputs.params.a)"), "g");
    assert_eq!(
        expand(Scope::Pipeline, &json!([]), &given, "$(inputs.params.a)"),
        "$(inputs.params.a)"
    );
}

#[test]
fn defaults_see_the_final_values_of_others() {
    let declared = json!([
        {"name": "url", "default": "$(params.host)/$(params.path)"},
        {"name": "host", "default": "https://$(params['name'])"},
        {"name": "name"},
        {"name": "path", "default": "p"},
        {"name": "list", "default": ["$(params.url)", "$(context.task.name)"]},
        {"name": "object", "type": "object", "default": {"k": "$(params.path)"}},
    ]);
    let given = json!([{"name": "name", "value": "n"}, {"name": "path", "value": "$(params.name)"}]);
    let text = "$(params.url) $(params.list[0]) $(params.list[1]) $(params.object.k)";
    for scope in [Scope::Task, Scope::Pipeline] {
        assert_eq!(
            expand(scope, &declared, &given, text),
            "https://n/$(params.name) https://n/$(params.name) $(context.task.name) $(params.name)"
        );
    }
}

#[test]
fn defaults_of_pipelines_that_cannot_be_resolved_are_refused() {
    let chain: Vec<_> = (0..=12)
        .map(|at| json!({"name": format!("p{at}"), "default": format!("$(params.p{})", at + 1)}))
        .chain([json!({"name": "p13", "default": "end"})])
        .collect();
    let rows = [
        (
            json!([{"name": "a", "default": "$(params.b)"}]),
            "parameter resolution failed: param \"params.a\" references undefined param \"params.b\"",
            "$(params.b)",
        ),
        (
            json!([{"name": "a", "default": "$(params.b)"}, {"name": "b", "default": "$(params.a)"}]),
            "parameter resolution failed: circular dependency detected in param \"params.a\"",
            "$(params.a)",
        ),
        (
            json!(chain),
            "parameter resolution failed: maximum recursion depth (10) exceeded for param \"params.p11\"",
            "$(params.a)",
        ),
    ];
    for (declared, refused, kept) in rows {
        assert_eq!(
            expand(Scope::Pipeline, &declared, &json!([]), "$(params.a)"),
            refused
        );
        assert_eq!(
            expand(Scope::Task, &declared, &json!([]), "$(params.a)"),
            kept,
            "{declared}"
        );
    }
}

#[test]
fn defaults_that_multiply_each_other_are_bounded() {
    let mut declared = vec![json!({"name": "p0", "default": "0123456789".repeat(100)})];
    for at in 1..10 {
        declared
            .push(json!({"name": format!("p{at}"), "default": format!("$(params.p{})", at - 1).repeat(100)}));
    }
    let error = replacer(Scope::Pipeline, &read::<Vec<ParamSpec>>(json!(declared)), &[]).unwrap_err();
    assert!(matches!(error, Error::Expand(_)), "{error}");
}

#[test]
fn types_are_inferred_from_properties_and_default() {
    let rows = [
        (json!({}), "string"),
        (json!({"default": ["a"]}), "array"),
        (json!({"default": {"a": "b"}}), "object"),
        (json!({"properties": {"a": {}}, "default": "x"}), "object"),
        (json!({"type": "array", "default": "x"}), "array"),
    ];
    for (given, then) in rows {
        assert_eq!(declared_type(&read(given.clone())).as_str(), then, "{given}");
    }
}

fn validated(declared: &serde_json::Value, given: &serde_json::Value) -> String {
    let declared: Vec<ParamSpec> = read(declared.clone());
    let given: Vec<Param> = read(given.clone());
    validate_task_params("build", &declared, &given, &[])
        .and_then(|()| validate_enum(&declared, &given))
        .map_or_else(
            |error| format!("{}: {}", error.task_condition().0, error.task_condition().1),
            |()| String::new(),
        )
}

#[test]
fn parameters_of_tasks_are_validated_in_upstreams_words() {
    let rows = [
        (
            json!([{"name": "a"}, {"name": "b"}, {"name": "c", "default": ""}]),
            json!([{"name": "extra", "value": "x"}]),
            "TaskRunValidationFailed: [User error] invalid input params for task build: missing values for these params which have no default values: [a b]",
        ),
        (
            json!([{"name": "a"}, {"name": "b", "type": "array"}]),
            json!([{"name": "a", "value": ["x"]}, {"name": "b", "value": "x"}]),
            "TaskRunValidationFailed: [User error] invalid input params for task build: param types don't match the user-specified type: [a b]",
        ),
        (
            json!([{"name": "b", "type": "array"}]),
            json!([{"name": "b", "value": "$(tasks.t.results.r[*])"}]),
            "",
        ),
        (
            json!([{"name": "o", "type": "object", "properties": {"x": {}, "y": {}, "z": {}}, "default": {"y": "1"}}]),
            json!([{"name": "o", "value": {"q": "x"}}]),
            "TaskRunValidationFailed: [User error] invalid input params for task build: missing keys for these params which are required in ParamSpec's properties map[o:[x z]]",
        ),
        (
            json!([{"name": "e", "enum": ["a", "b"]}]),
            json!([{"name": "e", "value": "c"}]),
            "InvalidParamValue: [User error] param `e` value: c is not in the enum list",
        ),
        (
            json!([{"name": "e", "enum": ["a", "b"]}]),
            json!([{"name": "e", "value": ""}]),
            "",
        ),
    ];
    for (declared, given, then) in rows {
        assert_eq!(validated(&declared, &given), then, "{declared} {given}");
    }
}

#[test]
fn a_matrix_may_give_strings_only() {
    let declared: Vec<ParamSpec> = read(json!([{"name": "a"}, {"name": "l", "type": "array"}]));
    let fanned: Vec<Param> = read(json!([{"name": "a", "value": ["x"]}, {"name": "l", "value": ["x"]}]));
    let fanned: Vec<&Param> = fanned.iter().collect();
    assert_eq!(
        validate_task_params("t", &declared, &[], &fanned),
        Err(Error::TaskTypes {
            task: "t".into(),
            names: vec!["l".into()]
        })
    );
}

#[test]
fn elements_beyond_the_end_are_found_in_every_field() {
    let spec: TaskSpec = read(json!({
        "params": [{"name": "l", "default": ["a"]}, {"name": "m", "type": "array"}],
        "steps": [{"script": "$(params.l[0]) $(params.l[1]) $(params['m'][7])", "env": [{"name": "E", "value": "$(params.m[99999999999999999999])"}]}],
        "volumes": [{"name": "v", "configMap": {"name": "$(params.l[2])"}}],
        "sidecars": [{"args": ["$(params.m[0])", "$(params.unknown[3])"]}],
    }));
    let given: Vec<Param> = read(json!([{"name": "m", "value": ["x"]}]));
    insta::assert_snapshot!(
        validate_task_indexing(&spec, &given).unwrap_err(),
        @"non-existent param references:[$(params.l[1]) $(params.l[2]) $(params.m[99999999999999999999]) $(params['m'][7])]"
    );
}

#[test]
fn parameters_of_pipelines_are_validated_in_upstreams_words() {
    let spec: PipelineSpec = read(json!({
        "params": [
            {"name": "a"}, {"name": "l", "type": "array"}, {"name": "e", "enum": ["x"], "default": "x"},
            {"name": "o", "type": "object", "properties": {"k": {}, "m": {}}, "default": {"m": "1"}},
        ],
        "tasks": [{"name": "t", "params": [{"name": "p", "value": "$(params.l[1])"}]}],
    }));
    let rows = [
        (
            json!([{"name": "l", "value": ["x", "y"]}]),
            "ParameterMissing: [User error] PipelineRun ns/run is missing some parameters required by Pipeline ns/p: pipelineRun missing parameters: [a]",
        ),
        (
            json!([{"name": "a", "value": ["x"]}, {"name": "l", "value": "x"}]),
            "ParameterTypeMismatch: [User error] PipelineRun ns/run parameters have mismatching types with Pipeline ns/p's parameters: parameters have inconsistent types : [a l]",
        ),
        (
            json!([{"name": "a", "value": ""}, {"name": "l", "value": ["x", "y"]}, {"name": "e", "value": "y"}]),
            "InvalidParamValue: [User error] PipelineRun ns/run parameters have invalid value: param `e` value: y is not in the enum list",
        ),
        (
            json!([{"name": "a", "value": ""}, {"name": "l", "value": ["x", "y"]}]),
            "ObjectParameterMissKeys: [User error] PipelineRun ns/run parameters is missing object keys required by Pipeline ns/p's parameters: pipelineRun missing object keys for parameters: map[o:[k]]",
        ),
        (
            json!([{"name": "a", "value": ""}, {"name": "l", "value": ["x"]}, {"name": "o", "value": {"k": "1"}}]),
            "ParamArrayIndexingInvalid: [User error] PipelineRun ns/run failed validation: failed to validate Pipeline ns/p's parameter which has an invalid index while referring to an array: non-existent param references:[$(params.l[1])]",
        ),
    ];
    for (given, then) in rows {
        let given: Vec<Param> = read(given);
        let (reason, message) = validate_pipeline_params(&spec, &given)
            .unwrap_err()
            .pipeline_condition("ns/run", "ns/p");
        assert_eq!(format!("{reason}: {message}"), then);
    }
}

#[test]
fn what_a_pipeline_allows_a_task_has_to_allow() {
    let outer: Vec<ParamSpec> = read(
        json!([{"name": "free"}, {"name": "few", "enum": ["a"]}, {"name": "many", "enum": ["a", "b", "c"]}]),
    );
    let inner: Vec<ParamSpec> = read(json!([{"name": "p", "enum": ["a", "b"]}, {"name": "any"}]));
    let rows = [
        (
            json!([{"name": "p", "value": "$(params.few)"}, {"name": "any", "value": "$(params.free)"}]),
            "",
        ),
        (json!([{"name": "p", "value": "x$(params.free)"}]), ""),
        (
            json!([{"name": "p", "value": "$(params.free)"}]),
            "pipeline param \"free\" has no enum, but referenced in \"t\" task has enums: [a b]",
        ),
        (
            json!([{"name": "p", "value": "$(params['many'])"}]),
            "pipeline param \"many\" enum: [a b c] is not a subset of the referenced in \"t\" task param enum: [a b]",
        ),
    ];
    for (given, then) in rows {
        let given: Vec<Param> = read(given);
        let found = validate_enum_subset("t", &given, &outer, &inner);
        assert_eq!(
            found.map_or_else(|error| error.to_string(), |()| String::new()),
            then
        );
    }
}
