//! All controllers of this crate, wired together.

use std::sync::Arc;

use tokio::task::JoinSet;
use windlass_executor::queue::Jobs;
use windlass_executor::queue::Observations;
use windlass_fetch::Fetcher;
use windlass_runtime::Client;
use windlass_runtime::Clock;
use windlass_runtime::controller;
use windlass_runtime::controller::Waker;

use crate::config::Config;
use crate::customrun::CustomRuns;
use crate::definitions::Definitions;
use crate::pipelinerun::PipelineRuns;
use crate::taskrun::TaskRuns;

/// What the controllers stand on.
#[derive(Clone)]
pub struct Foundations {
    /// The plane.
    pub client: Arc<dyn Client>,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// The operator's settings.
    pub config: Arc<Config>,
    /// Fetches remote definitions.
    pub fetcher: Arc<Fetcher>,
    /// Has attempts run.
    pub jobs: Arc<dyn Jobs>,
}

/// Starts all controllers; dropping the set stops them. `observations` is what the runners report.
pub fn start(foundations: &Foundations, observations: Observations) -> JoinSet<()> {
    let Foundations {
        client,
        clock,
        config,
        fetcher,
        jobs,
    } = foundations.clone();
    let definitions = Arc::new(Definitions {
        client: Arc::clone(&client),
        fetcher,
        flags: config.flags.clone(),
    });
    let mut tasks = JoinSet::new();
    let task_runs = Arc::new(TaskRuns::new(
        Arc::clone(&client),
        Arc::clone(&clock),
        Arc::clone(&config),
        Arc::clone(&definitions),
        jobs,
    ));
    let pipeline_runs = Arc::new(PipelineRuns::new(
        Arc::clone(&client),
        Arc::clone(&clock),
        Arc::clone(&config),
        Arc::clone(&definitions),
    ));
    if config.refuse_unknown_custom_tasks {
        let custom_runs = Arc::new(CustomRuns {
            client: Arc::clone(&client),
            clock: Arc::clone(&clock),
        });
        let (_, no_wakes) = Waker::new();
        tasks.spawn(controller::run(
            custom_runs,
            Arc::clone(&client),
            Arc::clone(&clock),
            no_wakes,
        ));
    }
    let (_, no_wakes) = Waker::new();
    tasks.spawn(controller::run(
        pipeline_runs,
        Arc::clone(&client),
        Arc::clone(&clock),
        no_wakes,
    ));
    let (waker, wakes) = Waker::new();
    tasks.spawn(listen(Arc::clone(&task_runs), observations, waker));
    tasks.spawn(controller::run(
        task_runs,
        Arc::clone(&client),
        Arc::clone(&clock),
        wakes,
    ));
    tasks
}

/// Hands reports to the reconciler and wakes it for the run they concern.
async fn listen(task_runs: Arc<TaskRuns>, mut observations: Observations, waker: Waker) {
    while let Some((id, observation)) = observations.recv().await {
        if let Some(key) = task_runs.report(&id, observation) {
            waker.wake(key);
        }
    }
}
