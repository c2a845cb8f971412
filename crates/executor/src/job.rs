//! One attempt of a task, resolved down to what a machine needs to run it.
//!
//! A [`Job`] is plain, serialisable data: the built-in runner receives it in memory, a remote runner over HTTP.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;

/// Names one attempt of one task; the key by which starting a job is idempotent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AttemptId {
    /// `metadata.uid` of the `TaskRun`.
    pub task_run_uid: String,
    /// Number of the attempt; 0 is the first.
    pub attempt: u32,
}

/// Everything needed to execute one attempt of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Identity of the attempt.
    pub id: AttemptId,
    /// Namespace of the `TaskRun`.
    pub namespace: String,
    /// Name of the `TaskRun`.
    pub task_run: String,
    /// Name under which the attempt appears as a pod, and the host name the steps see.
    pub pod: String,
    /// Steps in execution order; never empty.
    pub steps: Vec<Step>,
    /// Containers that run beside the steps; all must be ready before the first step starts.
    pub sidecars: Vec<Sidecar>,
    /// Volumes that steps and sidecars mount by name.
    pub volumes: Vec<Volume>,
    /// Results the task declares; their files are re-read after every step.
    pub results: Vec<String>,
    /// Credential files placed in `$HOME` of every step (upstream's creds-init), relative path to content.
    pub credentials: BTreeMap<PathBuf, Secret>,
    /// Logins for registries, each in the form of a Docker configuration (`{"auths": …}`), first the ones to try first.
    pub pull_logins: Vec<Secret>,
    /// Values that must never appear in logs, results of failed steps or messages.
    pub masks: Vec<Secret>,
    /// How long the attempt may take from its start; `None` is without limit.
    pub timeout: Option<Duration>,
    /// Upper bound for the bytes of all results of one step together; `None` lifts upstream's limit.
    pub max_result_bytes: Option<usize>,
    /// Opens a pause before the named steps or after a failure (`spec.debug.breakpoints`).
    pub breakpoints: Breakpoints,
}

/// Where an attempt pauses for a person.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Breakpoints {
    /// Pause after a step failed, before the attempt ends.
    pub on_failure: bool,
    /// Names of steps to pause before.
    pub before_steps: Vec<String>,
}

/// What one container process is: the part that steps and sidecars share.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// Image reference as the user wrote it; the `host` backend records it and runs the machine's own tools.
    pub image: String,
    /// When the image is asked for at its registry.
    pub pull: PullPolicy,
    /// Replaces the image's entrypoint when not empty.
    pub command: Vec<String>,
    /// Arguments after the command, or to the script.
    pub args: Vec<String>,
    /// Text of an executable file that is run instead of `command`; it already has its `#!` line.
    pub script: Option<String>,
    /// Environment in declaration order; later entries win. Values are final (`$(VAR)` already expanded), except that
    /// `command` and `args` still hold `$(VAR)` for the backend to expand with [`expand_env`](crate::backend) rules,
    /// because an image can add variables.
    pub env: Vec<EnvVar>,
    /// Working directory; created when it lies under `/workspace`. Empty means the image's own, on `host` the default
    /// `/workspace`.
    pub working_dir: String,
    /// Where volumes appear.
    pub mounts: Vec<Mount>,
    /// Identity and privileges.
    pub security: Security,
    /// Upper bounds on resources; enforced where the machine allows it.
    pub limits: Limits,
}

/// When a registry is asked for an image (`imagePullPolicy`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PullPolicy {
    /// When it is not on the machine yet. The default, also for images without a tag.
    #[default]
    IfNotPresent,
    /// Each time, in case the name stands for something else now.
    Always,
    /// Never: what is not on the machine is an error.
    Never,
}

/// A variable of the environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnvVar {
    /// Name of the variable.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A step: a process that must end before the next one starts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Name as it appears in `status.steps[].name`; unnamed steps are `unnamed-<index>`.
    pub name: String,
    /// What to run.
    pub process: Process,
    /// How long the step may take; `None` is without limit of its own.
    pub timeout: Option<Duration>,
    /// `true` keeps going after a non-zero exit (`onError: continue`).
    pub continue_on_error: bool,
    /// Conditions on results of earlier steps, all of which must hold.
    pub when: Vec<When>,
    /// Results the step itself declares (`$(step.results.r.path)`).
    pub results: Vec<String>,
    /// File that receives a copy of standard output.
    pub stdout_path: Option<String>,
    /// File that receives a copy of standard error.
    pub stderr_path: Option<String>,
}

/// A guard on a step, evaluated after the results of earlier steps were substituted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct When {
    /// Left-hand side.
    pub input: String,
    /// `in` or `notin`.
    pub operator: String,
    /// Right-hand side.
    pub values: Vec<String>,
    /// A CEL expression used instead of the other three when not empty.
    pub cel: String,
}

/// A process that runs beside the steps and is stopped after the last one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sidecar {
    /// Name without the `sidecar-` prefix.
    pub name: String,
    /// What to run.
    pub process: Process,
    /// Gate for the first step; none means ready once started.
    pub readiness: Option<Probe>,
}

/// A readiness probe (the Kubernetes `Probe`, all durations resolved).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// What is tried.
    pub check: Check,
    /// Wait before the first try.
    pub initial_delay: Duration,
    /// Wait between tries.
    pub period: Duration,
    /// Limit of one try.
    pub timeout: Duration,
    /// Successes in a row that make it ready.
    pub success_threshold: u32,
}

/// How readiness is checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Check {
    /// Exit code 0 of a command run in the sidecar's view.
    Exec(Vec<String>),
    /// A TCP connection to a port of the sandbox.
    Tcp {
        /// Port to connect to.
        port: u16,
    },
    /// An HTTP GET that answers with 200 to 399.
    Http {
        /// Port to connect to.
        port: u16,
        /// Path with query.
        path: String,
    },
}

/// A named volume.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Volume {
    /// Name that mounts refer to.
    pub name: String,
    /// Where its content comes from.
    pub source: VolumeSource,
}

/// Content of a volume.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum VolumeSource {
    /// A fresh directory that lives as long as the attempt.
    Empty {
        /// Kept in memory when true.
        memory: bool,
        /// Upper bound in bytes, enforced where the machine allows it.
        size_limit: Option<u64>,
    },
    /// A directory of the machine: a claim owned by the plane, or a directory the user named.
    Directory(PathBuf),
    /// Files made from a `ConfigMap`, a `Secret`, a projection, or the downward API.
    Files(Vec<File>),
}

/// A file in a [`VolumeSource::Files`] volume.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct File {
    /// Path relative to the volume's root; without `..`.
    pub path: PathBuf,
    /// Bytes of the file.
    pub content: Secret,
    /// Permission bits.
    pub mode: u32,
}

/// A volume's place in a process's view.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mount {
    /// Name of the volume.
    pub volume: String,
    /// Absolute path.
    pub path: String,
    /// Directory inside the volume; created when missing. Must not leave the volume.
    pub sub_path: String,
    /// Refuses writes when true.
    pub read_only: bool,
}

/// Identity and privileges of a process; `None` keeps the backend's default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Security {
    /// User id.
    pub user: Option<u32>,
    /// Group id.
    pub group: Option<u32>,
    /// Group that owns volumes, and supplementary group of the process.
    pub fs_group: Option<u32>,
    /// Supplementary groups.
    pub supplemental_groups: Vec<u32>,
    /// All capabilities and devices.
    pub privileged: bool,
    /// Refuses to run as user 0.
    pub run_as_non_root: bool,
    /// Root file system without writes.
    pub read_only_root: bool,
    /// `no_new_privs` unless true.
    pub allow_privilege_escalation: Option<bool>,
    /// Capabilities to add, without the `CAP_` prefix.
    pub add_capabilities: Vec<String>,
    /// Capabilities to drop, `ALL` for all.
    pub drop_capabilities: Vec<String>,
}

/// Upper bounds of a process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Thousandths of a core.
    pub cpu_millis: Option<u64>,
    /// Bytes of memory.
    pub memory_bytes: Option<u64>,
}

/// Bytes that never show in `Debug` output; an empty or public value uses it too where a field may hold a secret.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Wraps bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes, for the one place that needs them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Secret({} bytes)", self.0.len())
    }
}
