//! Limits of processes, by the machine's own control groups. Where it has none to give, the same tests look for the warning.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use libtest_mimic::Failed;
use libtest_mimic::Trial;
use rustix::process::Signal;
use tokio::sync::mpsc;
use windlass_executor::Backend;
use windlass_executor::Sandbox;
use windlass_executor::backend::Chunk;
use windlass_executor::backend::Exit;
use windlass_executor::backend::Launch;
use windlass_executor::backend::OutputSink;
use windlass_executor::backend::Running;
use windlass_executor::backend::Tee;
use windlass_executor::host::Config;
use windlass_executor::host::Host;
use windlass_executor::host::Mode;
use windlass_executor::job::Limits;
use windlass_executor::job::Process;

use crate::leaks::until;
use crate::place::Outcome;
use crate::place::Place;
use crate::place::exit;
use crate::place::job;
use crate::place::roots;
use crate::place::said;
use crate::place::same;
use crate::place::shell;
use crate::place::trial;

/// All tests of this file.
pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for mode in [Mode::Isolated, Mode::Shared, Mode::Contained] {
        trials.extend([
            trial(
                "memory_beyond_the_limit_is_refused",
                mode,
                memory_beyond_the_limit_is_refused,
            ),
            trial(
                "only_a_limited_step_has_a_group",
                mode,
                only_a_limited_step_has_a_group,
            ),
        ]);
    }
    trials.extend([
        trial(
            "limits_are_written_and_forgotten",
            Mode::Isolated,
            limits_are_written_and_forgotten,
        ),
        trial(
            "a_killed_launcher_s_groups_go_with_the_next",
            Mode::Contained,
            a_killed_launcher_s_groups_go_with_the_next,
        ),
        trial(
            "processes_without_end_are_refused",
            Mode::Contained,
            processes_without_end_are_refused,
        ),
    ]);
    trials
}

/// Whether this machine lets this process bound the memory of another. Asked in another way than the product asks.
fn can_bound_memory() -> bool {
    let Ok(memberships) = fs::read_to_string("/proc/self/cgroup") else {
        return false;
    };
    let can_write = |file: &Path| fs::OpenOptions::new().append(true).open(file).is_ok();
    if let Some((_, path)) = memberships.split_once(":memory:/") {
        let own = Path::new("/sys/fs/cgroup/memory").join(path.lines().next().unwrap_or_default());
        return can_write(&own.join("cgroup.procs"));
    }
    let top = Path::new("/sys/fs/cgroup");
    let own = memberships.lines().find_map(|line| line.strip_prefix("0::/"));
    let Some(own) = own.map(|own| top.join(own)) else {
        return false;
    };
    own.ancestors()
        .take_while(|path| path.starts_with(top))
        .any(|path| {
            let enabled = fs::read_to_string(path.join("cgroup.subtree_control")).unwrap_or_default();
            enabled.contains("memory") && can_write(&path.join("cgroup.procs"))
        })
}

/// Groups of a backend anywhere on the machine.
fn groups(place: &Place) -> Vec<PathBuf> {
    let name = format!("windlass-{}-", place.host.launcher_id());
    let mut found = Vec::new();
    let mut queue = vec![PathBuf::from("/sys/fs/cgroup")];
    while let Some(directory) = queue.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            if entry.file_name().to_string_lossy().starts_with(&name) {
                found.push(entry.path());
            }
            queue.push(entry.path());
        }
    }
    found.sort();
    found
}

fn limited(script: &str, memory_bytes: Option<u64>, cpu_millis: Option<u64>) -> Process {
    Process {
        limits: Limits {
            cpu_millis,
            memory_bytes,
        },
        ..shell(script)
    }
}

/// Runs one process in a sandbox of its own.
async fn end(place: &Place, process: Process) -> Result<(Exit, String), Failed> {
    let mut sandbox = said(place.host.prepare(&job(vec![process.clone()])).await)?;
    let ended = said(exit(sandbox.as_mut(), "step-s0", &process).await)?;
    sandbox.destroy().await?;
    Ok(ended)
}

const LIMIT: u64 = 32 << 20;

async fn memory_beyond_the_limit_is_refused(place: Place) -> Outcome {
    let rows = [
        (
            "dd if=/dev/zero of=/dev/null bs=100M count=1 2>/dev/null",
            137,
            true,
        ),
        (
            "exec dd if=/dev/zero of=/dev/null bs=100M count=1 2>/dev/null",
            137,
            true,
        ),
        // Not every end by that signal is one for memory.
        ("kill -9 $$", 137, false),
        ("dd if=/dev/zero of=/dev/null bs=4M count=1 2>/dev/null", 0, false),
    ];
    for (script, code, out_of_memory) in rows {
        let (exit, _) = end(&place, limited(script, Some(LIMIT), None)).await?;
        let then = if can_bound_memory() || !out_of_memory {
            Exit { code, out_of_memory }
        } else {
            Exit {
                code: 0,
                out_of_memory: false,
            }
        };
        same(&(script, exit), &(script, then))?;
    }
    same(&groups(&place), &Vec::new())?;
    same(&place.host.unbounded().is_none(), &can_bound_memory())
}

async fn only_a_limited_step_has_a_group(place: Place) -> Outcome {
    let script = "grep -c 'memory.*/windlass-\\|^0::.*/windlass-' /proc/self/cgroup; true";
    let (_, without) = end(&place, shell(script)).await?;
    same(&without.as_str(), &"0\n")?;
    same(&place.host.unbounded(), &None)?;
    let (_, with) = end(&place, limited(script, Some(LIMIT), None)).await?;
    same(&with.as_str(), &if can_bound_memory() { "1\n" } else { "0\n" })?;
    same(&place.host.unbounded().is_none(), &can_bound_memory())
}

async fn limits_are_written_and_forgotten(place: Place) -> Outcome {
    let process = limited("echo; sleep 1000", Some(LIMIT), Some(1500));
    let mut sandbox = said(place.host.prepare(&job(vec![process.clone()])).await)?;
    let (mut running, mut output) = start(sandbox.as_mut(), &process).await?;
    output.recv().await.ok_or("no output")?;
    let files = [
        "memory.limit_in_bytes",
        "memory.max",
        "cpu.cfs_quota_us",
        "cpu.max",
        "pids.max",
    ];
    let groups_now = groups(&place);
    let mut found: Vec<_> = groups_now
        .iter()
        .flat_map(|group| files.map(|file| group.join(file)))
        .filter_map(|file| fs::read_to_string(file).ok())
        .map(|text| text.trim().to_owned())
        .collect();
    found.sort();
    if can_bound_memory() {
        let limit = LIMIT.to_string();
        let has = |value: &str| found.iter().any(|one| one.split(' ').next() == Some(value));
        same(
            &(has(&limit), has("150000"), has("2048"), &found),
            &(true, true, true, &found),
        )?;
    } else {
        same(&groups_now, &Vec::new())?;
    }
    running.signal(Signal::KILL.as_raw())?;
    running.wait().await?;
    sandbox.destroy().await?;
    same(&groups(&place), &Vec::new())
}

async fn processes_without_end_are_refused(place: Place) -> Outcome {
    if !can_bound_memory() {
        // Without a bound this would harm the machine.
        let (exit, _) = end(&place, limited("true", None, Some(2000))).await?;
        return same(&exit.code, &0);
    }
    let script = "while true; do sleep 1000 & done";
    let (exit, output) = end(&place, limited(script, Some(512 << 20), Some(2000))).await?;
    same(&exit.code, &2)?;
    same(&output.contains("can't fork"), &true)
}

async fn a_killed_launcher_s_groups_go_with_the_next(place: Place) -> Outcome {
    let process = limited("echo; sleep 1000", Some(LIMIT), None);
    let mut sandbox = said(place.host.prepare(&job(vec![process.clone()])).await)?;
    let (running, mut output) = start(sandbox.as_mut(), &process).await?;
    output.recv().await.ok_or("no output")?;
    let left = groups(&place);
    same(&left.is_empty(), &!can_bound_memory())?;
    let launcher = i32::try_from(place.host.launcher_id())?;
    let launcher = rustix::process::Pid::from_raw(launcher).ok_or("no launcher")?;
    rustix::process::kill_process(launcher, Signal::KILL)?;
    drop((running, sandbox));
    let Place { host, scratch } = place;
    drop(host);
    until("the groups are empty", || {
        let mut processes = left.iter().map(|group| fs::read(group.join("cgroup.procs")));
        processes.all(|processes| processes.is_ok_and(|processes| processes.is_empty()))
    })
    .await?;
    let config = Config {
        mode: Mode::Contained,
        scratch_dir: scratch.path().to_owned(),
        roots: roots(Mode::Contained, scratch.path())?,
        ..Config::default()
    };
    let next = Place {
        host: Host::start(config)?,
        scratch,
    };
    said(next.script("true").await)?;
    same(&left.iter().any(|group| group.exists()), &false)
}

/// Starts a process in the background.
async fn start(
    sandbox: &mut dyn Sandbox,
    process: &Process,
) -> Result<(Box<dyn Running>, mpsc::Receiver<Chunk>), Failed> {
    let (chunks, output) = mpsc::channel(16);
    let launch = Launch {
        container: "step-s0",
        process,
        tee: Tee::default(),
        output: OutputSink { chunks },
    };
    Ok((said(sandbox.start(launch).await)?, output))
}
