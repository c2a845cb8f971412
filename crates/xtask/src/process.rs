//! Child processes with a deadline and without leftovers.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::Result;

/// How long a child that was asked to stop may take before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// What a finished child left behind.
pub(crate) struct Finished {
    /// `None` when the child had to be killed.
    pub(crate) status: Option<ExitStatus>,
    /// Everything it wrote to stdout.
    pub(crate) stdout: Vec<u8>,
    /// Everything it wrote to stderr.
    pub(crate) stderr: Vec<u8>,
    /// From its start to its end.
    pub(crate) elapsed: Duration,
    /// Whether the deadline passed first.
    pub(crate) timed_out: bool,
}

/// Runs a command in its own process group, collects its output, and stops it at the deadline: first with SIGINT,
/// then with SIGKILL to the whole group.
///
/// # Caveats
/// A grandchild that keeps a pipe open delays the return until the group is killed.
pub(crate) fn run(command: &mut Command, deadline: Duration) -> Result<Finished> {
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .with_context(|| format!("start {}", command.get_program().display()))?;
    let (sender, finished) = mpsc::channel();
    let stdout = drain(child.stdout.take(), sender.clone());
    let stderr = drain(child.stderr.take(), sender);
    let timed_out = !both_closed(&finished, deadline);
    if timed_out {
        signal("INT", &child.id().to_string());
        both_closed(&finished, GRACE);
        signal("KILL", &format!("-{}", child.id()));
    }
    let status = reap(&mut child)?;
    let stdout = stdout.join().unwrap_or_default();
    let stderr = stderr.join().unwrap_or_default();
    let status = (!timed_out).then_some(status);
    Ok(Finished {
        status,
        stdout,
        stderr,
        elapsed: started.elapsed(),
        timed_out,
    })
}

fn drain(
    pipe: Option<impl Read + Send + 'static>,
    finished: mpsc::Sender<()>,
) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // A read error means the pipe is gone, which is what the end of the child looks like.
            let _ = pipe.read_to_end(&mut bytes);
        }
        let _ = finished.send(());
        bytes
    })
}

/// Waits until both pipes of the child are closed; false when the time is over before.
fn both_closed(finished: &mpsc::Receiver<()>, within: Duration) -> bool {
    let until = Instant::now() + within;
    for _ in 0..2 {
        let left = until.saturating_duration_since(Instant::now());
        match finished.recv_timeout(left) {
            Ok(()) => {}
            Err(mpsc::RecvTimeoutError::Timeout) => return false,
            Err(mpsc::RecvTimeoutError::Disconnected) => return true,
        }
    }
    true
}

fn reap(child: &mut Child) -> Result<ExitStatus> {
    child.wait().context("wait for the child")
}

fn signal(name: &str, target: &str) {
    // The child may be gone already; then there is nothing left to stop.
    let _ = Command::new("kill")
        .args(["-s", name, "--", target])
        .stderr(Stdio::null())
        .status();
}

/// Tells whether a program can be found on the search path.
pub(crate) fn on_path(program: &str) -> bool {
    let Some(path) = std::env::var_os("PATH") else {
        return false;
    };
    std::env::split_paths(&path).any(|folder| is_executable(&folder.join(program)))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::run;

    #[test]
    fn output_and_exit_code_are_kept() {
        let finished = run(
            Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"]),
            Duration::from_mins(1),
        );
        let finished = finished.unwrap();
        assert_eq!(finished.status.and_then(|status| status.code()), Some(3));
        assert_eq!(finished.stdout, b"out\n");
        assert_eq!(finished.stderr, b"err\n");
        assert!(!finished.timed_out);
    }

    #[test]
    fn a_child_past_its_deadline_is_stopped() {
        let finished = run(Command::new("sleep").arg("600"), Duration::ZERO).unwrap();
        assert!(finished.timed_out);
        assert!(finished.status.is_none());
    }
}
