//! Logs and copies of output.

use crate::conformance::bench::Bench;
use crate::conformance::bench::Claim;
use crate::conformance::bench::either;
use crate::conformance::bench::ensure;
use crate::conformance::bench::equal;
use crate::conformance::bench::script;
use crate::job::Secret;

super::cases! {
    "both streams reach the log, and it is closed" Nothing streams,
    "output is kept byte for byte" Shell binary,
    "a flood passes in bounded pieces" Nothing flood,
    "secrets are covered" Nothing masks,
    "standard output is copied to a file" Shell tee,
    "both streams may be copied to one file" Shell tee_both,
    "a copy may be a result" Shell tee_result,
}

async fn streams(bench: Bench) -> Claim {
    let fake = [("FAKE_OUTPUT", "out\n"), ("FAKE_ERROR_OUTPUT", "err\n")];
    let ran = bench
        .steps(vec![either("a", "echo out; echo err >&2", &fake)])
        .await;
    ran.succeeded()?;
    let mut lines: Vec<String> = ran.log("step-a").lines().map(str::to_owned).collect();
    lines.sort();
    equal("lines", &lines, &vec!["err".into(), "out".into()])?;
    equal(
        "closed",
        &ran.logs.get("step-a").is_some_and(|log| log.closed),
        &true,
    )
}

async fn binary(bench: Bench) -> Claim {
    let ran = bench
        .steps(vec![script("a", r"printf '\377\000\001 no newline'")])
        .await;
    ran.succeeded()?;
    let bytes = ran
        .logs
        .get("step-a")
        .map(|log| log.bytes.clone())
        .unwrap_or_default();
    equal("log", &bytes, &b"\xff\x00\x01 no newline".to_vec())
}

async fn flood(bench: Bench) -> Claim {
    const SIZE: usize = 64 * 1024 * 1024;
    let ran = bench
        .steps(vec![either(
            "a",
            &format!("yes | head -c {SIZE}"),
            &[("FAKE_FLOOD", &SIZE.to_string())],
        )])
        .await;
    ran.succeeded()?;
    let log = ran.logs.get("step-a").ok_or("no log")?;
    equal("size", &log.size, &SIZE)?;
    ensure(log.largest_chunk <= 64 * 1024, || {
        format!("a chunk of {} bytes", log.largest_chunk)
    })
}

async fn masks(bench: Bench) -> Claim {
    let fake = [("FAKE_OUTPUT", "the hunter2! word\n")];
    let mut job = bench.job(vec![either("a", "echo 'the hunter2! word'", &fake)]);
    job.masks = vec![Secret::new("hunter2!")];
    bench.run(&job).await.printed("step-a", "the *** word\n")
}

async fn tee(bench: Bench) -> Claim {
    let mut step = script("a", "echo out; echo err >&2");
    step.stdout_path = Some("/workspace/deep/er/out".into());
    step.stderr_path = Some("/workspace/deep/er/err".into());
    let read = "cat /workspace/deep/er/out /workspace/deep/er/err";
    let ran = bench.steps(vec![step, script("b", read)]).await;
    ran.printed("step-b", "out\nerr\n")?;
    equal("size of the log", &ran.log("step-a").len(), &8)
}

async fn tee_both(bench: Bench) -> Claim {
    let mut steps: Vec<_> = ["a", "b"]
        .map(|name| script(name, &format!("echo {name}; echo {name} >&2")))
        .to_vec();
    for step in &mut steps {
        step.stdout_path = Some("/workspace/both".into());
        step.stderr_path = Some("/workspace/both".into());
    }
    steps.push(script("c", "cat /workspace/both"));
    bench.steps(steps).await.printed("step-c", "a\na\nb\nb\n")
}

async fn tee_result(bench: Bench) -> Claim {
    let mut step = script("a", "head -c 300000 /dev/zero | tr '\\0' x");
    step.stdout_path = Some("/tekton/results/one".into());
    let ran = bench.steps(vec![step]).await;
    ran.succeeded()?;
    equal(
        "size of the result",
        &ran.result("one").map(str::len),
        &Some(300_000),
    )
}
