use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::Map;
use serde_json::Number;
use serde_json::Value;
use serde_json::json;

use super::Limits;
use super::emit;
use super::load;
use super::load_within;
use crate::decode::decode;
use crate::problem::FieldPath;
use crate::problem::Problems;
use crate::tekton::PipelineRun;

fn values(text: &str) -> Vec<Value> {
    load(text.as_bytes())
        .unwrap_or_else(|problems| panic!("{text}\n{problems}"))
        .into_iter()
        .map(|d| d.value)
        .collect()
}

fn problems(bytes: &[u8]) -> Problems {
    load(bytes)
        .map(|documents| documents.into_iter().map(|d| d.value).collect::<Vec<_>>())
        .unwrap_err()
}

#[expect(clippy::too_many_lines, reason = "a table")]
#[test]
fn scalars_mean_what_they_mean_to_kubectl() {
    let rows = [
        ("", json!(null)),
        ("~", json!(null)),
        ("null", json!(null)),
        ("nULL", json!("nULL")),
        ("yes", json!(true)),
        ("Y", json!(true)),
        ("on", json!(true)),
        ("n", json!(false)),
        ("Off", json!(false)),
        ("oFF", json!("oFF")),
        ("'yes'", json!("yes")),
        ("\"12\"", json!("12")),
        ("!!str 12", json!("12")),
        ("! 12", json!("12")),
        ("!local 12", json!("12")),
        ("!!int 12", json!(12)),
        ("!!float 1", json!(1)),
        ("!!binary aGk=", json!("hi")),
        ("0", json!(0)),
        ("-0", json!(0)),
        ("+12", json!(12)),
        ("0644", json!(420)),
        ("-0644", json!(-420)),
        ("0o644", json!(420)),
        ("0x1F", json!(31)),
        ("-0x1F", json!(-31)),
        ("0b101", json!(5)),
        ("089", json!(89)),
        ("1_000", json!(1000)),
        ("0x_ff", json!(255)),
        ("_1", json!("_1")),
        ("1.0", json!(1)),
        ("1.10", json!(1.1)),
        (".5", json!(0.5)),
        ("1.", json!(1)),
        ("1e3", json!(1000)),
        ("1e-3", json!(0.001)),
        ("1e", json!("1e")),
        ("1e400", json!("1e400")),
        (".", json!(".")),
        ("+", json!("+")),
        ("--1", json!("--1")),
        ("0x-1", json!("0x-1")),
        ("1.2.3", json!("1.2.3")),
        ("1:30", json!("1:30")),
        ("2001-12-14", json!("2001-12-14")),
        ("2001-12-14T21:59:43Z", json!("2001-12-14T21:59:43Z")),
        ("9223372036854775807", json!(i64::MAX)),
        ("-9223372036854775808", json!(i64::MIN)),
        ("18446744073709551615", json!(u64::MAX)),
        ("18446744073709551616", json!(18_446_744_073_709_551_616_f64)),
        ("<<", json!("<<")),
    ];
    for (text, expected) in rows {
        assert_eq!(
            values(&format!("[0]\n---\nv: {text}\n")),
            [json!([0]), json!({"v": expected})],
            "{text}"
        );
    }
}

#[test]
fn keys_become_text() {
    assert_eq!(
        values("on: 1\n0x10: 2\n1.10: 3\n1e-7: 4\n'q': 5\nno: 6\n"),
        [json!({"true": 1, "16": 2, "1.1": 3, "1e-07": 4, "q": 5, "false": 6})]
    );
}

#[test]
fn documents_are_separated_and_empty_ones_left_out() {
    let rows = [
        ("", vec![]),
        ("# only a comment\n", vec![]),
        (
            "---\n---\n# nothing\n---\na: 1\n...\n---\n",
            vec![json!({"a": 1})],
        ),
        (
            "a: 1 # one\n---\n# two\nb: 2\n",
            vec![json!({"a": 1}), json!({"b": 2})],
        ),
        ("%YAML 1.1\n---\na: 1\n", vec![json!({"a": 1})]),
        ("\u{feff}a: 1\r\nb: 2\r\n", vec![json!({"a": 1, "b": 2})]),
        (
            "{\n\t\"a\": [1, 2.5e0, true, null, \"\\u00e9\\/\"],\n\t\"b\": {}\n}\n",
            vec![json!({"a": [1, 2.5, true, null, "é/"], "b": {}})],
        ),
        ("a: |\n  x\n  ---\n  y\n", vec![json!({"a": "x\n---\ny\n"})]),
        ("a: >-\n  x\n  y\n", vec![json!({"a": "x y"})]),
    ];
    for (text, expected) in rows {
        assert_eq!(values(text), expected, "{text}");
    }
}

#[test]
fn utf_16_with_a_byte_order_mark_is_read() {
    let text = "a: é😀\n";
    let little: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(text.encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    let big: Vec<u8> = [0xfe, 0xff]
        .into_iter()
        .chain(text.encode_utf16().flat_map(u16::to_be_bytes))
        .collect();
    for bytes in [little, big] {
        assert_eq!(load(&bytes).unwrap()[0].value, json!({"a": "é😀"}));
    }
}

#[test]
fn anchors_and_merge_keys_are_resolved() {
    let text = "
base: &base {a: 1, b: 2}
other: &other {b: 3, c: 4}
one: {b: 9, <<: *base}
two:
  <<: [*base, *other]
  d: 5
three: {<<: *base, <<: *other}
quoted: {'<<': 1}
again: *base
";
    let base = json!({"a": 1, "b": 2});
    assert_eq!(
        values(text),
        [json!({
            "base": base, "other": {"b": 3, "c": 4}, "one": {"b": 9, "a": 1},
            "two": {"d": 5, "a": 1, "b": 2, "c": 4}, "three": {"a": 1, "b": 2, "c": 4},
            "quoted": {"<<": 1}, "again": base,
        })]
    );
}

#[test]
fn fields_are_found_in_the_file() {
    let text = "kind: Task\nspec:\n  steps:\n  - name: a\n    image: b\n  - {name: c, Script: |-\n      x}\n  params: []\n";
    let text = text.replace(
        "{name: c, Script: |-\n      x}",
        "name: c\n    Script: |\n      x",
    );
    let document = load(text.as_bytes()).unwrap().remove(0);
    let steps = FieldPath::root().field("spec").field("steps");
    let rows = [
        (FieldPath::root(), "1:1", "1:1"),
        (FieldPath::root().field("kind"), "1:7", "1:1"),
        (FieldPath::root().field("metadata").field("name"), "1:1", "1:1"),
        (FieldPath::root().field("spec"), "2:1", "2:1"),
        (steps.clone(), "3:3", "3:3"),
        (steps.index(0), "4:5", "4:5"),
        (steps.index(0).field("image"), "5:12", "5:5"),
        (steps.index(0).field("script"), "4:5", "4:5"),
        (steps.index(1).field("script"), "8:7", "7:5"),
        (steps.index(2), "3:3", "3:3"),
    ];
    for (path, value, key) in rows {
        assert_eq!(document.spans.position(&path).to_string(), value, "{path}");
        assert_eq!(document.spans.key_position(&path).to_string(), key, "{path}");
    }
    let part = document.spans.part(&steps.index(1)).unwrap();
    assert_eq!(
        part.position(&FieldPath::root().field("name")).to_string(),
        "6:11"
    );
    assert!(document.spans.part(&steps.index(2)).is_none());
}

#[expect(clippy::too_many_lines, reason = "a table and what comes of it")]
#[test]
fn what_cannot_be_read_is_explained() {
    let rows: [&[u8]; 31] = [
        b"a: [1\n---\nb: 1\n---\nc: 'x\n",
        b"a: *.txt\n",
        b"a: - b\n",
        b"a:\n- b\nc\n",
        b"a: \"\\d\"\n",
        b"a: \"x\" y\n",
        b"a:\n  - b: 1\n   c: 2\n",
        b"a: 1\nb: 2\n\n\"a\": 3\nc: {d: 1, d: 2}\n",
        b"a:\n\tb: 1\n",
        b"a: b: c\n",
        b"a: @foo\n",
        b"a: 1\n b: 2\n",
        b"a: [1, 2\n",
        b"a: 'x\n",
        b"a: *nowhere\n",
        b"a: &x [*x]\n",
        b"a: &x 1\n---\nb: *x\n",
        b"a: .inf\nb: [-.Inf, .nan]\n",
        b"{a: {{ name }}, b: 1}\n",
        b"? [a]\n: 1\n",
        b"~: 1\n",
        b"a: {<<: 1}\n",
        b"a: !!int x\n",
        b"a: !!binary '%'\n",
        b"a: \xff\n",
        b"ab: \xc3\xa9\xc3\n",
        b"a: b\0c\n",
        b"a\0:\0 \x001\0",
        b"a: \x1b[31m\n",
        b"a: b\xef\xbb\xbfc\n",
        b"\xff\xfea",
    ];
    let mut report = String::new();
    for bytes in rows {
        writeln!(report, "{}\n{}\n", bytes.escape_ascii(), problems(bytes)).unwrap();
    }
    insta::assert_snapshot!(report, @r#"
    a: [1\n---\nb: 1\n---\nc: \'x\n
    1:4: a[0]: a bracket is opened and never closed
      hint: close the bracket
    6:1: c: a quote is opened above and not closed before this line
      hint: close the quote, or indent all lines inside it

    a: *.txt\n
    1:4: a: no anchor &.txt stands before this alias in its document
      hint: put text that begins with * in quotes

    a: - b\n
    1:4: a: a list item cannot stand here
      hint: begin the list on a line of its own, or quote text that begins with "- "

    a:\n- b\nc\n
    3:1: a[1]: expected a key and a colon here
      hint: align this line with its neighbours, and quote text that contains quotes or brackets

    a: \"\\d\"\n
    1:4: a: unknown escape after a backslash in double quotes
      hint: double the backslash, or use single quotes

    a: \"x\" y\n
    1:8: a: text goes on after the closing quote
      hint: put the whole text in quotes, and escape quotes inside it

    a:\n  - b: 1\n   c: 2\n
    3:4: a[1]: expected the next item of the list here
      hint: align "- " with the items before it, and keys with the keys before them

    a: 1\nb: 2\n\n\"a\": 3\nc: {d: 1, d: 2}\n
    4:1: a: key "a" stands here twice: on line 1 and on line 4
      hint: keep one of the two
    5:11: c.d: key "d" stands here twice: on line 5 and on line 5
      hint: keep one of the two

    a:\n\tb: 1\n
    2:2: a: a tab cannot be used as indentation
      hint: this line is indented with a tab; YAML allows only spaces

    a: b: c\n
    1:5: a "key: value" cannot stand here
      hint: quote the text if it contains ": ", or align the key with its neighbours

    a: @foo\n
    1:4: a: text cannot begin with this character
      hint: put text that begins with @, ` or % in quotes

    a: 1\n b: 2\n
    2:3: a "key: value" cannot stand here
      hint: quote the text if it contains ": ", or align the key with its neighbours

    a: [1, 2\n
    1:4: a[1]: a bracket is opened and never closed
      hint: close the bracket

    a: \'x\n
    2:1: a: a quote is opened above and not closed before this line
      hint: close the quote, or indent all lines inside it

    a: *nowhere\n
    1:4: a: no anchor &nowhere stands before this alias in its document
      hint: put text that begins with * in quotes

    a: &x [*x]\n
    1:8: a[0]: the alias names an object or list that contains it

    a: &x 1\n---\nb: *x\n
    3:4: b: no anchor &x stands before this alias in its document
      hint: put text that begins with * in quotes

    a: .inf\nb: [-.Inf, .nan]\n
    1:4: a: .inf is a number that JSON cannot hold
      hint: put it in quotes if it is meant as text
    2:5: b[0]: -.Inf is a number that JSON cannot hold
      hint: put it in quotes if it is meant as text
    2:12: b[1]: .nan is a number that JSON cannot hold
      hint: put it in quotes if it is meant as text

    {a: {{ name }}, b: 1}\n
    1:6: a: only text can be a key of an object
      hint: put text that begins with { or [ in quotes

    ? [a]\n: 1\n
    1:3: only text can be a key of an object
      hint: put text that begins with { or [ in quotes

    ~: 1\n
    1:1: only text can be a key of an object
      hint: put the key in quotes

    a: {<<: 1}\n
    1:5: a: a merge key needs an object, an alias of one, or a list of them

    a: !!int x\n
    1:10: a: the value is no !!int
      hint: remove the tag or correct the value

    a: !!binary \'%\'\n
    1:13: a: the value is no base64 of UTF-8 text
      hint: use a field that takes base64

    a: \xff\n
    1:4: not valid UTF-8: byte 0xff
      hint: save the file as UTF-8

    ab: \xc3\xa9\xc3\n
    1:6: not valid UTF-8: byte 0xc3
      hint: save the file as UTF-8

    a: b\x00c\n
    1:5: NUL byte in a text file
      hint: this is a binary file, or text saved as UTF-16 without a byte order mark; save it as UTF-8

    a\x00:\x00 \x001\x00
    1:2: NUL byte in a text file
      hint: this is a binary file, or text saved as UTF-16 without a byte order mark; save it as UTF-8

    a: \x1b[31m\n
    1:4: control character U+001B is not allowed
      hint: write it as "\u001b" inside double quotes

    a: b\xef\xbb\xbfc\n
    1:5: byte order mark in the middle of the file
      hint: delete the invisible character U+FEFF; it may only stand at the beginning

    \xff\xfea
    1:1: not valid UTF-16, which its first two bytes say it is
      hint: save the file as UTF-8
    "#);
}

#[test]
fn limits_hold() {
    let bomb: String = (1..40).fold("a0: &a0 [x, x]\n".to_owned(), |text, level| {
        format!("{text}a{level}: &a{level} [*a{0}, *a{0}]\n", level - 1)
    });
    let long: String = format!("a: &a '{}'\nb: [{}]\n", "x".repeat(1 << 20), "*a, ".repeat(100));
    let tower: String = (1..90).fold("a0: &a0 [x]\n".to_owned(), |text, level| {
        format!("{text}a{level}: &a{level} [[*a{}]]\n", level - 1)
    });
    let rows = [
        ("[".repeat(1 << 20), "nested more than 100 levels deep"),
        ("- ".repeat(1 << 16), "nested more than 100 levels deep"),
        ("{a: ".repeat(1 << 16), "nested more than 100 levels deep"),
        (tower, "nested more than 100 levels deep"),
        (bomb, "more than 1000000 keys and values"),
        (long, "more than 67108864 bytes of text"),
        (
            " ".repeat((16 << 20) + 1),
            "the file has 16777217 bytes, more than the limit of 16777216",
        ),
    ];
    for (text, expected) in rows {
        let shown = problems(text.as_bytes()).to_string();
        assert!(shown.contains(expected), "{shown}");
    }
    let tight = Limits {
        nodes: 3,
        ..Limits::default()
    };
    assert!(load_within(b"a: 1", &tight).is_ok());
    assert!(load_within(b"a: [1]", &tight).is_err());
}

#[test]
fn a_million_mistakes_give_a_hundred_messages() {
    assert_eq!(problems("- {a: 1, a: 2}\n".repeat(1000).as_bytes()).len(), 100);
}

#[expect(clippy::too_many_lines, reason = "a document and its text")]
#[test]
fn values_print_as_kubectl_prints_them() {
    let value = json!({
        "kind": "Task",
        "apiVersion": "tekton.dev/v1",
        "task10": 1, "task2": 2, "Task": 3,
        "empty": {"list": [], "object": {}, "text": "", "nothing": null},
        "spec": {
            "steps": [
                {"name": "a", "script": "#!/bin/sh\nset -e\n\n  echo hi\n", "args": ["-c", "--", "x y"]},
                [["nested"], {"b": 1}],
            ],
            "text": ["yes", "0644", "1.0", "a: b", "a #b", "it's", "x\ty", "bell\u{7}", "two\nlines", "ends\n\n", "  indented\nx",
                "\n", "- a", "-a", "*x", "2001-12-14", "1:30", "key:", "true", "é😀", "$(params.a)", "{x}", "~", "=", " x ", "windows\r\n"],
            "numbers": [1, -2, 0.5, 1e30, 3.0],
        },
    });
    insta::assert_snapshot!(emit(&value), @r#"
    Task: 3
    apiVersion: tekton.dev/v1
    empty:
      list: []
      nothing: null
      object: {}
      text: ""
    kind: Task
    spec:
      numbers:
      - 1
      - -2
      - 0.5
      - 1e+30
      - 3
      steps:
      - args:
        - -c
        - "--"
        - x y
        name: a
        script: |
          #!/bin/sh
          set -e

            echo hi
      - - - nested
        - b: 1
      text:
      - "yes"
      - "0644"
      - "1.0"
      - 'a: b'
      - 'a #b'
      - it's
      - "x\ty"
      - "bell\u0007"
      - |-
        two
        lines
      - |+
        ends

      - |2-
          indented
        x
      - "\n"
      - '- a'
      - -a
      - '*x'
      - "2001-12-14"
      - "1:30"
      - 'key:'
      - "true"
      - é😀
      - $(params.a)
      - '{x}'
      - "~"
      - "="
      - ' x '
      - "windows\r\n"
    task2: 2
    task10: 1
    "#);
    assert_eq!(emit(&json!("a\nb\n")), "|\n  a\n  b\n");
    assert_eq!(emit(&json!(null)), "null\n");
}

#[test]
fn long_keys_survive() {
    let mut members = Map::new();
    members.insert("k".repeat(5000), json!({"a": [1]}));
    members.insert("l".repeat(5000), json!("x"));
    members.insert("\u{7}".repeat(900), json!("x"));
    let value = json!([Value::Object(members)]);
    assert_eq!(values(&emit(&value)), [value]);
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,12}",
        "[\\n \\t#:'\"\\-|>{}\\[\\]a0]{0,12}",
        "\\PC{0,6}",
        any::<String>(),
        prop::sample::select(vec![
            "yes", "~", "0x1", "1e3", "<<", "null", "-", "---", "...", "? a", ".inf", "=", "!a", "&a", "%a",
            "# a"
        ])
        .prop_map(str::to_owned),
    ]
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter_map("a fraction", |float| {
            (float.fract() != 0.0)
                .then(|| Number::from_f64(float))
                .flatten()
                .map(Value::Number)
        }),
        texts().prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec((texts(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Bytes that look like YAML often enough to get past the first line.
fn yaml_like() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "a",
        "b: ",
        "- ",
        "? ",
        ": ",
        "\n",
        "\n  ",
        "\n    ",
        "  ",
        "\t",
        "[",
        "]",
        "{",
        "}",
        ",",
        "&x ",
        "*x",
        "<<: ",
        "|\n",
        ">-\n",
        "'",
        "\"",
        "#",
        "---\n",
        "...\n",
        "!!int ",
        "!x ",
        "%TAG ! x\n",
        "\\",
        "0x",
        "1",
        "~",
        "\r",
        "é",
        "|2+\n",
        "@",
    ]);
    prop::collection::vec(token, 0..60).prop_map(|tokens| tokens.concat())
}

const PIPELINE_RUN: &str = "apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {generateName: 'fuzzed-', labels: {a.b/c: d}}
spec:
  params: &params
  - name: n
    value: [\"a\", 'b', c]
  - {name: m, value: {k: v}}
  timeouts: {pipeline: 1h5m}
  pipelineSpec: # the pipeline
    tasks:
    - name: one
      params: *params
      retries: 0x2
      taskSpec:
        steps:
        - image: alpine
          script: |-
            #!/bin/sh
            echo $(params.n[*])
          onError: continue
          securityContext: {privileged: no, runAsUser: 1_000}
";

#[derive(Clone, Debug)]
enum Edit {
    Insert(Vec<u8>),
    Delete(usize),
    Repeat(usize),
}

impl Edit {
    fn apply(self, bytes: &mut Vec<u8>, place: usize) {
        let place = place.min(bytes.len());
        let end = |length: usize| (place + length).min(bytes.len());
        match self {
            Self::Insert(more) => drop(bytes.splice(place..place, more)),
            Self::Delete(length) => drop(bytes.drain(place..end(length))),
            Self::Repeat(length) => {
                let more = bytes[place..end(length)].to_vec();
                drop(bytes.splice(place..place, more));
            }
        }
    }
}

fn any_edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 1..4).prop_map(Edit::Insert),
        yaml_like().prop_map(|text| Edit::Insert(text.into_bytes())),
        (1..40_usize).prop_map(Edit::Delete),
        (1..200_usize).prop_map(Edit::Repeat),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_reads_back(value in any_value()) {
        let text = emit(&value);
        let read = load(text.as_bytes()).map_err(|problems| TestCaseError::fail(format!("{problems}\n{text}")))?;
        let expected = if value.is_null() { vec![] } else { vec![value] };
        prop_assert_eq!(read.into_iter().map(|document| document.value).collect::<Vec<_>>(), expected, "{}", text);
    }

    #[test]
    fn no_bytes_make_the_loader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = load(&bytes);
    }

    #[test]
    fn edits_of_a_real_file_make_nothing_panic(edits in prop::collection::vec((any::<prop::sample::Index>(), any_edit()), 1..8)) {
        let mut bytes = PIPELINE_RUN.as_bytes().to_vec();
        for (place, edit) in edits {
            edit.apply(&mut bytes, place.index(PIPELINE_RUN.len()));
        }
        if let Err(problems) = load(&bytes) {
            prop_assert!(problems.iter().all(|problem| problem.position.is_some()), "{}", problems);
        }
        for document in load(&bytes).into_iter().flatten() {
            for mut problem in decode::<PipelineRun>(document.value).err().into_iter().flatten() {
                document.spans.locate(&mut problem);
                prop_assert!(!problem.to_string().is_empty());
            }
        }
    }

    #[test]
    fn what_is_read_can_be_written(text in yaml_like()) {
        for document in load(text.as_bytes()).into_iter().flatten() {
            let written = emit(&document.value);
            let read = load(written.as_bytes()).map_err(|problems| TestCaseError::fail(format!("{problems}\n{written}")))?;
            prop_assert_eq!(&read[0].value, &document.value, "{}", written);
        }
    }
}
