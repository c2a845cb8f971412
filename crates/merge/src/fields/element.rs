//! One step of a path into an object.

use std::fmt;
use std::sync::Arc;

pub use crate::fields::order::Key;

/// One step of a path. The order is that of upstream: fields, keyed items, values, indexes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element {
    /// A field of a map.
    Field(String),
    /// The item of a list whose key fields have these values, sorted by name.
    Keyed(Vec<(Arc<str>, Key)>),
    /// The item of a set.
    Value(Key),
    /// The item at a position.
    Index(i64),
}

impl Element {
    /// A field by name.
    pub fn field(name: impl Into<String>) -> Self {
        Self::Field(name.into())
    }
}

impl fmt::Display for Element {
    /// Writes the element as upstream's messages do: `.spec`, `[name="a"]`, `[="b"]`, `[0]`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(formatter, ".{name}"),
            Self::Keyed(keys) => {
                formatter.write_str("[")?;
                for (index, (name, value)) in keys.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    write!(formatter, "{comma}{name}={value}")?;
                }
                formatter.write_str("]")
            }
            Self::Value(value) => write!(formatter, "[={value}]"),
            Self::Index(index) => write!(formatter, "[{index}]"),
        }
    }
}

/// A path as one text: `.spec.containers[name="a"].image`.
pub fn path_text(path: &[Element]) -> String {
    path.iter().map(Element::to_string).collect()
}
