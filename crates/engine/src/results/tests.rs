//! Cases for references to results, results of pipelines, and what containers wrote.

use serde_json::json;
use windlass_api::tekton::ParamValue;
use windlass_api::tekton::PipelineTask;
use windlass_api::tekton::Step;
use windlass_api::tekton::pipeline::PipelineResult;
use windlass_api::tekton::provenance::Artifacts;
use windlass_api::tekton::task::TaskResult;
use windlass_api::tekton::taskrun::TaskRunResult;

use super::*;
use crate::outcome::TaskStatus;

fn read<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn outcome(status: TaskStatus, producer: Producer, values: serde_json::Value) -> TaskOutcome {
    TaskOutcome {
        status,
        producer,
        values: read(values),
    }
}

fn results() -> ResultsByTask {
    let values = json!({"s": "text", "l": ["a", "b"], "o": {"k": "v"}});
    [
        ("ok", outcome(TaskStatus::Succeeded, Producer::Task, values)),
        (
            "bad",
            outcome(TaskStatus::Failed, Producer::Task, json!({"s": "kept"})),
        ),
        (
            "fan",
            outcome(
                TaskStatus::Succeeded,
                Producer::Matrix { runs: 2 },
                json!({"r": ["x", "y"]}),
            ),
        ),
        (
            "own",
            outcome(
                TaskStatus::Succeeded,
                Producer::Custom,
                json!({"l": "[\"p\",\"q\"]", "s": "[1]"}),
            ),
        ),
        ("none", outcome(TaskStatus::None, Producer::Task, json!({}))),
    ]
    .map(|(name, outcome)| (name.to_owned(), outcome))
    .into()
}

fn applied(task: serde_json::Value) -> String {
    let task: PipelineTask = read(task);
    match apply_task_results(&task, &results()) {
        Ok(task) => serde_json::to_string(&task).unwrap(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn results_reach_every_field_of_a_task() {
    let task: PipelineTask = read(json!({
        "name": "t",
        "displayName": "says $(tasks.ok.results.s)",
        "params": [
            {"name": "a", "value": "$(tasks.ok.results.s)/$(tasks.ok.results.l[1])/$(tasks.ok.results.o.k)"},
            {"name": "b", "value": "$(tasks.ok.results.l[*])"},
            {"name": "c", "value": "$(tasks.ok.results.o[*])"},
            {"name": "d", "value": ["$(tasks.ok.results.l[*])", "$(tasks.bad.results.s)"]},
            {"name": "e", "value": "$(tasks.own.results.l[*])"},
            {"name": "f", "value": "$(tasks.own.results.s) $(tasks.ok.results['s'])"},
        ],
        "matrix": {"params": [{"name": "m", "value": "$(tasks.fan.results.r[*])"}]},
        "when": [{"input": "$(tasks.ok.results.l[*])", "operator": "in", "values": ["$(tasks.ok.results.l[*])"]}],
        "taskRef": {"resolver": "git", "params": [{"name": "url", "value": "$(tasks.ok.results.s)"}]},
        "workspaces": [{"name": "w", "subPath": "$(tasks.ok.results.s)/$(tasks.unknown.results.s)"}],
        "taskSpec": {"steps": [{"script": "echo $(tasks.ok.results.s) $(tasks.ok.results.l[0])", "args": ["$(tasks.ok.results.l[*])"]}]},
    }));
    let applied = apply_task_results(&task, &results()).unwrap();
    assert_eq!(
        serde_json::to_value(&applied).unwrap(),
        json!({
            "name": "t",
            "displayName": "says text",
            "params": [
                {"name": "a", "value": "text/b/v"},
                {"name": "b", "value": ["a", "b"]},
                {"name": "c", "value": {"k": "v"}},
                {"name": "d", "value": ["a", "b", "kept"]},
                {"name": "e", "value": ["p", "q"]},
                {"name": "f", "value": "[1] text"},
            ],
            "matrix": {"params": [{"name": "m", "value": ["x", "y"]}]},
            "when": [{"input": "[\"a\",\"b\"]", "operator": "in", "values": ["a", "b"]}],
            "taskRef": {"resolver": "git", "params": [{"name": "url", "value": "text"}]},
            "workspaces": [{"name": "w", "subPath": "text/$(tasks.unknown.results.s)"}],
            "taskSpec": {"steps": [{"script": "echo text a", "args": ["a", "b"]}]},
        })
    );
}

#[test]
fn results_that_are_not_there_are_named_in_upstreams_words() {
    let rows = [
        (
            "$(tasks.gone.results.s)",
            "task \"gone\" referenced by result was not finished",
        ),
        (
            "$(tasks.none.results.s)",
            "task \"none\" referenced by result was not finished",
        ),
        (
            "$(tasks.ok.results.x)",
            "Invalid task result reference: Could not find result with name x for pipeline task ok",
        ),
        (
            "$(tasks.fan.results.x[*])",
            "Invalid task result reference: Could not find result with name x for task fan",
        ),
        (
            "$(tasks.ok.results.l[2])",
            "array Result Index 2 for Task ok Result l is out of bound of size 2",
        ),
    ];
    for (value, then) in rows {
        assert_eq!(
            applied(json!({"name": "t", "params": [{"name": "p", "value": value}]})),
            then
        );
        assert_eq!(
            applied(json!({"name": "t", "taskSpec": {"steps": [{"script": value}]}})),
            then
        );
    }
}

#[test]
fn only_a_task_that_succeeded_makes_its_consumer_invalid() {
    for (value, then) in [
        ("$(tasks.ok.results.x)", true),
        ("$(tasks.bad.results.x)", false),
        ("$(tasks.gone.results.x)", false),
    ] {
        let task: PipelineTask = read(json!({"name": "t", "params": [{"name": "p", "value": value}]}));
        let Err(Error::Missing(missing)) = apply_task_results(&task, &results()) else {
            panic!("{value}");
        };
        assert_eq!(missing.after_success(), then, "{value}");
    }
}

#[test]
fn a_result_is_not_looked_at_again() {
    let mut results = results();
    results.insert(
        "odd".into(),
        outcome(
            TaskStatus::Succeeded,
            Producer::Task,
            json!({"r": "$(tasks.ok.results.s)"}),
        ),
    );
    let task: PipelineTask = read(json!({"name": "t", "params": [
        {"name": "p", "value": "$(tasks.odd.results.r) $(tasks.ok.results.s)"},
    ]}));
    let applied = apply_task_results(&task, &results).unwrap();
    assert_eq!(
        applied.params[0].value,
        ParamValue::from("$(tasks.ok.results.s) text")
    );
}

#[test]
fn results_of_pipelines_are_made_left_out_or_invalid() {
    let rows = [
        ("s", json!("$(tasks.ok.results.s)")),
        (
            "mixed",
            json!("$(tasks.ok.results.s)-$(tasks.ok.results.l[1])-$(tasks.ok.results.o.k)"),
        ),
        ("l", json!("$(tasks.ok.results.l[*])")),
        ("first", json!("$(tasks.ok.results.l)")),
        ("o", json!("$(tasks.ok.results.o[*])")),
        (
            "listed",
            json!(["$(tasks.ok.results.s)", "$(tasks.fan.results.r[*])"]),
        ),
        ("object", json!({"k": "$(tasks.ok.results.s)"})),
        ("custom", json!("$(tasks.own.results.l)")),
        ("of-failed", json!("$(tasks.bad.results.s)")),
        ("failed", json!("$(tasks.bad.results.x)")),
        ("skipped", json!("$(tasks.gone.results.x)")),
        ("fixed", json!("no variable")),
        ("lost", json!("$(tasks.ok.results.x)")),
        ("beyond", json!("$(tasks.ok.results.l[7])")),
        ("keyless", json!("$(tasks.ok.results.o.x)")),
        ("foreign", json!("$(context.pipelineRun.name)")),
        ("final", json!("$(finally.ok.results.s)")),
    ];
    let declared: Vec<PipelineResult> = rows
        .iter()
        .map(|(name, value)| read(json!({"name": name, "value": value})))
        .collect();
    let made = pipeline_results(&declared, &results()).unwrap();
    let lines: Vec<String> = made
        .values
        .iter()
        .map(|one| format!("{}: {}", one.name, one.value.to_json()))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    s: "text"
    mixed: "text-b-v"
    l: ["a","b"]
    first: "a"
    o: {"k":"v"}
    listed: ["text","x","y"]
    object: {"k":"text"}
    custom: "[\"p\",\"q\"]"
    of-failed: "kept"
    final: "text"
    "#);
    insta::assert_snapshot!(
        made.message("run").unwrap(),
        @"Failed to get PipelineResult from TaskRun Results for PipelineRun run: invalid pipelineresults [lost beyond keyless foreign], the referenced results don't exist"
    );
}

#[test]
fn results_of_a_matrix_are_gathered_in_the_order_of_names() {
    let run = |value: &str| -> Vec<TaskRunResult> { read(json!([{"name": "r", "value": value}])) };
    let (two, ten, one) = (run("two"), run("ten"), run("one"));
    let odd: Vec<TaskRunResult> = read(json!([{"name": "other", "value": ["x"]}]));
    let gathered = aggregate([("p-2", &two[..]), ("p-10", &ten), ("p-1", &one), ("p-3", &odd)]);
    assert_eq!(
        json!(gathered),
        json!({"r": ["one", "ten", "two"], "other": [""]})
    );
}

#[test]
fn json_text_is_escaped_as_upstream_escapes_it() {
    let items = ["<a&b>", "q\"\\", "\u{2028}", "ä\n"].map(str::to_owned);
    insta::assert_snapshot!(json_text(&items), @r#"["\u003ca\u0026b\u003e","q\"\\","\u2028","ä\n"]"#);
}

#[test]
fn result_files_are_read_by_their_declared_type() {
    let rows = [
        ("string", "[\"a\"]", json!("[\"a\"]")),
        ("", "\"quoted\"\n", json!("\"quoted\"\n")),
        ("array", "[\"a\",\"b\"]\n", json!(["a", "b"])),
        ("array", "[\"a\", 1]", json!("[\"a\", 1]")),
        ("array", "[\"a\"", json!("[\"a\"")),
        ("object", "{\"k\":\"v\"}", json!({"k": "v"})),
        ("object", "{\"k\": {}}", json!("{\"k\": {}}")),
        ("array", "\"quoted\"\n", json!("quoted")),
        ("array", "plain", json!("plain")),
        ("array", "7", json!("7")),
    ];
    for (declared, text, then) in rows {
        assert_eq!(task_result(declared, text).to_json(), then, "{declared} {text}");
    }
}

#[test]
fn produced_results_have_to_fit_their_declarations() {
    let declared: Vec<TaskResult> = read(json!([
        {"name": "s"},
        {"name": "l", "type": "array"},
        {"name": "o", "type": "object", "properties": {"a": {}, "b": {}}},
    ]));
    let rows = [
        (
            json!([{"name": "s", "value": "x"}, {"name": "l", "value": ["x"]}, {"name": "o", "value": {"a": "", "b": ""}}]),
            "",
            3,
        ),
        (
            json!([{"name": "extra", "value": ["x"]}, {"name": "o", "value": {}}]),
            "",
            2,
        ),
        (
            json!([{"name": "l", "value": "x"}, {"name": "o", "value": ["x"]}, {"name": "s", "value": "x"}]),
            "[User error] Provided results don't match declared results; may be invalid JSON or missing result declaration:  \"l\": task result is expected to be \"array\" type but was initialized to a different type \"string\", \"o\": task result is expected to be \"object\" type but was initialized to a different type \"array\"",
            1,
        ),
        (
            json!([{"name": "o", "value": {"b": "x"}}]),
            "[User error] missing keys for these results which are required in TaskResult's properties map[o:[a]]",
            1,
        ),
    ];
    for (given, then, left) in rows {
        let mut results: Vec<TaskRunResult> = read(given.clone());
        let found = check_results(&declared, &mut results);
        assert_eq!(
            found.map_or_else(|error| error.message(), |()| String::new()),
            then,
            "{given}"
        );
        assert_eq!(results.len(), left, "{given}");
    }
}

#[test]
fn a_task_result_names_the_step_it_is_taken_from() {
    let rows = [
        (
            json!({"name": "r", "value": "$(steps.build.results.digest)"}),
            Some(("build", "digest")),
        ),
        (json!({"name": "r"}), None),
        (json!({"name": "r", "value": "$(tasks.t.results.r)"}), None),
    ];
    for (given, then) in rows {
        let declared: TaskResult = read(given.clone());
        assert_eq!(step_result_of(&declared), then, "{given}");
    }
}

#[test]
fn artifacts_reach_embedded_tasks_and_later_steps() {
    let artifacts: Artifacts = read(json!({
        "inputs": [{"name": "source", "values": [{"uri": "git:a&b", "digest": {"sha1": "1"}}]}],
        "outputs": [{"name": "image", "values": [{"digest": {"sha256": "2"}, "uri": "pkg:c"}]}, {"name": "sbom"}],
    }));
    let texts = |section: &str| {
        json!([format!(
            "$({section}.x.inputs) $({section}.x.outputs.image) $({section}.x.outputs.sbom) $({section}.x.outputs.gone)"
        )])
    };
    let source = r#"[{"digest":{"sha1":"1"},"uri":"git:a\u0026b"}]"#;
    let image = r#"[{"digest":{"sha256":"2"},"uri":"pkg:c"}]"#;

    let values = artifact_values(ArtifactScope::Tasks, [("x", &artifacts)]);
    let task: PipelineTask = read(json!({"name": "t", "taskSpec": {"steps": [{"args": texts("tasks")}]}}));
    let applied = serde_json::to_value(apply_task_artifacts(&task, &values).unwrap()).unwrap();
    let expected = format!("{source} {image} null $(tasks.x.outputs.gone)");
    assert_eq!(applied["taskSpec"]["steps"][0]["args"], json!([expected]));

    let values = artifact_values(ArtifactScope::Steps, [("x", &artifacts)]);
    let step: Step = read(
        json!({"args": texts("steps"), "script": "$(steps.x.outputs)", "env": [{"name": "E", "value": "$(steps.x.inputs.source)"}]}),
    );
    let applied = expand_step_artifacts(&step, &values).unwrap();
    assert_eq!(
        applied.args,
        [format!("{source} {image} null $(steps.x.outputs.gone)")]
    );
    assert_eq!(
        (applied.script.as_str(), applied.env[0].value.as_str()),
        (image, source)
    );
}

#[test]
fn artifacts_of_one_name_become_one() {
    let declared = |value| read::<Artifacts>(value);
    let all = [
        declared(json!({
            "inputs": [{"name": "source", "buildOutput": true, "values": [{"uri": "a"}]}],
            "outputs": [{"name": "image", "values": [{"uri": "b", "digest": {"sha1": "1"}}, {"uri": "b"}]}],
        })),
        declared(json!({})),
        declared(json!({
            "inputs": [{"name": "base", "values": [{"uri": "c"}]}, {"name": "source", "values": [{"uri": "a"}, {"uri": "d"}]}],
            "outputs": [{"name": "image", "buildOutput": true, "values": [{"digest": {"sha1": "1"}, "uri": "b"}]}],
        })),
    ];
    assert_eq!(
        serde_json::to_value(merge_artifacts(&all)).unwrap(),
        json!({
            "inputs": [{"name": "source", "values": [{"uri": "a"}, {"uri": "d"}]}, {"name": "base", "values": [{"uri": "c"}]}],
            "outputs": [{"name": "image", "buildOutput": true, "values": [{"digest": {"sha1": "1"}, "uri": "b"}, {"uri": "b"}]}],
        })
    );
}

#[test]
fn artifacts_of_steps_are_told_from_other_variables() {
    let rows = [
        ("cat $(steps.a.outputs.image)", true),
        ("$(steps.a.inputs)", true),
        (
            "$(steps.a.results.outputs) $(tasks.a.outputs.image) $(outputs)",
            false,
        ),
        ("$(steps.outputs)", false),
    ];
    for (text, uses) in rows {
        assert_eq!(uses_step_artifacts(text), uses, "{text}");
    }
}
