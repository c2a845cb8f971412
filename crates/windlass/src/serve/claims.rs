//! Which attempts were begun: each once, also across restarts.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Resource as _;
use windlass_api::meta::ObjectMeta;
use windlass_api::meta::OwnerReference;
use windlass_api::plane::Claim;
use windlass_api::plane::ClaimSpec;
use windlass_api::tekton::TaskRun;
use windlass_executor::Job;
use windlass_executor::job::AttemptId;
use windlass_executor::queue::Gate;
use windlass_runtime::Clock;
use windlass_store::Error;
use windlass_store::EventType;
use windlass_store::Store;
use windlass_store::Write;

/// Lets each attempt through once: it is noted on disk before anything of it runs.
pub(super) struct Claims {
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
}

impl Gate for Claims {
    fn enter<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let claim = self.claim(job);
            match self
                .store
                .commit(vec![Write::Create(Arc::new(claim).into_object())])
                .await
            {
                Ok(_) => Ok(()),
                Err(Error::AlreadyExists(_)) => {
                    Err("the server was stopped while it ran, and what it had done is not known".to_owned())
                }
                Err(error) => Err(format!("it could not be noted that it runs: {error}")),
            }
        })
    }
}

impl Claims {
    fn claim(&self, job: &Job) -> Claim {
        Claim {
            metadata: ObjectMeta {
                name: name(&job.id),
                namespace: job.namespace.clone(),
                owner_references: vec![OwnerReference {
                    api_version: Kind::TaskRun.api_version().to_owned(),
                    kind: Kind::TaskRun.as_str().to_owned(),
                    name: job.task_run.clone(),
                    uid: job.id.task_run_uid.clone(),
                    ..OwnerReference::default()
                }],
                ..ObjectMeta::default()
            },
            spec: ClaimSpec {
                task_run: job.task_run.clone(),
                task_run_uid: job.id.task_run_uid.clone(),
                attempt: i32::try_from(job.id.attempt).unwrap_or(i32::MAX),
                runner: "built-in".to_owned(),
                claimed_at: Some(self.clock.now()),
            },
        }
    }
}

fn name(id: &AttemptId) -> String {
    format!("{}-{}", id.task_run_uid, id.attempt)
}

/// Removes the claims of attempts whose end is known, for as long as it is polled.
pub(super) async fn settle(store: Store) {
    loop {
        let Ok(mut watch) = store.watch(&[Kind::TaskRun], None, None) else {
            return;
        };
        while let Some(event) = watch.next().await {
            let Some(run) = event.object.get::<TaskRun>() else {
                continue;
            };
            if event.kind == EventType::Deleted {
                continue;
            }
            let archived = u32::try_from(run.status.retries_status.len()).unwrap_or(u32::MAX);
            let ended = if run.status.completion_time.is_some() {
                archived + 1
            } else {
                archived
            };
            // Those before the last were removed when they ended.
            let Some(attempt) = ended.checked_sub(1) else {
                continue;
            };
            let id = AttemptId {
                task_run_uid: run.metadata.uid.clone(),
                attempt,
            };
            let key = Key::new(Kind::Claim, run.metadata.namespace.as_str(), name(&id));
            if store.get(&key).is_some() {
                let uid = String::new();
                let gone = store.commit(vec![Write::Delete { key, uid }]).await;
                if let Err(error) = gone
                    && !matches!(error, Error::NotFound(_))
                {
                    tracing::warn!(%error, "a claim was not removed");
                }
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
