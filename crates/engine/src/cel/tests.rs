//! Cases for values, failures and bounds.

use proptest::prelude::*;

use super::*;

#[test]
fn expressions_are_true_false_or_refused() {
    let rows = [
        ("true", Ok(true)),
        ("'foo' == 'foo' && !('a' in ['b', 'c'])", Ok(true)),
        ("'master' in ['main', 'trunk']", Ok(false)),
        (
            "'refs/tags/v1.2'.startsWith('refs/tags/') && 'v1.2'.matches('^v[0-9.]+$')",
            Ok(true),
        ),
        ("size('abc') == 3 && int('7') > 6", Ok(true)),
        ("['a', 'b'].exists(x, x == 'b') && [1, 2].all(x, x > 0)", Ok(true)),
        ("{'a': 1}.a == 1", Ok(true)),
        ("// it's a comment\ntrue", Ok(true)),
        (
            "1 + 1",
            Err("The CEL expression 1 + 1 is not evaluated to a boolean"),
        ),
        (
            "'true'",
            Err("The CEL expression 'true' is not evaluated to a boolean"),
        ),
    ];
    for (given, then) in rows {
        let value = evaluate(given).map_err(|error| error.to_string());
        assert_eq!(value, then.map_err(str::to_owned), "{given}");
    }
}

#[test]
fn what_cannot_be_evaluated_is_an_error() {
    for given in [
        "",
        "(",
        "a b",
        "unknown == 'x'",
        "1 / 0 == 1",
        "'a'.nothing()",
        "$(params.x) == 'a'",
        "'\u{0}",
        "[1][7] == 1",
    ] {
        assert!(evaluate(given).is_err(), "{given}");
    }
}

#[test]
fn expressions_without_bounds_are_refused_before_they_cost() {
    let long = format!("'{}' == ''", "x".repeat(100_000));
    let sum = vec!["1"; 600].join("+");
    let nested = format!("{}true{}", "(".repeat(40), ")".repeat(40));
    let nots = format!("{}true", "!".repeat(600));
    let doubled = format!("['aa']{}.size() > 0", ".map(x, x + x)".repeat(40));
    let cubed = "[1,2,3,4,5,6,7,8].map(a, [1,2,3,4,5,6,7,8].map(b, [1,2,3,4,5,6,7,8].map(c, [1,2,3,4,5,6,7,8].map(d, [a,b,c,d])))).size() > 0";
    let hidden_by_raw_literal = format!(
        "r'\\' == '' || ['aa']{}.size() > 0 || '' == ''",
        ".map(x, x + x)".repeat(40)
    );
    let hidden_by_comment = format!(
        "// it's\n['aa']{}.size() > 0 // it's",
        ".map(x, x + x)".repeat(40)
    );
    let rows = [
        (long.as_str(), Error::TooLong { limit: 65536 }),
        (&sum, Error::TooManyWords { limit: 512 }),
        (&nested, Error::TooDeep { limit: 32 }),
        (&nots, Error::TooManyWords { limit: 512 }),
        (&doubled, Error::TooCostly),
        (cubed, Error::TooCostly),
        (&hidden_by_raw_literal, Error::TooCostly),
        (&hidden_by_comment, Error::TooCostly),
    ];
    for (given, then) in rows {
        assert_eq!(evaluate(given), Err(then), "{given}");
    }
}

#[test]
fn everyday_expressions_stay_far_below_the_bounds() {
    let branches = (0..60)
        .map(|at| format!("'branch-{at}'"))
        .collect::<Vec<_>>()
        .join(", ");
    let listed = format!("[{branches}].exists(x, x.startsWith('branch-5') && x != 'branch-50')");
    assert_eq!(evaluate(&listed), Ok(true));
    let value = format!("'{}' != ''", "x".repeat(60_000));
    assert_eq!(evaluate(&value), Ok(true));
}

#[test]
fn the_deepest_expressions_that_are_allowed_fit_a_small_stack() {
    let run = || {
        for (unit, end) in [
            ("!", "true"),
            ("-", "1 == 1"),
            ("1+", "1 == 1"),
            ("true ? true : ", "true"),
            ("true && ", "true"),
            ("[1]+", "[1] == [1]"),
        ] {
            let words = unit
                .split_inclusive(|letter: char| !letter.is_alphanumeric())
                .filter(|word| !word.trim().is_empty())
                .count();
            let text = format!("{}{end}", unit.repeat(480 / words.max(1) / 2));
            let _ = evaluate(&text);
        }
        let _ = evaluate(&format!("{}true{}", "(".repeat(31), ")".repeat(31)));
        let _ = evaluate(&format!("{}{} == [1]", "[".repeat(30), "]".repeat(30)));
    };
    run();
}

/// What expressions are made of.
const WORDS: &[&str] = &[
    "'a'",
    "\"ä\"",
    "r'\\'",
    "b'x'",
    "'\\u00e9'",
    "1",
    "-9223372036854775808",
    "1u",
    "1.5e300",
    "0x7f",
    "true",
    "null",
    "x",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "?",
    ".",
    "+",
    "-",
    "*",
    "/",
    "%",
    "!",
    "==",
    "<",
    "in",
    "&&",
    "||",
    ".size()",
    ".map(x, x)",
    ".exists(x, x == 'a')",
    ".matches('(a')",
    ".startsWith('a')",
    "int(",
    "string(",
    "duration('1s')",
    "timestamp(",
    "has(x.y)",
    "dyn(",
    "type(",
    "bytes(",
    "double(",
    "[0]",
    "['a']",
    "{1: 2}",
    "{'a': 1}.a",
    "optional.of(1)",
];

/// Texts of all kinds, from noise to what is almost an expression.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ab01'\"()\\[\\]{}.,:?!&|+<= \\\\rn/-]{0,40}",
        "\\PC{0,40}",
        prop::collection::vec(prop::sample::select(WORDS), 0..12).prop_map(|words| words.join(" ")),
        prop::collection::vec(prop::sample::select(WORDS), 0..12).prop_map(|words| words.concat()),
    ]
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in text()) {
        let _ = evaluate(&text);
    }
}
