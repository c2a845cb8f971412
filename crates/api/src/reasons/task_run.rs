//! Reasons of a `TaskRun`, and the states its spec can ask for.

use super::words::words;

/// `spec.status` that stops the run.
pub const REQUEST_CANCELLED: &str = "TaskRunCancelled";

/// `spec.status` that keeps the run from starting.
pub const REQUEST_PENDING: &str = "TaskRunPending";

/// `spec.statusMessage` of a run whose `PipelineRun` was cancelled.
pub const CANCELLED_BY_PIPELINE: &str =
    "TaskRun cancelled as the PipelineRun it belongs to has been cancelled.";

/// `spec.statusMessage` of a run whose `PipelineRun` timed out.
pub const CANCELLED_BY_PIPELINE_TIMEOUT: &str =
    "TaskRun cancelled as the PipelineRun it belongs to has timed out.";

words! {
    /// Unknown: seen, nothing else done.
    STARTED = "Started";
    /// Unknown: the pod waits to start.
    POD_PENDING = "Pending";
    /// Unknown: steps run.
    RUNNING = "Running";
    /// Unknown: an attempt failed and another follows.
    TO_BE_RETRIED = "ToBeRetried";
    /// Unknown: `spec.status` keeps it from starting.
    PENDING = "TaskRunPending";
    /// Unknown: its task is being fetched.
    RESOLVING_TASK_REF = "ResolvingTaskRef";
    /// Unknown: the actions of its steps are being fetched.
    RESOLVING_STEP_ACTION_REF = "ResolvingStepActionRef";
    /// Unknown: a quota leaves no room.
    EXCEEDED_RESOURCE_QUOTA = "ExceededResourceQuota";
    /// Unknown: no node has room.
    EXCEEDED_NODE_RESOURCES = "ExceededNodeResources";
    /// Unknown: an image could not be pulled yet.
    PULL_IMAGE_FAILED = "PullImageFailed";
    /// True: every step ended well.
    SUCCEEDED = "Succeeded";
    /// False: it failed, and its pipeline goes on as `onError: continue` asks.
    FAILURE_IGNORED = "FailureIgnored";
    /// False: a step failed.
    STEP_FAILED = "StepFailed";
    /// False: a step ran out of memory.
    STEP_OOM = "StepOOM";
    /// False: a sidecar failed.
    SIDECAR_FAILED = "SidecarFailed";
    /// False: a sidecar ran out of memory.
    SIDECAR_OOM = "SidecarOOM";
    /// False: preparing the pod failed.
    INIT_CONTAINER_FAILED = "InitContainerFailed";
    /// False: preparing the pod ran out of memory.
    INIT_CONTAINER_OOM = "InitContainerOOM";
    /// False: the pod was evicted.
    POD_EVICTED = "PodEvicted";
    /// False: it failed for a reason that has no word of its own.
    FAILED = "Failed";
    /// False: it was cancelled.
    CANCELLED = "TaskRunCancelled";
    /// False: it took longer than its timeout.
    TIMED_OUT = "TaskRunTimeout";
    /// False: an image could not be pulled.
    IMAGE_PULL_FAILED = "TaskRunImagePullFailed";
    /// False, or unknown while it is retried: a container names what does not exist.
    CREATE_CONTAINER_CONFIG_ERROR = "CreateContainerConfigError";
    /// False: the pod could not be created.
    POD_CREATION_FAILED = "PodCreationFailed";
    /// False: the node refused the pod.
    POD_ADMISSION_FAILED = "PodAdmissionFailed";
    /// False: a result is larger than allowed.
    RESULT_LARGER_THAN_ALLOWED_LIMIT = "TaskRunResultLargerThanAllowedLimit";
    /// False: a sidecar did not stop.
    STOP_SIDECAR_FAILED = "TaskRunStopSidecarFailed";
    /// False: a parameter has a value that its `enum` does not list.
    INVALID_PARAM_VALUE = "InvalidParamValue";
    /// False: a reference could not be resolved.
    RESOLUTION_FAILED = "TaskRunResolutionFailed";
    /// False: the run does not fit its task.
    VALIDATION_FAILED = "TaskRunValidationFailed";
    /// False: the task is not valid.
    TASK_VALIDATION_FAILED = "TaskValidationFailed";
    /// False: the task's signature does not hold.
    RESOURCE_VERIFICATION_FAILED = "ResourceVerificationFailed";
}
