//! `Task` and `StepAction`.

use super::config::Defaults;
use super::object::SetDefaults;
use super::params::each;
use crate::core::Secret;
use crate::tekton::EmbeddedTask;
use crate::tekton::ParamSpec;
use crate::tekton::Step;
use crate::tekton::StepAction;
use crate::tekton::Task;
use crate::tekton::TaskSpec;
use crate::tekton::task::TaskRef;
use crate::tekton::task::TaskResult;

impl SetDefaults for Task {
    fn set_defaults(&mut self, defaults: &Defaults) {
        self.spec.set_defaults(defaults);
    }
}

impl SetDefaults for TaskSpec {
    fn set_defaults(&mut self, defaults: &Defaults) {
        default_task(&mut self.steps, &mut self.params, &mut self.results, defaults);
    }
}

impl SetDefaults for EmbeddedTask {
    fn set_defaults(&mut self, defaults: &Defaults) {
        default_task(&mut self.steps, &mut self.params, &mut self.results, defaults);
    }
}

fn default_task(
    steps: &mut [Step],
    params: &mut [ParamSpec],
    results: &mut [TaskResult],
    defaults: &Defaults,
) {
    for reference in steps.iter_mut().filter_map(|step| step.r#ref.as_mut()) {
        if reference.name.is_empty() && reference.resolver.is_empty() {
            reference.resolver.clone_from(&defaults.resolver);
        }
    }
    each(params, defaults);
    each(results, defaults);
}

impl SetDefaults for TaskRef {
    /// A reference by name is to a `Task`; one without name or resolver goes to the default resolver.
    fn set_defaults(&mut self, defaults: &Defaults) {
        if self.name.is_empty() && self.resolver.is_empty() {
            self.resolver.clone_from(&defaults.resolver);
        }
        if self.kind.is_empty() && self.resolver.is_empty() {
            "Task".clone_into(&mut self.kind);
        }
    }
}

impl SetDefaults for StepAction {
    fn set_defaults(&mut self, defaults: &Defaults) {
        each(&mut self.spec.params, defaults);
        each(&mut self.spec.results, defaults);
    }
}

impl SetDefaults for Secret {
    /// The type is `Opaque`, and `stringData` becomes `data`.
    fn set_defaults(&mut self, _: &Defaults) {
        if self.r#type.is_empty() {
            "Opaque".clone_into(&mut self.r#type);
        }
        self.encode_string_data();
    }
}
