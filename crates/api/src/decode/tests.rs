use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

use super::admission_message;
use super::decode;
use super::nearest;
use super::type_meta;
use crate::problem::Problem;
use crate::problem::Problems;
use crate::yaml;

#[derive(Debug, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "camelCase", default)]
struct Widget {
    metadata: Metadata,
    spec: WidgetSpec,
}

#[derive(Debug, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    name: Option<String>,
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "camelCase", default)]
struct WidgetSpec {
    mount_path: String,
    retries: u32,
    offset: Option<i32>,
    ratio: f64,
    read_only: Option<bool>,
    colour: Option<Colour>,
    args: Vec<String>,
    /// Anything.
    payload: Value,
    port: Option<Port>,
    /// Widgets in widgets.
    parts: Vec<Part>,
    extra: BTreeMap<String, Value>,
    parent: Option<Box<WidgetSpec>>,
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
struct Part {
    name: String,
    #[serde(default)]
    env: Vec<Variable>,
    #[serde(default)]
    inner: Option<WidgetSpec>,
}

#[derive(Debug, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(default)]
struct Variable {
    name: String,
    value: String,
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
enum Colour {
    Red,
    /// With a doc, so that the schema takes another form.
    Green,
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(untagged)]
enum Port {
    Number(i32),
    Name(String),
}

/// Decodes YAML and places the problems, as callers do.
fn from_yaml(text: &str) -> Result<Widget, Problems> {
    let mut documents = yaml::load(text.as_bytes())?;
    let document = documents.remove(0);
    decode(document.value).map_err(|mut problems: Vec<Problem>| {
        for problem in &mut problems {
            document.spans.locate(problem);
        }
        let mut problems = Problems::from(problems);
        problems.sort();
        problems
    })
}

#[test]
fn keys_match_in_any_case_and_nulls_are_absent() {
    let widget: Widget = decode(json!({
        "APIVERSION": "x/v1", "kind": "Widget", "Metadata": {"name": null, "labels": {"a": null, "B": "b"}},
        "spec": {"mountpath": "/a", "READONLY": true, "args": ["x", null], "colour": "Green", "ratio": 2,
            "payload": {"ANY": null}, "port": "http", "retries": null,
            "parts": [{"NAME": "p", "env": [null, {"name": "n"}], "inner": {"MountPath": "/b"}}]},
    }))
    .unwrap();
    assert_eq!(widget.metadata.name, None);
    assert_eq!(
        widget.metadata.labels,
        BTreeMap::from([("a".into(), String::new()), ("B".into(), "b".into())])
    );
    let inner = WidgetSpec {
        mount_path: "/b".into(),
        ..WidgetSpec::default()
    };
    let expected = WidgetSpec {
        mount_path: "/a".into(),
        read_only: Some(true),
        args: vec!["x".into(), String::new()],
        colour: Some(Colour::Green),
        ratio: 2.0,
        payload: json!({"ANY": null}),
        port: Some(Port::Name("http".into())),
        parts: vec![Part {
            name: "p".into(),
            env: vec![
                Variable::default(),
                Variable {
                    name: "n".into(),
                    value: String::new(),
                },
            ],
            inner: Some(inner),
        }],
        ..WidgetSpec::default()
    };
    assert_eq!(widget.spec, expected);
}

#[test]
fn all_problems_are_named_at_once_with_their_places() {
    let problems = from_yaml(
        "kind: Widget
specc: {}
metadata:
  labels:
    enabled: yes
spec:
  mountPat: /a
  retries: -1
  offset: 1.5
  readOnly: 'true'
  colour: Gren
  args: -x
  port: [1]
  parts:
  - env:
      name: a
  - name: b
    env:
    - name: c
      value: 0644
      valueFromm: {}
  parent:
    parent:
      Mountpath: 1
      mountPath: 2
  extra:
    anything: [goes]
",
    )
    .unwrap_err();
    insta::assert_snapshot!(problems, @r#"
    2:1: specc: unknown field "specc"
      hint: did you mean "spec"?
    5:14: metadata.labels[enabled]: expected a string, found the boolean true
      hint: put the value in quotes
    7:3: spec.mountPat: unknown field "mountPat"
      hint: did you mean "mountPath"?
    8:12: spec.retries: -1 is out of range: it must be from 0 to 4294967295
    9:11: spec.offset: expected an integer, found a number with a fraction
    10:13: spec.readOnly: expected a boolean, found a string
    11:11: spec.colour: "Gren" is not allowed here
      hint: did you mean "Green"?
    12:9: spec.args: expected a list, found a string
      hint: put it in a list of one, in [ ]
    13:3: spec.port: expected an integer or a string, found a list
    15:5: spec.parts[0]: missing field "name"
    15:5: spec.parts[0].env: expected a list, found an object
      hint: begin each item with "- "
    20:14: spec.parts[1].env[0].value: expected a string, found a number
      hint: put the value in quotes
    21:7: spec.parts[1].env[0].valueFromm: unknown field "valueFromm"
      hint: known fields are "name", "value"
    25:18: spec.parent.parent.mountPath: expected a string, found a number
      hint: put the value in quotes
    25:18: spec.parent.parent.mountPath: field "mountPath" is given twice, in different spellings
      hint: keep one of the two
    "#);
}

#[test]
fn a_field_that_is_required_must_be_there() {
    let problems = from_yaml("spec:\n  parts:\n  - env: []\n").unwrap_err();
    insta::assert_snapshot!(problems, @r#"3:5: spec.parts[0]: missing field "name""#);
}

#[test]
fn types_that_are_only_names_for_others_keep_their_fields() {
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Leaf {
        #[expect(dead_code, reason = "only decoded")]
        text: String,
    }
    #[derive(Debug, Deserialize, JsonSchema)]
    struct Renamed(#[expect(dead_code, reason = "only decoded")] Leaf);
    #[derive(Debug, Deserialize, JsonSchema)]
    struct Twice(#[expect(dead_code, reason = "only decoded")] Renamed);
    #[derive(Debug, Deserialize, JsonSchema)]
    struct Root {
        #[expect(dead_code, reason = "only decoded")]
        twice: Twice,
        #[expect(dead_code, reason = "only decoded")]
        number: u8,
        #[expect(dead_code, reason = "only decoded")]
        leaf: Option<Leaf>,
    }
    let value = json!({"twice": {"TEXT": "a"}, "number": 1, "leaf": {"Text": "b", "more": 1}});
    let problems = decode::<Root>(value).unwrap_err();
    insta::assert_snapshot!(Problems::from(problems), @r#"
    leaf.more: unknown field "more"
      hint: known fields are "text"
    "#);
}

#[test]
fn the_type_itself_may_refuse_a_value() {
    #[derive(Debug, Deserialize, JsonSchema)]
    struct Timed {
        #[expect(dead_code, reason = "only decoded")]
        steps: Vec<Step>,
    }
    #[derive(Debug, Deserialize, JsonSchema)]
    struct Step {
        #[expect(dead_code, reason = "only decoded")]
        #[schemars(with = "String")]
        timeout: std::net::Ipv4Addr,
    }
    let problems = decode::<Timed>(json!({"steps": [{"timeout": "1.2.3.4"}, {"timeout": "x"}]})).unwrap_err();
    insta::assert_snapshot!(Problems::from(problems), @"steps[1].timeout: invalid IPv4 address syntax");
}

#[test]
fn the_webhook_names_the_first_unknown_field_only() {
    let problems = decode::<Widget>(json!({"spec": {"a": 1, "b": 2}})).unwrap_err();
    assert_eq!(problems.len(), 2);
    insta::assert_snapshot!(admission_message(&problems).unwrap(), @r#"admission webhook "webhook.pipeline.tekton.dev" denied the request: mutation failed: cannot decode incoming new object: json: unknown field "a""#);
    assert_eq!(admission_message(&[]), None);
}

#[test]
fn suggestions_stay_close() {
    let rows = [
        ("imagePullPolcy", Some("imagePullPolicy")),
        ("Steps", Some("steps")),
        ("step", Some("steps")),
        ("x", None),
        ("", None),
        ("entirelyDifferent", None),
    ];
    for (word, meant) in rows {
        assert_eq!(
            nearest(word, ["steps", "imagePullPolicy", "params"]),
            meant,
            "{word}"
        );
    }
    assert_eq!(nearest(&"x".repeat(1 << 20), ["steps"]), None);
}

#[test]
fn type_meta_reads_any_case_and_any_value() {
    let rows = [
        (
            json!({"apiVersion": "tekton.dev/v1", "kind": "Task"}),
            ("tekton.dev/v1", "Task"),
        ),
        (json!({"APIversion": "v1", "Kind": "Secret"}), ("v1", "Secret")),
        (json!({"apiVersion": 1}), ("", "")),
        (json!([]), ("", "")),
    ];
    for (value, expected) in rows {
        assert_eq!(type_meta(&value), expected, "{value}");
    }
}
