//! From undecoded to typed objects.

use std::sync::Arc;

use serde_json::Value;

use super::kinds::Known;
use super::kinds::known;
use crate::conversion::to_v1;
use crate::decode::decode;
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
    match decoded(kind, value) {
        Ok(object) if problems.is_empty() => Ok(object),
        Ok(_) => Err(problems),
        Err(more) => {
            problems.extend(more);
            Err(problems)
        }
    }
}

fn decoded(kind: Kind, value: Value) -> Result<Object, Vec<Problem>> {
    Ok(match kind {
        Kind::Task => Object::Task(Arc::new(decode(value)?)),
        Kind::Pipeline => Object::Pipeline(Arc::new(decode(value)?)),
        Kind::TaskRun => Object::TaskRun(Arc::new(decode(value)?)),
        Kind::PipelineRun => Object::PipelineRun(Arc::new(decode(value)?)),
        Kind::StepAction => Object::StepAction(Arc::new(decode(value)?)),
        Kind::CustomRun => Object::CustomRun(Arc::new(decode(value)?)),
        Kind::ConfigMap => Object::ConfigMap(Arc::new(decode(value)?)),
        Kind::Secret => Object::Secret(Arc::new(decode(value)?)),
        Kind::ServiceAccount => Object::ServiceAccount(Arc::new(decode(value)?)),
        Kind::PersistentVolumeClaim => Object::PersistentVolumeClaim(Arc::new(decode(value)?)),
    })
}
