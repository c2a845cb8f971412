//! The texts of an object in which references count.

use crate::core::EnvVar;
use crate::tekton::Param;
use crate::tekton::ParamValue;
use crate::tekton::PipelineTask;
use crate::tekton::Step;
use crate::tekton::WhenExpression;
use crate::tekton::task::Sidecar;

/// The texts of a parameter's value: the string, or each element.
pub fn param_texts(value: &ParamValue) -> impl Iterator<Item = &str> {
    let (string, array, object) = match value {
        ParamValue::String(text) => (Some(text), None, None),
        ParamValue::Array(items) => (None, Some(items), None),
        ParamValue::Object(fields) => (None, None, Some(fields)),
    };
    string
        .into_iter()
        .chain(array.into_iter().flatten())
        .chain(object.into_iter().flat_map(|fields| fields.values()))
        .map(String::as_str)
}

/// The texts of a guard.
pub fn when_texts(when: &WhenExpression) -> impl Iterator<Item = &str> {
    [&when.input, &when.cel]
        .into_iter()
        .chain(&when.values)
        .map(String::as_str)
}

/// The parameters of a pipeline task, those of its matrix included.
pub fn pipeline_task_params(task: &PipelineTask) -> impl Iterator<Item = &Param> {
    let matrix = task.matrix.iter();
    let included = task
        .matrix
        .iter()
        .flat_map(|matrix| &matrix.include)
        .flat_map(|include| &include.params);
    task.params
        .iter()
        .chain(matrix.flat_map(|matrix| &matrix.params))
        .chain(included)
}

/// The texts of a step from which a pipeline task's edges are read.
pub fn step_texts(step: &Step) -> impl Iterator<Item = &str> {
    let single = [
        &step.name,
        &step.image,
        &step.image_pull_policy,
        &step.script,
        &step.working_dir,
    ];
    single
        .into_iter()
        .chain(&step.command)
        .chain(&step.args)
        .map(String::as_str)
        .chain(env_texts(&step.env))
}

/// The texts of a sidecar from which a pipeline task's edges are read.
pub fn sidecar_texts(sidecar: &Sidecar) -> impl Iterator<Item = &str> {
    let single = [
        &sidecar.name,
        &sidecar.image,
        &sidecar.image_pull_policy,
        &sidecar.script,
        &sidecar.working_dir,
    ];
    single
        .into_iter()
        .chain(&sidecar.command)
        .chain(&sidecar.args)
        .map(String::as_str)
        .chain(env_texts(&sidecar.env))
}

fn env_texts(env: &[EnvVar]) -> impl Iterator<Item = &str> {
    env.iter().flat_map(|variable| {
        let source = variable.value_from.as_ref();
        let selectors = source
            .into_iter()
            .flat_map(|from| [&from.secret_key_ref, &from.config_map_key_ref]);
        let selected = selectors
            .flatten()
            .flat_map(|selector| [selector.key.as_str(), selector.name.as_str()]);
        std::iter::once(variable.value.as_str()).chain(selected)
    })
}
