//! From undecoded to typed objects.

use serde_json::Value;

use super::kinds::Known;
use super::kinds::known;
use crate::conversion::to_v1;
use crate::decode::type_meta;
use crate::object::Kind;
use crate::object::Object;
use crate::problem::Problem;

impl Object {
    /// Reads an object of any known kind and version; old versions are converted.
    ///
    /// # Errors
    /// All that keeps it from being read: unknown kind, unknown fields, wrong types.
    pub fn from_json(value: Value) -> Result<Self, Vec<Problem>> {
        let (api_version, kind) = type_meta(&value);
        match known(api_version, kind) {
            Known::Kind(kind) => read(kind, value),
            Known::Not(problem) => Err(vec![*problem]),
            Known::List(_) => {
                let path = crate::problem::FieldPath::root().field("kind");
                Err(vec![Problem::error(
                    "unexpected-list",
                    path,
                    "a list is no single object",
                )])
            }
        }
    }
}

/// Converts and decodes an object of a kind.
pub(super) fn read(kind: Kind, mut value: Value) -> Result<Object, Vec<Problem>> {
    let mut problems = to_v1(&mut value);
    match Object::of_kind(kind, value) {
        Ok(object) if problems.is_empty() => Ok(object),
        Ok(_) => Err(problems),
        Err(more) => {
            problems.extend(more);
            Err(problems)
        }
    }
}
