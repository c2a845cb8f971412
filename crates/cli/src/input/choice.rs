//! Which of several objects is meant. Never a guess.

use windlass_api::Kind;
use windlass_api::manifest::Entry;
use windlass_api::manifest::Manifest;
use windlass_api::problem::FieldPath;

use crate::error::Error;
use crate::error::Result;

/// Names the object that is meant.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Choice {
    /// Take the Pipeline of this name
    #[arg(long, value_name = "NAME", group = "choice", help_heading = "What to take")]
    pub(crate) pipeline: Option<String>,
    /// Take the Task of this name
    #[arg(long, value_name = "NAME", group = "choice", help_heading = "What to take")]
    pub(crate) task: Option<String>,
    /// Take the run object (a task run, pipeline run or custom run) of this name
    #[arg(long, value_name = "NAME", group = "choice", help_heading = "What to take")]
    pub(crate) run: Option<String>,
    /// Take the first run object, in the order of the files
    #[arg(long, group = "choice", help_heading = "What to take")]
    pub(crate) first: bool,
}

/// The object that is meant.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Chosen<'m> {
    /// A run object.
    Run(&'m Entry),
    /// A pipeline or task, for which there has to be a run.
    Definition(&'m Entry),
}

impl<'m> Chosen<'m> {
    /// The object and its place.
    pub(crate) fn entry(self) -> &'m Entry {
        match self {
            Self::Run(entry) | Self::Definition(entry) => entry,
        }
    }
}

fn is_run(entry: &Entry) -> bool {
    matches!(
        entry.object.kind(),
        Kind::TaskRun | Kind::PipelineRun | Kind::CustomRun
    )
}

fn is_named(entry: &Entry, name: &str) -> bool {
    let metadata = entry.object.metadata();
    metadata.name == name || (metadata.name.is_empty() && metadata.generate_name == name)
}

impl Choice {
    /// Finds the object that is meant.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub(crate) fn choose<'m>(&self, manifest: &'m Manifest) -> Result<Chosen<'m>> {
        let all = &manifest.entries;
        let of_kind = |kind: Kind| all.iter().filter(move |entry| entry.object.kind() == kind);
        if let Some(name) = &self.pipeline {
            let found = of_kind(Kind::Pipeline).find(|entry| is_named(entry, name));
            return found
                .map(Chosen::Definition)
                .ok_or_else(|| unknown(manifest, "Pipeline", name));
        }
        if let Some(name) = &self.task {
            let found = of_kind(Kind::Task).find(|entry| is_named(entry, name));
            return found
                .map(Chosen::Definition)
                .ok_or_else(|| unknown(manifest, "Task", name));
        }
        if let Some(name) = &self.run {
            let found: Vec<&Entry> = all
                .iter()
                .filter(|entry| is_run(entry))
                .filter(|entry| is_named(entry, name))
                .collect();
            return match found.as_slice() {
                [] => Err(unknown(manifest, "run object", name)),
                [only] => Ok(Chosen::Run(only)),
                several => Err(ambiguous(several)),
            };
        }
        let runs: Vec<&Entry> = all.iter().filter(|entry| is_run(entry)).collect();
        match runs.as_slice() {
            [first, ..] if self.first => return Ok(Chosen::Run(first)),
            [only] => return Ok(Chosen::Run(only)),
            [] => {}
            several => return Err(ambiguous(several)),
        }
        for kind in [Kind::Pipeline, Kind::Task] {
            let found: Vec<&Entry> = of_kind(kind).collect();
            match found.as_slice() {
                [] => {}
                [only] => return Ok(Chosen::Definition(only)),
                several => return Err(ambiguous(several)),
            }
        }
        Err(nothing(manifest))
    }
}

fn nothing(manifest: &Manifest) -> Error {
    let message = match manifest.entries.first() {
        None => "there is no object in the input".to_owned(),
        Some(entry) => {
            let others = manifest.entries.len() - 1;
            let more = if others == 0 {
                String::new()
            } else {
                format!(" and {others} more")
            };
            format!(
                "there is nothing to run: the input holds {}{more}",
                described(entry)
            )
        }
    };
    Error::input(message).hint("a TaskRun, PipelineRun or CustomRun is run, or a lone Pipeline or Task")
}

fn unknown(manifest: &Manifest, what: &str, name: &str) -> Error {
    let error = Error::input(format!("there is no {what} {name:?} in the input"));
    let known: Vec<String> = manifest.entries.iter().filter_map(option).take(MOST).collect();
    if known.is_empty() {
        error
    } else {
        error.hint(format!("there is\n{}", known.join("\n")))
    }
}

fn ambiguous(entries: &[&Entry]) -> Error {
    let mut lines: Vec<String> = entries.iter().copied().filter_map(option).take(MOST).collect();
    if entries.len() > MOST {
        lines.push(format!("and {} more", entries.len() - MOST));
    }
    let error = Error::input(format!("{} objects could be run", entries.len()));
    error.hint(format!("choose one:\n{}", lines.join("\n")))
}

/// Most candidates that are listed.
const MOST: usize = 20;

/// The option that chooses an object, and where the object stands.
fn option(entry: &Entry) -> Option<String> {
    let flag = match entry.object.kind() {
        Kind::Pipeline => "--pipeline",
        Kind::Task => "--task",
        Kind::TaskRun | Kind::PipelineRun | Kind::CustomRun => "--run",
        _ => return None,
    };
    let position = entry.position(&FieldPath::root().field("metadata"));
    Some(format!(
        "{flag} {}  ({}, {}:{position})",
        name_of(entry),
        entry.object.kind(),
        entry.file
    ))
}

fn described(entry: &Entry) -> String {
    format!("{} {:?}", entry.object.kind(), name_of(entry))
}

fn name_of(entry: &Entry) -> &str {
    let metadata = entry.object.metadata();
    if metadata.name.is_empty() {
        &metadata.generate_name
    } else {
        &metadata.name
    }
}
