//! Steps whose definition is a `StepAction`.

use std::collections::HashSet;

use windlass_api::tekton::Param;
use windlass_api::tekton::ParamSpec;
use windlass_api::tekton::ParamType;
use windlass_api::tekton::ParamValue;
use windlass_api::tekton::Step;
use windlass_api::tekton::task::StepActionSpec;

use super::runtime::Error as StepResultError;
use super::runtime::StepReference;
use crate::params;
use crate::params::Scope;
use crate::params::declared_type;
use crate::params::go_list;
use crate::params::task_bases;
use crate::substitution;
use crate::substitution::Collect;
use crate::substitution::Expansion;
use crate::substitution::Replacer;
use crate::substitution::isolated;
use crate::substitution::variables;
use crate::substitution::visit_params;
use crate::substitution::visit_step;

/// A step and a `StepAction` that do not fit; the texts are upstream's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The step gives parameters that the action does not declare.
    #[error("extra params passed by Step to StepAction: {}", go_list(.0))]
    Extra(Vec<String>),
    /// The step lacks parameters that the action requires.
    #[error("non-existent params in Step: {}", go_list(.0))]
    Missing(Vec<String>),
    /// A default uses a parameter that the action does not declare.
    #[error("parameter \"{param}\" references non-existent parameter \"{reference}\"")]
    Undefined {
        /// The parameter whose default it is.
        param: String,
        /// The parameter that is missing.
        reference: String,
    },
    /// Defaults use each other in a circle.
    #[error("circular dependency detected in parameter references")]
    Circular,
    /// A parameter is given as a string and declared with an array, or the other way round.
    #[error(
        "invalid parameter substitution: {0}. Please check the types of the default value and the passed value"
    )]
    Types(String),
    /// A parameter's value is no well-formed reference to a step's result.
    #[error(transparent)]
    StepResult(#[from] StepResultError),
    /// The task's parameters are at fault.
    #[error(transparent)]
    Params(params::Error),
    /// Values could not be put in.
    #[error(transparent)]
    Expand(#[from] substitution::Error),
}

impl Error {
    /// The error as the message of a `TaskRun`'s condition has it.
    pub fn message(&self, step: &str, index: usize) -> String {
        format!("failed to resolve step ref for step \"{step}\" (index {index}): {self}")
    }
}

/// The step with the fields of its `StepAction`, whose parameters are put in; `ref` and `params` are gone.
///
/// A parameter of the action has the step's value, in which the task's parameters are put in first, else its default,
/// in which other parameters of the action may be used. A value that is a step's result stays a reference to it, also
/// where the action uses a part of it.
pub fn merge_step_action(
    step: &Step,
    action: &StepActionSpec,
    task_params: &[ParamSpec],
    run_params: &[Param],
) -> Result<Step, Error> {
    check_names(&step.params, &action.params)?;
    let mut given = step.params.clone();
    if !given.is_empty() {
        let values = params::replacer(Scope::Task, task_params, run_params).map_err(Error::Params)?;
        visit_params(&mut Expansion::new(&values), &mut given)?;
    }
    check_types(&given, &action.params)?;
    let mut values = params::replacer(Scope::StepAction, &action.params, &given).map_err(default_error)?;
    let mut resolved = definition(action);
    refer_to_steps(&mut values, &mut resolved, &given, &action.params)?;
    visit_step(&mut Expansion::new(&values), &mut resolved)?;
    Ok(overlay(step, resolved))
}

fn check_names(given: &[Param], declared: &[ParamSpec]) -> Result<(), Error> {
    let known: HashSet<&str> = declared.iter().map(|spec| spec.name.as_str()).collect();
    let names: HashSet<&str> = given.iter().map(|param| param.name.as_str()).collect();
    let extra: Vec<String> = given
        .iter()
        .filter(|param| !known.contains(param.name.as_str()))
        .map(|param| param.name.clone())
        .collect();
    if !extra.is_empty() {
        return Err(Error::Extra(extra));
    }
    let missing: Vec<String> = declared
        .iter()
        .filter(|spec| spec.default.is_none() && !names.contains(spec.name.as_str()))
        .map(|spec| spec.name.clone())
        .collect();
    if !missing.is_empty() {
        return Err(Error::Missing(missing));
    }
    Ok(())
}

fn check_types(given: &[Param], declared: &[ParamSpec]) -> Result<(), Error> {
    for param in given {
        let default = declared
            .iter()
            .find(|spec| spec.name == param.name)
            .and_then(|spec| spec.default.as_ref());
        let clash = match (default, &param.value) {
            (Some(ParamValue::Array(_)), ParamValue::String(_)) => step_reference(&param.value).is_none(),
            (Some(ParamValue::String(_)), ParamValue::Array(_)) => true,
            _ => false,
        };
        if clash {
            return Err(Error::Types(param.name.clone()));
        }
    }
    Ok(())
}

fn default_error(error: params::Error) -> Error {
    let plain = |name: String| name.strip_prefix("params.").map(str::to_owned).unwrap_or(name);
    match error {
        params::Error::Undefined { param, reference } => Error::Undefined {
            param: plain(param),
            reference: plain(reference),
        },
        params::Error::Circular { .. } => Error::Circular,
        params::Error::Expand(error) => Error::Expand(error),
        other => Error::Params(other),
    }
}

fn definition(action: &StepActionSpec) -> Step {
    Step {
        image: action.image.clone(),
        command: action.command.clone(),
        args: action.args.clone(),
        env: action.env.clone(),
        script: action.script.clone(),
        working_dir: action.working_dir.clone(),
        results: action.results.clone(),
        security_context: action.security_context.clone(),
        volume_mounts: action.volume_mounts.clone(),
        ..Step::default()
    }
}

fn overlay(step: &Step, action: Step) -> Step {
    let mut merged = Step {
        image: action.image,
        working_dir: action.working_dir,
        security_context: action.security_context,
        r#ref: None,
        params: Vec::new(),
        ..step.clone()
    };
    if !action.command.is_empty() {
        merged.command = action.command;
    }
    if !action.args.is_empty() {
        merged.args = action.args;
    }
    if !action.script.is_empty() {
        merged.script = action.script;
    }
    if !action.env.is_empty() {
        merged.env = action.env;
    }
    if !action.volume_mounts.is_empty() {
        merged.volume_mounts = action.volume_mounts;
    }
    if !action.results.is_empty() {
        merged.results = action.results;
    }
    merged
}

fn step_reference(value: &ParamValue) -> Option<&str> {
    let text = value.as_str()?;
    text.strip_prefix("$(steps.")?;
    isolated(text)
}

/// Turns parts of a parameter that is a step's result into parts of that result.
fn refer_to_steps(
    values: &mut Replacer<'_>,
    step: &mut Step,
    given: &[Param],
    declared: &[ParamSpec],
) -> Result<(), Error> {
    for param in given {
        let Some(variable) = step_reference(&param.value) else {
            continue;
        };
        let Some(reference) = StepReference::parse(variable).transpose()? else {
            continue;
        };
        let Some(spec) = declared.iter().find(|spec| spec.name == param.name) else {
            continue;
        };
        let base = format!("steps.{}.results.{}", reference.step, reference.result);
        match declared_type(spec) {
            ParamType::String => {}
            ParamType::Array => elements(values, step, &param.name, &base),
            ParamType::Object => {
                for key in spec.properties.keys() {
                    values.string(format!("params.{}.{key}", param.name), format!("$({base}.{key})"));
                }
            }
        }
    }
    Ok(())
}

fn elements(values: &mut Replacer<'_>, step: &mut Step, name: &str, base: &str) {
    let bases = task_bases(name);
    for written in &bases {
        values.string(format!("{written}[*]"), format!("$({base}[*])"));
    }
    let mut look = Collect(|text: &str| {
        for variable in variables(text) {
            let index = bases
                .iter()
                .find_map(|written| variable.strip_prefix(written.as_str()));
            if let Some(index) = index.filter(|index| index.starts_with('[') && *index != "[*]") {
                values.string(variable, format!("$({base}{index})"));
            }
        }
    });
    let Ok(()) = visit_step(&mut look, step);
}
