//! How long runs and their tasks may take.

use super::place::Place;
use super::violation::Check;
use super::violation::OUT_OF_BOUNDS;
use super::violation::Violation;
use crate::tekton::pipelinerun::TimeoutFields;
use crate::time::Duration;

impl Check<'_> {
    /// Whether a timeout can be one; reports it otherwise.
    pub(super) fn not_negative(&mut self, at: &Place<'_>, timeout: Option<Duration>) -> bool {
        match timeout.filter(|timeout| timeout.is_negative()) {
            Some(timeout) => {
                self.add(Violation::invalid(at, format!("{timeout} should be >= 0")).code(OUT_OF_BOUNDS));
                false
            }
            None => true,
        }
    }

    /// The timeouts of a pipeline fit into each other.
    pub(super) fn timeouts(&mut self, at: &Place<'_>, timeouts: Option<&TimeoutFields>) {
        let Some(timeouts) = timeouts else { return };
        let fields = [("tasks", timeouts.tasks), ("finally", timeouts.finally)];
        for (field, timeout) in fields {
            self.not_negative(&at.field(field), timeout);
        }
        self.not_negative(&at.field("pipeline"), timeouts.pipeline);
        let (whole, bound) = match timeouts.pipeline {
            Some(pipeline) => (pipeline, "should be <= pipeline duration"),
            None => (
                self.flags.default_timeout,
                "should be <= default timeout duration",
            ),
        };
        for (field, timeout) in fields {
            let Some(timeout) = timeout else { continue };
            let endless = timeout.is_zero() && !whole.is_zero();
            if endless || timeout > whole && !whole.is_zero() {
                let note = if endless { " (no timeout)" } else { "" };
                let value = format!("{timeout}{note} {bound}");
                self.add(Violation::invalid(&at.field(field), value).code(OUT_OF_BOUNDS));
            }
        }
        if let (Some(tasks), Some(finally)) = (timeouts.tasks, timeouts.finally)
            && tasks.as_nanos().saturating_add(finally.as_nanos()) > whole.as_nanos()
        {
            for (field, _) in fields {
                let value = format!("{tasks} + {finally} {bound}");
                self.add(Violation::invalid(&at.field(field), value).code(OUT_OF_BOUNDS));
            }
        }
    }

    /// The timeout of one task fits into the pipeline's.
    pub(super) fn task_timeout(
        &mut self,
        at: &Place<'_>,
        timeout: Option<Duration>,
        timeouts: Option<&TimeoutFields>,
    ) {
        let Some(timeout) = timeout else { return };
        if !self.not_negative(at, Some(timeout)) {
            return;
        }
        let (most, source) = match timeouts {
            Some(TimeoutFields {
                tasks: Some(tasks), ..
            }) => (*tasks, "pipeline tasks duration"),
            Some(TimeoutFields {
                pipeline: Some(pipeline),
                ..
            }) => (*pipeline, "pipeline duration"),
            _ => (self.flags.default_timeout, "default pipeline duration"),
        };
        if most.is_negative() {
            self.add(Violation::invalid(at, format!("{most} should be >= 0")).code(OUT_OF_BOUNDS));
        } else if !most.is_zero() && timeout > most {
            let value = format!("{timeout} should be <= {source} {most}");
            self.add(Violation::invalid(at, value).code(OUT_OF_BOUNDS));
        }
    }
}
