//! What the commands that go on until they are stopped ask for.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::plane::Executor;
use crate::plane::Network;

/// Starts programs that go on until a signal stops them.
pub trait Services: Send + Sync {
    /// Serves a plane; the error is for the user as it is.
    fn serve(&self, options: &ServeOptions) -> anyhow::Result<()>;

    /// Executes what a server hands out; the error is for the user as it is.
    fn run(&self, options: &RunnerOptions) -> anyhow::Result<()>;
}

/// What a server should be like.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Directory of state, logs and keys; `None` is the user's own.
    pub data_dir: Option<PathBuf>,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Address of a PostgreSQL database that holds the state instead of the directory.
    pub database: Option<String>,
    /// Whether a runner of its own is started.
    pub with_runner: bool,
    /// How that runner runs steps.
    pub steps: StepOptions,
}

/// How a runner runs steps.
#[derive(Clone, Debug, Default)]
pub struct StepOptions {
    /// Which executor.
    pub executor: Executor,
    /// Which network steps see.
    pub network: Network,
    /// Directory of the image store; `None` is the user's.
    pub images: Option<PathBuf>,
    /// Most attempts at the same time; `None` is the executor's own choice.
    pub capacity: Option<usize>,
}

/// What a runner should be like.
#[derive(Clone, Debug)]
pub struct RunnerOptions {
    /// Address of the server, for instance `http://127.0.0.1:8441` or `unix:/path`.
    pub server: String,
    /// File with the token that proves that it is a runner.
    pub token_file: PathBuf,
    /// File with the certificate of the authority that the server's is signed by.
    pub ca_file: Option<PathBuf>,
    /// Its name; `None` is the machine's.
    pub name: Option<String>,
    /// Directory of what it holds; `None` is the user's own.
    pub data_dir: Option<PathBuf>,
    /// Labels, by which task runs choose it.
    pub labels: Vec<(String, String)>,
    /// Seconds after which it ends when it holds nothing and no server answers; `None` is never.
    pub linger: Option<u64>,
    /// How it runs steps.
    pub steps: StepOptions,
}
