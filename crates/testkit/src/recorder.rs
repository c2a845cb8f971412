//! Remembers what was handed to the executor.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;

use futures::future::BoxFuture;
use windlass_executor::Backend;
use windlass_executor::Job;
use windlass_executor::Sandbox;
use windlass_executor::fake::Fake;
use windlass_executor::observation::StartFailure;

/// The fake backend, and the jobs it was given: the last of each pod.
#[derive(Default)]
pub(crate) struct Recorder {
    fake: Fake,
    jobs: Mutex<BTreeMap<String, Job>>,
}

impl Recorder {
    pub(crate) fn new(fake: Fake) -> Self {
        Self {
            fake,
            jobs: Mutex::default(),
        }
    }

    pub(crate) fn fake(&self) -> &Fake {
        &self.fake
    }

    /// The jobs of a run, by pod.
    pub(crate) fn jobs(&self, task_run: &str) -> Vec<Job> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.values()
            .filter(|job| job.task_run == task_run)
            .cloned()
            .collect()
    }
}

impl Backend for Recorder {
    fn name(&self) -> &'static str {
        self.fake.name()
    }

    fn prepare<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Result<Box<dyn Sandbox>, StartFailure>> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.insert(job.pod.clone(), job.clone());
        self.fake.prepare(job)
    }
}
