//! What the end of one step means for the others.

use std::fmt::Write;
use std::time::Duration;

use super::job;
use super::run;
use super::step;
use crate::job::Step;

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
