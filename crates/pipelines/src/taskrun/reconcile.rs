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
use windlass_api::names;
use windlass_api::reasons::annotations;
use windlass_api::reasons::labels;
use windlass_api::reasons::task_run;
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
use super::job;
use super::needs::Needs;
use super::observe;
use super::outcome;
use super::outcome::Failure;
use super::prepare;
use super::prepare::Prepared;
use super::status::Reports;
use crate::claims;
use crate::config::Config;
use crate::definitions::Definitions;
use crate::metadata::RELEASE;
use crate::metadata::add_missing;
use crate::metadata::owner;
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
    client: Arc<dyn Client>,
    clock: Arc<dyn Clock>,
    config: Arc<Config>,
    definitions: Arc<Definitions>,
    jobs: Arc<dyn Jobs>,
    flags: Arc<Value>,
    /// The current attempt of each run, by the identity of the run.
    attempts: Mutex<HashMap<String, Attempt>>,
}

/// What this process knows of a published attempt.
#[derive(Clone)]
struct Attempt {
    key: Key,
    job: Arc<Job>,
    spec: Arc<TaskSpec>,
    reports: Arc<Reports>,
    stop: Option<Stop>,
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

    fn attempts(&self) -> MutexGuard<'_, HashMap<String, Attempt>> {
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

    async fn launch(
        &self,
        run: &Arc<TaskRun>,
        id: AttemptId,
        timeout: Duration,
        now: Time,
    ) -> Result<Action> {
        let mut status = run.status.clone();
        if windlass_api::conditions::get(&status.conditions, "Succeeded")
            .is_some_and(|condition| condition.reason == "TaskRunPending")
        {
            status.conditions.clear();
        }
        apply::start(&mut status, now);
        match self.make_job(run, &mut status, id, timeout).await? {
            Ok((job, spec)) => {
                status.pod_name.clone_from(&job.pod);
                self.publish(run, job, spec, &mut status, now);
            }
            Err(failure) => apply::conclude(run, &mut status, Some(failure), now),
        }
        self.write(run, status).await?;
        Ok(Action::AwaitChange)
    }

    fn publish(&self, run: &TaskRun, job: Job, spec: Arc<TaskSpec>, status: &mut TaskRunStatus, now: Time) {
        let reports = Reports::default();
        apply::follow(status, &job, &reports, now);
        let attempt = Attempt {
            key: run.key(),
            job: Arc::new(job.clone()),
            spec,
            reports: Arc::new(reports),
            stop: None,
        };
        self.attempts().insert(job.id.task_run_uid.clone(), attempt);
        self.jobs.publish(job);
    }

    async fn make_job(
        &self,
        run: &TaskRun,
        status: &mut TaskRunStatus,
        id: AttemptId,
        timeout: Duration,
    ) -> Result<std::result::Result<(Job, Arc<TaskSpec>), Failure>> {
        let Prepared {
            spec,
            workspaces,
            template,
            step_sources,
            definition,
        } = match self.prepare(run, status).await? {
            Ok(prepared) => prepared,
            Err(failure) => return Ok(Err(failure)),
        };
        status.task_spec = Some(Arc::clone(&spec));
        let source = definition.ref_source.clone();
        status.provenance = Some(provenance::provenance(
            status.provenance.as_ref(),
            source,
            &self.flags,
        ));
        apply::note_step_sources(status, step_sources);
        self.hand_on(run, &definition).await?;
        let executed = prepare::merged(&spec, run);
        if let Some(failure) = prepare::refuse_pod(run, &executed) {
            return Ok(Err(failure));
        }
        let needs = Needs::of(&executed, &template.env, &template.volumes, &workspaces);
        let namespace = &run.metadata.namespace;
        let account = run.spec.service_account_name.as_str();
        let found = observe::find(self.client.as_ref(), &self.config, namespace, account, needs).await?;
        let pod = pod_name(&run.metadata.name, id.attempt);
        let job = job::build(job::Ingredients {
            run,
            spec: &executed,
            workspaces: &workspaces,
            template: &template,
            found: &found,
            pod: &pod,
            attempt: id.attempt,
            timeout: (!timeout.is_zero()).then(|| timeout.to_std()),
            max_result_bytes: self.config.max_result_bytes,
            allow_host_path: self.config.allow_host_path,
        });
        Ok(match job {
            Ok(job) => Ok((job, spec)),
            Err(error) => Err(Failure::new(
                "CreateContainerConfigError",
                format!("Failed to create pod due to config error: {error}"),
            )),
        })
    }

    /// Finds all that the task is made of, and puts it together.
    async fn prepare(
        &self,
        run: &TaskRun,
        status: &mut TaskRunStatus,
    ) -> Result<std::result::Result<Prepared, Failure>> {
        let owner = owner(run);
        let written = run.spec.workspaces.clone();
        let (claims, bindings) = claims::from_templates(written, &owner, &run.metadata.namespace);
        if let Err(refused) = claims::create(self.client.as_ref(), claims).await? {
            return Ok(Err(outcome::without_claim(run, &refused)));
        }
        let of_run = format!(
            "TaskRun {}/{} awaiting remote",
            run.metadata.namespace, run.metadata.name
        );
        if prepare::awaits_task(run) {
            let message = format!("{of_run} resource");
            self.announce(run, status, task_run::RESOLVING_TASK_REF, &message)
                .await?;
        }
        let definition = match prepare::find(&self.definitions, run).await? {
            Ok(definition) => definition,
            Err(failure) => return Ok(Err(failure)),
        };
        if prepare::awaits_actions(&definition.spec) {
            let message = format!("{of_run} StepAction");
            self.announce(run, status, task_run::RESOLVING_STEP_ACTION_REF, &message)
                .await?;
        }
        prepare::complete(&self.definitions, run, &bindings, definition).await
    }

    /// Shows what the run waits for, as that may take long.
    async fn announce(
        &self,
        run: &TaskRun,
        status: &mut TaskRunStatus,
        reason: &str,
        message: &str,
    ) -> Result<()> {
        let now = self.clock.now();
        windlass_api::conditions::set(
            &mut status.conditions,
            "Succeeded",
            "Unknown",
            reason,
            message,
            now,
        );
        self.write(run, status.clone()).await
    }

    /// Hands labels and annotations of the task on to the run, and notes the release.
    async fn hand_on(&self, run: &TaskRun, definition: &crate::definitions::Definition<()>) -> Result<()> {
        let mut labels = definition.labels.clone();
        if run.spec.task_spec.is_none() {
            labels.insert(labels::TASK.to_owned(), definition.name.clone());
        }
        let change = |run: &mut TaskRun| {
            let labels = add_missing(&mut run.metadata.labels, &labels);
            let annotations = &mut run.metadata.annotations;
            let noted = annotations.insert(annotations::RELEASE.to_owned(), RELEASE.to_owned());
            add_missing(annotations, &definition.annotations) || labels || noted.as_deref() != Some(RELEASE)
        };
        if !change(&mut run.clone()) {
            return Ok(());
        }
        let changed = |run: &mut TaskRun| {
            change(run);
        };
        self.client.modify::<TaskRun>(&run.key(), changed).await.map(drop)
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

    async fn write(&self, run: &TaskRun, status: TaskRunStatus) -> Result<()> {
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

/// Name of an attempt's pod, as upstream makes it.
fn pod_name(run: &str, attempt: u32) -> String {
    match attempt {
        0 => names::child_name(run, "-pod"),
        retry => names::child_name(run, &format!("-pod-retry{retry}")),
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
