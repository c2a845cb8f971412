//! What shows a run.

use windlass_api::Time;

use super::model::Progress;
use crate::terminal::Paint;
use crate::terminal::Style;

/// Shows a run while it runs.
pub(crate) trait View {
    /// Whether lines are shown at all.
    fn wants_output(&self) -> bool {
        true
    }

    /// A line that a step wrote; `prefix` as made by [`prefix`](View::prefix).
    fn line(&mut self, prefix: &str, line: &[u8]);

    /// What stands before the lines of a step.
    fn prefix(&self, task: &str, step: &str) -> String;

    /// Something to tell the user.
    fn notice(&mut self, text: &str);

    /// Nothing more comes at this moment: shows what was held back.
    fn settle(&mut self, progress: &Progress, now: Time);

    /// Whether it wants [`settle`](View::settle) to be called from time to time.
    fn is_moving(&self) -> bool;

    /// Takes back what would move on, before the end is reported.
    fn finish(&mut self);
}

/// `[task : step] `, in the colour of the task.
pub(super) fn prefix(style: Style, task: &str, step: &str) -> String {
    let text = format!("[{task} : {step}]");
    format!("{} ", style.paint(Paint::of(task), &text))
}

/// What people call a container: the step's name; a sidecar keeps its prefix.
pub(super) fn step_name(container: &str) -> &str {
    container.strip_prefix("step-").unwrap_or(container)
}
