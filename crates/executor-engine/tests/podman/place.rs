//! Short ways to run jobs at the engine, and what they leave there.

use std::collections::BTreeMap;
use std::future::Future;

use libtest_mimic::Failed;
use libtest_mimic::Trial;
use tokio::sync::mpsc;
use windlass_executor::Backend;
use windlass_executor::Sandbox;
use windlass_executor::backend::Exit;
use windlass_executor::backend::Launch;
use windlass_executor::backend::OutputSink;
use windlass_executor::backend::Tee;
use windlass_executor::job::AttemptId;
use windlass_executor::job::Breakpoints;
use windlass_executor::job::Job;
use windlass_executor::job::Process;
use windlass_executor::job::Step;
use windlass_executor::observation::StartFailure;
use windlass_executor_engine::Config;
use windlass_executor_engine::Engine;

use crate::service;
use crate::service::Address;

/// What a test function returns.
pub(crate) type Outcome = Result<(), Failed>;

/// A test at the engine; skipped with a reason where there can be none.
pub(crate) fn trial<F, R>(name: &str, test: F) -> Trial
where
    F: FnOnce(Address) -> R + Send + 'static,
    R: Future<Output = Outcome>,
{
    Trial::test(format!("podman::{name}"), move || match service::address() {
        Ok(address) => tokio::runtime::Runtime::new()?.block_on(test(address)),
        Err(reason) => skip(&reason),
    })
}

/// A test that cannot run here says why. An engine is a guest that not every machine takes in: a container or a locked-down
/// kernel refuses it, however well it is installed.
#[expect(clippy::print_stderr, reason = "the way a skipped test says why")]
#[expect(clippy::unnecessary_wraps, reason = "the end of a test")]
pub(crate) fn skip(reason: &str) -> Outcome {
    eprintln!("skipped: {reason}");
    Ok(())
}

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

/// A backend whose containers have no network, which is the quickest.
pub(crate) fn engine(address: &Address) -> Engine {
    Engine::new(Config {
        network: Some("none".into()),
        ..Config::new(address.found.clone())
    })
}

/// How a process ended and what it wrote.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) output: String,
}

impl Ended {
    pub(crate) fn new(code: i32, output: &str) -> Self {
        Self {
            code,
            output: output.to_owned(),
        }
    }
}

/// Runs the steps of a job one after another.
pub(crate) async fn run_job(engine: &Engine, job: &Job) -> Result<Vec<Ended>, StartFailure> {
    let mut sandbox = engine.prepare(job).await?;
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
    let mut running = sandbox.start(launch(container, process, chunks)).await?;
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

/// What is asked of a sandbox to start a process.
pub(crate) fn launch<'a>(
    container: &'a str,
    process: &'a Process,
    chunks: mpsc::Sender<windlass_executor::backend::Chunk>,
) -> Launch<'a> {
    Launch {
        container,
        process,
        tee: Tee::default(),
        output: OutputSink { chunks },
    }
}

/// A process that runs a script.
pub(crate) fn shell(script: &str) -> Process {
    Process {
        image: "localhost/busybox".to_owned(),
        script: Some(format!("#!/bin/sh\n{script}\n")),
        ..Process::default()
    }
}

/// A job of these steps, named `s0`, `s1` and so on.
pub(crate) fn job(name: &str, processes: Vec<Process>) -> Job {
    let steps = processes.into_iter().enumerate();
    let steps = steps.map(|(number, process)| Step {
        name: format!("s{number}"),
        process,
        ..Step::default()
    });
    Job {
        id: AttemptId {
            task_run_uid: format!("uid-{name}"),
            attempt: 0,
        },
        namespace: "default".to_owned(),
        task_run: name.to_owned(),
        pod: format!("{name}-pod"),
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

/// Containers and volumes of a job that the engine still has.
pub(crate) fn left(address: &Address, job: &Job) -> Result<Vec<String>, Failed> {
    let filter = format!("label=dev.windlass.task-run={}", job.task_run);
    let containers = address.run(&["ps", "--all", "--filter", &filter, "--format", "{{.Names}}"])?;
    let volumes = address.run(&["volume", "ls", "--filter", &filter, "--format", "{{.Name}}"])?;
    Ok(containers
        .lines()
        .chain(volumes.lines())
        .map(str::to_owned)
        .collect())
}
