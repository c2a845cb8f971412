//! The ordered steps by which a `TaskRun` goes forward.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use serde_json::Value;
use windlass_api::Duration;
use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Resource as _;
use windlass_api::Time;
use windlass_api::tekton::TaskRun;
use windlass_api::tekton::TaskSpec;
use windlass_api::tekton::taskrun::TaskRunStatus;
use windlass_executor::Job;
use windlass_executor::Observation;
use windlass_executor::job::AttemptId;
use windlass_executor::queue::Jobs;
use windlass_executor::runner::Cancel;
use windlass_runtime::Client;
use windlass_runtime::Clock;
use windlass_runtime::client;
use windlass_runtime::client::Event;
use windlass_runtime::client::Result;
use windlass_runtime::controller::Action;
use windlass_runtime::controller::Reconcile;

use super::apply;
use super::decide;
use super::decide::Next;
use super::decide::Stop;
use super::outcome;
use super::status::Reports;
use crate::config::Config;
use crate::definitions::Definitions;
use crate::provenance;

/// Reconciles `TaskRun`s.
///
/// # Expected flow
/// A new run gets its start time; its task is resolved, validated and substituted, and kept in `status.taskSpec`; a
/// [`Job`] is published; the runner's reports are folded into the status as they come; the last one concludes the
/// attempt, which ends the run or starts the next attempt.
///
/// # Guarantees
/// - Publishing is idempotent by run and attempt, so a reconcile that is repeated starts nothing twice.
/// - A run that has ended is never written again.
pub(crate) struct TaskRuns {
    pub(super) client: Arc<dyn Client>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) config: Arc<Config>,
    pub(super) definitions: Arc<Definitions>,
    pub(super) jobs: Arc<dyn Jobs>,
    pub(super) flags: Arc<Value>,
    /// The current attempt of each run, by the identity of the run.
    attempts: Mutex<HashMap<String, Attempt>>,
}

/// What this process knows of a published attempt.
#[derive(Clone)]
pub(super) struct Attempt {
    pub(super) key: Key,
    pub(super) job: Arc<Job>,
    pub(super) spec: Arc<TaskSpec>,
    pub(super) reports: Arc<Reports>,
    pub(super) stop: Option<Stop>,
}

impl TaskRuns {
    /// Makes the reconciler.
    pub(crate) fn new(
        client: Arc<dyn Client>,
        clock: Arc<dyn Clock>,
        config: Arc<Config>,
        definitions: Arc<Definitions>,
        jobs: Arc<dyn Jobs>,
    ) -> Self {
        Self {
            client,
            clock,
            flags: provenance::feature_flags(&config),
            config,
            definitions,
            jobs,
            attempts: Mutex::default(),
        }
    }

    pub(super) fn attempts(&self) -> MutexGuard<'_, HashMap<String, Attempt>> {
        // Every change is one assignment, so a poisoned lock is still good.
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a runner's report; returns the run that it concerns when there is something to do about it now.
    pub(crate) fn report(&self, id: &AttemptId, observation: Observation) -> Option<Key> {
        let mut attempts = self.attempts();
        let attempt = attempts
            .get_mut(&id.task_run_uid)
            .filter(|attempt| attempt.job.id == *id)?;
        let matters = decide::matters(&attempt.job, &observation);
        Arc::make_mut(&mut attempt.reports).add(observation);
        matters.then(|| attempt.key.clone())
    }

    async fn bring_forward(&self, key: &Key) -> Result<Action> {
        let Some(run) = self.client.find::<TaskRun>(&key.namespace, &key.name).await? else {
            self.lose(key);
            return Ok(Action::AwaitChange);
        };
        let id = AttemptId {
            task_run_uid: run.metadata.uid.clone(),
            attempt: u32::try_from(run.status.retries_status.len()).unwrap_or(u32::MAX),
        };
        let attempt = self
            .attempts()
            .get(&run.metadata.uid)
            .filter(|attempt| attempt.job.id == id)
            .cloned();
        let known = match &attempt {
            None => decide::Attempt::Unknown,
            Some(attempt) if attempt.reports.outcome().is_some() => decide::Attempt::Ended,
            Some(attempt) if attempt.reports.is_running() => decide::Attempt::Running,
            Some(_) => decide::Attempt::Queued,
        };
        let timeout = run.spec.timeout.unwrap_or(self.config.default_timeout);
        let now = self.clock.now();
        match (decide::next(&run, known, timeout, now), attempt) {
            (Next::Forget, _) => {
                self.attempts().remove(&run.metadata.uid);
                Ok(Action::AwaitChange)
            }
            (Next::Hold, _) => self.hold(&run, now).await,
            (Next::Abandon(stop), _) => self.abandon(&run, stop, timeout, now).await,
            (Next::Launch, _) => self.launch(&run, id, timeout, now).await,
            (Next::Follow(stop), Some(attempt)) => self.follow(&run, &id, &attempt, stop, timeout, now).await,
            (Next::Conclude, Some(attempt)) => self.conclude(&run, &attempt, timeout, now).await,
            // The latter two only follow from a known attempt.
            (Next::Leave, _) | (Next::Follow(_) | Next::Conclude, None) => Ok(Action::AwaitChange),
        }
    }

    /// Stops what belongs to a run that is gone.
    fn lose(&self, key: &Key) {
        self.attempts().retain(|_, attempt| {
            let lost = attempt.key == *key;
            if lost {
                self.jobs.cancel(&attempt.job.id, Cancel::Kill);
            }
            !lost
        });
    }

    async fn hold(&self, run: &TaskRun, now: Time) -> Result<Action> {
        let mut status = run.status.clone();
        let message = format!("TaskRun {:?} is pending", run.metadata.name);
        let conditions = &mut status.conditions;
        windlass_api::conditions::set(
            conditions,
            "Succeeded",
            "Unknown",
            "TaskRunPending",
            &message,
            now,
        );
        self.write(run, status).await?;
        Ok(Action::AwaitChange)
    }

    async fn abandon(&self, run: &TaskRun, stop: Stop, timeout: Duration, now: Time) -> Result<Action> {
        let mut status = run.status.clone();
        apply::start(&mut status, now);
        let failure = outcome::stopped(run, stop, timeout);
        apply::conclude(run, &mut status, Some(failure), now);
        self.write(run, status).await?;
        Ok(Action::AwaitChange)
    }

    async fn follow(
        &self,
        run: &TaskRun,
        id: &AttemptId,
        attempt: &Attempt,
        stop: Option<Stop>,
        timeout: Duration,
        now: Time,
    ) -> Result<Action> {
        if let Some(stop) = stop
            && attempt.stop != Some(stop)
        {
            if let Some(attempt) = self.attempts().get_mut(&id.task_run_uid) {
                attempt.stop = Some(stop);
            }
            self.jobs.cancel(id, Cancel::Graceful);
        }
        let mut status = run.status.clone();
        apply::follow(&mut status, &attempt.job, &attempt.reports, now);
        self.write(run, status).await?;
        match run.status.start_time {
            Some(start) if !timeout.is_zero() && !attempt.reports.is_running() => {
                Ok(Action::RequeueAt(start.plus(timeout)))
            }
            _ => Ok(Action::AwaitChange),
        }
    }

    async fn conclude(
        &self,
        run: &TaskRun,
        attempt: &Attempt,
        timeout: Duration,
        now: Time,
    ) -> Result<Action> {
        let mut status = run.status.clone();
        apply::follow(&mut status, &attempt.job, &attempt.reports, now);
        let ended = attempt
            .reports
            .outcome()
            .and_then(|outcome| outcome::failure(run, timeout, &attempt.job, &attempt.reports, outcome));
        let mismatch = apply::results(&mut status, &attempt.spec, &attempt.job, &attempt.reports);
        let failure = match attempt.stop {
            Some(Stop::TimedOut) => Some(outcome::stopped(run, Stop::TimedOut, timeout)),
            Some(Stop::Cancelled) | None => ended.or(mismatch),
        };
        apply::conclude(run, &mut status, failure, now);
        self.write(run, status).await?;
        Ok(Action::AwaitChange)
    }

    pub(super) async fn write(&self, run: &TaskRun, status: TaskRunStatus) -> Result<()> {
        if status == run.status {
            return Ok(());
        }
        // Only this reconciler writes the status, so the newest object's other parts do not matter to it.
        let mut next = TaskRun {
            metadata: run.metadata.clone(),
            spec: Arc::clone(&run.spec),
            status,
        };
        next.metadata.resource_version.clear();
        match self.client.update_status(Arc::new(next).into_object()).await {
            Ok(_) | Err(client::Error::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Reconcile for TaskRuns {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::TaskRun]
    }

    fn observe(&self, event: &Event, keys: &mut Vec<Key>) {
        keys.push(event.object.key());
    }

    async fn reconcile<'a>(&'a self, key: &'a Key) -> Result<Action> {
        Box::pin(self.bring_forward(key)).await
    }
}
