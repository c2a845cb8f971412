//! Reasons of a `PipelineRun`, and the states its spec can ask for.

use super::words::words;

/// `spec.status` that stops everything at once; final tasks do not run.
pub const REQUEST_CANCELLED: &str = "Cancelled";

/// `spec.status` that stops running tasks and then runs the final tasks.
pub const REQUEST_CANCELLED_RUN_FINALLY: &str = "CancelledRunFinally";

/// `spec.status` that lets running tasks end and then runs the final tasks.
pub const REQUEST_STOPPED_RUN_FINALLY: &str = "StoppedRunFinally";

/// `spec.status` that keeps the run from starting.
pub const REQUEST_PENDING: &str = "PipelineRunPending";

/// Starts the message of every failure that only the user can mend.
pub const USER_ERROR_PREFIX: &str = "[User error] ";

words! {
    /// Unknown: seen, nothing else done.
    STARTED = "Started";
    /// Unknown: tasks run.
    RUNNING = "Running";
    /// Unknown: `spec.status` keeps it from starting.
    PENDING = "PipelineRunPending";
    /// Unknown: its pipeline is being fetched.
    RESOLVING_PIPELINE_REF = "ResolvingPipelineRef";
    /// Unknown: the task of one of its tasks is being fetched.
    RESOLVING_TASK_REF = "ResolvingTaskRef";
    /// Unknown: a task failed and running ones are let end.
    STOPPING = "PipelineRunStopping";
    /// Unknown: cancelled gracefully, final tasks run.
    CANCELLED_RUNNING_FINALLY = "CancelledRunningFinally";
    /// Unknown: stopped gracefully, final tasks run.
    STOPPED_RUNNING_FINALLY = "StoppedRunningFinally";
    /// Unknown: tasks took longer than `timeouts.tasks`, final tasks run.
    TIMED_OUT_RUNNING_FINALLY = "PipelineRunTimeoutRunningFinally";
    /// True: every task succeeded.
    SUCCEEDED = "Succeeded";
    /// True: no task failed and at least one was skipped.
    COMPLETED = "Completed";
    /// False: a task failed.
    FAILED = "Failed";
    /// False: it was cancelled.
    CANCELLED = "Cancelled";
    /// False: it took longer than its timeout.
    TIMED_OUT = "PipelineRunTimeout";
    /// False: the pipeline could not be fetched.
    COULDNT_GET_PIPELINE = "CouldntGetPipeline";
    /// False: a task could not be fetched.
    COULDNT_GET_TASK = "CouldntGetTask";
    /// False: a result of the pipeline could not be had although its task succeeded.
    COULDNT_GET_PIPELINE_RESULT = "CouldntGetPipelineResult";
    /// False, or unknown while it is tried again: cancelling failed.
    COULDNT_CANCEL = "PipelineRunCouldntCancel";
    /// False, or unknown while it is tried again: stopping timed-out tasks failed.
    COULDNT_TIME_OUT = "PipelineRunCouldntTimeOut";
    /// False: a child could not be created.
    CREATE_RUN_FAILED = "CreateRunFailed";
    /// False: an expression of a `when` failed.
    CEL_EVALUATION_FAILED = "CELEvaluationFailed";
    /// False: the pipeline, or what a task was given, is not valid.
    VALIDATION_FAILED = "PipelineValidationFailed";
    /// False: the tasks are no graph.
    INVALID_GRAPH = "PipelineInvalidGraph";
    /// False: resources do not fit (kept for old objects).
    INVALID_BINDINGS = "InvalidPipelineResourceBindings";
    /// False: workspaces do not fit what the pipeline declares.
    INVALID_WORKSPACE_BINDINGS = "InvalidWorkspaceBindings";
    /// False: `taskRunSpecs` names a task that does not exist.
    INVALID_TASK_RUN_SPECS = "InvalidTaskRunSpecs";
    /// False: a matrix has a parameter of the wrong type.
    INVALID_MATRIX_PARAMETER_TYPES = "InvalidMatrixParameterTypes";
    /// False: a task refers to a result that does not exist.
    INVALID_TASK_RESULT_REFERENCE = "InvalidTaskResultReference";
    /// False: the pipeline's results refer to one that does not exist.
    INVALID_PIPELINE_RESULT_REFERENCE = "InvalidPipelineResultReference";
    /// False: a parameter has a value that its `enum` does not list.
    INVALID_PARAM_VALUE = "InvalidParamValue";
    /// False: an optional workspace is handed to a task that requires it.
    REQUIRED_WORKSPACE_MARKED_OPTIONAL = "RequiredWorkspaceMarkedOptional";
    /// False: a parameter has the wrong type.
    PARAMETER_TYPE_MISMATCH = "ParameterTypeMismatch";
    /// False: an object parameter lacks keys.
    OBJECT_PARAMETER_MISS_KEYS = "ObjectParameterMissKeys";
    /// False: an index lies outside its array.
    PARAM_ARRAY_INDEXING_INVALID = "ParamArrayIndexingInvalid";
    /// False: a required parameter is not given.
    PARAMETER_MISSING = "ParameterMissing";
    /// False: a definition's signature does not hold.
    RESOURCE_VERIFICATION_FAILED = "ResourceVerificationFailed";
    /// False: the claim of a workspace could not be created.
    COULDNT_CREATE_WORKSPACE_PVC = "CouldntCreateWorkspacePVC";
}
