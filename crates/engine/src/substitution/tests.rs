//! Cases for texts, lists, values and guards.

use proptest::prelude::*;
use windlass_api::tekton::ParamValue;
use windlass_api::tekton::WhenExpression;

use super::*;

fn strings(items: &[&str]) -> Vec<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

fn replacer() -> Replacer<'static> {
    let mut values = Replacer::new();
    values
        .string("params.x", "X")
        .string("params['x']", "X")
        .string("params.self", "$(params.x)")
        .value(
            &strings(&["params.list", "params['list']"]),
            &ParamValue::Array(strings(&["a", "b"])),
        )
        .value(&strings(&["params.none"]), &ParamValue::Array(vec![]))
        .value(
            &strings(&["params.object"]),
            &ParamValue::Object([("key".to_owned(), "K".to_owned())].into()),
        );
    values
}

#[test]
fn text_is_replaced_once_and_unknown_variables_stay() {
    let values = replacer();
    let rows = [
        ("", ""),
        ("plain $ ( ) $( $)", "plain $ ( ) $( $)"),
        ("$(params.x)", "X"),
        ("a$(params.x)b$(params['x'])c", "aXbXc"),
        ("$$(params.x)", "$X"),
        ("$(params.self)", "$(params.x)"),
        ("$(params.$(params.x))", "$(params.X)"),
        ("$($($(params.x)", "$($(X"),
        ("$(params.unknown) $(params.x)", "$(params.unknown) X"),
        ("$(params.list[0])-$(params['list'][1])", "a-b"),
        (
            "$(params.list[2]) $(params.list[00]) $(params.list[])",
            "$(params.list[2]) $(params.list[00]) $(params.list[])",
        ),
        (
            "$(params.list[*]) $(params.list)",
            "$(params.list[*]) $(params.list)",
        ),
        (
            "$(params.object.key)$(params.object.other)",
            "K$(params.object.other)",
        ),
        ("ä$(params.x)ö", "äXö"),
    ];
    for (given, then) in rows {
        assert_eq!(Expansion::new(&values).text(given).unwrap(), then, "{given}");
    }
}

#[test]
fn arrays_are_spliced_where_they_stand_alone() {
    let values = replacer();
    let rows: [(&[&str], &[&str]); 6] = [
        (&["$(params.list[*])"], &["a", "b"]),
        (&["$(params.list)", "c"], &["a", "b", "c"]),
        (&["$(params['list'][*])"], &["a", "b"]),
        (&["x$(params.list[*])"], &["x$(params.list[*])"]),
        (&["-v", "$(params.none[*])"], &["-v"]),
        (
            &["$(params.x)", "$(params.object[*])"],
            &["X", "$(params.object[*])"],
        ),
    ];
    for (given, then) in rows {
        assert_eq!(
            Expansion::new(&values).list(&strings(given)).unwrap(),
            then,
            "{given:?}"
        );
    }
}

#[test]
fn values_take_the_type_of_what_they_stand_for() {
    let values = replacer();
    let object = ParamValue::Object([("key".to_owned(), "K".to_owned())].into());
    let rows = [
        (ParamValue::from("$(params.x)"), ParamValue::from("X")),
        (
            ParamValue::from("$(params.list[*])"),
            ParamValue::Array(strings(&["a", "b"])),
        ),
        (
            ParamValue::from("$(params.list)"),
            ParamValue::Array(strings(&["a", "b"])),
        ),
        (ParamValue::from("$(params.list[1])"), ParamValue::from("b")),
        (ParamValue::from("$(params.object[*])"), object),
        (
            ParamValue::from("$(params.x[*])"),
            ParamValue::from("$(params.x[*])"),
        ),
        (
            ParamValue::from("is $(params.list[*])"),
            ParamValue::from("is $(params.list[*])"),
        ),
        (
            ParamValue::Array(strings(&["$(params.list[*])", "$(params.x)"])),
            ParamValue::Array(strings(&["a", "b", "X"])),
        ),
        (
            ParamValue::Object([("$(params.x)".to_owned(), "$(params.x)".to_owned())].into()),
            ParamValue::Object([("$(params.x)".to_owned(), "X".to_owned())].into()),
        ),
    ];
    for (given, then) in rows {
        let mut value = given.clone();
        Expansion::new(&values).value(&mut value).unwrap();
        assert_eq!(value, then, "{given:?}");
    }
}

#[test]
fn guards_compare_whole_arrays_as_json() {
    let values = replacer();
    let mut when = WhenExpression {
        input: "$(params.list[*])".into(),
        operator: "in".into(),
        values: strings(&["$(params.list[*])", "$(params.x)"]),
        cel: "'$(params.x)' == 'X'".into(),
    };
    Expansion::new(&values).when(&mut when).unwrap();
    assert_eq!(when.input, r#"["a","b"]"#);
    assert_eq!(when.values, strings(&["a", "b", "X"]));
    assert_eq!(when.cel, "'X' == 'X'");
}

#[test]
fn an_expansion_beyond_its_limit_is_refused() {
    let mut values = Replacer::new();
    values
        .string("a", "0123456789")
        .value(&strings(&["l"]), &ParamValue::Array(vec![String::new(); 100]));
    let too_large = Err(Error::TooLarge { limit: 25 });
    let mut pass = Expansion::with_limit(&values, 25);
    assert_eq!(pass.text("$(a)$(a)").unwrap().len(), 20);
    assert_eq!(
        pass.text("$(a)"),
        too_large,
        "the bound is that of the whole pass"
    );
    let spliced = Expansion::with_limit(&values, 25).list(&strings(&["$(l[*])"]));
    assert_eq!(
        spliced,
        Err(Error::TooLarge { limit: 25 }),
        "empty elements count too"
    );
}

#[test]
fn a_replacer_in_front_hides_names_with_all_their_parts() {
    let behind = replacer();
    let mut front = Replacer::in_front_of(&behind);
    front
        .hide("params.list")
        .hide("params.object")
        .string("params.x", "front");
    let text = "$(params.x)|$(params['x'])|$(params.list[0])|$(params.object.key)|$(params['list'][0])";
    insta::assert_snapshot!(
        Expansion::new(&front).text(text).unwrap(),
        @"front|X|$(params.list[0])|$(params.object.key)|a"
    );
}

#[test]
fn only_a_lone_variable_is_isolated() {
    let rows = [
        ("$(a)", Some("a")),
        ("$(a[*])", Some("a")),
        (" $(a)", None),
        ("$(a)$(b)", None),
        ("$(a", None),
        ("a", None),
    ];
    for (given, then) in rows {
        assert_eq!(isolated(given), then, "{given}");
    }
}

/// Replacement by its definition: at each place, the first known variable that starts there.
fn by_definition(values: &[(String, String)], text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let found = values
            .iter()
            .find_map(|(name, value)| Some((rest.strip_prefix(&format!("$({name})"))?, value)));
        if let Some((after, value)) = found {
            out.push_str(value);
            rest = after;
        } else {
            out.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    out
}

proptest! {
    #[test]
    fn replacing_agrees_with_its_definition(
        values in prop::collection::vec(("[ab.$(]{0,3}", "[a$()b]{0,4}"), 0..4),
        text in "[ab.$()ä]{0,40}",
    ) {
        let values: Vec<(String, String)> =
            values.into_iter().filter(|(name, _)| !name.contains("$(")).collect();
        let mut replacer = Replacer::new();
        for (name, value) in values.iter().rev() {
            replacer.string(name.clone(), value.clone());
        }
        prop_assert_eq!(
            Expansion::new(&replacer).text(&text).unwrap(),
            by_definition(&values, &text)
        );
    }

    #[test]
    fn scanning_finds_what_can_be_put_back(text in "[ab$()\\[\\]*]{0,60}") {
        for name in variables(&text) {
            let whole = format!("$({name})");
            prop_assert!(text.contains(&whole));
            prop_assert!(!name.contains("$(") && !name.contains(')'));
        }
    }
}

#[test]
fn a_million_openings_are_scanned_in_one_go() {
    // Quadratic work would take hours here.
    let text = "$(".repeat(1 << 20);
    let values = replacer();
    assert_eq!(Expansion::new(&values).text(&text).unwrap(), text);
    let text = format!("{})", "$(a".repeat(1 << 20));
    assert_eq!(Expansion::new(&values).text(&text).unwrap(), text);
}
