//! Claims in the store: the durable right to run an attempt.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::Resource as _;
use windlass_api::meta::ObjectMeta;
use windlass_api::meta::OwnerReference;
use windlass_api::plane::Claim;
use windlass_api::plane::ClaimSpec;
use windlass_api::tekton::TaskRun;
use windlass_executor::Job;
use windlass_executor::job::AttemptId;
use windlass_executor::observation::AttemptEnd;
use windlass_executor::observation::Observation;
use windlass_executor::observation::Outcome;
use windlass_executor::protocol::Offer;
use windlass_runtime::Client;
use windlass_runtime::client::Error;
use windlass_runtime::client::Result;

use super::hub::Entry;
use super::hub::Hub;
use super::hub::Live;

/// Which memory of its runner a claim is in.
const INSTANCE: &str = "windlass.dev/runner-instance";

/// Reads all claims.
pub(super) async fn read(client: &dyn Client) -> Result<HashMap<AttemptId, Entry>> {
    let objects = client.list(Kind::Claim, None).await?.objects;
    Ok(objects
        .iter()
        .filter_map(|object| entry(object.get::<Claim>()?))
        .collect())
}

fn entry(claim: &Claim) -> Option<(AttemptId, Entry)> {
    let id = AttemptId {
        task_run_uid: claim.spec.task_run_uid.clone(),
        attempt: claim.spec.attempt.try_into().ok()?,
    };
    let entry = Entry {
        key: claim.key(),
        fence: claim.metadata.resource_version.parse().ok()?,
        runner: claim.spec.runner.clone(),
        instance: claim
            .metadata
            .annotations
            .get(INSTANCE)
            .cloned()
            .unwrap_or_default(),
        live: None,
    };
    Some((id, entry))
}

impl Hub {
    /// Gives the attempt that waits longest to a runner, once that is written down.
    pub(super) async fn hand_out(&self, runner: String, instance: String) -> Option<Offer> {
        let held = self.queue.try_claim(true)?;
        let lease = held.lease.clone();
        let id = lease.job.id.clone();
        let claim = self.claim(&lease.job, runner, instance);
        let (id, mut entry) = match self.store(claim).await {
            Ok(Some(entry)) => entry,
            Ok(None) => {
                let why = "somebody else has a claim on it".to_owned();
                let outcome = Outcome {
                    end: AttemptEnd::Lost(why),
                    sidecars: Vec::new(),
                    at: SystemTime::now(),
                };
                let _ = self
                    .queue
                    .report(&id, lease.fence, Observation::Finished(outcome));
                return None;
            }
            Err(error) => {
                tracing::warn!(%error, attempt = ?id, "an attempt cannot be claimed");
                // It is offered again, as nothing of it ran.
                let _ = self
                    .queue
                    .give_back(&id, lease.fence, "its claim cannot be stored");
                return None;
            }
        };
        let fence = entry.fence;
        let is_held = self.queue.hand_out(&id, lease.fence).is_ok();
        entry.live = Some(Live {
            claim: held,
            taken: 0,
            ended: !is_held,
        });
        self.held().insert(id.clone(), entry);
        // Its run may have gone while the claim was being written.
        self.settle_one(&id).await;
        let is_wanted = is_held && self.held().contains_key(&id);
        is_wanted.then(|| Offer {
            job: Job::clone(&lease.job),
            fence,
        })
    }

    /// Writes a claim; `None` when somebody else has one on the attempt. One of the same runner is as good: it was written, and
    /// the answer was lost.
    async fn store(&self, claim: Claim) -> Result<Option<(AttemptId, Entry)>> {
        let key = claim.key();
        let (runner, instance) = (
            claim.spec.runner.clone(),
            claim.metadata.annotations.get(INSTANCE).cloned(),
        );
        let object = match self.client.create(Arc::new(claim).into_object()).await {
            Err(Error::AlreadyExists(_)) => self.client.get(&key).await?,
            other => Some(other?),
        };
        let found = object.as_ref().and_then(Object::get::<Claim>);
        let found = found.and_then(|claim| entry(claim));
        Ok(found.filter(|(_, entry)| entry.runner == runner && Some(&entry.instance) == instance.as_ref()))
    }

    fn claim(&self, job: &Job, runner: String, instance: String) -> Claim {
        let owner = OwnerReference {
            api_version: TaskRun::KIND.api_version().to_owned(),
            kind: "TaskRun".to_owned(),
            name: job.task_run.clone(),
            uid: job.id.task_run_uid.clone(),
            ..OwnerReference::default()
        };
        Claim {
            metadata: ObjectMeta {
                namespace: job.namespace.clone(),
                name: format!("{}-{}", job.id.task_run_uid, job.id.attempt),
                annotations: [(INSTANCE.to_owned(), instance)].into(),
                owner_references: vec![owner],
                ..ObjectMeta::default()
            },
            spec: ClaimSpec {
                task_run: job.task_run.clone(),
                task_run_uid: job.id.task_run_uid.clone(),
                attempt: job.id.attempt.try_into().unwrap_or(i32::MAX),
                runner,
                claimed_at: Some(self.clock.now()),
            },
        }
    }

    /// The run that an attempt belongs to, as it is now; `None` when there is none of that identity.
    pub(super) async fn run_of(&self, id: &AttemptId, claim: &Key) -> Result<Option<Arc<TaskRun>>> {
        let Some(object) = self.client.get(claim).await? else {
            return Ok(None);
        };
        let name = object.get::<Claim>().map(|claim| claim.spec.task_run.clone());
        let run = self
            .client
            .find::<TaskRun>(&claim.namespace, &name.unwrap_or_default())
            .await?;
        Ok(run.filter(|run| run.metadata.uid == id.task_run_uid))
    }
}

/// Whether an object is a run in whose status the end of an attempt is.
pub(super) fn is_settled(run: &TaskRun, attempt: u32) -> bool {
    windlass_api::conditions::is_done(&run.status.conditions)
        || run.status.retries_status.len() > usize::try_from(attempt).unwrap_or(usize::MAX)
}

/// The run in an object.
pub(super) fn run(object: &Object) -> Option<&Arc<TaskRun>> {
    object.get::<TaskRun>()
}
