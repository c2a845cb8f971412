//! The part of an object that only its controller writes.

use std::sync::Arc;

use super::Kind;
use super::Object;

/// Name of the field.
const STATUS: &str = "status";

macro_rules! with_status {
    ($($variant:ident),+ $(,)?) => {
        impl Kind {
            /// Whether its objects have a status that is written apart from the rest.
            pub fn has_status(self) -> bool {
                match self {
                    $(Self::$variant => true,)+
                    Self::Custom(kind) => kind.has_status(),
                    _ => false,
                }
            }
        }

        impl Object {
            /// Takes away what only the plane says of an object; a file that was written from a plane must not claim to
            /// have run.
            pub fn clear_status(&mut self) {
                match self {
                    $(Self::$variant(object) => Arc::make_mut(object).status = Default::default(),)+
                    Self::Custom(object) if object.kind.has_status() && object.body.contains_key(STATUS) => {
                        Arc::make_mut(object).body.shift_remove(STATUS);
                    }
                    _ => {}
                }
            }

            /// Takes over the status of another object of its kind, if its kind has one.
            pub fn copy_status(&mut self, from: &Self) {
                match (self, from) {
                    $((Self::$variant(object), Self::$variant(from)) => {
                        Arc::make_mut(object).status.clone_from(&from.status);
                    })+
                    (Self::Custom(object), Self::Custom(from)) if from.kind.has_status() => {
                        let object = Arc::make_mut(object);
                        match from.body.get(STATUS) {
                            Some(status) => object.body.insert(STATUS.to_owned(), status.clone()),
                            None => object.body.shift_remove(STATUS),
                        };
                    }
                    _ => {}
                }
            }
        }
    };
}

with_status!(
    TaskRun,
    PipelineRun,
    CustomRun,
    ResolutionRequest,
    PersistentVolumeClaim,
    Namespace,
    ResourceQuota,
    CustomResourceDefinition,
    Runner,
    Token,
);

impl Object {
    /// Takes over everything but the status of another object of its kind. The status, which may be large, stays where it is.
    pub fn keep_all_but_status(&mut self, from: &Self) {
        match (self, from) {
            (Self::TaskRun(object), Self::TaskRun(from)) => {
                let object = Arc::make_mut(object);
                object.metadata.clone_from(&from.metadata);
                object.spec = Arc::clone(&from.spec);
            }
            (Self::PipelineRun(object), Self::PipelineRun(from)) => {
                let object = Arc::make_mut(object);
                object.metadata.clone_from(&from.metadata);
                object.spec = Arc::clone(&from.spec);
            }
            (object, from) => {
                let mut whole = from.clone();
                whole.copy_status(object);
                *object = whole;
            }
        }
    }
}
