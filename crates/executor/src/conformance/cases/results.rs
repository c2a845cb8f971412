//! Result files.

use crate::conformance::bench::Bench;
use crate::conformance::bench::Claim;
use crate::conformance::bench::either;
use crate::conformance::bench::ensure;
use crate::conformance::bench::equal;
use crate::conformance::bench::script;
use crate::observation::AttemptEnd;
use crate::observation::StepEnd;

super::cases! {
    "results are read after each step, byte for byte" Nothing read,
    "results of a failed step are kept" Nothing failed,
    "a step reads and replaces results of earlier ones" Shell replaced,
    "a result of one megabyte is kept" Shell large,
    "results beyond the strict limit end the attempt" Nothing strict,
    "a link is no result" Shell link,
    "a directory or a pipe is no result" Shell odd_files,
    "artifact provenance is read" Shell artifacts,
    "files of the port stay below /tekton" Nothing port,
}

async fn read(bench: Bench) -> Claim {
    let fake = [("FAKE_RESULT_one", "1\n"), ("FAKE_STEP_RESULT_mine", "x")];
    let text = "printf '1\\n' > /tekton/results/one; printf x > /tekton/steps/step-a/results/mine";
    let mut step = either("a", text, &fake);
    step.results = vec!["mine".into(), "missing".into()];
    let ran = bench.steps(vec![step]).await;
    ran.succeeded()?;
    let report = &ran.reports[0];
    equal(
        "task results",
        &report.task_results,
        &[("one".into(), "1\n".into())].into(),
    )?;
    equal(
        "step results",
        &report.results,
        &[("mine".into(), "x".into())].into(),
    )
}

async fn failed(bench: Bench) -> Claim {
    let fake = [("FAKE_RESULT_one", "kept"), ("FAKE_EXIT_CODE", "1")];
    let ran = bench
        .steps(vec![either(
            "a",
            "printf kept > /tekton/results/one; exit 1",
            &fake,
        )])
        .await;
    equal("ends", &ran.ends(), &vec![StepEnd::Exited(1)])?;
    equal("result", &ran.result("one"), &Some("kept"))
}

async fn replaced(bench: Bench) -> Claim {
    let ran = bench
        .steps(vec![
            script("a", "printf 1 > /tekton/results/one"),
            script(
                "b",
                "cat /tekton/results/one; printf 2 > /tekton/results/one; printf 3 > /tekton/results/other",
            ),
            script("c", "rm /tekton/results/one"),
        ])
        .await;
    ran.printed("step-b", "1")?;
    let seen: Vec<_> = ran
        .reports
        .iter()
        .map(|report| report.task_results.get("one").map(String::as_str))
        .collect();
    equal("values after each step", &seen, &vec![Some("1"), Some("2"), None])
}

async fn large(bench: Bench) -> Claim {
    let ran = bench
        .steps(vec![script(
            "a",
            "head -c 1048576 /dev/zero | tr '\\0' x > /tekton/results/one",
        )])
        .await;
    ran.succeeded()?;
    let result = ran.result("one").unwrap_or_default();
    equal("size", &result.len(), &1_048_576)?;
    ensure(result.bytes().all(|byte| byte == b'x'), || {
        "the content is not what was written".into()
    })
}

async fn strict(bench: Bench) -> Claim {
    let value = "x".repeat(5000);
    let text = format!("printf {value} > /tekton/results/one");
    let mut job = bench.job(vec![
        either("a", &text, &[("FAKE_RESULT_one", &value)]),
        script("b", "true"),
    ]);
    job.max_result_bytes = Some(4096);
    let ran = bench.run(&job).await;
    equal("ends", &ran.ends(), &vec![StepEnd::Exited(1), StepEnd::Skipped])?;
    ensure(
        matches!(ran.end(), Some(AttemptEnd::ResultTooLarge { bytes: 5001.., .. })),
        || format!("{:?}", ran.end()),
    )
}

async fn link(bench: Bench) -> Claim {
    let text = "ln -s /etc/passwd /tekton/results/one\n\
                mkdir /tekton/elsewhere && printf stolen > /tekton/elsewhere/mine\n\
                rm -rf /tekton/steps/step-a/results && ln -s /tekton/elsewhere /tekton/steps/step-a/results";
    let mut step = script("a", text);
    step.results = vec!["mine".into()];
    let ran = bench.steps(vec![step]).await;
    let report = ran.reports.first().ok_or("no report")?;
    ensure(report.task_results.is_empty(), || {
        format!("followed a link: {:?}", report.task_results)
    })?;
    ensure(report.results.is_empty(), || {
        format!("followed a link to a directory: {:?}", report.results)
    })
}

async fn odd_files(bench: Bench) -> Claim {
    let ran = bench
        .steps(vec![script(
            "a",
            "mkdir /tekton/results/one; mkfifo /tekton/results/two",
        )])
        .await;
    ran.succeeded()?;
    ensure(ran.reports[0].task_results.is_empty(), || {
        format!("{:?}", ran.reports[0].task_results)
    })
}

async fn artifacts(bench: Bench) -> Claim {
    let text = "printf '{}' > /tekton/artifacts/provenance.json\n\
                printf '{ }' > /tekton/steps/step-a/artifacts/provenance.json";
    let ran = bench.steps(vec![script("a", text)]).await;
    ran.succeeded()?;
    equal("task", &ran.reports[0].task_artifacts.as_deref(), &Some("{}"))?;
    equal("step", &ran.reports[0].artifacts.as_deref(), &Some("{ }"))
}

async fn port(bench: Bench) -> Claim {
    let job = bench.job(vec![script("a", "true")]);
    let mut sandbox = bench
        .backend
        .prepare(&job)
        .await
        .map_err(|failure| format!("{failure:?}"))?;
    let wrong = |error: std::io::Error| error.to_string();
    for path in [
        "/etc/hostname",
        "/tekton/../etc/hostname",
        "tekton/results/one",
        "/",
    ] {
        let read = sandbox.read(path.as_ref(), 10);
        ensure(read.is_err(), || format!("reads {path}"))?;
        ensure(sandbox.write(path.as_ref(), b"x").is_err(), || {
            format!("writes {path}")
        })?;
    }
    let path = "/tekton/run/0/deep/er".as_ref();
    equal("a missing file", &sandbox.read(path, 10).map_err(wrong)?, &None)?;
    sandbox.write(path, b"first").map_err(wrong)?;
    sandbox.write(path, b"2nd").map_err(wrong)?;
    equal(
        "a file",
        &sandbox.read(path, 3).map_err(wrong)?,
        &Some(b"2nd".to_vec()),
    )?;
    let kind = sandbox.read(path, 2).map_err(|error| error.kind()).err();
    equal("a larger file", &kind, &Some(std::io::ErrorKind::FileTooLarge))?;
    sandbox.destroy().await.map_err(wrong)?;
    sandbox.destroy().await.map_err(wrong)
}
