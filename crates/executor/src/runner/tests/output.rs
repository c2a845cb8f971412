//! Logs, results and their bounds.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::SystemTime;

use super::expand;
use super::job;
use super::run;
use super::step;
use crate::fake::Fake;
use crate::job::Secret;
use crate::output::LogKey;
use crate::output::LogSink;
use crate::runner::Control;
use crate::runner::Runner;
use crate::runner::RunnerConfig;

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
