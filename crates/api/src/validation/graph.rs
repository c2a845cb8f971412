//! The tasks of a pipeline as a graph.

use std::collections::BTreeSet;
use std::collections::HashMap;

use indexmap::IndexSet;

use super::place::Place;
use super::violation::CYCLE;
use super::violation::Check;
use super::violation::UNKNOWN_TASK;
use super::violation::Violation;
use crate::references::Edges;
use crate::references::TaskEdges;
use crate::tekton::PipelineSpec;

impl Check<'_> {
    /// Requires that tasks wait for tasks that exist, and never for themselves. Linear in tasks and edges.
    pub(super) fn graph(&mut self, at: &Place<'_>, spec: &PipelineSpec, edges: &[TaskEdges<'_>]) {
        let places: HashMap<&str, usize> = edges
            .iter()
            .enumerate()
            .map(|(index, edges)| (edges.task, index))
            .collect();
        let parents: Vec<IndexSet<&str>> = edges.iter().map(TaskEdges::parents).collect();
        self.cycle(at, &places, edges, &parents);
        for (index, (edges, parents)) in edges.iter().zip(&parents).enumerate() {
            for parent in parents
                .iter()
                .copied()
                .filter(|parent| !places.contains_key(parent))
            {
                let task_at = at.index(index);
                let run_after = edges.order.iter().position(|name| *name == parent);
                let path = match run_after {
                    Some(_) => task_at.field("runAfter").path(),
                    None => task_at.path(),
                };
                let task = edges.task;
                let value = format!(
                    "couldn't add link between {task} and {parent}: task {task} depends on {parent} but {parent} \
                     wasn't present in Pipeline"
                );
                let mut violation = Violation::invalid(at, value).code(UNKNOWN_TASK);
                violation.path = path;
                let hint = self.unknown_task_hint(parent, spec);
                self.add(violation.hint(hint));
            }
        }
    }

    fn cycle(
        &mut self,
        at: &Place<'_>,
        places: &HashMap<&str, usize>,
        edges: &[TaskEdges<'_>],
        parents: &[IndexSet<&str>],
    ) {
        let stuck = stuck(places, parents);
        let Some((name, index)) = stuck
            .iter()
            .filter_map(|index| Some((edges.get(*index)?.task, *index)))
            .min()
        else {
            return;
        };
        let waits_for = |index: usize| -> Vec<&str> {
            let stuck_parents = parents.get(index).into_iter().flatten().copied();
            stuck_parents
                .filter(|parent| places.get(parent).is_some_and(|place| stuck.contains(place)))
                .collect()
        };
        let mut names: Vec<String> = waits_for(index).iter().map(|name| format!("{name:?}")).collect();
        names.sort_unstable();
        let value = format!("cycle detected; task {name:?} depends on {}", names.join(", "));
        let mut violation = Violation::invalid(at, value).code(CYCLE);
        violation.path = at.index(index).path();
        let mut walk: IndexSet<&str> = IndexSet::new();
        let mut next = Some(name);
        while let Some(name) = next.filter(|name| walk.insert(name)) {
            next = places
                .get(name)
                .and_then(|index| waits_for(*index).first().copied());
        }
        let start = next.and_then(|name| walk.get_index_of(name)).unwrap_or_default();
        let ring: Vec<&str> = walk.into_iter().skip(start).chain(next).collect();
        self.add(violation.hint(format!(
            "no task of the ring can start first: {}",
            ring.join(" → ")
        )));
    }

    fn unknown_task_hint(&self, name: &str, spec: &PipelineSpec) -> String {
        let near = self.near(name, || {
            spec.tasks.iter().map(|task| task.name.as_str()).collect()
        });
        if let Some(near) = near {
            return format!("did you mean {near:?}?");
        }
        if spec.finally.iter().any(|task| task.name == name) {
            return format!("{name:?} is a final task, which runs after all others");
        }
        format!("the pipeline has no task {name:?}")
    }

    /// Requires that nothing refers to results of child pipelines, which have none.
    pub(super) fn child_pipeline_results(&mut self, at: &Place<'_>, spec: &PipelineSpec, edges: &Edges<'_>) {
        let children: BTreeSet<&str> = spec
            .tasks
            .iter()
            .filter(|task| task.pipeline_ref.is_some() || task.pipeline_spec.is_some())
            .map(|task| task.name.as_str())
            .collect();
        if children.is_empty() {
            return;
        }
        for (field, edges) in [("tasks", &edges.tasks), ("finally", &edges.finally)] {
            let at = at.field(field);
            for (index, edges) in edges.iter().enumerate() {
                let used: BTreeSet<&str> = edges.results.iter().map(|result| result.task).collect();
                for child in used.intersection(&children) {
                    let value = format!(
                        "result reference to pipelineTask {child:?} is not supported: referenced task uses pipelineRef \
                         or pipelineSpec and result propagation from child Pipelines is not yet implemented"
                    );
                    self.add(Violation::invalid(&at.index(index), value));
                }
            }
        }
    }
}

/// The tasks that can never start, because they wait for each other.
fn stuck(places: &HashMap<&str, usize>, parents: &[IndexSet<&str>]) -> BTreeSet<usize> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); parents.len()];
    let mut waiting: Vec<usize> = Vec::with_capacity(parents.len());
    for (index, parents) in parents.iter().enumerate() {
        let known = parents.iter().filter_map(|parent| places.get(parent));
        let mut count = 0;
        for parent in known {
            if let Some(children) = children.get_mut(*parent) {
                children.push(index);
                count += 1;
            }
        }
        waiting.push(count);
    }
    let mut ready: Vec<usize> = waiting
        .iter()
        .enumerate()
        .filter(|(_, count)| **count == 0)
        .map(|(index, _)| index)
        .collect();
    while let Some(done) = ready.pop() {
        for child in children.get(done).into_iter().flatten() {
            if let Some(count) = waiting.get_mut(*child) {
                *count -= 1;
                if *count == 0 {
                    ready.push(*child);
                }
            }
        }
    }
    waiting
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0)
        .map(|(index, _)| index)
        .collect()
}
