//! The operations of a patch, decoded.

use serde_json::Map;
use serde_json::Value;

use crate::json_patch::pointer::Pointer;
use crate::json_patch::run::Error;

/// Most operations in one patch; the figure of the API server.
pub const MAX_OPERATIONS: usize = 10_000;

/// A decoded patch: operations that are carried out one after the other, all or none.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    pub(super) operations: Vec<Operation>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Operation {
    pub(super) path: Pointer,
    pub(super) action: Action,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    Add(Value),
    Remove,
    Replace(Value),
    Move(Pointer),
    Copy(Pointer),
    Test(Value),
}

impl Patch {
    /// Decodes an array of operations.
    ///
    /// # Errors
    /// When it is no array, has too many operations, or an operation is not what the RFC says; see [`enum@Error`].
    pub fn decode(patch: &Value) -> Result<Self, Error> {
        let entries = patch.as_array().ok_or(Error::NoArray)?;
        if entries.len() > MAX_OPERATIONS {
            return Err(Error::TooMany { count: entries.len() });
        }
        let decoded = entries.iter().enumerate();
        let operations: Result<_, _> = decoded.map(|(index, entry)| decode_one(index, entry)).collect();
        Ok(Self {
            operations: operations?,
        })
    }

    /// The number of operations.
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether the patch does nothing.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }
}

fn decode_one(index: usize, entry: &Value) -> Result<Operation, Error> {
    let none = Map::new();
    let fields = entry.as_object().unwrap_or(&none);
    let path = fields.get("path").and_then(Value::as_str);
    let fault = |message: String| Error::Operation {
        index,
        path: path.unwrap_or_default().to_owned(),
        message,
    };
    if !entry.is_object() {
        return Err(fault("an operation is an object".to_owned()));
    }
    let Some(op) = fields.get("op").and_then(Value::as_str) else {
        return Err(fault("Unexpected kind: unknown".to_owned()));
    };
    let pointer = |field: &str| {
        let text = fields
            .get(field)
            .and_then(Value::as_str)
            .ok_or_else(|| fault(format!("{op} operation failed to decode {field}: missing value")))?;
        Pointer::parse(text).ok_or_else(|| {
            fault(format!(
                "{op} operation does not apply: \"{text}\" is no path: it does not start with \"/\""
            ))
        })
    };
    let value = || {
        let value = fields.get("value").cloned();
        value.ok_or_else(|| fault(format!("{op} operation has no value")))
    };
    let action = match op {
        "add" => Action::Add(value()?),
        "remove" => Action::Remove,
        "replace" => Action::Replace(value()?),
        "move" => Action::Move(pointer("from")?),
        "copy" => Action::Copy(pointer("from")?),
        "test" => Action::Test(value()?),
        other => return Err(fault(format!("Unexpected kind: {other}"))),
    };
    Ok(Operation {
        path: pointer("path")?,
        action,
    })
}
