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
use windlass_engine::substitution::Replacer;
use windlass_engine::when;

use super::tracker::Knowledge;

impl Knowledge {
    /// The task with all that is known put in; what is not known stays as it is written.
    fn filled<'a>(
        &'a self,
        node: NodeId,
        task: &'a PipelineTask,
        view: Option<View<'_>>,
    ) -> Cow<'a, PipelineTask> {
        let mut filled = match results::apply_task_results(task, &self.results) {
            Ok(filled) => Cow::Owned(filled),
            Err(_) => Cow::Borrowed(task),
        };
        if let Ok(with_context) = context::apply_pipeline_task_context(&filled, &self.spec, &self.results) {
            filled = Cow::Owned(with_context);
        }
        let values = match (&self.finally, view) {
            (Some(values), _) => Some(Cow::Borrowed(values)),
            // Asked in the very plan by which `finally` begins.
            (None, Some(view)) if self.is_final(node) => Some(Cow::Owned(self.finally_values(view))),
            (None, _) => None,
        };
        if let Some(values) = values.filter(|_| self.is_final(node))
            && let Ok(with_values) = context::apply_finally_context(&filled, &values)
        {
            filled = Cow::Owned(with_values);
        }
        filled
    }

    /// What final tasks may ask about the tasks before them, once those have ended.
    pub(crate) fn finally_values(&self, view: View<'_>) -> Replacer<'static> {
        let tasks = self.spec.tasks.iter().enumerate().map(|(index, task)| {
            let node = NodeId::new(u32::try_from(index).unwrap_or(u32::MAX));
            let children = self
                .record(node)
                .map(|record| record.children.as_slice())
                .unwrap_or_default();
            let telling = children.iter().max_by_key(|child| child.state.is_failure());
            let reason = telling.map_or("", |child| child.reason.as_str());
            (task.name.as_str(), view.task_status(node), reason)
        });
        context::finally_context(tasks, view.aggregate_status())
    }

    /// The guards of a task after substitution.
    pub(crate) fn guards(&self, node: NodeId) -> Vec<WhenExpression> {
        match self.task(node) {
            Some(task) if !task.when.is_empty() => self.filled(node, task, None).when.clone(),
            Some(_) | None => Vec::new(),
        }
    }

    fn guards_in(&self, node: NodeId, view: View<'_>) -> Vec<WhenExpression> {
        match self.task(node) {
            Some(task) if !task.when.is_empty() => self.filled(node, task, Some(view)).when.clone(),
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
    fn when(&self, node: NodeId, view: View<'_>) -> When {
        match when::holds(&self.guards_in(node, view)) {
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

    fn matrix_is_empty(&self, node: NodeId, view: View<'_>) -> bool {
        let Some(task) = self.task(node).filter(|task| task.matrix.is_some()) else {
            return false;
        };
        self.filled(node, task, Some(view))
            .matrix
            .as_ref()
            .is_some_and(matrix::has_empty_array)
    }
}
