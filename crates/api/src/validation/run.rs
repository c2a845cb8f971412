//! `TaskRun` and `PipelineRun`.

use std::collections::HashMap;
use std::collections::HashSet;

use super::flags::Stability;
use super::params::Declared;
use super::params::Scope;
use super::pipeline::sections;
use super::place::Place;
use super::violation::Check;
use super::violation::DUPLICATE_NAME;
use super::violation::INVALID_VARIABLE;
use super::violation::Violation;
use crate::core::PodTemplate;
use crate::core::ResourceRequirements;
use crate::reasons::pipeline_run;
use crate::reasons::task_run;
use crate::references::ResultRef;
use crate::references::expressions;
use crate::references::param_texts;
use crate::tekton::Param;
use crate::tekton::ParamSpec;
use crate::tekton::ParamType;
use crate::tekton::PipelineSpec;
use crate::tekton::pipelinerun::PipelineRunSpec;
use crate::tekton::pipelinerun::PipelineTaskRunSpec;
use crate::tekton::pipelinerun::TimeoutFields;
use crate::tekton::taskrun::TaskRunDebug;
use crate::tekton::taskrun::TaskRunSidecarSpec;
use crate::tekton::taskrun::TaskRunSpec;
use crate::tekton::taskrun::TaskRunStepSpec;

impl Check<'_> {
    pub(super) fn task_run_spec(&mut self, at: &Place<'_>, spec: &TaskRunSpec) {
        match (&spec.task_ref, &spec.task_spec) {
            (None, None) => self.add(Violation::neither(at, &["taskRef", "taskSpec"])),
            (Some(_), Some(_)) => self.add(Violation::both(at, &["taskRef", "taskSpec"])),
            _ => {}
        }
        if let Some(reference) = &spec.task_ref {
            let at = at.field("taskRef");
            self.reference(&at, &reference.name, &reference.resolver, &reference.params);
        }
        if let Some(task) = &spec.task_spec {
            let task_at = at.field("taskSpec");
            self.inline_spec(&task_at, "taskrun");
            self.task_spec(&task_at, task.into());
            let mut scope = Scope::default();
            given(&mut scope, &spec.params);
            declared(&mut scope, &task.params);
            self.task_usage_with_arrays(&task_at, task.into(), &scope);
        }
        self.unique_params(&at.field("params"), &spec.params);
        self.workspaces(&at.field("workspaces"), spec);
        if let Some(debug) = &spec.debug {
            self.debug(&at.field("debug"), debug);
        }
        self.overrides(
            at,
            &spec.step_specs,
            &spec.sidecar_specs,
            spec.compute_resources.as_ref(),
        );
        self.task_run_state(at, spec);
        if let Some(template) = &spec.pod_template {
            self.pod_template(&at.field("podTemplate"), template);
        }
    }

    fn inline_spec(&mut self, at: &Place<'_>, kind: &str) {
        if self
            .flags
            .disable_inline_spec
            .iter()
            .any(|disabled| disabled == kind)
        {
            self.add(Violation::disallowed(at));
        }
    }

    fn workspaces(&mut self, at: &Place<'_>, spec: &TaskRunSpec) {
        let mut names = HashSet::new();
        for (index, binding) in spec.workspaces.iter().enumerate() {
            let at = at.index(index);
            self.workspace_binding(&at, binding);
            if !names.insert(binding.name.to_lowercase()) {
                self.add(Violation::both(&at, &["name"]).code(DUPLICATE_NAME));
            }
        }
    }

    fn task_run_state(&mut self, at: &Place<'_>, spec: &TaskRunSpec) {
        let (cancelled, pending) = (task_run::REQUEST_CANCELLED, task_run::REQUEST_PENDING);
        if spec.status.is_empty() {
            if !spec.status_message.is_empty() {
                self.status_message(&at.field("statusMessage"), &spec.status_message);
            }
        } else if spec.status != cancelled && spec.status != pending {
            let value = format!("{} should be {cancelled} or {pending}", spec.status);
            self.add(Violation::invalid(&at.field("status"), value));
        }
        if spec.retries < 0 {
            let value = format!("{} should be >= 0", spec.retries);
            self.add(Violation::invalid(&at.field("retries"), value));
        }
        self.not_negative(&at.field("timeout"), spec.timeout);
    }

    pub(super) fn status_message(&mut self, at: &Place<'_>, message: &str) {
        let value = format!(
            "statusMessage should not be set if status is not set, but it is currently set to {message}"
        );
        self.add(Violation::invalid(at, value));
    }

    fn debug(&mut self, at: &Place<'_>, debug: &TaskRunDebug) {
        self.feature(at, "debug", Stability::Alpha);
        let Some(breakpoints) = &debug.breakpoints else {
            return;
        };
        let at = at.field("breakpoints");
        let allowed = "onFailure breakpoint is only allowed to be set as enabled";
        match breakpoints.on_failure.as_str() {
            "enabled" => {}
            "" => self.add(Violation::invalid(
                &at.field("onFailure"),
                "onFailure breakpoint is empty, it is only allowed to be set as enabled",
            )),
            other => {
                let value = format!("{other} is not a valid onFailure breakpoint value, {allowed}");
                self.add(Violation::invalid(&at.field("onFailure"), value));
            }
        }
        let at = at.field("beforeSteps");
        let mut names = HashSet::new();
        for (index, step) in breakpoints.before_steps.iter().enumerate() {
            if !names.insert(step) {
                let message =
                    format!("before step must be unique, the same step: {step} is defined multiple times at");
                self.add(Violation::new(DUPLICATE_NAME, &at.index(index), message));
            }
        }
    }

    fn overrides(
        &mut self,
        at: &Place<'_>,
        steps: &[TaskRunStepSpec],
        sidecars: &[TaskRunSidecarSpec],
        resources: Option<&ResourceRequirements>,
    ) {
        if !steps.is_empty() {
            let at = at.field("stepSpecs");
            self.feature(&at, "stepSpecs", Stability::Beta);
            self.override_names(&at, steps.iter().map(|spec| spec.name.as_str()));
        }
        if !sidecars.is_empty() {
            let at = at.field("sidecarSpecs");
            self.feature(&at, "sidecarSpecs", Stability::Beta);
            self.override_names(&at, sidecars.iter().map(|spec| spec.name.as_str()));
        }
        if resources.is_some() {
            self.feature(&at.field("computeResources"), "computeResources", Stability::Beta);
            if steps
                .iter()
                .any(|spec| spec.compute_resources != ResourceRequirements::default())
            {
                let violation = Violation::both(at, &["stepSpecs.resources", "computeResources"]);
                self.add(violation.hint("give resources to the steps or to the task, not to both"));
            }
        }
    }

    fn override_names<'n>(&mut self, at: &Place<'_>, names: impl Iterator<Item = &'n str>) {
        let mut seen = HashSet::new();
        for (index, name) in names.enumerate() {
            let at = at.index(index);
            if name.is_empty() {
                self.add(Violation::missing(&at.field("name")));
            } else if !seen.insert(name.to_lowercase()) {
                self.add(Violation::both(&at, &["name"]).code(DUPLICATE_NAME));
            }
        }
    }

    fn pod_template(&mut self, at: &Place<'_>, template: &PodTemplate) {
        let at = at.spelt("env", "Env");
        for (index, env) in template.env.iter().enumerate() {
            if self.flags.forbidden_env.contains(&env.name) {
                let value = format!("PodTemplate cannot update a forbidden env: {}", env.name);
                self.add(Violation::invalid(&at.unprinted_index(index), value));
            }
        }
    }

    pub(super) fn pipeline_run_spec(&mut self, at: &Place<'_>, spec: &PipelineRunSpec) {
        match (&spec.pipeline_ref, &spec.pipeline_spec) {
            (None, None) => self.add(Violation::neither(at, &["pipelineRef", "pipelineSpec"])),
            (Some(_), Some(_)) => self.add(Violation::both(at, &["pipelineRef", "pipelineSpec"])),
            _ => {}
        }
        if let Some(reference) = &spec.pipeline_ref {
            let at = at.field("pipelineRef");
            self.reference(&at, &reference.name, &reference.resolver, &reference.params);
        }
        if let Some(pipeline) = &spec.pipeline_spec {
            let at = at.field("pipelineSpec");
            self.inline_spec(&at, "pipelinerun");
            self.pipeline_spec(&at, pipeline);
            self.inline_pipeline_params(&at, pipeline, &spec.params);
        }
        self.pipeline_run_params(&at.field("params"), &spec.params);
        self.timeouts(&at.field("timeouts"), spec.timeouts.as_ref());
        let specs_at = at.field("taskRunSpecs");
        for (index, item) in spec.task_run_specs.iter().enumerate() {
            self.task_run_specs(&specs_at.index(index), item, spec.timeouts.as_ref());
        }
        self.pipeline_run_state(&at.field("status"), &spec.status);
        self.pipeline_run_workspaces(&at.field("workspaces"), spec);
        if let Some(template) = &spec.task_run_template.pod_template {
            self.pod_template(&at.field("taskRunTemplate").field("podTemplate"), template);
        }
    }

    /// Parameters of the run and of the pipeline reach every embedded task.
    fn inline_pipeline_params(&mut self, at: &Place<'_>, spec: &PipelineSpec, params: &[Param]) {
        let mut scope = Scope::default();
        given(&mut scope, params);
        declared(&mut scope, &spec.params);
        for task in spec.tasks.iter().chain(&spec.finally) {
            given(&mut scope, &task.params);
            if let Some(embedded) = &task.task_spec {
                declared(&mut scope, &embedded.params);
            }
        }
        self.object_params_have_properties(at, &spec.params);
        for (field, tasks) in sections(spec) {
            let at = at.field(field);
            for (index, task) in tasks.iter().enumerate() {
                let at = at.index(index);
                if let Some(embedded) = task
                    .task_spec
                    .as_ref()
                    .filter(|embedded| !embedded.steps.is_empty())
                {
                    self.task_usage_with_arrays(&at.field("taskSpec"), embedded.into(), &scope);
                }
                self.pipeline_task_params(&at, task, &scope);
            }
        }
    }

    fn pipeline_run_params(&mut self, at: &Place<'_>, params: &[Param]) {
        self.unique_params(at, params);
        for (index, param) in params.iter().enumerate() {
            let bodies = param_texts(&param.value)
                .flat_map(expressions)
                .map(|expression| expression.body);
            let results: Vec<&str> = bodies.filter(|body| ResultRef::looks_like(body)).collect();
            if results.iter().any(|body| ResultRef::parse(body).is_some()) {
                let value = format!(
                    "cannot use result expressions in [{}] as PipelineRun parameter values",
                    results.join(" ")
                );
                let at = at.keyed(index, &param.name);
                self.add(Violation::invalid(&at.field("value"), value).code(INVALID_VARIABLE));
            }
        }
    }

    fn task_run_specs(
        &mut self,
        at: &Place<'_>,
        spec: &PipelineTaskRunSpec,
        timeouts: Option<&TimeoutFields>,
    ) {
        self.overrides(
            at,
            &spec.step_specs,
            &spec.sidecar_specs,
            spec.compute_resources.as_ref(),
        );
        if let Some(template) = &spec.pod_template {
            self.pod_template(&at.field("podTemplate"), template);
        }
        self.task_timeout(&at.field("timeout"), spec.timeout, timeouts);
    }

    fn pipeline_run_state(&mut self, at: &Place<'_>, status: &str) {
        let allowed = [
            pipeline_run::REQUEST_CANCELLED,
            pipeline_run::REQUEST_CANCELLED_RUN_FINALLY,
            pipeline_run::REQUEST_STOPPED_RUN_FINALLY,
            pipeline_run::REQUEST_PENDING,
        ];
        if !status.is_empty() && !allowed.contains(&status) {
            let [cancelled, cancelled_finally, stopped_finally, pending] = allowed;
            let value = format!(
                "{status} should be {cancelled}, {cancelled_finally}, {stopped_finally} or {pending}"
            );
            self.add(Violation::invalid(at, value));
        }
    }

    fn pipeline_run_workspaces(&mut self, at: &Place<'_>, spec: &PipelineRunSpec) {
        let mut names: HashMap<&str, usize> = HashMap::new();
        for (index, binding) in spec.workspaces.iter().enumerate() {
            let at = at.index(index);
            self.workspace_binding(&at, binding);
            if let Some(before) = names.insert(&binding.name, index) {
                let message = format!(
                    "workspace {:?} provided by pipelinerun more than once, at index {before} and {index}",
                    binding.name
                );
                self.add(Violation::new(DUPLICATE_NAME, &at.field("name"), message));
            }
        }
    }
}

/// Adds parameters that are given; keys of objects that are known are joined.
fn given<'a>(scope: &mut Scope<'a>, params: &'a [Param]) {
    for param in params {
        join(scope, &param.name, Declared::by_value(&param.value));
    }
}

/// Adds parameters that are declared, unless a value has been given whose type counts.
fn declared<'a>(scope: &mut Scope<'a>, specs: &'a [ParamSpec]) {
    for spec in specs {
        join(scope, &spec.name, Declared::by_spec(spec));
    }
}

fn join<'a>(scope: &mut Scope<'a>, name: &'a str, new: Declared<'a>) {
    let known = scope.own.entry(name).or_insert_with(|| Declared {
        kind: new.kind,
        keys: HashSet::new(),
    });
    if known.kind == ParamType::Object {
        known.keys.extend(new.keys);
    }
}
