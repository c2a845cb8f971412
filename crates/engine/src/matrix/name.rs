//! The display name of a run.

use windlass_api::tekton::Param;
use windlass_api::tekton::ParamValue;
use windlass_api::tekton::PipelineTask;
use windlass_api::tekton::pipeline::IncludeParams;

use crate::substitution::Error;
use crate::substitution::Expansion;
use crate::substitution::Replacer;

/// The name for people of one run of a task, made of the run's own parameters.
///
/// In a matrix the names of all included combinations that the run matches take the place of the task's.
pub fn display_name(task: &PipelineTask, params: &[Param]) -> Result<String, Error> {
    let mut values = Replacer::new();
    for param in params {
        if let ParamValue::String(text) = &param.value {
            values.string(format!("params.{}", param.name), text.clone());
        }
    }
    let mut pass = Expansion::new(&values);
    let mut names = Vec::new();
    for include in task.matrix.iter().flat_map(|matrix| &matrix.include) {
        if !include.name.is_empty() && matches(&values, include) {
            names.push(pass.text(&include.name)?);
        }
    }
    let joined = names.join(" ");
    if joined.trim().is_empty() {
        return pass.text(&task.display_name);
    }
    Ok(joined.trim().to_owned())
}

fn matches(values: &Replacer<'_>, include: &IncludeParams) -> bool {
    include.params.iter().all(|param| {
        let known = values.get_string(&format!("params.{}", param.name));
        known.is_some_and(|known| param.value.as_str().is_none_or(|text| text == known))
    })
}
