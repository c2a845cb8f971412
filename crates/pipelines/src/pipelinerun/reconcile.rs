//! The ordered steps by which a `PipelineRun` goes forward.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use serde_json::Value;
use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Time;
use windlass_api::reasons::pipeline_run;
use windlass_api::tekton::PipelineRun;
use windlass_api::tekton::pipelinerun::PipelineRunStatus;
use windlass_api::tekton::workspaces::WorkspaceBinding;
use windlass_engine::Phase;
use windlass_engine::plan::Command;
use windlass_engine::plan::Directive;
use windlass_engine::plan::Plan;
use windlass_runtime::Client;
use windlass_runtime::Clock;
use windlass_runtime::client::Event;
use windlass_runtime::client::Result;
use windlass_runtime::controller::Action;
use windlass_runtime::controller::Reconcile;

use super::apply;
use super::changes::Changes;
use super::commands::note_fault;
use super::commands::note_guards;
use super::decide;
use super::decide::Beginning;
use super::status;
use super::status::Uncancelled;
use super::tracker::Tracker;
use super::validate::Refusal;
use crate::config::Config;
use crate::definitions::Definitions;
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
    pub(super) client: Arc<dyn Client>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) config: Arc<Config>,
    pub(super) definitions: Arc<Definitions>,
    pub(super) flags: Arc<Value>,
    changes: Changes,
    trackers: Mutex<HashMap<String, Tracker>>,
}

/// What one reconcile works with.
pub(super) struct Pass<'a> {
    pub(super) run: &'a PipelineRun,
    /// The status so far, when it differs from the run's; copying that of a large run costs, so it is done to write.
    status: Option<PipelineRunStatus>,
    pub(super) tracker: Tracker,
    pub(super) now: Time,
}

impl Pass<'_> {
    fn started(&self) -> Option<Time> {
        self.status.as_ref().unwrap_or(&self.run.status).start_time
    }

    pub(super) fn take_status(&mut self) -> PipelineRunStatus {
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

    pub(super) fn directive(&self, pass: &Pass<'_>) -> Directive {
        decide::directive(
            pass.run,
            self.config.default_timeout,
            pass.started(),
            pass.tracker.finally_started,
        )
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

    pub(super) async fn write(&self, pass: &mut Pass<'_>, status: PipelineRunStatus) -> Result<()> {
        pass.tracker.written = Some(pass.now);
        apply::write_status(self.client.as_ref(), pass.run, status).await
    }
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
