use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::FieldSelector;
use super::LabelSelector;
use super::MAX_TEXT;

fn labels(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split_whitespace().filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn label_selectors_match() {
    let rows = [
        ("", "", true),
        ("a", "a=", true),
        ("a", "b=1", false),
        ("!a", "b=1", true),
        ("! a", "a=1", false),
        ("a=1", "a=1", true),
        ("a==1", "a=2", false),
        ("a=", "a=", true),
        ("a=,b=1", "a= b=1", true),
        ("a!=1", "b=1", true),
        ("a!=1", "a=1", false),
        ("a in (1,2)", "a=2", true),
        ("a in (1,2)", "b=2", false),
        ("a in ()", "a=", true),
        ("a in (,x)", "a=x", true),
        ("a in (x,)", "a=", true),
        ("a in (in,notin)", "a=notin", true),
        ("in in (x)", "in=x", true),
        ("a notin (1)", "b=1", true),
        ("a notin (1,2)", "a=2", false),
        ("a>1", "a=2", true),
        ("a<1", "a=2", false),
        ("a>1", "a=x", false),
        ("example.com/a=1, b = 2", "example.com/a=1 b=2", true),
        ("a=1,a=2", "a=1", false),
    ];
    for (selector, given, expected) in rows {
        let parsed: LabelSelector = selector
            .parse()
            .unwrap_or_else(|error| panic!("{selector}: {error}"));
        let given = labels(given);
        let found = parsed.matches(|key| given.get(key).map(String::as_str));
        assert_eq!(found, expected, "{selector:?} on {given:?}");
        assert_eq!(parsed.to_string().parse(), Ok(parsed), "{selector}");
    }
}

#[test]
fn what_is_no_label_selector_says_why() {
    let rows = [
        ",",
        "a,",
        "a=1,,b",
        "=1",
        "!",
        "!=1",
        "a b",
        "a in 1",
        "a in (1",
        "a in (1;2)",
        "a in",
        "a = = 1",
        "a=(1)",
        "-a",
        "a/b/c=1",
        "A_b.c/d",
        "a=b-",
        "a in (ok,n o)",
        "a>x",
        "a notin (=)",
    ];
    let row = |text: &str| {
        let error = text.parse::<LabelSelector>().expect_err(text);
        let short: String = error.to_string().chars().take(110).collect();
        format!("{text}: {}", short.trim_end())
    };
    let table: Vec<String> = rows.into_iter().map(row).collect();
    insta::assert_snapshot!(table.join("\n"), @r#"
    ,: found ',', expected: !, identifier, or 'end of string'
    a,: found '', expected: identifier after ','
    a=1,,b: found ',', expected: identifier after ','
    =1: found '=', expected: !, identifier, or 'end of string'
    !: unable to parse requirement: found '', expected: identifier
    !=1: found '!=', expected: !, identifier, or 'end of string'
    a b: unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt
    a in 1: unable to parse requirement: found '1' expected: '('
    a in (1: unable to parse requirement: found '', expected: ',' or ')'
    a in (1;2): unable to parse requirement: values[0][a]: Invalid value: "1;2": a valid label must be an empty string or cons
    a in: unable to parse requirement: found '' expected: '('
    a = = 1: unable to parse requirement: found '=', expected: identifier
    a=(1): unable to parse requirement: found '(', expected: identifier
    -a: unable to parse requirement: <nil>: Invalid value: "-a": name part must consist of alphanumeric characters, '-
    a/b/c=1: unable to parse requirement: <nil>: Invalid value: "a/b/c": a qualified name must consist of alphanumeric char
    A_b.c/d: unable to parse requirement: <nil>: Invalid value: "A_b.c/d": prefix part a lowercase RFC 1123 subdomain must
    a=b-: unable to parse requirement: values[0][a]: Invalid value: "b-": a valid label must be an empty string or consi
    a in (ok,n o): unable to parse requirement: found 'o', expected: ',' or ')'
    a>x: unable to parse requirement: values[0]: Invalid value: "x": for 'Gt', 'Lt' operators, the value must be an int
    a notin (=): unable to parse requirement: found '=', expected: ',', ')' or identifier
    "#);
    assert!("a,".repeat(MAX_TEXT).parse::<LabelSelector>().is_err());
}

#[test]
fn objects_select_too() {
    let selector = json!({
        "matchLabels": {"tier": "web"},
        "matchExpressions": [
            {"key": "env", "operator": "In", "values": ["b", "a"]},
            {"key": "x", "operator": "NotIn", "values": ["1"]},
            {"key": "y", "operator": "Exists"},
            {"key": "z", "operator": "DoesNotExist", "values": []},
        ],
    });
    let parsed = LabelSelector::from_object(&selector, "selector").unwrap();
    assert_eq!(parsed.to_string(), "env in (a,b),tier=web,x notin (1),y,!z");
    assert_eq!(parsed.exact("tier"), Some("web"));
    assert_eq!(parsed.exact("env"), None);
    assert!(
        LabelSelector::from_object(&json!({}), "selector")
            .unwrap()
            .is_empty()
    );
    let rows = [
        json!([]),
        json!({"matchLabels": {"a": 1}}),
        json!({"matchLabels": []}),
        json!({"matchExpression": []}),
        json!({"matchExpressions": [{"key": "a", "operator": "Has"}]}),
        json!({"matchExpressions": [{"key": "a", "operator": "In"}]}),
        json!({"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]}),
        json!({"matchExpressions": [{"operator": "Exists"}]}),
    ];
    let errors: Vec<String> = rows
        .iter()
        .map(|row| {
            LabelSelector::from_object(row, "selector")
                .expect_err("no row selects")
                .to_string()
        })
        .collect();
    insta::assert_snapshot!(errors.join("\n"), @r#"
    selector: a label selector is an object
    selector.matchLabels.a: must be a string
    selector.matchLabels: has the wrong type
    selector.matchExpression: unknown field
    "Has" is not a valid label selector operator
    selector.matchExpressions[0].values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty
    selector.matchExpressions[0].values: Invalid value: ["b"]: values set must be empty for exists and does not exist
    selector.matchExpressions[0].key: Required value
    "#);
}

#[test]
fn field_selectors_match() {
    let rows = [
        ("", "", true),
        ("metadata.name=a", "metadata.name=a", true),
        ("metadata.name==a", "metadata.name=b", false),
        ("status.phase!=Running", "metadata.name=b", true),
        ("a=,b=1", "b=1", true),
        (r"a=x\,y\=z\\", r"a=x,y=z\", true),
        ("a=1,,", "a=1", true),
        ("a==", "", true),
    ];
    for (selector, given, expected) in rows {
        let parsed: FieldSelector = selector
            .parse()
            .unwrap_or_else(|error| panic!("{selector}: {error}"));
        let given = labels(given);
        let found = parsed.matches(|key| given.get(key).map(String::as_str));
        assert_eq!(found, expected, "{selector:?} on {given:?}");
        assert_eq!(parsed.to_string().parse(), Ok(parsed), "{selector}");
    }
    let errors: Vec<String> = ["a", "a=1,b", r"a=\x", "a=b=c", r"a=\"]
        .iter()
        .map(|text| text.parse::<FieldSelector>().expect_err(text).to_string())
        .collect();
    insta::assert_snapshot!(errors.join("\n"), @r#"
    invalid selector: 'a'; can't understand 'a'
    invalid selector: 'a=1,b'; can't understand 'b'
    invalid field selector: invalid escape sequence: \x
    invalid field selector: unescaped character in value: 61
    invalid field selector: invalid escape sequence: \
    "#);
}

proptest! {
    #[test]
    fn what_parses_prints_and_parses_again(text in "[a-z0-9=!<>(), .\\\\/-]{0,24}|(a|b|in|notin|,|=|!|\\(|\\)| ){0,12}") {
        if let Ok(selector) = text.parse::<LabelSelector>() {
            prop_assert_eq!(selector.to_string().parse::<LabelSelector>(), Ok(selector));
        }
        if let Ok(selector) = text.parse::<FieldSelector>() {
            prop_assert_eq!(selector.to_string().parse::<FieldSelector>(), Ok(selector));
        }
    }

    #[test]
    fn any_text_ends(text in ".{0,40}") {
        let _ends = (text.parse::<LabelSelector>(), text.parse::<FieldSelector>());
    }
}
