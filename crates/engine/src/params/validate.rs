//! Whether the parameters of a run fit what is declared.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;

use windlass_api::tekton::Param;
use windlass_api::tekton::ParamSpec;
use windlass_api::tekton::ParamType;
use windlass_api::tekton::ParamValue;
use windlass_api::tekton::PipelineSpec;
use windlass_api::tekton::PipelineTask;
use windlass_api::tekton::TaskSpec;

use super::error::Error;
use super::indexing::Indexing;
use super::kinds::declared_type;
use super::names::parameter;
use crate::substitution::Collect;
use crate::substitution::TaskParts;
use crate::substitution::isolated;
use crate::substitution::variables;
use crate::substitution::visit_task;

/// Whether a task's parameters have values of the right type and all keys.
///
/// `matrix` holds what fans the task out, whose parameters must be strings in the task. More parameters than the task
/// declares are no fault.
pub fn validate_task_params(
    task: &str,
    declared: &[ParamSpec],
    given: &[Param],
    matrix: &[&Param],
) -> Result<(), Error> {
    let task = || task.to_owned();
    let names = missing(declared, given.iter().chain(matrix.iter().copied()));
    if !names.is_empty() {
        return Err(Error::TaskMissing { task: task(), names });
    }
    let types = types(declared);
    let mut names: Vec<String> = given
        .iter()
        .filter(|param| {
            types
                .get(param.name.as_str())
                .is_some_and(|kind| !fits(*kind, &param.value))
        })
        .map(|param| param.name.clone())
        .collect();
    let fanned = matrix.iter().filter(|param| {
        types
            .get(param.name.as_str())
            .is_some_and(|kind| *kind != ParamType::String)
    });
    names.extend(fanned.map(|param| param.name.clone()));
    if !names.is_empty() {
        return Err(Error::TaskTypes { task: task(), names });
    }
    let keys = missing_keys(declared, given);
    if !keys.is_empty() {
        return Err(Error::TaskKeys { task: task(), keys });
    }
    Ok(())
}

/// Whether a task uses only elements that its arrays have.
pub fn validate_task_indexing(spec: &TaskSpec, given: &[Param]) -> Result<(), Error> {
    let mut indexing = Indexing::new(&spec.params, given);
    if !indexing.is_idle() {
        // Visitors change what they visit; this one only looks, at a copy.
        let mut copy = spec.clone();
        let Ok(()) = visit_task(
            &mut Collect(|text: &str| indexing.look(text)),
            TaskParts::from(&mut copy),
        );
    }
    refuse(indexing)
}

/// Whether a run's parameters fit its pipeline: present, of the right type, allowed, with all keys, and long enough.
pub fn validate_pipeline_params(spec: &PipelineSpec, given: &[Param]) -> Result<(), Error> {
    let names = missing(&spec.params, given.iter());
    if !names.is_empty() {
        return Err(Error::PipelineMissing { names });
    }
    let types = types(&spec.params);
    let names: Vec<String> = given
        .iter()
        .filter(|param| {
            types
                .get(param.name.as_str())
                .is_some_and(|kind| *kind != param.value.kind())
        })
        .map(|param| param.name.clone())
        .collect();
    if !names.is_empty() {
        return Err(Error::PipelineTypes { names });
    }
    validate_enum(&spec.params, given)?;
    let keys = missing_keys(&spec.params, given);
    if !keys.is_empty() {
        return Err(Error::PipelineKeys { keys });
    }
    let mut indexing = Indexing::new(&spec.params, given);
    if !indexing.is_idle() {
        for task in spec.tasks.iter().chain(&spec.finally) {
            look_at_task(&mut indexing, task);
        }
    }
    refuse(indexing)
}

/// Whether strings are among those their declaration lists; an empty string always is.
pub fn validate_enum(declared: &[ParamSpec], given: &[Param]) -> Result<(), Error> {
    let lists: HashMap<&str, &Vec<String>> = declared
        .iter()
        .filter(|spec| !spec.enum_values.is_empty())
        .map(|spec| (spec.name.as_str(), &spec.enum_values))
        .collect();
    for param in given {
        let ParamValue::String(value) = &param.value else {
            continue;
        };
        let refused = lists
            .get(param.name.as_str())
            .is_some_and(|list| !list.contains(value));
        if refused && !value.is_empty() {
            return Err(Error::Enum {
                name: param.name.clone(),
                value: value.clone(),
            });
        }
    }
    Ok(())
}

/// Whether every value that a pipeline's parameter may have is one that the task's parameter may have.
///
/// `given` is what the pipeline task gives before anything is put in; only values that consist of one variable are
/// looked at, since others are made of more than the listed strings.
pub fn validate_enum_subset(
    task: &str,
    given: &[Param],
    pipeline_params: &[ParamSpec],
    task_params: &[ParamSpec],
) -> Result<(), Error> {
    for param in given {
        let Some((outer, inner)) = referenced(param, pipeline_params, task_params) else {
            continue;
        };
        if inner.enum_values.is_empty() {
            continue;
        }
        let fits = outer
            .enum_values
            .iter()
            .all(|value| inner.enum_values.contains(value));
        if outer.enum_values.is_empty() || !fits {
            return Err(Error::EnumSubset {
                param: outer.name.clone(),
                task: task.to_owned(),
                outer: outer.enum_values.clone(),
                inner: inner.enum_values.clone(),
            });
        }
    }
    Ok(())
}

/// The string parameter of the pipeline that a value stands for, and the task's parameter that gets it.
fn referenced<'a>(
    given: &Param,
    pipeline_params: &'a [ParamSpec],
    task_params: &'a [ParamSpec],
) -> Option<(&'a ParamSpec, &'a ParamSpec)> {
    let name = parameter(isolated(given.value.as_str()?)?)?;
    let outer = pipeline_params.iter().find(|spec| spec.name == name)?;
    let inner = task_params.iter().find(|spec| spec.name == given.name)?;
    (declared_type(outer) == ParamType::String).then_some((outer, inner))
}

/// The keys of object parameters that neither the run nor the default gives, for objects that at least one gives.
pub fn missing_keys(declared: &[ParamSpec], given: &[Param]) -> BTreeMap<String, Vec<String>> {
    let objects: HashMap<&str, &BTreeMap<String, String>> = given
        .iter()
        .filter_map(|param| match &param.value {
            ParamValue::Object(fields) => Some((param.name.as_str(), fields)),
            ParamValue::String(_) | ParamValue::Array(_) => None,
        })
        .collect();
    let mut missing = BTreeMap::new();
    for spec in declared {
        if declared_type(spec) != ParamType::Object {
            continue;
        }
        let default = match &spec.default {
            Some(ParamValue::Object(fields)) => Some(fields),
            _ => None,
        };
        let sources: Vec<_> = [default, objects.get(spec.name.as_str()).copied()]
            .into_iter()
            .flatten()
            .filter(|fields| !fields.is_empty())
            .collect();
        let keys: Vec<String> = spec
            .properties
            .keys()
            .filter(|key| !sources.iter().any(|fields| fields.contains_key(*key)))
            .cloned()
            .collect();
        if !keys.is_empty() && !sources.is_empty() {
            missing.insert(spec.name.clone(), keys);
        }
    }
    missing
}

fn missing<'a>(declared: &[ParamSpec], given: impl Iterator<Item = &'a Param>) -> Vec<String> {
    let given: HashSet<&str> = given.map(|param| param.name.as_str()).collect();
    declared
        .iter()
        .filter(|spec| spec.default.is_none() && !given.contains(spec.name.as_str()))
        .map(|spec| spec.name.clone())
        .collect()
}

fn types(declared: &[ParamSpec]) -> HashMap<&str, ParamType> {
    declared
        .iter()
        .map(|spec| (spec.name.as_str(), declared_type(spec)))
        .collect()
}

/// A string that holds a variable may still become an array or object.
fn fits(kind: ParamType, value: &ParamValue) -> bool {
    match value {
        ParamValue::String(text) => kind == ParamType::String || variables(text).next().is_some(),
        ParamValue::Array(_) | ParamValue::Object(_) => kind == value.kind(),
    }
}

fn look_at_task(indexing: &mut Indexing<'_>, task: &PipelineTask) {
    let mut collect = Collect(|text: &str| indexing.look(text));
    let fanned = task.matrix.iter().flat_map(|matrix| &matrix.params);
    for param in task.params.iter().chain(fanned) {
        collect.look_at(&param.value);
    }
    for workspace in &task.workspaces {
        (collect.0)(&workspace.sub_path);
    }
    for when in &task.when {
        (collect.0)(&when.input);
        when.values.iter().for_each(|value| (collect.0)(value));
    }
}

fn refuse(indexing: Indexing<'_>) -> Result<(), Error> {
    let references = indexing.into_references();
    if references.is_empty() {
        Ok(())
    } else {
        Err(Error::Index { references })
    }
}
