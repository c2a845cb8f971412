use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;

use super::Error;
use super::MAX_TEXT;
use super::Path;
use super::Template;
use crate::random::values;

fn nodes() -> Value {
    json!({
        "kind": "List",
        "items": [
            {"kind": "None", "metadata": {"name": "127.0.0.1", "labels": {"kubernetes.io/hostname": "a"}},
                "status": {"capacity": {"cpu": "4"}, "addresses": [{"type": "LegacyHostIP", "address": "127.0.0.1"}],
                    "ready": true, "load": 3}},
            {"kind": "None", "metadata": {"name": "127.0.0.2", "labels": {"kubernetes.io/hostname": "b"}},
                "status": {"capacity": {"cpu": "8"}, "addresses": [
                    {"type": "LegacyHostIP", "address": "127.0.0.2"}, {"type": "another", "address": "127.0.0.3"}],
                    "ready": false, "load": 1.5}},
        ],
        "users": [{"name": "myself", "user": {}}, {"name": "e2e", "user": {"username": "admin", "password": "s"}}],
        "numbers": [0, 1, 2, 3, 4],
        "nothing": null,
    })
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn templates_print_what_kubectl_prints() {
    let rows = [
        ("kind is {.kind}", "kind is List"),
        ("{kind}", "List"),
        ("{$.kind} {@.kind}", "List List"),
        ("{['kind']}", "List"),
        ("{.items[*].metadata.name}", "127.0.0.1 127.0.0.2"),
        ("{.items[0].metadata.name}", "127.0.0.1"),
        ("{.items[-1:].metadata.name}", "127.0.0.2"),
        ("{.items[-1]['metadata'].name}", "127.0.0.2"),
        ("{.items[*]['metadata.name', 'status.capacity']}", ""),
        ("{.items[*]['kind','metadata']['name']}", "127.0.0.1 127.0.0.2"),
        ("{.items[0].metadata.labels.kubernetes\\.io/hostname}", "a"),
        ("{.items[0].metadata.labels['kubernetes\\.io/hostname']}", "a"),
        ("{.items[0].metadata.labels['kubernetes.io/hostname']}", "a"),
        ("{.users[?(@.name==\"e2e\")].user.password}", "s"),
        ("{.users[?(@.name!='e2e')].name}", "myself"),
        ("{.users[?(@.user.username)].name}", "e2e"),
        (
            "{.items[*].status.addresses[?(@.type == \"another\")].address}",
            "127.0.0.3",
        ),
        ("{.items[?(@.status.load>2)].metadata.name}", "127.0.0.1"),
        ("{.items[?(@.status.load<=1.5)].metadata.name}", "127.0.0.2"),
        ("{.items[?(@.status.ready==true)].metadata.name}", "127.0.0.1"),
        ("{.items[?(@.status.load==3.0)].metadata.name}", "127.0.0.1"),
        ("{..password}", "s"),
        ("{.items..name}", "127.0.0.1 127.0.0.2"),
        ("{.numbers[1:3]}", "1 2"),
        ("{.numbers[:2]}{.numbers[3:]}", "0 13 4"),
        ("{.numbers[0:5:2]}", "0 2 4"),
        ("{.numbers[0,2,-1]}", "0 2 4"),
        ("{.numbers[*]}", "0 1 2 3 4"),
        ("{.numbers}", "[0,1,2,3,4]"),
        ("{.numbers[7]}{.absent.field}{.kind.deeper}{.nothing}", ""),
        ("{.users[1].user}", r#"{"password":"s","username":"admin"}"#),
        (
            "{.users[*].*}",
            r#"myself {} e2e {"password":"s","username":"admin"}"#,
        ),
        (
            "{range .items[*]}[{.metadata.name}, {.status.capacity}] {end}",
            r#"[127.0.0.1, {"cpu":"4"}] [127.0.0.2, {"cpu":"8"}] "#,
        ),
        (
            "{range .items[*]}{.metadata.name}:{range .status.addresses[*]}{\" \"}{.address}{end}{'\\n'}{end}",
            "127.0.0.1: 127.0.0.1\n127.0.0.2: 127.0.0.2 127.0.0.3\n",
        ),
        ("{range .absent[*]}x{end}", ""),
        ("{.users[?(@.name==\"a]}b\")].name}", ""),
        ("no braces", "no braces"),
        ("{\"quoted } text\"}", "quoted } text"),
        ("", ""),
    ];
    for (template, expected) in rows {
        let parsed: Template = template
            .parse()
            .unwrap_or_else(|error| panic!("{template}: {error}"));
        assert_eq!(parsed.render(&nodes()).as_deref(), Ok(expected), "{template}");
    }
    let whole: Template = "{.}".parse().unwrap();
    assert_eq!(
        whole.render(&json!({"b": 1, "a": null})).as_deref(),
        Ok(r#"{"a":null,"b":1}"#)
    );
}

#[test]
fn columns_find_their_values() {
    let object = json!({"status": {"conditions": [
        {"type": "Ready", "status": "False"}, {"type": "Succeeded", "status": "True", "reason": "Done"}]}});
    let rows = [
        (
            ".status.conditions[?(@.type==\"Succeeded\")].status",
            json!(["True"]),
        ),
        (".status.conditions[0].type", json!(["Ready"])),
        ("status.conditions[*].reason", json!(["Done"])),
        ("{.status.none}", json!([])),
        (".", json!([object])),
    ];
    for (path, expected) in rows {
        let parsed: Path = path.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(json!(parsed.find(&object).unwrap()), expected, "{path}");
    }
}

#[test]
fn what_is_no_template_says_where() {
    let rows = [
        "{.a",
        "{.a[}",
        "{.a[0}",
        "{.a[x]}",
        "{.a[1:2:3:4]}",
        "{.a[0:1:0]}",
        "{.a['b]}",
        "{.a['b'c]}",
        "{....}",
        "{range .a}",
        "{end}",
        "{.a[?(@.b=1)]}",
        "{.a[?(@.b==1]}",
        "{.a ^}",
        "{-x}",
        "{.a\\",
    ];
    let table: Vec<String> = rows
        .iter()
        .map(|text| format!("{text}: {}", text.parse::<Template>().expect_err(text)))
        .collect();
    insta::assert_snapshot!(table.join("\n"), @r#"
    {.a: unclosed action at position 1
    {.a[}: unclosed action at position 1
    {.a[0}: unclosed action at position 1
    {.a[x]}: invalid array index x at position 5
    {.a[1:2:3:4]}: invalid array index 1:2:3:4 at position 11
    {.a[0:1:0]}: step must be > 0 at position 9
    {.a['b]}: unclosed action at position 1
    {.a['b'c]}: invalid array index 'b'c at position 8
    {....}: invalid multiple recursive descent at position 4
    {range .a}: a range has no {end} at position 10
    {end}: not in range, nothing to end at position 0
    {.a[?(@.b=1)]}: unrecognized filter operator at position 3
    {.a[?(@.b==1]}: unclosed action at position 1
    {.a ^}: unrecognized character in action: '^' at position 3
    {-x}: cannot parse number -x at position 0
    {.a\: unclosed action at position 1
    "#);
}

#[test]
fn paths_are_bounded() {
    let wide = json!({"a": vec![json!({"b": [{"c": [1]}]}); 1000]});
    let path: Path = "{.a[?(@..[?(@..c)])].b}".parse().unwrap();
    assert_eq!(path.find(&wide).map(|found| found.len()), Ok(1000));
    // Each of the eight multiplies by ten.
    let multiplied = format!(
        "{{{}}}",
        ".x[*]['x','x','x','x','x','x','x','x','x','x']".repeat(8)
    );
    let nested = (0..20).fold(json!(1), |inner, _| json!({"x": [{"x": inner}]}));
    let path: Path = multiplied.parse().unwrap();
    assert_eq!(path.find(&nested), Err(Error::TooMany));
    assert_eq!("x".repeat(MAX_TEXT + 1).parse::<Template>(), Err(Error::TooLong));
    let nested = format!("{}{}", "{range .[*]}".repeat(10), "{end}".repeat(10));
    assert_eq!(nested.parse::<Template>(), Err(Error::TooDeep));
}

proptest! {
    #[test]
    fn any_text_and_any_value_end(
        text in "(\\{|\\}|\\.|\\[|\\]|\\(|\\)|\\?|@|a|b|\\*|:|,|-|[0-2]|'|\"|==|range |end| |\\\\){0,24}",
        value in values(),
    ) {
        if let Ok(template) = text.parse::<Template>() {
            let _ends = template.render(&value);
        }
        if let Ok(path) = text.parse::<Path>() {
            let _ends = path.find(&value);
        }
    }

    #[test]
    fn any_unicode_ends(text in "\\{?.{0,20}\\}?") {
        let _ends = (text.parse::<Template>(), text.parse::<Path>());
    }
}
