//! Chooses and starts the executor of a plane.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tempfile::TempDir;
use windlass_cli::plane::Executor;
use windlass_cli::plane::Network;
use windlass_cli::plane::Options;
use windlass_executor::Backend;
use windlass_executor::host;
use windlass_executor::host::Host;
use windlass_executor::host::Mode;
use windlass_executor_engine::Engine;
use windlass_executor_engine::socket::Surroundings;
use windlass_executor_oci::Images;
use windlass_executor_oci::Store;
use windlass_fetch::Policy;

use crate::images;
use crate::registries;

/// Pause between two looks whether aborted attempts are gone.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Looks before the launcher is left to end by itself: five seconds in all.
const LOOKS: usize = 2_500;

/// A started executor and a directory for the plane's files, which goes with it.
pub(crate) enum Started {
    /// The launcher's: `host`, `host-shared` or `container`.
    Launcher(Arc<Host>),
    /// An engine's.
    Engine(Arc<Engine>, TempDir),
}

impl Started {
    /// What runs jobs.
    pub(crate) fn backend(&self) -> Arc<dyn Backend> {
        match self {
            Self::Launcher(host) => Arc::clone(host) as Arc<dyn Backend>,
            Self::Engine(engine, _) => Arc::clone(engine) as Arc<dyn Backend>,
        }
    }

    /// The directory, where names that begin with `plane-` are the plane's.
    pub(crate) fn directory(&self) -> &Path {
        match self {
            Self::Launcher(host) => host.directory(),
            Self::Engine(_, directory) => directory.path(),
        }
    }

    /// Ends what runs, and waits for it. Only the last handle does that, and attempts that were just aborted hold theirs for
    /// a moment longer.
    pub(crate) async fn end(self) {
        match self {
            Self::Launcher(host) => last(host).await,
            Self::Engine(engine, directory) => {
                last(engine).await;
                drop(directory);
            }
        }
    }
}

async fn last<T>(mut backend: Arc<T>) {
    for _ in 0..LOOKS {
        match Arc::try_unwrap(backend) {
            Ok(last) => return drop(last),
            Err(shared) => backend = shared,
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    tracing::warn!("an attempt does not let go of its executor");
}

/// Starts the executor that was asked for; one line of the log says which and why.
pub(crate) async fn start(options: &Options) -> anyhow::Result<Started> {
    let (started, why) = match options.executor {
        Executor::Host => (launcher(Mode::Isolated, options)?, "it was asked for".to_owned()),
        Executor::HostShared => (launcher(Mode::Shared, options)?, "it was asked for".to_owned()),
        Executor::Container => (launcher(Mode::Contained, options)?, "it was asked for".to_owned()),
        Executor::Engine => {
            let (started, found) = engine().await?;
            (started, format!("it was asked for; it is {found}"))
        }
        Executor::Auto => choose(options).await?,
    };
    tracing::info!(executor = started.backend().name(), why, "steps run");
    Ok(started)
}

/// The best that this machine allows, and why it is the best. Never the machine's own tools: a step that names an image
/// is not to run without it unless somebody says so.
async fn choose(options: &Options) -> anyhow::Result<(Started, String)> {
    let refused = match launcher(Mode::Contained, options) {
        Ok(started) => return Ok((started, "the machine allows containers".to_owned())),
        Err(error) => format!("{error:#}"),
    };
    match engine().await {
        Ok((started, found)) => Ok((
            started,
            format!("containers without an engine are refused ({refused}), and {found} answers"),
        )),
        Err(error) => anyhow::bail!(
            "no executor can run steps in their images\n  container: {refused}\n  engine: {error:#}\n`--executor host` runs \
             them with this machine's own tools instead"
        ),
    }
}

fn launcher(mode: Mode, options: &Options) -> anyhow::Result<Started> {
    let mut config = host::Config {
        mode,
        ..host::Config::default()
    };
    if mode == Mode::Contained {
        config.roots = Some(Arc::new(store(options.images.as_deref())?));
        config.network = match options.network {
            Network::Host => host::Network::Host,
            Network::Private => host::Network::Private,
        };
    }
    let what = if mode == Mode::Contained {
        "start the container executor"
    } else {
        "start the host executor"
    };
    Ok(Started::Launcher(Arc::new(Host::start(config).context(what)?)))
}

/// The image store, and the registries that fill it.
fn store(root: Option<&Path>) -> anyhow::Result<Images> {
    let root: PathBuf = match root {
        Some(root) => root.to_owned(),
        None => images::default_root()?,
    };
    // A user's own files name the images, and registries may be anywhere.
    let client = registries::client(Policy::trusting())?;
    Ok(Images::new(Store::open(&root)?, client, registries::keyring()))
}

async fn engine() -> anyhow::Result<(Started, String)> {
    let found = Engine::detect(&Surroundings::from_env()).await?;
    let name = found.to_string();
    let engine = Engine::new(windlass_executor_engine::Config::new(found));
    let directory = tempfile::Builder::new()
        .prefix("windlass-")
        .tempdir()
        .context("make a directory for logs")?;
    Ok((Started::Engine(Arc::new(engine), directory), name))
}
