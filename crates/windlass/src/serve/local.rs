//! The runner of a server: a process of its own, which outlives the server.

use std::fs::File;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use rustix::fs::FlockOperation;
use windlass_cli::plane::Executor;
use windlass_cli::plane::Network;
use windlass_cli::services::StepOptions;

/// Wait before the next look at a runner that an earlier server started, and before one that failed is started again.
const AGAIN: Duration = Duration::from_secs(1);

/// Seconds for which the runner waits for another server when it has nothing to do.
const LINGER: &str = "10";

/// Where the server and its runner meet.
#[derive(Clone, Debug)]
pub(super) struct Local {
    directory: PathBuf,
    steps: StepOptions,
}

impl Local {
    /// Makes the directory that they share.
    pub(super) fn new(directory: PathBuf, steps: &StepOptions) -> anyhow::Result<Self> {
        let made = std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o711)
            .create(&directory);
        made.with_context(|| format!("make {}", directory.display()))?;
        Ok(Self {
            directory,
            steps: steps.clone(),
        })
    }

    /// The socket on which the server waits for its runner.
    pub(super) fn socket(&self) -> PathBuf {
        self.directory.join("socket")
    }

    /// The file with the runner's token.
    pub(super) fn token(&self) -> PathBuf {
        self.directory.join("token")
    }

    /// Keeps a runner, for as long as it is polled. One that is there already is left alone.
    pub(super) async fn keep(self) {
        loop {
            match self.is_taken() {
                Ok(true) => {}
                Ok(false) => {
                    if let Err(error) = self.run().await {
                        tracing::error!(error = format!("{error:#}"), "the runner cannot be started");
                    }
                }
                Err(error) => tracing::error!(%error, "the runner's directory cannot be used"),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    fn is_taken(&self) -> std::io::Result<bool> {
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(self.directory.join("lock"))?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(false),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    async fn run(&self) -> anyhow::Result<()> {
        let program = std::env::current_exe().context("find this program")?;
        let mut command = std::process::Command::new(program);
        command
            .arg("runner")
            .args(["--server", &format!("unix:{}", self.socket().display())])
            .args(["--name", "built-in", "--linger", LINGER])
            .args(["--executor", executor(self.steps.executor)])
            .args(["--network", network(self.steps.network)])
            .arg("--token-file")
            .arg(self.token())
            .arg("--data-dir")
            .arg(&self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            // Of a group of its own, so that what interrupts the server from a terminal does not reach it.
            .process_group(0);
        if let Some(images) = &self.steps.images {
            command.arg("--images").arg(images);
        }
        if let Some(capacity) = self.steps.capacity {
            command.args(["--capacity", &capacity.to_string()]);
        }
        let mut child = tokio::process::Command::from(command)
            .spawn()
            .context("start it")?;
        let status = child.wait().await.context("wait for it")?;
        tracing::warn!(%status, "the runner ended");
        Ok(())
    }
}

/// The word of the command line.
fn executor(executor: Executor) -> &'static str {
    match executor {
        Executor::Host => "host",
        Executor::HostShared => "host-shared",
        Executor::Container => "container",
        Executor::Engine => "engine",
        Executor::Auto => "auto",
    }
}

/// The word of the command line.
fn network(network: Network) -> &'static str {
    match network {
        Network::Host => "host",
        Network::Private => "private",
    }
}

/// Listens on a socket of the file system that only this user reaches.
pub(super) fn listen(path: &Path) -> anyhow::Result<tokio::net::UnixListener> {
    use std::os::unix::fs::PermissionsExt as _;
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("remove {}", path.display()));
        }
        _ => {}
    }
    let listener =
        tokio::net::UnixListener::bind(path).with_context(|| format!("listen on {}", path.display()))?;
    let private = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600));
    private.with_context(|| format!("protect {}", path.display()))?;
    Ok(listener)
}
