//! Answers to the engine's questions about a task. Pure.

use std::borrow::Cow;

use windlass_api::references;
use windlass_api::references::ResultRef;
use windlass_api::tekton::PipelineTask;
use windlass_api::tekton::WhenExpression;
use windlass_engine::NodeId;
use windlass_engine::context;
use windlass_engine::matrix;
use windlass_engine::plan::Facts;
use windlass_engine::plan::When;
use windlass_engine::progress::View;
use windlass_engine::results;
use windlass_engine::when;

use super::tracker::Knowledge;

impl Knowledge {
    /// The task with all that is known put in; what is not known stays as it is written.
    fn filled<'a>(&'a self, node: NodeId, task: &'a PipelineTask) -> Cow<'a, PipelineTask> {
        let mut filled = match results::apply_task_results(task, &self.results) {
            Ok(filled) => Cow::Owned(filled),
            Err(_) => Cow::Borrowed(task),
        };
        if let Ok(with_context) = context::apply_pipeline_task_context(&filled, &self.spec, &self.results) {
            filled = Cow::Owned(with_context);
        }
        if let Some(values) = self.finally.as_ref().filter(|_| self.is_final(node))
            && let Ok(with_values) = context::apply_finally_context(&filled, values)
        {
            filled = Cow::Owned(with_values);
        }
        filled
    }

    /// The guards of a task after substitution.
    pub(crate) fn guards(&self, node: NodeId) -> Vec<WhenExpression> {
        match self.task(node) {
            Some(task) if !task.when.is_empty() => self.filled(node, task).when.clone(),
            Some(_) | None => Vec::new(),
        }
    }

    /// What keeps a task from having the results it uses; `None` when it has them all.
    pub(crate) fn missing(&self, node: NodeId) -> Option<results::Error> {
        let task = self.task(node)?;
        references::task_edges(task).results.first()?;
        results::apply_task_results(task, &self.results).err()
    }
}

impl Facts for Knowledge {
    fn when(&self, node: NodeId, _view: View<'_>) -> When {
        match when::holds(&self.guards(node)) {
            Ok(true) => When::Allows,
            Ok(false) => When::Forbids,
            Err(_) => When::Broken,
        }
    }

    fn unresolved(&self, node: NodeId, view: View<'_>) -> Option<NodeId> {
        let producer = |name: &str| view.graph().find(name);
        match self.missing(node)? {
            results::Error::Missing(missing) => producer(missing.task()),
            results::Error::Index { task, .. } => producer(&task),
            results::Error::Expand(_) => {
                let used = references::task_edges(self.task(node)?).results;
                used.first().and_then(|ResultRef { task, .. }| producer(task))
            }
        }
    }

    fn matrix_is_empty(&self, node: NodeId, _view: View<'_>) -> bool {
        let Some(task) = self.task(node).filter(|task| task.matrix.is_some()) else {
            return false;
        };
        self.filled(node, task)
            .matrix
            .as_ref()
            .is_some_and(matrix::has_empty_array)
    }
}
