//! The parts of a plane on disk, wired together.

use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use tokio::task::JoinSet;
use windlass_api::defaults::Defaults;
use windlass_api::validation::Flags;
use windlass_cli::services::ServeOptions;
use windlass_executor::queue;
use windlass_executor::queue::QueueConfig;
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
use windlass_server::api;
use windlass_server::api::Api;
use windlass_server::audit::Audit;
use windlass_server::audit::Limits;
use windlass_server::lifecycle;
use windlass_server::observed;
use windlass_server::observed::Metrics;
use windlass_server::resources::Registry;
use windlass_server::runners;
use windlass_server::runners::Hub;
use windlass_store::Logs;
use windlass_store::Store;
use windlass_store::backend::Sqlite;

use super::local;
use super::local::Local;
use super::place::Place;
use crate::plane::fetcher;

/// What a token must be meant for, if it says so.
const AUDIENCE: &str = "windlass";

/// A plane that serves.
pub(super) struct Serving {
    pub(super) api: Arc<Api>,
    pub(super) store: Store,
    hub: Arc<Hub>,
    tasks: JoinSet<()>,
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
    let client = Arc::new(LocalClient::new(store.clone(), logs.clone())) as Arc<dyn Client>;
    let opened = Hub::open(
        Arc::clone(&client),
        Arc::clone(&clock),
        logs,
        QueueConfig::default(),
    );
    let (hub, observations) = opened.await.context("read claims")?;
    let foundations = Foundations {
        client,
        clock: Arc::clone(&clock),
        config: Arc::new(Config::new(place.claims())),
        fetcher: Arc::new(fetcher()?),
        jobs: Arc::clone(&hub) as Arc<dyn queue::Jobs>,
    };
    let mut tasks = windlass_pipelines::start(&foundations, observations);
    tasks.spawn(lifecycle::collect(store.clone()));
    tasks.spawn(lifecycle::empty(store.clone()));
    tasks.spawn(observed::follow(store.clone(), metrics));
    tasks.spawn(observed::announce(store.clone(), Arc::clone(&clock)));
    tasks.spawn(Arc::clone(&hub).tend());
    tasks.spawn(uses.note());
    let serving = Serving {
        api,
        store,
        hub,
        tasks,
    };
    if options.with_runner {
        serving.keep_runner(options, place).await
    } else {
        Ok(serving)
    }
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

impl Serving {
    /// All that is served.
    pub(super) fn router(&self) -> Router {
        let authenticate = Arc::clone(&self.api.authenticate);
        api::router(Arc::clone(&self.api)).merge(runners::router(Arc::clone(&self.hub), authenticate))
    }

    /// Starts this server's own runner, or takes up the one that an earlier server started.
    async fn keep_runner(mut self, options: &ServeOptions, place: &Place) -> anyhow::Result<Self> {
        let local = Local::new(place.runner(), &options.steps)?;
        place.write_runner_token(&self.store, &local.token()).await?;
        let listener = local::listen(&local.socket())?;
        let router = self.router();
        self.tasks.spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the runner's socket failed");
            }
        });
        self.tasks.spawn(local.keep());
        Ok(self)
    }

    /// Ends what works here; what runs is the runner's, and goes on.
    pub(super) async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}
