//! `StepAction` and `CustomRun`.

use std::collections::HashSet;

use super::flags::Stability;
use super::params::Scope;
use super::place::Place;
use super::step::script_with_command;
use super::variables::variables;
use super::violation::Check;
use super::violation::DUPLICATE_NAME;
use super::violation::INVALID_VARIABLE;
use super::violation::Violation;
use crate::tekton::ParamType;
use crate::tekton::customrun::CustomRunSpec;
use crate::tekton::task::StepActionSpec;

impl Check<'_> {
    pub(super) fn step_action_spec(&mut self, at: &Place<'_>, spec: &StepActionSpec) {
        if spec.image.is_empty() {
            self.add(Violation::missing(&at.spelt("image", "Image")));
        }
        let script_at = at.field("script");
        if !spec.script.is_empty() {
            if !spec.command.is_empty() {
                self.add(script_with_command(at));
            }
            if spec.script.trim_start().starts_with("#!win") {
                self.feature(&script_at, "windows script support", Stability::Alpha);
            }
            if !variables(&spec.script, "params").is_empty() {
                let message = "param substitution in scripts is not allowed.";
                let violation = Violation::new(INVALID_VARIABLE, &script_at, message);
                self.add(violation.hint("hand the parameter over in env, and read the environment variable"));
            }
        }
        self.param_specs(at, &spec.params);
        self.object_params_have_properties(at, &spec.params);
        self.action_texts(at, spec);
        let results: HashSet<&str> = spec.results.iter().map(|result| result.name.as_str()).collect();
        self.known_variables(&script_at, &spec.script, "step.results", &results);
        self.known_variables(&script_at, &spec.script, "results", &results);
        self.step_results(at, &spec.results);
        self.action_mounts(&at.field("volumeMounts"), spec);
    }

    /// Requires that an action refers to its own parameters only.
    fn action_texts(&mut self, at: &Place<'_>, spec: &StepActionSpec) {
        let scope = Scope::of(&spec.params, None);
        let is_array = |name: &str| scope.is(name, ParamType::Array);
        for (field, text) in [("image", &spec.image), ("script", &spec.script)] {
            self.string_text(&at.field(field), text, &scope);
        }
        for (field, texts) in [("command", &spec.command), ("args", &spec.args)] {
            let at = at.field(field);
            for (index, text) in texts.iter().enumerate() {
                self.element_text(&at.index(index), text, &scope);
            }
        }
        let env_at = at.field("env");
        for (index, env) in spec.env.iter().enumerate() {
            self.string_text(&env_at.keyed(index, &env.name), &env.value, &scope);
        }
        let mounts_at = at.field("volumeMounts");
        for (index, mount) in spec.volume_mounts.iter().enumerate() {
            let at = mounts_at.index(index);
            self.params_exist(&at, &mount.name, &scope);
            self.object_params(&at, &mount.name, &scope);
            self.no_arrays(&at, &mount.name, is_array);
        }
    }

    /// Which volume is mounted is for the task to say.
    fn action_mounts(&mut self, at: &Place<'_>, spec: &StepActionSpec) {
        for (index, mount) in spec.volume_mounts.iter().enumerate() {
            let found = variables(&mount.name, "params");
            if !matches!(found.as_slice(), [only] if only.whole == mount.name) {
                let violation = Violation::invalid(&at.index(index).field("name"), &mount.name);
                self.add(violation.details("expect the Name to be a single param reference"));
            }
        }
    }

    pub(super) fn custom_run_spec(&mut self, at: &Place<'_>, spec: &CustomRunSpec) {
        if spec == &CustomRunSpec::default() {
            self.add(Violation::missing(at));
            return;
        }
        match (&spec.custom_ref, &spec.custom_spec) {
            (None, None) => self.add(Violation::neither(at, &["customRef", "customSpec"])),
            (Some(_), Some(_)) => self.add(Violation::both(at, &["customRef", "customSpec"])),
            _ => {}
        }
        let references = spec
            .custom_ref
            .iter()
            .map(|custom| ("customRef", &custom.api_version, &custom.kind));
        let specs = spec
            .custom_spec
            .iter()
            .map(|custom| ("customSpec", &custom.api_version, &custom.kind));
        for (field, api_version, kind) in references.chain(specs) {
            let at = at.field(field);
            if api_version.is_empty() {
                self.add(Violation::missing(&at.field("apiVersion")));
            }
            if kind.is_empty() {
                self.add(Violation::missing(&at.field("kind")));
            }
        }
        if spec.status.is_empty() && !spec.status_message.is_empty() {
            self.status_message(&at.field("statusMessage"), &spec.status_message);
        }
        self.unique_params(&at.field("params"), &spec.params);
        let workspaces_at = at.field("workspaces");
        let mut names = HashSet::new();
        for (index, binding) in spec.workspaces.iter().enumerate() {
            let at = workspaces_at.index(index);
            self.workspace_binding(&at, binding);
            if !names.insert(binding.name.to_lowercase()) {
                self.add(Violation::both(&at, &["name"]).code(DUPLICATE_NAME));
            }
        }
    }
}
