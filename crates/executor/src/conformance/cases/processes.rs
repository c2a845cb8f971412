//! Process trees: what is started is also gone.

use std::path::Path;
use std::time::Duration;

use crate::conformance::bench::Bench;
use crate::conformance::bench::Claim;
use crate::conformance::bench::command;
use crate::conformance::bench::ensure;
use crate::conformance::bench::equal;
use crate::conformance::bench::script;
use crate::observation::StepEnd;

super::cases! {
    "a background process does not hold up the next step" Shell background,
    "a double fork is gone after its step" LocalProcesses double_fork,
    "standard input is empty" Shell empty_input,
    "a missing command fails its step with a word in the log" Shell missing_command,
    "the environment of the plane stays out" Shell environment,
    "many attempts at once do not mix" Shell many,
    "no descriptor leaks" LocalProcesses descriptors,
    "a process gets the user it asks for" Users user,
}

async fn background(bench: Bench) -> Claim {
    let run = bench.steps(vec![
        script("a", "sleep 1000 & echo started"),
        script("b", "echo next"),
    ]);
    let ran = tokio::time::timeout(Duration::from_secs(10), run)
        .await
        .map_err(|_| "the step never ended")?;
    ran.printed("step-a", "started\n")?;
    ran.printed("step-b", "next\n")
}

async fn double_fork(bench: Bench) -> Claim {
    // The duration is the mark by which the process is found again.
    let mark = format!("98765{}", std::process::id());
    let text = format!("(setsid sh -c 'sleep {mark} & sleep {mark}' > /dev/null 2>&1 &)\necho started");
    bench
        .steps(vec![script("a", &text)])
        .await
        .printed("step-a", "started\n")?;
    let left = processes_with(&mark);
    ensure(left == 0, || format!("{left} processes are left"))
}

pub(super) fn processes_with(mark: &str) -> usize {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return 0;
    };
    entries
        .filter_map(Result::ok)
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .filter(|line| line.split(|byte| *byte == 0).any(|word| word == mark.as_bytes()))
        .count()
}

async fn empty_input(bench: Bench) -> Claim {
    bench
        .steps(vec![script("a", "cat; echo end")])
        .await
        .printed("step-a", "end\n")
}

async fn missing_command(bench: Bench) -> Claim {
    let ran = bench
        .steps(vec![
            command("a", &["no-such-command-anywhere"]),
            script("b", "true"),
        ])
        .await;
    let ends = ran.ends();
    ensure(
        matches!(ends[..], [StepEnd::Exited(code), StepEnd::Skipped] if code != 0),
        || format!("{ran:?}"),
    )?;
    ensure(ran.log("step-a").contains("no-such-command-anywhere"), || {
        format!("log says {:?}", ran.log("step-a"))
    })
}

async fn environment(bench: Bench) -> Claim {
    /// Names that a step may well have with the machine's value.
    const USUAL: [&str; 12] = [
        "PATH", "HOME", "PWD", "SHLVL", "_", "TERM", "LANG", "HOSTNAME", "USER", "LOGNAME", "SHELL", "TZ",
    ];
    let ran = bench.steps(vec![command("a", &["env"])]).await;
    ran.succeeded()?;
    let log = ran.log("step-a");
    for (name, value) in std::env::vars().filter(|(name, _)| !USUAL.contains(&name.as_str())) {
        let line = format!("{name}={value}");
        ensure(!log.lines().any(|printed| printed == line), || {
            format!("{name} came through")
        })?;
    }
    Ok(())
}

async fn many(bench: Bench) -> Claim {
    let runs = (0..50).map(|number| {
        let text = format!(
            "echo {number} > /workspace/mine; printf {number} > /tekton/results/one; cat /workspace/mine"
        );
        let bench = &bench;
        async move { (number, bench.steps(vec![script("a", &text)]).await) }
    });
    for (number, ran) in futures::future::join_all(runs).await {
        ran.printed("step-a", &format!("{number}\n"))?;
        equal("result", &ran.result("one"), &Some(number.to_string().as_str()))?;
    }
    Ok(())
}

/// Pause between two looks at something that is to come about.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Looks before it counts as not coming about: half a minute, for a machine that is busy with other tests.
const PATIENCE: usize = 600;

async fn descriptors(bench: Bench) -> Claim {
    let open = || std::fs::read_dir(Path::new("/proc/self/fd")).map_or(0, Iterator::count);
    // The first attempts may open what the backend keeps; other tests of this process may hold a few as well.
    for _ in 0..4 {
        bench.steps(vec![script("a", "true")]).await.succeeded()?;
    }
    let before = open();
    for _ in 0..40 {
        bench
            .steps(vec![script("a", "true"), script("b", "true")])
            .await
            .succeeded()?;
    }
    // A backend may keep some for the next sandbox, but not for long.
    let mut after = open();
    for _ in 0..PATIENCE {
        if after < before + 20 {
            break;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
        after = open();
    }
    ensure(after < before + 20, || {
        format!("{before} descriptors were open, now {after}")
    })
}

async fn user(bench: Bench) -> Claim {
    let mut step = script("a", "id -u; id -g; touch /workspace/mine");
    step.process.security.user = Some(65_533);
    step.process.security.group = Some(65_532);
    bench.steps(vec![step]).await.printed("step-a", "65533\n65532\n")
}
