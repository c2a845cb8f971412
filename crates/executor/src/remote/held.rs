//! The attempts that a runner holds, and what is still to be sent of them.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::SystemTime;

use tokio::sync::Notify;

use super::journal;
use super::journal::Found;
use super::journal::Given;
use crate::job::AttemptId;
use crate::observation::AttemptEnd;
use crate::observation::Observation;
use crate::observation::Outcome;
use crate::output::LogKey;
use crate::output::LogSink;
use crate::protocol::Holding;
use crate::runner::Control;

/// One attempt.
pub(super) struct Held {
    pub(super) given: Given,
    pub(super) control: Control,
    /// There is more to send, or the attempt is gone.
    pub(super) changed: Notify,
    directory: PathBuf,
    progress: Mutex<Progress>,
}

/// What there is, and what of it the server holds.
#[derive(Default)]
pub(super) struct Progress {
    pub(super) reports: Vec<Observation>,
    pub(super) taken: usize,
    pub(super) logs: BTreeMap<String, Log>,
    /// It is executed by this process.
    pub(super) runs: bool,
    /// The server does not want to hear of it any more.
    pub(super) gone: bool,
    file: Option<File>,
    is_broken: bool,
}

/// The output of one process.
#[derive(Default)]
pub(super) struct Log {
    pub(super) file: Option<Arc<File>>,
    pub(super) length: u64,
    pub(super) taken: u64,
    pub(super) closed: bool,
    pub(super) close_taken: bool,
}

impl Held {
    /// An attempt that was just given.
    pub(super) fn new(given: Given, directory: PathBuf) -> Self {
        Self {
            given,
            control: Control::new(),
            changed: Notify::new(),
            directory,
            progress: Mutex::new(Progress {
                runs: true,
                ..Progress::default()
            }),
        }
    }

    /// An attempt of an earlier process: it has ended, or ends now.
    pub(super) fn found(found: Found) -> io::Result<Self> {
        let mut logs = BTreeMap::new();
        for (container, length) in found.logs {
            let file = journal::appending(&found.directory, &format!("{container}.log"))?;
            let log = Log {
                file: Some(Arc::new(file)),
                length,
                closed: true,
                ..Log::default()
            };
            logs.insert(container, log);
        }
        let held = Self {
            given: found.given,
            control: Control::new(),
            changed: Notify::new(),
            directory: found.directory,
            progress: Mutex::new(Progress {
                logs,
                ..Progress::default()
            }),
        };
        // Written anew, without what was cut off.
        std::fs::remove_file(held.directory.join("reports.jsonl"))?;
        for report in found.reports {
            held.report(report);
        }
        held.end("its runner was killed");
        Ok(held)
    }

    pub(super) fn progress(&self) -> MutexGuard<'_, Progress> {
        // Every change is an assignment, so a poisoned lock is still good.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a report, on disk first.
    pub(super) fn report(&self, observation: Observation) {
        let mut progress = self.progress();
        if let Err(error) = progress.note(&self.directory, &observation)
            && !std::mem::replace(&mut progress.is_broken, true)
        {
            tracing::error!(%error, attempt = ?self.given.attempt, "the journal cannot be written");
        }
        progress.reports.push(observation);
        drop(progress);
        self.changed.notify_one();
    }

    /// Notes that it is not executed any more; an end that was not reported was none of its own.
    pub(super) fn end(&self, why: &str) {
        let finished = matches!(self.progress().reports.last(), Some(Observation::Finished(_)));
        if !finished {
            self.report(Observation::Finished(Outcome {
                end: AttemptEnd::Lost(why.to_owned()),
                sidecars: Vec::new(),
                at: SystemTime::now(),
            }));
        }
        let mut progress = self.progress();
        progress.runs = false;
        for log in progress.logs.values_mut() {
            log.closed = true;
        }
        drop(progress);
        self.changed.notify_one();
    }

    /// What the server is told with every poll.
    pub(super) fn holding(&self) -> Holding {
        let (cancel, releases) = self.control.asked();
        Holding {
            attempt: self.given.attempt.clone(),
            fence: self.given.fence,
            taken: self.progress().taken,
            cancel,
            releases: releases.len(),
        }
    }

    /// Forgets it on disk.
    pub(super) fn forget(&self) {
        if let Err(error) = std::fs::remove_dir_all(&self.directory)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, attempt = ?self.given.attempt, "a settled attempt stays in the journal");
        }
    }

    fn append(&self, container: &str, bytes: &[u8]) -> io::Result<()> {
        let mut progress = self.progress();
        let log = progress.logs.entry(container.to_owned()).or_default();
        if log.file.is_none() {
            let file = journal::appending(&self.directory, &format!("{container}.log"))?;
            log.file = Some(Arc::new(file));
        }
        if let Some(file) = &log.file {
            (&**file).write_all(bytes)?;
            log.length += bytes.len() as u64;
        }
        drop(progress);
        self.changed.notify_one();
        Ok(())
    }

    fn close(&self, container: &str) {
        self.progress()
            .logs
            .entry(container.to_owned())
            .or_default()
            .closed = true;
        self.changed.notify_one();
    }
}

impl Progress {
    fn note(&mut self, directory: &std::path::Path, observation: &Observation) -> io::Result<()> {
        let mut line = serde_json::to_vec(observation)?;
        line.push(b'\n');
        if self.file.is_none() {
            self.file = Some(journal::appending(directory, "reports.jsonl")?);
        }
        self.file.as_mut().map_or(Ok(()), |file| file.write_all(&line))
    }
}

/// All attempts, and the sink of what they print.
#[derive(Default)]
pub(super) struct All {
    held: Mutex<HashMap<AttemptId, Arc<Held>>>,
}

impl All {
    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<AttemptId, Arc<Held>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, log: &LogKey) -> Option<Arc<Held>> {
        self.lock().get(&log.attempt).cloned()
    }
}

impl LogSink for All {
    fn append(&self, log: &LogKey, _: SystemTime, bytes: &[u8]) {
        if let Some(held) = self.of(log)
            && let Err(error) = held.append(&log.container, bytes)
        {
            tracing::error!(%error, container = log.container, "output is lost");
        }
    }

    fn close(&self, log: &LogKey) {
        if let Some(held) = self.of(log) {
            held.close(&log.container);
        }
    }
}
