//! What a command that needs a plane of its own asks for, and gets.

use std::path::PathBuf;
use std::sync::Arc;

use futures::future::BoxFuture;
use windlass_runtime::Client;
use windlass_runtime::Clock;

/// Which executor runs steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Executor {
    /// The machine's own tools in a private view of the machine
    #[default]
    Host,
    /// The machine's own tools, without isolation
    HostShared,
    /// A container for each step, in the image that it names; no daemon is needed
    Container,
    /// Containers of a Docker or Podman that runs on this machine
    Engine,
    /// `container` where the machine allows it, otherwise `engine`
    Auto,
}

/// Which network steps see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Network {
    /// The machine's
    #[default]
    Host,
    /// Each task's own, with its steps and sidecars and nobody else (executor `container`)
    Private,
}

/// What a plane of one command should be like.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which executor runs steps.
    pub executor: Executor,
    /// Which network steps see.
    pub network: Network,
    /// Directory of the image store; `None` is the user's.
    pub images: Option<PathBuf>,
    /// Most tasks that run at the same time; `None` is the executor's own choice.
    pub max_parallel: Option<usize>,
    /// Enforce upstream's limits on the size of results.
    pub strict_limits: bool,
    /// Cancel running siblings when a task fails.
    pub fail_fast: bool,
    /// Claims that stand for directories: namespace, name, directory.
    pub directories: Vec<(String, String, PathBuf)>,
}

/// Starts planes in this process.
pub trait Planes: Send + Sync {
    /// Starts a plane; the error is for the user as it is.
    fn start(&self, options: Options) -> BoxFuture<'_, anyhow::Result<Box<dyn Plane>>>;
}

/// A plane in this process.
pub trait Plane: Send + Sync {
    /// The door to it.
    fn client(&self) -> Arc<dyn Client>;

    /// Its clock.
    fn clock(&self) -> Arc<dyn Clock>;

    /// Ends every process it started, removes its files and stops. Nothing is left running afterwards.
    fn stop(self: Box<Self>) -> BoxFuture<'static, ()>;
}
