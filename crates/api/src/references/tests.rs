use serde_json::json;

use super::*;
use crate::tekton::PipelineSpec;

#[test]
fn expressions_are_found_where_upstream_finds_them() {
    let rows: [(&str, &[(&str, bool)]); 12] = [
        ("plain", &[]),
        ("$(a)", &[("a", true)]),
        ("x$(a.b-c_d)y$(e)", &[("a.b-c_d", true), ("e", true)]),
        ("$(a[0])$(b[*])", &[("a[0]", true), ("b[*]", true)]),
        ("$(a[])$(b[x])", &[]),
        ("$($(a))", &[("a", true)]),
        ("$(a$(b))", &[("b", true)]),
        ("$()", &[]),
        ("$(a b)", &[]),
        (
            "$(params['a.b'])$(params[\"c\"][0])",
            &[("params['a.b']", false), ("params[\"c\"][0]", false)],
        ),
        ("$(a[0].b)", &[("a[0].b", false)]),
        ("$$(ä)$(ok", &[]),
    ];
    for (text, then) in rows {
        let found: Vec<(&str, bool)> = expressions(text).map(|found| (found.body, found.plain)).collect();
        assert_eq!(found, then, "{text}");
    }
}

#[test]
fn many_openings_are_read_in_linear_time() {
    // Quadratic reading of two million characters would not end within the test's lifetime.
    assert_eq!(expressions(&"$(a".repeat(700_000)).count(), 0);
    assert_eq!(expressions(&"$(a['".repeat(400_000)).count(), 0);
}

#[test]
fn params_are_named_in_every_spelling() {
    let rows = [
        ("$(params.a)", Some("a")),
        ("$(params.a.key)", Some("a.key")),
        ("$(params['a.b'])", Some("a.b")),
        ("$(params[\"a\"][*])", Some("a")),
        ("$(inputs.params.a)", Some("a")),
        ("$(context.taskRun.name)", None),
        ("$(paramsx)", None),
    ];
    for (text, then) in rows {
        assert_eq!(
            expressions(text).next().and_then(|found| found.param()),
            then,
            "{text}"
        );
    }
}

#[test]
fn result_references_are_read() {
    let result = |section, result, index, key| {
        Some(ResultRef {
            section,
            task: "t",
            result,
            index,
            key,
        })
    };
    let (tasks, finally) = (Section::Tasks, Section::Finally);
    let rows = [
        ("tasks.t.results.r", result(tasks, "r", None, None)),
        ("finally.t.results.r", result(finally, "r", None, None)),
        (
            "tasks.t.results.r[*]",
            result(tasks, "r", Some(ResultIndex::All), None),
        ),
        (
            "tasks.t.results.r[12]",
            result(tasks, "r", Some(ResultIndex::At(12)), None),
        ),
        ("tasks.t.results.r.k", result(tasks, "r", None, Some("k"))),
        ("tasks.t.results['a.b']", result(tasks, "a.b", None, None)),
        (
            "tasks.t.results[\"a.b\"][0]",
            result(tasks, "a.b", Some(ResultIndex::At(0)), None),
        ),
        ("tasks.t.results['a'].k", result(tasks, "a", None, Some("k"))),
        ("tasks.t.results.a.b.c", None),
        ("tasks.t.results", None),
        ("tasks.t.status", None),
        ("tasks.t.matrix.length", None),
        ("steps.t.results.r", None),
        ("params.t.results.r", None),
    ];
    for (body, then) in rows {
        assert_eq!(ResultRef::parse(body), then, "{body}");
    }
    assert!(ResultRef::looks_like("tasks.t.results.a.b.c") && !ResultRef::looks_like("tasks.t.status"));
}

#[test]
fn edges_come_from_every_place_that_counts_and_no_other() {
    let reference = |task: &str| format!("$(tasks.{task}.results.r)");
    let spec: PipelineSpec = serde_json::from_value(json!({
        "tasks": [{
            "name": "all",
            "runAfter": ["a", "a"],
            "params": [
                {"name": "p", "value": reference("b")},
                {"name": "q", "value": [reference("c"), reference("b")]},
                {"name": "o", "value": {"k": reference("d")}},
            ],
            "matrix": {
                "params": [{"name": "m", "value": [reference("e")]}],
                "include": [{"name": "i", "params": [{"name": "n", "value": reference("f")}]}],
            },
            "when": [{"input": reference("g"), "operator": "in", "values": [reference("h")]}],
            "workspaces": [{"name": "w", "subPath": reference("never")}],
            "taskSpec": {
                "steps": [{
                    "image": reference("i"), "script": reference("j"), "args": [reference("k")],
                    "env": [{"name": "e", "valueFrom": {"secretKeyRef": {"name": reference("l"), "key": "k"}}}],
                    "volumeMounts": [{"name": reference("never"), "mountPath": "/x"}],
                }],
                "sidecars": [{"image": "x", "command": [reference("m")]}],
                "stepTemplate": {"image": reference("never")},
            },
        }],
        "finally": [{"name": "last", "params": [{"name": "p", "value": reference("all")}]}],
    }))
    .unwrap();
    let edges = edges(&spec);
    let all = edges.tasks.first().unwrap();
    assert_eq!(all.order, ["a"]);
    let used: Vec<&str> = all.results.iter().map(|result| result.task).collect();
    assert_eq!(used, ["b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"]);
    assert_eq!(all.parents().len(), 13);
    assert_eq!(edges.finally.first().unwrap().results.len(), 1);
}
