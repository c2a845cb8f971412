//! The plane: store with admission, controllers, runner over the scripted backend.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::SystemTime;

use tokio::task::JoinSet;
use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::conditions;
use windlass_api::manifest::Manifest;
use windlass_api::validation::Flags;
use windlass_executor::Backend;
use windlass_executor::Job;
use windlass_executor::LogKey;
use windlass_executor::LogSink;
use windlass_executor::Runner;
use windlass_executor::fake::Fake;
use windlass_executor::queue;
use windlass_executor::queue::QueueConfig;
use windlass_executor::runner::RunnerConfig;
use windlass_fetch::Fetcher;
use windlass_fetch::Policy;
use windlass_pipelines::Config;
use windlass_pipelines::Foundations;
use windlass_runtime::Client;
use windlass_runtime::SeededIds;
use windlass_runtime::client;
use windlass_server::LocalClient;
use windlass_server::StampFrom;
use windlass_server::Webhooks;
use windlass_store::Logs;
use windlass_store::Store;
use windlass_store::logs::SegmentId;

use crate::clock::PausedClock;
use crate::crash::CrashingClient;
use crate::crash::Faults;
use crate::recorder::Recorder;

/// The namespace of objects that name none.
pub const NAMESPACE: &str = "default";

/// How long a run may take on the paused clock before it counts as stuck.
const STUCK: Duration = Duration::from_hours(400 * 24);

/// Changes the controllers' settings.
pub type Configure = Box<dyn Fn(&mut Config) + Send + Sync>;

/// What a plane should be like.
#[derive(Default)]
pub struct Setup {
    /// Changes the controllers' settings.
    pub config: Option<Configure>,
    /// Which fields are admitted; `None` is all of them.
    pub flags: Option<Flags>,
    /// The backend; a fresh one when it is not shared with others.
    pub fake: Fake,
    /// The controllers are dropped after that many of their writes and started anew, once for each number.
    pub crashes: Vec<usize>,
}

/// A plane in memory. Must live on a runtime of one thread with paused time.
pub struct Plane {
    client: Arc<LocalClient>,
    clock: PausedClock,
    logs: Logs,
    backend: Arc<Recorder>,
    config: Arc<Config>,
    controllers: Mutex<Option<JoinSet<()>>>,
    crashing: Mutex<Arc<CrashingClient>>,
    crashes: Mutex<VecDeque<usize>>,
    faults: Faults,
    writes: Mutex<usize>,
    past: Mutex<Past>,
    directory: tempfile::TempDir,
}

/// All that was ever written.
struct Past {
    watch: windlass_store::Watch,
    events: Vec<Object>,
}

/// Opening one takes longer than a scenario, and none of them is used.
static FETCHER: LazyLock<Arc<Fetcher>> = LazyLock::new(|| Arc::new(Fetcher::new(Policy::trusting())));

impl Plane {
    /// Starts a plane.
    ///
    /// # Panics
    /// When there is no place for temporary files.
    pub fn start(setup: Setup) -> Arc<Self> {
        let directory = tempfile::tempdir().expect("make a directory for the plane");
        let clock = PausedClock::start();
        let stamp = StampFrom {
            clock: Arc::new(clock),
            ids: Arc::new(SeededIds::default()),
        };
        let flags = setup.flags.unwrap_or_else(Flags::permissive);
        let admission = Webhooks {
            flags: flags.clone(),
            ..Webhooks::default()
        };
        let store = Store::new(Box::new(admission), Box::new(stamp));
        let watch = store
            .watch(Kind::ALL, None, None)
            .expect("a new store is in its window");
        let logs = Logs::new(directory.path().to_owned());
        let client = Arc::new(LocalClient::new(store, logs.clone()));
        let mut config = Config::new(directory.path().join("claims"));
        config.flags = flags;
        if let Some(change) = setup.config {
            change(&mut config);
        }
        let mut crashes: VecDeque<usize> = setup.crashes.into();
        let (inner, faults) = (Arc::clone(&client) as Arc<dyn Client>, Faults::default());
        let crashing = CrashingClient::new(inner, crashes.pop_front(), faults.clone());
        let plane = Arc::new(Self {
            client,
            clock,
            logs,
            backend: Arc::new(Recorder::new(setup.fake)),
            config: Arc::new(config),
            controllers: Mutex::default(),
            crashing: Mutex::new(Arc::new(crashing)),
            crashes: Mutex::new(crashes),
            faults,
            writes: Mutex::new(0),
            past: Mutex::new(Past {
                watch,
                events: Vec::new(),
            }),
            directory,
        });
        plane.start_controllers();
        plane
    }

    fn start_controllers(self: &Arc<Self>) {
        let crashing = Arc::clone(&locked(&self.crashing));
        let (jobs, observations) = queue::Queue::new(QueueConfig::default());
        let runner = Runner::new(
            Arc::clone(&self.backend) as Arc<dyn Backend>,
            windlass_pipelines::expand_step,
            Arc::new(Sink(self.logs.clone())),
            RunnerConfig {
                capacity: 64,
                ..RunnerConfig::default()
            },
        );
        let foundations = Foundations {
            client: Arc::clone(&crashing) as Arc<dyn Client>,
            clock: Arc::new(self.clock),
            config: Arc::clone(&self.config),
            fetcher: Arc::clone(&FETCHER),
            jobs: Arc::clone(&jobs) as Arc<dyn queue::Jobs>,
        };
        let mut tasks = windlass_pipelines::start(&foundations, observations);
        tasks.spawn(queue::serve(jobs, runner));
        *locked(&self.controllers) = Some(tasks);
        let plane = Arc::downgrade(self);
        tokio::spawn(async move {
            crashing.crashed().await;
            if let Some(plane) = plane.upgrade() {
                plane.restart();
            }
        });
    }

    /// Drops the controllers, the queue and everything that runs, and starts new ones over the same store.
    pub fn restart(self: &Arc<Self>) {
        *locked(&self.controllers) = None;
        let crash = locked(&self.crashes).pop_front();
        let inner = Arc::clone(&self.client) as Arc<dyn Client>;
        let next = CrashingClient::new(inner, crash, self.faults.clone());
        let last = std::mem::replace(&mut *locked(&self.crashing), Arc::new(next));
        *locked(&self.writes) += last.writes();
        self.start_controllers();
    }

    /// Writes of the controllers so far.
    pub fn writes(&self) -> usize {
        *locked(&self.writes) + locked(&self.crashing).writes()
    }

    /// Every state that an object had, the oldest first.
    pub fn versions(&self, key: &Key) -> Vec<Object> {
        let mut past = locked(&self.past);
        while let Some(event) = past.watch.try_next() {
            past.events.push(event.object);
        }
        past.events
            .iter()
            .filter(|object| object.key() == *key)
            .cloned()
            .collect()
    }

    /// The next writes of an object by controllers fail, so many of them; its status is written all the same.
    pub fn fail_writes(&self, key: &Key, times: usize) {
        self.faults.add(key.clone(), times);
    }

    /// The door to the plane, for others than its controllers.
    pub fn client(&self) -> &dyn Client {
        self.client.as_ref()
    }

    /// The present.
    pub fn clock(&self) -> PausedClock {
        self.clock
    }

    /// The backend, which remembers what happened.
    pub fn fake(&self) -> &Fake {
        self.backend.fake()
    }

    /// What was handed to the backend for a `TaskRun`, one job for each attempt.
    pub fn jobs(&self, task_run: &str) -> Vec<Job> {
        self.backend.jobs(task_run)
    }

    /// Creates the objects of a YAML text, or updates those that exist; stops at the first refusal.
    ///
    /// # Errors
    /// The refusal.
    ///
    /// # Panics
    /// When the text cannot be read.
    pub async fn apply(&self, yaml: &str) -> client::Result<Vec<Key>> {
        let manifest = Manifest::read("scenario", yaml.as_bytes());
        assert!(!manifest.has_errors(), "{:#?}", manifest.problems);
        let mut keys = Vec::new();
        for entry in manifest.entries {
            keys.push(self.put(entry.object).await?.key());
        }
        Ok(keys)
    }

    /// Creates an object, or updates it when it exists.
    ///
    /// # Errors
    /// The refusal.
    pub async fn put(&self, mut object: Object) -> client::Result<Object> {
        let metadata = object.metadata_mut();
        if metadata.namespace.is_empty() {
            NAMESPACE.clone_into(&mut metadata.namespace);
        }
        match self.client.create(object.clone()).await {
            Err(client::Error::AlreadyExists(_)) => self.client.update(object).await,
            other => other,
        }
    }

    /// Where the plane keeps its files.
    pub fn directory(&self) -> String {
        self.directory.path().display().to_string()
    }

    /// What is stored.
    ///
    /// # Panics
    /// When there is no such object.
    pub async fn object(&self, key: &Key) -> Object {
        let found = self.client.get(key).await.expect("a plane in memory answers");
        found.unwrap_or_else(|| unreachable!("there is no {key}"))
    }

    /// Waits until a run is over and everything that follows from it has happened.
    ///
    /// # Panics
    /// When it is stuck: nothing more would happen in a year.
    pub async fn end(&self, key: &Key) -> Object {
        let mut watch = self
            .client
            .watch(&[key.kind], Some(&key.namespace), None)
            .await
            .expect("a plane in memory answers");
        let ended = async {
            loop {
                let event = watch.next().await.expect("the watch goes on");
                if event.object.key() == *key && is_over(&event.object) {
                    return;
                }
            }
        };
        if tokio::time::timeout(STUCK, ended).await.is_err() {
            let object = self.object(key).await;
            unreachable!("{key} is stuck:\n{}", windlass_api::yaml::emit(&object.to_json()));
        }
        self.settle().await;
        self.object(key).await
    }

    /// Waits until every task waits; paused time moves only then.
    pub async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    /// What a container printed so far.
    ///
    /// # Panics
    /// When it is no UTF-8, or cannot be read.
    pub fn log(&self, pod: &str, container: &str) -> String {
        let id = SegmentId {
            namespace: NAMESPACE.into(),
            pod: pod.into(),
            container: container.into(),
        };
        let bytes = self.logs.tail(&id, 1 << 20).expect("read a log");
        String::from_utf8(bytes).expect("a log of text")
    }
}

/// Whether an object is a run that has ended.
pub fn is_over(object: &Object) -> bool {
    conditions(object).is_some_and(conditions::is_done)
}

/// The conditions of a run; `None` for everything else.
pub fn conditions(object: &Object) -> Option<&[windlass_api::meta::Condition]> {
    match object {
        Object::TaskRun(run) => Some(&run.status.conditions),
        Object::PipelineRun(run) => Some(&run.status.conditions),
        Object::CustomRun(run) => Some(&run.status.conditions),
        _ => None,
    }
}

/// Names a run or another object of the plane's namespace.
pub fn key(kind: Kind, name: &str) -> Key {
    Key::new(kind, NAMESPACE, name)
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts the runner's output into the plane's logs.
struct Sink(Logs);

fn segment(log: &LogKey) -> SegmentId {
    SegmentId {
        namespace: log.namespace.as_str().into(),
        pod: log.pod.as_str().into(),
        container: log.container.as_str().into(),
    }
}

impl LogSink for Sink {
    fn append(&self, log: &LogKey, at: SystemTime, bytes: &[u8]) {
        self.0
            .append(&segment(log), at.into(), bytes)
            .expect("keep output");
    }

    fn close(&self, log: &LogKey) {
        self.0.close(&segment(log)).expect("nothing to write");
    }
}
