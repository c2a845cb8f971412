//! The built-in runner: one claimer among others, in the same process.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::queue::shared::Claim;
use crate::queue::shared::Queue;
use crate::runner::Cancel;
use crate::runner::Runner;

/// Claims attempts whenever the runner has a place, and runs them, for as long as it is polled. Dropping the future kills
/// what runs.
///
/// A place is taken before a claim, so whatever cannot run now stays in the queue for others.
pub async fn serve(queue: Arc<Queue>, runner: Runner) {
    let mut attempts = JoinSet::new();
    loop {
        let next = async {
            let slot = runner.slot().await;
            (slot, queue.claim().await)
        };
        tokio::pin!(next);
        let (slot, claim) = loop {
            tokio::select! {
                biased;
                next = &mut next => break next,
                Some(ended) = attempts.join_next(), if !attempts.is_empty() => log_panic(ended),
            }
        };
        let (queue, runner) = (Arc::clone(&queue), runner.clone());
        attempts.spawn(async move { run(&queue, &runner, slot, claim).await });
    }
}

async fn run(queue: &Queue, runner: &Runner, slot: crate::runner::Slot, claim: Claim) {
    let Claim { lease, control } = claim;
    let id = &lease.job.id;
    let guard = GiveBack { queue, lease: &lease };
    let mut observe = |observation| {
        if let Err(refusal) = queue.report(id, lease.fence, observation) {
            tracing::debug!(%refusal, attempt = ?id, "report refused");
            control.cancel(Cancel::Kill);
        }
    };
    runner.run(slot, &lease.job, &control, &mut observe).await;
    drop(guard);
}

/// Tells the queue when an attempt was dropped or panicked before its end; after a regular end the queue refuses, which is
/// as well.
struct GiveBack<'q> {
    queue: &'q Queue,
    lease: &'q crate::queue::Lease,
}

impl Drop for GiveBack<'_> {
    fn drop(&mut self) {
        let _ = self
            .queue
            .give_back(&self.lease.job.id, self.lease.fence, "its runner stopped");
    }
}

fn log_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "an attempt's task panicked");
    }
}
