//! The runner's semantics over the fake, on a paused clock.

#![expect(
    clippy::too_many_lines,
    clippy::type_complexity,
    reason = "tables of rows, each with its whole output"
)]

mod control;
mod output;
mod sidecars;
mod steps;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;
use std::time::SystemTime;

use tokio::time::Instant;

use super::Control;
use super::Expanded;
use super::Runner;
use super::RunnerConfig;
use crate::fake::Fake;
use crate::job::AttemptId;
use crate::job::Check;
use crate::job::EnvVar;
use crate::job::Job;
use crate::job::Probe;
use crate::job::Process;
use crate::job::Sidecar;
use crate::job::Step;
use crate::observation::Observation;
use crate::observation::StepReport;
use crate::output::LogKey;
use crate::output::LogSink;

fn process(env: &[(&str, &str)]) -> Process {
    let env = env.iter().map(|(name, value)| EnvVar {
        name: (*name).into(),
        value: (*value).into(),
    });
    Process {
        image: "image".into(),
        env: env.collect(),
        ..Process::default()
    }
}

fn step(name: &str, env: &[(&str, &str)]) -> Step {
    Step {
        name: name.into(),
        process: process(env),
        ..Step::default()
    }
}

fn sidecar(name: &str, env: &[(&str, &str)], check: Option<Check>) -> Sidecar {
    let readiness = check.map(|check| Probe {
        check,
        initial_delay: Duration::from_secs(1),
        period: Duration::from_secs(2),
        timeout: Duration::from_secs(1),
        success_threshold: 2,
    });
    Sidecar {
        name: name.into(),
        process: process(env),
        readiness,
    }
}

fn job(steps: Vec<Step>) -> Job {
    Job {
        id: AttemptId {
            task_run_uid: "uid".into(),
            attempt: 0,
        },
        namespace: "default".into(),
        task_run: "run".into(),
        pod: "run-pod".into(),
        steps,
        sidecars: Vec::new(),
        volumes: Vec::new(),
        results: vec!["one".into(), "two".into()],
        credentials: BTreeMap::new(),
        masks: Vec::new(),
        pull_logins: Vec::new(),
        timeout: None,
        max_result_bytes: None,
        breakpoints: crate::job::Breakpoints::default(),
    }
}

/// Fills `$(steps.<name>.results.<result>)` into the environment, skips steps whose `when` input is `no`, and refuses
/// `broken`.
fn expand(job: &Job, index: usize, reports: &[StepReport]) -> Result<Expanded, String> {
    let step = &job.steps[index];
    match step.when.first().map(|when| when.input.as_str()) {
        Some("no") => return Ok(Expanded::Skip),
        Some("broken") => return Err("the expression makes no sense".into()),
        _ => {}
    }
    let mut expanded = step.clone();
    for variable in &mut expanded.process.env {
        for report in reports {
            for (name, value) in &report.results {
                let reference = format!("$(steps.{}.results.{name})", job.steps[report.step].name);
                variable.value = variable.value.replace(&reference, value);
            }
        }
    }
    Ok(if expanded == *step {
        Expanded::AsWritten
    } else {
        Expanded::Run(expanded)
    })
}

#[derive(Default)]
struct Logs(Mutex<BTreeMap<String, String>>);

impl LogSink for Logs {
    fn append(&self, log: &LogKey, _at: SystemTime, bytes: &[u8]) {
        let mut logs = self.0.lock().expect("logs");
        logs.entry(log.container.clone())
            .or_default()
            .push_str(&String::from_utf8_lossy(bytes));
    }

    fn close(&self, log: &LogKey) {
        let mut logs = self.0.lock().expect("logs");
        logs.entry(log.container.clone()).or_default().push('|');
    }
}

/// One line per observation, with the virtual seconds at which it came.
fn line(seconds: f64, observation: &Observation) -> String {
    let what = match observation {
        Observation::Preparing => "preparing".into(),
        Observation::SidecarStarted {
            sidecar, image_id, ..
        } => format!("sidecar {sidecar} started {image_id}"),
        Observation::StepStarted { step, .. } => format!("step {step} started"),
        Observation::StepFinished(report) => {
            let mut text = format!("step {} {:?}", report.step, report.end);
            for (title, values) in [("results", &report.results), ("task", &report.task_results)] {
                if !values.is_empty() {
                    write!(text, " {title} {values:?}").expect("text");
                }
            }
            for (title, value) in [
                ("artifacts", &report.artifacts),
                ("task artifacts", &report.task_artifacts),
            ] {
                if let Some(value) = value {
                    write!(text, " {title} {value:?}").expect("text");
                }
            }
            text
        }
        Observation::Finished(outcome) => {
            let mut text = format!("finished {:?}", outcome.end);
            for sidecar in &outcome.sidecars {
                let oom = if sidecar.out_of_memory {
                    " out of memory"
                } else {
                    ""
                };
                write!(text, ", sidecar {:?}{oom}", sidecar.exit_code).expect("text");
            }
            text
        }
    };
    format!("{seconds:>5.1} {what}")
}

struct Ran {
    observations: String,
    journal: String,
    logs: BTreeMap<String, String>,
    alive: usize,
}

/// Runs a job; `meddle` may reach in while it runs.
async fn run_with<F: Future<Output = ()>>(job: &Job, meddle: impl FnOnce(Control) -> F) -> Ran {
    let fake = Fake::new();
    let logs = Arc::new(Logs::default());
    let config = RunnerConfig {
        grace: Duration::from_secs(30),
        ..RunnerConfig::default()
    };
    let runner = Runner::new(Arc::new(fake.clone()), expand, logs.clone(), config);
    let control = Control::new();
    let began = Instant::now();
    let mut lines = Vec::new();
    let mut observe = |observation| lines.push(line(began.elapsed().as_secs_f64(), &observation));
    let slot = runner.slot().await;
    let run = runner.run(slot, job, &control, &mut observe);
    tokio::join!(meddle(control.clone()), run);
    let logs = std::mem::take(&mut *logs.0.lock().expect("logs"));
    Ran {
        observations: lines.join("\n"),
        journal: fake.journal().join("\n"),
        logs,
        alive: fake.alive(),
    }
}

async fn run(job: &Job) -> Ran {
    run_with(job, async |_| {}).await
}
