//! Which step failed, and what it said last.

use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::sync::Arc;

use windlass_api::Key;
use windlass_api::Object;
use windlass_api::reasons::step;
use windlass_api::tekton::TaskRun;
use windlass_api::tekton::taskrun::StepState;
use windlass_runtime::Client;
use windlass_runtime::client::LogQuery;

use crate::progress::Progress;
use crate::progress::Run;
use crate::progress::State;
use crate::progress::succeeded;
use crate::terminal::Paint;
use crate::terminal::Style;
use crate::terminal::neutralise;
use crate::terminal::safe;

/// Most failures that are shown with their last lines; the table has them all.
const MOST: usize = 5;

/// Lines shown of each.
const LINES: usize = 10;

/// Bytes shown of a line.
const WIDTH: usize = 500;

/// Texts about the tasks that failed: the step, its exit code, its last lines.
pub(super) async fn failures(client: &Arc<dyn Client>, progress: &Progress, style: Style) -> Vec<String> {
    let mut failed: Vec<(&str, &TaskRun)> = Vec::new();
    if let Object::TaskRun(run) = progress.root()
        && run.status.steps.iter().any(is_culprit)
    {
        // Without a step to name, the outcome's message says all there is.
        failed.push((progress.root_label(), run));
    }
    let below: Vec<(&Key, &Run)> = progress
        .runs()
        .filter(|(_, run)| matches!(run.state, State::Failed | State::TimedOut))
        .collect();
    failed.extend(below.iter().filter_map(|(_, run)| match &run.object {
        Object::TaskRun(object) => Some((run.label.as_ref(), object.as_ref())),
        _ => None,
    }));
    // A pipeline that failed by itself, or a custom task: there is no step to name either.
    let blamed: BTreeSet<&Key> = below.iter().map(|(_, run)| &run.parent).collect();
    let others = below
        .iter()
        .filter(|(key, run)| !matches!(run.object, Object::TaskRun(_)) && !blamed.contains(key));
    let others: Vec<&Run> = others.map(|(_, run)| *run).collect();
    let mut texts = Vec::new();
    for (label, run) in failed.iter().take(MOST) {
        texts.push(failure(client, label, run, style).await);
    }
    let room = MOST.saturating_sub(failed.len());
    texts.extend(
        others
            .iter()
            .take(room)
            .map(|run| verdict(&run.label, &run.object, style)),
    );
    let more = (failed.len() + others.len()).saturating_sub(MOST);
    if more > 0 {
        texts.push(format!("and {more} more tasks failed\n"));
    }
    texts
}

/// Reason and message of a run whose steps do not tell why it failed.
fn verdict(label: &str, object: &Object, style: Style) -> String {
    let condition = succeeded(object);
    let (reason, message) = condition.map_or(("", ""), |condition| (&condition.reason, &condition.message));
    let head = style.paint(Paint::Bad, &format!("{label}: {reason}"));
    format!("{head}\n  {}\n", indented(message))
}

async fn failure(client: &Arc<dyn Client>, label: &str, run: &TaskRun, style: Style) -> String {
    let condition = windlass_api::conditions::get(&run.status.conditions, "Succeeded");
    let (reason, message) = condition.map_or(("", ""), |condition| (&condition.reason, &condition.message));
    let Some(step) = run.status.steps.iter().find(|step| is_culprit(step)) else {
        return format!(
            "{}\n  {}\n",
            style.paint(Paint::Bad, &format!("{label}: {reason}")),
            indented(message)
        );
    };
    let head = format!("{label} : {} {}", step.name, ended(step));
    let mut text = format!("{}\n", style.paint(Paint::Bad, &head));
    for line in last_lines(client, run, step).await {
        let mut shown = Vec::new();
        neutralise(line.get(..WIDTH).unwrap_or(&line), style.has_color(), &mut shown);
        text.push_str("  │ ");
        text.push_str(&String::from_utf8_lossy(&shown));
        if style.has_color() {
            text.push_str("\x1b[0m");
        }
        text.push('\n');
    }
    text
}

/// Whether a step ran and ended badly by itself; what never started is told by the run's message.
fn is_culprit(state: &StepState) -> bool {
    let did_run = matches!(
        state.termination_reason.as_str(),
        "" | step::ERROR
            | step::OOM_KILLED
            | step::TIMEOUT_EXCEEDED
            | step::TASK_RUN_TIMEOUT
            | step::TASK_RUN_CANCELLED
            | step::CANCELLED
    );
    did_run && state.terminated.as_ref().is_some_and(|end| end.exit_code != 0)
}

fn ended(state: &StepState) -> String {
    let code = state.terminated.as_ref().map_or(0, |end| end.exit_code);
    match state.termination_reason.as_str() {
        step::TIMEOUT_EXCEEDED => "took longer than its timeout".to_owned(),
        step::TASK_RUN_TIMEOUT => "was stopped when the task's time was up".to_owned(),
        step::TASK_RUN_CANCELLED | step::CANCELLED => "was cancelled".to_owned(),
        // A process that a signal ended has 128 and the signal's number.
        _ if code > 128 && code < 160 => format!("was ended by signal {} (exit code {code})", code - 128),
        _ => format!("failed with exit code {code}"),
    }
}

fn indented(message: &str) -> String {
    message.lines().map(safe).collect::<Vec<_>>().join("\n  ")
}

async fn last_lines(client: &Arc<dyn Client>, run: &TaskRun, step: &StepState) -> Vec<Vec<u8>> {
    let query = LogQuery {
        namespace: run.metadata.namespace.clone(),
        pod: run.status.pod_name.clone(),
        container: step.container.clone(),
        follow: false,
    };
    let Ok(mut stream) = client.logs(query).await else {
        return Vec::new();
    };
    let mut last: VecDeque<Vec<u8>> = VecDeque::new();
    let mut open = Vec::new();
    let mut keep = |line: &mut Vec<u8>| {
        last.push_back(std::mem::take(line));
        if last.len() > LINES {
            last.pop_front();
        }
    };
    while let Some(chunk) = stream.next().await {
        for part in chunk.bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, is_whole) = part
                .strip_suffix(b"\n")
                .map_or((part, false), |text| (text, true));
            let room = WIDTH.saturating_sub(open.len()).min(text.len());
            open.extend_from_slice(text.get(..room).unwrap_or_default());
            if is_whole {
                keep(&mut open);
            }
        }
    }
    if !open.is_empty() {
        keep(&mut open);
    }
    last.into()
}

/// What the plane says of a run that did not end well.
pub(super) fn message(progress: &Progress) -> String {
    succeeded(progress.root())
        .map(|condition| condition.message.clone())
        .unwrap_or_default()
}
