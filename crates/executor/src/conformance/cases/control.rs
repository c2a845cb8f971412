//! Cancelling and timeouts.

use std::time::Duration;

use crate::conformance::bench::Bench;
use crate::conformance::bench::Claim;
use crate::conformance::bench::Ran;
use crate::conformance::bench::either;
use crate::conformance::bench::ensure;
use crate::conformance::bench::equal;
use crate::conformance::bench::script;
use crate::job::Step;
use crate::observation::AttemptEnd;
use crate::observation::StepEnd;
use crate::runner::Cancel;
use crate::runner::Control;

super::cases! {
    "a cancelled step gets SIGTERM and keeps its log" Shell graceful,
    "a step that ignores SIGTERM is killed" Nothing stubborn,
    "killing asks nobody" Nothing kill,
    "an attempt that exceeds its timeout is stopped" Nothing attempt_timeout,
    "a finished attempt leaves nothing running when dropped halfway" LocalProcesses dropped,
}

/// Cancels once the step `a` has said `ready`.
async fn cancelled(bench: &Bench, step: Step, cancel: Cancel) -> Ran {
    let job = bench.job(vec![step, script("b", "echo never")]);
    let control = Control::new();
    let meddle = async {
        bench.logged(&job, "step-a", "ready").await;
        control.cancel(cancel);
    };
    tokio::join!(bench.run_with(&job, &control), meddle).0
}

fn was_cancelled(ran: &Ran) -> Claim {
    equal("ends", &ran.ends(), &vec![StepEnd::Cancelled, StepEnd::Cancelled])?;
    equal("end", &ran.end(), &Some(&AttemptEnd::Cancelled))
}

async fn graceful(bench: Bench) -> Claim {
    let text = "trap 'echo bye; printf kept > /tekton/results/one; exit 0' TERM\necho ready\nwhile :; do sleep 0.01; done";
    let ran = cancelled(&bench, script("a", text), Cancel::Graceful).await;
    was_cancelled(&ran)?;
    // A shell may remark that its `sleep` was terminated too.
    let log = ran.log("step-a");
    ensure(log.starts_with("ready\n") && log.ends_with("bye\n"), || {
        format!("log says {log:?}")
    })?;
    equal(
        "result",
        &ran.reports[0].task_results.get("one").map(String::as_str),
        &Some("kept"),
    )
}

async fn stubborn(bench: Bench) -> Claim {
    let fake = [
        ("FAKE_SLEEP", "forever"),
        ("FAKE_OUTPUT", "ready"),
        ("FAKE_IGNORE_TERM", ""),
    ];
    let text = "trap '' TERM\necho ready\nwhile :; do sleep 1000; done";
    was_cancelled(&cancelled(&bench, either("a", text, &fake), Cancel::Graceful).await)
}

async fn kill(bench: Bench) -> Claim {
    let fake = [("FAKE_SLEEP", "forever"), ("FAKE_OUTPUT", "ready")];
    let text = "trap 'echo asked' TERM\necho ready\nwhile :; do sleep 1000; done";
    let ran = cancelled(&bench, either("a", text, &fake), Cancel::Kill).await;
    was_cancelled(&ran)?;
    ensure(!ran.log("step-a").contains("asked"), || "it was asked".into())
}

async fn attempt_timeout(bench: Bench) -> Claim {
    let mut job = bench.job(vec![
        either("a", "sleep 1000", &[("FAKE_SLEEP", "forever")]),
        script("b", "true"),
    ]);
    job.timeout = Some(Duration::from_millis(300));
    let ran = bench.run(&job).await;
    equal(
        "ends",
        &ran.ends(),
        &vec![StepEnd::AttemptTimedOut, StepEnd::AttemptTimedOut],
    )?;
    equal("end", &ran.end(), &Some(&AttemptEnd::TimedOut))
}

async fn dropped(bench: Bench) -> Claim {
    let mark = format!("87654{}", std::process::id());
    let job = bench.job(vec![script("a", &format!("echo ready; sleep {mark}"))]);
    let control = Control::new();
    tokio::select! {
        _ = bench.run_with(&job, &control) => return Err("the attempt ended by itself".into()),
        () = bench.logged(&job, "step-a", "ready") => {}
    }
    // Dropping cannot wait, so the end may come a moment later.
    for _ in 0..100 {
        if super::processes::processes_with(&mark) == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err("a process is left".into())
}
