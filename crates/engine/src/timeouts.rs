//! How the timeouts of a run, its sections and its tasks follow from what was declared.
//!
//! Everywhere zero means "without limit", as in Tekton.

use windlass_api::Duration;
use windlass_api::Time;

use crate::graph::Section;
use crate::plan::Deadlines;

/// The timeout of runs and of tasks for which nothing else is said: one hour.
pub const DEFAULT: Duration = Duration::from_secs(60 * 60);

/// `spec.timeouts` of a run, as written. That `tasks` and `finally` fit into `pipeline` is checked at admission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// Of the whole run; the default applies without it.
    pub pipeline: Option<Duration>,
    /// Of everything before `finally`, from the start of the run.
    pub tasks: Option<Duration>,
    /// Of `finally`, from its own start.
    pub finally: Option<Duration>,
}

impl Timeouts {
    /// The timeout of the whole run.
    pub fn pipeline(&self, default: Duration) -> Duration {
        self.pipeline.unwrap_or(default)
    }

    /// The timeout of everything before `finally`: as written, or what `finally` leaves of a written `pipeline`.
    pub fn tasks(&self) -> Option<Duration> {
        self.tasks.or_else(|| remainder(self.pipeline, self.finally))
    }

    /// The timeout of `finally`: as written, or what `tasks` leave of a written `pipeline`.
    pub fn finally(&self) -> Option<Duration> {
        self.finally.or_else(|| remainder(self.pipeline, self.tasks))
    }

    /// When the timeouts strike in a run that started at `started`, and its `finally` at `finally_started`.
    pub fn deadlines(
        &self,
        default: Duration,
        started: Option<Time>,
        finally_started: Option<Time>,
    ) -> Deadlines {
        let after = |start: Option<Time>, limit: Option<Duration>| {
            let limit = limit.filter(|limit| !limit.is_zero())?;
            Some(start?.plus(limit))
        };
        Deadlines {
            pipeline: after(started, Some(self.pipeline(default))),
            tasks: after(started, self.tasks()),
            finally: after(finally_started, self.finally()),
        }
    }

    /// The timeout that each attempt of a task gets.
    ///
    /// `spec.taskRunSpecs[].timeout` comes first, then `timeout` of the pipeline's task. The timeout of the section
    /// counts only where it is longer than the default, or without limit: a shorter one is enforced on the section as a
    /// whole.
    pub fn of_task(
        &self,
        section: Section,
        task_run_spec: Option<Duration>,
        pipeline_task: Option<Duration>,
        default: Duration,
    ) -> Duration {
        let of_section = match section {
            Section::Dag => self.tasks(),
            Section::Finally => self.finally(),
        };
        let of_section = of_section.filter(|limit| limit.is_zero() || *limit > default);
        task_run_spec.or(pipeline_task).or(of_section).unwrap_or(default)
    }
}

/// What `part` leaves of `whole`; nothing unless both are limits.
fn remainder(whole: Option<Duration>, part: Option<Duration>) -> Option<Duration> {
    let (whole, part) = (whole?, part?);
    if whole.is_zero() || part.is_zero() {
        return None;
    }
    Some(Duration::from_nanos(
        whole.as_nanos().saturating_sub(part.as_nanos()),
    ))
}

#[cfg(test)]
mod tests;
