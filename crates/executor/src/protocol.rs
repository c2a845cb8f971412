//! What a runner in another process and the server say to each other, as JSON over HTTP.
//!
//! # Expected flow
//! The runner asks for work with [`Poll`], again and again; each request names all that it holds, so it is also the
//! heartbeat, and is answered when there is something to say or after [`POLL`]. What an attempt does is sent as [`Report`]s,
//! numbered from 0; what its processes print as bytes that begin at an offset. When the end of an attempt is in the status
//! of its task run, the attempt is named in [`Orders::gone`], and only then the runner forgets it.
//!
//! # Guarantees
//! - Every message may be sent again. The server answers with what it holds ([`Taken`]), and the runner goes on from there;
//!   so a server that was started anew is told everything again.
//! - A job that was handed out and is not named in the next [`Poll`] of the same [`Poll::instance`] is handed out again.
//! - A message about an attempt that the runner no longer holds is answered with 409.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;

use crate::job::AttemptId;
use crate::job::Job;
use crate::observation::Observation;
use crate::runner::Cancel;
use crate::runner::Release;

/// How long the server keeps a [`Poll`] when there is nothing to say; well below a lease.
pub const POLL: Duration = Duration::from_secs(8);

/// Path of [`Poll`].
pub const POLL_PATH: &str = "/runners/v1/poll";

/// Path of [`Report`].
pub const REPORT_PATH: &str = "/runners/v1/report";

/// Path of what processes print; [`Output`] is its query, the bytes are its body.
pub const LOG_PATH: &str = "/runners/v1/log";

/// Largest piece of a log in one request, in bytes.
pub const PIECE: usize = 256 * 1024;

/// A runner shows itself, says what it holds, and asks for more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Poll {
    /// Name of the runner.
    pub runner: String,
    /// Identity of its memory of what it holds: another one knows nothing of what this one was given.
    pub instance: String,
    /// Its version.
    pub version: String,
    /// Executors that it has.
    pub executors: Vec<String>,
    /// Attempts that it runs at once.
    pub capacity: usize,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Attempts that it can take now.
    pub slots: usize,
    /// All that it holds.
    pub held: Vec<Holding>,
}

/// An attempt that a runner holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Holding {
    /// The attempt.
    pub attempt: AttemptId,
    /// The number under which it was given.
    pub fence: u64,
    /// How many of its reports were taken, as far as the runner knows.
    pub taken: usize,
    /// How it was asked to be cancelled, so that it is not asked again.
    pub cancel: Option<Cancel>,
    /// How many of its pauses were ended.
    pub releases: usize,
}

/// The answer to a [`Poll`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Orders {
    /// What to run.
    pub jobs: Vec<Offer>,
    /// What to do with attempts that are held.
    pub changes: Vec<Change>,
    /// What is no longer held: it is settled, or was given to another. Stop it and forget it.
    pub gone: Vec<AttemptId>,
}

impl Orders {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.changes.is_empty() && self.gone.is_empty()
    }
}

/// A job, and the number that every message about it must carry. Holds secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// What to run.
    pub job: Job,
    /// The number.
    pub fence: u64,
}

/// What to do with an attempt that is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The attempt.
    pub attempt: AttemptId,
    /// How many of its reports the server holds.
    pub taken: usize,
    /// Whether and how it is to be cancelled.
    pub cancel: Option<Cancel>,
    /// Pauses to end, by the index of their step.
    pub releases: BTreeMap<usize, Release>,
}

/// What an attempt did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The attempt.
    pub attempt: AttemptId,
    /// The number under which it was given.
    pub fence: u64,
    /// Number of the first of the observations, from 0.
    pub sequence: usize,
    /// The observations, in order.
    pub observations: Vec<Observation>,
}

/// Where printed bytes belong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// `metadata.uid` of the task run.
    pub uid: String,
    /// Number of the attempt.
    pub attempt: u32,
    /// The number under which it was given.
    pub fence: u64,
    /// `step-<name>` or `sidecar-<name>`.
    pub container: String,
    /// Where the bytes begin.
    pub offset: u64,
    /// Whether nothing comes after them.
    pub close: bool,
}

/// How much the server holds, whoever sent it: reports of the attempt, or bytes of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The amount.
    pub taken: u64,
}
