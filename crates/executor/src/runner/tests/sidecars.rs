//! Processes beside the steps.

use std::fmt::Write;

use super::job;
use super::run;
use super::sidecar;
use super::step;
use crate::job::Check;

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
