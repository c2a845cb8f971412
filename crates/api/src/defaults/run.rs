//! `TaskRun`, `PipelineRun` and `CustomRun`.

use std::sync::Arc;

use super::config::Defaults;
use super::object::SetDefaults;
use crate::reasons::labels;
use crate::tekton::CustomRun;
use crate::tekton::PipelineRun;
use crate::tekton::TaskRun;
use crate::tekton::customrun::CustomRunSpec;
use crate::tekton::pipelinerun::PipelineRunSpec;
use crate::tekton::taskrun::TaskRunSpec;

impl SetDefaults for TaskRun {
    fn set_defaults(&mut self, defaults: &Defaults) {
        Arc::make_mut(&mut self.spec).set_defaults(defaults);
        self.metadata
            .labels
            .entry(labels::MANAGED_BY.to_owned())
            .or_insert_with(|| defaults.managed_by.clone());
    }
}

impl SetDefaults for TaskRunSpec {
    fn set_defaults(&mut self, defaults: &Defaults) {
        if let Some(reference) = &mut self.task_ref {
            reference.set_defaults(defaults);
        }
        self.timeout.get_or_insert(defaults.timeout);
        default_text(&mut self.service_account_name, &defaults.service_account);
        if let Some(spec) = &mut self.task_spec {
            spec.set_defaults(defaults);
        }
    }
}

impl SetDefaults for PipelineRun {
    fn set_defaults(&mut self, defaults: &Defaults) {
        Arc::make_mut(&mut self.spec).set_defaults(defaults);
    }
}

impl SetDefaults for PipelineRunSpec {
    fn set_defaults(&mut self, defaults: &Defaults) {
        if let Some(reference) = &mut self.pipeline_ref {
            reference.set_defaults(defaults);
        }
        self.timeouts
            .get_or_insert_default()
            .pipeline
            .get_or_insert(defaults.timeout);
        default_text(
            &mut self.task_run_template.service_account_name,
            &defaults.service_account,
        );
        if let Some(spec) = &mut self.pipeline_spec {
            spec.set_defaults(defaults);
        }
    }
}

impl SetDefaults for CustomRun {
    fn set_defaults(&mut self, defaults: &Defaults) {
        self.spec.set_defaults(defaults);
    }
}

impl SetDefaults for CustomRunSpec {
    fn set_defaults(&mut self, defaults: &Defaults) {
        default_text(&mut self.service_account_name, &defaults.service_account);
    }
}

fn default_text(field: &mut String, default: &str) {
    if field.is_empty() {
        default.clone_into(field);
    }
}
