//! Putting results into the tasks that use them.

use std::collections::HashSet;

use windlass_api::references::ResultIndex;
use windlass_api::references::ResultRef;
use windlass_api::references::Section;
use windlass_api::references::task_edges;
use windlass_api::tekton::ParamValue;
use windlass_api::tekton::PipelineTask;

use super::error::Error;
use super::error::MissingResult;
use super::outcome::Producer;
use super::outcome::ResultsByTask;
use super::outcome::custom_value;
use crate::outcome::TaskStatus;
use crate::substitution::Collect;
use crate::substitution::Expansion;
use crate::substitution::Replacer;
use crate::substitution::TaskParts;
use crate::substitution::visit_pipeline_task;
use crate::substitution::visit_task;

/// The task with the results it uses put in, those that reach an embedded task included.
///
/// # Errors
///
/// A result that an edge of the graph stands for must be there. Elsewhere (a workspace's `subPath`, a display name, the
/// parameters of a resolver) an unknown result stays as it is written, as upstream.
pub fn apply_task_results(task: &PipelineTask, results: &ResultsByTask) -> Result<PipelineTask, Error> {
    let mut replacer = Replacer::new();
    let mut bound = HashSet::new();
    for reference in task_edges(task).results {
        bind(&mut replacer, &mut bound, reference, results)?;
    }
    let mut task = task.clone();
    let mut look = Collect(|text: &str| {
        for reference in ResultRef::in_text(text) {
            // Only edges must be there: what they miss has been refused above.
            let _ = bind(&mut replacer, &mut bound, reference, results);
        }
    });
    let Ok(()) = visit_pipeline_task(&mut look, &mut task);
    if let Some(embedded) = &mut task.task_spec {
        let Ok(()) = visit_task(&mut look, TaskParts::from(embedded));
    }
    if replacer.is_empty() {
        return Ok(task);
    }
    let mut pass = Expansion::new(&replacer);
    visit_pipeline_task(&mut pass, &mut task).map_err(Error::Expand)?;
    if let Some(embedded) = &mut task.task_spec {
        visit_task(&mut pass, TaskParts::from(embedded)).map_err(Error::Expand)?;
    }
    Ok(task)
}

fn bind(
    replacer: &mut Replacer<'_>,
    bound: &mut HashSet<(String, String)>,
    reference: ResultRef<'_>,
    results: &ResultsByTask,
) -> Result<(), Error> {
    if reference.section != Section::Tasks {
        return Ok(());
    }
    let (task, result) = (reference.task, reference.result);
    let not_finished = || MissingResult::NotFinished {
        task: task.to_owned(),
    };
    let outcome = results.get(task).ok_or_else(not_finished)?;
    if outcome.status == TaskStatus::None {
        return Err(not_finished().into());
    }
    let value = outcome
        .values
        .get(result)
        .ok_or_else(|| MissingResult::NotProduced {
            task: task.to_owned(),
            result: result.to_owned(),
            status: outcome.status,
            matrixed: matches!(outcome.producer, Producer::Matrix { .. }),
        })?;
    let custom = match (outcome.producer, value) {
        (Producer::Custom, ParamValue::String(text)) => Some(custom_value(text)),
        _ => None,
    };
    let value = custom.as_ref().unwrap_or(value);
    if let (ParamValue::Array(items), Some(ResultIndex::At(index))) = (value, reference.index)
        && index >= items.len()
    {
        return Err(Error::Index {
            task: task.to_owned(),
            result: result.to_owned(),
            index,
            size: items.len(),
        });
    }
    if bound.insert((task.to_owned(), result.to_owned())) {
        replacer.value(&bases(task, result), value);
    }
    Ok(())
}

fn bases(task: &str, result: &str) -> [String; 3] {
    [
        format!("tasks.{task}.results.{result}"),
        format!("tasks.{task}.results[\"{result}\"]"),
        format!("tasks.{task}.results['{result}']"),
    ]
}
