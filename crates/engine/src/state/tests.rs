use std::fmt::Write;

use super::*;
use crate::graph::OnError;

const STATES: [State; 12] = [
    State::Pending,
    State::Running,
    State::Cancelling,
    State::Succeeded,
    State::Failed,
    State::TimedOut,
    State::Cancelled,
    State::Skipped(SkipReason::When),
    State::Invalid,
    State::Undoing,
    State::Undone,
    State::UndoFailed,
];

const EVENTS: [Event; 11] = [
    Event::Started,
    Event::CancelRequested,
    Event::Succeeded,
    Event::Failed,
    Event::TimedOut,
    Event::Cancelled,
    Event::Skipped(SkipReason::Parent),
    Event::Refused,
    Event::UndoStarted,
    Event::Undone,
    Event::UndoFailed,
];

fn undoable() -> Node {
    Node {
        undoable: true,
        ..Node::dag("build")
    }
}

#[test]
fn a_state_changes_only_as_listed() {
    let mut table = String::new();
    for state in STATES {
        for event in EVENTS {
            if let Ok(next) = state.on(event, &undoable()) {
                writeln!(table, "{state:?} + {event:?} = {next:?}").unwrap();
            }
        }
    }
    insta::assert_snapshot!(table, @r"
    Pending + Started = Running
    Pending + Skipped(Parent) = Skipped(Parent)
    Pending + Refused = Invalid
    Running + CancelRequested = Cancelling
    Running + Succeeded = Succeeded
    Running + Failed = Failed
    Running + TimedOut = TimedOut
    Running + Cancelled = Cancelled
    Cancelling + Succeeded = Succeeded
    Cancelling + Failed = Failed
    Cancelling + TimedOut = TimedOut
    Cancelling + Cancelled = Cancelled
    Succeeded + UndoStarted = Undoing
    Undoing + Undone = Undone
    Undoing + UndoFailed = UndoFailed
    ");
}

#[test]
fn only_a_task_that_declares_it_is_undone() {
    let last = Node {
        undoable: true,
        ..Node::finally("notify")
    };
    for node in [Node::dag("build"), last] {
        let refused = State::Succeeded.on(Event::UndoStarted, &node).unwrap_err();
        assert_eq!(refused.state, State::Succeeded);
    }
    let error = State::Skipped(SkipReason::When)
        .on(Event::Started, &undoable())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "task \"build\" is Skipped(When) and cannot take Started"
    );
}

#[test]
fn an_observer_finds_the_events_that_led_to_a_state() {
    let mut table = String::new();
    for from in STATES {
        for goal in STATES {
            assert_eq!(from.towards(goal).is_none(), from == goal, "{from:?} to {goal:?}");
            let (mut state, mut events) = (from, Vec::new());
            while let Some(event) = state.towards(goal) {
                match state.on(event, &undoable()) {
                    Ok(next) => state = next,
                    Err(_) => break,
                }
                events.push(event);
            }
            if state == goal && events.len() > 1 {
                writeln!(table, "{from:?} to {goal:?}: {events:?}").unwrap();
            }
            let one = EVENTS
                .iter()
                .any(|&event| from.on(event, &undoable()) == Ok(goal));
            assert!(!one || events.len() == 1, "{from:?} to {goal:?} is one step");
        }
    }
    insta::assert_snapshot!(table, @r"
    Pending to Cancelling: [Started, CancelRequested]
    Pending to Succeeded: [Started, Succeeded]
    Pending to Failed: [Started, Failed]
    Pending to TimedOut: [Started, TimedOut]
    Pending to Cancelled: [Started, Cancelled]
    Pending to Undoing: [Started, Succeeded, UndoStarted]
    Pending to Undone: [Started, Succeeded, UndoStarted, Undone]
    Pending to UndoFailed: [Started, Succeeded, UndoStarted, UndoFailed]
    Running to Undoing: [Succeeded, UndoStarted]
    Running to Undone: [Succeeded, UndoStarted, Undone]
    Running to UndoFailed: [Succeeded, UndoStarted, UndoFailed]
    Cancelling to Undoing: [Succeeded, UndoStarted]
    Cancelling to Undone: [Succeeded, UndoStarted, Undone]
    Cancelling to UndoFailed: [Succeeded, UndoStarted, UndoFailed]
    Succeeded to Undone: [UndoStarted, Undone]
    Succeeded to UndoFailed: [UndoStarted, UndoFailed]
    ");
}

#[test]
fn a_task_of_many_runs_ends_when_all_have() {
    use State::*;
    let rows: [(&[State], State); 14] = [
        (&[], Pending),
        (&[Pending, Pending], Pending),
        (&[Pending, Succeeded], Running),
        (&[Failed, Pending], Running),
        (&[Succeeded, Succeeded], Succeeded),
        (&[Succeeded, Failed], Failed),
        (&[Failed, Cancelled, Succeeded], Cancelled),
        (&[TimedOut, Cancelled, Failed], TimedOut),
        (&[Running, TimedOut], Running),
        (&[Running, Cancelling], Running),
        (&[Cancelling, TimedOut], Cancelling),
        (&[Cancelling, Failed, Succeeded], Cancelling),
        (&[Pending, Cancelling], Running),
        (&[Failed], Failed),
    ];
    for (runs, expected) in rows {
        assert_eq!(State::of_runs(runs.iter().copied()), expected, "{runs:?}");
        assert_eq!(
            State::of_runs(runs.iter().rev().copied()),
            expected,
            "{runs:?} reversed"
        );
    }
}

#[test]
fn questions_about_a_state_agree() {
    let mut table = String::new();
    for state in STATES {
        let answers = [
            (state.is_active(), "active"),
            (state.is_settled(), "settled"),
            (state.has_started(), "started"),
            (state.is_failure(), "failure"),
            (state.is_undo(), "undo"),
        ];
        let yes: Vec<&str> = answers
            .iter()
            .filter(|(yes, _)| *yes)
            .map(|(_, name)| *name)
            .collect();
        writeln!(table, "{state:?}: {}", yes.join(" ")).unwrap();
    }
    insta::assert_snapshot!(table, @r"
    Pending: 
    Running: active started
    Cancelling: active started
    Succeeded: settled started
    Failed: settled started failure
    TimedOut: settled started failure
    Cancelled: settled started failure
    Skipped(When): settled
    Invalid: settled
    Undoing: settled started undo
    Undone: settled started undo
    UndoFailed: settled started undo
    ");
}

#[test]
fn skip_reasons_are_spelled_as_in_tekton() {
    let mut table = String::new();
    for reason in SkipReason::ALL {
        assert_eq!(SkipReason::parse(reason.as_str()), Some(reason));
        let kind = match (reason.is_timeout(), reason.is_cut_short()) {
            (true, true) => "timeout, cut short",
            (false, true) => "cut short",
            (false, false) => "own terms",
            (true, false) => unreachable!("a timeout cuts the run short"),
        };
        writeln!(table, "{reason} ({kind})").unwrap();
    }
    assert_eq!(SkipReason::parse("None"), None);
    insta::assert_snapshot!(table, @r"
    PipelineRun was stopping (cut short)
    PipelineRun was gracefully cancelled (cut short)
    PipelineRun was gracefully stopped (cut short)
    When Expressions evaluated to false (own terms)
    Parent Tasks were skipped (own terms)
    Results were missing (own terms)
    PipelineRun timeout has been reached (timeout, cut short)
    PipelineRun Tasks timeout has been reached (timeout, cut short)
    PipelineRun Finally timeout has been reached (timeout, cut short)
    Matrix Parameters have an empty array (own terms)
    ");
}

#[test]
fn only_tasks_of_the_dag_stop_a_run() {
    let tolerant = Node {
        on_error: OnError::Continue,
        ..Node::dag("lint")
    };
    assert!(Node::dag("build").stops());
    assert!(!tolerant.stops());
    assert!(!Node::finally("notify").stops());
}
