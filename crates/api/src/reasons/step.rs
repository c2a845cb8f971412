//! Why a step ended (`status.steps[].terminationReason` and `.terminated.reason`).

use super::words::words;

words! {
    /// It ended with exit code 0.
    COMPLETED = "Completed";
    /// It failed.
    ERROR = "Error";
    /// It ran out of memory (`terminated.reason` only).
    OOM_KILLED = "OOMKilled";
    /// It never ran: an earlier step failed, or its `when` does not hold.
    SKIPPED = "Skipped";
    /// It failed, and `onError: continue` let the next one start.
    CONTINUED = "Continued";
    /// It took longer than its own timeout.
    TIMEOUT_EXCEEDED = "TimeoutExceeded";
    /// It was cancelled and its pod kept.
    CANCELLED = "Cancelled";
    /// Its run was cancelled.
    TASK_RUN_CANCELLED = "TaskRunCancelled";
    /// Its run took longer than its timeout.
    TASK_RUN_TIMEOUT = "TaskRunTimeout";
}
