//! Where a case is run: makes jobs, runs them, collects what a user would see.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::SystemTime;

use tokio::sync::watch;

use crate::backend::Backend;
use crate::job::AttemptId;
use crate::job::Breakpoints;
use crate::job::EnvVar;
use crate::job::Job;
use crate::job::Process;
use crate::job::Step;
use crate::observation::AttemptEnd;
use crate::observation::Observation;
use crate::observation::Outcome;
use crate::observation::StepEnd;
use crate::observation::StepReport;
use crate::output::LogKey;
use crate::output::LogSink;
use crate::runner::Control;
use crate::runner::Expanded;
use crate::runner::Runner;
use crate::runner::RunnerConfig;

/// No case may take longer; on an idle machine the slowest takes a few seconds.
pub(super) const DEADLINE: Duration = Duration::from_mins(1);

/// Long enough for a shell to react to SIGTERM, short enough for a suite.
const GRACE: Duration = Duration::from_millis(500);

/// More of one log is counted, not kept.
const KEPT: usize = 1 << 20;

/// What a case says when its claim does not hold.
pub(super) type Claim = Result<(), String>;

/// Fails a case unless `holds`.
pub(super) fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Claim {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// Fails a case unless both are equal.
pub(super) fn equal<T: PartialEq + std::fmt::Debug>(what: &str, seen: &T, wanted: &T) -> Claim {
    ensure(seen == wanted, || {
        format!("{what}: saw {seen:?}, wanted {wanted:?}")
    })
}

/// A step of a shell script.
pub(super) fn script(name: &str, text: &str) -> Step {
    let process = Process {
        script: Some(format!("#!/bin/sh\nset -e\n{text}\n")),
        ..image()
    };
    Step {
        name: name.into(),
        process,
        ..Step::default()
    }
}

/// A step of a command.
pub(super) fn command(name: &str, command: &[&str]) -> Step {
    let process = Process {
        command: command.iter().map(|&word| word.into()).collect(),
        ..image()
    };
    Step {
        name: name.into(),
        process,
        ..Step::default()
    }
}

/// A step that does the same on the fake and with a shell.
pub(super) fn either(name: &str, text: &str, fake: &[(&str, &str)]) -> Step {
    with_env(script(name, text), fake)
}

/// Adds variables to a step.
pub(super) fn with_env(mut step: Step, env: &[(&str, &str)]) -> Step {
    let variable = |&(name, value): &(&str, &str)| EnvVar {
        name: name.into(),
        value: value.into(),
    };
    step.process.env.extend(env.iter().map(variable));
    step
}

fn image() -> Process {
    Process {
        image: "busybox".into(),
        ..Process::default()
    }
}

/// What a user sees of an attempt.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) reports: Vec<StepReport>,
    pub(super) outcome: Option<Outcome>,
    pub(super) logs: BTreeMap<String, Log>,
}

/// A log as collected: its beginning, and its size.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    pub(super) bytes: Vec<u8>,
    pub(super) size: usize,
    pub(super) largest_chunk: usize,
    pub(super) closed: bool,
}

impl Ran {
    pub(super) fn end(&self) -> Option<&AttemptEnd> {
        self.outcome.as_ref().map(|outcome| &outcome.end)
    }

    pub(super) fn ends(&self) -> Vec<StepEnd> {
        self.reports.iter().map(|report| report.end).collect()
    }

    pub(super) fn log(&self, container: &str) -> String {
        self.logs
            .get(container)
            .map(|log| String::from_utf8_lossy(&log.bytes).into_owned())
            .unwrap_or_default()
    }

    /// The value of a task result after the last step that ran.
    pub(super) fn result(&self, name: &str) -> Option<&str> {
        self.reports
            .iter()
            .rev()
            .find_map(|report| report.task_results.get(name))
            .map(String::as_str)
    }

    /// Fails the case unless the attempt succeeded.
    pub(super) fn succeeded(&self) -> Claim {
        ensure(self.end() == Some(&AttemptEnd::Succeeded), || {
            format!("the attempt did not succeed: {self:?}")
        })
    }

    /// Fails the case unless the attempt succeeded and a step printed exactly this.
    pub(super) fn printed(&self, container: &str, wanted: &str) -> Claim {
        self.succeeded()?;
        equal(
            &format!("log of {container}"),
            &self.log(container).as_str(),
            &wanted,
        )
    }
}

/// One backend and a runner over it.
pub(super) struct Bench {
    pub(super) backend: Arc<dyn Backend>,
    runner: Runner,
    collector: Arc<Collector>,
}

static ATTEMPTS: AtomicU32 = AtomicU32::new(0);

impl Bench {
    pub(super) fn new(backend: Arc<dyn Backend>) -> Self {
        let collector = Arc::new(Collector::default());
        let config = RunnerConfig {
            capacity: 64,
            grace: GRACE,
            sidecar_grace: GRACE,
            ..RunnerConfig::default()
        };
        let expand = |_: &Job, _: usize, _: &[StepReport]| Ok(Expanded::AsWritten);
        let runner = Runner::new(Arc::clone(&backend), expand, collector.clone(), config);
        Self {
            backend,
            runner,
            collector,
        }
    }

    /// A job of these steps with the results `one` and `two`, under a name of its own.
    #[expect(clippy::unused_self, reason = "reads as one of the things a bench does")]
    pub(super) fn job(&self, steps: Vec<Step>) -> Job {
        let number = ATTEMPTS.fetch_add(1, Ordering::Relaxed);
        let name = format!("case-{}-{number}", std::process::id());
        Job {
            id: AttemptId {
                task_run_uid: name.clone(),
                attempt: 0,
            },
            namespace: "conformance".into(),
            task_run: name.clone(),
            pod: format!("{name}-pod"),
            steps,
            sidecars: Vec::new(),
            volumes: Vec::new(),
            results: vec!["one".into(), "two".into()],
            credentials: BTreeMap::new(),
            masks: Vec::new(),
            pull_logins: Vec::new(),
            timeout: None,
            max_result_bytes: None,
            breakpoints: Breakpoints::default(),
        }
    }

    /// Runs steps to their end.
    pub(super) async fn steps(&self, steps: Vec<Step>) -> Ran {
        self.run(&self.job(steps)).await
    }

    /// Runs a job to its end.
    pub(super) async fn run(&self, job: &Job) -> Ran {
        self.run_with(job, &Control::new()).await
    }

    /// Runs a job that someone may reach into.
    pub(super) async fn run_with(&self, job: &Job, control: &Control) -> Ran {
        let mut ran = Ran {
            reports: Vec::new(),
            outcome: None,
            logs: BTreeMap::new(),
        };
        let mut observe = |observation| match observation {
            Observation::StepFinished(report) => ran.reports.push(report),
            Observation::Finished(outcome) => ran.outcome = Some(outcome),
            _ => {}
        };
        let slot = self.runner.slot().await;
        self.runner.run(slot, job, control, &mut observe).await;
        ran.logs = self.collector.take(&job.id);
        ran
    }

    /// Waits until a log of a job contains a text.
    pub(super) async fn logged(&self, job: &Job, container: &str, text: &str) {
        let key = LogKey::new(job, container);
        let mut turns = self.collector.turns.subscribe();
        while !self.collector.contains(&key, text.as_bytes()) {
            if turns.changed().await.is_err() {
                return;
            }
        }
    }
}

/// Keeps logs by attempt and container.
#[derive(Debug, Default)]
struct Collector {
    logs: Mutex<BTreeMap<LogKey, Log>>,
    turns: watch::Sender<()>,
}

impl Collector {
    fn take(&self, attempt: &AttemptId) -> BTreeMap<String, Log> {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let keys: Vec<LogKey> = logs
            .keys()
            .filter(|key| key.attempt == *attempt)
            .cloned()
            .collect();
        keys.into_iter()
            .filter_map(|key| Some((key.container.clone(), logs.remove(&key)?)))
            .collect()
    }

    fn contains(&self, key: &LogKey, text: &[u8]) -> bool {
        let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        logs.get(key)
            .is_some_and(|log| log.bytes.windows(text.len()).any(|window| window == text))
    }

    fn change(&self, key: &LogKey, change: impl FnOnce(&mut Log)) {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        change(logs.entry(key.clone()).or_default());
        drop(logs);
        self.turns.send_replace(());
    }
}

impl LogSink for Collector {
    fn append(&self, key: &LogKey, _at: SystemTime, bytes: &[u8]) {
        self.change(key, |log| {
            let room = KEPT.saturating_sub(log.bytes.len()).min(bytes.len());
            log.bytes.extend_from_slice(bytes.get(..room).unwrap_or_default());
            log.size += bytes.len();
            log.largest_chunk = log.largest_chunk.max(bytes.len());
        });
    }

    fn close(&self, key: &LogKey) {
        self.change(key, |log| log.closed = true);
    }
}
