//! Defaults of any object.

use std::sync::Arc;

use super::config::Defaults;
use crate::meta::ObjectMeta;
use crate::object::Object;
use crate::reasons::annotations;

/// Fills in what was left out.
pub trait SetDefaults {
    /// Writes the defaults into the value.
    fn set_defaults(&mut self, defaults: &Defaults);
}

impl SetDefaults for Object {
    fn set_defaults(&mut self, defaults: &Defaults) {
        match self {
            Self::Task(task) => Arc::make_mut(task).set_defaults(defaults),
            Self::Pipeline(pipeline) => Arc::make_mut(pipeline).set_defaults(defaults),
            Self::TaskRun(run) => Arc::make_mut(run).set_defaults(defaults),
            Self::PipelineRun(run) => Arc::make_mut(run).set_defaults(defaults),
            Self::StepAction(action) => Arc::make_mut(action).set_defaults(defaults),
            Self::CustomRun(run) => Arc::make_mut(run).set_defaults(defaults),
            Self::Secret(secret) => Arc::make_mut(secret).set_defaults(defaults),
            _ => {}
        }
    }
}

/// Drops the annotations that a user may not set when creating a `TaskRun` or `PipelineRun`; an update keeps them.
pub fn drop_reserved_annotations(metadata: &mut ObjectMeta) {
    metadata
        .annotations
        .retain(|key, _| !key.contains(annotations::RESERVED_GROUP));
}
