//! Reasons of a `CustomRun`, and the states its spec can ask for.

use super::words::words;

/// `spec.status` that asks the custom task to stop.
pub const REQUEST_CANCELLED: &str = "RunCancelled";

/// `spec.statusMessage` of a run whose `PipelineRun` was cancelled.
pub const CANCELLED_BY_PIPELINE: &str =
    "CustomRun cancelled as the PipelineRun it belongs to has been cancelled.";

/// `spec.statusMessage` of a run whose `PipelineRun` timed out.
pub const CANCELLED_BY_PIPELINE_TIMEOUT: &str =
    "CustomRun cancelled as the PipelineRun it belongs to has timed out.";

words! {
    /// Unknown: seen, nothing else done.
    STARTED = "Started";
    /// Unknown: at work.
    RUNNING = "Running";
    /// True: it ended well.
    SUCCEEDED = "Succeeded";
    /// False: it failed.
    FAILED = "Failed";
    /// False: it was cancelled.
    CANCELLED = "CustomRunCancelled";
    /// False: it took longer than its timeout.
    TIMED_OUT = "CustomRunTimedOut";
    /// False: the custom task takes no workspaces.
    WORKSPACE_NOT_SUPPORTED = "CustomRunWorkspaceNotSupported";
}
