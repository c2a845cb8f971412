//! Metrics of runs under the names that upstream's controller uses, and of the plane.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicI64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use windlass_api::Key;
use windlass_api::Kind;
use windlass_store::Event;
use windlass_store::EventType;
use windlass_store::Store;

use super::run::Run;

/// Bounds of durations in seconds: upstream's, and below them what only this plane reaches.
const SECONDS: &[f64] = &[
    0.01, 0.05, 0.1, 0.5, 1.0, 10.0, 30.0, 60.0, 300.0, 900.0, 1_800.0, 3_600.0, 5_400.0, 10_800.0, 21_600.0,
    43_200.0, 86_400.0,
];

/// Combinations of names that are told apart; those that come later count as `other`. Names are chosen by users, and each
/// costs memory for as long as the server lives.
const MOST_NAMES: usize = 1_000;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PipelineLabels {
    namespace: String,
    pipeline: String,
    status: &'static str,
    reason: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TaskLabels {
    namespace: String,
    pipeline: String,
    task: String,
    status: &'static str,
    reason: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StatusLabels {
    status: &'static str,
    reason: String,
}

type Durations<L> = Family<L, Histogram, fn() -> Histogram>;

fn durations() -> Histogram {
    Histogram::new(SECONDS.iter().copied())
}

/// What is counted.
pub struct Metrics {
    registry: Mutex<Registry>,
    pipeline_runs: Durations<PipelineLabels>,
    task_runs: Durations<TaskLabels>,
    task_runs_of_pipelines: Durations<TaskLabels>,
    pipeline_runs_ended: Family<StatusLabels, Counter>,
    task_runs_ended: Family<StatusLabels, Counter>,
    pipeline_runs_running: Gauge,
    task_runs_running: Gauge,
    start_latency: Histogram,
    version: Gauge<i64, AtomicI64>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// Runs that have not ended.
    running: HashSet<Key>,
    /// Task runs of which no step has started.
    waiting: HashSet<Key>,
    names: HashSet<(String, String)>,
}

impl Default for Metrics {
    fn default() -> Self {
        let new: fn() -> Histogram = durations;
        let metrics = Self {
            registry: Mutex::default(),
            pipeline_runs: Family::new_with_constructor(new),
            task_runs: Family::new_with_constructor(new),
            task_runs_of_pipelines: Family::new_with_constructor(new),
            pipeline_runs_ended: Family::default(),
            task_runs_ended: Family::default(),
            pipeline_runs_running: Gauge::default(),
            task_runs_running: Gauge::default(),
            start_latency: Histogram::new([
                1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 500.0, 1_000.0, 5_000.0, 30_000.0,
            ]),
            version: Gauge::default(),
            known: Mutex::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&self) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let of_upstream = registry.sub_registry_with_prefix("tekton_pipelines_controller");
        of_upstream.register(
            "pipelinerun_duration_seconds",
            "Time from start to end of a pipeline run",
            self.pipeline_runs.clone(),
        );
        of_upstream.register(
            "taskrun_duration_seconds",
            "Time from start to end of a task run of its own",
            self.task_runs.clone(),
        );
        of_upstream.register(
            "pipelinerun_taskrun_duration_seconds",
            "Time from start to end of a task run of a pipeline",
            self.task_runs_of_pipelines.clone(),
        );
        // The library adds `_total`.
        of_upstream.register(
            "pipelinerun",
            "Pipeline runs that ended",
            self.pipeline_runs_ended.clone(),
        );
        of_upstream.register("taskrun", "Task runs that ended", self.task_runs_ended.clone());
        of_upstream.register(
            "running_pipelineruns",
            "Pipeline runs that have not ended",
            self.pipeline_runs_running.clone(),
        );
        of_upstream.register(
            "running_taskruns",
            "Task runs that have not ended",
            self.task_runs_running.clone(),
        );
        of_upstream.register(
            "taskruns_pod_latency_milliseconds",
            "Time from the creation of a task run to its first step",
            self.start_latency.clone(),
        );
        let own = registry.sub_registry_with_prefix("windlass");
        own.register(
            "store_version",
            "Version of the newest commit",
            self.version.clone(),
        );
    }

    /// All metrics in the text form of `OpenMetrics`.
    pub fn render(&self) -> String {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        if encode(&mut text, &registry).is_err() {
            // Writing to a string cannot fail; what is there is still right.
            let _ = writeln!(text, "# EOF");
        }
        text
    }

    /// Counts what an event says. What had ended when it was first seen was counted by an earlier process.
    pub fn note(&self, event: &Event) {
        self.version.set(i64::try_from(event.version).unwrap_or(i64::MAX));
        let Some(run) = Run::of(&event.object) else {
            return;
        };
        let key = event.object.key();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let running = match run.kind {
            Kind::TaskRun => &self.task_runs_running,
            _ => &self.pipeline_runs_running,
        };
        if event.kind == EventType::Deleted {
            known.waiting.remove(&key);
            if known.running.remove(&key) {
                running.dec();
            }
            return;
        }
        if !run.is_done() && known.running.insert(key.clone()) {
            running.inc();
            if run.kind == Kind::TaskRun && run.first_step.is_none() {
                known.waiting.insert(key.clone());
            }
        }
        if let (Some(first), Some(created)) = (run.first_step, run.metadata.creation_timestamp)
            && known.waiting.remove(&key)
        {
            // Creation is kept in whole seconds; the start of the run is exact and never earlier.
            let since = run.started.unwrap_or(created);
            self.start_latency.observe(millis(first.since(since)));
        }
        if run.is_done() && known.running.remove(&key) {
            known.waiting.remove(&key);
            running.dec();
            self.ended(&run, &mut known);
        }
    }

    fn ended(&self, run: &Run<'_>, known: &mut Known) {
        let Some(condition) = run.condition else {
            return;
        };
        let status = match (condition.status.as_str(), condition.reason.as_str()) {
            ("True", _) => "success",
            (_, reason) if reason.contains("Cancelled") => "cancelled",
            _ => "failed",
        };
        let reason = condition.reason.clone();
        let span = match (run.started, run.ended) {
            (Some(started), Some(ended)) => millis(ended.since(started)) / 1_000.0,
            _ => 0.0,
        };
        let (namespace, definition) = known.bounded(&run.metadata.namespace, run.definition());
        let total = StatusLabels {
            status,
            reason: reason.clone(),
        };
        if run.kind == Kind::PipelineRun {
            self.pipeline_runs_ended.get_or_create(&total).inc();
            let labels = PipelineLabels {
                namespace,
                pipeline: definition,
                status,
                reason,
            };
            self.pipeline_runs.get_or_create(&labels).observe(span);
            return;
        }
        self.task_runs_ended.get_or_create(&total).inc();
        let is_of_pipeline = run.metadata.labels.contains_key("tekton.dev/pipelineRun");
        let (_, pipeline) = known.bounded(&run.metadata.namespace, run.pipeline());
        let labels = TaskLabels {
            namespace,
            pipeline,
            task: definition,
            status,
            reason,
        };
        let durations = if is_of_pipeline {
            &self.task_runs_of_pipelines
        } else {
            &self.task_runs
        };
        durations.get_or_create(&labels).observe(span);
    }
}

impl Known {
    /// The names, or `other` when too many were seen.
    fn bounded(&mut self, namespace: &str, name: &str) -> (String, String) {
        let names = (namespace.to_owned(), name.to_owned());
        if self.names.contains(&names) {
            return names;
        }
        if self.names.len() >= MOST_NAMES {
            return ("other".to_owned(), "other".to_owned());
        }
        self.names.insert(names.clone());
        names
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a duration of 2^53 ms is a fault elsewhere"
)]
fn millis(duration: windlass_api::Duration) -> f64 {
    duration.as_millis() as f64
}

/// Counts whatever happens in a store, for as long as it is polled.
pub async fn follow(store: Store, metrics: std::sync::Arc<Metrics>) {
    let kinds = [Kind::PipelineRun, Kind::TaskRun];
    loop {
        // From the beginning of what is there: a watch that was cut off has missed events, and counts of what runs must
        // be right again.
        let Ok(mut watch) = store.watch(&kinds, None, None) else {
            return;
        };
        while let Some(event) = watch.next().await {
            metrics.note(&event);
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}
