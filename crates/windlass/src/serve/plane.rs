//! The parts of a plane on disk, wired together.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::task::JoinSet;
use windlass_api::defaults::Defaults;
use windlass_api::validation::Flags;
use windlass_cli::plane::Options;
use windlass_cli::services::ServeOptions;
use windlass_executor::queue;
use windlass_executor::queue::Queue;
use windlass_executor::queue::QueueConfig;
use windlass_executor::runner::Cancel;
use windlass_executor::runner::Runner;
use windlass_executor::runner::RunnerConfig;
use windlass_pipelines::Config;
use windlass_pipelines::Foundations;
use windlass_runtime::Client;
use windlass_runtime::Clock;
use windlass_runtime::RandomIds;
use windlass_runtime::SystemClock;
use windlass_server::LocalClient;
use windlass_server::StampFrom;
use windlass_server::Webhooks;
use windlass_server::access::rbac;
use windlass_server::access::rbac::Rbac;
use windlass_server::access::tokens::Tokens;
use windlass_server::api::Api;
use windlass_server::audit::Audit;
use windlass_server::audit::Limits;
use windlass_server::lifecycle;
use windlass_server::observed;
use windlass_server::observed::Metrics;
use windlass_server::resources::Registry;
use windlass_store::Logs;
use windlass_store::Store;
use windlass_store::backend::Sqlite;

use super::claims;
use super::claims::Claims;
use super::place::Place;
use crate::executors;
use crate::executors::Started;
use crate::plane::Sink;
use crate::plane::fetcher;

/// What a token must be meant for, if it says so.
const AUDIENCE: &str = "windlass";

/// A plane that serves.
pub(super) struct Serving {
    pub(super) api: Arc<Api>,
    pub(super) store: Store,
    queue: Arc<Queue>,
    tasks: JoinSet<()>,
    executor: Option<Started>,
}

/// Opens the state and starts everything that works on it.
pub(super) async fn start(options: &ServeOptions, place: &Place) -> anyhow::Result<Serving> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = open_store(place, &clock)?;
    let logs = Logs::open(place.logs());
    lifecycle::bootstrap(&store).await.context("make namespaces")?;
    rbac::bootstrap(&store).await.context("make roles")?;
    let metrics = Arc::new(Metrics::default());
    let (tokens, uses) = Tokens::new(store.clone(), Arc::clone(&clock), AUDIENCE);
    let audit = Audit::open(place.root(), Limits::default()).context("open the audit log")?;
    let api = Arc::new(Api {
        store: store.clone(),
        logs: logs.clone(),
        clock: Arc::clone(&clock),
        registry: Arc::new(Registry::default()),
        authenticate: Arc::new(tokens),
        authorize: Arc::new(Rbac::new(store.clone())),
        metrics: Arc::clone(&metrics),
        audit: Some(Arc::new(audit)),
    });
    let (queue, observations) = Queue::new(QueueConfig::default());
    let foundations = Foundations {
        client: Arc::new(LocalClient::new(store.clone(), logs.clone())) as Arc<dyn Client>,
        clock: Arc::clone(&clock),
        config: Arc::new(Config::new(place.claims())),
        fetcher: Arc::new(fetcher()?),
        jobs: Arc::clone(&queue) as Arc<dyn queue::Jobs>,
    };
    let mut tasks = windlass_pipelines::start(&foundations, observations);
    tasks.spawn(lifecycle::collect(store.clone()));
    tasks.spawn(lifecycle::empty(store.clone()));
    tasks.spawn(observed::follow(store.clone(), metrics));
    tasks.spawn(observed::announce(store.clone(), Arc::clone(&clock)));
    tasks.spawn(claims::settle(store.clone()));
    tasks.spawn(uses.note());
    let mut executor = None;
    if options.with_runner {
        let started = executors::start(&steps(options)).await?;
        let runner = runner(options, &started, logs);
        let gate = Claims {
            store: store.clone(),
            clock,
        };
        tasks.spawn(queue::serve_through(Arc::clone(&queue), runner, Arc::new(gate)));
        executor = Some(started);
    }
    Ok(Serving {
        api,
        store,
        queue,
        tasks,
        executor,
    })
}

fn open_store(place: &Place, clock: &Arc<dyn Clock>) -> anyhow::Result<Store> {
    let database = place.database();
    let backend = Sqlite::open(&database).with_context(|| format!("open {}", database.display()))?;
    let webhooks = Webhooks {
        defaults: Defaults::default(),
        flags: Flags::permissive(),
        has_namespaces: true,
    };
    let stamp = StampFrom {
        clock: Arc::clone(clock),
        ids: Arc::new(RandomIds::default()),
    };
    let store = Store::durable(Box::new(webhooks), Box::new(stamp), Box::new(backend));
    store.with_context(|| format!("read {}", database.display()))
}

fn steps(options: &ServeOptions) -> Options {
    Options {
        executor: options.steps.executor,
        network: options.steps.network,
        images: options.steps.images.clone(),
        ..Options::default()
    }
}

fn runner(options: &ServeOptions, executor: &Started, logs: Logs) -> Runner {
    let mut config = RunnerConfig::default();
    if let Some(capacity) = options.steps.capacity {
        config.capacity = capacity;
    }
    let sink = Arc::new(Sink::new(logs));
    Runner::new(executor.backend(), windlass_pipelines::expand_step, sink, config)
}

impl Serving {
    /// Ends what runs, and waits for it.
    pub(super) async fn stop(mut self) {
        self.queue.cancel_all(Cancel::Kill);
        self.tasks.shutdown().await;
        if let Some(executor) = self.executor.take() {
            executor.end().await;
        }
    }
}
