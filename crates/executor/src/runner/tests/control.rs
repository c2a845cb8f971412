//! What reaches in from outside: cancelling, timeouts, breakpoints, loss.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Logs;
use super::expand;
use super::job;
use super::line;
use super::run;
use super::run_with;
use super::sidecar;
use super::step;
use crate::fake::Fake;
use crate::job::Check;
use crate::runner::Cancel;
use crate::runner::Control;
use crate::runner::Release;
use crate::runner::Runner;
use crate::runner::RunnerConfig;

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
