//! Putting artifacts into the tasks and steps that use them.

use windlass_api::tekton::PipelineTask;
use windlass_api::tekton::Step;
use windlass_api::tekton::provenance::Artifact;
use windlass_api::tekton::provenance::Artifacts;

use super::json::escaped;
use crate::substitution::Error;
use crate::substitution::Expansion;
use crate::substitution::Replacer;
use crate::substitution::TaskParts;
use crate::substitution::visit_task;

/// Whose artifacts they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArtifactScope {
    /// Those of tasks that have ended: `$(tasks.<task>.outputs.<artifact>)`.
    Tasks,
    /// Those of steps that have ended: `$(steps.<step>.outputs.<artifact>)`.
    Steps,
}

/// The artifacts of tasks or steps, by name, as the JSON of their values.
///
/// `inputs` and `outputs` without a name stand for the first artifact, as upstream.
pub fn artifact_values<'a>(
    scope: ArtifactScope,
    produced: impl IntoIterator<Item = (&'a str, &'a Artifacts)>,
) -> Replacer<'static> {
    let section = match scope {
        ArtifactScope::Tasks => "tasks",
        ArtifactScope::Steps => "steps",
    };
    let mut values = Replacer::new();
    for (name, artifacts) in produced {
        bind(
            &mut values,
            &format!("{section}.{name}.inputs"),
            &artifacts.inputs,
        );
        bind(
            &mut values,
            &format!("{section}.{name}.outputs"),
            &artifacts.outputs,
        );
    }
    values
}

/// The task with the artifacts of earlier tasks put into what is embedded in it.
pub fn apply_task_artifacts(task: &PipelineTask, values: &Replacer<'_>) -> Result<PipelineTask, Error> {
    let mut task = task.clone();
    if let Some(embedded) = task.task_spec.as_mut().filter(|_| !values.is_empty()) {
        visit_task(&mut Expansion::new(values), TaskParts::from(embedded))?;
    }
    Ok(task)
}

/// The step with the artifacts of earlier steps put into its script, command, arguments and environment.
pub fn expand_step_artifacts(step: &Step, values: &Replacer<'_>) -> Result<Step, Error> {
    let mut step = step.clone();
    let mut pass = Expansion::new(values);
    let texts = [&mut step.script]
        .into_iter()
        .chain(&mut step.command)
        .chain(&mut step.args);
    for text in texts.chain(step.env.iter_mut().map(|variable| &mut variable.value)) {
        *text = Expansion::text(&mut pass, text)?;
    }
    Ok(step)
}

fn bind(values: &mut Replacer<'_>, base: &str, artifacts: &[Artifact]) {
    for (at, artifact) in artifacts.iter().enumerate() {
        // Names and digests are texts: there is nothing in them that could not be written.
        let text = escaped(serde_json::to_string(&artifact.values).unwrap_or_default());
        if at == 0 {
            values.string(base, text.clone());
        }
        values.string(format!("{base}.{}", artifact.name), text);
    }
}
