//! The runner's semantics over the fake, on a paused clock.

#![expect(clippy::too_many_lines, clippy::type_complexity, reason = "tables of rows, each with its whole output")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;
use std::time::SystemTime;

use tokio::time::Instant;

use super::Cancel;
use super::Control;
use super::Expanded;
use super::Release;
use super::Runner;
use super::RunnerConfig;
use crate::fake::Fake;
use crate::job::AttemptId;
use crate::job::Check;
use crate::job::EnvVar;
use crate::job::Job;
use crate::job::Probe;
use crate::job::Process;
use crate::job::Secret;
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

#[tokio::test(start_paused = true)]
async fn steps_run_in_order_and_results_are_read_after_each() {
    let mut job = job(vec![
        step(
            "a",
            &[
                ("FAKE_RESULT_one", "1\n"),
                ("FAKE_STEP_RESULT_x", "X"),
                ("FAKE_SLEEP", "2s"),
            ],
        ),
        step(
            "b",
            &[
                ("FAKE_RESULT_two", "$(steps.a.results.x)!"),
                ("FAKE_RESULT_undeclared", "?"),
            ],
        ),
        step(
            "c",
            &[
                ("FAKE_RESULT_one", "changed"),
                ("FAKE_FILE", "/tekton/artifacts/provenance.json={}"),
            ],
        ),
    ]);
    job.steps[0].results = vec!["x".into(), "missing".into()];
    let ran = run(&job).await;
    insta::assert_snapshot!(ran.observations, @r#"
      0.0 preparing
      0.0 step 0 started
      2.0 step 0 Exited(0) results {"x": "X"} task {"one": "1\n"}
      2.0 step 1 started
      2.0 step 1 Exited(0) task {"one": "1\n", "two": "X!"}
      2.0 step 2 started
      2.0 step 2 Exited(0) task {"one": "changed", "two": "X!"} task artifacts "{}"
      2.0 finished Succeeded
    "#);
    insta::assert_snapshot!(ran.journal, @"
    prepare run-pod
    start step-a
    end step-a 0
    start step-b
    end step-b 0
    start step-c
    end step-c 0
    destroy run-pod
    ");
    assert_eq!(ran.alive, 0);
}

#[tokio::test(start_paused = true)]
async fn ends_of_steps_decide_what_follows() {
    let continuing = |mut step: Step| {
        step.continue_on_error = true;
        step
    };
    let timed = |mut step: Step| {
        step.timeout = Some(Duration::from_secs(5));
        step
    };
    let guarded = |mut step: Step, input: &str| {
        step.when = vec![crate::job::When {
            input: input.into(),
            ..Default::default()
        }];
        step
    };
    let rows = [
        (
            "a failure skips the rest and keeps its results",
            vec![
                step("a", &[("FAKE_EXIT_CODE", "3"), ("FAKE_RESULT_one", "kept")]),
                step("b", &[]),
            ],
        ),
        (
            "onError continue covers exit codes",
            vec![continuing(step("a", &[("FAKE_EXIT_CODE", "3")])), step("b", &[])],
        ),
        (
            "onError continue does not cover the step's timeout",
            vec![
                continuing(timed(step(
                    "a",
                    &[("FAKE_SLEEP", "forever"), ("FAKE_IGNORE_TERM", "")],
                ))),
                step("b", &[]),
            ],
        ),
        (
            "a timeout that is not reached does nothing",
            vec![
                timed(step("a", &[("FAKE_SLEEP", "4s")])),
                timed(step("b", &[("FAKE_SLEEP", "4s")])),
            ],
        ),
        (
            "onError continue does not cover memory",
            vec![continuing(step("a", &[("FAKE_OOM", "")])), step("b", &[])],
        ),
        (
            "a false guard skips one step",
            vec![
                guarded(step("a", &[("FAKE_EXIT_CODE", "1")]), "no"),
                step("b", &[]),
            ],
        ),
        (
            "a guard that cannot be evaluated fails the step",
            vec![continuing(guarded(step("a", &[]), "broken")), step("b", &[])],
        ),
        (
            "a process that cannot start ends the attempt",
            vec![
                step("a", &[]),
                step("b", &[("FAKE_START_FAIL", "no such user")]),
                step("c", &[]),
            ],
        ),
        (
            "a process that is lost ends the attempt",
            vec![step("a", &[("FAKE_LOST", "killed from outside")]), step("b", &[])],
        ),
    ];
    let mut all = String::new();
    for (name, steps) in rows {
        let ran = run(&job(steps)).await;
        assert_eq!(ran.alive, 0, "{name}");
        writeln!(
            all,
            "{name}\n{}",
            ran.observations.replace("  0.0 preparing\n", "")
        )
        .expect("text");
    }
    insta::assert_snapshot!(all, @r#"
    a failure skips the rest and keeps its results
      0.0 step 0 started
      0.0 step 0 Exited(3) task {"one": "kept"}
      0.0 step 1 Skipped
      0.0 finished Failed
    onError continue covers exit codes
      0.0 step 0 started
      0.0 step 0 Exited(3)
      0.0 step 1 started
      0.0 step 1 Exited(0)
      0.0 finished Succeeded
    onError continue does not cover the step's timeout
      0.0 step 0 started
      5.0 step 0 TimedOut
      5.0 step 1 Skipped
      5.0 finished Failed
    a timeout that is not reached does nothing
      0.0 step 0 started
      4.0 step 0 Exited(0)
      4.0 step 1 started
      8.0 step 1 Exited(0)
      8.0 finished Succeeded
    onError continue does not cover memory
      0.0 step 0 started
      0.0 step 0 OutOfMemory
      0.0 step 1 Skipped
      0.0 finished Failed
    a false guard skips one step
      0.0 step 0 WhenFalse
      0.0 step 1 started
      0.0 step 1 Exited(0)
      0.0 finished Succeeded
    a guard that cannot be evaluated fails the step
      0.0 step 0 Exited(1)
      0.0 step 1 Skipped
      0.0 finished Failed
    a process that cannot start ends the attempt
      0.0 step 0 started
      0.0 step 0 Exited(0)
      0.0 finished CouldNotStart(StartFailure { kind: ContainerConfig, message: "no such user" })
    a process that is lost ends the attempt
      0.0 step 0 started
      0.0 finished Lost("lost sight of step a: killed from outside")
    "#);
}

#[tokio::test(start_paused = true)]
async fn cancelling_stops_gracefully_then_kills() {
    let after = |seconds: u64| Duration::from_secs(seconds);
    let forever = [
        ("FAKE_SLEEP", "forever"),
        ("FAKE_OUTPUT", "kept\n"),
        ("FAKE_RESULT_one", "never written"),
    ];
    let stubborn = [("FAKE_SLEEP", "forever"), ("FAKE_IGNORE_TERM", "")];
    let rows: [(&str, &[(&str, &str)], Option<Duration>, &[(Duration, Cancel)]); 6] = [
        ("gracefully", &forever, None, &[(after(3), Cancel::Graceful)]),
        (
            "SIGTERM ignored",
            &stubborn,
            None,
            &[(after(3), Cancel::Graceful)],
        ),
        (
            "made harsher",
            &stubborn,
            None,
            &[(after(3), Cancel::Graceful), (after(4), Cancel::Kill)],
        ),
        (
            "before the start",
            &forever,
            None,
            &[(after(0), Cancel::Graceful)],
        ),
        ("timeout of the attempt", &forever, Some(after(7)), &[]),
        (
            "timeout, SIGTERM ignored",
            &stubborn,
            Some(after(7)),
            &[(after(9), Cancel::Graceful)],
        ),
    ];
    let mut all = String::new();
    for (name, env, timeout, cancels) in rows {
        let mut job = job(vec![step("a", env), step("b", &[])]);
        job.timeout = timeout;
        let ran = run_with(&job, async |control| {
            let began = Instant::now();
            for (at, cancel) in cancels {
                if !at.is_zero() {
                    tokio::time::sleep_until(began + *at).await;
                }
                control.cancel(*cancel);
            }
        })
        .await;
        assert_eq!(ran.alive, 0, "{name}");
        let signals: Vec<&str> = ran
            .journal
            .lines()
            .filter(|line| line.starts_with("signal"))
            .collect();
        writeln!(all, "{name}: {signals:?} {:?}\n{}", ran.logs, ran.observations).expect("text");
    }
    insta::assert_snapshot!(all, @r#"
    gracefully: ["signal 15 step-a"] {"step-a": "kept\n|"}
      0.0 preparing
      0.0 step 0 started
      3.0 step 0 Cancelled
      3.0 step 1 Cancelled
      3.0 finished Cancelled
    SIGTERM ignored: ["signal 15 step-a", "signal 9 step-a"] {"step-a": "|"}
      0.0 preparing
      0.0 step 0 started
     33.0 step 0 Cancelled
     33.0 step 1 Cancelled
     33.0 finished Cancelled
    made harsher: ["signal 15 step-a", "signal 9 step-a"] {"step-a": "|"}
      0.0 preparing
      0.0 step 0 started
      4.0 step 0 Cancelled
      4.0 step 1 Cancelled
      4.0 finished Cancelled
    before the start: [] {}
      0.0 preparing
      0.0 step 0 Cancelled
      0.0 step 1 Cancelled
      0.0 finished Cancelled
    timeout of the attempt: ["signal 15 step-a"] {"step-a": "kept\n|"}
      0.0 preparing
      0.0 step 0 started
      7.0 step 0 AttemptTimedOut
      7.0 step 1 AttemptTimedOut
      7.0 finished TimedOut
    timeout, SIGTERM ignored: ["signal 15 step-a", "signal 9 step-a"] {"step-a": "|"}
      0.0 preparing
      0.0 step 0 started
     37.0 step 0 AttemptTimedOut
     37.0 step 1 AttemptTimedOut
     37.0 finished TimedOut
    "#);
}

#[tokio::test(start_paused = true)]
async fn sidecars_gate_the_first_step_and_are_stopped_after_the_last() {
    let exec = || Some(Check::Exec(vec!["true".into()]));
    let slow = [("FAKE_SLEEP", "forever"), ("FAKE_READY_AFTER", "4s")];
    let rows = [
        (
            "ready after two successes",
            vec![sidecar("s", &slow, exec())],
            "1s",
        ),
        (
            "probed by TCP",
            vec![sidecar("s", &slow, Some(Check::Tcp { port: 80 }))],
            "1s",
        ),
        (
            "probed by HTTP",
            vec![sidecar(
                "s",
                &slow,
                Some(Check::Http {
                    port: 80,
                    path: "/ready".into(),
                }),
            )],
            "1s",
        ),
        (
            "ended by itself before it was ready",
            vec![sidecar(
                "s",
                &[("FAKE_SLEEP", "2s"), ("FAKE_READY_AFTER", "99s")],
                exec(),
            )],
            "1s",
        ),
        (
            "fails while steps run",
            vec![
                sidecar("s", &[("FAKE_SLEEP", "2s"), ("FAKE_EXIT_CODE", "4")], None),
                sidecar("t", &[("FAKE_SLEEP", "forever"), ("FAKE_IGNORE_TERM", "")], None),
                sidecar("u", &[("FAKE_OOM", "")], None),
            ],
            "5s",
        ),
        (
            "does not start",
            vec![sidecar("s", &[("FAKE_START_FAIL", "no such image")], None)],
            "1s",
        ),
    ];
    let mut all = String::new();
    for (name, sidecars, sleep) in rows {
        let mut job = job(vec![step("a", &[("FAKE_SLEEP", sleep)])]);
        job.sidecars = sidecars;
        let ran = run(&job).await;
        assert_eq!(ran.alive, 0, "{name}");
        let signals: Vec<&str> = ran
            .journal
            .lines()
            .filter(|line| line.starts_with("signal"))
            .collect();
        writeln!(all, "{name}: {signals:?}\n{}", ran.observations).expect("text");
    }
    insta::assert_snapshot!(all, @r#"
    ready after two successes: ["signal 15 sidecar-s"]
      0.0 preparing
      0.0 sidecar 0 started image
      7.0 step 0 started
      8.0 step 0 Exited(0)
      8.0 finished Succeeded, sidecar None
    probed by TCP: ["signal 15 sidecar-s"]
      0.0 preparing
      0.0 sidecar 0 started image
      7.0 step 0 started
      8.0 step 0 Exited(0)
      8.0 finished Succeeded, sidecar None
    probed by HTTP: ["signal 15 sidecar-s"]
      0.0 preparing
      0.0 sidecar 0 started image
      7.0 step 0 started
      8.0 step 0 Exited(0)
      8.0 finished Succeeded, sidecar None
    ended by itself before it was ready: []
      0.0 preparing
      0.0 sidecar 0 started image
      2.0 step 0 started
      3.0 step 0 Exited(0)
      3.0 finished Succeeded, sidecar Some(0)
    fails while steps run: ["signal 15 sidecar-t", "signal 9 sidecar-t"]
      0.0 preparing
      0.0 sidecar 0 started image
      0.0 sidecar 1 started image
      0.0 sidecar 2 started image
      0.0 step 0 started
      5.0 step 0 Exited(0)
     15.0 finished Failed, sidecar Some(4), sidecar None, sidecar Some(137) out of memory
    does not start: []
      0.0 preparing
      0.0 finished CouldNotStart(StartFailure { kind: ContainerConfig, message: "no such image" })
    "#);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_waits_for_a_sidecar_can_be_interrupted() {
    let mut job = job(vec![step("a", &[])]);
    job.sidecars = vec![sidecar(
        "s",
        &[("FAKE_SLEEP", "forever"), ("FAKE_READY_AFTER", "999s")],
        Some(Check::Tcp { port: 1 }),
    )];
    job.timeout = Some(Duration::from_mins(1));
    let ran = run(&job).await;
    insta::assert_snapshot!(ran.observations, @"
     0.0 preparing
     0.0 sidecar 0 started image
    60.0 step 0 AttemptTimedOut
    60.0 finished TimedOut, sidecar None
    ");
    assert_eq!(ran.alive, 0);
}

#[tokio::test(start_paused = true)]
async fn breakpoints_pause_until_released() {
    let failing = [("FAKE_EXIT_CODE", "3"), ("FAKE_RESULT_one", "1")];
    let by_file = [
        ("FAKE_EXIT_CODE", "3"),
        ("FAKE_FILE", "/tekton/run/0/out.breakpointexit=0\n"),
    ];
    let by_bad_file = [
        ("FAKE_EXIT_CODE", "3"),
        ("FAKE_FILE", "/tekton/run/0/out.breakpointexit.err="),
    ];
    let ahead = [("FAKE_FILE", "/tekton/run/1/out.beforestepexit.err=")];
    let rows: [(&str, &[(&str, &str)], bool, &[&str], Option<Release>); 6] = [
        (
            "before a step, continued",
            &[],
            false,
            &["a"],
            Some(Release::Continue),
        ),
        ("before a step, failed", &[], false, &["a"], Some(Release::Fail)),
        ("before a step, failed by a file", &ahead, false, &["b"], None),
        (
            "on failure, continued",
            &failing,
            true,
            &[],
            Some(Release::Continue),
        ),
        ("on failure, continued by a file", &by_file, true, &[], None),
        ("on failure, failed by a file", &by_bad_file, true, &[], None),
    ];
    let mut all = String::new();
    for (name, env, on_failure, before_steps, release) in rows {
        let mut job = job(vec![step("a", env), step("b", &[])]);
        job.breakpoints.on_failure = on_failure;
        job.breakpoints.before_steps = before_steps.iter().map(|name| (*name).into()).collect();
        let ran = run_with(&job, async |control| {
            if let Some(release) = release {
                tokio::time::sleep(Duration::from_secs(9)).await;
                control.release(0, release);
            }
        })
        .await;
        writeln!(all, "{name}\n{}", ran.observations).expect("text");
    }
    insta::assert_snapshot!(all, @r#"
    before a step, continued
      0.0 preparing
      9.0 step 0 started
      9.0 step 0 Exited(0)
      9.0 step 1 started
      9.0 step 1 Exited(0)
      9.0 finished Succeeded
    before a step, failed
      0.0 preparing
      9.0 step 0 Exited(1)
      9.0 step 1 Skipped
      9.0 finished Failed
    before a step, failed by a file
      0.0 preparing
      0.0 step 0 started
      0.0 step 0 Exited(0)
      0.0 step 1 Exited(1)
      0.0 finished Failed
    on failure, continued
      0.0 preparing
      0.0 step 0 started
      9.0 step 0 Exited(0) task {"one": "1"}
      9.0 step 1 started
      9.0 step 1 Exited(0) task {"one": "1"}
      9.0 finished Succeeded
    on failure, continued by a file
      0.0 preparing
      0.0 step 0 started
      0.0 step 0 Exited(0)
      0.0 step 1 started
      0.0 step 1 Exited(0)
      0.0 finished Succeeded
    on failure, failed by a file
      0.0 preparing
      0.0 step 0 started
      0.0 step 0 Exited(3)
      0.0 step 1 Skipped
      0.0 finished Failed
    "#);
}

#[tokio::test(start_paused = true)]
async fn secrets_are_covered_in_logs_and_in_results_of_failed_steps() {
    let mut job = job(vec![
        step(
            "a",
            &[
                ("FAKE_OUTPUT", "the hunter2! word"),
                ("FAKE_RESULT_one", "hunter2!"),
            ],
        ),
        step(
            "b",
            &[
                ("FAKE_ERROR_OUTPUT", "aHVudGVyMiE=\n"),
                ("FAKE_RESULT_two", "x"),
                ("FAKE_EXIT_CODE", "1"),
            ],
        ),
    ]);
    job.masks = vec![Secret::new("hunter2!")];
    let ran = run(&job).await;
    insta::assert_snapshot!(ran.observations, @r#"
    0.0 preparing
    0.0 step 0 started
    0.0 step 0 Exited(0) task {"one": "hunter2!"}
    0.0 step 1 started
    0.0 step 1 Exited(1) task {"one": "***", "two": "x"}
    0.0 finished Failed
    "#);
    insta::assert_debug_snapshot!(ran.logs, @r#"
    {
        "step-a": "the *** word|",
        "step-b": "***E=\n|",
    }
    "#);
}

#[tokio::test(start_paused = true)]
async fn results_have_bounds() {
    // `[`, the time of the start (63 bytes), `,{"key":"one","value":"…","type":1}` (34 bytes and the value), `]`.
    let fits = "x".repeat(4096 - 65 - 34);
    let large = format!("{fits}x");
    let huge = "x".repeat(64 * 1024 * 1024);
    let rows: [(&str, Option<usize>, &[(&str, &str)]); 5] = [
        ("fits upstream's limit", Some(4096), &[("FAKE_RESULT_one", &fits)]),
        ("one byte more", Some(4096), &[("FAKE_RESULT_one", &large)]),
        ("the limit is lifted", None, &[("FAKE_RESULT_one", &large)]),
        (
            "a failing step keeps its exit code",
            Some(10),
            &[("FAKE_RESULT_one", "1"), ("FAKE_EXIT_CODE", "7")],
        ),
        (
            "nothing lifts the last bound",
            None,
            &[("FAKE_RESULT_one", &huge), ("FAKE_RESULT_two", "x")],
        ),
    ];
    let mut all = String::new();
    for (name, limit, env) in rows {
        let mut job = job(vec![step("a", env), step("b", &[])]);
        job.max_result_bytes = limit;
        let observations = run(&job)
            .await
            .observations
            .replace(&large, "<large>")
            .replace(&fits, "<fits>");
        writeln!(all, "{name}\n{observations}").expect("text");
    }
    insta::assert_snapshot!(all, @r#"
    fits upstream's limit
      0.0 preparing
      0.0 step 0 started
      0.0 step 0 Exited(0) task {"one": "<fits>"}
      0.0 step 1 started
      0.0 step 1 Exited(0) task {"one": "<fits>"}
      0.0 finished Succeeded
    one byte more
      0.0 preparing
      0.0 step 0 started
      0.0 step 0 Exited(1)
      0.0 step 1 Skipped
      0.0 finished ResultTooLarge { step: "a", bytes: 4097 }
    the limit is lifted
      0.0 preparing
      0.0 step 0 started
      0.0 step 0 Exited(0) task {"one": "<large>"}
      0.0 step 1 started
      0.0 step 1 Exited(0) task {"one": "<large>"}
      0.0 finished Succeeded
    a failing step keeps its exit code
      0.0 preparing
      0.0 step 0 started
      0.0 step 0 Exited(7)
      0.0 step 1 Skipped
      0.0 finished ResultTooLarge { step: "a", bytes: 100 }
    nothing lifts the last bound
      0.0 preparing
      0.0 step 0 started
      0.0 step 0 Exited(1)
      0.0 step 1 Skipped
      0.0 finished ResultTooLarge { step: "a", bytes: 67108865 }
    "#);
}

#[tokio::test(start_paused = true)]
async fn standard_output_is_copied_before_results_are_read() {
    let mut step = step("a", &[("FAKE_OUTPUT", "said"), ("FAKE_ERROR_OUTPUT", "also")]);
    step.stdout_path = Some("/tekton/results/one".into());
    let ran = run(&job(vec![step])).await;
    insta::assert_snapshot!(ran.observations, @r#"
    0.0 preparing
    0.0 step 0 started
    0.0 step 0 Exited(0) task {"one": "said"}
    0.0 finished Succeeded
    "#);
    insta::assert_debug_snapshot!(ran.logs, @r#"
    {
        "step-a": "saidalso|",
    }
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_flood_passes_through_without_piling_up() {
    struct Count(Mutex<(usize, usize)>);
    impl LogSink for Count {
        fn append(&self, _log: &LogKey, _at: SystemTime, bytes: &[u8]) {
            let mut count = self.0.lock().expect("count");
            *count = (count.0 + bytes.len(), count.1.max(bytes.len()));
        }
        fn close(&self, _log: &LogKey) {}
    }
    let flood = 256 * 1024 * 1024;
    let job = job(vec![step("a", &[("FAKE_FLOOD", &flood.to_string())])]);
    let count = Arc::new(Count(Mutex::default()));
    let runner = Runner::new(
        Arc::new(Fake::new()),
        expand,
        count.clone(),
        RunnerConfig::default(),
    );
    runner
        .run(runner.slot().await, &job, &Control::new(), &mut |_| {})
        .await;
    assert_eq!(*count.0.lock().expect("count"), (flood, 64 * 1024));
}

#[tokio::test(start_paused = true)]
async fn a_sandbox_that_cannot_be_made_is_reported() {
    let runner = Runner::new(
        Arc::new(Fake::broken("no space")),
        expand,
        Arc::new(Logs::default()),
        RunnerConfig::default(),
    );
    let mut lines = Vec::new();
    let slot = runner.slot().await;
    runner
        .run(slot, &job(vec![step("a", &[])]), &Control::new(), &mut |seen| {
            lines.push(line(0.0, &seen));
        })
        .await;
    insta::assert_snapshot!(lines.join("\n"), @r#"
    0.0 preparing
    0.0 finished CouldNotStart(StartFailure { kind: Sandbox, message: "no space" })
    "#);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_run_leaves_nothing_behind() {
    let fake = Fake::new();
    let runner = Runner::new(
        Arc::new(fake.clone()),
        expand,
        Arc::new(Logs::default()),
        RunnerConfig::default(),
    );
    let mut job = job(vec![step("a", &[("FAKE_SLEEP", "forever")])]);
    job.sidecars = vec![sidecar("s", &[("FAKE_SLEEP", "forever")], None)];
    let control = Control::new();
    let mut observe = |_| {};
    let run = runner.run(runner.slot().await, &job, &control, &mut observe);
    let ended = tokio::time::timeout(Duration::from_secs(5), run).await;
    assert!(ended.is_err());
    // The sidecar's own task is dropped at its next turn.
    tokio::task::yield_now().await;
    assert_eq!((fake.alive(), fake.most_alive()), (0, 3));
}
