//! One attempt from its first process to its last.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;

use crate::backend::Backend;
use crate::backend::Sandbox;
use crate::job::Job;
use crate::job::Step;
use crate::mask::Masks;
use crate::observation::AttemptEnd;
use crate::observation::Observation;
use crate::observation::Outcome;
use crate::observation::SidecarReport;
use crate::observation::StartFailure;
use crate::observation::StepEnd;
use crate::observation::StepReport;
use crate::output::LogSink;
use crate::runner::config::RunnerConfig;
use crate::runner::control::Control;
use crate::runner::control::Stops;
use crate::runner::control::Why;
use crate::runner::sidecars::Sidecars;

/// Decides whether a step runs, and fills in what only earlier steps can tell (`$(steps.x.results.y)`, `when`).
///
/// Pure. `reports` holds the reports of the steps before `step`, in order.
///
/// # Errors
/// One sentence that ends up in the step's log; the step then fails with exit code 1, whatever its `onError` says.
pub type ExpandStep = fn(job: &Job, step: usize, reports: &[StepReport]) -> Result<Expanded, String>;

/// What [`ExpandStep`] made of a step.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one value at a time, taken apart at once"
)]
pub enum Expanded {
    /// Run it as the job has it. Costs nothing, so prefer it where nothing had to be filled in.
    AsWritten,
    /// Run this instead.
    Run(Step),
    /// Its `when` is false.
    Skip,
}

/// Runs jobs over one backend. Clones share the capacity.
#[derive(Clone)]
pub struct Runner(Arc<Plane>);

/// What all attempts of a runner share.
pub(super) struct Plane {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) expand: ExpandStep,
    pub(super) logs: Arc<dyn LogSink>,
    pub(super) config: RunnerConfig,
    slots: Arc<Semaphore>,
}

/// The right to run one attempt now.
#[derive(Debug)]
pub struct Slot(
    #[expect(dead_code, reason = "held for the effect of its drop")] Option<OwnedSemaphorePermit>,
);

impl Runner {
    /// Makes a runner.
    pub fn new(
        backend: Arc<dyn Backend>,
        expand: ExpandStep,
        logs: Arc<dyn LogSink>,
        config: RunnerConfig,
    ) -> Self {
        let slots = Arc::new(Semaphore::new(config.capacity.clamp(1, Semaphore::MAX_PERMITS)));
        Self(Arc::new(Plane {
            backend,
            expand,
            logs,
            config,
            slots,
        }))
    }

    /// Waits for a free place; places are given in the order in which they were asked for. Cancel-safe.
    pub async fn slot(&self) -> Slot {
        // Nobody closes the semaphore, so there always is a permit.
        Slot(Arc::clone(&self.0.slots).acquire_owned().await.ok())
    }

    /// Runs an attempt to its end and reports every turn, the last being [`Observation::Finished`]. The end is reported when
    /// its last process is gone; the sandbox is removed after that, while others already run.
    ///
    /// Dropping the future kills the attempt without a further report.
    pub async fn run(
        &self,
        slot: Slot,
        job: &Job,
        control: &Control,
        observe: &mut (dyn FnMut(Observation) + Send),
    ) {
        observe(Observation::Preparing);
        let mut attempt = Attempt {
            plane: &self.0,
            job,
            masks: Masks::new(&job.masks),
            stops: Stops::new(control, job.timeout),
            reports: Vec::with_capacity(job.steps.len()),
            observe,
        };
        let (end, sidecars, sandbox) = attempt.drive().await;
        drop(slot);
        observe(Observation::Finished(Outcome {
            end,
            sidecars,
            at: SystemTime::now(),
        }));
        if let Some(sandbox) = sandbox {
            remove(sandbox, job).await;
        }
    }
}

/// The state of an attempt.
pub(super) struct Attempt<'a> {
    pub(super) plane: &'a Plane,
    pub(super) job: &'a Job,
    pub(super) masks: Masks,
    pub(super) stops: Stops,
    pub(super) reports: Vec<StepReport>,
    pub(super) observe: &'a mut (dyn FnMut(Observation) + Send),
}

/// Why no further step runs.
#[derive(Debug)]
pub(super) enum Halt {
    Failed,
    Cancelled,
    TimedOut,
    TooLarge { step: String, bytes: usize },
    CouldNotStart(StartFailure),
    Lost(String),
}

impl Attempt<'_> {
    /// Runs sidecars and steps; what is left then is a sandbox without processes, if there ever was one.
    async fn drive(&mut self) -> (AttemptEnd, Vec<SidecarReport>, Option<Box<dyn Sandbox>>) {
        let prepared = tokio::select! {
            biased;
            stop = self.stops.next() => Err(Halt::from(stop.why)),
            prepared = self.plane.backend.prepare(self.job) => prepared.map_err(Halt::CouldNotStart),
        };
        let mut sandbox = match prepared {
            Ok(sandbox) => sandbox,
            Err(halt) => {
                self.skip_rest(&halt);
                return (self.end(Some(halt), &[]), Vec::new(), None);
            }
        };
        let mut sidecars = Sidecars::default();
        let mut halt = self.start_sidecars(&mut sidecars, sandbox.as_mut()).await.err();
        if halt.is_none() {
            halt = self.run_steps(sandbox.as_mut()).await.err();
        }
        if let Some(halt) = &halt {
            self.skip_rest(halt);
        }
        let reports = if self.job.sidecars.is_empty() {
            Vec::new()
        } else {
            sidecars.stop(&mut self.stops).await
        };
        if matches!(halt, Some(Halt::Lost(_))) {
            // Whether its processes still run is known only when the sandbox is gone.
            remove(sandbox, self.job).await;
            return (self.end(halt, &reports), reports, None);
        }
        (self.end(halt, &reports), reports, Some(sandbox))
    }

    async fn start_sidecars(
        &mut self,
        sidecars: &mut Sidecars,
        sandbox: &mut dyn Sandbox,
    ) -> Result<(), Halt> {
        if self.job.sidecars.is_empty() {
            return Ok(());
        }
        let ready = async {
            sidecars
                .start(self.plane, sandbox, self.job, &self.masks, self.observe)
                .await?;
            sidecars.ready(sandbox, self.job).await;
            Ok(())
        };
        tokio::select! {
            biased;
            stop = self.stops.next() => Err(Halt::from(stop.why)),
            ready = ready => ready.map_err(Halt::CouldNotStart),
        }
    }

    async fn run_steps(&mut self, sandbox: &mut dyn Sandbox) -> Result<(), Halt> {
        let job = self.job;
        for (index, step) in job.steps.iter().enumerate() {
            self.step(sandbox, index, step).await?;
        }
        Ok(())
    }

    /// Reports the steps that will not run.
    fn skip_rest(&mut self, halt: &Halt) {
        let end = match halt {
            Halt::Failed | Halt::TooLarge { .. } => StepEnd::Skipped,
            Halt::Cancelled => StepEnd::Cancelled,
            Halt::TimedOut => StepEnd::AttemptTimedOut,
            Halt::CouldNotStart(_) | Halt::Lost(_) => return,
        };
        for index in self.reports.len()..self.job.steps.len() {
            self.report(unrun(index, end));
        }
    }

    pub(super) fn report(&mut self, report: StepReport) {
        (self.observe)(Observation::StepFinished(report.clone()));
        self.reports.push(report);
    }

    fn end(&self, halt: Option<Halt>, sidecars: &[SidecarReport]) -> AttemptEnd {
        let hide = |message: &str| self.masks.cover(message).into_owned();
        match halt {
            None if sidecars.iter().any(failed) => AttemptEnd::Failed,
            None => AttemptEnd::Succeeded,
            Some(Halt::Failed) => AttemptEnd::Failed,
            Some(Halt::Cancelled) => AttemptEnd::Cancelled,
            Some(Halt::TimedOut) => AttemptEnd::TimedOut,
            Some(Halt::TooLarge { step, bytes }) => AttemptEnd::ResultTooLarge { step, bytes },
            Some(Halt::CouldNotStart(StartFailure { kind, message })) => {
                AttemptEnd::CouldNotStart(StartFailure {
                    kind,
                    message: hide(&message),
                })
            }
            Some(Halt::Lost(why)) => AttemptEnd::Lost(hide(&why)),
        }
    }
}

async fn remove(mut sandbox: Box<dyn Sandbox>, job: &Job) {
    if let Err(error) = sandbox.destroy().await {
        tracing::warn!(%error, pod = job.pod, "could not remove a sandbox");
    }
}

impl From<Why> for Halt {
    fn from(why: Why) -> Self {
        match why {
            Why::Cancelled => Self::Cancelled,
            Why::AttemptTimedOut => Self::TimedOut,
            Why::StepTimedOut => Self::Failed,
        }
    }
}

/// The report of a step that never ran.
pub(super) fn unrun(step: usize, end: StepEnd) -> StepReport {
    let now = SystemTime::now();
    StepReport {
        step,
        started_at: now,
        finished_at: now,
        end,
        results: std::collections::BTreeMap::new(),
        task_results: std::collections::BTreeMap::new(),
        artifacts: None,
        task_artifacts: None,
        image_id: String::new(),
    }
}

fn failed(sidecar: &SidecarReport) -> bool {
    sidecar.out_of_memory || sidecar.exit_code.is_some_and(|code| code != 0)
}
