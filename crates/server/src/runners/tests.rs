//! Real runners over the fake backend, and a real door over a store in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::task::JoinHandle;
use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Resource as _;
use windlass_api::conditions;
use windlass_api::meta::ObjectMeta;
use windlass_api::tekton::TaskRun;
use windlass_executor::Job;
use windlass_executor::Observation;
use windlass_executor::fake::Fake;
use windlass_executor::job::AttemptId;
use windlass_executor::job::Breakpoints;
use windlass_executor::job::EnvVar;
use windlass_executor::job::Process;
use windlass_executor::job::Secret;
use windlass_executor::job::Step;
use windlass_executor::observation::AttemptEnd;
use windlass_executor::protocol::Holding;
use windlass_executor::protocol::Output;
use windlass_executor::protocol::Poll;
use windlass_executor::protocol::Report;
use windlass_executor::queue::Jobs as _;
use windlass_executor::queue::Observations;
use windlass_executor::queue::QueueConfig;
use windlass_executor::remote;
use windlass_executor::runner::Cancel;
use windlass_executor::runner::Expanded;
use windlass_executor::runner::RunnerConfig;
use windlass_runtime::Client;
use windlass_runtime::RandomIds;
use windlass_runtime::SystemClock;
use windlass_store::Logs;
use windlass_store::Store;
use windlass_store::logs::SegmentId;

use super::hub::Hub;
use super::hub::Refused;
use crate::LocalClient;
use crate::StampFrom;
use crate::Webhooks;
use crate::access::Authenticate;
use crate::access::Unauthenticated;
use crate::access::User;

/// Knows one token.
struct OneToken;

impl Authenticate for OneToken {
    fn authenticate<'a>(
        &'a self,
        headers: &'a axum::http::HeaderMap,
        _: Option<std::net::SocketAddr>,
    ) -> BoxFuture<'a, Result<User, Unauthenticated>> {
        let group = match headers
            .get("authorization")
            .map(axum::http::HeaderValue::as_bytes)
        {
            Some(b"Bearer good") => Ok(super::GROUP),
            Some(b"Bearer of-a-person") => Ok("people"),
            _ => Err(Unauthenticated),
        };
        let user = group.map(|group| User {
            groups: vec![group.to_owned()],
            ..User::default()
        });
        Box::pin(std::future::ready(user))
    }
}

/// A store that outlives its servers, and the directory of a runner that outlives its processes.
struct World {
    client: Arc<dyn Client>,
    logs: Logs,
    fake: Fake,
    directory: tempfile::TempDir,
}

/// One server.
struct Server {
    hub: Arc<Hub>,
    observations: Observations,
    /// Its own, so that its connections end with it.
    threads: tokio::runtime::Runtime,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let stamp = StampFrom {
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds::default()),
        };
        let logs = directory.path().join("logs");
        std::fs::create_dir(&logs).unwrap();
        let logs = Logs::open(logs);
        let store = Store::new(Box::new(Webhooks::default()), Box::new(stamp));
        Self {
            client: Arc::new(LocalClient::new(store, logs.clone())),
            logs,
            fake: Fake::new(),
            directory,
        }
    }

    /// Starts a server on the one socket.
    async fn serve(&self) -> Server {
        let (hub, observations) = self.hub(Duration::from_secs(30)).await;
        let socket = self.directory.path().join("socket");
        let _ = std::fs::remove_file(&socket);
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        listener.set_nonblocking(true).unwrap();
        let router = super::router(Arc::clone(&hub), Arc::new(OneToken));
        let threads = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        threads.spawn(Arc::clone(&hub).tend());
        threads.spawn(async move {
            let listener = tokio::net::UnixListener::from_std(listener).unwrap();
            axum::serve(listener, router).await.unwrap();
        });
        Server {
            hub,
            observations,
            threads,
        }
    }

    async fn hub(&self, lease: Duration) -> (Arc<Hub>, Observations) {
        let config = QueueConfig {
            lease,
            ..QueueConfig::default()
        };
        let client = Arc::clone(&self.client);
        Hub::open(client, Arc::new(SystemClock), self.logs.clone(), config)
            .await
            .unwrap()
    }

    fn options(&self, token: &str) -> remote::Options {
        remote::Options {
            server: format!("unix:{}", self.directory.path().join("socket").display()),
            token: Secret::new(token),
            ca: None,
            name: "here".into(),
            version: String::new(),
            executors: Vec::new(),
            labels: BTreeMap::default(),
            data_dir: self.directory.path().join("runner"),
            linger: None,
        }
    }

    fn run(&self) -> JoinHandle<Result<(), remote::Error>> {
        let (options, backend) = (self.options("good"), Arc::new(self.fake.clone()));
        tokio::spawn(async move {
            let expand = |_: &Job, _: usize, _: &[_]| Ok(Expanded::AsWritten);
            remote::run(options, backend, expand, RunnerConfig::default()).await
        })
    }

    /// Stores a run, and makes the job of its first attempt.
    async fn job(&self, name: &str, env: &[(&str, &str)]) -> Job {
        let run = TaskRun {
            metadata: ObjectMeta {
                name: name.into(),
                namespace: "default".into(),
                ..ObjectMeta::default()
            },
            ..from_yaml()
        };
        let run = self.client.create(Arc::new(run).into_object()).await.unwrap();
        let uid = run.get::<TaskRun>().unwrap().metadata.uid.clone();
        job(name, &uid, env)
    }

    async fn end(&self, name: &str) {
        let run = self
            .client
            .find::<TaskRun>("default", name)
            .await
            .unwrap()
            .unwrap();
        let mut run = TaskRun::clone(&run);
        let now = windlass_api::Time::from_millis(0);
        conditions::set(
            &mut run.status.conditions,
            "Succeeded",
            "True",
            "Succeeded",
            "",
            now,
        );
        self.client
            .update_status(Arc::new(run).into_object())
            .await
            .unwrap();
    }

    async fn claims(&self) -> usize {
        self.client.list(Kind::Claim, None).await.unwrap().objects.len()
    }

    fn log(&self, name: &str) -> String {
        let id = SegmentId {
            namespace: "default".into(),
            pod: name.into(),
            container: "step-a".into(),
        };
        String::from_utf8(self.logs.tail(&id, 1 << 20).unwrap()).unwrap()
    }

    fn journal(&self) -> usize {
        std::fs::read_dir(self.directory.path().join("runner/attempts")).map_or(0, Iterator::count)
    }
}

fn from_yaml() -> TaskRun {
    let spec =
        serde_json::json!({"spec": {"taskSpec": {"steps": [{"name": "a", "image": "i", "script": "true"}]}}});
    serde_json::from_value(spec).unwrap()
}

fn job(name: &str, uid: &str, env: &[(&str, &str)]) -> Job {
    let variable = |(name, value): &(&str, &str)| EnvVar {
        name: (*name).into(),
        value: (*value).into(),
    };
    let process = Process {
        env: env.iter().map(variable).collect(),
        ..Process::default()
    };
    Job {
        id: AttemptId {
            task_run_uid: uid.into(),
            attempt: 0,
        },
        namespace: "default".into(),
        task_run: name.into(),
        pod: name.into(),
        steps: vec![Step {
            name: "a".into(),
            process,
            ..Step::default()
        }],
        sidecars: Vec::new(),
        volumes: Vec::new(),
        results: Vec::new(),
        credentials: BTreeMap::default(),
        masks: Vec::new(),
        pull_logins: Vec::new(),
        timeout: None,
        max_result_bytes: None,
        breakpoints: Breakpoints::default(),
    }
}

impl Server {
    /// As `kill -9` would end it.
    fn kill(self) {
        self.threads.shutdown_background();
    }

    /// Waits for an observation that has some property.
    async fn until<T>(&mut self, find: impl Fn(Observation) -> Option<T>) -> T {
        let searching = async {
            loop {
                let (_, observation) = self.observations.recv().await.unwrap();
                if let Some(found) = find(observation) {
                    return found;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), searching)
            .await
            .unwrap()
    }

    async fn until_started(&mut self) {
        self.until(|observation| matches!(observation, Observation::StepStarted { .. }).then_some(()))
            .await;
    }

    async fn until_ended(&mut self) -> AttemptEnd {
        let end = |observation| match observation {
            Observation::Finished(outcome) => Some(outcome.end),
            _ => None,
        };
        self.until(end).await
    }
}

/// Waits for what comes soon.
async fn soon(mut is_there: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_there().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_attempt_is_claimed_run_reported_and_settled() {
    let world = World::new();
    let mut server = world.serve().await;
    let running = world.run();
    server
        .hub
        .publish(world.job("a", &[("FAKE_OUTPUT", "hello\n")]).await);
    assert_eq!(server.until_ended().await, AttemptEnd::Succeeded);
    assert_eq!((world.log("a").as_str(), world.claims().await), ("hello\n", 1));
    world.end("a").await;
    soon(async || world.claims().await == 0 && world.journal() == 0).await;
    running.abort();
    server.kill();
}

#[tokio::test]
async fn a_server_that_is_killed_mid_run_is_told_everything_again() {
    let world = World::new();
    let mut server = world.serve().await;
    let running = world.run();
    let job = world
        .job("a", &[("FAKE_OUTPUT", "hello\n"), ("FAKE_SLEEP", "300ms")])
        .await;
    server.hub.publish(job.clone());
    server.until_started().await;
    server.kill();
    let mut server = world.serve().await;
    server.hub.publish(job);
    server.until_started().await;
    assert_eq!(server.until_ended().await, AttemptEnd::Succeeded);
    assert_eq!((world.log("a").as_str(), world.fake.most_alive()), ("hello\n", 2));
    world.end("a").await;
    soon(async || world.journal() == 0).await;
    running.abort();
    server.kill();
}

#[tokio::test]
async fn a_runner_that_is_killed_reports_what_it_held_as_lost() {
    let world = World::new();
    let mut server = world.serve().await;
    let running = world.run();
    let job = world.job("a", &[("FAKE_SLEEP", "forever")]).await;
    server.hub.publish(job.clone());
    server.until_started().await;
    running.abort();
    let _ = running.await;
    // As the journal is when nobody could write the end: cut off in the middle of a line.
    let reports = world
        .directory
        .path()
        .join(format!("runner/attempts/{}-0/reports.jsonl", job.id.task_run_uid));
    let text = std::fs::read_to_string(&reports).unwrap();
    let cut = text.find("{\"Finished").unwrap();
    std::fs::write(&reports, &text[..cut + 5]).unwrap();
    let running = world.run();
    let lost = AttemptEnd::Lost("its runner was killed".into());
    assert_eq!(server.until_ended().await, lost);
    running.abort();
    server.kill();
}

#[tokio::test]
async fn an_order_to_cancel_reaches_the_runner_at_once() {
    let world = World::new();
    let mut server = world.serve().await;
    let running = world.run();
    let job = world.job("a", &[("FAKE_SLEEP", "forever")]).await;
    server.hub.publish(job.clone());
    server.until_started().await;
    server.hub.cancel(&job.id, Cancel::Kill);
    assert_eq!(server.until_ended().await, AttemptEnd::Cancelled);
    running.abort();
    server.kill();
}

#[tokio::test]
async fn a_run_that_is_deleted_takes_its_attempt_along() {
    let world = World::new();
    let mut server = world.serve().await;
    let running = world.run();
    server
        .hub
        .publish(world.job("a", &[("FAKE_SLEEP", "forever")]).await);
    server.until_started().await;
    let key = Key::new(Kind::TaskRun, "default", "a");
    world.client.delete(&key, "").await.unwrap();
    soon(async || world.claims().await == 0 && world.journal() == 0 && world.fake.alive() == 0).await;
    running.abort();
    server.kill();
}

#[tokio::test]
async fn messages_that_come_twice_late_or_with_a_gap_do_no_harm() {
    let world = World::new();
    let (hub, mut observations) = world.hub(Duration::from_secs(30)).await;
    hub.publish(world.job("a", &[]).await);
    let mut poll = Poll {
        runner: "r".into(),
        instance: "i".into(),
        slots: 1,
        ..Poll::default()
    };
    let offer = hub.poll(&poll).await.jobs.remove(0);
    // The answer was lost on its way: the same job under the same number.
    assert_eq!(hub.poll(&poll).await.jobs, std::slice::from_ref(&offer));
    let report = |sequence, fence| Report {
        attempt: offer.job.id.clone(),
        fence,
        sequence,
        observations: vec![Observation::Preparing],
    };
    assert_eq!(hub.report(report(1, offer.fence)), Ok(0));
    assert_eq!(hub.report(report(0, offer.fence)), Ok(1));
    assert_eq!(hub.report(report(0, offer.fence)), Ok(1));
    assert_eq!(hub.report(report(1, offer.fence + 1)), Err(Refused::Superseded));
    assert!(observations.try_recv().is_ok());
    assert!(observations.try_recv().is_err());
    let output = |offset, container: &str| Output {
        uid: offer.job.id.task_run_uid.clone(),
        attempt: 0,
        fence: offer.fence,
        container: container.into(),
        offset,
        close: false,
    };
    assert_eq!(hub.print(&output(0, "step-a"), b"abc"), Ok(3));
    assert_eq!(hub.print(&output(2, "step-a"), b"cd"), Ok(4));
    assert_eq!(hub.print(&output(9, "step-a"), b"z"), Ok(4));
    assert_eq!(hub.print(&output(0, "../../x"), b"z"), Err(Refused::Invalid));
    assert_eq!(world.log("a"), "abcd");
    // Another memory under the same name holds nothing.
    poll.instance = "other".into();
    poll.held = vec![Holding {
        attempt: offer.job.id.clone(),
        fence: offer.fence,
        taken: 0,
        cancel: None,
        releases: 0,
    }];
    assert_eq!(hub.poll(&poll).await.gone, [offer.job.id]);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_whose_runner_is_silent_is_lost_and_never_offered_again() {
    let world = World::new();
    let (hub, mut observations) = world.hub(Duration::from_secs(30)).await;
    let tending = tokio::spawn(Arc::clone(&hub).tend());
    hub.publish(world.job("a", &[]).await);
    let poll = Poll {
        runner: "r".into(),
        slots: 1,
        ..Poll::default()
    };
    assert_eq!(hub.poll(&poll).await.jobs.len(), 1);
    let (_, observation) = observations.recv().await.unwrap();
    let lost = AttemptEnd::Lost("its runner was not heard of any more".into());
    assert!(matches!(observation, Observation::Finished(outcome) if outcome.end == lost));
    tending.abort();
}

#[tokio::test]
async fn only_runners_get_in_and_one_per_directory() {
    let world = World::new();
    let server = world.serve().await;
    let start = |token: &str| {
        let expand = |_: &Job, _: usize, _: &[_]| Ok(Expanded::AsWritten);
        let backend = Arc::new(world.fake.clone());
        remote::run(world.options(token), backend, expand, RunnerConfig::default())
    };
    for token in ["", "bad", "of-a-person"] {
        assert!(
            matches!(start(token).await, Err(remote::Error::Refused)),
            "{token}"
        );
    }
    let mut first = Box::pin(start("good"));
    assert!(futures::poll!(first.as_mut()).is_pending());
    assert!(matches!(start("good").await, Err(remote::Error::InUse(_))));
    server.kill();
}
