use std::fmt::Write;

use super::*;
use crate::graph::Graph;
use crate::graph::Node;
use crate::graph::OnError;
use crate::graph::Policy;
use crate::progress::Progress;
use crate::state::SkipReason;

/// Tasks `a` to `e`, of which all can be undone, then `f` and `g` of `finally`; `b` and `g` tolerate failure.
fn graph(tasks: usize, lasts: usize, rollback: bool) -> Graph {
    let mut builder = Graph::builder();
    for name in ["a", "b", "c", "d", "e"].into_iter().take(tasks) {
        builder.node(Node {
            on_error: if name == "b" {
                OnError::Continue
            } else {
                OnError::Stop
            },
            undoable: true,
            ..Node::dag(name)
        });
    }
    for name in ["f", "g"].into_iter().take(lasts) {
        builder.node(Node {
            on_error: if name == "g" {
                OnError::Continue
            } else {
                OnError::Stop
            },
            ..Node::finally(name)
        });
    }
    builder.policy(Policy {
        rollback,
        fail_fast: false,
    });
    builder.build().unwrap()
}

fn at(second: i64) -> Time {
    Time::from_millis(second * 1000)
}

/// Reads `a b c | f g`, each a state by its letter.
fn states(text: &str) -> (Vec<State>, usize) {
    let read = |letter: &str| match letter {
        "p" => State::Pending,
        "r" => State::Running,
        "x" => State::Cancelling,
        "S" => State::Succeeded,
        "F" => State::Failed,
        "T" => State::TimedOut,
        "C" => State::Cancelled,
        "I" => State::Invalid,
        "w" => State::Skipped(SkipReason::When),
        "s" => State::Skipped(SkipReason::Stopping),
        "sp" => State::Skipped(SkipReason::PipelineTimeout),
        "st" => State::Skipped(SkipReason::TasksTimeout),
        "sf" => State::Skipped(SkipReason::FinallyTimeout),
        "u" => State::Undoing,
        "U" => State::Undone,
        "X" => State::UndoFailed,
        other => panic!("no state is written {other:?}"),
    };
    let (dag, finally) = text.split_once('|').unwrap_or((text, ""));
    let all = dag.split_whitespace().chain(finally.split_whitespace()).map(read);
    (all.collect(), finally.split_whitespace().count())
}

struct Setting {
    intent: Intent,
    /// Pipeline, tasks and finally, in seconds.
    limits: [Option<i64>; 3],
    now: i64,
    rollback: bool,
    faults: BTreeMap<String, String>,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            intent: Intent::Run,
            limits: [None; 3],
            now: 1,
            rollback: false,
            faults: BTreeMap::new(),
        }
    }
}

fn told(text: &str, setting: &Setting) -> String {
    let (states, lasts) = states(text);
    let graph = graph(states.len() - lasts, lasts, setting.rollback);
    let progress = Progress::from_states(&graph, &states);
    let [pipeline, tasks, finally] = setting.limits.map(|limit| limit.map(at));
    let directive = Directive {
        intent: setting.intent,
        deadlines: Deadlines {
            pipeline,
            tasks,
            finally,
        },
    };
    let subject = Subject {
        name: "x",
        pipeline_timeout: Duration::from_secs(3600),
        tasks_timeout: Duration::from_secs(15),
        faults: &setting.faults,
    };
    let Condition {
        status,
        reason,
        message,
    } = progress.view().condition(directive, at(setting.now), &subject);
    format!("{text}: {status:?} {reason}: {message}\n")
}

fn table(rows: &[&str], setting: &Setting) -> String {
    rows.iter().map(|row| told(row, setting)).collect()
}

#[test]
fn a_run_that_goes_on_tells_its_counts() {
    let rows = [
        "p p p", "S r p", "S F r p", "F r p", "F r | p", "F | r", "C r", "C | p", "T r", "I r", "S | F r",
        "w r",
    ];
    insta::assert_snapshot!(table(&rows, &Setting::default()), @r"
    p p p: Unknown Running: Tasks Completed: 0 (Failed: 0, Cancelled 0), Incomplete: 3, Skipped: 0
    S r p: Unknown Running: Tasks Completed: 1 (Failed: 0, Cancelled 0), Incomplete: 2, Skipped: 0
    S F r p: Unknown Running: Tasks Completed: 2 (Failed: 0, Cancelled 0), Incomplete: 2, Skipped: 0
    F r p: Unknown PipelineRunStopping: Tasks Completed: 1 (Failed: 1, Cancelled 0), Incomplete: 2, Skipped: 0
    F r | p: Unknown Running: Tasks Completed: 1 (Failed: 1, Cancelled 0), Incomplete: 2, Skipped: 0
    F | r: Unknown Running: Tasks Completed: 1 (Failed: 1, Cancelled 0), Incomplete: 1, Skipped: 0
    C r: Unknown PipelineRunStopping: Tasks Completed: 1 (Failed: 0, Cancelled 1), Incomplete: 1, Skipped: 0
    C | p: Unknown PipelineRunStopping: Tasks Completed: 1 (Failed: 0, Cancelled 1), Incomplete: 1, Skipped: 0
    T r: Unknown PipelineRunStopping: Tasks Completed: 1 (Failed: 1, Cancelled 0), Incomplete: 1, Skipped: 0
    I r: Unknown Running: Tasks Completed: 0 (Failed: 0, Cancelled 0), Incomplete: 1, Skipped: 0
    S | F r: Unknown Running: Tasks Completed: 2 (Failed: 1, Cancelled 0), Incomplete: 1, Skipped: 0
    w r: Unknown Running: Tasks Completed: 0 (Failed: 0, Cancelled 0), Incomplete: 1, Skipped: 1
    ");
}

#[test]
fn a_run_that_is_over_tells_its_counts_and_the_gravest_reason() {
    let rows = [
        "",
        "S S S",
        "S F S",
        "S w S",
        "S F w",
        "F s s",
        "C s",
        "F C",
        "S | F S",
        "S F | S F",
        "S | w",
        "S C S",
        "I s",
        "F I",
        "S | sf",
        "T s",
        "S | T",
    ];
    insta::assert_snapshot!(table(&rows, &Setting::default()), @r#"
    : True Succeeded: Tasks Completed: 0 (Failed: 0, Cancelled 0), Skipped: 0
    S S S: True Succeeded: Tasks Completed: 3 (Failed: 0, Cancelled 0), Skipped: 0
    S F S: True Succeeded: Tasks Completed: 3 (Failed: 1 (Ignored: 1), Cancelled 0), Skipped: 0
    S w S: True Completed: Tasks Completed: 2 (Failed: 0, Cancelled 0), Skipped: 1
    S F w: True Completed: Tasks Completed: 2 (Failed: 1 (Ignored: 1), Cancelled 0), Skipped: 1
    F s s: False Failed: Tasks Completed: 1 (Failed: 1, Cancelled 0), Skipped: 2
    C s: False Cancelled: Tasks Completed: 1 (Failed: 0, Cancelled 1), Skipped: 1
    F C: False Failed: Tasks Completed: 2 (Failed: 1, Cancelled 1), Skipped: 0
    S | F S: False Failed: Tasks Completed: 3 (Failed: 1, Cancelled 0), Skipped: 0
    S F | S F: True Succeeded: Tasks Completed: 4 (Failed: 2 (Ignored: 2), Cancelled 0), Skipped: 0
    S | w: True Completed: Tasks Completed: 1 (Failed: 0, Cancelled 0), Skipped: 1
    S C S: False Cancelled: Tasks Completed: 3 (Failed: 0, Cancelled 1), Skipped: 0
    I s: False PipelineValidationFailed: Tasks Completed: 0 (Failed: 0, Cancelled 0), Skipped: 1, Failed Validation: 1
    F I: False PipelineValidationFailed: Tasks Completed: 1 (Failed: 1, Cancelled 0), Skipped: 0, Failed Validation: 1
    S | sf: False Failed: Tasks Completed: 1 (Failed: 0, Cancelled 0), Skipped: 1
    T s: False PipelineRunTimeout: PipelineRun "x" failed due to tasks failed to finish within "15s"
    S | T: False Failed: Tasks Completed: 2 (Failed: 1, Cancelled 0), Skipped: 0
    "#);
}

#[test]
fn a_cancelled_run_says_so() {
    let mut told = String::new();
    for intent in [
        Intent::Pending,
        Intent::Cancel,
        Intent::CancelRunFinally,
        Intent::StopRunFinally,
    ] {
        let setting = Setting {
            intent,
            ..Setting::default()
        };
        writeln!(told, "{intent:?}:").unwrap();
        told += &table(
            &["x p", "C p | p", "C s | r", "C s | S", "F s | S", "S I"],
            &setting,
        );
    }
    insta::assert_snapshot!(told, @r#"
    Pending:
    x p: Unknown PipelineRunPending: PipelineRun "x" is pending
    C p | p: Unknown PipelineRunPending: PipelineRun "x" is pending
    C s | r: Unknown PipelineRunPending: PipelineRun "x" is pending
    C s | S: False Cancelled: Tasks Completed: 2 (Failed: 0, Cancelled 1), Skipped: 1
    F s | S: False Failed: Tasks Completed: 2 (Failed: 1, Cancelled 0), Skipped: 1
    S I: False PipelineValidationFailed: Tasks Completed: 1 (Failed: 0, Cancelled 0), Skipped: 0, Failed Validation: 1
    Cancel:
    x p: Unknown Cancelled: Tasks Completed: 0 (Failed: 0, Cancelled 0), Incomplete: 2, Skipped: 0
    C p | p: False Cancelled: PipelineRun "x" was cancelled
    C s | r: Unknown Cancelled: Tasks Completed: 1 (Failed: 0, Cancelled 1), Incomplete: 1, Skipped: 1
    C s | S: False Cancelled: PipelineRun "x" was cancelled
    F s | S: False Cancelled: PipelineRun "x" was cancelled
    S I: False Cancelled: PipelineRun "x" was cancelled
    CancelRunFinally:
    x p: Unknown CancelledRunningFinally: Tasks Completed: 0 (Failed: 0, Cancelled 0), Incomplete: 2, Skipped: 0
    C p | p: Unknown CancelledRunningFinally: Tasks Completed: 1 (Failed: 0, Cancelled 1), Incomplete: 2, Skipped: 0
    C s | r: Unknown CancelledRunningFinally: Tasks Completed: 1 (Failed: 0, Cancelled 1), Incomplete: 1, Skipped: 1
    C s | S: False Cancelled: PipelineRun "x" was cancelled
    F s | S: False Failed: Tasks Completed: 2 (Failed: 1, Cancelled 0), Skipped: 1
    S I: False PipelineValidationFailed: Tasks Completed: 1 (Failed: 0, Cancelled 0), Skipped: 0, Failed Validation: 1
    StopRunFinally:
    x p: Unknown StoppedRunningFinally: Tasks Completed: 0 (Failed: 0, Cancelled 0), Incomplete: 2, Skipped: 0
    C p | p: Unknown StoppedRunningFinally: Tasks Completed: 1 (Failed: 0, Cancelled 1), Incomplete: 2, Skipped: 0
    C s | r: Unknown StoppedRunningFinally: Tasks Completed: 1 (Failed: 0, Cancelled 1), Incomplete: 1, Skipped: 1
    C s | S: False Cancelled: PipelineRun "x" was cancelled
    F s | S: False Failed: Tasks Completed: 2 (Failed: 1, Cancelled 0), Skipped: 1
    S I: False PipelineValidationFailed: Tasks Completed: 1 (Failed: 0, Cancelled 0), Skipped: 0, Failed Validation: 1
    "#);
}

/// What is told of a run at second 10, under some limits in seconds.
fn told_at_ten(limits: [Option<i64>; 3]) -> String {
    let setting = Setting {
        limits,
        now: 10,
        ..Setting::default()
    };
    let rows = [
        "x p", "x p | p", "T s | r", "st", "T s", "T s | S", "S | T", "S | sp", "T I", "S | sf", "S | r",
    ];
    table(&rows, &setting)
}

#[test]
fn the_timeout_of_the_run_is_told() {
    insta::assert_snapshot!(told_at_ten([Some(20), None, None]), @r#"
    x p: Unknown Running: Tasks Completed: 0 (Failed: 0, Cancelled 0), Incomplete: 2, Skipped: 0
    x p | p: Unknown Running: Tasks Completed: 0 (Failed: 0, Cancelled 0), Incomplete: 3, Skipped: 0
    T s | r: Unknown PipelineRunStopping: Tasks Completed: 1 (Failed: 1, Cancelled 0), Incomplete: 1, Skipped: 1
    st: False PipelineRunTimeout: PipelineRun "x" failed due to tasks failed to finish within "15s"
    T s: False PipelineRunTimeout: PipelineRun "x" failed to finish within "1h0m0s"
    T s | S: False PipelineRunTimeout: PipelineRun "x" failed to finish within "1h0m0s"
    S | T: False PipelineRunTimeout: PipelineRun "x" failed to finish within "1h0m0s"
    S | sp: False PipelineRunTimeout: PipelineRun "x" failed to finish within "1h0m0s"
    T I: False PipelineRunTimeout: PipelineRun "x" failed to finish within "1h0m0s"
    S | sf: False Failed: Tasks Completed: 1 (Failed: 0, Cancelled 0), Skipped: 1
    S | r: Unknown Running: Tasks Completed: 1 (Failed: 0, Cancelled 0), Incomplete: 1, Skipped: 0
    "#);
}

#[test]
fn the_timeout_of_the_tasks_is_told_if_it_strikes_first() {
    insta::assert_snapshot!(told_at_ten([Some(20), Some(10), None]), @r#"
    x p: Unknown PipelineRunStopping: Tasks Completed: 0 (Failed: 0, Cancelled 0), Incomplete: 2, Skipped: 0
    x p | p: Unknown PipelineRunTimeoutRunningFinally: Tasks Completed: 0 (Failed: 0, Cancelled 0), Incomplete: 3, Skipped: 0
    T s | r: Unknown PipelineRunTimeoutRunningFinally: Tasks Completed: 1 (Failed: 1, Cancelled 0), Incomplete: 1, Skipped: 1
    st: False PipelineRunTimeout: PipelineRun "x" failed due to tasks failed to finish within "15s"
    T s: False PipelineRunTimeout: PipelineRun "x" failed due to tasks failed to finish within "15s"
    T s | S: False PipelineRunTimeout: PipelineRun "x" failed due to tasks failed to finish within "15s"
    S | T: False PipelineRunTimeout: PipelineRun "x" failed to finish within "1h0m0s"
    S | sp: False PipelineRunTimeout: PipelineRun "x" failed to finish within "1h0m0s"
    T I: False PipelineRunTimeout: PipelineRun "x" failed due to tasks failed to finish within "15s"
    S | sf: False Failed: Tasks Completed: 1 (Failed: 0, Cancelled 0), Skipped: 1
    S | r: Unknown Running: Tasks Completed: 1 (Failed: 0, Cancelled 0), Incomplete: 1, Skipped: 0
    "#);
}

#[test]
fn the_timeout_of_the_run_outweighs_others_that_strike_with_it() {
    insta::assert_snapshot!(told_at_ten([Some(10), Some(10), Some(10)]), @r#"
    x p: Unknown PipelineRunStopping: Tasks Completed: 0 (Failed: 0, Cancelled 0), Incomplete: 2, Skipped: 0
    x p | p: Unknown PipelineRunStopping: Tasks Completed: 0 (Failed: 0, Cancelled 0), Incomplete: 3, Skipped: 0
    T s | r: Unknown PipelineRunStopping: Tasks Completed: 1 (Failed: 1, Cancelled 0), Incomplete: 1, Skipped: 1
    st: False PipelineRunTimeout: PipelineRun "x" failed due to tasks failed to finish within "15s"
    T s: False PipelineRunTimeout: PipelineRun "x" failed to finish within "1h0m0s"
    T s | S: False PipelineRunTimeout: PipelineRun "x" failed to finish within "1h0m0s"
    S | T: False PipelineRunTimeout: PipelineRun "x" failed to finish within "1h0m0s"
    S | sp: False PipelineRunTimeout: PipelineRun "x" failed to finish within "1h0m0s"
    T I: False PipelineRunTimeout: PipelineRun "x" failed to finish within "1h0m0s"
    S | sf: False Failed: Tasks Completed: 1 (Failed: 0, Cancelled 0), Skipped: 1
    S | r: Unknown PipelineRunStopping: Tasks Completed: 1 (Failed: 0, Cancelled 0), Incomplete: 1, Skipped: 0
    "#);
}

#[test]
fn the_timeout_of_finally_merely_fails_the_run() {
    insta::assert_snapshot!(told_at_ten([None, Some(10), Some(15)]), @r#"
    x p: Unknown PipelineRunStopping: Tasks Completed: 0 (Failed: 0, Cancelled 0), Incomplete: 2, Skipped: 0
    x p | p: Unknown PipelineRunTimeoutRunningFinally: Tasks Completed: 0 (Failed: 0, Cancelled 0), Incomplete: 3, Skipped: 0
    T s | r: Unknown PipelineRunTimeoutRunningFinally: Tasks Completed: 1 (Failed: 1, Cancelled 0), Incomplete: 1, Skipped: 1
    st: False PipelineRunTimeout: PipelineRun "x" failed due to tasks failed to finish within "15s"
    T s: False PipelineRunTimeout: PipelineRun "x" failed due to tasks failed to finish within "15s"
    T s | S: False PipelineRunTimeout: PipelineRun "x" failed due to tasks failed to finish within "15s"
    S | T: False Failed: Tasks Completed: 2 (Failed: 1, Cancelled 0), Skipped: 0
    S | sp: False PipelineRunTimeout: PipelineRun "x" failed to finish within "1h0m0s"
    T I: False PipelineRunTimeout: PipelineRun "x" failed due to tasks failed to finish within "15s"
    S | sf: False Failed: Tasks Completed: 1 (Failed: 0, Cancelled 0), Skipped: 1
    S | r: Unknown Running: Tasks Completed: 1 (Failed: 0, Cancelled 0), Incomplete: 1, Skipped: 0
    "#);
}

#[test]
fn a_timeout_that_struck_nothing_is_not_told() {
    let setting = Setting {
        limits: [Some(20), Some(10), Some(15)],
        now: 1000,
        ..Setting::default()
    };
    assert_eq!(
        told("S S | S", &setting),
        "S S | S: True Succeeded: Tasks Completed: 3 (Failed: 0, Cancelled 0), Skipped: 0\n"
    );
}

#[test]
fn a_rollback_tells_what_was_undone() {
    let setting = Setting {
        rollback: true,
        ..Setting::default()
    };
    let rows = [
        "S S F r",
        "S u F",
        "U U F | p",
        "U U F | S",
        "X U F",
        "X u F",
        "X U F | p",
        "S S S",
        "U U C | S",
    ];
    let mut told = table(&rows, &setting);
    let cancelled = Setting {
        intent: Intent::Cancel,
        ..setting
    };
    writeln!(told, "{:?}:", cancelled.intent).unwrap();
    told += &table(&["S x p", "S C p", "u C p", "U C p", "X C p"], &cancelled);
    insta::assert_snapshot!(told, @r#"
    S S F r: Unknown PipelineRunStopping: Tasks Completed: 3 (Failed: 1, Cancelled 0), Incomplete: 1, Skipped: 0
    S u F: Unknown RollingBack: Tasks Completed: 3 (Failed: 1, Cancelled 0), Incomplete: 0, Skipped: 0
    U U F | p: Unknown Running: Tasks Completed: 3 (Failed: 1, Cancelled 0), Incomplete: 1, Skipped: 0
    U U F | S: False Failed: Tasks Completed: 4 (Failed: 1, Cancelled 0), Skipped: 0, Undone: 2
    X U F: False RollbackFailed: Tasks Completed: 3 (Failed: 1, Cancelled 0), Skipped: 0, Undone: 1, Failed Undo: 1
    X u F: Unknown RollingBack: Tasks Completed: 3 (Failed: 1, Cancelled 0), Incomplete: 0, Skipped: 0
    X U F | p: Unknown Running: Tasks Completed: 3 (Failed: 1, Cancelled 0), Incomplete: 1, Skipped: 0
    S S S: True Succeeded: Tasks Completed: 3 (Failed: 0, Cancelled 0), Skipped: 0
    U U C | S: False Cancelled: Tasks Completed: 4 (Failed: 0, Cancelled 1), Skipped: 0, Undone: 2
    Cancel:
    S x p: Unknown Cancelled: Tasks Completed: 1 (Failed: 0, Cancelled 0), Incomplete: 2, Skipped: 0
    S C p: Unknown RollingBack: Tasks Completed: 2 (Failed: 0, Cancelled 1), Incomplete: 1, Skipped: 0
    u C p: Unknown RollingBack: Tasks Completed: 2 (Failed: 0, Cancelled 1), Incomplete: 1, Skipped: 0
    U C p: False Cancelled: PipelineRun "x" was cancelled
    X C p: False RollbackFailed: Tasks Completed: 2 (Failed: 0, Cancelled 1), Skipped: 0, Failed Undo: 1
    "#);
}

#[test]
fn faults_of_validation_are_told_up_to_a_limit() {
    let faults = [("b", "second"), ("a", "first")];
    let mut setting = Setting {
        faults: faults
            .map(|(task, fault)| (task.to_owned(), fault.to_owned()))
            .into(),
        ..Setting::default()
    };
    let short = told("I I s", &setting);
    assert_eq!(
        short,
        "I I s: False PipelineValidationFailed: \
         Tasks Completed: 0 (Failed: 0, Cancelled 0), Skipped: 1, Failed Validation: 2 (first; second)\n"
    );
    // "first; " takes 7 bytes, and of two-byte letters only whole ones are kept.
    setting.faults.insert("b".to_owned(), "é".repeat(600));
    let long = told("I I s", &setting);
    assert!(
        long.ends_with(&format!("(first; {}...)\n", "é".repeat(508))),
        "{long}"
    );
    setting.faults.insert("b".to_owned(), "e".repeat(MAX_FAULTS - 7));
    assert!(
        told("I I s", &setting).ends_with("e)\n"),
        "exactly as long as allowed"
    );
    // Without any task that could not be started there is nothing to tell.
    assert!(!told("S S S", &setting).contains("first"));
}

#[test]
fn finally_reads_the_status_of_tasks() {
    let mut table = String::new();
    for row in [
        "p", "r", "x", "S", "F", "T", "C", "I", "w", "s", "u", "U", "X", "S S", "S F", "S w", "F w", "S r",
        "C r", "I w", "S X", "S U", "S | F", "S | w", "",
    ] {
        let (states, lasts) = states(row);
        let graph = graph(states.len() - lasts, lasts, true);
        let progress = Progress::from_states(&graph, &states);
        let view = progress.view();
        let each: Vec<&str> = graph
            .nodes()
            .map(|(id, _)| view.task_status(id).as_str())
            .collect();
        writeln!(
            table,
            "{row}: {}; {}",
            each.join(" "),
            view.aggregate_status().as_str()
        )
        .unwrap();
    }
    insta::assert_snapshot!(table, @r"
    p: None; None
    r: None; None
    x: None; None
    S: Succeeded; Succeeded
    F: Failed; Failed
    T: Failed; Failed
    C: Failed; Failed
    I: None; Failed
    w: None; Completed
    s: None; Completed
    u: Succeeded; Failed
    U: None; Failed
    X: Failed; Failed
    S S: Succeeded Succeeded; Succeeded
    S F: Succeeded Failed; Failed
    S w: Succeeded None; Completed
    F w: Failed None; Failed
    S r: Succeeded None; None
    C r: Failed None; None
    I w: None None; Failed
    S X: Succeeded Failed; Failed
    S U: Succeeded None; Failed
    S | F: Succeeded Failed; Succeeded
    S | w: Succeeded None; Succeeded
    : ; Succeeded
    ");
}
