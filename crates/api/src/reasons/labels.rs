//! Keys of labels, and values with a meaning.

use super::words::words;

/// Value of [`MEMBER_OF`] for a task of the graph.
pub const MEMBER_OF_TASKS: &str = "tasks";

/// Value of [`MEMBER_OF`] for a final task.
pub const MEMBER_OF_FINALLY: &str = "finally";

/// Default value of [`MANAGED_BY`].
pub const MANAGED_BY_TEKTON: &str = "tekton-pipelines";

/// The `spec.managedBy` that means this controller, as an absent one does.
pub const MANAGED_BY_PIPELINE: &str = "tekton.dev/pipeline";

words! {
    /// The tool that looks after an object.
    MANAGED_BY = "app.kubernetes.io/managed-by";
    /// Name of the task that a run executes.
    TASK = "tekton.dev/task";
    /// Name of the step action.
    STEP_ACTION = "tekton.dev/stepAction";
    /// Name of the `TaskRun` that a pod belongs to.
    TASK_RUN = "tekton.dev/taskRun";
    /// Identity of the `TaskRun` that a pod belongs to.
    TASK_RUN_UID = "tekton.dev/taskRunUID";
    /// Name of the pipeline that a run executes.
    PIPELINE = "tekton.dev/pipeline";
    /// Name of the `PipelineRun` that a child belongs to.
    PIPELINE_RUN = "tekton.dev/pipelineRun";
    /// Identity of the `PipelineRun` that a child belongs to.
    PIPELINE_RUN_UID = "tekton.dev/pipelineRunUID";
    /// Name of the pipeline task that a child executes.
    PIPELINE_TASK = "tekton.dev/pipelineTask";
    /// Whether that pipeline task is in `tasks` or in `finally`.
    MEMBER_OF = "tekton.dev/memberOf";
    /// Name of the `Run` (old name of custom runs).
    RUN = "tekton.dev/run";
    /// Name of the `CustomRun`.
    CUSTOM_RUN = "tekton.dev/customRun";
    /// Name of the run that the Dashboard repeats.
    RERUN_OF = "dashboard.tekton.dev/rerunOf";
}
