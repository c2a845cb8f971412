//! Nodes and what they wait for.

use std::collections::HashMap;

use windlass_api::references::TaskEdges;
use windlass_api::references::edges;
use windlass_api::tekton::PipelineSpec;
use windlass_api::tekton::PipelineTask;
use windlass_api::tekton::TaskSpec;
use windlass_api::tekton::WhenExpression;
use windlass_api::tekton::pipeline::Matrix;

use super::layers::layers;
use crate::launch::value_text;

/// A node: a task of a pipeline, or a step of a lone task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Node {
    /// Its name.
    pub(crate) name: String,
    /// What it waits for, by place in the graph's list.
    pub(crate) parents: Vec<usize>,
    /// What it waits for, in words: names, with the results it uses.
    pub(crate) after: Vec<String>,
    /// What is special about it: conditions, fan-out, retries, timeout.
    pub(crate) marks: Vec<String>,
    /// Whether it runs only under a condition.
    pub(crate) is_conditional: bool,
    /// Whether it runs several times at once.
    pub(crate) is_matrix: bool,
}

/// A graph in layers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Graph {
    /// Kind and name of what it shows.
    pub(crate) title: String,
    /// The nodes, in the order of the file.
    pub(crate) nodes: Vec<Node>,
    /// The nodes that run when all others are done.
    pub(crate) finally: Vec<Node>,
    /// Places of nodes by layer: a layer waits for the ones before it only.
    pub(crate) layers: Vec<Vec<usize>>,
}

impl Graph {
    /// The graph of a pipeline.
    pub(crate) fn of_pipeline(title: String, spec: &PipelineSpec) -> Self {
        let edges = edges(spec);
        let places: HashMap<&str, usize> = spec
            .tasks
            .iter()
            .enumerate()
            .map(|(place, task)| (task.name.as_str(), place))
            .collect();
        let nodes: Vec<Node> = spec
            .tasks
            .iter()
            .zip(&edges.tasks)
            .map(|(task, edges)| node(task, edges, Some(&places)))
            .collect();
        let finally = spec
            .finally
            .iter()
            .zip(&edges.finally)
            .map(|(task, edges)| node(task, edges, None))
            .collect();
        let layers = layers(&nodes);
        Self {
            title,
            nodes,
            finally,
            layers,
        }
    }

    /// The steps of a task, one after another.
    pub(crate) fn of_task(title: String, spec: &TaskSpec) -> Self {
        let name = |place: usize| {
            spec.steps
                .get(place)
                .map_or_else(String::new, |step| step_name(&step.name, place))
        };
        let nodes: Vec<Node> = (0..spec.steps.len())
            .map(|place| {
                let step = spec.steps.get(place);
                let before = place.checked_sub(1);
                let mut marks: Vec<String> = step.map(|step| whens(&step.when)).unwrap_or_default();
                let is_conditional = !marks.is_empty();
                marks.extend(
                    step.filter(|step| step.on_error == "continue")
                        .map(|_| "may fail".to_owned()),
                );
                marks.extend(
                    step.and_then(|step| step.timeout)
                        .map(|timeout| format!("timeout {timeout}")),
                );
                Node {
                    name: name(place),
                    parents: before.into_iter().collect(),
                    after: before.map(&name).into_iter().collect(),
                    marks,
                    is_conditional,
                    is_matrix: false,
                }
            })
            .collect();
        let layers = layers(&nodes);
        Self {
            title,
            nodes,
            finally: Vec::new(),
            layers,
        }
    }
}

/// The name a step goes by.
pub(crate) fn step_name(name: &str, place: usize) -> String {
    if name.is_empty() {
        format!("unnamed-{place}")
    } else {
        name.to_owned()
    }
}

/// A node; of final tasks, results do not order anything and are only named.
fn node(task: &PipelineTask, edges: &TaskEdges<'_>, places: Option<&HashMap<&str, usize>>) -> Node {
    let known = edges
        .parents()
        .into_iter()
        .filter_map(|parent| places?.get(parent).copied());
    let mut after: Vec<String> = Vec::new();
    for parent in edges.parents() {
        let mut results: Vec<&str> = edges
            .results
            .iter()
            .filter(|result| result.task == parent)
            .map(|result| result.result)
            .collect();
        results.dedup();
        after.push(match results.as_slice() {
            [] => parent.to_owned(),
            [one] => format!("{parent}.{one}"),
            several => format!("{parent}.{{{}}}", several.join(",")),
        });
    }
    let mut marks = whens(&task.when);
    let is_conditional = !marks.is_empty();
    marks.extend(task.matrix.as_ref().map(matrix));
    if task.retries > 0 {
        marks.push(format!("retries {}", task.retries));
    }
    marks.extend(task.timeout.map(|timeout| format!("timeout {timeout}")));
    if task.on_error == "continue" {
        marks.push("may fail".to_owned());
    }
    if task.pipeline_ref.is_some() || task.pipeline_spec.is_some() {
        marks.push("pipeline".to_owned());
    }
    Node {
        name: task.name.clone(),
        parents: known.collect(),
        after,
        marks,
        is_conditional,
        is_matrix: task.matrix.is_some(),
    }
}

fn whens(expressions: &[WhenExpression]) -> Vec<String> {
    let texts = expressions.iter().map(|when| {
        if when.cel.is_empty() {
            format!(
                "when {} {} [{}]",
                quoted(&when.input),
                when.operator,
                when.values
                    .iter()
                    .map(|value| quoted(value))
                    .collect::<Vec<_>>()
                    .join(", ")
            )
        } else {
            format!("when {}", when.cel)
        }
    });
    texts.collect()
}

fn quoted(text: &str) -> &str {
    if text.is_empty() { "\"\"" } else { text }
}

/// The dimensions of a matrix: `matrix os×3 arch×2`; of arrays known at run time only, where they come from.
fn matrix(matrix: &Matrix) -> String {
    let mut words = vec!["matrix".to_owned()];
    words.extend(matrix.params.iter().map(|param| match &param.value {
        windlass_api::tekton::ParamValue::Array(items) => format!("{}×{}", param.name, items.len()),
        other => format!("{}×{}", param.name, value_text(other)),
    }));
    if !matrix.include.is_empty() {
        words.push(format!("include {}", matrix.include.len()));
    }
    words.join(" ")
}
