//! One task of a pipeline.

use std::collections::HashSet;

use super::flags::Stability;
use super::params::Scope;
use super::place::Place;
use super::violation::Check;
use super::violation::DISALLOWED_FIELD;
use super::violation::INVALID_NAME;
use super::violation::INVALID_VARIABLE;
use super::violation::ONE_OF;
use super::violation::Violation;
use crate::names::is_dns_label;
use crate::references::expressions;
use crate::references::param_texts;
use crate::references::pipeline_task_params;
use crate::references::when_texts;
use crate::tekton::ParamValue;
use crate::tekton::PipelineTask;

impl Check<'_> {
    pub(super) fn pipeline_task(&mut self, at: &Place<'_>, task: &PipelineTask) {
        if !is_dns_label(&task.name) {
            let message = format!("invalid value {:?}", task.name);
            self.add(Violation::new(INVALID_NAME, &at.field("name"), message).details(
                "Pipeline Task name must be a valid DNS Label.For more info refer to \
                 https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#names",
            ));
        }
        self.ref_or_spec(at, task);
        self.inline_allowed(at, task);
        self.steps_or_kind(at, task);
        self.pipeline_task_on_error(at, task);
        if is_custom(task) {
            self.custom_task(at, task);
        } else {
            self.task_or_pipeline(at, task);
        }
        self.unique_task_params(&at.field("params"), &task.params);
        self.when_expressions(at, &task.when);
        self.context_variables(at, task);
        self.variable_prefixes(at, task);
    }

    fn ref_or_spec(&mut self, at: &Place<'_>, task: &PipelineTask) {
        let mut set = Vec::new();
        for (field, given, alpha) in [
            ("taskRef", task.task_ref.is_some(), false),
            ("taskSpec", task.task_spec.is_some(), false),
            ("pipelineRef", task.pipeline_ref.is_some(), true),
            ("pipelineSpec", task.pipeline_spec.is_some(), true),
        ] {
            if given {
                set.push(field);
                if alpha {
                    self.feature(&at.field(field), field, Stability::Alpha);
                }
            }
        }
        if set.len() > 1 {
            self.add(Violation::one_of(
                at,
                &set,
                "expected exactly one, got multiple",
                false,
            ));
        } else if set.is_empty() {
            let choices: &[&'static str] = if self.flags.enable_api_fields == Stability::Alpha {
                &["taskRef", "taskSpec", "pipelineRef", "pipelineSpec"]
            } else {
                &["taskRef", "taskSpec"]
            };
            self.add(Violation::neither(at, choices).hint("say what the task runs: taskRef or taskSpec"));
        }
    }

    fn inline_allowed(&mut self, at: &Place<'_>, task: &PipelineTask) {
        if !self
            .flags
            .disable_inline_spec
            .iter()
            .any(|kind| kind == "pipeline")
        {
            return;
        }
        for (field, given) in [
            ("taskSpec", task.task_spec.is_some()),
            ("pipelineSpec", task.pipeline_spec.is_some()),
        ] {
            if given {
                self.add(Violation::disallowed(&at.field(field)));
            }
        }
    }

    fn steps_or_kind(&mut self, at: &Place<'_>, task: &PipelineTask) {
        let Some(spec) = task.task_spec.as_ref().filter(|spec| !spec.steps.is_empty()) else {
            return;
        };
        let at = at.field("taskSpec");
        for (field, text) in [("apiVersion", &spec.api_version), ("kind", &spec.kind)] {
            if !text.is_empty() {
                let message = format!("taskSpec.{field} cannot be specified when using taskSpec.steps");
                self.add(Violation::new(DISALLOWED_FIELD, &at.field(field), message));
            }
        }
    }

    fn pipeline_task_on_error(&mut self, at: &Place<'_>, task: &PipelineTask) {
        if task.on_error.is_empty() || task.on_error.starts_with("$(params") {
            return;
        }
        let at = at.spelt("onError", "OnError");
        self.feature(&at, "OnError", Stability::Beta);
        if !["continue", "stopAndFail"].contains(&task.on_error.as_str()) {
            let details = "PipelineTask OnError must be either \"continue\" or \"stopAndFail\"";
            self.add(Violation::invalid(&at, &task.on_error).details(details));
        }
        if task.on_error == "continue" && task.retries > 0 {
            let message = "PipelineTask OnError cannot be set to \"continue\" when Retries is greater than 0";
            self.add(Violation::new(ONE_OF, &at, message).pathless());
        }
    }

    fn custom_task(&mut self, at: &Place<'_>, task: &PipelineTask) {
        let references = task
            .task_ref
            .iter()
            .map(|task| ("taskRef", "ref", &task.kind, &task.api_version));
        let specs = task
            .task_spec
            .iter()
            .map(|task| ("taskSpec", "spec", &task.kind, &task.api_version));
        for (field, word, kind, api_version) in references.chain(specs) {
            let at = at.field(field);
            if kind.is_empty() {
                self.add(Violation::invalid(
                    &at.field("kind"),
                    format!("custom task {word} must specify kind"),
                ));
            }
            let at = at.field("apiVersion");
            if api_version.is_empty() {
                let violation =
                    Violation::invalid(&at, format!("custom task {word} must specify apiVersion"));
                self.add(violation.hint(format!(
                    "kind {kind:?} is no Task, so its group and version are needed"
                )));
            } else if !is_group_version(api_version) {
                let value = format!(
                    "invalid apiVersion format {api_version:?}, must be in the format \"group/version\""
                );
                self.add(Violation::invalid(&at, value));
            }
        }
    }

    fn task_or_pipeline(&mut self, at: &Place<'_>, task: &PipelineTask) {
        if let Some(spec) = &task.task_spec {
            self.task_spec(&at.field("taskSpec"), spec.into());
        }
        if let Some(reference) = &task.task_ref {
            let at = at.field("taskRef");
            self.reference(&at, &reference.name, &reference.resolver, &reference.params);
        }
        if let Some(reference) = &task.pipeline_ref {
            let at = at.field("pipelineRef");
            self.reference(&at, &reference.name, &reference.resolver, &reference.params);
        }
        if let Some(spec) = &task.pipeline_spec {
            self.pipeline_spec(&at.field("pipelineSpec"), spec);
        }
    }

    fn context_variables(&mut self, at: &Place<'_>, task: &PipelineTask) {
        let known = [
            ("context.pipelineRun", HashSet::from(["name", "namespace", "uid"])),
            ("context.pipeline", HashSet::from(["name"])),
            ("context.pipelineTask", HashSet::from(["retries"])),
        ];
        let at = at.field("params");
        let value_at = at.unprinted("value");
        for text in pipeline_task_params(task).flat_map(|param| param_texts(&param.value)) {
            if text.contains("$(context.") {
                for (prefix, names) in &known {
                    self.known_variables(&value_at, text, prefix, names);
                }
            }
        }
    }

    /// Requires that `$(…)` starts with something that can be replaced.
    fn variable_prefixes(&mut self, at: &Place<'_>, task: &PipelineTask) {
        let params_at = at.field("params");
        for (index, param) in task.params.iter().enumerate() {
            self.prefixes(
                &params_at.keyed(index, &param.name).field("value"),
                param_texts(&param.value),
            );
        }
        let when_at = at.field("when");
        for (index, when) in task.when.iter().enumerate() {
            self.prefixes(&when_at.index(index), when_texts(when));
        }
        let Some(matrix) = &task.matrix else { return };
        let matrix_at = at.field("matrix");
        let params_at = matrix_at.field("params");
        for (index, param) in matrix.params.iter().enumerate() {
            self.prefixes(
                &params_at.keyed(index, &param.name).field("value"),
                param_texts(&param.value),
            );
        }
        let include_at = matrix_at.field("include");
        for (index, include) in matrix.include.iter().enumerate() {
            let include_at = include_at.index(index);
            let at = include_at.field("params");
            for (index, param) in include.params.iter().enumerate() {
                self.prefixes(
                    &at.keyed(index, &param.name).field("value"),
                    param_texts(&param.value),
                );
            }
        }
    }

    fn prefixes<'t>(&mut self, at: &Place<'_>, texts: impl Iterator<Item = &'t str>) {
        const VALID: [&str; 6] = ["params", "tasks", "finally", "context", "workspaces", "results"];
        for expression in texts.flat_map(expressions).filter(|expression| expression.plain) {
            // Upstream cuts at the first dot only, so that `params[0]` is no params.
            let prefix = expression.body.split('.').next().unwrap_or_default();
            if !VALID.contains(&prefix) {
                let value = format!(
                    "invalid variable reference \"$({})\", must start with a valid prefix: params, tasks, finally, \
                     context, workspaces, or results; if you meant a shell variable, use ${{VAR}} instead",
                    expression.body
                );
                self.add(Violation::invalid(at, value).code(INVALID_VARIABLE));
            }
        }
    }

    /// Requires that parameters, matrix and guards of a task refer to parameters of the scope.
    pub(super) fn pipeline_task_params(&mut self, at: &Place<'_>, task: &PipelineTask, scope: &Scope<'_>) {
        let params_at = at.field("params");
        for (index, param) in task.params.iter().enumerate() {
            self.param_value(&params_at.keyed(index, &param.name), &param.value, scope);
        }
        self.when_params(at, &task.when, scope);
        let Some(matrix) = &task.matrix else { return };
        let matrix_at = at.field("matrix");
        let params_at = matrix_at.field("params");
        for (index, param) in matrix.params.iter().enumerate() {
            if let ParamValue::Array(items) = &param.value {
                let param_at = params_at.keyed(index, &param.name);
                let at = param_at.field("value");
                for (index, item) in items.iter().enumerate() {
                    self.element_text(&at.index(index), item, scope);
                }
            }
        }
        let include_at = matrix_at.field("include");
        for (index, include) in matrix.include.iter().enumerate() {
            let include_at = include_at.index(index);
            let at = include_at.field("params");
            for (index, param) in include.params.iter().enumerate() {
                let text = param.value.as_str().unwrap_or_default();
                self.string_text(&at.index(index).unprinted("value"), text, scope);
            }
        }
    }
}

/// Whether someone else carries the task out.
fn is_custom(task: &PipelineTask) -> bool {
    let custom = |kind: &str, api_version: &str| !["", "Task"].contains(&kind) || !api_version.is_empty();
    task.task_ref
        .as_ref()
        .is_some_and(|task| custom(&task.kind, &task.api_version))
        || task
            .task_spec
            .as_ref()
            .is_some_and(|task| custom(&task.kind, &task.api_version))
}

fn is_group_version(text: &str) -> bool {
    text.split_once('/')
        .is_some_and(|(group, version)| !group.is_empty() && !version.is_empty() && !version.contains('/'))
}
