//! Putting artifacts into the tasks and steps that use them.

use std::collections::HashMap;
use std::collections::HashSet;

use windlass_api::tekton::PipelineTask;
use windlass_api::tekton::Step;
use windlass_api::tekton::provenance::Artifact;
use windlass_api::tekton::provenance::ArtifactValue;
use windlass_api::tekton::provenance::Artifacts;

use super::json::escaped;
use crate::substitution::Error;
use crate::substitution::Expansion;
use crate::substitution::Replacer;
use crate::substitution::TaskParts;
use crate::substitution::variables;
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
    let mut values = Replacer::new();
    for (name, artifacts) in produced {
        bind_artifacts(&mut values, scope, name, artifacts);
    }
    values
}

/// Adds the artifacts of one more task or step to [`artifact_values`].
pub fn bind_artifacts(values: &mut Replacer<'_>, scope: ArtifactScope, name: &str, artifacts: &Artifacts) {
    let section = match scope {
        ArtifactScope::Tasks => "tasks",
        ArtifactScope::Steps => "steps",
    };
    bind(values, &format!("{section}.{name}.inputs"), &artifacts.inputs);
    bind(values, &format!("{section}.{name}.outputs"), &artifacts.outputs);
}

/// Whether a text uses artifacts of earlier steps.
pub fn uses_step_artifacts(text: &str) -> bool {
    variables(text).any(|variable| {
        let rest = variable
            .strip_prefix("steps.")
            .and_then(|rest| rest.split_once('.'));
        rest.is_some_and(|(_, rest)| rest.starts_with("inputs") || rest.starts_with("outputs"))
    })
}

/// What several steps or runs declare, as one: artifacts of one name become one artifact, and no value of it is there
/// twice. Only outputs can be what a task was for; one of them saying so is enough.
pub fn merge_artifacts<'a>(all: impl IntoIterator<Item = &'a Artifacts>) -> Artifacts {
    let (mut inputs, mut outputs) = (Merged::default(), Merged::default());
    for artifacts in all {
        for input in &artifacts.inputs {
            inputs.add(input);
        }
        for output in &artifacts.outputs {
            let merged = outputs.add(output);
            merged.build_output |= output.build_output;
        }
    }
    Artifacts {
        inputs: inputs.artifacts,
        outputs: outputs.artifacts,
    }
}

/// Artifacts in the order in which their names were met first.
#[derive(Default)]
struct Merged<'a> {
    artifacts: Vec<Artifact>,
    places: HashMap<&'a str, usize>,
    seen: HashSet<(usize, &'a ArtifactValue)>,
}

impl<'a> Merged<'a> {
    fn add(&mut self, more: &'a Artifact) -> &mut Artifact {
        let place = *self.places.entry(&more.name).or_insert(self.artifacts.len());
        if place == self.artifacts.len() {
            self.artifacts.push(Artifact {
                name: more.name.clone(),
                ..Artifact::default()
            });
        }
        let new = more
            .values
            .iter()
            .filter(|value| self.seen.insert((place, value)));
        let artifact = &mut self.artifacts[place];
        artifact.values.extend(new.cloned());
        artifact
    }
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
        let text = match artifact.values.as_slice() {
            // No values are no list in Go.
            [] => "null".to_owned(),
            values => escaped(serde_json::to_string(values).unwrap_or_default()),
        };
        if at == 0 {
            values.string(base, text.clone());
        }
        values.string(format!("{base}.{}", artifact.name), text);
    }
}
