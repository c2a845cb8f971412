//! Cases for combinations.

use proptest::prelude::*;
use serde_json::json;
use windlass_api::tekton::Param;
use windlass_api::tekton::ParamValue;
use windlass_api::tekton::PipelineTask;
use windlass_api::tekton::pipeline::Matrix;

use super::*;

fn matrix(value: serde_json::Value) -> Matrix {
    serde_json::from_value(value).unwrap()
}

fn table(matrix: &Matrix) -> String {
    let combinations = fan_out(matrix, DEFAULT_LIMIT).unwrap();
    let line = |params: &Vec<Param>| {
        let cells: Vec<String> = params
            .iter()
            .map(|param| format!("{}={}", param.name, param.value.as_str().unwrap()))
            .collect();
        cells.join(" ")
    };
    combinations.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_first_parameter_varies_fastest() {
    let given = matrix(json!({"params": [
        {"name": "platform", "value": ["linux", "mac"]},
        {"name": "browser", "value": ["chrome", "safari", "firefox"]},
    ]}));
    insta::assert_snapshot!(table(&given), @r"
    browser=chrome platform=linux
    browser=chrome platform=mac
    browser=safari platform=linux
    browser=safari platform=mac
    browser=firefox platform=linux
    browser=firefox platform=mac
    ");
    assert_eq!(count(&given), 6);
}

#[test]
fn included_combinations_extend_what_they_do_not_contradict() {
    let given = matrix(json!({
        "params": [
            {"name": "arch", "value": ["amd64", "s390x"]},
            {"name": "go", "value": ["1.17", "1.18"]},
        ],
        "include": [
            {"name": "common", "params": [{"name": "package", "value": "all"}]},
            {"name": "amd", "params": [{"name": "arch", "value": "amd64"}, {"name": "flags", "value": "-cover"}]},
            {"name": "overrides", "params": [{"name": "arch", "value": "amd64"}, {"name": "package", "value": "some"}]},
            {"name": "fresh", "params": [{"name": "arch", "value": "arm64"}, {"name": "context", "value": "x"}]},
            {"name": "nothing", "params": []},
        ],
    }));
    insta::assert_snapshot!(table(&given), @r"
    arch=amd64 flags=-cover go=1.17 package=all
    arch=s390x go=1.17 package=all
    arch=amd64 flags=-cover go=1.18 package=all
    arch=s390x go=1.18 package=all
    arch=arm64 context=x
    ");
}

#[test]
fn included_combinations_alone_are_taken_as_they_are() {
    let given = matrix(json!({"include": [
        {"params": [{"name": "b", "value": "1"}, {"name": "a", "value": "2"}]},
        {"params": [{"name": "a", "value": "3"}]},
    ]}));
    insta::assert_snapshot!(table(&given), @r"
    a=2 b=1
    a=3
    ");
    assert_eq!(count(&given), 2);
}

#[test]
fn combinations_are_counted_without_making_them() {
    let thousand: Vec<String> = (0..1000).map(|at| at.to_string()).collect();
    let params: Vec<_> = (0..30)
        .map(|at| json!({"name": format!("p{at}"), "value": thousand}))
        .collect();
    let huge = matrix(json!({"params": params}));
    assert_eq!(count(&huge), usize::MAX);
    insta::assert_snapshot!(
        fan_out(&matrix(json!({"params": [params[0]]})), 256).unwrap_err(),
        @"expected 0 <= 1000 <= 256: matrix"
    );
    let rows = [
        (json!({}), 0, false),
        (json!({"params": [{"name": "a", "value": []}]}), 1, true),
        (
            json!({"params": [{"name": "a", "value": []}, {"name": "b", "value": ["x", "y"]}]}),
            2,
            true,
        ),
        (
            json!({"params": [{"name": "a", "value": ["x"]}], "include": [{"params": [{"name": "a", "value": "y"}]}]}),
            2,
            false,
        ),
        (
            json!({"params": [{"name": "a", "value": ["x"]}], "include": [{"params": [{"name": "a", "value": "x"}]}]}),
            1,
            false,
        ),
    ];
    for (given, then, empty) in rows {
        let given_matrix = matrix(given.clone());
        assert_eq!(
            (count(&given_matrix), has_empty_array(&given_matrix)),
            (then, empty),
            "{given}"
        );
    }
}

#[test]
fn arrays_are_fanned_out_and_strings_are_included() {
    let rows = [
        (json!({"params": [{"name": "a", "value": ["x"]}]}), ""),
        (
            json!({"params": [{"name": "a", "value": "$(tasks.t.results.r[*])"}]}),
            "",
        ),
        (
            json!({"params": [{"name": "a", "value": "x"}]}),
            "parameters of type array only are allowed, but param \"a\" has type \"string\" in pipelineTask \"t\"",
        ),
        (
            json!({"include": [{"params": [{"name": "a", "value": ["x"]}]}]}),
            "parameters of type string only are allowed, but param \"a\" has type \"array\" in pipelineTask \"t\"",
        ),
    ];
    for (given, then) in rows {
        let found =
            validate_types("t", &matrix(given)).map_or_else(|error| error.to_string(), |()| String::new());
        assert_eq!(found, then);
    }
}

#[test]
fn runs_are_named_after_the_combinations_they_match() {
    let task: PipelineTask = serde_json::from_value(json!({
        "name": "t", "displayName": "Build on $(params.arch)",
        "matrix": {
            "params": [{"name": "arch", "value": ["amd64", "s390x"]}],
            "include": [
                {"name": "mainframe $(params.arch)", "params": [{"name": "arch", "value": "s390x"}]},
                {"name": "big", "params": [{"name": "arch", "value": "s390x"}]},
                {"params": [{"name": "arch", "value": "amd64"}]},
            ],
        },
    }))
    .unwrap();
    for (arch, then) in [("amd64", "Build on amd64"), ("s390x", "mainframe s390x big")] {
        let params = [Param {
            name: "arch".into(),
            value: ParamValue::from(arch),
        }];
        assert_eq!(display_name(&task, &params).unwrap(), then);
    }
}

fn params(values: &'static str, array: bool) -> impl Strategy<Value = Vec<Param>> {
    let one = ("[abc]", prop::collection::vec(values, 0..4)).prop_map(move |(name, items)| Param {
        name,
        value: if array {
            ParamValue::Array(items)
        } else {
            ParamValue::String(items.concat())
        },
    });
    prop::collection::vec(one, 0..4)
}

proptest! {
    #[test]
    fn combinations_are_bounded_sorted_and_deterministic(
        fanned in params("[xy]", true),
        included in prop::collection::vec(params("[xy]", false), 0..4),
    ) {
        let include: Vec<_> = included.iter().map(|params| json!({"params": params})).collect();
        let matrix = matrix(json!({"params": fanned, "include": include}));
        if let Ok(combinations) = fan_out(&matrix, 64) {
            prop_assert!(combinations.len() <= 64);
            for params in &combinations {
                prop_assert!(params.is_sorted_by(|one, other| one.name < other.name));
            }
            prop_assert_eq!(fan_out(&matrix, 64), Ok(combinations));
        }
    }
}
