//! Removes claims whose attempts are settled.

use std::time::Duration;

use windlass_api::Kind;
use windlass_executor::job::AttemptId;
use windlass_runtime::client::Error;
use windlass_runtime::client::Event;
use windlass_runtime::client::EventType;
use windlass_runtime::client::Result;

use super::claims;
use super::hub::Hub;

/// How long to wait before a watch that could not be opened is opened again.
const AGAIN: Duration = Duration::from_millis(200);

impl Hub {
    /// Follows task runs, and settles what has ended.
    pub(super) async fn settle(&self) {
        loop {
            if let Err(error) = self.follow().await {
                tracing::warn!(%error, "task runs cannot be followed");
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn follow(&self) -> Result<()> {
        let version = self.client.list(Kind::TaskRun, None).await?.version;
        let mut watch = self.client.watch(&[Kind::TaskRun], None, Some(version)).await?;
        // What ended before the watch began.
        let all: Vec<AttemptId> = self.held().keys().cloned().collect();
        for id in all {
            self.settle_one(&id).await;
        }
        while let Some(event) = watch.next().await {
            for id in self.concerned(&event) {
                self.forget(&id).await;
            }
        }
        Ok(())
    }

    /// Attempts that are settled by a change of a run.
    fn concerned(&self, event: &Event) -> Vec<AttemptId> {
        let Some(run) = claims::run(&event.object) else {
            return Vec::new();
        };
        let is_gone = event.kind == EventType::Deleted;
        if !is_gone && !claims::is_settled(run, 0) {
            return Vec::new();
        }
        let held = self.held();
        let of_run = held.keys().filter(|id| id.task_run_uid == run.metadata.uid);
        let settled = of_run.filter(|id| is_gone || claims::is_settled(run, id.attempt));
        settled.cloned().collect()
    }

    /// Settles an attempt if its run says so, or is gone.
    pub(super) async fn settle_one(&self, id: &AttemptId) {
        let Some(key) = self.held().get(id).map(|entry| entry.key.clone()) else {
            return;
        };
        let is_settled = match self.run_of(id, &key).await {
            Ok(run) => run.is_none_or(|run| claims::is_settled(&run, id.attempt)),
            Err(_) => false,
        };
        if is_settled {
            self.forget(id).await;
        }
    }

    async fn forget(&self, id: &AttemptId) {
        let Some(key) = self.held().get(id).map(|entry| entry.key.clone()) else {
            return;
        };
        match self.client.delete(&key, "").await {
            Ok(()) | Err(Error::NotFound(_)) => {}
            Err(error) => tracing::warn!(%error, "a settled claim stays"),
        }
        self.held().remove(id);
        self.changed();
    }
}
