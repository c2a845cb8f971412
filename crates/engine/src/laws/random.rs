//! Random walks through large runs, and runs of ten thousand tasks to their end.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::predicates::check_moment;
use super::predicates::check_step;
use super::world::Moment;
use super::world::Quirk;
use super::world::Step;
use super::world::World;
use super::world::at;
use crate::graph::EdgeKind;
use crate::graph::Graph;
use crate::graph::Node;
use crate::graph::NodeId;
use crate::graph::OnError;
use crate::graph::Policy;
use crate::phase::Phase;
use crate::phase::Verdict;
use crate::plan::Command;
use crate::plan::Deadlines;
use crate::plan::Directive;
use crate::progress::Progress;
use crate::state::Event;
use crate::state::State;

/// What makes a task: does it tolerate failure, can it be undone, its quirk, and what it stands on.
type Recipe = (bool, bool, usize, Vec<(prop::sample::Index, bool)>);

fn world(recipes: &[Recipe], lasts: usize, policy: Policy, deadlines: Deadlines) -> World {
    let mut builder = Graph::builder();
    let mut quirks = Vec::new();
    for (place, (tolerant, undoable, quirk, parents)) in recipes.iter().enumerate() {
        let child = builder.node(Node {
            on_error: if *tolerant {
                OnError::Continue
            } else {
                OnError::Stop
            },
            undoable: *undoable,
            ..Node::dag(format!("t{place}"))
        });
        // Most tasks are plain, or hardly any would run.
        quirks.push(Quirk::ALL.get(*quirk).copied().unwrap_or(Quirk::Plain));
        for (parent, consumes) in parents {
            let kind = if *consumes {
                EdgeKind::Resource
            } else {
                EdgeKind::Order
            };
            if place > 0 {
                let parent = NodeId::new(u32::try_from(parent.index(place)).unwrap());
                builder.edge(parent, child, kind);
            }
        }
    }
    for place in 0..lasts {
        builder.node(Node::finally(format!("f{place}")));
        quirks.push(Quirk::ALL[place]);
    }
    builder.policy(policy);
    World {
        quirks,
        deadlines,
        times: [0, 10, 20, 30].map(at).to_vec(),
        ..World::new(builder.build().unwrap())
    }
}

fn worlds() -> impl Strategy<Value = World> {
    let parents = prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..4);
    let recipe = (prop::bool::weighted(0.3), any::<bool>(), 0..60_usize, parents);
    let deadline = || prop::option::of((1..4_i64).prop_map(|tens| at(10 * tens)));
    let limits = (deadline(), deadline(), deadline());
    let recipes = prop::collection::vec(recipe, 1..40);
    (recipes, 0..4_usize, any::<(bool, bool)>(), limits).prop_map(
        |(recipes, lasts, (rollback, fail_fast), limits)| {
            let (pipeline, tasks, finally) = limits;
            let deadlines = Deadlines {
                pipeline,
                tasks,
                finally,
            };
            world(&recipes, lasts, Policy { rollback, fail_fast }, deadlines)
        },
    )
}

/// Rare steps are drawn rarely, or every walk would be cancelled at once.
fn choose(steps: &[Step], choice: usize) -> Step {
    let usual: Vec<Step> = steps
        .iter()
        .copied()
        .filter(|step| match step {
            Step::Confirm(_) => true,
            Step::Report(_, event) => *event == Event::Succeeded || *event == Event::Undone,
            Step::Intend(_) | Step::Tick => false,
        })
        .collect();
    let pool = if choice.is_multiple_of(16) || usual.is_empty() {
        steps
    } else {
        &usual
    };
    pool[choice / 16 % pool.len()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn laws_hold_on_random_walks(world in worlds(), choices in prop::collection::vec(any::<usize>(), 0..200)) {
        let mut moment = world.start();
        let mut plan = world.plan(&moment);
        // Every step moves a task, the intent or the time forward, and a task moves at most five times.
        let limit = 5 * world.graph.len() + 8;
        for step in 0..=limit {
            check_moment(&world, &moment, &plan);
            if matches!(plan.phase, Phase::Done(_)) {
                break;
            }
            prop_assert!(step < limit, "the run does not end: {moment:?}");
            let steps = world.steps(&moment, &plan);
            let step = choose(&steps, choices.get(step).copied().unwrap_or(1));
            let next = world.after(&moment, step);
            let next_plan = world.plan(&next);
            check_step(&world, (&moment, &plan), step, (&next, &next_plan));
            (moment, plan) = (next, next_plan);
        }
    }

    #[test]
    fn any_states_have_a_plan(world in worlds(), picks in prop::collection::vec(0..14_usize, 45)) {
        let states: Vec<State> = picks.into_iter().take(world.graph.len()).map(some_state).collect();
        let moment = Moment { states: states.clone(), ..world.start() };
        prop_assert_eq!(world.plan(&moment), world.plan(&moment));
        let mut progress = Progress::new(&world.graph);
        for (&state, (node, _)) in states.iter().zip(world.graph.nodes()) {
            let observed = progress.observe(node, state);
            let possible = !state.is_undo() || world.graph.node(node).is_some_and(Node::can_be_undone);
            prop_assert_eq!(observed.is_ok(), possible);
            if !possible {
                return Ok(());
            }
        }
        prop_assert!(progress.agrees_with(&Progress::from_states(&world.graph, &states)));
    }
}

fn some_state(pick: usize) -> State {
    use crate::state::SkipReason;
    [
        State::Pending,
        State::Pending,
        State::Running,
        State::Cancelling,
        State::Succeeded,
        State::Failed,
        State::TimedOut,
        State::Cancelled,
        State::Skipped(SkipReason::When),
        State::Skipped(SkipReason::TasksTimeout),
        State::Invalid,
        State::Undoing,
        State::Undone,
        State::UndoFailed,
    ][pick]
}

/// `layers` times `width` tasks; each consumes from up to two of the layer before.
fn lattice(width: u32, layers: u32, policy: Policy) -> Graph {
    let mut builder = Graph::builder();
    for place in 0..width * layers {
        let child = builder.node(Node {
            undoable: true,
            ..Node::dag(place.to_string())
        });
        if let Some(above) = place.checked_sub(width) {
            let beside = above - above % width + (above + 1) % width;
            builder.edge(NodeId::new(above), child, EdgeKind::Order);
            builder.edge(NodeId::new(beside), child, EdgeKind::Resource);
        }
    }
    builder.policy(policy);
    builder.build().unwrap()
}

/// Runs to the end, planning after every report; tells the verdict and how many commands there were.
fn drive(graph: &Graph, failing: Option<NodeId>) -> (Verdict, usize) {
    let mut progress = Progress::new(graph);
    let mut active = VecDeque::new();
    let mut commands = 0;
    loop {
        let plan = progress.advance(Directive::default(), &(), at(0));
        commands += plan.commands.len();
        if let Phase::Done(verdict) = plan.phase {
            return (verdict, commands);
        }
        for command in plan.commands {
            match command {
                Command::Start { node } => {
                    progress.apply(node, Event::Started).unwrap();
                    active.push_back(node);
                }
                Command::Undo { node } => {
                    progress.apply(node, Event::UndoStarted).unwrap();
                    active.push_back(node);
                }
                Command::Cancel { .. } | Command::Skip { .. } | Command::Refuse { .. } => {}
            }
        }
        let node = active.pop_front().expect("something runs until the run is done");
        let event = match progress.state(node) {
            State::Undoing => Event::Undone,
            _ if failing == Some(node) => Event::Failed,
            _ => Event::Succeeded,
        };
        progress.apply(node, event).unwrap();
    }
}

#[test]
fn ten_thousand_tasks_take_one_command_each() {
    for (width, layers) in [(10_000, 1), (1, 10_000), (100, 100)] {
        let graph = lattice(width, layers, Policy::default());
        assert_eq!(drive(&graph, None), (Verdict::Succeeded, 10_000), "{width} wide");
    }
}

#[test]
fn ten_thousand_tasks_are_undone_with_one_more_command_each() {
    let rollback = Policy {
        rollback: true,
        fail_fast: false,
    };
    for (width, layers) in [(10_000, 1), (1, 10_000), (100, 100)] {
        let graph = lattice(width, layers, rollback);
        let last = NodeId::new(9_999);
        assert_eq!(
            drive(&graph, Some(last)),
            (Verdict::Failed, 19_999),
            "{width} wide"
        );
    }
}

#[test]
fn skips_run_through_a_chain_in_one_plan() {
    struct Nothing;
    impl crate::plan::Facts for Nothing {
        fn matrix_is_empty(&self, _node: NodeId, _view: crate::progress::View<'_>) -> bool {
            true
        }
    }
    let graph = lattice(1, 10_000, Policy::default());
    let mut progress = Progress::new(&graph);
    let plan = progress.advance(Directive::default(), &Nothing, at(0));
    assert_eq!(plan.phase, Phase::Done(Verdict::Succeeded));
    assert_eq!(plan.commands.len(), 10_000);
    assert_eq!(progress.tally().dag.skipped, 10_000);
}
