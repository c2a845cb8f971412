//! What the common suite does not ask: what is left at the engine, its images, its networks, its failures.

use std::path::Path;
use std::time::Duration;
use std::time::Instant;

use libtest_mimic::Failed;
use libtest_mimic::Trial;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;
use windlass_executor::Backend;
use windlass_executor::Sandbox;
use windlass_executor::job::Check;
use windlass_executor::job::EnvVar;
use windlass_executor::job::Job;
use windlass_executor::job::Probe;
use windlass_executor::job::Process;
use windlass_executor::job::Secret;
use windlass_executor::job::Sidecar;
use windlass_executor::observation::StartFailureKind;
use windlass_executor_engine::Config;
use windlass_executor_engine::Engine;
use windlass_executor_engine::Kind;

use crate::place::Ended;
use crate::place::Outcome;
use crate::place::engine;
use crate::place::job;
use crate::place::launch;
use crate::place::left;
use crate::place::run;
use crate::place::run_job;
use crate::place::said;
use crate::place::same;
use crate::place::shell;
use crate::place::skip;
use crate::place::trial;
use crate::service::Address;

/// All tests of this file.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("nothing_is_left_of_an_attempt", nothing_is_left_of_an_attempt),
        trial(
            "nothing_is_left_when_given_up_halfway",
            nothing_is_left_when_given_up_halfway,
        ),
        trial(
            "nothing_is_left_when_the_runtime_ends_first",
            nothing_is_left_when_the_runtime_ends_first,
        ),
        trial(
            "a_step_beyond_its_memory_is_told_so",
            a_step_beyond_its_memory_is_told_so,
        ),
        trial(
            "a_file_that_is_waited_for_is_seen",
            a_file_that_is_waited_for_is_seen,
        ),
        trial("descriptors_are_closed", descriptors_are_closed),
        trial("an_image_is_run_as_it_says", an_image_is_run_as_it_says),
        trial("a_missing_image_is_named", a_missing_image_is_named),
        trial("credentials_belong_to_the_user", credentials_belong_to_the_user),
        trial(
            "secrets_are_in_no_label_and_no_log",
            secrets_are_in_no_label_and_no_log,
        ),
        trial(
            "a_sidecar_is_reached_by_steps_and_probes",
            a_sidecar_is_reached_by_steps_and_probes,
        ),
        trial("a_read_only_root_refuses_writes", a_read_only_root_refuses_writes),
        trial("the_cost_of_a_step_is_printed", the_cost_of_a_step_is_printed),
    ]
}

async fn nothing_is_left_of_an_attempt(address: Address) -> Outcome {
    let job = job(
        "leaves-nothing",
        vec![shell("echo one"), shell("(sleep 1000 &)"), shell("exit 3")],
    );
    let ended = said(run_job(&engine(&address), &job).await)?;
    let wanted = [Ended::new(0, "one\n"), Ended::new(0, ""), Ended::new(3, "")];
    same(&ended, &wanted.into())?;
    same(&left(&address, &job)?, &Vec::new())
}

/// The suite's own case counts for longer than containers of an engine allow.
async fn descriptors_are_closed(address: Address) -> Outcome {
    let open = || std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let job = job("descriptors", vec![shell("true")]);
    let engine = engine(&address);
    said(run_job(&engine, &job).await)?;
    let before = open();
    for _ in 0..15 {
        said(run_job(&engine, &job).await)?;
    }
    // Other tests of this process hold many, and not for long.
    let mut after = open();
    for _ in 0..600 {
        if after < before + 15 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        after = open();
    }
    Err(format!("{before} descriptors were open, now {after}").into())
}

/// Dropping cannot wait, so the end may come a moment later.
async fn gone(address: &Address, job: &Job) -> Outcome {
    let mut seen = Vec::new();
    for _ in 0..200 {
        // Podman's own list fails when a volume goes while it is made.
        seen = left(address, job).unwrap_or_else(|error| vec![format!("{error:?}")]);
        if seen.is_empty() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    same(&seen, &Vec::new())
}

async fn nothing_is_left_when_given_up_halfway(address: Address) -> Outcome {
    let engine = engine(&address);
    let running = job("given-up-running", vec![shell("sleep 1000")]);
    let mut sandbox = said(engine.prepare(&running).await)?;
    let (chunks, _output) = mpsc::channel(16);
    let process = said(
        sandbox
            .start(launch("step-s0", &running.steps[0].process, chunks))
            .await,
    )?;
    drop(sandbox);
    gone(&address, &running).await?;
    drop(process);
    // Given up at some moment of being made, a later one each time.
    for millis in [1, 5, 20, 60, 120] {
        let early = job(&format!("given-up-{millis}"), vec![shell("true")]);
        let given_up = tokio::time::timeout(Duration::from_millis(millis), engine.prepare(&early)).await;
        drop(given_up);
        gone(&address, &early).await?;
    }
    Ok(())
}

async fn nothing_is_left_when_the_runtime_ends_first(address: Address) -> Outcome {
    let job = job("runtime-ends", vec![shell("true")]);
    let (engine, made) = (engine(&address), job.clone());
    let prepared = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let sandbox = runtime.block_on(engine.prepare(&made));
        drop(runtime);
        sandbox.map(drop)
    });
    said(prepared.join().map_err(|_| "the thread failed")?)?;
    gone(&address, &job).await
}

async fn a_step_beyond_its_memory_is_told_so(address: Address) -> Outcome {
    if !address.limits {
        return skip("this machine's cgroups are not for Podman");
    }
    let mut process = shell("x=$(head -c 200000000 /dev/zero | tr '\\0' x); echo ${#x}");
    process.limits.memory_bytes = Some(32 << 20);
    let job = job("memory", vec![process.clone()]);
    let mut sandbox = said(engine(&address).prepare(&job).await)?;
    let (chunks, mut output) = mpsc::channel(16);
    let mut running = said(sandbox.start(launch("step-s0", &process, chunks)).await)?;
    while output.recv().await.is_some() {}
    let exit = running.wait().await?;
    sandbox.destroy().await?;
    // Podman does not notice where cgroups of both versions are mixed; Docker always does.
    let noticed = exit.out_of_memory || address.found.kind == Kind::Podman;
    same(&(exit.code, noticed), &(137, true))
}

/// As at a breakpoint, where no step ends until somebody makes a file.
async fn a_file_that_is_waited_for_is_seen(address: Address) -> Outcome {
    let maker = shell("sleep 0.3; echo 0 > /tekton/run/0/out; sleep 1000");
    let job = job("waits", vec![shell("true")]);
    let mut sandbox = said(engine(&address).prepare(&job).await)?;
    let (chunks, _output) = mpsc::channel(16);
    let running = said(sandbox.start(launch("sidecar-maker", &maker, chunks)).await)?;
    let path = Path::new("/tekton/run/0/out");
    let mut seen = None;
    for _ in 0..200 {
        seen = sandbox.read(path, 10)?;
        if seen.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    sandbox.destroy().await?;
    drop(running);
    same(&seen, &Some(b"0\n".to_vec()))
}

async fn an_image_is_run_as_it_says(address: Address) -> Outcome {
    let by_image = Process {
        image: "localhost/busybox".into(),
        args: vec![
            "-c".into(),
            "echo $(FROM_IMAGE) $FROM_IMAGE $HOME; id -u; ls /workspace".into(),
        ],
        ..Process::default()
    };
    let job = job("as-image-says", vec![by_image.clone()]);
    let engine = engine(&address);
    let mut sandbox = said(engine.prepare(&job).await)?;
    let ended = said(run(sandbox.as_mut(), "step-s0", &by_image).await)?;
    same(&ended, &Ended::new(0, "yes yes /root\n0\n"))?;
    let (chunks, _output) = mpsc::channel(16);
    let process = shell("true");
    let mut running = said(sandbox.start(launch("step-s0", &process, chunks)).await)?;
    let id = running.image_id().to_owned();
    running.wait().await?;
    sandbox.destroy().await?;
    // An image that was made here has no digest at a registry; Podman gives it one all the same.
    if id.starts_with("localhost/busybox@sha256:") || id.starts_with("sha256:") {
        Ok(())
    } else {
        Err(format!("image id {id}").into())
    }
}

async fn a_missing_image_is_named(address: Address) -> Outcome {
    let missing = Process {
        image: "localhost:1/no/such:1".into(),
        ..shell("true")
    };
    let job = job("missing-image", vec![missing]);
    let Err(failure) = engine(&address).prepare(&job).await.map(drop) else {
        return Err("it was pulled".into());
    };
    same(&failure.kind, &StartFailureKind::ImagePull)?;
    same(&failure.message.contains("localhost:1/no/such:1"), &true)?;
    same(&left(&address, &job)?, &Vec::new())
}

async fn credentials_belong_to_the_user(address: Address) -> Outcome {
    let look = "cat $HOME/.docker/config.json; stat -c %u:%a $HOME/.docker/config.json";
    let mut other = shell(look);
    other.security.user = Some(1000);
    let mut read_only = shell(look);
    read_only.security.read_only_root = true;
    let mut job = job("credentials", vec![shell(look), other, read_only]);
    job.credentials
        .insert(".docker/config.json".into(), Secret::new("{}"));
    let ended = said(run_job(&engine(&address), &job).await)?;
    let wanted = ["{}0:600\n", "{}1000:600\n", "{}0:600\n"].map(|output| Ended::new(0, output));
    same(&ended, &wanted.into())
}

async fn secrets_are_in_no_label_and_no_log(address: Address) -> Outcome {
    let mut process = shell("echo $TOKEN");
    process.env.push(EnvVar {
        name: "TOKEN".into(),
        value: "hunter2!".into(),
    });
    let job = job("secrets", vec![process.clone()]);
    let mut sandbox = said(engine(&address).prepare(&job).await)?;
    let ended = said(run(sandbox.as_mut(), "step-s0", &process).await)?;
    same(&ended, &Ended::new(0, "hunter2!\n"))?;
    for name in left(&address, &job)?
        .iter()
        .filter(|name| name.contains("step-s0"))
    {
        let labels = address.run(&["inspect", "--format", "{{.Config.Labels}}", name])?;
        same(&labels.contains("hunter2!"), &false)?;
        let log = address.run(&["logs", name]).unwrap_or_default();
        same(&log.contains("hunter2!"), &false)?;
    }
    Ok(sandbox.destroy().await?)
}

fn probed(name: &str, script: &str, port: u16) -> Sidecar {
    Sidecar {
        name: name.into(),
        process: shell(script),
        readiness: Some(Probe {
            check: Check::Tcp { port },
            initial_delay: Duration::ZERO,
            period: Duration::from_millis(50),
            timeout: Duration::from_secs(5),
            success_threshold: 1,
        }),
    }
}

/// On a network of the engine where it can make one, otherwise on the machine's.
async fn a_sidecar_is_reached_by_steps_and_probes(address: Address) -> Outcome {
    let bridge = address.run(&["run", "--rm", "--network=bridge", "localhost/busybox", "true"]);
    let network = if bridge.is_ok() { "bridge" } else { "host" };
    let engine = Engine::new(Config {
        network: Some(network.into()),
        ..Config::new(address.found.clone())
    });
    let port = 18_472;
    let mut job = job(
        "sidecar",
        vec![shell(&format!("nc 127.0.0.1 {port} < /dev/null; hostname"))],
    );
    let serve = format!("while :; do echo hello | nc -l -p {port}; done");
    job.sidecars = vec![probed("done", "exit 0", 1), probed("db", &serve, port)];
    let mut sandbox = said(engine.prepare(&job).await)?;
    let mut sidecars = Vec::new();
    for sidecar in &job.sidecars {
        let (chunks, output) = mpsc::channel(64);
        let container = format!("sidecar-{}", sidecar.name);
        let mut running = said(sandbox.start(launch(&container, &sidecar.process, chunks)).await)?;
        if sidecar.name == "done" {
            // Its network goes with it, and the next one must do without.
            running.wait().await?;
        }
        sidecars.push((running, output));
    }
    same(&greeting(sandbox.as_ref(), port).await?, b"hello\n")?;
    let probe = |command: &'static str| vec!["sh".to_owned(), "-c".into(), command.into()];
    let process = &job.sidecars[1].process;
    for (command, code) in [("exit 0", 0), ("echo no; exit 4", 4)] {
        same(
            &sandbox.probe("sidecar-db", process, &probe(command)).await?,
            &code,
        )?;
    }
    let hanging = probe("sleep 1000");
    let hung = sandbox.probe("sidecar-db", process, &hanging);
    same(
        &tokio::time::timeout(Duration::from_millis(500), hung)
            .await
            .is_err(),
        &true,
    )?;
    same(
        &sandbox.probe("sidecar-db", process, &hanging).await.is_err(),
        &true,
    )?;
    let ended = said(run(sandbox.as_mut(), "step-s0", &job.steps[0].process).await)?;
    same(&ended.output.starts_with("hello\n"), &true)?;
    sandbox.destroy().await?;
    same(&left(&address, &job)?, &Vec::new())
}

/// What a port says to whoever connects, as soon as somebody listens.
async fn greeting(sandbox: &dyn Sandbox, port: u16) -> Result<[u8; 6], Failed> {
    let answer = async {
        loop {
            if let Ok(mut connection) = sandbox.connect(port).await {
                let mut said = [0; 6];
                if connection.read_exact(&mut said).await.is_ok() {
                    return said;
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let answer = tokio::time::timeout(Duration::from_secs(20), answer).await;
    answer.map_err(|_| "nobody answered".into())
}

async fn a_read_only_root_refuses_writes(address: Address) -> Outcome {
    let mut process = shell("touch /made 2> /dev/null || echo refused; touch /workspace/made && echo made");
    process.security.read_only_root = true;
    let ended = said(run_job(&engine(&address), &job("read-only", vec![process])).await)?;
    same(&ended, &vec![Ended::new(0, "refused\nmade\n")])
}

/// No figure is asserted: machines differ, and so do moments.
#[expect(clippy::print_stdout, reason = "the figures are what the test is run for")]
async fn the_cost_of_a_step_is_printed(address: Address) -> Outcome {
    const ROUNDS: u32 = 10;
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        address.run(&[
            "run",
            "--rm",
            "--network=none",
            "--init",
            "localhost/busybox",
            "true",
        ])?;
    }
    let by_podman = begun.elapsed() / ROUNDS;
    let engine = engine(&address);
    let process = shell("true");
    let job = job("cost", vec![process.clone()]);
    let (mut prepare, mut start, mut end, mut destroy) =
        <(Duration, Duration, Duration, Duration)>::default();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let mut sandbox = said(engine.prepare(&job).await)?;
        prepare += begun.elapsed();
        let begun = Instant::now();
        let (chunks, _output) = mpsc::channel(16);
        let mut running = said(sandbox.start(launch("step-s0", &process, chunks)).await)?;
        start += begun.elapsed();
        let begun = Instant::now();
        running.wait().await?;
        end += begun.elapsed();
        let begun = Instant::now();
        sandbox.destroy().await?;
        destroy += begun.elapsed();
    }
    let millis = |total: Duration| total.as_secs_f64() * 1000.0 / f64::from(ROUNDS);
    println!(
        "podman run: {:.0} ms; a step: {:.0} ms to start, {:.0} ms from there to its end and results; \
         an attempt: {:.0} ms to prepare, {:.0} ms to remove",
        by_podman.as_secs_f64() * 1000.0,
        millis(start),
        millis(end),
        millis(prepare),
        millis(destroy)
    );
    same(&left(&address, &job)?, &Vec::new())
}
