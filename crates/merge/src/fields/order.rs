//! A total order of JSON values, so that they can be keys.

use std::cmp::Ordering;
use std::fmt;

use serde_json::Map;
use serde_json::Number;
use serde_json::Value;

/// A value that stands in a path: an item of a set, or a key of an item.
///
/// Numbers are equal when their amounts are: `1` and `1.0` name the same item.
#[derive(Clone, Debug)]
pub struct Key(Content);

/// Nearly all keys are texts, which need no box of their own.
#[derive(Clone, Debug)]
enum Content {
    Text(String),
    Other(Box<Value>),
}

impl Key {
    /// A value as a key.
    pub fn new(value: Value) -> Self {
        Self(match value {
            Value::String(text) => Content::Text(text),
            other => Content::Other(Box::new(other)),
        })
    }
}

impl fmt::Display for Key {
    /// Writes the value as JSON.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Content::Text(text) => Quoted(text).fmt(formatter),
            Content::Other(value) => value.fmt(formatter),
        }
    }
}

impl From<Key> for Value {
    fn from(key: Key) -> Self {
        match key.0 {
            Content::Text(text) => Self::String(text),
            Content::Other(value) => *value,
        }
    }
}

/// A text as JSON.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
        if self.0.bytes().all(is_plain) {
            return write!(formatter, "\"{}\"", self.0);
        }
        Value::from(self.0).fmt(formatter)
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Content::Text(left), Content::Text(right)) => left.cmp(right),
            (Content::Other(left), Content::Other(right)) => compare(left, right),
            // A text is no other: only the ranks decide.
            (Content::Text(_), Content::Other(right)) => TEXT.cmp(&rank(right)),
            (Content::Other(left), Content::Text(_)) => rank(left).cmp(&TEXT),
        }
    }
}

/// Numbers first, then texts, booleans, lists, maps, and null.
pub(crate) fn compare(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => numbers(left, right),
        (Value::String(left), Value::String(right)) => left.cmp(right),
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Array(left), Value::Array(right)) => lists(left, right),
        (Value::Object(left), Value::Object(right)) => maps(left, right),
        _ => rank(left).cmp(&rank(right)),
    }
}

/// The rank of texts.
const TEXT: u8 = 1;

fn rank(value: &Value) -> u8 {
    match value {
        Value::Number(_) => 0,
        Value::String(_) => TEXT,
        Value::Bool(_) => 2,
        Value::Array(_) => 3,
        Value::Object(_) => 4,
        Value::Null => 5,
    }
}

fn numbers(left: &Number, right: &Number) -> Ordering {
    if let (Some(left), Some(right)) = (whole(left), whole(right)) {
        return left.cmp(&right);
    }
    // Neither is NaN: JSON has none. `total_cmp` would tell -0.0 from 0.
    let amounts = (left.as_f64().unwrap_or(0.0), right.as_f64().unwrap_or(0.0));
    amounts.0.partial_cmp(&amounts.1).unwrap_or(Ordering::Equal)
}

fn whole(number: &Number) -> Option<i128> {
    let signed = number.as_i64().map(i128::from);
    signed.or_else(|| number.as_u64().map(i128::from))
}

fn lists(left: &[Value], right: &[Value]) -> Ordering {
    let mut pairs = left.iter().zip(right);
    let first = pairs.find_map(|(left, right)| Some(compare(left, right)).filter(|order| order.is_ne()));
    first.unwrap_or_else(|| left.len().cmp(&right.len()))
}

/// Maps compare as the lists of their entries, sorted by key.
fn maps(left: &Map<String, Value>, right: &Map<String, Value>) -> Ordering {
    let sorted = |map: &Map<String, Value>| {
        let mut entries: Vec<(String, Value)> = map
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        entries.sort_by(|left, right| left.0.cmp(&right.0));
        entries
    };
    let (left, right) = (sorted(left), sorted(right));
    let mut pairs = left.iter().zip(&right);
    let first = pairs.find_map(|(left, right)| {
        let order = left.0.cmp(&right.0).then_with(|| compare(&left.1, &right.1));
        Some(order).filter(|order| order.is_ne())
    });
    first.unwrap_or_else(|| left.len().cmp(&right.len()))
}

/// Whether two values are the same; numbers by their amount, maps without regard to order.
pub(crate) fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => numbers(left, right).is_eq(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            let same =
                |(key, value): (&String, &Value)| right.get(key).is_some_and(|other| equal(value, other));
            left.len() == right.len() && left.iter().all(same)
        }
        _ => left == right,
    }
}
