//! What an undecoded object says it is.

use serde_json::Value;

/// The `apiVersion` and `kind` of an undecoded object; empty where they are missing or no text.
pub fn type_meta(value: &Value) -> (&str, &str) {
    (text_field(value, "apiVersion"), text_field(value, "kind"))
}

fn text_field<'a>(value: &'a Value, name: &str) -> &'a str {
    let Some(members) = value.as_object() else {
        return "";
    };
    let field = members.get(name).or_else(|| {
        members
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    });
    field.and_then(Value::as_str).unwrap_or_default()
}
