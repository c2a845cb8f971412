//! Every graph of up to four tasks, every interleaving, every outcome, every moment to cancel.

use std::collections::HashSet;

use super::predicates::check_moment;
use super::predicates::check_step;
use super::world::Moment;
use super::world::Quirk;
use super::world::World;
use super::world::at;
use super::world::mixed;
use super::world::shape;
use super::world::shapes;
use crate::graph::EdgeKind;
use crate::graph::Policy;
use crate::phase::Phase;
use crate::phase::Verdict;
use crate::plan::Deadlines;

/// What was seen on the way.
#[derive(Debug, Default)]
struct Seen {
    graphs: usize,
    moments: usize,
    verdicts: HashSet<Verdict>,
}

impl Seen {
    /// Walks every moment that a world can reach.
    fn explore(&mut self, world: &World) {
        self.graphs += 1;
        let start = world.start();
        let mut known = HashSet::from([start.clone()]);
        let mut open: Vec<Moment> = vec![start];
        while let Some(moment) = open.pop() {
            self.moments += 1;
            let plan = world.plan(&moment);
            check_moment(world, &moment, &plan);
            if let Phase::Done(verdict) = plan.phase {
                self.verdicts.insert(verdict);
                continue;
            }
            for step in world.steps(&moment, &plan) {
                let next = world.after(&moment, step);
                check_step(world, (&moment, &plan), step, (&next, &world.plan(&next)));
                if known.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
    }

    #[track_caller]
    fn assert_saw(&self, graphs: usize, moments: usize, verdicts: &[Verdict]) {
        println!(
            "{} graphs, {} moments, {:?}",
            self.graphs, self.moments, self.verdicts
        );
        assert_eq!(self.graphs, graphs);
        assert!(self.moments >= moments, "explored only {} moments", self.moments);
        assert_eq!(self.verdicts, verdicts.iter().copied().collect());
    }
}

const ROLLBACK: Policy = Policy {
    rollback: true,
    fail_fast: false,
};

#[test]
fn laws_hold_for_every_graph_of_four_plain_tasks() {
    let mut seen = Seen::default();
    for edges in 0..shapes(4) {
        for finally in 0..2 {
            let graph = shape(&mixed(4, 0), finally, edges, EdgeKind::Order, Policy::default());
            seen.explore(&World {
                may_cancel: finally == 1,
                ..World::new(graph)
            });
        }
    }
    seen.assert_saw(128, 0, &[Verdict::Succeeded, Verdict::Failed, Verdict::Cancelled]);
}

#[test]
fn laws_hold_for_every_mix_of_undoable_and_tolerant_tasks() {
    let mut seen = Seen::default();
    for tasks in 0..=3 {
        for edges in 0..shapes(tasks) {
            for mix in 0..1_usize << (2 * tasks) {
                for finally in 0..2 {
                    let graph = shape(&mixed(tasks, mix), finally, edges, EdgeKind::Order, ROLLBACK);
                    seen.explore(&World::new(graph));
                }
            }
        }
    }
    seen.assert_saw(
        1098,
        600_000,
        &[
            Verdict::Succeeded,
            Verdict::Failed,
            Verdict::Cancelled,
            Verdict::Stuck,
        ],
    );
}

#[test]
fn laws_hold_for_every_rollback_of_four_tasks() {
    let mut seen = Seen::default();
    for edges in 0..shapes(4) {
        for undoable in 0..16 {
            let bits = (0..4).map(|task| (undoable >> task & 1) << (2 * task + 1));
            let graph = shape(&mixed(4, bits.sum()), 0, edges, EdgeKind::Order, ROLLBACK);
            // Cancelling multiplies the moments by ten; a quarter of the mixes shows it well.
            seen.explore(&World {
                may_cancel: undoable % 4 == 2,
                ..World::new(graph)
            });
        }
    }
    seen.assert_saw(
        1024,
        300_000,
        &[
            Verdict::Succeeded,
            Verdict::Failed,
            Verdict::Cancelled,
            Verdict::Stuck,
        ],
    );
}

#[test]
fn laws_hold_whatever_is_known_about_the_tasks() {
    let mut seen = Seen::default();
    for tasks in 1..=3_u8 {
        let count = usize::from(tasks);
        for (edges, kind) in
            (0..shapes(count)).flat_map(|edges| [(edges, EdgeKind::Order), (edges, EdgeKind::Resource)])
        {
            for quirks in 0..5_usize.pow(u32::from(tasks)) {
                // Whether tasks tolerate failures alternates, so that each combination occurs somewhere.
                let mix = 0b01_01_01 * (quirks % 2);
                let graph = shape(&mixed(count, mix), 1, edges, kind, Policy::default());
                let digits = (0..u32::from(tasks)).map(|place| quirks / 5_usize.pow(place) % 5);
                let last = Quirk::ALL[(quirks + edges) % 5];
                seen.explore(&World {
                    quirks: digits.map(|digit| Quirk::ALL[digit]).chain([last]).collect(),
                    may_cancel: tasks < 3,
                    ..World::new(graph)
                });
            }
        }
    }
    seen.assert_saw(
        2110,
        0,
        &[Verdict::Succeeded, Verdict::Failed, Verdict::Cancelled],
    );
}

#[test]
fn laws_hold_when_time_runs_out() {
    let mut seen = Seen::default();
    let orders = [
        [Some(10), Some(20), Some(30)],
        [Some(20), Some(10), None],
        [None, Some(10), Some(20)],
        [Some(10), None, Some(10)],
    ];
    for (case, deadlines) in orders.into_iter().enumerate() {
        for tasks in 1..=3 {
            for edges in 0..shapes(tasks) {
                let policy = Policy {
                    rollback: case % 2 == 1,
                    fail_fast: case > 1,
                };
                let graph = shape(&mixed(tasks, 0b01_10_10), 1, edges, EdgeKind::Order, policy);
                let [pipeline, tasks_limit, finally] = deadlines.map(|deadline| deadline.map(at));
                seen.explore(&World {
                    deadlines: Deadlines {
                        pipeline,
                        tasks: tasks_limit,
                        finally,
                    },
                    times: [0, 10, 20, 30].map(at).to_vec(),
                    may_cancel: tasks < 3,
                    ..World::new(graph)
                });
            }
        }
    }
    seen.assert_saw(
        44,
        0,
        &[
            Verdict::Succeeded,
            Verdict::Failed,
            Verdict::Cancelled,
            Verdict::Stuck,
        ],
    );
}
