//! What a backend must be able to do; the runner does the rest.

use std::io;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::job::Job;
use crate::job::Process;
use crate::observation::StartFailure;

/// Makes sandboxes for jobs: `host`, `container`, `engine`, `pod`, or the scripted fake.
///
/// # Guarantees expected of an implementation
/// - [`prepare`](Backend::prepare) may be called from many tasks at once.
/// - `prepare` lays out the view that Tekton promises before any process starts: `/workspace`, `/tekton/results`,
///   `/tekton/artifacts`, `/tekton/home`, `/tekton/run/<i>`, `/tekton/steps/step-<name>/results`,
///   `/tekton/steps/step-<name>/artifacts`, and for each step the link `/tekton/steps/<i>` to `step-<name>`. It also
///   writes [`Job::credentials`] where the processes find them in `$HOME`.
/// - Whatever a sandbox started is gone after [`Sandbox::destroy`], double forks included, and so are its mounts,
///   descriptors and temporary files; dropping a sandbox has the same effect.
pub trait Backend: Send + Sync {
    /// Short name, as `--executor` spells it.
    fn name(&self) -> &'static str;

    /// Makes the view that all steps and sidecars of the job share.
    fn prepare<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Result<Box<dyn Sandbox>, StartFailure>>;
}

/// One attempt's isolated place: processes, files, volumes.
pub trait Sandbox: Send + Sync {
    /// Starts a process. Its output flows into `launch.output` until every holder of the pipe is gone or the process
    /// was reaped, whichever the backend can tell first; the channel is closed soon after [`Running::wait`] returned.
    fn start<'a>(&'a mut self, launch: Launch<'a>) -> BoxFuture<'a, Result<Box<dyn Running>, StartFailure>>;

    /// Runs a short command in the view of a sidecar that was started as `container`, and waits for its exit code
    /// (readiness probes). Dropping the future kills the command.
    fn probe<'a>(
        &'a self,
        container: &'a str,
        process: &'a Process,
        command: &'a [String],
    ) -> BoxFuture<'a, io::Result<i32>>;

    /// Connects to a port that a process of the sandbox listens on (readiness probes). The default is right for a
    /// backend whose processes share the machine's network.
    fn connect(&self, port: u16) -> BoxFuture<'_, io::Result<Box<dyn Connection>>> {
        Box::pin(async move { Ok(Box::new(connect_to_machine(port).await?) as Box<dyn Connection>) })
    }

    /// Reads a regular file below `/tekton/` (results, steps, artifacts, run) as the processes see it.
    ///
    /// No symbolic link is followed on the way, so a step cannot make the plane read a file of the machine; a link, a
    /// pipe or a directory reads as `None`, like a missing file.
    ///
    /// # Errors
    /// [`io::ErrorKind::FileTooLarge`] when the file holds more than `limit` bytes, which are then not read;
    /// [`io::ErrorKind::InvalidInput`] for a path that is not below `/tekton/` or holds `..`.
    fn read(&self, path: &Path, limit: usize) -> io::Result<Option<Vec<u8>>>;

    /// Writes a regular file below `/tekton/`, replacing what is there (a link is replaced, never followed) and making
    /// its parent directories. The processes can read it.
    ///
    /// # Errors
    /// As [`read`](Sandbox::read), or whatever the machine says.
    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()>;

    /// Kills whatever is left and removes every trace. Idempotent.
    fn destroy(&mut self) -> BoxFuture<'_, io::Result<()>>;
}

/// The part of a path below `/tekton`, for [`Sandbox::read`] and [`Sandbox::write`].
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] for a path that is not below `/tekton` or holds `..`.
pub fn below_tekton(path: &Path) -> io::Result<PathBuf> {
    let plain = path.components().all(|part| part != Component::ParentDir);
    let relative = path
        .strip_prefix("/tekton")
        .ok()
        .filter(|rest| plain && !rest.as_os_str().is_empty());
    relative.map(Path::to_owned).ok_or_else(|| {
        let text = format!("{} is not a path below /tekton", path.display());
        io::Error::new(io::ErrorKind::InvalidInput, text)
    })
}

/// Connects to a port of this machine's loopback.
pub(crate) async fn connect_to_machine(port: u16) -> io::Result<TcpStream> {
    match TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
        Ok(stream) => Ok(stream),
        Err(_) => TcpStream::connect((Ipv6Addr::LOCALHOST, port)).await,
    }
}

/// A byte stream to a port of a sandbox.
pub trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// What is asked of [`Sandbox::start`].
#[derive(Debug)]
pub struct Launch<'a> {
    /// Name of the container: `step-build`, `sidecar-db`.
    pub container: &'a str,
    /// What to run.
    pub process: &'a Process,
    /// Files that receive a copy of the output.
    pub tee: Tee<'a>,
    /// Where the output goes.
    pub output: OutputSink,
}

/// Files of the process's view that receive a copy of its output, besides the log.
///
/// The backend opens them in the view before the process starts (parents are made, content is kept and appended to) and
/// has written everything when [`Running::wait`] returns. Both may name the same file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tee<'a> {
    /// Absolute path for standard output.
    pub stdout: Option<&'a str>,
    /// Absolute path for standard error.
    pub stderr: Option<&'a str>,
}

/// A started process.
pub trait Running: Send {
    /// Image as resolved by the backend.
    fn image_id(&self) -> &str;

    /// Waits for the end: the process and everything it started in the background is gone, as when a container ends.
    /// Cancel-safe; may be called again after it returned.
    fn wait(&mut self) -> BoxFuture<'_, io::Result<Exit>>;

    /// Sends a signal number to the process and everything it started; does nothing once it ended.
    fn signal(&mut self, signal: i32) -> io::Result<()>;
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

/// Expands `$(NAME)` as a kubelet does in `command` and `args`.
///
/// A name that `lookup` does not know stays as written; `$$` is a literal `$`, so `$$(NAME)` yields `$(NAME)`. The result is
/// not expanded again.
pub fn expand_env<'v>(text: &str, lookup: impl Fn(&str) -> Option<&'v str>) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        if let Some(escaped) = after.strip_prefix('$') {
            expanded.push('$');
            rest = escaped;
            continue;
        }
        let reference = after.strip_prefix('(').and_then(|inner| inner.split_once(')'));
        if let Some((value, tail)) = reference.and_then(|(name, tail)| Some((lookup(name)?, tail))) {
            expanded.push_str(value);
            rest = tail;
        } else {
            expanded.push('$');
            rest = after;
        }
    }
    expanded.push_str(rest);
    expanded
}

#[cfg(test)]
mod tests {
    use super::expand_env;

    #[test]
    fn variables_expand_as_in_a_kubelet() {
        let rows = [
            ("plain", "plain"),
            ("$(A)", "one"),
            ("<$(A)$(B)>", "<one$(A)>"),
            ("$(UNKNOWN) $(A)", "$(UNKNOWN) one"),
            ("$$(A) $$$(A)", "$(A) $one"),
            ("$A ${A} $", "$A ${A} $"),
            ("$(A", "$(A"),
            ("$()", "$()"),
            ("é$(A)é", "éoneé"),
        ];
        for (given, then) in rows {
            let expanded = expand_env(given, |name| match name {
                "A" => Some("one"),
                "B" => Some("$(A)"),
                _ => None,
            });
            assert_eq!(expanded, then, "{given}");
        }
    }
}
