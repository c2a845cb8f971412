//! Prints how many one-step jobs a second the host backend runs, beside plain process starts.
//!
//! `cargo run --release -p windlass-executor --example spawn_rate [COUNT [IN_FLIGHT]]`

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;
use tokio::sync::mpsc;
use windlass_executor::Backend;
use windlass_executor::backend::Launch;
use windlass_executor::backend::OutputSink;
use windlass_executor::backend::Tee;
use windlass_executor::host::Config;
use windlass_executor::host::Host;
use windlass_executor::host::Mode;
use windlass_executor::job::AttemptId;
use windlass_executor::job::Breakpoints;
use windlass_executor::job::Job;
use windlass_executor::job::Process;
use windlass_executor::job::Step;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    windlass_executor::host::launcher_main();
    let mut numbers = std::env::args().skip(1).map(|argument| argument.parse::<usize>());
    let count = numbers.next().transpose()?.unwrap_or(1000);
    let in_flight = numbers.next().transpose()?.unwrap_or(4);
    let only = std::env::var("ONLY").unwrap_or_default();
    tokio::runtime::Runtime::new()?.block_on(async {
        for round in 0..2 {
            report(&format!("{round} plain sh"), count, plain(count, in_flight)).await?;
            for (name, mode) in [("host-shared", Mode::Shared), ("host", Mode::Isolated)] {
                if !only.is_empty() && only != name {
                    continue;
                }
                let host = Arc::new(start(mode)?);
                report(&format!("{round} {name}"), count, jobs(host, count, in_flight)).await?;
            }
        }
        Ok(())
    })
}

#[expect(
    clippy::print_stdout,
    reason = "the time to start is a part of what this program is for"
)]
fn start(mode: Mode) -> Result<Host, Failure> {
    let start = Instant::now();
    let host = Host::start(Config {
        mode,
        ..Config::default()
    })?;
    println!(
        "{mode:?} launcher up after {:.1} ms",
        start.elapsed().as_secs_f64() * 1e3
    );
    Ok(host)
}

#[expect(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a table of rates is all that this program is for"
)]
async fn report(
    name: &str,
    count: usize,
    work: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let cpu = cpu_seconds();
    let start = Instant::now();
    work.await?;
    let wall = start.elapsed().as_secs_f64();
    let own = cpu_seconds() - cpu;
    let each = count as f64;
    println!(
        "{name:16} {:8.0} /s {:8.3} ms each {:8.3} ms of own CPU each",
        each / wall,
        wall / each * 1e3,
        own / each * 1e3
    );
    Ok(())
}

/// Processor time of this process without its children, from the kernel's hundredths of seconds.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after_name
        .split_ascii_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

async fn plain(count: usize, in_flight: usize) -> Result<(), Failure> {
    let starts = futures::stream::iter(0..count).map(|_| async {
        let output = tokio::process::Command::new("/bin/sh")
            .args(["-c", "echo hello"])
            .stdin(Stdio::null())
            .output();
        output.await.map(drop)
    });
    let mut starts = starts.buffer_unordered(in_flight);
    while let Some(done) = starts.next().await {
        done?;
    }
    Ok(())
}

async fn jobs(host: Arc<Host>, count: usize, in_flight: usize) -> Result<(), Failure> {
    let runs = futures::stream::iter(0..count).map(|_| {
        let host = Arc::clone(&host);
        tokio::spawn(async move { run(&host).await })
    });
    let mut runs = runs.buffer_unordered(in_flight);
    while let Some(done) = runs.next().await {
        done??;
    }
    Ok(())
}

async fn run(host: &Host) -> Result<(), Failure> {
    let job = job();
    let mut sandbox = host.prepare(&job).await.map_err(|failure| failure.message)?;
    let (chunks, mut output) = mpsc::channel(4);
    let process = &job.steps.first().ok_or("no step")?.process;
    let launch = Launch {
        container: "step-a",
        process,
        tee: Tee::default(),
        output: OutputSink { chunks },
    };
    let mut running = sandbox.start(launch).await.map_err(|failure| failure.message)?;
    let mut bytes = 0;
    while let Some(chunk) = output.recv().await {
        bytes += chunk.bytes.len();
    }
    let exit = running.wait().await?;
    sandbox.destroy().await?;
    if exit.code != 0 || bytes != 6 {
        return Err(format!("{exit:?}, {bytes} bytes").into());
    }
    Ok(())
}

fn job() -> Job {
    let process = Process {
        image: "ubuntu".to_owned(),
        command: vec!["/bin/sh".to_owned(), "-c".to_owned(), "echo hello".to_owned()],
        ..Process::default()
    };
    Job {
        id: AttemptId {
            task_run_uid: "uid".to_owned(),
            attempt: 0,
        },
        namespace: "default".to_owned(),
        task_run: "run".to_owned(),
        pod: "run-pod".to_owned(),
        steps: vec![Step {
            name: "a".to_owned(),
            process,
            ..Step::default()
        }],
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
