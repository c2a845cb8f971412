use windlass_api::Duration;
use windlass_api::Object;
use windlass_api::manifest::Manifest;
use windlass_api::tekton::ParamValue;

use super::prepare;
use super::run::Wishes;
use super::value_text;
use crate::input::Assignment;
use crate::input::Choice;

const INPUT: &str = "\
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: p, namespace: default}
spec:
  params: [{name: text}, {name: list, type: array}, {name: map, properties: {a: {}, b: {}}}]
  workspaces: [{name: w}]
  tasks: [{name: t, taskSpec: {steps: [{image: busybox}]}}]
---
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: r, namespace: default}
spec:
  pipelineRef: {name: p}
  params: [{name: text, value: from the file}]
  timeouts: {pipeline: 2h, tasks: 1h}
---
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: remote, namespace: default}
spec:
  pipelineRef: {resolver: git}
";

fn assignments(texts: &[&str]) -> Vec<Assignment> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn launched(run: &str, wishes: &Wishes) -> serde_json::Value {
    let manifest = Manifest::read("input.yaml", INPUT.as_bytes());
    assert!(!manifest.has_errors(), "{:?}", manifest.problems);
    let choice = Choice {
        run: Some(run.to_owned()),
        ..Choice::default()
    };
    let launch = prepare(&manifest, choice.choose(&manifest).unwrap(), wishes).unwrap();
    assert!(
        !launch
            .others
            .iter()
            .any(|object| matches!(object, Object::PipelineRun(_)))
    );
    launch.run.to_json()["spec"].clone()
}

#[test]
fn values_take_the_declared_type() {
    let rows: [(&str, ParamValue); 7] = [
        ("text=[1,2]", "[1,2]".into()),
        ("text=a=b", "a=b".into()),
        ("list=a,b", vec!["a".to_owned(), "b".to_owned()].into()),
        (r#"list=["a,b"]"#, vec!["a,b".to_owned()].into()),
        ("list=", ParamValue::Array(Vec::new())),
        ("list=one", vec!["one".to_owned()].into()),
        (
            r#"map={"a":"1"}"#,
            ParamValue::Object([("a".to_owned(), "1".to_owned())].into()),
        ),
    ];
    for (given, then) in rows {
        let wishes = Wishes {
            params: assignments(&[given]),
            ..Wishes::default()
        };
        let spec = launched("r", &wishes);
        let name = given.split('=').next().unwrap();
        let params = spec["params"].as_array().unwrap();
        let param = params.iter().find(|param| param["name"] == name).unwrap();
        assert_eq!(param["value"], then.to_json(), "{given}");
    }
}

#[test]
fn values_of_unknown_types_are_what_they_look_like() {
    let wishes = Wishes {
        params: assignments(&["a=x", r#"b=["x"]"#, "c=12", "d=x,y"]),
        ..Wishes::default()
    };
    let spec = launched("remote", &wishes);
    let values: Vec<String> = spec["params"]
        .as_array()
        .unwrap()
        .iter()
        .map(|param| param["value"].to_string())
        .collect();
    assert_eq!(values, [r#""x""#, r#"["x"]"#, r#""12""#, r#""x,y""#]);
}

#[test]
fn the_command_line_wins_over_the_file() {
    let wishes = Wishes {
        params: assignments(&["text=from the command line"]),
        workspaces: assignments(&["w=pvc:mine"]),
        timeout: Some(Duration::from_secs(60)),
        ..Wishes::default()
    };
    let spec = launched("r", &wishes);
    assert_eq!(spec["params"][0]["value"], "from the command line");
    assert_eq!(
        spec["workspaces"][0]["persistentVolumeClaim"]["claimName"],
        "mine"
    );
    // An hour for the tasks does not fit into a minute.
    assert_eq!(spec["timeouts"], serde_json::json!({"pipeline": "1m0s"}));
}

#[test]
fn a_directory_is_bound_through_a_claim_that_stands_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let manifest = Manifest::read("input.yaml", INPUT.as_bytes());
    let choice = Choice {
        run: Some("r".to_owned()),
        ..Choice::default()
    };
    let workspaces = assignments(&[&format!("w={}", directory.path().display())]);
    let wishes = Wishes {
        workspaces,
        ..Wishes::default()
    };
    let launch = prepare(&manifest, choice.choose(&manifest).unwrap(), &wishes).unwrap();
    let claim = "directory-of-w".to_owned();
    let place = directory.path().canonicalize().unwrap();
    assert_eq!(launch.directories, [("default".to_owned(), claim.clone(), place)]);
    assert_eq!(
        launch.run.to_json()["spec"]["workspaces"][0]["persistentVolumeClaim"]["claimName"],
        claim.as_str()
    );
    assert!(launch.others.iter().any(|object| object.metadata().name == claim));
}

#[test]
fn values_are_shown_so_that_nothing_is_hidden() {
    let rows = [
        ("plain", "plain"),
        ("", "\"\""),
        (" padded", "\" padded\""),
        ("two\nlines", r#""two\nlines""#),
    ];
    for (given, then) in rows {
        assert_eq!(value_text(&given.into()), then);
    }
}
