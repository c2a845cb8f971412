//! What a value is in the eyes of its type.

use serde_json::Value;

use crate::schema::Atom;
use crate::schema::ListKind;
use crate::schema::ListType;
use crate::schema::MapType;

/// One of the things a type allows.
#[derive(Clone, Copy)]
pub(crate) enum View<'a> {
    Map(&'a MapType),
    List(&'a ListType),
    Scalar,
}

impl View<'_> {
    pub(crate) fn is_same(self, other: View<'_>) -> bool {
        matches!(
            (self, other),
            (View::Map(_), View::Map(_)) | (View::List(_), View::List(_)) | (View::Scalar, View::Scalar)
        )
    }

    /// Whether the value is one field, whatever it contains.
    pub(crate) fn is_atomic(self) -> bool {
        match self {
            View::Map(map) => map.atomic,
            View::List(list) => list.kind == ListKind::Atomic,
            View::Scalar => true,
        }
    }
}

/// What the type takes the value for; null, and a value that is not allowed, for the first that it allows.
pub(crate) fn view<'a>(atom: &'a Atom, value: &Value) -> View<'a> {
    let first = match (&atom.map, &atom.list) {
        (Some(map), _) => View::Map(map),
        (None, Some(list)) if !atom.scalar => View::List(list),
        _ => View::Scalar,
    };
    match (value, &atom.list) {
        (Value::Array(_), Some(list)) => View::List(list),
        (Value::Bool(_) | Value::Number(_) | Value::String(_), _) if atom.scalar => View::Scalar,
        _ => first,
    }
}
