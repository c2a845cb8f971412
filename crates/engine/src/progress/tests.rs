use super::*;
use crate::graph::EdgeKind;
use crate::graph::Node;
use crate::plan::Command;
use crate::plan::Deadlines;
use crate::plan::Intent;
use crate::state::SkipReason;

fn chain() -> Graph {
    let mut builder = Graph::builder();
    let first = builder.node(Node::dag("first"));
    let second = builder.node(Node::dag("second"));
    builder.node(Node::finally("last"));
    builder.edge(first, second, EdgeKind::Order);
    builder.build().unwrap()
}

fn at(second: i64) -> Time {
    Time::from_millis(second * 1000)
}

#[test]
fn an_illegal_event_changes_nothing() {
    let graph = chain();
    let mut progress = Progress::new(&graph);
    let before = progress.clone();
    let error = progress.apply(NodeId::new(0), Event::Succeeded).unwrap_err();
    assert_eq!(
        error.to_string(),
        "task \"first\" is Pending and cannot take Succeeded"
    );
    assert!(progress.agrees_with(&before));
    assert!(progress.observe(NodeId::new(0), State::Undone).is_err());
    assert_eq!(progress.state(NodeId::new(0)), State::Succeeded);
}

#[test]
fn a_node_of_another_graph_is_ignored() {
    let graph = chain();
    let mut progress = Progress::new(&graph);
    let foreign = NodeId::new(3);
    assert_eq!(progress.apply(foreign, Event::Started), Ok(State::Pending));
    assert_eq!(progress.observe(foreign, State::Failed), Ok(()));
    assert_eq!(progress.state(foreign), State::Pending);
    assert_eq!(progress.view().state(foreign), State::Pending);
    assert!(progress.agrees_with(&Progress::new(&graph)));
}

#[test]
fn surplus_states_are_ignored_and_missing_ones_are_pending() {
    let graph = chain();
    let surplus = Progress::from_states(&graph, &[State::Succeeded; 9]);
    assert_eq!(surplus.states(), [State::Succeeded; 3]);
    let missing = Progress::from_states(&graph, &[State::Running]);
    assert_eq!(missing.states(), [State::Running, State::Pending, State::Pending]);
}

#[test]
fn a_pending_run_starts_and_skips_nothing_but_keeps_its_deadlines() {
    let graph = chain();
    let directive = Directive {
        intent: Intent::Pending,
        deadlines: Deadlines {
            pipeline: Some(at(10)),
            ..Deadlines::default()
        },
    };
    let rows: [(&[State], i64, Vec<Command>); 4] = [
        (&[], 0, vec![]),
        (&[State::Failed], 0, vec![]),
        (&[State::Succeeded, State::Succeeded], 0, vec![]),
        (
            &[State::Running],
            10,
            vec![Command::Cancel {
                node: NodeId::new(0),
                cause: crate::plan::CancelCause::PipelineTimeout,
            }],
        ),
    ];
    for (states, now, expected) in rows {
        let plan = Progress::from_states(&graph, states).plan(directive, &(), at(now));
        assert_eq!(plan.commands, expected, "{states:?}");
        assert_eq!(plan.wake_at, (now < 10).then_some(at(10)));
    }
}

#[test]
fn finally_is_cancelled_by_nothing_but_cancel_and_its_own_limits() {
    let graph = chain();
    let states = [State::Succeeded, State::Cancelled, State::Running];
    let progress = Progress::from_states(&graph, &states);
    let deadlines = Deadlines {
        pipeline: Some(at(30)),
        tasks: Some(at(10)),
        finally: Some(at(20)),
    };
    for (intent, now, cancelled) in [
        (Intent::Run, 15, false),
        (Intent::CancelRunFinally, 15, false),
        (Intent::StopRunFinally, 15, false),
        (Intent::Cancel, 15, true),
        (Intent::Run, 20, true),
        (Intent::Run, 30, true),
    ] {
        let plan = progress.plan(Directive { intent, deadlines }, &(), at(now));
        assert_eq!(!plan.commands.is_empty(), cancelled, "{intent:?} at {now}");
    }
}

#[test]
fn decisions_are_taken_and_told_before_other_commands() {
    let graph = chain();
    let mut progress = Progress::from_states(&graph, &[State::Failed]);
    let plan = progress.advance(Directive::default(), &(), at(0));
    let skip = Command::Skip {
        node: NodeId::new(1),
        reason: SkipReason::Stopping,
    };
    let start = Command::Start { node: NodeId::new(2) };
    assert_eq!(plan.commands, [skip, start]);
    assert_eq!(plan.phase, Phase::Finally);
    assert_eq!(progress.phase(Directive::default(), at(0)), Phase::Finally);
    assert_eq!(
        progress.state(NodeId::new(1)),
        State::Skipped(SkipReason::Stopping)
    );
    assert_eq!(progress.graph().len(), 3);
}
