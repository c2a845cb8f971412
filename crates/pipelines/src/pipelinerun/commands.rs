//! Carrying out one command of a plan, and noting what came of it.

use windlass_api::Object;
use windlass_api::reasons::pipeline_run;
use windlass_api::tekton::workspaces::WorkspaceBinding;
use windlass_engine::NodeId;
use windlass_engine::context;
use windlass_engine::params::USER_ERROR;
use windlass_engine::plan::CancelCause;
use windlass_engine::plan::Refusal as PlanRefusal;
use windlass_engine::state::Event as TaskEvent;
use windlass_engine::when;
use windlass_runtime::client;
use windlass_runtime::client::Result;

use super::apply;
use super::children::Parent;
use super::children::Refused;
use super::reconcile::Pass;
use super::reconcile::PipelineRuns;
use super::status;
use super::status::Uncancelled;
use super::tracker::Tracker;
use super::validate::Refusal;
use crate::claims;
use crate::metadata::owner;

impl PipelineRuns {
    /// The run's workspaces with parameters put in and claim templates replaced by claims.
    pub(super) async fn workspaces(
        &self,
        pass: &Pass<'_>,
    ) -> Result<std::result::Result<Vec<WorkspaceBinding>, Refusal>> {
        let run = pass.run;
        if run.spec.workspaces.is_empty() {
            return Ok(Ok(Vec::new()));
        }
        let bound = context::apply_pipeline_bindings(&run.spec.params, &run.spec.workspaces);
        let bound = match bound {
            Ok(bound) => bound,
            Err(error) => {
                let message = format!("{USER_ERROR}{error}");
                return Ok(Err(Refusal::new(
                    pipeline_run::INVALID_WORKSPACE_BINDINGS,
                    message,
                )));
            }
        };
        let (claims, all) = claims::from_templates(bound, &owner(run), &run.metadata.namespace);
        if pass.tracker.owners.is_empty()
            && let Err(refused) = claims::create(self.client.as_ref(), claims).await?
        {
            return Ok(Err(status::without_claim(run, &refused)));
        }
        let results = &pass.tracker.knowledge.results;
        match context::apply_result_bindings(results, &all) {
            Ok(all) => Ok(Ok(all)),
            Err(error) => Ok(Err(Refusal::new(
                pipeline_run::INVALID_WORKSPACE_BINDINGS,
                error.to_string(),
            ))),
        }
    }

    pub(super) async fn start(
        &self,
        pass: &mut Pass<'_>,
        node: NodeId,
        workspaces: &[WorkspaceBinding],
    ) -> Result<std::result::Result<(), Refusal>> {
        let parent = Parent {
            run: pass.run,
            knowledge: &pass.tracker.knowledge,
            workspaces,
            default_timeout: self.config.default_timeout,
            max_combinations: self.config.max_matrix_combinations,
        };
        let guards = parent.knowledge.guards(node);
        let drafts = match parent.drafts(node) {
            Ok(drafts) => drafts,
            Err(Refused::Run(reason, message)) => return Ok(Err(Refusal::new(reason, message))),
            Err(Refused::Task(message)) => {
                let name = parent
                    .knowledge
                    .task(node)
                    .map(|task| task.name.clone())
                    .unwrap_or_default();
                pass.tracker.knowledge.faults.insert(name, message);
                // A pending task can always be refused.
                let _ = pass.tracker.progress.apply(node, TaskEvent::Refused);
                return Ok(Ok(()));
            }
        };
        if let Some(record) = pass.tracker.knowledge.record_mut(node) {
            record.when = guards;
        }
        for draft in &drafts {
            let created = match apply::create(self.client.as_ref(), &pass.tracker.uid, draft).await? {
                Ok(created) => created,
                Err(refusal) => return Ok(Err(refusal)),
            };
            adopt(&mut pass.tracker, node, &created, &draft.display_name);
        }
        pass.tracker.settle(node);
        Ok(Ok(()))
    }

    /// Asks the children of a task to stop. As long as one could not be asked, the task counts as not asked.
    pub(super) async fn cancel(
        &self,
        pass: &mut Pass<'_>,
        node: NodeId,
        cause: CancelCause,
        failed: &mut Uncancelled,
    ) {
        let Some(record) = pass.tracker.knowledge.record_mut(node) else {
            return;
        };
        record.cancel = Some(cause);
        let open: Vec<_> = record
            .children
            .iter()
            .filter(|child| !child.state.is_settled())
            .cloned()
            .collect();
        let before = failed.problems.len();
        for child in &open {
            let asked = apply::cancel(self.client.as_ref(), &pass.run.metadata.namespace, child, cause).await;
            if let Err(error) = asked {
                failed.add(child, cause, &error);
            }
        }
        if failed.problems.len() == before {
            // A running task can always be asked to stop.
            let _ = pass.tracker.progress.apply(node, TaskEvent::CancelRequested);
        }
    }

    /// Shows that children could not be asked to stop; the error has it tried again.
    pub(super) async fn show_uncancelled(&self, pass: &mut Pass<'_>, failed: &Uncancelled) -> client::Error {
        let (reason, message) = failed.condition(&pass.run.metadata.name);
        let mut status = pass.take_status();
        status::ongoing(&mut status, reason, &message, pass.now);
        if let Err(error) = self.write(pass, status).await {
            return error;
        }
        client::Error::Unavailable(message)
    }
}

/// Takes note of a child that exists now.
fn adopt(tracker: &mut Tracker, node: NodeId, created: &Object, display_name: &str) {
    let name = created.metadata().name.clone();
    tracker.owners.insert(name.clone(), node);
    tracker.note(created);
    let Some(record) = tracker.knowledge.record_mut(node) else {
        return;
    };
    if let Some(child) = record.children.iter_mut().find(|child| child.name == name) {
        display_name.clone_into(&mut child.display_name);
    }
}

pub(super) fn note_guards(pass: &mut Pass<'_>, node: NodeId) {
    let guards = pass.tracker.knowledge.guards(node);
    if let Some(record) = pass.tracker.knowledge.record_mut(node) {
        record.when = guards;
    }
    pass.tracker.pass_over(node);
}

pub(super) fn note_fault(pass: &mut Pass<'_>, node: NodeId, refusal: PlanRefusal) {
    let knowledge = &mut pass.tracker.knowledge;
    let name = knowledge
        .task(node)
        .map(|task| task.name.clone())
        .unwrap_or_default();
    let message = match refusal {
        PlanRefusal::When => {
            let problem = when::holds(&knowledge.guards(node)).err();
            let message = problem
                .map(|problem| problem.message(&pass.run.metadata.name))
                .unwrap_or_default();
            knowledge.broken_when = Some(message.clone());
            message
        }
        PlanRefusal::Result(_) => knowledge
            .missing(node)
            .map(|missing| missing.to_string())
            .unwrap_or_default(),
    };
    knowledge.faults.insert(name, message);
    pass.tracker.pass_over(node);
}
