//! Nothing is left: processes, descriptors, mounts, directories.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use libtest_mimic::Failed;
use libtest_mimic::Trial;
use tokio::sync::mpsc;
use windlass_executor::Backend;
use windlass_executor::Sandbox;
use windlass_executor::backend::Chunk;
use windlass_executor::backend::Launch;
use windlass_executor::backend::OutputSink;
use windlass_executor::backend::Running;
use windlass_executor::backend::Tee;
use windlass_executor::host::Config;
use windlass_executor::host::Host;
use windlass_executor::host::Mode;
use windlass_executor::job::Mount;
use windlass_executor::job::Process;
use windlass_executor::job::Volume;
use windlass_executor::job::VolumeSource;

use crate::place::Outcome;
use crate::place::Place;
use crate::place::job;
use crate::place::roots;
use crate::place::run;
use crate::place::run_job;
use crate::place::said;
use crate::place::same;
use crate::place::shell;
use crate::place::trial;

/// First argument of this program when it runs one thing in a process of its own.
pub(crate) const ALONE: &str = "__alone";

/// Sandboxes in the count before and after.
const SANDBOXES: usize = 1_000;

/// All tests of this file.
pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for mode in [Mode::Isolated, Mode::Shared] {
        trials.extend([
            trial(
                "a_background_process_ends_with_its_step",
                mode,
                a_background_process_ends_with_its_step,
            ),
            trial(
                "a_dropped_sandbox_leaves_nothing",
                mode,
                a_dropped_sandbox_leaves_nothing,
            ),
            trial("many_sandboxes_leave_nothing", mode, move |place| {
                many_sandboxes_leave_nothing(place, mode)
            }),
            trial(
                "a_killed_launcher_leaves_nothing",
                mode,
                a_killed_launcher_leaves_nothing,
            ),
            trial("a_killed_plane_leaves_nothing", mode, move |place| {
                a_killed_plane_leaves_nothing(place, mode)
            }),
        ]);
    }
    let mode = Mode::Contained;
    trials.push(trial("many_sandboxes_leave_nothing", mode, move |place| {
        many_sandboxes_leave_nothing(place, mode)
    }));
    trials
}

/// A sleep that no other process has, and the script that puts copies of it everywhere.
fn sleeper(tag: &str) -> (String, String) {
    let seconds = format!("{}{tag}", 100_000 + std::process::id());
    let script = format!(
        "sleep {seconds} & (sleep {seconds} &) ; setsid sh -c 'sleep {seconds} & setsid sleep {seconds} &' ; \
         trap '' TERM; env -i setsid sh -c 'trap \"\" TERM HUP; sleep {seconds}' &"
    );
    (seconds, script)
}

/// How many processes of the machine have this argument.
fn count(argument: &str) -> usize {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let commands = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let named = |command: &Vec<u8>| {
        command
            .split(|byte| *byte == 0)
            .any(|part| part == argument.as_bytes())
    };
    commands.filter(named).count()
}

/// Waits until a condition holds; a failure names it.
async fn until(what: &str, mut holds: impl FnMut() -> bool) -> Outcome {
    let start = Instant::now();
    while !holds() {
        if start.elapsed() > Duration::from_secs(20) {
            return Err(format!("still not: {what}").into());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

async fn a_background_process_ends_with_its_step(place: Place) -> Outcome {
    let (argument, script) = sleeper("1");
    let job = job(vec![]);
    let mut sandbox = said(place.host.prepare(&job).await)?;
    let ended = said(run(sandbox.as_mut(), "step-a", &shell(&format!("{script}\necho end"))).await)?;
    same(&(ended.code, ended.output.as_str()), &(0, "end\n"))?;
    same(&count(&argument), &0)
}

async fn a_dropped_sandbox_leaves_nothing(place: Place) -> Outcome {
    let (argument, script) = sleeper("2");
    let job = job(vec![]);
    let mut sandbox = said(place.host.prepare(&job).await)?;
    let process = shell(&format!("{script}\necho ready; sleep {argument}"));
    let (running, mut output) = start(sandbox.as_mut(), &process).await?;
    let first = output.recv().await.map(|chunk| chunk.bytes);
    same(&first.as_deref(), &Some(&b"ready\n"[..]))?;
    same(&(count(&argument) > 0), &true)?;
    drop(running);
    drop(sandbox);
    until("no process left", || count(&argument) == 0).await
}

/// What a leak would make more of.
#[derive(Debug, PartialEq, Eq)]
struct Count {
    descriptors: usize,
    mounts: usize,
    processes: usize,
    scratch: Vec<String>,
}

fn take_count(scratch: &Path) -> Count {
    let entries = |path: &str| fs::read_dir(path).map_or(0, Iterator::count);
    let parent = format!("PPid:\t{}", std::process::id());
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let status = processes.filter_map(|entry| fs::read_to_string(entry.path().join("status")).ok());
    // The launcher is the only child of this process, so its children are everything else of ours.
    let own: Vec<String> = status.collect();
    let launchers = own
        .iter()
        .filter(|status| status.lines().any(|line| line == parent));
    let pids: Vec<String> = launchers
        .filter_map(|status| {
            Some(format!(
                "PPid:\t{}",
                status.lines().find_map(|line| line.strip_prefix("Pid:\t"))?
            ))
        })
        .collect();
    let below = own
        .iter()
        .filter(|status| status.lines().any(|line| pids.iter().any(|pid| pid == line)));
    let mut found: Vec<String> = fs::read_dir(scratch)
        .into_iter()
        .flatten()
        .flatten()
        .flat_map(|backend| fs::read_dir(backend.path()).into_iter().flatten().flatten())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        // Slots are kept for the next sandbox.
        .filter(|name| !name.starts_with("slot-"))
        .collect();
    found.sort();
    Count {
        descriptors: entries("/proc/self/fd"),
        mounts: fs::read_to_string("/proc/self/mountinfo").map_or(0, |text| text.lines().count()),
        processes: below.count(),
        scratch: found,
    }
}

/// In a process of its own, because the tests beside it start processes too.
#[expect(clippy::unused_async, reason = "has the form of every trial")]
async fn many_sandboxes_leave_nothing(place: Place, mode: Mode) -> Outcome {
    let scratch = place.scratch.path().join("alone");
    let output = alone("count", mode, "", &scratch)?
        .stderr(Stdio::piped())
        .output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        Ok(())
    } else {
        Err(text.into_owned().into())
    }
}

async fn count_around_sandboxes(host: &Host, scratch: &Path) -> Outcome {
    let mount = |read_only| Mount {
        volume: "v".to_owned(),
        path: "/data".to_owned(),
        sub_path: String::new(),
        read_only,
    };
    let step = |read_only| Process {
        mounts: vec![mount(read_only)],
        ..shell("echo x >>/workspace/file")
    };
    let mut job = job(vec![step(false), step(false)]);
    job.volumes = vec![Volume {
        name: "v".to_owned(),
        source: VolumeSource::Empty {
            memory: false,
            size_limit: None,
        },
    }];
    said(run_job(host, &job).await)?;
    // The launcher may not have taken note of the end yet.
    until("the first sandbox is gone", || take_count(scratch).processes == 0).await?;
    let before = take_count(scratch);
    for _ in 0..SANDBOXES / 10 {
        let runs = (0..10).map(|_| run_job(host, &job));
        for ended in futures::future::join_all(runs).await {
            same(&said(ended)?.iter().map(|ended| ended.code).sum::<i32>(), &0)?;
        }
    }
    let same_count = || take_count(scratch) == before;
    until(&format!("as before: {before:?}"), same_count).await
}

/// Starts this program as a plane with a running job, kills it, and looks for what it left.
async fn a_killed_plane_leaves_nothing(place: Place, mode: Mode) -> Outcome {
    use std::io::BufRead;
    let (argument, _) = sleeper(if mode == Mode::Isolated { "3" } else { "4" });
    let scratch = place.scratch.path().join("victim");
    let mut victim = Victim(
        alone("wait", mode, &argument, &scratch)?
            .stdout(Stdio::piped())
            .spawn()?,
    );
    let mut line = String::new();
    let output = victim.0.stdout.take().ok_or("no output")?;
    std::io::BufReader::new(output).read_line(&mut line)?;
    same(&line.as_str(), &"running\n")?;
    // The job's processes, and the victim, whose argument it is too.
    until("all of the job runs", || count(&argument) == 4).await?;
    drop(victim);
    until("no process left", || count(&argument) == 0).await?;
    until("no scratch directory left", || {
        fs::read_dir(&scratch).map_or(0, Iterator::count) == 0
    })
    .await
}

/// A process that does not outlive its test.
struct Victim(std::process::Child);

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// This program, to do one thing in a process of its own.
fn alone(what: &str, mode: Mode, argument: &str, scratch: &Path) -> std::io::Result<Command> {
    let mode = match mode {
        Mode::Isolated => "isolated",
        Mode::Shared => "shared",
        Mode::Contained => "contained",
    };
    let mut command = Command::new(std::env::current_exe()?);
    command.args([ALONE, what, mode, argument]).arg(scratch);
    Ok(command)
}

/// Does the one thing.
pub(crate) async fn be_alone(what: &str, mode: &str, argument: &str, scratch: &str) -> Outcome {
    let mode = match mode {
        "isolated" => Mode::Isolated,
        "contained" => Mode::Contained,
        _ => Mode::Shared,
    };
    let host = Host::start(Config {
        mode,
        scratch_dir: scratch.into(),
        roots: roots(mode, Path::new(scratch))?,
        ..Config::default()
    })?;
    if what == "count" {
        return count_around_sandboxes(&host, Path::new(scratch)).await;
    }
    wait_forever(&host, argument).await
}

#[expect(clippy::print_stdout, reason = "how the test learns that the job runs")]
async fn wait_forever(host: &Host, argument: &str) -> Outcome {
    let job = job(vec![]);
    let mut sandbox = said(host.prepare(&job).await)?;
    let script = format!(
        "(setsid sleep {argument} &); env -i setsid sleep {argument} & echo ready; exec sleep {argument}"
    );
    let (mut running, mut output) = start(sandbox.as_mut(), &shell(&script)).await?;
    output.recv().await;
    println!("running");
    running.wait().await?;
    Ok(())
}

async fn start(
    sandbox: &mut dyn Sandbox,
    process: &Process,
) -> Result<(Box<dyn Running>, mpsc::Receiver<Chunk>), Failed> {
    let (chunks, output) = mpsc::channel(1);
    let launch = Launch {
        container: "step-a",
        process,
        tee: Tee::default(),
        output: OutputSink { chunks },
    };
    Ok((said(sandbox.start(launch).await)?, output))
}

async fn a_killed_launcher_leaves_nothing(place: Place) -> Outcome {
    let (argument, script) = sleeper("5");
    let job = job(vec![]);
    let mut sandbox = said(place.host.prepare(&job).await)?;
    let process = shell(&format!("{script}\necho ready; sleep {argument}"));
    let (mut running, mut output) = start(sandbox.as_mut(), &process).await?;
    output.recv().await;
    let launcher = place.host.launcher_id();
    let killed = rustix::process::Pid::from_raw(i32::try_from(launcher)?).ok_or("no launcher")?;
    rustix::process::kill_process(killed, rustix::process::Signal::KILL)?;
    same(&running.wait().await.is_err(), &true)?;
    sandbox.destroy().await?;
    until("no process left", || count(&argument) == 0).await?;
    same(&said(place.script("exit 0").await).is_err(), &true)
}
