//! Cases for guards.

use serde_json::json;
use windlass_api::tekton::WhenExpression;

use super::*;

#[test]
fn all_guards_have_to_hold() {
    let rows = [
        (json!([]), Ok(true)),
        (
            json!([{"input": "a", "operator": "in", "values": ["a", "b"]}]),
            Ok(true),
        ),
        (
            json!([{"input": "c", "operator": "in", "values": ["a", "b"]}]),
            Ok(false),
        ),
        (
            json!([{"input": "c", "operator": "notin", "values": ["a", "b"]}]),
            Ok(true),
        ),
        (
            json!([{"input": "a", "operator": "notin", "values": ["a"]}]),
            Ok(false),
        ),
        (json!([{"input": "", "operator": "in", "values": []}]), Ok(false)),
        (json!([{"input": "", "operator": "in", "values": [""]}]), Ok(true)),
        (
            json!([{"input": "a", "operator": "in", "values": ["a"]}, {"input": "a", "operator": "notin", "values": ["a"]}]),
            Ok(false),
        ),
        (json!([{"cel": "'a' == 'a'"}]), Ok(true)),
        (json!([{"cel": "'a' == 'b'"}]), Ok(false)),
        (
            json!([{"cel": "true"}, {"input": "a", "operator": "in", "values": ["b"]}]),
            Ok(false),
        ),
        (
            json!([{"cel": "'a'"}]),
            Err(
                "[User error] Error evaluating CEL run: The CEL expression 'a' is not evaluated to a boolean",
            ),
        ),
        (
            json!([{"input": "a", "operator": "in", "values": ["b"]}, {"cel": "7"}]),
            Err("[User error] Error evaluating CEL run: The CEL expression 7 is not evaluated to a boolean"),
        ),
    ];
    for (given, then) in rows {
        let guards: Vec<WhenExpression> = serde_json::from_value(given.clone()).unwrap();
        let value = holds(&guards).map_err(|error| error.message("run"));
        assert_eq!(value, then.map_err(str::to_owned), "{given}");
    }
}
