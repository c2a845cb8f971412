//! The results of a pipeline.

use std::collections::HashMap;

use windlass_api::references::ResultIndex;
use windlass_api::references::ResultRef;
use windlass_api::references::expressions;
use windlass_api::tekton::ParamValue;
use windlass_api::tekton::pipeline::PipelineResult;
use windlass_api::tekton::pipelinerun::PipelineRunResult;

use super::outcome::Producer;
use super::outcome::ResultsByTask;
use crate::outcome::TaskStatus;
use crate::substitution;
use crate::substitution::Collect;
use crate::substitution::Expansion;
use crate::substitution::Replacer;
use crate::substitution::Visitor as _;

/// What the results of a pipeline come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PipelineResults {
    /// Those that could be had.
    pub values: Vec<PipelineRunResult>,
    /// Names of those whose task succeeded without producing what they are made of; a name may be there twice.
    pub invalid: Vec<String>,
}

impl PipelineResults {
    /// The message of reason `CouldntGetPipelineResult`; `None` when nothing is invalid.
    pub fn message(&self, run: &str) -> Option<String> {
        (!self.invalid.is_empty()).then(|| {
            format!(
                "Failed to get PipelineResult from TaskRun Results for PipelineRun {run}: invalid pipelineresults [{}], the referenced results don't exist",
                self.invalid.join(" ")
            )
        })
    }
}

/// Computes the results of a pipeline whose tasks, final ones included, have all ended.
///
/// A result made of a task that failed or never ran is left out. One without any variable is left out too, as upstream.
pub fn pipeline_results(
    declared: &[PipelineResult],
    results: &ResultsByTask,
) -> Result<PipelineResults, substitution::Error> {
    let mut out = PipelineResults::default();
    let mut known = HashMap::new();
    for result in declared {
        let mut replacer = Replacer::new();
        let mut valid = true;
        for variable in variables_of(&result.value) {
            let found = known
                .entry(variable.clone())
                .or_insert_with(|| find(&variable, results));
            match found {
                Found::Value(value) => {
                    replacer.value(&[base(&variable).to_owned()], value);
                }
                Found::Nothing => valid = false,
                Found::Invalid => {
                    valid = false;
                    out.invalid.push(result.name.clone());
                }
            }
        }
        if valid && !replacer.is_empty() {
            let mut value = result.value.clone();
            Expansion::new(&replacer).value(&mut value)?;
            out.values.push(PipelineRunResult {
                name: result.name.clone(),
                value,
            });
        }
    }
    Ok(out)
}

enum Found {
    Value(ParamValue),
    /// The task did not succeed: the result is left out.
    Nothing,
    Invalid,
}

fn variables_of(value: &ParamValue) -> Vec<String> {
    let mut found = Vec::new();
    let mut look = Collect(|text: &str| {
        let plain = expressions(text).filter(|part| part.plain);
        found.extend(plain.map(|part| part.body.to_owned()));
    });
    look.look_at(value);
    found
}

fn base(variable: &str) -> &str {
    variable.strip_suffix("[*]").unwrap_or(variable)
}

fn find(variable: &str, results: &ResultsByTask) -> Found {
    let Some(reference) = ResultRef::parse(variable) else {
        return Found::Invalid;
    };
    let Some(task) = results.get(reference.task) else {
        return Found::Nothing;
    };
    let Some(value) = task.values.get(reference.result) else {
        return match task.status {
            TaskStatus::Succeeded => Found::Invalid,
            TaskStatus::Failed | TaskStatus::None | TaskStatus::Completed => Found::Nothing,
        };
    };
    if task.producer == Producer::Custom {
        return Found::Value(value.clone());
    }
    part(value, reference).map_or(Found::Invalid, Found::Value)
}

/// The part of a value that is meant. An array without an index stands for its first element, as upstream.
fn part(value: &ParamValue, reference: ResultRef<'_>) -> Option<ParamValue> {
    match (value, reference.key, reference.index) {
        (ParamValue::Object(fields), Some(key), _) => fields.get(key).cloned().map(ParamValue::String),
        (_, Some(_), _) => None,
        (ParamValue::Array(items), None, index) => match index {
            Some(ResultIndex::All) => Some(value.clone()),
            Some(ResultIndex::At(at)) => items.get(at).cloned().map(ParamValue::String),
            None => items.first().cloned().map(ParamValue::String),
        },
        // The keys are reached through variables of their own.
        (ParamValue::Object(_) | ParamValue::String(_), None, _) => Some(value.clone()),
    }
}
