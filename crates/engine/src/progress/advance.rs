//! Planning past the decisions that need nobody's confirmation.

use std::collections::BTreeSet;
use std::ops::Deref;

use windlass_api::Time;

use crate::graph::Graph;
use crate::graph::NodeId;
use crate::plan::Command;
use crate::plan::Directive;
use crate::plan::Facts;
use crate::plan::Plan;
use crate::state::State;

use super::Progress;
use super::decide::Candidates;
use super::decide::Decider;

impl<G: Deref<Target = Graph>> Progress<G> {
    /// Plans, takes note of every task that is skipped or refused, and plans again until only work for others is left.
    ///
    /// It ends where planning and confirming skips and refusals by turns would end, but looks at each task once. The
    /// plan lists those decisions in the order they were taken, then the commands that are left. The decisions need no
    /// confirmation; they are to be reported.
    pub fn advance(&mut self, directive: Directive, facts: &dyn Facts, now: Time) -> Plan {
        let mut decided = Vec::new();
        let mut plan = self.plan(directive, facts, now);
        let mut round = take_decisions(&mut plan.commands);
        while !round.is_empty() {
            let ready = self.confirm(&round);
            decided.append(&mut round);
            // Starts found so far stand as long as the phase does: what they depend on is settled.
            if self.phase(directive, now) == plan.phase {
                let mut more = self.commands_for(&ready, directive, facts, now, &plan);
                round = take_decisions(&mut more);
                plan.commands.append(&mut more);
            } else {
                plan = self.plan(directive, facts, now);
                round = take_decisions(&mut plan.commands);
            }
        }
        plan.commands.sort_unstable();
        decided.append(&mut plan.commands);
        Plan {
            commands: decided,
            ..plan
        }
    }

    fn confirm(&mut self, decisions: &[Command]) -> BTreeSet<NodeId> {
        let mut ready = BTreeSet::new();
        for &decision in decisions {
            let (node, state) = match decision {
                Command::Skip { node, reason } => (node, State::Skipped(reason)),
                Command::Refuse { node, .. } => (node, State::Invalid),
                _ => continue,
            };
            ready.extend(self.ledger.set(&self.graph, node, state));
        }
        ready
    }

    fn commands_for(
        &self,
        ready: &BTreeSet<NodeId>,
        directive: Directive,
        facts: &dyn Facts,
        now: Time,
        plan: &Plan,
    ) -> Vec<Command> {
        let decider = Decider {
            view: self.view(),
            ledger: &self.ledger,
            situation: self.situation(directive, now),
            facts,
        };
        decider.commands(plan.phase, Candidates::Only(ready))
    }
}

/// Takes skips and refusals out of `commands`.
fn take_decisions(commands: &mut Vec<Command>) -> Vec<Command> {
    commands
        .extract_if(.., |command| {
            matches!(command, Command::Skip { .. } | Command::Refuse { .. })
        })
        .collect()
}
