//! From a run whose time has come to a published job.

use std::sync::Arc;

use windlass_api::Duration;
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
use windlass_executor::job::AttemptId;
use windlass_runtime::client::Result;
use windlass_runtime::controller::Action;

use super::apply;
use super::job;
use super::needs::Needs;
use super::observe;
use super::outcome;
use super::outcome::Failure;
use super::prepare;
use super::prepare::Prepared;
use super::reconcile::Attempt;
use super::reconcile::TaskRuns;
use super::status::Reports;
use crate::claims;
use crate::definitions::Definition;
use crate::metadata::RELEASE;
use crate::metadata::add_missing;
use crate::metadata::owner;
use crate::provenance;

impl TaskRuns {
    pub(super) async fn launch(
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
                apply::name_pod(&mut status, &job);
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
        } = match self.prepare(run, status).await? {
            Ok(prepared) => prepared,
            Err(failure) => return Ok(Err(failure)),
        };
        status.task_spec = Some(Arc::clone(&spec));
        apply::note_step_sources(status, step_sources);
        let executed = prepare::merged(&spec, run);
        if let Some(failure) = prepare::refuse_pod(run, &executed) {
            return Ok(Err(failure));
        }
        let mut needs = Needs::of(&executed, &template.env, &template.volumes, &workspaces);
        let pulled = template.image_pull_secrets.iter();
        needs
            .secrets
            .extend(pulled.map(|reference| reference.name.clone()));
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
        self.hand_on(run, &definition).await?;
        let source = definition.ref_source.clone();
        let noted = status.provenance.as_ref();
        status.provenance = Some(provenance::provenance(noted, source, &self.flags));
        let prepared = prepare::complete(&self.definitions, run, &bindings, &definition).await?;
        if prepared.is_err() && status.task_spec.is_none() {
            // It shows what was to be run.
            status.task_spec = Some(Arc::new(definition.spec));
        }
        Ok(prepared)
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
    async fn hand_on(&self, run: &TaskRun, definition: &Definition<TaskSpec>) -> Result<()> {
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
}

/// Name of an attempt's pod, as upstream makes it.
fn pod_name(run: &str, attempt: u32) -> String {
    match attempt {
        0 => names::child_name(run, "-pod"),
        retry => names::child_name(run, &format!("-pod-retry{retry}")),
    }
}
