//! The ordered steps by which a `PipelineRun` goes forward.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use serde_json::Value;
use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::Resource as _;
use windlass_api::Time;
use windlass_api::reasons::pipeline_run;
use windlass_api::tekton::PipelineRun;
use windlass_api::tekton::pipelinerun::PipelineRunStatus;
use windlass_api::tekton::workspaces::WorkspaceBinding;
use windlass_engine::NodeId;
use windlass_engine::Phase;
use windlass_engine::context;
use windlass_engine::params::USER_ERROR;
use windlass_engine::plan::CancelCause;
use windlass_engine::plan::Command;
use windlass_engine::plan::Directive;
use windlass_engine::plan::Plan;
use windlass_engine::plan::Refusal as PlanRefusal;
use windlass_engine::state::Event as TaskEvent;
use windlass_engine::when;
use windlass_runtime::Client;
use windlass_runtime::Clock;
use windlass_runtime::client;
use windlass_runtime::client::Event;
use windlass_runtime::client::Result;
use windlass_runtime::controller::Action;
use windlass_runtime::controller::Reconcile;

use super::apply;
use super::changes::Changes;
use super::children::Parent;
use super::children::Refused;
use super::decide;
use super::decide::Beginning;
use super::prepare;
use super::status;
use super::status::Uncancelled;
use super::tracker::Tracker;
use super::tracker::Work;
use super::validate::Refusal;
use crate::claims;
use crate::config::Config;
use crate::definitions::Definitions;
use crate::metadata::add_missing;
use crate::metadata::owner;
use crate::provenance;

/// Reconciles `PipelineRun`s.
///
/// # Expected flow
/// A new run gets its start time; its pipeline is resolved, validated and substituted, and kept in
/// `status.pipelineSpec`. From then on each reconcile folds what children say into a tracker, plans, carries the plan
/// out, and shows the result. The tracker holds nothing that objects do not say, so a restart makes a new one.
///
/// # Guarantees
/// - A child is created under a name that depends on nothing but run and task, so none is created twice.
/// - A child that another run made is never taken for one's own.
/// - A run that has ended is never written again.
pub(crate) struct PipelineRuns {
    client: Arc<dyn Client>,
    clock: Arc<dyn Clock>,
    config: Arc<Config>,
    definitions: Arc<Definitions>,
    flags: Arc<Value>,
    changes: Changes,
    trackers: Mutex<HashMap<String, Tracker>>,
}

/// What one reconcile works with.
struct Pass<'a> {
    run: &'a PipelineRun,
    /// The status so far, when it differs from the run's; copying that of a large run costs, so it is done to write.
    status: Option<PipelineRunStatus>,
    tracker: Tracker,
    now: Time,
}

impl Pass<'_> {
    fn started(&self) -> Option<Time> {
        self.status.as_ref().unwrap_or(&self.run.status).start_time
    }

    fn take_status(&mut self) -> PipelineRunStatus {
        self.status.take().unwrap_or_else(|| self.run.status.clone())
    }
}

impl PipelineRuns {
    /// Makes the reconciler.
    pub(crate) fn new(
        client: Arc<dyn Client>,
        clock: Arc<dyn Clock>,
        config: Arc<Config>,
        definitions: Arc<Definitions>,
    ) -> Self {
        Self {
            client,
            clock,
            flags: provenance::feature_flags(&config),
            config,
            definitions,
            changes: Changes::default(),
            trackers: Mutex::default(),
        }
    }

    fn trackers(&self) -> std::sync::MutexGuard<'_, HashMap<String, Tracker>> {
        // Every change is one insertion or removal, so a poisoned lock is still good.
        self.trackers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn bring_forward(&self, key: &Key) -> Result<Action> {
        let Some(run) = self.client.find::<PipelineRun>(&key.namespace, &key.name).await? else {
            return Ok(Action::AwaitChange);
        };
        let now = self.clock.now();
        match decide::beginning(&run) {
            Beginning::Leave => Ok(Action::AwaitChange),
            Beginning::Forget => {
                self.trackers().remove(&run.metadata.uid);
                self.changes.take(&run.metadata.uid);
                Ok(Action::AwaitChange)
            }
            Beginning::Hold => self.hold(&run, now).await,
            Beginning::Cancelled => self.cancel_unstarted(&run, now).await,
            Beginning::Proceed => self.proceed(&run, now).await,
        }
    }

    async fn hold(&self, run: &PipelineRun, now: Time) -> Result<Action> {
        let mut status = run.status.clone();
        let message = format!("PipelineRun {:?} is pending", run.metadata.name);
        status::ongoing(&mut status, pipeline_run::PENDING, &message, now);
        apply::write_status(self.client.as_ref(), run, status).await?;
        Ok(Action::AwaitChange)
    }

    async fn cancel_unstarted(&self, run: &PipelineRun, now: Time) -> Result<Action> {
        let mut status = run.status.clone();
        status::start(&mut status, now);
        let message = format!("PipelineRun {:?} was cancelled", run.metadata.name);
        status::refuse(&mut status, &Refusal::new(pipeline_run::CANCELLED, message), now);
        apply::write_status(self.client.as_ref(), run, status).await?;
        Ok(Action::AwaitChange)
    }

    async fn proceed(&self, run: &PipelineRun, now: Time) -> Result<Action> {
        let known = self.trackers().remove(&run.metadata.uid);
        let is_new = known.is_none();
        let mut newest = None;
        let (tracker, status) = match known {
            Some(tracker) => (tracker, None),
            None => {
                let mut status = run.status.clone();
                status::start(&mut status, now);
                match self.track(run, &mut status, &mut newest).await? {
                    Ok(tracker) => (tracker, Some(status)),
                    Err(refusal) => {
                        status::refuse(&mut status, &refusal, now);
                        apply::write_status(self.client.as_ref(), run, status).await?;
                        return Ok(Action::AwaitChange);
                    }
                }
            }
        };
        let mut pass = Pass {
            run: newest.as_deref().unwrap_or(run),
            status,
            tracker,
            now,
        };
        let directive = self.directive(&pass);
        pass.tracker.ends_now = decide::ends_now(directive, now);
        let changed = self.changes.take(&run.metadata.uid);
        if is_new {
            // What is read now is newer than what was noted so far.
            self.resume(&mut pass).await?;
        } else {
            for child in &changed {
                pass.tracker.fold(child);
            }
        }
        let action = match self.advance(&mut pass).await {
            Ok(Ok(plan)) => {
                if is_new {
                    self.recover(&mut pass);
                }
                self.show(&mut pass, &plan).await
            }
            Ok(Err(refusal)) => {
                let mut status = pass.take_status();
                status::refuse(&mut status, &refusal, now);
                self.write(&mut pass, status).await?;
                return Ok(Action::AwaitChange);
            }
            Err(error) => Err(error),
        };
        self.trackers().insert(run.metadata.uid.clone(), pass.tracker);
        action
    }

    /// Makes a tracker: for a new run from its pipeline, for one that was started before also from its children.
    /// `newest` becomes the run as it is now, if that changed.
    async fn track(
        &self,
        run: &PipelineRun,
        status: &mut PipelineRunStatus,
        newest: &mut Option<Arc<PipelineRun>>,
    ) -> Result<std::result::Result<Tracker, Refusal>> {
        if prepare::awaits_pipeline(run) {
            self.announce(run, status, pipeline_run::RESOLVING_PIPELINE_REF)
                .await?;
        }
        let definition = match prepare::find(&self.definitions, run).await? {
            Ok(definition) => definition,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if prepare::awaits_tasks(run, &definition.spec) {
            self.announce(run, status, pipeline_run::RESOLVING_TASK_REF)
                .await?;
        }
        let fail_fast = self.config.fail_fast;
        let prepared = prepare::complete(&self.definitions, run, definition, fail_fast).await?;
        let mut prepared = match prepared {
            Ok(prepared) => prepared,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if let Some(refusal) = self.nests_itself(run, &prepared.tracker).await? {
            return Ok(Err(refusal));
        }
        *newest = self.hand_on(run, &prepared).await?;
        status::keep_definition(status, &prepared.tracker, prepared.ref_source.take(), &self.flags);
        Ok(Ok(prepared.tracker))
    }

    /// Shows that the run waits for a definition, as that may take long.
    async fn announce(
        &self,
        run: &PipelineRun,
        status: &mut PipelineRunStatus,
        reason: &'static str,
    ) -> Result<()> {
        let PipelineRun { metadata, .. } = run;
        let message = format!(
            "PipelineRun {}/{} awaiting remote resource",
            metadata.namespace, metadata.name
        );
        status::ongoing(status, reason, &message, self.clock.now());
        apply::write_status(self.client.as_ref(), run, status.clone()).await
    }

    /// Puts the children that exist into a tracker that was just made.
    async fn resume(&self, pass: &mut Pass<'_>) -> Result<()> {
        let run = pass.run;
        for kind in [Kind::TaskRun, Kind::CustomRun, Kind::PipelineRun] {
            let list = self.client.list(kind, Some(&run.metadata.namespace)).await?;
            for object in &list.objects {
                pass.tracker.note(object);
            }
        }
        pass.tracker.recall(run);
        pass.tracker.settle_all(false);
        let phase = pass.tracker.progress.phase(self.directive(pass), pass.now);
        if !matches!(phase, Phase::Forward | Phase::Finally) {
            pass.tracker.settle_all(true);
        }
        Ok(())
    }

    async fn nests_itself(&self, run: &PipelineRun, tracker: &Tracker) -> Result<Option<Refusal>> {
        for work in &tracker.knowledge.work {
            let Work::Pipeline(Some(pipeline)) = work else {
                continue;
            };
            let own = *pipeline == tracker.pipeline_name;
            if own || prepare::is_cycle(&self.definitions, run, pipeline).await? {
                let message = format!("{USER_ERROR}cycle detected: pipeline {pipeline:?} runs itself");
                return Ok(Some(Refusal::new(pipeline_run::CREATE_RUN_FAILED, message)));
            }
        }
        Ok(None)
    }

    /// Hands labels and annotations of the pipeline on to the run, and returns it if that changed it.
    async fn hand_on(
        &self,
        run: &PipelineRun,
        prepared: &prepare::Prepared,
    ) -> Result<Option<Arc<PipelineRun>>> {
        let change = |run: &mut PipelineRun| {
            let labels = add_missing(&mut run.metadata.labels, &prepared.labels);
            add_missing(&mut run.metadata.annotations, &prepared.annotations) || labels
        };
        if !change(&mut run.clone()) {
            return Ok(None);
        }
        let changed = |run: &mut PipelineRun| {
            change(run);
        };
        self.client.modify::<PipelineRun>(&run.key(), changed).await
    }

    /// Puts back what children do not say of themselves: which guards let them run, and how they are shown.
    fn recover(&self, pass: &mut Pass<'_>) {
        let knowledge = &pass.tracker.knowledge;
        let mut final_records = knowledge.records.iter().skip(knowledge.spec.tasks.len());
        if final_records.any(|record| !record.children.is_empty()) {
            pass.tracker.begin_finally(pass.now);
        }
        for index in 0..pass.tracker.knowledge.records.len() {
            let node = NodeId::new(u32::try_from(index).unwrap_or(u32::MAX));
            let knowledge = &pass.tracker.knowledge;
            if knowledge
                .record(node)
                .is_none_or(|record| record.children.is_empty())
            {
                continue;
            }
            let parent = Parent {
                run: pass.run,
                knowledge,
                workspaces: &[],
                default_timeout: self.config.default_timeout,
                max_combinations: self.config.max_matrix_combinations,
            };
            let (guards, names) = (knowledge.guards(node), parent.display_names(node));
            let Some(record) = pass.tracker.knowledge.record_mut(node) else {
                continue;
            };
            record.when = guards;
            for (name, display_name) in names {
                let child = record.children.iter_mut().find(|child| child.name == name);
                if let Some(child) = child {
                    child.display_name = display_name;
                }
            }
        }
    }

    /// Plans and carries out until nothing is left to do now.
    async fn advance(&self, pass: &mut Pass<'_>) -> Result<std::result::Result<Plan, Refusal>> {
        let mut workspaces: Option<Vec<WorkspaceBinding>> = None;
        loop {
            let directive = self.directive(pass);
            let before_finally = pass.tracker.knowledge.finally.is_none();
            if before_finally && matches!(pass.tracker.progress.phase(directive, pass.now), Phase::Finally) {
                pass.tracker.begin_finally(pass.now);
                continue;
            }
            let Tracker {
                progress, knowledge, ..
            } = &mut pass.tracker;
            let plan = progress.advance(directive, knowledge, pass.now);
            let finally_begins = before_finally && matches!(plan.phase, Phase::Finally);
            if finally_begins {
                pass.tracker.begin_finally(pass.now);
            }
            let mut acted = false;
            let mut not_cancelled = Uncancelled::default();
            for command in &plan.commands {
                match *command {
                    Command::Skip { node, .. } => note_guards(pass, node),
                    Command::Refuse { node, refusal } => note_fault(pass, node, refusal),
                    Command::Start { node } => {
                        acted = true;
                        let bound = match workspaces.take() {
                            Some(bound) => bound,
                            None => match self.workspaces(pass).await? {
                                Ok(bound) => bound,
                                Err(refusal) => return Ok(Err(refusal)),
                            },
                        };
                        let started = self.start(pass, node, &bound).await?;
                        workspaces = Some(bound);
                        if let Err(refusal) = started {
                            return Ok(Err(refusal));
                        }
                    }
                    Command::Cancel { node, cause } => {
                        acted = true;
                        self.cancel(pass, node, cause, &mut not_cancelled).await;
                    }
                    // No pipeline task can be undone yet, so none is asked for.
                    Command::Undo { .. } => {}
                }
            }
            if !not_cancelled.problems.is_empty() {
                return Err(self.show_uncancelled(pass, &not_cancelled).await);
            }
            if !(acted || finally_begins) {
                return Ok(Ok(plan));
            }
        }
    }

    fn directive(&self, pass: &Pass<'_>) -> Directive {
        decide::directive(
            pass.run,
            self.config.default_timeout,
            pass.started(),
            pass.tracker.finally_started,
        )
    }

    /// The run's workspaces with parameters put in and claim templates replaced by claims.
    async fn workspaces(
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

    async fn start(
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
    async fn cancel(&self, pass: &mut Pass<'_>, node: NodeId, cause: CancelCause, failed: &mut Uncancelled) {
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
    async fn show_uncancelled(&self, pass: &mut Pass<'_>, failed: &Uncancelled) -> client::Error {
        let (reason, message) = failed.condition(&pass.run.metadata.name);
        let mut status = pass.take_status();
        status::ongoing(&mut status, reason, &message, pass.now);
        if let Err(error) = self.write(pass, status).await {
            return error;
        }
        client::Error::Unavailable(message)
    }

    async fn show(&self, pass: &mut Pass<'_>, plan: &Plan) -> Result<Action> {
        let done = matches!(plan.phase, Phase::Done(_));
        let wake = |at: Option<Time>| at.map_or(Action::AwaitChange, Action::RequeueAt);
        let due = decide::next_write(pass.tracker.written, pass.tracker.owners.len(), pass.now);
        if let Some(due) = due.filter(|_| !done) {
            return Ok(wake(Some(plan.wake_at.map_or(due, |at| at.min(due)))));
        }
        let directive = self.directive(pass);
        let mut status = pass.take_status();
        status::show(
            pass.run,
            &mut status,
            &pass.tracker,
            directive,
            self.config.default_timeout,
            pass.now,
        );
        self.write(pass, status).await?;
        Ok(wake(plan.wake_at))
    }

    async fn write(&self, pass: &mut Pass<'_>, status: PipelineRunStatus) -> Result<()> {
        pass.tracker.written = Some(pass.now);
        apply::write_status(self.client.as_ref(), pass.run, status).await
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

fn note_guards(pass: &mut Pass<'_>, node: NodeId) {
    let guards = pass.tracker.knowledge.guards(node);
    if let Some(record) = pass.tracker.knowledge.record_mut(node) {
        record.when = guards;
    }
    pass.tracker.pass_over(node);
}

fn note_fault(pass: &mut Pass<'_>, node: NodeId, refusal: PlanRefusal) {
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

impl Reconcile for PipelineRuns {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::PipelineRun, Kind::TaskRun, Kind::CustomRun]
    }

    fn observe(&self, event: &Event, keys: &mut Vec<Key>) {
        keys.extend(self.changes.note(&event.object));
        if event.object.kind() == Kind::PipelineRun {
            keys.push(event.object.key());
        }
    }

    async fn reconcile<'a>(&'a self, key: &'a Key) -> Result<Action> {
        Box::pin(self.bring_forward(key)).await
    }
}
