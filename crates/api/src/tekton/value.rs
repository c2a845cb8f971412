//! The value of a parameter or result.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::Schema;
use schemars::SchemaGenerator;
use schemars::json_schema;
use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use serde_json::Value;

/// A string, an array of strings, or an object of strings.
///
/// Reading follows upstream: a list is an array only if all its elements are strings, a mapping is an object only if
/// all its values are; anything else, numbers and booleans included, becomes its JSON text as a string.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ParamValue {
    /// A string.
    String(String),
    /// An array of strings.
    Array(Vec<String>),
    /// An object of strings.
    Object(BTreeMap<String, String>),
}

/// The three types a [`ParamValue`] can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ParamType {
    /// A string.
    String,
    /// An array of strings.
    Array,
    /// An object of strings.
    Object,
}

impl ParamType {
    /// The type's name in YAML.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }
}

impl ParamValue {
    /// The value's type.
    pub fn kind(&self) -> ParamType {
        match self {
            Self::String(_) => ParamType::String,
            Self::Array(_) => ParamType::Array,
            Self::Object(_) => ParamType::Object,
        }
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Array(_) | Self::Object(_) => None,
        }
    }

    /// Reads any JSON value by upstream's rules.
    pub fn from_json(value: Value) -> Self {
        match value {
            Value::String(text) => Self::String(text),
            Value::Null => Self::String(String::new()),
            Value::Array(items) => match all_strings(&items) {
                Some(strings) => Self::Array(strings),
                None => Self::String(Value::Array(items).to_string()),
            },
            Value::Object(fields) => {
                let strings: Option<BTreeMap<String, String>> = fields
                    .iter()
                    .map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
                    .collect();
                match strings {
                    Some(strings) => Self::Object(strings),
                    None => Self::String(Value::Object(fields).to_string()),
                }
            }
            scalar => Self::String(scalar.to_string()),
        }
    }

    /// The value as JSON.
    pub fn to_json(&self) -> Value {
        match self {
            Self::String(text) => Value::String(text.clone()),
            Self::Array(items) => items.iter().cloned().map(Value::String).collect(),
            Self::Object(fields) => fields
                .iter()
                .map(|(key, value)| (key.clone(), Value::String(value.clone())))
                .collect(),
        }
    }
}

fn all_strings(items: &[Value]) -> Option<Vec<String>> {
    items
        .iter()
        .map(|item| item.as_str().map(str::to_owned))
        .collect()
}

impl Default for ParamValue {
    fn default() -> Self {
        Self::String(String::new())
    }
}

impl From<&str> for ParamValue {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for ParamValue {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<Vec<String>> for ParamValue {
    fn from(items: Vec<String>) -> Self {
        Self::Array(items)
    }
}

impl Serialize for ParamValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::String(text) => text.serialize(serializer),
            Self::Array(items) => items.serialize(serializer),
            Self::Object(fields) => fields.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ParamValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::from_json)
    }
}

impl JsonSchema for ParamValue {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ParamValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "String, array of strings, or object of strings; numbers and booleans become their text.",
            "x-kubernetes-preserve-unknown-fields": true
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_becomes_the_type_upstream_gives_it() {
        let rows = [
            (json!("a"), ParamValue::from("a")),
            (json!(["a", "b"]), ParamValue::Array(vec!["a".into(), "b".into()])),
            (json!([]), ParamValue::Array(vec![])),
            (json!(["a", 1]), ParamValue::from("[\"a\",1]")),
            (
                json!({"k": "v"}),
                ParamValue::Object([("k".to_owned(), "v".to_owned())].into()),
            ),
            (json!({"k": 1}), ParamValue::from("{\"k\":1}")),
            (json!(true), ParamValue::from("true")),
            (json!(1.5), ParamValue::from("1.5")),
        ];
        for (given, then) in rows {
            assert_eq!(ParamValue::from_json(given.clone()), then, "{given}");
        }
    }
}
