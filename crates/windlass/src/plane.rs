//! A whole plane in this process: store, controllers, runner, executor.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use anyhow::Context as _;
use futures::future::BoxFuture;
use tokio::task::JoinSet;
use windlass_api::defaults::Defaults;
use windlass_api::validation::Flags;
use windlass_cli::plane::Options;
use windlass_cli::plane::Plane;
use windlass_cli::plane::Planes;
use windlass_executor::output::LogKey;
use windlass_executor::output::LogSink;
use windlass_executor::queue;
use windlass_executor::queue::Queue;
use windlass_executor::queue::QueueConfig;
use windlass_executor::runner::Cancel;
use windlass_executor::runner::Runner;
use windlass_executor::runner::RunnerConfig;
use windlass_fetch::Fetcher;
use windlass_fetch::Policy;
use windlass_pipelines::Config;
use windlass_pipelines::Foundations;
use windlass_runtime::Client;
use windlass_runtime::Clock;
use windlass_runtime::RandomIds;
use windlass_runtime::SystemClock;
use windlass_server::LocalClient;
use windlass_server::StampFrom;
use windlass_server::Webhooks;
use windlass_store::Logs;
use windlass_store::Store;
use windlass_store::logs::SegmentId;

use crate::executors;
use crate::executors::Started;
use crate::registries;

/// Bytes of results that upstream lets one step write.
const STRICT_RESULT_BYTES: usize = 4096;

/// Starts planes in memory.
pub(crate) struct InMemory;

impl Planes for InMemory {
    fn start(&self, options: Options) -> BoxFuture<'_, anyhow::Result<Box<dyn Plane>>> {
        Box::pin(async move {
            start(&options)
                .await
                .map(|plane| Box::new(plane) as Box<dyn Plane>)
        })
    }
}

/// A plane whose state is in memory and whose files are in the backend's directory, which goes with it.
struct MemoryPlane {
    client: Arc<LocalClient>,
    clock: Arc<dyn Clock>,
    queue: Arc<Queue>,
    tasks: JoinSet<()>,
    executor: Started,
}

async fn start(options: &Options) -> anyhow::Result<MemoryPlane> {
    let executor = executors::start(options).await?;
    let place = |name: &str, mode: u32| -> anyhow::Result<PathBuf> {
        let path = executor.directory().join(name);
        let made = std::fs::DirBuilder::new().mode(mode).create(&path);
        made.with_context(|| format!("make {}", path.display()))?;
        Ok(path)
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let stamp = StampFrom {
        clock: Arc::clone(&clock),
        ids: Arc::new(RandomIds::default()),
    };
    // On one's own machine nobody has to be kept from alpha features.
    let webhooks = Webhooks {
        defaults: Defaults::default(),
        flags: Flags::permissive(),
        has_namespaces: false,
    };
    let store = Store::new(Box::new(webhooks), Box::new(stamp));
    let logs = Logs::new(place("plane-logs", 0o700)?);
    let client = Arc::new(LocalClient::new(store, logs.clone()));
    let mut runner = RunnerConfig::default();
    if let Some(most) = options.max_parallel {
        runner.capacity = most;
    }
    let runner = Runner::new(
        executor.backend(),
        windlass_pipelines::expand_step,
        Arc::new(Sink::new(logs)),
        runner,
    );
    let (queue, observations) = Queue::new(QueueConfig::default());
    let foundations = Foundations {
        client: Arc::clone(&client) as Arc<dyn Client>,
        clock: Arc::clone(&clock),
        config: Arc::new(config(options, place("plane-claims", 0o711)?)),
        fetcher: Arc::new(fetcher()?),
        jobs: Arc::clone(&queue) as Arc<dyn queue::Jobs>,
    };
    let mut tasks = windlass_pipelines::start(&foundations, observations);
    tasks.spawn(queue::serve(Arc::clone(&queue), runner));
    Ok(MemoryPlane {
        client,
        clock,
        queue,
        tasks,
        executor,
    })
}

pub(crate) fn fetcher() -> anyhow::Result<Fetcher> {
    let policy = Policy::trusting();
    let registries = registries::client(policy.clone())?;
    Ok(Fetcher::new(policy).with_images(registries, registries::keyring()))
}

fn config(options: &Options, claims: PathBuf) -> Config {
    let mut config = Config::new(claims);
    config.fail_fast = options.fail_fast;
    config.max_result_bytes = options.strict_limits.then_some(STRICT_RESULT_BYTES);
    config.allow_host_path = true;
    config.refuse_unknown_custom_tasks = true;
    for (namespace, name, directory) in &options.directories {
        config
            .directories
            .insert((namespace.clone(), name.clone()), directory.clone());
    }
    config
}

impl Plane for MemoryPlane {
    fn client(&self) -> Arc<dyn Client> {
        Arc::clone(&self.client) as Arc<dyn Client>
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    fn stop(mut self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            self.queue.cancel_all(Cancel::Kill);
            self.tasks.shutdown().await;
            self.executor.end().await;
        })
    }
}

/// Puts a runner's output into the plane's logs.
pub(crate) struct Sink {
    logs: Logs,
    /// Something was lost, and that was said: a full disk refuses every line of every step.
    lossy: AtomicBool,
}

impl Sink {
    /// A sink into logs.
    pub(crate) fn new(logs: Logs) -> Self {
        Self {
            logs,
            lossy: AtomicBool::new(false),
        }
    }

    fn segment(log: &LogKey) -> SegmentId {
        SegmentId {
            namespace: log.namespace.as_str().into(),
            pod: log.pod.as_str().into(),
            container: log.container.as_str().into(),
        }
    }
}

impl LogSink for Sink {
    fn append(&self, log: &LogKey, at: SystemTime, bytes: &[u8]) {
        if let Err(error) = self.logs.append(&Self::segment(log), at.into(), bytes)
            && !self.lossy.swap(true, Ordering::Relaxed)
        {
            let container = &log.container;
            tracing::error!(%error, container, "output is lost, of this step and perhaps of others");
        }
    }

    fn close(&self, log: &LogKey) {
        // Logs of one process have nothing to write at their end.
        let _ = self.logs.close(&Self::segment(log));
    }
}
