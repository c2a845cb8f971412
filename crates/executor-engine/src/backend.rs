//! The executor over an engine.
//!
//! # Expected flow
//! `prepare` sees to all images (the engine pulls what it lacks), makes a volume for `/tekton`, `/workspace`, the home
//! directory and each volume of the job, and fills them through a container that is never started. Each process is a container
//! of its own: made, attached to, started. When a step's output has ended, its exit code is asked for, and `/tekton` is
//! fetched, so that reading results waits for nobody.
//!
//! # Caveats
//! - The environment of a process is in the engine's description of its container for as long as that exists: whoever may speak
//!   to the engine can read it. So are the files of volumes, until the attempt ends.
//! - A volume in memory is memory only where a single process mounts it; shared ones are directories of the engine.
//! - Signals other than SIGKILL reach the program, and by the engine's init nothing that it started.
//! - A copy of output shows in its file when the process has ended, not before.
//! - Files that the plane writes while only sidecars run reach them when the next process starts.
//! - A probe that is given up goes on until it ends by itself or its sidecar does; no second one joins it.
//! - Earlier steps' places below `/tekton` can be written by later steps.
//! - Where the engine cannot mount parts of volumes (all but Docker 26 and newer), a sidecar that swaps a directory of a shared
//!   volume for a link at the very moment a step mounts it as a sub path can lead the mount astray.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::SystemTime;

use futures::future::BoxFuture;
use tokio::sync::OnceCell;
use windlass_executor::Backend;
use windlass_executor::Sandbox;
use windlass_executor::job::Job;
use windlass_executor::observation::StartFailure;

use crate::client::Client;
use crate::detect;
use crate::detect::Detected;
use crate::image::Images;
use crate::image::Logins;
use crate::image::unreachable;
use crate::layout::Layout;
use crate::layout::refuse;
use crate::mounts;
use crate::place::Place;
use crate::sandbox::EngineSandbox;
use crate::sandbox::Ways;
use crate::socket::Surroundings;

/// How an engine is used.
#[derive(Clone)]
pub struct Config {
    /// The engine.
    pub found: Detected,
    /// Network of containers: `bridge`, `host`, `none` or a network of the engine. `None`, the default, is the engine's own
    /// choice. Steps and sidecars of one task share theirs in any case.
    pub network: Option<String>,
    /// How long the pull of one image may take; 10 minutes unless set.
    pub pull_timeout: Duration,
    /// Accounts at registries; `None`, the default, leaves it to the engine's own.
    pub logins: Option<Arc<dyn Logins>>,
}

impl Config {
    /// The defaults for an engine.
    pub fn new(found: Detected) -> Self {
        Self {
            found,
            network: None,
            pull_timeout: Duration::from_mins(10),
            logins: None,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Config")
            .field("found", &self.found)
            .field("network", &self.network)
            .field("pull_timeout", &self.pull_timeout)
            .finish_non_exhaustive()
    }
}

/// Runs jobs in containers of an engine that is already there.
#[derive(Debug)]
pub struct Engine {
    found: Detected,
    client: Client,
    images: Images,
    ways: Arc<Ways>,
    /// The engine runs as an ordinary user, so this machine has no route to its containers.
    rootless: OnceCell<bool>,
    /// Tells this backend's attempts from those of others at the same engine.
    since: u128,
    count: AtomicU64,
}

impl Engine {
    /// Finds an engine: see [`detect::detect`].
    ///
    /// # Errors
    /// When none answers; the error names what was tried and what to do.
    pub async fn detect(surroundings: &Surroundings) -> Result<Detected, detect::Error> {
        detect::detect(surroundings).await
    }

    /// A backend over an engine. Asks nothing of it yet.
    pub fn new(config: Config) -> Self {
        let Config {
            found,
            network,
            pull_timeout,
            logins,
        } = config;
        let client = Client::new(&found.socket, &found.api);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self {
            images: Images {
                client: client.clone(),
                logins,
                pull_timeout,
            },
            client,
            found,
            ways: Arc::new(Ways {
                network,
                init: AtomicBool::new(true),
            }),
            rootless: OnceCell::new(),
            since: now.map_or(0, |since| since.as_nanos()) ^ u128::from(std::process::id()),
            count: AtomicU64::new(0),
        }
    }

    async fn sandbox(&self, job: &Job) -> Result<Box<dyn Sandbox>, StartFailure> {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let layout = Layout::new(job, &format!("{:x}-{number}", self.since))?;
        let steps = job.steps.iter().map(|step| &step.process);
        for process in steps.chain(job.sidecars.iter().map(|sidecar| &sidecar.process)) {
            mounts::plan(&layout, process)?;
        }
        let Some(first) = job.steps.first() else {
            return Err(refuse("a task without steps"));
        };
        let known = self.images.of_job(job).await?;
        let publishes = !layout.ports.is_empty() && self.is_out_of_reach().await?;
        let place = Place::make(
            self.client.clone(),
            self.found.clone(),
            layout,
            self.images.clone(),
            known,
            &first.process.image,
        );
        let place = place.await?;
        Ok(Box::new(EngineSandbox::new(
            place,
            Arc::clone(&self.ways),
            publishes,
        )))
    }

    /// Whether this machine has no route to containers.
    async fn is_out_of_reach(&self) -> Result<bool, StartFailure> {
        if self
            .ways
            .network
            .as_deref()
            .is_some_and(|network| network == "host" || network == "none")
        {
            return Ok(false);
        }
        if !cfg!(target_os = "linux") {
            return Ok(true);
        }
        let asked = self.rootless.get_or_try_init(|| self.client.is_rootless()).await;
        asked.copied().map_err(|error| unreachable(&error))
    }
}

impl Backend for Engine {
    fn name(&self) -> &'static str {
        "engine"
    }

    fn prepare<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Result<Box<dyn Sandbox>, StartFailure>> {
        Box::pin(self.sandbox(job))
    }
}
