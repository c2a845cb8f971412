//! What a runner reports while it executes a job.
//!
//! Reports of one attempt arrive in order and end with exactly one [`Observation::Finished`]. Before it, every step has
//! its [`Observation::StepFinished`], also those that never ran, unless the attempt ends with
//! [`AttemptEnd::CouldNotStart`] or [`AttemptEnd::Lost`], or was cancelled before a runner took it.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::Deserialize;
use serde::Serialize;

/// One report about an attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Observation {
    /// The sandbox exists and sidecars are being started.
    Preparing,
    /// A sidecar's process runs.
    SidecarStarted {
        /// Index in `Job::sidecars`.
        sidecar: usize,
        /// When.
        at: SystemTime,
        /// Image as resolved by the backend; on `host` the name as written.
        image_id: String,
    },
    /// A step's process runs.
    StepStarted {
        /// Index in `Job::steps`.
        step: usize,
        /// When.
        at: SystemTime,
    },
    /// A step ended or was skipped.
    StepFinished(StepReport),
    /// The attempt is over: no process of it is left.
    Finished(Outcome),
}

/// How one step ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// Index in `Job::steps`.
    pub step: usize,
    /// When it started; equals `finished_at` for a step that never ran.
    pub started_at: SystemTime,
    /// When it ended.
    pub finished_at: SystemTime,
    /// How.
    pub end: StepEnd,
    /// Values of the results that the step itself declares, by name.
    pub results: BTreeMap<String, String>,
    /// Values of the task's results as the files hold them after this step, by name.
    pub task_results: BTreeMap<String, String>,
    /// Content of the step's own artifacts provenance file, if it wrote one.
    pub artifacts: Option<String>,
    /// Content of the task's artifacts provenance file as it is after this step.
    pub task_artifacts: Option<String>,
    /// Image as resolved by the backend.
    pub image_id: String,
}

/// The manner of a step's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepEnd {
    /// Exited; 0 is success. With `onError: continue` any code goes on. Death by signal is 128 + its number.
    Exited(i32),
    /// Killed for using more memory than its limit, whatever its exit code.
    OutOfMemory,
    /// Killed for exceeding its own timeout.
    TimedOut,
    /// Not run because its `when` was false.
    WhenFalse,
    /// Not run because an earlier step failed.
    Skipped,
    /// Stopped, or not run, because the attempt was cancelled.
    Cancelled,
    /// Stopped, or not run, because the attempt's timeout passed.
    AttemptTimedOut,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The manner of the end.
    pub end: AttemptEnd,
    /// How each sidecar ended, in the order of `Job::sidecars`.
    pub sidecars: Vec<SidecarReport>,
    /// When the last process was gone.
    pub at: SystemTime,
}

/// How one sidecar ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SidecarReport {
    /// When it started.
    pub started_at: SystemTime,
    /// When it ended.
    pub finished_at: SystemTime,
    /// Exit code; `None` when the runner stopped it after the last step.
    pub exit_code: Option<i32>,
    /// Killed for using more memory than its limit.
    pub out_of_memory: bool,
    /// Image as resolved by the backend.
    pub image_id: String,
}

/// The manner of an attempt's end; step reports say which step did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttemptEnd {
    /// Every step ended well or was allowed to fail.
    Succeeded,
    /// A step or sidecar failed.
    Failed,
    /// Cancelled on request.
    Cancelled,
    /// The attempt's timeout passed.
    TimedOut,
    /// Results of a step exceed `Job::max_result_bytes`.
    ResultTooLarge {
        /// Name of the step.
        step: String,
        /// Size in bytes of the step's results as JSON.
        bytes: usize,
    },
    /// Nothing was run: the sandbox or a process could not be made.
    CouldNotStart(StartFailure),
    /// The runner lost the attempt, for instance because its sandbox was killed from outside.
    Lost(String),
}

/// Why nothing was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartFailure {
    /// The class, which selects the condition's reason.
    pub kind: StartFailureKind,
    /// One sentence for the user with the way out.
    pub message: String,
}

/// Classes of [`StartFailure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StartFailureKind {
    /// An image could not be had (`TaskRunImagePullFailed`).
    ImagePull,
    /// The configuration of a container is wrong (`CreateContainerConfigError`).
    ContainerConfig,
    /// The sandbox could not be made (`PodCreationFailed`).
    Sandbox,
}
