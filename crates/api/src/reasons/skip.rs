//! Why a pipeline task was skipped (`status.skippedTasks[].reason`).

use super::words::words;

words! {
    /// Its `when` does not hold.
    WHEN_EXPRESSIONS = "When Expressions evaluated to false";
    /// A task it waits for was skipped.
    PARENT_TASKS = "Parent Tasks were skipped";
    /// A task failed before it started.
    STOPPING = "PipelineRun was stopping";
    /// The run was cancelled gracefully before it started.
    GRACEFULLY_CANCELLED = "PipelineRun was gracefully cancelled";
    /// The run was stopped gracefully before it started.
    GRACEFULLY_STOPPED = "PipelineRun was gracefully stopped";
    /// A result it uses was not produced.
    MISSING_RESULTS = "Results were missing";
    /// The run's time was up before it started.
    PIPELINE_TIMED_OUT = "PipelineRun timeout has been reached";
    /// The tasks' time was up before it started.
    TASKS_TIMED_OUT = "PipelineRun Tasks timeout has been reached";
    /// The final tasks' time was up before it started.
    FINALLY_TIMED_OUT = "PipelineRun Finally timeout has been reached";
    /// Its matrix has an empty array, so there is nothing to do.
    EMPTY_ARRAY_IN_MATRIX = "Matrix Parameters have an empty array";
    /// It was not skipped.
    NONE = "None";
}
