//! One step: gate, process, and what it leaves behind.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::SystemTime;

use crate::backend::Exit;
use crate::backend::Launch;
use crate::backend::Sandbox;
use crate::backend::Tee;
use crate::job::Step;
use crate::observation::Observation;
use crate::observation::StepEnd;
use crate::observation::StepReport;
use crate::output::LogKey;
use crate::output::Output;
use crate::runner::attempt::Attempt;
use crate::runner::attempt::Expanded;
use crate::runner::attempt::Halt;
use crate::runner::attempt::unrun;
use crate::runner::breakpoint::Breakpoint;
use crate::runner::breakpoint::pause;
use crate::runner::control::Release;
use crate::runner::control::Why;
use crate::runner::findings::Findings;
use crate::runner::findings::TooLarge;
use crate::runner::findings::read;
use crate::runner::process::Ended;
use crate::runner::process::attend;

/// A process that has ended.
struct Went {
    started_at: SystemTime,
    finished_at: SystemTime,
    end: StepEnd,
    /// Exit code, whatever the end is called.
    code: i32,
    image_id: String,
}

impl Attempt<'_> {
    /// Runs a step if it is to be run, and reports it.
    ///
    /// # Errors
    /// Why no further step runs.
    pub(super) async fn step(
        &mut self,
        sandbox: &mut dyn Sandbox,
        index: usize,
        written: &Step,
    ) -> Result<(), Halt> {
        let container = format!("step-{}", written.name);
        let (mut output, sink) = Output::open(
            LogKey::new(self.job, &container),
            self.plane.logs.clone(),
            &self.masks,
        );
        if self.job.breakpoints.before_steps.contains(&written.name)
            && self
                .pause(Breakpoint::BeforeStep, sandbox, index, &output)
                .await?
                == Release::Fail
        {
            return self.fail(index);
        }
        let step = match (self.plane.expand)(self.job, index, &self.reports) {
            Ok(Expanded::AsWritten) => Cow::Borrowed(written),
            Ok(Expanded::Run(step)) => Cow::Owned(step),
            Ok(Expanded::Skip) => {
                self.note_exit_code(sandbox, index, &container, 0);
                self.report(unrun(index, StepEnd::WhenFalse));
                return Ok(());
            }
            Err(problem) => {
                output.say(&self.masks.cover(&problem));
                return self.fail(index);
            }
        };
        let tee = Tee {
            stdout: step.stdout_path.as_deref(),
            stderr: step.stderr_path.as_deref(),
        };
        let launch = Launch {
            container: &container,
            process: &step.process,
            tee,
            output: sink,
        };
        let went = self.process(sandbox, index, &step, launch, &mut output).await?;
        self.note_exit_code(sandbox, index, &container, went.code);
        self.conclude(sandbox, index, &step, went, output).await
    }

    async fn process(
        &mut self,
        sandbox: &mut dyn Sandbox,
        step: usize,
        written: &Step,
        launch: Launch<'_>,
        output: &mut Output,
    ) -> Result<Went, Halt> {
        let mut running = tokio::select! {
            biased;
            stop = self.stops.next() => return Err(Halt::from(stop.why)),
            started = sandbox.start(launch) => started.map_err(Halt::CouldNotStart)?,
        };
        let started_at = SystemTime::now();
        (self.observe)(Observation::StepStarted { step, at: started_at });
        self.stops.arm_step(written.timeout);
        let ended = attend(running.as_mut(), output, &mut self.stops, self.plane.config.grace).await;
        self.stops.arm_step(None);
        let Ended { exit, stopped, at } = ended;
        let exit =
            exit.map_err(|error| Halt::Lost(format!("lost sight of step {}: {error}", written.name)))?;
        Ok(Went {
            started_at,
            finished_at: at,
            end: step_end(exit, stopped),
            code: exit.code,
            image_id: running.image_id().to_owned(),
        })
    }

    /// Reads what the step left behind, reports it, and decides whether the attempt goes on.
    async fn conclude(
        &mut self,
        sandbox: &mut dyn Sandbox,
        index: usize,
        step: &Step,
        went: Went,
        output: Output,
    ) -> Result<(), Halt> {
        let mut end = went.end;
        let mut halt = halt_after(end, step);
        let pauses = matches!(halt, Some(Halt::Failed)) && self.job.breakpoints.on_failure;
        if pauses {
            match self.pause(Breakpoint::OnFailure, sandbox, index, &output).await {
                Ok(Release::Continue) => (end, halt) = (StepEnd::Exited(0), None),
                Ok(Release::Fail) => {}
                Err(interrupted) => halt = Some(interrupted),
            }
        }
        drop(output);
        let mut findings = read(sandbox, self.job, step).unwrap_or_else(|TooLarge(bytes)| {
            if end == StepEnd::Exited(0) {
                end = StepEnd::Exited(1);
            }
            halt = Some(Halt::TooLarge {
                step: step.name.clone(),
                bytes,
            });
            Findings::default()
        });
        if halt.is_some() {
            self.hide(&mut findings);
        }
        self.report(StepReport {
            step: index,
            started_at: went.started_at,
            finished_at: went.finished_at,
            end,
            results: findings.results,
            task_results: findings.task_results,
            artifacts: findings.artifacts,
            task_artifacts: findings.task_artifacts,
            image_id: went.image_id,
        });
        halt.map_or(Ok(()), Err)
    }

    /// A step that fails without having run.
    fn fail(&mut self, index: usize) -> Result<(), Halt> {
        self.report(unrun(index, StepEnd::Exited(1)));
        Err(Halt::Failed)
    }

    async fn pause(
        &mut self,
        breakpoint: Breakpoint,
        sandbox: &dyn Sandbox,
        index: usize,
        output: &Output,
    ) -> Result<Release, Halt> {
        output.say(&breakpoint.notice(index));
        let period = self.plane.config.breakpoint_period;
        let released = pause(breakpoint, sandbox, &mut self.stops, index, period).await;
        released.map_err(|stop| Halt::from(stop.why))
    }

    fn hide(&self, findings: &mut Findings) {
        for value in findings
            .results
            .values_mut()
            .chain(findings.task_results.values_mut())
        {
            if let Cow::Owned(covered) = self.masks.cover(value) {
                *value = covered;
            }
        }
    }
}

fn step_end(exit: Exit, stopped: Option<Why>) -> StepEnd {
    match stopped {
        Some(Why::Cancelled) => StepEnd::Cancelled,
        Some(Why::AttemptTimedOut) => StepEnd::AttemptTimedOut,
        Some(Why::StepTimedOut) => StepEnd::TimedOut,
        None if exit.out_of_memory => StepEnd::OutOfMemory,
        None => StepEnd::Exited(exit.code),
    }
}

fn halt_after(end: StepEnd, step: &Step) -> Option<Halt> {
    match end {
        StepEnd::Exited(0) | StepEnd::WhenFalse => None,
        StepEnd::Exited(_) if step.continue_on_error => None,
        StepEnd::Exited(_) | StepEnd::OutOfMemory | StepEnd::TimedOut | StepEnd::Skipped => {
            Some(Halt::Failed)
        }
        StepEnd::Cancelled => Some(Halt::Cancelled),
        StepEnd::AttemptTimedOut => Some(Halt::TimedOut),
    }
}

impl Attempt<'_> {
    /// Leaves the exit code where later steps look for it (`$(steps.step-x.exitCode.path)`), if there are any.
    fn note_exit_code(&self, sandbox: &dyn Sandbox, index: usize, container: &str, code: i32) {
        if index + 1 >= self.job.steps.len() {
            return;
        }
        let path = PathBuf::from(format!("/tekton/steps/{container}/exitCode"));
        if let Err(error) = sandbox.write(&path, code.to_string().as_bytes()) {
            tracing::warn!(%error, container, "could not leave the exit code of a step");
        }
    }
}
