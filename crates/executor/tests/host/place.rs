//! A started backend and short ways to run jobs on it.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::path::Path;
use std::sync::Arc;

use libtest_mimic::Failed;
use libtest_mimic::Trial;
use tokio::sync::mpsc;
use windlass_executor::Backend;
use windlass_executor::Sandbox;
use windlass_executor::backend::Exit;
use windlass_executor::backend::Launch;
use windlass_executor::backend::OutputSink;
use windlass_executor::backend::Tee;
use windlass_executor::host::Config;
use windlass_executor::host::Host;
use windlass_executor::host::Mode;
use windlass_executor::host::Roots;
use windlass_executor::job::AttemptId;
use windlass_executor::job::Breakpoints;
use windlass_executor::job::Job;
use windlass_executor::job::Process;
use windlass_executor::job::Step;
use windlass_executor::observation::StartFailure;

use crate::images::Busybox;

/// What a test function returns.
pub(crate) type Outcome = Result<(), Failed>;

/// Ends a test with a failure unless both are equal.
pub(crate) fn same<T: PartialEq + std::fmt::Debug>(found: &T, wanted: &T) -> Outcome {
    if found == wanted {
        Ok(())
    } else {
        Err(format!("found {found:?}, wanted {wanted:?}").into())
    }
}

/// Turns a failure to start into a failure of the test.
pub(crate) fn said<T>(started: Result<T, StartFailure>) -> Result<T, Failed> {
    started.map_err(|failure| failure.message.into())
}

/// A test on a fresh backend of one mode; skipped with a reason where the machine refuses the mode.
pub(crate) fn trial<F, R>(name: &str, mode: Mode, test: F) -> Trial
where
    F: FnOnce(Place) -> R + Send + 'static,
    R: Future<Output = Outcome>,
{
    let prefix = match mode {
        Mode::Isolated => "isolated",
        Mode::Shared => "shared",
        Mode::Contained => "contained",
    };
    Trial::test(format!("{prefix}::{name}"), move || {
        let runtime = tokio::runtime::Runtime::new()?;
        runtime.block_on(async {
            let scratch = tempfile::tempdir()?;
            let config = Config {
                mode,
                scratch_dir: scratch.path().to_owned(),
                roots: roots(mode, scratch.path())?,
                // Wherever this repository lies, below /tmp for instance, must not show in the views.
                current_dir: None,
                ..Config::default()
            };
            match Host::start(config) {
                Ok(host) => test(Place { host, scratch }).await,
                Err(error) => skip(&format!("{error}: {:?}", std::error::Error::source(&error))),
            }
        })
    })
}

/// The images of a mode that has some.
pub(crate) fn roots(mode: Mode, scratch: &Path) -> io::Result<Option<Arc<dyn Roots>>> {
    if mode != Mode::Contained {
        return Ok(None);
    }
    Ok(Some(Busybox::make(&scratch.join("images"))?))
}

/// A test that cannot run here says why; where tests must run, that is a failure.
#[expect(clippy::print_stderr, reason = "the way a skipped test says why")]
pub(crate) fn skip(reason: &str) -> Outcome {
    eprintln!("skipped: {reason}");
    if std::env::var_os("CI").is_some() {
        Err(reason.to_owned().into())
    } else {
        Ok(())
    }
}

/// A started backend.
pub(crate) struct Place {
    pub(crate) host: Host,
    pub(crate) scratch: tempfile::TempDir,
}

/// How a process ended and what it wrote.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) output: String,
}

impl Place {
    /// Runs the steps of a job one after another.
    pub(crate) async fn run(&self, job: &Job) -> Result<Vec<Ended>, StartFailure> {
        run_job(&self.host, job).await
    }

    /// Runs one script in a sandbox of its own.
    pub(crate) async fn script(&self, script: &str) -> Result<Ended, StartFailure> {
        let ended = self.run(&job(vec![shell(script)])).await?;
        Ok(ended.into_iter().next().expect("one step"))
    }
}

/// Runs the steps of a job one after another.
pub(crate) async fn run_job(host: &Host, job: &Job) -> Result<Vec<Ended>, StartFailure> {
    let mut sandbox = host.prepare(job).await?;
    let mut ended = Vec::new();
    for step in &job.steps {
        ended.push(run(sandbox.as_mut(), &format!("step-{}", step.name), &step.process).await?);
    }
    sandbox.destroy().await.expect("a sandbox can be destroyed");
    Ok(ended)
}

/// Starts a process and collects its output until it ended.
pub(crate) async fn run(
    sandbox: &mut dyn Sandbox,
    container: &str,
    process: &Process,
) -> Result<Ended, StartFailure> {
    let (chunks, mut output) = mpsc::channel(16);
    let launch = Launch {
        container,
        process,
        tee: Tee::default(),
        output: OutputSink { chunks },
    };
    let mut running = sandbox.start(launch).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = output.recv().await {
        bytes.extend_from_slice(&chunk.bytes);
    }
    let Exit { code, .. } = running.wait().await.expect("the sandbox lives");
    Ok(Ended {
        code,
        output: String::from_utf8_lossy(&bytes).into_owned(),
    })
}

/// A process that runs a script with the machine's `sh`.
pub(crate) fn shell(script: &str) -> Process {
    Process {
        image: "ubuntu".to_owned(),
        script: Some(format!("#!/bin/sh\n{script}\n")),
        ..Process::default()
    }
}

/// A job of these steps, named `s0`, `s1` and so on.
pub(crate) fn job(processes: Vec<Process>) -> Job {
    let steps = processes.into_iter().enumerate();
    let steps = steps.map(|(number, process)| Step {
        name: format!("s{number}"),
        process,
        ..Step::default()
    });
    Job {
        id: AttemptId {
            task_run_uid: "uid".to_owned(),
            attempt: 0,
        },
        namespace: "default".to_owned(),
        task_run: "run".to_owned(),
        pod: "run-pod".to_owned(),
        steps: steps.collect(),
        sidecars: Vec::new(),
        volumes: Vec::new(),
        results: Vec::new(),
        credentials: BTreeMap::new(),
        masks: Vec::new(),
        pull_logins: Vec::new(),
        timeout: None,
        max_result_bytes: None,
        breakpoints: Breakpoints::default(),
    }
}
