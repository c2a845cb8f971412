//! `Pipeline` and its tasks.

use super::config::Defaults;
use super::object::SetDefaults;
use super::params::each;
use crate::tekton::Pipeline;
use crate::tekton::PipelineSpec;
use crate::tekton::PipelineTask;
use crate::tekton::pipeline::PipelineRef;

impl SetDefaults for Pipeline {
    fn set_defaults(&mut self, defaults: &Defaults) {
        self.spec.set_defaults(defaults);
    }
}

impl SetDefaults for PipelineSpec {
    fn set_defaults(&mut self, defaults: &Defaults) {
        each(&mut self.params, defaults);
        each(&mut self.tasks, defaults);
        each(&mut self.finally, defaults);
    }
}

impl SetDefaults for PipelineTask {
    fn set_defaults(&mut self, defaults: &Defaults) {
        if let Some(reference) = &mut self.task_ref {
            reference.set_defaults(defaults);
        }
        if let Some(spec) = &mut self.task_spec {
            spec.set_defaults(defaults);
        }
        // Upstream leaves these two to the child run; here they are needed for one pass of validation.
        if let Some(reference) = &mut self.pipeline_ref {
            reference.set_defaults(defaults);
        }
        if let Some(spec) = &mut self.pipeline_spec {
            spec.set_defaults(defaults);
        }
    }
}

impl SetDefaults for PipelineRef {
    fn set_defaults(&mut self, defaults: &Defaults) {
        if self.name.is_empty() && self.resolver.is_empty() {
            self.resolver.clone_from(&defaults.resolver);
        }
    }
}
