//! Keys of annotations, and values with a meaning.

use super::words::words;

/// Group whose annotations a user may not set on a run: they are dropped on creation.
pub const RESERVED_GROUP: &str = "chains.tekton.dev/";

/// Starts the keys that tie a `Secret` to a git server: `tekton.dev/git-0`.
pub const GIT_CREDENTIAL_PREFIX: &str = "tekton.dev/git-";

/// Starts the keys that tie a `Secret` to a registry: `tekton.dev/docker-0`.
pub const DOCKER_CREDENTIAL_PREFIX: &str = "tekton.dev/docker-";

/// Value of [`EXECUTION_MODE`] that takes the network away.
pub const HERMETIC: &str = "hermetic";

words! {
    /// Version of the controller that handles an object.
    RELEASE = "pipeline.tekton.dev/release";
    /// `onError` of the pipeline task that a run executes.
    PIPELINE_TASK_ON_ERROR = "pipeline.tekton.dev/pipeline-task-on-error";
    /// Set on a pod when its first step may start.
    READY = "tekton.dev/ready";
    /// Set on a pod to stop its steps.
    CANCEL = "tekton.dev/cancel";
    /// Asks for steps without network.
    EXECUTION_MODE = "experimental.tekton.dev/execution-mode";
    /// Signature of a definition.
    SIGNATURE = "tekton.dev/signature";
    /// Span that a `TaskRun` is traced under.
    TASK_RUN_SPAN_CONTEXT = "tekton.dev/taskrunSpanContext";
    /// Span that a `PipelineRun` is traced under.
    PIPELINE_RUN_SPAN_CONTEXT = "tekton.dev/pipelinerunSpanContext";
    /// Span that a `CustomRun` is traced under.
    CUSTOM_RUN_SPAN_CONTEXT = "tekton.dev/customrunSpanContext";
    /// Asks that a claim go with the run that made it.
    AUTO_CLEANUP_PVC = "tekton.dev/auto-cleanup-pvc";
    /// `resources` of a v1beta1 object.
    V1BETA1_RESOURCES = "tekton.dev/v1beta1Resources";
    /// `status.resourcesResult` of a v1beta1 `TaskRun`.
    V1BETA1_RESOURCES_RESULT = "tekton.dev/v1beta1ResourcesResult";
    /// `status.taskSpec.resources` of a v1beta1 `TaskRun`.
    V1BETA1_RESOURCES_STATUS = "tekton.dev/v1beta1ResourcesStatus";
    /// `status.cloudEvents` of a v1beta1 `TaskRun`.
    V1BETA1_CLOUD_EVENTS = "tekton.dev/v1beta1CloudEvents";
    /// Fields of v1beta1 steps and step templates that v1 lacks.
    V1BETA1_TASK_DEPRECATIONS = "tekton.dev/v1beta1.task-deprecations";
    /// Last state as written by `kubectl apply`.
    LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";
}
