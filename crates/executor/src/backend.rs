//! What a backend must be able to do; the runner does the rest.

use std::path::Path;
use std::path::PathBuf;

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::mpsc;

use crate::job::Job;
use crate::job::Process;
use crate::observation::StartFailure;

/// Makes sandboxes for jobs: `host`, `container`, `engine`, `pod`, or the scripted fake.
///
/// # Guarantees expected of an implementation
/// - [`prepare`](Backend::prepare) may be called from many tasks at once.
/// - Whatever a sandbox started is gone after [`Sandbox::destroy`], double forks included, and so are its mounts,
///   descriptors and temporary files; dropping a sandbox has the same effect.
pub trait Backend: Send + Sync {
    /// Short name, as `--executor` spells it.
    fn name(&self) -> &'static str;

    /// Makes the view that all steps and sidecars of the job share.
    fn prepare<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Result<Box<dyn Sandbox>, StartFailure>>;
}

/// One attempt's isolated place: processes, files, volumes.
pub trait Sandbox: Send {
    /// Starts a process; `container` is its name (`step-build`, `sidecar-db`). Output flows into `output` until every
    /// holder of the pipe is gone or the process was reaped, whichever the backend can tell first.
    fn start<'a>(
        &'a mut self,
        container: &'a str,
        process: &'a Process,
        output: OutputSink,
    ) -> BoxFuture<'a, Result<Box<dyn Running>, StartFailure>>;

    /// Runs a short command in the view of a sidecar and waits for its exit code (readiness probes).
    fn probe<'a>(&'a mut self, process: &'a Process, command: &'a [String]) -> BoxFuture<'a, std::io::Result<i32>>;

    /// Where the plane finds a path of the sandbox under `/tekton/` (results, steps, artifacts, run). Returns `None`
    /// for any other path. Symbolic links below it are never followed by readers.
    fn host_path(&self, path: &Path) -> Option<PathBuf>;

    /// Kills whatever is left and removes every trace. Idempotent.
    fn destroy(&mut self) -> BoxFuture<'_, std::io::Result<()>>;
}

/// A started process.
pub trait Running: Send {
    /// Image as resolved by the backend.
    fn image_id(&self) -> &str;

    /// Waits for the end. Cancel-safe; may be called again after it returned.
    fn wait(&mut self) -> BoxFuture<'_, std::io::Result<Exit>>;

    /// Sends a signal number to the process and everything it started.
    fn signal(&mut self, signal: i32) -> std::io::Result<()>;
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Exit code, or 128 + number of the signal that killed it.
    pub code: i32,
    /// The kernel killed it for memory.
    pub out_of_memory: bool,
}

/// Receives a process's output in chunks; a full channel makes the process wait, so memory is bounded.
#[derive(Clone, Debug)]
pub struct OutputSink {
    /// Chunks as read, at most 64 KiB each.
    pub chunks: mpsc::Sender<Chunk>,
}

/// Some bytes that a process wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Which stream.
    pub stream: Stream,
    /// The bytes, as written: possibly not UTF-8, possibly a part of a line.
    pub bytes: Bytes,
}

/// Standard output or standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// File descriptor 1.
    Stdout,
    /// File descriptor 2.
    Stderr,
}
