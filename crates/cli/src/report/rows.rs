//! One row per task.

use std::collections::BTreeMap;

use windlass_api::Duration;
use windlass_api::Key;
use windlass_api::Object;
use windlass_api::Time;
use windlass_api::reasons::labels;
use windlass_api::tekton::PipelineRun;

use crate::progress::Progress;
use crate::progress::Run;
use crate::progress::State;

/// What became of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// What people call it.
    pub(super) task: String,
    /// Where it stands.
    pub(super) state: State,
    /// The plane's word for why.
    pub(super) reason: String,
    /// How long it took.
    pub(super) duration: Option<Duration>,
}

/// The tasks of a run in the order of its pipeline, those of pipelines in it below theirs.
pub(super) fn rows(progress: &Progress, now: Time) -> Vec<Row> {
    match progress.root() {
        Object::PipelineRun(run) => {
            let mut children: BTreeMap<&Key, Vec<&Run>> = BTreeMap::new();
            for (_, child) in progress.runs() {
                children.entry(&child.parent).or_default().push(child);
            }
            let mut rows = Vec::new();
            pipeline(run, "", progress.root_state(), &children, now, &mut rows);
            rows
        }
        root => vec![Row {
            task: progress.root_label().to_owned(),
            state: progress.root_state(),
            reason: reason(root),
            duration: crate::progress::duration(root, now),
        }],
    }
}

fn pipeline(
    run: &PipelineRun,
    prefix: &str,
    state: State,
    children: &BTreeMap<&Key, Vec<&Run>>,
    now: Time,
    rows: &mut Vec<Row>,
) {
    let key = windlass_api::Resource::key(run);
    let own: &[&Run] = children.get(&key).map_or(&[], Vec::as_slice);
    let mut by_task: BTreeMap<&str, Vec<&Run>> = BTreeMap::new();
    for child in own {
        by_task.entry(task_of(child)).or_default().push(child);
    }
    let skipped: BTreeMap<&str, &str> = run
        .status
        .skipped_tasks
        .iter()
        .map(|task| (task.name.as_str(), task.reason.as_str()))
        .collect();
    let spec = run.status.pipeline_spec.as_deref();
    let names = spec
        .into_iter()
        .flat_map(|spec| spec.tasks.iter().chain(&spec.finally))
        .map(|task| task.name.as_str());
    for name in names {
        if let Some(runs) = by_task.remove(name) {
            for child in runs {
                below(child, children, now, rows);
            }
            continue;
        }
        let row = |state, reason: &str| Row {
            task: format!("{prefix}{name}"),
            state,
            reason: reason.to_owned(),
            duration: None,
        };
        match skipped.get(name) {
            Some(reason) => rows.push(row(State::Skipped, reason)),
            None if state.is_final() => rows.push(row(State::NotStarted, "")),
            None => rows.push(row(State::Pending, "")),
        }
    }
    for child in by_task.into_values().flatten() {
        below(child, children, now, rows);
    }
}

fn below(child: &Run, children: &BTreeMap<&Key, Vec<&Run>>, now: Time, rows: &mut Vec<Row>) {
    rows.push(Row {
        task: child.label.to_string(),
        state: child.state,
        reason: reason(&child.object),
        duration: child.duration(now),
    });
    if let Object::PipelineRun(run) = &child.object {
        pipeline(
            run,
            &format!("{}/", child.label),
            child.state,
            children,
            now,
            rows,
        );
    }
}

fn task_of(run: &Run) -> &str {
    run.object
        .metadata()
        .labels
        .get(labels::PIPELINE_TASK)
        .map_or_else(|| run.label.as_ref(), String::as_str)
}

/// The reason, and how often it was tried.
fn reason(object: &Object) -> String {
    let reason = crate::progress::succeeded(object).map_or("", |condition| condition.reason.as_str());
    let earlier = match object {
        Object::TaskRun(run) => run.status.retries_status.len(),
        Object::CustomRun(run) => run.status.retries_status.len(),
        _ => 0,
    };
    if earlier == 0 {
        reason.to_owned()
    } else {
        format!("{reason} ({} attempts)", earlier + 1)
    }
}
