//! Where the output of processes goes.

use std::sync::Arc;
use std::time::Duration;
use std::time::SystemTime;

use tokio::sync::mpsc;

use crate::backend::Chunk;
use crate::backend::OutputSink;
use crate::job::AttemptId;
use crate::job::Job;
use crate::mask::Mask;
use crate::mask::Masks;

/// Chunks in flight between a backend and the log; with 64 KiB each, the bound of a process's memory is half a MiB.
const CHUNKS_IN_FLIGHT: usize = 8;

/// How long the output of an ended process may keep coming; a backend that keeps its word never gets near it.
const DRAIN: Duration = Duration::from_secs(5);

/// Names one log: the output of one container of one attempt.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogKey {
    /// The attempt.
    pub attempt: AttemptId,
    /// Namespace of the `TaskRun`.
    pub namespace: String,
    /// Name under which the attempt appears as a pod.
    pub pod: String,
    /// `step-<name>` or `sidecar-<name>`.
    pub container: String,
}

impl LogKey {
    /// Names the log of a container of a job.
    pub fn new(job: &Job, container: impl Into<String>) -> Self {
        Self {
            attempt: job.id.clone(),
            namespace: job.namespace.clone(),
            pod: job.pod.clone(),
            container: container.into(),
        }
    }
}

/// Receives logs.
///
/// # Guarantees
/// Chunks of one log arrive in the order in which they were written and hold no value of [`Job::masks`]; a chunk may be
/// any part of a line and need not be UTF-8. [`close`](LogSink::close) comes once, after the last chunk.
///
/// # Caveats
/// Both methods run on the task that drives the attempt, so they must return at once. A sink that is slow on purpose
/// slows the process down, which is how memory stays bounded.
pub trait LogSink: Send + Sync {
    /// Adds bytes to a log.
    fn append(&self, log: &LogKey, at: SystemTime, bytes: &[u8]);

    /// Says that nothing more will come.
    fn close(&self, log: &LogKey);
}

/// A [`LogSink`] that forgets everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Discard;

impl LogSink for Discard {
    fn append(&self, _log: &LogKey, _at: SystemTime, _bytes: &[u8]) {}

    fn close(&self, _log: &LogKey) {}
}

/// The output of one process on its way into its log; closes the log when dropped.
pub(crate) struct Output {
    log: LogKey,
    sink: Arc<dyn LogSink>,
    chunks: mpsc::Receiver<Chunk>,
    open: bool,
    mask: Option<Mask>,
}

impl Output {
    /// Opens a log and the channel that a backend fills.
    pub(crate) fn open(log: LogKey, sink: Arc<dyn LogSink>, masks: &Masks) -> (Self, OutputSink) {
        let (sender, chunks) = mpsc::channel(CHUNKS_IN_FLIGHT);
        let output = Self {
            log,
            sink,
            chunks,
            open: true,
            mask: masks.stream(),
        };
        (output, OutputSink { chunks: sender })
    }

    /// Moves one chunk; pends forever once the process can write no more. Cancel-safe.
    pub(crate) async fn flow(&mut self) {
        if !self.open {
            return std::future::pending().await;
        }
        match self.chunks.recv().await {
            Some(chunk) => self.write(&chunk),
            None => self.open = false,
        }
    }

    /// Moves what an ended process left behind.
    pub(crate) async fn drain(&mut self) {
        while let Ok(chunk) = self.chunks.try_recv() {
            self.write(&chunk);
        }
        if self.open && !self.chunks.is_closed() {
            let rest = async {
                while let Some(chunk) = self.chunks.recv().await {
                    self.write(&chunk);
                }
            };
            if tokio::time::timeout(DRAIN, rest).await.is_err() {
                tracing::warn!(log = ?self.log, "output of an ended process is still held open");
            }
        }
        self.open = false;
    }

    /// Adds a line of the plane's own.
    pub(crate) fn say(&self, line: &str) {
        self.sink
            .append(&self.log, SystemTime::now(), format!("{line}\n").as_bytes());
    }

    fn write(&mut self, chunk: &Chunk) {
        let at = SystemTime::now();
        match &mut self.mask {
            None => self.sink.append(&self.log, at, &chunk.bytes),
            Some(mask) => mask.feed(chunk.stream, &chunk.bytes, |clean| {
                self.sink.append(&self.log, at, clean);
            }),
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Some(mask) = &mut self.mask {
            mask.finish(|clean| self.sink.append(&self.log, SystemTime::now(), clean));
        }
        self.sink.close(&self.log);
    }
}
