use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::merge;
use crate::schema::Schema;

fn schema() -> Schema {
    let schema = json!({"properties": {
        "set": {"type": "array", "x-kubernetes-list-type": "set"},
        "keyed": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]},
    }});
    Schema::from_openapi(&schema, &Map::new()).unwrap()
}

#[test]
fn items_take_the_applied_order_and_others_keep_their_neighbours() {
    let rows = [
        ("", "ab", "ab"),
        ("ab", "", "ab"),
        ("abc", "abc", "abc"),
        ("abcd", "adcb", "adcb"),
        ("abc", "x", "abcx"),
        ("abc", "cb", "acb"),
        ("abc", "bxc", "abxc"),
        ("abc", "xb", "axbc"),
        ("axbyc", "cba", "xycba"),
        ("abcxyz", "cz", "abcxyz"),
        ("xaybz", "ba", "xybza"),
        // Twice in the live list: replaced by the one that is applied, or left alone.
        ("aab", "a", "ab"),
        ("aab", "b", "aab"),
    ];
    let schema = schema();
    let list = |text: &str| -> Vec<String> { text.chars().map(String::from).collect() };
    let keyed = |text: &str| -> Value { text.chars().map(|name| json!({"k": name.to_string()})).collect() };
    for (live, applied, expected) in rows {
        let merged = merge(
            &schema,
            json!({"set": list(live)}),
            &json!({"set": list(applied)}),
        );
        assert_eq!(merged, json!({"set": list(expected)}), "{live} + {applied}");
        let merged = merge(
            &schema,
            json!({"keyed": keyed(live)}),
            &json!({"keyed": keyed(applied)}),
        );
        assert_eq!(merged, json!({"keyed": keyed(expected)}), "{live} + {applied}");
    }
}
