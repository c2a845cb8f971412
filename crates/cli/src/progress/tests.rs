use std::sync::Arc;

use bytes::Bytes;
use insta::assert_snapshot;
use windlass_api::Duration;
use windlass_api::Object;
use windlass_api::tekton::PipelineRun;
use windlass_api::tekton::PipelineSpec;
use windlass_api::tekton::PipelineTask;
use windlass_api::tekton::TaskRun;
use windlass_api::tekton::taskrun::ContainerStateRunning;
use windlass_api::tekton::taskrun::StepState;
use windlass_runtime::client::LogChunk;

use super::lines::Lines;
use super::live::tree;
use super::model::Progress;
use super::state::State;
use super::state::duration_text;
use crate::fake::at;
use crate::fake::condition;
use crate::fake::ended;
use crate::fake::owner;
use crate::fake::task_run;
use crate::terminal::Style;

fn chunk(container: &str, bytes: &[u8]) -> LogChunk {
    LogChunk {
        pod: "p".into(),
        container: container.into(),
        bytes: Bytes::copy_from_slice(bytes),
    }
}

#[test]
fn lines_are_whole_whatever_the_pieces() {
    let mut lines = Lines::default();
    let mut seen = Vec::new();
    let pieces: [(&str, &[u8]); 7] = [
        ("a", b"on"),
        ("b", b"x\ny"),
        ("a", b"e\r\ntwo\n\nthr"),
        ("a", b"ee"),
        ("a", b""),
        ("b", b"z"),
        ("c", b""),
    ];
    for (container, bytes) in pieces {
        lines.push(&chunk(container, bytes), |line| {
            seen.push(String::from_utf8_lossy(line).into_owned());
        });
    }
    assert_eq!(seen, ["x", "one", "two", "", "three"]);
    let mut rest = Vec::new();
    lines.finish(|container, line| {
        rest.push((
            container.1.to_string(),
            String::from_utf8_lossy(line).into_owned(),
        ));
    });
    assert_eq!(rest, [("b".to_owned(), "yz".to_owned())]);
}

#[test]
fn a_line_without_end_is_broken() {
    let mut lines = Lines::default();
    let mut longest = 0;
    for _ in 0..100 {
        lines.push(&chunk("a", &vec![b'x'; 60_000]), |line| {
            longest = longest.max(line.len());
        });
    }
    assert_eq!(longest, 120_000);
}

#[test]
fn durations_are_short() {
    let rows = [
        (0, "0ms"),
        (15, "15ms"),
        (1_250, "1.2s"),
        (65_000, "1m05s"),
        (7_400_000, "2h03m"),
        (-5, "0ms"),
    ];
    for (millis, then) in rows {
        assert_eq!(duration_text(Duration::from_millis(millis)), then);
    }
}

#[test]
fn states_follow_the_condition() {
    let rows = [
        ("True", "Succeeded", State::Succeeded),
        ("True", "Completed", State::Succeeded),
        ("False", "Failed", State::Failed),
        ("False", "TaskRunCancelled", State::Cancelled),
        ("False", "CustomRunTimedOut", State::TimedOut),
        ("False", "TaskRunTimeout", State::TimedOut),
        ("Unknown", "Pending", State::Pending),
        ("Unknown", "ToBeRetried", State::Running),
    ];
    for (status, reason, then) in rows {
        let run = ended(TaskRun::default(), status, reason, "");
        assert_eq!(
            State::of(&Object::TaskRun(Arc::new(run))),
            then,
            "{status} {reason}"
        );
    }
    assert_eq!(State::of(&Object::TaskRun(Arc::default())), State::Pending);
}

fn pipeline_run() -> PipelineRun {
    let mut root = PipelineRun::default();
    root.metadata.name = "ship-x".to_owned();
    root.metadata.namespace = "default".to_owned();
    root.status.start_time = Some(at(0));
    let tasks = ["build", "test", "inner", "later"];
    let task = |name: &str| PipelineTask {
        name: name.to_owned(),
        ..PipelineTask::default()
    };
    root.status.pipeline_spec = Some(Arc::new(PipelineSpec {
        tasks: tasks.iter().map(|name| task(name)).collect(),
        ..PipelineSpec::default()
    }));
    root
}

fn see(progress: &mut Progress, run: TaskRun) -> bool {
    progress.see(Object::TaskRun(Arc::new(run)))
}

fn running(mut run: TaskRun, name: &str) -> TaskRun {
    run.status.conditions = condition("Unknown", "Running", "");
    let running = Some(ContainerStateRunning { started_at: None });
    run.status.steps = vec![StepState {
        name: name.to_owned(),
        running,
        ..StepState::default()
    }];
    run
}

fn progress() -> Progress {
    let root = pipeline_run();
    let mut progress = Progress::new(Object::PipelineRun(Arc::new(root.clone())));
    assert!(see(
        &mut progress,
        ended(
            task_run(Some(&root), "ship-x-build", "build"),
            "True",
            "Succeeded",
            ""
        )
    ));
    assert!(see(
        &mut progress,
        running(task_run(Some(&root), "ship-x-test-0", "test"), "unit")
    ));
    assert!(see(
        &mut progress,
        running(task_run(Some(&root), "ship-x-test-1", "test"), "unit")
    ));
    let mut inner = PipelineRun::default();
    inner.metadata.name = "ship-x-inner".to_owned();
    inner.metadata.namespace = "default".to_owned();
    inner.metadata.owner_references = vec![owner(&root)];
    assert!(progress.see(Object::PipelineRun(Arc::new(inner.clone()))));
    assert!(see(
        &mut progress,
        running(task_run(Some(&inner), "ship-x-inner-deep", "deep"), "dig")
    ));
    assert!(see(
        &mut progress,
        ended(task_run(Some(&inner), "cut-4f2a9", "long"), "False", "Failed", "")
    ));
    assert!(!see(&mut progress, task_run(None, "somebody-elses", "")));
    progress
}

#[test]
fn labels_say_where_a_run_stands() {
    let progress = progress();
    let labels: Vec<&str> = progress.runs().map(|(_, run)| run.label.as_ref()).collect();
    assert_eq!(
        labels,
        ["build", "test-0", "test-1", "inner", "inner/deep", "inner/long"]
    );
    assert_eq!(
        progress.label_of_pod("ship-x-inner-deep-pod").map(AsRef::as_ref),
        Some("inner/deep")
    );
    assert!(!progress.is_quiet());
}

#[test]
fn the_tree_shows_what_runs_and_counts_the_rest() {
    let progress = progress();
    assert_snapshot!(tree(&progress, at(3_000), Style::default(), 80, 12).join("\n"), @r#"
    ⠧ ship-x  1 failed, 1 done, 3 running, 1 waiting  3.0s
      ✔ build       succeeded  1.5s
      ✘ inner/long  failed     1.5s
      ⠧ test-0      running    2.0s  unit
      ⠧ test-1      running    2.0s  unit
      ⠧ inner/deep  running    2.0s  dig
    "#);
    assert_snapshot!(tree(&progress, at(3_000), Style::default(), 50, 4).join("\n"), @r#"
    ⠧ ship-x  1 failed, 1 done, 3 running, 1 w…  3.0s
      ⠧ test-0  running    2.0s  unit
      ⠧ test-1  running    2.0s  unit
        and 1 more running
    "#);
}
