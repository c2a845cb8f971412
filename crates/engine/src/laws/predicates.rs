//! The laws as predicates on a moment and its plan, and on two moments that follow each other.

use super::oracle::Oracle;
use super::world::Moment;
use super::world::Step;
use super::world::World;
use super::world::at;
use crate::graph::EdgeKind;
use crate::graph::NodeId;
use crate::graph::Section;
use crate::outcome::Status;
use crate::outcome::Subject;
use crate::phase::Phase;
use crate::phase::Verdict;
use crate::plan::Command;
use crate::plan::Intent;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::state::SkipReason;
use crate::state::State;

/// Checks everything that can be said of one moment.
pub(super) fn check_moment(world: &World, moment: &Moment, plan: &Plan) {
    let oracle = Oracle {
        world,
        states: &moment.states,
        directive: world.directive(moment),
        now: world.now(moment),
    };
    assert_eq!(
        *plan,
        oracle.plan(),
        "the plain planner plans the same: {moment:?}"
    );
    assert_eq!(*plan, world.plan(moment), "equal inputs have equal plans");
    assert!(plan.wake_at.is_none_or(|wake_at| wake_at > world.now(moment)));
    for &command in &plan.commands {
        match command {
            Command::Start { node } => start_stands_on_settled_ground(world, moment, &oracle, node),
            Command::Undo { node } => undo_goes_from_the_leaves_up(moment, &oracle, node),
            Command::Cancel { .. } | Command::Skip { .. } | Command::Refuse { .. } => {}
        }
    }
    cancel_reaches_everything(world, moment, plan);
    the_run_can_go_on(moment, plan);
    advance_ends_where_planning_by_turns_ends(world, moment);
    if let Phase::Done(verdict) = plan.phase {
        done_is_final(world, moment, plan);
        condition_tells_the_verdict(world, moment, Some(verdict));
    } else {
        condition_tells_the_verdict(world, moment, None);
    }
}

fn state(moment: &Moment, id: NodeId) -> State {
    moment.states[id.index()]
}

fn start_stands_on_settled_ground(world: &World, moment: &Moment, oracle: &Oracle<'_>, node: NodeId) {
    for &(parent, kind) in world.graph.parents(node) {
        let parent = state(moment, parent);
        assert!(
            parent.is_settled(),
            "{node} starts before its parent ended: {moment:?}"
        );
        let skipped = matches!(parent, State::Skipped(_));
        assert!(
            !(skipped && kind == EdgeKind::Resource),
            "{node} consumes nothing"
        );
        if world.graph.node(node).unwrap().section == Section::Dag {
            assert!(!skipped || parent == State::Skipped(SkipReason::When));
        }
    }
    if world.graph.node(node).unwrap().section == Section::Dag {
        assert!(
            !oracle.is_stopping(),
            "{node} starts in a stopping run: {moment:?}"
        );
        assert_eq!(moment.intent, Intent::Run);
    } else {
        assert_ne!(moment.intent, Intent::Cancel);
        for &task in world.graph.section(Section::Dag) {
            assert!(
                state(moment, task).is_settled(),
                "finally starts too early: {moment:?}"
            );
            assert_ne!(
                state(moment, task),
                State::Undoing,
                "finally starts while tasks are undone"
            );
            let stuck = moment.states.contains(&State::UndoFailed);
            assert!(
                !oracle.rolls_back() || stuck || !oracle.is_due(task),
                "not all is undone"
            );
        }
    }
}

fn undo_goes_from_the_leaves_up(moment: &Moment, oracle: &Oracle<'_>, node: NodeId) {
    assert!(
        !moment.states.contains(&State::UndoFailed),
        "a failed undo starts no other"
    );
    assert!(oracle.is_due(node));
    for below in oracle.descendants(node) {
        let below = state(moment, below);
        assert!(
            !below.is_active() && below != State::Undoing,
            "{node} is undone too early: {moment:?}"
        );
    }
}

fn cancel_reaches_everything(world: &World, moment: &Moment, plan: &Plan) {
    let late = |deadline: Option<_>| deadline.is_some_and(|deadline| world.now(moment) >= deadline);
    let kill = moment.intent == Intent::Cancel || late(world.deadlines.pipeline);
    let stop = kill || moment.intent == Intent::CancelRunFinally || late(world.deadlines.tasks);
    for (id, node) in world.graph.nodes() {
        let reached = kill || (stop && node.section == Section::Dag);
        if reached && state(moment, id) == State::Running {
            let cancels = plan
                .commands
                .iter()
                .filter(|command| matches!(command, Command::Cancel { node, .. } if *node == id));
            assert_eq!(cancels.count(), 1, "{id} is not cancelled: {moment:?}");
        }
    }
}

fn the_run_can_go_on(moment: &Moment, plan: &Plan) {
    let moves = moment
        .states
        .iter()
        .any(|state| state.is_active() || *state == State::Undoing);
    let done = matches!(plan.phase, Phase::Done(_));
    assert_eq!(
        done,
        plan.commands.is_empty() && !moves,
        "stuck or over too early: {moment:?}"
    );
}

fn done_is_final(world: &World, moment: &Moment, plan: &Plan) {
    assert_eq!(plan.wake_at, None);
    let progress = Progress::from_states(&world.graph, &moment.states);
    let later = progress.plan(world.directive(moment), world, at(1_000_000));
    assert_eq!(*plan, later, "time changes a run that is over: {moment:?}");
}

fn condition_tells_the_verdict(world: &World, moment: &Moment, verdict: Option<Verdict>) {
    let subject = Subject {
        name: "run",
        pipeline_timeout: windlass_api::Duration::ZERO,
        tasks_timeout: windlass_api::Duration::ZERO,
        faults: &std::collections::BTreeMap::new(),
    };
    let progress = Progress::from_states(&world.graph, &moment.states);
    let condition = progress
        .view()
        .condition(world.directive(moment), world.now(moment), &subject);
    let expected = match verdict {
        None => Status::Unknown,
        Some(Verdict::Succeeded) => Status::True,
        Some(_) => Status::False,
    };
    assert_eq!(condition.status, expected, "{moment:?}");
}

fn advance_ends_where_planning_by_turns_ends(world: &World, moment: &Moment) {
    let directive = world.directive(moment);
    let now = world.now(moment);
    let mut quick = Progress::from_states(&world.graph, &moment.states);
    let advanced = quick.advance(directive, world, now);
    let mut slow = Progress::from_states(&world.graph, &moment.states);
    let mut decided = Vec::new();
    let plan = loop {
        let plan = slow.plan(directive, world, now);
        let is_decision =
            |command: &Command| matches!(command, Command::Skip { .. } | Command::Refuse { .. });
        let round: Vec<Command> = plan.commands.iter().copied().filter(is_decision).collect();
        if round.is_empty() {
            break plan;
        }
        for &decision in &round {
            slow.apply(decision.node(), decision.confirmation()).unwrap();
        }
        decided.extend(round);
    };
    decided.extend(&plan.commands);
    assert_eq!(advanced.phase, plan.phase);
    assert_eq!(advanced.wake_at, plan.wake_at);
    assert_eq!(advanced.commands, decided, "{moment:?}");
    assert_eq!(quick.states(), slow.states());
}

/// Checks what can be said of a step and the moment after it.
pub(super) fn check_step(world: &World, before: (&Moment, &Plan), step: Step, after: (&Moment, &Plan)) {
    let mut progress = Progress::from_states(&world.graph, &before.0.states);
    let reported = match step {
        Step::Confirm(command) => Some((command.node(), command.confirmation())),
        Step::Report(node, event) => Some((node, event)),
        Step::Intend(_) | Step::Tick => None,
    };
    if let Some((node, event)) = reported {
        progress
            .apply(node, event)
            .expect("the world offers legal events only");
    }
    let anew = Progress::from_states(&world.graph, &after.0.states);
    assert!(
        progress.agrees_with(&anew),
        "what led to a state matters: {step:?} after {before:?}"
    );
    if let Step::Confirm(command) = step {
        let asked = |other: &&Command| {
            std::mem::discriminant(*other) == std::mem::discriminant(&command)
                && other.node() == command.node()
        };
        assert_eq!(
            after.1.commands.iter().find(asked),
            None,
            "asked again: {before:?}"
        );
        // A task that is refused changes what becomes of the others, be it refused now or ready to be.
        let refusal = |command: &Command| matches!(command, Command::Refuse { .. });
        if refusal(&command) || after.1.commands.iter().any(refusal) {
            return;
        }
        for other in before.1.commands.iter().filter(|other| **other != command) {
            let asked = after.1.commands.contains(other);
            assert!(
                asked,
                "{other:?} was not confirmed and is not asked for again: {before:?}"
            );
        }
    }
}
